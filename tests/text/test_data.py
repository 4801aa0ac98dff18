"""Plain data and digests: what comes back, what is refused, and what stands in several places."""

import copy
import inspect
import json
import math
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from tlama_core import (
    Constant,
    Cosine,
    Exponential,
    Function,
    Linear,
    Piecewise,
    Schedule,
    Step,
    Warmup,
    as_schedule,
    fingerprint,
    from_dict,
    minimum,
    parse,
    to_dict,
)
from tlama_core.algebra import nodes
from tlama_core.testing.laws import WIDE
from tlama_core.testing.strategies import schedules
from tlama_core.text import ParseError, accepted, has_text, readable_text
from tlama_core.text.words import TYPES

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "version_1.json").read_text())
A = Linear(1, 0, 10)
DATA = {"version": 1, "type": "Linear", "start": 1.0, "end": 0.0, "steps": 10}
DATA_NODE = {key: held for key, held in DATA.items() if key != "version"}
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
        ([], TypeError, "from_dict.data must be a mapping, got []"),
        ({}, ValueError, "from_dict.data must be a mapping with the key 'type', got []"),
        ({**DATA, "version": 2}, ValueError, "from_dict.data.version must be 1, got 2"),
        ({**DATA, "version": True}, ValueError, "from_dict.data.version must be 1, got True"),
        ({**DATA, "version": None}, ValueError, "from_dict.data.version must be 1, got None"),
        ({**DATA, "versoin": 1}, ValueError, "a key of from_dict.data, a Linear, must be one of start, end, steps (did you mean version?), got 'versoin'"),
        ({**DATA, "type": "Function"}, ValueError, "from_dict.data.type must be one of Constant, "),
        ({**DATA, "type": "linear"}, ValueError, "from_dict.data.type must be a type of schedule (did you mean Linear?), got 'linear'"),
        ({**DATA, "type": ["Linear"]}, ValueError, "from_dict.data.type must be one of Constant, "),
        ({"tpye": "Linear", "start": 1.0}, ValueError, "from_dict.data must be a mapping with the key 'type', not 'tpye', got ['tpye', 'start']"),
        ({3: 4, 5: 6}, ValueError, "from_dict.data must be a mapping with the key 'type', got [3, 5]"),
        ({**DATA, 3: 4}, ValueError, "a key of from_dict.data, a Linear, must be one of start, end, steps, got 3"),
        ({**DATA, "stepz": 3}, ValueError, "a key of from_dict.data, a Linear, must be one of start, end, steps (did you mean steps?), got 'stepz'"),
        ({"version": 1, "type": "Linear", "start": 1.0, "end": 0.0}, ValueError, "from_dict.data must be a Linear with the keys start, end, steps, got ['start', 'end']"),
        ({"type": "Sum", "terms": [DATA | {"version": 1}]}, ValueError, "a key of from_dict.data.terms[0], a Linear, must be one of start, end, steps, got 'version'"),
        ({"type": "Sum", "terms": [[], {"type": "Constant"}]}, ValueError, "from_dict.data.terms[1] must be a Constant with the keys value, got []"),
        ({**DATA, "steps": 10.5}, ValueError, "in from_dict.data: Linear.steps must be a whole number >= 0 (round(...) makes one), got 10.5"),
        ({**DATA, "steps": "10"}, ValueError, "in from_dict.data: Linear.steps must be a whole number >= 0, got '10'"),
        ({**DATA, "start": math.nan}, ValueError, "in from_dict.data: Linear.start must be a finite number, got nan"),
        ({"version": 1, "type": "Scaled", "factor": 2, "schedule": {"type": "Warmup", "peak": True, "steps": 1}}, ValueError, "in from_dict.data.schedule: Warmup.peak must be a finite number, got True"),
        ({"version": 1, "type": "Sum", "terms": [{"type": "Cosin"}]}, ValueError, "from_dict.data.terms[0].type must be a type of schedule (did you mean Cosine?), got 'Cosin'"),
        ({"version": 1, "type": "Sum", "terms": [{"type": "Nope"}]}, ValueError, "from_dict.data.terms[0].type must be one of Constant"),
    ],
)  # fmt: skip
def test_data_that_are_refused(data, error, reason):
    before = copy.deepcopy(data)
    with pytest.raises(error) as caught:
        from_dict(data)
    assert reason in str(caught.value)
    assert repr(data) == repr(before)


