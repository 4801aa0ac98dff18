"""Mistakes: refused where they are made, by name, and nothing has changed."""

import copy
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tlama_core import (
    Cosine,
    Function,
    Linear,
    OpenScheduleError,
    ParseError,
    Warmup,
    as_schedule,
    check,
)
from tlama_core.testing import rates_of

PRETRAIN = Warmup(3e-4, steps=20) >> Cosine.to(3e-5, steps=80)
OFFERED = "one of those of the given AdamW: lr, betas, eps, weight_decay"


@pytest.mark.parametrize(
    ("given_", "error", "message"),
    [
        ({}, ValueError, "ScheduleLR needs a schedule for one of lr, betas, eps, weight_decay, got none"),
        ({"momentum": 1.0}, ValueError, f"a hyper-parameter of ScheduleLR must be {OFFERED}, got 'momentum'"),
        ({"params": 1.0}, ValueError, "got 'params'"),
        ({"initial_lr": 1.0}, ValueError, "got 'initial_lr'"),
        ({"amsgrad": 1.0}, ValueError, "got 'amsgrad'"),
        ({"foreach": 1.0}, ValueError, "got 'foreach'"),
        ({"lr": []}, ValueError, "ScheduleLR.lr must be one schedule for all param groups, or a list of 2, one for each, got a list of 0"),
        ({"lr": [1.0, 2.0, 3.0]}, ValueError, "got a list of 3"),
        ({"betas": [(0.9, 0.9)]}, ValueError, "ScheduleLR.betas must be one .* got a list of 1"),
        ({"lr": (1.0, 2.0)}, TypeError, r"ScheduleLR.lr must be a schedule, a number or a text, or a list with one per param group, got \(1.0, 2.0\)"),
        ({"lr": None}, TypeError, "ScheduleLR.lr must be a schedule"),
        ({"lr": True}, TypeError, "got True"),
        ({"lr": b"Constant(1.0)"}, TypeError, "ScheduleLR.lr must be a schedule"),
        ({"lr": "Cosin(1.0, 0.0, 9)"}, ParseError, "in ScheduleLR.lr: unknown name Cosin: did you mean Cosine"),
        ({"lr": "Constant(1.0, total)"}, ParseError, "in ScheduleLR.lr: unknown name total"),
        ({"lr": "Constant(1.0, total)", "names": {"total": 2.5}}, ParseError, "in ScheduleLR.lr: Constant.steps must be a whole number"),
        ({"lr": 1.0, "names": [100]}, TypeError, "ScheduleLR.names must be a mapping of what texts may use"),
        ({"lr": {"type": "Lin"}}, ValueError, "in ScheduleLR.lr: from_dict.data.type must be .*did you mean Linear"),
        ({"lr": {"head": 1.0}}, ValueError, r"ScheduleLR.lr must be a mapping by the names of all param groups, which have none here, or that of to_dict"),
        ({"lr": 1.0, "relative": "lr"}, ValueError, r"ScheduleLR.relative must be some of lr, as \('lr',\), got 'lr'"),
        ({"lr": 1.0, "relative": ["lr", "eps"]}, ValueError, "ScheduleLR.relative must be some of lr, "),
        ({"lr": 1.0, "relative": None}, ValueError, "ScheduleLR.relative must be some of lr, .* got None"),
        ({"lr": 1.0, "relative": [["lr"]]}, ValueError, "ScheduleLR.relative must be some of lr, "),
        ({"lr": math.sin}, TypeError, r"a schedule \(Function\(fn\) is one\)"),
        ({"lr": math.nan}, ValueError, "ScheduleLR.lr must be a finite number, got nan"),
        ({"lr": [1.0, [2.0]]}, TypeError, r"got \[2.0\]"),
        ({"betas": 0.9}, TypeError, "ScheduleLR.betas must be a tuple of 2, or a list with one per param group, got 0.9"),
        ({"betas": (0.9, 0.9, 0.9)}, TypeError, r"must be a tuple of 2"),
        ({"betas": [0.9, (0.9, 0.9)]}, TypeError, "must be a tuple of 2"),
        ({"betas": (0.9, "x")}, ParseError, r"in ScheduleLR.betas: unknown name x"),
        ({"betas": (0.9, None)}, TypeError, r"ScheduleLR.betas must be a schedule"),
        ({"lr": Linear.to(0.0, 5)}, OpenScheduleError, "has no start"),
        ({"lr": 1.0, "clock": -1}, ValueError, "ScheduleLR.clock must be a whole number >= 0, got -1"),
        ({"lr": 1.0, "clock": 1.5}, ValueError, "ScheduleLR.clock must be a whole number"),
        ({"lr": 1.0, "last_epoch": -2}, ValueError, "ScheduleLR.last_epoch must be a whole number >= -1, got -2"),
        ({"lr": 1.0, "last_epoch": 4, "clock": 4}, ValueError, "ScheduleLR.last_epoch must be clock - 1 where both are given, here 3, got 4"),
        ({"lr": "Constant(1.0, total)", "num_training_steps": 0.5}, ValueError, "ScheduleLR.num_training_steps must be a whole number"),
        ({"lr": 1.0, "on_change": "ask"}, ValueError, "ScheduleLR.on_change must be one of error, keep_new, keep_old, got 'ask'"),
        ({"lr": Function(lambda t: math.nan)}, ValueError, "returns at step 0"),
    ],
)  # fmt: skip
def test_mistakes_are_refused_where_they_are_made(ScheduleLR, build, given_, error, message):
    optimizer = build(2)
    before = [dict(group) for group in optimizer.param_groups], optimizer.__dict__.keys() - set()
    with pytest.raises(error, match=message):
        ScheduleLR(optimizer, **given_)
    assert ([dict(group) for group in optimizer.param_groups], optimizer.__dict__.keys() - set()) == before


