"""The nodes and operators: what they build, and what they refuse."""

import copy
import math
import pickle
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlama_core import (
    Constant,
    Cosine,
    Exponential,
    Function,
    Linear,
    Maximum,
    Minimum,
    OpenScheduleError,
    Piecewise,
    Polynomial,
    PowerLaw,
    Product,
    Repeated,
    Scaled,
    Schedule,
    Sliced,
    Step,
    Stretched,
    Sum,
    Warmup,
    maximum,
    minimum,
)
from tlama_core.testing.laws import about_equal, magnitude, steps_of
from tlama_core.testing.strategies import lengths, schedules, shapes

PRETRAIN = Warmup(3e-4, steps=2_000) >> Cosine.to(3e-5, steps=98_000)
TAIL = Constant.hold(steps=78_000) >> Linear.to(0.0, steps=20_000)


def test_a_schedule_is_an_interface():
    with pytest.raises(TypeError, match="abstract"):
        Schedule()


# --- what prints is what builds ------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "Warmup(0.0003, steps=2000) >> Cosine(0.0003, 3e-05, steps=98000)",
        "0.9 * (Warmup(1.0, steps=2) >> Constant(1.0))",
        "2.0 * (3.0 * Constant(1.0, steps=4))",
        "2.0 * Constant(1.0) * Constant(3.0)",
        "Constant(1.0, steps=2) * (Constant(2.0) * Constant(3.0))",
        "Linear(1.0, 0.0, steps=5) + -1.0 * Warmup(1.0, steps=5)",
        "Linear(1.0, 0.0, steps=5) + (Constant(1.0, steps=3) + 2.0)",
        "1.0 + Linear(1.0, 0.0, steps=5) + 2.0",
        "Constant(1.0) + 2.0",
        "Constant(1.0) + 2.0 + 3.0",
        "maximum(Constant(1.0), 2.0)",
        "minimum(maximum(Linear(1.0, 0.0, steps=5), 0.1), 0.9)",
        "maximum(Constant(1.0, steps=2) >> Constant(2.0), 1.5)",
        "(Constant(1.0, steps=2) >> Constant(2.0, steps=2)).repeat(3, gain=0.5, growth=2.0)",
        "Cosine(1.0, 0.0, steps=10).repeat()",
        "(-1.0 * Cosine(1.0, 0.0, steps=10)).repeat(gain=-0.5)",
        "Cosine(1.0, 0.0, steps=10)[2:5]",
        "Cosine(1.0, 0.0, steps=10)[:5]",
        "Cosine(1.0, 0.0, steps=10)[5:]",
        "PowerLaw(1.0, timescale=10.0)[5:]",
        "(1.0 + Cosine(1.0, 0.0, steps=10))[5:]",
        "Cosine(1.0, 0.0, steps=10)[5:].stretch(steps=7)",
        "Polynomial(1.0, 0.0, steps=10, power=2.0)",
        "Exponential(1.0, 0.1, steps=10)",
        "Exponential(1.0, 0.0, steps=10, rate=3.0)",
        "PowerLaw(1.0, steps=10, timescale=2.0, exponent=-1.0)",
        "Step(1.0, {30: 0.1, 60: 0.01}, steps=90)",
        "Step(1.0, {})",
        "Constant(-1.0)",
        "Piecewise.of([" + ", ".join(["Constant(1.0, steps=1)"] * 21) + "])",
        "Sum([Constant(1.0), " + ", ".join(["Constant(1.0, steps=1)"] * 20) + "])",
        "2.0 * Product([" + ", ".join(["Constant(1.0, steps=1)"] * 21) + "])",
    ],
)
def test_a_text_builds_what_prints_it(text):
    from tlama_core import __all__ as names

    built = eval(text, {name: getattr(sys.modules["tlama_core"], name) for name in names})
    assert repr(built) == text


@given(schedules(4))
def test_every_printed_tree_builds_itself_again(a):
    if "built-in" not in repr(a):
        assert eval(repr(a), vars(sys.modules["tlama_core"])) == a


