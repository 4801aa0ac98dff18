"""ignite sets `last_epoch` and asks `get_lr()`: the rate follows, also after ignite's own warmup."""

import importlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tlama_core import Cosine, Linear, Warmup
from tlama_core.testing.strategies import schedules

PRETRAIN = Warmup(3e-4, steps=4) >> Cosine.to(3e-5, steps=6)


@pytest.fixture(scope="session")
def handlers(ignite):
    return importlib.import_module("ignite.handlers.param_scheduler")


@pytest.fixture(scope="session")
def train(ignite):
    """Return a function that trains under ignite, and returns the rate of every update."""
    engines = importlib.import_module("ignite.engine")

    def run(optimizer, handler, updates):
        used = []

        def update(engine, batch):
            used.append([float(group["lr"]) for group in optimizer.param_groups])
            optimizer.step()

        trainer = engines.Engine(update)
        trainer.add_event_handler(engines.Events.ITERATION_STARTED, handler)
        trainer.run([0] * updates, max_epochs=1)
        return used

    return run


@pytest.fixture(scope="session")
def make(torch):
    ours = importlib.import_module("tlama_core.adapters.torch")

    def made(groups=1, **given_):
        parameters = [{"params": [torch.nn.Parameter(torch.ones(1))]} for _ in range(groups)]
        optimizer = torch.optim.SGD(parameters, lr=0.1)
        return optimizer, ours.ScheduleLR(optimizer, **given_)

    return made


@settings(max_examples=50)
@given(st.lists(schedules(2, functions=False), min_size=1, max_size=3), st.integers(0, 9), st.integers(1, 9))
def test_update_k_uses_schedule_k_under_ignite(handlers, train, make, each, clock, updates):
    optimizer, scheduler = make(len(each), lr=each, clock=clock)
    used = train(optimizer, handlers.LRScheduler(scheduler), updates)
    assert used == [[a(clock + k) for a in each] for k in range(updates)]
    assert scheduler.clock == clock + updates


def test_ignites_warmup_ends_where_the_schedule_begins(handlers, train, make):
    """It counts its last update as the first of the schedule."""
    falling = Linear(0.5, 0.0, steps=10)
    optimizer, scheduler = make(lr=falling)
    with_warmup = handlers.create_lr_scheduler_with_warmup(
        scheduler, warmup_start_value=0.1, warmup_duration=5
    )
    used = [rate for (rate,) in train(optimizer, with_warmup, 12)]
    assert used[:5] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5])
    assert used[5:] == [falling(k) for k in range(1, 8)]


def test_what_ignite_simulates_is_the_schedule(handlers, make):
    """The scheduler and its optimizer are afterwards as they were."""
    optimizer, scheduler = make(lr=PRETRAIN)
    values = handlers.LRScheduler.simulate_values(num_events=12, lr_scheduler=scheduler)
    assert values == [[k, PRETRAIN(k)] for k in range(12)]
    assert (scheduler.clock, optimizer.param_groups[0]["lr"]) == (0, PRETRAIN(0))


@pytest.mark.parametrize("killed", [1, 2, 5])
@pytest.mark.parametrize("optimizer_last", [False, True])
def test_a_run_under_ignite_goes_on(handlers, train, make, killed, optimizer_last):
    optimizer, scheduler = make(lr=PRETRAIN)
    handler = handlers.LRScheduler(scheduler)
    train(optimizer, handler, killed)
    states = optimizer.state_dict(), handler.state_dict()
    optimizer, scheduler = make(lr=PRETRAIN)
    handler = handlers.LRScheduler(scheduler)
    if not optimizer_last:
        optimizer.load_state_dict(states[0])
    handler.load_state_dict(states[1])
    if optimizer_last:
        optimizer.load_state_dict(states[0])
    assert train(optimizer, handler, 6) == [[PRETRAIN(killed + k)] for k in range(6)]
