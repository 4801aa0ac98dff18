"""Where the formula of a schedule changes: the one source of joints for questions, tables and pictures."""

import math
import operator
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from functools import singledispatch
from itertools import pairwise
from typing import NamedTuple, TypeVar

from tlama_core._evaluation.python_numbers import value_at
from tlama_core._evaluation.trees import survey
from tlama_core.algebra import (
    Constant,
    Piecewise,
    Pointwise,
    Product,
    Repeated,
    Scaled,
    Schedule,
    Sliced,
    Stretched,
    changed,
    children,
)
from tlama_core.shapes import PowerLaw, Step, Transition, Warmup

T = TypeVar("T")

MAX_PIECES = 100_000
"""Of a repetition that has more pieces than this, all cycles after the first are one piece."""

MAX_EVALUATED = 10**9
"""A run of more updates than this is never evaluated one by one: it would take minutes, or never end."""


class Piece(NamedTuple):
    """The updates *start* to *stop* - 1 of a schedule, between two changes of its formula."""

    start: int
    stop: int
    direction: int | None
    """1: never falls, -1: never rises, 0: constant, None: only its values tell."""
    end: float
    """The value that it comes to at *stop*, where the next piece may have another."""
    phase: Schedule
    """The phase of a chain that applies here, under the operators around the chain."""
    opens: bool = True
    """Whether a phase begins here, as opposed to a drop or a cycle within one."""
    many: bool = False
    """Whether it stands for cycles that are too many to be listed."""


def pieces(schedule: Schedule, start: int, stop: int) -> Iterator[Piece]:
    """Split the updates from *start* up to *stop* where the formula changes; past its end a schedule holds.

    They come one by one, from the first, and cover the range. A chain is split at its phases, a `Step` at
    its drops, a repetition at its cycles, a join at the joints and ends of its terms. A node that stands
    in the tree several times is split once for every range of its updates.

    >>> from tlama_core import Linear
    >>> chain = Constant(1.0, steps=5) >> Linear.to(0.0, steps=10)
    >>> [(piece.start, piece.stop, piece.direction, piece.end) for piece in pieces(0.5 * chain, 0, 20)]
    [(0, 5, 0, 0.5), (5, 15, -1, 0.0), (15, 20, 0, 0.0)]
    """
    return _Splitter(schedule).over(schedule, start, stop)


def innermost(phase: Schedule) -> Schedule:
    """Return the shape that remains of a phase without the cuts, stretches, factors and cycles around it.

    >>> from tlama_core import Warmup
    >>> innermost(0.5 * Warmup(1.0, steps=10)[2:5])
    Warmup(1.0, steps=10)
    """
    while len(parts := children(phase)) == 1:
        (phase,) = parts
    return phase


def fold(schedule: Schedule, combine: Callable[[Schedule, list[T]], T]) -> T:
    """Return what *combine* makes of a tree, from the leaves up: each node with its children's results.

    Every node is combined once, however often it stands in the tree.

    >>> from tlama_core import Linear
    >>> twice = 0.5 * Linear(1.0, 0.0, steps=10)
    >>> fold(twice + twice, lambda node, counts: 1 + sum(counts))
    5
    """
    results: dict[int, T] = {}

    def result(node: Schedule) -> T:
        if id(node) not in results:
            results[id(node)] = combine(node, [result(child) for child in children(node)])
        return results[id(node)]

    return result(schedule)


def first_from(test: Callable[[int], bool], low: int, high: int) -> int:
    """Return the first of the steps *low* to *high* from which on *test* holds; it is not asked at *high*."""
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if test(middle) else (middle + 1, high)
    return low


class _Splitter:
    """Splits the nodes of one tree for one question; a node that stands in it several times, only once.

    Only those are remembered: of the others, the pieces come one by one, and an early answer ends it.
    """

    def __init__(self, schedule: Schedule) -> None:
        """Find the nodes that stand in the tree of *schedule* several times."""
        self._shared = survey(schedule)[1]
        # By identity: an id is of one node only as long as the tree lives, and a question asks of one tree.
        self._known: dict[tuple[int, int, int], tuple[Piece, ...]] = {}

    def within(self, schedule: Schedule, start: int, stop: int) -> Iterable[Piece]:
        """Split updates of a node: at least one, and none past its end."""
        if id(schedule) not in self._shared:
            return _split(schedule, start, stop, self)
        key = id(schedule), start, stop
        if key not in self._known:
            self._known[key] = tuple(_split(schedule, start, stop, self))
        return self._known[key]

    def over(self, schedule: Schedule, start: int, stop: int) -> Iterator[Piece]:
        """Split any updates of a node; from its end on it holds."""
        end = int(min(stop, schedule.steps))
        if start < end:
            yield from self.within(schedule, start, end)
        if max(start, end) < stop:
            end_value = value_at(schedule, schedule.steps)
            yield Piece(max(start, end), stop, 0, end_value, schedule, opens=False)


@singledispatch
def _split(schedule: Schedule, start: int, stop: int, _: _Splitter) -> Iterator[Piece]:
    """Split updates of a node, as `_Splitter.within`: the fallback for schedules of unknown shape."""
    # A table has no entry at *stop*; and no function of the user's is called at the end of time.
    end = value_at(schedule, stop - 1) if stop - start <= MAX_EVALUATED else math.nan
    yield Piece(start, stop, None, end, schedule)


@_split.register
def _(
    schedule: Constant | Warmup | Transition | PowerLaw, start: int, stop: int, _: _Splitter
) -> Iterator[Piece]:
    """Yield one piece: a shape that never turns back goes the way that its ends say."""
    first, end = value_at(schedule, start), value_at(schedule, stop)
    yield Piece(start, stop, (end > first) - (end < first), end, schedule)