def test_operators_build_their_nodes():
    a, b = Linear(1, 0, 10), Cosine(1, 0, 20)
    assert a >> b == Piecewise((a, b)) == a.then(b) == Piecewise.of([a, b])
    assert 2 * a == a * 2 == a.scale(2) == Scaled(2.0, a)
    assert a / 4 == Scaled(0.25, a)
    assert -a == Scaled(-1.0, a)
    assert a * b == Product((a, b))
    assert a + b == Sum((a, b))
    assert a - b == Sum((a, -b))
    assert a + 1 == Sum((a, Constant(1)))
    assert 1 - a == Sum((Constant(1), -a))
    assert a - 1 == Sum((a, Constant(-1)))
    assert maximum(a, b) == Maximum((a, b))
    assert minimum(a, 0.5) == Minimum((a, Constant(0.5)))
    assert a.clamp(0.1, 0.9) == minimum(maximum(a, 0.1), 0.9)
    assert a.clamp(high=0.9) == minimum(a, 0.9)
    assert a.repeat(3) == Repeated(a, 3)
    assert a[2:5] == Sliced(a, 2, 5)
    assert a[2:5].stretch(steps=9) == Stretched(Sliced(a, 2, 5), 9)


def test_subtracting_is_adding_the_negative_number():
    a = Linear(1, 0, 10)
    assert a - np.uint8(5) == a - 5 == a + -5.0
    assert a - Constant(0.5) == a - 0.5
    assert (a - Constant(0.5)).steps == 10
    assert (1 - Constant(0.5)) == Constant(1.0) + -0.5


def test_only_exact_laws_normalise():
    a, b, c = Linear(1, 0, 10), Cosine(1, 0, 20), Warmup(1, 5)
    assert (a >> b) >> c == a >> (b >> c)
    assert (a + b) + c == Sum((a, b, c)) != a + (b + c)
    assert 2 * (3 * a) == Scaled(2, Scaled(3, a)) != 6 * a
    assert Piecewise((a, b >> c)) == a >> b >> c
    assert Piecewise.of([a]) is a
    assert Piecewise.of([a >> b, c]) == Piecewise.of([a, b, c])


def test_a_chain_of_many_terms_is_flat():
    assert sum([Linear(1, 0, 10)] * 500)._extent.depth == 1


def test_phases_know_where_they_start():
    assert (PRETRAIN.phases, PRETRAIN.starts) == (
        (Warmup(3e-4, 2_000), Cosine(3e-4, 3e-5, 98_000)),
        (0, 2_000),
    )


# --- open phases ---------------------------------------------------------------------------------


def test_an_open_phase_starts_where_the_phase_before_it_ends():
    assert Warmup(3e-4, 2_000) >> TAIL == (
        Warmup(3e-4, 2_000) >> Constant(3e-4, 78_000) >> Linear(3e-4, 0.0, 20_000)
    )
    assert Warmup(1.0, steps=0) >> Linear.to(0.0, 5) == Warmup(1.0, 0) >> Linear(1.0, 0.0, 5)
    assert Constant(1.0, 5) >> Constant.hold() == Constant(1.0, 5) >> Constant(1.0)
    assert Constant(1.0, 5) >> Exponential.to(0.1, 5, rate=2) >> Polynomial.to(0, 5, power=2) == (
        Constant(1.0, 5) >> Exponential(1.0, 0.1, 5, rate=2) >> Polynomial(0.1, 0.0, 5, power=2)
    )


