// Sliders on the known numbers: what is told at each place was worked out by the engine and stands in the page; here it is only looked up.
"use strict";
document.documentElement.classList.add("scripted");
const slides = [...document.querySelectorAll(".slide")];
const there = [...document.querySelectorAll(".told-there [data-outcome]")];

// The value of a slider: in its steps, or the case's own where it stands within one of it.
function valueOf(slide) {
  const at = Number(slide.querySelector("input").value), own = Number(slide.dataset.value), step = Number(slide.dataset.step);
  if (Math.abs(at - own) < step / 2) return own;
  const digits = Math.max(0, Math.round(-Math.log10(step))), input = slide.querySelector("input");
  return Math.min(Number(input.max), Math.max(Number(input.min), Number((Math.round(at / step) * step).toFixed(digits))));
}

function holds(part, value) {
  const { low, high, holds: ends } = part.dataset;
  const above = low === "" || value > Number(low) || (ends.includes("low") && value === Number(low));
  return above && (high === "" || value < Number(high) || (ends.includes("high") && value === Number(high)));
}

function show(slide) {
  const value = valueOf(slide), own = value === Number(slide.dataset.value);
  const parts = [...slide.querySelectorAll(".parts li")], part = parts.find((one) => holds(one, value));
  parts.forEach((one) => (one === part ? one.setAttribute("aria-current", "true") : one.removeAttribute("aria-current")));
  const said = own ? slide.dataset.value : value;
  slide.querySelector("output").textContent = said + slide.dataset.unit;
  slide.querySelector("input").setAttribute("aria-valuetext", said + slide.dataset.unit);
  const enter = slide.querySelector(".moved a"), to = new URL(document.querySelector("a.back").href);
  const along = Object.entries(part ? JSON.parse(part.dataset.along) : {});
  to.searchParams.set(slide.dataset.fact, value);
  for (const [name, follows] of along) to.searchParams.set(name, follows);
  enter.href = to.pathname + to.search;
  enter.hidden = own || !part || part.dataset.outcome === "" || along.some(([, follows]) => follows === null);
  return part;
}

function moved(slide) {
  for (const other of slides) if (other !== slide) { other.querySelector("input").value = other.dataset.value; show(other); }
  const part = show(slide);
  for (const told of there) told.hidden = told.dataset.outcome !== (part ? part.dataset.outcome : "");
}

for (const slide of slides) { show(slide); slide.addEventListener("input", () => moved(slide)); }
