"""How a package sees frames, and how its answers become lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from calx.imaging.facts.protocol import protocol
from calx.imaging.model import domain
from calx.imaging.model.field import FieldOfView, examine
from calx.imaging.model.levels import Levels
from calx.imaging.model.package import Package
from calx.imaging.model.runtime import Backend, Remapping
from calx.imaging.polar import Grey, to_polar
from calx.imaging.pullback import Pullback

Array = NDArray[np.float32]

LOOKED_AT = 8
"""Frames in which field, catheter, black and white are sought."""
LOOK = 128, 160
"""Lines and depths on which a labelling network's image is read."""


class Look:
    """How a package sees frames, and how its answers become lines."""

    def __init__(
        self, package: Package, pullback: Pullback, positions: Sequence[int] | None = None
    ) -> None:
        """Look at a sample of the frames at ``positions``, all of them unless given."""
        self.package = package
        took = package.input
        places = np.arange(len(pullback)) if positions is None else np.asarray(positions)
        chosen = places[np.unique(np.linspace(0, len(places) - 1, LOOKED_AT).astype(int))]
        sample = list(pullback.images([int(place) for place in chosen]))
        self.field: FieldOfView = examine(sample)
        self.centre = self._middle(pullback.shape)
        half = min(pullback.shape) / 2
        pixel = pullback.pixel_mm
        reach = took.reach_mm if took.reach_mm is not None else half * (pixel or 1.0)
        # without a scale the image's half width stands for the usual depth of field
        if pixel is None:
            self.reach, self.unit = half * (reach / 5.0) if took.kind == "polar" else half, 1.0
        else:
            self.reach, self.unit = reach, pixel
        self.scaled = pixel is not None
        lines, depths = took.size if took.kind == "polar" else LOOK
        plan = to_polar(pullback.shape, self.centre, self.unit, lines, depths, self.reach)
        within = depths  # samples of a line in the round field
        if self.field.border is not None:
            within = min(depths, int(self.field.border.radius * self.unit / self.reach * depths))
        inside = (np.arange(depths) < within).astype(np.float32)
        self.plan = replace(plan, weights=plan.weights * inside)
        self.levels = Levels()
        if took.normalised:
            self.levels = Levels.of([self.plan(grey) for grey in sample], within)
        self.shape = pullback.shape

    def _middle(self, shape: tuple[int, int]) -> tuple[float, float]:
        """Around what lines run, (column, row): the picture's middle, or that of a round field that
        lies off it.
        """
        right, down = (shape[1] - 1) / 2, (shape[0] - 1) / 2
        border = self.field.border
        off = protocol().centre_off_percent / 100 * min(shape) / 2
        if border is None or border.off <= off:
            return right, down
        return right + border.right, down + border.down

    def seen(self, grey: Grey) -> Array:
        """A frame as the network wants it, 0..1, before channels and range."""
        if self.package.input.kind == "polar":
            return self.levels(self.plan(grey))
        from PIL import Image

        rows, columns = self.package.input.size
        return np.asarray(
            Image.fromarray(grey).resize((columns, rows), Image.Resampling.BILINEAR), np.float32
        ) / np.float32(255)

    def given(self, images: Array) -> Array:
        """A batch for the network, from ``(n, rows, columns)``."""
        low, high = self.package.input.range
        stacked = images[:, None] * np.float32(high - low) + np.float32(low)
        return np.repeat(stacked, self.package.input.channels, axis=1)

    def answered(self, greys: list[Grey], runtime: Backend) -> tuple[list[Array], Array]:
        """Frames as the network sees them, and its answers as rows of lines."""
        if isinstance(runtime, Remapping) and self.package.output.kind == "lines":
            images, raw = runtime.remapped(
                np.stack(greys), self.plan, self.levels, mirrored=self.package.input.mirrored
            )
        else:
            images = np.stack([self.seen(grey) for grey in greys])
            raw = self.lines(runtime(self.given(images)))
            if self.package.input.mirrored:
                raw = np.concatenate([raw, self.lines(runtime(self.given(images[:, ::-1])))])
        return list(images), self.together(raw) if self.package.input.mirrored else raw

    def together(self, raw: Array) -> Array:
        """The answers to frames and to their mirror images (the second half) as one: means, and
        deviations that hold both.
        """
        half, count = len(raw) // 2, len(self.package.output.curves)
        one, other = raw[:half], raw[half:, :, ::-1]
        both = (one + other) / 2
        apart = (one[:, :count] - other[:, :count]) / 2
        both[:, count : 2 * count] = np.sqrt(
            (one[:, count : 2 * count] ** 2 + other[:, count : 2 * count] ** 2) / 2 + apart**2
        )
        return np.ascontiguousarray(both)

    def lines(self, output: Array) -> Array:
        """The network's output as ``(frames, rows, lines)``; rows as :meth:`named` reads them."""
        if self.package.output.kind == "lines":
            return output
        return np.stack([self._of_labels(scores) for scores in output])

    def _of_labels(self, scores: Array) -> Array:
        """Lines read off a map of label scores: how deep each tissue reaches along a line."""
        share = np.exp(scores - scores.max(axis=0))
        share /= share.sum(axis=0)
        rows, columns = share.shape[1:]
        plan = to_polar(
            (rows, columns), ((columns - 1) / 2, (rows - 1) / 2), 1.0, *LOOK, min(rows, columns) / 2
        )
        names = self.package.output.labels
        blank = np.zeros(LOOK, np.float32)
        labels = {
            name: sum((plan(share[k]) for k, label in enumerate(names) if label == name), blank)
            for name in names
        }
        inner = labels["lumen"]
        whole = sum(
            (labels.get(name, blank) for name in ("lumen", "wall", "calcium", "shadow", "strut")),
            blank,
        )
        calcium = labels.get("calcium", blank)
        lumen, eem = inner.mean(axis=1), whole.mean(axis=1)
        edge = np.where(calcium.max(axis=1) > 0.5, (calcium > 0.5).argmax(axis=1) / LOOK[1], lumen)
        unsure = np.full(LOOK[0], 0.02, np.float32)
        flags = [labels.get(name, blank).max(axis=1) for name in ("calcium", "wire", "branch")]
        return np.stack([lumen, eem, edge, unsure, unsure, unsure, *flags]).astype(np.float32)

    def named(self, raw: Array) -> tuple[dict[str, Array], dict[str, Array]]:
        """Means and probabilities by name, and deviations by name."""
        gave = self.package.output
        curves, flags = (
            (gave.curves, gave.flags)
            if gave.kind == "lines"
            else (("lumen", "eem", "calcium_edge"), ("calcium", "wire", "branch"))
        )
        count = len(curves)
        said = {name: raw[:, k] for k, name in enumerate(curves)} | {
            name: raw[:, 2 * count + k] for k, name in enumerate(flags)
        }
        if gave.kind == "labels":
            needs = {"eem": "wall", "calcium_edge": "calcium"}
            said = {k: of for k, of in said.items() if needs.get(k, k) in gave.labels}
        return said, {name: raw[:, count + k] for k, name in enumerate(curves)}


def domain_of(look: Look, image: Array, line: Array, *, always: bool = False) -> dict[str, float]:
    """The statistics of a frame; none for a network that
    states no domain, unless they are wanted ``always``.
    """
    if (
        not (always or look.package.domain)
        or look.package.input.kind != "polar"
        or look.package.output.kind != "lines"
    ):
        return {}
    said, doubt = look.named(line[None])
    reach = look.package.input.reach_mm or 5.0
    return domain.statistics(
        image,
        reach,
        said["lumen"][0] * reach,
        said["eem"][0] * reach,
        doubt["lumen"][0] * reach,
        doubt["eem"][0] * reach,
    )
