"""The documented functions: what they build, and what they refuse."""

import math
from fractions import Fraction

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
    OpenScheduleError,
    Schedule,
    Step,
    Warmup,
    describe,
    maximum,
)
from tlama_core.testing.strategies import schedules
from tlama_core.training import (
    __all__,
    get_combined_lr_scheduler,
    get_lr_scheduler,
    get_multi_step_lr_scheduler,
)

GENERAL = {"max_lr": 1e-4, "min_lr": 1e-6, "warmup_steps": 1_000, "max_steps": 50_000}
MULTI = {
    "max_lr": 1.0,
    "warmup_steps": 10,
    "total_tokens": 1_000,
    "tokens_per_step": 10,
    "step_milestones": [0.5, 0.8],
    "step_factors": [0.5, 0.1],
}


def test_the_documented_names_are_the_public_ones():
    assert __all__ == [
        "get_combined_lr_scheduler",
        "get_lr_scheduler",
        "get_multi_step_lr_scheduler",
        "plot_lr_schedule",
    ]


# --- get_lr_scheduler ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, Warmup(1e-4, 1_000) >> Cosine(1e-4, 1e-6, 49_000)),
        ({"decay_type": "cosine"}, Warmup(1e-4, 1_000) >> Cosine(1e-4, 1e-6, 49_000)),
        ({"decay_type": "linear"}, Warmup(1e-4, 1_000) >> Linear(1e-4, 1e-6, 49_000)),
        ({"decay_type": "exponential"}, Warmup(1e-4, 1_000) >> Exponential(1e-4, 1e-6, 49_000)),
        (
            {"decay_type": "exponential", "min_lr": 0},
            Warmup(1e-4, 1_000) >> Exponential(1e-4, 0, 49_000, rate=3),
        ),
        ({"warmup_steps": 0}, Cosine(1e-4, 1e-6, 50_000)),
        ({"min_lr": None, "final_div_factor": 100}, Warmup(1e-4, 1_000) >> Cosine(1e-4, 1e-4 / 100, 49_000)),
        ({"min_lr": 1.0, "final_div_factor": 10}, Warmup(1e-4, 1_000) >> Cosine(1e-4, 1e-4 / 10, 49_000)),
        ({"min_lr": 1e-4}, Warmup(1e-4, 1_000) >> Cosine(1e-4, 1e-4, 49_000)),
    ],
)
def test_the_general_scheduler_is_a_warmup_and_a_shape(changes, wanted):
    assert get_lr_scheduler(**GENERAL | changes) == wanted


