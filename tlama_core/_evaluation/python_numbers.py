"""The namespace of one Python number: the functions of `math`, computed in double precision."""

import math
import operator
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from tlama_core._fields import MAX_STEPS, short_repr

EXACT = 2**53
"""Whole numbers below are exact as floats."""


class PythonNamespace:
    """Serves a clock that is an `int` or a `float`."""

    sin = staticmethod(math.sin)
    exp = staticmethod(math.exp)
    expm1 = staticmethod(math.expm1)
    log = staticmethod(math.log)
    log1p = staticmethod(math.log1p)
    sqrt = staticmethod(math.sqrt)
    pow = staticmethod(operator.pow)
    divmod = staticmethod(divmod)

    @staticmethod
    def where(condition: bool, yes: float, no: float) -> float:
        return yes if condition else no

    @staticmethod
    def minimum(a: float, b: float) -> float:
        return min(a, b)

    @staticmethod
    def maximum(a: float, b: float) -> float:
        return max(a, b)

    @staticmethod
    def clip(x: float, low: float, high: float) -> float:
        return low if x < low else min(x, high)

    @staticmethod
    def constant(constant: float) -> float:
        """Return a constant as it can stand beside a clock."""
        return constant

    @staticmethod
    def rescale(t: float, to: int, of: int) -> float:
        """Return t * to / of, exactly *to* at t = *of*, and alike for numbers and arrays."""
        if isinstance(t, int) or to * of < EXACT:
            whole, rest = divmod(t * to, of)
            return whole + rest / of
        return t / of * to

    @staticmethod
    def full_like(t: float, constant: float) -> float:
        """Return *constant* in the shape of *t*."""
        return constant

    @staticmethod
    def lookup(t: float, times: Sequence[int], entries: Sequence[float]) -> float:
        """Return the entry of the last of *times* at or before *t*; `entries[0]` before the first."""
        return entries[bisect_right(times, t)]

    @staticmethod
    def apply(function: Any, t: float) -> Any:
        """Return what a `Function` makes of the clock."""
        return function._checked(t)

    @staticmethod
    def advance(t: float, by: int, to: float) -> float:
        """Return t + by, a clock that runs up to *to*."""
        return t + by

    def pick_phase(self, t: float, starts: Sequence[int], phases: Sequence[Any]) -> float:
        """Return the value of the phase that owns time *t*."""
        i = bisect_right(starts, t) - 1
        return phases[i]._value(self, t - starts[i])  # type: ignore[no-any-return]


PYTHON = PythonNamespace()


class Elementary(ABC):
    """The elementary functions of a namespace that reaches all of them in one way."""

    @abstractmethod
    def _function(self, name: str, x: Any) -> Any:
        """Return the value of the function *name* at *x*."""

    def sin(self, x: Any) -> Any:
        return self._function("sin", x)

    def exp(self, x: Any) -> Any:
        return self._function("exp", x)

    def expm1(self, x: Any) -> Any:
        return self._function("expm1", x)

    def log(self, x: Any) -> Any:
        return self._function("log", x)

    def log1p(self, x: Any) -> Any:
        return self._function("log1p", x)


def read_number(step: float, steps: float) -> int | float:
    """Return a Python number as a clock of a schedule that is *steps* long, clamped at its end."""
    if isinstance(step, bool):
        raise TypeError(f"a step must be a number or an array, got a bool: {step}")
    if not step >= 0:
        raise ValueError(f"a step must be >= 0, got {short_repr(step)}")
    clock = float(step) if isinstance(step, float) else operator.index(step)
    if clock < steps:
        return min(clock, MAX_STEPS)
    if math.isinf(steps):
        raise ValueError("an endless schedule has no value at step inf")
    return steps


def value_at(schedule: Any, step: float) -> float:
    """Return the value at a number >= 0, without counting it as a call."""
    return schedule._value(PYTHON, read_number(step, schedule.steps))  # type: ignore[no-any-return]


def evaluate_number(schedule: Any, step: Any) -> Any:
    """Return the value at a *step* that is one number of any library."""
    if not isinstance(step, (float, bool)):
        try:
            step = operator.index(step)
        except TypeError:
            kind = type(step).__name__
            raise TypeError(f"a step must be a number or an array, got a {kind}") from None
    return value_at(schedule, step)
