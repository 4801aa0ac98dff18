"""What people report of other schedulers, each test named after it; in brackets, where."""

import copy
import json
import pickle

import pytest

from tlama_core import Constant, Cosine, Linear, Piecewise, Sqrt, Warmup

PRETRAIN = Warmup(3e-4, steps=20) >> Cosine.to(3e-5, steps=80)
NAMES = ["lr", "weight_decay", "eps", "betas"]


@pytest.fixture(scope="session")
def resumed(ScheduleLR, build, saved):
    """Return a function that builds a new run of one group, and gives it *state*."""

    def resume(state, schedule, **options):
        optimizer = build()
        scheduler = ScheduleLR(optimizer, lr=schedule, **options)
        scheduler.load_state_dict(saved(state))
        return optimizer, scheduler

    return resume


@pytest.fixture(scope="session")
def stopped(ScheduleLR, build, run):
    """Return a function that gives the state of a run that was stopped at *clock*."""

    def stop(schedule, clock):
        optimizer = build()
        scheduler = ScheduleLR(optimizer, lr=schedule)
        run(optimizer, scheduler, clock)
        return scheduler.state_dict()

    return stop


def test_a_chain_resumed_at_a_clock_has_the_rate_of_that_clock(ScheduleLR, build, rates):
    """[pytorch#162591, #60265, #29697]"""
    for clock in (0, 19, 20, 50, 99, 100, 1_000):
        optimizer = build()
        ScheduleLR(optimizer, lr=PRETRAIN, clock=clock)
        assert rates(optimizer, "lr") == [(PRETRAIN(clock),)]


def test_the_learning_rate_can_be_changed_when_resuming(run, resumed, stopped):
    """[pytorch#156846, SimpleTuner#680, llm-foundry#194]"""
    state = stopped(PRETRAIN, 50)
    with pytest.warns(UserWarning, match="jump at clock 50"):
        optimizer, scheduler = resumed(state, 0.5 * PRETRAIN, on_change="keep_new")
    assert run(optimizer, scheduler, 60, "lr") == [[(0.5 * PRETRAIN(k),)] for k in range(50, 110)]


def test_no_old_rate_is_left_when_the_optimizer_is_loaded_last(ScheduleLR, build, run, rates):
    """[Megatron-LM PR #1284, #5213, #7468]"""
    optimizer = build()
    scheduler = ScheduleLR(optimizer, lr=PRETRAIN, weight_decay=0.5)
    run(optimizer, scheduler, 50)
    states = optimizer.state_dict(), scheduler.state_dict()
    optimizer = build()
    scheduler = ScheduleLR(optimizer, lr=2 * PRETRAIN, weight_decay=PRETRAIN, on_change="keep_new")
    with pytest.warns(UserWarning, match="jump at clock 50"):
        scheduler.load_state_dict(states[1])
    optimizer.load_state_dict(states[0])
    assert rates(optimizer, "lr", "weight_decay") == [(2 * PRETRAIN(50), PRETRAIN(50))]


def test_what_the_state_shows_is_what_is_used(run, resumed, stopped):
    """[pytorch#52911]"""
    state = stopped(PRETRAIN, 50)
    optimizer, scheduler = resumed(state, Constant(1.0), on_change="keep_old")
    assert scheduler.state_dict() == state
    assert run(optimizer, scheduler, 60, "lr") == [[(PRETRAIN(k),)] for k in range(50, 110)]


def test_changed_arguments_are_not_ignored(resumed, stopped):
    """[vortex#70, insightface PR #2143, speculators PR #1104]"""
    state = stopped(PRETRAIN, 50)
    longer = Warmup(3e-4, steps=20) >> Cosine.to(3e-5, steps=180)
    with pytest.raises(ValueError, match="other schedules") as raised:
        resumed(state, longer)
    assert f"lr: saved {PRETRAIN!r}\n" in str(raised.value)
    assert f"given {longer!r}\n" in str(raised.value)
    assert 'on_change="keep_new"' in str(raised.value)


