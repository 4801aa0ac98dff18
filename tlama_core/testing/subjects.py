"""What an invariant is asked of: a schedule, a function of the update, a scheduler object, a list of rates.

Of a schedule of this library, pieces tell the whole curve, however long. Of anything else every update is
looked at. Nothing here imports a framework: what its objects offer is enough.
"""

import copy
import inspect
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import islice, pairwise
from typing import Any, Protocol, TypeAlias

import attrs

from tlama_core._evaluation.python_numbers import value_at
from tlama_core._evaluation.series import blocks
from tlama_core._fields import as_length, refuse
from tlama_core.algebra import OpenChain, Schedule, require_schedule
from tlama_core.analysis import Piece, bounds, first_step_above, first_step_below, mean, pieces

Pair: TypeAlias = Callable[[float, float], bool]
"""A claim about two updates in a row that fails for all pairs between two values for which it fails."""

ROUNDING = 1e-12
"""Two values no further apart than this, of the larger one, are one: those of expressions are rounded."""

SINGLE_ROUNDING = 1e-6
"""The same for what a framework computes, in single precision."""

LARGEST = sys.float_info.max

MANY = 64
"""One update in so many is looked at before all are evaluated at once."""


def turning(way: int, rounding: float) -> Pair:
    """Return the test whether a rate changes against *way*, by more than *rounding* of it; NaN does."""

    def turns(before: float, after: float) -> bool:
        size = min(max(abs(before), abs(after)), LARGEST)
        return before != after and not way * (before - after) <= rounding * size

    return turns


def jumping(most: float) -> Pair:
    """Return the test whether two rates are further apart than *most*; NaN is."""
    return lambda before, after: before != after and not abs(after - before) <= most


def about(highest: float, rounding: float) -> float:
    """Return above which rates are about as high as the highest."""
    return highest - rounding * abs(highest)


class Curve(Protocol):
    """The rates that a subject uses, from update 0 to the last one that is looked at."""

    @property
    def last(self) -> int:
        """The last update that is looked at: the end that is held from then on."""

    @property
    def rounding(self) -> float:
        """Two rates no further apart than this, of the larger one, are one."""

    def value(self, step: int) -> float:
        """Return the rate of an update."""

    def first_outside(self, low: float, high: float) -> int | None:
        """Return the first update whose rate is not from *low* to *high*: NaN is none."""

    def first_turn(self, way: int, start: int, stop: int) -> int | None:
        """Return the first update after *start*, up to *stop*, whose rate changes against *way*, -1 or 1."""

    def first_jump(self, most: float) -> int | None:
        """Return the first update whose rate is more than *most* away from the one before."""

    def peak(self) -> int:
        """Return the first update that uses the highest rate, save for rounding."""

    def is_peak(self, step: int) -> bool:
        """Whether an update uses about the highest rate, and none before it as high a one."""

    def size(self) -> float:
        """Return the largest finite magnitude of a rate; 0 without one."""

    def mean(self) -> float:
        """Return the mean rate of all updates but the last, which is the end that is held."""


