"""Values in multiples: what counts as one, in every number system, and what is told of its steps."""

import math
import time
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlama_core import (
    Constant,
    Cosine,
    Function,
    Linear,
    Piecewise,
    PowerLaw,
    Product,
    Quantized,
    Step,
    Stretched,
    Warmup,
    bounds,
    breakpoints,
    check,
    describe,
    difference,
    first_step_above,
    first_step_below,
    from_dict,
    mean,
    parse,
    to_dict,
    to_function,
    to_source,
)
from tlama_core.analysis import pieces
from tlama_core.plotting.curves import DRAWN_POINTS, curve
from tlama_core.testing.strategies import schedules

HOWS = ("nearest", "down", "up")
RAMP = Linear(32, 512, steps=1_000)
LONG = (Warmup(512, 10**8) >> Cosine.to(32, 9 * 10**8)).quantize(32)


def quantized(value, multiple=1, how="nearest"):
    return Constant(value).quantize(multiple, how=how)(0)


@pytest.mark.parametrize(
    ("value", "multiple", "wanted"),
    [
        (2.4, 1, (2, 2, 3)),
        (2.5, 1, (3, 2, 3)),
        (-2.5, 1, (-2, -3, -2)),
        (-0.3, 1, (0, -1, 0)),
        (0, 32, (0, 0, 0)),
        (48, 32, (64, 32, 64)),
        (26.999999999999996, 1, (27, 27, 27)),
        (27.000000000000004, 1, (27, 27, 27)),
        (2.5 - 1e-9, 1, (3, 2, 3)),
        (2.5 - 4e-9, 1, (2, 2, 3)),
        (3 - 2e-9, 1, (3, 3, 3)),
        (3 - 4e-9, 1, (3, 2, 3)),
        (3 + 4e-9, 1, (3, 3, 4)),
        (1e-10, 1, (0, 0, 0)),
        (1e-8, 1, (0, 0, 1)),
        (0.3, 0.1, (0.1 * 3,) * 3),
        (2.0**52 + 1, 1, (2.0**52 + 1,) * 3),
        (2.0**53 - 1, 1, (2.0**53 - 1,) * 3),
        (3e8 + 0.4, 1, (3e8 + 1, 3e8, 3e8 + 1)),  # 0.3 from a multiple or a tie is rounding there
        (6e8 + 0.4, 1, (6e8,) * 3),  # so is all there is: the nearest multiple
        (6e8 + 0.5, 1, (6e8 + 1,) * 3),
        (1e300, 1e-300, (1e300,) * 3),
        (5e-324, 1, (0, 0, 0)),
    ],
)
def test_a_value_counts_as_the_multiple_that_it_is_rounded_from(value, multiple, wanted):
    got = tuple(quantized(value, multiple, how) for how in HOWS)
    assert got == wanted
    assert all(type(one) is float for one in got)


@given(st.floats(-1e6, 1e6), st.sampled_from([1.0, 0.5, 0.1, 32.0]))
def test_far_from_an_edge_it_is_the_floor_of_fractions(value, multiple):
    quotient = Fraction(value) / Fraction(multiple)
    near = Fraction(1, 10**9) * max(abs(quotient), 1)
    for how, shift in (("nearest", Fraction(1, 2)), ("down", 0), ("up", 1)):
        edge = round(quotient - shift) + shift
        if abs(quotient - edge) > 2 * near:
            wanted = math.floor(quotient + shift)
            assert quantized(value, multiple, how) == pytest.approx(multiple * wanted, rel=1e-15)


def test_a_count_does_not_depend_on_rounding():
    a = Linear(0, 49, 49)
    assert a(27) < 27
    for how in HOWS:
        assert list(a.quantize(how=how)) == list(range(49))


@pytest.mark.parametrize("how", HOWS)
def test_infinity_and_nan_pass_through(how):
    huge = 1e300 * Linear(-1e300, 1e300, steps=2)
    nothing = huge - huge
    for a in (huge.quantize(3, how=how), nothing.quantize(3, how=how)):
        wanted = [a.schedule(step) for step in range(3)]
        assert [a(step) for step in range(3)] == pytest.approx(wanted, nan_ok=True)
        assert a(np.arange(3)).tolist() == pytest.approx(wanted, nan_ok=True)
        assert [to_function(a)(step) for step in range(3)] == pytest.approx(wanted, nan_ok=True)


