"""The algebra: what a schedule is, the operators, and the nodes that the operators build.

An operator checks its operand, hands back `NotImplemented` for what it does not know, and builds its node.
The nodes normalise only where a law is exact: `>>` and sums associate from the left, so chains and sums are
flat; floating products do not, so `2 * (3 * a)` stays as it was written.
"""

import math
import sys
from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial, reduce
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, Protocol, Self, TypeGuard, TypeVar, overload

import attrs

from tlama_core._evaluation import Clock, Extent, Namespace, Value, evaluate
from tlama_core._evaluation.kernels import How, Kernel, Quantizing, Raising, Scaling, Slicing, constantly
from tlama_core._evaluation.powers import power_up_to
from tlama_core._evaluation.python_numbers import EXACT, PYTHON, value_at
from tlama_core._fields import (
    MAX_STEPS,
    Length,
    as_length,
    as_number,
    choice,
    count,
    derived,
    final_value,
    in_words,
    is_number,
    length,
    nearest_whole,
    number,
    refuse,
    refuse_as_schedule,
    short_repr,
)
from tlama_core._notation import ATOM, CHAIN, PRODUCT, SUM, Notation, Printer, arguments, call, infix

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

S = TypeVar("S", bound="Schedule")
A = TypeVar("A", bound="Array")
F = TypeVar("F", bound="np.floating[Any]")


class Array(Protocol):
    """An array, tensor or tracer of any library."""

    @property
    def shape(self) -> Any:
        """Its lengths."""

    @property
    def dtype(self) -> Any:
        """The type of its elements."""


CALLS_BEFORE_COMPILING = 32
MAX_DEPTH = 64
MAX_OPERATORS = 20
"""A row of more operands prints as a list: Python's own parser takes no endless row of operators."""
MAX_GROWN_CYCLES = 10_000


class OpenScheduleError(TypeError):
    """An open phase was used as if it were a schedule; it has no start until it is chained.

    >>> from tlama_core import Linear
    >>> Linear.to(0.0, steps=10)(3)
    Traceback (most recent call last):
    tlama_core.algebra.OpenScheduleError: Linear.to(0.0, steps=10) has no start until ...
    """