@given(schedules(max_depth=3, functions=False))
def test_data_without_a_version_are_of_version_1(a):
    written = to_dict(a)
    del written["version"]
    assert from_dict(written, WIDE) == a


def tuples(data):
    """Return *data* with tuples for lists."""
    if isinstance(data, dict):
        return {key: tuples(held) for key, held in data.items()}
    return tuple(map(tuples, data)) if isinstance(data, list) else data


@given(schedules(max_depth=3, functions=False))
def test_tuples_are_rows_as_lists_are(a):
    assert from_dict(tuples(to_dict(a)), WIDE) == a


def test_the_rows_of_a_config_library_are_rows():
    a = Warmup(0.1, 10) >> Linear.to(0, 90)
    assert from_dict(OmegaConf.create(to_dict(a))) == a


@pytest.mark.parametrize("limits", [{"total": 100}, None, 100])
def test_limits_that_are_none_are_refused(limits):
    rule = r"_dict.limits must be a Limits \(names are bound by keyword: parse\(text, total=100\)"
    with pytest.raises(TypeError, match=rule):
        from_dict(DATA, limits)


def test_data_too_deep_for_the_stack_are_refused():
    """They are within the limit of depth, but read from deep within a program."""
    data = aliased("Scaled", 60, lambda data: {"factor": 2.0, "schedule": data})
    assert from_dict(data).factor == 2.0
    usual = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + 90)
    try:
        with pytest.raises(
            ValueError, match="from_dict.data nests too deep for what is left of Python's stack"
        ):
            from_dict(data)
    finally:
        sys.setrecursionlimit(usual)


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
    assert isinstance(found, Schedule) or "from_dict.data" in found


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
        ValueError,
        match=rf"^{question.__name__}.schedule must be free of Functions, .* got Function\(<built-in function cos>",
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


def aliased(kind, levels, fields):
    """Return data of few parts that stand in many places: each level in every part of the next."""
    data = {"type": "Linear", "start": 1.0, "end": 0.0, "steps": 10}
    for _ in range(levels):
        data = {"type": kind, **fields(data)}
    return data


TABLE = [[time, 0.5] for time in range(1, 1_001)]
NESTED = ["1"]
for _ in range(60):
    NESTED = [NESTED] * 10


@pytest.mark.parametrize(
    "data",
    [
        aliased("Sum", 60, lambda data: {"terms": [data] * 9}),
        aliased("Product", 60, lambda data: {"terms": [{**DATA_NODE}, data, data]}),
        aliased("Piecewise", 60, lambda data: {"phases": [data] * 9}),
        aliased("Repeated", 60, lambda data: {"schedule": data, "times": 3, "growth": 2.0}),
        aliased("Stretched", 60, lambda data: {"schedule": data, "steps": 7}),
        {"type": "Piecewise", "phases": [{"type": "Step", "start": 1.0, "drops": TABLE, "steps": 2_000}] * 5_000},
        {"type": "Piecewise", "phases": [{"type": "Step", "start": i, "drops": TABLE, "steps": 2_000} for i in range(5_000)]},
        {"type": "Sum", "terms": [{"type": "Sum", "terms": [aliased("Sum", 1, lambda data: {"terms": [data] * 9_000}), {**DATA_NODE}]}] * 9_000},
        {"type": "Piecewise", "phases": [{"type": "Sum", "terms": row} for row in [[DATA_NODE] * 9_000] for _ in range(9_000)]},
        {"type": "Step", "start": 1.0, "drops": NESTED},
        {"type": "Linear", "start": NESTED, "end": 0.0, "steps": 10},
        {"type": "Stretched", "schedule": NESTED, "steps": 10},
        {"type": "Piecewise", "phases": NESTED},
    ],
    ids=["sum", "product", "chain", "cycles", "stretch", "table", "tables", "sums", "rows", "drops", "number", "schedule", "phases"],
)  # fmt: skip
def test_no_data_take_long_however_often_their_parts_stand_in_them(data):
    try:
        found = from_dict(data)
    except ValueError as error:
        found = str(error)
    assert isinstance(found, Schedule) or ("from_dict.data" in found and len(found) < 3_000)


