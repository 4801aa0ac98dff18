"""What a step may be, and which namespace serves it.

A *namespace* is what the formulas are written against: the elementary functions under their array-API
names, and the three ways in which a schedule picks (a phase, a table entry, a user's function). One
serves Python numbers, one NumPy arrays. Nothing here knows a node.
"""

import math
import operator
import sys
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from tlama_core._checks import LONGEST, show

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

Formula = Callable[..., Any]

BLOCK = 16_384
"""Array steps are served in blocks that stay in a processor's cache, whatever their number."""

FEW_PHASES = 16
"""From here on, phases of one formula in a block are computed together instead of one by one."""


class Plan(NamedTuple):
    """A value as a formula shared by all of its kind, and the numbers that make it this one."""

    formula: Formula | None
    numbers: tuple[int | float, ...] = ()


class Evaluable(Protocol):
    """What a namespace may ask of a schedule."""

    @property
    def steps(self) -> int | float: ...
    def _value(self, xp: Any, t: Any) -> Any: ...
    def _plan(self) -> Plan: ...


class PythonNamespace:
    """Serves one Python number: the functions of `math`, computed in double precision."""

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
    def number(constant: float) -> float:
        return constant

    @staticmethod
    def rescale(t: float, to: int, of: int) -> float:
        """Return t * to / of, exactly *to* at t = *of*."""
        if isinstance(t, int):
            whole, rest = divmod(t * to, of)  # not `t * to / of`: an array's clock must be the same
            return whole + rest / of
        return t / of * to

    @staticmethod
    def full(t: float, constant: float) -> float:
        """Return *constant* in the shape of *t*."""
        return constant

    @staticmethod
    def lookup(t: float, times: Sequence[int], entries: Sequence[float]) -> float:
        """Return the entry of the last of *times* at or before *t*; `entries[0]` before the first."""
        return entries[bisect_right(times, t)]

    @staticmethod
    def each(function: Callable[[Any], float], t: float) -> float:
        return function(t)

    def phase(self, t: float, starts: Sequence[int], phases: Sequence[Evaluable]) -> float:
        """Return the value of the phase that owns time *t*."""
        i = bisect_right(starts, t) - 1
        return phases[i]._value(self, t - starts[i])  # type: ignore[no-any-return]


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
    def number(constant: float) -> float:
        """Return *constant* as NumPy can hold it beside an int64 array."""
        return constant if constant < 2**63 else float(constant)

    def rescale(self, t: Any, to: int, of: int) -> Any:
        if t.dtype.kind == "i" and to * of < 2**63:
            whole, rest = self.np.divmod(t * to, of)  # exact where Python's integers are
            return whole + rest / of
        return t / self.number(of) * self.number(to)

    def full(self, t: Any, constant: Any) -> Any:
        return self.np.broadcast_to(constant, t.shape)

    def lookup(self, t: Any, times: Sequence[int], entries: Sequence[float]) -> Any:
        places = self.np.searchsorted(self._column(times), t, side="right")
        return self.np.asarray(entries)[places]

    def each(self, function: Callable[[Any], float], t: Any) -> Any:
        return self.np.fromiter(map(function, t.tolist()), dtype=float, count=t.size)

    def phase(self, t: Any, starts: Sequence[int], phases: Sequence[Evaluable]) -> Any:
        if not (t[1:] < t[:-1]).any():
            return self._sorted(t, starts, phases)
        order = self.np.argsort(t, kind="stable")
        values = self.np.empty(t.size)
        values[order] = self._sorted(t[order], starts, phases)
        return values

    def _sorted(self, t: Any, starts: Sequence[int], phases: Sequence[Evaluable]) -> Any:
        first, last = (bisect_right(starts, end.item()) - 1 for end in (t[0], t[-1]))
        if first == last:
            return phases[first]._value(self, t - self.number(starts[first]))
        if last - first >= FEW_PHASES:
            return self._together(t, starts[first : last + 1], phases[first : last + 1])
        values = self.np.empty(t.size)
        cuts = self.np.searchsorted(t, self._column(starts[first + 1 : last + 1])).tolist()
        for i, a, b in zip(range(first, last + 1), [0, *cuts], [*cuts, t.size], strict=True):
            if a < b:
                values[a:b] = phases[i]._value(self, t[a:b] - self.number(starts[i]))
        return values

    def _together(self, t: Any, starts: Sequence[int], phases: Sequence[Evaluable]) -> Any:
        """Compute each formula once, with the numbers of each time's phase gathered for it."""
        np, begins = self.np, self._column(starts)
        owner = np.searchsorted(begins, t, side="right") - 1
        local = t - begins[owner]
        kinds: dict[Any, list[tuple[int, tuple[float, ...]]]] = {}
        for i, phase in enumerate(phases):
            formula, numbers = phase._plan()
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
        return self.np.asarray([self.number(constant) for constant in constants])


