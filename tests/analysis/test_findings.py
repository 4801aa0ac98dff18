"""What `check` finds, and what it leaves alone."""

import re

import pytest
from hypothesis import given
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
    check,
    maximum,
    minimum,
)
from tlama_core.analysis.rules import RULES
from tlama_core.testing.strategies import schedules
from tlama_core.training import get_lr_scheduler, get_multi_step_lr_scheduler

PRETRAIN = Warmup(3e-4, steps=2_000) >> Cosine.to(3e-5, steps=98_000)
WSD = Warmup(3e-4, steps=2_000) >> Constant.hold(78_000) >> Linear.to(0.0, steps=20_000)
HUGE = 1e300 * Linear(0.0, 1e300, steps=100)  # inf from update 1 on


def codes(schedule, steps=None):
    return [finding.code for finding in check(schedule, steps, ignore=["mostly-zero"])]


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
        (0.5 * Constant(1.0, 0) >> Constant(1.0, 2_000), None, []),
        (Warmup(3e-4, 2_000) + 1e-5 >> Cosine.to(3e-5, 98_000), None, [0]),
        (0.5 * (Warmup(3e-4, 2_000) + 1e-5) >> Cosine.to(3e-5, 98_000), None, [0]),
        (Warmup(1.0, 2_000) * Constant(3e-4, 2_000) >> Cosine.to(3e-5, 98_000), None, [0]),
        ((Warmup(3e-4, 2_000) >> Cosine.to(3e-5, 98_000)) + 1e-5, None, []),
        (Warmup(3e-4, 2_000) >> 1e-5 + PowerLaw(3e-4, timescale=2_000), None, []),
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
    "swapped-arguments": [
        (Warmup(2_000, 1) >> Cosine.to(3e-5, 98_000), None, [0]),
        (Cosine(0.1, 100, 0), None, [0]),
        (Constant(1.0, 500) >> Linear(1.0, 3, 1), None, [500]),
        (Linear(1.0, 30.0, 1_000), None, [311]),
        (Warmup(9.6, 1_000), None, []),
        (Cosine(0.1, 1.0, 0), None, []),
        (Cosine(0.1, 2.5, 0), None, []),
        (1e-5 * Warmup(2_000, 1) >> Constant(0.02, 2_000), None, []),
    ],
    "repeated-factor": [
        (Step(0.1, {3_000: 0.1, 6_000: 0.1}, 9_000), None, [6_000]),
        (0.5 * (Warmup(0.1, 100) >> Step(0.1, {3_000: 0.1, 6_000: 0.1, 7_000: 0.1})), None, [6_100]),
        (Step(0.1, {3_000: 0.1, 6_000: 0.0, 7_000: 0.0}, 9_000), None, []),
        (Step(0.1, {3_000: 0.1, 6_000: 0.01}, 9_000), None, []),
        (Constant(0.1, 3_000).repeat(3), None, []),
    ],
    "fractional-factor": [
        (Linear(32, 512, 1_000).quantize(32), None, [100]),
        (Step(32, {1_000: 2, 2_000: 3}), None, [2_000]),
        (Step(32, {1_000: 2, 2_000: 4}), None, []),
        (Linear(32, 512, 1_000), None, []),
    ],
    "mostly-zero": [
        (Step(0.1, {5_000: 0.0}), 10_000, [5_000]),
        (Constant(0.1, 30).repeat(gain=0.1), 450_000, [225_000]),
        (Constant(0.0, 6_000) >> Linear(0.0, 1.0, 4_000), 10_000, [0]),
        (Cosine(0.1, 0.0, 5_000), 10_000, [0]),
        (Cosine(0.1, 0.0, 4_999), 10_000, []),  # that is a run that ends late
        (Step(0.1, {5_001: 0.0}), 10_000, []),
        (Constant(0.1, 30).repeat(gain=0.1), None, []),
        (Linear(1.0, 0.0, 1), None, []),
        (Function(lambda t: float(t == 5_000), steps=10_000) * Constant(0.0), 10_000, [5_000]),
        (Function(lambda t: float(t == 7_000), steps=10_000), 10_000, []),
    ],
    "warmup-twice": [
        (Warmup(1.0, 500) * (Warmup(3e-4, 2_000) >> Cosine.to(0.0, 8_000)), None, [0]),
        (Warmup(1.0, 500) * Cosine(3e-4, 0.0, 8_000), None, []),
    ],
    "short-timescale": [
        (Warmup(1e-3, 4_000) >> PowerLaw(1e-3, timescale=1), None, [4_000]),
        (Warmup(1e-3, 4_000) >> PowerLaw(1e-3, timescale=400), None, []),
        (Warmup(1e-3, 50) >> PowerLaw(1e-3, timescale=1), None, []),
        (Warmup(1e-3, 4_000) >> PowerLaw(1e-3, 4_000, timescale=1, exponent=0.1), None, []),
    ],
    "last-phase-climbs": [
        (PRETRAIN >> Warmup(3e-4, 500), None, [100_000]),
        (PRETRAIN >> Linear.to(3e-4, 500), None, [100_000]),
        (PRETRAIN >> Linear.to(3e-4, 500), 100_000, []),
        (PRETRAIN >> Linear.to(3e-4, 500) >> Constant.hold(), None, []),
        (Constant(0.1, 500) >> Linear.to(0.2, 500), None, []),
        (Warmup(0.1, 0), None, []),
    ],
    "looks-like-epochs": [
        (Warmup(0.1, 5) >> Cosine.to(0.0, 85), None, [0]),
        (Warmup(0.1, 5) >> Cosine.to(0.0, 85), 100_000, [0]),
        (Warmup(0.1, 5) >> Cosine.to(0.0, 85), 90, []),
        (Warmup(0.1, 5) >> Cosine.to(0.0, 85), 100, []),
        (Cosine(0.1, 0.0, 10).repeat(9), None, [0]),
        (Step(0.1, {30: 0.1, 60: 0.01}), None, [60]),
        (Warmup(0.1, 5) >> Step(0.1, {30: 0.1}), 90_000, [35]),
        (Step(0.1, {30: 0.1, 60: 0.01}), 90, []),
        (Step(0.1, {30_000: 0.1}), None, []),
        (Step(0.1, {}), None, []),
        (Warmup(0.1, 10) >> Cosine.to(0.0, 490), None, []),
        (Warmup(0.1, 5) >> Constant.hold(), None, []),
        (Warmup(0.1, 0), None, []),
    ],
    "run-ends-early": [
        (PRETRAIN, 80_000, [80_000]),
        (PRETRAIN, 100_000, []),
        (PRETRAIN, None, []),
        (PRETRAIN, 1_000, []),  # a trial
        (PRETRAIN >> Constant.hold(20_000), 110_000, []),  # nothing is missed
        (WSD, 80_000, []),  # that is a phase not reached
        (Warmup(3e-4, 2_000) >> Constant.hold(), 80_000, []),
    ],
    "run-ends-late": [
        (PRETRAIN, 120_000, [100_000]),
        (PRETRAIN, 100_000, []),
        (PRETRAIN >> Constant.hold(), 120_000, []),
    ],
    "phase-not-reached": [
        (WSD, 50_000, [80_000]),
        (WSD, 80_000, [80_000]),
        (WSD, 1_001, [2_000]),
        (WSD, 1_000, []),  # a trial
        (WSD >> Linear.to(1e-4, 100) >> Constant.hold(), 100_000, [100_000]),
        (PRETRAIN >> Linear.to(1e-4, 10**6) >> PowerLaw(1e-4, timescale=1), 10**6, [1_100_000]),
        (WSD, 80_001, []),
        (WSD >> Constant.hold(), 100_000, []),
        (Step(0.1, {300: 0.1, 600: 0.01}, 900), 500, []),
        (Cosine(0.1, 0.0, 100).repeat(9), 500, []),
    ],
    "end-not-reached": [
        (PRETRAIN, 80_000, [80_000]),
        (WSD, 99_999, [99_999]),
        (PRETRAIN, 1_000, [1_000]),
        (PRETRAIN >> Constant.hold(20_000), 110_000, []),
        (PRETRAIN, 120_000, []),
    ],
}
CASES = [(code, *case) for code, cases in FINDINGS.items() for case in cases]


