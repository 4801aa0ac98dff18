"""The rates that the updates use."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tlama_core import Cosine, Linear, Warmup
from tlama_core.testing.strategies import schedules

PRETRAIN = Warmup(3e-4, steps=20) >> Cosine.to(3e-5, steps=80)
GROUPS = st.integers(1, 4)


def test_update_k_uses_schedule_k_from_the_first(ScheduleLR, build, run):
    optimizer = build()
    scheduler = ScheduleLR(optimizer, lr=PRETRAIN)
    assert run(optimizer, scheduler, 110, "lr") == [[(PRETRAIN(k),)] for k in range(110)]


def test_it_is_a_torch_scheduler_without_the_names_that_others_treat_apart(torch, ScheduleLR, build):
    scheduler = ScheduleLR(build(), lr=PRETRAIN)
    assert isinstance(scheduler, torch.optim.lr_scheduler.LRScheduler)
    assert not {"total_steps", "_schedulers", "_get_closed_form_lr", "T_max"} & set(dir(scheduler))


def test_what_torchs_tools_read_is_true(ScheduleLR, build, run):
    optimizer = build(2, lr=0.5)
    scheduler = ScheduleLR(optimizer, lr=[PRETRAIN, 1.0])
    assert (scheduler.last_epoch, scheduler._step_count, scheduler.base_lrs) == (0, 1, [0.5, 0.5])
    run(optimizer, scheduler, 3)
    assert (scheduler.last_epoch, scheduler._step_count) == (3, 4)
    assert scheduler.get_last_lr() == scheduler._last_lr == scheduler.get_lr() == [PRETRAIN(3), 1.0]
    scheduler.get_lr().clear()
    assert scheduler.get_last_lr() == [PRETRAIN(3), 1.0]


@pytest.mark.parametrize("tensors", [False, True])
@settings(max_examples=50)
@given(schedules(2), schedules(2), st.integers(0, 50), st.integers(0, 4_000))
def test_get_lr_follows_last_epoch_and_writes_nothing(
    torch, ScheduleLR, build, rates, tensors, a, b, clock, epoch
):
    """As torch's own do, in the types that the groups hold; `step` goes on from there."""
    optimizer = build(2, lr=torch.tensor(0.1, dtype=torch.float64) if tensors else 0.1)
    scheduler = ScheduleLR(optimizer, lr=[a, b], clock=clock)
    scheduler.last_epoch = epoch
    assert scheduler.get_lr() == [a(epoch), b(epoch)]
    assert all(isinstance(rate, torch.Tensor) == tensors for rate in scheduler.get_lr())
    assert rates(optimizer, "lr") == [(a(clock),), (b(clock),)]
    optimizer.step()
    scheduler.step()
    assert rates(optimizer, "lr") == [(a(epoch + 1),), (b(epoch + 1),)]
    assert scheduler.get_lr() == scheduler.get_last_lr()


def test_get_lr_of_a_learning_rate_that_is_not_scheduled_is_what_the_optimizer_holds(ScheduleLR, build):
    scheduler = ScheduleLR(build(lr=0.25), weight_decay=PRETRAIN)
    scheduler.last_epoch = 5
    assert scheduler.get_lr() == [0.25]


def test_plain_numbers_are_constants(ScheduleLR, build, run):
    optimizer = build(kind="SGD", momentum=0)
    scheduler = ScheduleLR(optimizer, lr=PRETRAIN, momentum=1, weight_decay=0.5)
    assert run(optimizer, scheduler, 2, "momentum", "weight_decay") == [[(1.0, 0.5)]] * 2


def test_a_learning_rate_that_is_not_scheduled_stays_its_owners(ScheduleLR, build, run):
    optimizer = build()
    scheduler = ScheduleLR(optimizer, weight_decay=PRETRAIN)
    optimizer.param_groups[0]["lr"] = 0.25
    assert run(optimizer, scheduler, 3, "lr", "weight_decay") == [[(0.25, PRETRAIN(k))] for k in range(3)]
    assert scheduler.get_last_lr() == [0.25]


def test_a_group_added_later_is_served_from_the_next_update(torch, ScheduleLR, build, run, rates):
    optimizer = build()
    scheduler = ScheduleLR(optimizer, lr=PRETRAIN, betas=(0.9, PRETRAIN))
    run(optimizer, scheduler, 5)
    optimizer.add_param_group({"params": [torch.nn.Parameter(torch.ones(1))]})
    run(optimizer, scheduler, 1)
    assert rates(optimizer, "lr", "betas") == [(PRETRAIN(6), (0.9, PRETRAIN(6)))] * 2
    assert scheduler.get_last_lr() == [PRETRAIN(6)] * 2
    assert scheduler.base_lrs == [0.1, 0.1]


def test_a_group_added_to_schedules_of_each_is_refused(torch, ScheduleLR, build):
    optimizer = build(2)
    scheduler = ScheduleLR(optimizer, lr=[PRETRAIN, 0.1])
    optimizer.add_param_group({"params": [torch.nn.Parameter(torch.ones(1))]})
    optimizer.step()
    with pytest.raises(
        ValueError, match=r"ScheduleLR.lr must be one schedule .* or a list of 3, .* got a list of 2"
    ):
        scheduler.step()


def test_nothing_drifts_in_a_million_updates(ScheduleLR, build, rates):
    schedule = Linear(1.0, 0.0, steps=1_000_000)
    optimizer = build()
    scheduler = ScheduleLR(optimizer, lr=schedule)
    optimizer.step()
    for _ in range(3):
        scheduler.advance(333_333)
    assert rates(optimizer, "lr") == [(schedule(999_999),)]


@settings(max_examples=100)
@given(st.data(), GROUPS, st.integers(0, 6_000), st.integers(1, 4))
def test_every_group_uses_its_own_schedules_at_every_update(
    ScheduleLR, build, run, givens, expected, data, groups, clock, updates
):
    """Shared by all groups or not, equal in some of them, in a pair or alone."""
    given_ = data.draw(givens(groups))
    optimizer = build(groups)
    scheduler = ScheduleLR(optimizer, **given_, clock=clock)
    used = run(optimizer, scheduler, updates, *given_)
    assert used == [expected(clock + k, groups, given_) for k in range(updates)]


@settings(max_examples=100)
@given(st.data(), GROUPS, st.integers(0, 50), st.lists(st.integers(0, 3_000), max_size=5))
def test_the_rates_follow_from_the_clock_alone(
    ScheduleLR, build, rates, givens, expected, data, groups, clock, moves
):
    """However the clock came to where it is: by 1 in `step`, by any number in `advance`."""
    given_ = data.draw(givens(groups))
    optimizer = build(groups)
    scheduler = ScheduleLR(optimizer, **given_, clock=clock)
    optimizer.step()
    for n in moves:
        if n == 1:
            scheduler.step()
        else:
            scheduler.advance(n)
    assert scheduler.clock == clock + sum(moves)
    assert rates(optimizer, *given_) == expected(scheduler.clock, groups, given_)


@settings(max_examples=100)
@given(st.data(), GROUPS, st.integers(0, 9))
def test_what_is_not_named_stays_as_it_is(ScheduleLR, build, run, givens, data, groups, updates):
    given_ = data.draw(givens(groups))
    optimizer = build(groups)
    others = [name for name in optimizer.param_groups[0] if name not in {*given_, "initial_lr"}]
    before = [[group[name] for name in others] for group in optimizer.param_groups]
    run(optimizer, ScheduleLR(optimizer, **given_), updates)
    assert [[group[name] for name in others] for group in optimizer.param_groups] == before
