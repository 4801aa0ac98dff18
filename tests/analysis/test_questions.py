"""Questions about a schedule, against brute force over every update, and what brute force cannot reach."""

import inspect
import math
import warnings
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import tlama_core
from tlama_core import (
    Constant,
    Cosine,
    Exponential,
    Function,
    Geometric,
    Linear,
    OpenScheduleError,
    Piecewise,
    Polynomial,
    PowerLaw,
    Rex,
    Schedule,
    Sqrt,
    Step,
    Warmup,
    bounds,
    breakpoints,
    check,
    describe,
    difference,
    first_step_above,
    first_step_below,
    maximum,
    mean,
    minimum,
)
from tlama_core.analysis import pieces
from tlama_core.testing.strategies import schedules

PRETRAIN = Warmup(3e-4, steps=2_000) >> Cosine.to(3e-5, steps=98_000)
HUGE = 1e300 * Linear(0.0, 1e300, steps=100)  # inf from update 1 on
ranges = st.tuples(st.integers(0, 40), st.integers(1, 400)).map(lambda pair: (pair[0], sum(pair)))
small = schedules(5)


@given(small, ranges)
def test_bounds_are_the_least_and_the_largest_value(a, where):
    values = [a(step) for step in range(*where)]
    found = bounds(a, *where)
    assert (found.low, found.high) == (min(values), max(values))
    assert found.low_step == where[0] + values.index(found.low)
    assert found.high_step == where[0] + values.index(found.high)


@given(schedules(4, endless=False))
def test_bounds_for_ever_count_the_end_value(a):
    assume(a.steps < 10_000)
    values = [a(step) for step in range(int(a.steps) + 1)]
    found = bounds(a)
    assert (found.low, found.high) == (min(values), max(values))


@given(small, ranges)
def test_the_mean_is_that_of_all_values(a, where):
    """Of calls or of elements of an array, which differ by a rounding, whichever of them are added."""
    each = [sorted(pair) for pair in zip(a(np.arange(*where)).tolist(), map(a, range(*where)), strict=True)]
    low, high = (sum(map(Fraction, values)) / len(each) for values in zip(*each, strict=True))
    slack = Fraction(4e-16 * sum(max(-first, last) for first, last in each) / len(each) + 1e-320)
    assert low - slack <= Fraction(mean(a, *where)) <= high + slack


@given(small, ranges, st.data())
def test_the_first_step_is_the_first(a, where, data):
    """Values of the schedule itself are the hardest thresholds: one unit decides."""
    values = [a(step) for step in range(*where)]
    value = data.draw(st.sampled_from(values) | st.floats(-8, 8), "value")
    below = [step for step, used in enumerate(values, where[0]) if used < value]
    above = [step for step, used in enumerate(values, where[0]) if used > value]
    assert first_step_below(a, value, *where) == (below[0] if below else None)
    assert first_step_above(a, value, *where) == (above[0] if above else None)


@given(schedules(4, endless=False), st.floats(-8, 8), st.integers(0, 12_000))
def test_a_search_without_a_stop_takes_the_held_end_in(a, value, start):
    assume(a.steps < 10_000)
    steps = range(start, max(start, int(a.steps)) + 1)
    assert first_step_below(a, value, start) == next((k for k in steps if a(k) < value), None)


@given(small, small, ranges)
def test_the_difference_is_the_largest_gap(a, b, where):
    found = difference(a, b, *where)
    gaps = [abs(a(step) - b(step)) for step in range(*where)]
    assert found.gap == max(gaps)
    assert found.step == where[0] + gaps.index(found.gap)
    assert (found.a, found.b) == (a(found.step), b(found.step))


@given(small, st.integers(0, 300))
def test_between_breakpoints_a_chain_keeps_to_one_phase(a, stop):
    points = breakpoints(a, stop)
    assert list(points) == sorted(set(points))
    assert all(0 < point < min(stop, a.steps) for point in points)
    if isinstance(a, Piecewise):
        assert {start for start in a.starts if 0 < start < stop} <= set(points) | {a.steps}


# --- every node meets every question

