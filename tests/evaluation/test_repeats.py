"""Cycles above a base, and cycles that grow for ever: every number system against the law, past every float."""

import importlib.util
import math
import sys
from bisect import bisect_right
from itertools import accumulate
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlama_core import (
    Constant,
    Cosine,
    Function,
    Linear,
    Step,
    Warmup,
    from_dict,
    parse,
    retarget,
    to_dict,
    to_function,
    to_source,
)
from tlama_core._evaluation.growth import last_finite
from tlama_core._evaluation.powers import power_up_to
from tlama_core._evaluation.python_numbers import value_at

spec = importlib.util.spec_from_file_location("reference", Path(__file__).parents[1] / "reference.py")
reference = sys.modules.setdefault("reference", importlib.util.module_from_spec(spec))
if not hasattr(reference, "value"):
    spec.loader.exec_module(reference)

TRIANGLE = Linear(0.1, 0.9, 5) >> Linear(0.9, 0.1, 5)
CYCLES = [TRIANGLE, Cosine(-1.0, 2.0, 7), Constant(1e-10, 1), Constant(0.0, 2), Linear(0.0, 1.0, 4)]
GAINS = st.sampled_from([0.5, 0.999, 0.0, -1.0, -0.7, 2.0, -1.5, 1.01, 10.0])
BASES = st.sampled_from([0.0, 0.1, -3.0, 1e-3, 1.0])
STEPS = st.integers(0, 60) | st.integers(0, 20_000)


@st.composite
def repeats(draw, longest=5):
    gain, base = draw(GAINS), draw(BASES)
    growth = draw(st.sampled_from([1.0, 1.0, 1.5, 2.0])) if abs(gain) < 10 else 1.0
    return draw(st.sampled_from(CYCLES)).repeat(
        draw(st.none() | st.integers(1, longest)), gain=gain, growth=growth, base=base
    )


def top(a, step):
    """Return a magnitude that no value of the cycle at *step* is computed from a larger one than."""
    k = bisect_right(list(accumulate(a.cycle_lengths)), step) if a.cycle_lengths else step // len(a.schedule)
    k = min(k, (a.times or k + 1) - 1, len(a.cycle_lengths or range(k + 1)) - 1)
    return 4.0 * power_up_to(math.inf, abs(a.gain), k)


def law(a, step):
    """Return the exact value as a float, and the largest magnitude that it is computed from."""
    exact = reference.value(a, step)
    height = abs(exact - reference.real(a.base)) + abs(reference.real(a.base))
    return float(exact), float(height) + top(a, step)


def close(got, wanted, scale, relative):
    if math.isinf(wanted) or math.isinf(scale):
        return math.isinf(got) or got > 1e307
    return abs(got - wanted) <= relative * scale + 5e-324


@given(repeats(), STEPS)
def test_a_cycle_is_a_base_and_a_height_that_shrinks_or_grows(a, step):
    got = value_at(a, step)
    wanted, scale = law(a, step)
    assert (got == wanted) if math.isinf(wanted) else abs(got - wanted) <= 8 * math.ulp(min(scale, 1e308)), (
        a,
        step,
    )
    assert to_function(a)(step) == got
    assert a(np.array([step, 0]))[0] == pytest.approx(got, rel=1e-14, abs=1e-14 * abs(a.base))


@given(st.sampled_from(CYCLES), BASES, st.sampled_from([1.0, 1.5]), GAINS, st.data())
def test_the_first_cycle_is_the_schedule_itself(a, base, growth, gain, data):
    gain = gain if abs(gain) < 10 else 1.0
    step = data.draw(st.integers(0, int(a.steps) - 1))
    assert a.repeat(gain=gain, base=base, growth=growth)(step) == a(step)
    always = a.repeat(3, base=base, growth=growth)
    assert list(always) == list(a.repeat(3, growth=growth))


