"""Schedules in torch: `ScheduleLR`."""

import copy
import gc
import importlib
import io
import json
import math
import os
import pickle
import warnings
import weakref

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tlama_core import Constant, Cosine, Function, Linear, OpenScheduleError, Piecewise, Sqrt, Warmup
from tlama_core.testing.strategies import schedules
from tlama_core.text import ParseError

PRETRAIN = Warmup(3e-4, steps=20) >> Cosine.to(3e-5, steps=80)
RESUMED = 300 if os.environ.get("HYPOTHESIS_PROFILE") == "ci" else 30  # each in nine ways
NAMES = ["lr", "weight_decay", "eps", "betas"]


@pytest.fixture(scope="session")
def ScheduleLR(torch):
    return importlib.import_module("tlama_core.adapters.torch").ScheduleLR


def build(torch, groups=1, kind="AdamW", **options):
    """Return an optimizer with so many groups of one number each."""
    parameters = [{"params": [torch.nn.Parameter(torch.ones(1))]} for _ in range(groups)]
    return getattr(torch.optim, kind)(parameters, **({"lr": 0.1} | options))


def rates(optimizer, *names):
    """Return what every group holds by these names, as plain numbers."""
    plain = lambda held: tuple(map(float, held)) if isinstance(held, (tuple, list)) else float(held)  # noqa: E731
    return [tuple(plain(group[name]) for name in names) for group in optimizer.param_groups]


def run(optimizer, scheduler, updates, *names):
    """Train, and return what every update used."""
    used = []
    for _ in range(updates):
        used.append(rates(optimizer, *names))
        optimizer.step()
        scheduler.step()
    return used


def saved(torch, state):
    """Return a state after a round trip through a file."""
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


# --- the rates -----------------------------------------------------------------------------------


def test_update_k_uses_schedule_k_from_the_first(torch, ScheduleLR):
    optimizer = build(torch)
    scheduler = ScheduleLR(optimizer, lr=PRETRAIN)
    assert run(optimizer, scheduler, 110, "lr") == [[(PRETRAIN(k),)] for k in range(110)]


def test_it_is_a_torch_scheduler_without_the_names_that_others_treat_apart(torch, ScheduleLR):
    scheduler = ScheduleLR(build(torch), lr=PRETRAIN)
    assert isinstance(scheduler, torch.optim.lr_scheduler.LRScheduler)
    assert not {"total_steps", "_schedulers", "_get_closed_form_lr", "T_max"} & set(dir(scheduler))


def test_what_torchs_tools_read_is_true(torch, ScheduleLR):
    optimizer = build(torch, 2, lr=0.5)
    scheduler = ScheduleLR(optimizer, lr=[PRETRAIN, 1.0])
    assert (scheduler.last_epoch, scheduler._step_count, scheduler.base_lrs) == (0, 1, [0.5, 0.5])
    run(optimizer, scheduler, 3)
    assert (scheduler.last_epoch, scheduler._step_count) == (3, 4)
    assert scheduler.get_last_lr() == scheduler._last_lr == scheduler.get_lr() == [PRETRAIN(3), 1.0]
    scheduler.get_lr().clear()
    assert scheduler.get_last_lr() == [PRETRAIN(3), 1.0]


def test_plain_numbers_are_constants(torch, ScheduleLR):
    optimizer = build(torch, kind="SGD", momentum=0)
    scheduler = ScheduleLR(optimizer, lr=PRETRAIN, momentum=1, weight_decay=0.5)
    assert run(optimizer, scheduler, 2, "momentum", "weight_decay") == [[(1.0, 0.5)]] * 2


def test_a_learning_rate_that_is_not_scheduled_stays_its_owners(torch, ScheduleLR):
    optimizer = build(torch)
    scheduler = ScheduleLR(optimizer, weight_decay=PRETRAIN)
    optimizer.param_groups[0]["lr"] = 0.25
    assert run(optimizer, scheduler, 3, "lr", "weight_decay") == [[(0.25, PRETRAIN(k))] for k in range(3)]
    assert scheduler.get_last_lr() == [0.25]


def test_a_group_added_later_is_served_from_the_next_update(torch, ScheduleLR):
    optimizer = build(torch)
    scheduler = ScheduleLR(optimizer, lr=PRETRAIN, betas=(0.9, PRETRAIN))
    run(optimizer, scheduler, 5)
    optimizer.add_param_group({"params": [torch.nn.Parameter(torch.ones(1))]})
    run(optimizer, scheduler, 1)
    assert rates(optimizer, "lr", "betas") == [(PRETRAIN(6), (0.9, PRETRAIN(6)))] * 2
    assert scheduler.get_last_lr() == [PRETRAIN(6)] * 2
    assert scheduler.base_lrs == [0.1, 0.1]


def test_a_group_added_to_schedules_of_each_is_refused(torch, ScheduleLR):
    optimizer = build(torch, 2)
    scheduler = ScheduleLR(optimizer, lr=[PRETRAIN, 0.1])
    optimizer.add_param_group({"params": [torch.nn.Parameter(torch.ones(1))]})
    optimizer.step()
    with pytest.raises(
        ValueError, match=r"ScheduleLR.lr must be one schedule .* or a list of 3, .* got a list of 2"
    ):
        scheduler.step()