@given(
    st.floats(1e-8, 1e3),
    st.floats(0, 1),
    st.integers(1, 10**6),
    st.floats(0, 0.999),
    st.sampled_from(["cosine", "linear", "exponential"]),
)
def test_the_general_scheduler_keeps_its_promises(max_lr, ratio, max_steps, warm, decay_type):
    min_lr, warmup = max_lr * ratio, int(warm * max_steps)
    a = get_lr_scheduler(max_lr, min_lr, warmup, max_steps, decay_type)
    assert a.steps == max_steps
    assert a(max_steps) == a(max_steps + 10**9) == min_lr
    assert a(warmup) == max_lr
    assert 0 < a(0) <= max_lr
    assert all(min_lr <= a(t) <= max_lr for t in range(warmup, max_steps, max(1, max_steps // 50)))


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        (
            {"min_lr": None},
            ValueError,
            "min_lr must be a number where final_div_factor is not given, got None",
        ),
        ({"min_lr": 1e-3}, ValueError, r"min_lr must be at most max_lr \(0.0001\), got 0.001"),
        ({"min_lr": -1e-9}, ValueError, "min_lr must be a finite number >= 0, got -1e-09"),
        ({"min_lr": math.nan}, ValueError, "min_lr must be a finite number >= 0, got nan"),
        ({"max_lr": 0}, ValueError, "max_lr must be a finite number > 0, got 0"),
        ({"max_lr": -1}, ValueError, "max_lr must be a finite number > 0, got -1"),
        ({"max_lr": math.inf}, ValueError, "max_lr must be a finite number > 0, got inf"),
        ({"max_lr": "1e-4"}, TypeError, "max_lr must be a finite number > 0, got '1e-4'"),
        ({"max_lr": True}, TypeError, "max_lr must be a finite number > 0, got True"),
        ({"max_lr": None}, TypeError, "max_lr must be a finite number > 0, got None"),
        ({"warmup_steps": 50_000}, ValueError, r"warmup_steps must be below max_steps \(50000\), got 50000"),
        ({"warmup_steps": -1}, ValueError, "warmup_steps must be a whole number >= 0, got -1"),
        ({"warmup_steps": 1.5}, ValueError, "warmup_steps must be a whole number >= 0 .*, got 1.5"),
        ({"warmup_steps": math.nan}, ValueError, "warmup_steps must be a whole number >= 0 .*, got nan"),
        ({"max_steps": 0}, ValueError, "max_steps must be a whole number >= 1, got 0"),
        ({"max_steps": math.inf}, ValueError, "max_steps must be a whole number >= 1 .*, got inf"),
        ({"max_steps": None}, TypeError, "max_steps must be a whole number >= 1, got None"),
        (
            {"decay_type": "cos"},
            ValueError,
            "decay_type must be one of 'cosine', 'linear', 'exponential', got 'cos'",
        ),
        ({"decay_type": None}, ValueError, "decay_type must be one of .*, got None"),
        ({"decay_type": ["cosine"]}, ValueError, "decay_type must be one of .*, got \\['cosine'\\]"),
        ({"final_div_factor": 1}, ValueError, "final_div_factor must be a finite number > 1, got 1"),
        ({"final_div_factor": math.inf}, ValueError, "final_div_factor must be a finite number > 1, got inf"),
        ({"final_div_factor": "100"}, TypeError, "final_div_factor must be a finite number > 1, got '100'"),
    ],
)
def test_the_general_scheduler_refuses(changes, error, words):
    with pytest.raises(error, match=f"^get_lr_scheduler.{words}"):
        get_lr_scheduler(**GENERAL | changes)


def test_verbose_prints_phases_boundaries_and_values(capsys):
    get_lr_scheduler(**GENERAL, verbose=True)
    assert capsys.readouterr().out.splitlines() == [
        "phase                                from      to  first value  last value  then",
        "Warmup(0.0001, steps=1000)              0     999        1e-07      0.0001  goes on",
        "Cosine(0.0001, 1e-06, steps=49000)  1,000  49,999       0.0001       1e-06  holds 1e-06",
    ]
    staircase = get_multi_step_lr_scheduler(**MULTI | {"warmup_steps": 0}, verbose=True)
    assert capsys.readouterr().out == f"{describe(staircase)}\n"
    get_lr_scheduler(**GENERAL)
    assert capsys.readouterr().out == ""


# --- get_combined_lr_scheduler -------------------------------------------------------------------

FIRST, SECOND = Warmup(1.0, 10), Linear(1.0, 0.0, 20)


def test_ranges_follow_each_other_on_clocks_of_their_own():
    assert get_combined_lr_scheduler({(10, 30): SECOND, (0, 10): FIRST}) == FIRST >> SECOND
    assert get_combined_lr_scheduler({(0, 10): FIRST}) == FIRST
    assert get_combined_lr_scheduler({(np.int64(0), np.int64(10)): FIRST}) == FIRST


def test_a_scheduler_is_cut_or_held_to_its_range():
    assert get_combined_lr_scheduler({(0, 15): SECOND}) == SECOND[:15]
    assert get_combined_lr_scheduler({(0, 15): Constant(2.0)}) == Constant(2.0, 15)
    assert get_combined_lr_scheduler({(0, 15): FIRST}) == FIRST >> Constant(1.0, 5)


def test_a_plain_callable_becomes_a_function_of_its_own_clock():
    combined = get_combined_lr_scheduler({(0, 10): FIRST, (10, 13): math.sqrt})
    assert combined == FIRST >> Function(math.sqrt, 3)
    assert [combined(t) for t in (10, 11, 99)] == [0.0, 1.0, math.sqrt(2)]


def test_the_mapping_of_the_caller_is_left_alone_and_not_kept():
    given_ = {(10, 30): SECOND, (0, 10): FIRST}
    combined = get_combined_lr_scheduler(given_)
    assert list(given_) == [(10, 30), (0, 10)]
    given_.clear()
    assert combined(30) == 0.0


@given(st.lists(st.tuples(schedules(2), st.integers(1, 30)), min_size=1, max_size=6), st.randoms())
def test_every_range_is_served_by_its_scheduler(phases, random):
    ranges, start = {}, 0
    for schedule, steps in phases:
        ranges[start, start + steps] = schedule
        start += steps
    items = list(ranges.items())
    random.shuffle(items)
    combined = get_combined_lr_scheduler(dict(items))
    assert combined.steps == start
    for (begin, end), schedule in items:
        assert all(combined(t) == schedule(t - begin) for t in range(begin, end))


@pytest.mark.parametrize(
    ("ranges", "error", "words"),
    [
        ({}, ValueError, "schedulers must be a mapping of at least one .*, got {}"),
        ([((0, 10), FIRST)], TypeError, "schedulers must be a mapping"),
        (None, TypeError, "schedulers must be a mapping of at least one .*, got None"),
        ({(5, 10): FIRST}, ValueError, r"the first range of .* must be from step 0, got \(5, 10\)"),
        ({(0, 10): FIRST, (11, 20): SECOND}, ValueError, r"without a gap, got \(\(0, 10\), \(11, 20\)\)"),
        ({(0, 10): FIRST, (9, 20): SECOND}, ValueError, r"without an overlap, got \(\(0, 10\), \(9, 20\)\)"),
        ({(0, 10): FIRST, (0, 20): SECOND}, ValueError, "without an overlap"),
        ({(10, 10): FIRST}, ValueError, r"of start_step < end_step, got \(10, 10\)"),
        ({(10, 0): FIRST}, ValueError, r"of start_step < end_step, got \(10, 0\)"),
        ({(-5, 10): FIRST}, ValueError, r"here \(-5, 10\), must be a whole number >= 0, got -5"),
        ({(0, 2.5): FIRST}, ValueError, "must be a whole number >= 0 .*, got 2.5"),
        ({(0, math.nan): FIRST}, ValueError, "must be a whole number >= 0 .*, got nan"),
        ({(0, "10"): FIRST}, TypeError, "must be a whole number >= 0, got '10'"),
        ({(0, None): FIRST}, TypeError, "must be a whole number >= 0, got None"),
        ({(0, 10, 20): FIRST}, TypeError, r"must be a pair \(start_step, end_step\), got \(0, 10, 20\)"),
        ({10: FIRST}, TypeError, r"must be a pair \(start_step, end_step\), got 10"),
        (
            {(0, 10): 3},
            TypeError,
            r"the scheduler of range \(0, 10\) must be a schedule or a callable, got 3",
        ),
        ({(0, 10): Linear.to(0, 5)}, OpenScheduleError, "has no start until a phase stands before it"),
    ],
)
def test_the_combined_scheduler_refuses(ranges, error, words):
    with pytest.raises(error, match=words):
        get_combined_lr_scheduler(ranges)


# --- get_multi_step_lr_scheduler -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, Warmup(1, 10) >> Step(1, {40: 0.5, 70: 0.1}, 90)),
        ({"warmup_steps": 0}, Step(1, {50: 0.5, 80: 0.1}, 100)),
        ({"total_tokens": 1_001}, Warmup(1, 10) >> Step(1, {40: 0.5, 70: 0.1}, 91)),
        ({"min_lr": 0.2}, Warmup(1, 10) >> maximum(Step(1, {40: 0.5, 70: 0.1}, 90), 0.2)),
        ({"step_milestones": [], "step_factors": []}, Warmup(1, 10) >> Step(1, {}, 90)),
        (
            {"step_milestones": [0.29, 2 / 3], "total_tokens": 3_000},
            Warmup(1, 10) >> Step(1, {77: 0.5, 190: 0.1}, 290),
        ),
        ({"step_milestones": [0.1, 0.5]}, Warmup(1, 10) >> Step(1, {1: 0.5, 41: 0.1}, 91)[1:]),
        ({"step_milestones": (0.5,), "step_factors": iter([0.5])}, Warmup(1, 10) >> Step(1, {40: 0.5}, 90)),
    ],
)
def test_the_multi_step_scheduler_is_a_warmup_and_a_staircase(changes, wanted):
    assert get_multi_step_lr_scheduler(**MULTI | changes) == wanted