@pytest.mark.parametrize(
    ("code", "schedule", "steps", "at"), CASES, ids=lambda case: re.sub(" at 0x[0-9a-f]+", "", str(case))[:60]
)
def test_a_finding_is_made_where_it_must_be_and_nowhere_else(code, schedule, steps, at):
    select = () if RULES[code].on else [code]
    assert [finding.step for finding in check(schedule, steps, select=select) if finding.code == code] == at


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
    _, _, jump = check(Constant(0.0, 3_000) >> Constant(0.01, 3_000))
    assert jump.message == "the value jumps from 0 to 0.01"
    (early,) = check(PRETRAIN, 80_000)
    assert early.message.startswith("the run ends 20,000 updates before the schedule, at 5.")
    assert early.message.endswith(" instead of 3e-05")
    assert "stretch(steps=80000)" in early.hint
    (_, end) = check(PRETRAIN, 80_000, select=["end-not-reached"])
    assert end.message.startswith("the run ends at 5.")
    (late,) = check(PRETRAIN, 120_000)
    assert late.message == "the schedule ends, and 20,000 more updates use 3e-05"
    phases = check(WSD, 1_001)[-1].message
    assert phases == "Constant(0.0003, steps=78000) is not reached by a run of 1,001 updates, nor are 1 more"
    (alone,) = check(0.5 * Warmup(3e-4, 2_000) >> Cosine.to(3e-5, 98_000))
    assert alone.message == "the first phase, 0.5 * Warmup(0.0003, steps=2000), is scaled, and no other is"


