"""Questions about a schedule against brute force over every update, and what `check` finds and leaves alone."""

import math
import warnings
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tlama_core import (
    Constant,
    Cosine,
    Exponential,
    Function,
    Linear,
    OpenScheduleError,
    Piecewise,
    Polynomial,
    PowerLaw,
    Sqrt,
    Step,
    Warmup,
    bounds,
    breakpoints,
    check,
    describe,
    difference,
    first_step_above,
    first_step_below,
    maximum,
    mean,
    minimum,
)
from tlama_core.analysis import innermost, pieces
from tlama_core.analysis.table import WIDTH
from tlama_core.testing.strategies import schedules
from tlama_core.training import get_lr_scheduler, get_multi_step_lr_scheduler

PRETRAIN = Warmup(3e-4, steps=2_000) >> Cosine.to(3e-5, steps=98_000)
WSD = Warmup(3e-4, steps=2_000) >> Constant.hold(78_000) >> Linear.to(0.0, steps=20_000)
HUGE = 1e300 * Linear(0.0, 1e300, steps=100)  # inf from update 1 on
ranges = st.tuples(st.integers(0, 40), st.integers(1, 400)).map(lambda pair: (pair[0], sum(pair)))
small = schedules(5)


def codes(schedule, steps=None):
    return [finding.code for finding in check(schedule, steps)]


# --- pieces: what every answer is made of


@given(small, ranges)
def test_pieces_cover_a_range_and_go_the_way_they_say(a, where):
    """One mechanism carries all questions: its cuts are complete and its directions true."""
    start, stop = where
    found = list(pieces(a, start, stop))
    assert [piece.start for piece in found] == [start, *(piece.stop for piece in found[:-1])]
    assert found[-1].stop == stop
    for piece in found:
        assert piece.start < piece.stop
        if piece.direction is not None:
            values = [a(step) for step in range(piece.start, piece.stop)]
            assert values == sorted(values, reverse=piece.direction < 0), piece
            assert piece.direction or len(set(values)) == 1, piece


@given(schedules(3, endless=False), schedules(3, endless=False))
def test_a_piece_ends_where_its_phase_does(a, b):
    """At a joint, the end that is told is the end value of the phase before it."""
    assume(a.steps and b.steps)
    at_joint = next(piece for piece in pieces(a >> b, 0, int((a >> b).steps)) if piece.stop == a.steps)
    own = list(pieces(a, 0, int(a.steps)))[-1]
    assert at_joint.end == own.end
    if not a._children():
        assert own.end == a(a.steps)


# --- questions against brute force


@given(small, ranges)
def test_bounds_are_the_least_and_the_largest_value(a, where):
    values = [a(step) for step in range(*where)]
    found = bounds(a, *where)
    assert (found.low, found.high) == (min(values), max(values))
    assert found.low_step == where[0] + values.index(found.low)
    assert found.high_step == where[0] + values.index(found.high)


@given(schedules(4, endless=False))
def test_bounds_for_ever_count_the_end_value(a):
    assume(a.steps < 10_000)
    values = [a(step) for step in range(int(a.steps) + 1)]
    found = bounds(a)
    assert (found.low, found.high) == (min(values), max(values))


@given(small, ranges)
def test_the_mean_is_that_of_all_values(a, where):
    values = a(np.arange(*where)).tolist()
    exact = sum(map(Fraction, values)) / len(values)
    magnitude = sum(map(abs, values)) / len(values)
    assert abs(Fraction(mean(a, *where)) - exact) <= 4e-16 * magnitude + 1e-320


@given(small, ranges, st.data())
def test_the_first_step_is_the_first(a, where, data):
    """Values of the schedule itself are the hardest thresholds: one unit decides."""
    values = [a(step) for step in range(*where)]
    value = data.draw(st.sampled_from(values) | st.floats(-8, 8), "value")
    below = [step for step, used in enumerate(values, where[0]) if used < value]
    above = [step for step, used in enumerate(values, where[0]) if used > value]
    assert first_step_below(a, value, *where) == (below[0] if below else None)
    assert first_step_above(a, value, *where) == (above[0] if above else None)


