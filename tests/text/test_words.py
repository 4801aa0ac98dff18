"""The closed table: every word means what it means in Python, and nothing else is a word."""

import ast
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tlama_core
from tlama_core import Function, Linear, ParseError, Schedule, Step, parse
from tlama_core.testing.strategies import lengths, numbers, positive
from tlama_core.text.words import ARITHMETIC, BUILDERS, METHODS, OPERATORS, SHAPES, TYPES

# x and y are values, p and q positive ones, n a length of at least one step.
TEXTS = {
    "Constant": "Constant({x}, {n})",
    "Constant.hold": "Constant({x}, {n}) >> Constant.hold({n})",
    "Cosine": "Cosine({x}, {y}, {n})",
    "Cosine.to": "Constant({x}, {n}) >> Cosine.to({y}, {n})",
    "Exponential": "Exponential({p}, {q}, {n})",
    "Exponential.to": "Constant({p}, {n}) >> Exponential.to({q}, {n}, rate={p})",
    "Geometric": "Geometric({x}, {n}, factor={p}, interval=1_000_000)",
    "Geometric.from_here": "Constant({x}, {n}) >> Geometric.from_here(factor=0.9, interval={q})",
    "Linear": "Linear({x}, {y}, steps={n})",
    "Linear.to": "Constant({x}, {n}) >> Linear.to({y}, steps={n})",
    "Piecewise.of": "Piecewise.of([Constant({x}, {n}), Linear.to({y}, {n})])",
    "Polynomial": "Polynomial({x}, {y}, {n}, power={p})",
    "Polynomial.to": "Constant({x}, {n}) >> Polynomial.to({y}, {n}, power={p}, of='elapsed')",
    "PowerLaw": "PowerLaw({x}, {n}, timescale={p}, exponent=-1)",
    "PowerLaw.from_here": "Constant({x}, {n}) >> PowerLaw.from_here({n}, timescale={p})",
    "Product": "Product([Constant({x}, {n}), Constant({y})])",
    "Rex": "Rex({x}, {y}, {n})",
    "Rex.to": "Constant({x}, {n}) >> Rex.to({y}, {n})",
    "Sqrt": "Sqrt({x}, {y}, {n})",
    "Sqrt.to": "Constant({x}, {n}) >> Sqrt.to({y}, {n})",
    "Step": "Step({x}, {{{n}: {y}}})",
    "Step.every": "Step.every({p}, gamma=0.5, interval={n})",
    "Step.every_from_here": "Constant({x}, {n}) >> Step.every_from_here(0.5, interval={n})",
    "Step.from_here": "Constant({x}, {n}) >> Step.from_here({{{n}: {y}}})",
    "Step.values": "Step.values({{0: {x}, {n}: {y}}})",
    "Sum": "Sum([Constant({x}, {n}), Constant({y})])",
    "Warmup": "Warmup({x}, {n})",
    "ceil": "Constant(ceil({x}))",
    "clamp": "Linear({x}, {y}, {n}).clamp(high={p})",
    "exp": "Constant(exp({x}))",
    "floor": "Constant(floor({x}))",
    "log": "Constant(log({p}))",
    "max": "Constant(max({x}, {y}))",
    "maximum": "maximum(Linear({x}, {y}, {n}), {p})",
    "min": "Constant(min({x}, {y}, {p}))",
    "minimum": "minimum({x}, Linear({x}, {y}, {n}))",
    "quantize": "Linear({x}, {y}, {n}).quantize({p}, how='down')",
    "repeat": "Linear({x}, {y}, {n}).repeat(3, gain={p}, growth=2)",
    "round": "Constant(round({x}))",
    "scale": "Constant({x}, {n}).scale({y})",
    "sqrt": "Constant(sqrt({p}))",
    "stretch": "Linear({x}, {y}, {n}).stretch(steps={n})",
    "then": "Constant({x}, {n}).then(Linear.to({y}, {n}))",
    "through": "through({{0: {x}, {n}: {y}}}, shape=Cosine)",
}
PYTHON = vars(tlama_core) | {name: getattr(tlama_core, name) for name in tlama_core.__all__}
PYTHON |= {name: getattr(math, name) for name in ("floor", "ceil", "sqrt", "exp", "log")}


@given(st.sampled_from(sorted(TEXTS)), numbers(), numbers(), positive(), positive(), lengths(1))
def test_every_word_means_what_it_means_in_python(word, x, y, p, q, n):
    """As it is written: Python rounds its literals before it computes a root or a logarithm of them."""
    text = TEXTS[word].format(x=x, y=y, p=p, q=q, n=n)
    found, wanted = parse(text), eval(text, PYTHON.copy())
    if word in ("sqrt", "exp", "log"):
        assert found(0) == pytest.approx(wanted(0), rel=1e-14, abs=2e-15)
    else:
        assert found == wanted


def test_every_word_of_the_tables_has_a_text_here():
    assert set(TEXTS) == {*BUILDERS, *ARITHMETIC, *METHODS}


@given(st.sampled_from(sorted(SHAPES)))
def test_a_shape_is_a_word_by_itself_and_no_schedule(word):
    with pytest.raises(ParseError, match="a word is no schedule"):
        parse(word)


def test_data_may_name_every_node_and_shape_but_functions():
    def final(cls):
        return {cls} if not cls.__subclasses__() else set().union(*map(final, cls.__subclasses__()))

    ours = {cls.__name__ for cls in final(Schedule) if cls.__module__.startswith("tlama_core.")}
    assert set(TYPES) == ours - {Function.__name__}


@pytest.mark.parametrize("name", sorted({*dir(Linear), *dir(Step)} - set(METHODS)))
def test_no_other_attribute_of_a_schedule_is_a_word(name):
    for text in (f"Warmup(1, 5).{name}()", f"Warmup(1, 5).{name}", f"Warmup.{name}(1, 5)"):
        with pytest.raises(ParseError, match=r"unknown name Warmup|this is not allowed"):
            parse(text)


@pytest.mark.parametrize("operator", [op for op in vars(ast).values() if isinstance(op, type) and issubclass(op, ast.operator) and op is not ast.operator])  # fmt: skip
def test_no_other_operator_joins_schedules(operator):
    node = ast.BinOp(ast.parse("Linear(1, 0, 5)").body[0].value, operator(), ast.Constant(2))
    text = ast.unparse(node)
    if operator not in OPERATORS:
        with pytest.raises(ParseError, match="not allowed"):
            parse(text)
    elif operator is ast.Pow:
        with pytest.raises(ParseError, match=r"\*\* takes numbers"):
            parse(text)
    elif operator is not ast.RShift:
        assert parse(text) == eval(text, PYTHON.copy())