def test_a_list_within_itself_is_refused():
    data = {"type": "Sum"}
    data["terms"] = [data, data]
    with pytest.raises(ValueError, match="nests too deep: at most 64 schedules"):
        from_dict(data)


@settings(max_examples=100)
@given(schedules(3, functions=False), st.floats(-9, 9))
def test_whatever_a_config_holds_is_that_schedule(a, number):
    assert as_schedule(a) is a
    assert as_schedule(repr(a)) == as_schedule(to_dict(a)) == a
    assert as_schedule("0.5 * part", part=repr(a)) == as_schedule("0.5 * part", part=a) == 0.5 * a
    assert as_schedule(number) == as_schedule(repr(number)) == Constant(number)
    assert as_schedule("peak", peak=number) == as_schedule("peak", peak=repr(number)) == Constant(number)


def test_what_yaml_makes_of_numbers_and_aliases_is_read():
    """`1e-3` without a point is a text to YAML, also as a unit."""
    held = OmegaConf.create("{lr: 1e-3, total: 1e5, line: {type: Linear, start: 1, end: 0, steps: 10}}")
    assert as_schedule(held.lr) == Constant(0.001)
    assert as_schedule("Linear(1, 0, 0.5*total)", total=held.total).steps == 50_000
    assert as_schedule(held.line) == Linear(1, 0, 10)


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        (
            None,
            TypeError,
            "rate must be a schedule (Function(fn) is one), a number, a text or the mapping of to_dict, got None",
        ),
        (["0.1"], TypeError, "rate must be a schedule"),
        (True, TypeError, "rate must be a schedule"),
        (math.nan, ValueError, "rate must be a finite number, got nan"),
        (Linear, TypeError, "rate must be a schedule"),
        (Linear.to(0, 10), TypeError, "Linear.to"),
        (
            "Cosin(1, 0, 5)",
            ParseError,
            "in rate: unknown name Cosin: did you mean Cosine?\n  Cosin(1, 0, 5)\n  ^^^^^",
        ),
        (
            {"type": "Lin"},
            ValueError,
            "in rate: from_dict.data.type must be a type of schedule (did you mean Linear?), got 'Lin'",
        ),
    ],
)
def test_what_no_config_may_hold_is_refused_in_the_words_of_the_caller(given, kind, message):
    with pytest.raises(kind) as caught:
        accepted("rate", given, {})
    assert message in str(caught.value)
    assert type(caught.value) is kind or kind is TypeError
    with pytest.raises(kind):
        as_schedule(given)


@pytest.mark.parametrize(
    ("schedule", "error", "said"),
    [
        (
            2 * Function(abs),
            ValueError,
            "lr must be free of Functions, which are equal only to themselves, got ",
        ),
        (
            Step(1.0, {k: 1.0 + k for k in range(1, 20_000)}),
            ValueError,
            "lr must be short enough to be read again as text: a text has at most ",
        ),
        (0.1, TypeError, "lr must be a schedule"),
    ],
    ids=["Function", "long", "number"],
)
def test_a_text_to_be_kept_can_be_read_again(schedule, error, said):
    assert parse(readable_text("lr", A)) == A
    with pytest.raises(error, match=re.escape(said)):
        readable_text("lr", schedule)
