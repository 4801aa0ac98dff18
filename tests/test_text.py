"""Text and plain data: what reads back, what is refused, and where the caret points."""

import copy
import inspect
import json
import math
import os
import pickle
import runpy
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tlama_core import (
    Constant,
    Cosine,
    Exponential,
    Function,
    Limits,
    Linear,
    ParseError,
    Piecewise,
    Polynomial,
    Product,
    Schedule,
    Step,
    Sum,
    Warmup,
    fingerprint,
    from_dict,
    maximum,
    minimum,
    parse,
    through,
    to_dict,
)
from tlama_core.testing.laws import WIDE
from tlama_core.testing.strategies import schedules

HERE = Path(__file__).parent
GOLDEN = json.loads((HERE / "golden" / "version_1.json").read_text())
HOSTILE = runpy.run_path(str(HERE / "fuzz" / "hostile.py"))["HOSTILE"]
A = Linear(1, 0, 10)
KEPT = 10_000 if os.environ.get("HYPOTHESIS_PROFILE") == "ci" else 50


def refused(text, *, limits=None, **names):
    """Return the reason for which *text* is refused, and the part that the caret marks."""
    with pytest.raises(ParseError) as caught:
        parse(text, limits or Limits(), **names)
    error = caught.value
    return error.reason, error.text[error.start : error.stop]


# --- reading back --------------------------------------------------------------------------------


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

    from tlama_core.text import TYPES

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
    a = A
    while a._extent.depth < 62:
        a = minimum(a >> A, A) if a._depth % 2 else 0.5 * a
    assert a._depth >= 62
    assert parse(repr(a)) == a
    assert from_dict(to_dict(a)) == a


def test_a_repetition_of_repetitions_has_a_short_text_soon():
    a = parse("Linear(1, 0, 10)" + ".repeat(2)" * 60)
    assert repr(a) == "Linear(1.0, 0.0, steps=10)" + ".repeat(2)" * 60


# --- what a text may say -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Warmup(0.1, 10) >> Linear.to(0, 90)", Warmup(0.1, 10) >> Linear.to(0, 90)),
        ("Warmup(peak, 2*epoch) >> Cosine.to(peak/100, 8*epoch)", Warmup(0.1, 20) >> Cosine.to(0.001, 80)),
        ("Constant(1.0, 5) >> Constant.hold(5) >> Polynomial.to(0, 5, power=2)", Constant(1.0, 10)[:5] >> Constant(1.0, 5) >> Polynomial(1, 0, 5, power=2)),
        ("Constant(1, 3) >> (Constant.hold(4) >> Linear.to(0, 5))", Constant(1, 3) >> Constant(1, 4) >> Linear(1, 0, 5)),
        ("Linear(1, 0, 0.29*total)", Linear(1, 0, 29)),
        ("Linear(1, 0, 0.07*total)", Linear(1, 0, 7)),
        ("Linear(1, 0, round(0.295*total))", Linear(1, 0, 30)),
        ("Linear(1, 0, floor(total/3)) >> Linear(0, 1, ceil(total/3))", Linear(1, 0, 33) >> Linear(0, 1, 34)),
        ("Linear(1, 0, min(total, 7)) >> Linear(0, 1, max(5, 3, 4))", Linear(1, 0, 7) >> Linear(0, 1, 5)),
        ("Linear(+1, -1, 300e9)", Linear(1, -1, 300_000_000_000)),
        ("Linear(1_0, .5, 1_000)", Linear(10, 0.5, 1_000)),
        ("0.5 * Constant(0.1) + 1/3 - -0.25", 0.5 * Constant(0.1) + 1 / 3 - -0.25),
        ("1 - Linear(1, 0, 10) / 3", 1 - A / 3),
        ("-Linear(1, 0, 10) * Linear(1, 0, 10)", -A * A),
        ("(Linear(1, 0, 10) >> Constant(1.0))[2:12]", (A >> Constant(1.0))[2:12]),
        ("Linear(1, 0, 10)[-3:]", A[7:]),
        ("Linear(1, 0, 10).clamp(low=0.1, high=0.5)", A.clamp(0.1, 0.5)),
        ("Linear(1, 0, 10).repeat(3, gain=0.5, growth=2).stretch(steps=35)", A.repeat(3, gain=0.5, growth=2).stretch(steps=35)),
        ("Linear(1, 0, 10).then(Constant(2.0)).scale(3)", (A >> Constant(2.0)).scale(3)),
        ("Step(1, {30: 0.1, 60: 1/100}, 90)", Step(1, {30: 0.1, 60: 0.01}, 90)),
        ("Step.every(1, gamma=0.5, interval=30)", Step.every(1, 0.5, 30)),
        ("through({0: 1, 10: 0}, shape=Cosine)", through({0: 1, 10: 0}, Cosine)),
        ("through([(0, 1), (10, 0)])", through({0: 1, 10: 0})),
        ("Piecewise.of([Linear(1, 0, 10), Linear.to(1, 5)])", A >> Linear.to(1, 5)),
        ("Sum([Linear(1, 0, 10), Constant(2)])", Sum([A, Constant(2)])),
        ("Product((Linear(1, 0, 10), Constant(2)))", Product([A, Constant(2)])),
        ("maximum(Linear(1, 0, 10), 0.1)", maximum(A, 0.1)),
        ("  0.5 * (base >> tail)\n\t", 0.5 * (A >> Linear(0, 1, 5))),
    ],
)  # fmt: skip
def test_what_a_text_may_say(text, wanted):
    assert parse(text, peak=0.1, epoch=10, total=100, base=A, tail=Linear.to(1, 5)) == wanted


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_literals_are_the_floats_that_python_reads(number):
    assert parse(f"Constant({number!r})") == Constant(number)


