"""The one sentence that refuses."""

import pytest

from tlama_core import Constant, Linear
from tlama_core._fields import refuse, short_repr


def test_a_refusal_names_the_argument_the_rule_and_the_value():
    with pytest.raises(ValueError, match="^Linear.steps must be a whole number >= 0, got -3$"):
        Linear(1.0, 0.0, steps=-3)
    with pytest.raises(TypeError, match="^x must be a number, got 'one'$"):
        refuse("x", "a number", "one", TypeError)


@pytest.mark.parametrize(
    "value", [10**5_000, -(10**5_000), "x" * 10**6, [0] * 10**5], ids=["huge", "low", "text", "list"]
)
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
