"""The namespace of libraries that trace: JAX, torch, and whatever else follows the array API.

Values are never inspected, so there is no branch on one: a phase is picked by `where`, or, in a long chain,
its numbers are looked up and the formula computed once. Every branch is finite wherever the clock stands,
and so are the gradients; a root or power has gradient 0 where its own slope is infinite.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from tlama_core._evaluation.kernels import Group, grouped
from tlama_core._evaluation.python_numbers import Elementary
from tlama_core._evaluation.trees import Memory, worth_remembering

if TYPE_CHECKING:
    from tlama_core._evaluation import Clock, Evaluable, Library, Value

MAX_BRANCHES = 4
"""So many phases are picked by `where`; the numbers of more of them are looked up."""


def evaluate_traced(schedule: "Evaluable", step: "Value", lib: "Library | None" = None) -> "Value":
    """Return the values at an array of steps, as an array of the same library, device and shape.

    Another *lib* than the array's own may serve it, if it has the names of the array API that are used here.
    """
    lib = _library(step) if lib is None else lib
    if not lib.isdtype(step.dtype, ("integral", "real floating")):
        raise TypeError(f"an array of steps must hold numbers, got dtype {step.dtype}")
    if lib.isdtype(step.dtype, "integral") and not _divides_integers(step):
        step = lib.astype(step, lib.zeros(()).dtype)
    xp = TracedNamespace(lib, step, worth_remembering(schedule))
    t = xp.clock(lib.reshape(step, (-1,)), schedule.steps)
    values = lib.reshape(schedule._value(xp, t), step.shape)
    return lib.astype(values, xp.result) if values.dtype != xp.result else values


def _divides_integers(step: "Value") -> bool:
    """Whether the quotient of integers is defined, as the array API leaves open."""
    return type(step).__module__.partition(".")[0] in ("torch", "jax", "jaxlib")


def _library(step: "Value") -> "Library":
    """Return the module with the array API's functions for the library of *step*."""
    if type(step).__module__.partition(".")[0] != "torch":
        return step.__array_namespace__()
    import array_api_compat.torch  # the one that everybody uses and that does not name its namespace

    return array_api_compat.torch


