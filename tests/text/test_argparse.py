"""`parse` and `as_schedule` as the type of an argument of argparse."""

import argparse
from functools import partial

import pytest

from tlama_core import Constant, ParseError, Warmup, as_schedule, parse

TYPES = {"parse": parse, "as_schedule": as_schedule, "partial": partial(parse, total=100)}


@pytest.fixture(params=TYPES.values(), ids=TYPES)
def parser(request):
    parser = argparse.ArgumentParser("train.py", usage="train.py")
    parser.add_argument("--lr", type=request.param, default="1e-3")
    return parser


def test_a_text_and_a_number_are_taken(parser):
    assert parser.parse_args(["--lr", "Warmup(3e-4, 100)"]).lr == Warmup(3e-4, steps=100)
    assert parser.parse_args(["--lr", "3e-4"]).lr == Constant(3e-4)
    assert parser.parse_args([]).lr == Constant(1e-3)


@pytest.mark.parametrize(
    ("text", "reason", "caret"),
    [
        ("2 * Cosin(1, 0, 10)", "unknown name Cosin: did you mean Cosine?", "    ^^^^^"),
        (
            "Warmup(0.1, 5) %(prog)s",
            "'%' is not allowed here: a share is a factor, such as 0.05*total",
            " " * 15 + "^",
        ),
        (
            "Linear(1, 0, 2.5)",
            "Linear.steps must be a whole number >= 0 (round(...) makes one), got 2.5",
            "^" * 17,
        ),
    ],
)
def test_a_mistake_is_shown_at_its_place(parser, capsys, text, reason, caret):
    with pytest.raises(SystemExit, match="^2$"):
        parser.parse_args(["--lr", text])
    said = f"usage: train.py\ntrain.py: error: argument --lr: {reason}\n  {text}\n  {caret}\n"
    assert capsys.readouterr().err == said


def test_a_parse_error_is_still_a_value_error():
    with pytest.raises(ValueError, match="unknown name") as caught:
        parse("Cosin(1, 0, 10)")
    assert isinstance(caught.value, ParseError)
