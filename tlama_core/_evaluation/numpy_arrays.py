"""The namespace of NumPy, and the serving of arrays in blocks."""

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, TypeAlias

from tlama_core._evaluation.kernels import Group, grouped
from tlama_core._evaluation.python_numbers import EXACT, evaluate_number
from tlama_core._evaluation.trees import Memory, worth_remembering
from tlama_core._fields import MAX_STEPS

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from tlama_core._evaluation import Clock, Evaluable, Value

    Array: TypeAlias = npt.NDArray[np.float64]

BLOCK = 32_768
"""Array steps are served in blocks that stay in a processor's cache, whatever their number."""

MAX_INT_CLOCK = 2**62
"""An int64 clock, and a number beside it, go up to here: their sum fits too. Later ones are floats."""

MAX_SEPARATE_PHASES = 16
"""From here on, phases of one formula in a block are computed together instead of one by one."""


class NumPyNamespace:
    """Serves a one-dimensional NumPy array of int64 or float64 times; *shared* nodes are computed once."""

    def __init__(self, np: ModuleType, shared: frozenset[int]) -> None:
        self.np = np
        self.sin, self.exp, self.expm1, self.sqrt = np.sin, np.exp, np.expm1, np.sqrt
        self.log, self.log1p, self.pow = np.log, np.log1p, np.power
        self.where, self.minimum, self.maximum = np.where, np.minimum, np.maximum
        self.divmod = np.divmod
        self._memory = Memory(shared, bytes) if shared else None

    def clip(self, x: "Value", low: "Value", high: "Value") -> "Value":
        """Return the values within the range from *low* to *high*."""
        return self.np.minimum(self.np.maximum(x, low), high)  # np.clip costs three times as much

    @staticmethod
    def constant(number: float) -> float:
        """Return the number, as a float where an int64 clock could not stand beside it."""
        return number if number <= MAX_INT_CLOCK else float(number)

    def full_like(self, t: "Clock", constant: "Value") -> "Value":
        """Return the constant in the shape of the clock, without its memory."""
        return self.np.broadcast_to(constant, t.shape)

    def within(self, t: "Clock", steps: float) -> "Clock":
        """Return the times, none past *steps*; integers that cannot count so far stay integers."""
        if steps > MAX_INT_CLOCK and t.dtype.kind == "i":
            return t
        return self.np.minimum(t, steps)

    @staticmethod
    def advance(t: "Clock", by: int, to: float) -> "Clock":
        """Return t + by: a clock of integers is never past 2**62, so that the sum fits."""
        return t + NumPyNamespace.constant(by)

    def rescale(self, t: "Clock", to: int, of: int) -> "Clock":
        """Return t * to / of, from the whole quotient and the rest where the product fits."""
        if to * of < EXACT or (t.dtype.kind == "i" and to * of < MAX_INT_CLOCK):
            whole, rest = self.np.divmod(t * to, of)
            return whole + rest / of
        return t / self.constant(of) * self.constant(to)

    def lookup(self, t: "Clock", times: Sequence[int], entries: Sequence[float]) -> "Value":
        """Return the entry of the last of *times* so far, for all times by one search."""
        reached = [time for time in times if time <= MAX_INT_CLOCK or t.dtype.kind == "f"]
        places = self.np.searchsorted(self._column(reached), t, side="right")
        return self.np.asarray(entries)[places]

    def apply(self, fn: object, checked: Callable[[float], float], t: "Clock") -> "Value":
        """Return what the user's function makes of each time: it is called with Python numbers."""
        return self.np.fromiter(map(checked, t.tolist()), dtype=float, count=t.size)

    def value_of(self, schedule: "Evaluable", t: "Clock") -> "Value":
        """Return the values of a part, from the memory if there is one and it knows."""
        return self._memory.value(self, schedule, t) if self._memory is not None else schedule._value(self, t)

    def pick_phase(self, t: "Clock", starts: Sequence[int], phases: "Sequence[Evaluable]") -> "Value":
        """Return the values of the phases that own the times, which are sorted for it."""
        first, last = (bisect_right(starts, end.item()) - 1 for end in (t.min(), t.max()))
        if first == last:
            return self.value_of(phases[first], t - self.constant(starts[first]) if first else t)
        if not (t[1:] < t[:-1]).any():
            return self._sorted(t, first, last, starts, phases)
        order = self.np.argsort(t, kind="stable")
        values = self.np.empty(t.size)
        values[order] = self._sorted(t[order], first, last, starts, phases)
        return values

    def _sorted(
        self, t: "Clock", first: int, last: int, starts: Sequence[int], phases: "Sequence[Evaluable]"
    ) -> "Value":
        """Return the values at times in order, which the phases from *first* to *last* own."""
        if last - first >= MAX_SEPARATE_PHASES:
            return self._together(t, starts[first : last + 1], phases[first : last + 1])
        values = self.np.empty(t.size)
        cuts = self.np.searchsorted(t, self._column(starts[first + 1 : last + 1])).tolist()
        for i, a, b in zip(range(first, last + 1), [0, *cuts], [*cuts, t.size], strict=True):
            if a < b:
                values[a:b] = self.value_of(phases[i], t[a:b] - self.constant(starts[i]))
        return values

    def _together(self, t: "Clock", starts: Sequence[int], phases: "Sequence[Evaluable]") -> "Value":
        """Compute each formula once, with the numbers of each time's phase gathered for it."""
        np, begins = self.np, self._column(starts)
        owner = np.searchsorted(begins, t, side="right") - 1
        local = t - begins[owner]
        groups = grouped(phases)
        group_of, row_of = np.empty((2, len(phases)), dtype=np.intp)
        for i, group in enumerate(groups):
            group_of[group.members], row_of[group.members] = i, range(len(group.members))
        values, group_here = np.empty(t.size), group_of[owner]
        for i, group in enumerate(groups):
            here = np.flatnonzero(group_here == i)
            if here.size:
                values[here] = self._of_group(group, phases, local[here], row_of[owner[here]])
        return values

    def _of_group(
        self, group: Group, phases: "Sequence[Evaluable]", local: "Clock", rows: "Array"
    ) -> "Value":
        """Return the values of one formula, each with the numbers of its own row."""
        if group.formula is None:
            return self.value_of(phases[group.members[0]], local)
        return group.formula(self, local, *(self._column(column)[rows] for column in group.columns()))

    def _column(self, numbers: Sequence[float]) -> "Array":
        """Return numbers as an array, whole ones as integers where they fit a clock."""
        return self.np.asarray([self.constant(number) for number in numbers])  # type: ignore[no-any-return]


