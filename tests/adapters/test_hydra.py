"""Schedules of Hydra's configs: `instantiate` hands over what OmegaConf makes of YAML."""

import importlib

import pytest
from omegaconf import OmegaConf

from tlama_core import Constant, Cosine, Linear, Warmup

A = Warmup(1e-3, steps=100) >> Cosine.to(1e-4, steps=900)


@pytest.fixture(scope="module")
def instantiate(hydra):
    """Return a function that makes what a config in YAML says, with the arguments of a program."""
    make = importlib.import_module("hydra.utils").instantiate
    return lambda config, *given, key=None, **named: make(select(config, key), *given, **named)


def select(config, key):
    """Return a part of a config in YAML, or all of it."""
    made = OmegaConf.create(config)
    return made if key is None else made[key]


@pytest.fixture
def optimizer(torch):
    """Return an optimizer of two named param groups."""
    groups = [{"params": [torch.nn.Parameter(torch.ones(1))], "name": name} for name in ("body", "head")]
    return torch.optim.AdamW(groups, lr=0.1)


def schedule(rest):
    return f"_target_: tlama_core.as_schedule\n{rest}"


@pytest.mark.parametrize(
    ("config", "read"),
    [
        ("schedule: Warmup(1e-3, 100) >> Cosine.to(1e-4, 900)", A),
        ("schedule: Warmup(peak, 0.1*total) >> Cosine.to(peak/10, 0.9*total)\npeak: 1e-3\ntotal: 1_000", A),
        ("schedule: 1e-3", Constant(1e-3)),
        ("schedule: 2", Constant(2.0)),
        ("schedule: {type: Linear, start: 1, end: 0, steps: 5}", Linear(1.0, 0.0, 5)),
        (
            "schedule:\n  type: Piecewise\n  phases:\n  - {type: Constant, value: 1, steps: 5}\n  - {type: Constant, value: 2}",
            Constant(1.0, 5) >> Constant(2.0),
        ),
    ],
    ids=["text", "names", "number as text", "number", "mapping", "nested mapping"],
)
def test_as_schedule_is_a_target(instantiate, config, read):
    assert instantiate(schedule(config)) == read


UNITS = """
    trainer: {max_steps: 1_000}
    peak: 1e-3
    lr:
      _target_: tlama_core.as_schedule
      schedule: "Warmup(${peak}, 0.1*total) >> Cosine.to(${peak}/10, 0.9*total)"
      total: ${trainer.max_steps}
"""


def test_units_are_interpolated(instantiate):
    assert instantiate(UNITS, key="lr") == A


def test_a_config_instantiated_as_a_whole_is_to_be_converted(instantiate, optimizer):
    """Hydra's default keeps containers of its own, which make configs of attrs objects: these are refused."""
    assert instantiate(UNITS, _convert_="partial")["lr"] == A
    one = "{_target_: tlama_core.as_schedule, schedule: 'Linear(1, 0, 5)'}"
    config = f"_target_: tlama_core.adapters.torch.ScheduleLR\nlr: [{one}, {one}]"
    with pytest.raises(Exception, match="ScheduleLR.lr"):
        instantiate(config, optimizer)
    assert instantiate(config, optimizer, _convert_="partial").get_last_lr() == [1.0, 1.0]


def test_a_mistake_is_told_with_the_reason_and_the_text(instantiate):
    with pytest.raises(
        Exception, match="(?s)Error in call to target 'tlama_core.text.data.as_schedule'"
    ) as caught:
        instantiate(schedule("schedule: 2 * Cosin(1, 0, 5)"))
    assert "unknown name Cosin: did you mean Cosine?" in str(caught.value)
    assert "2 * Cosin(1, 0, 5)" in str(caught.value)


LINEAR = Linear(1e-3, 0.0, steps=10)


@pytest.mark.parametrize(
    ("config", "used"),
    [
        ("lr: Linear(1e-3, 0, total)\nweight_decay: 0.1\nnames: {total: 10}", (LINEAR, LINEAR)),
        ("lr: ['Linear(1e-3, 0, total)', 1e-3]\nnames: {total: 10}", (LINEAR, Constant(1e-3))),
        ("lr: {head: 1e-3, body: 'Linear(1e-3, 0, 10)'}", (LINEAR, Constant(1e-3))),
        ("lr: {type: Linear, start: 1e-3, end: 0, steps: 10}", (LINEAR, LINEAR)),
        ("lr: Linear(1e-2, 0, 10)\nrelative: [lr]", (0.1 * Linear(1e-2, 0.0, 10),) * 2),
        ("lr: {_target_: tlama_core.as_schedule, schedule: 'Linear(1e-3, 0, n)', n: 10}", (LINEAR, LINEAR)),
    ],
    ids=["text", "a list for the groups", "by the names of groups", "mapping", "relative", "nested target"],
)
@pytest.mark.parametrize("positional", [True, False], ids=["positional", "by keyword"])
def test_schedule_lr_is_a_target(instantiate, optimizer, positional, config, used):
    target = f"_target_: tlama_core.adapters.torch.ScheduleLR\n{config}"
    given = ((optimizer,), {}) if positional else ((), {"optimizer": optimizer})
    scheduler = instantiate(target, *given[0], **given[1])
    for k in range(12):
        assert scheduler.get_last_lr() == [a(k) for a in used]
        optimizer.step()
        scheduler.step()


def test_pairs_are_lists(instantiate, optimizer):
    config = "_target_: tlama_core.adapters.torch.ScheduleLR\nbetas: [0.9, 'Linear(0.9, 0.99, 10)']"
    instantiate(config, optimizer)
    assert [group["betas"] for group in optimizer.param_groups] == [(0.9, 0.9)] * 2
    instantiate(config.replace("[0.9, '", "[[0.8, 0.9], [0.9, '") + "]", optimizer)
    assert [group["betas"] for group in optimizer.param_groups] == [(0.8, 0.9), (0.9, 0.9)]