CHAIN = Warmup(1.0, 8) >> Cosine(0.8, -0.3, 15) >> Step(0.5, {4: 0.5, 9: -1.0}, 12)
ENDLESS = Warmup(1.0, 8) >> PowerLaw(1.0, timescale=8)
NODES = [
    Constant(0.3, 20),
    Constant(-0.3),
    Warmup(1.0, 20),
    Linear(1.0, -0.5, 20),
    Cosine(-0.2, 1.0, 20),
    Sqrt(1.0, 0.1, 20),
    Exponential(1.0, 0.01, 20),
    Polynomial(1.0, 0.0, 20, power=3),
    Polynomial(0.0, 1.0, 20, power=3, of="elapsed"),
    Rex(1.0, 0.0, 20),
    Geometric(1.0, 20, factor=0.5, interval=7),
    Geometric(-1.0, factor=0.5, interval=7.5),
    Geometric(1.0, 20, factor=1.5),
    PowerLaw(1.0, 20, timescale=5),
    PowerLaw(-1.0, timescale=5),
    Step(1.0, {3: 0.5, 7: -0.1, 8: 2.0}, 20),
    Step(1.0, {3: 0.5, 70: 0.1}),
    Function(math.cos, 20),
    Function(math.cos),
    CHAIN,
    ENDLESS,
    -0.5 * CHAIN,
    0.0 * ENDLESS,
    CHAIN + Linear(0.0, 1.0, 50),
    CHAIN - ENDLESS,
    CHAIN * Linear(1.0, -1.0, 25),
    maximum(CHAIN, 0.2),
    minimum(CHAIN, Linear(1.0, 0.0, 28)),
    CHAIN.quantize(0.25),
    CHAIN.quantize(0.1, how="down"),
    (2.0 * CHAIN.quantize(0.3, how="up")).clamp(-0.3, 0.5),
    (CHAIN * Linear(1.0, -1.0, 25)).quantize(0.25),
    Cosine(1.0, 0.1, 4).repeat(gain=-0.9).quantize(0.25),
    CHAIN.repeat(3, gain=-0.7),
    CHAIN.repeat(growth=1.5),
    (0.5 * CHAIN)[5:30],
    Function(math.sin, 20).stretch(steps=33),
    (Step(1.0, {3: 0.5, 7: 0.1}, 20) * Linear(1.0, 0.0, 20))[2:19].stretch(steps=7),
]


def asks_bounds(a, stop, values):
    found = bounds(a, 0, stop)
    assert (found.low, found.low_step) == (min(values), values.index(min(values)))
    assert (found.high, found.high_step) == (max(values), values.index(max(values)))


def asks_mean(a, stop, values):
    assert mean(a, 0, stop) == pytest.approx(math.fsum(values) / stop, rel=1e-13, abs=1e-15)


def asks_first_steps(a, stop, values):
    for threshold in {*values, 0.0, 0.25}:
        below = next((step for step in range(stop) if values[step] < threshold), None)
        above = next((step for step in range(stop) if values[step] > threshold), None)
        assert first_step_below(a, threshold, 0, stop) == below
        assert first_step_above(a, threshold, 0, stop) == above


def asks_breakpoints(a, stop, values):
    """Between two breakpoints, nothing falls that rises and nothing rises that falls, where a shape tells."""
    cuts = [0, *breakpoints(a, stop), min(stop, a.steps)]
    found = list(pieces(a, 0, min(stop, int(min(a.steps, stop)))))
    assert [piece.start for piece in found] == cuts[:-1]
    for piece in found:
        inside = values[piece.start : piece.stop]
        if piece.direction is not None:
            assert inside == sorted(inside, reverse=piece.direction < 0)


def asks_difference(a, stop, values):
    other = Linear(1.0, 0.0, 30)
    gaps = [abs(value - other(step)) for step, value in enumerate(values)]
    found = difference(a, other, 0, stop)
    assert (found.gap, found.step) == (max(gaps), gaps.index(max(gaps)))
    assert (found.a, found.b) == (values[found.step], other(found.step))


def asks_describe(a, stop, values):
    rows = describe(a).rows
    assert [rows[0].first_step, *(row.last_step + 1 for row in rows)] == [
        *(row.first_step for row in rows),
        a.steps,
    ]
    for row in rows:
        if row.last_step < stop:
            assert (row.first_value, row.last_value) == (values[row.first_step], values[row.last_step])


def asks_check(a, stop, values):
    found = {finding.code: finding.step for finding in check(a, stop, select=["run-ends-early"])}
    negative = next((step for step in range(stop) if values[step] < 0), None)
    assert found.get("negative-value") == negative
    assert ("zero-first-update" in found) == (values[0] == 0)
    assert ("run-ends-late" in found) == (a.steps < stop)
    assert ("run-ends-early" in found) == (stop < a.steps < math.inf)