@given(schedules(4, endless=False), st.floats(-8, 8), st.integers(0, 12_000))
def test_a_search_without_a_stop_takes_the_held_end_in(a, value, start):
    assume(a.steps < 10_000)
    steps = range(start, max(start, int(a.steps)) + 1)
    assert first_step_below(a, value, start) == next((k for k in steps if a(k) < value), None)


@given(small, small, ranges)
def test_the_difference_is_the_largest_gap(a, b, where):
    found = difference(a, b, *where)
    gaps = [abs(a(step) - b(step)) for step in range(*where)]
    assert found.gap == max(gaps)
    assert found.step == where[0] + gaps.index(found.gap)
    assert (found.a, found.b) == (a(found.step), b(found.step))


@given(small, st.integers(0, 300))
def test_between_breakpoints_a_chain_keeps_to_one_phase(a, stop):
    points = breakpoints(a, stop)
    assert list(points) == sorted(set(points))
    assert all(0 < point < min(stop, a.steps) for point in points)
    if isinstance(a, Piecewise):
        assert {start for start in a.starts if 0 < start < stop} <= set(points) | {a.steps}


@given(schedules(4, endless=False))
def test_a_description_walks_through_the_whole_schedule(a):
    rows = describe(a).rows
    assert sum(row.last_step - row.first_step + 1 for row in rows) == a.steps
    for row, after in pairwise(rows):
        assert after.first_step == row.last_step + 1
        assert row.then in ("goes on", f"jumps to {after.first_value:.6g}")
    for row in rows:
        assert (row.first_value, row.last_value) == (a(row.first_step), a(row.last_step))


@given(schedules(4))
def test_a_description_fits_a_hundred_columns(a):
    lines = str(describe(a)).splitlines()
    assert max(map(len, lines)) <= WIDTH
    column = lines[0].index("  then")
    assert {line[column : column + 2] for line in lines if not line.startswith("…")} == {"  "}


@given(schedules(4), st.none() | st.integers(1, 5_000))
def test_findings_are_in_order_and_about_updates_that_exist(a, steps):
    found = check(a, steps)
    assert [finding.step for finding in found] == sorted(finding.step for finding in found)
    negative = [finding.step for finding in found if finding.code == "negative-value"]
    if steps is not None:
        assert negative[:1] == [k for k in range(steps) if a(k) < 0][:1]
    for finding in found:
        assert finding.step >= 0
        assert finding.message
        assert finding.hint


# --- examples, and what brute force cannot reach


def test_shapes_of_any_length_answer_at_once():
    long = Warmup(3e-4, steps=10**12) >> Cosine.to(3e-5, steps=10**300 - 10**12)
    assert (bounds(long).high, bounds(long).high_step) == (3e-4, 10**12 - 1)
    assert bounds(long, 10**12).low == 3e-5
    half = first_step_below(long, 1e-4, start=10**12)
    assert long(half) < 1e-4 <= long(half - 10**285)
    assert first_step_above(1e-4 * Linear(0.0, 1.0, steps=10**12).clamp(0.2, 0.5), 3e-5) == 300_000_000_001
    assert mean(Constant(0.1, steps=10**300)) == 0.1
    apart = difference(long, Constant(1e-4), 0, 10**12)
    assert (apart.gap, apart.step, apart.a) == (abs(3e-4 - 1e-4), 10**12 - 1, 3e-4)


def test_a_question_that_would_not_end_is_refused():
    endless = Function(math.cos)
    for ask in (
        lambda: bounds(Warmup(1.0, 10**12) * Linear(1, 0, 10**12)),
        lambda: mean(Linear(1.0, 0.0, steps=10**9 + 1)),
        lambda: first_step_below(endless, -2.0),
        lambda: first_step_above(Cosine(1.0, 0.0, steps=3).repeat(), 2.0),
        lambda: check(endless * Linear(1, 0, 10**12), steps=10**12),
    ):
        with pytest.raises(ValueError, match="evaluate one by one must be at most 1,000,000,000"):
            ask()
    assert first_step_below(Warmup(1.0, 5) >> endless, 0.5) == 0
    assert first_step_below(Cosine(1.0, 0.0, steps=3).repeat(), 0.5, stop=10**6) == 2


