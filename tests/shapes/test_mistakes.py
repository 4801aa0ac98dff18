"""What no shape takes."""

import math
import re
from fractions import Fraction
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlama_core import (
    Constant,
    Cosine,
    Exponential,
    Function,
    Geometric,
    Linear,
    Polynomial,
    PowerLaw,
    Sqrt,
    Step,
    Warmup,
    through,
)

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


NOT_LENGTHS = [True, "1", None, 1j, 2.5, 2.0**53, 1e300, math.nan, math.inf, -1, -1.0, np.bool_(True), np.float64(0.3), np.array(3), np.timedelta64(5, "s"), 10**301]  # fmt: skip


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
        (lambda x: Geometric(x, factor=1), "Geometric.start"),
        (lambda x: Geometric(1, factor=x), "Geometric.factor"),
        (lambda x: Geometric(1, factor=1, interval=x), "Geometric.interval"),
        (lambda x: Step.values({0: x}), "the value at 0 in Step.values.levels"),
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


@given(st.integers(1, 2**53 - 1))
def test_a_float_that_is_a_whole_number_is_a_length(n):
    """Whatever asks for a length or a time of an update takes it, and keeps an int."""
    built = [
        (Linear(1, 0, float(n)), Linear(1, 0, n)),
        (Warmup(1, steps=np.float64(n)), Warmup(1, steps=n)),
        (Constant(1.0, float(n)), Constant(1.0, n)),
        (Step(1, {float(n): 0.5}), Step(1, {n: 0.5})),
        (Step.every(1, 0.5, float(n)), Step.every(1, 0.5, n)),
        (through({0.0: 1.0, float(n): 0.5}), through({0: 1.0, n: 0.5})),
        (Linear(1, 0, n)[: float(n - 1)], Linear(1, 0, n)[: n - 1]),
        (Linear(1, 0, n)[-float(n - 1) :], Linear(1, 0, n)[-(n - 1) :]),
        (Linear(1, 0, 7).stretch(steps=float(n)), Linear(1, 0, 7).stretch(steps=n)),
        (Constant(1.0, 3) >> Linear.to(0, float(n)), Constant(1.0, 3) >> Linear.to(0, n)),
    ]
    for given_floats, given_ints in built:
        assert given_floats == given_ints
        assert repr(given_floats) == repr(given_ints)


@pytest.mark.parametrize("n", [np.float16(512), np.float32(512), np.uint8(2), 0.02 * 100_000, 2e3, -0.0])
def test_a_length_is_kept_as_an_int(n):
    assert type(Linear(1, 0, n).steps) is int
    assert Linear(1, 0, n).steps == n
    assert len(Constant(1.0).sample(n)) == n


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (0.29 * 100, r"round(...) makes one), got 28.999999999999996"),
        (np.float32(2.5), r"round(...) makes one), got np.float32(2.5)"),
        (2.0**53, "floats from 2**53 on are not exact: write an integer), got 9007199254740992.0"),
        (3e17, "floats from 2**53 on are not exact: write an integer), got 3e+17"),
        (math.nan, ">= 0 (nan is none), got nan"),
        (math.inf, ">= 0 (inf is none), got inf"),
    ],
)
def test_a_float_that_is_no_length_is_refused_with_what_to_write(wrong, hint):
    with pytest.raises(ValueError, match=re.escape(hint)):
        Linear(1, 0, wrong)


