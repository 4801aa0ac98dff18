"""Which points of a curve a picture shows, so that no jump and no cycle between its pixels is lost.

A curve is drawn through its joints, and through a few thousand points between them. What holds until it drops
is drawn as a step. Where cycles are finer than a column of pixels, a column shows the lowest and the highest
value in it, and no line through some of its points, which would be a curve that is not there.
"""

import math
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import islice, pairwise
from typing import TYPE_CHECKING

from tlama_core._fields import MAX_STEPS
from tlama_core.algebra import Repeated, Schedule, Sliced
from tlama_core.analysis import Piece, fold, pieces
from tlama_core.analysis.values import plateaus
from tlama_core.shapes import Geometric, PowerLaw

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Values = npt.NDArray[np.float64]

    Drawable = Schedule | Callable[[int], float]

DRAWN_POINTS = 2_000
"""A smooth curve has about as many points as this, and some at its joints."""

LISTED_PIECES = 100_000
"""Pieces are looked at one by one up to this many; of the others, the first few in every column."""

COLUMN_PIECES = 32
"""How many pieces are looked at in a column of a picture where all of them are too many."""

FEW = 5
"""A column of a picture shows so many updates as they are; of more, the lowest and the highest."""

CLOCK_RANGE = 2**62
"""Updates below this are evaluated as one array of integers; larger ones one by one."""


def shown_steps(schedule: Schedule) -> int:
    """Return the length of *schedule*; of an endless one, enough updates to show its shape.

    >>> from tlama_core import Constant, Warmup
    >>> shown_steps(Warmup(1.0, steps=100) >> Constant(1.0))
    125
    """
    return fold(schedule, _shown_of_node)