@pytest.mark.parametrize("ask", [bounds, mean, lambda a: difference(a, a), lambda a: difference(a, PRETRAIN)])
def test_an_endless_schedule_needs_a_stop(ask):
    with pytest.raises(ValueError, match=r"\.stop must be given for an endless schedule, got .*PowerLaw"):
        ask(Warmup(1.0, steps=10) >> PowerLaw(1.0, timescale=10))


@pytest.mark.parametrize(
    ("ask", "error", "words"),
    [
        (lambda: bounds(3), TypeError, "bounds.schedule must be a schedule, got 3"),
        (lambda: mean(math.cos), TypeError, "mean.schedule must be a schedule"),
        (lambda: check(Linear.to(0, 5)), OpenScheduleError, "has no start"),
        (lambda: describe("x"), TypeError, "describe.schedule must be a schedule"),
        (lambda: difference(PRETRAIN, 1.0), TypeError, "difference.b must be a schedule"),
        (lambda: bounds(PRETRAIN, -1), ValueError, "bounds.start must be a whole number >= 0, got -1"),
        (lambda: mean(PRETRAIN, 5, 5), ValueError, "mean.stop must be a whole number >= 6, got 5"),
        (lambda: bounds(PRETRAIN, stop=2.5), ValueError, "bounds.stop must be a whole number >= 1"),
        (lambda: first_step_below(PRETRAIN, math.nan), ValueError, "first_step_below.value must be a finite"),
        (lambda: first_step_above(PRETRAIN, "1"), TypeError, "first_step_above.value must be a finite"),
        (lambda: check(PRETRAIN, 0), ValueError, "check.steps must be a whole number >= 1, got 0"),
        (lambda: breakpoints(PRETRAIN, -1), ValueError, "breakpoints.stop must be a whole number >= 0"),
        (lambda: breakpoints(Cosine(1, 0, 5).repeat()), ValueError, "breakpoints.stop must be such that"),
    ],
)
def test_questions_refuse(ask, error, words):
    with pytest.raises(error, match=words):
        ask()


def test_values_past_every_float_are_told():
    """Infinity and NaN arise by composition, and are neither lost nor a warning."""
    nothing = HUGE - HUGE
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (bounds(HUGE).high, bounds(HUGE).high_step) == (math.inf, 1)
        assert bounds(nothing).low_step == bounds(nothing).high_step == 1
        assert math.isnan(bounds(nothing).low)
        assert math.isnan(bounds(nothing).high)
        assert math.isnan(mean(HUGE))
        assert math.isnan(mean((HUGE - HUGE) + 1.0, 0, 10**300))
        assert math.isnan(mean(Constant(1.0, 4) * (HUGE - 2.0 * HUGE)))
        assert first_step_above(HUGE, 1e308) == 1
        assert first_step_below(-1.0 * HUGE, -1.0) == 1
        assert math.isnan(difference(HUGE, HUGE).gap)
    assert mean(Constant(1.7e308, 3) >> Linear(1.7e308, 1.6e308, 3)) == pytest.approx(1.6833333e308)


def test_updates_past_what_an_array_counts_are_called():
    for begin in (2**62, 2**63, 10**40):
        late = Constant(1.0, steps=begin) >> Linear(1.0, 0.0, 40) * Linear(0.0, 1.0, 40)
        found = bounds(late, begin, begin + 40)
        assert (found.high, found.high_step) == (0.25, begin + 20)


def test_breakpoints_are_found_below_operators():
    short = Warmup(1.0, 10) >> Cosine(1.0, 0.0, 20)
    for a, wanted in [
        (0.5 * short, (10,)),
        (short.clamp(low=0.1), (10,)),
        (short + Step(1.0, {5: 0.5}, steps=40), (5, 10, 30)),
        (Constant(1.0, 5) >> Step(1.0, {5: 0.5}, steps=10), (5, 10)),
        (Cosine(1.0, 0.0, 10).repeat(4), (10, 20, 30)),
        (Cosine(1.0, 0.0, 5).repeat(3, growth=2), (5, 15)),
        ((0.5 * short)[5:20], (5,)),
        (Step(1.0, {3: 0.5, 7: 0.1}, 10)[2:8].stretch(steps=12), (2, 10)),
        (Step(1.0, {1: 0.5, 2: 0.1}, 1000).stretch(steps=500), (1,)),
        (Linear(1.0, 0.0, 30), ()),
        (Constant(1.0, 0) >> Constant(1.0), ()),
        (Warmup(1.0, 4_000) >> PowerLaw(1.0, timescale=4_000), (4_000,)),
    ]:
        assert breakpoints(a) == wanted, a


