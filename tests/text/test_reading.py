"""Reading: what a text may say, what is refused, and where the caret points."""

import math
import pickle
import re
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlama_core import (
    Constant,
    Cosine,
    Linear,
    ParseError,
    Polynomial,
    Product,
    Schedule,
    Step,
    Sum,
    Warmup,
    maximum,
    parse,
    through,
)
from tlama_core.testing.laws import WIDE
from tlama_core.testing.strategies import schedules

A = Linear(1, 0, 10)


def refused(text, **names):
    """Return the reason for which *text* is refused, and the part that the caret marks."""
    with pytest.raises(ParseError) as caught:
        parse(text, **names)
    error = caught.value
    return error.reason, error.text[error.start : error.stop]


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
        ("1e-3", Constant(0.001)),
        ("-2*peak", Constant(-0.2)),
        ("peak*sqrt(epoch/40)", Constant(0.05)),
        ("peak*sqrt(2)", Constant(0.1414213562373095)),
        ("base", A),
        ("Linear(peak**2, exp(0), 2**epoch) / log(1 + (1 - 1)) ** 0", Linear(0.01, 1, 1024) / 1),
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
    assert parse("Constant(1.0, 3*n)", n=np.uint8(200)) == Constant(1.0, 600)
    assert parse("Constant(x)", x=np.float32(0.5)) == Constant(0.5)
    assert parse("Constant(1.0, n)", n=10**20) == Constant(1.0, 10**20)


@given(st.integers(0, 100), st.sampled_from([np.float16, np.float32, np.float64, float]))
def test_a_share_in_a_narrow_float_is_the_decimal_that_it_prints_as(percent, kind):
    assert parse("Constant(1.0, share*total)", share=kind(percent / 100), total=100).steps == percent


@given(st.fractions(0, 1, max_denominator=1_000), st.integers(1, 10**6))
def test_a_fraction_stays_exact(share, n):
    total = n * share.denominator
    assert parse("Constant(1.0, share*total)", share=share, total=total).steps == share * total


class Odd(float):
    """A number that does not print as one."""

    def __str__(self):
        return "about a half"


def test_a_number_that_prints_as_none_is_its_float():
    assert parse("Constant(x)", x=Odd(0.5)) == Constant(0.5)


@pytest.mark.parametrize(
    ("mistake", "error", "words"),
    [
        (lambda: parse("Constant(1.0)", round=3), ValueError, "parse.round must be named otherwise (round is a word of the library), got 3"),
        (lambda: parse("Constant(1.0)", Cosine=A), ValueError, "parse.Cosine must be named otherwise"),
        (lambda: parse("Constant(x)", x=math.nan), ValueError, "parse.x must be a finite number, got nan"),
        (lambda: parse("Constant(x)", x=b"3"), TypeError, "parse.x must be a finite number, got b'3'"),
        (lambda: parse("Constant(x)", x="3 +"), ParseError, "in parse.x: something is missing after +"),
        (lambda: parse("Constant(x)", x="Cosine"), ParseError, "in parse.x: a word is no schedule"),
        (lambda: parse("Constant(x)", x="y"), ParseError, "in parse.x: unknown name y"),
        (lambda: parse("Constant(x)", x="2*x"), ParseError, "in parse.x: in parse.x: x stands for what uses x"),
        (lambda: parse("x", x="y + 1", y="Constant(x)"), ParseError, "in parse.x: in parse.y: in parse.x: x stands for what uses x"),
        (lambda: parse("Constant(x)", x="1e999999999"), ParseError, "in parse.x: an exponent is at most 400"),
        (lambda: parse("Constant(x)", x=True), TypeError, "parse.x must be a finite number, got True"),
        (lambda: parse(3), TypeError, "parse.text must be a str, got 3"),
        (lambda: parse("Constant(1.0, total)", {"total": 100}), TypeError, "parse.limits must be a Limits (names are bound by keyword: parse(text, total=100), or parse(text, **names)), got {'total': 100}"),
        (lambda: parse("Constant(1.0, total)", 100), TypeError, "parse.limits must be a Limits (names are bound by keyword"),
    ],
)  # fmt: skip
def test_what_parse_is_given_is_refused_by_its_name(mistake, error, words):
    with pytest.raises(error, match=f"^{re.escape(words)}"):
        mistake()


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_name_stands_for_the_number_as_it_would_be_written(number):
    assert parse("Constant(x) * x", x=number) == parse(f"Constant({number!r}) * {number!r}")


