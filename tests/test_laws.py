"""Every law of the algebra, over random trees, and the steps at which the laws look."""

import math

import pytest
from hypothesis import given, settings

from tlama_core import Constant, Cosine, Linear, Step, Sum, Warmup, breakpoints
from tlama_core.testing import laws
from tlama_core.testing.laws import LAWS, MAX_VISITED, magnitude, steps_of
from tlama_core.testing.strategies import arguments


def over_random_trees(law):
    """Return *law* as a property."""

    @given(arguments(law))
    def holds(drawn):
        law.check(*drawn)

    return holds


@pytest.mark.uncovered
@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_law(law):
    over_random_trees(law)()


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_every_line_of_a_law_is_run(law):
    settings(max_examples=40)(over_random_trees(law))()


CHAIN = Warmup(1.0, steps=331) >> Cosine.to(0.1, steps=352) >> Step(0.1, {97: 0.5}, steps=400)


@pytest.mark.parametrize(
    "a",
    [
        CHAIN,
        0.5 * CHAIN,
        CHAIN.clamp(low=0.2),
        CHAIN[17:],
        (CHAIN + Linear(1.0, 0.0, steps=90)).stretch(steps=2_001),
        (CHAIN * CHAIN)[100:900].stretch(steps=7_001),
        (0.5 * CHAIN).repeat(3),
        CHAIN.repeat(growth=2),
    ],
    ids=repr,
)
def test_the_laws_look_at_every_joint_and_beside_it(a):
    """Also below operators: a law that never looks at a joint cannot fail there."""
    joints = breakpoints(a, stop=None if math.isfinite(a.steps) else 1_000)
    assert len(joints) >= 2
    assert {step for joint in joints for step in (joint - 1, joint, joint + 1)} <= set(steps_of(a))


def test_the_laws_look_at_so_many_steps_and_no_more():
    """Of many joints, some are visited, from the first to the last."""
    visited = steps_of(Constant(1.0, steps=50).repeat(10_000))
    assert len(visited) < 5 * MAX_VISITED
    assert sum(1 for step in visited if step % 50 == 0 and step + 1 in visited and step - 1 in visited) > 40


def test_the_magnitude_of_a_node_that_is_used_many_times_is_found_once():
    a = Linear(1.0, -2.0, steps=10)
    for _ in range(30):
        a = Sum((Constant(0.0), a, a))
    assert magnitude(a) == 2.0 * 2**30
    assert magnitude(Linear(1.0, 0.0, 4).repeat(3, gain=-2.0, base=1.0)) == 9.0
    assert magnitude(Linear(1.0, 0.0, 4).repeat(gain=2.0)) == math.inf
    assert magnitude(Linear(0.0, 0.0, 4).repeat(gain=2.0)) == 0.0


def test_a_failed_law_names_the_step_and_both_values(monkeypatch):
    a = Constant(1.0, 5)
    monkeypatch.setattr(Constant, "__call__", lambda _, step: 2.0 if step == 12 else 1.0)
    with pytest.raises(
        AssertionError, match=r"at step 12: got 2.0, wanted 1.0, of\n  Constant\(1.0, steps=5\)"
    ):
        laws.an_ended_schedule_holds(a, 7)
    with pytest.raises(AssertionError, match=r"at step 12: got 2.0, wanted one from 0.0 to 1.0, of\n"):
        laws._lies(0.0, a(12), 1.0, 12, a)
