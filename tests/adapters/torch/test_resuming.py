"""Resuming: whatever is loaded in whatever order, the updates use the rates of the uninterrupted run."""

import json
import os
import pickle

from hypothesis import given, settings
from hypothesis import strategies as st

RESUMED = 300 if os.environ.get("HYPOTHESIS_PROFILE") == "ci" else 30  # each in nine ways
NAMES = ["lr", "weight_decay", "eps", "betas"]
GROUPS = st.integers(1, 4)


def new_then_states(ScheduleLR, make, given, states):
    optimizer = make()
    scheduler = ScheduleLR(optimizer, **given)
    optimizer.load_state_dict(states[0])
    scheduler.load_state_dict(states[1])
    return optimizer, scheduler


def new_then_states_scheduler_first(ScheduleLR, make, given, states):
    optimizer = make()
    scheduler = ScheduleLR(optimizer, **given)
    scheduler.load_state_dict(states[1])
    optimizer.load_state_dict(states[0])
    return optimizer, scheduler


def optimizer_loaded_then_built(ScheduleLR, make, given, states):
    optimizer = make()
    optimizer.load_state_dict(states[0])
    scheduler = ScheduleLR(optimizer, **given)
    scheduler.load_state_dict(states[1])
    return optimizer, scheduler


def scheduler_state_only(ScheduleLR, make, given, states):
    optimizer = make()
    scheduler = ScheduleLR(optimizer, **given)
    scheduler.load_state_dict(states[1])
    return optimizer, scheduler


def json_in_place_of_torch(ScheduleLR, make, given, states):
    return scheduler_state_only(ScheduleLR, make, given, json.loads(json.dumps([None, states[1]])))


def loaded_twice(ScheduleLR, make, given, states):
    optimizer, scheduler = new_then_states(ScheduleLR, make, given, states)
    scheduler.load_state_dict(states[1])
    return optimizer, scheduler


def nothing_but_the_clock(ScheduleLR, make, given, states):
    optimizer = make()
    return optimizer, ScheduleLR(optimizer, **given, clock=states[1]["clock"])


def nothing_but_the_clock_advanced(ScheduleLR, make, given, states):
    optimizer = make()
    scheduler = ScheduleLR(optimizer, **given)
    optimizer.step()
    scheduler.advance(states[1]["clock"])
    return optimizer, scheduler


def the_saved_schedules(ScheduleLR, make, given, states):
    optimizer = make()
    scheduler = ScheduleLR(optimizer, lr=[123.0] * len(optimizer.param_groups), on_change="keep_old")
    scheduler.load_state_dict(states[1])
    return optimizer, scheduler


ORDERS = [
    new_then_states, new_then_states_scheduler_first, optimizer_loaded_then_built, scheduler_state_only,
    json_in_place_of_torch, loaded_twice, nothing_but_the_clock, nothing_but_the_clock_advanced,
    the_saved_schedules,
]  # fmt: skip


@settings(max_examples=RESUMED)
@given(st.data(), GROUPS, st.integers(0, 40) | st.integers(0, 6_000), st.integers(0, 9), st.integers(1, 5))
def test_every_way_of_resuming_is_bit_identical(
    ScheduleLR, build, run, rates, saved, givens, data, groups, start, killed, more
):
    given_ = data.draw(givens(groups))
    relative = data.draw(st.lists(st.sampled_from(sorted(given_)), unique=True))
    given_["relative"] = relative

    def make():
        """Return an optimizer whose groups differ in what is relative to them."""
        optimizer = build(groups)
        for i, group in enumerate(optimizer.param_groups, 1):
            group.update({name: (0.9 / i, 0.99 / i) if name == "betas" else 0.1 / i for name in relative})
        return optimizer

    optimizer = make()
    scheduler = ScheduleLR(optimizer, **given_, clock=start)
    run(optimizer, scheduler, killed)
    states = saved([optimizer.state_dict(), scheduler.state_dict()])
    wanted = run(optimizer, scheduler, more, *NAMES)
    for resume in ORDERS:
        resumed = run(*resume(ScheduleLR, make, given_, states), more, *NAMES)
        assert resumed == wanted, resume.__name__
    copied = pickle.loads(pickle.dumps(scheduler))
    assert rates(copied.optimizer, *NAMES) == rates(optimizer, *NAMES)
