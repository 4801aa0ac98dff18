"""Very many cycles: known from the first and the last of them, as if every update had been looked at."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tlama_core import (
    Constant,
    Cosine,
    Linear,
    Piecewise,
    PowerLaw,
    Repeated,
    Step,
    Sum,
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
)
from tlama_core.algebra import nodes
from tlama_core.analysis import joints, pieces, totals
from tlama_core.testing.laws import magnitude
from tlama_core.testing.strategies import schedules

GAINS = st.sampled_from([1.0, 1.0, -1.0, 0.5, -0.5, 0.999, -0.9, 1.1, -1.01, 0.0, 1e-80])


@st.composite
def cycles(draw, trees):
    """Draw a repetition, and things done to it that leave it one."""
    a = draw(trees)
    assume(0 < a.steps < 200)
    base = draw(st.sampled_from([0.0, 0.0, 0.3, -1.5]))
    a = a.repeat(draw(st.none() | st.integers(2, 60)), gain=draw(GAINS), base=base)
    for _ in range(draw(st.integers(0, 3))):
        kind = draw(st.integers(0, 6))
        if kind == 0:
            a = draw(st.floats(-2, 2)) * a
        elif kind == 1:
            a = a[draw(st.integers(0, int(min(a.steps, 400)) // 2)) :]
        elif kind == 2 and 0 < a.steps < math.inf:
            a = a.stretch(steps=draw(st.integers(1, 2 * int(a.steps))))
        elif kind == 3:
            a = Warmup(1.0, draw(st.integers(0, 9))) >> a
        elif kind == 4:
            a = a + draw(st.floats(-2, 2))
        elif kind == 5:
            a = maximum(a, draw(st.floats(-2, 2)))
        else:
            a = a + draw(st.sampled_from([1.0, -1.0, 0.5])) * a
    return a


@pytest.fixture(autouse=True, scope="module")
def few_pieces():
    """Let a handful of pieces be too many to be listed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(joints, "MAX_PIECES", 3)
        yield


@settings(max_examples=150)
@given(cycles(schedules(2, endless=False, functions=False)), st.data())
def test_cycles_that_are_not_listed_answer_as_if_they_were(a, data):
    start = data.draw(st.integers(0, 300))
    stop = start + data.draw(st.integers(1, 700))
    values = [a(step) for step in range(start, stop)]
    assume(all(map(math.isfinite, values)))
    found = bounds(a, start, stop)
    assert (found.low, found.low_step - start) == (min(values), values.index(min(values)))
    assert (found.high, found.high_step - start) == (max(values), values.index(max(values)))
    value = data.draw(st.sampled_from(values) | st.floats(-2, 2))
    below = [step for step, used in enumerate(values, start) if used < value]
    above = [step for step, used in enumerate(values, start) if used > value]
    assert first_step_below(a, value, start, stop) == (below[0] if below else None)
    assert first_step_above(a, value, start, stop) == (above[0] if above else None)


@settings(max_examples=150)
@given(cycles(schedules(2, endless=False, functions=False)), st.integers(1, 2_000))
def test_the_mean_of_cycles_is_that_of_all_values(a, stop):
    """Of calls or of elements of an array; what is next to 0 above a base is as exact as the base."""
    with np.errstate(all="ignore"):
        elements = a(np.arange(stop)).tolist()
    each = [sorted(pair) for pair in zip(elements, map(a, range(stop)), strict=True)]
    assume(all(math.isfinite(value) for pair in each for value in pair))
    low, high = (sum(map(Fraction, values)) / stop for values in zip(*each, strict=True))
    size = sum(max(-first, last) for first, last in each) / stop
    if any(isinstance(node, Repeated) and node.base for node in nodes(a)):
        size = max(size, magnitude(a))
    slack = Fraction(min(4e-16 * size + 1e-320, 1e308))
    assert low - slack <= Fraction(mean(a, 0, stop)) <= high + slack


MANY = 10**6
LONG = {
    "equal": Cosine(1.0, 0.0, 1_000).repeat(MANY),
    "shrinking": Cosine(1.0, 0.1, 1_000).repeat(MANY, gain=0.9999),
    "alternating": Cosine(1.0, 0.1, 1_000).repeat(MANY, gain=-0.9999),
    "of several phases": (Warmup(1.0, 100) >> Cosine.to(0.1, 900)).repeat(MANY, gain=0.99),
    "after a warmup": Warmup(1.0, 2_000) >> Linear(1.0, 0.0, 700).repeat(MANY),
    "clamped": Linear(1.0, 0.0, 700).repeat(MANY, gain=0.9999).clamp(low=0.05),
    "raised": Linear(1.0, 0.0, 700).repeat(MANY, gain=0.9999) + 0.05,
    "cut": (0.5 * Cosine(1.0, 0.1, 1_000).repeat(MANY, gain=0.9999))[1_234:],
    "of half updates": Linear(1.0, 0.0, 7).repeat(MANY).stretch(steps=3_500_000),
    "added": Linear(1.0, 0.0, 600).repeat(MANY) + Linear(0.0, 1.0, 400).repeat(MANY),
}