class Schedule(ABC):
    """A value over training time: call it, combine it with operators, or use it as a sequence.

    Time is counted in optimizer updates from 0; `schedule(k)` is the value used by update number k.
    Past its end a schedule holds its end value. `steps` is its length: a whole number, or `math.inf`.

    | write | word | meaning |
    |---|---|---|
    | `a >> b` | `a.then(b)` | a, then b on a clock of its own |
    | `c * a`, `a / c`, `-a` | `a.scale(c)` | times a number, at every time |
    | `a + b`, `a - b`, `a * b` | | values joined at every time, past the ends too |
    | `maximum(a, b)`, `minimum(a, b)` | `a.clamp(low, high)` | bounds, numbers or schedules |
    | `a[i:j]` | | the updates from i up to j |
    | | `a.quantize(multiple)` | the nearest multiple, at every time |
    | | `a.repeat(times)` | cycles, which may shrink, grow, or never end |
    | | `a.stretch(steps=n)` | every length in proportion |

    `*` binds tighter than `>>`, as everywhere in Python: `0.5 * a >> b` scales a alone.

    >>> from tlama_core import Cosine, Warmup
    >>> schedule = Warmup(1.0, steps=4) >> Cosine.to(0.0, steps=4)
    >>> schedule
    Warmup(1.0, steps=4) >> Cosine(1.0, 0.0, steps=4)
    >>> [round(rate, 3) for rate in schedule], schedule(1_000)
    ([0.25, 0.5, 0.75, 1.0, 1.0, 0.854, 0.5, 0.146], 0.0)
    """

    __slots__ = ("_calls", "_fast", "_hash")
    __array_ufunc__ = None  # NumPy hands every operator to this class instead of taking it apart

    if TYPE_CHECKING:
        __attrs_attrs__: ClassVar[tuple[Any, ...]]
        _calls: int
        _fast: Callable[[int], float]

    steps: int | float
    _extent: Extent = Extent()

    @property
    def phases(self) -> "tuple[Schedule, ...]":
        """The phases that this schedule is a chain of: itself, unless `>>` built it."""
        return (self,)

    @property
    def starts(self) -> tuple[int, ...]:
        """The updates at which its `phases` begin."""
        return (0,)

    @abstractmethod
    def _value(self, xp: Namespace, t: Clock) -> Value:
        """Return the value at *t*, which is within [0, steps]."""

    def _children(self) -> "tuple[Schedule, ...]":
        """Return the schedules that this one is directly made of; a leaf has none."""
        return ()

    def _evaluated(self) -> "tuple[Schedule, ...]":
        """Return the schedules whose values this one's are directly made of."""
        return self._children()

    def _kernel(self) -> Kernel:
        """Return the formula and numbers by which like phases of a long chain share one computation."""
        return Kernel()

    def _notation(self, printer: Printer) -> Notation:
        """Return the expression that builds this value, and how tightly it binds."""
        return call(type(self).__name__, arguments(self))

    def _cut(self, start: int, stop: float, stride: int) -> "Schedule":
        """Return every *stride*-th update from *start* up to *stop*, which are within the length."""
        stride = stride if stop - start > 1 else 1
        whole = start == 0 and stop == self.steps and stride == 1
        return self if whole else Sliced(self, start, stop, stride)

    def _with_length(self, steps: int, stretch: "Stretcher") -> "Schedule | None":
        """Return this schedule rebuilt from other lengths; None where it has none that could change."""
        return None

    @overload
    def __call__(self, step: float) -> float: ...
    @overload
    def __call__(self, step: "np.integer[Any] | np.floating[Any]") -> float: ...
    @overload
    def __call__(self, step: "npt.NDArray[F]") -> "npt.NDArray[F]": ...
    @overload
    def __call__(self, step: "npt.NDArray[np.integer[Any]]") -> "npt.NDArray[np.float64]": ...
    @overload
    def __call__(self, step: A) -> A: ...
    def __call__(self, step: Value = attrs.NOTHING) -> Value:
        """Return the value used by update number *step* (a number or an array, in updates from 0).

        Raises `ValueError` for a negative step or NaN, `TypeError` for anything but a number or array.
        """
        if type(step) is int and step >= 0:
            try:
                fast = self._fast
            except AttributeError:
                return self._walk(step)
            return fast(step)
        return evaluate(self, step)

    def _walk(self, step: int) -> float:
        """Return the value by walking the tree; what is called often is compiled on the way."""
        try:
            calls = self._calls + 1
        except AttributeError:
            calls = 1
        object.__setattr__(self, "_calls", calls)
        if calls == CALLS_BEFORE_COMPILING:
            from tlama_core._evaluation.fast_calls import compile_schedule

            object.__setattr__(self, "_fast", compile_schedule(self))
        return value_at(self, step)

    def __repr__(self) -> str:
        """Return the Python expression that builds this value, and that `parse` reads back."""
        return Printer()(self).text

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        """Return what a notebook shows: a picture with text and length, and the text for terminals."""
        from tlama_core.plotting import notebook

        return notebook(self)

    @classmethod
    def __get_pydantic_core_schema__(cls, _: object, handler: Any) -> Any:
        """Return how pydantic reads and writes a field of this type; only pydantic calls this."""
        from tlama_core.adapters.pydantic import field_schema

        return field_schema(cls, handler)

    def sample(self, n: float) -> "npt.NDArray[np.float64]":
        """Return the values at updates 0 to *n* - 1 as a float64 array, also past the end.

        Where NumPy is not installed it is a list, of up to 2,000,000 values.

        >>> from tlama_core import Linear
        >>> Linear(1.0, 0.0, steps=2).sample(4).tolist()
        [1.0, 0.5, 0.0, 0.0]
        """
        from tlama_core._evaluation.series import blocks, numpy_or_none

        count = as_length("sample.n", n)
        if numpy_or_none() is None:
            listed = (block.numbers() for _, block in blocks(self, 0, count))
            return [value for values in listed for value in values]  # type: ignore[return-value]
        from tlama_core._evaluation.numpy_arrays import sample

        return sample(self, count)

    def _count(self) -> int:
        """Return the length of the schedule as a sequence, or refuse an endless one."""
        if math.isinf(self.steps):
            raise ValueError(f"{short_repr(self)} is endless: a.sample(n) gives its first n values")
        return int(self.steps)

    def __len__(self) -> int:
        """Return `steps`, where it is finite."""
        count = self._count()
        return count if count <= sys.maxsize else refuse("what len() counts", f"<= {sys.maxsize}", count)

    def __bool__(self) -> bool:
        """Return True: a schedule of no length is a schedule, and no empty container."""
        return True

    def __iter__(self) -> Iterator[float]:
        """Return the values used by all updates, one after the other."""
        return map(self, range(self._count()))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> "npt.NDArray[Any]":
        """Return the values used by all updates, so that `plt.plot(schedule)` draws them."""
        if copy is False:
            raise ValueError("a schedule has no array to share: its values are computed")
        values = self.sample(self._count())
        return values if dtype is None else values.astype(dtype, copy=False)

    def __copy__(self) -> Self:
        """Return the schedule itself: no value ever changes."""
        return self

    def __deepcopy__(self, memo: object) -> Self:
        """Return the schedule itself: no value ever changes."""
        return self

    def then(self, other: "Schedule | OpenChain") -> "Schedule":
        """Return this schedule and then *other* on a clock of its own: `self >> other`.

        >>> from tlama_core import Constant, Linear
        >>> Constant(1.0, steps=10).then(Linear.to(0.0, steps=5))
        Constant(1.0, steps=10) >> Linear(1.0, 0.0, steps=5)
        """
        return Piecewise.of((self, other))

    def __rshift__(self, other: "Schedule | OpenChain") -> "Schedule":
        """Return `self >> other`: this schedule, and then *other* on a clock of its own."""
        _refuse_class(other)
        return self.then(other) if isinstance(other, (Schedule, OpenChain)) else NotImplemented

    def scale(self, factor: float) -> "Schedule":
        """Return this schedule times the number *factor*, at every time: `factor * self`.

        >>> from tlama_core import Linear
        >>> Linear(1.0, 0.0, steps=2).scale(3)
        3.0 * Linear(1.0, 0.0, steps=2)
        """
        return Scaled(factor, self)

    def __mul__(self, other: "float | Schedule") -> "Schedule":
        """Return `self * other`, the product at every time."""
        if isinstance(other, Schedule):
            return Product((self, other))
        return self.scale(other) if is_number(other) else NotImplemented

    def __rmul__(self, other: float) -> "Schedule":
        """Return `other * self`, a number times this schedule."""
        return self.scale(other) if is_number(other) else NotImplemented

    def __truediv__(self, other: float) -> "Schedule":
        """Return `self / other` for a number that is not 0: this schedule, scaled by its inverse."""
        if not is_number(other):
            return NotImplemented
        divisor = as_number("the divisor of a schedule", other)
        if divisor == 0 or math.isinf(1 / divisor):
            refuse("the divisor of a schedule", "a number with a finite inverse", other)
        return self.scale(1 / divisor)

    def __neg__(self) -> "Schedule":
        """Return `-self`, this schedule scaled by -1."""
        return self.scale(-1.0)

    def __add__(self, other: "float | Schedule") -> "Schedule":
        """Return `self + other`, the sum at every time; a number is the same at every time."""
        return Sum((self, _operand(other))) if _is_operand(other) else NotImplemented

    def __radd__(self, other: float) -> "Schedule":
        """Return `other + self` for a number."""
        return Sum((_operand(other), self)) if _is_operand(other) else NotImplemented

    def __sub__(self, other: "float | Schedule") -> "Schedule":
        """Return `self - other`, the difference at every time."""
        return Sum((self, _negative(other))) if _is_operand(other) else NotImplemented

    def __rsub__(self, other: float) -> "Schedule":
        """Return `other - self` for a number."""
        return Sum((_operand(other), _negative(self))) if _is_operand(other) else NotImplemented

    def clamp(
        self, low: "float | Schedule | None" = None, high: "float | Schedule | None" = None
    ) -> "Schedule":
        """Return this schedule, held at or above *low* and at or below *high*; either may be left out.

        >>> from tlama_core import Linear
        >>> Linear(1.0, 0.0, steps=10).clamp(low=0.25)
        maximum(Linear(1.0, 0.0, steps=10), 0.25)
        """
        if low is None and high is None:
            raise ValueError("clamp needs low, high or both, got neither")
        if is_number(low) and is_number(high) and low > high:
            raise ValueError(f"clamp.low must be at most clamp.high, got {low!r} > {high!r}")
        raised = self if low is None else maximum(self, low)
        return raised if high is None else minimum(raised, high)

    def quantize(self, multiple: float = 1.0, *, how: How = "nearest") -> "Schedule":
        """Return the multiple of *multiple* nearest to this schedule at every time, or that below or above.

        It is for what comes in whole numbers: batch sizes, sequence lengths, top-k. A value is a float that
        is exactly the multiple, so that `int(a(k))` is the count. *how* is "nearest" (of two equally near,
        the upper one), "down" or "up".

        >>> from tlama_core import Linear
        >>> batch = Linear(32, 128, steps=6).quantize(32)
        >>> list(batch), batch(6)
        ([32.0, 64.0, 64.0, 96.0, 96.0, 128.0], 128.0)
        """
        return Quantized(self, multiple, how=how)

    def repeat(
        self, times: int | None = None, *, gain: float = 1.0, growth: float = 1.0, base: float = 0.0
    ) -> "Schedule":
        """Return *times* cycles of this schedule (endless if None), each scaled and stretched anew.

        Cycle k (from 0) is `base + gain**k * (self - base)`, stretched to `round(self.steps * growth**k)`
        updates: what shrinks or grows is the height above *base*. Each cycle but the last hands over before
        its end; the last one owns its end.

        >>> from tlama_core import Cosine, Linear
        >>> cycles = Cosine(1.0, 0.0, steps=10).repeat(3, gain=0.5, growth=2)
        >>> cycles.steps, cycles(0), cycles(10), cycles(30), cycles(70)
        (70, 1.0, 0.5, 0.25, 0.0)
        >>> triangular2 = (Linear(0.1, 0.9, steps=5) >> Linear(0.9, 0.1, steps=5)).repeat(gain=0.5, base=0.1)
        >>> triangular2(5), triangular2(10), triangular2(15), triangular2(25)
        (0.9, 0.1, 0.5, 0.30000000000000004)

        Source: Loshchilov & Hutter 2017, https://arxiv.org/abs/1608.03983 (for cosine cycles);
        Smith 2017, https://arxiv.org/abs/1506.01186 (for triangular ones)
        """
        return Repeated(self, times, gain=gain, growth=growth, base=base)

    def stretch(self, *, steps: float) -> "Schedule":
        """Return this schedule with every length in proportion, so that it takes *steps* updates.

        Phase boundaries are rounded to whole updates, every phase keeps its end value, and the start
        of a cut phase stays where the cut left it: `a[:k] >> a[k:].stretch(steps=n)` does not jump.

        >>> from tlama_core import Cosine, Warmup
        >>> (Warmup(1.0, steps=10) >> Cosine.to(0.0, steps=90)).stretch(steps=50)
        Warmup(1.0, steps=5) >> Cosine(1.0, 0.0, steps=45)
        """
        return Stretcher()(self, as_length("stretch.steps", steps))

    def __getitem__(self, cut: "slice[float | None, float | None, float | None]") -> "Schedule":
        """Return `self[start:stop:stride]`: every *stride*-th update from *start* up to *stop*, from 0 on.

        Negative indices count from a finite end. A slice holds what this schedule has at *stop*. A stride is
        a coarser clock, exactly: `list(a[i:j:k]) == list(a)[i:j:k]`, also where joints fall between updates.

        Raises `ValueError` for indices outside of the schedule or out of order, and for a stride below 1.

        >>> from tlama_core import Linear
        >>> list(Linear(1.0, 0.0, steps=10)[-3:])
        [0.3, 0.2, 0.1]
        >>> list(Linear(1.0, 0.0, steps=10)[::4])
        [1.0, 0.6, 0.2]
        """
        if not isinstance(cut, slice):
            raise TypeError(f"a slice a[i:j] cuts a schedule and a(k) is a value, got a[{cut!r}]")
        stride = 1 if cut.step is None else as_length("the stride of a slice", cut.step, at_least=1)
        start = self._index(0 if cut.start is None else cut.start)
        stop = self.steps if cut.stop is None else self._index(cut.stop)
        if start > stop:
            raise ValueError(f"a slice must have start <= stop, got {start} > {stop}")
        whole = start == 0 and stop == self.steps and stride == 1
        return self if whole else self._cut(start, stop, stride)

    def _index(self, index: object) -> int:
        """Return an index of a slice as an update, counted from the start."""
        lowest = 0 if math.isinf(self.steps) else -int(self.steps)
        place = as_length("a slice index", index, at_least=lowest)
        if place > self.steps:
            refuse("a slice index", f"at most the length {self.steps}", place)
        return place if place >= 0 else place + int(self.steps)


