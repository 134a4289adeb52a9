"""The model card: what the model is, how it was
made, what was measured of it, and where it fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from calx.imaging.model.package import Package, load


def card(folder: Path, how: Mapping[str, Any]) -> str:
    """The card of a package, as Markdown, from its own numbers."""
    model = load(folder)
    trust = model.calibration
    parts = [
        f"# {model.id} {model.version}",
        model.title + ".",
        f"**Intended use.** {model.intended_use}",
        f"**Training data.** {model.training_data} {how['frames']:,} frames, {how['steps']:,} "
        f"steps of AdamW in bf16, and {how['shorter']:,} steps for each model without a family of "
        f"machines, by which it was calibrated; {how['minutes']} minutes "
        f"for everything below on {how['device']} ({how['machine']}, torch {how['torch']}). Made "
        "by `make train`; the same seeds give the same data, "
        "and on the same machine and torch the same weights.",
        "**What it sees and says.** A frame as 256 lines of 256 samples over 5 mm around the "
        "image's centre, between black and white of its recording. For each of 128 directions "
        "a distribution over depth of the lumen, the external elastic membrane, the leading edge "
        "of calcium and a stent's struts, of which "
        "mean and deviation are kept, and the probability of calcium, of a visible membrane, of "
        "the guide wire, a side branch, a strut and a nodule.",
        "**Files.** "
        + ", ".join(
            f"`{name}` ({(folder / name).stat().st_size / 1e6:.1f} MB)"
            for name in sorted(model.files)
        )
        + ".",
        "## Measured on simulated pullbacks of unseen seeds",
        _metrics(model),
        "Simulated, so an upper bound of what real recordings will give; nearest to them are the "
        "figures of models that never saw such machines. The project's tests ask less than these "
        "figures and run on other seeds. Intervals here hold what is there; reported ones are "
        "wider and hold what a person would draw (`reader_mm` of the protocol).",
        "## Known failures",
        "\n".join(f"- {failure}" for failure in model.known_failures),
        "## Calibration",
        f"Thresholds {trust.at_least}, {trust.likely} and {trust.at_most} for the least, the "
        f"likely and the most calcium; learnt on {trust.source}. "
        "A frame whose statistics lie outside `domain` in `model.json` is refused.",
    ]
    return "\n\n".join(parts) + "\n"


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:g}"


def _metrics(model: Package) -> str:
    tables = []
    for name, found in model.metrics.items():
        rows = [
            f"**{name}** ({found['pullbacks']} pullbacks, {found['frames']:,} frames, "
            f"{found['frames_refused_share']:.1%} of the frames refused)",
            "",
            "| | |",
            "|---|---|",
            f"| lumen, Jaccard | {found['lumen_jaccard']:.3f} |",
            f"| external elastic membrane, Jaccard | {found['eem_jaccard']:.3f} |",
            f"| superficial arc of a frame, mean absolute error | {found['arc_mae_deg']:.1f}° |",
            *(
                f"| 90 % interval of a frame's {key} holds | {share:.0%} |"
                for key, share in found["frame_intervals_hold"].items()
            ),
            *(
                f"| {key}: mean absolute error, 95th percentile, interval holds, undecided | "
                f"{_shown(row['mae'])}, {_shown(row['p95'])}, {row['holds']:.0%} of {row['n']}, "
                f"{row['undecided']} |"
                for key, row in found["intervals"].items()
            ),
            *(
                f"| {key}: wrong, undecided | {row['wrong']}, {row['undecided']} of {row['n']} "
                f"({row['yes']} are yes) |"
                for key, row in found["decisions"].items()
            ),
        ]
        tables.append("\n".join(rows))
    return "\n\n".join(tables)