@given(st.integers(0, 10**9), st.integers(1, 100))
def test_a_share_of_a_whole_is_exact(total, percent):
    """What the text says, not what its nearest floats would give."""
    share = Fraction(percent, 100) * total
    text = f"Constant(1.0, {percent / 100!r}*total)"
    if share.denominator == 1:
        assert parse(text, total=total).steps == share
    else:
        assert "round(...)" in refused(text, total=total)[0]


def test_names_are_numbers_of_any_library_taken_as_they_print():
    assert parse("Constant(1.0, w*n)", w=0.29, n=np.int64(100)) == Constant(1.0, 29)
    assert parse("Constant(x)", x=np.float32(0.5)) == Constant(0.5)
    assert parse("Constant(1.0, n)", n=10**20) == Constant(1.0, 10**20)
    with pytest.raises(
        ValueError, match=r"a name given to parse must be none of the library's own words, got 'round'"
    ):
        parse("Constant(1.0)", round=3)
    with pytest.raises(ValueError, match=r"parse.x must be a finite number, got nan"):
        parse("Constant(x)", x=math.nan)
    with pytest.raises(TypeError, match=r"parse.x must be a finite number, got '3'"):
        parse("Constant(x)", x="3")
    with pytest.raises(TypeError, match=r"the text of parse must be a str, got 3"):
        parse(3)


def test_reading_compiles_nothing_however_often_a_name_is_used():
    base = Linear(1, 0, 5) >> Linear(0, 1, 5)
    chains = "Sum([" + "base >> tail, " * 99 + "])"
    assert parse(chains, base=base, tail=Linear.to(0, 5)) == Sum([base >> Linear(1, 0, 5)] * 99)
    assert not hasattr(base, "_fast")