class TracedNamespace(Elementary):
    """Serves a one-dimensional array of integers or floats of the library *lib*."""

    def __init__(self, lib: "Library", step: "Value", shared: frozenset[int]) -> None:
        self.lib, self._memory = lib, Memory(shared) if shared else None
        self.device = {"device": step.device} if lib.__name__.endswith("torch") else {}
        self.floating = lib.isdtype(step.dtype, "real floating")
        self.result = step.dtype if self.floating else lib.zeros(()).dtype
        # A clock of 16 bits could not count to 3,000; its values are still of its own type.
        self.real = lib.float32 if lib.finfo(self.result).bits < 32 else self.result
        narrow = self.floating or lib.isdtype(step.dtype, "unsigned integer")
        keep = not narrow and lib.iinfo(step.dtype).bits >= 32
        self.whole = step.dtype if keep else lib.arange(1).dtype
        # No clock passes the last number of its type but one, so that t + 1 is one too.
        self.latest = math.inf if self.floating else lib.iinfo(self.whole).max - 1

    def clock(self, step: "Value", steps: float) -> "Clock":
        """Return *step* as a clock within [0, steps]."""
        if self.floating:
            return self._held(self.lib.astype(step, self.real), steps)
        if self.lib.iinfo(step.dtype).max > self.latest:
            step = self.where(step > self.latest, self.latest, step)
        return self._held(self.lib.astype(step, self.whole), steps)

    def _held(self, t: "Clock", steps: "float | Value") -> "Clock":
        """Return *t*, not below 0 and not past *steps*, a number or one for each time."""
        t = self.where(t < 0, 0, t)
        if isinstance(steps, (int, float)):
            return self._held_below(t, steps)
        return self.minimum(t, steps)

    def _held_below(self, t: "Clock", steps: float) -> "Clock":
        """Return *t*, not past *steps*; a boundary past the clock is never reached."""
        if steps > self.latest:
            return t
        return self.minimum(t, self.constant(steps) if isinstance(steps, int) else steps)

    def within(self, t: "Clock", steps: float) -> "Clock":
        """Return the clock held at *steps*, which is above 0 already."""
        make = partial(self._held_below, t, steps)
        return self._memory.clock(t, steps, make) if self._memory is not None else make()

    def value_of(self, schedule: "Evaluable", t: "Clock") -> "Value":
        """Return the values of a part, from the memory if there is one and it knows."""
        return self._memory.value(self, schedule, t) if self._memory is not None else schedule._value(self, t)

    # --- the names of the array API, and plain numbers as they are

    def where(self, condition: "Value", yes: "Value", no: "Value") -> "Value":
        """Return *yes* or *no* by the condition; one that is known does not enter the trace."""
        if isinstance(condition, bool):
            return yes if condition else no
        return self.lib.where(condition, yes, no)

    def minimum(self, a: "Value", b: "Value") -> "Value":
        """Return the smaller of both by `where`, whose gradient is that of one of them."""
        return self.where(b < a, b, a)

    def maximum(self, a: "Value", b: "Value") -> "Value":
        """Return the larger of both by `where`, whose gradient is that of one of them."""
        return self.where(b > a, b, a)

    def clip(self, x: "Value", low: "Value", high: "Value") -> "Value":
        """Return the values within the range; outside of it the gradient is 0."""
        return self.where(x < low, low, self.where(x > high, high, x))

    def _function(self, name: str, x: "Value") -> "Value":
        """Return the library's function of an array, that of `math` for a number."""
        return getattr(math if isinstance(x, float) else self.lib, name)(x)

    def sqrt(self, x: "Value") -> "Value":
        """Return the square root, with gradient 0 where it is infinite."""
        # Both branches are finite where x is 0, so that the gradient there is 0 and not NaN.
        return self.where(x > 0, self.lib.sqrt(self.where(x > 0, x, 1.0)), 0.0)

    def pow(self, x: "Value", y: "Value") -> "Value":
        """Return the power, with gradient 0 where the base is 0."""
        if isinstance(x, float):
            return x**y
        return self.where(x > 0, self.where(x > 0, x, 1.0) ** y, 0.0)

    # --- what a schedule asks for besides

    def constant(self, constant: float) -> float:
        """Return a constant as this library can hold it beside a clock of so many bits."""
        return float(constant) if self.floating or constant > self.latest else constant

    def full_like(self, t: "Clock", constant: "Value") -> "Value":
        """Return the constant as an array like the clock, of the type that values have."""
        return self.lib.zeros_like(t, dtype=self.real) + constant

    def divmod(self, t: "Clock", by: "Value") -> tuple["Value", "Value"]:
        """Return the whole quotient and the rest, both of the clock's type."""
        whole = t // by
        return whole, t - whole * by

    def advance(self, t: "Clock", by: int, to: float) -> "Value":
        """Return t + by, as a float where an integer of the clock's type could overflow."""
        if to <= self.latest or self.floating:
            return t + self.constant(by)
        if to < math.inf or by > self.latest:
            return self.lib.astype(t, self.real) + float(by)
        return self.minimum(t, int(self.latest) - by) + by  # endless: no boundary is beyond

    def rescale(self, t: "Clock", to: int, of: int) -> "Value":
        """Return t * to / of, from the whole quotient and the rest where the product fits."""
        if to * of < (2 / self.lib.finfo(t.dtype).eps if self._is_real(t) else self.latest):
            whole, rest = self.divmod(t * to, of)
            return whole + rest / of
        return t / self.constant(of) * self.constant(to)

    def _is_real(self, t: "Clock") -> bool:
        """Whether a clock counts in floats."""
        return bool(self.lib.isdtype(t.dtype, "real floating"))  # of a clock that was rescaled, too

    def apply(self, fn: Callable[["Clock"], "Value"], checked: object, t: "Clock") -> "Value":
        """Return what the user's function makes of the array: under a tracer nothing can be checked."""
        return self.lib.zeros_like(t, dtype=self.real) + fn(t)

    def lookup(self, t: "Clock", times: Sequence[int], entries: Sequence[float]) -> "Value":
        """Return the entry of the last of *times* so far; a time past the clock's type never comes."""
        reached = [time for time in times if time <= self.latest]
        if len(reached) < MAX_BRANCHES:
            value = self.full_like(t, entries[0])
            for time, entry in zip(reached, entries[1:], strict=False):
                value = self.where(t < self.constant(time), value, entry)
            return value
        return self._taken(entries[: len(reached) + 1], self._searched(reached, t))

    def pick_phase(self, t: "Clock", starts: Sequence[int], phases: "Sequence[Evaluable]") -> "Value":
        """Return the values of the phases that own the times, few by `where`, many by gathering."""
        last = len(phases) - 1
        owners = [
            (start, phase)
            for i, (start, phase) in enumerate(zip(starts, phases, strict=True))
            if (phase.steps or i == last) and start <= self.latest
        ]
        if len(owners) > MAX_BRANCHES:
            return self._gathered(t, *zip(*owners, strict=True))
        value = None
        for i, (start, phase) in reversed(list(enumerate(owners))):
            # The whole clock is clamped already: only an inner boundary needs a clamp of its own.
            local = t if start == 0 else self.maximum(t - self.constant(start), 0)
            local = local if i == len(owners) - 1 else self._held(local, phase.steps)
            here = self.value_of(phase, local)
            value = here if value is None else self.where(t < self.constant(owners[i + 1][0]), here, value)
        return value

    def _gathered(self, t: "Clock", starts: Sequence[int], phases: "Sequence[Evaluable]") -> "Value":
        """Compute every formula once, with the numbers of each time's phase looked up."""
        owner = self._searched(starts[1:], t)
        value = None
        for group in grouped(phases):
            here = self._of_group(group, t, owner, starts, phases)
            if value is None:
                value = here
                continue
            mine = [0] * len(phases)
            for i in group.members:
                mine[i] = 1
            value = self.where(self._taken(mine, owner) == 1, here, value)
        return value

    def _of_group(
        self,
        group: Group,
        t: "Clock",
        owner: "Value",
        starts: Sequence[int],
        phases: "Sequence[Evaluable]",
    ) -> "Value":
        """Return the values of one formula, each with the numbers of its own phase."""
        members = group.members
        if group.formula is None:
            (only,) = members
            phase = phases[only]
            return self.value_of(phase, self._held(t - self.constant(starts[only]), phase.steps))
        rows = [0] * len(phases)  # a time of another kind borrows a row, within whose phase it is clamped
        for row, i in enumerate(members):
            rows[i] = row
        row = owner if len(members) == len(phases) else self._taken(rows, owner, places=True)
        start = self._taken([starts[i] for i in members], row)
        longest = self.latest if math.isfinite(self.latest) else 10**30
        length = self._taken([min(phases[i].steps, longest) for i in members], row)
        numbers = [self._taken(column, row) for column in group.columns()]
        return group.formula(self, self._held(t - start, length), *numbers)

    def _searched(self, times: Sequence[int], t: "Clock") -> "Value":
        """Return how many of *times* each time has reached."""
        return self.lib.searchsorted(self._table(times), t, side="right")

    def _taken(self, column: Sequence[float], at: "Value", *, places: bool = False) -> "Value":
        """Return the entry of *column* at each of the places *at*."""
        return self.lib.take(self._table(column, places=places), at, axis=0)

    def _table(self, column: Sequence[float], *, places: bool = False) -> "Value":
        """Return constants as an array: whole ones, if they are places or all fit the clock's type."""
        fits = not self.floating and all(type(c) is int and c <= self.latest for c in column)
        whole = places or fits
        dtype = self.whole if whole else self.real
        return self.lib.asarray([self.constant(c) for c in column], dtype=dtype, **self.device)