def _refuse_class(x: object) -> None:
    """Refuse a class that stands beside `>>` where one of its values was meant."""
    if isinstance(x, type):
        _refuse_candidate("a phase of a chain", x)


def _is_operand(x: object) -> "TypeGuard[float | Schedule]":
    """Whether *x* can stand beside a schedule in a sum, a maximum or a minimum."""
    return isinstance(x, Schedule) or is_number(x)


def _operand(x: "float | Schedule") -> Schedule:
    """Return what stands beside a schedule as a schedule: a number is the same at every time."""
    return x if isinstance(x, Schedule) else Constant(as_number("a number beside a schedule", x))


def _negative(x: "float | Schedule") -> Schedule:
    """Return minus what stands beside a schedule."""
    negative = _operand(x)
    # What stands for a number stays one, with no say in the length.
    return Constant(-negative.value) if _is_bare(negative) else -negative


def nodes(schedule: Schedule) -> Iterator[Schedule]:
    """Yield every node of a tree once, however often it stands in it, the tree itself first.

    >>> from tlama_core import Linear
    >>> twice = 0.5 * Linear(1.0, 0.0, steps=10)
    >>> [type(node).__name__ for node in nodes(twice + twice)]
    ['Sum', 'Scaled', 'Linear']
    """
    found, seen = [schedule], {id(schedule)}
    for node in found:
        yield node
        for child in node._children():
            if id(child) not in seen:
                seen.add(id(child))
                found.append(child)


def children(schedule: Schedule) -> tuple[Schedule, ...]:
    """Return the schedules that *schedule* is directly made of, in order; a leaf has none."""
    return schedule._children()


def require_schedule(name: str, candidate: object) -> Schedule:
    """Return *candidate*, or refuse it by *name* where it is no schedule, or an open one."""
    if isinstance(candidate, OpenChain):
        candidate.refuse()
    if not isinstance(candidate, Schedule):
        _refuse_candidate(name, candidate)
    return candidate


def _refuse_candidate(name: str, candidate: object) -> NoReturn:
    """Refuse what is no schedule, a class of schedules in words of its own."""
    if isinstance(candidate, type) and issubclass(candidate, Schedule):
        kind = candidate.__name__
        hint = getattr(candidate, "hint", "").format(name=kind)
        raise TypeError(
            f"{name} must be a schedule, got the class {kind} without arguments{f': {hint}' * bool(hint)}"
        )
    refuse_as_schedule(name, "a schedule", candidate)


def changed(original: S, **changes: Any) -> S:
    """Return *original* with other arguments, checked as new."""
    return attrs.evolve(original, **changes)  # type: ignore[misc]  # every final class is attrs


def _a_schedule(candidate: object, owner: Any, field: Any) -> Schedule:
    """Return what a field was given if it is a schedule, or refuse it by the field's name."""
    return require_schedule(f"{type(owner).__name__}.{field.name}", candidate)


CHILD = attrs.Converter(_a_schedule, takes_self=True, takes_field=True)


