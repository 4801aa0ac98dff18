"""How texts bind, and that no node is printed twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlama_core import Constant, Linear, to_source
from tlama_core._evaluation.expressions import Expression, as_source
from tlama_core._notation import CHAIN, PRODUCT, SUM, Notation, Printer, infix
from tlama_core.testing.strategies import schedules

NUMBERS = st.sampled_from([0.0, -0.0, 1.0, -1.5, 3, -7, 1e-300])


@given(st.recursive(NUMBERS, lambda inner: st.tuples(st.sampled_from("+-*/%"), inner, inner), max_leaves=12))
def test_source_means_what_it_was_built_from(tree):
    """Parentheses stand where Python needs them, for operators in any nesting."""

    def computed(node, leaf):
        if not isinstance(node, tuple):
            return leaf(node)
        operator, a, b = node[0], computed(node[1], leaf), computed(node[2], leaf)
        return {
            "+": lambda: a + b,
            "-": lambda: a - b,
            "*": lambda: a * b,
            "/": lambda: a / b,
            "%": lambda: a % b,
        }[operator]()

    try:
        wanted = computed(tree, lambda number: number)
    except (ZeroDivisionError, OverflowError):
        return
    source = as_source(
        computed(tree, lambda number: Expression(as_source(number).text, as_source(number).level))
    )
    assert repr(eval(source.text)) == repr(wanted)


def test_the_first_operand_may_bind_as_tightly_as_the_row():
    chain, total = Notation("a >> b", CHAIN), Notation("a + b", SUM)
    assert infix("*", PRODUCT, [total, Notation("c")]).text == "(a + b) * c"
    assert infix("+", SUM, [total, total]).text == "a + b + (a + b)"
    assert infix(">>", CHAIN, [total, chain]).text == "a + b >> (a >> b)"


@pytest.mark.parametrize("wrong", [True, None, "1", 1j], ids=repr)
def test_only_numbers_enter_the_source(wrong):
    with pytest.raises(TypeError, match="what enters the source must be an int or a float, got a "):
        as_source(wrong)


@given(schedules(4))
def test_a_printer_prints_a_node_once(a):
    printer = Printer()
    assert printer(a) is printer(a)
    assert printer(a).text == repr(a)


def test_a_text_longer_than_any_use_is_refused():
    a = Linear(1.0, 0.0, 10)
    for _ in range(30):
        a = a + a * a
    with pytest.raises(ValueError, match="a text must have at most 100,000,000 characters"):
        repr(a)
    with pytest.raises(
        TypeError, match="Constant.value must be a finite number, got a Sum too long to print"
    ):
        Constant(a)
    assert '"""a Sum too long to print"""' in to_source(a)
