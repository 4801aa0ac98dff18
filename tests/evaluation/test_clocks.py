"""Clocks at another rate: jumps fall on the same update for numbers, arrays, tracers and source."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tlama_core import (
    Constant,
    Cosine,
    Exponential,
    Function,
    Linear,
    Piecewise,
    Polynomial,
    PowerLaw,
    Sqrt,
    Step,
    Warmup,
    retarget,
    to_function,
)
from tlama_core._evaluation.clocks import Affine, Rescaled
from tlama_core.testing.laws import magnitude
from tlama_core.testing.strategies import leaves, schedules

JUMPS = {
    "cycles": (Linear(0.0, 1.0, 2_000).repeat(45).stretch(steps=50_000), 10_000),
    "drops": (
        Step(1.0, {3_000: 0.5, 6_000: 0.25, 9_000: 0.1}, 21_000)[1:].stretch(steps=5_000_000),
        2_142_721,
    ),
    "odd lengths": (Linear(0.0, 1.0, 2_003).repeat(45).stretch(steps=50_017), 50_017 * 4 // 45 + 1),
    "wide cycles": (
        (1.0 * Linear(0.0, 1.0, 10**7 + 19)).repeat(97).stretch(steps=10**9 + 7),
        10**9 * 3 // 97,
    ),
    "retargeted": (
        retarget(Step(1.0, {169_000: 0.1, 169_001: 0.05}, steps=310_000), at=10_000, steps=812_000),
        435_060,
    ),
    "nested": (
        (Linear(0.0, 1.0, 7).repeat(11) + 0.0).stretch(steps=50).repeat(9).stretch(steps=1_001),
        300,
    ),
    "strided drops": (Step(1.0, {3_001: 0.5, 6_004: 0.25}, 21_000)[5::7], 857),
    "strided past the type": (
        (1.0 * Step(1.0, {2 * 10**11: 0.5}, 3 * 10**11))[17 :: 2**20],
        2 * 10**11 >> 20,
    ),
    "strided in a stretch": ((1.0 * Step(1.0, {301: 0.5}, 1_000))[2::7].stretch(steps=1_001), 300),
    "stretched in a stride": (Step(1.0, {301: 0.5}, 1_000)[2:].stretch(steps=5_001)[1::4], 380),
    "strided cycles": ((1.0 * Linear(0.0, 1.0, 7)).repeat(10**9)[3::1_000], 2 * 10**6),
    "far": (Step(1.0, {10**18 + 5: 0.5}, 2 * 10**18)[10**18 :], 5),
}
jumps = pytest.mark.parametrize(("a", "near"), JUMPS.values(), ids=JUMPS)


def window(near):
    return [step for step in range(near - 40, near + 41) if step >= 0]


@jumps
def test_a_jump_falls_on_the_same_update_in_numpy_and_in_source(a, near):
    steps = window(near)
    wanted = [a(step) for step in steps]
    for dtype in (np.int32, np.uint32, np.int64, np.float64):
        assert a(np.array(steps, dtype=dtype)).tolist() == pytest.approx(wanted, abs=1e-12)
    fast = to_function(a)
    assert [fast(step) for step in steps] == wanted
    assert [fast(float(step)) for step in steps] == wanted


@jumps
def test_a_jump_falls_on_the_same_update_in_jax_and_torch(a, near, jax, torch):
    steps = window(near)
    wanted = pytest.approx([a(step) for step in steps], abs=3e-6)
    assert jax.jit(a)(jax.numpy.array(steps)).tolist() == wanted
    assert a(torch.tensor(steps, dtype=torch.int32)).tolist() == wanted
    assert a(torch.tensor(steps)).tolist() == wanted


def test_a_jump_past_32_bits_falls_on_the_same_update(torch):
    a = Linear(0.0, 1.0, 3 * 10**9).repeat(30).stretch(steps=5 * 10**9)
    steps = [3_500_000_000 + k for k in range(-3, 4)]
    wanted = [a(step) for step in steps]
    assert a(np.array(steps)).tolist() == pytest.approx(wanted, abs=1e-12)
    assert a(torch.tensor(steps)).tolist() == pytest.approx(wanted, abs=3e-6)


def test_cycles_without_number_stretched_to_nothing_hold_their_end(jax, torch):
    a = Linear(0.0, 1.0, 3).repeat(10**19).stretch(steps=0)
    empty = (Constant(1.0, 0) + Constant(0.0, 0)).stretch(steps=10**30)
    for schedule in (a, empty):
        for zero in (np.array([0]), jax.numpy.array([0]), torch.tensor([0])):
            assert schedule(zero).tolist() == [1.0]


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.integers(0, 10**6), st.integers(1, 50), st.data())
@settings(max_examples=200)
def test_quotients_are_exact_where_no_product_fits(num, den, shift, length, data):
    """Bit by bit, in an int32 that could not hold the products."""
    import array_api_strict as lib

    from tlama_core._evaluation.traced import TracedNamespace

    step = np.array(data.draw(st.lists(st.integers(0, 2**31 - 1), min_size=1, max_size=20)), dtype=np.int32)
    xp = TracedNamespace(np, step, frozenset())
    xp.whole, xp.latest = np.dtype(np.int32), 2**31 - 1  # as where a library has no wider integers
    clock = Affine(step, 2**31 - 1, 10**40, num, shift, den)
    by = den * length
    if by > xp.latest or clock.highest() // by > xp.latest:
        return
    whole, rest = xp._divmod(clock, by)
    for t, q, r in zip(step.tolist(), whole.tolist(), rest.tolist(), strict=True):
        assert (q, r) == divmod(num * t + shift, by), lib


@given(st.sampled_from([1, 3, 7, 2**20]), st.integers(0, 10**5), st.integers(1, 10**5), st.integers(1, 10**5))
def test_a_clock_is_first_at_a_time_where_it_says(num, shift, den, time):
    clock = Affine(None, 2**31 - 1, 10**30, num, shift, den)
    first = clock.first(time)
    assert Fraction(num * first + shift, den) >= time
    assert first == 0 or Fraction(num * (first - 1) + shift, den) < time
    local = clock.since(time, None)
    assert Fraction(local.shift, local.den) == Fraction(num * first + shift, den) - time


# --- the last numbers of a type, and beyond


def test_the_top_of_an_integer_type_is_reached(jax, torch):
    top = Constant(1.0, 2**31 - 1) >> Constant(2.0, 5) >> Constant(3.0)
    assert top(jax.numpy.int32(2**31 - 1)).item() == 2.0
    assert top(torch.tensor(2**31 - 1, dtype=torch.int32)).item() == 2.0
    unsigned = Constant(1.0, 2**32 - 1) >> Constant(2.0)
    assert [unsigned(jax.numpy.uint32(2**32 - 1 - k)).item() for k in (0, 1)] == [2.0, 1.0]
    warmup = Warmup(1.0, 2**31 + 5)
    assert warmup(jax.numpy.int32(2**31 - 1)).item() == pytest.approx(1.0)


def test_steps_past_the_floats_whole_numbers_stay_whole():
    far = Step(1.0, {6: 0.7, 2**63: 0.5, 2**63 + 1: 0.1}, steps=2**63 + 2)
    assert far.stretch(steps=8)(8) == 0.1
    assert far(np.array([2**63 - 1, 2**63, 2**63 + 1], dtype=np.uint64)).tolist() == [0.7, 0.5, 0.1]
    block = np.array([5, 2**62 + 5, 6, 2**53 + 1], dtype=np.uint64)
    assert far(block).tolist() == [1.0, 0.7, 0.7, 0.7]
    growing = Linear(0.0, 1.0, 3).repeat(growth=2.0)
    for step in (2**53 + 1, 2**60 + 3):
        assert growing(np.array([step])).item() == pytest.approx(growing(step), abs=1e-12)


@pytest.mark.parametrize("shape", [Sqrt, Linear, Cosine])
def test_a_float_far_past_a_slices_end_is_its_end(shape):
    a = (1.0 * shape(1.0, 0.0, 10**17))[3:].stretch(steps=10**16)
    for step in (1e16, 1.5e16, 1e300, math.inf):
        assert a(step) == a(np.array([step])).item() == 0.0


# --- powers


@pytest.mark.parametrize(
    ("a", "most"),
    [
        (Step.every(1.0, 0.9995, 1), 10_000),
        (Constant(0.1, steps=1).repeat(130, gain=1.05), 129),
        (Constant(1.0, steps=3).repeat(gain=-0.99999), 10**6),
        (Constant(1.0, steps=1).repeat(gain=0.0), 5),
        (Constant(1.0, steps=2).repeat(gain=-1.0), 2**31 - 1),
        (Constant(1e-3, steps=1).repeat(4_000, gain=1.02), 3_999),
    ],
    ids=["staircase", "growing", "alternating", "nothing", "signs", "far up"],
)
def test_a_power_keeps_the_bound_of_float32(a, most, jax, torch):
    steps = np.unique(np.concatenate([np.arange(min(most, 500)), np.linspace(0, most, 900)]).astype(np.int64))
    wanted = a(steps)
    bound = 2e-6 * np.maximum.accumulate(np.abs(wanted))
    for values in (jax.jit(a)(jax.numpy.array(steps)), a(torch.tensor(steps))):
        got = np.asarray(values, dtype=float)
        finite = np.abs(wanted) < 3e38
        assert (np.abs(got - wanted) <= bound)[finite].all()
        assert np.isinf(got[~finite]).all()


@given(st.sampled_from([30, 100, 333, 1000]), st.integers(1, 10**6), st.floats(0, 1))
def test_a_high_power_keeps_the_bound_of_a_low_one(power, steps, fraction):
    import mpmath

    t = int(fraction * steps)
    with mpmath.workprec(200):
        wanted = (mpmath.mpf(steps - t) / steps) ** power
        assert abs(Polynomial(1.0, 0.0, steps, power=power)(t) - wanted) <= 1e-15


@pytest.mark.parametrize("rate", [1e-300, 1e-39, 1e-10, 3.0, 1e39, 1e300])
def test_a_rate_past_float32_gives_no_nan(rate, jax, torch):
    for a in (Exponential(1.0, 0.0, 10, rate=rate), Exponential(0.0, 1.0, 10, rate=rate)):
        wanted = pytest.approx([a(t) for t in range(11)], abs=3e-6)
        assert a(jax.numpy.arange(11)).tolist() == wanted
        assert a(torch.arange(11)).tolist() == wanted


# --- gradients and compilers


def derivative(a, t):
    """Return the slope at a time that is next to no joint, by central differences."""
    return (a(t + 1e-4) - a(t - 1e-4)) / 2e-4


@settings(max_examples=100)
@given(schedules(4, functions=False), st.integers(0, 30), st.sampled_from([0.31, 0.47, 0.77]))
def test_gradients_of_every_node_are_finite_and_alike(jax, torch, a, whole, part):
    t = whole + part
    ours = torch.tensor(t, dtype=torch.float64, requires_grad=True)
    value = a(ours) + 0.0 * ours  # of a constant, too
    (slope,) = torch.autograd.grad(value, ours, allow_unused=True, materialize_grads=True)
    theirs = jax.grad(lambda x: a(x))(jax.numpy.float32(t)).item()
    scale = max(1.0, magnitude(a))
    assert math.isfinite(slope.item())
    assert math.isfinite(theirs)
    assert value.item() == pytest.approx(a(t), abs=1e-9 * scale)
    for nearby in (t - 1e-3, t + 1e-3):
        if abs(a(nearby) - a(t)) > 0.5 * scale:
            return  # next to a jump
    assert slope.item() == pytest.approx(theirs, abs=2e-2 * scale * max(1.0, abs(theirs)))


@pytest.mark.parametrize(
    "a",
    [
        Cosine(1.0, 0.0, 10).repeat(5, gain=0.5),
        (Cosine(1.0, 0.0, 10) + 0.0).repeat(5).stretch(steps=73),
        Function(lambda t: t * t, 20).stretch(steps=50),
        Sqrt(1.0, 0.0, 10).repeat(),
    ],
    ids=["repeated", "stretched cycles", "stretched function", "endless"],
)
def test_torch_differentiates_what_is_repeated_and_stretched(a, torch):
    t = torch.tensor([3.3, 12.7, 21.9], dtype=torch.float64, requires_grad=True)
    (slopes,) = torch.autograd.grad(a(t).sum(), t)
    wanted = [(a(x + 1e-6) - a(x - 1e-6)) / 2e-6 for x in t.tolist()] if "Function" not in repr(a) else None
    if wanted is not None:
        assert slopes.tolist() == pytest.approx(wanted, rel=1e-4)
    assert torch.isfinite(slopes).all()


def test_torch_compiles_one_exponential_after_another(torch):
    steps = torch.arange(12)
    for i in range(12):
        for a in (
            Exponential(1.0 + i, 0.1, 10),
            Exponential(0.01, 1.0 + i, 10),
            Exponential(1, 0, 9, rate=1 + i),
        ):
            compiled = torch.compile(lambda t, a=a: a(t), backend="eager", fullgraph=True)
            assert compiled(steps).tolist() == pytest.approx([a(t) for t in range(12)], rel=1e-5, abs=1e-6)


@given(st.lists(leaves(endless=False, functions=False), min_size=9, max_size=12), st.integers(0, 200))
def test_a_far_step_is_the_end_before_and_after_compiling(phases, step):
    chain = Piecewise.of([*phases, PowerLaw(1.0, timescale=3)])
    for _ in range(40):
        chain(step)
    assert chain(10**400) == chain(10**300) == to_function(chain)(10**300)


# --- what a reader tried in order to break it


SHORT = {
    "a chain": Constant(1.0, 10) >> Linear(1.0, 0.0, 10),
    "a line": Linear(1.0, 0.0, 10),
    "an exponential": Exponential(-1.0, 0.0, 10, rate=0.5),
    "a function": Function(lambda t: t * 1.0, steps=10),
}


@pytest.mark.parametrize("a", SHORT.values(), ids=SHORT)
@pytest.mark.parametrize("far", [50, 10**11])
def test_a_term_that_ends_before_a_slice_begins_holds_its_end(a, far, jax, torch):
    wide = (a + Constant(0.0, 100 + 2 * far))[far:].stretch(steps=77)
    wanted = [wide(t) for t in (0, 5, 76)]
    assert wide(torch.tensor([0, 5, 76], dtype=torch.int32)).tolist() == wanted
    assert wide(jax.numpy.array([0, 5, 76])).tolist() == wanted


def test_phases_longer_than_the_clocks_type_keep_their_length(jax, torch):
    a = (Piecewise.of([Constant(1.0, 1)] * 5 + [Linear(1.0, 0.0, 10**12)]) + 0.0)[5 * 10**11 :]
    assert a(torch.tensor([0], dtype=torch.int32)).item() == pytest.approx(0.5, abs=1e-6)
    assert a(jax.numpy.array([0])).item() == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_infinite_and_fractional_steps_stand_beside_whole_ones(dtype):
    assert Linear(1.0, 0.0, 10)(np.array([1, np.inf, 2.5], dtype=dtype)).tolist() == pytest.approx(
        [0.9, 0.0, 0.75], abs=1e-3
    )


def test_a_whole_step_jumps_alike_beside_a_fractional_one():
    steps, inner = 30794827472226699346862, Constant(1.0, 11) >> Step(-3.0, {10**15: -2.0}, steps=10**16 + 7)
    a = inner.repeat(385_799, gain=-0.9).stretch(steps=steps)
    assert a(np.array([11.0, 0.5])).tolist() == [a(11), a(0.5)]


def test_nothing_stays_nothing_where_a_power_is_infinite(jax, torch):
    a = Linear(0.0, 1.0, 10).repeat(1_000, gain=1.5)
    assert a(torch.tensor([9_980, 9_981])).tolist() == a(jax.numpy.array([9_980, 9_981])).tolist()
    assert a(torch.tensor([9_980, 9_981])).tolist() == [0.0, math.inf]


def test_unsigned_clocks_of_every_width_are_served(jax, torch):
    many = Linear(0.0, 1.0, 1).repeat(3_000_000_000)
    assert many(jax.numpy.array([5, 2**32 - 1], dtype="uint32")).tolist() == [0.0, 1.0]
    a = Warmup(1.0, 100) >> Cosine.to(0.1, 200)
    for kind in ("uint8", "uint16", "uint32", "uint64"):
        assert a(torch.tensor([0, 99], dtype=getattr(torch, kind))).tolist() == pytest.approx([0.01, 1.0])


def test_fractional_steps_stand_beside_the_farthest_boundaries():
    a = Step(1.0, {5: 0.5, 10**300: 0.2})[0:8].stretch(steps=2**49)
    b = (Linear(1.0, 0.0, 10**300) + Constant(1.0, 10**300) + PowerLaw(1.0, timescale=3.0))[0:8]
    for schedule in (a, b.stretch(steps=2**49)):
        assert schedule(np.array([0.5])).item() == schedule(0.5)


def test_what_is_no_number_is_none_in_arrays_too_and_warns_nobody():
    huge = 1e308 * Linear(1.0, 100.0, 10)
    assert np.isnan((0.0 * huge)(np.arange(1, 3))).all()
    assert np.isnan((huge - huge)(np.arange(1, 3))).all()


@pytest.mark.parametrize("near", [0, 10**9, 2 * 10**9])
def test_cycles_that_no_integer_of_the_clock_holds_are_near(near, jax):
    a = (Linear(0.0, 1.0, 10**14).repeat(7) + 0.0)[5:].stretch(steps=10**13 + 9)
    assert a(jax.numpy.array([near])).item() == pytest.approx(a(near), abs=1e-3)


def test_an_endless_phase_of_its_own_kind_is_served_far_away(torch):
    chain = Piecewise.of([Constant(1.0, 1)] * 5 + [Step(1.0, {2 * 10**11: 0.5})])
    a = (chain + 0.0)[10**11 :]
    steps = [0, 10**11 + 4, 10**11 + 5]
    assert a(torch.tensor(steps[:1], dtype=torch.int32)).item() == 1.0
    assert a(torch.tensor(steps)).tolist() == [a(step) for step in steps]


def test_a_stride_of_cycles_below_a_stretch_is_served(torch):
    """The clock within a cycle has whole steps and a rest: only its number can be multiplied."""
    a = (1.0 * Linear(0.0, 1.0, 8_000)[::3]).repeat(10**6)[5:].stretch(steps=2_000_000_011)
    for clock in (torch.int32, torch.float64):
        steps = torch.tensor([0, 5, 10**6], dtype=clock)
        assert a(steps).tolist() == pytest.approx([a(0), a(5), a(10**6)], abs=1e-5)


def test_a_long_chain_under_a_stretch_is_served_together():
    chain = Piecewise.of([Linear(float(i), 0.0, 3) for i in range(40)])
    a = (0.5 * chain)[1:].stretch(steps=500)
    steps = np.arange(510)
    assert a(steps).tolist() == [a(int(step)) for step in steps]


def test_a_clock_that_is_held_is_divided_where_it_is_held():
    from tlama_core._evaluation.traced import TracedNamespace

    step = np.array([0, 5, 2**31 - 1], dtype=np.int32)
    xp = TracedNamespace(np, step, frozenset())
    xp.whole, xp.latest = np.dtype(np.int32), 2**31 - 1  # as where a library has no wider integers
    clock = Affine(step, 2**31 - 1, 10**9 * 7 - 1, 10**6, 0, 10**6)
    clock.t = np.minimum(step, np.int32(clock.top))
    whole, rest = xp._divmod(clock, 10**6)
    assert (whole.tolist(), rest.tolist()) == ([0, 5, 6_999], [0, 0, 999_999])


def test_a_rescaled_clock_of_a_number_is_remembered():
    s = Linear(0.0, 1.0, 10)
    for _ in range(12):
        s = (s + 0.5) * s * 0.5
    cut = s.repeat(3)[1:].stretch(steps=77)
    assert cut(30) == pytest.approx(cut(np.array([30])).item())
    assert Rescaled(3, 2) == Rescaled(3, 2) != Rescaled(6, 4)


@pytest.mark.parametrize("name", ["as_step", "bisect_right", "sin", "type", "float", "bool", "isinstance"])
def test_a_function_is_not_called_like_what_its_source_uses(name):
    from tlama_core import to_source

    with pytest.raises(
        ValueError, match=f"to_source.name must be a name that .* does not use .*, got '{name}'"
    ):
        to_source(Constant(1.0), name=name)


def test_the_source_of_a_stretched_long_chain_is_a_table():
    chain = Piecewise.of([Linear(float(i), 0.0, 3) + 0.0 for i in range(12)])
    cut = (1.0 * chain).repeat(3)[1:].stretch(steps=77)
    fast = to_function(cut)
    assert [fast(step) for step in range(80)] == [cut(step) for step in range(80)]
