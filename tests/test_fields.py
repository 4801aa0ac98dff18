"""The one sentence that refuses, and what checkers of types see of a length."""

import importlib
import os

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
    assert len(short_repr(value)) < 150


def test_a_schedule_that_stands_in_itself_often_is_named_and_not_printed():
    a = Linear(1.0, 0.0, 10)
    for _ in range(25):
        a = (a + 0.5) * a
    assert short_repr(a) == "a Product too long to print"
    assert short_repr([a, 3]) == "[a Product too long to print, 3]"


def test_a_list_within_itself_is_shown():
    value = []
    value.append(value)
    assert short_repr(value) == "[[[[[[[…]]]]]]"


TYPED = """
from tlama_core import Constant, Cosine, Exponential, Linear, Polynomial, Step, Warmup, retarget, through
Linear(1.0, 0.0, 2e3), Exponential(1, 0.1, steps=2e3, rate=3), Polynomial(1, 0, 2e3, power=2)
Warmup(0.1, steps=0.02 * 100_000) >> Cosine.to(0.0, 98e3)
Constant(1.0, 5e3)[1e3:].stretch(steps=2e3), Constant(1.0).sample(3e0)
Step(1.0, {3e1: 0.1, 60: 0.01}, 90.0), Step.every(1.0, 0.5, 3e1), through({0: 1.0, 1e3: 0.0})
retarget(Linear(1, 0, 9), at=3e0, steps=2e3)
each: list[int] = [Linear(1, 0, 9.0).steps, Warmup(1, 9.0).steps, Polynomial(1, 0, 9.0, power=2).steps]
Linear(1.0, 0.0, "9")
Warmup(1.0, 9).steps = 3
"""


@pytest.mark.uncovered
def test_checkers_of_types_take_floats_as_lengths_and_read_ints(tmp_path):
    try:
        api = importlib.import_module("mypy.api")
    except ImportError:
        assert os.environ.get("TLAMA_REQUIRE_ALL") != "1", "mypy is missing"
        pytest.skip("mypy is not installed")
    path = tmp_path / "typed.py"
    path.write_text(TYPED)
    said, _, status = api.run([str(path), "--strict", "--cache-dir", str(tmp_path), "--no-error-summary"])
    wrong, read_only = said.splitlines()
    assert 'typed.py:9: error: Argument 3 to "Linear" has incompatible type "str"; expected "float"' in wrong
    assert 'typed.py:10: error: Property "steps" defined in "Warmup" is read-only' in read_only
    assert status == 1
