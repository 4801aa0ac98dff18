"""The warmup, the power law, and the constant ratio."""

import math
import pickle
import warnings

import mpmath
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tlama_core import (
    Bounds,
    Constant,
    Geometric,
    Linear,
    Piecewise,
    PowerLaw,
    Step,
    Warmup,
    bounds,
    breakpoints,
    check,
    first_step_above,
    first_step_below,
    to_function,
)
from tlama_core.analysis.joints import pieces
from tlama_core.testing import laws


@given(st.floats(-1e300, 1e300), st.integers(0, 10**7))
def test_a_warmup_climbs_to_its_peak_and_is_never_past_it(peak, steps):
    a = Warmup(peak, steps)
    laws.a_shape_never_turns_back(a)
    values = [a(t) for t in laws.steps_of(a)]
    assert max(map(abs, values)) == abs(peak)
    assert a(max(steps - 1, 0)) == a(steps) == a(steps + 1) == peak
    if peak:
        assert a(0) != 0.0 or abs(peak) < 1e-300


def test_power_laws():
    assert PowerLaw(1.0, timescale=100)(300) == 0.5
    assert PowerLaw(1.0, timescale=100, exponent=-1)(300) == 0.25
    assert PowerLaw(1.0, 300, timescale=100)(10**6) == 0.5
    assert PowerLaw(1.0, timescale=1e-300)(10**400) == pytest.approx(1e-300)  # a ratio past the largest float
    assert PowerLaw(1.0, 8, timescale=1, exponent=0.5)(8) == 3.0


@given(
    st.floats(-1e300, 1e300).filter(lambda start: not 0 < abs(start) < 1e-290),
    st.floats(5e-324, 1e300),
    st.floats(-3, 3) | st.floats(-1e3, 1e3),
    st.integers(0, 10**7) | st.integers(0, 10**300),
)
@example(start=5e-324, timescale=1e-310, exponent=2.0, t=10**9)
@example(start=1.0, timescale=5e-324, exponent=0.001, t=10**300)
@example(start=1.0, timescale=1e-300, exponent=-0.5, t=10**300)
@example(start=1e-5, timescale=1.0, exponent=1e300, t=0)
@example(start=1.1667563109203168e296, timescale=9.257845327726864e-299, exponent=-2.0, t=1)
def test_a_power_law_follows_its_formula(start, timescale, exponent, t):
    with mpmath.workprec(1_200):
        base = 1 + mpmath.mpf(t) / mpmath.mpf(timescale)
        wanted = mpmath.mpf(start) * base ** mpmath.mpf(exponent)
        a = PowerLaw(start, timescale=timescale, exponent=exponent)
        got, condition = a(t), 1 + abs(exponent) * (1 + mpmath.log(base))
        if math.isinf(got):
            assert got == math.copysign(math.inf, start)
            assert abs(wanted) > mpmath.mpf("1.797e308") * (1 - condition * 2e-15)
        else:
            lost = max(1e-300, abs(start) * 1e-323)  # by a power next to the smallest float
            assert abs(wanted - got) <= abs(wanted) * 2e-15 * condition + lost
    assert to_function(a)(t) == got
    if t < 2**63:
        assert np.isclose(a(np.array([t]))[0], got, rtol=1e-11, atol=1e-300)


@pytest.mark.parametrize("timescale", [1e-30, 1e-40, 1e-300, 5e-324])
@pytest.mark.parametrize("exponent", [-0.5, -0.01, 0.01])
def test_in_single_precision_a_power_law_may_be_as_steep_as_in_double(timescale, exponent, jax, torch):
    a, steps = PowerLaw(2.0, timescale=timescale, exponent=exponent), [0, 1, 7, 10**6, 2**31 - 3]
    wanted = [a(k) for k in steps]
    for got in (
        a(jax.numpy.array(steps)),
        a(torch.tensor(steps)),
        a(torch.tensor(steps, dtype=torch.float32)),
    ):
        assert np.asarray(got).tolist() == pytest.approx(wanted, rel=2e-5, abs=1e-30)


def test_a_power_law_may_start_where_the_phase_before_it_ends():
    before = Linear(0.0, 2.0, 10)
    assert before >> PowerLaw.from_here(timescale=5) == before >> PowerLaw(2.0, timescale=5)
    assert repr(PowerLaw.from_here(9, timescale=5, exponent=-1)) == (
        "PowerLaw.from_here(steps=9, timescale=5.0, exponent=-1.0)"
    )
    assert Constant(0.0, 5) >> PowerLaw.from_here(timescale=1, exponent=9) == (
        Constant(0.0, 5) >> PowerLaw(0.0, timescale=1, exponent=9)
    )
    assert PowerLaw(0.0, timescale=1, exponent=9)(10**300) == 0.0  # 0 times any power


# --- a constant ratio