@given(st.lists(st.tuples(st.sampled_from("+-*/"), st.fractions(-9, 9, max_denominator=99)), max_size=6))
def test_numbers_are_computed_exactly_in_the_order_of_python(row):
    """Python computes with the same fractions: the text is the same, its literals are not."""
    text, wanted = "1", "Fraction(1)"
    for sign, number in row:
        text += f" {sign} ({number})"
        wanted += f" {sign} (Fraction({number.numerator}, {number.denominator}))"
    try:
        number = eval(wanted, {"Fraction": Fraction})
    except ZeroDivisionError:
        assert refused(f"Constant({text})")[0] == "a number cannot be divided by 0"
    else:
        assert parse(f"Constant({text})") == Constant(float(number))


@given(schedules(max_depth=3, functions=False), st.data())
def test_any_white_space_is_white_space(a, data):
    spaces = st.text(" \t\n\r", min_size=1, max_size=3)
    text = re.sub(r"[ (,]", lambda found: found[0] + data.draw(spaces), repr(a))
    assert parse(text, WIDE) == a


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
        ("  # Constant(1.0)", "there is no schedule in a text of comments", ""),
        ("# Constant(1.0)\n\n\t# 3", "there is no schedule in a text of comments", ""),
        ("(3)[:]", "a number is no schedule", "3"),
        ("1e400", "Constant.value must be a finite number", "1e400"),
        ("1e400/3", "this number is past the largest float", "1e400/3"),
        ("2*total", "unknown name total: bind it, by", "total"),
        ("sqrt", "sqrt is to be called, as in sqrt(...)", "sqrt"),
        ("2 * maximum", "maximum is to be called, as in maximum(...)", "maximum"),
        ("2 * 0**-1", "0 cannot be raised to a negative power", "0**-1"),
        ("2 * (-1)**0.5", "a negative number can only be raised to a whole power", "(-1)**0.5"),
        ("2 * (-8)**(1/3)", "a negative number can only be raised to a whole power", "(-8)**(1/3)"),
        ("2 * sqrt(-1)", "a negative number has no square root", "sqrt(-1)"),
        ("2 * log(0)", "only a number above 0 has a logarithm", "log(0)"),
        ("2 * log(-1e-300)", "only a number above 0 has a logarithm", "log(-1e-300)"),
        ("2 * exp(10**9)", "this number is past the largest float", "exp(10**9)"),
        ("2 * exp(709.79)", "this number is past the largest float", "exp(709.79)"),
        ("2 * 9**9**9", "this number is past the largest float", "9**9**9"),
        ("2 * 9**-9**9", "this number is closer to 0 than any float", "9**-9**9"),
        ("2 * 1.5**10**1000", "an exponent has at most 640 digits before the point", "1.5**10**1000"),
        ("Linear(1, 0, 5) ** 2", "** takes numbers: the square of a schedule a is a * a", "Linear(1, 0, 5) ** 2"),
        ("2 ** Linear(1, 0, 5)", "** takes numbers", "2 ** Linear(1, 0, 5)"),
        ("Linear.to(0, 5) ** 2", "** takes numbers", "Linear.to(0, 5) ** 2"),
        ("[1] ** 2", "a list cannot be computed with", "[1] ** 2"),
        ("sqrt(1, 0, 10)", "sqrt takes one number (the shape is Sqrt), got 3", "sqrt(1, 0, 10)"),
        ("exp(1, 0, 10)", "exp takes one number (the shape is Exponential), got 3", "exp(1, 0, 10)"),
        ("log(8, 2)", "log takes one number, and is natural: log(x)/log(2) has the base 2, got 2", "log(8, 2)"),
        ("max(3)", "max takes two numbers or more, got 1", "max(3)"),
        ("round()", "round takes one number here, and makes it whole, got 0", "round()"),
        ("sqrt(x=4)", "sqrt takes only numbers", "sqrt(x=4)"),
        ("max(Constant(1.0), 2)", "max takes only numbers (maximum takes schedules)", "max(Constant(1.0), 2)"),
        ("[Constant(1)]", "a list is no schedule", "[Constant(1)]"),
        ("Linear", "a word is no schedule", "Linear"),
        ("Linear.to(0, 5)", "this stays open", "Linear.to(0, 5)"),
        ("Warmup(1, 5) >> Cosin.to(0, 5)", "unknown name Cosin.to: did you mean Cosine.to?", "Cosin.to"),
        ("Constant(1.0, days)", "unknown name days: bind it, by parse(text, days=...), names={'days': ...} or --name days=...", "days"),
        ("Constant(1.0, 2*total)", "unknown name total: bind it, by parse(text, total=...), names={'total': ...} or --name total=...", "total"),
        ("Constant(1.0, 2*pek)", "unknown name pek: did you mean peak?", "pek"),
        ("Constant(1.0, warmup)", "unknown name warmup: did you mean Warmup? If not, bind it, by parse(text, warmup=...)", "warmup"),
        ("Constant(" + "x" * 200 + ")", "x…: names are bound by parse(text, name=...) or --name name=...", "x" * 200),
        ("through({0: 1, 9: 0}, Function)", "a Function has no text", "Function"),
        ("Function(1)", "a Function has no text", "Function"),
        ("print(1)", "unknown name print: a text calls shapes, such as Linear(1, 0, 10), and few functions", "print"),
        ("Linear(1, 0, 5).clam(1)", "unknown name Linear(1, 0, 5).clam: of a schedule a text calls clamp,", "Linear(1, 0, 5).clam"),
        ("Warmup(0.1, steps=2.5)", "Warmup.steps must be a whole number >= 0 (round(...) makes one)", "Warmup(0.1, steps=2.5)"),
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
        ("round(Constant(1.0))", "round takes only numbers", "round(Constant(1.0))"),
        ("Constant(round(1, 0.5))", "round takes one number", "round(1, 0.5)"),
        ("Constant(round(1, 1e9))", "round takes one number", "round(1, 1e9)"),
        ("Constant(1.0, node=2)", "unexpected keyword argument 'node'", "Constant(1.0, node=2)"),
        ("Constant(1.0, build=2)", "unexpected keyword argument 'build'", "Constant(1.0, build=2)"),
        ("Constant(1.0, steps=2, steps=3)", "an argument is given twice", "Constant(1.0, steps=2, steps=3)"),
        ("Linear(1, 0, 5).sample(3)", "unknown name Linear(1, 0, 5).sample: of a schedule a text calls clamp, quantize, repeat, scale, stretch, then", "Linear(1, 0, 5).sample"),
        ("Linear(1, 0, 5)(3)", "only words are called: a text does not ask for values", "Linear(1, 0, 5)"),
        ("(3).scale(2)", "a number is no schedule", "3"),
        ("Linear(1, 0, 5)[2]", "a schedule is cut by [i:j] or [i:j:k]: a text does not ask for values", "Linear(1, 0, 5)[2]"),
        ("Linear(1, 0, 5)[1, 2]", "a schedule is cut by [i:j]", "Linear(1, 0, 5)[1, 2]"),
        ("Linear(1, 0, 5).repeat", "Linear(1, 0, 5).repeat is to be called, as in Linear(1, 0, 5).repeat(...)", "Linear(1, 0, 5).repeat"),
        ("2 * Linear.to", "Linear.to is to be called, as in Linear.to(...)", "Linear.to"),
        ("Linear(1, 0, 5).steps", "unknown name Linear(1, 0, 5).steps: of a schedule a text calls clamp", "Linear(1, 0, 5).steps"),
        ("Warmup(1, 5), Linear.to(0, 5)", "a list is no schedule: a >> b joins phases", "Warmup(1, 5), Linear.to(0, 5)"),
        ("Warmup(1, 5) > Linear.to(0, 5)", "'>' is not allowed here: phases are joined by >>", ">"),
        ("Warmup(1, 5) | Linear.to(0, 5)", "'|' is not allowed here: phases are joined by >>", "|"),
        ("Warmup(1, 10^3)", "'^' is not allowed here: a power is written **", "^"),
        ("Warmup(1, 5%)", "'%' is not allowed here: a share is a factor", "%"),
        ('"Warmup(1, 5)"', "'\"' is not allowed here: numbers and names stand without quotes", '"'),
        ("1 < 2", "'<' is not allowed here: a text holds numbers", "<"),
        ("lr = Warmup(1, 5)", "a text is the expression alone, without a name before it", "lr ="),
        ("lr: Warmup(1, 5)", "a text is the expression alone, without a name before it", "lr:"),
        ("0.5 Warmup(1, 5)", "an operator is missing before this, such as * or >>", "W"),
        ("Warmup(1, 5) _x", "an operator is missing before this, such as * or >>", "_"),
        ("Warmup(1, 5) >>", "something is missing after >>", ">>"),
        ("2 *", "something is missing after *", "*"),
        (">> Linear.to(0, 5)", "this is no expression: a text holds numbers", ">"),
        ("import os", "this is no expression: a text holds numbers", "i"),
        ("Constant(1.0, inf)", "unknown name inf: a length that is left out is endless", "inf"),
        ("pow(2, 3)", "unknown name pow: a power is written **", "pow"),
        ("ln(2)", "unknown name ln: log is the natural logarithm", "ln"),
        ("Linear(1, 0, 5)[1:5:0]", "the stride of a slice must be a whole number >= 1", "Linear(1, 0, 5)[1:5:0]"),
        ("Linear(1, 0, 5)[9:]", "a slice index must be at most the length 5, got 9", "Linear(1, 0, 5)[9:]"),
        ("Step(1, {**x})", "this is not allowed", "{**x}"),
        ("Constant(**x)", "this is not allowed", "Constant(**x)"),
        ("Constant(* x)", "this is not allowed", "* x"),
        ("Step(1, {3: 0.1, 3: 0.2})", "given each time once", "Step(1, {3: 0.1, 3: 0.2})"),
        ("Linear(1, 0, 10", "this is no expression", "("),
        ("Linear(1, 0, 10))", "this is no expression", ")"),
        ("Linear(1 0 10)", "this is no expression", "1"),
        ("Linear(1, 0, 0x10)", "a number is a plain decimal", "0x"),
        ("Constant(1j)", "a number is a plain decimal", "1j"),
        ("Constant(True)", "this is not allowed", "True"),
        ("Linear(1, 0, '5')", '"\'" is not allowed here', "'"),
        ("Linear(1, 0, 'five')", "Linear.steps must be a whole number >= 0, got 'five'", "Linear(1, 0, 'five')"),
        ("Polynomial(1, 0, 5, power=2, of='elapsed", '"\'" is not allowed here', "'"),
        ('Polynomial(1, 0, 5, power=2, of="right")', "Polynomial.of must be 'left' or 'elapsed', got 'right'", 'Polynomial(1, 0, 5, power=2, of="right")'),
        ("'left'", "a word is no schedule", "'left'"),
        ("2 * 'left'", "a word cannot be computed with", "2 * 'left'"),
        ("Constant(max(1, 'left'))", "max takes only numbers", "max(1, 'left')"),
        ("Step(1, {'left': 0.5})", "must be a whole number", "Step(1, {'left': 0.5})"),
        ("Constant(1.0) if True else Constant(2.0)", "this is not allowed", "Constant(1.0) if True else Constant(2.0)"),
        ("Constant(1.0) // 2", "// is not allowed here: floor(a/b) is the whole part, # begins a comment", "Constant(1.0) // 2"),
        ("Constant(1.0) / / 2", "this is no expression", "/"),
        ("Warmup.to(1, 3)", "unknown name Warmup.to: did you mean Warmup?", "Warmup.to"),
        ("Linear(1, 0, 5).repeat(2, gane=3)", "repeat() got an unexpected keyword argument 'gane'", "Linear(1, 0, 5).repeat(2, gane=3)"),
        ("Linear(1, 0, 5).repeat(2, 3)", "repeat() takes from 1 to 2 positional arguments", "Linear(1, 0, 5).repeat(2, 3)"),
        ("Linear(1, 0, 5).repeat(2, times=3, growth=2)", "repeat() got multiple values for argument 'times'", "Linear(1, 0, 5).repeat(2, times=3, growth=2)"),
        ("Linear(1, 0, 5).repeat(2, growth=-1)", "Repeated.growth must be a finite number > 0, got -1", "Linear(1, 0, 5).repeat(2, growth=-1)"),
        ("Exponential.to(0, 3)", "Exponential.end must be > 0", "Exponential.to(0, 3)"),
    ],
)  # fmt: skip
def test_what_is_refused_and_where(text, reason, marked):
    said, part = refused(text, peak=0.1)
    assert reason in said
    assert not marked or part == marked