QUESTIONS = [
    asks_bounds,
    asks_mean,
    asks_first_steps,
    asks_breakpoints,
    asks_difference,
    asks_describe,
    asks_check,
]


@pytest.mark.parametrize("stop", [13, 60])
@pytest.mark.parametrize("asks", QUESTIONS, ids=lambda asks: asks.__name__)
@pytest.mark.parametrize("a", NODES, ids=repr)
def test_every_node_meets_every_question(a, asks, stop):
    asks(a, stop, [a(step) for step in range(stop)])


def test_no_node_is_left_out():
    classes = {getattr(tlama_core, name) for name in tlama_core.__all__}
    nodes = {cls for cls in classes if isinstance(cls, type) and issubclass(cls, Schedule)}
    assert {type(a) for a in NODES} == {cls for cls in nodes if not inspect.isabstract(cls)}


@pytest.mark.parametrize("ask", [bounds, mean, breakpoints, describe, check, lambda a: difference(a, a)])
def test_a_question_about_shapes_compiles_none(ask):
    """A question asks single values, here and there: they are not the calls of a run."""
    a = Piecewise.of(shape for k in range(50) for shape in (Constant(k / 50, 5), Warmup(k / 50, 5)))
    ask(a)
    assert not any(hasattr(phase, "_calls") for phase in (a, *a.phases))


def test_a_node_that_stands_in_a_tree_many_times_is_asked_once():
    """There are 2**18 ways to its only shape: one by one, they would take hours."""
    a = Cosine(1.0, 0.1, steps=1_000)
    for _ in range(18):
        a = (a + 0.5) * a * 0.3
    values = list(a)
    assert bounds(a, 0, 1_000).low == min(values)
    assert bounds(a, 0, 1_000).high == max(values)
    assert mean(a) == pytest.approx(math.fsum(values) / 1_000)
    assert breakpoints(a) == ()
    assert describe(a).rows[0].last_value == values[-1]
    assert difference(a, 0.0 * a, 0, 1_000).gap == max(values)


# --- examples, and what brute force cannot reach


def test_shapes_of_any_length_answer_at_once():
    long = Warmup(3e-4, steps=10**12) >> Cosine.to(3e-5, steps=10**300 - 10**12)
    assert (bounds(long).high, bounds(long).high_step) == (3e-4, 10**12 - 1)
    assert bounds(long, 10**12).low == 3e-5
    half = first_step_below(long, 1e-4, start=10**12)
    assert long(half) < 1e-4 <= long(half - 10**285)
    assert first_step_above(1e-4 * Linear(0.0, 1.0, steps=10**12).clamp(0.2, 0.5), 3e-5) == 300_000_000_001
    assert mean(Constant(0.1, steps=10**300)) == 0.1
    apart = difference(long, Constant(1e-4), 0, 10**12)
    assert (apart.gap, apart.step, apart.a) == (abs(3e-4 - 1e-4), 10**12 - 1, 3e-4)


def test_a_question_that_would_not_end_is_refused():
    endless = Function(math.cos)
    for ask in (
        lambda: bounds(Warmup(1.0, 10**12) * Linear(1, 0, 10**12)),
        lambda: mean(Linear(1.0, 0.0, steps=10**9 + 1)),
        lambda: first_step_below(endless, -2.0),
        lambda: check(endless * Linear(1, 0, 10**12), steps=10**12),
    ):
        with pytest.raises(ValueError, match="evaluate one by one must be at most 1,000,000,000"):
            ask()
    assert first_step_below(Warmup(1.0, 5) >> endless, 0.5) == 0
    assert first_step_below(Cosine(1.0, 0.0, steps=3).repeat(), 0.5, stop=10**6) == 2
    assert first_step_above(Cosine(1.0, 0.0, steps=3).repeat(), 2.0) is None


@pytest.mark.parametrize("ask", [bounds, mean, lambda a: difference(a, a), lambda a: difference(a, PRETRAIN)])
def test_an_endless_schedule_needs_a_stop(ask):
    with pytest.raises(ValueError, match=r"\.stop must be given for an endless schedule, got .*PowerLaw"):
        ask(Warmup(1.0, steps=10) >> PowerLaw(1.0, timescale=10))