def test_milestones_fall_where_a_person_would_count():
    def drops(total, *milestones):
        factors = [0.5**i for i in range(1, len(milestones) + 1)]
        a = get_multi_step_lr_scheduler(1.0, 0, total, 1, milestones, factors)
        return [t for t in range(1, total) if a(t) != a(t - 1)]

    assert drops(100, 0.29) == [29]
    assert drops(100, 0.07, 0.14, 0.57) == [7, 14, 57]
    assert drops(300, 2 / 3) == [200]
    assert drops(7, 0.5) == [3]
    assert drops(3, 0.5, 0.6) == [1]


def test_of_drops_on_one_step_the_later_wins():
    assert get_multi_step_lr_scheduler(1.0, 0, 3, 1, [0.5, 0.6], [0.5, 0.1])(1) == 0.1
    assert list(get_multi_step_lr_scheduler(1.0, 0, 1, 1, [0.2, 0.6], [0.5, 0.1])) == [0.1]


def test_tokens_are_counted_in_whole_numbers():
    """2**55 + 6 tokens in steps of 2: a float would lose the last milestone's step."""
    a = get_multi_step_lr_scheduler(1.0, 0, 2**55 + 6, 2, [0.5], [0.5])
    assert [a(2**53 + 0), a(2**53 + 1)] == [1.0, 0.5]