def test_it_is_as_long_as_what_it_is_made_of_and_is_cut_and_stretched_with_it():
    chain = Warmup(64, 8) >> Cosine.to(32, 12)
    a = chain.quantize(16)
    assert (a.steps, a.phases, a.starts) == (20, (a,), (0,))
    assert a.stretch(steps=40) == chain.stretch(steps=40).quantize(16)
    assert list(a[3:15]) == list(a)[3:15]
    assert a[3:15].stretch(steps=24) == Stretched(a[3:15], 24)
    assert PowerLaw(64, timescale=9).quantize().steps == math.inf


def test_it_is_written_and_read():
    for text in (
        "Linear(32.0, 512.0, steps=1000).quantize()",
        "Linear(32.0, 512.0, steps=1000).quantize(32.0, how='up')",
        "(0.5 * Warmup(64.0, steps=9)).quantize(how='down')[2:5]",
    ):
        a = parse(text)
        assert repr(a) == text
        assert from_dict(to_dict(a)) == a
    assert parse('RAMP.quantize(32, how="down")', RAMP=RAMP) == RAMP.quantize(32, how="down")
    assert parse("r.quantize(how='nearest')", r=RAMP) == RAMP.quantize() == Quantized(RAMP)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Constant('x')", "Constant.value must be a finite number, got 'x'"),
        ("'down'", "a word is no schedule"),
        ("Constant(1.0) * 'down'", "a word cannot be computed with"),
        ("Constant(1.0).quantize(how='floor')", "Quantized.how must be one of 'nearest', 'down', 'up'"),
        ("Constant(1.0).quantize(how='d o')", '"\'" is not allowed here'),
        ("Constant(1.0).quantize(how=b'down')", "this is not allowed"),
        ("Constant(1.0).quantize(how=f'down')", "this is not allowed"),
        ("Constant(1.0).quantize(how='down)", '"\'" is not allowed here'),
    ],
)
def test_words_in_a_text_are_choices_alone(text, words):
    with pytest.raises(ValueError, match=words):
        parse(text)


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"multiple": 0}, ValueError, "Quantized.multiple must be a finite number > 0, got 0"),
        ({"multiple": -2}, ValueError, "Quantized.multiple must be a finite number > 0, got -2"),
        ({"multiple": math.inf}, ValueError, "Quantized.multiple must be a finite number > 0, got inf"),
        ({"multiple": "32"}, TypeError, "Quantized.multiple must be a finite number > 0, got '32'"),
        ({"how": "floor"}, ValueError, "Quantized.how must be one of 'nearest', 'down', 'up', got 'floor'"),
        ({"how": 1}, TypeError, "Quantized.how must be one of 'nearest', 'down', 'up', got 1"),
    ],
)
def test_it_refuses(given, error, words):
    with pytest.raises(error, match=words):
        RAMP.quantize(**given)
    with pytest.raises(TypeError, match=r"Linear.to\(512.0, steps=9\) has no start"):
        Linear.to(512, 9).quantize(32)


# --- number systems


MANY = Piecewise.of([Linear(k, 3 * k, 20).quantize(k, how=HOWS[k % 3]) for k in range(1, 25)])
TREES = [
    RAMP.quantize(32),
    RAMP.quantize(32, how="down"),
    0.5 * (Warmup(512, 100) >> Cosine.to(64, 900)).quantize(64, how="up"),
    MANY,
    MANY.quantize(7),
    RAMP.quantize(32).repeat(3, gain=0.5),
]


@pytest.mark.parametrize("a", TREES, ids=lambda a: repr(a)[:60])
def test_every_number_system_agrees(jax, torch, a):
    steps = np.arange(1_010)
    wanted = [a(step) for step in steps.tolist()]
    fast = to_function(a)
    assert [fast(step) for step in steps.tolist()] == wanted
    for dtype in ("u2", "i2", "i4", "i8", "u8", "f8", "f4"):
        assert a(steps.astype(dtype)).tolist() == wanted
    for dtype in ("int32", "float32"):
        assert jax.jit(lambda t: a(t))(jax.numpy.asarray(steps, dtype=dtype)).tolist() == wanted
    for dtype in (torch.int16, torch.int32, torch.int64, torch.float32, torch.float64):
        assert a(torch.as_tensor(steps, dtype=dtype)).tolist() == wanted


def test_a_type_narrower_than_double_forgives_more(jax, torch):
    a = Constant(2.5 - 5e-6).quantize()
    assert (a(0), a(torch.zeros(1, dtype=torch.float64)).item(), a(torch.zeros(1)).item()) == (2, 2, 3)
    assert a(jax.numpy.zeros(1)).tolist() == a(jax.numpy.zeros(1, dtype="bfloat16")).tolist() == [3]