@attrs.frozen
class ListedCurve:
    """Rates that are known one by one."""

    rates: Sequence[float]
    rounding: float

    @property
    def last(self) -> int:
        """The last update that is known."""
        return len(self.rates) - 1

    def value(self, step: int) -> float:
        """Return an entry."""
        return self.rates[step]

    def first_outside(self, low: float, high: float) -> int | None:
        """Look at every update."""
        return next((step for step, rate in enumerate(self.rates) if not low <= rate <= high), None)

    def first_turn(self, way: int, start: int, stop: int) -> int | None:
        """Look at every pair in the range."""
        return self._first_pair(turning(way, self.rounding), start, stop)

    def first_jump(self, most: float) -> int | None:
        """Look at every pair."""
        return self._first_pair(jumping(most), 0, self.last)

    def _first_pair(self, fails: Pair, start: int, stop: int) -> int | None:
        """Return the first update that fails with the one before it."""
        pairs = enumerate(pairwise(self.rates[start : stop + 1]), start + 1)
        return next((step for step, pair in pairs if fails(*pair)), None)

    def peak(self) -> int:
        """Look for the highest rate, then for the first that is about as high; without a number, it is 0."""
        highest = max((rate for rate in self.rates if not math.isnan(rate)), default=math.nan)
        above = about(highest, self.rounding)
        return next((i for i, rate in enumerate(self.rates) if rate > above or rate == highest), 0)

    def is_peak(self, step: int) -> bool:
        """Compare it with every rate."""
        if step > self.last:
            return False
        rate, highest = self.rates[step], self.rates[self.peak()]
        return rate >= about(highest, self.rounding) and all(before < rate for before in self.rates[:step])

    def size(self) -> float:
        """Look at every rate."""
        return max((abs(rate) for rate in self.rates if math.isfinite(rate)), default=0.0)

    def mean(self) -> float:
        """Return the sum of all, rounded once, over their number."""
        used = self.rates[:-1] or self.rates
        return math.fsum(used) / len(used)


@attrs.frozen
class ScheduleCurve:
    """A schedule, whose pieces tell where it can rise, fall or jump."""

    schedule: Schedule
    last: int
    rounding: float = ROUNDING

    def value(self, step: int) -> float:
        """Return the value of a single call."""
        return value_at(self.schedule, step)

    def first_outside(self, low: float, high: float) -> int | None:
        """Ask the schedule's shapes."""
        end = self.last + 1
        found = bounds(self.schedule, 0, end)
        if math.isnan(found.low):
            return found.low_step
        steps = [
            first_step_below(self.schedule, low, 0, end) if found.low < low else None,
            first_step_above(self.schedule, high, 0, end) if found.high > high else None,
        ]
        return min((step for step in steps if step is not None), default=None)

    def first_turn(self, way: int, start: int, stop: int) -> int | None:
        """Ask pieces: one that goes one way turns back by not even a rounding."""
        search = _Search(self, turning(way, self.rounding), turning(way, 0.0))
        return search.first(pieces(self.schedule, start, stop + 1))

    def first_jump(self, most: float) -> int | None:
        """Ask pieces: between two updates of one that goes one way, none jumps further than these."""
        return _Search(self, jumping(most), jumping(most)).first(pieces(self.schedule, 0, self.last + 1))

    def peak(self) -> int:
        """Return the first update that uses about the upper bound."""
        end = self.last + 1
        found = bounds(self.schedule, 0, end)
        above = about(found.high, self.rounding)
        if not above < found.high:
            return found.high_step
        step = first_step_above(self.schedule, above, 0, end)
        return found.high_step if step is None else step

    def is_peak(self, step: int) -> bool:
        """Compare it with the upper bounds of all updates, and of those before it."""
        if step > self.last:
            return False
        rate, highest = self.value(step), bounds(self.schedule, 0, self.last + 1).high
        first = step == 0 or bounds(self.schedule, 0, step).high < rate
        return first and rate >= about(highest, self.rounding)

    def size(self) -> float:
        """Ask for the bounds, or where these are infinite, for the ends."""
        found = bounds(self.schedule, 0, self.last + 1)
        ends = found.low, found.high, self.value(0), self.value(self.last)
        return max((abs(end) for end in ends if math.isfinite(end)), default=0.0)

    def mean(self) -> float:
        """Return the mean of the values used."""
        return mean(self.schedule, 0, max(self.last, 1))


