"""A drawn IVUS cross-section that follows the facts: arc at its true angle, depth at its true
fraction, what is unknown dashed.

A schema, not an image: nothing can be measured on it, and where the calcium lies around the clock
is not among the facts.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import cos, pi, radians, sin, tau
from typing import Any

from markupsafe import Markup, escape

from calx.api.pages.words import words_of
from calx.reasoner.model.condition import Value

SIZE, CENTRE = 400, 200
CATHETER, LUMEN, EEM, EDGE = 17, 71, 137, 189
"""Radii on the page: catheter, lumen, external elastic membrane, edge of the view."""
BAND = 16
"""Drawn thickness of calcium; ultrasound does not see its back."""


def draw_cross_section(values: Mapping[str, Value], language: str) -> Markup:
    """The cross-section of a lesion.

    Args:
        values: facts, given and implied.
        language: of its description and labels.
    """
    words = words_of(language)
    arc = values.get("max_superficial_arc_deg")
    present, deep = values.get("calcium_present"), values.get("calcium_depth") == "deep"
    parts = [_vessel(values), *_calcium(values, arc, deep), *_others(values)]
    told = _told(values, arc, present, words)
    labels = [
        f'<text x="{CENTRE}" y="{SIZE + 22}" class="x-label">{escape(told)}</text>',
        f'<text x="{CENTRE}" y="{SIZE + 41}" class="x-note">{escape(words["schema"])}</text>',
    ]
    head = (
        f'<svg class="cross-section" viewBox="0 0 {SIZE} {SIZE + 48}" role="img" '
        f'aria-label="{escape(words["cross-section"])}: {escape(told)}">'
    )
    # every part is made here or escaped
    return Markup(head + _DEFS + "".join(parts) + "".join(labels) + "</svg>")  # noqa: S704


_DEFS = (
    '<defs><radialGradient id="x-shadow" gradientUnits="userSpaceOnUse" cx="200" cy="200" r="189">'
    '<stop offset="0.5" stop-color="#05070a" stop-opacity="0.95"/><stop offset="1" '
    'stop-color="#05070a" stop-opacity="0.7"/></radialGradient></defs>'
)


def _point(radius: float, angle: float) -> str:
    """A point at an angle (radians, clockwise from twelve o'clock)."""
    return f"{CENTRE + radius * sin(angle):.1f} {CENTRE - radius * cos(angle):.1f}"


def _sector(inner: float, outer: float, start: float, end: float, kind: str, more: str = "") -> str:
    """A band between two radii and two angles; the whole ring where they span the circle."""
    if end - start >= tau - 1e-6:
        middle, width = (inner + outer) / 2, outer - inner
        return (
            f'<circle cx="{CENTRE}" cy="{CENTRE}" r="{middle:.1f}" class="{kind} ring" '
            f'fill="none" stroke-width="{width:.1f}" {more}/>'
        )
    large = int(end - start > pi)
    return (
        f'<path class="{kind}" d="M{_point(inner, start)} A{inner:.1f} {inner:.1f} 0 {large} 1 '
        f"{_point(inner, end)} "
        f'L{_point(outer, end)} A{outer:.1f} {outer:.1f} 0 {large} 0 {_point(outer, start)} Z" '
        f"{more}/>"
    )


def _circle(radius: float, kind: str, angle: float = 0, distance: float = 0) -> str:
    x, y = _point(distance, angle).split()
    return f'<circle cx="{x}" cy="{y}" r="{radius:g}" class="{kind}"/>'


def _vessel(values: Mapping[str, Value]) -> str:
    known = "x-eem" if "vessel_diameter_mm" in values else "x-eem x-unknown"
    return (
        _circle(EDGE, "x-view")
        + _circle(EEM + 11, "x-adventitia")
        + _circle(EEM, known)
        + _circle(EEM - 5, "x-plaque")
        + _circle(LUMEN, "x-lumen")
    )


def _calcium(values: Mapping[str, Value], arc: Value | None, deep: bool) -> list[str]:
    fraction = values.get("calcium_leading_edge_depth_fraction")
    share = float(fraction) if fraction is not None else (0.62 if deep else 0.08)
    inner = LUMEN + 2 + share * (EEM - LUMEN - BAND - 8)
    parts: list[str] = []
    if arc is None or isinstance(arc, bool | str):
        if values.get("calcium_present") is True:
            parts.append(
                f'<circle cx="{CENTRE}" cy="{CENTRE}" r="{inner + BAND / 2:.1f}" '
                'class="x-calcium-unknown" fill="none"/>'
            )
            parts.append(
                f'<text x="{CENTRE}" y="{CENTRE - inner - 3:.1f}" class="x-question">?</text>'
            )
        return parts
    half = radians(float(arc)) / 2
    if half:
        parts.append(_sector(inner + BAND - 3, EDGE, -half, half, "x-shadow"))
        parts.append(
            _sector(
                inner,
                inner + BAND,
                -half,
                half,
                "x-calcium"
                + ("" if "calcium_depth" in values or fraction is not None else " x-depth-unknown"),
            )
        )
    if deep and not half:  # deep calcium: its arc is not among the facts
        parts.append(
            _sector(inner, inner + BAND, -pi / 3, pi / 3, "x-calcium-unknown", 'fill="none"')
        )
    if values.get("residual_thin_plaque") is True and half:
        parts.append(_gap(half))
    if values.get("calcium_fracture") is True and half:
        parts += [
            (
                f'<path class="x-fracture" d="M{_point(inner - 4, turn)} '
                f'L{_point(inner + BAND + 4, turn + 0.06)}"/>'
            )
            for turn in (-half / 3, half / 2.4)
        ]
    if values.get("calcified_nodule") is True:
        loose = (
            " x-loose"
            if values.get("nodule_type") == "eruptive" or values.get("mobile_calcium") is True
            else ""
        )
        parts += [
            _circle(21, f"x-nodule{loose}", -0.22, LUMEN + 3),
            _circle(15, f"x-nodule{loose}", 0.16, LUMEN + 1),
            _circle(9, f"x-nodule{loose}", -0.04, LUMEN - 14),
        ]
    return parts


def _gap(half: float) -> str:
    """The gap of C-shaped calcium, where the lumen
    comes near the membrane: the wall is thin there.
    """
    start, end = half + 0.06, tau - half - 0.06
    thin = EEM - 15
    return (
        _sector(LUMEN - 8, thin, start, end, "x-lumen-bulge")
        + _sector(thin, EEM - 3, start, end, "x-thin")
        if end > start
        else ""
    )


def _others(values: Mapping[str, Value]) -> list[str]:
    parts = [_circle(CATHETER, "x-catheter"), _circle(CATHETER - 6, "x-catheter-core")]
    if values.get("intramural_hematoma") is True:
        parts.append(_sector(EEM - 23, EEM - 2, pi - 0.9, pi + 0.7, "x-haematoma"))
    if values.get("coronary_dissection") is True or values.get("edge_dissection") is True:
        parts.append(
            f'<path class="x-flap" d="M{_point(LUMEN, pi / 1.6)} Q{_point(LUMEN - 22, pi / 1.4)} '
            f'{_point(LUMEN - 5, pi / 1.15)}"/>'
        )
        parts.append(_sector(LUMEN, LUMEN + 13, pi / 1.6, pi / 1.15, "x-false-lumen"))
    if values.get("stent_implanted") is True:
        parts += [_circle(4, "x-strut", tau * turn / 14, LUMEN - 4) for turn in range(14)]
    grade = values.get("perforation_grade")
    if grade not in (None, "none"):
        parts.append(
            f'<path class="x-leak" d="M{_point(LUMEN, 2.2)} L{_point(EDGE - 4, 2.05)} '
            f'L{_point(EDGE - 4, 2.35)} Z"/>'
        )
    return parts


def _told(
    values: Mapping[str, Value], arc: Value | None, present: Any, words: Mapping[str, str]
) -> str:
    if present is False:
        calcium = words["no calcium"]
    elif arc is None:
        calcium = words["arc unknown"]
    else:
        calcium = f"{words['arc']} {float(arc):g}°"
    diameter = values.get("vessel_diameter_mm")
    return (
        f"{calcium} · EEM {f'{float(diameter):g} mm' if diameter is not None else words['unknown']}"
    )
