"""Questions about a schedule, answered from its curve at whole updates; and `check`, before the run."""

import math
import operator
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from functools import partial, singledispatch
from itertools import chain, groupby, islice, pairwise, takewhile
from typing import TYPE_CHECKING, Any, NamedTuple

import attrs

from tlama_core._evaluation.python_numbers import PYTHON
from tlama_core._fields import MAX_STEPS, as_length, as_number, refuse, short_repr
from tlama_core.algebra import (
    Constant,
    OpenChain,
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

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Values = npt.NDArray[np.float64]

BLOCK = 2**18
"""So many updates are evaluated at a time: a few megabytes, however long the schedule."""

MAX_EVALUATED = 10**9
"""More updates in a row are not evaluated one by one: it would take minutes, or never end."""

MAX_PIECES = 100_000
"""Cycles of more pieces than these are not told apart."""

ENDLESS_HORIZON = 10**5
"""So many updates does `check` evaluate of an endless schedule, where nothing says how long the run is."""

ROUNDING = 1e-9
"""Values that differ relatively by less are settled by calls (an array may round otherwise), and no jump."""


# --- where the formula of a schedule changes


class Piece(NamedTuple):
    """The updates *start* to *stop* - 1 of a schedule, between two changes of its formula."""

    start: int
    stop: int
    direction: int | None
    """1: never falls, -1: never rises, 0: constant, None: only its values tell."""
    end: float
    """The value that it comes to at *stop*, where the next piece may have another."""
    phase: Schedule
    """What rules here: the phase of a chain, under the operators that apply to it."""
    opens: bool = True
    """Whether a phase begins here, and not just a drop or a cycle inside of one."""
    many: bool = False
    """Whether it holds more cycles than are told apart."""


def pieces(schedule: Schedule, start: int, stop: int) -> Iterator[Piece]:
    """Split the updates from *start* up to *stop* where the formula changes; from the end on it holds."""
    end = int(min(stop, schedule.steps))
    if start < end:
        yield from _split(schedule, start, end)
    if max(start, end) < stop:
        yield Piece(max(start, end), stop, 0, schedule(schedule.steps), schedule, opens=False)


@singledispatch
def _split(schedule: Schedule, start: int, stop: int) -> Iterator[Piece]:
    """Split updates of a schedule, none past its end and at least one. This is for what nobody knows."""
    # A table has no entry at *stop*; and no function of the user's is called at the end of time.
    end = schedule(stop - 1) if stop - start <= MAX_EVALUATED else math.nan
    yield Piece(start, stop, None, end, schedule)


@_split.register
def _(schedule: Constant | Warmup | Transition | PowerLaw, start: int, stop: int) -> Iterator[Piece]:
    first, end = schedule(start), schedule(stop)
    yield Piece(start, stop, (end > first) - (end < first), end, schedule)


@_split.register
def _(schedule: Step, start: int, stop: int) -> Iterator[Piece]:
    drops = (time for time, _ in schedule.drops if start < time < stop)
    for a, b in pairwise([start, *drops, stop]):
        yield Piece(a, b, 0, schedule(a), schedule, opens=a == start)


@_split.register
def _(schedule: Piecewise, start: int, stop: int) -> Iterator[Piece]:
    first = bisect_right(schedule.starts, start) - 1
    for begin, phase in zip(schedule.starts[first:], schedule.phases[first:], strict=True):
        a, b = max(start - begin, 0), int(min(stop - begin, phase.steps))
        if a < b:
            yield from (_later(piece, begin) for piece in _split(phase, a, b))


@_split.register
def _(schedule: Scaled, start: int, stop: int) -> Iterator[Piece]:
    sign = (schedule.factor > 0) - (schedule.factor < 0)
    for piece in _split(schedule.schedule, start, stop):
        whole = piece.phase is schedule.schedule
        yield piece._replace(
            direction=piece.direction and sign * piece.direction,
            end=schedule.factor * piece.end,
            phase=schedule if whole else changed(schedule, schedule=piece.phase),
        )


@_split.register
def _(schedule: Sliced, start: int, stop: int) -> Iterator[Piece]:
    for piece in _split(schedule.schedule, start + schedule.start, stop + schedule.start):
        yield _later(piece._replace(phase=_cut_phase(schedule, piece)), -schedule.start)


@_split.register
def _(schedule: Stretched, start: int, stop: int) -> Iterator[Piece]:
    def clock(step: int) -> float:
        return float(PYTHON.rescale(step, int(schedule.schedule.steps), schedule.steps))

    def is_at(time: int, step: int) -> bool:
        return clock(step) >= time

    begin = start
    for piece in pieces(schedule.schedule, math.floor(clock(start)), math.floor(clock(stop - 1)) + 1):
        end = _first_from(partial(is_at, piece.stop), begin, stop)
        if begin < end:
            yield piece._replace(start=begin, stop=end, phase=_cut_phase(schedule, piece))
        begin = end


@_split.register
def _(schedule: Pointwise, start: int, stop: int) -> Iterator[Piece]:
    terms = [list(pieces(term, start, stop)) for term in schedule.terms]
    cuts = sorted({piece.start for term in terms for piece in term})
    split = len(cuts) > 1
    for a, b in pairwise([*cuts, stop]):
        here = [term[bisect_right(term, a, key=operator.attrgetter("start")) - 1] for term in terms]
        ends = (
            piece.end if piece.stop == b else term(b)
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
    """Return the direction in which all terms go, so that their join does, whatever the rounding."""
    directions = {piece.direction for piece in here} - {0}
    if len(directions) > 1:
        return None
    if directions and isinstance(schedule, Product):
        ends = (term(step) for term in schedule.terms for step in (start, stop - 1))
        if min(ends) < 0:
            return None
    return directions.pop() if directions else 0


@_split.register
def _(schedule: Repeated, start: int, stop: int) -> Iterator[Piece]:
    length = int(schedule.schedule.steps)
    if schedule.cycles is not None:
        for piece in pieces(schedule.cycles, start, stop):
            yield piece._replace(phase=schedule, opens=piece.opens and piece.start < length)
        return
    cycle = list(_split(schedule.schedule, 0, length))
    first, last = start // length, (stop - 1) // length
    told = last + 1 if (last + 1 - first) * len(cycle) <= MAX_PIECES else first + 1
    for k in range(first, told):
        factor = schedule.gain**k
        for piece in cycle:
            a, b = max(start, piece.start + k * length), min(stop, piece.stop + k * length)
            if a < b:
                direction = piece.direction and (piece.direction if factor >= 0 else -piece.direction)
                end = factor * piece.end
                yield Piece(a, b, direction, end, schedule, opens=piece.opens and k == 0, many=piece.many)
    if told <= last:
        yield Piece(told * length, stop, None, schedule(stop), schedule, opens=False, many=True)


def _later(piece: Piece, by: int) -> Piece:
    return piece._replace(start=piece.start + by, stop=piece.stop + by)


def _cut_phase(schedule: Sliced | Stretched, piece: Piece) -> Schedule:
    """Return what rules in a *piece* of the schedule that was cut: the cut, where that has no phases."""
    return schedule if piece.phase is schedule.schedule else piece.phase


def innermost(phase: Schedule) -> Schedule:
    """Return the shape that a cut, stretched, scaled or repeated phase still is."""
    while len(parts := children(phase)) == 1:
        (phase,) = parts
    return phase


# --- values


def _first_from(test: Callable[[int], bool], low: int, high: int) -> int:
    """Return the first of the steps *low* to *high* from which *test* holds; at *high* it is not asked."""
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if test(middle) else (middle + 1, high)
    return low


def _blocks(schedule: Schedule, start: int, stop: int) -> "Iterator[tuple[int, int, Values]]":
    """Evaluate every update from *start* up to *stop*, in blocks."""
    import numpy as np

    from tlama_core._evaluation.numpy_arrays import MAX_INT_CLOCK

    if stop - start > MAX_EVALUATED:
        rule = f"at most {MAX_EVALUATED:,} (stop= or steps= sets a nearer end)"
        refuse("the number of updates to evaluate one by one", rule, stop - start)
    for a in range(start, stop, BLOCK):
        b = min(a + BLOCK, stop)
        with np.errstate(all="ignore"):
            if b <= MAX_INT_CLOCK:  # an array counts exactly
                values = schedule(np.arange(a, b))
            else:
                values = np.fromiter(map(schedule, range(a, b)), dtype=float, count=b - a)
        yield a, b, values


def _curve(schedule: Schedule, parts: Iterable[Piece]) -> "Iterator[tuple[int, int, Values | None]]":
    """Yield the values of all updates in blocks; None for those that lie between the first and the last."""
    for piece in parts:
        # A direction is known of finite values: in a sum, inf - inf may come in between.
        ends = schedule(piece.start), schedule(piece.stop - 1)
        if piece.direction == 0 or (piece.direction is not None and all(map(math.isfinite, ends))):
            yield piece.start, piece.stop, None
        else:
            yield from _blocks(schedule, piece.start, piece.stop)


def _slack(values: "Values") -> float:
    import numpy as np

    return ROUNDING * float(np.abs(values[np.isfinite(values)]).max(initial=0.0))


def _first_steps(schedule: Schedule, test: Callable[[Any], Any], parts: Iterable[Piece]) -> Iterator[int]:
    """Yield, part by part, the first update whose value passes *test*, which takes a number or an array.

    Between two values that fail none may pass, nor one that fails between two that pass.
    """
    for a, b, values in _curve(schedule, parts):
        if values is not None:
            slack = _slack(values)
            near = (test(values - slack) | test(values + slack)).nonzero()[0].tolist()
            yield from islice((a + i for i in near if test(schedule(a + i))), 1)
        elif test(schedule(a)):
            yield a
        elif test(schedule(b - 1)):
            yield _first_from(lambda step: bool(test(schedule(step))), a, b - 1)


def _lowest_and_highest(schedule: Schedule, a: int, b: int, values: "Values | None") -> list[float]:
    if values is None:
        return sorted((schedule(a), schedule(b - 1)))
    low, high, slack = values.min(), values.max(), _slack(values)
    return [
        best((schedule(a + i) for i in near.nonzero()[0].tolist()), default=math.nan)
        for best, near in ((min, values <= low + slack), (max, values >= high - slack))
    ]


def _checked(question: str, schedule: object) -> Schedule:
    if isinstance(schedule, OpenChain):
        schedule.refuse()
    if not isinstance(schedule, Schedule):
        refuse(f"what {question} is asked of", "a schedule", schedule, TypeError)
    return schedule


def _range(question: str, schedule: Schedule, start: int, stop: int | None, *, held: int) -> tuple[int, int]:
    """Return the range as checked; without *stop* up to the end, and *held* updates of what it holds."""
    start = int(as_length(f"{question}.start", start))
    if stop is not None:
        return start, int(as_length(f"{question}.stop", stop, at_least=start + 1))
    if math.isinf(schedule.steps):
        refuse(f"{question}.stop", "given for an endless schedule", schedule)
    return start, max(int(schedule.steps) + held, start + 1)


# --- questions


@attrs.frozen
class Bounds:
    """The lowest and the highest value of a schedule, and the first updates that use them."""

    low: float
    low_step: int
    high: float
    high_step: int


def bounds(schedule: Schedule, start: int = 0, stop: int | None = None) -> Bounds:
    """Return the lowest and the highest value over the updates from *start* up to *stop*.

    Without *stop* they are bounds for ever: the end value, which is held, counts. A run that is as long
    as the schedule does not use it: that is `bounds(schedule, 0, schedule.steps)`. Where a value is NaN,
    both are NaN, and the step is its first.

    Raises `ValueError` for an endless schedule without *stop*, and where more than 10**9 updates in a
    row would have to be evaluated (products, sums, functions; shapes know their ends, however long).

    >>> from tlama_core import Linear, Warmup
    >>> schedule = Warmup(1.0, steps=10) >> Linear.to(0.0, steps=90)
    >>> bounds(schedule)
    Bounds(low=0.0, low_step=100, high=1.0, high_step=9)
    >>> bounds(schedule, 0, 50).low
    0.1
    """
    start, stop = _range("bounds", _checked("bounds", schedule), start, stop, held=1)
    found = [_lowest_and_highest(schedule, *part) for part in _curve(schedule, pieces(schedule, start, stop))]

    def first(test: Callable[[Any], Any]) -> int:
        return next(_first_steps(schedule, test, pieces(schedule, start, stop)))

    if any(math.isnan(low) for low, _ in found):
        step = first(lambda value: value != value)  # noqa: PLR0124 - so is NaN
        return Bounds(math.nan, step, math.nan, step)
    low, high = min(low for low, _ in found), max(high for _, high in found)
    return Bounds(low, first(lambda value: value <= low), high, first(lambda value: value >= high))


def mean(schedule: Schedule, start: int = 0, stop: int | None = None) -> float:
    """Return the mean of the values used by the updates from *start* up to *stop* (or the end).

    It is off the exact mean of the values by at most 4e-16 of their mean magnitude. Where a value is not
    finite, it is NaN.

    Raises `ValueError` for an endless schedule without *stop*, and where more than 10**9 updates in a
    row have to be evaluated (all but constant phases).

    >>> from tlama_core import Linear
    >>> mean(Linear(1.0, 0.0, steps=4)), mean(Linear(1.0, 0.0, steps=4), 0, 8)
    (0.625, 0.3125)
    """
    start, stop = _range("mean", _checked("mean", schedule), start, stop, held=0)
    count = stop - start

    def shares() -> Iterator[Iterable[float]]:  # divided first: a sum may be past every float, a mean is not
        for constant, found in groupby(pieces(schedule, start, stop), lambda piece: piece.direction == 0):
            if constant:
                yield (schedule(piece.start) * ((piece.stop - piece.start) / count) for piece in found)
                continue
            evaluated = list(found)
            for _, _, values in _blocks(schedule, evaluated[0].start, evaluated[-1].stop):
                yield (values / count).tolist()

    return math.fsum(chain.from_iterable(map(_finite_or_nan, shares())))


def _finite_or_nan(shares: Iterable[float]) -> list[float]:
    shares = list(shares)
    return shares if all(map(math.isfinite, shares)) else [math.nan]


def first_step_below(schedule: Schedule, value: float, start: int = 0, stop: int | None = None) -> int | None:
    """Return the first update, from *start* on and before *stop*, that uses less than *value*; or None.

    Without *stop* the search goes on for ever: past the end, where the end value holds, an update can
    be the first. In an endless schedule that is possible as long as shapes rise or fall.

    Raises `ValueError` where more than 10**9 updates in a row would have to be evaluated, such as those
    of an endless product, function or repetition: there, give *stop*.

    >>> from tlama_core import Cosine, PowerLaw, Warmup
    >>> first_step_below(Warmup(1.0, steps=10) >> Cosine.to(0.0, steps=90), 0.1, start=10)
    82
    >>> first_step_below(PowerLaw(1.0, timescale=100), 1e-6)
    99999999999901
    >>> first_step_below(Cosine(1.0, 0.1, steps=10**12), 0.1) is None
    True
    """
    return _first_that(operator.lt, "first_step_below", schedule, value, start, stop)


def first_step_above(schedule: Schedule, value: float, start: int = 0, stop: int | None = None) -> int | None:
    """Return the first update, from *start* on and before *stop*, that uses more than *value*; or None.

    In everything else it is `first_step_below`.

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
    start: int,
    stop: int | None,
) -> int | None:
    value = as_number(f"{question}.value", value)
    if stop is None and math.isinf(_checked(question, schedule).steps):
        stop = MAX_STEPS
    start, stop = _range(question, _checked(question, schedule), start, stop, held=1)
    return next(
        _first_steps(schedule, lambda used: compare(used, value), pieces(schedule, start, stop)), None
    )


def breakpoints(schedule: Schedule, stop: int | None = None) -> tuple[int, ...]:
    """Return the updates at which the formula of *schedule* changes, before its end and before *stop*.

    They are where phases meet, drops of a `Step`, starts of cycles, and in a sum, product, maximum or
    minimum those of its terms, and the terms' ends. (Where a clamp sets in is none: ask
    `first_step_below`.)

    Raises `ValueError` for more than 100,000 pieces of cycles, such as those of an endless repetition:
    there, give a nearer *stop*.

    >>> from tlama_core import Constant, Linear, Warmup
    >>> breakpoints(Warmup(1.0, steps=10) >> Constant.hold(steps=70) >> Linear.to(0.0, steps=20))
    (10, 80)
    >>> breakpoints(Constant(1.0, steps=30).repeat(gain=0.1), stop=100)
    (30, 60, 90)
    """
    steps = _checked("breakpoints", schedule).steps
    end = MAX_STEPS if stop is None else int(as_length("breakpoints.stop", stop))
    _, *later = [Piece(0, 0, 0, 0.0, schedule), *pieces(schedule, 0, int(min(steps, end)))]
    if any(piece.many for piece in later):
        refuse("breakpoints.stop", f"such that cycles have at most {MAX_PIECES:,} pieces", schedule)
    return tuple(piece.start for piece in later[1:])


@attrs.frozen
class Difference:
    """The largest gap between two schedules, the first update that has it, and the values there."""

    gap: float
    step: int
    a: float
    b: float


def difference(a: Schedule, b: Schedule, start: int = 0, stop: int | None = None) -> Difference:
    """Return the largest gap `abs(a(t) - b(t))` over the updates from *start* up to *stop*, and where.

    Without *stop* it is the largest there ever is, the held end values counted. Raises as `bounds` does
    for `a - b`.

    >>> from tlama_core import Cosine, Linear
    >>> difference(Linear(1.0, 0.0, steps=90), Cosine(1.0, 0.0, steps=90), stop=45)
    Difference(gap=0.105..., step=20, a=0.777..., b=0.883...)
    """
    apart = _checked("difference", a) - _checked("difference", b)
    start, stop = _range("difference", apart, start, stop, held=1)
    found = bounds(apart, start, stop)
    # Of two gaps alike, the first; NaN is at both.
    step = min((-abs(v), k) for v, k in ((found.low, found.low_step), (found.high, found.high_step)))[1]
    return Difference(abs(apart(step)), step, a(step), b(step))


# --- the table


WIDTH = 100
SHOWN_ROWS = 40


@attrs.frozen
class Row:
    """A phase of a schedule: its first and last update, and the values that these use."""

    phase: Schedule
    first_step: int
    last_step: int | float
    """Infinite where the phase never ends; then `last_value` is None."""
    first_value: float
    last_value: float | None
    then: str
    """What follows: `goes on`, `jumps to` a value, `holds` a value, or `never ends`."""


@attrs.frozen(repr=False)
class Description:
    """The phases of a schedule as rows; it prints as a table of at most 100 columns."""

    rows: tuple[Row, ...]

    def cells(self) -> list[tuple[str, ...]]:
        """Return the table as lines of texts, the titles first; the middle of a very long one is left out."""
        return [
            ("phase", "from", "to", "first value", "last value", "then"),
            *(
                (
                    repr(row.phase),
                    _step(row.first_step),
                    _step(row.last_step),
                    f"{row.first_value:.6g}",
                    "" if row.last_value is None else f"{row.last_value:.6g}",
                    row.then,
                )
                for row in self._shown()
            ),
        ]

    def __repr__(self) -> str:
        """Return the table, one line a row."""
        lines = self.cells()
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        widths[0] = min(widths[0], WIDTH - sum(widths[1:]) - 2 * len(widths[1:]))
        text = [_aligned(line, widths) for line in lines]
        if hidden := len(self.rows) - len(lines) + 1:
            text.insert(1 + SHOWN_ROWS // 2, f"… {hidden:,} more …")
        return "\n".join(text)

    def _shown(self) -> tuple[Row, ...]:
        half = SHOWN_ROWS // 2
        return self.rows if len(self.rows) <= SHOWN_ROWS else self.rows[:half] + self.rows[-half:]


def _step(step: float) -> str:
    return f"{step:,}" if step < 10**10 else f"{step:.6g}"


def _aligned(line: tuple[str, ...], widths: list[int]) -> str:
    phase, *numbers, then = line
    if len(phase) > widths[0]:
        phase = f"{phase[: widths[0] - 1]}…"
    columns = (text.rjust(width) for text, width in zip(numbers, widths[1:-1], strict=True))
    return "  ".join([phase.ljust(widths[0]), *columns, then])


def describe(schedule: Schedule) -> Description:
    """Return a table of the phases: from and to which update, from and to which value, what follows.

    There is a row for every piece between two `breakpoints`, so also for every level of a `Step` and
    every cycle; cycles that are too many for that share a row after the first. A phase of no length
    owns no update and has no row.

    >>> from tlama_core import Constant, Linear, Warmup
    >>> describe(Warmup(3e-4, steps=2_000) >> Constant.hold(78_000) >> Linear.to(0.0, steps=20_000))
    phase                               from      to  first value  last value  then
    Warmup(0.0003, steps=2000)             0   1,999      1.5e-07      0.0003  goes on
    Constant(0.0003, steps=78000)      2,000  79,999       0.0003      0.0003  goes on
    Linear(0.0003, 0.0, steps=20000)  80,000  99,999       0.0003     1.5e-08  holds 0
    """
    _checked("describe", schedule)
    found = list(pieces(schedule, 0, int(min(schedule.steps, MAX_STEPS))))
    endless = math.isinf(schedule.steps)
    rows = [
        Row(
            piece.phase,
            piece.start,
            piece.stop - 1,
            schedule(piece.start),
            schedule(piece.stop - 1),
            f"jumps to {schedule(after.start):.6g}" if _jumps(schedule, piece, after) else "goes on",
        )
        for piece, after in pairwise(found)
    ]
    for piece in found[-1:]:
        last_step, last = (math.inf, None) if endless else (piece.stop - 1, schedule(piece.stop - 1))
        then = "never ends" if endless else f"holds {schedule(schedule.steps):.6g}"
        rows.append(Row(piece.phase, piece.start, last_step, schedule(piece.start), last, then))
    return Description(tuple(rows))


def _jumps(schedule: Schedule, before: Piece, after: Piece) -> bool:
    """Whether the value at a joint is off the way to it by more than it changes in an update around it."""
    last, now = schedule(before.stop - 1), schedule(after.start)
    following = schedule(min(after.start + 1, after.stop - 1))
    low, high = sorted((last, before.end))
    usual = max(abs(before.end - last), abs(following - now), ROUNDING * max(abs(before.end), abs(now)))
    return max(low - now, now - high) > usual


# --- the lint


@attrs.frozen
class Finding:
    """Something about a schedule that is probably not meant: which, at which update, what to write."""

    code: str
    step: int
    message: str
    hint: str

    def __str__(self) -> str:
        return f"update {_step(self.step)}: {self.message} [{self.code}]\n    {self.hint}"


class _Run(NamedTuple):
    """A schedule, how many updates it is run for (None: it has not been said), and its pieces."""

    schedule: Schedule
    steps: int | None
    pieces: list[Piece]

    @property
    def whole(self) -> float:
        """The updates that are asked about: the run's, or the schedule's."""
        return self.schedule.steps if self.steps is None else self.steps


def check(schedule: Schedule, steps: int | None = None) -> tuple[Finding, ...]:
    """Return what is probably not meant in *schedule*, run for *steps* updates; nothing if it is clean.

    | code | finding |
    |---|---|
    | `zero-first-update` | update 0 uses 0, so it learns nothing |
    | `jump` | a phase does not start where the one before it came to, by more than an update's change |
    | `scaled-alone` | a number scales the first phase of a chain and no other: `*` binds before `>>` |
    | `negative-value` | a value is below 0 |
    | `non-finite-value` | a value is infinite or NaN |
    | `long-warmup` | the first rise, from below half its height, takes more than half of the run |
    | `looks-like-epochs` | fewer than 1,000 updates in all, with a phase of at most 10 |
    | `run-ends-early` | the run ends before the schedule does |
    | `run-ends-late` | the run goes on after the schedule's end, whose value it holds |
    | `end-not-reached` | the run ends at another value than the schedule |
    | `phase-not-reached` | the run ends before a phase begins |

    The last four are asked where *steps* is given. What is meant is not found: drops of a `Step`, the
    restarts of `a.repeat(…)`, the start of a later `Warmup`, a last hold that the run does not need.

    All values are looked at, the held end value too where *steps* is not given, and with the limits of
    `bounds`. Of an endless schedule without *steps*, the first 100,000 updates are evaluated of all those
    whose shapes do not tell (in products, functions, repetitions).

    >>> from tlama_core import Cosine, Warmup
    >>> check(Warmup(3e-4, steps=2_000) >> Cosine.to(3e-5, steps=98_000), steps=100_000)
    ()
    >>> for finding in check(Warmup(3e-4, steps=2_000) >> Cosine(3e-3, 3e-5, steps=98_000)):
    ...     print(finding)
    update 2,000: the value jumps from 0.0003 to 0.003 (x 10) [jump]
        Cosine.to(end, steps=n) starts where the phase before it ends; a drop that is meant is a Step
    """
    _checked("check", schedule)
    if steps is not None:
        steps = int(as_length("check.steps", steps, at_least=1))
    run = _Run(schedule, steps, list(pieces(schedule, 0, int(min(schedule.steps, MAX_STEPS)))))
    found = (finding for rule in _RULES for finding in rule(run))
    return tuple(sorted(found, key=operator.attrgetter("step")))


_PARENTHESES = "* binds tighter than >>: write c * (a >> b) to scale all phases"
_JOIN = "Cosine.to(end, steps=n) starts where the phase before it ends; a drop that is meant is a Step"


def _zero_first_update(run: _Run) -> Iterator[Finding]:
    if run.schedule(0) == 0:
        hint = "Warmup(peak, steps=n) starts at peak / n, Linear(0.0, peak, steps=n) at 0"
        yield Finding("zero-first-update", 0, "the first update uses 0: it learns nothing", hint)


def _jump(run: _Run) -> Iterator[Finding]:
    for before, after in pairwise(run.pieces):
        if not after.opens or after.start >= run.whole or not _jumps(run.schedule, before, after):
            continue
        if isinstance(innermost(after.phase), Warmup):  # it begins near 0 whatever came before
            continue
        left, now = before.end, run.schedule(after.start)
        ratio = f" (x {now / left:.4g})" if left else ""
        message = f"the value jumps from {left:.6g} to {now:.6g}{ratio}"
        alone = before.start == 0 and _is_scaled_alone(run)
        yield Finding("jump", after.start, message, _PARENTHESES if alone else _JOIN)


def _is_scaled_alone(run: _Run) -> bool:
    """Whether the first phase of a chain is a scaled shape, and no other is scaled."""
    if not isinstance(run.schedule, Piecewise) or len(run.pieces) < 2:
        return False
    scaled = [isinstance(piece.phase, Scaled) for piece in run.pieces]
    return scaled[0] and not any(scaled[1:]) and not children(innermost(run.pieces[0].phase))


def _scaled_alone(run: _Run) -> Iterator[Finding]:
    if _is_scaled_alone(run) and not _jumps(run.schedule, *run.pieces[:2]):
        message = f"the first phase, {short_repr(run.pieces[0].phase)}, is scaled, and no other is"
        yield Finding("scaled-alone", 0, message, f"{_PARENTHESES}, or give the phase the value itself")


def _looked_at(run: _Run) -> Iterator[Piece]:
    """Yield the pieces whose values are looked at: without an end, not all of what has to be evaluated."""
    stop = int(min(run.whole, MAX_STEPS)) + (run.steps is None)  # the end value is held
    left = ENDLESS_HORIZON if math.isinf(run.whole) else stop
    for piece in pieces(run.schedule, 0, stop):
        if piece.direction is not None:
            yield piece
        elif left:
            yield piece._replace(stop=min(piece.stop, piece.start + left))
            left -= min(piece.stop - piece.start, left)


def _first_of(code: str, test: Callable[[Any], Any], hint: str) -> Callable[[_Run], Iterator[Finding]]:
    """Return the rule that finds the first value that passes *test*."""

    def rule(run: _Run) -> Iterator[Finding]:
        for step in islice(_first_steps(run.schedule, test, _looked_at(run)), 1):
            yield Finding(code, step, f"the value is {run.schedule(step):.6g}", hint)

    return rule


def _long_warmup(run: _Run) -> Iterator[Finding]:
    rising = list(takewhile(lambda piece: piece.direction == 1, run.pieces))
    if not rising or not 0 <= run.schedule(0) < rising[-1].end / 2:
        return
    length = rising[-1].stop
    alone = length == min(run.schedule.steps, MAX_STEPS)  # a rise and nothing else is no warmup
    if length > run.whole / 2 and (not alone or isinstance(innermost(rising[0].phase), Warmup)):
        message = f"the warmup takes {_step(length)} updates of {_step(run.whole)}"
        yield Finding("long-warmup", length, message, "a warmup is usually a few per cent of the run")


def _looks_like_epochs(run: _Run) -> Iterator[Finding]:
    short = [piece for piece in run.pieces if piece.opens and piece.stop - piece.start <= 10]
    if short and run.schedule.steps < 1_000:
        start, stop, *_ = short[0]
        message = f"of {run.schedule.steps} updates in all, the phase from here has {stop - start}"
        hint = "lengths are optimizer updates: write epochs * updates_per_epoch"
        yield Finding("looks-like-epochs", start, message, hint)


def _fitting(run: _Run) -> str:
    if math.isinf(run.schedule.steps):
        return "a longer run, or shorter phases before it"
    return f"schedule.stretch(steps={run.steps}) takes as long as the run"


def _run_and_end(run: _Run) -> Iterator[Finding]:
    schedule, steps = run.schedule, run.steps
    if steps is None or schedule.steps in (steps, math.inf):
        return
    held, last = schedule(schedule.steps), schedule(steps)
    if steps > schedule.steps:
        message = f"the schedule ends, and {_step(steps - schedule.steps)} more updates use {held:.6g}"
        hint = f"{_fitting(run)}; schedule >> Constant.hold() if it is meant"
        yield Finding("run-ends-late", int(schedule.steps), message, hint)
        return
    message = f"the run ends {_step(schedule.steps - steps)} updates before the schedule"
    yield Finding("run-ends-early", steps, message, f"{_fitting(run)}; schedule[:{steps}] if it is meant")
    if not math.isclose(last, held, rel_tol=ROUNDING):
        message = f"the run ends at {last:.6g}, the schedule at {held:.6g}"
        yield Finding("end-not-reached", steps, message, _fitting(run))


def _phase_not_reached(run: _Run) -> Iterator[Finding]:
    late = [piece for piece in run.pieces if piece.opens and piece.start >= run.whole]
    if not late or (len(late) == 1 and _only_holds(run, late[0])):
        return
    more = f", nor are {len(late) - 1:,} more" if late[1:] else ""
    message = f"{short_repr(late[0].phase)} is not reached by a run of {_step(run.whole)} updates{more}"
    yield Finding("phase-not-reached", late[0].start, message, _fitting(run))


def _only_holds(run: _Run, last: Piece) -> bool:
    """Whether an endless last phase holds what the run came to: no run need reach it."""
    endless = math.isinf(run.schedule.steps) and last.direction == 0
    return endless and run.schedule(last.start) == run.pieces[-2].end


_RULES: tuple[Callable[[_Run], Iterator[Finding]], ...] = (
    _zero_first_update,
    _jump,
    _scaled_alone,
    _first_of("negative-value", lambda v: v < 0, "schedule.clamp(low=0.0) sets a floor"),
    _first_of(
        "non-finite-value",
        lambda v: (v != v) | (abs(v) == math.inf),  # noqa: PLR0124 - so is NaN
        "a scaled value, sum or product is past the largest float: look at its terms",
    ),
    _long_warmup,
    _looks_like_epochs,
    _run_and_end,
    _phase_not_reached,
)
