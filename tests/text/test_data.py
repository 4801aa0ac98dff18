"""Plain data and digests: what comes back, what is refused, and what stands in several places."""

import copy
import json
import math
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tlama_core import (
    Constant,
    Cosine,
    Exponential,
    Function,
    Linear,
    Piecewise,
    Schedule,
    Warmup,
    fingerprint,
    from_dict,
    minimum,
    parse,
    to_dict,
)
from tlama_core.algebra import nodes
from tlama_core.testing.laws import WIDE
from tlama_core.testing.strategies import schedules
from tlama_core.text import has_text
from tlama_core.text.words import TYPES

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "version_1.json").read_text())
A = Linear(1, 0, 10)
DATA = {"version": 1, "type": "Linear", "start": 1.0, "end": 0.0, "steps": 10}
KEPT = 10_000 if os.environ.get("HYPOTHESIS_PROFILE") == "ci" else 50
ODD = [
    None,
    True,
    -1,
    0,
    2.5,
    10**400,
    math.nan,
    math.inf,
    "10",
    "Linear",
    [],
    {},
    [[0, 1.0]],
    {"type": "Sum"},
    A,
]


def shared(levels=25):
    """Return a tree of few nodes that stand in 2**levels places."""
    a = A
    for _ in range(levels):
        a = (a + 0.5) * a
    return a


# --- there and back ------------------------------------------------------------------------------


@pytest.mark.uncovered
@settings(max_examples=KEPT)
@given(schedules(functions=False))
def test_every_way_of_keeping_a_schedule_gives_it_back(a):
    assert parse(repr(a), WIDE) == a
    assert from_dict(json.loads(json.dumps(to_dict(a))), WIDE) == a
    assert pickle.loads(pickle.dumps(a)) == a
    assert copy.deepcopy(a) == a


@pytest.mark.parametrize("entry", GOLDEN, ids=lambda entry: entry["text"][:50])
def test_what_was_written_once_loads_for_ever(entry):
    a = parse(entry["text"])
    assert repr(a) == entry["text"]
    assert from_dict(entry["dict"]) == a
    assert to_dict(a) == entry["dict"]
    assert fingerprint(a) == entry["fingerprint"]
    assert [a(step) for step in (0, 1, 7, 100)] == pytest.approx(entry["values"], rel=1e-14, abs=1e-300)


def test_the_golden_file_has_every_type():
    def types(data):
        if isinstance(data, dict):
            return {data.get("type")}.union(*map(types, data.values()))
        return set().union(*map(types, data)) if isinstance(data, list) else set()

    assert types([entry["dict"] for entry in GOLDEN]) == set(TYPES)


def test_another_process_reads_and_digests_alike():
    a = (Warmup(0.1, 10) >> 0.5 * Cosine(0.1, 0, 90).repeat(3, gain=0.5)).clamp(0.01)
    program = "import sys, tlama_core as t; a = t.parse(sys.argv[1]); print(t.fingerprint(a)); print(a)"
    for seed in ("0", "1"):
        run = subprocess.run(
            [sys.executable, "-c", program, repr(a)],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(filter(None, sys.path))},
            capture_output=True,
            text=True,
            check=True,
        )
        assert run.stdout.splitlines() == [fingerprint(a), repr(a)]


@pytest.mark.uncovered
def test_a_chain_of_many_phases_reads_back():
    a = Piecewise.of(Constant(i / 7, 3) for i in range(10_000))
    assert parse(repr(a), WIDE) == a
    assert from_dict(json.loads(json.dumps(to_dict(a)))) == a


def test_a_tree_as_deep_as_trees_are_reads_back():
    a = 0.5 * A
    for _ in range(21):
        a = minimum(0.5 * a >> A, A)
    with pytest.raises(ValueError, match="must nest at most 64 deep, got 65"):
        0.5 * a
    assert parse(repr(a)) == a
    assert from_dict(to_dict(a)) == a


@given(schedules(functions=False), schedules(functions=False))
def test_fingerprints_are_equal_where_schedules_are(a, b):
    assert fingerprint(a) == fingerprint(parse(repr(a), WIDE))
    assert (fingerprint(a) == fingerprint(b)) == (a == b)