@pytest.mark.parametrize(
    "misuse",
    [
        lambda a: a(3),
        lambda a: 2 * a,
        lambda a: a * 2,
        lambda a: a / 2,
        lambda a: -a,
        lambda a: a + 1,
        lambda a: 1 + a,
        lambda a: a - 1,
        lambda a: 1 - a,
        lambda a: a[2:],
        lambda a: a.steps,
        lambda a: len(a),
        lambda a: list(a),
        lambda a: a.repeat(2),
        lambda a: a.stretch(steps=2),
        lambda a: a.clamp(0, 1),
        lambda a: a.scale(2),
        lambda a: a.sample(2),
        lambda a: np.asarray(a),
        lambda a: Constant(1.0) * a,
        lambda a: Constant(1.0) + a,
        lambda a: 3 >> a,
        lambda a: maximum(Constant(1.0), a),
        lambda a: Piecewise.of([a, Constant(1.0)]),
        lambda a: Scaled(2.0, a),
        lambda a: Sum((Constant(1.0), a)),
    ],
)
@pytest.mark.parametrize("a", [Linear.to(0.0, steps=5), TAIL], ids=repr)
def test_anything_but_chaining_an_open_phase_says_what_to_write(misuse, a):
    with pytest.raises(OpenScheduleError, match="write Constant"):
        misuse(a)


def test_open_phases_are_values_that_print_as_they_were_written():
    assert repr(Warmup(1, 2) >> Constant.hold(5)) == "Warmup(1.0, steps=2) >> Constant(1.0, steps=5)"
    assert repr(TAIL) == "Constant.hold(steps=78000) >> Linear.to(0.0, steps=20000)"
    assert repr(Polynomial.to(0, 5, power=2)) == "Polynomial.to(0.0, steps=5, power=2.0)"
    assert (
        repr(Linear.to(0, 5) >> (Warmup(1, 2) + 1)) == "Linear.to(0.0, steps=5) >> Warmup(1.0, steps=2) + 1.0"
    )
    again = Constant.hold(78_000) >> Linear.to(0, 20_000)
    assert (again, hash(again)) == (TAIL, hash(TAIL))
    assert pickle.loads(pickle.dumps(TAIL)) == TAIL


@pytest.mark.parametrize(
    ("mistake", "error", "words"),
    [
        (lambda: Linear.to(math.nan, 5), ValueError, "Linear.end must be a finite number, got nan"),
        (lambda: Linear.to(0.0, -5), ValueError, "Linear.steps must be a whole number >= 0, got -5"),
        (lambda: Exponential.to(0.0, 5), ValueError, "Exponential.end must be > 0"),
        (lambda: Constant(0.0, 5) >> Exponential.to(1.0, 5), ValueError, "Exponential.start must be > 0"),
        (lambda: Constant(1.0) >> Linear.to(0, 5), ValueError, r"finite \(only the last may be endless\)"),
        (lambda: Linear.to(0, 5) >> 3, TypeError, "unsupported operand"),
        (lambda: Linear.to(0, 5).then(3), TypeError, "phase 0 of a chain must be a schedule, got 3"),
        (lambda: Constant(1.0, 1) >> Constant.hold() >> Linear.to(0, 5), ValueError, "only the last"),
    ],
)
def test_an_open_phase_refuses(mistake, error, words):
    with pytest.raises(error, match=words):
        mistake()


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "mistake",
    [
        lambda a: a >> 3,
        lambda a: 3 >> a,
        lambda a: a * "2",
        lambda a: "2" * a,
        lambda a: a * True,
        lambda a: None + a,
        lambda a: a + None,
        lambda a: a - "x",
        lambda a: "x" - a,
        lambda a: a / a,
        lambda a: 1 / a,
        lambda a: a / None,
        lambda a: a**2,
        lambda a: a // 2,
        lambda a: a % 2,
        lambda a: a @ a,
        lambda a: a < a,  # noqa: PLR0124
        lambda a: a | a,
        lambda a: abs(a),
        lambda a: np.array([1, 2]) * a,
        lambda a: a + np.array([1, 2]),
        lambda a: np.add(a, 1),
    ],
)
def test_other_operators_are_pythons_own_type_error(mistake):
    with pytest.raises(TypeError):
        mistake(Linear(1.0, 0.0, 10))