def test_gradients_are_0(jax, torch):
    for a in (RAMP.quantize(32), MANY, 2.0 * RAMP.quantize(0.1, how="up") + 1.0):
        assert jax.grad(lambda t, a=a: a(t))(500.0) == 0
        t = torch.tensor([0.0, 3.0, 500.0, 2e6], requires_grad=True)
        a(t).sum().backward()
        assert t.grad.tolist() == [0.0] * 4


def test_a_quotient_that_overflows_gives_the_value_and_no_nan(jax, torch):
    """Every float of that size is a multiple."""
    for a in ((1e30 * RAMP).quantize(1e-30), RAMP.quantize(1e-60)):
        assert a(jax.numpy.float32(500.0)) == pytest.approx(a(500), rel=1e-6)
        assert math.isfinite(jax.grad(lambda t, a=a: a(t))(500.0))
        t = torch.tensor(500.0, requires_grad=True)
        a(t).backward()
        assert math.isfinite(t.grad.item())


def test_torch_compiles_it(torch):
    a = RAMP.quantize(32).clamp(64, 480)
    compiled = torch.compile(lambda t: a(t), fullgraph=True, backend="eager")
    assert [compiled(torch.tensor(step)).item() for step in (0, 33, 400, 2_000)] == [
        a(step) for step in (0, 33, 400, 2_000)
    ]


def test_its_source_is_plain_python_and_computes_a_value_once():
    source = to_source(RAMP.quantize(32)).partition("def as_step")[0]
    assert source.count("32.0 + 480.0 * (step / 1000)") == source.count("// 1.0") == 1
    assert source.splitlines()[0] == "from math import inf"


# --- what is told of it


def test_it_steps_without_joints_and_goes_the_way_of_what_it_is_made_of():
    a = -1.0 * (Warmup(64, 10) >> Constant(64, 5) >> Linear.to(0, 20)).quantize(32)
    assert breakpoints(a) == (10, 15)
    assert [piece.direction for piece in pieces(a, 0, 35)] == [-1, 0, 1]
    assert [piece.grain for piece in pieces(a, 0, 35)] == [32, 32, 32]
    assert [row.then for row in describe(a).rows] == ["goes on", "goes on", "holds -0"]
    assert repr(describe(a).rows[0].phase) == "-1.0 * Warmup(64.0, steps=10).quantize(32.0)"


def test_what_moves_beside_it_steps_nowhere():
    assert [piece.grain for piece in pieces(RAMP.quantize(32) + RAMP, 0, 9)] == [0]
    assert [piece.grain for piece in pieces(RAMP.quantize(32) + RAMP.quantize(8) + 1.0, 0, 9)] == [8]
    assert [piece.grain for piece in pieces(Product((RAMP.quantize(32), Constant(2.0))), 0, 9)] == [0]
    repeated = RAMP.quantize(32).repeat(3, gain=0.5)
    assert [piece.grain for piece in pieces(repeated, 0, 3_000)] == [32, 16, 8]


def test_a_billion_updates_are_answered_at_once():
    began = time.perf_counter()
    found = bounds(LONG)
    assert (found.low, found.high, found.high_step) == (0.0, 512.0, first_step_above(LONG, 500))
    assert LONG(found.high_step - 1) == 480
    assert first_step_below(LONG, 64, start=10**8) is not None
    small = (Warmup(512, 10**3) >> Cosine.to(32, 9 * 10**3)).quantize(32)
    assert mean(LONG) == pytest.approx(math.fsum(small) / 10**4, rel=1e-2)
    assert mean(LONG.clamp(64, 480)) > mean(LONG) > 0
    assert [row.last_value for row in describe(LONG).rows] == [512.0, 32.0]
    assert check(LONG, 10**9, quantity="batch", select="fractional-factor")
    assert difference(LONG, LONG.schedule, 0, 10**6).gap == pytest.approx(5.12, abs=1e-3)
    assert time.perf_counter() - began < 20


@pytest.mark.parametrize("shape", [Linear(3, 900, 5_000), Cosine(700, -20, 5_000), Linear(0, 2_000, 5_000)])
@pytest.mark.parametrize("multiple", [1, 40, 1_000])
def test_the_mean_of_plateaus_is_that_of_all_values(shape, multiple):
    a = (0.25 * shape.quantize(multiple, how="down")).clamp(low=1)
    for start, stop in ((0, 5_000), (7, 4_990), (4_900, 6_000)):
        exact = sum(map(Fraction, map(a, range(start, stop)))) / (stop - start)
        assert mean(a, start, stop) == float(exact)


