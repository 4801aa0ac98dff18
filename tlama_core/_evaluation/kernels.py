"""A formula and its numbers, apart: phases of one formula are then computed together, or by one function.

A formula takes a namespace, a clock and the numbers. Two formulas are equal where they compute alike, so
that a chain of 100,000 phases of three shapes is three computations: each formula once, with the numbers of
the phases gathered into columns (arrays), looked up (tracers), or bound (compiled calls).
"""

import math
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, TypeAlias

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tlama_core._evaluation import Clock, Namespace, Value

Formula: TypeAlias = "Callable[..., Value]"  # type: ignore[explicit-any]  # of as many numbers as it has
"""Called as `formula(xp, t, *numbers)`."""

How: TypeAlias = Literal["nearest", "down", "up"]
"""Which of the multiples around a value is taken."""


class Kernel(NamedTuple):
    """A value as a formula shared by all of its kind, and the numbers that make it this one."""

    formula: "Formula | None" = None
    """None where a schedule shares its computation with no other."""
    numbers: tuple[float, ...] = ()

    def value(self, xp: "Namespace", t: "Clock") -> "Value":
        """Return the value of the formula at *t*."""
        formula, numbers = self
        return formula(xp, xp.number(t), *map(xp.constant, numbers))  # type: ignore[misc]  # asked of those that have one


def constantly(xp: "Namespace", t: "Clock", constant: "Value") -> "Value":
    """Return *constant* at every time: the formula of a hold, and of any phase of no length."""
    return xp.full_like(t, constant)


@attrs.define(unsafe_hash=True, repr=False)  # not frozen: torch.compile cannot trace how a frozen one is made
class Scaling:
    """A formula times a factor, which is the first of the numbers."""

    formula: Formula

    def __call__(self, xp: "Namespace", t: "Clock", factor: "Value", *numbers: "Value") -> "Value":
        """Return *factor* times the value of the formula at *t*."""
        return factor * self.formula(xp, t, *numbers)


@attrs.define(unsafe_hash=True, repr=False)  # likewise
class Raising:
    """A formula plus a number, which is the first of the numbers."""

    formula: Formula

    def __call__(self, xp: "Namespace", t: "Clock", number: "Value", *numbers: "Value") -> "Value":
        """Return *number* plus the value of the formula at *t*."""
        return number + self.formula(xp, t, *numbers)


@attrs.define(unsafe_hash=True, repr=False)  # likewise
class Clipping:
    """A formula whose values do not leave a range, which the first two of the numbers say."""

    formula: Formula

    def __call__(
        self, xp: "Namespace", t: "Clock", low: "Value", high: "Value", *numbers: "Value"
    ) -> "Value":
        """Return the value of the formula at *t*, within the range."""
        return xp.clip(self.formula(xp, t, *numbers), low, high)


@attrs.define(unsafe_hash=True, repr=False)  # likewise
class Slicing:
    """A formula on the clock of a slice, whose start, stop and stride are the first three of the numbers."""

    formula: Formula

    def __call__(
        self, xp: "Namespace", t: "Clock", start: "Value", stop: "Value", stride: "Value", *numbers: "Value"
    ) -> "Value":
        """Return the value of the formula at the time where the slice is at *t*."""
        return self.formula(xp, xp.minimum(start + stride * t, stop), *numbers)


@attrs.define(unsafe_hash=True, repr=False)  # likewise
class Quantizing:
    """A formula whose values are whole multiples of a number, which is the first of the numbers."""

    formula: Formula
    how: How

    def __call__(self, xp: "Namespace", t: "Clock", multiple: "Value", *numbers: "Value") -> "Value":
        """Return the multiple that the value of the formula at *t* counts as."""
        return self.quantized(xp, self.formula(xp, t, *numbers), multiple, self.how)

    @staticmethod
    def quantized(xp: "Namespace", value: "Value", multiple: "Value", how: How) -> "Value":
        """Return the multiple nearest to *value*, or that below or above it.

        The fraction above the multiple below decides: it goes up from a threshold on, which is lower by
        what counts as rounding. Of a quotient so large that this is half of a multiple or more, the nearest
        multiple is what it counts as, however it is asked.
        """
        value, quotient, below = xp.quotient(value, multiple)
        near = xp.rounding * xp.maximum(abs(quotient), 1.0)
        if how == "down":
            threshold = xp.maximum(1.0 - near, 0.5)
        elif how == "up":
            threshold = xp.minimum(near, 0.5)
        else:
            threshold = xp.maximum(0.5 - near, xp.minimum(near, 0.5))
        # Not floor(quotient + 1 - threshold): from half the largest odd whole number on, that sum is rounded.
        whole = xp.where(quotient - below < threshold, below, below + 1.0)
        return xp.where(abs(quotient) < math.inf, multiple * whole, value)


class HasKernel(Protocol):
    """What can be grouped."""

    def _kernel(self) -> Kernel: ...


class Group(NamedTuple):
    """Phases of a chain that share one formula."""

    formula: "Formula | None"
    """None for a phase that shares its computation with no other: the only member of its group."""
    members: list[int]
    """The places of the phases in the chain."""
    numbers: list[tuple[float, ...]]
    """The numbers of each member."""

    def columns(self) -> list[tuple[float, ...]]:
        """Return the numbers by what they are: one column for each argument of the formula."""
        return list(zip(*self.numbers, strict=True))


def grouped(phases: "Sequence[HasKernel]") -> list[Group]:
    """Return the phases of a chain grouped by formula, in the order of their first members.

    A phase without a formula of its own, such as a sum, is a group by itself.
    """
    groups: dict[Formula | int, Group] = {}
    for place, phase in enumerate(phases):
        formula, numbers = phase._kernel()
        key = place if formula is None else formula
        group = groups.get(key)
        if group is None:
            group = groups[key] = Group(formula, [], [])
        group.members.append(place)
        group.numbers.append(numbers)
    return list(groups.values())