@pytest.mark.parametrize(
    ("mistake", "error", "words"),
    [
        (lambda a: a.then(3), TypeError, "phase 1 of a chain must be a schedule, got 3"),
        (lambda a: a.scale("2"), TypeError, "Scaled.factor must be a finite number, got '2'"),
        (lambda a: math.nan * a, ValueError, "Scaled.factor must be a finite number, got nan"),
        (lambda a: a / 0, ValueError, "divisor of a schedule must be a number with a finite inverse, got 0"),
        (
            lambda a: a / 5e-324,
            ValueError,
            "divisor of a schedule must be a number with a finite inverse, got 5e-324",
        ),
        (lambda a: a / math.inf, ValueError, "divisor of a schedule must be a finite number, got inf"),
        (lambda a: a + math.inf, ValueError, "a number beside a schedule must be a finite number, got inf"),
        (lambda a: Constant(1.0) >> a, ValueError, "phase 0 of a chain must be finite"),
        (lambda a: Piecewise((a,)), ValueError, "Piecewise.phases must be two schedules or more"),
        (
            lambda a: Piecewise((a, Linear.to(0, 5))),
            ValueError,
            "Piecewise.phases must be schedules .Piecewise.of and >> also take open",
        ),
        (lambda a: Piecewise.of([]), ValueError, "at least one phase"),
        (lambda a: Sum((a,)), ValueError, "Sum.terms must be two schedules or more"),
        (lambda a: Product((a, 2)), TypeError, "Product.terms must be a schedule, got 2"),
        (lambda a: maximum(a), TypeError, "maximum must be given two operands or more"),
        (lambda a: maximum(1, 2), TypeError, "maximum must be given two operands or more"),
        (lambda a: minimum(a, "1"), TypeError, "operand of minimum must be a schedule or a number, got '1'"),
        (lambda a: a.clamp(), ValueError, "clamp needs low, high or both"),
        (lambda a: a.clamp(2, 1), ValueError, "clamp.low must be at most clamp.high, got 2 > 1"),
        (lambda a: a.repeat(0), ValueError, "Repeated.times must be a whole number >= 1, got 0"),
        (lambda a: a.repeat(2.0), ValueError, "Repeated.times must be a whole number >= 1"),
        (lambda a: a.repeat(2, growth=0), ValueError, "Repeated.growth must be a finite number > 0, got 0"),
        (lambda a: a.repeat(growth=0.5), ValueError, "Repeated.growth must be >= 1 in an endless"),
        (
            lambda a: a.repeat(gain=1e9, growth=2),
            ValueError,
            "Repeated.gain must be such that its last power",
        ),
        (lambda a: a.repeat(base="x"), TypeError, "Repeated.base must be a finite number, got 'x'"),
        (lambda a: a.repeat(base=1e999), ValueError, "Repeated.base must be a finite number, got inf"),
        (lambda a: a.repeat(5, growth=0.1), ValueError, "no cycle is below one step"),
        (lambda a: a.repeat(500, gain=10), ValueError, "Repeated.gain must be such that its last power"),
        (lambda a: a.repeat(10_001, growth=1.5), ValueError, "Repeated.times must be at most 10000 where"),
        (lambda a: a.repeat(10_000, growth=9), ValueError, "Repeated.growth must be such that it ends by"),
        (lambda a: a.repeat(growth=1.0001), ValueError, "10,000 cycles take it past .* or give times="),
        (lambda a: a.repeat(10**300), ValueError, "Repeated.steps must be at most"),
        (lambda a: a[:0].repeat(2), ValueError, "Repeated.schedule must be of finite length >= 1"),
        (lambda a: Constant(1.0).repeat(2), ValueError, "Repeated.schedule must be of finite length >= 1"),
        (lambda a: a[3], TypeError, r"a slice a\[i:j\] cuts a schedule and a\(k\) is a value, got a\[3\]"),
        (lambda a: a[::0], ValueError, "the stride of a slice must be a whole number >= 1, got 0"),
        (lambda a: a[::-1], ValueError, "the stride of a slice must be a whole number >= 1, got -1"),
        (lambda a: a[::2.5], ValueError, "the stride of a slice must be a whole number"),
        (
            lambda a: Sliced(a, 3, 4, 2),
            ValueError,
            "Sliced.stride must be 1 where at most one update is left",
        ),
        (lambda a: a[5:3], ValueError, "start <= stop, got 5 > 3"),
        (lambda a: a[:11], ValueError, "a slice index must be at most the length 10, got 11"),
        (lambda a: a[-11:], ValueError, "a slice index must be a whole number >= -10, got -11"),
        (lambda a: a[1.5:], ValueError, "a slice index must be a whole number"),
        (lambda a: a["1":], TypeError, "a slice index must be a whole number"),
        (lambda a: Constant(1.0)[-1:], ValueError, "a slice index must be a whole number >= 0, got -1"),
        (lambda a: Sliced(a, 5, 11), ValueError, "Sliced must be start <= stop <= 10, got '5:11'"),
        (lambda a: Sliced(a, 0, 10), ValueError, "Sliced.schedule must be cut by"),
        (lambda a: Sliced(a[1:], 0, 5), ValueError, "Sliced.schedule must be cut by"),
        (lambda a: Sliced(3, 0, 5), TypeError, "Sliced.schedule must be a schedule, got 3"),
        (lambda a: a.stretch(steps=-1), ValueError, "stretch.steps must be a whole number >= 0, got -1"),
        (lambda a: a.stretch(steps=2.5), ValueError, "stretch.steps must be a whole number >= 0"),
        (lambda a: Constant(1.0).stretch(steps=5), ValueError, "an endless schedule cannot be stretched"),
        (lambda a: Stretched(a, 20), ValueError, "Stretched.schedule must be stretched by a.stretch"),
        (
            lambda a: a[2:].stretch(steps=3) and Stretched(a[2:].stretch(steps=3), 5),
            ValueError,
            "stretched by",
        ),
        (lambda a: len(a.repeat(10**30)), ValueError, r"what len\(\) counts must be <= \d+, got 10{31}$"),
        (lambda a: Stretched(a, 10), ValueError, "Stretched.schedule must be finite and of another length"),
        (lambda a: a.sample(-1), ValueError, "sample.n must be a whole number >= 0, got -1"),
        (
            lambda a: Linear(1, 0, 10**300) >> Linear(1, 0, 10**300),
            ValueError,
            "Piecewise.steps must be at most",
        ),
        (lambda a: np.asarray(a, copy=False), ValueError, "no array to share"),
    ],
)
def test_nodes_refuse(mistake, error, words):
    with pytest.raises(error, match=words):
        mistake(Linear(1.0, 0.0, 10))


