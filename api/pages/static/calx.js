// Follows the form: asks the server for the advice after each change, and opens arguments step by step. Without it the page works by its buttons.
"use strict";
document.documentElement.classList.add("scripted");
const form = document.getElementById("lesion");
const advice = document.getElementById("advice");
const byId = (id) => document.getElementById(id);

function entered() {
  const facts = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (value.trim()) facts.append(name, value.trim());
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
    byId("not-updated").hidden = true;
  } catch (error) {
    if (error.name !== "AbortError") byId("not-updated").hidden = false; // what stands there stays, marked
  }
}

function show(text) {
  const inside = advice.contains(document.activeElement);
  const part = new DOMParser().parseFromString(text, "text/html");
  const wrong = part.querySelector(".problems"), before = advice.querySelector(".answer"), bar = byId("bar");
  if (wrong && before) {
    // a slip takes away no advice: what was said before stays below, and says that it is from before
    const stale = Object.assign(document.createElement("p"), { className: "stale", textContent: advice.dataset.stale });
    part.body.append(stale, before);
    part.getElementById("bar").classList.toggle("critical", bar.classList.contains("critical"));
    part.getElementById("bar").append(...bar.querySelectorAll("strong:not(.wrong-entry), span"));
  }
  if (wrong) part.getElementById("drawing").remove(); else byId("drawing").replaceWith(part.getElementById("drawing"));
  bar.replaceWith(part.getElementById("bar"));
  advice.replaceChildren(...part.body.childNodes);
  advice.removeAttribute("aria-busy");
  if (inside) (byId("ask") || advice).focus({ preventScroll: true });
  tellFields();
  tellBar();
}

// What the answer says of the form: which facts are asked for first, later or not at all, what each comes to, and what is wrong.
function tellFields() {
  const told = advice.querySelector("[data-places]:not(.answer)") || advice.querySelector(".answer");
  const wrong = {};
  advice.querySelectorAll(".problems [data-wrong]").forEach((problem) => (wrong[problem.dataset.wrong] = problem.textContent));
  form.querySelectorAll(".field").forEach((field) => {
    const fault = wrong[field.id.slice(2)] || "";
    field.querySelector(".wrong").textContent = fault;
    field.querySelectorAll("input:not([type=radio]), select").forEach((input) => (fault ? input.setAttribute("aria-invalid", "true") : input.removeAttribute("aria-invalid")));
  });
  if (!told) return;
  const echoes = JSON.parse(told.dataset.echoes);
  for (const pair of told.dataset.places.split(",")) {
    const [name, at] = pair.split("="), field = byId("f-" + name);
    if (field.dataset.at !== at) field.dataset.at = at;
    const echo = field.querySelector(".echo"), comes = echoes[name] || "";
    if (echo.textContent !== comes) echo.textContent = comes;
  }
  form.querySelectorAll(".group").forEach((group) => {
    const later = group.querySelectorAll("[data-at=later]").length, note = group.querySelector("[data-later]");
    const more = later ? `+ ${later} ${note.dataset.later}` : "";
    if (note.textContent !== more) note.textContent = more;
    group.hidden = !later && !group.querySelector("[data-at=first]");
  });
}

function tellLanguage(facts) {
  for (const link of document.querySelectorAll("a.language")) {
    const to = new URLSearchParams(facts);
    to.set("lang", new URL(link.href).searchParams.get("lang"));
    link.href = "/?" + to;
  }
}

// On a phone the bar opens the answer over the facts, and closes it.
function tellBar() {
  const bar = byId("bar"), open = byId("results").classList.contains("open");
  bar.setAttribute("role", "button");
  bar.setAttribute("aria-expanded", open);
  bar.setAttribute("aria-controls", "results");
}
function openAnswer(open) {
  byId("results").classList.toggle("open", open);
  document.body.classList.toggle("answer-open", open);
  tellBar();
  if (open) { byId("results").scrollTop = 0; advice.focus({ preventScroll: true }); } else byId("bar").focus({ preventScroll: true });
}

function setFact(name, value) {
  const radio = form.querySelector(`#f-${name} input[type=radio][value="${value}"]`);
  if (radio) radio.checked = true;
  else form.elements[name].value = value;
  follow();
}