@given(schedules(max_depth=3, functions=False), st.data())
def test_comments_say_nothing(a, data):
    """Wherever a line may end, whatever they hold: brackets, words, letters of any script."""
    comments = st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), max_size=9).map(
        lambda said: data.draw(st.sampled_from(["", " ", "\n#\n"])) + f"#{said}\n"
    )
    text = re.sub(r"[ (,]", lambda found: found[0] + data.draw(st.just("") | comments), repr(a))
    assert parse(data.draw(comments) + text + " # " + repr(a), WIDE) == a


@given(st.text("abc#()*é𝟙 \t", max_size=20), st.text("#(é ", max_size=5))
def test_carets_stand_where_they_would_without_comments(before, after):
    text = f"#{before}\n1 + # {before}\nCosin(1, 0, 5)#{after}"
    assert refused(text) == ("unknown name Cosin: did you mean Cosine?", "Cosin")
    with pytest.raises(ParseError) as caught:
        parse(text + "\n%")
    assert caught.value.start == len(text) + 1


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


TOKENS = re.findall(
    r"\w+|\S", "Linear(1, 0.5, steps=3) >> Cosine.to[2:]{0: 1e-3} + - * / .repeat .stretch maximum round max"
)


@st.composite
def mutants(draw):
    """Draw a text of a schedule, with some of its parts dropped, doubled, replaced or moved."""
    parts = re.findall(r"[\w.]+|\s+|\S", repr(draw(schedules(max_depth=3, functions=False))))
    for _ in range(draw(st.integers(1, 3))):
        i, j = sorted(draw(st.tuples(st.integers(0, len(parts)), st.integers(0, len(parts)))))
        new = draw(st.lists(st.sampled_from(TOKENS), max_size=3) | st.just(parts[i:j] * 2))
        parts[i : draw(st.integers(i, j))] = new
    return "".join(parts)


