"""The leaves: their formulas, their ends, what they refuse."""

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
    Constant,
    Cosine,
    Exponential,
    Function,
    Linear,
    Polynomial,
    PowerLaw,
    Sqrt,
    Step,
    Warmup,
    through,
)
from tlama_core.testing import laws
from tlama_core.testing.strategies import shapes

ANY = st.floats(allow_nan=False, allow_infinity=False)
SHAPES = [
    Linear,
    Cosine,
    Sqrt,
    partial(Polynomial, power=0.3),
    partial(Polynomial, power=1),
    partial(Polynomial, power=7.5),
    partial(Exponential, rate=1e-12),
    partial(Exponential, rate=3),
    partial(Exponential, rate=800),
]
names = pytest.mark.parametrize("shape", SHAPES, ids=str)


# --- ends and range, for any magnitudes ----------------------------------------------------------


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
def test_a_constant_ratio_keeps_its_ends_and_range(start, end, steps, fractions):
    a = Exponential(start, end, steps)
    laws.a_shape_hits_its_ends(a)
    laws.a_shape_stays_between_its_ends(a, fractions)


@given(shapes(POSITIVE), st.integers(1, 10**6))
def test_shapes_of_any_magnitude_never_turn_back(a, steps):
    laws.a_shape_never_turns_back(a.stretch(steps=steps) if a.steps else a)


@given(st.floats(-1e300, 1e300), st.integers(0, 10**7))
def test_a_warmup_climbs_to_its_peak_and_is_never_past_it(peak, steps):
    a = Warmup(peak, steps)
    laws.a_shape_never_turns_back(a)
    values = [a(t) for t in laws.steps_of(a)]
    assert max(map(abs, values)) == abs(peak)
    assert a(max(steps - 1, 0)) == a(steps) == a(steps + 1) == peak
    if peak:
        assert a(0) != 0.0 or abs(peak) < 1e-300


# --- formulas, against exact or independent arithmetic -------------------------------------------


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
        Polynomial: lambda: 1 - (1 - p) ** a.power,
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


def test_tiny_rates_are_the_straight_line():
    assert Exponential(1.0, 0.0, 10, rate=5e-324)(5) == 0.5
    assert Exponential(0.0, 1.0, 10, rate=1e-300)(5) == 0.5


def test_power_laws():
    assert PowerLaw(1.0, timescale=100)(300) == 0.5
    assert PowerLaw(1.0, timescale=100, exponent=-1)(300) == 0.25
    assert PowerLaw(1.0, 300, timescale=100)(10**6) == 0.5
    assert PowerLaw(1.0, timescale=1e-300)(10**400) == 0.0
    assert PowerLaw(1.0, 8, timescale=1, exponent=0.5)(8) == 3.0


def test_a_staircase_drops_at_its_times():
    a = Step(2.0, {60: 0.01, 30: 0.1}, 90)
    assert [a(t) for t in (0, 29, 29.9, 30, 59, 60, 90, 10**6)] == [2, 2, 2, 0.2, 0.2, 0.02, 0.02, 0.02]
    assert a(np.array([30, 29, 60])).tolist() == [0.2, 2.0, 0.02]
    assert a == Step(2.0, [(30, 0.1), (60, 0.01)], 90) == Step(2.0, iter(a.drops), 90)
    assert Step.every(1.0, gamma=0.5, interval=30) == Constant(1.0, 30).repeat(gain=0.5)


def test_the_tables_of_the_caller_are_copied():
    drops = {30: 0.1}
    a = Step(1.0, drops)
    drops[30] = 9.0
    assert a(30) == 0.1


def test_a_function_joins_the_algebra():
    table = [0.1, 0.2, 0.4]
    a = Function(table.__getitem__, steps=3)
    assert [a(0), a(2), a(3), a(10**6)] == [0.1, 0.4, 0.4, 0.4]
    assert a(np.array([[2, 0], [1, 9]])).tolist() == [[0.4, 0.1], [0.2, 0.4]]
    assert list(Constant(1.0, 2) >> a) == [1.0, 1.0, 0.1, 0.2, 0.4]
    assert (a * 2)[1:](1) == 0.8
    assert Function(math.sqrt)(2.25) == 1.5
    assert Function(math.sqrt) == Function(math.sqrt) != Function(math.cos)


@pytest.mark.parametrize("returned", [math.nan, math.inf, True, "1", None, 1j, [1.0]])
def test_what_a_function_returns_is_checked(returned):
    a = Function(lambda t: returned, 5)
    for step in (3, np.arange(3)):
        with pytest.raises((ValueError, TypeError), match="returns at step . must be a finite number"):
            a(step)


