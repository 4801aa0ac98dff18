"""Shapes read from a table: staircases, any callable, and the chain through given points."""

import math
import operator
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar, Protocol, TypeAlias

import attrs

from tlama_core._evaluation import Clock, Namespace, Value
from tlama_core._fields import (
    as_length,
    as_number,
    final_value,
    in_words,
    length,
    nearest_whole,
    number,
    refuse,
    refuse_as_schedule,
)
from tlama_core.algebra import Constant, OpenChain, Piecewise, Schedule, children, open_phase
from tlama_core.shapes.curves import FROM_HERE
from tlama_core.shapes.transitions import Linear

Drops: TypeAlias = tuple[tuple[int, float], ...]
Table: TypeAlias = Mapping[int, float] | Mapping[float, float] | Iterable[tuple[float, float]]


def _pairs(name: str, table: object) -> list[tuple[int, float]]:
    """Return *table* (a mapping or pairs) as pairs in order of time, or refuse it by *name*."""
    items = table.items() if isinstance(table, Mapping) else table
    if isinstance(items, (str, bytes)) or not isinstance(items, Iterable):
        refuse(name, "a mapping or pairs of time and value", table, TypeError)
    pairs = []
    for item in items:
        if not isinstance(item, (tuple, list)) or len(item) != 2:
            refuse(name, "a mapping or pairs of time and value", table, TypeError)
        pairs.append((as_length(f"a time in {name}", item[0]), item[1]))
    pairs.sort(key=operator.itemgetter(0))
    for (time, _), (following, _) in pairwise(pairs):
        if time == following:
            refuse(name, "given each time once", f"{time} twice")
    return pairs


def _drops(table: object) -> Drops:
    return tuple(
        (time, as_number(f"the factor at {time} in Step.drops", factor))
        for time, factor in _pairs("Step.drops", table)
    )


@final_value
class Step(Schedule):
    """A staircase: *start* times the factor of the last drop so far; endless unless *steps* is given.

    value(t) = start * factor of the last drop at or before t

    *drops* maps a time in (0, steps) to a factor, which is relative to *start*.

    >>> schedule = Step(1.0, {30: 0.1, 60: 0.01}, steps=90)
    >>> schedule(29), schedule(30), schedule(60)
    (1.0, 0.1, 0.01)
    """

    start: float = number()
    drops: Drops = attrs.field(converter=_drops)
    steps: int | float = length(default=math.inf, endless=True)

    hint: ClassVar[str] = FROM_HERE

    if TYPE_CHECKING:

        def __init__(self, start: float, drops: Table, steps: float = ...) -> None: ...  # noqa: D107

    def __attrs_post_init__(self) -> None:
        for time, factor in self.drops:
            if not 0 < time < self.steps:
                refuse("a time in Step.drops", f"above 0 and below the length {self.steps}", time)
            if math.isinf(self.start * factor):
                refuse(f"the factor at {time} in Step.drops", "such that its value is finite", factor)

    @classmethod
    @in_words
    def every(cls, start: float, gamma: float, interval: float) -> Schedule:
        """Return *start*, multiplied by *gamma* every *interval* updates, endlessly.

        With a *gamma* above 1 it grows: values past the largest float are infinite.

        >>> staircase = Step.every(1.0, gamma=0.5, interval=30)
        >>> staircase, staircase(29), staircase(30), staircase(60)
        (Constant(1.0, steps=30).repeat(gain=0.5), 1.0, 0.5, 0.25)
        """
        value = as_number("Step.every.start", start)
        steps = as_length("Step.every.interval", interval, at_least=1)
        return Constant(value, steps).repeat(gain=as_number("Step.every.gamma", gamma))

    @classmethod
    @in_words
    def every_from_here(cls, gamma: float, interval: float) -> OpenChain:
        """Return the staircase of `Step.every` as an open phase, from where the phase before it ends.

        >>> Constant(1.0, steps=10) >> Step.every_from_here(gamma=0.5, interval=30)
        Constant(1.0, steps=10) >> Constant(1.0, steps=30).repeat(gain=0.5)
        """
        cycles = cls.every(0.0, gamma, interval)
        written = (f"gamma={as_number('Step.every.gamma', gamma)!r}", f"interval={children(cycles)[0].steps}")
        return open_phase(cycles, "Step.every_from_here", written)

    @classmethod
    @in_words
    def from_here(cls, drops: Table, steps: float = math.inf) -> OpenChain:
        """Return an open phase: a staircase down from where the phase before it ends.

        >>> Constant(1.0, steps=10) >> Step.from_here({30: 0.1}, steps=90)
        Constant(1.0, steps=10) >> Step(1.0, {30: 0.1}, steps=90)
        """
        return open_phase(cls(0.0, drops, steps), "Step.from_here")

    @classmethod
    @in_words
    def values(cls, levels: Table) -> Schedule:
        """Return the staircase of the *levels*, a mapping or pairs of update number and value, endless.

        The first level is at update 0. It is a chain of constants, and of a single level a constant.

        >>> Step.values({0: 0.1, 30: 0.05, 60: 0.0})
        Constant(0.1, steps=30) >> Constant(0.05, steps=30) >> Constant(0.0)
        """
        name = "Step.values.levels"
        pairs = [
            (time, as_number(f"the value at {time} in {name}", value)) for time, value in _pairs(name, levels)
        ]
        if not pairs or pairs[0][0] != 0:
            refuse(name, "one level or more, the first at update 0", levels)
        ends = [*(time for time, _ in pairs[1:]), math.inf]
        return Piecewise.of(
            Constant(value, end - time) for (time, value), end in zip(pairs, ends, strict=True)
        )

    def _value(self, xp: Namespace, t: Clock) -> Value:
        times = tuple(time for time, _ in self.drops)
        levels = (self.start, *(self.start * factor for _, factor in self.drops))
        return xp.lookup(t, times, levels)

    def _with_length(self, steps: int, stretch: object) -> Schedule | None:
        total = int(self.steps)
        drops = {nearest_whole(time * steps, total): factor for time, factor in self.drops}
        if len(drops) < len(self.drops) or not all(0 < time < steps for time in drops):
            return None
        return Step(self.start, drops, steps)