def _extent_over(
    owner: Schedule, parts: Sequence[Schedule] = (), visits: Callable[[Sequence[int]], int] = max
) -> Extent:
    """Return the extent of a node over that of its parts, of which a value asks one, or the sum of all."""
    depths, asked, phases = zip(*(part._extent for part in parts or owner._children()), strict=True)
    depth = 1 + max(depths)
    if depth > MAX_DEPTH:
        raise ValueError(
            f"{type(owner).__name__} must nest at most {MAX_DEPTH} deep, got {depth}"
            " (phases of a chain and terms of a sum lie side by side, however many)"
        )
    return Extent(depth, 1 + visits(asked), max(len(owner.phases), *phases))


class Stretcher:
    """Puts the nodes of one tree on other clocks, each node once for every length."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        """Begin without any."""
        self._known: dict[tuple[int, int], Schedule] = {}

    def __call__(self, schedule: Schedule, steps: int) -> Schedule:
        """Return *schedule* on a clock that takes *steps* updates: rebuilt where its lengths can change."""
        if schedule.steps == steps:
            return schedule
        if math.isinf(schedule.steps):
            raise ValueError(f"an endless schedule cannot be stretched, got {short_repr(schedule)}")
        key = id(schedule), steps
        if key not in self._known:
            # A schedule of no length has no proportions to keep: it holds its value.
            rebuilt = schedule._with_length(steps, self) if schedule.steps else None
            self._known[key] = rebuilt or Stretched(schedule, steps)
        return self._known[key]


@final_value
class Constant(Schedule):
    """The same value at every update, endless unless *steps* is given.

    value(t) = value

    >>> Constant(0.1)(10**9)
    0.1
    >>> Constant(0.1, steps=10).steps
    10
    """

    value: float = number()
    steps: int | float = length(default=math.inf, endless=True)

    def _kernel(self) -> Kernel:
        return Kernel(constantly, (self.value,))

    def _value(self, xp: Namespace, t: Clock) -> Value:
        return xp.full_like(t, self.value)

    def _cut(self, start: int, stop: float, stride: int) -> Schedule:
        return Constant(self.value, steps=_visited(start, stop, stride))

    def _with_length(self, steps: int, stretch: Stretcher) -> Schedule:
        return Constant(self.value, steps=steps)

    @classmethod
    @in_words
    def hold(cls, steps: float = math.inf) -> "OpenChain":
        """Return an open phase: *steps* updates at whatever value the phase before it ended on.

        >>> from tlama_core import Warmup
        >>> Warmup(0.1, steps=5) >> Constant.hold(steps=10)
        Warmup(0.1, steps=5) >> Constant(0.1, steps=10)
        """
        return open_phase(cls(0.0, steps), "Constant.hold")


def _is_bare(schedule: Schedule) -> "TypeGuard[Constant]":
    """Whether *schedule* is what a plain number becomes beside a schedule."""
    return isinstance(schedule, Constant) and math.isinf(schedule.steps)


def stands_for_a_number(schedule: Schedule) -> bool:
    """Whether a term has no say in the length of a sum or product: an endless Constant, or a join of such.

    >>> stands_for_a_number(Constant(2.0) * Constant(3.0)), stands_for_a_number(Constant(2.0, steps=5))
    (True, False)
    """
    return _is_bare(schedule) or (isinstance(schedule, Pointwise) and schedule._only_numbers)


def _chained(phases: Iterable[Schedule]) -> tuple[Schedule, ...]:
    """Return *phases* as the flat tuple of a chain, or refuse them."""
    flat = tuple(_flat(phases))
    chain = tuple(phase for phase in flat if isinstance(phase, Schedule))
    if len(chain) < len(flat):
        refuse("Piecewise.phases", "schedules (Piecewise.of and >> also take open phases)", flat)
    if len(chain) < 2:
        refuse("Piecewise.phases", "two schedules or more (Piecewise.of takes any number)", flat)
    for i, phase in enumerate(chain[:-1]):
        if math.isinf(phase.steps):
            refuse(f"phase {i} of a chain", "finite (only the last may be endless)", phase)
    if MAX_STEPS < (total := sum(phase.steps for phase in chain)) < math.inf:
        refuse("Piecewise.steps", "at most 10**300", total)
    return chain


@final_value
class Piecewise(Schedule):
    """Phases one after the other, each on its own clock: what `a >> b` builds.

    Phase i owns the updates from `starts[i]` up to the next start; a phase of no length owns none,
    and the last phase also owns everything past the end. Only the last phase may be endless.

    value(t) = phases[i](t - starts[i]), where i is the phase that owns t

    It is flat: a chain of chains is one chain of their phases, however they were grouped. Chains of more
    than 20 phases print as `Piecewise.of([...])`, and those of 100,000 are still evaluated by bisection.

    >>> from tlama_core import Linear
    >>> chain = Constant(1.0, steps=3) >> Linear(1.0, 0.0, steps=2)
    >>> chain.phases, chain.starts
    ((Constant(1.0, steps=3), Linear(1.0, 0.0, steps=2)), (0, 3))
    """

    phases: tuple[Schedule, ...] = attrs.field(converter=_chained)
    starts: tuple[int, ...] = derived(
        lambda self: tuple(accumulate((phase.steps for phase in self.phases[:-1]), initial=0))
    )
    steps: int | float = derived(lambda self: self.starts[-1] + self.phases[-1].steps)
    _extent: Extent = derived(_extent_over)

    def _children(self) -> tuple[Schedule, ...]:
        return self.phases

    @classmethod
    def of(cls, phases: "Iterable[Schedule | OpenChain]") -> Schedule:
        """Return the chain of *phases*, in time linear in their number; open ones are resolved.

        >>> from tlama_core import Linear
        >>> Piecewise.of([Constant(1.0, steps=5), Linear.to(0.0, steps=5)])
        Constant(1.0, steps=5) >> Linear(1.0, 0.0, steps=5)
        """
        flat: list[Schedule] = []
        for phase in _flat(phases):
            if not isinstance(phase, _OpenPhase):
                flat.append(phase)
            elif flat:
                flat.append(phase.resolve(flat[-1]))
            else:
                OpenChain((phase,)).refuse()
        if not flat:
            raise ValueError("Piecewise.of must be given at least one phase, got none")
        return cls(tuple(flat)) if len(flat) > 1 else flat[0]

    def _value(self, xp: Namespace, t: Clock) -> Value:
        return xp.pick_phase(t, self.starts, self.phases)

    def _notation(self, printer: Printer) -> Notation:
        if len(self.phases) > MAX_OPERATORS:
            return printer.listed("Piecewise.of", self.phases)
        return infix(">>", CHAIN, map(printer, self.phases))

    def _cut(self, start: int, stop: float, stride: int) -> Schedule:
        near = slice(max(0, bisect_left(self.starts, start) - 1), bisect_right(self.starts, stop))
        kept = []
        for phase, begin in zip(self.phases[near], self.starts[near], strict=True):
            end = begin + phase.steps
            if start <= begin and end <= stop:
                kept.append(phase)
            elif begin < stop and start < end:
                kept.append(phase[max(start - begin, 0) : stop - begin if stop < end else None])
        if kept:
            return Piecewise.of(kept if stride == 1 else _strided(kept, stride))
        owner = bisect_right(self.starts, start) - 1  # an empty slice between two phases
        local = start - self.starts[owner]
        return self.phases[owner][local:local]

    def _with_length(self, steps: int, stretch: Stretcher) -> Schedule:
        total = int(self.steps)
        bounds = [nearest_whole(start * steps, total) for start in self.starts] + [steps]
        lengths = [b - a for a, b in pairwise(bounds)]
        return Piecewise(tuple(map(stretch, self.phases, lengths)))


def _strided(phases: Sequence[Schedule], stride: int) -> Iterator[Schedule]:
    """Yield the phases of a chain on a clock that visits every *stride*-th update.

    Each begins at the first of its updates that is visited. One without such goes, but for the last, whose
    end is held; one that had no length before stays.
    """
    begin: int | float = 0
    for i, phase in enumerate(phases, 1):
        first = int(-begin % stride)
        if phase.steps == 0:
            yield phase
        elif first < phase.steps:
            yield phase[first::stride]
        elif i == len(phases):
            yield phase[phase.steps :]
        begin += phase.steps


def _visited(start: int, stop: float, stride: int) -> int | float:
    """Return how many updates from *start* up to *stop* a stride visits."""
    return -((start - stop) // stride) if stop < math.inf else stop


def _flat(phases: "Iterable[Schedule | OpenChain | _OpenPhase]") -> "Iterator[Schedule | _OpenPhase]":
    """Yield the phases of chains in a row as those of one chain, or refuse what is no schedule."""
    for i, phase in enumerate(phases):
        if isinstance(phase, (Piecewise, OpenChain)):
            yield from phase.phases
        elif isinstance(phase, (Schedule, _OpenPhase)):
            yield phase
        else:
            _refuse_candidate(f"phase {i} of a chain", phase)


@final_value
class Scaled(Schedule):
    """A schedule times a number: what `factor * a`, `a / c` and `-a` build.

    value(t) = factor * a(t), at every t; it is as long as *a*

    >>> (0.5 * Constant(3.0))(7)
    1.5
    """

    factor: float = number()
    schedule: Schedule = attrs.field(converter=CHILD)
    steps: int | float = derived(lambda self: self.schedule.steps)
    _extent: Extent = derived(_extent_over)

    def _children(self) -> tuple[Schedule, ...]:
        return (self.schedule,)

    def _value(self, xp: Namespace, t: Clock) -> Value:
        return self.factor * xp.value_of(self.schedule, t)

    def _kernel(self) -> Kernel:
        formula, numbers = self.schedule._kernel()
        return Kernel(Scaling(formula), (self.factor, *numbers)) if formula else Kernel()

    def _notation(self, printer: Printer) -> Notation:
        return infix("*", PRODUCT, [Notation(repr(self.factor)), printer(self.schedule)])

    def _with_length(self, steps: int, stretch: Stretcher) -> Schedule:
        return Scaled(self.factor, stretch(self.schedule, steps))


def _terms(terms: Iterable[Schedule], owner: Any, field: Any) -> tuple[Schedule, ...]:
    """Return the terms that a pointwise node was given, the first one's own if it is of the same kind."""
    joined = tuple(_a_schedule(term, owner, field) for term in terms)
    if len(joined) < 2:
        refuse(f"{type(owner).__name__}.terms", "two schedules or more", joined)
    first, *rest = joined
    # Only the left operand is merged: (a + b) + c is computed in this order anyway, a + (b + c) is not.
    return (
        *(first.terms if isinstance(first, Pointwise) and type(first) is type(owner) else (first,)),
        *rest,
    )


