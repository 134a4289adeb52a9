"""Makes the pictures of the documents anew: ``python docs/pictures.py`` (or ``make docs``).

They are looked at, not compared byte by byte: fonts and browsers differ from machine to machine.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from calx.imaging.simulator import dicom, simulate, statistics
from tests.api.pages.test_page import CHROMIUM, FLAGS
from tests.api.running import serving
from tests.command import calx

DOCS = Path(__file__).resolve().parent
LESION = (
    "/?max_superficial_arc_deg=300&vessel_diameter_mm=3.2"
    "&residual_thin_plaque=true&reference_vessel_diameter_mm=3&stage=before_preparation&target_vessel=lad"
)
STENT = (
    "/sure?stage=after_stent&target_vessel=lad&max_superficial_arc_deg=300&complication_free=true"
    "&minimum_stent_area_mm2=3.6&stented_minimum_lumen_area_mm2=3.6&flow_limiting=false"
    "&distal_reference_lumen_area_mm2=5.4&proximal_reference_lumen_area_mm2=7.6"
    "&stent_postdilation_balloon=non_compliant&plane-up=minimum_stent_area_mm2"
    "&plane-across=distal_reference_lumen_area_mm2"
)


def page() -> None:
    """The page with an answer in Chromium, on a desk and on a phone."""
    with (
        tempfile.TemporaryDirectory() as data,
        serving(Path(data)) as running,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        shown = browser.new_page(
            base_url=running.url, viewport={"width": 1280, "height": 1000}, locale="en-GB"
        )
        shown.goto(LESION)
        shown.screenshot(path=str(DOCS / "page.png"))
        views = [
            _on_a_phone(browser, running.url, language, scheme, taps)
            for language, scheme, taps in (
                ("en", "light", ()),
                ("en", "light", ("#bar",)),
                ("en", "dark", ("#bar", ".lead .why")),
                ("zh", "dark", ("#bar",)),
            )
        ]
        shown.goto(STENT)
        shown.locator("#plane").screenshot(path=str(DOCS / "whatif.png"))
        browser.close()
    sheet = Image.new("RGB", (sum(view.width + 16 for view in views), views[0].height), "white")
    for number, view in enumerate(views):
        sheet.paste(view, (number * (view.width + 16), 0))
    sheet.quantize(256).save(DOCS / "page-phone.png", optimize=True)


def _on_a_phone(
    browser: Browser, url: str, language: str, scheme: Literal["light", "dark"], taps: Sequence[str]
) -> Image.Image:
    """The page after some taps, on a screen of 390 pixels."""
    with browser.new_context(
        base_url=url,
        viewport={"width": 390, "height": 844},
        color_scheme=scheme,
        is_mobile=True,
        has_touch=True,
    ) as context:
        shown = context.new_page()
        shown.goto(f"{LESION}&lang={language}")
        for tap in taps:
            shown.locator(tap).first.tap()
            shown.wait_for_timeout(300)
        return Image.open(io.BytesIO(shown.screenshot())).convert("RGB")


def recording() -> None:
    """What a report shows: three frames, the longitudinal view, arc and areas along the vessel."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        dicom.write(simulate(4_000_011, 18.0, 4.0, 40), folder / "a.dcm")
        done = calx(
            "segment",
            folder / "a.dcm",
            "--facts",
            folder / "facts.json",
            "--report",
            folder / "out",
            "--device",
            "cpu",
        )
        assert done.returncode == 0, done.stderr
        frames = sorted((folder / "out" / "frames").glob("*.png"))
        chosen = [Image.open(frames[len(frames) * part // 4]) for part in (1, 2, 3)]
        along = Image.open(folder / "out" / "longitudinal.png")
        width = along.width // 3
        small = [
            frame.resize((width, frame.height * width // frame.width), Image.Resampling.LANCZOS)
            for frame in chosen
        ]
        sheet = Image.new("RGB", (along.width, small[0].height + along.height), (255, 255, 255))
        for index, frame in enumerate(small):
            sheet.paste(frame, (index * width, 0))
        sheet.paste(along, (0, small[0].height))
        sheet.quantize(256).save(DOCS / "recording.png", optimize=True)


def simulator() -> None:
    """Simulated frames at four frequencies."""
    Image.fromarray(statistics.picture()).save(DOCS / "simulator.png", optimize=True)


if __name__ == "__main__":
    for picture in (page, recording, simulator):
        picture()
        print(f"docs/{picture.__name__}.png")
