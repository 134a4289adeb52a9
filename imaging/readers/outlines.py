"""The geometry of drawn lines: splines, centres, where rays meet them, whether they cross."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

STRIDES = 64
"""Steps in which an outline is followed."""


@dataclass(frozen=True)
class Drawn:
    """One line that a person drew.

    Attributes:
        points: ``(n, 2)`` in the unit of the set.
        closed: it is a closed curve; an open one claims nothing beyond its ends.
        doubtful: pairs of points between which the person was not sure of the curve.
    """

    points: Points
    closed: bool = True
    doubtful: tuple[tuple[Points, Points], ...] = ()


def spline(knots: Points, closed: bool) -> Points:
    """Points along the cubic spline through knots, parameterised by the distance between them; a
    closed one is periodic.
    """
    if len(knots) < 3:
        return knots
    turn = np.concatenate([knots, knots[:1]]) if closed else knots
    steps = np.hypot(*np.diff(turn, axis=0).T)
    keep = np.concatenate([[True], steps > 0])
    turn, steps = turn[keep], steps[steps > 0]
    count = len(turn) - 1
    at = np.concatenate([[0.0], np.cumsum(steps)])
    matrix, right = np.zeros((count + 1, count + 1)), np.zeros((count + 1, 2))
    slopes = np.diff(turn, axis=0) / steps[:, None]
    for k in range(1, count):
        matrix[k, k - 1 : k + 2] = steps[k - 1], 2 * (steps[k - 1] + steps[k]), steps[k]
        right[k] = 6 * (slopes[k] - slopes[k - 1])
    if closed:
        matrix[0, 0], matrix[0, count] = 1, -1
        matrix[count, 0], matrix[count, 1] = 2 * steps[0], steps[0]
        matrix[count, count - 1], matrix[count, count] = steps[-1], 2 * steps[-1]
        right[count] = 6 * (slopes[0] - slopes[-1])
    else:
        matrix[0, 0] = matrix[count, count] = 1
    bend = np.linalg.solve(matrix, right)
    place = np.linspace(0, at[-1], 2000, endpoint=not closed)
    i = np.clip(np.searchsorted(at, place, side="right") - 1, 0, count - 1)
    h, a, b = steps[i][:, None], (at[i + 1] - place)[:, None], (place - at[i])[:, None]
    return np.asarray(
        (bend[i] * a**3 + bend[i + 1] * b**3) / (6 * h)
        + (turn[i] / h - bend[i] * h / 6) * a
        + (turn[i + 1] / h - bend[i + 1] * h / 6) * b
    )


def dense(points: Points, closed: bool, count: int = 4000) -> Points:
    """The polygon's points with more between them, evenly along it."""
    turn = np.concatenate([points, points[:1]]) if closed else points
    at = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(turn, axis=0).T))])
    place = np.linspace(0, at[-1], count, endpoint=not closed)
    return np.stack([np.interp(place, at, turn[:, axis]) for axis in (0, 1)], axis=1)


def centre_of(points: Points) -> Points:
    """Centre of mass of a polygon."""
    x, y = points.T
    cross = x * np.roll(y, -1) - np.roll(x, -1) * y
    if abs(cross.sum()) < 1e-12:
        return np.asarray(points.mean(axis=0))
    return np.asarray(
        np.array([((x + np.roll(x, -1)) * cross).sum(), ((y + np.roll(y, -1)) * cross).sum()])
        / (3 * cross.sum())
    )


def rays(line: Drawn, centre: Points, lines: int) -> NDArray[np.float64]:
    """The radius at which each line from the centre
    first meets a drawn line; NaN where it does not.
    """
    points = dense(line.points, line.closed, max(4000, 4 * lines)) - centre
    angle = np.unwrap(np.arctan2(points[:, 1], points[:, 0]))
    radius = np.hypot(points[:, 0], points[:, 1])
    place = angle / (2 * np.pi) * lines
    met = np.full(lines, np.nan)
    if line.closed:
        place, radius = (
            np.append(place, place[0] + round((place[-1] - place[0]) / lines) * lines),
            np.append(radius, radius[0]),
        )
    for k in range(len(place) - 1):
        low, high = sorted((place[k], place[k + 1]))
        for n in range(int(np.ceil(low)), int(np.floor(high)) + 1):
            share = 0.0 if high == low else (n - place[k]) / (place[k + 1] - place[k])
            met[n % lines] = np.fmin(
                met[n % lines], radius[k] + share * (radius[k + 1] - radius[k])
            )
    return met