@final_value
class Pointwise(Schedule):
    """Schedules joined at every time, also past their ends: what sums, products and bounds share.

    It is as long as the longest of its terms, endless if any is. A number has no say in the length, and
    neither has an endless `Constant`, which is what a number becomes. A term that is shorter holds its end.
    """

    terms: tuple[Schedule, ...] = attrs.field(
        converter=attrs.Converter(_terms, takes_self=True, takes_field=True)
    )
    steps: int | float = derived(
        lambda self: max((a.steps for a in self.terms if not stands_for_a_number(a)), default=math.inf)
    )
    _only_numbers: bool = derived(lambda self: all(map(stands_for_a_number, self.terms)))
    _extent: Extent = derived(lambda self: _extent_over(self, visits=sum))

    def _children(self) -> tuple[Schedule, ...]:
        return self.terms

    @staticmethod
    @abstractmethod
    def _combine(xp: Namespace, a: Value, b: Value) -> Value:
        """Return what the values of two terms are together."""

    def _value(self, xp: Namespace, t: Clock) -> Value:
        value = None
        for term in self.terms:  # a loop, for every frame counts where a compiler traces deep trees
            here = xp.value_of(term, t if term.steps >= self.steps else xp.within(t, term.steps))
            value = here if value is None else self._combine(xp, value, here)
        return value

    def combined(self, values: Iterable[float]) -> float:
        """Return what *values*, one for each term, are together."""
        return reduce(partial(self._combine, PYTHON), values)

    def _operands(self, printer: Printer) -> list[Notation]:
        """Return the terms' texts; what was a number prints as one, unless two numbers would meet."""
        bare = [_is_bare(term) for term in self.terms]
        bare[0] = bare[0] and not bare[1]
        return [
            Notation(repr(term.value)) if plain else printer(term)  # type: ignore[attr-defined]
            for term, plain in zip(self.terms, bare, strict=True)
        ]

    def _with_length(self, steps: int, stretch: Stretcher) -> Schedule:
        total = int(self.steps)

        def resized(term: Schedule) -> Schedule:
            return (
                term
                if stands_for_a_number(term)
                else stretch(term, nearest_whole(int(term.steps) * steps, total))
            )

        return type(self)(tuple(map(resized, self.terms)))


class Sum(Pointwise):
    """Schedules added: what `a + b` builds (`a - b` is `a + -1.0 * b`).

    value(t) = a(t) + b(t) + …, at every t, past the ends too

    >>> (Constant(1.0, steps=5) + 0.5)(2)
    1.5
    """

    __slots__ = ()

    @staticmethod
    def _combine(xp: Namespace, a: Value, b: Value) -> Value:
        return a + b

    def _kernel(self) -> Kernel:
        """Return the formula of a schedule plus a number: of cycles above a base there may be thousands."""
        bare = [term for term in self.terms if _is_bare(term)]
        others = [term for term in self.terms if not _is_bare(term)]
        if len(bare) != 1 or len(others) != 1:
            return Kernel()
        formula, numbers = others[0]._kernel()
        return Kernel(Raising(formula), (bare[0].value, *numbers)) if formula else Kernel()

    def _notation(self, printer: Printer) -> Notation:
        if len(self.terms) > MAX_OPERATORS:
            return printer.listed("Sum", self.terms)
        return infix("+", SUM, self._operands(printer))


