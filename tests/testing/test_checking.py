"""Every law that fits is run over schedules of one's own, and says what broke it."""

import math

import pytest
from hypothesis import strategies as st

from tlama_core import Constant, Cosine, Function, Linear, OpenScheduleError, Warmup
from tlama_core.testing.checking import check_laws
from tlama_core.testing.laws import LAWS, Law
from tlama_core.testing.strategies import schedules

NAMES = {law.name for law in LAWS}
SHAPES = {"a_shape_hits_its_ends", "a_shape_stays_between_its_ends", "a_shape_never_turns_back"}
TEXTS = {"text_and_data_read_back"}
FINITE = {
    "a_chain_cut_at_its_joint_gives_its_parts",
    "repeating_is_chaining",
    "a_stretched_schedule_has_that_length",
    "stretching_the_rest_does_not_jump",
}


def inverse(step):
    return 1 / (1 + step)


@pytest.mark.parametrize(
    ("mine", "left_out"),
    [
        (Warmup(3e-4, steps=20) >> Cosine.to(0.0, steps=80), SHAPES),
        (Cosine(1.0, 0.0, 9), set()),
        (Constant(1.0), SHAPES | FINITE),
        (Function(inverse), SHAPES | TEXTS | FINITE),
        (Function(lambda t: 1 / (1 + t), 7), SHAPES | TEXTS | {"pickles_and_copies_are_equal"}),
        (schedules(1), set()),
    ],
    ids=["composed", "a shape", "endless", "a function", "a lambda", "a strategy"],
)
def test_every_law_that_fits_is_run(mine, left_out):
    examples = 100 if isinstance(mine, st.SearchStrategy) else 5
    assert NAMES - set(check_laws(mine, max_examples=examples)) == left_out


def never_above_a_half(a):
    """a(3) <= 0.5."""
    assert a(3) <= 0.5, a


def test_a_law_that_is_broken_is_named_with_what_broke_it():
    mine = Law(never_above_a_half, ("schedule",))
    assert check_laws(Constant(0.5), laws=[mine]) == ("never_above_a_half",)
    with pytest.raises(AssertionError, match=r"the law never_above_a_half is broken: Constant\(0.75\)"):
        check_laws(Constant(0.75), laws=[mine])


def test_a_failed_law_names_the_step_and_both_values():
    """Of a function that is none: it has another value every time."""
    calls = iter(range(10**9))
    mine = Function(lambda _: float(next(calls)))
    with pytest.raises(
        AssertionError, match=r"the law \w+ is broken: at step \d+: got \d+.0, wanted [-\d.]+, of\n"
    ):
        check_laws(mine, max_examples=10)


@pytest.mark.parametrize(
    ("given_", "kind", "message"),
    [
        (({},), TypeError, "check_laws.schedules must be a schedule, or a strategy of schedules, got {}"),
        ((Linear.to(0.0, 5),), OpenScheduleError, "has no start"),
        ((math.sin,), TypeError, "check_laws.schedules must be a schedule, or a strategy of schedules"),
    ],
)
def test_what_is_no_schedule_is_refused(given_, kind, message):
    with pytest.raises(kind, match=message):
        check_laws(*given_)
    with pytest.raises(ValueError, match="check_laws.max_examples must be a whole number >= 1, got 0"):
        check_laws(Constant(1.0), max_examples=0)


def test_whatever_else_goes_wrong_says_in_which_law():
    """A table that is too short, a function that returns no number."""
    with pytest.raises(IndexError) as caught:
        check_laws(Function([1.0, 0.5].__getitem__, 5), max_examples=5)
    assert caught.value.__notes__[0].startswith("in the law ")
    with pytest.raises((AssertionError, ValueError)):
        check_laws(Function(lambda k: math.nan if k == 3 else 1.0, 5), max_examples=5)
