"""Sums of values in whole numbers of the smallest float: nothing overflows, and nothing is rounded twice.

A mean over 10**9 updates is off by no more than one rounding, where adding floats one by one is off by many.
Values that come again, such as those of a constant or of cycles that are alike, are counted and not added.
"""

import decimal
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from tlama_core._evaluation.python_numbers import value_at
from tlama_core._evaluation.series import Series, blocks
from tlama_core.algebra import Schedule
from tlama_core.analysis.joints import pieces
from tlama_core.analysis.parts import Cycle, Piece
from tlama_core.analysis.values import plateaus

BITS = 1_074
"""Every float is a whole number of 2**-BITS."""

SPARE = 64
"""Values whose sum would be past every float are added at 2**-SPARE of it, exactly."""

SOON = 2_000_000
"""So many updates of cycles above a base are evaluated."""

EXACT = decimal.Context(prec=60, Emin=decimal.MIN_EMIN, Emax=decimal.MAX_EMAX, traps=[])
"""Far more digits than a float has, for the closed form of a geometric sum loses some."""


class NotFiniteError(ArithmeticError):
    """A value is infinite or NaN, and so is every sum with it."""


class _Constant(NamedTuple):
    value: float
    times: int


class _Cyclic(NamedTuple):
    start: int
    stop: int
    cycle: Cycle
    base: float


def mean_of(schedule: Schedule, start: int, stop: int) -> float:
    """Return the mean of the values used by the updates from *start* up to *stop*, or NaN."""
    try:
        return _total(schedule, start, stop) / ((stop - start) << BITS)
    except NotFiniteError:
        return math.nan


def _total(schedule: Schedule, start: int, stop: int) -> int:
    """Return the sum of the values of a range, in whole numbers of 2**-BITS.

    It is exact but for blocks of evaluated values, each of which is rounded once, and for the rounding of
    every value within cycles.
    """
    total = 0
    for part in _summands(schedule, pieces(schedule, start, stop)):
        if isinstance(part, _Constant):
            total += _whole(part.value) * part.times
        elif isinstance(part, _Cyclic):
            total += _of_cycles(schedule, part)
        else:
            total += sum(_of_block(values) for _, values in blocks(schedule, part.start, part.stop))
    return total


def _summands(schedule: Schedule, parts: Iterable[Piece]) -> Iterator[_Constant | _Cyclic | range]:
    """Group pieces by how they are added; what has to be evaluated comes as one range.

    A joint between two pieces that are both evaluated costs nothing: they are one range, served in large
    blocks.
    """
    run: range | None = None
    for piece in parts:
        known = _known(schedule, piece)
        if not known:
            run = range(piece.start if run is None else run.start, piece.stop)
            continue
        if run is not None:
            yield run
            run = None
        yield from known
    if run is not None:
        yield run


def _known(schedule: Schedule, piece: Piece) -> "Sequence[_Constant | _Cyclic]":
    """Return a piece as parts whose sums are known without all values; none where they are not.

    They are known of a piece of one value, whatever its length, of one that seldom steps, and of cycles each
    of which is the one before it times a number. Above a base so are the heights, but where the base cancels
    its rounding is left: those that are soon evaluated are. A direction of 0 alone is no proof: 0 times what
    overflows on the way is NaN.
    """
    cycle, count = piece.cycle, piece.stop - piece.start
    if cycle is not None and cycle.base is not None and count > 4 * cycle.period:
        if cycle.pure or count > SOON:
            return [_Cyclic(piece.start, piece.stop, cycle, cycle.base)]
        return []
    if piece.direction != 0:
        held = plateaus(schedule, piece) or ()
        return [_Constant(value, stop - start) for start, stop, value in held]
    first, last = value_at(schedule, piece.start), value_at(schedule, piece.stop - 1)
    if first != last and math.isfinite(first):  # 0 times what overflows on the way is NaN from there on
        return []
    return [_Constant(first, piece.stop - piece.start)]


def _whole(value: float) -> int:
    """Return a finite value in whole numbers of 2**-BITS."""
    if not math.isfinite(value):
        raise NotFiniteError(value)
    numerator, denominator = value.as_integer_ratio()
    return numerator << (BITS + 1 - denominator.bit_length())


def _of_block(values: Series) -> int:
    """Return the sum of evaluated values, rounded once.

    Where their sum is past every float they are added at a fraction of their size: only values of the other
    end of the range could lose digits, and they do not count beside those.
    """
    if not all(map(math.isfinite, values.spread())):
        raise NotFiniteError
    numbers = values.numbers()
    try:
        return _whole(math.fsum(numbers))
    except OverflowError:
        return _whole(math.fsum(math.ldexp(value, -SPARE) for value in numbers)) << SPARE


def _of_cycles(schedule: Schedule, part: _Cyclic) -> int:
    """Return the sum of cycles that shrink, grow or repeat: that of the highest times a geometric sum.

    sum = n * base + (first - base) * (1 + g + g^2 + … + g^(n-1)) + what is left of a cut cycle, where g is
    the gain of a period, and *base* that of all its updates. Where they grow it is taken from the last one:
    the first may be lost in the rounding of its base, and it does not tell whether all are finite.
    """
    period, whole = part.cycle.period, (part.stop - part.start) // part.cycle.period
    cut = part.start + whole * period
    rest = _total(schedule, cut, part.stop) if cut < part.stop else 0
    base = _whole(part.base) * period
    with decimal.localcontext(EXACT):
        gain = decimal.Decimal(part.cycle.gain) ** part.cycle.cycles
        if abs(gain) <= 1:
            highest = _total(schedule, part.start, part.start + period)
        else:
            highest = _total(schedule, cut - period, cut)
            _total(schedule, cut - 2 * period, cut - period)  # of the other sign, it may be past every float
            gain = 1 / gain
        if gain == 1:
            return highest * whole + rest
        return base * whole + int((highest - base) * ((1 - gain**whole) / (1 - gain))) + rest
