"""States: what they hold, what is compared, what is refused."""

import json
import re
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tlama_core import Constant, Cosine, Function, Linear, Piecewise, Warmup, parse
from tlama_core.testing.strategies import schedules
from tlama_core.text import ParseError

PRETRAIN = Warmup(3e-4, steps=20) >> Cosine.to(3e-5, steps=80)
NAMES = ["lr", "weight_decay", "eps", "betas"]
GROUPS = st.integers(1, 4)


def test_the_group_that_differs_is_shown(ScheduleLR, build):
    state = ScheduleLR(build(3), lr=[1.0, PRETRAIN, 3.0], weight_decay=0.5).state_dict()
    with pytest.raises(ValueError, match="other schedules") as raised:
        ScheduleLR(build(3), lr=[1.0, 2.0, 3.0], eps=1e-3).load_state_dict(state)
    assert str(raised.value).splitlines()[1:-1] == [
        f"  lr: saved {PRETRAIN!r}",
        "      given Constant(2.0)",
        "  weight_decay: saved Constant(0.5)",
        "                given nothing",
        "  eps: saved nothing",
        "       given Constant(0.001)",
    ]


def test_long_texts_are_cut_in_the_message(ScheduleLR, build):
    state = ScheduleLR(build(), lr=Piecewise.of([PRETRAIN] * 100)).state_dict()
    with pytest.raises(ValueError, match=r"… \(\d+,\d+ characters\)"):
        ScheduleLR(build(2), lr=[1.0, 2.0]).load_state_dict(state)


def test_a_function_has_no_text_and_the_state_says_so(ScheduleLR, build, run, texts):
    mine = Constant(1.0, steps=3) >> Function(lambda t: 0.5 / (t + 1))
    optimizer = build(2)
    scheduler = ScheduleLR(optimizer, lr=[mine, 1.0], weight_decay=mine)
    run(optimizer, scheduler, 5)
    with pytest.warns(UserWarning, match="lr, weight_decay holds a Function, which has no text") as warned:
        state = scheduler.state_dict()
    assert warned[0].filename == __file__
    assert texts(state) == {"lr": [None, "Constant(1.0)"], "weight_decay": None}
    again = ScheduleLR(build(2), lr=[mine, 1.0], weight_decay=mine)
    again.load_state_dict(json.loads(json.dumps(state)))
    assert again.get_last_lr() == [mine(5), 1.0]
    with pytest.raises(ValueError, match="weight_decay: saved a Function\n *given Constant"):
        ScheduleLR(build(2), lr=[mine, 1.0], weight_decay=0.1).load_state_dict(state)
    with pytest.raises(
        ValueError, match="lr, weight_decay of the state .* must be schedules that have a text"
    ):
        ScheduleLR(build(2), lr=1.0, on_change="keep_old").load_state_dict(state)


def test_a_refused_state_changes_nothing(ScheduleLR, build, rates):
    for on_change, keys, error in [("error", {"lr": "Constant(9.0)"}, "other schedules"),
                                   ("keep_old", {"lr": "Constant(9.0"}, "closed"),
                                   ("keep_old", {"lr": ["Constant(9.0)"] * 2}, "got a list of 2"),
                                   ("keep_old", {"momentum": "Constant(9.0)"}, "got 'momentum'"),
                                   ("keep_old", {"betas[2]": "Constant(9.0)"}, r"got 'betas\[2\]'"),
                                   ("keep_old", {"params[0]": "Constant(9.0)"}, r"got 'params\[0\]'")]:  # fmt: skip
        optimizer = build()
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
        ({"clock": 5.5}, "must be a whole number"),
        ({"version": 3}, "the version of the state given to ScheduleLR must be 1 or 2, got 3"),
        ({"version": []}, "the version of the state given to ScheduleLR must be 1 or 2, got"),
        (
            {"schedules": None},
            "the schedules of the state given to ScheduleLR must be a text in JSON, got None",
        ),
        ({"schedules": "lr = 5"}, "the schedules of the state given to ScheduleLR must be a text in JSON"),
        (
            {"schedules": "[" * 100_000},
            "the schedules of the state given to ScheduleLR must be a text in JSON",
        ),
        ({"schedules": '["lr"]'}, "the schedules of the state given to ScheduleLR must be texts by"),
        ({"schedules": '{"lr": 5}'}, "the schedules of the state given to ScheduleLR must be texts by"),
        (
            {"version": 1, "schedules": None},
            "the schedules of the state given to ScheduleLR must be texts by",
        ),
        ({"version": 1, "schedules": {5: "Constant(1.0)"}}, "must be texts by hyper-parameter, got {5:"),
        ({"version": 1, "schedules": {"lr": [5]}}, "must be texts by hyper-parameter, got {'lr'"),
        (
            {"found": None},
            "the found rates of the state given to ScheduleLR must be a text in JSON, got None",
        ),
        ({"found": '{"lr": 5}'}, "the found rates of the state given to ScheduleLR must be lists of numbers"),
        (
            {"found": '{"lr": ["x"]}'},
            "the found rates of the state given to ScheduleLR must be lists of numbers",
        ),
        ({"found": "[]"}, "the found rates of the state given to ScheduleLR must be lists of numbers"),
    ],
)
def test_what_is_no_state_is_refused(ScheduleLR, build, change, message):
    scheduler = ScheduleLR(build(), lr=PRETRAIN)
    state = None if change is None else scheduler.state_dict() | change
    with pytest.raises(ValueError, match=message):
        scheduler.load_state_dict(state)