def test_nothing_drifts_in_a_million_updates(torch, ScheduleLR):
    schedule = Linear(1.0, 0.0, steps=1_000_000)
    optimizer = build(torch)
    scheduler = ScheduleLR(optimizer, lr=schedule)
    optimizer.step()
    for _ in range(3):
        scheduler.advance(333_333)
    assert rates(optimizer, "lr") == [(schedule(999_999),)]


# --- tensors -------------------------------------------------------------------------------------


def test_a_tensor_is_filled_in_place(torch, ScheduleLR):
    optimizer = build(torch, lr=torch.tensor(0.1), weight_decay=torch.tensor(0.1, dtype=torch.float64))
    held = [optimizer.param_groups[0][name] for name in ("lr", "weight_decay")]
    scheduler = ScheduleLR(optimizer, lr=PRETRAIN, weight_decay=PRETRAIN)
    last = scheduler.get_last_lr()
    run(optimizer, scheduler, 7)
    assert [id(optimizer.param_groups[0][name]) for name in ("lr", "weight_decay")] == list(map(id, held))
    assert held[0] == torch.tensor(PRETRAIN(7))
    assert held[1].item() == PRETRAIN(7)
    assert last == [torch.tensor(PRETRAIN(0))]
    assert scheduler.get_last_lr()[0] is not held[0]


def test_groups_that_share_a_tensor_get_one_each(torch, ScheduleLR):
    shared = torch.tensor(0.1)
    optimizer = build(torch, 3, lr=shared)
    assert optimizer.param_groups[1]["lr"] is shared
    scheduler = ScheduleLR(optimizer, lr=[PRETRAIN, 2 * PRETRAIN, 3.0])
    run(optimizer, scheduler, 2)
    wanted = [torch.tensor(value).item() for value in (PRETRAIN(2), 2 * PRETRAIN(2), 3.0)]
    assert rates(optimizer, "lr") == [(value,) for value in wanted]
    optimizer.add_param_group(
        {"params": [torch.nn.Parameter(torch.ones(1))], "lr": optimizer.param_groups[0]["lr"]}
    )
    both = ScheduleLR(optimizer, lr=[1.0, 2.0, 3.0, 4.0])
    assert rates(optimizer, "lr") == [(1.0,), (2.0,), (3.0,), (4.0,)]
    assert both.get_last_lr() == [1.0, 2.0, 3.0, 4.0]


def test_loaded_tensors_are_the_ones_that_are_filled(torch, ScheduleLR):
    """`Optimizer.load_state_dict` replaces the groups, and may bring shared tensors back."""
    shared = torch.tensor(0.1)
    state = build(torch, 2, lr=shared).state_dict()
    optimizer = build(torch, 2, lr=torch.tensor(0.5))
    scheduler = ScheduleLR(optimizer, lr=[1.0, Linear(2.0, 0.0, 4)])
    optimizer.load_state_dict(state)
    assert rates(optimizer, "lr") == [(1.0,), (2.0,)]
    run(optimizer, scheduler, 1)
    assert rates(optimizer, "lr") == [(1.0,), (1.5,)]
    assert scheduler.base_lrs == [torch.tensor(0.1)] * 2


def test_betas_of_tensors_are_filled_in_place(torch, ScheduleLR):
    optimizer = build(torch, betas=(torch.tensor(0.9), torch.tensor(0.99)), capturable=True)
    held = optimizer.param_groups[0]["betas"]
    ScheduleLR(optimizer, betas=(Linear(0.5, 1.0, 4), 0.75), clock=2)
    assert optimizer.param_groups[0]["betas"][0] is held[0]
    assert rates(optimizer, "betas") == [((0.75, 0.75),)]


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_a_compiled_optimizer_is_not_compiled_again(torch, ScheduleLR):
    from torch._dynamo.testing import CompileCounter

    torch.compiler.reset()
    optimizer = build(torch, 2, kind="SGD", lr=torch.tensor(0.1))
    scheduler = ScheduleLR(optimizer, lr=[PRETRAIN, 2 * PRETRAIN])
    counter = CompileCounter()
    step = torch.compile(optimizer.step, backend=counter)
    weights = [group["params"][0] for group in optimizer.param_groups]
    total = [0.0, 0.0]
    for k in range(12):
        for i, weight in enumerate(weights):
            weight.grad = torch.ones(1)
            total[i] += (i + 1) * PRETRAIN(k)
        step()
        scheduler.step()
        if k == 1:
            compiled = counter.frame_count
    assert counter.frame_count == compiled
    assert [1 - weight.item() for weight in weights] == pytest.approx(total, rel=1e-3)


# --- resuming ------------------------------------------------------------------------------------


def new_then_states(torch, ScheduleLR, make, given, states):
    optimizer = make()
    scheduler = ScheduleLR(optimizer, **given)
    optimizer.load_state_dict(states[0])
    scheduler.load_state_dict(states[1])
    return optimizer, scheduler


