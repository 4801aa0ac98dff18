"""Where the formula of a schedule changes: the one source of joints for questions, tables and pictures.

Between two joints a schedule follows one formula, and a shape says in which direction it goes: so its ends
are all that has to be looked at, however long it is. Joints are rational times: a jump of what was stretched
may lie between two updates, and is then met by the first update after it.

A kind of node that is not known here is evaluated update by update. To teach it, register a function that
yields its pieces, from those of what it is made of.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from functools import partial, singledispatch
from itertools import pairwise
from typing import TypeVar

from tlama_core._evaluation.python_numbers import value_at
from tlama_core._evaluation.trees import survey
from tlama_core._fields import MAX_STEPS
from tlama_core.algebra import (
    Constant,
    Piecewise,
    Pointwise,
    Quantized,
    Repeated,
    Scaled,
    Schedule,
    Sliced,
    Stretched,
    children,
)
from tlama_core.analysis.joins import Join
from tlama_core.analysis.parts import Cycle, Piece, at, moment, scaled_phase
from tlama_core.shapes import Geometric, PowerLaw, Step, Transition, Warmup

T = TypeVar("T")

MAX_PIECES = 100_000
"""Of a repetition that has more pieces than this, all cycles after the first are one piece."""


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
    dropped, opens = False, False
    for piece in _Splitter(schedule).over(schedule, start, stop):
        begin, end = math.ceil(piece.start), math.ceil(piece.stop)
        if begin == end:  # it lies between two updates
            dropped, opens = True, opens or piece.opens
        elif dropped or piece.cycle or (begin, end) != (piece.start, piece.stop):
            yield piece._replace(
                start=begin,
                stop=end,
                opens=opens or piece.opens,
                cycle=piece.cycle and piece.cycle.on_whole_updates(),
                turns=() if dropped else piece.turns,
            )
            dropped, opens = False, False
        else:
            yield piece


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
            self._known[key] = tuple(piece.asked_once() for piece in _split(schedule, start, stop, self))
        return self._known[key]

    def over(self, schedule: Schedule, start: int, stop: int) -> Iterator[Piece]:
        """Split any updates of a node; from its end on it holds."""
        if start < min(stop, schedule.steps):
            yield from self.within(schedule, start, _earlier(stop, schedule.steps))
        if stop > max(start, schedule.steps):
            begin = max(start, int(schedule.steps))
            end_value = partial(value_at, schedule, schedule.steps)
            yield Piece(begin, stop, 0, end_value, partial(_itself, schedule), opens=False)


def _earlier(time: int, end: float) -> int:
    """Return the earlier of a moment and the length of a schedule."""
    return time if time <= end else int(end)


def _itself(schedule: Schedule) -> Schedule:
    return schedule


@singledispatch
def _split(schedule: Schedule, start: int, stop: int, _: _Splitter) -> Iterator[Piece]:
    """Split updates of a node, as `_Splitter.within`: the fallback for schedules of unknown shape."""
    # A table has no entry at *stop*: the value that it comes to is the last one used.
    last = partial(at, schedule, max(start, stop - 1))
    yield Piece(start, stop, None, last, partial(_itself, schedule))


@_split.register
def _(schedule: Constant | Warmup | Transition, start: int, stop: int, _: _Splitter) -> Iterator[Piece]:
    """Yield one piece: a shape that never turns back goes the way that its ends say."""
    yield Piece(start, stop, _way(schedule), partial(at, schedule, stop), partial(_itself, schedule))


@_split.register
def _(schedule: Geometric | PowerLaw, start: int, stop: int, _: _Splitter) -> Iterator[Piece]:
    """Yield one piece that goes the way of its ends, and of growth, one that is past the largest float.

    Apart, because what is infinite has no direction: the finite part would have to be evaluated with it.
    """
    owner, past, ending = partial(_itself, schedule), stop, partial(at, schedule, stop)
    if math.isinf(at(schedule, stop)):
        past = first_from(
            lambda step: math.isinf(value_at(schedule, step)), math.ceil(start), math.floor(stop)
        )
        ending = partial(at, schedule, past - 1)
    if start < past:
        yield Piece(start, past, _way(schedule), ending, owner)
    if past < stop:
        yield Piece(past, stop, 0, partial(at, schedule, past), owner, opens=start == past)


def _way(shape: Schedule) -> int:
    """Return the direction of a shape that never turns back.

    It is that of its ends, and of every part of it, whatever the part's own ends round to.
    """
    if isinstance(shape, Constant):
        return 0
    if isinstance(shape, Transition):
        first, last = shape.start, shape.end
    else:
        first, last = value_at(shape, 0), value_at(shape, min(shape.steps, MAX_STEPS))
    return (last > first) - (last < first)


@_split.register
def _(schedule: Step, start: int, stop: int, _: _Splitter) -> Iterator[Piece]:
    """Yield a constant piece for every level."""
    drops = (time for time, _ in schedule.drops if start < time < stop)
    for a, b in pairwise([start, *drops, stop]):
        yield Piece(a, b, 0, partial(at, schedule, a), partial(_itself, schedule), opens=a == start)


@_split.register
def _(schedule: Piecewise, start: int, stop: int, splitter: _Splitter) -> Iterator[Piece]:
    """Yield the pieces of every phase that owns one of the updates, one phase after the other."""
    first, after = (bisect_right(schedule.starts, time) for time in (start, stop))
    for i in range(first - 1, after):
        begin, phase = schedule.starts[i], schedule.phases[i]
        a, b = max(start - begin, 0), _earlier(stop - begin, phase.steps)
        if a < b:
            yield from (piece.moved(begin) for piece in splitter.within(phase, a, b))


@_split.register
def _(schedule: Scaled, start: int, stop: int, splitter: _Splitter) -> Iterator[Piece]:
    """Yield the pieces of what is scaled, turned upside down by a negative factor."""
    sign = (schedule.factor > 0) - (schedule.factor < 0)
    for piece in splitter.within(schedule.schedule, start, stop):
        yield piece._replace(
            direction=piece.direction and sign * piece.direction,
            cycle=piece.cycle and piece.cycle.scaled(schedule.factor),
            ending=partial(_scaled, schedule.factor, piece.ending),
            owner=partial(scaled_phase, schedule, schedule.schedule, piece.owner),
            grain=abs(schedule.factor) * piece.grain,
        )


def _scaled(factor: float, ending: Callable[[], float]) -> float:
    return factor * ending()


@_split.register
def _(schedule: Quantized, start: int, stop: int, splitter: _Splitter) -> Iterator[Piece]:
    """Yield the pieces of what is quantized: multiples rise where it rises, and hold between.

    Where they step is no joint: that is as often as it comes past a multiple, and the formula stays.
    """
    for piece in splitter.within(schedule.schedule, start, stop):
        # Multiples of what shrinks by a factor do not; they are alike where it is, and never turn back.
        cycle = piece.cycle
        alike = cycle and cycle._replace(base=0.0 if cycle.repeats else None, affine=cycle.repeats)
        yield piece._replace(
            ending=partial(_quantized, schedule, piece.ending),
            owner=partial(scaled_phase, schedule, schedule.schedule, piece.owner),
            cycle=alike,
            grain=schedule.multiple,
        )


def _quantized(schedule: Quantized, ending: Callable[[], float]) -> float:
    return schedule.quantized(ending())


@_split.register
def _(schedule: Sliced, start: int, stop: int, splitter: _Splitter) -> Iterator[Piece]:
    """Yield the pieces of what was cut, on the clock of the slice, and the rest of its last stride."""
    first, last, stride = schedule.start, schedule.stop, schedule.stride

    def inner(time: int) -> int:
        return moment(time.numerator * stride + first * time.denominator, time.denominator)

    begin, end = inner(start), inner(stop)
    if begin < last:
        for piece in splitter.within(schedule.schedule, begin, _earlier(end, last)):
            yield piece.moved(-first).on_clock(1, stride).under(schedule, schedule.schedule)
    if end > last:
        held = partial(value_at, schedule.schedule, last)
        begin = max(start, moment(int(last) - first, stride))
        yield Piece(begin, stop, 0, held, partial(_itself, schedule), opens=False)


@_split.register
def _(schedule: Stretched, start: int, stop: int, splitter: _Splitter) -> Iterator[Piece]:
    """Yield the pieces of what was stretched, on the faster or slower clock.

    Joints are moved as rational times. They must not be rounded here: the clock outside may be stretched
    again, and visit moments between two updates of this one.
    """
    inside, outside = int(schedule.schedule.steps), schedule.steps
    if inside == 0:
        held = partial(value_at, schedule, 0)
        yield Piece(start, stop, 0, held, partial(_itself, schedule))
        return

    def inner(time: int) -> int:
        return moment(time.numerator * inside, time.denominator * outside)

    for piece in splitter.within(schedule.schedule, inner(start), inner(stop)):
        yield piece.on_clock(outside, inside).under(schedule, schedule.schedule)


@_split.register
def _(schedule: Pointwise, start: int, stop: int, splitter: _Splitter) -> Iterator[Piece]:
    """Yield a piece between any two joints of any terms; it has a direction if they go the same way."""
    yield from Join(schedule, [list(splitter.over(term, start, stop)) for term in schedule.terms]).pieces()


@_split.register
def _(schedule: Repeated, start: int, stop: int, splitter: _Splitter) -> Iterator[Piece]:
    """Yield the pieces of every cycle; where these are too many, of the first one, and one for the rest.

    A cycle is split once, and its pieces are moved to every other. What is known of those that are not
    listed goes with their piece: how long they are, and by what each is multiplied.
    """
    length, owner = int(schedule.schedule.steps), partial(_itself, schedule)
    if schedule.cycles is not None:  # a tree of its own, which no other node shares
        for piece in _Splitter(schedule.cycles).over(schedule.cycles, start, stop):
            yield piece._replace(owner=owner, opens=piece.opens and piece.start < length)
        return
    cycle = tuple(splitter.within(schedule.schedule, 0, length))
    first, last = start // length, -(-stop // length) - 1
    listed = last + 1 if (last + 1 - first) * len(cycle) <= MAX_PIECES else first + 1
    for k in range(first, listed):
        sign = -1 if schedule.gain < 0 and k % 2 else 1
        for piece in cycle:
            end = piece.stop + k * length
            a, b = max(start, piece.start + k * length), min(stop, end)
            if a < b:
                own = partial(_in_cycle, schedule, k, piece.ending)
                yield piece._replace(
                    start=a,
                    stop=b,
                    direction=piece.direction and sign * piece.direction,
                    ending=own if b == end else partial(at, schedule, b),
                    owner=owner,
                    opens=piece.opens and k == 0,
                    grain=abs(schedule.gain) ** k * piece.grain if piece.grain else 0.0,
                    cycle=piece.cycle and piece.cycle.mapped(partial(schedule.in_cycle, k)),
                )
    if listed <= last:
        # The first cycle is listed at any rate: it is not rounded as the others are, which have a base.
        base = schedule.base if schedule.gain != 1 else 0.0
        reached, known = partial(at, schedule, stop), Cycle(length, schedule.gain, base=base)
        yield Piece(listed * length, stop, None, reached, owner, opens=False, many=True, cycle=known)


def _in_cycle(schedule: Repeated, k: int, ending: Callable[[], float]) -> float:
    """Return the end of a piece of cycle k."""
    return schedule.in_cycle(k, ending())