def test_tensors_that_hold_no_rate_are_not_offered(torch, ScheduleLR, build):
    for held in (torch.tensor(1), torch.tensor([0.1, 0.2])):
        optimizer = build(kind="SGD")
        optimizer.param_groups[0]["weight_decay"] = held
        with pytest.raises(ValueError, match="got 'weight_decay'"):
            ScheduleLR(optimizer, weight_decay=0.5)


def test_what_only_some_groups_have_is_not_offered(ScheduleLR, build):
    optimizer = build(2)
    optimizer.param_groups[0]["boost"] = 1.0
    with pytest.raises(ValueError, match=f"{OFFERED}, got 'boost'"):
        ScheduleLR(optimizer, boost=2.0)


@pytest.mark.parametrize("unnamed", [[PRETRAIN], [0.1, PRETRAIN]])
def test_a_schedule_without_a_name_is_told_to_be_the_learning_rate(ScheduleLR, build, unnamed):
    with pytest.raises(TypeError, match=r"must be given by name, as ScheduleLR\(optimizer, lr=…\), got"):
        ScheduleLR(build(), *unnamed)


def test_only_an_optimizer_is_one(ScheduleLR):
    with pytest.raises(TypeError, match="ScheduleLR.optimizer must be a torch.optim.Optimizer, got 5"):
        ScheduleLR(5, lr=1.0)


@pytest.mark.parametrize("n", [-1, 1.5, math.nan, "3"])
def test_a_clock_advances_by_whole_numbers(ScheduleLR, build, n):
    optimizer = build()
    scheduler = ScheduleLR(optimizer, lr=PRETRAIN)
    optimizer.step()
    with pytest.raises((ValueError, TypeError), match="ScheduleLR.advance.n must be a whole number >= 0"):
        scheduler.advance(n)
    scheduler.advance(0)
    assert (scheduler.clock, scheduler.get_last_lr()) == (0, [PRETRAIN(0)])


@pytest.mark.parametrize("epoch", [-3, math.nan, math.inf, 0.53, "3", True])
def test_an_epoch_is_a_whole_number_and_no_loss(torch, ScheduleLR, build, rates, epoch):
    """Early and late in a run, where torch looks on and where it does not."""
    optimizer = build()
    scheduler = ScheduleLR(optimizer, lr=PRETRAIN)
    for clock in range(4):
        for wrong in (epoch, torch.tensor(0.53)):
            with pytest.raises(
                (ValueError, TypeError), match="ScheduleLR.step.epoch must be a whole number >= 0"
            ):
                scheduler.step(wrong)
        assert (scheduler.clock, rates(optimizer, "lr")) == (clock, [(PRETRAIN(clock),)])
        optimizer.step()
        scheduler.step()


def test_what_the_caller_passed_in_is_not_changed(ScheduleLR, build, run):
    given_ = {"lr": [PRETRAIN, 1.0], "betas": [(0.9, PRETRAIN), (0.5, 0.5)]}
    kept = copy.deepcopy(given_)
    optimizer = build(2)
    scheduler = ScheduleLR(optimizer, **given_)
    given_["lr"].clear()
    assert run(optimizer, scheduler, 2, "lr")[1] == [(PRETRAIN(1),), (1.0,)]
    state = scheduler.state_dict()
    before = copy.deepcopy(state)
    scheduler.load_state_dict(state)
    assert state == before
    assert given_["betas"] == kept["betas"]


@settings(max_examples=100)
@given(
    st.sampled_from(["lr", "weight_decay", "eps", "betas"]),
    st.integers(1, 5),
    st.lists(st.floats(0, 1), max_size=6),
)
def test_a_list_is_as_long_as_the_param_groups(ScheduleLR, build, rates, name, groups, values):
    optimizer = build(groups)
    before = rates(optimizer, name)
    given_ = [(a, a) for a in values] if name == "betas" else values
    if len(values) == groups:
        ScheduleLR(optimizer, **{name: given_})
        assert rates(optimizer, name) == [(a,) for a in given_]
    else:
        with pytest.raises(
            ValueError, match=f"{name} must be .* a list of {groups}.* got a list of {len(values)}"
        ):
            ScheduleLR(optimizer, **{name: given_})
        assert rates(optimizer, name) == before


def test_a_scheduler_of_torch_is_refused_with_what_to_write_instead(torch, build, ScheduleLR):
    theirs = torch.optim.lr_scheduler.OneCycleLR(build(), 0.1, total_steps=5)
    hint = (
        r"\(a scheduler object has a state: Function\(rates.__getitem__, steps=len\(rates\)\) is its schedule"
    )
    for name, given_to in [
        ("Function.fn", Function),
        ("as_schedule.schedule", as_schedule),
        ("check.schedule", check),
        ("ScheduleLR.lr", lambda theirs: ScheduleLR(build(), lr=theirs)),
    ]:
        with pytest.raises(TypeError, match=f"{name} must be a .* {hint}.*got <torch.optim.*OneCycleLR"):
            given_to(theirs)
    rates = rates_of(theirs, 5)
    assert list(Function(rates.__getitem__, 5)) == rates
