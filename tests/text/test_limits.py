"""Limits: what building costs, and that nothing from outside takes long, however short it is."""

import inspect
import runpy
import sys
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlama_core import Constant, Limits, Linear, ParseError, Piecewise, Repeated, Step, from_dict, parse
from tlama_core.algebra import children, nodes
from tlama_core.testing.laws import WIDE
from tlama_core.testing.strategies import schedules
from tlama_core.text.limits import Budget, places, size

HOSTILE = runpy.run_path(str(Path(__file__).parents[1] / "fuzz" / "hostile.py"))["HOSTILE"]
A = Linear(1, 0, 10)


def reason_for(text, limits=None, **names):
    """Return the reason for which *text* is refused."""
    with pytest.raises(ParseError) as caught:
        parse(text, limits or Limits(), **names)
    return caught.value.reason


def shared(levels=25):
    """Return a tree of few nodes that stand in 2**levels places."""
    a = A
    for _ in range(levels):
        a = (a + 0.5) * a
    return a


def walked(a):
    """Return every node of *a* in every place, as a rebuilding walk meets them."""
    parts = [a.cycles] if isinstance(a, Repeated) and a.cycles else children(a)
    return [a, *(node for part in parts for node in walked(part))]


# --- what building costs -------------------------------------------------------------------------


@given(schedules(max_depth=4))
def test_places_are_what_a_rebuilding_walk_meets(a):
    for tree in (a, a * a, 0.5 * a + a):
        rows = sum(len(node.drops) for node in walked(tree) if isinstance(node, Step))
        assert places(tree) == len(walked(tree)) + rows
        assert size(tree) <= places(tree)


@given(schedules(max_depth=4))
def test_what_is_not_shared_costs_its_places_also_to_join(a):
    met = walked(a)
    if len({id(node) for node in met}) == len(met):
        assert size(a) == places(a)
    assert size([a, a]) == size(a) + len(a.phases)
    assert size([1, "a", None]) == places(1) == 0


def test_the_cost_of_shared_nodes_is_found_in_time_linear_in_them():
    a = shared()
    assert size(a) < 6 * len(list(nodes(a)))
    assert places(a) > 2**25


def test_what_joins_shared_nodes_is_cheap_and_what_rebuilds_them_is_refused():
    a = shared()
    assert parse("0.5 * s + s", s=a).terms[1] is a
    for text in ("s.stretch(steps=7)", "s.repeat(2, growth=2)", "s.repeat(2)"):
        assert reason_for(text, s=a) == "this builds too much: at most 30,000 phases and terms"


def test_the_phases_that_a_chain_copies_are_work_each_time():
    base = Piecewise.of([Constant(1.0, 3)] * 1_000)
    assert len(parse("base" + " >> base" * 20, base=base).phases) == 21_000
    assert "at most 30,000 phases and terms" in reason_for("base" + " >> base" * 30, base=base)


@given(st.integers(1, 40), st.sampled_from([1.5, 2, 1.01]))
def test_cycles_that_grow_cost_their_phases(times, growth):
    """A limit just as high as the cost lets the repetition through, and one below does not."""
    text = f"Linear(1, 0, 10).repeat({times}, growth={growth})"
    cost = 1 + 1 + 1 + 2 * times  # two calls, their argument, and the cycles
    assert parse(text, Limits(work=cost)) == A.repeat(times, growth=growth)
    assert "this builds too much" in reason_for(text, Limits(work=cost - 1))
    fields = {"schedule": A, "times": times, "growth": growth}
    Budget(Limits(work=2 * times)).charge_node(Repeated, fields)
    with pytest.raises(ValueError, match="this builds too much"):
        Budget(Limits(work=2 * times - 1)).charge_node(Repeated, fields)


# --- what is too much ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "text", "reason"),
    [
        (Limits(characters=10), "Constant(1.0)", "at most 10 characters, got 13"),
        (Limits(digits=3), "Constant(1.0001)", "at most 3 digits, got 6"),
        (Limits(exponent=3), "Constant(1e-4)", "an exponent is at most 3, got '-4'"),
        (Limits(depth=2), "Constant(((1)))", "brackets nest at most 2 deep"),
        (Limits(depth=2), "---Constant(1)", "calls nest at most 2 deep"),
        (Limits(parts=5), "Linear(1, 0, 10)", "at most 5 parts, got 6"),
        (Limits(cycles=5), "Linear(1, 0, 10).repeat(6, growth=2)", "of at most 5 cycles, got 6"),
        (Limits(work=5), "Constant(1.0).scale(2).scale(2).scale(2)", "at most 5 phases and terms"),
    ],
)
def test_every_limit_has_an_error_of_its_own(limits, text, reason):
    assert reason in reason_for(text, limits)
    assert parse(text) == parse(text, WIDE)


def test_a_text_too_deep_for_the_stack_is_refused():
    usual = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + 200)
    try:
        reason = reason_for("max(" * 99 + "1" + ")" * 99)
    finally:
        sys.setrecursionlimit(usual)
    assert "nests too deep for what is left of Python's stack" in reason


def test_the_steps_of_a_staircase_are_work():
    staircase = f"Step(1, {dict.fromkeys(range(1, 5_000), 0.5)}, 9_999)"
    assert parse(staircase).steps == 9_999
    for suffix in (
        ".repeat(9, growth=1.1)",
        "".join(f".stretch(steps={steps})" for steps in range(9_000, 9_009)),
    ):
        assert "at most 30,000 phases and terms" in reason_for(staircase + suffix)


def test_data_that_would_take_long_are_refused():
    bomb = {"type": "Linear", "start": 1.0, "end": 0.0, "steps": 10}
    for _ in range(4):
        bomb = {"type": "Repeated", "schedule": bomb, "times": 100, "growth": 1.01}
    with pytest.raises(ValueError, match="this builds too much: at most 30,000 phases and terms"):
        from_dict({"version": 1, **bomb})
    deep = []
    for _ in range(900):
        deep = [deep]
    with pytest.raises(ValueError, match="nests too deep"):
        from_dict({"version": 1, "type": "Sum", "terms": deep})


def test_limits_are_values():
    assert attrs.evolve(Limits(), work=7).work == 7


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:40]))
def test_hostile_texts_are_refused(text):
    with pytest.raises(ParseError) as caught:
        parse(text)
    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    assert all(len(line) <= 400 for line in lines)