def test_a_plateau_that_ends_in_infinity_is_evaluated():
    assert math.isnan(mean((1e300 * Linear(0, 1e300, 10_000)).quantize(1e308)))


@given(schedules(3, endless=False).filter(lambda a: 0 < a.steps < 2_000), st.sampled_from([0.25, 1.0]))
def test_bounds_are_those_of_what_is_quantized(a, multiple):
    b = Quantized(a, multiple)
    found, inner = bounds(b), bounds(a)
    assert (found.low, found.high) == (b.quantized(inner.low), b.quantized(inner.high))


# --- findings


@pytest.mark.parametrize(
    ("a", "jumps"),
    [
        (LONG, []),
        ((Linear(32, 100, 1_000) >> Linear(101, 500, 1_000)).quantize(50), []),
        (Linear(32, 100, 1_000).quantize(32) >> Linear(100, 512, 1_000).quantize(64), []),
        (Linear(32, 100, 1_000) >> Linear(100, 512, 1_000).quantize(64), []),
        (0.5 * Linear(32, 100, 1_000).quantize(64) + 1.0 >> 0.5 * Constant(80).quantize(32), []),
        ((Linear(32, 100, 1_000) >> Linear(300, 500, 1_000)).quantize(50), [1_000]),
        (Linear(32, 100, 1_000) >> 0.5 * Linear(300, 500, 1_000).quantize(50), [1_000]),
    ],
    ids=lambda case: repr(case)[:60],
)
def test_a_step_of_one_multiple_is_no_jump(a, jumps):
    found = check(a, quantity="batch", ignore="zero-first-update")
    assert [one.step for one in found if one.code == "jump"] == jumps


def test_a_drop_that_quantizing_hides_repeats_no_factor():
    a = Step(512, {3_000: 0.99, 6_000: 0.5}, 9_000).quantize(64)
    assert check(a, 9_000, quantity="batch") == ()


def fractional(a, steps=None):
    (found,) = check(a, steps, quantity="batch", select="fractional-factor", ignore="looks-like-epochs")
    assert found.code == "fractional-factor"
    return found.step, found.message


def test_a_factor_that_is_no_whole_number_is_told_where_it_is_asked_for():
    a = RAMP.quantize(32)
    assert check(a, quantity="batch") == ()
    assert fractional(a) == (100, "the value changes from 64 to 96 (x 1.5)")
    assert fractional(Step(96, {500: 2 / 3}, 1_000)) == (500, "the value changes from 96 to 64 (x 0.6667)")
    assert fractional((RAMP * Constant(1.0)).quantize(32))[0] == 100  # evaluated
    assert fractional(Linear(8, 13, 100).quantize(how="down")) == (
        20,
        "the value changes from 8 to 9 (x 1.125)",
    )


@pytest.mark.parametrize(
    "a",
    [
        Step(32, {1_000: 2, 2_000: 4, 3_000: 1}, 4_000),
        Linear(0, 1, 2_000).quantize(),  # from 0 there is no factor
        Constant(64),
        RAMP,  # moves, and is no batch
        Step(0.5, {1_000: 3}, 4_000),
        Linear(-64, 96, 1_000).quantize(32),
        (1e300 * Linear(1e300, 1e307, 1_000)).quantize(),
        Function(lambda t: 32.0 * (1 + (t > 500)), 1_000).quantize(32) >> Constant(128),
        Function(lambda t: 32.0 * (1 + (t > 150_000) * 2), 400_000).quantize(64),  # too late to be looked at
    ],
    ids=lambda a: repr(a)[:40].partition(" at 0x")[0],
)
def test_whole_factors_and_what_is_no_batch_are_not(a):
    found = check(a, quantity="batch", select="fractional-factor")
    assert "fractional-factor" not in [one.code for one in found]


# --- pictures


@pytest.mark.parametrize("steps", [100, 10**6, 10**9])
def test_its_steps_are_drawn_as_steps(steps):
    a = Linear(32, 160, steps).quantize(32)
    times, values = curve(a, steps)
    assert len(times) <= DRAWN_POINTS + 20
    rises = [(times[i - 1], times[i]) for i in range(1, len(times)) if values[i] != values[i - 1]]
    assert len(rises) == 4
    assert all(before == after for before, after in rises)
    assert [before for before, _ in rises][:1] == [first_step_above(a, 32)]


def test_more_steps_than_a_picture_has_points_are_a_curve():
    times, values = curve(Linear(0, 10**6, 10**9).quantize(), 10**9)
    assert len(times) <= DRAWN_POINTS + 20
    assert values[-1] == 10**6