class Product(Pointwise):
    """Schedules multiplied: what `a * b` builds.

    value(t) = a(t) * b(t) * …, at every t, past the ends too

    >>> (Constant(2.0, steps=5) * Constant(3.0, steps=9))(2)
    6.0
    """

    __slots__ = ()

    @staticmethod
    def _combine(xp: Namespace, a: Value, b: Value) -> Value:
        return a * b

    def _notation(self, printer: Printer) -> Notation:
        if len(self.terms) > MAX_OPERATORS:
            return printer.listed("Product", self.terms)
        return infix("*", PRODUCT, map(printer, self.terms))


class Maximum(Pointwise):
    """The largest of several schedules at every time: what `maximum(a, b)` and `a.clamp(low=b)` build.

    value(t) = max(a(t), b(t), …), at every t, past the ends too

    >>> from tlama_core import Linear, maximum
    >>> maximum(Linear(1.0, 0.0, steps=10), 0.3)(9)
    0.3
    """

    __slots__ = ()

    @staticmethod
    def _combine(xp: Namespace, a: Value, b: Value) -> Value:
        return xp.maximum(a, b)

    def _notation(self, printer: Printer) -> Notation:
        return call("maximum", [operand.text for operand in self._operands(printer)])


class Minimum(Pointwise):
    """The smallest of several schedules at every time: what `minimum(a, b)` and `a.clamp(high=b)` build.

    value(t) = min(a(t), b(t), …), at every t, past the ends too

    >>> from tlama_core import Linear, minimum
    >>> minimum(Linear(1.0, 0.0, steps=10), 0.3)(1)
    0.3
    """

    __slots__ = ()

    @staticmethod
    def _combine(xp: Namespace, a: Value, b: Value) -> Value:
        return xp.minimum(a, b)

    def _notation(self, printer: Printer) -> Notation:
        return call("minimum", [operand.text for operand in self._operands(printer)])


def maximum(*operands: float | Schedule) -> Schedule:
    """Return the pointwise largest of the *operands*, at least one of them a schedule.

    >>> from tlama_core import Linear
    >>> list(maximum(Linear(1.0, 0.0, steps=4), 0.5))
    [1.0, 0.75, 0.5, 0.5]
    """
    return Maximum(_operands("maximum", operands))


def minimum(*operands: float | Schedule) -> Schedule:
    """Return the pointwise smallest of the *operands*, at least one of them a schedule.

    >>> from tlama_core import Linear
    >>> list(minimum(Linear(1.0, 0.0, steps=4), 0.5))
    [0.5, 0.5, 0.5, 0.25]
    """
    return Minimum(_operands("minimum", operands))


def _operands(name: str, operands: tuple[float | Schedule, ...]) -> tuple[Schedule, ...]:
    """Return the operands that the function *name* was given as schedules, or refuse them."""
    for operand in operands:
        if isinstance(operand, OpenChain):
            operand.refuse()
        if not _is_operand(operand):
            refuse(f"an operand of {name}", "a schedule or a number", operand, TypeError)
    if len(operands) < 2 or not any(isinstance(operand, Schedule) for operand in operands):
        refuse(name, "given two operands or more, one of them a schedule", operands, TypeError)
    return tuple(map(_operand, operands))


@final_value
class Quantized(Schedule):
    """A schedule in whole multiples of a number: what `a.quantize(multiple, how=…)` builds.

    value(t) = multiple * round(a(t) / multiple), ties up; with how="down" the floor of the quotient, with
    how="up" the ceiling; at every t, and it is as long as *a*

    Values carry rounding, and a count must not depend on it: a value within 1e-9 * max(abs(value), multiple)
    of a multiple counts as that multiple, one so near to a tie as the tie (4e-6 in a type narrower than
    double). The gradient is 0; what is infinite or NaN stays so.

    >>> from tlama_core import Linear
    >>> a = Linear(0, 49, steps=49)
    >>> a(27), a.quantize(how="down")(27)
    (26.999999999999996, 27.0)
    """

    schedule: Schedule = attrs.field(converter=CHILD)
    multiple: float = number(default=1.0, above=0.0)
    how: How = choice(default="nearest", kw_only=True, choices=("nearest", "down", "up"))
    steps: int | float = derived(lambda self: self.schedule.steps)
    _extent: Extent = derived(_extent_over)

    def _children(self) -> tuple[Schedule, ...]:
        return (self.schedule,)

    def _value(self, xp: Namespace, t: Clock) -> Value:
        return Quantizing.quantized(xp, xp.value_of(self.schedule, t), self.multiple, self.how)

    def _kernel(self) -> Kernel:
        formula, numbers = self.schedule._kernel()
        return Kernel(Quantizing(formula, self.how), (self.multiple, *numbers)) if formula else Kernel()

    def quantized(self, value: float) -> float:
        """Return the multiple that *value* counts as."""
        multiple: float = Quantizing.quantized(PYTHON, value, self.multiple, self.how)
        return multiple

    def _notation(self, printer: Printer) -> Notation:
        return call(f"{printer(self.schedule).within(ATOM)}.quantize", arguments(self, 1))

    def _with_length(self, steps: int, stretch: Stretcher) -> Schedule:
        return changed(self, schedule=stretch(self.schedule, steps))