@final_value
class Function(Schedule):
    """Any callable of the time as a schedule; endless unless *steps* is given.

    value(t) = fn(t), and fn(steps - 1) from update steps - 1 on (a table has no more entries)

    What *fn* returns must be a finite number, or an array of one: anything else is an error that names it.
    A NumPy array of steps is served one by one; a stretched Function is called at fractional times, for
    which a table has no entries. Equal only if *fn* is the same object; it has no text form.

    >>> table = [0.1, 0.2, 0.4]
    >>> Function(table.__getitem__, steps=3)(7)
    0.4
    """

    fn: Callable[[Clock], Value] = attrs.field(eq=id)
    steps: int | float = length(default=math.inf, endless=True, at_least=1)

    def __attrs_post_init__(self) -> None:
        if isinstance(self.fn, (Schedule, OpenChain)) or not callable(self.fn):
            refuse_as_schedule("Function.fn", "a callable that is no schedule already", self.fn)

    def _value(self, xp: Namespace, t: Clock) -> Value:
        last = t if math.isinf(self.steps) else xp.within(t, self.steps - 1)
        return xp.apply(self.fn, self._checked, last)

    def _checked(self, t: float) -> float:
        """Return what *fn* returns as a number, which an array of one element holds too, or refuse it."""
        found = self.fn(t)
        single = math.prod(getattr(found, "shape", (0,))) == 1
        return as_number(f"what {self.fn!r} returns at step {t}", found.item() if single else found)


class Between(Protocol):
    """What makes a schedule from one value to another, as the shapes with two ends do."""

    def __call__(self, start: float, end: float, /, *, steps: int) -> Schedule:
        """Return the schedule from *start* to *end*."""


def through(
    points: Table,
    shape: Between = Linear,
) -> Schedule:
    """Return the chain of *shape*s through *points*, a mapping or pairs of update number and value.

    The first point is at update 0; *shape* is called as `shape(start, end, steps=…)`.

    >>> through({0: 1.0, 1_000: 0.3, 5_000: 0.0})
    Linear(1.0, 0.3, steps=1000) >> Linear(0.3, 0.0, steps=4000)
    """
    if not callable(shape):
        refuse("through.shape", "called as shape(start, end, steps=...)", shape, TypeError)
    pairs = _pairs("through.points", points)
    if len(pairs) < 2 or pairs[0][0] != 0:
        refuse("through.points", "two points or more, the first at update 0", points)
    return Piecewise.of(
        shape(start, end, steps=after - begin) for (begin, start), (after, end) in pairwise(pairs)
    )