def test_findings_of_one_schedule_come_together():
    mess = Linear(0.0, 1.0, 6) >> Cosine(2.0, -1.0, 4)
    assert codes(mess, 8) == ["zero-first-update", "jump", "long-warmup", "run-ends-early"]
    assert codes(mess) == ["zero-first-update", "looks-like-epochs", "jump", "long-warmup", "negative-value"]


RATES_ONLY = {
    "zero-first-update": Linear(0.0, 0.1, 10_000),
    "swapped-arguments": Constant(256.0),
    "mostly-zero": Constant(0.1, 4_000) >> Constant(0.0, 6_000),
    "warmup-twice": Warmup(1.0, 1_000) * (Warmup(1.0, 2_000) >> Constant.hold(8_000)),
    "long-warmup": Warmup(0.1, 6_000) >> Constant.hold(4_000),
    "short-timescale": Warmup(1e-3, 4_000) >> PowerLaw(1e-3, 6_000, timescale=1),
    "last-phase-climbs": Linear(0.9, 0.85, 4_000) >> Linear.to(0.95, 6_000),
}


@pytest.mark.parametrize("code", RATES_ONLY)
@pytest.mark.parametrize("quantity", ["weight decay", "batch", "momentum", "loss weight"])
def test_what_is_odd_for_a_rate_is_not_for_another_quantity(code, quantity):
    a = RATES_ONLY[code]
    for rate in ("lr", "learning rate", "LR"):
        assert code in {finding.code for finding in check(a, quantity=rate)}
    assert code not in {finding.code for finding in check(a, quantity=quantity)}
    assert code in {finding.code for finding in check(a, quantity=quantity, select=[code])}
    assert check(a, quantity=quantity, select=[code], ignore=[code]) == check(a, quantity=quantity)


def test_codes_are_selected_and_ignored_by_name():
    """So `assert not check(…, ignore=…)` can stand in a training script."""
    assert [finding.code for finding in check(PRETRAIN, 80_000)] == ["run-ends-early"]
    assert check(PRETRAIN, 80_000, ignore=["run-ends-early"]) == ()
    assert check(PRETRAIN, 80_000, ignore="run-ends-early") == ()
    assert [finding.code for finding in check(PRETRAIN, 500, select={"run-ends-early"})] == ["run-ends-early"]
    longer = PRETRAIN >> Constant.hold(20_000)
    assert check(longer, 110_000) == ()
    (early,) = check(longer, 110_000, select=["run-ends-early"])
    assert early.message == "the run ends 10,000 updates before the schedule"
    assert isinstance(check(PRETRAIN), tuple)


@pytest.mark.parametrize("argument", ["select", "ignore"])
def test_a_code_that_does_not_exist_is_refused(argument):
    with pytest.raises(
        ValueError, match=rf"a code in check\.{argument} must be one of zero-first.*got 'jmup'"
    ):
        check(PRETRAIN, **{argument: ["jmup"]})
    with pytest.raises(TypeError, match="check.quantity must be a text"):
        check(PRETRAIN, quantity=3)


@given(schedules(3), st.sampled_from(sorted(FINDINGS)), st.none() | st.integers(1, 2_000))
def test_what_is_ignored_is_the_only_thing_that_is_missing(a, code, steps):
    every = sorted(FINDINGS)
    found = check(a, steps, select=every)
    assert check(a, steps, select=every, ignore=[code]) == tuple(f for f in found if f.code != code)


def test_an_endless_schedule_is_evaluated_for_a_while(monkeypatch):
    """What only evaluating tells is looked at so far in all, and what shapes tell for ever."""
    monkeypatch.setattr("tlama_core.analysis.rules.ENDLESS_HORIZON", 1_000)
    found, missed = (Function(lambda t, end=end: 1.0 if t < end else -1.0) for end in (999, 1_000))
    assert codes(found) == ["negative-value"]
    assert codes(missed) == []
    assert codes(missed, 1_001) == ["negative-value"]
    waves = (Linear(1.0, 0.0, 700) * Linear(1e-9, 1.0, 700)).repeat(growth=2)
    assert codes(waves) == []
    assert codes((Linear(1.0, -1.0, 10**6)).repeat()) == ["negative-value"]


def test_a_notebook_shows_findings_as_a_table():
    found = check(Constant(1.0, 5) >> Constant(0.1, 5), steps=50)
    table = found._repr_html_()
    assert table.count("<tr>") == 1 + len(found) > 1
    assert all(finding.code in table for finding in found)
    assert check(Constant(1.0, 5), steps=5)._repr_html_() == "<p>nothing found</p>"
    assert "&gt;&gt;" in table
