"""The one sentence that refuses, and what checkers of types see of a length."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlama_core import Constant, Linear
from tlama_core._fields import refuse, short_repr


def test_a_refusal_names_the_argument_the_rule_and_the_value():
    with pytest.raises(ValueError, match="^Linear.steps must be a whole number >= 0, got -3$"):
        Linear(1.0, 0.0, steps=-3)
    with pytest.raises(TypeError, match="^x must be a number, got 'one'$"):
        refuse("x", "a number", "one", TypeError)


@pytest.mark.parametrize(
    "value",
    [10**5_000, -(10**5_000), "x" * 10**6, [0] * 10**5, dict.fromkeys(range(10**5)), (((10**5_000,) * 9,) * 9,) * 9],
    ids=["huge", "low", "text", "list", "mapping", "tuples"],
)  # fmt: skip
def test_a_refusal_is_short_whatever_the_value(value):
    assert len(short_repr(value)) < 150
    with pytest.raises(
        (TypeError, ValueError), match="Constant.value must be a finite number, got "
    ) as raised:
        Constant(value)
    assert len(str(raised.value)) < 250


@pytest.mark.parametrize("value", [10**5_000, 10**301], ids=["huge", "large"])
def test_a_length_is_bounded(value):
    with pytest.raises(
        ValueError, match=r"Linear.steps must be a whole number >= 0 and at most 10\*\*300, got "
    ):
        Linear(1.0, 0.0, value)


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda parts: st.lists(parts) | st.tuples(parts) | st.dictionaries(st.text(max_size=3), parts),
    max_leaves=8,
)


@given(PLAIN)
def test_what_is_short_and_flat_is_shown_as_python_prints_it(value):
    text = repr(value)
    if len(text) <= 120 and "[[[" not in text:
        assert short_repr(value, 1_000) == text or "…" in short_repr(value, 1_000)
    assert len(short_repr(value)) <= 150


@pytest.mark.parametrize(
    "value", [[[1, "a"], (2,), (), {}, {"k": [None, 2.5]}], (1, 2), {3: {4: 5}}], ids=repr
)
def test_lists_within_lists_are_shown_as_python_prints_them(value):
    assert short_repr(value) == repr(value)


def test_lists_that_stand_in_each_other_often_are_shown_at_once():
    """As aliases in YAML make them: 10**60 items, of which a message shows a few."""
    value = ["item"]
    for _ in range(60):
        value = [value, {"key": value}, *[value] * 8]
    begin = time.process_time()
    assert len(short_repr(value)) < 150
    assert time.process_time() - begin < 0.1


def test_a_schedule_that_stands_in_itself_often_is_named_and_not_printed():
    a = Linear(1.0, 0.0, 10)
    for _ in range(25):
        a = (a + 0.5) * a
    begin = time.process_time()
    assert short_repr(a) == "a Product too long to print"
    assert short_repr([a, 3]) == "[a Product too long to print, 3]"
    assert time.process_time() - begin < 0.1


def test_a_list_within_itself_is_shown():
    value = []
    value.append(value)
    assert short_repr(value) == "[[[[[[[…]]]]]]"