GROWING = [
    PowerLaw(1.0, timescale=1, exponent=2),
    PowerLaw(-1.0, timescale=10, exponent=2_000),
    PowerLaw(1e-30, timescale=1, exponent=5),
    PowerLaw(2.0, timescale=1e-300, exponent=1.5),
    PowerLaw(2.0, timescale=5e-324, exponent=1e300),
    PowerLaw(1.0, timescale=1e-40, exponent=7),
    PowerLaw(1e300, timescale=1e-6, exponent=0.03),
    Constant(1.0, 5) >> PowerLaw.from_here(timescale=3.0, exponent=9),
    Geometric(1.0, factor=2),
    Geometric(-0.1, factor=1.001, interval=7.3),
    Geometric(1e-30, factor=1e3),
    Geometric(5e-324, factor=10),
    Geometric(1e300, factor=1.5, interval=0.01),
    Constant(1.0, 5) >> Geometric.from_here(factor=1.1),
    2.0 * Geometric(3.0, factor=1 + 1e-9),
]
NUMBERS_OF_STEPS = [0, 1, 2, 17, 100, 255, 256, 257, 1_999, 65_536, 10**6, 2**31 - 3]


@given(st.floats(-1e300, 1e300), st.floats(1e-300, 1e300), st.floats(1e-3, 1e6), st.integers(0, 10**7))
@example(start=5e-324, factor=1e300, interval=1.0, t=2)
@example(start=1e-308, factor=2.0, interval=1.0, t=2_046)
def test_a_constant_ratio_follows_its_formula(start, factor, interval, t):
    with mpmath.workprec(400):
        wanted = mpmath.mpf(start) * mpmath.mpf(factor) ** (mpmath.mpf(t) / mpmath.mpf(interval))
        condition = 1 + abs(mpmath.log(factor) * t / interval)
        got = Geometric(start, factor=factor, interval=interval)(t)
        if abs(wanted) > mpmath.mpf(1.7976931348623157e308):
            assert got == math.copysign(math.inf, start) or abs(wanted) < mpmath.mpf("1.797694e308")
        elif math.isinf(got):
            assert abs(wanted) > mpmath.mpf("1.797692e308")
        else:
            assert (
                abs(wanted - got)
                <= abs(wanted) * 2e-15 * min(condition, 2_000) + abs(start) * 1e-300 + 1e-300
            )


def test_a_constant_ratio_meets_the_staircase_at_whole_intervals():
    smooth, stairs = Geometric(1.0, factor=0.5, interval=30), Step.every(1.0, 0.5, 30)
    assert [smooth(30 * k) for k in range(50)] == [stairs(30 * k) for k in range(50)]
    assert smooth(29) > stairs(30)


@pytest.mark.parametrize("a", GROWING, ids=repr)
def test_growth_past_the_largest_float_is_infinite_in_every_number_system(a, jax, torch):
    fast, sign = to_function(a), math.copysign(1.0, a(0))
    assert a(10**300) == fast(10**300) == a(10**400) == fast(10**400) == sign * math.inf
    assert a(1e300) == sign * math.inf
    values = [a(k) for k in NUMBERS_OF_STEPS]
    assert [fast(k) for k in NUMBERS_OF_STEPS] == values
    double = [a(np.array(NUMBERS_OF_STEPS)), a(torch.tensor(NUMBERS_OF_STEPS, dtype=torch.float64)).numpy()]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a number that float32 does not hold
        single = [a(jax.numpy.array(NUMBERS_OF_STEPS)), a(torch.tensor(NUMBERS_OF_STEPS)).numpy()]
    for largest, accuracy, found in [
        *((1.79e308, 1e-13, x) for x in double),
        *((3.4e38, 2e-6, x) for x in single),
    ]:
        for value, got in zip(values, np.asarray(found, dtype=float).tolist(), strict=True):
            wanted = value if abs(value) <= largest else sign * math.inf
            smallest = 1e-300 if accuracy < 2e-6 else 1e-37
            assert (
                got == wanted
                or abs(got - wanted) <= accuracy * abs(wanted) + smallest
                or (
                    abs(values[0]) < smallest and got == 0.0  # too small a start stays 0
                )
            )


@given(
    st.sampled_from([1.0, -3.0, 1e-4, 40.0]),
    st.floats(0.01, 1.0),
    st.sampled_from([1.0, 0.7, 30.0, 1e4]),
    st.lists(st.integers(0, 2**31 - 3), min_size=1, max_size=9),
)
def test_in_single_precision_a_ratio_is_within_its_bound(jax, torch, start, factor, interval, steps):
    a = Geometric(start, factor=factor, interval=interval)
    wanted = np.array([a(k) for k in steps])
    for got in (a(jax.numpy.array(steps, dtype="int32")), a(torch.tensor(steps)).numpy()):
        assert np.abs(np.asarray(got) - wanted).max() <= 2e-6 * abs(start)
    between = np.float32(np.minimum(steps, 2**20)) + np.float32(0.25)
    wanted = np.array([a(float(t)) for t in between])
    for got in (a(jax.numpy.asarray(between)), a(torch.tensor(between)).numpy()):
        assert np.abs(np.asarray(got) - wanted).max() <= 2e-6 * abs(start)


