"""Every law of the algebra, over random trees."""

import pytest
from hypothesis import given

from tlama_core.testing.laws import LAWS
from tlama_core.testing.strategies import arguments


@pytest.mark.uncovered
@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_law(law):
    @given(arguments(law))
    def holds(drawn):
        law.check(*drawn)

    holds()