# --- what it may not -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "reason", "marked"),
    [
        ("", "there is no schedule in an empty text", ""),
        ("   ", "there is no schedule in an empty text", " "),
        ("3", "a number is no schedule", "3"),
        ("[Constant(1)]", "a list is no schedule", "[Constant(1)]"),
        ("Linear", "a word is no schedule", "Linear"),
        ("Linear.to(0, 5)", "this stays open", "Linear.to(0, 5)"),
        ("Warmup(1, 5) >> Cosin.to(0, 5)", "unknown name Cosin.to: did you mean Cosine.to?", "Cosin.to"),
        ("Constant(1.0, days)", "unknown name days; known are Constant", "days"),
        ("Function(1)", "a Function has no text", "Function"),
        ("print(1)", "unknown name print; known are", "print"),
        ("Warmup(0.1, steps=2.5)", "Warmup.steps must be a whole number >= 0 (whole lengths are integers: round(...) makes one)", "Warmup(0.1, steps=2.5)"),
        ("Linear(1, 0, steps=-1)", "Linear.steps must be a whole number >= 0, got -1", "Linear(1, 0, steps=-1)"),
        ("Constant(1.0) >> Constant(2.0)", "phase 0 of a chain must be finite", "Constant(1.0) >> Constant(2.0)"),
        ("Constant(1.0, 5) >> 2", "phase 1 of a chain must be a schedule, got 2", "Constant(1.0, 5) >> 2"),
        ("2 >> Constant(1.0)", "unsupported operand", "2 >> Constant(1.0)"),
        ("Constant(1.0) * [1]", "a list cannot be computed with", "Constant(1.0) * [1]"),
        ("[1] + [2]", "a list cannot be computed with", "[1] + [2]"),
        ("0.5 * Linear.to(0, 5)", "has no start until", "0.5 * Linear.to(0, 5)"),
        ("1 / Constant(2.0)", "unsupported operand", "1 / Constant(2.0)"),
        ("+Constant(1.0)", "bad operand type", "+Constant(1.0)"),
        ("Constant(1/0)", "a number cannot be divided by 0", "1/0"),
        ("Constant(1e200*1e200)", "Constant.value must be a finite number", "Constant(1e200*1e200)"),
        ("Constant(1e400*1e400*1e400*1e400)", "a number takes at most 4,096 bits on its way", "1e400*1e400*1e400*1e400"),
        ("Constant(1e400/3)", "this number is past the largest float", "1e400/3"),
        ("1e400/3 * Constant(1.0)", "this number is past the largest float", "1e400/3 * Constant(1.0)"),
        ("Constant(1, n=2)", "unexpected keyword argument 'n'", "Constant(1, n=2)"),
        ("Linear(1, 0)", "missing 1 required positional argument: 'steps'", "Linear(1, 0)"),
        ("round(Constant(1.0))", "this takes numbers", "round(Constant(1.0))"),
        ("Constant(round(1, 0.5))", "round takes one number", "round(1, 0.5)"),
        ("Constant(round(1, 1e9))", "round takes one number", "round(1, 1e9)"),
        ("Constant(1.0, node=2)", "unexpected keyword argument 'node'", "Constant(1.0, node=2)"),
        ("Constant(1.0, build=2)", "unexpected keyword argument 'build'", "Constant(1.0, build=2)"),
        ("Constant(1.0, steps=2, steps=3)", "an argument is given twice", "Constant(1.0, steps=2, steps=3)"),
        ("Linear(1, 0, 5).sample(3)", "unknown name Linear(1, 0, 5).sample", "Linear(1, 0, 5).sample"),
        ("Linear(1, 0, 5)(3)", "unknown name", "Linear(1, 0, 5)"),
        ("(3).scale(2)", "a number is no schedule", "3"),
        ("Linear(1, 0, 5)[2]", "this is not allowed", "Linear(1, 0, 5)[2]"),
        ("Linear(1, 0, 5)[1:5:2]", "this is not allowed", "Linear(1, 0, 5)[1:5:2]"),
        ("Linear(1, 0, 5)[9:]", "a slice index must be at most the length 5, got 9", "Linear(1, 0, 5)[9:]"),
        ("Step(1, {**x})", "'*' is not allowed here", "*"),
        ("Constant(* x)", "this is not allowed", "* x"),
        ("Step(1, {3: 0.1, 3: 0.2})", "given each time once", "Step(1, {3: 0.1, 3: 0.2})"),
        ("Linear(1, 0, 10", "this is no expression", "("),
        ("Linear(1, 0, 10))", "this is no expression", ")"),
        ("Linear(1 0 10)", "this is no expression", "1"),
        ("Linear(1, 0, 0x10)", "a number is a plain decimal", "0x"),
        ("Constant(1j)", "a number is a plain decimal", "1j"),
        ("Constant(True)", "this is not allowed", "True"),
        ("Linear(1, 0, '5')", '"\'" is not allowed here', "'"),
        ("Constant(1.0) if True else Constant(2.0)", "this is not allowed", "Constant(1.0) if True else Constant(2.0)"),
        ("Constant(1.0) // 2", "this is not allowed", "Constant(1.0) // 2"),
        ("Constant(1.0) / / 2", "this is no expression", "/"),
        ("Warmup.to(1, 3)", "unknown name Warmup.to: did you mean Warmup?", "Warmup.to"),
        ("Exponential.to(0, 3)", "Exponential.end must be > 0", "Exponential.to(0, 3)"),
    ],
)  # fmt: skip
def test_what_is_refused_and_where(text, reason, marked):
    said, part = refused(text)
    assert reason in said
    assert not marked or part == marked


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:40]))
def test_hostile_texts_are_refused(text):
    reason, _ = refused(text)
    assert reason
    with pytest.raises(ParseError) as caught:
        parse(text)
    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    assert all(len(line) <= 400 for line in lines)


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
    assert reason in refused(text, limits=limits)[0]
    assert parse(text) == parse(text, WIDE)


