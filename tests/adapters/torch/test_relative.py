"""Schedules relative to what each param group had: ratios stay, however the run is resumed."""

import copy
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tlama_core import Constant, Cosine, Linear, Warmup
from tlama_core.testing.strategies import schedules

UNIT = Warmup(1.0, steps=4) >> Cosine.to(0.1, steps=16)
RATES = st.lists(st.floats(1e-9, 1.0) | st.sampled_from([0.1, 1e-3]), min_size=1, max_size=4)


@pytest.fixture
def of(build):
    """Return a function that builds an optimizer of which each group has a rate and a decay of its own."""

    def optimizer(rates, decays=None):
        built = build(len(rates))
        for group, rate, decay in zip(built.param_groups, rates, decays or rates, strict=True):
            group.update(lr=rate, weight_decay=decay)
        return built

    return optimizer


@settings(max_examples=100)
@given(RATES, schedules(2), st.integers(0, 99))
def test_each_group_has_its_own_rate_times_the_schedule(ScheduleLR, build, rates, own, a, clock):
    optimizer = build(len(own))
    for group, rate in zip(optimizer.param_groups, own, strict=True):
        group["lr"] = rate
    ScheduleLR(optimizer, lr=a, relative=["lr"], clock=clock)
    assert rates(optimizer, "lr", "initial_lr") == [(rate * a(clock), rate) for rate in own]


def test_layers_that_learn_slower_stay_slower(ScheduleLR, of, run):
    own = [0.9**depth * 1e-3 for depth in range(3)]
    optimizer = of(own)
    scheduler = ScheduleLR(optimizer, lr=UNIT, weight_decay=0.5, relative=("lr", "weight_decay"))
    used = run(optimizer, scheduler, 20, "lr", "weight_decay")
    assert used == [[(rate * UNIT(k), rate * 0.5) for rate in own] for k in range(20)]


def test_groups_without_weight_decay_stay_without(ScheduleLR, of, run):
    optimizer = of([1e-3, 1e-3], decays=[0.1, 0.0])
    scheduler = ScheduleLR(optimizer, weight_decay=Linear(1.0, 0.0, 10), relative=("weight_decay",))
    assert run(optimizer, scheduler, 2, "weight_decay") == [[(0.1,), (0.0,)], [(0.1 * 0.9,), (0.0,)]]


def test_a_pair_is_relative_place_by_place(ScheduleLR, build, rates):
    optimizer = build()
    scheduler = ScheduleLR(optimizer, betas=(Linear(1.0, 0.0, 4), 1.0), relative=["betas"], clock=1)
    assert rates(optimizer, "betas", "initial_betas") == [((0.9 * 0.75, 0.999), (0.9, 0.999))]
    assert "betas=(0.9 * Linear(1.0, 0.0, steps=4)" in repr(scheduler).replace("[", "").replace("]", "")


@pytest.mark.parametrize("steps", [0, 7, 30])
def test_a_scheduler_that_is_built_after_loading_multiplies_once(ScheduleLR, of, run, rates, saved, steps):
    """What the first one multiplied was noted with the optimizer's state."""
    optimizer = of([0.1, 0.2])
    run(optimizer, ScheduleLR(optimizer, lr=UNIT, weight_decay=UNIT, relative=["lr", "weight_decay"]), steps)
    new = of([0.1, 0.2])
    new.load_state_dict(saved(optimizer.state_dict()))
    ScheduleLR(new, lr=UNIT, weight_decay=UNIT, relative=["lr", "weight_decay"], clock=steps)
    assert rates(new, "lr", "weight_decay") == rates(optimizer, "lr", "weight_decay")
    assert rates(new, "lr") == [(0.1 * UNIT(steps),), (0.2 * UNIT(steps),)]


def test_what_was_absolute_can_become_relative(ScheduleLR, of, run, rates, saved):
    """What a group had before any schedule is noted, also where the first one took no account of it."""
    optimizer = of([0.1, 0.1])
    run(optimizer, ScheduleLR(optimizer, weight_decay=UNIT), 7)
    new = of([0.1, 0.1])
    new.load_state_dict(saved(optimizer.state_dict()))
    ScheduleLR(new, weight_decay=UNIT, relative=["weight_decay"], clock=7)
    assert rates(new, "weight_decay") == [(0.1 * UNIT(7),)] * 2


def test_other_rates_to_multiply_are_other_schedules(ScheduleLR, of):
    state = ScheduleLR(of([0.1, 0.2]), lr=UNIT, relative=["lr"]).state_dict()
    with pytest.raises(ValueError, match=r"saved 0\.2 \* \(Warmup.*\n *given 0\.3 \* \(Warmup"):
        ScheduleLR(of([0.1, 0.3]), lr=UNIT, relative=["lr"]).load_state_dict(state)


def test_a_group_that_is_added_has_its_own_rate(torch, ScheduleLR, of, run):
    optimizer = of([0.1])
    scheduler = ScheduleLR(optimizer, lr=UNIT, betas=(1.0, 1.0), relative=["lr", "betas"])
    run(optimizer, scheduler, 3)
    optimizer.add_param_group({"params": [torch.nn.Parameter(torch.ones(1))], "lr": 0.5, "betas": (0.5, 0.6)})
    assert run(optimizer, scheduler, 2, "lr", "betas")[1] == [
        (0.1 * UNIT(4), (0.9, 0.999)),
        (0.5 * UNIT(4), (0.5, 0.6)),
    ]
    twin = copy.deepcopy(scheduler)
    twin.optimizer.add_param_group({"params": [torch.nn.Parameter(torch.ones(1))], "lr": 0.25})
    twin.optimizer.step()
    twin.step()
    assert twin.get_last_lr() == [0.1 * UNIT(6), 0.5 * UNIT(6), 0.25 * UNIT(6)]


