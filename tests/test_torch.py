"""Schedules in torch: `ScheduleLR`."""

import copy
import gc
import importlib
import io
import json
import math
import pickle
import warnings
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlama_core import Constant, Cosine, Function, Linear, OpenScheduleError, Piecewise, Sqrt, Warmup
from tlama_core.testing.strategies import schedules
from tlama_core.text import ParseError

PRETRAIN = Warmup(3e-4, steps=20) >> Cosine.to(3e-5, steps=80)
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
    assert all(a is b for a, b in zip(held, map(optimizer.param_groups[0].get, ("lr", "weight_decay"))))
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