@pytest.mark.parametrize(
    ("ask", "error", "words"),
    [
        (lambda: bounds(3), TypeError, "bounds.schedule must be a schedule, got 3"),
        (lambda: describe(5), TypeError, "describe.schedule must be a schedule, got 5"),
        (lambda: breakpoints(Linear.to(0, 5)), OpenScheduleError, "has no start"),
        (lambda: first_step_below(None, 1.0), TypeError, "first_step_below.schedule must be a schedule"),
        (lambda: difference(0.1, PRETRAIN), TypeError, "difference.a must be a schedule, got 0.1"),
        (lambda: mean(math.cos), TypeError, "mean.schedule must be a schedule"),
        (lambda: check(Linear.to(0, 5)), OpenScheduleError, "has no start"),
        (lambda: describe("x"), TypeError, "describe.schedule must be a schedule"),
        (lambda: difference(PRETRAIN, 1.0), TypeError, "difference.b must be a schedule"),
        (lambda: bounds(PRETRAIN, -1), ValueError, "bounds.start must be a whole number >= 0, got -1"),
        (lambda: mean(PRETRAIN, 5, 5), ValueError, "mean.stop must be a whole number >= 6, got 5"),
        (lambda: bounds(PRETRAIN, stop=2.5), ValueError, "bounds.stop must be a whole number >= 1"),
        (lambda: first_step_below(PRETRAIN, math.nan), ValueError, "first_step_below.value must be a finite"),
        (lambda: first_step_above(PRETRAIN, "1"), TypeError, "first_step_above.value must be a finite"),
        (lambda: check(PRETRAIN, 0), ValueError, "check.steps must be a whole number >= 1, got 0"),
        (lambda: breakpoints(PRETRAIN, -1), ValueError, "breakpoints.stop must be a whole number >= 0"),
        (lambda: breakpoints(Cosine(1, 0, 5).repeat()), ValueError, "breakpoints.stop must be such that"),
    ],
)
def test_questions_refuse(ask, error, words):
    with pytest.raises(error, match=words):
        ask()


def test_values_past_every_float_are_told():
    """Infinity and NaN arise by composition, and are neither lost nor a warning."""
    nothing = HUGE - HUGE
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (bounds(HUGE).high, bounds(HUGE).high_step) == (math.inf, 1)
        assert bounds(nothing).low_step == bounds(nothing).high_step == 1
        assert math.isnan(bounds(nothing).low)
        assert math.isnan(bounds(nothing).high)
        assert math.isnan(mean(HUGE))
        assert math.isnan(mean((HUGE - HUGE) + 1.0, 0, 10**300))
        assert math.isnan(mean(Constant(1.0, 4) * (HUGE - 2.0 * HUGE)))
        assert first_step_above(HUGE, 1e308) == 1
        assert first_step_below(-1.0 * HUGE, -1.0) == 1
        assert math.isnan(difference(HUGE, HUGE).gap)
    assert mean(Constant(1.7e308, 3) >> Linear(1.7e308, 1.6e308, 3)) == pytest.approx(1.6833333e308)


def test_updates_past_what_an_array_counts_are_called():
    for begin in (2**62, 2**63, 10**40):
        late = Constant(1.0, steps=begin) >> Linear(1.0, 0.0, 40) * Linear(0.0, 1.0, 40)
        found = bounds(late, begin, begin + 40)
        assert (found.high, found.high_step) == (0.25, begin + 20)


def test_breakpoints_are_found_below_operators():
    short = Warmup(1.0, 10) >> Cosine(1.0, 0.0, 20)
    for a, wanted in [
        (0.5 * short, (10,)),
        (short.clamp(low=0.1), (10,)),
        (short + Step(1.0, {5: 0.5}, steps=40), (5, 10, 30)),
        (Constant(1.0, 5) >> Step(1.0, {5: 0.5}, steps=10), (5, 10)),
        (Cosine(1.0, 0.0, 10).repeat(4), (10, 20, 30)),
        (Cosine(1.0, 0.0, 5).repeat(3, growth=2), (5, 15)),
        ((0.5 * short)[5:20], (5,)),
        (Step(1.0, {3: 0.5, 7: 0.1}, 10)[2:8].stretch(steps=12), (2, 10)),
        (Step(1.0, {1: 0.5, 2: 0.1}, 1000).stretch(steps=500), (1,)),
        (Linear(1.0, 0.0, 30), ()),
        (Constant(1.0, 0) >> Constant(1.0), ()),
        (Warmup(1.0, 4_000) >> PowerLaw(1.0, timescale=4_000), (4_000,)),
    ]:
        assert breakpoints(a) == wanted, a