@given(st.integers(1, 10**4), st.lists(st.integers(1, 99), min_size=1, max_size=5, unique=True))
def test_percent_milestones_are_exact(total, percents):
    percents = sorted(percents)
    factors = [0.5**i for i in range(1, len(percents) + 1)]
    a = get_multi_step_lr_scheduler(1.0, 0, total, 1, [p / 100 for p in percents], factors)
    for t in {t for p in percents for t in (p * total // 100, p * total // 100 + 1) if t < total}:
        passed = [f for p, f in zip(percents, factors, strict=True) if p * total // 100 <= t]
        assert a(t) == (passed[-1] if passed else 1.0)


@given(st.floats(0.01, 0.99), st.integers(1, 10**6))
def test_a_milestone_is_rounded_down_unless_it_is_nearly_whole(milestone, total):
    a = get_multi_step_lr_scheduler(1.0, 0, total, 1, [milestone], [0.5])
    exact = Fraction(repr(milestone)) * total
    at = round(exact) if abs(exact - round(exact)) <= Fraction(1, 10**9) else math.floor(exact)
    if at < total:
        assert a(at) == 0.5
    assert at == 0 or a(at - 1) == 1.0


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"max_lr": -1}, ValueError, "max_lr must be a finite number > 0, got -1"),
        ({"warmup_steps": 100}, ValueError, "warmup_steps must be below the 100 steps of the run, got 100"),
        ({"warmup_steps": 2.5}, ValueError, "warmup_steps must be a whole number"),
        ({"total_tokens": 0}, ValueError, "total_tokens must be a whole number >= 1, got 0"),
        (
            {"total_tokens": 3e11 + 0.5},
            ValueError,
            r"total_tokens must be a whole number >= 1 .*round\(...\)",
        ),
        ({"total_tokens": math.inf}, ValueError, "total_tokens must be a whole number >= 1"),
        ({"tokens_per_step": 0}, ValueError, "tokens_per_step must be a whole number >= 1, got 0"),
        ({"tokens_per_step": -5}, ValueError, "tokens_per_step must be a whole number >= 1, got -5"),
        (
            {"step_milestones": [0.9, 0.8]},
            ValueError,
            r"step_milestones must be strictly increasing, got \[0.9, 0.8\]",
        ),
        ({"step_milestones": [0.8, 0.8]}, ValueError, "step_milestones must be strictly increasing"),
        (
            {"step_milestones": [0.5]},
            ValueError,
            r"step_factors must be as many as the 1 milestones, got \[0.5, 0.1\]",
        ),
        (
            {"step_milestones": [0.0, 0.5]},
            ValueError,
            "step_milestones must be a finite number > 0 and < 1, got 0.0",
        ),
        (
            {"step_milestones": [0.5, 1.0]},
            ValueError,
            "step_milestones must be a finite number > 0 and < 1, got 1.0",
        ),
        ({"step_milestones": [0.5, 1 - 1e-15]}, ValueError, "step_milestones must be before the last step"),
        (
            {"step_milestones": [0.05, 0.5]},
            ValueError,
            "step_milestones must be after the 10 steps of the warmup, got 0.05",
        ),
        (
            {"step_milestones": ["0.5", "0.8"]},
            TypeError,
            "step_milestones must be a finite number > 0 .*, got '0.5'",
        ),
        ({"step_milestones": [math.nan, 0.8]}, ValueError, "step_milestones must be a finite number"),
        ({"step_milestones": None}, TypeError, "step_milestones must be a list of numbers, got None"),
        ({"step_milestones": "0.5"}, TypeError, "step_milestones must be a list of numbers, got '0.5'"),
        ({"step_factors": 0.5}, TypeError, "step_factors must be a list of numbers, got 0.5"),
        ({"step_factors": [0.5, 0]}, ValueError, "step_factors must be a finite number > 0 and <= 1, got 0"),
        (
            {"step_factors": [0.5, 1.1]},
            ValueError,
            "step_factors must be a finite number > 0 and <= 1, got 1.1",
        ),
        ({"min_lr": 2.0}, ValueError, "min_lr must be a finite number >= 0 and <= 1, got 2.0"),
        ({"min_lr": math.nan}, ValueError, "min_lr must be a finite number >= 0"),
    ],
)
def test_the_multi_step_scheduler_refuses(changes, error, words):
    with pytest.raises(error, match=f"^get_multi_step_lr_scheduler.{words}"):
        get_multi_step_lr_scheduler(**MULTI | changes)


def test_what_comes_back_is_a_schedule():
    assert isinstance(get_multi_step_lr_scheduler(**MULTI) * 0.5, Schedule)