@_split.register
def _(schedule: Step, start: int, stop: int, _: _Splitter) -> Iterator[Piece]:
    """Yield a constant piece for every level."""
    drops = (time for time, _ in schedule.drops if start < time < stop)
    for a, b in pairwise([start, *drops, stop]):
        yield Piece(a, b, 0, value_at(schedule, a), schedule, opens=a == start)


@_split.register
def _(schedule: Piecewise, start: int, stop: int, splitter: _Splitter) -> Iterator[Piece]:
    """Yield the pieces of every phase that owns one of the updates, one phase after the other."""
    first = bisect_right(schedule.starts, start) - 1
    for begin, phase in zip(schedule.starts[first:], schedule.phases[first:], strict=True):
        a, b = max(start - begin, 0), int(min(stop - begin, phase.steps))
        if a < b:
            yield from (_later(piece, begin) for piece in splitter.within(phase, a, b))


@_split.register
def _(schedule: Scaled, start: int, stop: int, splitter: _Splitter) -> Iterator[Piece]:
    """Yield the pieces of what is scaled, turned upside down by a negative factor."""
    sign = (schedule.factor > 0) - (schedule.factor < 0)
    for piece in splitter.within(schedule.schedule, start, stop):
        whole = piece.phase is schedule.schedule
        yield piece._replace(
            direction=piece.direction and sign * piece.direction,
            end=schedule.factor * piece.end,
            phase=schedule if whole else changed(schedule, schedule=piece.phase),
        )


@_split.register
def _(schedule: Sliced, start: int, stop: int, splitter: _Splitter) -> Iterator[Piece]:
    """Yield the pieces of what was cut, on the clock of the slice."""
    for piece in splitter.within(schedule.schedule, start + schedule.start, stop + schedule.start):
        yield _later(piece._replace(phase=_cut_phase(schedule, piece)), -schedule.start)


@_split.register
def _(schedule: Stretched, start: int, stop: int, splitter: _Splitter) -> Iterator[Piece]:
    """Yield the pieces that an update of the slower or faster clock falls into."""
    inner, outer = int(schedule.schedule.steps), schedule.steps
    begin = start
    for piece in splitter.over(schedule.schedule, start * inner // outer, (stop - 1) * inner // outer + 1):
        end = min(stop, max(begin, -(-piece.stop * outer // inner))) if inner else stop
        if begin < end:
            yield piece._replace(start=begin, stop=end, phase=_cut_phase(schedule, piece))
        begin = end


@_split.register
def _(schedule: Pointwise, start: int, stop: int, splitter: _Splitter) -> Iterator[Piece]:
    """Yield a piece between any two joints of any terms; it has a direction if they go the same way."""
    terms = [list(splitter.over(term, start, stop)) for term in schedule.terms]
    cuts = sorted({piece.start for term in terms for piece in term})
    split = len(cuts) > 1
    for a, b in pairwise([*cuts, stop]):
        here = [term[bisect_right(term, a, key=operator.attrgetter("start")) - 1] for term in terms]
        ends = (
            piece.end if piece.stop == b else value_at(term, b)
            for piece, term in zip(here, schedule.terms, strict=True)
        )
        yield Piece(
            a,
            b,
            _common_direction(schedule, here, a, b),
            schedule.combined(ends),
            changed(schedule, terms=tuple(piece.phase for piece in here)) if split else schedule,
            opens=any(piece.opens and piece.start == a for piece in here),
            many=any(piece.many for piece in here),
        )


def _common_direction(schedule: Pointwise, here: list[Piece], start: int, stop: int) -> int | None:
    """Return the direction in which all terms go, and so their join, whatever the rounding; None without."""
    directions = {piece.direction for piece in here} - {0}
    if len(directions) > 1:
        return None
    if directions and isinstance(schedule, Product):
        ends = (value_at(term, step) for term in schedule.terms for step in (start, stop - 1))
        if min(ends) < 0:
            return None
    return directions.pop() if directions else 0


@_split.register
def _(schedule: Repeated, start: int, stop: int, splitter: _Splitter) -> Iterator[Piece]:
    """Yield the pieces of every cycle; where these are too many, of the first one, and one for the rest."""
    length = int(schedule.schedule.steps)
    if schedule.cycles is not None:  # a tree of its own, which no other node shares
        for piece in pieces(schedule.cycles, start, stop):
            yield piece._replace(phase=schedule, opens=piece.opens and piece.start < length)
        return
    cycle = tuple(splitter.within(schedule.schedule, 0, length))
    first, last = start // length, (stop - 1) // length
    listed = last + 1 if (last + 1 - first) * len(cycle) <= MAX_PIECES else first + 1
    for k in range(first, listed):
        factor = schedule.gain**k
        for piece in cycle:
            a, b = max(start, piece.start + k * length), min(stop, piece.stop + k * length)
            if a < b:
                direction = piece.direction and (piece.direction if factor >= 0 else -piece.direction)
                end = factor * piece.end
                yield Piece(a, b, direction, end, schedule, opens=piece.opens and k == 0, many=piece.many)
    if listed <= last:
        end = value_at(schedule, stop)
        yield Piece(listed * length, stop, None, end, schedule, opens=False, many=True)


def _later(piece: Piece, by: int) -> Piece:
    """Return *piece* on a clock that began *by* updates earlier."""
    return piece._replace(start=piece.start + by, stop=piece.stop + by)


def _cut_phase(schedule: Sliced | Stretched, piece: Piece) -> Schedule:
    """Return the phase of a *piece* of what was cut: the cut itself, where that has no phases."""
    return schedule if piece.phase is schedule.schedule else piece.phase
