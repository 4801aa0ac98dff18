"""Shapes with one end given: the warmup from next to nothing, and the power law that never ends."""

import math

from tlama_core._evaluation import Clock, Namespace, Value
from tlama_core._evaluation.kernels import Kernel, constantly
from tlama_core._fields import MAX_STEPS, Length, final_value, length, number, refuse
from tlama_core.algebra import Schedule, changed


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

    def _value(self, xp: Namespace, t: Clock) -> Value:
        return self._kernel().value(xp, t)

    def _with_length(self, steps: int, stretch: object) -> Schedule | None:
        timescale = self.timescale * (steps / self.steps)
        if not 0 < timescale < math.inf:
            return None
        return changed(self, steps=steps, timescale=timescale)


def _power_law(xp: Namespace, t: Clock, start: Value, timescale: Value, exponent: Value) -> Value:
    return start * xp.pow(1 + t / timescale, exponent)
