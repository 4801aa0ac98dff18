"""The namespace of NumPy, and the serving of arrays in blocks.

Steps come in any integer or floating type and in any order. They become an int64 clock (or float64, where
they are fractions; or Python's own integers, where int64 would overflow), and are served in blocks that stay
in a processor's cache. Where the tree holds a long chain they are sorted once, before they are split, so that
a block meets few phases. What NumPy would warn about, an overflow to infinity, is a value here as in Python.

Phases of one formula are computed together: each time's phase is found by one search, and the numbers of the
formula are gathered for it.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, TypeAlias

from tlama_core._evaluation.clocks import Rescaled
from tlama_core._evaluation.kernels import Group, grouped
from tlama_core._evaluation.powers import MAX_EXPONENT, compounded
from tlama_core._evaluation.python_numbers import EXACT, ROUNDING, evaluate_number
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
"""An int64 clock, and a number beside it, go up to here: their sum fits too. Later ones are Python's own."""

MAX_SEPARATE_PHASES = 16
"""From here on, phases of one formula in a block are computed together instead of one by one."""


class NumPyNamespace:
    """Serves a one-dimensional NumPy array of times; *shared* nodes are computed once.

    A clock is an array of int64, of float64 where a step was a fraction, or of Python's integers where int64
    would overflow: NumPy compares and divides those exactly, only slower. One that runs at another rate is a
    `Rescaled` of such an array.
    """

    rounding, most_exponent = ROUNDING, MAX_EXPONENT

    def __init__(self, np: ModuleType, shared: frozenset[int]) -> None:
        self.np = np
        self.sin, self.exp, self.expm1, self.sqrt = np.sin, np.exp, np.expm1, np.sqrt
        self.log, self.log1p, self.pow = np.log, np.log1p, np.power
        self.where, self.minimum, self.maximum = np.where, np.minimum, np.maximum
        self._memory = Memory(shared, _identity) if shared else None

    def clip(self, x: "Value", low: "Value", high: "Value") -> "Value":
        """Return the values within the range from *low* to *high*."""
        return self.np.minimum(self.np.maximum(x, low), high)  # np.clip costs three times as much

    def quotient(self, x: "Value", by: "Value") -> "tuple[Value, Value, Value]":
        """Return the values, their quotients, and the whole numbers below."""
        quotient = x / by
        return x, quotient, self.np.floor(quotient)

    @staticmethod
    def kept(value: "Value") -> "Value":
        """Return the values: they are computed already."""
        return value

    def grown(self, value: "Value", base: float, k: "Value", times: int | None) -> "Value":
        """Return the values times powers, which are finite unless any may come: then they may be infinite."""
        np = self.np
        if times is not None or base <= 1:
            return np.power(base, k) * value
        k = k.astype(float) if k.dtype.kind == "O" else k  # Python's own powers raise where NumPy's do not
        power = np.power(base, k)
        past, half = np.isinf(power), k // 2
        if not past.any():
            return power * value
        halves = value * np.power(base, half) * np.power(base, k - half)
        return np.where(value == 0, value, np.where(past, halves, power * value))

    def compounded(self, start: float, factor: float, interval: float, t: "Clock", last: float) -> "Value":
        """Return the start times powers of the factor, in parts of which none overflows."""
        return compounded(self, start, factor, interval, self.number(t), last)

    @staticmethod
    def constant(number: float) -> float:
        """Return the number, as a float where an int64 clock could not stand beside it."""
        return number if number <= MAX_INT_CLOCK else float(number)

    def number(self, t: "Clock") -> "Value":
        """Return the times as int64 or float64, those of a rescaled clock as whole parts and rests."""
        if isinstance(t, Rescaled):
            whole = t.n // t.den
            t = whole + (t.n - whole * t.den) / t.den
        return t.astype(float) if t.dtype.kind == "O" else t

    def full_like(self, t: "Clock", constant: "Value") -> "Value":
        """Return the constant in the shape of the clock, without its memory."""
        return self.np.broadcast_to(constant, _numerators(t).shape)

    def within(self, t: "Clock", steps: float) -> "Clock":
        """Return the times, none past *steps*; integers that cannot count so far stay integers."""
        if isinstance(t, Rescaled):
            return Rescaled(self._at_most(t.n, steps * t.den), t.den)
        return self._at_most(t, steps)

    def _at_most(self, n: "Value", limit: float) -> "Value":
        """Return the numbers, none above *limit*; int64 never gets to one that it cannot hold."""
        if limit > MAX_INT_CLOCK and n.dtype.kind != "O":
            return n if n.dtype.kind == "i" else self.np.minimum(n, _as_float(limit))
        return self.np.minimum(n, limit)

    def advance(self, t: "Clock", by: int, to: float, stride: int = 1) -> "Clock":
        """Return by + stride * t, in Python's integers where int64 could not hold it."""
        if stride > 1:
            n, den = (t.n, t.den) if isinstance(t, Rescaled) else (t, 1)
            n = _held(n, by * den + stride * int(n.max(initial=0))) * stride + by * den
            n = _narrow(self._at_most(n, to * den))
            return Rescaled(n, den) if isinstance(t, Rescaled) else n
        if isinstance(t, Rescaled):
            return Rescaled(_held(t.n, by * t.den) + by * t.den, t.den)
        return _held(t, by) + by

    @staticmethod
    def rescale(t: "Clock", to: int, of: int) -> "Clock":
        """Return t * to / of as a fraction, in Python's integers where int64 could not hold it."""
        n, den = (t.n, t.den) if isinstance(t, Rescaled) else (t, 1)
        if n.dtype.kind == "f" and to * of * den >= EXACT:
            return Rescaled(n / float(of) * float(to), den)
        return Rescaled(_held(n, to * of * den) * to, of * den)

    def cycle(self, t: "Clock", length: int, times: int | None) -> "tuple[Value, Clock]":
        """Return the cycles and the clock in them, from one division of whole numbers."""
        n, den = (t.n, t.den) if isinstance(t, Rescaled) else (t, 1)
        n = _held(n, length * den)
        k = n // (length * den)
        k = k if times is None else self._at_most(k, times - 1)
        rest = n - k * (length * den)
        return _narrow(k), (Rescaled(rest, den) if isinstance(t, Rescaled) else _narrow(rest))

    def lookup(self, t: "Clock", times: Sequence[int], entries: Sequence[float]) -> "Value":
        """Return the entry of the last of *times* so far, for all times by one search."""
        n, cuts = self._searchable(t, times)
        return self.np.asarray(entries)[self.np.searchsorted(cuts, n, side="right")]

    def apply(self, fn: object, checked: Callable[[float], float], t: "Clock") -> "Value":
        """Return what the user's function makes of each time: it is called with Python numbers."""
        times = self.number(t)
        return self.np.fromiter(map(checked, times.tolist()), dtype=float, count=times.size)

    def value_of(self, schedule: "Evaluable", t: "Clock") -> "Value":
        """Return the values of a part, from the memory if there is one and it knows."""
        return self._memory.value(self, schedule, t) if self._memory is not None else schedule._value(self, t)

    def pick_phase(self, t: "Clock", starts: Sequence[int], phases: "Sequence[Evaluable]") -> "Value":
        """Return the values of the phases that own the times, which are sorted for it."""
        n = _numerators(t)
        first, last = (self._owner(t, end, starts) for end in (n.min(), n.max()))
        if first == last:
            return self.value_of(phases[first], self.advance(t, -starts[first], 0) if first else t)
        if not (n[1:] < n[:-1]).any():
            return self._sorted(t, first, last, starts, phases)
        order = self.np.argsort(n, kind="stable")
        values = self.np.empty(n.size)
        values[order] = self._sorted(_at(t, order), first, last, starts, phases)
        return values

    @staticmethod
    def _owner(t: "Clock", n: float, starts: Sequence[int]) -> int:
        """Return the place of the phase that owns the time with the numerator *n*."""
        return bisect_right(starts, n // t.den if isinstance(t, Rescaled) else n) - 1

    def _sorted(
        self, t: "Clock", first: int, last: int, starts: Sequence[int], phases: "Sequence[Evaluable]"
    ) -> "Value":
        """Return the values at times in order, which the phases from *first* to *last* own."""
        if last - first >= MAX_SEPARATE_PHASES:
            return self._together(t, starts[first : last + 1], phases[first : last + 1])
        n, borders = self._searchable(t, starts[first + 1 : last + 1])
        values, cuts = self.np.empty(n.size), self.np.searchsorted(n, borders).tolist()
        for i, a, b in zip(range(first, last + 1), [0, *cuts], [*cuts, n.size], strict=True):
            if a < b:
                values[a:b] = self.value_of(phases[i], self.advance(_at(t, slice(a, b)), -starts[i], 0))
        return values

    def _together(self, t: "Clock", starts: Sequence[int], phases: "Sequence[Evaluable]") -> "Value":
        """Compute each formula once, with the numbers of each time's phase gathered for it.

        It pays from some twenty phases in a block on: the work is then one search, and for every formula one
        look-up of each of its numbers, however many phases there are.
        """
        np = self.np
        n, begins = self._searchable(t, starts)
        owner = np.searchsorted(begins, n, side="right") - 1
        local = n - begins[owner]
        if isinstance(t, Rescaled):
            local = Rescaled(local, t.den)
        groups = grouped(phases)
        group_of, row_of = np.empty((2, len(phases)), dtype=np.intp)
        for i, group in enumerate(groups):
            group_of[group.members], row_of[group.members] = i, range(len(group.members))
        values, group_here = np.empty(n.size), group_of[owner]
        for i, group in enumerate(groups):
            here = np.flatnonzero(group_here == i)
            if here.size:
                values[here] = self._of_group(group, phases, _at(local, here), row_of[owner[here]])
        return values

    def _of_group(
        self, group: Group, phases: "Sequence[Evaluable]", local: "Clock", rows: "Array"
    ) -> "Value":
        """Return the values of one formula, each with the numbers of its own row."""
        if group.formula is None:
            return self.value_of(phases[group.members[0]], local)
        numbers = (self._column(column)[rows] for column in group.columns())
        return group.formula(self, self.number(local), *numbers)

    def _searchable(self, t: "Clock", times: Sequence[int]) -> "tuple[Array, Array]":
        """Return the numerators of a clock and of whole *times*, as arrays that compare exactly."""
        n, den = (t.n, t.den) if isinstance(t, Rescaled) else (t, 1)
        if n.dtype.kind != "f" and times and times[-1] * den > MAX_INT_CLOCK:
            n = n.astype(object)
        cuts = [time * den for time in times]
        return n, self.np.asarray([*map(_as_float, cuts)] if n.dtype.kind == "f" else cuts, dtype=n.dtype)

    def _column(self, numbers: Sequence[float]) -> "Array":
        """Return numbers as an array, whole ones as integers where they fit a clock."""
        return self.np.asarray([self.constant(number) for number in numbers])  # type: ignore[no-any-return]


def _numerators(t: "Clock") -> "Array":
    """Return the array that a clock is made of."""
    return t.n if isinstance(t, Rescaled) else t  # type: ignore[no-any-return]


def _as_float(number: float) -> float:
    """Return a whole number as a float: infinity where there is none that large."""
    try:
        return float(number)
    except OverflowError:
        return math.inf


def _identity(t: "Clock") -> object:
    """Return what tells a clock from others: its times."""
    return (t.n.tobytes(), t.den) if isinstance(t, Rescaled) else t.tobytes()


def _at(t: "Clock", places: "npt.NDArray[np.intp] | slice[int, int]") -> "Clock":
    """Return the clock at some of its places."""
    return Rescaled(t.n[places], t.den) if isinstance(t, Rescaled) else t[places]


def _held(n: "Array", number: float) -> "Array":
    """Return integers as they are where those beside *number* stay within int64, else as Python's."""
    return n.astype(object) if n.dtype.kind == "i" and abs(number) > MAX_INT_CLOCK else n


def _narrow(n: "Array") -> "Array":
    """Return Python's integers as int64 again where they all fit."""
    return n.astype("int64") if n.dtype.kind == "O" and n.max() <= MAX_INT_CLOCK else n


def sample(schedule: "Evaluable", count: int) -> "Array":
    """Return the values at steps 0 to *count* - 1 as a float64 array.

    It is what evaluating `np.arange(count)` gives, without that array: a block of steps at a time.
    """
    import numpy as np

    def clocks(a: int, b: int) -> "Array":
        return _clamped(np, np.arange(a, b), schedule.steps)

    return _in_blocks(np, schedule, clocks, count)


def evaluate_numpy(schedule: "Evaluable", step: "Value") -> "Value":
    """Return the values at an array of steps, or the value at a NumPy scalar as a Python float.

    The values are float64, or of the type of a floating array; the array of the caller is left alone.

    Raises `ValueError` for a negative step or NaN, and where an endless schedule is asked at infinity;
    `TypeError` for an array of anything but numbers.
    """
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
    if times.dtype.kind == "f":
        times = times.astype(np.float64, copy=False)
        whole = (times <= MAX_INT_CLOCK) & (np.floor(times) == times)
        if whole.any():  # at a jump, a float might be rounded to the other side
            values = np.empty(times.size)
            values[whole] = _in_any_order(np, schedule, times[whole].astype(np.int64))
            values[~whole] = _in_any_order(np, schedule, times[~whole])
        else:
            values = _in_any_order(np, schedule, times)
        with np.errstate(over="ignore"):
            return values.astype(step.dtype, copy=False).reshape(step.shape)
    return _in_any_order(np, schedule, times).reshape(step.shape)


def _in_any_order(np: ModuleType, schedule: "Evaluable", times: "Value") -> "Array":
    """Return the values at *times*, which are sorted first where that pays."""
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
    return values


def _in_blocks(
    np: ModuleType, schedule: "Evaluable", clocks: Callable[[int, int], "Array"], count: int
) -> "Array":
    shared = worth_remembering(schedule)
    values: Array = np.empty(count)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):  # as for Python numbers: no warning
        for a in range(0, count, BLOCK):
            b = min(a + BLOCK, count)
            values[a:b] = schedule._value(NumPyNamespace(np, shared), clocks(a, b))
    return values


def _clamped(np: ModuleType, times: "Value", steps: float) -> "Array":
    """Return *times* as int64 or float64, none past the end of a schedule that is *steps* long."""
    if times.dtype.kind == "f":
        end: float = float(min(steps, MAX_STEPS))
    elif times.max() > MAX_INT_CLOCK:
        times, end = times.astype(object), min(steps, MAX_STEPS)
    else:
        times, end = times.astype(np.int64, copy=False), int(min(steps, MAX_INT_CLOCK))
    return _narrow(np.minimum(times, end) if times.max() > end else times)
