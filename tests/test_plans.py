"""Changed plans: the past stays, the rest follows without a jump."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tlama_core import (
    Constant,
    Cosine,
    Linear,
    Polynomial,
    PowerLaw,
    Repeated,
    Sqrt,
    Step,
    Warmup,
    cooldown,
    retarget,
)
from tlama_core.testing.laws import about_equal
from tlama_core.testing.strategies import lengths, numbers, schedules

PLAN = Warmup(1.0, 10) >> Cosine.to(0.1, 90)


@given(schedules(endless=False), st.data(), lengths())
def test_a_retargeted_schedule_keeps_its_past_and_gets_its_length(a, data, more):
    at = data.draw(st.integers(0, int(a.steps)))
    b = retarget(a, at=at, steps=at + more)
    assert b.steps == at + more
    assert all(b(k) == a(k) for k in range(0, at, max(1, at // 50)))


@given(st.integers(11, 99), st.integers(1, 500))
def test_a_retargeted_schedule_goes_on_with_the_value_it_had(at, more):
    b = retarget(PLAN, at=at, steps=at + more)
    assert about_equal(b(at), PLAN(at), 1.0)
    assert b(b.steps) == 0.1
    assert all(b(k) >= b(k + 1) for k in range(at, b.steps))


def test_the_same_length_is_the_same_curve():
    for at in range(101):
        b = retarget(PLAN, at=at, steps=100)
        assert all(about_equal(b(k), PLAN(k), 1.0) for k in range(101))


@given(schedules(), st.data(), numbers(), lengths(1))
def test_a_cooldown_keeps_the_past_and_starts_from_the_value_there(a, data, to, steps):
    at = data.draw(st.integers(0, 1_000 if math.isinf(a.steps) else int(a.steps)))
    assume(not isinstance(a, Repeated) or math.isfinite(a.steps))
    b = cooldown(a, at=at, steps=steps, to=to)
    assert b.steps == at + steps
    assert b(b.steps) == to
    assert all(b(k) == a(k) for k in range(0, at, max(1, at // 50)))
    assert b(at) == a(at)


def test_a_cooldown_at_a_joint_starts_from_the_new_value():
    """Where the schedule jumps, its value at that update is the one after the jump."""
    assert cooldown(Constant(1.0, 10) >> Constant(0.1, 90), at=10, steps=5)(10) == 0.1
    assert cooldown(Step(1.0, {7: 0.5}), at=7, steps=5, shape=Linear)(7) == 0.5
    assert cooldown(Linear(1.0, 0.0, 10).repeat(3), at=20, steps=5)(20) == 1.0
    assert list(cooldown(Constant(1.0, 10) >> Constant(0.1, 90), at=10, steps=5)[:10]) == [1.0] * 10


def test_a_cooldown_of_any_shape():
    stable = Warmup(1.0, 10) >> Constant(1.0)
    assert cooldown(stable, at=80, steps=20) == stable[:80] >> Sqrt(1.0, 0.0, 20)
    assert cooldown(stable, at=80, steps=20, to=0.5, shape=Linear) == stable[:80] >> Linear(1, 0.5, 20)
    assert cooldown(stable, at=80, steps=20, shape=Polynomial, power=2)(90) == 0.25
    assert cooldown(PowerLaw(1.0, timescale=10), at=30, steps=5, shape=Cosine)(30) == 0.5


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: retarget(PLAN, at=101, steps=200), ValueError, "retarget.at must be at most the length 100, got 101"),
        (lambda: retarget(PLAN, at=50, steps=49), ValueError, "retarget.steps must be a whole number >= 50, got 49"),
        (lambda: retarget(PLAN, at=0.5, steps=200), ValueError, "retarget.at must be a whole number >= 0"),
        (lambda: retarget(Constant(1.0), at=5, steps=9), ValueError, "an endless schedule cannot be stretched"),
        (lambda: retarget(0.1, at=5, steps=9), TypeError, "retarget.schedule must be a schedule, got 0.1"),
        (lambda: retarget(Linear.to(0, 5), at=0, steps=9), TypeError, "has no start"),
        (lambda: cooldown(PLAN, at=101, steps=10), ValueError, "cooldown.at must be at most the length 100, got 101"),
        (lambda: cooldown(PLAN, at=10, steps=1.5), ValueError, "Sqrt.steps must be a whole number >= 0"),
        (lambda: cooldown(PLAN, at=10, steps=5, shape=Step), TypeError, "cooldown.shape must be a shape with two ends"),
        (lambda: cooldown(PLAN, at=10, steps=5, shape="sqrt"), TypeError, "cooldown.shape must be a shape with two ends"),
        (lambda: cooldown(PLAN, at=10, steps=5, shape=Polynomial), TypeError, "missing 1 required keyword-only argument"),
    ],
)  # fmt: skip
def test_what_is_refused(call, error, text):
    with pytest.raises(error) as caught:
        call()
    assert text in str(caught.value)


@given(st.integers(0, 100), st.integers(100, 10**6))
def test_updates_may_be_floats_that_are_whole_numbers(at, steps):
    assert retarget(PLAN, at=float(at), steps=float(steps)) == retarget(PLAN, at=at, steps=steps)
    assert cooldown(PLAN, at=float(at), steps=float(steps)) == cooldown(PLAN, at=at, steps=steps)