def test_nesting_is_bounded_where_it_is_built():
    a = Linear(1.0, 0.0, 10)
    for _ in range(64):
        a = 2 * a
    assert a(0) == 2.0**64
    with pytest.raises(ValueError, match="Scaled must nest at most 64 deep, got 65"):
        2 * a


@given(lengths(1))
def test_growing_cycles_of_the_deepest_tree_still_evaluate(n):
    a = Linear(1.0, 0.0, n)
    for _ in range(61):
        a = 1 * a
    cycles = a.repeat(3, gain=0.5, growth=2)
    assert (cycles._extent.depth, cycles(n)) == (64, 0.5)


# --- evaluation ----------------------------------------------------------------------------------


def test_an_empty_phase_stays_in_the_chain_and_owns_no_update():
    chain = Constant(1.0, 2) >> Constant(5.0, 0) >> Linear.to(0.0, 5)
    assert chain.phases[2] == Linear(5.0, 0.0, 5)
    assert [chain(1), chain(2)] == [1.0, 5.0]
    ended = Constant(1.0, 2) >> Constant(5.0, 0)
    assert [ended(1), ended(2), ended(9)] == [1.0, 5.0, 5.0]
    assert ended(np.arange(4)).tolist() == [1.0, 1.0, 5.0, 5.0]


