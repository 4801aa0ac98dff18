"""Subjects of other libraries: read as their own loop would use them, and left as they were."""

import copy
import importlib
import math
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tlama_core import Constant, Cosine, Linear, Warmup
from tlama_core.testing import rates_of
from tlama_core.testing.invariants import all_of, continuous, ends_at, monotone, nonnegative, peak_at, same_as

PARTS = Linear(0.1, 1.0, 10) >> Cosine.to(0.0, 90)


@pytest.fixture
def optimizer(torch):
    return torch.optim.AdamW([torch.nn.Parameter(torch.ones(2))], lr=1.0)


def looped(optimizer, scheduler, updates):
    """Return what so many updates use in a loop."""
    used = []
    for _ in range(updates):
        used.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return used


def sequence(lr, optimizer):
    parts = [lr.LinearLR(optimizer, 0.1, 1.0, 10), lr.CosineAnnealingLR(optimizer, 90)]
    return lr.SequentialLR(optimizer, parts, milestones=[10])


TORCH = {
    "StepLR": lambda lr, o: lr.StepLR(o, 7, 0.5),
    "LambdaLR": lambda lr, o: lr.LambdaLR(o, lambda step: 1 / (1 + step)),
    "CosineAnnealingLR": lambda lr, o: lr.CosineAnnealingLR(o, 20),
    "OneCycleLR": lambda lr, o: lr.OneCycleLR(o, 1.0, 60),
    "SequentialLR": sequence,
    "ChainedScheduler": lambda lr, o: lr.ChainedScheduler(
        [lr.ConstantLR(o, 0.5, 5), lr.ExponentialLR(o, 0.9)]
    ),
}


@pytest.mark.parametrize("name", TORCH)
def test_a_torch_scheduler_is_read_on_a_copy(torch, optimizer, name):
    """Whole, and from where it has come; the parameters are shared and stay."""
    scheduler = TORCH[name](torch.optim.lr_scheduler, optimizer)
    for group in optimizer.param_groups:
        group["params"][0].grad = torch.ones(2)
    for _ in range(2):
        before = copy.deepcopy([optimizer.state_dict(), scheduler.state_dict()])
        read = rates_of(scheduler, 20)
        assert [optimizer.state_dict(), scheduler.state_dict()].__repr__() == before.__repr__()
        assert read == looped(optimizer, scheduler, 20)


def test_a_sequence_of_torch_is_what_it_is_meant_to_be(torch, optimizer):
    scheduler = sequence(torch.optim.lr_scheduler, optimizer)
    all_of(same_as(PARTS), peak_at(10), ends_at(0.0), monotone("down", start=10))(scheduler, 100)
    assert not nonnegative().holds(torch.optim.lr_scheduler.LambdaLR(optimizer, lambda k: 1 - k), 3)


def test_any_hyper_parameter_of_any_group_is_read(torch):
    groups = [{"params": [torch.nn.Parameter(torch.ones(1))], "lr": rate} for rate in (0.5, 0.25)]
    optimizer = torch.optim.SGD(groups, momentum=0.9)
    lr = torch.optim.lr_scheduler
    scheduler = lr.CyclicLR(optimizer, 0.1, 0.9, 4, base_momentum=0.8, max_momentum=0.9)
    assert rates_of(lr.StepLR(optimizer, 1, 0.5), 2, group=1) == [0.1, 0.05]
    assert rates_of(scheduler, 5, name="momentum") == pytest.approx([0.9, 0.875, 0.85, 0.825, 0.8])


def test_a_scheduler_of_ours_is_one_too(torch, optimizer):
    from tlama_core.adapters.torch import ScheduleLR

    scheduler = ScheduleLR(optimizer, lr=PARTS, weight_decay=Constant(0.5), clock=3)
    assert rates_of(scheduler, 9) == [PARTS(3 + step) for step in range(9)]
    assert rates_of(scheduler, 2, name="weight_decay") == [0.5, 0.5]
    assert scheduler.clock == 3


def test_a_scheduler_of_transformers_is_one_of_torch(transformers, optimizer):
    scheduler = transformers.get_cosine_schedule_with_warmup(optimizer, 10, 100)
    all_of(same_as(Linear(0.0, 1.0, 10) >> Cosine.to(0.0, 90)), ends_at(0.0))(scheduler, 100)


def test_a_scheduler_that_waits_for_a_loss_is_none(torch, optimizer):
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
    with pytest.raises(
        TypeError, match="rates_of.scheduler must be one whose rates follow from the update alone"
    ):
        nonnegative()(scheduler, 9)
    scheduler.step(0.5)
    with pytest.raises(TypeError, match="rates_of.scheduler must be one whose rates follow"):
        rates_of(scheduler, 9)
    timm = Timm(optimizer, t_in_epochs=True)
    timm.lr_scheduler = scheduler  # as timm's own holds one
    with pytest.raises(TypeError, match="rates_of.scheduler must be one whose rates follow"):
        rates_of(timm, 9)
    with pytest.raises(TypeError, match="must be a scheduler of torch, transformers or timm"):
        rates_of(optimizer, 9)