@pytest.mark.parametrize("name", LONG)
def test_a_million_cycles_answer_at_once(name):
    """It would take half a minute, were every update of a billion evaluated."""
    a = LONG[name]
    end = int(a.steps)
    found = bounds(a, 0, end)
    check(a, end)
    apart = None if name == "clamped" else difference(a, 0.5 * a)  # of two clamped ones, nothing is known
    steps = np.unique(np.concatenate([np.arange(20_000), end - 1 - np.arange(20_000)]))
    values = a(steps)
    assert found.low == pytest.approx(values.min(), rel=1e-12, abs=1e-300)
    assert found.high == pytest.approx(values.max(), rel=1e-12)
    assert (a(found.low_step), a(found.high_step)) == (found.low, found.high)
    assert apart is None or apart.gap == pytest.approx(abs(values).max() / 2)


@pytest.mark.parametrize(
    "name", ["equal", "shrinking", "alternating", "of several phases", "cut", "of half updates"]
)
def test_the_mean_of_a_million_cycles_comes_at_once(name):
    a = LONG[name]
    found = mean(a)
    if name == "equal":
        assert found == pytest.approx(mean(a, 0, 1_000), rel=1e-15)
    short = 50_000  # the first cycles, update by update
    assert mean(a, 0, short) == pytest.approx(math.fsum(a.sample(short)) / short, rel=1e-14)


def test_the_mean_of_shrinking_cycles_is_a_geometric_sum():
    gain = 0.9999
    a = Linear(1.0, 0.5, 100).repeat(10**5, gain=gain)
    powers = math.fsum(gain**k for k in range(10**5))
    assert mean(a) == pytest.approx(mean(a, 0, 100) * powers / 10**5, rel=4e-16)


def test_endless_cycles_are_searched_without_a_stop():
    staircase = Step.every(1.0, 0.5, 30)
    assert first_step_below(staircase, 1e-3) == 300
    assert first_step_below(Cosine(1.0, 0.1, 50).repeat(gain=0.999), 1e-100) is not None
    assert first_step_above(Linear(0.0, 1.0, 3).repeat(), 2.0) is None
    swings = Linear(1.0, 0.5, 10).repeat(gain=-0.99)
    assert first_step_below(swings, -0.9) == 10


def test_cycles_beside_what_changes_are_evaluated():
    """Nothing is known of a product of cycles and a slope; short ones are looked at."""
    a = Linear(1.0, 0.0, 7).repeat(100) * PowerLaw(1.0, timescale=50)
    values = list(a.sample(700))
    assert bounds(a, 0, 700).low == min(values)
    b = Linear(1.0, 0.0, 7).repeat(90, gain=0.9) * Linear(1.0, 0.5, 7).repeat(90, gain=0.9)
    assert bounds(b, 0, 630).high == max(b.sample(630))
    c = Linear(1.0, 0.0, 7).repeat(90, gain=0.9) + Linear(1.0, 0.5, 11).repeat(90, gain=0.9)
    assert bounds(c, 0, 630).high == max(c.sample(630))


# --- the cost of many terms and many pieces


@pytest.fixture
def listed(monkeypatch):
    """List as many pieces as a user's question does."""
    monkeypatch.setattr(joints, "MAX_PIECES", 100_000)


@pytest.mark.usefixtures("listed")
def test_a_sum_of_a_thousand_terms_is_asked():
    """Terms of different lengths have a joint each; each joint is one of one term."""
    falling = Sum(tuple(Linear(1.0, 0.1, 1_000 + k) for k in range(1_000)))
    assert (bounds(falling).high, bounds(falling).high_step) == (1_000.0, 0)
    assert difference(falling, 0.5 * falling).gap == 500.0
    assert "jump" not in {finding.code for finding in check(falling)}
    warm = Sum(tuple(Warmup(1.0, 10 + k) >> Cosine.to(0.1, 1_000 + 7 * k) for k in range(300)))
    assert bounds(warm).low == min(warm.sample(4_000))


@pytest.mark.usefixtures("listed")
def test_a_joint_is_one_of_the_terms_that_change_there(monkeypatch):
    """The terms that go on are not asked again at every joint."""
    asked = []
    value_at = joints.value_at
    monkeypatch.setattr(joints, "value_at", lambda *of: asked.append(of) or value_at(*of))
    terms = 200
    total = Sum(tuple(Linear(1.0, 0.1, 1_000 + k) for k in range(terms)))
    assert len(list(pieces(total, 0, 2_000))) == terms + 1
    assert len(asked) <= 4 * terms


@pytest.mark.usefixtures("listed")
def test_listed_cycles_and_long_chains_are_asked():
    a, b = Cosine(1.0, 0.0, 1_000).repeat(30_000), Cosine(1.0, 0.0, 1_300).repeat(30_000)
    assert bounds(a + b).high == 2.0
    assert len(breakpoints(a)) == 29_999
    chain = Piecewise.of(Linear(1.0, k % 7 / 8, 5) for k in range(20_000))
    assert bounds(chain + chain[100:]).high == 2.0


