"""Without NumPy, as in a browser: the same answers by lists, to a stated number of updates."""

import math
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tlama_core import (
    Cosine,
    Function,
    Linear,
    PowerLaw,
    Warmup,
    bounds,
    breakpoints,
    check,
    describe,
    difference,
    first_step_above,
    first_step_below,
    mean,
)
from tlama_core._evaluation import series
from tlama_core.testing.strategies import schedules


@pytest.fixture
def without_numpy(monkeypatch):
    """Hide NumPy from every import to come."""
    monkeypatch.setitem(sys.modules, "numpy", None)


def answers(a, b, stop, value):
    return {
        "bounds": bounds(a, 0, stop),
        "mean": mean(a, 0, stop),
        "below": first_step_below(a, value, 0, stop),
        "above": first_step_above(a, value, 0, stop),
        "breakpoints": breakpoints(a, min(stop, 300)),
        "describe": repr(describe(a)),
        "difference": difference(a, b, 0, stop),
        "check": check(a, stop),
    }


@settings(max_examples=100)
@given(schedules(4), schedules(2), st.integers(1, 700), st.floats(-8, 8))
def test_questions_are_answered_alike_with_and_without_numpy(a, b, stop, value):
    wanted = answers(a, b, stop, value)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "numpy", None)
        assert series.numpy_or_none() is None
        got = answers(a, b, stop, value)
    means = wanted.pop("mean"), got.pop("mean")
    assert got == wanted
    # Where an array is added, its last digit may differ from a call's.
    scale = max(map(abs, (a(step) for step in range(stop))))
    assert abs(means[0] - means[1]) <= 4e-16 * scale or all(map(math.isnan, means))


PRODUCT = Warmup(1.0, 3_000_000) * Cosine(1.0, 0.0, 3_000_000)


def test_with_numpy_as_many_updates_are_evaluated():
    found = bounds(PRODUCT)
    assert found.high == pytest.approx(PRODUCT.sample(3_000_000).max(), rel=1e-15)
    assert PRODUCT(found.high_step) == found.high


@pytest.mark.usefixtures("without_numpy")
@pytest.mark.parametrize(
    "ask",
    [
        bounds,
        mean,
        lambda a: check(a, 3_000_000),
        lambda a: first_step_below(a, -1.0),
        lambda a: first_step_above(a, 2.0),
        lambda a: difference(a, 0.5 * a),
    ],
)
def test_more_updates_than_lists_can_serve_are_refused_with_a_sentence(ask):
    with pytest.raises(
        ValueError, match="one by one must be at most 2,000,000 without NumPy .install it, or stop="
    ):
        ask(PRODUCT)


@pytest.mark.usefixtures("without_numpy")
def test_what_shapes_tell_needs_no_array():
    long = Warmup(1.0, 10**9) >> Cosine.to(0.0, 10**12)
    assert (bounds(long).low, bounds(long).high) == (0.0, 1.0)
    assert check(long, int(long.steps)) == ()
    assert first_step_below(PowerLaw(1.0, timescale=100), 1e-6) == 99_999_999_999_901
    cycles = Cosine(1.0, 0.0, 1_000).repeat(10**6)
    assert bounds(cycles).low == 0.0
    assert mean(cycles) == pytest.approx(0.5005)


@pytest.mark.usefixtures("without_numpy")
def test_lists_serve_products_maxima_functions_and_endless_steps():
    product = Warmup(1.0, 50_000) * Linear(1.0, 0.0, 50_000)
    assert bounds(product).high_step == 24_999
    assert mean(product) == pytest.approx(sum(product) / 50_000)
    assert first_step_above(Function(lambda t: t / 1_000), 20.0, 0, 10**5) == 20_001


def test_values_come_as_lists_only_where_numpy_is_not():
    a = Linear(1.0, 0.0, 100)
    assert isinstance(series.series(a, range(100)), series.Arrayed)
    assert isinstance(series.series(a, range(5)), series.Listed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "numpy", None)
        listed = series.series(a, range(100))
        assert isinstance(listed, series.Listed)
        assert (len(listed), listed.numbers()) == (100, list(a))
        assert (listed.spread(), listed.peak()) == ((0.01, 1.0), 1.0)
    assert len(series.series(a, range(100))) == 100


@pytest.mark.usefixtures("without_numpy")
def test_a_sample_is_a_list():
    a = Warmup(1.0, 4) >> Linear.to(0.0, 8)
    assert a.sample(15) == [a(k) for k in range(15)]
    with pytest.raises(ValueError, match="at most 2,000,000"):
        a.sample(2_000_001)


def test_arrays_serve_more_updates_than_lists():
    series.refuse_too_many(series.MAX_LISTED + 1)
    with pytest.raises(ValueError, match="at most 1,000,000,000"):
        series.refuse_too_many(series.MAX_EVALUATED + 1)