@final_value
class Repeated(Schedule):
    """Cycles of one schedule, each scaled and stretched anew: what `a.repeat(…)` builds.

    Cycle k is `base + gain**k * (a.stretch(steps=round(a.steps * growth**k)) - base)`, its length rounded
    from exact rationals. The first cycle, and with a gain of 1 every one, is *a* itself, whatever *base* is.
    An endless one with growth > 1 has its cycles up to 2**63 updates and holds from there. In an endless one
    that grows without end, values past the largest float are infinite; what is at *base* stays there.

    Every cycle but the last hands over before its end; the last one owns it. Cycles that are alike are
    found by division, whatever their number; those whose length changes are laid out as a chain, `cycles`
    (None otherwise), and `cycle_lengths` are their lengths.

    Raises `ValueError` for an endless or empty *schedule*, a cycle below one update, more than 10,000
    cycles that grow, a gain whose power in the last cycle is past the largest float, and where no end is
    given, for a growth below 1.

    >>> Constant(1.0, steps=10).repeat(gain=0.5)(25)
    0.25
    """

    schedule: Schedule = attrs.field(converter=CHILD)
    times: int | None = count(default=None, at_least=1)
    gain: float = number(default=1.0, kw_only=True)
    growth: float = number(default=1.0, kw_only=True, above=0.0)
    base: float = number(default=0.0, kw_only=True)
    cycle_lengths: tuple[int, ...] = derived(lambda self: self._checked_lengths())
    steps: int | float = derived(
        lambda self: (
            math.inf if self.times is None else sum(self.cycle_lengths) or self.schedule.steps * self.times
        )
    )
    cycles: Schedule | None = derived(lambda self: self._laid_out())
    _extent: Extent = derived(lambda self: _extent_over(self, [self.cycles or self.schedule]))

    def _children(self) -> tuple[Schedule, ...]:
        return (self.schedule,)

    def _evaluated(self) -> tuple[Schedule, ...]:
        return (self.cycles or self.schedule,)

    def _checked_lengths(self) -> tuple[int, ...]:
        """Return the lengths of cycles that grow or shrink; none where all are alike."""
        if self.schedule.steps in (0, math.inf):
            refuse("Repeated.schedule", "of finite length >= 1", self.schedule)
        cycle = int(self.schedule.steps)
        if self.times is None and self.growth < 1:
            refuse("Repeated.growth", ">= 1 in an endless repetition", self.growth)
        lengths = _cycle_lengths(cycle, self.times, self.growth) if self.growth != 1 else ()
        last = (self.times or len(lengths)) - 1  # below 0 where there is none
        if math.isinf(power_up_to(math.inf, abs(self.gain), max(0, last))):
            refuse("Repeated.gain", "such that its last power is finite", self.gain)
        if not lengths and cycle * (self.times or 1) > MAX_STEPS:
            refuse("Repeated.steps", "at most 10**300", cycle * (self.times or 1))
        return lengths

    def _laid_out(self) -> Schedule | None:
        """Return cycles that grow or shrink as a chain of phases; None where all are alike."""
        if not self.cycle_lengths:
            return None
        return Piecewise.of(
            self._scaled(k, cycle)
            for k, cycle in enumerate(Stretcher()(self.schedule, n) for n in self.cycle_lengths)
        )

    def _scaled(self, k: int, cycle: Schedule) -> Schedule:
        """Return cycle k, which is *cycle* but for its height."""
        if k == 0 or self.gain == 1:
            return cycle
        return self.base + self.gain**k * (cycle - self.base) if self.base else self.gain**k * cycle

    def _value(self, xp: Namespace, t: Clock) -> Value:
        if self.cycles is not None:
            return xp.value_of(self.cycles, xp.within(t, self.cycles.steps))
        k, local = xp.cycle(t, int(self.schedule.steps), self.times)
        return self._in_cycle(xp, xp.value_of(self.schedule, local), k)

    def _in_cycle(self, xp: Namespace, first: Value, k: Value) -> Value:
        """Return the values in cycles k of what has the values *first* in the first one."""
        if self.gain == 1:
            return first
        height = first
        if self.base:
            first = xp.kept(first)
            height = first - self.base
        if self.gain < 0:  # the sign by parity: a power of a negative number forgets it from 2**53 on
            height = xp.kept(height)
            height = xp.where(k % 2 > 0, -height, height)
        height = xp.grown(height, abs(self.gain), k, self.times)
        return xp.where(k > 0, self.base + height, first) if self.base else height

    def in_cycle(self, k: int, first: float) -> float:
        """Return what a value of the first cycle, *first*, is in cycle k, where all are of one length.

        >>> Constant(1.0, steps=10).repeat(gain=0.5, base=0.5).in_cycle(2, 1.0)
        0.625
        """
        return self._in_cycle(PYTHON, first, k)  # type: ignore[no-any-return]

    def _notation(self, printer: Printer) -> Notation:
        return call(f"{printer(self.schedule).within(ATOM)}.repeat", arguments(self, 1))

    def _with_length(self, steps: int, stretch: Stretcher) -> Schedule | None:
        cycle = nearest_whole(int(self.schedule.steps) * steps, int(self.steps))
        # Its length first: to rebuild at every level what then does not fit takes exponential time.
        try:
            lengths = _cycle_lengths(cycle, self.times, self.growth) if self.cycle_lengths else ()
        except ValueError:  # a cycle would be below one step
            return None
        fits = cycle > 0 and steps == (sum(lengths) or cycle * (self.times or 1))
        return changed(self, schedule=stretch(self.schedule, cycle)) if fits else None


def _cycle_lengths(first: int, times: int | None, growth: float) -> tuple[int, ...]:
    """Return `round(first * growth**k)` for every k, up to 2**63 updates where *times* is None."""
    most = MAX_GROWN_CYCLES
    if times is not None and times > most:
        refuse("Repeated.times", f"at most {most} where growth is not 1", times)
    up, down = growth.as_integer_ratio()
    lengths: list[int] = []
    total, numerator, denominator = 0, first, 1
    while total < 2**63 if times is None else len(lengths) < times:
        lengths.append(nearest_whole(numerator, denominator))
        total += lengths[-1]
        numerator, denominator = numerator * up, denominator * down
        if lengths[-1] < 1:
            refuse("Repeated.growth", "such that no cycle is below one step", growth)
        if total > MAX_STEPS or len(lengths) > most:
            rule = f"such that {most:,} cycles take it past 2**63 steps, or give times="
            refuse("Repeated.growth", rule if times is None else "such that it ends by 10**300 steps", growth)
    return tuple(lengths)