def test_a_list_is_relative_group_by_group_and_takes_no_more(torch, ScheduleLR, of, run, rates):
    optimizer = of([0.1, 0.2])
    scheduler = ScheduleLR(optimizer, lr=[UNIT, 1.0], relative=["lr"])
    assert rates(optimizer, "lr") == [(0.1 * UNIT(0),), (0.2,)]
    optimizer.add_param_group({"params": [torch.nn.Parameter(torch.ones(1))], "lr": 0.5})
    optimizer.step()
    with pytest.raises(ValueError, match="ScheduleLR.lr must be one schedule .* a list of 3"):
        scheduler.step()


def test_what_is_kept_of_a_saved_run_is_no_longer_relative(ScheduleLR, of, run, rates):
    optimizer = of([0.1, 0.2])
    old = ScheduleLR(optimizer, lr=[Constant(0.3), Constant(0.4)])
    new_optimizer = of([0.1, 0.2])
    new = ScheduleLR(new_optimizer, lr=UNIT, relative=["lr"], on_change="keep_old")
    new.load_state_dict(old.state_dict())
    assert run(new_optimizer, new, 2, "lr")[1] == [(0.3,), (0.4,)]


def test_tensors_keep_what_they_began_with(torch, ScheduleLR, build, run):
    optimizer = build(lr=torch.tensor(0.25), capturable=True)
    scheduler = ScheduleLR(optimizer, lr=Linear(1.0, 0.0, 4), relative=["lr"])
    assert run(optimizer, scheduler, 4, "lr") == [[(0.25 * (1 - k / 4),)] for k in range(4)]
    assert float(optimizer.param_groups[0]["initial_lr"]) == 0.25


def test_groups_that_differ_are_not_made_alike_in_silence(ScheduleLR, of, build):
    """Once, when it is built; a list and what is relative were meant."""
    with pytest.warns(
        UserWarning,
        match=r"ScheduleLR sets lr to the same in all param groups, which had \[0.1, 0.2\]: relative=\('lr',\)"
        r" multiplies what each has, and lr=\[…\] gives each its own",
    ) as warned:
        scheduler = ScheduleLR(of([0.1, 0.2], [0.0, 0.0]), lr=UNIT)
    assert [one.filename for one in warned] == [__file__]
    scheduler.optimizer.step()
    scheduler.step()
    with pytest.warns(UserWarning, match="sets weight_decay to the same"):
        ScheduleLR(of([0.1, 0.1], [0.0, 0.1]), weight_decay=UNIT)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ScheduleLR(of([0.1, 0.2]), lr=[UNIT, UNIT])
        ScheduleLR(of([0.1, 0.2]), lr=UNIT, relative=["lr"])
        ScheduleLR(build(3), lr=UNIT, weight_decay=UNIT, betas=(0.9, 0.9))


def test_names_may_come_from_whatever_can_be_gone_through_once(ScheduleLR, of, rates):
    optimizer = of([0.1, 0.2])
    ScheduleLR(optimizer, lr=Constant(0.5), relative=map(str, ["lr"]))
    assert rates(optimizer, "lr") == [(0.05,), (0.1,)]


@pytest.mark.parametrize("loaded_first", [True, False])
def test_what_groups_had_comes_back_with_the_state_of_the_optimizer(
    ScheduleLR, of, run, rates, saved, loaded_first
):
    """Also where the new run was built for other rates, and the run after that."""
    optimizer = of([0.1, 0.2])
    scheduler = ScheduleLR(optimizer, lr=UNIT, relative=["lr"])
    run(optimizer, scheduler, 3)
    for updates in (3, 4):
        states = saved([optimizer.state_dict(), scheduler.state_dict()])
        optimizer = of([0.3, 0.4])
        if loaded_first:
            optimizer.load_state_dict(states[0])
        scheduler = ScheduleLR(optimizer, lr=UNIT, relative=["lr"])
        if not loaded_first:
            optimizer.load_state_dict(states[0])
        scheduler.load_state_dict(states[1])
        assert rates(optimizer, "lr", "initial_lr") == [
            (0.1 * UNIT(updates), 0.1),
            (0.2 * UNIT(updates), 0.2),
        ]
        run(optimizer, scheduler, 1)


def test_a_group_that_is_added_is_saved_loaded_and_asked_for_at_once(torch, ScheduleLR, of, run, rates):
    """Before the next step has served it."""

    def grown():
        optimizer = of([0.1, 0.2])
        scheduler = ScheduleLR(optimizer, lr=UNIT, relative=["lr"])
        optimizer.add_param_group({"params": [torch.nn.Parameter(torch.ones(1))], "lr": 0.5})
        return optimizer, scheduler

    optimizer, scheduler = grown()
    state = scheduler.state_dict()
    assert scheduler.get_lr() == [0.1 * UNIT(0), 0.2 * UNIT(0), 0.5 * UNIT(0)]
    for saved_state in (state, grown()[1].state_dict()):
        new_optimizer, new = grown()
        new.load_state_dict(saved_state)
        assert rates(new_optimizer, "lr") == [(0.1 * UNIT(0),), (0.2 * UNIT(0),), (0.5 * UNIT(0),)]
    new_optimizer, new = grown()
    new_optimizer.load_state_dict(optimizer.state_dict())
    assert run(new_optimizer, new, 2, "lr")[1] == [(0.1 * UNIT(1),), (0.2 * UNIT(1),), (0.5 * UNIT(1),)]
