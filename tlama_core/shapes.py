"""The leaves: one formula each. Values first, length last, anything else by keyword."""

import math
import operator
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from tlama_core._evaluation import Formula, Kernel
from tlama_core._fields import (
    MAX_STEPS,
    as_length,
    as_number,
    final_value,
    length,
    nearest_whole,
    number,
    refuse,
)
from tlama_core.algebra import (
    Constant,
    OpenChain,
    Piecewise,
    Schedule,
    changed,
    constantly,
    open_phase,
    planned,
)

HALF_PI = math.pi / 2


@final_value
class Warmup(Schedule):
    """A straight line up to *peak* that never is 0: the first update already learns.

    value(t) = peak * (t + 1) / steps, at most peak;  t in optimizer updates

    The peak is reached at update steps - 1. Most other libraries start at 0 and reach the peak at
    update *steps*: that is `Linear(0.0, peak, steps)`.

    >>> list(Warmup(1.0, steps=4))
    [0.25, 0.5, 0.75, 1.0]

    Source: Goyal et al. 2017, https://arxiv.org/abs/1706.02677
    """

    peak: float = number()
    steps: int = length()

    def _kernel(self) -> Kernel:
        if self.steps == 0:
            return Kernel(constantly, (self.peak,))
        return Kernel(_warmup, (self.peak, self.steps))

    def _value(self, xp: Any, t: Any) -> Any:
        return planned(self, xp, t)

    def _with_length(self, steps: int) -> Schedule:
        return Warmup(self.peak, steps)


def _warmup(xp: Any, t: Any, peak: Any, steps: Any) -> Any:
    return peak * xp.where(t < steps - 1, (t + 1) / steps, 1.0)


@final_value
class Transition(Schedule):
    """A transition from *start* to *end* in *steps* updates: what all two-ended shapes share.

    A shape says how much of an amount is left (`_remaining`) and how much of it has come (`_arrived`), each
    accurate where it is small. The value is built from the end smaller in magnitude, so that nothing
    cancels, and clipped, so that rounding never leaves the range between the ends.
    """

    start: float = number()
    end: float = number()
    steps: int = length()

    _never_overshoots: ClassVar[bool] = False
    """Whether no weight is ever above 1, whatever the rounding."""

    @staticmethod
    @abstractmethod
    def _remaining(xp: Any, amount: Any, t: Any, left: Any, steps: Any, *extra: Any) -> Any:
        """Return what is left of *amount*: all of it at t = 0, 0 at left = 0."""

    @staticmethod
    @abstractmethod
    def _arrived(xp: Any, amount: Any, t: Any, left: Any, steps: Any, *extra: Any) -> Any:
        """Return what has come of *amount*: 0 at t = 0, all of it at left = 0."""

    def _extra(self) -> tuple[float, ...]:
        """Return the numbers that the weights need besides the times."""
        return ()

    @classmethod
    def _from_end(cls, xp: Any, t: Any, near: Any, span: Any, steps: Any, *extra: Any) -> Any:
        return near + cls._remaining(xp, span, t, steps - t, steps, *extra)

    @classmethod
    def _from_start(cls, xp: Any, t: Any, near: Any, span: Any, steps: Any, *extra: Any) -> Any:
        return near + cls._arrived(xp, span, t, steps - t, steps, *extra)

    @classmethod
    def _blended(cls, xp: Any, t: Any, start: Any, end: Any, steps: Any, *extra: Any) -> Any:
        left = steps - t
        going = cls._remaining(xp, start, t, left, steps, *extra)
        return going + cls._arrived(xp, end, t, left, steps, *extra)

    @classmethod
    def to(cls, end: float, steps: int, **parameters: Any) -> OpenChain:
        """Return an open phase from wherever the phase before it ends to *end*, in *steps* updates.

        *parameters* are those that the shape takes by keyword, such as a power.

        >>> Constant(2.0, steps=5) >> Polynomial.to(0.0, steps=10, power=2)
        Constant(2.0, steps=5) >> Polynomial(2.0, 0.0, steps=10, power=2.0)
        """
        return open_phase(cls(1.0, end, steps, **parameters), "to")

    def _kernel(self) -> Kernel:
        start, end = self.start, self.end
        low, high = min(start, end), max(start, end)
        rest = (self.steps, *self._extra())
        if self.steps == 0 or start == end:
            return Kernel(constantly, (end,))
        if low < 0 < high:  # ends of opposite sign: their difference may be past any float
            return Kernel(Clipped(self._blended), (low, high, start, end, *rest))
        near, far = (end, start) if abs(start) >= abs(end) else (start, end)
        formula: Formula = self._from_end if near == end else self._from_start
        span = _span(near, far)
        if self._never_overshoots and near + span == far:  # rounding is monotone: nothing can leave the range
            return Kernel(formula, (near, span, *rest))
        return Kernel(Clipped(formula), (low, high, near, span, *rest))

    def _value(self, xp: Any, t: Any) -> Any:
        return planned(self, xp, t)

    def _with_length(self, steps: int) -> Schedule:
        return changed(self, steps=steps)


