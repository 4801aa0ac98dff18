"""Shapes with one end given: the warmup from next to nothing, and curves that need not end."""

import math
from typing import ClassVar

from tlama_core._evaluation import Clock, Namespace, Value
from tlama_core._evaluation.kernels import Kernel, constantly
from tlama_core._evaluation.powers import power_law
from tlama_core._fields import Length, final_value, in_words, length, number, refuse
from tlama_core.algebra import OpenChain, Schedule, changed, open_phase


@final_value
class Warmup(Schedule):
    """A straight line up to *peak* that is never 0: the first update already learns.

    value(t) = peak * (t + 1) / steps, at most peak;  t in optimizer updates

    The peak is reached at update steps - 1. Most other libraries start at 0 and reach the peak at
    update *steps*: that is `Linear(0.0, peak, steps)`.

    >>> list(Warmup(1.0, steps=4))
    [0.25, 0.5, 0.75, 1.0]

    Source: Goyal et al. 2017, https://arxiv.org/abs/1706.02677
    """

    peak: float = number()
    steps: Length = length()

    def _kernel(self) -> Kernel:
        if self.steps == 0:
            return Kernel(constantly, (self.peak,))
        return Kernel(_warmup, (self.peak, self.steps))

    def _value(self, xp: Namespace, t: Clock) -> Value:
        return self._kernel().value(xp, t)

    def _with_length(self, steps: int, stretch: object) -> Schedule:
        return Warmup(self.peak, steps)


def _warmup(xp: Namespace, t: Clock, peak: Value, steps: Value) -> Value:
    return peak * xp.where(t < steps - 1, (t + 1) / steps, 1.0)


FROM_HERE = "{name}.from_here(...) starts where the phase before it ends"
"""What the error of a missing argument adds: it may be the start that is missing."""


SHORT_TIMESCALE = 1e-8
"""Beside a shorter one, a time may be so late that their ratio is past the largest float."""

MODERATE_EXPONENT = 80.0
"""Up to here, e to that power is a finite value in any type."""


@final_value
class PowerLaw(Schedule):
    """A power of the time since the start; endless unless *steps* is given.

    value(t) = start * (1 + t / timescale)**exponent,  t and timescale in optimizer updates

    After `Warmup(peak, w)`, `PowerLaw(peak, timescale=w)` is the inverse square root schedule;
    exponent=-1 is inverse time. With an exponent above 0 it grows: past the largest float, an endless one is
    infinity of its sign.

    >>> PowerLaw(1.0, timescale=100)(300)
    0.5

    Raises `ValueError` where the last value of finite length would be past the largest float.

    Source: Vaswani et al. 2017, https://arxiv.org/abs/1706.03762 (exponent -1/2)
    """

    start: float = number()
    steps: int | float = length(default=math.inf, endless=True)
    timescale: float = number(kw_only=True, above=0.0)
    exponent: float = number(default=-0.5, kw_only=True)

    hint: ClassVar[str] = FROM_HERE

    @classmethod
    @in_words
    def from_here(cls, steps: float = math.inf, *, timescale: float, exponent: float = -0.5) -> OpenChain:
        """Return an open phase: a power law that starts where the phase before it ends.

        >>> Warmup(1.0, steps=100) >> PowerLaw.from_here(timescale=100)
        Warmup(1.0, steps=100) >> PowerLaw(1.0, timescale=100.0)
        """
        return open_phase(cls(0.0, steps, timescale=timescale, exponent=exponent), "PowerLaw.from_here")

    def __attrs_post_init__(self) -> None:
        if math.isfinite(self.steps) and math.isinf(self(self.steps)):
            refuse("PowerLaw.exponent", "such that the last value is finite", self.exponent)

    def _kernel(self) -> Kernel:
        if self.start == 0:  # times any power, one past every float too
            return Kernel(constantly, (0.0,))
        if self._is_moderate():
            return Kernel(_power_law, (self.start, self.timescale, self.exponent))
        return Kernel()

    def _is_moderate(self) -> bool:
        """Whether its formula, as it stands, overflows in no type and at no time."""
        if self.timescale < SHORT_TIMESCALE:
            return False
        return (
            self.exponent <= 0 or self.exponent * math.log1p(self.steps / self.timescale) < MODERATE_EXPONENT
        )

    def _value(self, xp: Namespace, t: Clock) -> Value:
        if self.start == 0 or self._is_moderate():
            return self._kernel().value(xp, t)
        return power_law(xp, self.start, self.timescale, self.exponent, xp.number(t), self.steps)

    def _with_length(self, steps: int, stretch: object) -> Schedule | None:
        timescale = self.timescale * (steps / self.steps)
        if not 0 < timescale < math.inf:
            return None
        return changed(self, steps=steps, timescale=timescale)


def _power_law(xp: Namespace, t: Clock, start: Value, timescale: Value, exponent: Value) -> Value:
    return start * xp.pow(1 + t / timescale, exponent)


@final_value
class Geometric(Schedule):
    """A constant ratio: *start* times *factor* once every *interval*; endless unless *steps* is given.

    value(t) = start * factor**(t / interval),  t and interval in optimizer updates;  factor, interval > 0

    It is smooth where `Step.every` is a staircase, and they meet at whole multiples of *interval*. A factor
    above 1 grows: past the largest float, an endless one is infinity of its sign. An `Exponential` is given
    by its end instead of its factor.

    >>> Geometric(1.0, factor=0.5, interval=100)(50)
    0.7071067811865476

    Raises `ValueError` where the last value of finite length would be past the largest float.

    Source: Abadi et al. 2016, https://arxiv.org/abs/1603.04467 (TensorFlow's exponential decay)
    """

    start: float = number()
    steps: int | float = length(default=math.inf, endless=True)
    factor: float = number(kw_only=True, above=0.0)
    interval: float = number(default=1.0, kw_only=True, above=0.0)

    hint: ClassVar[str] = FROM_HERE

    def __attrs_post_init__(self) -> None:
        if math.isfinite(self.steps) and math.isinf(self(self.steps)):
            refuse("Geometric.factor", "such that the last value is finite", self.factor)

    @classmethod
    @in_words
    def from_here(cls, steps: float = math.inf, *, factor: float, interval: float = 1.0) -> OpenChain:
        """Return an open phase: a constant ratio from where the phase before it ends.

        >>> Warmup(1.0, steps=100) >> Geometric.from_here(factor=0.9, interval=1_000)
        Warmup(1.0, steps=100) >> Geometric(1.0, factor=0.9, interval=1000.0)
        """
        return open_phase(cls(0.0, steps, factor=factor, interval=interval), "Geometric.from_here")

    def _value(self, xp: Namespace, t: Clock) -> Value:
        if self.start == 0 or self.factor == 1:
            return xp.full_like(t, self.start)
        return xp.compounded(self.start, self.factor, self.interval, t, self.steps)

    def _with_length(self, steps: int, stretch: object) -> Schedule | None:
        interval = self.interval * (steps / self.steps)
        if not 0 < interval < math.inf:
            return None
        return changed(self, steps=steps, interval=interval)