def new_then_states_scheduler_first(torch, ScheduleLR, make, given, states):
    optimizer = make()
    scheduler = ScheduleLR(optimizer, **given)
    scheduler.load_state_dict(states[1])
    optimizer.load_state_dict(states[0])
    return optimizer, scheduler


def optimizer_loaded_then_built(torch, ScheduleLR, make, given, states):
    optimizer = make()
    optimizer.load_state_dict(states[0])
    scheduler = ScheduleLR(optimizer, **given)
    scheduler.load_state_dict(states[1])
    return optimizer, scheduler


def scheduler_state_only(torch, ScheduleLR, make, given, states):
    optimizer = make()
    scheduler = ScheduleLR(optimizer, **given)
    scheduler.load_state_dict(states[1])
    return optimizer, scheduler


def json_in_place_of_torch(torch, ScheduleLR, make, given, states):
    return scheduler_state_only(torch, ScheduleLR, make, given, json.loads(json.dumps([None, states[1]])))


def loaded_twice(torch, ScheduleLR, make, given, states):
    optimizer, scheduler = new_then_states(torch, ScheduleLR, make, given, states)
    scheduler.load_state_dict(states[1])
    return optimizer, scheduler


def nothing_but_the_clock(torch, ScheduleLR, make, given, states):
    optimizer = make()
    return optimizer, ScheduleLR(optimizer, **given, clock=states[1]["clock"])


def nothing_but_the_clock_advanced(torch, ScheduleLR, make, given, states):
    optimizer = make()
    scheduler = ScheduleLR(optimizer, **given)
    optimizer.step()
    scheduler.advance(states[1]["clock"])
    return optimizer, scheduler


def the_saved_schedules(torch, ScheduleLR, make, given, states):
    optimizer = make()
    scheduler = ScheduleLR(optimizer, lr=123.0, on_change="keep_old")
    scheduler.load_state_dict(states[1])
    return optimizer, scheduler


ORDERS = [
    new_then_states, new_then_states_scheduler_first, optimizer_loaded_then_built, scheduler_state_only,
    json_in_place_of_torch, loaded_twice, nothing_but_the_clock, nothing_but_the_clock_advanced,
    the_saved_schedules,
]  # fmt: skip


@st.composite
def givens(draw):
    """Draw a number of groups, and schedules for one to three hyper-parameters."""
    groups = draw(st.integers(1, 4))
    one = schedules(3).filter(lambda a: "Function" not in repr(a)) | st.floats(0, 1)

    def each(name):
        value = st.tuples(one, one) if name == "betas" else one
        return value | st.lists(value, min_size=groups, max_size=groups)

    names = draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1, max_size=3))
    return groups, {name: draw(each(name)) for name in names}


@settings(max_examples=RESUMED)
@given(givens(), st.integers(0, 40) | st.integers(0, 6_000), st.integers(0, 9), st.integers(1, 5))
def test_every_way_of_resuming_is_bit_identical(torch, ScheduleLR, drawn, start, killed, more):
    groups, given_ = drawn
    make = lambda: build(torch, groups)  # noqa: E731
    optimizer = make()
    scheduler = ScheduleLR(optimizer, **given_, clock=start)
    run(optimizer, scheduler, killed)
    states = saved(torch, [optimizer.state_dict(), scheduler.state_dict()])
    wanted = run(optimizer, scheduler, more, *NAMES)
    for resume in ORDERS:
        resumed = run(*resume(torch, ScheduleLR, make, given_, states), more, *NAMES)
        if resume is the_saved_schedules and "lr" not in given_:
            assert [[row[1:] for row in rows] for rows in resumed] == [
                [row[1:] for row in rows] for rows in wanted
            ]
        else:
            assert resumed == wanted, resume.__name__
    copied = pickle.loads(pickle.dumps(scheduler))
    assert rates(copied.optimizer, *NAMES) == rates(optimizer, *NAMES)


# --- each named after what people report; in brackets, where ---------------------------------------


def resumed(torch, ScheduleLR, state, schedule, **options):
    """Return a new run of one group that was given *state*."""
    optimizer = build(torch)
    scheduler = ScheduleLR(optimizer, lr=schedule, **options)
    scheduler.load_state_dict(saved(torch, state))
    return optimizer, scheduler


def stopped(torch, ScheduleLR, schedule, clock):
    """Return the state of a run that was stopped at *clock*."""
    optimizer = build(torch)
    scheduler = ScheduleLR(optimizer, lr=schedule)
    run(optimizer, scheduler, clock)
    return scheduler.state_dict()


def test_a_chain_resumed_at_a_clock_has_the_rate_of_that_clock(torch, ScheduleLR):
    """[pytorch#162591, #60265, #29697]"""
    for clock in (0, 19, 20, 50, 99, 100, 1_000):
        optimizer = build(torch)
        ScheduleLR(optimizer, lr=PRETRAIN, clock=clock)
        assert rates(optimizer, "lr") == [(PRETRAIN(clock),)]