@pytest.mark.parametrize("start", [0, 3, 5, 6, 40])
def test_a_chain_that_ends_in_an_endless_phase_is_cut_within_it(start):
    """Where it is cut, a phase without an end has none after it either."""
    endless = Warmup(1.0, 5) >> Cosine(1.0, 0.1, 10).repeat()
    rest = endless[start:]
    assert rest.steps == math.inf
    assert list(rest.sample(60)) == [endless(start + step) for step in range(60)]
    assert list(endless[start::3].sample(20)) == [endless(start + 3 * step) for step in range(20)]
    assert list(endless[start:57]) == list(endless.sample(57))[start:]


def test_a_slice_keeps_empty_phases_at_its_cuts():
    a, z, b = Constant(1.0, 2), Constant(5.0, 0), Constant(3.0, 4)
    chain = a >> z >> b
    assert chain[:2] == a >> z
    assert chain[2:] == z >> b
    assert chain[2:2] == z
    assert (a >> b)[2:2] == Constant(3.0, 0)
    assert (a >> b)[6:6] == Constant(3.0, 0)
    assert chain[:] is chain


def test_a_cut_constant_is_a_constant():
    assert Constant(1.0)[5:] == Constant(1.0)
    assert Constant(1.0)[5:8] == Constant(1.0, 3)
    assert (Warmup(1.0, 5) >> Constant(1.0))[:50] == Warmup(1.0, 5) >> Constant(1.0, 45)


def test_negative_indices_count_from_the_end():
    assert PRETRAIN[-100:] == PRETRAIN[99_900:]
    assert PRETRAIN[:-98_000] == Warmup(3e-4, 2_000)


def test_a_resumed_run_does_not_jump():
    resumed = PRETRAIN[:60_000] >> PRETRAIN[60_000:].stretch(steps=140_000)
    assert resumed(60_000) == PRETRAIN(60_000)
    assert resumed.steps == 200_000
    assert resumed(200_000) == 3e-5


def test_stretching_rebuilds_what_has_lengths():
    warm, fn = Warmup(1.0, 10), Function(math.cos, 10)
    step = Step(1.0, {5: 0.5, 6: 0.1}, 10)
    assert (warm >> Cosine(1, 0, 90)).stretch(steps=50) == Warmup(1, 5) >> Cosine(1, 0, 45)
    assert (2 * warm).stretch(steps=20) == 2 * Warmup(1, 20)
    assert (warm + 1).stretch(steps=20) == Warmup(1, 20) + 1
    assert (warm * Linear(1, 0, 20)).stretch(steps=40) == Warmup(1, 20) * Linear(1, 0, 40)
    assert PowerLaw(1, 10, timescale=2).stretch(steps=20) == PowerLaw(1, 20, timescale=4)
    assert step.stretch(steps=20) == Step(1, {10: 0.5, 12: 0.1}, 20)
    assert step.stretch(steps=2) == Stretched(step, 2)
    assert PowerLaw(1, 10, timescale=2).stretch(steps=0) == Stretched(PowerLaw(1, 10, timescale=2), 0)
    assert fn.stretch(steps=5) == Stretched(fn, 5)
    assert fn.stretch(steps=5).stretch(steps=7) == Stretched(fn, 7)
    assert fn.stretch(steps=5).stretch(steps=10) is fn
    assert warm.repeat(3).stretch(steps=60) == Warmup(1, 20).repeat(3)
    assert warm.repeat(3).stretch(steps=31) == Stretched(warm.repeat(3), 31)
    assert warm.repeat(3, growth=2).stretch(steps=140) == Warmup(1, 20).repeat(3, growth=2)
    assert warm.repeat(3).stretch(steps=1) == Stretched(warm.repeat(3), 1)
    assert warm.repeat(3, growth=0.5).stretch(steps=3) == Stretched(warm.repeat(3, growth=0.5), 3)
    assert Cosine(1, 0, 0).stretch(steps=5) == Stretched(Cosine(1, 0, 0), 5)
    assert Cosine(1, 0, 0).stretch(steps=5)(0) == 0.0


@given(schedules(3, endless=False), st.integers(0, 60))
def test_a_stretched_clock_is_the_same_for_numbers_and_arrays(a, n):
    stretched = a.stretch(steps=n)
    for step in steps_of(stretched):
        assert about_equal(stretched(np.asarray(step)).item(), stretched(step), magnitude(a))


