"""What a step may be, and which namespace serves it.

A *namespace* is what the formulas are as_source against: the elementary functions under their array-API
names, and the few ways in which a schedule picks (a phase, a table entry, a user's function). One serves
Python numbers, one NumPy, one every library that traces or follows the array API, and one records source.
Nothing here knows a node.
"""

import sys
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from tlama_core._evaluation.python_numbers import evaluate_number
from tlama_core._evaluation.traced import evaluate_traced

Formula = Callable[..., Any]


class Kernel(NamedTuple):
    """A value as a formula shared by all of its kind, and the numbers that make it this one."""

    formula: Formula | None
    numbers: tuple[int | float, ...] = ()


class Evaluable(Protocol):
    """What a namespace may ask of a schedule."""

    @property
    def steps(self) -> int | float: ...
    def _value(self, xp: Any, t: Any) -> Any: ...
    def _kernel(self) -> Kernel: ...


def evaluate(schedule: Evaluable, step: Any) -> Any:
    """Return the value at a *step* of any kind but a plain Python number's."""
    # By name and not by isinstance: a compiler that traces this must find no look-up in it.
    if type(step).__module__.partition(".")[0] == "torch":
        return evaluate_traced(schedule, step)
    numpy = sys.modules.get("numpy")  # an array can only come from a library that is loaded already
    if numpy is not None and isinstance(step, (numpy.ndarray, numpy.generic)):
        from tlama_core._evaluation.numpy_arrays import evaluate_numpy

        return evaluate_numpy(schedule, step)
    if getattr(type(step), "__array_namespace__", None) is not None:
        return evaluate_traced(schedule, step)
    return evaluate_number(schedule, step)
