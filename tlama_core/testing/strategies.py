"""Random schedules for property tests with Hypothesis.

>>> from hypothesis import given
>>> @given(schedules())
... def test_a_rate_is_finite(schedule):
...     assert abs(schedule(10)) < float("inf")
>>> test_a_rate_is_finite()
"""

import math
from typing import Protocol, TypeVar

from hypothesis import strategies as st

from tlama_core.algebra import Constant, OpenChain, Piecewise, Schedule, maximum, minimum
from tlama_core.shapes import (
    Cosine,
    Exponential,
    Function,
    Linear,
    Polynomial,
    PowerLaw,
    Sqrt,
    Step,
    Transition,
    Warmup,
)
from tlama_core.testing.laws import Law

T = TypeVar("T")


class Draw(Protocol):
    """What Hypothesis hands to a composite strategy."""

    def __call__(self, strategy: st.SearchStrategy[T], /) -> T:
        """Return a value of *strategy*."""


LINES = (Linear, Cosine, Sqrt)
FUNCTIONS = (math.cos, math.atan, math.cosh)


def numbers() -> st.SearchStrategy[float]:
    """Return finite values of modest size, round ones often."""
    return st.floats(-8.0, 8.0) | st.sampled_from([0.0, 1.0, -1.0, 0.1, 3e-4, 1e-12])


def positive() -> st.SearchStrategy[float]:
    """Return values above 0."""
    return st.floats(1e-6, 8.0) | st.sampled_from([1.0, 0.1, 3e-4])


def lengths(at_least: int = 0) -> st.SearchStrategy[int]:
    """Return lengths in steps: often tiny or none, at times thousands."""
    return st.integers(at_least, 12) | st.integers(at_least, 12) | st.integers(at_least, 5_000)


@st.composite
def shapes(draw: Draw, ends: st.SearchStrategy[float] | None = None) -> Transition:
    """Draw one of the shapes that have two ends."""
    ends = numbers() if ends is None else ends
    start, end, steps = draw(ends), draw(ends), draw(lengths())
    kind = draw(st.integers(0, 5))
    if kind < len(LINES):
        return LINES[kind](start, end, steps)
    if kind == 3:
        return Polynomial(start, end, steps, power=draw(st.sampled_from([0.5, 1, 2, 3.5, 10])))
    if kind == 4 and start > 0 and end > 0:
        return Exponential(start, end, steps)
    return Exponential(start, end, steps, rate=draw(st.sampled_from([1e-9, 0.5, 3, 40])))


@st.composite
def leaves(draw: Draw, *, endless: bool = True, functions: bool = True) -> Schedule:
    """Draw a leaf of any kind; of finite length where *endless*, with a text where *functions* is False."""
    steps = math.inf if endless and draw(st.booleans()) else draw(lengths())
    kind = draw(st.integers(0, 7))
    if kind == 0:
        return Constant(draw(numbers()), steps)
    if kind == 1:
        return Warmup(draw(numbers()), draw(lengths()))
    if kind == 2:
        exponent = draw(st.sampled_from([-0.5, -1.0, -2.0, 0.0]))
        return PowerLaw(draw(numbers()), steps, timescale=draw(positive()), exponent=exponent)
    if kind == 3:
        times = draw(st.lists(st.integers(1, 20), unique=True, max_size=4))
        drops = {time: draw(numbers()) for time in times if time < steps}
        return Step(draw(numbers()), drops, steps)
    if kind == 4 and steps and functions:
        return Function(draw(st.sampled_from(FUNCTIONS)), min(12, steps))
    return draw(shapes())


@st.composite
def schedules(draw: Draw, max_depth: int = 6, *, endless: bool = True, functions: bool = True) -> Schedule:
    """Draw a random tree up to *max_depth* deep.

    It is of finite length where *endless* is False, and has a text where *functions* is False.
    """
    if max_depth == 0 or draw(st.integers(0, 3)) == 0:
        return draw(leaves(endless=endless, functions=functions))
    finite = schedules(max_depth - 1, endless=False, functions=functions)
    inner = schedules(max_depth - 1, endless=endless, functions=functions)
    kind = draw(st.integers(0, 8))
    if kind <= 1:
        return Piecewise.of([draw(finite), *draw(st.lists(phases(finite), max_size=2)), draw(inner)])
    if kind == 2:
        return draw(numbers()) * draw(inner)
    if kind == 3:
        return draw(inner) + draw(inner | numbers())
    if kind == 4:
        return draw(inner) * draw(inner)
    if kind == 5:
        return draw(st.sampled_from([maximum, minimum]))(draw(inner), draw(inner | numbers()))
    a = draw(finite)
    if kind == 6:
        i = draw(st.integers(0, len(a)))
        return a[i : draw(st.integers(i, len(a)))]
    if kind == 7:
        return a.stretch(steps=draw(lengths()))
    return draw(repetitions(a, endless=endless)) if a.steps else a


@st.composite
def repetitions(draw: Draw, a: Schedule, *, endless: bool) -> Schedule:
    """Draw a repetition of *a*."""
    if endless and draw(st.booleans()):
        return a.repeat(gain=draw(st.floats(-1, 1)), growth=draw(st.sampled_from([1.0, 1.5, 2.0])))
    growths = [1.0, 1.5, 2.0, 0.75] if a.steps >= 8 else [1.0, 1.5, 2.0]  # no cycle below one step
    times, growth = draw(st.integers(1, 4)), draw(st.sampled_from(growths))
    return a.repeat(times, gain=draw(st.floats(-2, 2)), growth=growth)


@st.composite
def open_phases(draw: Draw) -> OpenChain:
    """Draw an open phase, of a kind that can start anywhere."""
    end, steps, kind = draw(numbers()), draw(lengths()), draw(st.integers(0, 4))
    if kind < len(LINES):
        return LINES[kind].to(end, steps)
    return Constant.hold(steps) if kind == 3 else Polynomial.to(end, steps, power=2)


def phases(schedule: st.SearchStrategy[Schedule]) -> "st.SearchStrategy[Schedule | OpenChain]":
    """Return phases that may follow another: schedules of that strategy, and open ones."""
    return schedule | open_phases()


def arguments(law: Law, max_depth: int = 6) -> st.SearchStrategy[tuple[object, ...]]:
    """Return random arguments for *law*."""
    finite, any_length = schedules(max_depth, endless=False), schedules(max_depth)
    kinds: dict[str, st.SearchStrategy[object]] = {
        "finite": finite,
        "schedule": any_length,
        "written": schedules(max_depth, functions=False),
        "phase": phases(finite),
        "last": phases(any_length),
        "shape": shapes(),
        "number": numbers(),
        "length": lengths(),
        "times": st.integers(1, 4),
        "gain": st.floats(-2.0, 2.0),
        "growth": st.sampled_from([1.0, 1.5, 2.0, 0.5, 1.1]),
        "fractions": st.lists(st.floats(0.0, 1.0), max_size=8),
    }
    return st.tuples(*(kinds[kind] for kind in law.kinds))
