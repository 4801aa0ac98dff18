"""Every law of the algebra, over random trees."""

import pytest
from hypothesis import given, settings

from tlama_core.testing.laws import LAWS
from tlama_core.testing.strategies import arguments


def over_random_trees(law):
    """Return *law* as a property."""

    @given(arguments(law))
    def holds(drawn):
        law.check(*drawn)

    return holds


@pytest.mark.uncovered
@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_law(law):
    over_random_trees(law)()


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_every_line_of_a_law_is_run(law):
    settings(max_examples=40)(over_random_trees(law))()