def sample(schedule: "Evaluable", count: int) -> "Array":
    """Return the values at steps 0 to *count* - 1 as a float64 array."""
    import numpy as np

    def clocks(a: int, b: int) -> "Array":
        return _clamped(np, np.arange(a, b), schedule.steps)

    return _in_blocks(np, schedule, clocks, count)


def evaluate_numpy(schedule: "Evaluable", step: "Value") -> "Value":
    """Return the values at an array of steps, or the value at a NumPy scalar as a Python float."""
    import numpy as np

    if isinstance(step, np.generic):
        return evaluate_number(schedule, float(step) if isinstance(step, np.floating) else step)
    if step.dtype.kind not in "iuf":
        raise TypeError(f"an array of steps must hold numbers, got dtype {step.dtype}")
    times = np.asarray(step).ravel()
    if times.size and not times.min() >= 0:  # so is NaN
        raise ValueError(f"every step must be >= 0, got {times[~(times >= 0)][0]}")
    if math.isinf(schedule.steps) and times.size and times.max() == math.inf:
        raise ValueError("an endless schedule has no value at step inf")
    order = None
    if schedule._extent.phases > MAX_SEPARATE_PHASES and (times[1:] < times[:-1]).any():
        order = np.argsort(times, kind="stable")  # a block of times then meets few phases of a long chain

    def clocks(a: int, b: int) -> "Array":
        return _clamped(np, times[a:b] if order is None else times[order[a:b]], schedule.steps)

    values = _in_blocks(np, schedule, clocks, times.size)
    if order is not None:
        unordered = np.empty_like(values)
        unordered[order] = values
        values = unordered
    if step.dtype.kind == "f":
        with np.errstate(over="ignore"):
            values = values.astype(step.dtype, copy=False)
    return values.reshape(step.shape)


def _in_blocks(
    np: ModuleType, schedule: "Evaluable", clocks: Callable[[int, int], "Array"], count: int
) -> "Array":
    shared = worth_remembering(schedule)
    values: Array = np.empty(count)
    with np.errstate(over="ignore", under="ignore"):  # as for Python numbers: no warning
        for a in range(0, count, BLOCK):
            b = min(a + BLOCK, count)
            values[a:b] = schedule._value(NumPyNamespace(np, shared), clocks(a, b))
    return values


def _clamped(np: ModuleType, times: "Value", steps: float) -> "Array":
    """Return *times* as int64 or float64, none past the end of a schedule that is *steps* long."""
    if times.dtype.kind != "f" and times.max() > MAX_INT_CLOCK:
        times = times.astype(np.float64)
    if times.dtype.kind == "f":
        times, end = times.astype(np.float64, copy=False), float(min(steps, MAX_STEPS))
    else:
        times, end = times.astype(np.int64, copy=False), int(min(steps, MAX_INT_CLOCK))
    return np.minimum(times, end) if times.max() > end else times  # type: ignore[no-any-return]
