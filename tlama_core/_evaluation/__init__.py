"""What a step may be, and which namespace serves it.

A *namespace* is what the formulas are written against: the elementary functions under their array-API
names, and the few ways in which a schedule moves its clock or picks (a phase, a table entry, a user's
function). One serves Python numbers, one NumPy, one every library that traces or follows the array API, and
one records source. Nothing here knows a node: only what every schedule promises, `Evaluable`.
"""

import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias

from tlama_core._evaluation.kernels import Kernel
from tlama_core._evaluation.python_numbers import evaluate_number

Clock: TypeAlias = Any  # type: ignore[explicit-any]
"""A time: a number, or an array, tracer or piece of source that stands for many."""

Value: TypeAlias = Any  # type: ignore[explicit-any]
"""What a formula makes of a clock: a number, array, tracer or piece of source again."""

Library: TypeAlias = Any  # type: ignore[explicit-any]
"""A library's own module of the array API's functions."""


class Extent(NamedTuple):
    """How large a tree is, for those who choose how to evaluate it; known when it is built."""

    depth: int = 0
    """How many nodes stand over the deepest leaf."""
    visits: int = 1
    """How many nodes one value asks, each as often as it is asked."""
    phases: int = 1
    """How many phases its longest chain has."""


class Evaluable(Protocol):
    """What evaluation may ask of a schedule."""

    @property
    def steps(self) -> int | float:
        """The length: from there on, the clock stands still."""

    @property
    def phases(self) -> "Sequence[Evaluable]":
        """The phases of a chain; of anything else, itself alone."""

    @property
    def starts(self) -> Sequence[int]:
        """The time at which each of the phases begins."""

    @property
    def _extent(self) -> Extent: ...

    def _value(self, xp: "Namespace", t: Clock) -> Value:
        """Return the value at *t*, which is within [0, steps], in terms of *xp*."""

    def _kernel(self) -> Kernel:
        """Return the formula and numbers by which like phases of a long chain share one computation."""

    def _evaluated(self) -> "Sequence[Evaluable]":
        """Return the schedules whose values this one's are directly made of."""


class Namespace(Protocol):
    """The functions in whose terms every value is written.

    A clock is at least 0 and at most the length of what it is the clock of. Integers stay integers, and
    fractional times are served by all but `lookup` tables of integers, which they are compared with. What
    is promised of a number holds for every element of an array.
    """

    @property
    def rounding(self) -> float:
        """How far a quotient may be off a whole number, relatively, and count as it."""

    @property
    def most_exponent(self) -> float:
        """Up to here, e to that power is a finite value."""

    def sin(self, x: Value, /) -> Value:
        """Return the sine of *x*, in radians."""

    def exp(self, x: Value, /) -> Value:
        """Return e to the power of *x*."""

    def expm1(self, x: Value, /) -> Value:
        """Return exp(x) - 1, accurate near 0."""

    def log(self, x: Value, /) -> Value:
        """Return the natural logarithm of *x* > 0."""

    def log1p(self, x: Value, /) -> Value:
        """Return log(1 + x), accurate near 0."""

    def sqrt(self, x: Value, /) -> Value:
        """Return the square root of *x* >= 0; its gradient at 0 is 0."""

    def pow(self, x: Value, y: Value, /) -> Value:
        """Return *x* >= 0 to the power of *y*; its gradient at 0 is 0."""

    def where(self, condition: Value, yes: Value, no: Value, /) -> Value:
        """Return *yes* where *condition* holds and *no* elsewhere; both are finite, or gradients are not."""

    def minimum(self, a: Value, b: Value, /) -> Value:
        """Return the smaller of both; *a* where they are equal."""

    def maximum(self, a: Value, b: Value, /) -> Value:
        """Return the larger of both; *a* where they are equal."""

    def clip(self, x: Value, low: Value, high: Value, /) -> Value:
        """Return *x*, or the bound that it is past."""

    def quotient(self, x: Value, by: Value, /) -> tuple[Value, Value, Value]:
        """Return *x*, x / by for *by* > 0, and the largest whole number that is not above that quotient.

        All three may be used several times. The quotient and the whole number carry no gradient. Of what is
        infinite or NaN so is the quotient, and the whole number has no meaning.
        """

    def constant(self, number: float, /) -> Value:
        """Return a number as it can stand beside a clock of this library and width."""

    def number(self, t: Clock, /) -> Value:
        """Return a clock as what formulas compute with: here, and only here, a rescaled one is rounded."""

    def kept(self, value: Value, /) -> Value:
        """Return *value*, in source under a name: what is used several times is then computed once."""

    def grown(self, value: Value, base: float, k: Value, times: int | None, /) -> Value:
        """Return *value* times *base* to a whole power k >= 0, exact for a k of any size; 0 stays 0.

        The power is below that of *times*, whose predecessor is finite as a Python number, or of any size:
        then the product is infinite where it is past the largest float, and only there.
        """

    def compounded(self, start: float, factor: float, interval: float, t: Clock, last: float, /) -> Value:
        """Return *start* * *factor* ** (t / *interval*), where *start* is not 0 and t at most *last*.

        Past the largest number it is infinity of its sign.
        """

    def full_like(self, t: Clock, constant: Value, /) -> Value:
        """Return *constant* at every time of *t*."""

    def within(self, t: Clock, steps: float, /) -> Clock:
        """Return the clock, held at *steps*; one that cannot count so far never gets there."""

    def advance(self, t: Clock, by: int, to: float, stride: int = 1, /) -> Clock:
        """Return by + stride * t without overflow, held at *to*, which a stride of 1 never is past."""

    def rescale(self, t: Clock, to: int, of: int, /) -> Clock:
        """Return t * to / of, where t is at most *of*: of whole steps in whole numbers."""

    def cycle(self, t: Clock, length: int, times: int | None, /) -> tuple[Value, Clock]:
        """Return in which cycle of so many updates t is, and the clock in it; the last one owns its end."""

    def lookup(self, t: Clock, times: Sequence[int], entries: Sequence[float], /) -> Value:
        """Return the entry of the last of *times* at or before *t*; `entries[0]` before the first."""

    def apply(self, fn: Callable[[Clock], Value], checked: Callable[[float], float], t: Clock, /) -> Value:
        """Return what a user's function makes of the clock: *checked* of every number, *fn* of a tracer."""

    def pick_phase(self, t: Clock, starts: Sequence[int], phases: Sequence[Evaluable], /) -> Value:
        """Return the value, on its own clock, of the phase that owns each time."""

    def value_of(self, schedule: Evaluable, t: Clock, /) -> Value:
        """Return the value of a part of the tree: computed once, however often the part stands in it."""


def evaluate(schedule: Evaluable, step: Value) -> Value:
    """Return the value at a *step* of any kind but a plain Python number's."""
    # By name and not by isinstance: a compiler that traces this must find no look-up in it.
    if type(step).__module__.partition(".")[0] == "torch":
        return _evaluate_traced(schedule, step)
    numpy = sys.modules.get("numpy")  # an array can only come from a library that is loaded already
    if numpy is not None and isinstance(step, (numpy.ndarray, numpy.generic)):
        from tlama_core._evaluation.numpy_arrays import evaluate_numpy

        return evaluate_numpy(schedule, step)
    if getattr(type(step), "__array_namespace__", None) is not None:
        return _evaluate_traced(schedule, step)
    return evaluate_number(schedule, step)


def _evaluate_traced(schedule: Evaluable, step: Value) -> Value:
    """Return the values at an array that follows the array API; what serves it is imported with the first."""
    from tlama_core._evaluation.traced import evaluate_traced

    return evaluate_traced(schedule, step)