def test_the_learning_rate_can_be_changed_when_resuming(torch, ScheduleLR):
    """[pytorch#156846, SimpleTuner#680, llm-foundry#194]"""
    state = stopped(torch, ScheduleLR, PRETRAIN, 50)
    optimizer, scheduler = resumed(torch, ScheduleLR, state, 0.5 * PRETRAIN, on_change="keep_new")
    assert run(optimizer, scheduler, 60, "lr") == [[(0.5 * PRETRAIN(k),)] for k in range(50, 110)]


def test_no_old_rate_is_left_when_the_optimizer_is_loaded_last(torch, ScheduleLR):
    """[Megatron-LM PR #1284, #5213, #7468]"""
    optimizer = build(torch)
    scheduler = ScheduleLR(optimizer, lr=PRETRAIN, weight_decay=0.5)
    run(optimizer, scheduler, 50)
    states = optimizer.state_dict(), scheduler.state_dict()
    optimizer = build(torch)
    scheduler = ScheduleLR(optimizer, lr=2 * PRETRAIN, weight_decay=PRETRAIN, on_change="keep_new")
    scheduler.load_state_dict(states[1])
    optimizer.load_state_dict(states[0])
    assert rates(optimizer, "lr", "weight_decay") == [(2 * PRETRAIN(50), PRETRAIN(50))]


def test_what_the_state_shows_is_what_is_used(torch, ScheduleLR):
    """[pytorch#52911]"""
    state = stopped(torch, ScheduleLR, PRETRAIN, 50)
    optimizer, scheduler = resumed(torch, ScheduleLR, state, Constant(1.0), on_change="keep_old")
    assert scheduler.state_dict() == state
    assert run(optimizer, scheduler, 60, "lr") == [[(PRETRAIN(k),)] for k in range(50, 110)]


def test_changed_arguments_are_not_ignored(torch, ScheduleLR):
    """[vortex#70, insightface PR #2143, speculators PR #1104]"""
    state = stopped(torch, ScheduleLR, PRETRAIN, 50)
    longer = Warmup(3e-4, steps=20) >> Cosine.to(3e-5, steps=180)
    with pytest.raises(ValueError, match="other schedules") as raised:
        resumed(torch, ScheduleLR, state, longer)
    assert f"lr: saved {PRETRAIN!r}\n" in str(raised.value)
    assert f"given {longer!r}\n" in str(raised.value)
    assert 'on_change="keep_new"' in str(raised.value)


@pytest.mark.parametrize("steps", [30, 300])
def test_another_total_does_not_jump(torch, ScheduleLR, steps):
    """[open_clip#413, transformers#27749, field: 3.12]"""
    state = stopped(torch, ScheduleLR, PRETRAIN, 50)
    changed = PRETRAIN[:50] >> PRETRAIN[50:].stretch(steps=steps)
    optimizer, scheduler = resumed(torch, ScheduleLR, state, changed, on_change="keep_new")
    used = [rate for ((rate,),) in run(optimizer, scheduler, steps + 5, "lr")]
    assert used[0] == pytest.approx(PRETRAIN(50), rel=1e-14)
    assert used[-1] == 3e-5
    assert used == sorted(used, reverse=True)


def test_a_cooldown_branches_off_a_stable_checkpoint(torch, ScheduleLR):
    """[schedules-and-scaling#3]"""
    stable = Warmup(1.0, steps=10) >> Constant.hold()
    state = stopped(torch, ScheduleLR, stable, 30)
    branch = stable[:30] >> Sqrt.to(0.0, steps=9)
    optimizer, scheduler = resumed(torch, ScheduleLR, state, branch, on_change="keep_new")
    assert run(optimizer, scheduler, 10, "lr")[-1] == [(0.0,)]
    optimizer, scheduler = resumed(torch, ScheduleLR, scheduler.state_dict(), stable, on_change="keep_new")
    assert (scheduler.clock, rates(optimizer, "lr")) == (40, [(1.0,)])


def test_loading_twice_counts_once(torch, ScheduleLR):
    """[slime PR #1547, #1775, miles PR #1627]"""
    state = stopped(torch, ScheduleLR, PRETRAIN, 40)
    optimizer, scheduler = resumed(torch, ScheduleLR, state, PRETRAIN)
    scheduler.load_state_dict(state)
    assert (scheduler.clock, scheduler.state_dict()) == (40, state)
    assert rates(optimizer, "lr") == [(PRETRAIN(40),)]


def test_a_state_of_another_shape_is_refused(torch, ScheduleLR):
    """[pith-train PR #55]"""
    state = stopped(torch, ScheduleLR, Piecewise.of([Constant(1.0, 5)] * 3), 4)
    with pytest.raises(ValueError, match="other schedules"):
        resumed(torch, ScheduleLR, state, Piecewise.of([Constant(1.0, 5)] * 2))


def test_a_run_restarted_past_the_end_holds(torch, ScheduleLR):
    """[composer#1384]"""
    state = stopped(torch, ScheduleLR, PRETRAIN, 120)
    optimizer, scheduler = resumed(torch, ScheduleLR, state, PRETRAIN)
    assert run(optimizer, scheduler, 3, "lr") == [[(3e-5,)]] * 3