def test_what_no_group_has_is_refused(torch, optimizer):
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 3)
    for asked in ({"group": 1}, {"name": "lrr"}):
        with pytest.raises(
            ValueError, match="rates_of must be asked for one of 1 groups, and one of params, lr, "
        ):
            rates_of(scheduler, 9, **asked)
    with pytest.raises(ValueError, match="rates_of.group must be a whole number >= 0, got -1"):
        rates_of(scheduler, 9, group=-1)


def test_groups_with_rates_of_their_own_are_no_one_subject(torch):
    groups = [{"params": [torch.nn.Parameter(torch.ones(1))], "lr": rate} for rate in (0.5, 0.25)]
    scheduler = torch.optim.lr_scheduler.StepLR(torch.optim.SGD(groups), 3)
    with pytest.raises(ValueError, match="must be of one rate for all param groups"):
        nonnegative()(scheduler, 9)
    nonnegative()(rates_of(scheduler, 9, group=1))


def test_a_scheduler_is_not_moved_past_the_last_rate(torch, optimizer):
    """One cycle ends with its last update, and a table has no more entries."""
    lr = torch.optim.lr_scheduler
    nonnegative()(lr.OneCycleLR(optimizer, 1.0, total_steps=100), 99)
    assert len(rates_of(lr.OneCycleLR(optimizer, 1.0, total_steps=100), 100)) == 100
    optimizer.param_groups[0]["initial_lr"] = 1.0
    assert rates_of(lr.LambdaLR(optimizer, [1.0, 0.5, 0.25].__getitem__), 3) == [1.0, 0.5, 0.25]


def test_a_rate_in_a_tensor_is_as_exact_as_its_type(torch):
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.ones(1))], lr=torch.tensor(0.1), capturable=True)
    same_as(Linear(0.01, 0.1, 9))(torch.optim.lr_scheduler.LinearLR(optimizer, 0.1, 1.0, 9), 9)


def test_a_handler_that_moves_an_optimizer_is_no_function(ignite, optimizer):
    handlers = importlib.import_module("ignite.handlers.param_scheduler")
    handler = handlers.PiecewiseLinear(optimizer, "lr", milestones_values=[(0, 0.1), (10, 0.0)])
    with pytest.raises(TypeError, match="the subject of an invariant must be"):
        nonnegative()(handler, 5)
    assert handler.event_index == 0


class Timm:
    """What timm's schedulers offer: no count of their own."""

    def __init__(self, optimizer, *, t_in_epochs):
        self.optimizer, self.t_in_epochs = optimizer, t_in_epochs
        self._set(0)

    def _set(self, time):
        for group in self.optimizer.param_groups:
            group["lr"] = 1.0 - time / 10

    def step(self, epoch, metric=None):
        del metric
        if self.t_in_epochs:
            self._set(epoch)

    def step_update(self, num_updates):
        if not self.t_in_epochs:
            self._set(num_updates)


@pytest.mark.parametrize("t_in_epochs", [True, False])
def test_a_scheduler_without_a_count_is_read_from_its_start(optimizer, t_in_epochs):
    scheduler = Timm(optimizer, t_in_epochs=t_in_epochs)
    same_as(Linear(1.0, 0.0, 10))(scheduler, 10)
    assert optimizer.param_groups[0]["lr"] == 1.0
    scheduler._set(7)
    assert rates_of(scheduler, 2) == [1.0, 0.9]


def test_a_schedule_of_optax_is_a_function(optax):
    schedule = optax.warmup_cosine_decay_schedule(0.0, 1.0, 10, 100, 0.1)
    all_of(same_as(Linear(0.0, 1.0, 10) >> Cosine.to(0.1, 90)), peak_at(10))(schedule, 100)
    continuous(max_jump=0.11)(schedule, 100)
    assert not same_as(Warmup(1.0, 10) >> Cosine.to(0.1, 90)).holds(schedule, 100)


def test_a_schedule_of_keras_is_a_function(keras):
    schedule = keras.optimizers.schedules.CosineDecay(1.0, 50)
    all_of(same_as(Cosine(1.0, 0.0, 50)), monotone("down"), ends_at(0.0))(schedule, 50)


@settings(max_examples=30)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=9), st.integers(1, 12))
def test_a_plain_table_is_read_as_far_as_it_is_asked(rates, steps):
    steps = min(steps, len(rates) - 1) or None
    wanted = rates if steps is None else rates[: steps + 1]
    same_as(wanted)(rates, steps)
    same_as(pickle.loads(pickle.dumps(wanted)))(tuple(rates), steps)
    assert nonnegative().holds(rates) is all(math.isfinite(rate) for rate in rates)