def test_values_that_no_float_holds_are_told():
    """0 times what overflows on the way is NaN from there on, and no number before it."""
    a = 0.0 * (1e308 * Linear(1.0, 100.0, 10))
    assert bounds(a, 0, 1).low == 0.0
    assert math.isnan(bounds(a, 0, 10).low)
    assert bounds(a, 0, 10).low_step == next(k for k in range(10) if math.isnan(a(k)))
    assert math.isnan(mean(a))
    assert mean(a, 0, 1) == 0.0
    assert math.isnan(difference(a, Constant(1.0), 0, 10).gap)
    top = 1.7976931348623157e308
    assert mean(Constant(top, 7)) == mean(Linear(top, top, 7)) == top
    assert mean(Constant(top, 3) >> Linear(-top, -top, 3)) == 0.0
    assert mean(Linear(top, top, 10**5)) == top
    assert mean(Constant(5e-324, 3)) == 5e-324
    assert math.isnan(mean(1e300 * Constant(1e300, 5)))


def test_what_overflows_between_pieces_that_do_not_is_evaluated():
    """Of a batch of pieces that go one way, only those with infinite ends are looked at one by one."""
    huge = 1e300 * Linear(1.0, 1e10, 4)
    a = Linear(0.0, 1.0, 500) >> huge >> Linear(1.0, 0.5, 500)
    found = bounds(a)
    assert (found.high, found.high_step) == (math.inf, 501)
    assert found.low == 0.0
    assert first_step_above(a, 1e300) == 501


# --- cycles above a base, and cycles that grow for ever


def test_endless_growth_is_asked_past_the_largest_float():
    a = Step.every(1e-3, 1.05, 1)
    first = next(k for k in range(14_000, 15_000) if a(k) == math.inf)
    found = bounds(a, 0, 10**6)
    assert (found.low, found.low_step, found.high, found.high_step) == (1e-3, 0, math.inf, first)
    assert first_step_above(a, 0.01) == next(k for k in range(100) if a(k) > 0.01)
    assert first_step_below(a, 1e-3) is None
    assert math.isnan(mean(a, 0, 10**6))
    assert mean(a, 0, 1_000) == pytest.approx(a.sample(1_000).mean(), rel=1e-14)
    assert not check(a, 100, quantity="loss weight")
    (finding,) = check(a, 10**9, quantity="loss weight")
    assert (finding.code, finding.step) == ("non-finite-value", first)
    assert describe(a).rows[-1].then == "never ends"


def test_swings_above_a_base_are_infinite_on_both_sides():
    a = Linear(0.5, 1.0, 10).repeat(gain=-1.5, base=0.5)
    values = a.sample(40_000).tolist()
    found = bounds(a, 0, 40_000)
    assert (found.low, found.low_step) == (-math.inf, values.index(-math.inf))
    assert (found.high, found.high_step) == (math.inf, values.index(math.inf))
    assert first_step_above(a, 1e10) == next(k for k, value in enumerate(values) if value > 1e10)
    assert breakpoints(a[20 * 10**6 :], stop=20) == (10,)


def test_one_sign_of_the_last_cycles_may_be_infinite_alone():
    """The base brings one of two swings of nearly one height past the largest float."""
    a = Constant(1.0, 1).repeat(gain=-1.0001, base=9e307)
    stop = next(k for k in range(10**5) if math.isinf(a(k))) + 2
    assert math.isfinite(a(stop - 1))
    assert math.isnan(mean(a, 0, stop))


def test_the_base_of_many_cycles_is_known():
    a = Cosine(1.0, 0.1, 1_000).repeat(gain=0.5, base=0.1)
    assert bounds(a, 0, 10**12).high == 1.0
    assert difference(a, Constant(0.1), 0, 10**9).gap == 0.9
    assert first_step_above(a[1_000:], 0.5) == 0
    heights = (a.sample(10**5) - 0.1).sum()
    assert mean(a, 0, 10**12) == pytest.approx(0.1 + heights / 10**12, rel=1e-15)


@pytest.mark.parametrize("gain", [0.9999, -0.99, -1.0, 1.1, -1.01, 1.0])
@pytest.mark.parametrize("factor", [1.0, -3.0])
def test_the_mean_of_heights_above_a_base_is_a_geometric_sum(monkeypatch, gain, factor):
    a = factor * Linear(1.0, 0.5, 10).repeat(gain=gain, base=0.3)
    exact = sum(map(Fraction, map(a, range(5_003)))) / 5_003
    monkeypatch.setattr(totals, "SOON", 0)
    assert mean(a, 0, 5_003) == pytest.approx(float(exact), rel=1e-14)


def test_a_base_that_no_float_holds_is_not_known():
    a = 10.0 * Constant(0.0, 10).repeat(gain=0.5, base=1e308)
    assert math.isnan(mean(a, 0, 10**5))
    assert mean(a, 0, 10) == 0.0
    b = 2.0 * maximum(Linear(1.0, 0.5, 10).repeat(gain=0.9), 0.7)
    assert mean(b, 0, 1_000) == pytest.approx(b.sample(1_000).mean())