if (form) {
  let pause = 0;
  form.addEventListener("input", (event) => {
    if (event.target.matches(".all")) return;
    clearTimeout(pause);
    advice.setAttribute("aria-busy", "true"); // what stands there is no longer the answer to what is entered
    pause = setTimeout(follow, event.target.matches("input:not([type=radio])") ? 200 : 0);
  });
  form.addEventListener("submit", (event) => { event.preventDefault(); follow(); });
  advice.addEventListener("change", (event) => { if (event.target.dataset.for) setFact(event.target.dataset.for, event.target.value); });
  advice.addEventListener("keydown", (event) => { if (event.key === "Enter" && event.target.dataset.for) event.target.blur(); });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !byId("why").open && byId("results").classList.contains("open")) openAnswer(false);
    if (event.key === " " && event.target.id === "bar") { event.preventDefault(); event.target.click(); }
  });
  tellBar();
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a, button");
  if (!link) return;
  if (link.dataset.fact && form) { event.preventDefault(); setFact(link.dataset.fact, link.dataset.value); return; }
  if (link.id === "bar") { event.preventDefault(); openAnswer(link.getAttribute("aria-expanded") !== "true"); return; }
  if ("print" in link.dataset) { window.print(); return; }
  // a fact that is asked for: go there, wherever it is folded away
  const field = form && link.matches('a[href^="#f-"]') && document.querySelector(link.getAttribute("href"));
  if (!field) return;
  event.preventDefault();
  goTo(field);
});

function goTo(field) {
  if (byId("results")?.classList.contains("open")) openAnswer(false);
  if (field.dataset.at !== "first") { field.dataset.at = "later"; field.closest(".group").querySelector(".all").checked = true; }
  document.querySelectorAll(".asked").forEach((old) => old.classList.remove("asked"));
  field.classList.add("asked");
  field.scrollIntoView({ block: "center" });
  (field.querySelector("input:checked") || field.querySelector("input, select")).focus({ preventScroll: true });
}

// Why? opens the argument for a conclusion; each premise leads one step deeper.
const why = byId("why");
if (why) {
  let shown = ""; // the facts of the answer that is being explained, which may be older than those entered
  const trail = [], content = why.querySelector("[data-content]"), back = why.querySelector("[data-back]");
  const kept = (rules) => {
    const list = document.createElement("ol");
    list.className = "steps";
    document.querySelectorAll("#proof .step").forEach((step) => {
      if (!rules.includes(step.dataset.rule)) return;
      const copy = step.cloneNode(true);
      copy.removeAttribute("id");
      list.append(copy);
    });
    return [list];
  };
  const told = async (rules) => {
    const facts = new URLSearchParams(shown);
    facts.set("rules", rules.join(" "));
    const reply = await fetch("/why?" + facts, { headers: { Accept: "text/html" } });
    if (!reply.ok) throw new Error(reply.statusText);
    return [...new DOMParser().parseFromString(await reply.text(), "text/html").body.childNodes];
  };
  const draw = async () => {
    const rules = trail[trail.length - 1];
    content.replaceChildren(...(byId("proof") ? kept(rules) : await told(rules)));
    back.hidden = trail.length < 2;
    why.scrollTop = 0;
  };
  document.addEventListener("click", async (event) => {
    const link = event.target.closest("a[data-steps]");
    if (!link || (link.closest("#proof") && !link.closest("dialog"))) return;
    event.preventDefault();
    if (!why.open) { trail.length = 0; shown = link.search; }
    trail.push(link.dataset.steps.split(" "));
    try {
      await draw();
      if (!why.open) why.showModal();
    } catch {
      trail.pop();
      if (byId("not-updated")) byId("not-updated").hidden = false;
    }
  });
  back.addEventListener("click", () => { trail.pop(); draw(); });
  why.querySelector("[data-close]").addEventListener("click", () => why.close());
  why.addEventListener("click", (event) => { if (event.target === why) why.close(); });
}

function openToAnchor() {
  const target = location.hash.length > 1 ? byId(decodeURIComponent(location.hash.slice(1))) : null;
  if (form && target?.matches(".field")) goTo(target);
  else if (target) { target.closest("details")?.setAttribute("open", ""); target.scrollIntoView(); }
}
window.addEventListener("hashchange", openToAnchor);
openToAnchor();