def test_the_first_update_after_resuming_is_not_one_behind(torch, ScheduleLR):
    """[Lightning#4655, mmdetection#6572]"""
    state = stopped(torch, ScheduleLR, PRETRAIN, 20)
    optimizer, scheduler = resumed(torch, ScheduleLR, state, PRETRAIN)
    assert run(optimizer, scheduler, 2, "lr") == [[(PRETRAIN(20),)], [(PRETRAIN(21),)]]


@pytest.mark.parametrize("again", [copy.deepcopy, lambda a: pickle.loads(pickle.dumps(a))])
def test_it_can_be_pickled_and_copied_with_its_optimizer(torch, ScheduleLR, again):
    """[transformers#21689, pytorch#90414, #88684, Lightning#7618]"""
    optimizer = build(torch, 2)
    scheduler = ScheduleLR(optimizer, lr=[PRETRAIN, 1.0], betas=(0.9, PRETRAIN), on_change="keep_new")
    run(optimizer, scheduler, 5)
    other = again(scheduler)
    assert other.optimizer is not optimizer
    assert other.state_dict() == scheduler.state_dict()
    wanted = run(optimizer, scheduler, 30, *NAMES)
    assert run(other.optimizer, other, 30, *NAMES) == wanted


def test_a_state_is_small_and_plain(torch, ScheduleLR):
    """[pytorch#94450, #106243: it held the optimizer; tensorflow/addons PR #1623: it lacked a parameter]"""
    state = ScheduleLR(build(torch), lr=PRETRAIN, betas=(0.9, PRETRAIN)).state_dict()
    assert state == {
        "version": 1,
        "clock": 0,
        "schedules": {"lr": repr(PRETRAIN), "betas[0]": "Constant(0.9)", "betas[1]": repr(PRETRAIN)},
    }
    assert json.loads(json.dumps(state)) == state == saved(torch, state)


def test_accumulated_gradients_are_one_update(torch, ScheduleLR):
    """[diffusers#4387, accelerate#963, #1160]"""
    optimizer = build(torch)
    scheduler = ScheduleLR(optimizer, lr=PRETRAIN)
    used = []
    for micro in range(40):
        if micro % 4 == 3:
            used.append(rates(optimizer, "lr"))
            optimizer.step()
            scheduler.step()
    assert used == [[(PRETRAIN(k),)] for k in range(10)]


def test_a_growing_batch_keeps_the_schedule_true(torch, ScheduleLR):
    """[Megatron-Bridge#2609, OLMo PR #411]"""
    tokens = Warmup(3e-4, steps=10_000) >> Cosine.to(0.0, steps=90_000)
    optimizer = build(torch)
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


def test_the_same_tokens_give_the_same_rate_on_any_number_of_processes(torch, ScheduleLR):
    """[accelerate#662, #1382, #2926, diffusers#3954]"""
    used = {}
    for processes in (1, 2, 8):
        optimizer = build(torch)
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
def test_any_hyper_parameter_is_scheduled(torch, ScheduleLR, kind, name):
    """[pytorch#83159, #22343, optax#20, #1426, addons#865]"""
    optimizer = build(torch, 2, kind)
    pair = isinstance(optimizer.param_groups[0][name], tuple)
    curve = Linear(0.5, 0.25, steps=8)
    scheduler = ScheduleLR(optimizer, **{name: (curve, 0.75) if pair else curve})
    wanted = [[((curve(k), 0.75) if pair else curve(k),)] * 2 for k in range(10)]
    assert run(optimizer, scheduler, 10, name) == wanted


def test_every_group_has_schedules_of_its_own(torch, ScheduleLR):
    """[pytorch#63488, #67761, ignite#856, keras#16696]"""
    layers = [0.9**depth * PRETRAIN for depth in range(4)]
    betas = [(0.9, 0.99), (PRETRAIN, 0.99), (0.9, PRETRAIN), (0.9, 0.99)]
    optimizer = build(torch, 4)
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


# --- states --------------------------------------------------------------------------------------


def test_one_schedule_for_all_is_the_same_as_one_for_each(torch, ScheduleLR):
    state = ScheduleLR(build(torch, 2), lr=PRETRAIN, clock=7).state_dict()
    each = ScheduleLR(build(torch, 2), lr=[PRETRAIN, PRETRAIN])
    each.load_state_dict(state)
    assert each.clock == 7
    ScheduleLR(build(torch, 2), lr=PRETRAIN).load_state_dict(each.state_dict())


def test_the_group_that_differs_is_shown(torch, ScheduleLR):
    state = ScheduleLR(build(torch, 3), lr=[1.0, PRETRAIN, 3.0], weight_decay=0.5).state_dict()
    with pytest.raises(ValueError, match="other schedules") as raised:
        ScheduleLR(build(torch, 3), lr=[1.0, 2.0, 3.0], eps=1e-3).load_state_dict(state)
    assert str(raised.value).splitlines()[1:-1] == [
        f"  lr: saved {PRETRAIN!r}",
        "      given Constant(2.0)",
        "  weight_decay: saved Constant(0.5)",
        "                given nothing",
        "  eps: saved nothing",
        "       given Constant(0.001)",
    ]