def test_points_are_joined():
    points = {5_000: 0.0, 0: 1.0, 1_000: 0.3}
    assert through(points) == Linear(1.0, 0.3, 1_000) >> Linear(0.3, 0.0, 4_000)
    assert through(list(points.items()), shape=Cosine) == Cosine(1, 0.3, 1_000) >> Cosine(0.3, 0, 4_000)
    assert through([(0, 1), (5, 2)], partial(Polynomial, power=2)) == Polynomial(1, 2, 5, power=2)


# --- what is refused -----------------------------------------------------------------------------

NOT_NUMBERS = [
    True,
    "1",
    None,
    1j,
    [1.0],
    np.array(1.0),
    np.bool_(True),
    math.nan,
    math.inf,
    -math.inf,
    10**400,
]
NOT_LENGTHS = [True, "1", None, 1j, 2.0, 2.5, math.nan, math.inf, -1, np.float64(3), np.array(3), 10**301]


@pytest.mark.parametrize("wrong", NOT_NUMBERS, ids=repr)
@pytest.mark.parametrize(
    ("build", "name"),
    [
        (lambda x: Constant(x), "Constant.value"),
        (lambda x: Warmup(x, 5), "Warmup.peak"),
        (lambda x: Linear(x, 0, 5), "Linear.start"),
        (lambda x: Cosine(0, x, 5), "Cosine.end"),
        (lambda x: Sqrt(x, 1, 5), "Sqrt.start"),
        (lambda x: Polynomial(1, 0, 5, power=x), "Polynomial.power"),
        (lambda x: Exponential(1, x, 5), "Exponential.end"),
        (lambda x: PowerLaw(1, timescale=x), "PowerLaw.timescale"),
        (lambda x: PowerLaw(1, timescale=1, exponent=x), "PowerLaw.exponent"),
        (lambda x: Step(x, {}), "Step.start"),
        (lambda x: Step(1, {3: x}), "the factor at 3 in Step.drops"),
        (lambda x: through({0: 1.0, 5: x}), "Linear.end"),
    ],
)
def test_no_shape_takes_what_is_no_number(build, name, wrong):
    with pytest.raises((TypeError, ValueError), match=f"^{name} must be a finite number.*, got ") as raised:
        build(wrong)
    assert type(raised.value) is (
        ValueError if isinstance(wrong, (int, float)) and wrong is not True else TypeError
    )


@pytest.mark.parametrize("wrong", NOT_LENGTHS, ids=lambda x: repr(x)[:20])
@pytest.mark.parametrize(
    ("build", "name"),
    [
        (lambda n: Warmup(1, n), "Warmup.steps"),
        (lambda n: Linear(1, 0, n), "Linear.steps"),
        (lambda n: Polynomial(1, 0, n, power=1), "Polynomial.steps"),
        (lambda n: Exponential(1, 0.5, n), "Exponential.steps"),
        (lambda n: Step.every(1, 0.5, n), "Step.every.interval"),
        (lambda n: Step(1, {n: 0.5}), "a time in Step.drops"),
        (lambda n: through([(0, 1), (n, 0.5)]), "a time in through.points"),
    ],
)
def test_no_shape_takes_what_is_no_length(build, name, wrong):
    if isinstance(wrong, np.ndarray) and "drops" in name:
        return  # an array is no key of a mapping
    with pytest.raises((TypeError, ValueError), match=f"^{name} must be a whole number >= .*, got "):
        build(wrong)


@pytest.mark.parametrize("shape", [Constant, partial(PowerLaw, timescale=1), partial(Step, drops={})])
@pytest.mark.parametrize("wrong", [-1, 2.0, math.nan, -math.inf, True, "inf", None])
def test_an_endless_shape_takes_a_length_or_infinity(shape, wrong):
    assert shape(1.0, steps=math.inf).steps == math.inf
    assert shape(1.0, steps=np.int64(5)).steps == 5
    with pytest.raises((TypeError, ValueError), match=r"steps must be a whole number >= 0 or math.inf"):
        shape(1.0, steps=wrong)