@attrs.frozen
class _Search:
    """Looks for the first two updates in a row that fail."""

    curve: ScheduleCurve
    fails: Pair
    within: Pair
    """The same claim for a piece that goes one way, whose values are exact in that."""

    def first(self, parts: Iterator[Piece]) -> int | None:
        """Return the first update of *parts* that fails with the one before it, also across their joints."""
        before: Piece | None = None
        for piece in parts:
            if before is not None and self.fails(
                self.curve.value(piece.start - 1), self.curve.value(piece.start)
            ):
                return piece.start
            found = self._in_piece(piece)
            if found is not None:
                return found
            before = piece
        return None

    def _in_piece(self, piece: Piece) -> int | None:
        """Return the first update of one piece that fails with the one before it."""
        cycle, last = piece.cycle, piece.stop - 1
        if cycle is not None and cycle.affine and last - piece.start > 4 * cycle.period:
            return self._in_cycles(piece, cycle.period * (2 if cycle.alternates else 1))
        if piece.direction is None:
            return self._evaluated(piece.start, last)
        return self._between(piece.start, last)

    def _in_cycles(self, piece: Piece, period: int) -> int | None:
        """Return the first that fails in cycles whose heights shrink, grow or stay, joints included.

        What does not fail in the first of them and fails in the last begins to fail in one between.
        """
        count = (piece.stop - 1 - piece.start) // period

        def inside(k: int) -> int | None:
            start = piece.start + k * period
            return self.first(pieces(self.curve.schedule, start, min(start + period + 1, piece.stop)))

        early = inside(0)
        if early is not None or inside(count - 1) is None:
            return early if early is not None else inside(count)
        low, high = 0, count - 1  # fails not, and fails
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if inside(middle) is not None else (middle, high)
        return inside(high)

    def _between(self, start: int, stop: int) -> int | None:
        """Return the first that fails between two updates of a piece that goes one way.

        Where the ends of a range do not fail together, no pair within it does.
        """
        value, todo, asked = self.curve.value, [(start, stop)], 0
        while todo:
            low, high = todo.pop()
            if high <= low or not self.within(value(low), value(high)):
                continue
            if high - low == 1:
                return high
            asked += 1
            if asked * MANY > stop - start > MANY:
                return self._evaluated(low, stop)
            middle = (low + high) // 2
            todo += [(middle, high), (low, middle)]
        return None

    def _evaluated(self, start: int, stop: int) -> int | None:
        """Return the first that fails from *start* to *stop*, every update evaluated; single calls decide."""
        value_of = self.curve.value
        before = value_of(start)
        for steps, values in blocks(self.curve.schedule, start + 1, stop + 1) if stop > start else ():
            for step, value in zip(steps, values.numbers(), strict=True):
                if self.fails(before, value) and self.fails(value_of(step - 1), value_of(step)):
                    return step
                before = value
        return None


def curve_of(subject: object, steps: float | None) -> Curve:
    """Return the rates of *subject* from update 0 to *steps*, by default to the end of a schedule or list."""
    last = None if steps is None else int(as_length("the steps of an invariant", steps))
    if isinstance(subject, Schedule | OpenChain):
        schedule = require_schedule("the subject of an invariant", subject)
        if last is None and math.isinf(schedule.steps):
            refuse("the steps of an invariant", "given for an endless schedule", schedule)
        return ScheduleCurve(schedule, int(schedule.steps) if last is None else last)
    if isinstance(subject, Sequence) and not isinstance(subject, str | bytes):
        if last is not None and last >= len(subject):
            refuse("the steps of an invariant", f"at most {len(subject) - 1}, where the rates end", steps)
        if not subject:
            refuse("the subject of an invariant", "a sequence of at least one rate", subject)
        return _listed(subject if last is None else subject[: last + 1])
    is_scheduler = _is_scheduler(subject)
    if not is_scheduler and (not callable(subject) or hasattr(subject, "optimizer_param_groups")):
        rule = "a schedule, a function of the update, a scheduler object or a sequence of rates"
        refuse("the subject of an invariant", rule, subject, TypeError)
    if last is None:
        refuse("the steps of an invariant", "given for what has no length of its own", subject)
    if is_scheduler:
        return _of_scheduler(subject, last + 1)
    return _listed([subject(step) for step in range(last + 1)])  # type: ignore[operator]


def _listed(found: Sequence[object]) -> ListedCurve:
    """Return rates that are numbers of any library as a curve, as exact as these are."""
    exact = all(isinstance(rate, int | float) for rate in found)
    rates = [_rate(step, rate) for step, rate in enumerate(found)]
    return ListedCurve(rates, ROUNDING if exact else SINGLE_ROUNDING)