@pytest.mark.parametrize("shape", [Constant, partial(PowerLaw, timescale=1), partial(Step, drops={})])
@pytest.mark.parametrize("wrong", [-1, 2.5, 2.0**53, math.nan, -math.inf, True, "inf", None])
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
            r"Cosine.steps .* \(round\(...\) makes one\), got 1e-05",
        ),
        (
            lambda: Polynomial(1, 0, 5, power=0),
            ValueError,
            "Polynomial.power must be a finite number > 0, got 0",
        ),
        (
            lambda: Polynomial(1, 0, 5, 2),
            TypeError,
            r"Polynomial\(start, end, steps, power, of\) takes 3 positional arguments but 4",
        ),
        (
            lambda: Cosine.to(3e-5, stepz=1),
            TypeError,
            r"^Cosine\(start, end, steps\) got an unexpected .* 'stepz'",
        ),
        (
            lambda: Warmup(0.1, warmup_steps=2),
            TypeError,
            r"^Warmup\(peak, steps\) got an unexpected .* 'warmup_steps'$",
        ),
        (
            lambda: Step.every(1e-3, float("inf"), 1),
            ValueError,
            "^Step.every.gamma must be a finite number, got inf",
        ),
        (lambda: Step.every(1, "x", 1), TypeError, "^Step.every.gamma must be a finite number, got 'x'"),
        (
            lambda: Step.every(1, 1.05, 0),
            ValueError,
            "^Step.every.interval must be a whole number >= 1, got 0",
        ),
        (lambda: Step.every("x", 0.5, 1), TypeError, "^Step.every.start must be a finite number, got 'x'"),
        (
            lambda: Polynomial(1, 0, 5),
            TypeError,
            r"^Polynomial\(start, end, steps, power, of\) is missing .* 'power'",
        ),
        (
            lambda: Polynomial.to(0, 5),
            TypeError,
            r"^Polynomial\(start, end, steps, power, of\) is missing .* 'power'",
        ),
        (
            lambda: Cosine(1, 0),
            TypeError,
            r"^Cosine\(start, end, steps\) is missing .* 'steps': Cosine.to\(end, steps\) starts where",
        ),
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
        (lambda: Geometric(1, factor=0), ValueError, "^Geometric.factor must be a finite number > 0, got 0"),
        (
            lambda: Geometric(1, 2_000, factor=2),
            ValueError,
            "^Geometric.factor must be such that the last value is finite, got 2.0",
        ),
        (
            lambda: Geometric(factor=2),
            TypeError,
            r"^Geometric\(start, steps, factor, interval\) is missing .*: Geometric.from_here\(...\) starts",
        ),
        (
            lambda: Constant(9.0, 5) >> Geometric.from_here(1_024, factor=2),
            ValueError,
            "last value is finite",
        ),
        (
            lambda: Constant(9.0, 5) >> PowerLaw.from_here(10**200, timescale=1, exponent=2),
            ValueError,
            "PowerLaw.exp",
        ),
        (
            lambda: Constant(2.0, 5) >> Step.from_here({5: 1e308}),
            ValueError,
            "^the factor at 5 in Step.drops",
        ),
        (
            lambda: Step.every(1, 0.5),
            TypeError,
            r"^Step.every\(start, gamma, interval\) is missing 1 required positional argument: 'interval'",
        ),
        (lambda: Step.every_from_here(1), TypeError, r"^Step.every_from_here\(gamma, interval\) is missing"),
        (
            lambda: Step.values(),
            TypeError,
            r"^Step.values\(levels\) is missing 1 required positional argument",
        ),
        (lambda: Constant.hold(1, 2), TypeError, r"^Constant.hold\(steps\) takes from 0 to 1 positional arg"),
        (
            lambda: PowerLaw.from_here(),
            TypeError,
            r"^PowerLaw.from_here\(steps, timescale, exponent\) is missing 1 required keyword-only argument",
        ),
        (
            lambda: Warmup(1, 5) >> Linear,
            TypeError,
            r"^a phase of a chain must be a schedule, got the class Linear without arguments: Linear.to\(end, st",
        ),
        (lambda: Linear.to(0, 5) >> PowerLaw, TypeError, r"got the class PowerLaw .*: PowerLaw.from_here\("),
        (
            lambda: Warmup(1, 5).then(Linear),
            TypeError,
            "^phase 1 of a chain must be .* the class Linear with",
        ),
        (lambda: Warmup(1, 5) >> int, TypeError, "a phase of a chain must be a schedule, got <class 'int'>"),
        (lambda: Warmup(1, 5) >> 3, TypeError, "unsupported operand"),
        (lambda: 3 >> Warmup(1, 5), TypeError, "unsupported operand"),
        (
            lambda: Step.every_from_here("x", 5),
            TypeError,
            "^Step.every.gamma must be a finite number, got 'x'",
        ),
        (
            lambda: Polynomial(1, 0, 5, power=2, of="right"),
            ValueError,
            "^Polynomial.of must be 'left' or 'elapsed', got 'right'",
        ),
        (lambda: Polynomial(1, 0, 5, power=2, of=1), TypeError, "^Polynomial.of must be .*, got 1"),
        (
            lambda: Step.values({1: 0.5}),
            ValueError,
            "^Step.values.levels must be one level or more, the first at update 0, got {1: 0.5}",
        ),
        (lambda: Step.values({}), ValueError, "^Step.values.levels must be one level or more"),
        (
            lambda: PowerLaw(1, 10**200, timescale=1, exponent=2),
            ValueError,
            "^PowerLaw.exponent must be such that the last value is finite, got 2.0",
        ),
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
            r"Step.drops must be a mapping or pairs .* got \[an integer of 16610 bits\]",
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
