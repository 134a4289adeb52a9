"""Makes the pictures of the documents anew: ``python docs/pictures.py`` (or ``make docs``).

They are looked at, not compared byte by byte: fonts and browsers differ from machine to machine.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from calx.imaging.simulator import dicom, simulate, statistics
from tests.api.pages.test_page import CHROMIUM, FLAGS
from tests.api.running import serving
from tests.command import calx

DOCS = Path(__file__).resolve().parent
LESION = (
    "/?max_superficial_arc_deg=300&vessel_diameter_mm=3.2"
    "&residual_thin_plaque=true&reference_vessel_diameter_mm=3"
)


def page() -> None:
    """The page with an answer, in Chromium."""
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
        browser.close()


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
