"""What hyper-parameters are given: texts with names, data, pairs and lists of configs, group names, and the log."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from tlama_core import Constant, Cosine, Function, Linear, Warmup, fingerprint, to_dict
from tlama_core.testing.strategies import schedules

LR = Warmup(3e-4, steps=2_000) >> Cosine.to(3e-5, steps=98_000)


def test_a_text_with_names_is_that_schedule(ScheduleLR, build, texts):
    text = "Warmup(peak, steps=0.02*total) >> Cosine.to(peak/10, steps=0.98*total)"
    scheduler = ScheduleLR(
        build(), lr=text, weight_decay="1e-1", eps=1e-8, names={"peak": "3e-4", "total": 100_000}
    )
    assert texts(scheduler.state_dict()) == {
        "lr": repr(LR),
        "weight_decay": "Constant(0.1)",
        "eps": "Constant(1e-08)",
    }


@settings(max_examples=100)
@given(schedules(2, functions=False), st.integers(1, 3), st.integers(0, 99))
def test_whatever_a_config_holds_is_that_schedule(ScheduleLR, build, rates, a, groups, clock):
    wanted = [(a(clock),)] * groups
    for held in (a, repr(a), to_dict(a), [repr(a)] * groups):
        optimizer = build(groups)
        ScheduleLR(optimizer, lr=held, clock=clock)
        assert rates(optimizer, "lr") == wanted


@pytest.mark.parametrize(
    ("held", "wanted"),
    [
        ("[0.8, Constant(top)]", [(0.8, 0.99)] * 2),
        ("[[0.8, 0.9], [0.7, {type: Constant, value: 0.6}]]", [(0.8, 0.9), (0.7, 0.6)]),
    ],
)
def test_a_config_has_pairs_and_rows_without_tuples(ScheduleLR, build, rates, held, wanted):
    optimizer = build(2)
    config = OmegaConf.create(f"{{betas: {held}, lr: [1e-3, 0.5]}}")
    ScheduleLR(optimizer, names=OmegaConf.create({"top": 0.99}), **config)
    assert rates(optimizer, "betas") == [(pair,) for pair in wanted]
    assert rates(optimizer, "lr") == [(0.001,), (0.5,)]


@pytest.mark.parametrize(
    ("handed_over", "wanted"),
    [
        ({"num_training_steps": 100}, Linear(1.0, 0.0, 100)),
        ({"num_training_steps": 100, "names": {"total": 50}}, Linear(1.0, 0.0, 50)),
        ({"names": {"total": 50}}, Linear(1.0, 0.0, 50)),
    ],
)
def test_what_frameworks_call_the_length_of_the_run_is_total(ScheduleLR, build, texts, handed_over, wanted):
    scheduler = ScheduleLR(build(), lr="Linear(1, 0, total)", **handed_over)
    assert texts(scheduler.state_dict()) == {"lr": repr(wanted)}


@given(st.integers(-1, 200_000), st.booleans())
def test_the_last_epoch_is_that_of_torch(ScheduleLR, torch, build, rates, last_epoch, with_clock):
    theirs, ours = build(), build()
    theirs.param_groups[0]["initial_lr"] = 1.0
    torch.optim.lr_scheduler.LambdaLR(theirs, LR, last_epoch=last_epoch)
    clock = {"clock": last_epoch + 1} if with_clock else {}
    scheduler = ScheduleLR(ours, lr=LR, last_epoch=last_epoch, **clock)
    assert rates(ours, "lr") == rates(theirs, "lr")
    assert scheduler.clock == last_epoch + 1


def test_groups_are_given_theirs_by_name(ScheduleLR, build, rates):
    optimizer = build(3)
    for group, name in zip(optimizer.param_groups, ["head", "body", "head"], strict=True):
        group["name"] = name
    ScheduleLR(optimizer, lr={"body": "Linear(1, 0, 4)", "head": 0.5}, clock=1)
    assert rates(optimizer, "lr") == [(0.5,), (0.75,), (0.5,)]
    for names in ({"body": 1.0}, {"body": 1.0, "head": 1.0, "tail": 1.0}):
        with pytest.raises(
            ValueError,
            match=r"ScheduleLR.lr must be a mapping by the names of all param groups, which are head, body, or that",
        ):
            ScheduleLR(optimizer, lr=names)


def test_it_prints_its_schedules_and_its_clock(ScheduleLR, build):
    scheduler = ScheduleLR(build(2), lr=LR, betas=(0.9, Linear(0.5, 1.0, 2)), eps=[1e-8, 1e-6], clock=7)
    assert repr(scheduler) == (
        f"ScheduleLR(AdamW, lr={LR!r}, betas=(Constant(0.9), Linear(0.5, 1.0, steps=2)),"
        " eps=[Constant(1e-08), Constant(1e-06)], clock=7)"
    )


def test_the_log_of_a_run_holds_what_it_ran(ScheduleLR, build):
    scheduler = ScheduleLR(build(2), lr=LR, eps=[Constant(1e-8)] * 2, weight_decay=Function(abs), clock=7)
    said = scheduler.describe()
    assert (
        json.loads(json.dumps(said))
        == said
        == {
            "clock": 7,
            "schedules": {"lr": repr(LR), "eps": "Constant(1e-08)", "weight_decay": None},
            "fingerprints": {"lr": fingerprint(LR), "eps": fingerprint(Constant(1e-8)), "weight_decay": None},
        }
    )
