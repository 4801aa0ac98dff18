"""The namespace of one Python number: the functions of `math`, computed in double precision.

It is what every other number system is measured by. A whole step, in whatever type it comes, is a Python
integer, and a clock of integers never overflows; a rescaled one is a fraction of integers, which is rounded
only where a formula computes with it. Fractional steps are floats.
"""

import math
import operator
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from attrs import NOTHING

from tlama_core._evaluation.clocks import Rescaled
from tlama_core._evaluation.powers import MAX_EXPONENT, compounded, powers
from tlama_core._evaluation.trees import MAX_VISITS
from tlama_core._fields import MAX_STEPS, short_repr

if TYPE_CHECKING:
    from tlama_core._evaluation import Clock, Evaluable, Namespace, Value

ROUNDING = 1e-9
"""Quotients in double precision may be off a whole number by so much, relatively, and count as it."""

EXACT = 2**53
"""Whole numbers below are exact as floats."""


class PythonNamespace:
    """Serves a clock that is an `int` or a `float`.

    For one value of a large tree it keeps, in *known*, what it has computed: nodes may stand there again.
    """

    rounding, most_exponent = ROUNDING, MAX_EXPONENT

    def __init__(self, known: dict[tuple[int, float, type], float] | None = None) -> None:
        self._known = known

    sin = staticmethod(math.sin)
    exp = staticmethod(math.exp)
    expm1 = staticmethod(math.expm1)
    log = staticmethod(math.log)
    log1p = staticmethod(math.log1p)
    sqrt = staticmethod(math.sqrt)
    pow = staticmethod(operator.pow)

    @staticmethod
    def where(condition: "Value", yes: "Value", no: "Value") -> "Value":
        """Return one of two numbers that are both known already."""
        return yes if condition else no

    @staticmethod
    def minimum(a: float, b: float) -> float:
        """Return the smaller of two numbers; the first of equal ones."""
        return min(a, b)

    @staticmethod
    def maximum(a: float, b: float) -> float:
        """Return the larger of two numbers; the first of equal ones."""
        return max(a, b)

    @staticmethod
    def clip(x: float, low: float, high: float) -> float:
        """Return *x* within the range from *low* to *high*."""
        return low if x < low else min(x, high)

    @staticmethod
    def quotient(x: float, by: float) -> tuple[float, float, float]:
        """Return the number, its quotient, and the whole number below: `math.floor` refuses infinity."""
        quotient = x / by
        return x, quotient, quotient // 1.0

    @staticmethod
    def constant(number: float) -> float:
        """Return the number: beside a Python number any other can stand."""
        return number

    @staticmethod
    def number(t: "Clock") -> float:
        """Return the time, of a rescaled clock as its whole part and the rest."""
        if not isinstance(t, Rescaled):
            return t  # type: ignore[no-any-return]
        whole, rest = divmod(t.n, t.den)
        return whole + rest / t.den  # type: ignore[no-any-return]

    @staticmethod
    def kept(value: float) -> float:
        """Return the value: it is computed already."""
        return value

    @staticmethod
    def grown(value: float, base: float, k: int, times: int | None) -> float:
        """Return the value times a power, which is finite unless it may be any: then it may be infinite."""
        if times is not None or base <= 1:
            return base**k * value
        for power in powers(base, k):
            value = value * power if value else value
        return value

    def compounded(self, start: float, factor: float, interval: float, t: "Clock", last: float) -> float:
        """Return the start times a power of the factor, without overflow on the way."""
        return compounded(self, start, factor, interval, self.number(t), last)  # type: ignore[no-any-return]

    @staticmethod
    def full_like(t: float, constant: float) -> float:
        """Return the constant: one time, one value."""
        return constant

    @staticmethod
    def within(t: "Clock", steps: float) -> "Clock":
        """Return the time, or *steps* if it is later."""
        if isinstance(t, Rescaled):
            return Rescaled(min(t.n, steps * t.den), t.den)
        return min(t, steps)

    @staticmethod
    def advance(t: "Clock", by: int, to: float, stride: int = 1) -> "Clock":
        """Return by + stride * t: Python's integers do not overflow."""
        if stride > 1:
            n, den = (t.n, t.den) if isinstance(t, Rescaled) else (t, 1)
            n = min(by * den + stride * n, to * den)
            return Rescaled(n, den) if isinstance(t, Rescaled) else n
        return Rescaled(t.n + by * t.den, t.den) if isinstance(t, Rescaled) else t + by

    @staticmethod
    def rescale(t: "Clock", to: int, of: int) -> "Clock":
        """Return t * to / of as a fraction; a fractional time that is too long for one is rounded."""
        n, den = (t.n, t.den) if isinstance(t, Rescaled) else (t, 1)
        if isinstance(n, int) or to * of * den < EXACT:
            return Rescaled(n * to, of * den)
        return Rescaled(n / of * to, den)

    @staticmethod
    def cycle(t: "Clock", length: int, times: int | None) -> "tuple[Value, Clock]":
        """Return the cycle and the clock in it, from one division of whole numbers."""
        n, den = (t.n, t.den) if isinstance(t, Rescaled) else (t, 1)
        k, rest = divmod(n, length * den)
        if times is not None and k >= times:
            k, rest = times - 1, length * den
        return k, (Rescaled(rest, den) if isinstance(t, Rescaled) else rest)

    @staticmethod
    def lookup(t: "Clock", times: Sequence[int], entries: Sequence[float]) -> float:
        """Return the entry of the last of *times* so far, found by bisection."""
        return entries[bisect_right(times, _whole(t))]

    def apply(self, fn: object, checked: Callable[[float], float], t: "Clock") -> float:
        """Return what the user's function makes of the time, checked to be a finite number."""
        return checked(self.number(t))

    def pick_phase(self, t: "Clock", starts: Sequence[int], phases: "Sequence[Evaluable]") -> "Value":
        """Return the value of the phase that owns the time, found by bisection."""
        i = bisect_right(starts, _whole(t)) - 1
        return self.value_of(phases[i], self.advance(t, -starts[i], 0) if i else t)

    def value_of(self, schedule: "Evaluable", t: "Clock") -> "Value":
        """Return the value of a part, from the memory if there is one and it knows."""
        if self._known is None:
            return schedule._value(self, t)
        key = id(schedule), t, type(t)
        if key not in self._known:
            self._known[key] = schedule._value(self, t)
        return self._known[key]


