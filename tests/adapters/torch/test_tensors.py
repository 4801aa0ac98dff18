"""Hyper-parameters that are tensors: filled in place, so that compiled optimizers see the new rates."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tlama_core import Cosine, Linear, Warmup
from tlama_core.testing.strategies import schedules

PRETRAIN = Warmup(3e-4, steps=20) >> Cosine.to(3e-5, steps=80)


def test_a_tensor_is_filled_in_place(torch, ScheduleLR, build, run):
    optimizer = build(lr=torch.tensor(0.1), weight_decay=torch.tensor(0.1, dtype=torch.float64))
    held = [optimizer.param_groups[0][name] for name in ("lr", "weight_decay")]
    scheduler = ScheduleLR(optimizer, lr=PRETRAIN, weight_decay=PRETRAIN)
    last = scheduler.get_last_lr()
    run(optimizer, scheduler, 7)
    assert [id(optimizer.param_groups[0][name]) for name in ("lr", "weight_decay")] == list(map(id, held))
    assert held[0] == torch.tensor(PRETRAIN(7))
    assert held[1].item() == PRETRAIN(7)
    assert last == [torch.tensor(PRETRAIN(0))]
    assert scheduler.get_last_lr()[0] is not held[0]


def test_groups_that_share_a_tensor_get_one_each(torch, ScheduleLR, build, run, rates):
    shared = torch.tensor(0.1)
    optimizer = build(3, lr=shared)
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


@pytest.mark.parametrize("scheduled", [{"lr"}, {"weight_decay"}, {"lr", "weight_decay"}, {"betas"}])
def test_a_tensor_that_several_share_moves_only_what_is_scheduled(
    torch, ScheduleLR, build, run, rates, scheduled
):
    """The scheduled place keeps the tensor; a state that is loaded brings it back in both."""
    names = ("lr", "weight_decay", "betas")

    def sharing():
        one = torch.tensor(0.1)
        return build(2, lr=one, weight_decay=one, betas=(one, one), capturable=True)

    curves = {"lr": Linear(1.0, 0.0, 8), "weight_decay": Linear(0.5, 0.0, 8), "betas": (0.25, 0.75)}
    optimizer = sharing()
    held = [optimizer.param_groups[0][name] for name in scheduled]
    scheduler = ScheduleLR(optimizer, **{name: curves[name] for name in scheduled})
    if "betas" not in scheduled:
        assert any(optimizer.param_groups[0][name] is one for name, one in zip(scheduled, held, strict=True))
    tenth = torch.tensor(0.1).item()
    for clock in (0, 2):
        moved = {name: a if name == "betas" else a(clock) for name, a in curves.items() if name in scheduled}
        still = {"lr": tenth, "weight_decay": tenth, "betas": (tenth, tenth)}
        wanted = [tuple((still | moved)[name] for name in names)] * 2
        assert rates(optimizer, *names) == wanted
        optimizer.load_state_dict(sharing().state_dict())
        assert rates(optimizer, *names) == wanted
        run(optimizer, scheduler, 2)


def test_loaded_tensors_are_the_ones_that_are_filled(torch, ScheduleLR, build, run, rates):
    """`Optimizer.load_state_dict` replaces the groups, and may bring shared tensors back."""
    shared = torch.tensor(0.1)
    state = build(2, lr=shared).state_dict()
    optimizer = build(2, lr=torch.tensor(0.5))
    scheduler = ScheduleLR(optimizer, lr=[1.0, Linear(2.0, 0.0, 4)])
    optimizer.load_state_dict(state)
    assert rates(optimizer, "lr") == [(1.0,), (2.0,)]
    run(optimizer, scheduler, 1)
    assert rates(optimizer, "lr") == [(1.0,), (1.5,)]
    assert scheduler.base_lrs == [torch.tensor(0.1)] * 2


def test_betas_of_tensors_are_filled_in_place(torch, ScheduleLR, build, rates):
    optimizer = build(betas=(torch.tensor(0.9), torch.tensor(0.99)), capturable=True)
    held = optimizer.param_groups[0]["betas"]
    ScheduleLR(optimizer, betas=(Linear(0.5, 1.0, 4), 0.75), clock=2)
    assert optimizer.param_groups[0]["betas"][0] is held[0]
    assert rates(optimizer, "betas") == [((0.75, 0.75),)]


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_a_compiled_optimizer_is_not_compiled_again(torch, ScheduleLR, build):
    from torch._dynamo.testing import CompileCounter

    torch.compiler.reset()
    optimizer = build(2, kind="SGD", lr=torch.tensor(0.1))
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


@settings(max_examples=100)
@given(
    st.lists(st.tuples(schedules(2), st.integers(0, 2)), min_size=1, max_size=5),
    st.sampled_from(["float32", "float64"]),
    st.integers(0, 100),
)
def test_whichever_groups_share_a_tensor_each_gets_its_rate(
    torch, ScheduleLR, build, run, rates, of_groups, dtype, clock
):
    """The first group of those that share one keeps it; from then on no tensor is replaced."""
    tensors = [torch.tensor(0.1, dtype=getattr(torch, dtype)) for _ in range(3)]
    optimizer = build(len(of_groups), kind="SGD", weight_decay=0.0)
    for group, (_, tensor) in zip(optimizer.param_groups, of_groups, strict=True):
        group["weight_decay"] = tensors[tensor]
    scheduler = ScheduleLR(optimizer, weight_decay=[a for a, _ in of_groups], clock=clock)
    written = [group["weight_decay"] for group in optimizer.param_groups]
    assert len(set(map(id, written))) == len(written)
    assert all(any(tensors[tensor] is one for one in written) for _, tensor in of_groups)
    run(optimizer, scheduler, 2)
    assert all(
        group["weight_decay"] is one for group, one in zip(optimizer.param_groups, written, strict=True)
    )
    wanted = [torch.tensor(a(clock + 2), dtype=getattr(torch, dtype)).item() for a, _ in of_groups]
    assert rates(optimizer, "weight_decay") == [(rate,) for rate in wanted]