def _shown_of_node(node: Schedule, shown: list[int]) -> int:
    """Return the `shown_steps` of a node, whose children's are *shown*."""
    if math.isfinite(node.steps):
        return int(node.steps)
    if len(node.phases) > 1:
        return node.starts[-1] + max(shown[-1], node.starts[-1] // 4)
    match node:
        case PowerLaw() | Geometric():
            return _shown_of_curve(node)
        case Repeated():
            return int(sum(node.cycle_lengths[:4]) or 4 * node.schedule.steps)
        case Sliced():
            return max(0, shown[0] - node.start) // node.stride
    # A leaf is shown for a while after its last joint.
    return max(shown) if shown else max(piece.start for piece in pieces(node, 0, MAX_STEPS)) * 5 // 4


def _shown_of_curve(curve: PowerLaw | Geometric) -> int:
    """Return ten timescales of a power law; of a ratio, the updates to a hundredth or a hundredfold."""
    if isinstance(curve, PowerLaw):
        return math.ceil(10 * curve.timescale)
    rate = abs(math.log(curve.factor)) / curve.interval
    return max(1, round(math.log(100) / rate)) if rate > 1e-290 else 0  # a constant, to the eye


def drawn_pieces(schedule: "Drawable", total: int) -> list[Piece]:
    """Return the pieces of *schedule* before its end and before *total*; none of a plain callable.

    They are the one source of what is marked, named and drawn exactly. Those after the first 100,000 are
    one piece.
    """
    if not isinstance(schedule, Schedule):
        return []
    stop = int(min(total, schedule.steps))
    found = list(islice(pieces(schedule, 0, stop), LISTED_PIECES))
    if found and found[-1].stop < stop:
        found.append(found[-1]._replace(start=found[-1].stop, stop=stop, opens=False, many=True))
    return found


def joints(found: list[Piece]) -> list[int]:
    """Return where pieces but the first start; nothing where there are too many cycles to list."""
    return [] if any(piece.many for piece in found) else [piece.start for piece in found[1:]]


def curve(schedule: "Drawable", total: int, most: int = DRAWN_POINTS) -> "tuple[Values, Values]":
    """Return the steps and values to draw up to *total*: all updates, or about *most* evenly spread.

    Joints stand in it exactly, with the updates before them, so that a jump is drawn as one; a value that is
    constant up to a joint is held until there. Where cycles are finer than the picture, each of *most* / 2
    columns has its lowest and its highest update, which draws their envelope.

    >>> from tlama_core import Step
    >>> steps, values = curve(Step(1.0, {2: 0.5}, steps=3), 3)
    >>> steps.tolist(), values.tolist()
    ([0.0, 1.0, 2.0, 2.0, 3.0], [1.0, 1.0, 1.0, 0.5, 0.5])
    """
    import numpy as np

    steps = drawn_steps(schedule, total, most)
    values = values_at(schedule, steps)
    found = drawn_pieces(schedule, total)
    held = {
        after.start: before.end
        for before, after in pairwise(found)
        if before.direction == 0 and not after.many
    }
    for piece in found:
        if piece.grain:  # a multiple is held until the next one
            first, after = bisect_left(steps, piece.start), bisect_left(steps, piece.stop)
            held |= zip(steps[first + 1 : after + 1], values[first:after].tolist(), strict=False)
    jumps = [
        i
        for i in range(1, len(steps))
        if held.get(steps[i], values[i]) != values[i] and steps[i - 1] == steps[i] - 1
    ]
    before = [held[steps[i]] for i in jumps]
    at = np.asarray(steps, dtype=np.float64)
    return np.insert(at, jumps, at[jumps]), np.insert(values, jumps, before)


def drawn_steps(schedule: "Drawable", total: int, most: int) -> list[int]:
    """Return the updates that `curve` draws, in order, each once."""
    end = last_step(schedule, total)
    if end <= most:
        return list(range(end + 1))
    most += most % 2  # two to a column
    edges = [(2 * i * end + most) // (2 * most) for i in range(most + 1)]
    near: set[int] = set()
    for piece in drawn_pieces(schedule, total):
        for one in _within_columns(schedule, piece, edges[::2]) if piece.many else (piece,):
            near |= {one.start, one.stop - 1, one.stop} if one.stop < end else {one.start}
            near |= _steps_within(schedule, one, most)
            if one.direction is None:  # it may turn in between
                near |= {one.start + i * (one.stop - one.start) // 8 for i in range(1, 8)}
    steps = sorted(near.union(edges))
    return steps if len(steps) <= 2 * most else _envelope(schedule, steps, edges[::2])


def _steps_within(schedule: "Drawable", piece: Piece, most: int) -> set[int]:
    """Return the updates before and after every step of a quantized piece, where they are few."""
    assert isinstance(schedule, Schedule)  # a plain callable has no pieces
    steps = [held.start for held in plateaus(schedule, piece, most) or ()]
    return {update for step in steps[1:] for update in (step - 1, step)}


def _within_columns(schedule: "Drawable", piece: Piece, edges: list[int]) -> Iterator[Piece]:
    """Yield the first pieces of every column between *edges* that *piece*, which stands for many, covers."""
    assert isinstance(schedule, Schedule)  # likewise
    width = COLUMN_PIECES
    for left, right in pairwise(edges):
        start, stop = max(left, piece.start), min(right, piece.stop)
        while start < stop:
            found = list(pieces(schedule, start, min(stop, start + width)))
            if len(found) >= COLUMN_PIECES or start + width >= stop:
                yield from found
                break
            width *= 2  # the next column begins with what was wide enough for this one


def _envelope(schedule: "Drawable", steps: list[int], edges: list[int]) -> list[int]:
    """Return the lowest and the highest of *steps* in every column between *edges* that has many.

    A column of few keeps them all; the first and the last of all steps are kept.
    """
    import numpy as np

    values = values_at(schedule, steps)
    bins = np.searchsorted(np.asarray(edges, dtype=np.float64), np.asarray(steps, dtype=np.float64), "right")
    first = [0, *(np.flatnonzero(np.diff(bins)) + 1).tolist(), len(steps)]
    kept = {steps[0], steps[-1]}
    for a, b in pairwise(first):
        extremes = (int(values[a:b].argmin()), int(values[a:b].argmax()))
        kept.update(steps[a:b] if b - a <= FEW else (steps[a + i] for i in extremes))
    return sorted(kept)


def points(schedule: "Drawable", total: int, interval: int | None) -> "tuple[Values, Values]":
    """Return the steps and values of a point every *interval* updates; of about twenty where it is None."""
    import numpy as np

    every = interval or max(1, -(-total // 20))
    steps = list(range(0, last_step(schedule, total) + 1, every))
    return np.asarray(steps, dtype=np.float64), values_at(schedule, steps)


def last_step(schedule: "Drawable", total: int) -> int:
    """Return the last update to draw: a schedule has a value at its end, a table only its entries."""
    return total if isinstance(schedule, Schedule) else total - 1


def values_at(schedule: "Drawable", steps: Sequence[int]) -> "Values":
    """Return the values of a schedule, or of any callable of an integer, at *steps*, which are in order.

    A callable is called for one step after the other; what it returns must convert to a float.
    """
    import numpy as np

    if isinstance(schedule, Schedule) and steps[-1] < CLOCK_RANGE:
        return schedule(np.asarray(steps, dtype=np.int64))
    return np.asarray([float(schedule(step)) for step in steps])