def _whole(t: "Clock") -> float:
    """Return a time that is past the same whole numbers."""
    return t.n // t.den if isinstance(t, Rescaled) else t  # type: ignore[no-any-return]


PYTHON: "Namespace" = PythonNamespace()


class Elementary(ABC):
    """The elementary functions of a namespace that reaches all of them in one way."""

    rounding, most_exponent = ROUNDING, MAX_EXPONENT

    @abstractmethod
    def _function(self, name: str, x: "Value") -> "Value":
        """Return the value of the function *name* at *x*."""

    def sin(self, x: "Value") -> "Value":
        """Return the library's `sin` of *x*."""
        return self._function("sin", x)

    def exp(self, x: "Value") -> "Value":
        """Return the library's `exp` of *x*."""
        return self._function("exp", x)

    def expm1(self, x: "Value") -> "Value":
        """Return the library's `expm1` of *x*."""
        return self._function("expm1", x)

    def log(self, x: "Value") -> "Value":
        """Return the library's `log` of *x*."""
        return self._function("log", x)

    def log1p(self, x: "Value") -> "Value":
        """Return the library's `log1p` of *x*."""
        return self._function("log1p", x)


def rescaled_value(starts: Sequence[int], phases: "Sequence[Evaluable]", n: float, den: float) -> float:
    """Return the value of a long chain at the time n / den, by walking it."""
    return PYTHON.pick_phase(Rescaled(n, den), starts, phases)  # type: ignore[no-any-return]


def read_number(step: "Clock", steps: float) -> float:
    """Return a Python number as a clock of a schedule that is *steps* long, clamped at its end.

    Raises `ValueError` for a negative number or NaN, and where there is no end, for infinity; `TypeError`
    for a bool.
    """
    if isinstance(step, bool):
        raise TypeError(f"a step must be a number or an array, got a bool: {step}")
    if not step >= 0:
        raise ValueError(f"a step must be >= 0, got {short_repr(step)}")
    # A whole step is one in whatever type it comes: at a jump, a float might be rounded to the other side.
    clock = (
        operator.index(step)
        if not isinstance(step, float)
        else int(step)
        if step.is_integer()
        else float(step)
    )
    if clock < steps:
        return min(clock, MAX_STEPS)
    if math.isinf(steps):
        raise ValueError("an endless schedule has no value at step inf")
    return steps


def value_at(schedule: "Evaluable", step: float) -> float:
    """Return the value at a number >= 0, without counting it as a call."""
    return walked(schedule, read_number(step, schedule.steps))


def walked(schedule: "Evaluable", t: "Clock") -> float:
    """Return the value at a clock within [0, steps], by walking the tree.

    A small tree is walked as it is; in a large one, a node that stands there again is computed once.
    """
    xp = PYTHON if schedule._extent.visits <= MAX_VISITS else PythonNamespace({})
    return schedule._value(xp, t)  # type: ignore[no-any-return]


def evaluate_number(schedule: "Evaluable", step: "Value") -> float:
    """Return the value at a *step* that is one number of any library."""
    if step is NOTHING:
        raise TypeError(
            "a schedule is called with an update number, as in schedule(0), got none"
            " (for Keras, wrap it: KerasSchedule(schedule))"
        )
    if not isinstance(step, (float, bool)):
        try:
            step = operator.index(step)
        except TypeError:
            kind = type(step).__name__
            raise TypeError(
                f"a step must be a number or an array, got a {kind}: {short_repr(step)}"
            ) from None
    return value_at(schedule, step)