def sector(start: Points, end: Points, centre: Points, lines: int) -> NDArray[np.int64]:
    """The lines between two points, the shorter way round."""
    a, b = (np.arctan2(*(point - centre)[::-1]) / (2 * np.pi) * lines for point in (start, end))
    span = (b - a + lines / 2) % lines - lines / 2
    first = a if span >= 0 else b
    return np.arange(int(np.ceil(first)), int(np.floor(first + abs(span))) + 1) % lines


def crossings(points: Points, closed: bool, most: int = 700) -> int:
    """How often a line crosses itself. Points in the order in which they were drawn hardly do;
    points in another order do all over.
    """
    step = max(1, -(-len(points) // most))
    turn = points[::step]
    if closed:
        turn = np.concatenate([turn, turn[:1]])
    if len(turn) < 4:
        return 0
    start, along = turn[:-1], np.diff(turn, axis=0)
    between = start[None, :, :] - start[:, None, :]

    def cross(a: Points, b: Points) -> Points:
        return np.asarray(a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0])

    slant = cross(along[:, None, :], along[None, :, :])
    with np.errstate(divide="ignore", invalid="ignore"):
        on_one = cross(between, along[None, :, :]) / slant
        on_other = cross(between, along[:, None, :]) / slant
    met = (on_one > 0) & (on_one < 1) & (on_other > 0) & (on_other < 1)
    return int(np.triu(met, 2).sum())


APART, SIDE = 0.08, 0.25
"""Shares of a line's length: between two deposits a step is longer, a deposit's side shorter."""
JUMP = 10
"""How many times the usual step from point to point a step is that leaves something out."""


def jumps(points: Points, share: float = 0.05) -> NDArray[np.int64]:
    """The points after which a closed line leaves something out: more than ``share`` of its length,
    at many times its usual step.
    """
    steps = np.hypot(*np.diff(np.concatenate([points, points[:1]]), axis=0).T)
    usual = float(np.median(steps))
    return np.flatnonzero((steps > JUMP * usual) & (steps > share * steps.sum()))


def deposits(points: Points) -> list[Points]:
    """The closed lines that follow each other in a list of points: parted where a jump is, if each
    part closes by itself.
    """
    cuts = [int(place) + 1 for place in jumps(points, APART) if place < len(points) - 1]
    parts = [part for part in np.split(points, cuts) if len(part)]
    if len(parts) > 1 and all(len(part) > 2 and not len(jumps(part, SIDE)) for part in parts):
        return parts
    return [points]


def sharpest(points: Points) -> float:
    """The sharpest turn of a closed line, degrees, followed in steps that leave out the tremor of a
    hand: an outline turns back nowhere, a point that belongs elsewhere makes it do so.
    """
    even = dense(points, True, STRIDES)
    steps = np.diff(np.concatenate([even[-1:], even, even[:1]]), axis=0)
    steps = steps[np.hypot(*steps.T) > 0]
    angle = np.arctan2(steps[:, 1], steps[:, 0])
    turn = (np.diff(np.append(angle, angle[0])) + np.pi) % (2 * np.pi) - np.pi
    return float(np.rad2deg(np.abs(turn).max())) if len(turn) else 0.0


def turns(points: Points, centre: Points) -> int:
    """How many times a closed line goes round a point."""
    x, y = (np.concatenate([points, points[:1]]) - centre).T
    return round(abs(float(np.diff(np.unwrap(np.arctan2(y, x))).sum())) / (2 * np.pi))