def test_long_texts_are_cut_in_the_message(torch, ScheduleLR):
    state = ScheduleLR(build(torch), lr=Piecewise.of([PRETRAIN] * 100)).state_dict()
    with pytest.raises(ValueError, match=r"… \(\d+,\d+ characters\)"):
        ScheduleLR(build(torch, 2), lr=[1.0, 2.0]).load_state_dict(state)


def test_a_function_has_no_text_and_the_state_says_so(torch, ScheduleLR):
    mine = Constant(1.0, steps=3) >> Function(lambda t: 0.5 / (t + 1))
    optimizer = build(torch, 2)
    scheduler = ScheduleLR(optimizer, lr=[mine, 1.0], weight_decay=mine)
    run(optimizer, scheduler, 5)
    with pytest.warns(UserWarning, match="lr, weight_decay holds a Function, which has no text") as warned:
        state = scheduler.state_dict()
    assert warned[0].filename == __file__
    assert state["schedules"] == {"lr": [None, "Constant(1.0)"], "weight_decay": None}
    again = ScheduleLR(build(torch, 2), lr=[mine, 1.0], weight_decay=mine)
    again.load_state_dict(json.loads(json.dumps(state)))
    assert again.get_last_lr() == [mine(5), 1.0]
    with pytest.raises(ValueError, match="weight_decay: saved a Function\n *given Constant"):
        ScheduleLR(build(torch, 2), lr=[mine, 1.0], weight_decay=0.1).load_state_dict(state)
    with pytest.raises(TypeError, match="the text of parse must be a str, got None"):
        ScheduleLR(build(torch, 2), lr=1.0, on_change="keep_old").load_state_dict(state)


def test_a_refused_state_changes_nothing(torch, ScheduleLR):
    for on_change, keys, error in [("error", {"lr": "Constant(9.0)"}, "other schedules"),
                                   ("keep_old", {"lr": "Constant(9.0"}, "closed"),
                                   ("keep_old", {"lr": ["Constant(9.0)"] * 2}, "got a list of 2"),
                                   ("keep_old", {"momentum": "Constant(9.0)"}, "got 'momentum'"),
                                   ("keep_old", {"betas[2]": "Constant(9.0)"}, r"got 'betas\[2\]'"),
                                   ("keep_old", {"params[0]": "Constant(9.0)"}, r"got 'params\[0\]'")]:  # fmt: skip
        optimizer = build(torch)
        scheduler = ScheduleLR(optimizer, lr=PRETRAIN, clock=3, on_change=on_change)
        before = scheduler.state_dict(), rates(optimizer, *NAMES)
        with pytest.raises((ValueError, ParseError), match=error):
            scheduler.load_state_dict({"version": 1, "clock": 50, "schedules": keys})
        assert (scheduler.state_dict(), rates(optimizer, *NAMES)) == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (None, "the state given to ScheduleLR must be one that ScheduleLR.state_dict.. returned"),
        ({"clock": -2}, "the clock of the state given to ScheduleLR must be a whole number >= -1, got -2"),
        ({"clock": 5.0}, "must be a whole number"),
        ({"version": 2}, "the version of the state given to ScheduleLR must be 1, got 2"),
        ({"schedules": None}, "the schedules of the state given to ScheduleLR must be"),
    ],
)
def test_what_is_no_state_is_refused(torch, ScheduleLR, change, message):
    scheduler = ScheduleLR(build(torch), lr=PRETRAIN)
    state = None if change is None else scheduler.state_dict() | change
    with pytest.raises(ValueError, match=message):
        scheduler.load_state_dict(state)


def test_the_state_of_another_scheduler_is_refused_and_its_clock_taken(torch, ScheduleLR):
    optimizer = build(torch)
    theirs = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda k: PRETRAIN(k))
    run(optimizer, theirs, 5)
    with pytest.raises(ValueError, match="from another scheduler's, give clock="):
        ScheduleLR(build(torch), lr=PRETRAIN).load_state_dict(theirs.state_dict())
    assert ScheduleLR(build(torch), lr=PRETRAIN, clock=theirs.state_dict()["last_epoch"]).clock == 5


# --- the order of calls, scalers, torch's other schedulers -------------------------------------------


@pytest.mark.parametrize("move", [lambda s: s.step(), lambda s: s.advance(10)])
def test_torch_warns_of_the_wrong_order_of_calls(torch, ScheduleLR, move):
    scheduler = ScheduleLR(build(torch), lr=PRETRAIN)
    with pytest.warns(UserWarning, match=r"`lr_scheduler.step\(\)` before `optimizer.step\(\)`"):
        move(scheduler)


def test_a_right_loop_warns_of_nothing(torch, ScheduleLR):
    optimizer = build(torch)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scheduler = ScheduleLR(optimizer, lr=PRETRAIN)
        run(optimizer, scheduler, 3)
        again = build(torch)
        scheduler = ScheduleLR(again, lr=PRETRAIN, clock=3)
        run(again, scheduler, 3)