PYTHON = PythonNamespace()


def read_number(step: float, steps: float) -> int | float:
    """Return a Python number as a clock of a schedule that is *steps* long, clamped at its end."""
    if isinstance(step, bool):
        raise TypeError(f"a step must be a number or an array, got a bool: {step}")
    if not step >= 0:
        raise ValueError(f"a step must be >= 0, got {show(step)}")
    clock = float(step) if isinstance(step, float) else operator.index(step)
    if clock < steps:
        return min(clock, LONGEST)
    if math.isinf(steps):
        raise ValueError("an endless schedule has no value at step inf")
    return steps


def evaluate(schedule: Evaluable, step: Any) -> Any:
    """Return the value at a *step* of any kind but a plain Python number's."""
    np = sys.modules.get("numpy")  # an array can only come from a library that is loaded already
    if np is not None and isinstance(step, np.ndarray):
        return _evaluate_array(np, schedule, step)
    if np is not None and isinstance(step, np.floating):
        step = float(step)
    if not isinstance(step, float):
        try:
            step = operator.index(step)
        except TypeError:
            kind = type(step).__name__
            raise TypeError(f"a step must be a number or an array, got a {kind}") from None
    return schedule._value(PYTHON, read_number(step, schedule.steps))


def sample(schedule: Evaluable, count: int) -> "Array":
    """Return the values at steps 0 to *count* - 1 as a float64 array."""
    import numpy as np

    def clocks(a: int, b: int) -> "Array":
        return _clamped(np, np.arange(a, b), schedule.steps)

    return _in_blocks(np, schedule, clocks, count)


def _evaluate_array(np: Any, schedule: Evaluable, step: "Array") -> "Array":
    if step.dtype.kind not in "iuf":
        raise TypeError(f"an array of steps must hold numbers, got dtype {step.dtype}")
    times = np.asarray(step).ravel()
    wrong = times[~(times >= 0)]
    if wrong.size:
        raise ValueError(f"every step must be >= 0, got {wrong[0]}")
    if math.isinf(schedule.steps) and times.size and times.max() == math.inf:
        raise ValueError("an endless schedule has no value at step inf")
    order = np.argsort(times, kind="stable") if (times[1:] < times[:-1]).any() else None

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


def _in_blocks(np: Any, schedule: Evaluable, clocks: Callable[[int, int], "Array"], count: int) -> "Array":
    xp = NumPyNamespace(np)
    values: Array = np.empty(count)
    with np.errstate(over="ignore", under="ignore"):  # as for Python numbers: no warning
        for a in range(0, count, BLOCK):
            b = min(a + BLOCK, count)
            values[a:b] = schedule._value(xp, clocks(a, b))
    return values


def _clamped(np: Any, times: "Array", steps: float) -> "Array":
    """Return *times* as int64 or float64, none past the end of a schedule that is *steps* long."""
    if times.dtype.kind == "f":
        return np.minimum(times.astype(np.float64), float(min(steps, LONGEST)))  # type: ignore[no-any-return]
    if times.dtype.kind == "u":
        times = np.minimum(times, times.dtype.type(min(np.iinfo(times.dtype).max, 2**63 - 1)))
    return np.minimum(times.astype(np.int64), int(min(steps, 2**63 - 1)))  # type: ignore[no-any-return]