@given(mutants() | st.lists(st.sampled_from(TOKENS)).map(" ".join))
def test_a_mutated_text_gives_a_schedule_or_an_error_with_a_caret_in_it(text):
    try:
        found = parse(text)
    except ParseError as error:
        found = error
    if isinstance(found, Schedule):
        assert parse(repr(found), WIDE) == found
    else:
        assert 0 <= found.start <= len(found.text)
        assert len(str(found).splitlines()) == 3


@given(st.text(max_size=60) | st.text("Constant(1.0, 5)>>*+-/[]{}:=", max_size=60))
def test_any_text_gives_a_schedule_or_a_parse_error(text):
    try:
        found = parse(text)
    except ParseError as error:
        found = error
    assert isinstance(found, Schedule) or len(str(found).splitlines()) == 3


@pytest.mark.parametrize("text", ["1" + "+1" * 40_000, "-" * 50_000 + "1"], ids=["row", "signs"])
def test_more_operators_than_pythons_parser_takes_are_refused(text):
    with pytest.raises(ParseError, match="too many operators in a row|at most 30,000 parts"):
        parse(text)  # how many Python's parser takes depends on the recursion limit that others set


@pytest.mark.parametrize("order", [1, -1])
def test_a_name_that_is_a_text_may_use_other_names(order):
    names = {
        "total": "1e3",
        "epoch": "total/10",
        "warm": "Warmup(1, epoch)",
        "tail": "Linear.to(0, total - epoch)",
    }
    names = dict([*names.items()][::order])
    assert parse("warm >> tail", **names) == Warmup(1.0, 100) >> Linear.to(0.0, 900)


@pytest.mark.parametrize("unused", [None, True, "adamw", math.nan, [3], {"a": 1}])
def test_what_a_text_does_not_use_is_not_looked_at(unused):
    """A config hands over all that it has."""
    assert parse("Constant(x)", x=2, run=unused) == Constant(2.0)


def test_a_row_of_names_too_long_for_the_stack_is_refused():
    names = {f"a{i}": f"a{i + 1}" for i in range(5_000)}
    with pytest.raises(ParseError, match="nests too deep for what is left of Python's stack"):
        parse("a0", **names)


def test_texts_of_names_are_charged_together():
    """Each doubles the one before: what they would build is refused before it is built."""
    names = {"a0": "Constant(1, 2) >> Constant(2, 3)"} | {
        f"a{i}": f"a{i - 1} >> a{i - 1}" for i in range(1, 40)
    }
    with pytest.raises(ParseError, match="in parse.a"):
        parse("a39", **names)