@pytest.mark.parametrize(
    "a", [Geometric(2.0, factor=0.9, interval=10), Geometric(0.5, 99, factor=1.5, interval=9)]
)
@pytest.mark.parametrize("t", [0.0, 0.25, 17.0, 60.5])
def test_the_gradient_is_the_value_times_the_rate(a, t, jax, torch):
    wanted = a(t) * math.log(a.factor) / a.interval
    step = torch.tensor(t, requires_grad=True)
    a(step).backward()
    assert math.isclose(step.grad.item(), wanted, rel_tol=1e-6)
    assert math.isclose(float(jax.grad(a)(t)), wanted, rel_tol=1e-6)


def test_torch_compiles_one_constant_ratio_after_another(torch):
    steps = torch.arange(12)
    torch.compiler.reset()
    for i in range(4):  # each has tables of its own
        a = Geometric(0.1 + i, factor=0.9 - i / 100, interval=2 + i)
        compiled = torch.compile(lambda t, a=a: a(t), backend="eager", fullgraph=True)
        assert compiled(steps).tolist() == pytest.approx([a(t) for t in range(12)], rel=1e-5)


def test_a_stretched_ratio_keeps_its_end():
    a = Geometric(1.0, 100, factor=0.5, interval=10)
    assert a.stretch(steps=50) == Geometric(1.0, 50, factor=0.5, interval=5)
    assert math.isclose(a.stretch(steps=333)(333), a(100), rel_tol=1e-14)
    assert Geometric(1.0, 10**6, factor=0.5, interval=1e-322).stretch(steps=1).steps == 1  # no interval is 0


def test_what_is_asked_of_a_constant_ratio_is_answered_from_its_ends():
    a = Warmup(1.0, 10) >> Geometric.from_here(factor=0.5, interval=100)
    assert first_step_below(a, 1e-6) == 10 + 1_994
    assert breakpoints(a) == (10,)
    assert bounds(a, 10, 211).low == a(210) == 0.25
    assert first_step_above(Geometric(1e-6, factor=10), 0.5) == 6
    assert first_step_below(Geometric(1.0, factor=1.0), 0.5) is None


def test_the_updates_past_the_largest_float_are_a_piece_of_their_own():
    a = Geometric(-1.0, factor=2)
    assert breakpoints(a) == (1_024,)
    assert first_step_below(a, -1e308) == 1_024
    assert bounds(a, 0, 5_000) == Bounds(-math.inf, 1_024, -1.0, 0)
    assert bounds(a[2_000:], 0, 9).high == -math.inf
    assert [
        (piece.start, piece.stop, piece.end) for piece in pieces(a[1_000:1_100].stretch(steps=150), 0, 150)
    ] == [(0, 36, a(1_023)), (36, 150, -math.inf)]


@pytest.mark.parametrize(
    ("a", "step"),
    [(Geometric(1.0, factor=2), 1_024), (PowerLaw(1.0, timescale=10, exponent=2.0**10), 10)],
    ids=repr,
)
def test_check_finds_where_growth_is_past_the_largest_float(a, step):
    found = check(a, steps=2_000, quantity="other", select=["non-finite-value"])
    assert [(finding.code, finding.step) for finding in found] == [("non-finite-value", step)]
    assert math.isfinite(a(step - 1))
    assert check(a, steps=step, quantity="other", select=["non-finite-value"]) == ()


def test_a_constant_ratio_may_start_where_the_phase_before_it_ends():
    phase = Geometric.from_here(50, factor=2, interval=1e-3)  # far too steep to start from 1
    assert repr(phase) == "Geometric.from_here(steps=50, factor=2.0, interval=0.001)"
    assert pickle.loads(pickle.dumps(phase)) == phase
    assert Constant(0.0, 5) >> phase == Constant(0.0, 5) >> Geometric(0.0, 50, factor=2, interval=1e-3)
    assert (Constant(0.0, 5) >> phase)(np.array([7])).tolist() == [0.0]
    with pytest.raises(ValueError, match=r"Geometric.factor must be such that the last value is finite"):
        Constant(1.0, 5) >> phase


def test_steep_power_laws_stand_in_long_chains_too():
    """They have no formula in common with others, and are evaluated one by one."""
    steep = PowerLaw(1.0, 20, timescale=1e-200, exponent=-0.5)
    chain = Piecewise.of([Linear(1.0, 0.0, 7), steep] * 8 + [PowerLaw(1e-3, timescale=1e-3, exponent=90.0)])
    steps = np.arange(300)
    assert chain(steps) == pytest.approx([chain(int(step)) for step in steps], rel=1e-12)
    assert chain(10**9) == math.inf
