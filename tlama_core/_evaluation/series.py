"""Values at many updates: arrays where NumPy is installed, lists where it is not (in a browser).

`series` is the one place that chooses. What is an array may be off a single call by its rounding; what is a
list was called one by one. Lists are served up to a stated number of updates in a row: more of them would
take minutes, and are refused with a sentence that says so.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias

from tlama_core._fields import refuse

if TYPE_CHECKING:
    from types import ModuleType

    import numpy as np
    import numpy.typing as npt

    from tlama_core._evaluation import Evaluable, Value

BLOCK = 2**18
"""How many updates are evaluated at a time: a few megabytes, however long the schedule."""

MAX_EVALUATED = 10**9
"""A run of more updates than this is never evaluated one by one: it would take minutes, or never end."""

MAX_LISTED = 2_000_000
"""The same without NumPy, where one update takes about as long as a thousand in an array."""

FEW = 32
"""So few updates are called one by one anyway: an array pays from about here on."""

Test: TypeAlias = "Callable[[Value], Value]"
"""A comparison of a number, or of the elements of an array."""


class Series(Protocol):
    """The values at some updates, in order."""

    exact: bool
    """Whether they are those of single calls, to the last bit."""

    def __len__(self) -> int:
        """Return how many there are."""

    def numbers(self) -> list[float]:
        """Return them as a list."""

    def spread(self) -> tuple[float, float]:
        """Return the lowest and the highest; NaN twice where one is NaN."""

    def peak(self) -> float:
        """Return the largest finite magnitude, 0 without one."""

    def near(self, test: Test, slack: float) -> Iterator[int]:
        """Return the places whose value passes *test*, or would if it were off by *slack*."""


class Listed:
    """Values that were called one by one."""

    exact = True

    def __init__(self, values: list[float]) -> None:
        self._values = values

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._values)

    def numbers(self) -> list[float]:
        """Return the list itself."""
        return self._values

    def spread(self) -> tuple[float, float]:
        """Return the lowest and the highest value; `min` alone would lose a NaN."""
        if any(map(math.isnan, self._values)):
            return math.nan, math.nan
        return min(self._values), max(self._values)

    def peak(self) -> float:
        """Return the largest finite magnitude."""
        return max((abs(value) for value in self._values if math.isfinite(value)), default=0.0)

    def near(self, test: Test, slack: float) -> Iterator[int]:
        """Return the places whose value passes, one by one: the first may be enough."""
        return (i for i, value in enumerate(self._values) if test(value))


class Arrayed:
    """Values that were computed as one array."""

    exact = False

    def __init__(self, np: "ModuleType", values: "npt.NDArray[np.float64]") -> None:
        self._np, self._values = np, values

    def __len__(self) -> int:
        """Return how many there are."""
        return self._values.size

    def numbers(self) -> list[float]:
        """Return the elements as Python's numbers."""
        return self._values.tolist()  # type: ignore[no-any-return]

    def spread(self) -> tuple[float, float]:
        """Return the lowest and the highest element; NumPy's own let a NaN through."""
        return float(self._values.min()), float(self._values.max())

    def peak(self) -> float:
        """Return the largest finite magnitude."""
        finite = self._values[self._np.isfinite(self._values)]
        return float(self._np.abs(finite).max(initial=0.0))

    def near(self, test: Test, slack: float) -> Iterator[int]:
        """Return the places where the rounding of an array leaves the answer open, and those that pass."""
        with self._np.errstate(all="ignore"):
            found = test(self._values - slack) | test(self._values + slack)
        return iter(found.nonzero()[0].tolist())


def numpy_or_none() -> "ModuleType | None":
    """Return NumPy, or None where it is not installed."""
    try:
        import numpy as np
    except ModuleNotFoundError:
        return None
    return np


def series(schedule: "Evaluable", steps: Sequence[int]) -> Series:
    """Return the values of *schedule* at *steps*, in an array where there is one and that is faster."""
    if len(steps) > FEW and (np := numpy_or_none()) is not None:
        from tlama_core._evaluation.numpy_arrays import MAX_INT_CLOCK

        if max(steps[0], steps[-1]) <= MAX_INT_CLOCK:  # an array counts exactly
            clock = np.arange(steps.start, steps.stop) if isinstance(steps, range) else np.array(steps)
            with np.errstate(all="ignore"):
                return Arrayed(np, schedule(clock))  # type: ignore[operator]
    from tlama_core._evaluation.python_numbers import value_at

    if len(steps) <= FEW:  # a call here and there is none of a run: it counts towards compiling nothing
        return Listed([value_at(schedule, step) for step in steps])
    return Listed([schedule(step) for step in steps])  # type: ignore[operator]


def blocks(schedule: "Evaluable", start: int, stop: int) -> Iterator[tuple[range, Series]]:
    """Evaluate every update from *start* up to *stop*; yield the updates and the values of each block.

    Raises `ValueError` for more updates than `MAX_EVALUATED`, or without NumPy than `MAX_LISTED`.
    """
    refuse_too_many(stop - start)
    for a in range(start, stop, BLOCK):
        steps = range(a, min(a + BLOCK, stop))
        yield steps, series(schedule, steps)


def refuse_too_many(count: int, ends: str = "stop= or steps= sets a nearer end") -> None:
    """Raise `ValueError` for more updates than are evaluated one by one; *ends* says what to do."""
    if count <= MAX_LISTED:
        return
    name = "the number of updates to evaluate one by one"
    if numpy_or_none() is None:
        refuse(name, f"at most {MAX_LISTED:,} without NumPy (install it, or {ends})", count)
    if count > MAX_EVALUATED:
        refuse(name, f"at most {MAX_EVALUATED:,} ({ends})", count)