@pytest.mark.parametrize(
    ("mistake", "error", "words"),
    [
        (
            lambda: Cosine(10_000, 1e-3, 1e-5),
            ValueError,
            r"Cosine.steps .* round\(...\) makes one.*, got 1e-05",
        ),
        (
            lambda: Polynomial(1, 0, 5, power=0),
            ValueError,
            "Polynomial.power must be a finite number > 0, got 0",
        ),
        (lambda: Polynomial(1, 0, 5, 2), TypeError, "positional"),
        (lambda: Polynomial(1, 0, 5), TypeError, r"^Polynomial.__init__\(\) missing .* 'power'"),
        (lambda: Polynomial.to(0, 5), TypeError, r"^Polynomial.__init__\(\) missing .* 'power'"),
        (lambda: Cosine(1, 0), TypeError, r"^Cosine.__init__\(\) missing .* 'steps'"),
        (
            lambda: Exponential(1, 0, 5),
            ValueError,
            "Exponential.end must be > 0 where no rate is given, got 0.0",
        ),
        (lambda: Exponential(-1, 1, 5), ValueError, "Exponential.start must be > 0 where no rate is given"),
        (lambda: Exponential(1, 0, 5, rate=-1), ValueError, "Exponential.rate must be a finite number > 0"),
        (
            lambda: PowerLaw(1, timescale=0),
            ValueError,
            "PowerLaw.timescale must be a finite number > 0, got 0",
        ),
        (lambda: PowerLaw(1, timescale=1, exponent=2), ValueError, "PowerLaw.exponent must be such that"),
        (lambda: PowerLaw(1e308, 9, timescale=1, exponent=0.5), ValueError, "PowerLaw.exponent must be such"),
        (
            lambda: Step(1, {0: 0.5}),
            ValueError,
            "a time in Step.drops must be above 0 and below the length inf",
        ),
        (
            lambda: Step(1, {9: 0.5}, 9),
            ValueError,
            "a time in Step.drops must be above 0 and below the length 9",
        ),
        (lambda: Step(1, [(3, 0.5), (3, 0.1)]), ValueError, "Step.drops must be given each time once"),
        (
            lambda: Step(1e200, {5: 1e200}),
            ValueError,
            "the factor at 5 in Step.drops must be such that its value",
        ),
        (lambda: through({0: 1, 5: 2}, shape="x"), TypeError, "through.shape must be called as shape"),
        (lambda: Constant(np.timedelta64(5, "s")), TypeError, "Constant.value must be a finite number, got"),
        (lambda: Constant(1.0, steps=np.array([1, 2])), TypeError, "Constant.steps must be a whole number"),
        (
            lambda: Step(1, [10**5000]),
            TypeError,
            "Step.drops must be a mapping or pairs .* got a list too long",
        ),
        (lambda: Step(1, 5), TypeError, "Step.drops must be a mapping or pairs"),
        (lambda: Step(1, "ab"), TypeError, "Step.drops must be a mapping or pairs"),
        (lambda: Step(1, [3, 4]), TypeError, "Step.drops must be a mapping or pairs"),
        (lambda: Step(1, ["ab"]), TypeError, "Step.drops must be a mapping or pairs"),
        (lambda: Step(1, [(1, 2, 3)]), TypeError, "Step.drops must be a mapping or pairs"),
        (lambda: Step(1, {"30": 0.1}), TypeError, "a time in Step.drops must be a whole number"),
        (lambda: Function(3), TypeError, "Function.fn must be a callable that is no schedule already, got 3"),
        (lambda: Function(Constant(1)), TypeError, "Function.fn must be a callable that is no schedule"),
        (lambda: Function(Linear.to(0, 5)), TypeError, "Function.fn must be a callable that is no schedule"),
        (lambda: Function(math.cos, 0), ValueError, "Function.steps must be a whole number >= 1 or math.inf"),
        (lambda: through({0: 1.0}), ValueError, "through.points must be two points or more"),
        (lambda: through({}), ValueError, "through.points must be two points or more"),
        (
            lambda: through({5: 1.0, 9: 2.0}),
            ValueError,
            "through.points must be two points or more, the first at",
        ),
        (lambda: through(None), TypeError, "through.points must be a mapping or pairs"),
    ],
)
def test_shapes_refuse(mistake, error, words):
    with pytest.raises(error, match=words):
        mistake()


@pytest.mark.parametrize("number", [1, 1.0, np.float32(1), np.int8(1), Fraction(1)])
def test_every_kind_of_number_is_stored_as_a_float(number):
    assert repr(Constant(number)) == "Constant(1.0)"


def test_no_zero_is_negative():
    assert repr(Constant(-0.0)) == "Constant(0.0)"


# --- precision -----------------------------------------------------------------------------------


def test_every_shape_is_within_its_error_bounds():
    """The script that measures a million steps, here over fewer."""
    script = Path(__file__).parent / "benchmarks" / "precision.py"
    run = subprocess.run([sys.executable, script, "3000"], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.count("\n") > 70