@pytest.mark.parametrize("steps", [30, 300])
def test_another_total_does_not_jump(run, resumed, stopped, steps):
    """[open_clip#413, transformers#27749, field: 3.12]"""
    state = stopped(PRETRAIN, 50)
    changed = PRETRAIN[:50] >> PRETRAIN[50:].stretch(steps=steps)
    optimizer, scheduler = resumed(state, changed, on_change="keep_new")
    used = [rate for ((rate,),) in run(optimizer, scheduler, steps + 5, "lr")]
    assert used[0] == pytest.approx(PRETRAIN(50), rel=1e-14)
    assert used[-1] == 3e-5
    assert used == sorted(used, reverse=True)


def test_a_cooldown_branches_off_a_stable_checkpoint(run, rates, resumed, stopped):
    """[schedules-and-scaling#3]"""
    stable = Warmup(1.0, steps=10) >> Constant.hold()
    state = stopped(stable, 30)
    branch = stable[:30] >> Sqrt.to(0.0, steps=9)
    optimizer, scheduler = resumed(state, branch, on_change="keep_new")
    assert run(optimizer, scheduler, 10, "lr")[-1] == [(0.0,)]
    with pytest.warns(UserWarning, match="jump at clock 40:\n  lr: 0 in the saved schedule, 1 in the given"):
        optimizer, scheduler = resumed(scheduler.state_dict(), stable, on_change="keep_new")
    assert (scheduler.clock, rates(optimizer, "lr")) == (40, [(1.0,)])


def test_loading_twice_counts_once(rates, resumed, stopped):
    """[slime PR #1547, #1775, miles PR #1627]"""
    state = stopped(PRETRAIN, 40)
    optimizer, scheduler = resumed(state, PRETRAIN)
    scheduler.load_state_dict(state)
    assert (scheduler.clock, scheduler.state_dict()) == (40, state)
    assert rates(optimizer, "lr") == [(PRETRAIN(40),)]


def test_a_state_of_another_shape_is_refused(resumed, stopped):
    """[pith-train PR #55]"""
    state = stopped(Piecewise.of([Constant(1.0, 5)] * 3), 4)
    with pytest.raises(ValueError, match="other schedules"):
        resumed(state, Piecewise.of([Constant(1.0, 5)] * 2))


def test_a_run_restarted_past_the_end_holds(run, resumed, stopped):
    """[composer#1384]"""
    state = stopped(PRETRAIN, 120)
    optimizer, scheduler = resumed(state, PRETRAIN)
    assert run(optimizer, scheduler, 3, "lr") == [[(3e-5,)]] * 3


def test_the_first_update_after_resuming_is_not_one_behind(run, resumed, stopped):
    """[Lightning#4655, mmdetection#6572]"""
    state = stopped(PRETRAIN, 20)
    optimizer, scheduler = resumed(state, PRETRAIN)
    assert run(optimizer, scheduler, 2, "lr") == [[(PRETRAIN(20),)], [(PRETRAIN(21),)]]


@pytest.mark.parametrize("again", [copy.deepcopy, lambda a: pickle.loads(pickle.dumps(a))])
def test_it_can_be_pickled_and_copied_with_its_optimizer(ScheduleLR, build, run, again):
    """[transformers#21689, pytorch#90414, #88684, Lightning#7618]"""
    optimizer = build(2)
    scheduler = ScheduleLR(optimizer, lr=[PRETRAIN, 1.0], betas=(0.9, PRETRAIN), on_change="keep_new")
    run(optimizer, scheduler, 5)
    other = again(scheduler)
    assert other.optimizer is not optimizer
    assert other.state_dict() == scheduler.state_dict()
    wanted = run(optimizer, scheduler, 30, *NAMES)
    assert run(other.optimizer, other, 30, *NAMES) == wanted


def test_a_state_is_small_and_plain(ScheduleLR, build, saved, texts):
    """[pytorch#94450, #106243: it held the optimizer; tensorflow/addons PR #1623: it lacked a parameter]"""
    state = ScheduleLR(build(), lr=PRETRAIN, betas=(0.9, PRETRAIN)).state_dict()
    assert {key: type(value) for key, value in state.items()} == {
        "version": int,
        "clock": int,
        "schedules": str,
        "found": str,
    }
    assert texts(state) == {"lr": repr(PRETRAIN), "betas[0]": "Constant(0.9)", "betas[1]": repr(PRETRAIN)}
    assert (state["version"], state["clock"], state["found"]) == (2, 0, "{}")
    assert json.loads(json.dumps(state)) == state == saved(state)


