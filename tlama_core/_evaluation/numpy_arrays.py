"""The namespace of NumPy, and the serving of arrays in blocks."""

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from tlama_core._evaluation.python_numbers import EXACT, evaluate_number
from tlama_core._fields import MAX_STEPS

if TYPE_CHECKING:
    import numpy as np

    from tlama_core._evaluation import Evaluable

    Array = np.ndarray[Any, np.dtype[Any]]

BLOCK = 32_768
"""Array steps are served in blocks that stay in a processor's cache, whatever their number."""

MAX_INT_CLOCK = 2**62
"""An int64 clock, and a number beside it, go up to here: their sum fits too. Later ones are floats."""

MAX_SEPARATE_PHASES = 16
"""From here on, phases of one formula in a block are computed together instead of one by one."""


class NumPyNamespace:
    """Serves a one-dimensional NumPy array of int64 or float64 times."""

    def __init__(self, np: Any) -> None:
        self.np = np
        self.sin, self.exp, self.expm1, self.sqrt = np.sin, np.exp, np.expm1, np.sqrt
        self.log, self.log1p, self.pow = np.log, np.log1p, np.power
        self.where, self.minimum, self.maximum = np.where, np.minimum, np.maximum
        self.divmod = np.divmod

    def clip(self, x: Any, low: Any, high: Any) -> Any:
        return self.np.minimum(self.np.maximum(x, low), high)  # np.clip costs three times as much

    @staticmethod
    def constant(constant: float) -> float:
        """Return *constant* as NumPy can hold it beside an int64 array."""
        return constant if constant <= MAX_INT_CLOCK else float(constant)

    def rescale(self, t: Any, to: int, of: int) -> Any:
        if to * of < EXACT or (t.dtype.kind == "i" and to * of < MAX_INT_CLOCK):
            whole, rest = self.np.divmod(t * to, of)
            return whole + rest / of
        return t / self.constant(of) * self.constant(to)

    def full_like(self, t: Any, constant: Any) -> Any:
        return self.np.broadcast_to(constant, t.shape)

    def lookup(self, t: Any, times: Sequence[int], entries: Sequence[float]) -> Any:
        reached = [time for time in times if time <= MAX_INT_CLOCK or t.dtype.kind == "f"]
        places = self.np.searchsorted(self._column(reached), t, side="right")
        return self.np.asarray(entries)[places]

    def apply(self, function: Any, t: Any) -> Any:
        return self.np.fromiter(map(function._checked, t.tolist()), dtype=float, count=t.size)

    @staticmethod
    def advance(t: Any, by: int, to: float) -> Any:
        return t + NumPyNamespace.constant(by)

    def pick_phase(self, t: Any, starts: Sequence[int], phases: "Sequence[Evaluable]") -> Any:
        first, last = (bisect_right(starts, end.item()) - 1 for end in (t.min(), t.max()))
        if first == last:
            return phases[first]._value(self, t - self.constant(starts[first]) if first else t)
        if not (t[1:] < t[:-1]).any():
            return self._sorted(t, first, last, starts, phases)
        order = self.np.argsort(t, kind="stable")
        values = self.np.empty(t.size)
        values[order] = self._sorted(t[order], first, last, starts, phases)
        return values

    def _sorted(
        self, t: Any, first: int, last: int, starts: Sequence[int], phases: "Sequence[Evaluable]"
    ) -> Any:
        if last - first >= MAX_SEPARATE_PHASES:
            return self._together(t, starts[first : last + 1], phases[first : last + 1])
        values = self.np.empty(t.size)
        cuts = self.np.searchsorted(t, self._column(starts[first + 1 : last + 1])).tolist()
        for i, a, b in zip(range(first, last + 1), [0, *cuts], [*cuts, t.size], strict=True):
            if a < b:
                values[a:b] = phases[i]._value(self, t[a:b] - self.constant(starts[i]))
        return values

    def _together(self, t: Any, starts: Sequence[int], phases: "Sequence[Evaluable]") -> Any:
        """Compute each formula once, with the numbers of each time's phase gathered for it."""
        np, begins = self.np, self._column(starts)
        owner = np.searchsorted(begins, t, side="right") - 1
        local = t - begins[owner]
        kinds: dict[Any, list[tuple[int, tuple[float, ...]]]] = {}
        for i, phase in enumerate(phases):
            formula, numbers = phase._kernel()
            kinds.setdefault(formula or i, []).append((i, numbers))
        kind_of, row_of = np.empty((2, len(phases)), dtype=np.intp)
        for kind, members in enumerate(kinds.values()):
            places = [i for i, _ in members]
            kind_of[places], row_of[places] = kind, range(len(places))
        values, kind_here = np.empty(t.size), kind_of[owner]
        for kind, (formula, members) in enumerate(kinds.items()):
            here = np.flatnonzero(kind_here == kind)
            if here.size == 0:
                continue
            if isinstance(formula, int):
                values[here] = phases[formula]._value(self, local[here])
            else:
                rows = row_of[owner[here]]
                columns = zip(*(numbers for _, numbers in members), strict=True)
                gathered = (self._column(column)[rows] for column in columns)
                values[here] = formula(self, local[here], *gathered)
        return values

    def _column(self, constants: Sequence[float]) -> Any:
        return self.np.asarray([self.constant(constant) for constant in constants])


def sample(schedule: "Evaluable", count: int) -> "Array":
    """Return the values at steps 0 to *count* - 1 as a float64 array."""
    import numpy as np

    def clocks(a: int, b: int) -> "Array":
        return _clamped(np, np.arange(a, b), schedule.steps)

    return _in_blocks(np, schedule, clocks, count)


def evaluate_numpy(schedule: "Evaluable", step: Any) -> Any:
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
    if len(getattr(schedule, "starts", ())) > MAX_SEPARATE_PHASES and (times[1:] < times[:-1]).any():
        order = np.argsort(times, kind="stable")  # a block of a long chain then meets few phases

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


def _in_blocks(np: Any, schedule: "Evaluable", clocks: Callable[[int, int], "Array"], count: int) -> "Array":
    xp = NumPyNamespace(np)
    values: Array = np.empty(count)
    with np.errstate(over="ignore", under="ignore"):  # as for Python numbers: no warning
        for a in range(0, count, BLOCK):
            b = min(a + BLOCK, count)
            values[a:b] = schedule._value(xp, clocks(a, b))
    return values


def _clamped(np: Any, times: "Array", steps: float) -> "Array":
    """Return *times* as int64 or float64, none past the end of a schedule that is *steps* long."""
    if times.dtype.kind != "f" and times.max() > MAX_INT_CLOCK:
        times = times.astype(np.float64)
    if times.dtype.kind == "f":
        times, end = times.astype(np.float64, copy=False), float(min(steps, MAX_STEPS))
    else:
        times, end = times.astype(np.int64, copy=False), int(min(steps, MAX_INT_CLOCK))
    return np.minimum(times, end) if times.max() > end else times
