"""The order of calls, scalers, torch's other schedulers."""

import gc
import math
import pickle
import warnings
import weakref

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tlama_core import Cosine, Linear, Warmup, to_function
from tlama_core.testing.strategies import schedules

PRETRAIN = Warmup(3e-4, steps=20) >> Cosine.to(3e-5, steps=80)


@pytest.mark.parametrize("move", [lambda s: s.step(), lambda s: s.advance(10)])
def test_torch_warns_of_the_wrong_order_of_calls(ScheduleLR, build, move):
    scheduler = ScheduleLR(build(), lr=PRETRAIN)
    with pytest.warns(UserWarning, match=r"`lr_scheduler.step\(\)` before `optimizer.step\(\)`"):
        move(scheduler)


def test_a_right_loop_warns_of_nothing(ScheduleLR, build, run):
    optimizer = build()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scheduler = ScheduleLR(optimizer, lr=PRETRAIN)
        run(optimizer, scheduler, 3)
        again = build()
        scheduler = ScheduleLR(again, lr=PRETRAIN, clock=3)
        run(again, scheduler, 3)


def test_torchs_deprecated_epoch_sets_the_clock(ScheduleLR, build, run, rates):
    optimizer = build()
    scheduler = ScheduleLR(optimizer, lr=PRETRAIN, weight_decay=PRETRAIN)
    run(optimizer, scheduler, 2)
    with pytest.warns(UserWarning, match="epoch parameter"):
        scheduler.step(50)
    assert rates(optimizer, "lr", "weight_decay") == [(PRETRAIN(50),) * 2]
    assert scheduler.clock == 50


def test_an_update_that_a_scaler_skipped_does_not_count(torch, ScheduleLR, build):
    """The loop steps the scheduler where the scale did not fall; the clock counts what was learned."""
    optimizer = build(kind="SGD")
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


def test_it_stands_in_torchs_chains(torch, ScheduleLR, build, run, saved):
    """Such a chain is better written as `a >> b`; it is right all the same, resumed too."""

    def make():
        optimizer = build()
        parts = [ScheduleLR(optimizer, lr=a) for a in (Warmup(1.0, steps=4), Linear(2.0, 0.0, steps=4))]
        return optimizer, torch.optim.lr_scheduler.SequentialLR(optimizer, parts, milestones=[3])

    wanted = [[(rate,)] for rate in (0.25, 0.5, 0.75, 2.0, 1.5, 1.0, 0.5, 0.0, 0.0)]
    for killed in range(8):
        optimizer, chain = make()
        assert run(optimizer, chain, killed, "lr") == wanted[:killed]
        states = saved([optimizer.state_dict(), chain.state_dict()])
        optimizer, chain = make()
        optimizer.load_state_dict(states[0])
        chain.load_state_dict(states[1])
        assert run(optimizer, chain, 9 - killed, "lr") == wanted[killed:]


def test_it_schedules_beside_another_scheduler(torch, ScheduleLR, build, run):
    optimizer = build(lr=1.0)
    decay = ScheduleLR(optimizer, weight_decay=PRETRAIN)
    halved = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)
    both = torch.optim.lr_scheduler.ChainedScheduler([decay, halved], optimizer=optimizer)
    used = run(optimizer, both, 3, "lr", "weight_decay")
    assert used == [[(0.5**k, PRETRAIN(k))] for k in range(3)]


def test_nothing_keeps_the_optimizer_alive(ScheduleLR, build, run):
    """Without the collector: no reference runs in a circle, and the optimizer outlives no scheduler."""
    optimizer = build()
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


@pytest.mark.parametrize("kept", [False, True])
def test_a_thousand_schedulers_leave_one_hook(ScheduleLR, build, rates, kept):
    optimizer, schedulers = build(), []
    for _ in range(1_000):
        scheduler = ScheduleLR(optimizer, lr=PRETRAIN)
        if kept:
            schedulers.append(scheduler)
    assert len(optimizer._optimizer_load_state_dict_pre_hooks) == 1
    assert len(optimizer._optimizer_load_state_dict_post_hooks) == 1
    optimizer.load_state_dict(build().state_dict())
    assert rates(optimizer, "lr") == [(PRETRAIN(0),)]


def test_a_wrapped_optimizer_is_served(torch, ScheduleLR, build, run, rates):
    """As accelerate wraps them: an Optimizer by name that holds the one that works."""

    class Wrapper(torch.optim.Optimizer):
        def __init__(self, optimizer):
            self.optimizer = optimizer

        param_groups = property(lambda self: self.optimizer.param_groups)

        def step(self, closure=None):
            return self.optimizer.step(closure)

    inner = build()
    scheduler = ScheduleLR(Wrapper(inner), lr=PRETRAIN)
    run(scheduler.optimizer, scheduler, 5)
    inner.load_state_dict(build().state_dict())
    assert rates(inner, "lr") == [(PRETRAIN(5),)]
    outer = Wrapper(Wrapper(inner))
    assert ScheduleLR(outer, lr=PRETRAIN, clock=2).get_last_lr() == [PRETRAIN(2)]


@settings(max_examples=100)
@given(schedules(2, functions=False), schedules(2, functions=False), st.integers(1, 8), st.integers(0, 12))
def test_in_torchs_chains_each_begins_at_its_milestone(
    torch, ScheduleLR, build, run, saved, a, b, milestone, killed
):
    def make():
        optimizer = build()
        parts = [ScheduleLR(optimizer, lr=part) for part in (a, b)]
        return optimizer, torch.optim.lr_scheduler.SequentialLR(optimizer, parts, milestones=[milestone])

    wanted = [[(a(k) if k < milestone else b(k - milestone),)] for k in range(12)]
    optimizer, chain = make()
    assert run(optimizer, chain, killed, "lr") == wanted[:killed]
    states = saved([optimizer.state_dict(), chain.state_dict()])
    optimizer, chain = make()
    optimizer.load_state_dict(states[0])
    chain.load_state_dict(states[1])
    assert run(optimizer, chain, 12 - killed, "lr") == wanted[killed:]


@settings(max_examples=50)
@given(schedules(2, functions=False), st.integers(0, 30))
def test_torchs_lambda_lr_saves_and_resumes_a_schedule(torch, build, saved, a, updates):
    """As the method, which also pickles, and as a function; either reads the states of the other."""

    def scheduler(fn, begun=None):
        optimizer = build()
        optimizer.load_state_dict(optimizer.state_dict() if begun is None else begun)
        return torch.optim.lr_scheduler.LambdaLR(optimizer, fn)

    def move(scheduler):
        scheduler.optimizer.step()
        scheduler.step()
        return scheduler.get_last_lr()

    forms = [a.__call__, to_function(a)]
    for fn in forms:
        first = scheduler(fn)
        for _ in range(updates):
            move(first)
        states = saved(first.optimizer.state_dict()), saved(first.state_dict())
        wanted = [0.1 * a(updates + 1)]
        for again in forms:
            resumed = scheduler(again, states[0])
            resumed.load_state_dict(states[1])
            assert move(resumed) == wanted
        assert move(first) == wanted
    copy = pickle.loads(pickle.dumps(scheduler(forms[0])))
    assert copy.lr_lambdas[0](updates) == a(updates)
