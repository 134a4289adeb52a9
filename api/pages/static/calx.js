// Follows the form: asks the server for the advice after each change, and opens proofs step by step. Without it the page works by its buttons.
"use strict";
document.documentElement.classList.add("scripted");
const form = document.getElementById("lesion");
const advice = document.getElementById("advice");

function entered() {
  const facts = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (value.trim() || name === "lang") facts.append(name, value.trim());
  return facts;
}

let asking = null;
async function follow() {
  if (asking) asking.abort();
  asking = new AbortController();
  const facts = entered();
  try {
    const reply = await fetch("/advice?" + facts, { signal: asking.signal, headers: { Accept: "text/html" } });
    if (!reply.ok) throw new Error(reply.statusText);
    show(await reply.text());
    history.replaceState(null, "", "/?" + facts);
    tellLanguage(facts);
  } catch (error) {
    if (error.name !== "AbortError") form.submit();
  }
}

function show(text) {
  const open = document.getElementById("proof")?.open;
  const part = new DOMParser().parseFromString(text, "text/html");
  for (const name of ["drawing", "open"]) document.getElementById(name).replaceWith(part.getElementById(name));
  advice.replaceChildren(...part.body.childNodes);
  advice.removeAttribute("aria-busy");
  if (open && document.getElementById("proof")) document.getElementById("proof").open = true;
  mark();
}

// Fields that are wrong, how much of each group is filled, and the bar at the foot of small screens.
function mark() {
  if (!form) return;
  form.querySelectorAll("[aria-invalid]").forEach((field) => field.removeAttribute("aria-invalid"));
  advice.querySelectorAll(".problems [data-fact]").forEach((problem) => {
    document.querySelectorAll(`#f-${problem.dataset.fact} :is(input:not([type=radio]), select)`).forEach((field) => field.setAttribute("aria-invalid", "true"));
  });
  form.querySelectorAll(".group").forEach((group) => {
    const filled = [...group.querySelectorAll("input, select")].filter((field) => (field.type === "radio" ? field.checked && field.value : field.value.trim()));
    group.querySelector("[data-count]").textContent = filled.length || "";
  });
  const answer = advice.querySelector(".answer"), bar = document.getElementById("summary");
  bar.hidden = !answer;
  if (answer) {
    const warned = Number(answer.dataset.alerts) ? "⚠ " : Number(answer.dataset.open) ? "⚠? " : "";
    bar.textContent = `${warned}${answer.dataset.lead}${answer.dataset.standing ? ` (${answer.dataset.standing})` : ""} ↓`;
  }
}

function tellLanguage(facts) {
  for (const link of document.querySelectorAll("a.language")) {
    const to = new URLSearchParams(facts);
    to.set("lang", new URL(link.href).searchParams.get("lang"));
    link.href = "/?" + to;
  }
}

if (form) {
  let pause = 0;
  form.addEventListener("input", (event) => {
    clearTimeout(pause);
    advice.setAttribute("aria-busy", "true"); // what stands there is no longer the answer to what is entered
    pause = setTimeout(follow, event.target.matches("input:not([type=radio])") ? 250 : 0);
  });
  form.addEventListener("submit", (event) => { event.preventDefault(); follow(); });
  mark();
}

// A fact that is asked for: open its group, go there.
document.addEventListener("click", (event) => {
  const link = event.target.closest('a[href^="#f-"]');
  if (!link) return;
  const field = document.querySelector(link.getAttribute("href"));
  if (!field) return;
  event.preventDefault();
  field.closest("details").open = true;
  document.querySelectorAll(".asked").forEach((old) => old.classList.remove("asked"));
  field.classList.add("asked");
  field.scrollIntoView({ block: "center" });
  (field.querySelector("input:checked") || field.querySelector("input, select")).focus({ preventScroll: true });
});

// Why? opens the steps of a conclusion; each premise leads one step deeper.
const why = document.getElementById("why");
if (why) {
  const trail = [], content = why.querySelector("[data-content]"), back = why.querySelector("[data-back]");
  const draw = () => {
    const rules = trail[trail.length - 1];
    const list = document.createElement("ol");
    list.className = "steps";
    document.querySelectorAll("#proof .step").forEach((step) => {
      if (!rules.includes(step.dataset.rule)) return;
      const copy = step.cloneNode(true);
      copy.removeAttribute("id");
      list.append(copy);
    });
    content.replaceChildren(list);
    back.hidden = trail.length < 2;
    why.scrollTop = 0;
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-steps]");
    if (!link || (link.closest("#proof") && !link.closest("dialog"))) return;
    event.preventDefault();
    if (!why.open) { trail.length = 0; why.showModal(); }
    trail.push(link.dataset.steps.split(" "));
    draw();
  });
  back.addEventListener("click", () => { trail.pop(); draw(); });
  why.querySelector("[data-close]").addEventListener("click", () => why.close());
  why.addEventListener("click", (event) => { if (event.target === why) why.close(); });
}

function openToAnchor() {
  const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target) target.closest("details")?.setAttribute("open", "");
}
window.addEventListener("hashchange", openToAnchor);
openToAnchor();
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-print]")) window.print(); // the proof is printed where it is open
});