@attrs.define(unsafe_hash=True)  # not frozen: torch.compile cannot trace how a frozen one is made
class Clipped:
    """A formula, and a range that its values do not leave."""

    formula: Formula

    def __call__(self, xp: Any, t: Any, low: Any, high: Any, *numbers: Any) -> Any:
        """Return the value of the formula at *t*, within the range."""
        return xp.clip(self.formula(xp, t, *numbers), low, high)


def _span(near: float, far: float) -> float:
    """Return far - near, such that near + span reaches *far* in spite of rounding."""
    span = far - near
    return span if abs(near + span) >= abs(far) else math.nextafter(span, math.copysign(math.inf, span))


@final_value
class Linear(Transition):
    """A straight line from *start* to *end*.

    value(t) = start + (end - start) * t / steps,  t in optimizer updates

    >>> list(Linear(1.0, 0.0, steps=4))
    [1.0, 0.75, 0.5, 0.25]
    """

    _never_overshoots = True

    @staticmethod
    def _remaining(xp: Any, amount: Any, t: Any, left: Any, steps: Any, *extra: Any) -> Any:
        return amount * (left / steps)

    @staticmethod
    def _arrived(xp: Any, amount: Any, t: Any, left: Any, steps: Any, *extra: Any) -> Any:
        return amount * (t / steps)


@final_value
class Cosine(Transition):
    """Half a cosine wave from *start* to *end*, down or up.

    value(t) = end + (start - end) * (1 + cos(pi * t / steps)) / 2,  t in optimizer updates

    >>> [round(value, 3) for value in Cosine(1.0, 0.0, steps=4)]
    [1.0, 0.854, 0.5, 0.146]

    Source: Loshchilov & Hutter 2017, https://arxiv.org/abs/1608.03983
    """

    _never_overshoots = True

    @staticmethod
    def _remaining(xp: Any, amount: Any, t: Any, left: Any, steps: Any, *extra: Any) -> Any:
        wave = xp.sin(HALF_PI * (left / steps))  # (1 + cos) / 2 would cancel near its zero
        return amount * wave * wave

    @staticmethod
    def _arrived(xp: Any, amount: Any, t: Any, left: Any, steps: Any, *extra: Any) -> Any:
        wave = xp.sin(HALF_PI * (t / steps))
        return amount * wave * wave


@final_value
class Sqrt(Transition):
    """A square root from *start* to *end*: steep at first. Downwards, the "1-sqrt" cooldown.

    value(t) = start + (end - start) * sqrt(t / steps),  t in optimizer updates

    >>> Sqrt(1.0, 0.0, steps=100)(25)
    0.5

    Source: Hägele et al. 2024, https://arxiv.org/abs/2405.18392
    """

    _never_overshoots = True

    @staticmethod
    def _remaining(xp: Any, amount: Any, t: Any, left: Any, steps: Any, *extra: Any) -> Any:
        # Apart at 0, where the slope is infinite, so that the gradient there is 0.
        return amount * xp.where(t > 0, left / steps / (1 + xp.sqrt(t / steps)), 1.0)

    @staticmethod
    def _arrived(xp: Any, amount: Any, t: Any, left: Any, steps: Any, *extra: Any) -> Any:
        return amount * xp.sqrt(t / steps)


@final_value
class Polynomial(Transition):
    """A power of the time that is left, from *start* to *end*.

    value(t) = end + (start - end) * (1 - t / steps)**power,  t in optimizer updates;  power > 0

    >>> Polynomial(1.0, 0.0, steps=10, power=2)(5)
    0.25
    """

    power: float = number(kw_only=True, above=0.0)

    def _extra(self) -> tuple[float, ...]:
        return (self.power,)

    @staticmethod
    def _remaining(xp: Any, amount: Any, t: Any, left: Any, steps: Any, *extra: Any) -> Any:
        (power,) = extra
        return amount * xp.pow(left / steps, power)

    @staticmethod
    def _arrived(xp: Any, amount: Any, t: Any, left: Any, steps: Any, *extra: Any) -> Any:
        (power,) = extra
        p, q = t / steps, left / steps
        # Each logarithm where it is accurate, both always finite; 1 - q**power would cancel near 0.
        early = xp.log1p(-xp.minimum(p, 0.25))
        log_q = xp.where(p < 0.25, early, xp.log(xp.where(left > 0, q, 1.0)))
        return amount * xp.where(left > 0, -xp.expm1(power * log_q), 1.0)


