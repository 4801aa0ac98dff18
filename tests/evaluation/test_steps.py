"""What a step may be, and what comes back for it."""

import math
import subprocess
import sys
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tlama_core import Constant, Cosine, Function, Linear, Piecewise, PowerLaw, Step, Warmup
from tlama_core.testing.laws import about_equal, magnitude
from tlama_core.testing.strategies import schedules

A = Warmup(1.0, 4) >> Linear.to(0.0, 8)
ENDLESS = Warmup(1.0, 4) >> PowerLaw(1.0, timescale=4)


class Index:
    """An integer of another library."""

    def __index__(self):
        return 4


@pytest.mark.parametrize(
    "step",
    [4, 4.0, np.int8(4), np.uint64(4), np.float16(4), np.float64(4), np.longdouble(4), Index()],
    ids=lambda step: type(step).__name__,
)
def test_a_number_gives_a_python_float(step):
    assert type(A(step)) is float
    assert A(step) == 1.0


def test_whole_steps_are_compared_as_whole_numbers():
    assert [A(np.uint8(255)), A(np.int8(127))] == [0.0, 0.0]
    wide = Linear(0.0, 2.0**30, 2**30)
    assert wide(2**24) + 1 == wide(2**24 + 1)
    assert Warmup(1.0, 300)(np.uint8(255)) == 256 / 300
    assert Linear(0.0, 1.0, 10**18)(10**18 - 1) == 1.0 - 1e-18
    assert A(10**400) == 0.0
    assert ENDLESS(10**400) == ENDLESS(10**300)


@pytest.mark.parametrize("step", [math.inf, np.inf, np.float32(np.inf), 1e308, 10**400])
def test_past_the_end_is_the_end(step):
    assert A(step) == 0.0
    assert A(np.array([1e308, np.inf])).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("step", [math.inf, np.inf, np.array([1.0, np.inf])])
def test_an_endless_schedule_has_no_end(step):
    with pytest.raises(ValueError, match="endless schedule has no value at step inf"):
        ENDLESS(step)


@pytest.mark.parametrize(
    "step", [-1, -1e-300, -(10**400), math.nan, -math.inf, np.int8(-1), np.float32("nan")]
)
def test_a_step_before_the_start_is_refused(step):
    with pytest.raises(ValueError, match="a step must be >= 0, got (-|nan|an integer)"):
        A(step)


@pytest.mark.parametrize(
    "step",
    [True, np.bool_(True), "5", b"5", None, 1j, [1], (1,), {1}, Fraction(1), Decimal(1), object(), A],
    ids=lambda step: type(step).__name__,
)
def test_a_step_that_is_no_number_is_refused_by_its_type(step):
    with pytest.raises(TypeError, match=f"a step must be a number or an array, got a {type(step).__name__}"):
        A(step)


@pytest.mark.parametrize(
    "step", [np.array([1, -2]), np.array([0.5, -0.5]), np.array([[np.nan]]), np.array(-1)]
)
def test_an_array_with_a_step_before_the_start_is_refused(step):
    with pytest.raises(ValueError, match="every step must be >= 0, got (-|nan)"):
        A(step)


@pytest.mark.parametrize(
    "step",
    [np.array([True]), np.array(["1"]), np.array([None]), np.array([1j]), np.array(["2020"], dtype="M8[Y]")],
    ids=lambda step: step.dtype.name,
)
def test_an_array_of_anything_else_is_refused_by_its_dtype(step):
    with pytest.raises(TypeError, match="an array of steps must hold numbers, got dtype"):
        A(step)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_a_floating_array_keeps_its_dtype(dtype):
    assert A(np.array([1, 2], dtype=dtype)).dtype == dtype
    assert (1e300 * A)(np.array([5], dtype=np.float16)).dtype == np.float16


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64, np.uint64, np.dtype(">i4")])
def test_an_integer_array_gives_doubles(dtype):
    assert A(np.array([0, 3, 127], dtype=dtype)).tolist() == [0.25, 1.0, 0.0]
    assert A(np.array([0], dtype=dtype)).dtype == np.float64


def test_the_array_of_the_caller_is_left_alone():
    steps = np.array([300, 2, 1])
    A(steps)
    assert steps.tolist() == [300, 2, 1]


def test_lengths_beyond_64_bits_serve_arrays_too():
    wide = Linear(0.0, 1.0, 10**30) >> Cosine.to(0.0, 10**30)
    far = np.array([0, 2**62], dtype=np.uint64)
    assert wide(far).tolist() == pytest.approx([wide(0), wide(2**62)], rel=1e-15)
    assert wide(np.array([5e29, 1.5e30])).tolist() == pytest.approx([0.5, 0.5])
    assert wide[10**30 :](np.arange(2)).tolist() == [1.0, 1.0]
    assert wide.repeat()(np.array([2**62])).item() == pytest.approx(wide(2**62), rel=1e-15)
    assert (wide + A)(np.array([2**63], dtype=np.uint64)).item() == pytest.approx(2**63 / 1e30)
    assert wide.stretch(steps=10**20)(np.arange(3))[1] == wide(2e10)
    assert Linear(0, 1, 10**20)(np.array([2**64 - 1], dtype=np.uint64)).item() == (2**64 - 1) / 10**20