def test_a_text_too_deep_for_the_stack_is_refused():
    usual = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + 200)
    try:
        reason, _ = refused("max(" * 99 + "1" + ")" * 99)
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
        assert "at most 30,000 phases and terms" in refused(staircase + suffix)[0]


def test_the_caret_stands_under_the_offending_part():
    with pytest.raises(ParseError) as caught:
        parse("\n  Warmup(0.1, 5) >>\n  Cosin.to(0, 5)\n")
    assert str(caught.value).splitlines() == [
        "unknown name Cosin.to: did you mean Cosine.to?",
        "  Warmup(0.1, 5) >>   Cosin.to(0, 5)",
        "                      ^^^^^^^^",
    ]


@given(st.integers(0, 400), st.integers(0, 400))
def test_a_long_text_is_shown_around_the_offending_part(before, after):
    text = "1 + " * before + "%" + " + 1" * after
    with pytest.raises(ParseError) as caught:
        parse(text)
    _, shown, caret = str(caught.value).splitlines()
    assert shown[caret.index("^")] == "%"
    assert len(shown) <= 80


def test_a_parse_error_is_a_value_error_that_can_be_pickled():
    with pytest.raises(ValueError, match="unknown name x") as caught:
        parse("x")
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@given(st.text(max_size=60) | st.text("Constant(1.0, 5)>>*+-/[]{}:=", max_size=60))
def test_any_text_gives_a_schedule_or_a_parse_error(text):
    try:
        found = parse(text)
    except ParseError as error:
        found = error
    assert isinstance(found, Schedule) or len(str(found).splitlines()) == 3


# --- data and digests ----------------------------------------------------------------------------

DATA = {"version": 1, "type": "Linear", "start": 1.0, "end": 0.0, "steps": 10}


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
        ({"version": 1, "type": "Linear", "start": 1.0, "end": 0.0}, ValueError, "in it: Linear.__init__() missing 1 required"),
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


def test_what_holds_a_function_has_no_text():
    a = A >> Function(math.cos, 5)
    for question in (to_dict, fingerprint):
        with pytest.raises(ValueError, match="a schedule with a text form must be free of Functions"):
            question(a)


def test_equal_schedules_only_have_equal_fingerprints():
    schedules = [A, 0.5 * A, A.repeat(2), A >> A, Exponential(1, 0.5, 10), Linear(1, 0, 11)]
    assert len({fingerprint(a) for a in schedules}) == len(schedules)
    assert fingerprint(Linear(1.0, -0.0, 10)) == fingerprint(A)


def test_limits_are_values():
    assert attrs.evolve(Limits(), work=7).work == 7
