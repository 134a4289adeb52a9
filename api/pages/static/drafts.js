// Edits of a draft without leaving the page: a changed cell is saved at once, and the draft is examined anew.
"use strict";
(() => {
  const reports = document.getElementById("reports");
  const editor = document.getElementById("editor");
  if (!reports) return;
  const { draft, lang, examining, saved, notSaved } = reports.dataset;
  let run = 0;

  async function examine() {
    const mine = ++run;
    await Promise.all([...reports.querySelectorAll(".report")].map(async (place) => {
      place.textContent = examining;
      try {
        const answer = await fetch(`/drafts/${draft}/${place.dataset.part}?lang=${lang}`, { headers: { Accept: "text/html" } });
        const text = await answer.text();
        if (mine !== run) return;
        if (answer.ok) place.innerHTML = text;
        else place.textContent = `${answer.status}`;
      } catch (error) {
        if (mine === run) place.textContent = String(error);
      }
    }));
  }

  async function save(form) {
    const said = form.querySelector(".said");
    const body = new URLSearchParams(new FormData(form));
    body.set("by", editor.value);
    const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" } });
    const told = await answer.json();
    if (answer.ok) {
      said.textContent = saved;
      form.classList.remove("wrong");
      examine();
    } else {
      const why = (told.problems || []).map((problem) => problem.message).join("; ") || told.detail;
      said.textContent = `${notSaved}: ${why}`;
      form.classList.add("wrong");
    }
  }

  for (const form of document.querySelectorAll("form.cell")) {
    form.addEventListener("submit", (event) => { event.preventDefault(); save(form); });
    form.elements.value.addEventListener("change", () => save(form));
  }
  document.getElementById("examine").addEventListener("click", (event) => { event.preventDefault(); examine(); });
})();