def test_the_state_of_another_scheduler_is_refused_and_its_clock_taken(torch, ScheduleLR, build, run):
    optimizer = build()
    theirs = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda k: PRETRAIN(k))
    run(optimizer, theirs, 5)
    with pytest.raises(ValueError, match="from another scheduler's, give clock="):
        ScheduleLR(build(), lr=PRETRAIN).load_state_dict(theirs.state_dict())
    assert ScheduleLR(build(), lr=PRETRAIN, clock=theirs.state_dict()["last_epoch"]).clock == 5


@settings(max_examples=100)
@given(schedules(3, functions=False), st.integers(1, 4), st.integers(0, 100))
def test_a_schedule_for_all_and_one_for_each_are_the_same(ScheduleLR, build, rates, a, groups, clock):
    """A state of either loads into the other, which then has the same rates."""
    for_all = ScheduleLR(build(groups), lr=a, clock=clock)
    each = ScheduleLR(build(groups), lr=[a] * groups)
    each.load_state_dict(for_all.state_dict())
    again = ScheduleLR(build(groups), lr=a)
    again.load_state_dict(each.state_dict())
    assert again.state_dict() == for_all.state_dict()
    assert rates(each.optimizer, "lr") == rates(again.optimizer, "lr") == [(a(clock),)] * groups


@settings(max_examples=100)
@given(st.data(), GROUPS, st.integers(0, 4_000))
def test_a_state_is_the_same_after_a_file_or_json(ScheduleLR, build, saved, givens, data, groups, clock):
    given_ = data.draw(givens(groups))
    state = ScheduleLR(build(groups), **given_, clock=clock).state_dict()
    assert saved(state) == json.loads(json.dumps(state)) == state


def of_each(groups, given_):
    """Return by key what every group has, numbers as the `Constant`s that they are."""
    each = {}
    for name, value in given_.items():
        rows = value if isinstance(value, list) else [value] * groups
        for place, column in enumerate(
            zip(*(row if name == "betas" else (row,) for row in rows), strict=True)
        ):
            key = f"betas[{place}]" if name == "betas" else name
            each[key] = [Constant(a) if isinstance(a, float) else a for a in column]
    return each


@settings(max_examples=100)
@given(st.data(), GROUPS)
def test_what_differs_is_refused_and_named_and_nothing_else(ScheduleLR, build, givens, data, groups):
    old = data.draw(givens(groups))
    changed = data.draw(givens(groups))
    new = data.draw(st.sampled_from([changed, old | changed, old]))
    state = ScheduleLR(build(groups), **old, clock=5).state_dict()
    scheduler = ScheduleLR(build(groups), **new)
    was, now = of_each(groups, old), of_each(groups, new)
    differing = {key for key in was | now if was.get(key) != now.get(key)}
    if not differing:
        scheduler.load_state_dict(state)
        assert scheduler.clock == 5
        return
    with pytest.raises(ValueError, match="other schedules") as raised:
        scheduler.load_state_dict(state)
    assert scheduler.clock == 0
    assert set(re.findall(r"^  (\S+): saved ", str(raised.value), re.MULTILINE)) == differing


@settings(max_examples=100)
@given(st.data(), GROUPS, st.integers(0, 4_000))
def test_it_is_said_which_schedules_to_keep(
    ScheduleLR, build, rates, givens, expected, texts, data, groups, clock
):
    """Either way the clock is the saved one; what the saved ones schedule is theirs again, all of it."""
    old = data.draw(givens(groups))
    new = data.draw(givens(groups))
    state = ScheduleLR(build(groups), **old, clock=clock).state_dict()
    for on_change, kept in (("keep_new", new), ("keep_old", old)):
        scheduler = ScheduleLR(build(groups), **new, on_change=on_change)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "ScheduleLR goes on with other schedules, which jump")
            scheduler.load_state_dict(state)
        assert scheduler.clock == clock
        assert rates(scheduler.optimizer, *kept) == expected(clock, groups, kept)
        assert texts(scheduler.state_dict()).keys() == of_each(groups, kept).keys()


def test_a_state_of_version_1_loads_as_ever(ScheduleLR, build, rates):
    """It does not say what was found: the rates of the clock are written, but not before clock 0."""
    for clock in (0, 7, -1):
        optimizer = build(2)
        scheduler = ScheduleLR(optimizer, lr=PRETRAIN, clock=50)
        scheduler.load_state_dict({"version": 1, "clock": clock, "schedules": {"lr": repr(PRETRAIN)}})
        assert (scheduler.clock, rates(optimizer, "lr")) == (
            clock,
            [(PRETRAIN(clock if clock >= 0 else 50),)] * 2,
        )
        assert scheduler.get_last_lr() == [rate for (rate,) in rates(optimizer, "lr")]


@pytest.mark.parametrize(
    "large",
    [
        Piecewise.of([Linear(1.0 / k, 0.0, k) for k in range(1, 5_000)]),
        Linear(1.0, 0.5, 3).repeat(5_000, growth=1.001),
        Piecewise.of([Linear(1.0 / k, 0.0, k) for k in range(1, 40)]).repeat(900, growth=1.01),
    ],
    ids=["characters", "cycles", "work"],
)
def test_whatever_was_saved_can_be_kept(ScheduleLR, build, large):
    """Past the limits that `parse` has for texts from outside too."""
    with pytest.raises(ParseError):
        parse(repr(large))
    state = ScheduleLR(build(), lr=large, clock=5).state_dict()
    scheduler = ScheduleLR(build(), lr=1.0, on_change="keep_old")
    scheduler.load_state_dict(state)
    assert scheduler.state_dict() == state
    assert scheduler.get_last_lr() == [large(5)]
