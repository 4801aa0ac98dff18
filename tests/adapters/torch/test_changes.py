"""Changed plans: which one goes on, what the other had written, and what is said of a jump."""

import importlib
import warnings

import pytest

from tlama_core import Cosine, Function, Linear, Warmup

PRETRAIN = Warmup(3e-4, steps=20) >> Cosine.to(3e-5, steps=80)
NAMES = ["lr", "weight_decay", "eps", "betas"]


def test_what_only_the_new_run_schedules_is_as_it_was_where_the_old_is_kept(ScheduleLR, build, run, rates):
    """In every order it holds what the optimizer itself has: the loaded one, or the new one."""
    optimizer = build(weight_decay=0.25)
    old = ScheduleLR(optimizer, lr=PRETRAIN)
    run(optimizer, old, 5)
    states = optimizer.state_dict(), old.state_dict()

    def new(optimizer):
        return ScheduleLR(optimizer, lr=1.0, weight_decay=9.0, on_change="keep_old")

    first, then = build(weight_decay=0.5), build(weight_decay=0.5)
    scheduler = new(first)
    first.load_state_dict(states[0])
    scheduler.load_state_dict(states[1])
    assert rates(first, "lr", "weight_decay") == [(PRETRAIN(5), 0.25)]

    scheduler = new(then)
    scheduler.load_state_dict(states[1])
    assert rates(then, "lr", "weight_decay") == [(PRETRAIN(5), 0.5)]
    then.load_state_dict(states[0])
    assert rates(then, "lr", "weight_decay") == [(PRETRAIN(5), 0.25)]

    before = build(weight_decay=0.5)
    before.load_state_dict(states[0])
    scheduler = new(before)
    before.load_state_dict(before.state_dict())
    scheduler.load_state_dict(states[1])
    assert rates(before, "lr", "weight_decay") == [(PRETRAIN(5), 0.25)]


@pytest.mark.parametrize(
    ("new", "line"),
    [
        ({"lr": 100 * PRETRAIN}, "  lr: 0.0003 in the saved schedule, 0.03 in the given one"),
        ({"lr": [PRETRAIN, 0.5 * PRETRAIN]}, "  lr: 0.0003 in the saved schedule, 0.00015 in the given one"),
        (
            {"lr": PRETRAIN, "weight_decay": 0.0},
            "  weight_decay: 0.5 in the saved schedule, 0 in the given one",
        ),
        ({"lr": Function(lambda t: 0.5)}, "  lr: 0.0003 in the saved schedule, 0.5 in the given one"),
        ({"lr": Function(lambda t: PRETRAIN(t)), "eps": 1.0}, None),
        ({"lr": PRETRAIN[:20] >> Linear.to(0.0, 5)}, None),
    ],
)
def test_a_new_plan_that_jumps_warns_with_both_rates(ScheduleLR, build, new, line):
    state = ScheduleLR(build(2), lr=PRETRAIN, weight_decay=0.5, clock=20).state_dict()
    scheduler = ScheduleLR(build(2), **new, on_change="keep_new")
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        scheduler.load_state_dict(state)
    assert len(warned) == (line is not None)
    if line is not None:
        assert warned[0].filename == __file__
        assert str(warned[0].message).splitlines()[:-1] == [
            "ScheduleLR goes on with other schedules, which jump at clock 20:", line
        ]  # fmt: skip


@pytest.mark.parametrize("text", [None, "Constant(9.0", [None, "Constant(9.0)"]])
def test_where_the_saved_plan_cannot_be_read_a_new_one_says_so(ScheduleLR, build, text):
    scheduler = ScheduleLR(build(2), lr=PRETRAIN, on_change="keep_new")
    with pytest.warns(UserWarning, match="lr: cannot be compared, because no text of the saved"):
        scheduler.load_state_dict({"version": 1, "clock": 5, "schedules": {"lr": text}})
    assert scheduler.get_last_lr() == [PRETRAIN(5)] * 2


@pytest.mark.parametrize("given_", [{"lr": PRETRAIN}, {"lr": [0.5, PRETRAIN], "weight_decay": 0.5}])
@pytest.mark.parametrize("changed", [{"lr": 0.25}, {"lr": PRETRAIN, "eps": 0.5}, {"weight_decay": 0.5}])
@pytest.mark.filterwarnings("ignore:torch.distributed is disabled", "ignore:.*jump at clock")
def test_a_distributed_checkpoint_tells_changed_plans_apart(
    torch, ScheduleLR, build, rates, tmp_path, given_, changed
):
    """It takes dicts apart and loads the keys that the new run has: a state has the same ones for any plan."""
    checkpoint = importlib.import_module("torch.distributed.checkpoint")
    old = ScheduleLR(build(2), **given_, clock=7)
    checkpoint.save({"scheduler": old}, checkpoint_id=tmp_path)

    def load(**new):
        scheduler = ScheduleLR(build(2), **new)
        checkpoint.load({"scheduler": scheduler}, checkpoint_id=tmp_path)
        return scheduler

    assert rates(load(**given_).optimizer, *NAMES) == rates(old.optimizer, *NAMES)
    with pytest.raises((ValueError, checkpoint.api.CheckpointException), match="other schedules"):
        load(**changed)
    kept = load(**changed, on_change="keep_old")
    assert rates(kept.optimizer, *NAMES) == rates(old.optimizer, *NAMES)
    new = load(**changed, on_change="keep_new")
    assert rates(new.optimizer, *NAMES) == rates(ScheduleLR(build(2), **changed, clock=7).optimizer, *NAMES)
