// Sliders on the known numbers: what is told at each place was worked out by the engine and stands in the page; here it is only looked up.
"use strict";
document.documentElement.classList.add("scripted");
const slides = [...document.querySelectorAll(".slide")];
const there = [...document.querySelectorAll(".told-there [data-outcome]")];

function holds(part, value) {
  const { low, high, holds: ends } = part.dataset;
  const above = low === "" || value > Number(low) || (ends.includes("low") && value === Number(low));
  return above && (high === "" || value < Number(high) || (ends.includes("high") && value === Number(high)));
}

function show(slide) {
  const input = slide.querySelector("input"), value = Number(input.value), own = value === Number(slide.dataset.value);
  const parts = [...slide.querySelectorAll(".parts li")], part = parts.find((one) => holds(one, value));
  parts.forEach((one) => (one === part ? one.setAttribute("aria-current", "true") : one.removeAttribute("aria-current")));
  const said = slide.querySelector("output"), unit = said.dataset.unit ?? (said.dataset.unit = said.textContent.replace(/^[\d.,\s]+/, ""));
  said.textContent = `${Number(input.value)}${/^[°%]/.test(unit) ? "" : " "}${unit}`;
  const enter = slide.querySelector(".moved a"), to = new URL(enter.href);
  to.searchParams.set(slide.dataset.fact, Number(input.value));
  for (const [name, follows] of Object.entries(part ? JSON.parse(part.dataset.along) : {})) to.searchParams.set(name, follows);
  enter.href = to.pathname + to.search;
  enter.hidden = own || !part || part.dataset.outcome === "";
  return part;
}

function moved(slide) {
  for (const other of slides) if (other !== slide) { other.querySelector("input").value = other.dataset.value; show(other); }
  const part = show(slide);
  for (const told of there) told.hidden = told.dataset.outcome !== (part ? part.dataset.outcome : "");
}

for (const slide of slides) { show(slide); slide.addEventListener("input", () => moved(slide)); }
