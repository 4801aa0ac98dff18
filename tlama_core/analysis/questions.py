"""Questions about the values of a schedule: how low, how high, when first, where else, how far apart."""

import math
import operator
from collections.abc import Callable
from typing import Any

import attrs

from tlama_core._evaluation.python_numbers import value_at
from tlama_core._evaluation.series import Test
from tlama_core._fields import MAX_STEPS, as_length, as_number, refuse
from tlama_core.algebra import Schedule, require_schedule
from tlama_core.analysis.joints import MAX_PIECES, pieces
from tlama_core.analysis.totals import mean_of
from tlama_core.analysis.values import Values


def _range(
    question: str, schedule: Schedule, start: float, stop: float | None, *, past_end: int
) -> tuple[int, int]:
    """Return the range as checked; without *stop*, up to *past_end* updates after the end."""
    start = int(as_length(f"{question}.start", start))
    if stop is not None:
        return start, int(as_length(f"{question}.stop", stop, at_least=start + 1))
    if math.isinf(schedule.steps):
        refuse(f"{question}.stop", "given for an endless schedule", schedule)
    return start, max(int(schedule.steps) + past_end, start + 1)


@attrs.frozen
class Bounds:
    """The lowest and the highest value of a schedule, and the first updates that use them."""

    low: float
    low_step: int
    high: float
    high_step: int


def bounds(schedule: Schedule, start: float = 0, stop: float | None = None) -> Bounds:
    """Return the lowest and the highest value over the updates from *start* up to *stop*.

    Without *stop* they are bounds for ever: the end value, which is held, counts. A run exactly as long
    as the schedule never uses that value: its bounds are `bounds(schedule, 0, schedule.steps)`. Where a
    value is NaN, both bounds are NaN, at the first such update.

    Raises `ValueError` for an endless schedule without *stop*, and where more than 10**9 updates in a
    row (2,000,000 without NumPy) would have to be evaluated (products, sums, functions; shapes know their
    ends, however long, and of cycles the first and the last are enough, however many).

    >>> from tlama_core import Linear, Warmup
    >>> schedule = Warmup(1.0, steps=10) >> Linear.to(0.0, steps=90)
    >>> bounds(schedule)
    Bounds(low=0.0, low_step=100, high=1.0, high_step=9)
    >>> bounds(schedule, 0, 50).low
    0.1
    """
    schedule = require_schedule("bounds.schedule", schedule)
    start, stop = _range("bounds", schedule, start, stop, past_end=1)
    parts, values = list(pieces(schedule, start, stop)), Values(schedule)
    low, high = values.extremes(parts)

    def first(test: Test) -> int:
        found = values.first_step(test, parts)
        assert found is not None
        return found

    if math.isnan(low):
        step = first(lambda value: value != value)  # noqa: PLR0124 - true of NaN alone
        return Bounds(low, step, high, step)
    return Bounds(low, first(lambda value: value <= low), high, first(lambda value: value >= high))


def mean(schedule: Schedule, start: float = 0, stop: float | None = None) -> float:
    """Return the mean of the values used by the updates from *start* up to *stop* (or the end).

    It is within 4e-16 of their mean magnitude of the exact mean of the values, and NaN where a value is
    not finite. Of cycles with a base, that base counts as a magnitude too.

    Raises `ValueError` for an endless schedule without *stop*, and where more than 10**9 updates in a
    row (2,000,000 without NumPy) have to be evaluated: all but constant phases, and very many cycles,
    which are the first one times a geometric sum.

    >>> from tlama_core import Linear
    >>> mean(Linear(1.0, 0.0, steps=4)), mean(Linear(1.0, 0.0, steps=4), 0, 8)
    (0.625, 0.3125)
    """
    schedule = require_schedule("mean.schedule", schedule)
    start, stop = _range("mean", schedule, start, stop, past_end=0)
    return mean_of(schedule, start, stop)