def test_torchs_deprecated_epoch_sets_the_clock(torch, ScheduleLR):
    optimizer = build(torch)
    scheduler = ScheduleLR(optimizer, lr=PRETRAIN, weight_decay=PRETRAIN)
    run(optimizer, scheduler, 2)
    with pytest.warns(UserWarning, match="epoch parameter"):
        scheduler.step(50)
    assert rates(optimizer, "lr", "weight_decay") == [(PRETRAIN(50),) * 2]
    assert scheduler.clock == 50


def test_an_update_that_a_scaler_skipped_is_none(torch, ScheduleLR):
    """The loop steps the scheduler where the scale did not fall; the clock counts what was learned."""
    optimizer = build(torch, kind="SGD")
    scheduler = ScheduleLR(optimizer, lr=PRETRAIN)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    weight, learned = optimizer.param_groups[0]["params"][0], []
    for attempt in range(8):
        optimizer.zero_grad()
        scaler.scale((weight * (math.inf if attempt in {0, 3} else 1.0)).sum()).backward()
        before, scale = weight.item(), scaler.get_scale()
        scaler.step(optimizer)
        scaler.update()
        if scaler.get_scale() >= scale:
            learned.append(before - weight.item())
            scheduler.step()
    assert learned == pytest.approx([PRETRAIN(k) for k in range(6)], rel=1e-2)
    assert scheduler.clock == 6


def test_it_stands_in_torchs_chains(torch, ScheduleLR):
    """Such a chain is better written as `a >> b`; it is right all the same, resumed too."""

    def make():
        optimizer = build(torch)
        parts = [ScheduleLR(optimizer, lr=a) for a in (Warmup(1.0, steps=4), Linear(2.0, 0.0, steps=4))]
        return optimizer, torch.optim.lr_scheduler.SequentialLR(optimizer, parts, milestones=[3])

    wanted = [[(rate,)] for rate in (0.25, 0.5, 0.75, 2.0, 1.5, 1.0, 0.5, 0.0, 0.0)]
    for killed in range(8):
        optimizer, chain = make()
        assert run(optimizer, chain, killed, "lr") == wanted[:killed]
        states = saved(torch, [optimizer.state_dict(), chain.state_dict()])
        optimizer, chain = make()
        optimizer.load_state_dict(states[0])
        chain.load_state_dict(states[1])
        assert run(optimizer, chain, 9 - killed, "lr") == wanted[killed:]


def test_it_schedules_beside_another_scheduler(torch, ScheduleLR):
    optimizer = build(torch, lr=1.0)
    decay = ScheduleLR(optimizer, weight_decay=PRETRAIN)
    halved = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)
    both = torch.optim.lr_scheduler.ChainedScheduler([decay, halved], optimizer=optimizer)
    used = run(optimizer, both, 3, "lr", "weight_decay")
    assert used == [[(0.5**k, PRETRAIN(k))] for k in range(3)]


def test_nothing_keeps_the_optimizer_alive(torch, ScheduleLR):
    """Without the collector: no reference runs in a circle, and the optimizer outlives no scheduler."""
    optimizer = build(torch)
    scheduler = ScheduleLR(optimizer, lr=PRETRAIN)
    run(optimizer, scheduler, 2)
    gone, left = weakref.ref(optimizer), weakref.ref(scheduler)
    gc.collect()
    gc.disable()
    try:
        del scheduler
        assert left() is None
        optimizer.load_state_dict(optimizer.state_dict())  # with nobody to rewrite the rates
        del optimizer
        assert gone() is None
    finally:
        gc.enable()


def test_a_wrapped_optimizer_is_served(torch, ScheduleLR):
    """As accelerate wraps them: an Optimizer by name that holds the one that works."""

    class Wrapper(torch.optim.Optimizer):
        def __init__(self, optimizer):
            self.optimizer = optimizer

        param_groups = property(lambda self: self.optimizer.param_groups)

        def step(self, closure=None):
            return self.optimizer.step(closure)

    inner = build(torch)
    scheduler = ScheduleLR(Wrapper(inner), lr=PRETRAIN)
    run(scheduler.optimizer, scheduler, 5)
    inner.load_state_dict(build(torch).state_dict())
    assert rates(inner, "lr") == [(PRETRAIN(5),)]
    outer = Wrapper(Wrapper(inner))
    assert ScheduleLR(outer, lr=PRETRAIN, clock=2).get_last_lr() == [PRETRAIN(2)]


# --- mistakes ------------------------------------------------------------------------------------

OFFERED = "one of those of the given AdamW: lr, betas, eps, weight_decay"


