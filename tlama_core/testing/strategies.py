"""Random schedules for property tests with Hypothesis.

Every strategy that is used again is built once: while examples are drawn, none is made, because Hypothesis
checks each new strategy before its first use, which costs more than drawing from it.

>>> from hypothesis import given
>>> @given(schedules())
... def test_a_rate_is_finite(schedule):
...     assert abs(schedule(10)) < float("inf")
>>> test_a_rate_is_finite()
"""

import math
from collections.abc import Callable
from functools import cache
from itertools import cycle, islice
from operator import add, mul
from typing import Literal, NamedTuple, Protocol, TypeVar

from hypothesis import strategies as st

from tlama_core.algebra import Constant, OpenChain, Piecewise, Schedule, maximum, minimum
from tlama_core.shapes import (
    Cosine,
    Exponential,
    Function,
    Geometric,
    Linear,
    Polynomial,
    PowerLaw,
    Rex,
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


def numbers() -> st.SearchStrategy[float]:
    """Return finite values of modest size, round ones often.

    The size keeps products of a whole tree finite; 0, negative and tiny values are among them.

    >>> from hypothesis import given
    >>> @given(numbers())
    ... def test_a_number_is_of_modest_size(value):
    ...     assert -8.0 <= value <= 8.0
    >>> test_a_number_is_of_modest_size()
    """
    return st.floats(-8.0, 8.0) | st.sampled_from([0.0, 1.0, -1.0, 0.1, 3e-4, 1e-12])


def positive() -> st.SearchStrategy[float]:
    """Return values above 0, for rates, timescales and whatever else has to be positive."""
    return st.floats(1e-6, 8.0) | st.sampled_from([1.0, 0.1, 3e-4])


def lengths(at_least: int = 0) -> st.SearchStrategy[int]:
    """Return lengths in updates: often tiny or none, at times thousands.

    Mistakes by one show in tiny lengths, those of rounding in long ones.
    """
    return st.integers(at_least, 12) | st.integers(at_least, 12) | st.integers(at_least, 5_000)


NUMBERS = numbers()
POSITIVE = positive()
LENGTHS = lengths()
ANY_LENGTH: st.SearchStrategy[float] = st.just(math.inf) | st.just(math.inf) | LENGTHS
POWERS = st.sampled_from([0.5, 1, 2, 3.5, 10])
RATES = st.sampled_from([1e-9, 0.5, 3, 40])
RATIO_OR_RATES = st.sampled_from([None, None, 1e-9, 0.5, 3, 40])
TIMES_OF_POWERS: st.SearchStrategy[Literal["left", "elapsed"]] = st.sampled_from(["left", "elapsed"])
RATIOS = st.floats(0.5, 1.0) | st.sampled_from([0.1, 0.9, 1.0])
EXPONENTS = st.sampled_from([-0.5, -1.0, -2.0, 0.0])
FUNCTIONS = st.sampled_from([math.cos, math.atan, math.cosh])
DROPS = st.lists(st.tuples(st.integers(1, 20), NUMBERS), unique_by=lambda drop: drop[0], max_size=4)
PLACES = st.integers(0, 2**16)
STRIDES = st.sampled_from([1, 1, 1, 2, 3, 7, 64])
UP_TO_TWO = st.integers(0, 2)
TIMES = st.integers(1, 4)
TIMES_OR_ENDLESS = st.sampled_from([1, 2, 3, 4, None, None, None, None])
GAINS = st.floats(-2.0, 2.0)
LASTING_GAINS = st.floats(-1.0, 1.0) | st.floats(-1.0, 1.0) | st.sampled_from([1.001, -1.001])
BASES = st.just(0.0) | NUMBERS
GROWTHS = st.sampled_from([1.0, 1.5, 2.0])
ANY_GROWTH = st.sampled_from([1.0, 1.5, 2.0, 0.75])
MANY = st.integers(9, 20)
MULTIPLES = st.sampled_from([1.0, 1.0, 0.5, 0.1, 3.0, 32.0])
HOWS: st.SearchStrategy[Literal["nearest", "down", "up"]] = st.sampled_from(["nearest", "down", "up"])
EXTREMES = st.sampled_from([maximum, minimum])
JOINS: st.SearchStrategy[Callable[[Schedule, Schedule], Schedule]] = st.sampled_from(
    [add, mul, maximum, minimum]
)

LINES: tuple[type[Transition], ...] = (Linear, Cosine, Rex, Sqrt)
TRANSITIONS = st.sampled_from([*LINES, Rex, Polynomial, Exponential, Exponential])


@st.composite
def shapes(draw: Draw, ends: st.SearchStrategy[float] | None = None) -> Transition:
    """Draw one of the shapes that have two ends, both of them drawn from *ends* (by default `numbers`).

    >>> from hypothesis import given
    >>> @given(shapes(positive()))
    ... def test_a_shape_ends_at_its_end(shape):
    ...     assert shape(shape.steps) == shape.end > 0
    >>> test_a_shape_ends_at_its_end()
    """
    ends = NUMBERS if ends is None else ends
    start, end, steps, kind = draw(ends), draw(ends), draw(LENGTHS), draw(TRANSITIONS)
    if kind in LINES:
        return kind(start, end, steps)
    if kind is Polynomial:
        return Polynomial(start, end, steps, power=draw(POWERS), of=draw(TIMES_OF_POWERS))
    return Exponential(start, end, steps, rate=draw(RATIO_OR_RATES if start > 0 and end > 0 else RATES))


def _constant(draw: Draw, length: st.SearchStrategy[float]) -> Schedule:
    """Draw a constant."""
    return Constant(draw(NUMBERS), draw(length))


def _warmup(draw: Draw, _: st.SearchStrategy[float]) -> Schedule:
    """Draw a warmup, which always has an end."""
    return Warmup(draw(NUMBERS), draw(LENGTHS))


def _power_law(draw: Draw, length: st.SearchStrategy[float]) -> Schedule:
    """Draw a power law; its exponents never grow."""
    return PowerLaw(draw(NUMBERS), draw(length), timescale=draw(POSITIVE), exponent=draw(EXPONENTS))


def _geometric(draw: Draw, length: st.SearchStrategy[float]) -> Schedule:
    """Draw a constant ratio; none grows, so that values stay of modest size."""
    return Geometric(draw(NUMBERS), draw(length), factor=draw(RATIOS), interval=draw(POSITIVE))


def _step(draw: Draw, length: st.SearchStrategy[float]) -> Schedule:
    """Draw a staircase of up to four drops, early ones, so that a tiny length still has some."""
    steps = draw(length)
    return Step(draw(NUMBERS), {time: factor for time, factor in draw(DROPS) if time < steps}, steps)


def _shape(draw: Draw, _: st.SearchStrategy[float]) -> Schedule:
    """Draw one of the shapes that have two ends."""
    return draw(ANY_SHAPE)


def _function(draw: Draw, length: st.SearchStrategy[float]) -> Schedule:
    """Draw a Python function; it is short, because one of them grows fast."""
    return Function(draw(FUNCTIONS), max(1, min(12, draw(length))))


ANY_SHAPE = shapes()
WRITTEN = (_constant, _warmup, _power_law, _geometric, _step, _shape, _shape, _shape, _shape)
WRITTEN_LEAVES = st.sampled_from(WRITTEN)
ALL_LEAVES = st.sampled_from((*WRITTEN, _function))


@st.composite
def leaves(draw: Draw, *, endless: bool = True, functions: bool = True) -> Schedule:
    """Draw a leaf: a schedule that holds no other, of any kind.

    It is of finite length where *endless* is False, and has a text where *functions* is False.
    """
    kind = draw(ALL_LEAVES if functions else WRITTEN_LEAVES)
    return kind(draw, ANY_LENGTH if endless else LENGTHS)


class _Parts(NamedTuple):
    """What a node is built of: strategies that are one level less deep, each made once."""

    endless: bool
    """Whether the node may be endless."""
    leaf: st.SearchStrategy[Schedule]
    """A leaf."""
    short: st.SearchStrategy[Schedule]
    """A leaf of finite length."""
    finite: st.SearchStrategy[Schedule]
    """A tree of finite length."""
    inner: st.SearchStrategy[Schedule]
    """A tree."""
    twin: st.SearchStrategy[Schedule]
    """A tree of still one level less: what is done to one of its two places counts as a level."""
    after: "st.SearchStrategy[Schedule | OpenChain]"
    """What may follow another phase, and be followed by one."""
    operand: "st.SearchStrategy[Schedule | float]"
    """What may stand at the right of an operator."""


Node = Callable[[Draw, _Parts], Schedule]


def _leaf(draw: Draw, parts: _Parts) -> Schedule:
    """Draw a leaf where there could be a node, so that trees are of any depth."""
    return draw(parts.leaf)


def _chain(draw: Draw, parts: _Parts) -> Schedule:
    """Draw a chain of two to four phases; one that is a chain itself adds its own."""
    between = [draw(parts.after) for _ in range(draw(UP_TO_TWO))]
    return Piecewise.of([draw(parts.finite), *between, draw(parts.inner)])


def _long_chain(draw: Draw, parts: _Parts) -> Schedule:
    """Draw a chain that is long enough to be searched and grouped, out of a few phases that come again."""
    few = [draw(parts.short) for _ in range(1 + draw(UP_TO_TWO))]
    return Piecewise.of(islice(cycle(few), draw(MANY)))


def _scaled(draw: Draw, parts: _Parts) -> Schedule:
    """Draw a tree times a number."""
    return draw(NUMBERS) * draw(parts.inner)


def _sum(draw: Draw, parts: _Parts) -> Schedule:
    """Draw a sum."""
    return draw(parts.inner) + draw(parts.operand)


def _product(draw: Draw, parts: _Parts) -> Schedule:
    """Draw a product of two trees."""
    return draw(parts.inner) * draw(parts.inner)


def _extreme(draw: Draw, parts: _Parts) -> Schedule:
    """Draw a maximum or a minimum."""
    return draw(EXTREMES)(draw(parts.inner), draw(parts.operand))


def _quantized(draw: Draw, parts: _Parts) -> Schedule:
    """Draw a tree in multiples of a number."""
    return draw(parts.inner).quantize(draw(MULTIPLES), how=draw(HOWS))


def _twice(draw: Draw, parts: _Parts) -> Schedule:
    """Draw a node that has another in it twice, as one object: it is evaluated, split and printed once."""
    twin = draw(parts.twin)
    return draw(JOINS)(twin, draw(NUMBERS) * twin)


def _slice(draw: Draw, parts: _Parts) -> Schedule:
    """Draw a slice, also an empty one or the whole, of every update or of some."""
    a = draw(parts.finite)
    start = draw(PLACES) % (len(a) + 1)
    return a[start : start + draw(PLACES) % (len(a) - start + 1) : draw(STRIDES)]


def _stretched(draw: Draw, parts: _Parts) -> Schedule:
    """Draw a tree that is stretched or pressed to another length, also to none."""
    return draw(parts.finite).stretch(steps=draw(LENGTHS))


def _repeated(draw: Draw, parts: _Parts) -> Schedule:
    """Draw a repetition, or the tree itself if it has no length that could be repeated."""
    a = draw(parts.finite)
    return _repetition(draw, a, endless=parts.endless) if a.steps else a


def _repetition(draw: Draw, a: Schedule, *, endless: bool) -> Schedule:
    """Draw how often *a* comes again, how high and how long."""
    times = draw(TIMES_OR_ENDLESS if endless else TIMES)
    if times is None:
        return a.repeat(gain=draw(LASTING_GAINS), growth=draw(GROWTHS), base=draw(BASES))
    growth = draw(ANY_GROWTH if a.steps >= 8 else GROWTHS)  # no cycle below one step
    return a.repeat(times, gain=draw(GAINS), growth=growth, base=draw(BASES))


@st.composite
def repetitions(draw: Draw, a: Schedule, *, endless: bool) -> Schedule:
    """Draw a repetition of *a*, which is of finite length and not empty; also an endless one where asked.

    The gain of an endless repetition is next to 1 at most, so that values stay finite for 500,000 cycles.

    >>> from hypothesis import given
    >>> @given(repetitions(Linear(1.0, 0.0, steps=9), endless=False))
    ... def test_the_first_cycle_is_the_schedule(repeated):
    ...     assert repeated(3) == 2 / 3
    >>> test_the_first_cycle_is_the_schedule()
    """
    return _repetition(draw, a, endless=endless)


WEIGHTS: dict[Node, int] = {
    _leaf: 16,
    _chain: 12,
    _scaled: 6,
    _sum: 6,
    _product: 7,
    _extreme: 7,
    _quantized: 4,
    _slice: 8,
    _stretched: 8,
    _repeated: 8,
    _long_chain: 2,
    _twice: 2,
}
"""How often each kind of node is drawn, in relation to the others."""

NODES = st.sampled_from([node for node, weight in WEIGHTS.items() for _ in range(weight)])
LOWEST = st.sampled_from(
    [node for node, weight in WEIGHTS.items() for _ in range(weight) if node is not _twice]
)
"""What may stand right above leaves: a node that has another in it twice is two levels deep."""


@cache
def _parts(max_depth: int, endless: bool, functions: bool) -> _Parts:
    """Return what a tree of that depth is built of."""
    finite = _tree(max_depth - 1, endless=False, functions=functions)
    inner = _tree(max_depth - 1, endless=endless, functions=functions)
    return _Parts(
        endless=endless,
        leaf=leaves(endless=endless, functions=functions),
        short=leaves(endless=False, functions=functions),
        finite=finite,
        inner=inner,
        twin=_tree(max(0, max_depth - 2), endless=endless, functions=functions),
        after=phases(finite),
        operand=inner | NUMBERS,
    )


@st.composite
def _nodes(draw: Draw, max_depth: int, *, endless: bool, functions: bool) -> Schedule:
    """Draw a tree whose root may be a node, up to *max_depth* deep."""
    kind = draw(NODES if max_depth > 1 else LOWEST)
    return kind(draw, _parts(max_depth, endless, functions))


@cache
def _tree(max_depth: int, *, endless: bool, functions: bool) -> st.SearchStrategy[Schedule]:
    """Return the one strategy for trees of that kind."""
    if max_depth == 0:
        return leaves(endless=endless, functions=functions)
    return _nodes(max_depth, endless=endless, functions=functions)


def schedules(
    max_depth: int = 6, *, endless: bool = True, functions: bool = True
) -> st.SearchStrategy[Schedule]:
    """Return random trees up to *max_depth* operators deep.

    They are of finite length where *endless* is False, and have a text where *functions* is False. Now and
    then a chain has more than eight phases, and a node stands in a tree twice: both are evaluated in ways of
    their own.
    """
    return _tree(max_depth, endless=endless, functions=functions)


def _held(_: float, steps: int) -> OpenChain:
    """Return an open phase that has no end of its own."""
    return Constant.hold(steps)


def _curved(end: float, steps: int) -> OpenChain:
    """Return an open phase that is not a straight line."""
    return Polynomial.to(end, steps, power=2)


def _falling(_: float, steps: int) -> OpenChain:
    """Return an open phase that comes to no end of its own."""
    return Geometric.from_here(steps, factor=0.9, interval=10)


OPEN: st.SearchStrategy[Callable[[float, int], OpenChain]] = st.sampled_from(
    [Linear.to, Cosine.to, Sqrt.to, _held, _curved, _falling]
)


@st.composite
def open_phases(draw: Draw) -> OpenChain:
    """Draw an open phase, of a kind that can start anywhere.

    >>> from hypothesis import given
    >>> @given(open_phases())
    ... def test_an_open_phase_starts_where_it_is_put(phase):
    ...     assert (Constant(2.0, steps=5) >> phase)(4) == 2.0
    >>> test_an_open_phase_starts_where_it_is_put()
    """
    return draw(OPEN)(draw(NUMBERS), draw(LENGTHS))


def phases(schedule: st.SearchStrategy[Schedule]) -> "st.SearchStrategy[Schedule | OpenChain]":
    """Return phases that may follow another: schedules of that strategy, and open ones.

    An open phase can only follow: the first phase of a chain comes from *schedule* itself.
    """
    return schedule | open_phases()


def arguments(law: Law, max_depth: int = 6) -> st.SearchStrategy[tuple[object, ...]]:
    """Return random arguments for *law*, whose trees are up to *max_depth* deep.

    >>> from hypothesis import given
    >>> from tlama_core.testing.laws import LAWS
    >>> @given(arguments(LAWS[0], max_depth=2))
    ... def test_the_first_law(drawn):
    ...     LAWS[0].check(*drawn)
    >>> test_the_first_law()
    """
    finite, any_length = schedules(max_depth, endless=False), schedules(max_depth)
    kinds: dict[str, st.SearchStrategy[object]] = {
        "finite": finite,
        "schedule": any_length,
        "kept": any_length,
        "written": schedules(max_depth, functions=False),
        "phase": phases(finite),
        "last": phases(any_length),
        "shape": ANY_SHAPE,
        "number": NUMBERS,
        "length": LENGTHS,
        "stride": STRIDES,
        "multiple": MULTIPLES,
        "times": TIMES,
        "gain": GAINS,
        "base": BASES,
        "growth": st.sampled_from([1.0, 1.5, 2.0, 0.5, 1.1]),
        "fractions": st.lists(st.floats(0.0, 1.0), max_size=8),
    }
    return st.tuples(*(kinds[kind] for kind in law.kinds))