def test_equal_schedules_only_have_equal_fingerprints():
    schedules = [A, 0.5 * A, A.repeat(2), A >> A, Exponential(1, 0.5, 10), Linear(1, 0, 11)]
    assert len({fingerprint(a) for a in schedules}) == len(schedules)
    assert fingerprint(Linear(1.0, -0.0, 10)) == fingerprint(A)


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "error", "reason"),
    [
        ([], TypeError, "the data of from_dict must be a mapping, got []"),
        ({}, ValueError, "version in from_dict must be 1, got None"),
        ({**DATA, "version": 2}, ValueError, "version in from_dict must be 1, got 2"),
        ({**DATA, "version": True}, ValueError, "version in from_dict must be 1, got True"),
        ({**DATA, "type": "Function"}, ValueError, "type of it must be one of Constant, "),
        ({**DATA, "type": ["Linear"]}, ValueError, "type of it must be one of Constant, "),
        ({**DATA, "stepz": 3}, ValueError, "a key of it must be one of start, end, steps, got 'stepz'"),
        ({"version": 1, "type": "Linear", "start": 1.0, "end": 0.0}, ValueError, "in it: Linear(start, end, steps) is missing 1 required"),
        ({**DATA, "steps": 10.0}, ValueError, "in it: Linear.steps must be a whole number >= 0"),
        ({**DATA, "steps": "10"}, ValueError, "in it: Linear.steps must be a whole number >= 0, got '10'"),
        ({**DATA, "start": math.nan}, ValueError, "in it: Linear.start must be a finite number, got nan"),
        ({"version": 1, "type": "Scaled", "factor": 2, "schedule": {"type": "Warmup", "peak": True, "steps": 1}}, ValueError, "in it.schedule: Warmup.peak must be a finite number, got True"),
        ({"version": 1, "type": "Sum", "terms": [{"type": "Nope"}]}, ValueError, "type of it.terms[0] must be one of"),
        ({"version": 1, "type": "Repeated", "schedule": to_dict(A) | {"version": 1}, "times": 9}, ValueError, "a key of it.schedule must be one of start, end, steps, got 'version'"),
    ],
)  # fmt: skip
def test_data_that_are_refused(data, error, reason):
    before = copy.deepcopy(data)
    with pytest.raises(error) as caught:
        from_dict(data)
    assert reason in str(caught.value)
    assert repr(data) == repr(before)


def spots(data):
    """Return every place in *data*, as the dict or list that holds it and the key of it there."""
    pairs = (
        list(data.items() if isinstance(data, dict) else enumerate(data))
        if isinstance(data, (dict, list))
        else []
    )
    return [(data, key) for key, _ in pairs] + [spot for _, held in pairs for spot in spots(held)]


@given(schedules(max_depth=3, functions=False), st.data())
def test_mutated_data_give_a_schedule_or_an_error_that_says_where(a, data):
    mutant = json.loads(json.dumps(to_dict(a)))
    for _ in range(data.draw(st.integers(1, 3))):
        holder, key = data.draw(st.sampled_from(spots(mutant) or [(mutant, "type")]))
        parts = [held[place] for held, place in spots(mutant)]
        held = copy.deepcopy(data.draw(st.sampled_from([*ODD, *parts])))
        action = data.draw(st.sampled_from(["replace", "replace", "drop", "add"]))
        if action == "replace":
            holder[key] = held
        elif action == "drop":
            holder.pop(key, None) if isinstance(holder, dict) else holder.pop(key)
        elif isinstance(holder, dict):
            holder[data.draw(st.sampled_from(["times", "growth", "phases", "terms", 3]))] = held
        else:
            holder.insert(key, held)
    try:
        found = from_dict(mutant)
    except ValueError as error:
        found = str(error)
    assert isinstance(found, Schedule) or " it" in found or "version in from_dict" in found


@given(schedules(max_depth=3))
def test_what_has_a_text_is_written_and_nothing_else(a):
    assert has_text(a) == ("Function(" not in repr(a))
    for question in (to_dict, fingerprint):
        if has_text(a):
            assert question(a)
        else:
            with pytest.raises(ValueError, match=r"must be free of Functions, .* got Function\("):
                question(a)


@pytest.mark.parametrize("question", [to_dict, fingerprint])
def test_what_holds_a_function_has_no_text(question):
    a = 0.5 * (A >> Function(math.cos, 5))
    assert not has_text(a)
    with pytest.raises(
        ValueError, match=r"form must be free of Functions, .* got Function\(<built-in function cos>"
    ):
        question(a)


@pytest.mark.parametrize("question", [to_dict, fingerprint])
def test_what_is_no_schedule_has_no_text(question):
    with pytest.raises(TypeError, match=rf"{question.__name__}.schedule must be a schedule, got 3"):
        question(3)
    with pytest.raises(TypeError, match="has no start until"):
        question(Linear.to(0, 5))


# --- nodes that stand in several places ----------------------------------------------------------


def test_a_node_in_many_places_is_written_and_read_once():
    a = shared()
    written = to_dict(a)
    assert written["terms"][0]["terms"][0] is written["terms"][1]
    assert len(list(nodes(from_dict(written)))) == len(list(nodes(a)))


@given(schedules(max_depth=3, functions=False))
def test_what_stands_in_two_places_reads_as_if_written_twice(a):
    twice = to_dict(minimum(0.5 * a, a))
    once = json.loads(json.dumps(twice))
    assert twice["terms"][0]["schedule"] is twice["terms"][-1] or a in minimum(a, A).terms[:-1]
    assert from_dict(twice, WIDE) == from_dict(once, WIDE) == minimum(0.5 * a, a)


def test_one_phase_in_many_places_of_a_chain_is_not_too_much():
    a = Piecewise.of([0.5 * A] * 40_000)
    assert len(from_dict(to_dict(a)).phases) == 40_000


def test_aliases_do_not_multiply():
    """What is known of YAML as a billion laughs: chains of one chain, and a stretch of every place."""
    chain = {"type": "Linear", "start": 1.0, "end": 0.0, "steps": 10}
    for _ in range(30):
        chain = {"type": "Piecewise", "phases": [chain] * 10}
    with pytest.raises(ValueError, match="this builds too much: at most 30,000 phases and terms"):
        from_dict({"version": 1, **chain})
    with pytest.raises(ValueError, match="this builds too much: at most 30,000 phases and terms"):
        from_dict({"version": 1, "type": "Stretched", "schedule": to_dict(shared())["terms"][1], "steps": 7})