@pytest.mark.parametrize(("first", "growth"), [(10, 3), (10, 10), (7, 1.5), (1_000, 1.1)])
def test_cycles_start_exactly_where_their_lengths_say(first, growth):
    """Where others find a cycle by a floating logarithm, they miss restarts (10, 3: update 1210)."""
    from fractions import Fraction

    cycles, start = Linear(1.0, 0.0, first).repeat(gain=0.5, growth=growth), 0
    for k in range(12):
        assert cycles(start) == 0.5**k
        start += round(first * Fraction(growth) ** k)
        assert cycles(start - 1) < 0.5**k


def test_the_last_cycle_owns_its_end():
    assert [Linear(1, 0, 4).repeat(2)(t) for t in (3, 4, 7, 8, 9)] == [0.25, 1.0, 0.25, 0.0, 0.0]


def test_an_endless_repetition_is_exact_far_out():
    saw = Linear(1.0, 0.0, 4).repeat()
    assert saw(10**200 + 3) == 0.25
    assert Linear(1.0, 0.0, 4).repeat(gain=0.5)(10**300) == 0.0
    assert Linear(1.0, 0.0, 4).repeat(gain=-1)(4 * (10**20 + 1)) == -1.0
    assert Constant(1.0, 4).repeat(growth=2)(10**300) == 1.0


def test_a_schedule_is_a_sequence_of_its_values():
    a = Linear(1.0, 0.0, 4)
    assert list(a) == [1.0, 0.75, 0.5, 0.25]
    assert len(a) == 4
    assert np.asarray(a).tolist() == list(a)
    assert np.asarray(a, dtype=np.float32).dtype == np.float32
    assert a.sample(6).tolist() == [1.0, 0.75, 0.5, 0.25, 0.0, 0.0]
    assert bool(a[:0])
    assert Constant(2.0).sample(3).tolist() == [2.0, 2.0, 2.0]


@pytest.mark.parametrize("ask", [len, list, iter, np.asarray])
def test_an_endless_schedule_is_no_finite_sequence(ask):
    with pytest.raises(ValueError, match=r"Constant\(1.0\) is endless: a.sample\(n\) gives"):
        ask(Constant(1.0))


@given(schedules(2), st.sampled_from([copy.copy, copy.deepcopy, lambda a: pickle.loads(pickle.dumps(a))]))
def test_a_value_cannot_be_changed(a, twin):
    with pytest.raises(AttributeError):
        a.steps = 3
    assert twin(a) == a


@given(st.lists(shapes(), min_size=1, max_size=60))
def test_many_phases_are_served_as_one_by_one(phases):
    """From some number of phases on, an array is computed formula by formula."""
    chain = Piecewise.of([*phases, *(0.5 * a for a in phases), Function(math.cos, 3), *phases])
    steps = np.arange(min(int(chain.steps), 30_000) + 2)
    got = chain(steps)
    for step in steps[:: max(1, len(steps) // 500)].tolist():
        assert about_equal(got[step], chain(step), magnitude(chain))


@pytest.mark.uncovered
def test_a_chain_of_a_hundred_thousand_phases_never_recurses():
    shape = (Linear, Cosine, Warmup)
    build = lambda: Piecewise.of(  # noqa: E731
        [shape[i % 2](1.0 + i % 7, 0.5, 3) if i % 3 else Warmup(1.0, 2) for i in range(100_000)]
    )
    chain = build()
    assert chain == build()
    assert hash(chain) == hash(build())
    assert len(repr(chain)) > 10**6
    assert pickle.loads(pickle.dumps(chain)) == chain == copy.deepcopy(chain)
    values = chain(np.arange(chain.steps))
    assert all(about_equal(values[k], chain(k), 8.0) for k in range(0, int(chain.steps), 997))
    assert chain[: int(chain.steps) // 2] >> chain[int(chain.steps) // 2 :] == chain