@pytest.mark.parametrize(
    ("given_", "error", "message"),
    [
        ({}, ValueError, "ScheduleLR needs a schedule for one of lr, betas, eps, weight_decay, got none"),
        ({"momentum": 1.0}, ValueError, f"a hyper-parameter of ScheduleLR must be {OFFERED}, got 'momentum'"),
        ({"last_epoch": 4, "lr": 1.0}, ValueError, "got 'last_epoch'"),
        ({"params": 1.0}, ValueError, "got 'params'"),
        ({"initial_lr": 1.0}, ValueError, "got 'initial_lr'"),
        ({"amsgrad": 1.0}, ValueError, "got 'amsgrad'"),
        ({"foreach": 1.0}, ValueError, "got 'foreach'"),
        ({"lr": []}, ValueError, "ScheduleLR.lr must be one schedule for all param groups, or a list of 2, one for each, got a list of 0"),
        ({"lr": [1.0, 2.0, 3.0]}, ValueError, "got a list of 3"),
        ({"betas": [(0.9, 0.9)]}, ValueError, "ScheduleLR.betas must be one .* got a list of 1"),
        ({"lr": (1.0, 2.0)}, TypeError, r"ScheduleLR.lr must be a schedule .* or a number, or a list with one per param group, got \(1.0, 2.0\)"),
        ({"lr": None}, TypeError, "ScheduleLR.lr must be a schedule"),
        ({"lr": True}, TypeError, "got True"),
        ({"lr": "Constant(1.0)"}, TypeError, "ScheduleLR.lr must be a schedule"),
        ({"lr": math.sin}, TypeError, r"a schedule \(Function\(fn\) is one\)"),
        ({"lr": math.nan}, ValueError, "ScheduleLR.lr must be a finite number, got nan"),
        ({"lr": [1.0, [2.0]]}, TypeError, r"got \[2.0\]"),
        ({"betas": 0.9}, TypeError, "ScheduleLR.betas must be a tuple of 2, or a list with one per param group, got 0.9"),
        ({"betas": (0.9, 0.9, 0.9)}, TypeError, r"must be a tuple of 2"),
        ({"betas": [0.9, 0.9]}, TypeError, "must be a tuple of 2"),
        ({"betas": (0.9, "x")}, TypeError, r"ScheduleLR.betas must be a schedule"),
        ({"lr": Linear.to(0.0, 5)}, OpenScheduleError, "has no start"),
        ({"lr": 1.0, "clock": -1}, ValueError, "ScheduleLR.clock must be a whole number >= 0, got -1"),
        ({"lr": 1.0, "clock": 1.5}, ValueError, "ScheduleLR.clock must be a whole number"),
        ({"lr": 1.0, "on_change": "ask"}, ValueError, "ScheduleLR.on_change must be one of error, keep_new, keep_old, got 'ask'"),
        ({"lr": Function(lambda t: math.nan)}, ValueError, "returns at step 0"),
    ],
)  # fmt: skip
def test_mistakes_are_refused_where_they_are_made(torch, ScheduleLR, given_, error, message):
    optimizer = build(torch, 2)
    before = [dict(group) for group in optimizer.param_groups], optimizer.__dict__.keys() - set()
    with pytest.raises(error, match=message):
        ScheduleLR(optimizer, **given_)
    assert ([dict(group) for group in optimizer.param_groups], optimizer.__dict__.keys() - set()) == before


def test_tensors_that_hold_no_rate_are_not_offered(torch, ScheduleLR):
    for held in (torch.tensor(1), torch.tensor([0.1, 0.2])):
        optimizer = build(torch, kind="SGD")
        optimizer.param_groups[0]["weight_decay"] = held
        with pytest.raises(ValueError, match="got 'weight_decay'"):
            ScheduleLR(optimizer, weight_decay=0.5)


def test_what_only_some_groups_have_is_not_offered(torch, ScheduleLR):
    optimizer = build(torch, 2)
    optimizer.param_groups[0]["boost"] = 1.0
    with pytest.raises(ValueError, match=f"{OFFERED}, got 'boost'"):
        ScheduleLR(optimizer, boost=2.0)


def test_only_an_optimizer_is_one(ScheduleLR):
    with pytest.raises(TypeError, match="ScheduleLR.optimizer must be a torch.optim.Optimizer, got 5"):
        ScheduleLR(5, lr=1.0)


@pytest.mark.parametrize("n", [-1, 1.5, math.nan, "3"])
def test_a_clock_advances_by_whole_numbers(torch, ScheduleLR, n):
    optimizer = build(torch)
    scheduler = ScheduleLR(optimizer, lr=PRETRAIN)
    optimizer.step()
    with pytest.raises((ValueError, TypeError), match="ScheduleLR.advance.n must be a whole number >= 0"):
        scheduler.advance(n)
    scheduler.advance(0)
    assert (scheduler.clock, scheduler.get_last_lr()) == (0, [PRETRAIN(0)])


def test_what_the_caller_passed_in_is_not_changed(torch, ScheduleLR):
    given_ = {"lr": [PRETRAIN, 1.0], "betas": [(0.9, PRETRAIN), (0.5, 0.5)]}
    kept = copy.deepcopy(given_)
    optimizer = build(torch, 2)
    scheduler = ScheduleLR(optimizer, **given_)
    given_["lr"].clear()
    assert run(optimizer, scheduler, 2, "lr")[1] == [(PRETRAIN(1),), (1.0,)]
    state = scheduler.state_dict()
    before = copy.deepcopy(state)
    scheduler.load_state_dict(state)
    assert state == before
    assert given_["betas"] == kept["betas"]
