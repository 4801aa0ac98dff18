"""The namespace of libraries that trace: JAX, torch, and whatever else follows the array API.

Values are never inspected, so there is no branch on one: a phase is picked by `where`, or, in a long chain,
its numbers are looked up and the formula computed once. Every branch is finite wherever the clock stands,
and so are the gradients; a root or power has gradient 0 where its own slope is infinite.

A clock of integers keeps its type. What that type could not hold is never formed: a boundary beyond it is
never reached, one under a stretch or a far slice is mapped to the first step that reaches it by Python's
integers, and a quotient whose product would overflow is taken bit by bit. A clock of floats stays one.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from tlama_core._evaluation.clocks import Affine
from tlama_core._evaluation.growth import grown
from tlama_core._evaluation.kernels import Group, grouped
from tlama_core._evaluation.powers import MAX_EXPONENT, compounded_by_digits
from tlama_core._evaluation.python_numbers import ROUNDING, Elementary
from tlama_core._evaluation.trees import Memory, worth_remembering

if TYPE_CHECKING:
    from tlama_core._evaluation import Clock, Evaluable, Library, Value

MAX_BRANCHES = 4
"""So many phases are picked by `where`; the numbers of more of them are looked up."""


WIDE, NARROW = (ROUNDING, MAX_EXPONENT), (4e-6, 88.0)
"""By how much a quotient may be off a whole number, and up to where powers of e are finite: in a type
narrower than double, both are others.
"""


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
    """Serves a one-dimensional array of integers or floats of the library *lib*.

    Values are of the type of a floating *step*, else of the library's usual one. A clock is the array itself,
    never below 0 and never past the end of the schedule that it is the clock of, or an `Affine` of one.
    """

    def __init__(self, lib: "Library", step: "Value", shared: frozenset[int]) -> None:
        self.lib, self._memory = lib, Memory(shared) if shared else None
        self.device = {"device": step.device} if lib.__name__.endswith("torch") else {}
        self.floating = lib.isdtype(step.dtype, "real floating")
        self.result = step.dtype if self.floating else lib.zeros(()).dtype
        # A clock of 16 bits could not count to 3,000; its values are still of its own type.
        self.real = lib.float32 if lib.finfo(self.result).bits < 32 else self.result
        self.rounding, self.most_exponent = NARROW if lib.finfo(self.real).bits < 64 else WIDE
        signed = lib.isdtype(step.dtype, "signed integer") or not self.device
        # Times count in the library's widest usual integers: a ratio of lengths may not fit a narrower type.
        usual = lib.arange(1).dtype
        wide = not self.floating and lib.iinfo(step.dtype).bits >= lib.iinfo(usual).bits
        self.whole = step.dtype if wide and signed else usual
        self.latest = math.inf if self.floating else lib.iinfo(self.whole).max
        self.to_the_last = False

    def clock(self, step: "Value", steps: float) -> "Clock":
        """Return *step* as a clock within [0, steps]."""
        if self.floating:
            return self._held(self.lib.astype(step, self.real), steps)
        self.to_the_last = steps >= self.latest
        t = self.lib.astype(step, self.whole)
        if self.lib.iinfo(step.dtype).max > self.latest:
            t = self.where(t < 0, self.latest, t)  # a wider unsigned number has become a negative one
        return self._held(t, steps)

    def _held(self, t: "Value", steps: "float | Value") -> "Value":
        """Return times, not below 0 and not past *steps*, a number or one for each time."""
        t = self.where(t < 0, 0, t)
        if isinstance(steps, (int, float)):
            return self._held_below(t, steps)
        return self.minimum(t, steps)

    def _held_below(self, t: "Value", steps: float) -> "Value":
        """Return times, not past *steps*; a boundary past the clock is never reached."""
        if steps > self.latest:
            return t
        return self.minimum(t, self.constant(steps) if isinstance(steps, int) else steps)

    def within(self, t: "Clock", steps: float) -> "Clock":
        """Return the clock held at *steps*, which is above 0 already."""
        return self._once(t, ("within", steps), partial(self._within, t, steps))

    def _once(self, t: "Clock", change: tuple[object, ...], make: Callable[[], "Clock"]) -> "Clock":
        """Return a changed clock: the same one for the same change, where values of clocks are remembered."""
        return self._memory.clock(t, change, make) if self._memory is not None else make()

    def _within(self, t: "Clock", steps: float) -> "Clock":
        """Return the clock held at *steps*, a new one."""
        if isinstance(t, Affine):
            if math.isinf(steps):
                return t
            return t.until(int(steps), self._held_below(t.t, t.first(int(steps))))
        return self._held_below(t, steps)

    def _since(self, t: "Clock", start: int) -> "Clock":
        """Return a clock that stands at 0 until *start*."""
        if isinstance(t, Affine):
            first = t.first(start)
            return t.since(start, self._since(t.t, first))
        return self.where(t < self.constant(start), 0, t - self.constant(start)) if start else t

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
        return self.where(x > 0, self.where(x > 0, x, 1.0) ** y, 0.0)

    # --- what a schedule asks for besides

    def quotient(self, x: "Value", by: "Value") -> tuple["Value", "Value", "Value"]:
        """Return the values, their quotients, and the whole numbers below, which carry no gradient."""
        quotient = self._constant(x) / by
        return x, quotient, self.lib.floor(quotient)

    def constant(self, constant: float) -> float:
        """Return a constant as this library can hold it beside a clock of so many bits."""
        if self.floating or constant > self.latest:
            return float(constant)
        if constant < 2**31 or self.device:
            return constant
        return self.lib.asarray(constant, dtype=self.whole)  # type: ignore[no-any-return]  # JAX reads a plain number as an int32

    def number(self, t: "Clock") -> "Value":
        """Return the times; of a rescaled clock as whole parts and rests, where the type holds them."""
        if isinstance(t, Affine):
            return self._quotient_as_real(t)
        if self.to_the_last and not self._is_real(t):
            return self.minimum(t, self.constant(self.latest - 1))  # so that t + 1 is one too
        return t

    def _quotient_as_real(self, t: Affine) -> "Value":
        """Return an affine clock as real numbers."""
        if t.highest() <= self.latest and t.den <= self.latest:
            n, den = self._numerator(t), self.constant(t.den)
            whole = n // den
            value = self._as_real(whole) + self._as_real(n - whole * den) / float(t.den)
        else:
            value = self._as_real(t.t) * (t.num / t.den) + t.shift / t.den
        value = value if t.rest is None else value + t.rest
        return self.minimum(value, t.cap / t.den)

    def _numerator(self, t: Affine) -> "Value":
        """Return the numerator of a clock, where the type holds it."""
        n = t.t if t.num == 1 else t.t * self.constant(t.num)
        n = n + self.constant(t.shift) if t.shift else n
        return self.minimum(n, self.constant(t.cap)) if t.cap < t.highest() else n

    def _as_real(self, t: "Value") -> "Value":
        """Return whole numbers as values."""
        return self.lib.astype(t, self.real)

    def full_like(self, t: "Clock", constant: "Value") -> "Value":
        """Return the constant as an array like the clock, of the type that values have."""
        return self.lib.zeros_like(t.t if isinstance(t, Affine) else t, dtype=self.real) + constant

    def compounded(self, start: float, factor: float, interval: float, t: "Clock", last: float) -> "Value":
        """Return the start times a power, which is taken by digits of the whole steps."""
        return compounded_by_digits(self, start, factor, interval, t)

    @staticmethod
    def kept(value: "Value") -> "Value":
        """Return the value: it is computed already."""
        return value

    def grown(self, value: "Value", base: float, k: "Value", times: int | None) -> "Value":
        """Return the value times a power, by digits of k; 0 stays 0 where the power is infinite."""
        return grown(self, value, base, k, times)

    def cycle(self, t: "Clock", length: int, times: int | None) -> tuple["Value", "Clock"]:
        """Return the cycles and the clock in them, the whole steps of a rescaled one in whole numbers."""
        if isinstance(t, Affine):
            return self._affine_cycle(t, length, times)
        if length > self.latest:
            return self.lib.zeros_like(t), t
        cycle = self.constant(length)
        k = self._last_cycle(self._constant(t) // cycle, times)
        return k, t - k * cycle

    def _affine_cycle(self, t: Affine, length: int, times: int | None) -> tuple["Value", "Clock"]:
        """Return the cycles and the clock in them; where no whole number holds them, in floats.

        The best way that the type allows: the rest of one division, as a numerator; the whole steps, with
        the fraction beside them; or, where a cycle is longer than the type counts, a rounded quotient.
        """
        before = t.shift // (t.den * length)  # whole cycles, which need not be counted in an array
        if before:
            rest = None if times is None else times - before
            k, local = self._affine_cycle(t.moved(-before * length), length, rest)
            return k + self.constant(before), local
        cycle = t.den * length
        if max(t.highest() // cycle, cycle) <= self.latest and t.rest is None:
            k, rest = self._divmod(t, cycle)
            last = self._last_cycle(k, times)
            rest = self.where(last < k, self.constant(cycle), rest)
            return last, Affine(rest, cycle, cycle, den=t.den)
        if max(t.highest() // t.den, t.den, length) <= self.latest:
            whole, rest = (t.t, t.rest) if t.rest is not None else self._divmod(t, t.den)
            k = self._last_cycle(whole // self.constant(length), times)
            fraction = t.rest if t.rest is not None else self._as_real(rest) / t.den
            return k, Affine(whole - k * self.constant(length), length, length, rest=fraction)
        local = self.number(t)
        k = self._last_cycle(self._constant(local) // float(length), times)
        return k, local - k * float(length)

    def _last_cycle(self, k: "Value", times: int | None) -> "Value":
        """Return the cycles, none past the last."""
        return k if times is None or times > self.latest else self.minimum(k, self.constant(times - 1))

    def _constant(self, t: "Value") -> "Value":
        """Return times that carry no gradient: that of a whole quotient is 0, and torch has none."""
        return t.detach() if self.device else t

    def _divmod(self, t: Affine, by: int) -> tuple["Value", "Value"]:
        """Return the whole quotients and rests of the numerator, bit by bit where it does not fit.

        The rest so far is doubled, and that of the next bit added, below *by* all the time; what goes over is
        carried into the quotient, as in long division.
        """
        if t.highest() <= self.latest:
            n = self._numerator(t)
            return n // self.constant(by), n - n // self.constant(by) * self.constant(by)
        (whole, num), (more, shift) = divmod(t.num, by), divmod(t.shift, by)
        carried = rest = self.lib.zeros_like(t.t)
        for place in reversed(range(t.top.bit_length())):
            over, rest = self._added(rest, rest, by)
            carried = carried + carried + over
            set_here = (t.t // self.constant(2**place)) % 2 > 0
            over, rest = self._added(rest, self.where(set_here, self.constant(num), 0), by)
            carried = carried + over
        over, rest = self._added(rest, self.constant(shift), by)
        quotient = t.t * self.constant(whole) + (self.constant(more) + carried + over)
        if t.cap >= t.highest():
            return quotient, rest
        held, last = divmod(t.cap, by)
        ended = t.t >= self.constant(t.top)
        return self.where(ended, self.constant(held), quotient), self.where(ended, self.constant(last), rest)

    def _added(self, a: "Value", b: "Value", by: int) -> tuple["Value", "Value"]:
        """Return whether a + b, both below *by*, reach it, and the rest; the sum is never formed."""
        left = self.constant(by) - b
        reached = a >= left
        return self.where(reached, 1, 0), self.where(reached, a - left, a + self.where(reached, 0, b))

    def advance(self, t: "Clock", by: int, to: float, stride: int = 1) -> "Clock":
        """Return by + stride * t, which is not formed where an integer of the type could not hold it."""
        if stride > 1:
            return self._once(t, ("stride", by, to, stride), partial(self._strided, t, by, to, stride))
        return self._once(t, ("advance", by), partial(self._advanced, t, by, to))

    def _advanced(self, t: "Clock", by: int, to: float) -> "Clock":
        """Return t + by, a new clock."""
        if isinstance(t, Affine):
            return t.moved(by)
        if to <= self.latest or self._is_real(t):
            return t + self.constant(by)
        return Affine(t, int(self.latest), int(min(to, self.latest + by)), shift=by)

    def _strided(self, t: "Clock", by: int, to: float, stride: int) -> "Clock":
        """Return by + stride * t held at *to*, a new clock."""
        if not isinstance(t, Affine) and not self._is_real(t):
            t = Affine(t, int(self.latest), int(self.latest))
        if isinstance(t, Affine) and t.rest is None:
            return self._within(t.rescaled(stride, 1).moved(by), to)
        return self._held_below(self.number(t) * float(stride) + float(by), to)

    def rescale(self, t: "Clock", to: int, of: int) -> "Clock":
        """Return t * to / of: of whole numbers as a fraction, of others as a number."""
        return self._once(t, ("rescale", to, of), partial(self._rescaled, t, to, of))

    def _rescaled(self, t: "Clock", to: int, of: int) -> "Clock":
        """Return t * to / of, a new clock."""
        if not isinstance(t, Affine) and not self._is_real(t):
            t = Affine(t, of if of < self.latest else int(self.latest), of)
        if isinstance(t, Affine) and t.rest is None:
            return t.rescaled(to, of)
        t = self.number(t)
        if to * of < 2 / self.lib.finfo(t.dtype).eps:
            return t * float(to) / float(of)
        return t / float(of) * float(to)

    def _is_real(self, t: "Value") -> bool:
        """Whether a plain clock counts in floats."""
        return bool(self.lib.isdtype(t.dtype, "real floating"))

    def apply(self, fn: Callable[["Clock"], "Value"], checked: object, t: "Clock") -> "Value":
        """Return what the user's function makes of the array: under a tracer nothing can be checked."""
        return self.full_like(t, 0.0) + fn(self.number(t))

    def lookup(self, t: "Clock", times: Sequence[int], entries: Sequence[float]) -> "Value":
        """Return the entry of the last of *times* so far; a time past the clock's type never comes."""
        n, times = self._compared(t, times)
        reached = [time for time in times if time <= self.latest]
        if len(reached) < MAX_BRANCHES:
            value = self.full_like(n, entries[0])
            for time, entry in zip(reached, entries[1:], strict=False):
                value = self.where(n < self.constant(time), value, entry)
            return value
        return self._taken(entries[: len(reached) + 1], self._searched(reached, n))

    @staticmethod
    def _compared(t: "Clock", times: Sequence[int]) -> "tuple[Value, Sequence[int]]":
        """Return an array, and for each time the first number of it that has reached the time."""
        return (t.t, [t.first(time) for time in times]) if isinstance(t, Affine) else (t, times)

    def pick_phase(self, t: "Clock", starts: Sequence[int], phases: "Sequence[Evaluable]") -> "Value":
        """Return the values of the phases that own the times, few by `where`, many by gathering."""
        last = len(phases) - 1
        n, firsts = self._compared(t, starts)
        owners = [
            (first, start, phase)
            for i, (first, start, phase) in enumerate(zip(firsts, starts, phases, strict=True))
            if (phase.steps or i == last) and first <= self.latest
        ]
        if len(owners) > MAX_BRANCHES:
            return self._gathered(t, *zip(*owners, strict=True))
        value = None
        for i, (_, start, phase) in reversed(list(enumerate(owners))):
            # The whole clock is clamped already: only an inner boundary needs a clamp of its own.
            local = self._once(t, ("since", start), partial(self._since, t, start)) if start else t
            local = local if i == len(owners) - 1 else self.within(local, phase.steps)
            here = self.value_of(phase, local)
            value = here if value is None else self.where(n < self.constant(owners[i + 1][0]), here, value)
        return value

    def _gathered(
        self, t: "Clock", firsts: Sequence[int], starts: Sequence[int], phases: "Sequence[Evaluable]"
    ) -> "Value":
        """Compute every formula once, with the numbers of each time's phase looked up.

        A tracer's program is then as long as there are formulas, and not as there are phases: a chain of
        100,000 phases compiles in about a second.
        """
        owner = self._searched(firsts[1:], t.t if isinstance(t, Affine) else t)
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
            return self.value_of(phases[only], self._within(self._since(t, starts[only]), phases[only].steps))
        rows = [0] * len(phases)  # a time of another kind borrows a row, within whose phase it is clamped
        for row, i in enumerate(members):
            rows[i] = row
        row = owner if len(members) == len(phases) else self._taken(rows, owner, places=True)
        longest = 10**30 if self.floating or isinstance(t, Affine) else self.latest
        length = self._taken([min(phases[i].steps, longest) for i in members], row)
        numbers = [self._taken(column, row) for column in group.columns()]
        local = self._local(t, [starts[i] for i in members], row)
        return group.formula(self, self._held(local, length), *numbers)

    def _local(self, t: "Clock", starts: Sequence[int], row: "Value") -> "Value":
        """Return the time since the start in each one's row."""
        if not isinstance(t, Affine):
            return t - self._taken(starts, row)
        begun = [t.since(start, None) for start in starts]
        since = self._as_real(t.t - self._taken([t.first(start) for start in starts], row))
        return since * (t.num / t.den) + self._taken([clock.shift / t.den for clock in begun], row)

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