def test_a_table_shows_what_is_meant_and_what_is_not():
    a = Warmup(1.0, steps=4) >> Constant(0.5, steps=6) >> Step(0.5, {2: 0.1}, steps=4) >> Constant.hold()
    assert str(describe(a)).splitlines() == [
        "phase                         from   to  first value  last value  then",
        "Warmup(1.0, steps=4)             0    3         0.25           1  jumps to 0.5",
        "Constant(0.5, steps=6)           4    9          0.5         0.5  goes on",
        "Step(0.5, {2: 0.1}, steps=4)    10   11          0.5         0.5  jumps to 0.05",
        "Step(0.5, {2: 0.1}, steps=4)    12   13         0.05        0.05  goes on",
        "Constant(0.05)                  14  inf         0.05              never ends",
    ]


def test_a_very_long_table_leaves_its_middle_out():
    table = describe(Piecewise.of([Cosine(1.0, 0.0, steps=10**11)] * 1_000))
    lines = str(table).splitlines()
    assert len(table.rows) == 1_000
    assert len(lines) == 42
    assert lines[21] == "… 960 more …"
    assert lines[1] == lines[1].rstrip()
    wide = describe(Polynomial(-1.2345678e-300, 1.2345678e-300, steps=10**299, power=1.2345678).repeat(9))
    assert max(map(len, str(wide).splitlines())) <= WIDTH
    assert "…" in str(wide).splitlines()[1]


def test_cycles_too_many_to_tell_apart_share_a_row():
    rows = describe(Cosine(1.0, 0.0, steps=10).repeat(10**9)).rows
    assert [(row.first_step, row.last_step) for row in rows] == [(0, 9), (10, 10**10 - 1)]
    assert describe(Warmup(1.0, 0)).rows == ()
    endless = describe(Constant(1.0, steps=30).repeat(gain=0.5)).rows[-1]
    assert (endless.first_step, endless.last_step, endless.then) == (30, math.inf, "never ends")


def test_the_shape_below_operators_is_found():
    assert innermost(0.5 * Warmup(1.0, 10)[2:5]) == Warmup(1.0, 10)
    assert innermost(PRETRAIN) == PRETRAIN


# --- check