def first_step_below(
    schedule: Schedule, value: float, start: float = 0, stop: float | None = None
) -> int | None:
    """Return the first update, from *start* on and before *stop*, that uses less than *value*; or None.

    Without *stop* the search goes on for ever, past the end too, where the end value is held. Of an
    endless schedule that is possible where its shape tells whether it rises or falls.

    Raises `ValueError` where more than 10**9 updates in a row (2,000,000 without NumPy) would have to be
    evaluated, such as those of an endless product or function: there, give *stop*.

    >>> from tlama_core import Cosine, PowerLaw, Warmup
    >>> first_step_below(Warmup(1.0, steps=10) >> Cosine.to(0.0, steps=90), 0.1, start=10)
    82
    >>> first_step_below(PowerLaw(1.0, timescale=100), 1e-6)
    99999999999901
    >>> first_step_below(Cosine(1.0, 0.1, steps=10**12), 0.1) is None
    True
    """
    return _first_that(operator.lt, "first_step_below", schedule, value, start, stop)


def first_step_above(
    schedule: Schedule, value: float, start: float = 0, stop: float | None = None
) -> int | None:
    """Return the first update, from *start* on and before *stop*, that uses more than *value*; or None.

    The range, the limits and the errors are those of `first_step_below`.

    >>> from tlama_core import Warmup
    >>> first_step_above(Warmup(1.0, steps=10), 0.5), first_step_above(Warmup(1.0, steps=10), 1.0)
    (5, None)
    """
    return _first_that(operator.gt, "first_step_above", schedule, value, start, stop)


def _first_that(
    compare: Callable[[Any, float], Any],
    question: str,
    schedule: Schedule,
    value: float,
    start: float,
    stop: float | None,
) -> int | None:
    """Return the first update of a range whose value compares so with *value*, or None."""
    schedule = require_schedule(f"{question}.schedule", schedule)
    threshold = as_number(f"{question}.value", value)
    if stop is None and math.isinf(schedule.steps):
        stop = MAX_STEPS
    start, stop = _range(question, schedule, start, stop, past_end=1)
    return Values(schedule).first_step(lambda used: compare(used, threshold), pieces(schedule, start, stop))


def breakpoints(schedule: Schedule, stop: float | None = None) -> tuple[int, ...]:
    """Return the updates at which the formula of *schedule* changes, before its end and before *stop*.

    They are where phases meet, the drops of a `Step` and the starts of cycles; in a sum, product, maximum
    or minimum they are those of its terms, and the terms' ends. (The update where a clamp sets in is not
    one of them: ask `first_step_below`.)

    Raises `ValueError` for more than 100,000 pieces of cycles, such as those of an endless repetition:
    there, give a nearer *stop*.

    >>> from tlama_core import Constant, Linear, Warmup
    >>> breakpoints(Warmup(1.0, steps=10) >> Constant.hold(steps=70) >> Linear.to(0.0, steps=20))
    (10, 80)
    >>> breakpoints(Constant(1.0, steps=30).repeat(gain=0.1), stop=100)
    (30, 60, 90)
    """
    schedule = require_schedule("breakpoints.schedule", schedule)
    end = MAX_STEPS if stop is None else int(as_length("breakpoints.stop", stop))
    found = list(pieces(schedule, 0, int(min(schedule.steps, end))))
    if any(piece.many for piece in found):
        refuse("breakpoints.stop", f"such that cycles have at most {MAX_PIECES:,} pieces", schedule)
    return tuple(piece.start for piece in found[1:])


@attrs.frozen
class Difference:
    """The largest gap between two schedules, the first update that has it, and the values there."""

    gap: float
    step: int
    a: float
    b: float


def difference(a: Schedule, b: Schedule, start: float = 0, stop: float | None = None) -> Difference:
    """Return the largest gap `abs(a(t) - b(t))` over the updates from *start* up to *stop*, and where.

    Without *stop* the end values count, which are held for ever. It raises what `bounds` raises for
    `a - b`.

    >>> from tlama_core import Cosine, Linear
    >>> difference(Linear(1.0, 0.0, steps=90), Cosine(1.0, 0.0, steps=90), stop=45)
    Difference(gap=0.105..., step=20, a=0.777..., b=0.883...)
    """
    apart = require_schedule("difference.a", a) - require_schedule("difference.b", b)
    start, stop = _range("difference", apart, start, stop, past_end=1)
    found = bounds(apart, start, stop)
    # Of two equal gaps, the first; where one is NaN, both steps are its.
    step = min((-abs(v), k) for v, k in ((found.low, found.low_step), (found.high, found.high_step)))[1]
    return Difference(abs(value_at(apart, step)), step, value_at(a, step), value_at(b, step))