@final_value
class Exponential(Transition):
    """An exponential from *start* to *end*, which it reaches.

    value(t) = end + (start - end) * (e**(-rate * p) - e**-rate) / (1 - e**-rate),  p = t / steps

    With rate=None (`ln(start / end)`, both ends > 0) every update multiplies by the same ratio. Another
    rate > 0 also serves an end of 0; a larger one falls faster at first.

    >>> round(Exponential(1.0, 0.01, steps=2)(1), 4)
    0.1
    >>> round(Exponential(1.0, 0.0, steps=2, rate=3)(1), 4)
    0.1824
    """

    rate: float | None = number(default=None, kw_only=True, above=0.0)

    def __attrs_post_init__(self) -> None:
        for name in ("start", "end"):
            if self.rate is None and getattr(self, name) <= 0:
                refuse(f"Exponential.{name}", "> 0 where no rate is given", getattr(self, name))

    def _extra(self) -> tuple[float, ...]:
        """Return the rate; negative where the steep side is the end's."""
        if self.rate is not None:
            return (max(self.rate, 1e-200),)  # below, the curve is the same straight line
        if math.isinf(ratio := max(self.start, self.end) / min(self.start, self.end)):
            return (math.log(self.start) - math.log(self.end),)
        return (math.copysign(math.log(ratio), self.start - self.end),)

    @staticmethod
    def _remaining(xp: Any, amount: Any, t: Any, left: Any, steps: Any, *extra: Any) -> Any:
        (rate,) = extra
        # In two halves: with ends 600 decades apart the whole exponential would be below any float.
        half = xp.exp(-rate / 2 * (t / steps))
        return amount * half * (half * (xp.expm1(-rate * (left / steps)) / xp.expm1(-rate)))

    @staticmethod
    def _arrived(xp: Any, amount: Any, t: Any, left: Any, steps: Any, *extra: Any) -> Any:
        (rate,) = extra
        steep = -abs(rate)
        # A constant ratio climbs as it falls, seen from the other end.
        half = xp.where(rate < 0, xp.exp(steep / 2 * (left / steps)), 1.0)
        return amount * half * (half * (xp.expm1(steep * (t / steps)) / xp.expm1(steep)))


@final_value
class PowerLaw(Schedule):
    """A power of the time since the start; endless unless *steps* is given.

    value(t) = start * (1 + t / timescale)**exponent,  t and timescale in optimizer updates

    After `Warmup(peak, w)`, `PowerLaw(peak, timescale=w)` is the inverse square root schedule;
    exponent=-1 is inverse time.

    >>> PowerLaw(1.0, timescale=100)(300)
    0.5

    Source: Vaswani et al. 2017, https://arxiv.org/abs/1706.03762 (exponent -1/2)
    """

    start: float = number()
    steps: int | float = length(default=math.inf, endless=True)
    timescale: float = number(kw_only=True, above=0.0)
    exponent: float = number(default=-0.5, kw_only=True)

    def __attrs_post_init__(self) -> None:
        try:
            end = self(min(self.steps, MAX_STEPS))
        except OverflowError:
            end = math.inf
        if not math.isfinite(end):
            refuse("PowerLaw.exponent", "such that no value is past every float", self.exponent)

    def _kernel(self) -> Kernel:
        return Kernel(_power_law, (self.start, self.timescale, self.exponent))

    def _value(self, xp: Any, t: Any) -> Any:
        return planned(self, xp, t)

    def _with_length(self, steps: int) -> Schedule | None:
        timescale = self.timescale * (steps / self.steps)
        if not 0 < timescale < math.inf:
            return None
        return changed(self, steps=steps, timescale=timescale)


def _power_law(xp: Any, t: Any, start: Any, timescale: Any, exponent: Any) -> Any:
    return start * xp.pow(1 + t / timescale, exponent)


Drops = tuple[tuple[int, float], ...]
Table = Mapping[int, float] | Iterable[tuple[int, float]]


def _pairs(name: str, table: object) -> list[tuple[int, Any]]:
    """Return *table* (a mapping or pairs) as pairs in order of time, or refuse it by *name*."""
    items = table.items() if isinstance(table, Mapping) else table
    if isinstance(items, (str, bytes)) or not isinstance(items, Iterable):
        refuse(name, "a mapping or pairs of time and value", table, TypeError)
    pairs = []
    for item in items:
        if not isinstance(item, (tuple, list)) or len(item) != 2:
            refuse(name, "a mapping or pairs of time and value", table, TypeError)
        pairs.append((int(as_length(f"a time in {name}", item[0])), item[1]))
    pairs.sort(key=operator.itemgetter(0))
    for (time, _), (following, _) in pairwise(pairs):
        if time == following:
            refuse(name, "given each time once", f"{time} twice")
    return pairs