CLEAN = {
    "warmup, cosine": (PRETRAIN, 100_000),
    "warmup, stable, decay": (WSD, 100_000),
    "1-sqrt cooldown": (Warmup(3e-4, 2_000) >> Constant.hold(78_000) >> Sqrt.to(0.0, 20_000), 100_000),
    "inverse square root": (Warmup(1e-3, 4_000) >> PowerLaw(1e-3, timescale=4_000), 100_000),
    "steps": (Step(0.1, {30_000: 0.1, 60_000: 0.01}, steps=90_000), 90_000),
    "steps for ever": (Step.every(0.1, 0.1, 30_000), 90_000),
    "warmup, steps": (Warmup(0.1, 1_000) >> Step(0.1, {30_000: 0.1}, steps=89_000), 90_000),
    "restarts": (Cosine(1e-3, 0.0, 10_000).repeat(4), 40_000),
    "restarts that grow": (Cosine(1e-3, 1e-5, 10_000).repeat(4, gain=0.5, growth=2), 150_000),
    "restarts for ever": (Cosine(1e-3, 1e-5, 10_000).repeat(growth=2), 150_000),
    "warm restarts": ((Warmup(1e-3, 500) >> Cosine.to(1e-5, 9_500)).repeat(4), 40_000),
    "cyclical": ((Linear(1e-4, 1e-3, 2_000) >> Linear.to(1e-4, 2_000)).repeat(10), 40_000),
    "one cycle": (Cosine(4e-5, 1e-3, 30_000) >> Cosine.to(4e-9, 70_000), 100_000),
    "triangle": (Linear(1e-4, 1e-3, 50_000) >> Linear.to(1e-4, 50_000), 100_000),
    "constant": (Constant(3e-4), 1_000),
    "constant of that length": (Constant(3e-4, steps=1_000), 1_000),
    "momentum": (Constant(0.85, 1_000) >> Cosine(0.85, 0.95, 9_000), 10_000),
    "momentum that rises throughout": (Cosine(0.996, 1.0, 100_000), 100_000),
    "a whole schedule that rises": (Linear(1e-6, 1.0, 10_000), 10_000),
    "cooldown": (PRETRAIN[:60_000] >> Linear.to(0.0, 10_000), 70_000),
    "resumed": (PRETRAIN[:60_000] >> PRETRAIN[60_000:].stretch(steps=140_000), 200_000),
    "gone on": (PRETRAIN >> Warmup(3e-4, 500) >> Cosine.to(3e-5, 49_500), 150_000),
    "floored": (PRETRAIN.clamp(low=1e-4), 100_000),
    "a layer's": (0.9**3 * PRETRAIN, 100_000),
    "no warmup": (Warmup(3e-4, 0) >> Cosine.to(3e-5, 100_000), 100_000),
    "held on": (PRETRAIN >> Constant.hold(), 100_000),
    "exponential": (Warmup(1e-3, 500) >> Exponential.to(1e-5, 9_500), 10_000),
    "a factor": (Warmup(1.0, 2_000) * Polynomial(3e-4, 0.0, 100_000, power=2), 100_000),
    "documented": (get_lr_scheduler(1e-4, 1e-6, 1_000, 50_000), 50_000),
    "milestones": (
        get_multi_step_lr_scheduler(1e-3, 1_000, 10**9, 10_000, [0.5, 0.8], [0.5, 0.1], min_lr=1e-5),
        100_000,
    ),
    "small, in updates": (Warmup(0.1, 20) >> Cosine.to(0.0, 400), 420),
    "of the run's own": (Function(lambda t: 1 / (1 + t), steps=5_000), 5_000),
}


@pytest.mark.parametrize("name", CLEAN)
def test_a_clean_schedule_has_no_finding(name):
    schedule, steps = CLEAN[name]
    assert check(schedule, steps) == ()
    assert check(schedule) == ()


