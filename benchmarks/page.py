"""``python -m benchmarks.page``: what the page costs the server, beside an empty endpoint, and how
long a finger waits on a slow phone until the new advice is painted, beside an empty change.

The phone is Chromium with a processor slowed to a quarter (`Emulation.setCPUThrottlingRate`); the
network is this machine's own.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import httpx
from playwright.sync_api import Page, sync_playwright
from rich.console import Console
from rich.table import Table

from tests.api.pages.test_page import CHROMIUM, FLAGS
from tests.api.running import Running, serving

ROUNDS, TAPS, SLOWER = 200, 12, 4
LESION = (
    "max_superficial_arc_deg={arc}&vessel_diameter_mm=3.2&residual_thin_plaque=true"
    "&reference_vessel_diameter_mm=3&stage=before_preparation&target_vessel=lad"
)
PAINTED = """(change) => new Promise((done) => {
  const advice = document.getElementById("advice"), started = performance.now();
  const watch = new MutationObserver(() => {
    if (advice.hasAttribute("aria-busy")) return;
    watch.disconnect();
    requestAnimationFrame(() => setTimeout(() => done(performance.now() - started)));
  });
  watch.observe(advice, { attributes: true, childList: true });
  if (change === null) {
    advice.setAttribute("aria-busy", "true");
    advice.removeAttribute("aria-busy");
  } else {
    const radio = document.querySelector(change);
    radio.checked = true;
    radio.dispatchEvent(new Event("input", { bubbles: true }));
  }
})"""
"""Milliseconds from a change of the form to the frame that shows its advice."""


def served(running: Running) -> dict[str, list[float]]:
    """Milliseconds a request; every round asks for each, so that noise meets them alike."""
    paths = {"empty endpoint": "/health", "page": "/?", "advice alone": "/advice?"}
    found: dict[str, list[float]] = {name: [] for name in paths}
    with httpx.Client(base_url=running.url, trust_env=False, headers={"Accept": "*/*"}) as client:
        for number in range(ROUNDS):
            for name, path in paths.items():
                facts = LESION.format(arc=200 + number % 160) if path.endswith("?") else ""
                started = time.perf_counter()
                client.get(path + facts).raise_for_status()
                found[name].append(1000 * (time.perf_counter() - started))
    return found


def waited(page: Page) -> dict[str, list[float]]:
    """Milliseconds until a tap's advice is painted, and until nothing new is."""
    found: dict[str, list[float]] = {"a tap": [], "no change": []}
    for number in range(TAPS):
        value = ("true", "false")[number % 2]
        for name, change in (
            ("a tap", f"#f-thrombus input[value={value}]"),
            ("no change", None),
        ):
            found[name].append(page.evaluate(PAINTED, change))
    return found


def main() -> None:
    """Print both tables."""
    with tempfile.TemporaryDirectory() as data, serving(Path(data)) as running:
        console = Console()
        times = served(running)
        table = Table("request", "median ms", "p90 ms", "× empty", title="On the server, over HTTP")
        empty = statistics.median(times["empty endpoint"])
        for name, values in times.items():
            middle, high = statistics.median(values), statistics.quantiles(values, n=10)[-1]
            table.add_row(name, f"{middle:.2f}", f"{high:.2f}", f"{middle / empty:.1f}")
        console.print(table)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            table = Table("on a slow phone", "median ms", "most ms", title="Until it is painted")
            context = browser.new_context(
                base_url=running.url, viewport={"width": 390, "height": 844}, is_mobile=True
            )
            page = context.new_page()
            page.goto("/?" + LESION.format(arc=300))
            context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
            page.locator("#bar").click()
            waited(page)  # what is compiled once
            for name, values in waited(page).items():
                table.add_row(name, f"{statistics.median(values):.0f}", f"{max(values):.0f}")
            console.print(table)
            browser.close()


if __name__ == "__main__":
    main()