def test_overflow_is_infinity_for_numbers_and_arrays_alike():
    huge = 1e300 * Constant(1e300, 5)
    assert huge(0) == math.inf
    assert huge(np.arange(2)).tolist() == [math.inf, math.inf]


@given(
    schedules(3),
    hnp.arrays(st.sampled_from([np.int32, np.uint8, np.float32, np.float64]), hnp.array_shapes(min_side=0)),
)
def test_arrays_of_any_shape_order_and_dtype_are_served_element_by_element(a, steps):
    with np.errstate(all="ignore"):
        steps = np.abs(np.nan_to_num(steps, posinf=9, neginf=9) % 97)
    if steps.dtype.kind == "f":
        steps = np.floor(steps)  # at a jump, a time between steps may round to either side
    got = a(steps)
    assert got.shape == steps.shape
    for step, value in zip(steps.ravel().tolist(), got.ravel().tolist(), strict=True):
        wanted, scale = a(step), magnitude(a)
        tolerance = 1e-6 * scale + 1e-44 if steps.dtype == np.float32 else 0
        assert about_equal(value, wanted, scale) or abs(value - wanted) <= tolerance


def test_blocks_and_orders_do_not_matter():
    chain = Piecewise.of([Cosine(1.0, 0.1, 10_000), Function(math.cos, 5_000), Linear(1, 0, 30_000)])
    steps = np.arange(chain.steps + 5)
    values = chain(steps)
    assert chain(steps[::-1]).tolist() == values[::-1].tolist()
    shuffled = np.random.default_rng(0).permutation(steps)
    assert chain(shuffled).tolist() == values[shuffled].tolist()
    assert np.asarray(chain).tolist() == values[: int(chain.steps)].tolist()


def test_an_empty_array_gives_an_empty_array():
    assert A(np.zeros((0, 3), dtype=int)).shape == (0, 3)
    assert A[:0].sample(0).shape == (0,)


def test_a_number_needs_no_numpy():
    """Evaluating, printing and comparing load nothing but attrs."""
    code = (
        "import sys; from tlama_core import *\n"
        "a = Warmup(1.0, 4) >> Cosine.to(0.0, 8)\n"
        "try: a([1])\n"
        "except TypeError: pass\n"
        "assert a(5) < 1 and repr(a) and a == a\n"
        "assert not {'numpy', 'matplotlib', 'torch', 'jax'} & set(sys.modules), sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_repeated_chain_meets_its_phases_out_of_order():
    again = A.repeat(3, gain=0.5)
    steps = np.arange(again.steps + 2)
    assert again(steps).tolist() == pytest.approx([again(t) for t in steps.tolist()], rel=1e-15)


def test_many_phases_of_many_kinds_are_computed_together():
    phases = [Constant(1.0, 2), Linear(1, 0, 3), Cosine(0, 1, 3), Warmup(2.0, 2), 0.5 * Linear(1, 0, 3)] * 10
    never = PowerLaw(1.0, 0, timescale=2)  # of no length: the only one of its kind, and it owns no update
    chain = Piecewise.of([*phases, never, Function(math.cos, 3), *phases])
    steps = np.arange(chain.steps + 2)
    assert chain(steps).tolist() == pytest.approx([chain(t) for t in steps.tolist()], rel=1e-15)


def test_a_long_chain_serves_steps_in_any_order():
    chain = Piecewise.of([Cosine(1.0, 0.1, 10), Linear(0, 1, 5)] * 20)
    steps = np.arange(chain.steps + 3)
    shuffled = np.random.default_rng(0).permutation(steps)
    assert chain(shuffled).tolist() == chain(steps)[shuffled].tolist()


def test_a_stretch_too_long_for_whole_numbers_is_served_in_floats():
    far = Function(math.sqrt, 10**17).stretch(steps=10**18)
    assert far(np.array([0, 10**17])).tolist() == [0.0, 1e8]
    assert far(1e17) == 1e8


def test_the_largest_integers_do_not_wrap():
    last = np.array([2**63 - 1])
    assert Warmup(1.0, 10**19)(last).item() == pytest.approx(0.9223372036854775)
    assert PowerLaw(1.0, timescale=10)[2**62 :](last).item() == pytest.approx(8.5e-10, rel=0.01)
    assert (Constant(1.0, 2**63 + 5) >> Constant(2.0))(np.array([2**64 - 1], dtype=np.uint64)).item() == 2.0
    far = Step(1.0, {2**53 + 1: 0.5, 2**70: 0.1})
    assert far(np.array([2**53, 2**53 + 1])).tolist() == [1.0, 0.5]