FINDINGS = {
    "zero-first-update": [
        (Linear(0.0, 0.1, 1_000) >> Cosine.to(0.0, 9_000), None, [0]),
        (Warmup(0.1, 1_000) >> Cosine.to(0.0, 9_000), None, []),
    ],
    "jump": [
        (Warmup(3e-4, 2_000) >> Cosine(3e-3, 0.0, 98_000), None, [2_000]),
        (Constant(0.1, 3_000) >> Constant(0.01, 3_000), None, [3_000]),
        (Constant(0.0, 3_000) >> Constant(0.01, 3_000), None, [3_000]),
        (0.5 * (Warmup(3e-4, 2_000) >> Cosine(3e-3, 0.0, 98_000)), None, [2_000]),
        (Warmup(3e-4, 2_000) >> Step(3e-3, {10: 0.5}, 98_000), None, [2_000]),
        ((Warmup(3e-4, 2_000) >> Cosine(3e-3, 0.0, 98_000)).repeat(), None, [2_000]),
        ((Warmup(3e-4, 2_000) >> Cosine(3e-3, 0.0, 98_000)).repeat(3, growth=2), None, [2_000]),
        (maximum(Warmup(3e-4, 2_000) >> Cosine(3e-3, 0.0, 98_000), 1e-5), None, [2_000]),
        (Cosine(1e-3, 0.0, 5_000) >> Cosine(1e-3, 0.0, 5_000), None, [5_000]),
        (Cosine(1e-3, 1e-4, 5_000) >> 2 * Warmup(1e-3, 1_000), None, []),  # a warmup begins near 0
        (Warmup(3e-4, 2_000) >> Cosine(3e-3, 0.0, 98_000), 2_000, []),  # nobody gets there
        (Warmup(3e-4, 2_000) >> Cosine(3e-4 * (1 + 1e-12), 0.0, 98_000), None, []),
        (Linear(1.0, 0.0, 2) >> Constant(0.5, 2_000), None, []),  # goes on from the last value used
        (Linear(1.0, 0.5, 100) >> Linear(0.495, 0.0, 99), None, []),  # one update further along
        (Cosine(1e-3, 0.0, 5_000).repeat(2), None, []),
        (Step(1.0, {10: 0.1}, 5_000), None, []),
        (minimum(Warmup(3e-4, 2_000) >> Cosine(3e-3, 0.0, 98_000), 1e-4), None, []),  # clamped away
    ],
    "scaled-alone": [
        (0.5 * Warmup(3e-4, 2_000) >> Cosine.to(3e-5, 98_000), None, [0]),
        (0.5 * (Warmup(3e-4, 2_000) >> Cosine.to(3e-5, 98_000)), None, []),
        ((0.5 * Warmup(3e-4, 2_000)) >> (0.5 * Cosine(3e-4, 3e-5, 98_000)), None, []),
        (0.5 * PRETRAIN[:60_000] >> Linear.to(0.0, 10_000), None, []),
        (0.5 * Warmup(3e-4, 2_000) >> Cosine(3e-4, 3e-5, 98_000), None, []),  # that is a jump
        (0.5 * Constant(1.0, 2_000), None, []),
        (0.5 * Constant(1.0, 2_000) >> Constant(1.0, 0), None, []),
    ],
    "negative-value": [
        (Linear(1.0, -1.0, 1_000), None, [501]),
        (Linear(1.0, -1.0, 1_000), 501, []),
        (Linear(1.0, -1.0, 500) * Constant(2.0, 1_000), None, [251]),
        (Warmup(1.0, 1_000) >> Linear.to(-1e-9, 1_000), None, [2_000]),  # only where it holds
        (Warmup(1.0, 1_000) >> Linear.to(-1e-9, 1_000), 2_000, []),
        (Step(1.0, {10**7: -1.0}), None, [10**7]),
        (Linear(1.0, 0.0, 1_000).clamp(low=0.0), None, []),
        (Linear(1.0, 0.0, 10**12), None, []),
    ],
    "non-finite-value": [
        (1.0 + HUGE, None, [1]),
        (HUGE - HUGE, None, [1]),
        (1e300 * Constant(1e300), None, [0]),
        (1e300 * Linear(1.0, 0.0, 1_000), None, []),
    ],
    "long-warmup": [
        (Warmup(1.0, 600) >> Cosine.to(0.0, 400), None, [600]),
        (Linear(0.1, 1.0, 600) >> Cosine.to(0.0, 400), None, [600]),
        (Warmup(1.0, 400) >> Cosine.to(0.0, 600), 700, [400]),
        (Warmup(1.0, 1_000), None, [1_000]),
        (Warmup(1.0, 500) >> Cosine.to(0.0, 500), None, []),
        (Warmup(1.0, 600) >> PowerLaw(1.0, timescale=600), None, []),
        (Linear(0.1, 1.0, 1_000), None, []),
        (Cosine(0.9, 1.0, 800) >> Constant.hold(200), None, []),
        (Cosine(1.0, 0.0, 1_000), None, []),
        (PowerLaw(1e-3, timescale=100, exponent=0.5), 1_000, []),
    ],
    "looks-like-epochs": [
        (Warmup(0.1, 5) >> Cosine.to(0.0, 85), None, [0]),
        (Constant(0.1, 80) >> Linear.to(0.0, 10), None, [80]),
        (Warmup(0.1, 5) >> Cosine.to(0.0, 85), 100_000, [0]),
        (Cosine(0.1, 0.0, 10).repeat(9), None, [0]),
        (Warmup(0.1, 11) >> Cosine.to(0.0, 85), None, []),
        (Warmup(0.1, 5) >> Cosine.to(0.0, 995), None, []),
        (Warmup(0.1, 5) >> Constant.hold(), None, []),
    ],
    "run-ends-early": [
        (PRETRAIN, 80_000, [80_000]),
        (PRETRAIN, 100_000, []),
        (PRETRAIN, None, []),
        (Warmup(3e-4, 2_000) >> Constant.hold(), 80_000, []),
    ],
    "run-ends-late": [
        (PRETRAIN, 120_000, [100_000]),
        (PRETRAIN, 100_000, []),
        (PRETRAIN >> Constant.hold(), 120_000, []),
    ],
    "end-not-reached": [
        (PRETRAIN, 80_000, [80_000]),
        (WSD, 99_999, [99_999]),
        (PRETRAIN >> Constant.hold(20_000), 110_000, []),
        (PRETRAIN, 120_000, []),
    ],
    "phase-not-reached": [
        (WSD, 50_000, [80_000]),
        (WSD, 80_000, [80_000]),
        (WSD, 1_000, [2_000]),
        (WSD >> Linear.to(1e-4, 100) >> Constant.hold(), 100_000, [100_000]),
        (PRETRAIN >> Linear.to(1e-4, 10**6) >> PowerLaw(1e-4, timescale=1), 10**6, [1_100_000]),
        (WSD, 80_001, []),
        (WSD >> Constant.hold(), 100_000, []),
        (Step(0.1, {300: 0.1, 600: 0.01}, 900), 500, []),
        (Cosine(0.1, 0.0, 100).repeat(9), 500, []),
    ],
}
CASES = [(code, *case) for code, cases in FINDINGS.items() for case in cases]