def _rate(step: int, found: Any) -> float:
    """Return the rate of an update as a number, or refuse what is none."""
    name = f"the rate of update {step}"
    if isinstance(found, str | bytes | bool):
        refuse(name, "a number", found, TypeError)
    try:
        return float(found)
    except (TypeError, ValueError):
        refuse(name, "a number", found, TypeError)


def _of_scheduler(scheduler: Any, steps: int) -> ListedCurve:
    """Return the learning rate of all param groups, which has to be one."""
    groups = scheduler.optimizer.param_groups
    rates, *others = (rates_of(scheduler, steps, group=place) for place in range(len(groups)))
    if any(other != rates for other in others):
        rule = "of one rate for all param groups (rates_of(scheduler, steps, group=1) lists one of several)"
        refuse("the subject of an invariant", rule, scheduler)
    exact = all(isinstance(group["lr"], float) for group in groups)
    return ListedCurve(rates, ROUNDING if exact else SINGLE_ROUNDING)


def rates_of(scheduler: Any, steps: float, *, name: str = "lr", group: int = 0) -> list[float]:
    """Return what the next *steps* updates use under a scheduler object of torch, transformers or timm.

    It is read on a copy: the scheduler and its optimizer stay as they are, and the parameters are not copied.
    *name* is the hyper-parameter and *group* the place of the param group that are read. A scheduler of timm
    keeps no count, and is read from update 0 (or epoch 0, where it counts epochs).

    Raises `TypeError` for what is no scheduler, and for one that waits for a metric.

    >>> import torch
    >>> optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
    >>> rates_of(torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5), steps=3)
    [0.5, 0.25, 0.125]
    """
    if not _is_scheduler(scheduler):
        rule = "a scheduler of torch, transformers or timm, with an optimizer and a step"
        refuse("rates_of.scheduler", rule, scheduler, TypeError)
    inner = getattr(scheduler, "lr_scheduler", scheduler)  # where timm wraps one that waits for a metric
    if "metrics" in inspect.signature(inner.step).parameters:
        refuse("rates_of.scheduler", "one whose rates follow from the update alone", scheduler, TypeError)
    count = int(as_length("rates_of.steps", steps))
    groups = scheduler.optimizer.param_groups
    place = int(as_length("rates_of.group", group))
    if place >= len(groups) or name not in groups[place]:
        held = ", ".join(groups[0])
        refuse("rates_of", f"asked for one of {len(groups)} groups, and one of {held}", (place, name))
    return list(islice(_rates(_twin(scheduler), name, place), count))


def _rates(twin: Any, name: str, group: int) -> Iterator[float]:
    """Yield what every update uses, and move on only for the next."""
    counts = not hasattr(twin, "step_update")
    move = twin.step if counts or getattr(twin, "t_in_epochs", True) else twin.step_update
    step = 0
    while True:
        if not counts:
            move(step)
        elif step:
            move()
        yield float(twin.optimizer.param_groups[group][name])
        step += 1


def _is_scheduler(subject: object) -> bool:
    """Whether *subject* is an object that writes rates into an optimizer."""
    groups = getattr(getattr(subject, "optimizer", None), "param_groups", None)
    return isinstance(groups, list) and callable(getattr(subject, "step", None))


def _twin(scheduler: Any) -> Any:
    """Return a copy of *scheduler* and its optimizer, which shares the parameters and never steps."""
    optimizer = scheduler.optimizer
    shared = [optimizer.state, *(tensor for group in optimizer.param_groups for tensor in group["params"])]
    twin = copy.deepcopy(scheduler, {id(one): one for one in shared})

    def step() -> None:
        """Do nothing: torch wants to see that the optimizer was asked."""

    vars(step)["_wrapped_by_lr_sched"] = True
    vars(twin.optimizer).update(step=step, _opt_called=True)
    return twin
