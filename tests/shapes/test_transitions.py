"""Shapes with two ends: their formulas, their ends, their range."""

import math
import subprocess
import sys
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tlama_core import (
    Cosine,
    Exponential,
    Linear,
    Polynomial,
    Rex,
    Sqrt,
)
from tlama_core.testing import laws
from tlama_core.testing.strategies import shapes

ANY = st.floats(allow_nan=False, allow_infinity=False)


SHAPES = [
    Linear,
    Cosine,
    Rex,
    Sqrt,
    partial(Polynomial, power=0.3),
    partial(Polynomial, power=0.3, of="elapsed"),
    partial(Polynomial, power=7.5, of="elapsed"),
    partial(Polynomial, power=1),
    partial(Polynomial, power=7.5),
    partial(Exponential, rate=1e-12),
    partial(Exponential, rate=3),
    partial(Exponential, rate=800),
]


names = pytest.mark.parametrize("shape", SHAPES, ids=str)


@names
@given(start=ANY, end=ANY, steps=st.integers(0, 10**9), fractions=st.lists(st.floats(0, 1), max_size=5))
@example(start=1 + 2**-52, end=2.0**-53, steps=10, fractions=[])  # here start - end + end is not start
@example(start=1e308, end=-1.7e308, steps=10, fractions=[0.5])
@example(start=5e-324, end=-5e-324, steps=3, fractions=[])
@example(start=0.0, end=5e-324, steps=3, fractions=[])
def test_both_ends_are_hit_and_nothing_leaves_the_range(shape, start, end, steps, fractions):
    a = shape(start, end, steps)
    laws.a_shape_hits_its_ends(a)
    laws.a_shape_stays_between_its_ends(a, fractions)


POSITIVE = st.floats(5e-324, 1.7e308)


@given(
    start=POSITIVE, end=POSITIVE, steps=st.integers(0, 10**9), fractions=st.lists(st.floats(0, 1), max_size=5)
)
@example(start=1.7e308, end=5e-324, steps=1_000, fractions=[0.5])
@example(start=5e-324, end=1.7e308, steps=1_000, fractions=[0.5])
@example(start=2.282432723935131e307, end=6.088382114880176e307, steps=1, fractions=[])
def test_a_constant_ratio_keeps_its_ends_and_range(start, end, steps, fractions):
    a = Exponential(start, end, steps)
    laws.a_shape_hits_its_ends(a)
    laws.a_shape_stays_between_its_ends(a, fractions)


@given(shapes(POSITIVE), st.integers(1, 10**6))
def test_shapes_of_any_magnitude_never_turn_back(a, steps):
    laws.a_shape_never_turns_back(a.stretch(steps=steps) if a.steps else a)


@given(st.integers(-100, 100), st.integers(-100, 100), st.integers(1, 200), st.data())
def test_a_line_is_exact_arithmetic(start, end, steps, data):
    t = data.draw(st.integers(0, steps))
    exact = start + Fraction((end - start) * t, steps)
    assert abs(Fraction(Linear(start, end, steps)(t)) - exact) <= Fraction(1, 10**13)


@given(shapes(), st.floats(0, 1))
def test_shapes_follow_the_formula_of_their_docstring(a, fraction):
    if a.steps == 0 or math.isinf(max(abs(a.end), 1.0) / max(abs(a.start), 5e-324)):
        return  # the plain formula has no such ratio
    t = int(fraction * a.steps)
    p = t / a.steps
    gone = {
        Linear: lambda: p,
        Cosine: lambda: (1 - math.cos(math.pi * p)) / 2,
        Sqrt: lambda: math.sqrt(p),
        Rex: lambda: 1 - (1 - p) / (1 - p / 2),
        Polynomial: lambda: p**a.power if getattr(a, "of", "") == "elapsed" else 1 - (1 - p) ** a.power,
        Exponential: lambda: exponential(a, p),
    }[type(a)]()
    wanted = a.start + (a.end - a.start) * gone
    assert math.isclose(a(t), wanted, rel_tol=1e-9, abs_tol=1e-9 * max(abs(a.start), abs(a.end)))


def exponential(a, p):
    if a.rate is None:
        return p if a.start == a.end else ((a.end / a.start) ** p - 1) / (a.end / a.start - 1)
    return p if a.rate < 1e-6 else (math.exp(-a.rate * p) - 1) / (math.exp(-a.rate) - 1)


def test_a_constant_ratio_is_one():
    values = Exponential(1.0, 1e-6, 60).sample(61)
    assert np.allclose(values[1:] / values[:-1], 10**-0.1, rtol=1e-13, atol=0)


@given(st.floats(-8, 8), st.floats(-8, 8), st.integers(1, 5_000), st.floats(0.1, 20), st.floats(0, 1))
def test_a_power_of_the_time_elapsed_is_the_mirror_image_of_one_of_the_time_left(start, end, n, power, share):
    t = int(share * n)
    elapsed = Polynomial(start, end, n, power=power, of="elapsed")
    assert elapsed(t) == Polynomial(end, start, n, power=power)(n - t)


def test_a_power_of_the_time_elapsed_may_be_a_line_a_root_or_a_convex_warmup():
    assert list(Polynomial(0.0, 1.0, 9, power=1, of="elapsed")) == list(Linear(0.0, 1.0, 9))
    assert np.allclose(
        Polynomial(1.0, 0.0, 9, power=0.5, of="elapsed"), Sqrt(1.0, 0.0, 9), rtol=0, atol=1e-15
    )
    warmup = Polynomial(0.0, 1.0, 1_000, power=3, of="elapsed")
    assert math.isclose(warmup(0.1), 1e-12, rel_tol=1e-14)  # between two updates, next to an end of 0


def test_the_default_of_a_polynomial_does_not_print():
    assert repr(Polynomial(1, 0, 5, power=2, of="left")) == "Polynomial(1.0, 0.0, steps=5, power=2.0)"
    assert repr(Polynomial.to(0, 5, power=2, of="elapsed")) == (
        "Polynomial.to(0.0, steps=5, power=2.0, of='elapsed')"
    )


def test_a_reflected_exponential_follows_the_paper():
    """Chen et al. 2021: with the progress z = t / T, the rate is (1 - z) / (1/2 + (1 - z) / 2) of the first."""
    a = Rex(0.1, 0.0, 120)
    for t in range(121):
        z = Fraction(t, 120)
        paper = (1 - z) / (Fraction(1, 2) + Fraction(1, 2) * (1 - z))
        assert math.isclose(a(t), 0.1 * float(paper), rel_tol=1e-15)
    assert [a(k) >= Linear(0.1, 0.0, 120)(k) for k in range(121)] == [True] * 121  # it falls late


def test_tiny_rates_are_the_straight_line():
    assert Exponential(1.0, 0.0, 10, rate=5e-324)(5) == 0.5
    assert Exponential(0.0, 1.0, 10, rate=1e-300)(5) == 0.5


def test_every_shape_is_within_its_error_bounds():
    """The script that measures a million steps, here over fewer."""
    script = Path(__file__).parents[1] / "benchmarks" / "precision.py"
    run = subprocess.run([sys.executable, script, "3000"], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.count("\n") > 70
