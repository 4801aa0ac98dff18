"""The values of a schedule, piece by piece: bounded by their ends where shapes tell, evaluated where not.

Three things are told apart: pieces that go one way, whose ends are enough; cycles that are known to shrink,
grow or repeat, of which the first and the last are; and what has to be evaluated update by update.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

from tlama_core._evaluation.python_numbers import value_at
from tlama_core._evaluation.series import FEW, Series, Test, blocks, series
from tlama_core.algebra import Product, Quantized, Repeated, Scaled, Schedule, Sum
from tlama_core.analysis.joints import first_from, fold, pieces
from tlama_core.analysis.parts import Piece, continuous
from tlama_core.shapes import Transition

ROUNDING = 1e-9
"""Values that differ relatively by less may be the same to an array: single calls decide. None is a jump."""

SHORT = 256
"""A piece of so few updates is evaluated too where its neighbours are: an array more costs more than they."""

PLATEAU = 64
"""Where values are held for so many updates on average, searching for steps costs less than evaluating."""

BATCH = 4_096
"""The ends of so many pieces are computed together."""


class Ends(NamedTuple):
    """Pieces that go one way, and the values at the first and the last update of each, in one row."""

    pieces: list[Piece]
    steps: list[int]
    values: Series


class Evaluated(NamedTuple):
    """Updates whose values only evaluating tells."""

    start: int
    stop: int


class Cycles(NamedTuple):
    """Updates in cycles, of which those between the first and the last few lie between these in value."""

    start: int
    stop: int
    period: int
    repeats: bool
    alternates: bool

    @property
    def group(self) -> int:
        """How many updates later a value can be compared: two periods where the sign alternates."""
        return self.period * (2 if self.alternates else 1)

    def window(self, k: int) -> tuple[int, int]:
        """Return the updates of period *k*, the last of which may be cut short."""
        start = self.start + k * self.period
        return start, min(start + self.period, self.stop)


Section = Ends | Evaluated | Cycles


def sections(schedule: Schedule, parts: Iterable[Piece]) -> Iterator[Section]:
    """Group pieces by how their values are known, in order.

    Ends come in batches, which grow: the first few pieces may hold the answer. What has to be evaluated comes
    as one range, short pieces between two such included.
    """
    batch: list[Piece] = []
    run: Evaluated | None = None
    size = FEW // 2
    for piece in parts:
        cycles = _cycles(piece)
        if run is not None:
            if cycles is None and (piece.direction is None or piece.stop - piece.start <= SHORT):
                run = run._replace(stop=piece.stop)
                continue
            yield run
            run = None
        if batch and (cycles is not None or piece.direction is None or len(batch) == size):
            yield from _by_their_ends(schedule, batch)
            batch, size = [], min(2 * size, BATCH)
        if cycles is not None:
            yield cycles
        elif piece.direction is None:
            run = Evaluated(piece.start, piece.stop)
        else:
            batch.append(piece)
    if run is not None:
        yield run
    if batch:
        yield from _by_their_ends(schedule, batch)


def _cycles(piece: Piece) -> Cycles | None:
    """Return a piece as cycles, where they are known and so many that knowing them helps.

    Below four periods all of them would be looked at: they are listed, or evaluated.
    """
    cycle = piece.cycle
    if cycle is None or piece.stop - piece.start <= 4 * cycle.period:
        return None
    return Cycles(piece.start, piece.stop, cycle.period, cycle.repeats, cycle.alternates)


def _by_their_ends(schedule: Schedule, batch: list[Piece]) -> Iterator[Section]:
    """Yield pieces that go one way, and evaluate those that infinity or NaN interrupts."""
    steps = [step for piece in batch for step in (piece.start, piece.stop - 1)]
    values = series(schedule, steps)
    numbers = values.numbers()
    begun = 0
    for i, piece in enumerate(batch):
        first, last = numbers[2 * i : 2 * i + 2]
        # A direction is that of finite values: in a sum, inf - inf may come in between.
        if _is_constant(piece, first, last) or (math.isfinite(first) and math.isfinite(last)):
            continue
        if begun < i:
            yield from _by_their_ends(schedule, batch[begun:i])
        yield Evaluated(piece.start, piece.stop)
        begun = i + 1
    if begun == 0:
        yield Ends(batch, steps, values)
    elif begun < len(batch):
        yield from _by_their_ends(schedule, batch[begun:])


def _is_constant(piece: Piece, first: float, last: float) -> bool:
    """Whether a piece without a direction has one value: 0 times what overflows within it has not."""
    return piece.direction == 0 and (first == last or (math.isnan(first) and math.isnan(last)))


class Held(NamedTuple):
    """Updates that use one value."""

    start: int
    stop: int
    value: float


def plateaus(schedule: Schedule, piece: Piece, most: float = math.inf) -> Iterator[Held] | None:
    """Return the updates of a quantized piece that goes one way, by their values, in order.

    None where the piece is no such, or where its steps are more than about *most*, or so many that to
    evaluate it costs less.
    """
    if not piece.grain or not piece.direction:
        return None
    first, last = value_at(schedule, piece.start), value_at(schedule, piece.stop - 1)
    if not abs(last - first) / piece.grain <= min(most, (piece.stop - piece.start) // PLATEAU):  # nor for NaN
        return None
    return _held(schedule, piece.start, piece.stop)


def _held(schedule: Schedule, start: int, stop: int) -> Iterator[Held]:
    """Yield plateaus one by one: from each, look ahead twice as far every time, and bisect."""
    while start < stop:
        value, width = value_at(schedule, start), 1

        def left(step: int, value: float = value) -> bool:
            return value_at(schedule, step) != value

        while start + width < stop and not left(start + width):
            width *= 2
        end = first_from(left, start + (width + 1) // 2, min(start + width, stop))
        yield Held(start, end, value)
        start = end


class Values:
    """The values of one schedule, for the questions of one caller."""

    def __init__(self, schedule: Schedule) -> None:
        """Take the schedule; nothing is computed yet."""
        self._schedule = schedule

    @cached_property
    def _cancelled(self) -> float:
        """How far off an array may be where large terms cancel and leave little."""
        magnitude = fold(self._schedule, _magnitude)
        return 1e-14 * magnitude if math.isfinite(magnitude) else 0.0

    def first_step(self, test: Test, parts: Iterable[Piece]) -> int | None:
        """Return the first update of *parts* whose value passes *test*, or None.

        *test* takes a number or an array, and must be a comparison: between two values that fail none may
        pass, nor one fail between two that pass. Pieces with a direction are bisected; what an array's
        rounding could decide, a single call does.
        """
        found = (self._first_in(test, section) for section in sections(self._schedule, parts))
        return next((step for step in found if step is not None), None)

    def extremes(self, parts: Iterable[Piece]) -> tuple[float, float]:
        """Return the lowest and the highest value of *parts*, of single calls; NaN twice if one is NaN."""
        low, high = math.inf, -math.inf
        for steps, values in self._looked_at(parts):
            lowest, highest = self._exact_spread(steps, values)
            if math.isnan(lowest):
                return math.nan, math.nan
            low, high = min(low, lowest), max(high, highest)
        return low, high

    def _first_in(self, test: Test, section: Section) -> int | None:
        """Return the first update of a section that passes, or None.

        Of pieces that go one way, it is in the first whose first or last update passes; of evaluated updates,
        in the first block that holds one.
        """
        if isinstance(section, Ends):
            place = next(self._passing(test, section.steps, section.values), None)
            return None if place is None else self._bisected(test, section.pieces[place // 2], place % 2)
        if isinstance(section, Cycles):
            return self._first_in_cycles(test, section)
        found = (
            steps[place]
            for steps, values in blocks(self._schedule, *section)
            for place in self._passing(test, steps, values)
        )
        return next(found, None)

    def _passing(self, test: Test, steps: Sequence[int], values: Series) -> Iterator[int]:
        """Yield the places of values that pass, as single calls have them."""
        for place in values.near(test, self._slack(values)):
            if values.exact or test(self._called(steps, place)):
                yield place

    def _called(self, steps: Sequence[int], place: int) -> float:
        """Return the value of a single call."""
        # Of a range, calls, which compile: a curve that is flat at a threshold is near it throughout.
        if isinstance(steps, range):
            return self._schedule(steps[place])
        return value_at(self._schedule, steps[place])

    def _bisected(self, test: Test, piece: Piece, at_end: int) -> int:
        """Return the first update of a piece that passes: its first, or one on the way to its last."""
        if not at_end:
            return piece.start
        return first_from(
            lambda step: bool(test(value_at(self._schedule, step))), piece.start, piece.stop - 1
        )

    def _first_in_cycles(self, test: Test, cycles: Cycles) -> int | None:
        """Return the first update of cycles that passes: in the first of them, or where it is bisected.

        Of updates one group apart none turns back, so where the first fails, all pass from some cycle on.
        """

        def inside(k: int) -> int | None:
            start, stop = cycles.window(k)
            return self.first_step(test, pieces(self._schedule, start, stop))

        def begins(kind: int) -> int | None:
            """Return the first whole period of a kind, of one sign, in which an update passes."""
            last = (whole - 1 - kind) // kinds
            if inside(last * kinds + kind) is None:
                return None
            return kind + kinds * first_from(lambda j: inside(kind + kinds * j) is not None, 0, last)

        kinds, whole = 2 if cycles.alternates else 1, (cycles.stop - cycles.start) // cycles.period
        early = next((step for step in map(inside, range(kinds)) if step is not None), None)
        if early is not None or cycles.repeats:
            return early
        found = [k for k in map(begins, range(kinds)) if k is not None]
        if found:
            return inside(min(found))
        return inside(whole) if cycles.window(whole)[0] < cycles.stop else None

    def _looked_at(self, parts: Iterable[Piece]) -> Iterator[tuple[Sequence[int], Series]]:
        """Yield updates with their values, among them all that could be the lowest and the highest.

        Of cycles these are the first and the last: at any moment of the cycle the values in between lie
        between these. Where the sign alternates, that is so for every second cycle.
        """
        for section in sections(self._schedule, parts):
            if isinstance(section, Ends):
                yield section.steps, section.values
            elif isinstance(section, Evaluated):
                yield from blocks(self._schedule, *section)
            else:
                start, stop, reach = section.start, section.stop, section.group
                yield from self._looked_at(pieces(self._schedule, start, start + reach))
                if not section.repeats:
                    yield from self._looked_at(pieces(self._schedule, stop - reach, stop))

    def _exact_spread(self, steps: Sequence[int], values: Series) -> tuple[float, float]:
        """Return the lowest and the highest of some values: an array may be off by its rounding.

        All that come near are called one by one, and the calls decide.
        """
        low, high = values.spread()
        if values.exact or math.isnan(low):
            return low, high
        slack = self._slack(values)
        lowest = values.near(lambda value: value <= low, slack)
        highest = values.near(lambda value: value >= high, slack)
        return min(self._called(steps, i) for i in lowest), max(self._called(steps, i) for i in highest)

    def _slack(self, values: Series) -> float:
        """Return how far off a single call the values of an array may be.

        That is a part of the largest value, or where large terms cancel, of these terms.
        """
        return 0.0 if values.exact else max(ROUNDING * values.peak(), self._cancelled)


def _magnitude(node: Schedule, inner: list[float]) -> float:
    """Return about how large the terms are that make up the value of a node."""
    match node:
        case Scaled():
            return abs(node.factor) * inner[0]
        case Sum():
            return sum(inner)
        case Product():
            return math.prod(inner)
        case Repeated():  # its powers, however high, come with values as high
            return inner[0] + 2 * abs(node.base)
        case Transition():
            return max(abs(node.start), abs(node.end))
    # The end of a power law that grows may be past any value that is used.
    return max(inner) if inner else abs(value_at(node, 0))


def jumps(schedule: Schedule, before: Piece, after: Piece) -> bool:
    """Whether the value at a joint leaves the way to it by more than it changes in an update around it.

    The way to it goes from the last value before the joint to the end of the piece *before*. A schedule in
    whole multiples goes on as long as it steps by one of them.
    """
    if continuous(schedule, before, after):
        return False
    last, now = value_at(schedule, before.stop - 1), value_at(schedule, after.start)
    following = value_at(schedule, min(after.start + 1, after.stop - 1))
    low, high = sorted((last, before.end))
    usual = max(abs(before.end - last), abs(following - now), ROUNDING * max(abs(before.end), abs(now)))
    if max(low - now, now - high) <= usual:
        return False
    return abs(now - before.end) > max(step_of(before.phase), step_of(after.phase))


def step_of(phase: Schedule) -> float:
    """Return by how much a phase may step and go on nevertheless: a multiple, where it is quantized."""
    return fold(phase, _step_of_node)


def _step_of_node(node: Schedule, inner: list[float]) -> float:
    """Return the step of a node, whose children's are *inner*."""
    match node:
        case Quantized():
            return node.multiple
        case Scaled():
            return abs(node.factor) * inner[0]
        case Sum():
            return sum(inner)
    return max(inner, default=0.0)