def _drops(table: object) -> Drops:
    return tuple(
        (time, as_number(f"the factor at {time} in Step.drops", factor))
        for time, factor in _pairs("Step.drops", table)
    )


@final_value
class Step(Schedule):
    """A staircase: *start* times the factor of the last drop so far; endless unless *steps* is given.

    value(t) = start * factor of the last drop at or before t

    *drops* maps a time in (0, steps) to a factor, which is relative to *start*.

    >>> schedule = Step(1.0, {30: 0.1, 60: 0.01}, steps=90)
    >>> schedule(29), schedule(30), schedule(60)
    (1.0, 0.1, 0.01)
    """

    start: float = number()
    drops: Drops = attrs.field(converter=_drops)
    steps: int | float = length(default=math.inf, endless=True)

    if TYPE_CHECKING:

        def __init__(self, start: float, drops: Table, steps: float = ...) -> None: ...  # noqa: D107

    def __attrs_post_init__(self) -> None:
        for time, factor in self.drops:
            if not 0 < time < self.steps:
                refuse("a time in Step.drops", f"above 0 and below the length {self.steps}", time)
            if math.isinf(self.start * factor):
                refuse(f"the factor at {time} in Step.drops", "such that its value is finite", factor)

    @classmethod
    def every(cls, start: float, gamma: float, interval: int) -> Schedule:
        """Return *start*, multiplied by *gamma* every *interval* updates, endlessly.

        >>> staircase = Step.every(1.0, gamma=0.5, interval=30)
        >>> staircase, staircase(29), staircase(30), staircase(60)
        (Constant(1.0, steps=30).repeat(gain=0.5), 1.0, 0.5, 0.25)
        """
        return Constant(start, steps=as_length("Step.every.interval", interval, at_least=1)).repeat(
            gain=gamma
        )

    def _value(self, xp: Any, t: Any) -> Any:
        times = tuple(time for time, _ in self.drops)
        levels = (self.start, *(self.start * factor for _, factor in self.drops))
        return xp.lookup(t, times, levels)

    def _with_length(self, steps: int) -> Schedule | None:
        total = int(self.steps)
        drops = {nearest_whole(time * steps, total): factor for time, factor in self.drops}
        if len(drops) < len(self.drops) or not all(0 < time < steps for time in drops):
            return None
        return Step(self.start, drops, steps)


@final_value
class Function(Schedule):
    """Any callable of the time as a schedule; endless unless *steps* is given.

    value(t) = fn(t), and fn(steps - 1) from update steps - 1 on (a table has no more entries)

    What *fn* returns must be a finite number: anything else is an error that names it. A NumPy array of
    steps is served one by one; a stretched Function is called at fractional times, which a table has not.
    Equal only if *fn* is the same object; it has no text form.

    >>> table = [0.1, 0.2, 0.4]
    >>> Function(table.__getitem__, steps=3)(7)
    0.4
    """

    fn: Callable[[Any], Any] = attrs.field(eq=id)
    steps: int | float = length(default=math.inf, endless=True, at_least=1)

    def __attrs_post_init__(self) -> None:
        if isinstance(self.fn, (Schedule, OpenChain)) or not callable(self.fn):
            refuse("Function.fn", "a callable that is no schedule already", self.fn, TypeError)

    def _value(self, xp: Any, t: Any) -> Any:
        last = t if math.isinf(self.steps) else xp.minimum(t, xp.constant(self.steps - 1))
        return xp.apply(self, last)

    def _checked(self, t: float) -> float:
        return as_number(f"what {self.fn!r} returns at step {t}", self.fn(t))


def through(
    points: Table,
    shape: Callable[..., Schedule] = Linear,
) -> Schedule:
    """Return the chain of *shape*s through *points*, a mapping or pairs of update number and value.

    The first point is at update 0; *shape* is called as `shape(start, end, steps=…)`.

    >>> through({0: 1.0, 1_000: 0.3, 5_000: 0.0})
    Linear(1.0, 0.3, steps=1000) >> Linear(0.3, 0.0, steps=4000)
    """
    if not callable(shape):
        refuse("through.shape", "called as shape(start, end, steps=...)", shape, TypeError)
    pairs = _pairs("through.points", points)
    if len(pairs) < 2 or pairs[0][0] != 0:
        refuse("through.points", "two points or more, the first at update 0", points)
    return Piecewise.of(
        shape(start, end, steps=after - begin) for (begin, start), (after, end) in pairwise(pairs)
    )