@final_value
class Sliced(Schedule):
    """Every *stride*-th update from *start* up to *stop* of a schedule: what `a[start:stop:stride]` builds.

    value(t) = a(start + stride * t), and a(stop) from where that is past *stop*; it takes
    ceil((stop - start) / stride) updates.

    Chains, constants and slices are cut without this node: the first gives its phases, of which at most two
    are cut (or all, with a stride), the others are rebuilt. *start*, *stop* and *stride* are in updates of
    the schedule that is cut. Where these are no more than one, the stride is 1.

    >>> from tlama_core import Linear
    >>> cut = Linear(1.0, 0.0, steps=10)[2:5]
    >>> cut, cut.steps, cut(0), cut(99)
    (Linear(1.0, 0.0, steps=10)[2:5], 3, 0.8, 0.5)
    >>> coarse = Linear(1.0, 0.0, steps=10)[::4]
    >>> coarse.steps, coarse(1), coarse(3)
    (3, 0.6, 0.0)
    """

    schedule: Schedule = attrs.field(converter=CHILD)
    start: Length = length()
    stop: int | float = length(endless=True)
    stride: Length = length(default=1, at_least=1)
    steps: int | float = derived(lambda self: _visited(self.start, self.stop, self.stride))
    _extent: Extent = derived(_extent_over)

    def _children(self) -> tuple[Schedule, ...]:
        return (self.schedule,)

    def __attrs_post_init__(self) -> None:
        if not self.start <= self.stop <= self.schedule.steps:
            refuse("Sliced", f"start <= stop <= {self.schedule.steps}", f"{self.start}:{self.stop}")
        if self.stride > 1 and self.stop - self.start <= 1:
            refuse("Sliced.stride", "1 where at most one update is left", self.stride)
        whole = self.start == 0 and self.stop == self.schedule.steps and self.stride == 1
        if whole or isinstance(self.schedule, (Sliced, Piecewise, Constant)):
            refuse("Sliced.schedule", "cut by a[i:j], which needs no such node", self.schedule)

    def _value(self, xp: Namespace, t: Clock) -> Value:
        return xp.value_of(self.schedule, xp.advance(t, self.start, self.stop, self.stride))

    def _kernel(self) -> Kernel:
        formula, numbers = self.schedule._kernel()
        if formula is None or self.stop >= EXACT:  # later times are no floats
            return Kernel()
        return Kernel(Slicing(formula), (float(self.start), float(self.stop), float(self.stride), *numbers))

    def _notation(self, printer: Printer) -> Notation:
        start = self.start or ""
        stop = "" if self.stop == self.schedule.steps else self.stop
        stride = "" if self.stride == 1 else f":{self.stride}"
        return Notation(f"{printer(self.schedule).within(ATOM)}[{start}:{stop}{stride}]")

    def _cut(self, start: int, stop: float, stride: int) -> Schedule:
        first, last = (min(self.start + self.stride * time, self.stop) for time in (start, stop))
        return self.schedule._cut(int(first), last, self.stride * stride)


@final_value
class Stretched(Schedule):
    """A schedule on a faster or slower clock: what `a.stretch` builds where *a* has no lengths to change.

    value(t) = a(t * a.steps / steps)

    Of a schedule of no length it holds the value. A whole step that falls on a whole step of *a* gives
    its value exactly: the quotient is taken in whole numbers.

    >>> from tlama_core import Function
    >>> Function(lambda t: 2.0 * t, steps=10).stretch(steps=20)(10)
    10.0
    """

    schedule: Schedule = attrs.field(converter=CHILD)
    steps: Length = length()
    _extent: Extent = derived(_extent_over)

    def _children(self) -> tuple[Schedule, ...]:
        return (self.schedule,)

    def __attrs_post_init__(self) -> None:
        if math.isinf(self.schedule.steps) or self.schedule.steps == self.steps:
            refuse("Stretched.schedule", "finite and of another length", self.schedule)
        if self.schedule.steps and self.schedule._with_length(self.steps, Stretcher()) is not None:
            refuse("Stretched.schedule", "stretched by a.stretch(...), which rebuilds it", self.schedule)

    def _value(self, xp: Namespace, t: Clock) -> Value:
        length = int(self.schedule.steps)
        if self.steps == 0:
            clock = xp.advance(t, length, length)
        elif length == 0:
            clock = xp.within(t, 0)
        else:
            clock = xp.rescale(t, length, self.steps)
        return xp.value_of(self.schedule, clock)

    def _notation(self, printer: Printer) -> Notation:
        return call(f"{printer(self.schedule).within(ATOM)}.stretch", arguments(self, 1))

    def _with_length(self, steps: int, stretch: Stretcher) -> Schedule:
        return stretch(self.schedule, steps)


@attrs.frozen
class _OpenPhase:
    """A shape whose start is not known yet, with another in its place, and the word that builds it."""

    shape: Schedule
    word: str
    written: tuple[str, ...] | None
    """The arguments of the word, where they are not those of the shape."""

    def __repr__(self) -> str:
        return Printer()(self).text

    def _notation(self, printer: Printer) -> Notation:
        return call(self.word, arguments(self.shape, 1) if self.written is None else self.written)

    def resolve(self, before: Schedule) -> Schedule:
        """Return the shape, starting where *before* ends."""
        if math.isinf(before.steps):
            refuse("a phase before another", "finite (only the last may be endless)", before)
        return _started(self.shape, value_at(before, before.steps))


def _started(shape: Schedule, start: float) -> Schedule:
    """Return *shape* with another start, its first argument, or that of the schedule which stands there."""
    first = shape.__attrs_attrs__[0].name
    held = getattr(shape, first)
    return changed(shape, **{first: _started(held, start) if isinstance(held, Schedule) else start})


def open_phase(shape: Schedule, word: str, written: tuple[str, ...] | None = None) -> "OpenChain":
    """Return an open chain of one phase: *shape*, whose first argument is not known yet, built by *word*.

    Its text names the other arguments of the shape, or those of *word* as *written* where they differ.
    """
    return OpenChain((_OpenPhase(shape, word, written),))


@final_value
class OpenChain:
    """Phases that begin with an open one: its start is wherever the phase before it ends.

    Only `>>` and `Piecewise.of` take it; anything else raises `OpenScheduleError`.

    >>> from tlama_core import Linear
    >>> tail = Constant.hold(steps=80) >> Linear.to(0.0, steps=20)
    >>> Constant(3.0, steps=0) >> tail
    Constant(3.0, steps=0) >> Constant(3.0, steps=80) >> Linear(3.0, 0.0, steps=20)
    """

    phases: "tuple[Schedule | _OpenPhase, ...]" = attrs.field()

    def __repr__(self) -> str:
        return infix(">>", CHAIN, map(Printer(), self.phases)).text

    def then(self, other: "Schedule | OpenChain") -> "OpenChain":
        """Return this open chain and then *other*: `self >> other`."""
        return OpenChain((*self.phases, *_flat((other,))))

    def __rshift__(self, other: "Schedule | OpenChain") -> "OpenChain":
        _refuse_class(other)
        return self.then(other) if isinstance(other, (Schedule, OpenChain)) else NotImplemented

    def refuse(self, *_: Any, **__: Any) -> NoReturn:
        """Raise the `OpenScheduleError` that says what to write: what anything but chaining gives."""
        raise OpenScheduleError(
            f"{self!r} has no start until a phase stands before it:"
            f" write Constant(1.0, steps=0) >> {self!r} to start at 1.0"
        )

    __array_ufunc__: ClassVar[None] = None
    if not TYPE_CHECKING:
        __call__ = __getitem__ = __len__ = __iter__ = __array__ = __neg__ = refuse
        __mul__ = __rmul__ = __truediv__ = __add__ = __radd__ = __sub__ = __rsub__ = refuse
        __rtruediv__ = __pow__ = __rpow__ = __floordiv__ = __mod__ = refuse
        __rrshift__ = scale = clamp = quantize = repeat = stretch = sample = refuse
        steps = property(refuse)