@pytest.mark.parametrize(("code", "schedule", "steps", "at"), CASES, ids=lambda case: str(case)[:60])
def test_a_finding_is_made_where_it_must_be_and_nowhere_else(code, schedule, steps, at):
    assert [finding.step for finding in check(schedule, steps) if finding.code == code] == at


def test_every_code_is_documented_and_has_a_case_for_and_against():
    listed = {line.split("`")[1] for line in check.__doc__.splitlines() if line.strip().startswith("| `")}
    assert listed == set(FINDINGS)
    for code, cases in FINDINGS.items():
        assert {bool(at) for *_, at in cases} == {True, False}, code


def test_a_finding_says_what_and_what_to_write():
    (jump,) = check(0.5 * Warmup(3e-4, 2_000) >> Cosine(3e-4, 3e-5, 98_000))
    assert jump.message == "the value jumps from 0.00015 to 0.0003 (x 2)"
    assert "c * (a >> b)" in jump.hint
    assert str(jump).splitlines()[0] == f"update 2,000: {jump.message} [jump]"
    (jump,) = check(Constant(0.1, 3_000) >> Constant(0.01, 3_000))
    assert "Step" in jump.hint
    (jump,) = check(Constant(0.0, 3_000) >> Constant(0.01, 3_000))[1:]
    assert jump.message == "the value jumps from 0 to 0.01"
    early, end = check(PRETRAIN, 80_000)
    assert early.message == "the run ends 20,000 updates before the schedule"
    assert "stretch(steps=80000)" in early.hint
    assert end.message.startswith("the run ends at 5.")
    (late,) = check(PRETRAIN, 120_000)
    assert late.message == "the schedule ends, and 20,000 more updates use 3e-05"
    phases = check(WSD, 1_000)[-1].message
    assert phases == "Constant(0.0003, steps=78000) is not reached by a run of 1,000 updates, nor are 1 more"
    (alone,) = check(0.5 * Warmup(3e-4, 2_000) >> Cosine.to(3e-5, 98_000))
    assert alone.message == "the first phase, 0.5 * Warmup(0.0003, steps=2000), is scaled, and no other is"


def test_findings_of_one_schedule_come_together():
    mess = Linear(0.0, 1.0, 6) >> Cosine(2.0, -1.0, 4)
    assert codes(mess, 8) == [
        "zero-first-update",
        "looks-like-epochs",
        "jump",
        "long-warmup",
        "run-ends-early",
        "end-not-reached",
    ]


def test_an_endless_schedule_is_evaluated_for_a_while(monkeypatch):
    """What only evaluating tells is looked at so far in all, and what shapes tell for ever."""
    monkeypatch.setattr("tlama_core.analysis.findings.ENDLESS_HORIZON", 1_000)
    found, missed = (Function(lambda t, end=end: 1.0 if t < end else -1.0) for end in (999, 1_000))
    assert codes(found) == ["negative-value"]
    assert codes(missed) == []
    assert codes(missed, 1_001) == ["negative-value"]
    waves = (Linear(1.0, 0.0, 700) * Linear(1e-9, 1.0, 700)).repeat(growth=2)
    assert codes(waves) == []
    assert codes((Linear(1.0, -1.0, 10**6)).repeat()) == ["negative-value"]