def test_no_base_prints_and_computes_as_before():
    a = Cosine(0.3, 0.1, 7).repeat(gain=-0.7)
    assert repr(a) == "Cosine(0.3, 0.1, steps=7).repeat(gain=-0.7)"
    assert a == Cosine(0.3, 0.1, 7).repeat(gain=-0.7, base=0)
    inner = Cosine(0.3, 0.1, 7)
    for k in range(60):
        height = -inner(k % 7) if k // 7 % 2 else inner(k % 7)
        assert a(k) == 0.7 ** (k // 7) * height


@given(repeats())
def test_texts_and_data_keep_the_base(a):
    assert parse(repr(a)) == a
    assert from_dict(to_dict(a)) == a
    assert ("base" in to_dict(a)) == (a.base != 0)


def test_endless_growth_ends_in_infinity_and_never_raises():
    a = Step.every(1.0, 2.0, 3)
    for at in (a, to_function(a), lambda t: float(a(np.array([float(t)]))[0])):
        assert (at(3 * 1023), at(3 * 1024), at(10**300)) == (2.0**1023, math.inf, math.inf)
    swings = Linear(0.0, 1.0, 4).repeat(gain=-1.5)
    steps = [4 * 10**6, 4 * 10**6 + 1, 4 * 10**6 + 5]
    for values in (map(swings, steps), map(to_function(swings), steps), swings(np.array(steps)).tolist()):
        assert list(values) == [0.0, math.inf, -math.inf]
    based = Linear(0.5, 1.0, 4).repeat(gain=3.0, base=0.5)
    assert (based(4 * 10**6), based(4 * 10**6 + 1)) == (0.5, math.inf)


def test_a_value_is_infinite_only_where_it_is_past_every_float():
    """The power alone is past it much earlier, where the value is small."""
    a = Constant(1e-300, 1).repeat(gain=10.0)
    for at in (a, to_function(a), lambda t: float(a(np.array([t]))[0])):
        assert at(600) == pytest.approx(1e300, rel=1e-12)
        assert (at(609), at(700)) == (math.inf, math.inf)
    big = np.array([2**63 + 8], dtype=object).astype(np.uint64)
    assert a(big)[0] == math.inf
    assert last_finite(2.0) == 1023
    assert last_finite(math.nextafter(1.0, 2.0)) > 2**60


def test_source_of_what_a_function_returns_at_a_known_cycle():
    """Past its end, a chain is asked at a number; what its Function returns is known later only."""
    grown = Function(lambda t: t / 4, steps=4).repeat(gain=2.0)
    for cut in (grown[:9], grown[:8], grown[: 4 * 1_100 + 1], grown[: 4 * 1_100]):
        for _ in range(40):
            cut(3)
        assert cut(10**6) == value_at(cut, 10**6)
    assert "inf" in to_source(Linear(0.0, 1.0, 4).repeat(gain=2.0))
    assert to_function(Constant(0.0, 3).repeat(gain=2.0))(10**6) == 0.0


def test_nested_repeats_with_a_base_have_a_short_source():
    a = Linear(0.0, 1.0, 3)
    for _ in range(12):
        a = a.repeat(2, gain=-0.5, base=0.25)
    assert len(to_source(a)) < 10_000
    assert to_function(a)(3 * 4_000) == value_at(a, 12_000)


@given(repeats(), st.lists(st.integers(0, 20_000), min_size=1, max_size=5))
def test_jax_keeps_the_base_and_the_infinity(jax, a, steps):
    single(a, steps, a(jax.numpy.array(steps, dtype="int32")).tolist())


@given(repeats(), st.lists(st.integers(0, 20_000), min_size=1, max_size=5))
def test_torch_keeps_the_base_and_the_infinity(torch, a, steps):
    single(a, steps, a(torch.tensor(steps, dtype=torch.int32)).tolist())


def single(a, steps, found):
    """Compare float32 values, relative to the largest magnitude up to each."""
    for step, got in zip(steps, found, strict=True):
        wanted = value_at(a, step)
        if abs(wanted) > 3.4e38 and a.growth == 1:
            assert got == math.copysign(math.inf, wanted), (a, step)
        elif a.growth == 1 or abs(a.gain) <= 1:
            assert abs(got - wanted) <= 2e-6 * max(top(a, step), 8.0), (a, step, got, wanted)


@pytest.mark.parametrize("gain", [2.0, -1.05, 0.5])
@pytest.mark.parametrize("base", [0.0, 0.1])
def test_torch_compiles_growth_and_a_base(torch, gain, base):
    """What Python raises past the largest float would stop the compiler."""
    a = Linear(0.1, 0.9, 5).repeat(gain=gain, base=base)
    t = torch.tensor([0, 7, 23, 5 * 10**6 + 2])
    compiled = torch.compile(a, fullgraph=True, backend="eager")
    assert torch.equal(compiled(t), a(t))
    assert compiled(t)[:3].tolist() == pytest.approx([a(0), a(7), a(23)], rel=1e-5)


@pytest.mark.parametrize("gain", [1.05, 2.0, 1e10])
def test_powers_in_double_precision_go_up_to_the_largest_float(torch, gain):
    a, last = Constant(1.0, 1).repeat(gain=gain), last_finite(gain)
    got = a(torch.tensor([last - 1, last, last + 1], dtype=torch.float64)).tolist()
    assert got == pytest.approx([gain ** (last - 1), gain**last, math.inf], rel=1e-13)


def test_gradients_go_through_a_base(torch):
    a = TRIANGLE.repeat(gain=-1.5, base=0.1)
    t = torch.tensor([1.5, 13.0, 27.25], dtype=torch.float64, requires_grad=True)
    a(t).sum().backward()
    assert t.grad.tolist() == pytest.approx([0.16, -0.24, -0.36])


def test_cuts_stretches_and_new_targets_keep_the_base():
    a = TRIANGLE.repeat(4, gain=0.5, base=0.1)
    assert a.stretch(steps=80) == TRIANGLE.stretch(steps=20).repeat(4, gain=0.5, base=0.1)
    assert [a[7:](k) for k in range(20)] == [a(7 + k) for k in range(20)]
    longer = retarget(a, at=15, steps=65)
    assert (longer(15), longer(65)) == (a(15), a(40))
    assert (Warmup(1.0, 5) >> a)(20) == a(15)


def test_many_cycles_above_a_base_that_grow_share_one_formula():
    """Without one, a tracer would compile each of hundreds of cycles."""
    cycles = Linear(1.0, 0.1, 20).repeat(400, gain=0.99, growth=1.01, base=0.1).cycles
    assert len({phase._kernel().formula for phase in cycles.phases}) == 2
    assert (Linear(1.0, 0.0, 5) + Linear(1.0, 0.0, 5) + 1.0)._kernel().formula is None
    assert (1.0 + Constant(2.0))._kernel().formula is None
    assert (Function(math.cos, steps=4) + 1.0)._kernel().formula is None