def test_accumulated_gradients_are_one_update(ScheduleLR, build, rates):
    """[diffusers#4387, accelerate#963, #1160]"""
    optimizer = build()
    scheduler = ScheduleLR(optimizer, lr=PRETRAIN)
    used = []
    for micro in range(40):
        if micro % 4 == 3:
            used.append(rates(optimizer, "lr"))
            optimizer.step()
            scheduler.step()
    assert used == [[(PRETRAIN(k),)] for k in range(10)]


def test_a_growing_batch_keeps_the_schedule_true(ScheduleLR, build, rates):
    """[Megatron-Bridge#2609, OLMo PR #411]"""
    tokens = Warmup(3e-4, steps=10_000) >> Cosine.to(0.0, steps=90_000)
    optimizer = build()
    scheduler = ScheduleLR(optimizer, lr=tokens)
    seen = 0
    for update in range(60):
        assert rates(optimizer, "lr") == [(tokens(seen),)]
        optimizer.step()
        batch = 512 * (1 + update // 10)
        scheduler.advance(batch)
        seen += batch
    assert scheduler.clock == seen == 107_520
    assert rates(optimizer, "lr") == [(0.0,)]


def test_the_same_tokens_give_the_same_rate_on_any_number_of_processes(ScheduleLR, build, rates):
    """[accelerate#662, #1382, #2926, diffusers#3954]"""
    used = {}
    for processes in (1, 2, 8):
        optimizer = build()
        scheduler = ScheduleLR(optimizer, lr=PRETRAIN)
        for _ in range(32 // processes):
            used.setdefault(scheduler.clock, set()).add(rates(optimizer, "lr")[0])
            optimizer.step()
            scheduler.advance(processes)
    assert all(found == {(PRETRAIN(clock),)} for clock, found in used.items())


@pytest.mark.parametrize(
    ("kind", "name"),
    [("SGD", "momentum"), ("SGD", "dampening"), ("AdamW", "weight_decay"), ("AdamW", "eps"), ("Rprop", "etas"),
     ("RMSprop", "alpha"), ("Adadelta", "rho"), ("Rprop", "step_sizes"), ("AdamW", "betas")],
)  # fmt: skip
def test_any_hyper_parameter_is_scheduled(ScheduleLR, build, run, kind, name):
    """[pytorch#83159, #22343, optax#20, #1426, addons#865]"""
    optimizer = build(2, kind)
    pair = isinstance(optimizer.param_groups[0][name], tuple)
    curve = Linear(0.5, 0.25, steps=8)
    scheduler = ScheduleLR(optimizer, **{name: (curve, 0.75) if pair else curve})
    wanted = [[((curve(k), 0.75) if pair else curve(k),)] * 2 for k in range(10)]
    assert run(optimizer, scheduler, 10, name) == wanted


def test_every_group_has_schedules_of_its_own(ScheduleLR, build, run):
    """[pytorch#63488, #67761, ignite#856, keras#16696]"""
    layers = [0.9**depth * PRETRAIN for depth in range(4)]
    betas = [(0.9, 0.99), (PRETRAIN, 0.99), (0.9, PRETRAIN), (0.9, 0.99)]
    optimizer = build(4)
    scheduler = ScheduleLR(optimizer, lr=layers, weight_decay=[0.1, 0.0, 0.1, 0.0], betas=betas)
    for k, used in enumerate(run(optimizer, scheduler, 30, "lr", "weight_decay", "betas")):
        assert [lr for lr, _, _ in used] == [layer(k) for layer in layers]
        assert [decay for _, decay, _ in used] == [0.1, 0.0, 0.1, 0.0]
        assert [both for _, _, both in used] == [
            (0.9, 0.99),
            (PRETRAIN(k), 0.99),
            (0.9, PRETRAIN(k)),
            (0.9, 0.99),
        ]
