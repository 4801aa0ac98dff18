"""What the tests of `ScheduleLR` share: optimizers of one number per group, loops, random schedules."""

import importlib
import io
import json

import pytest
from hypothesis import strategies as st

from tlama_core.testing.strategies import schedules


@pytest.fixture(scope="session")
def ScheduleLR(torch):
    return importlib.import_module("tlama_core.adapters.torch").ScheduleLR


@pytest.fixture(scope="session")
def build(torch):
    """Return a function that builds an optimizer with so many groups of one number each."""

    def optimizer(groups=1, kind="AdamW", **options):
        parameters = [{"params": [torch.nn.Parameter(torch.ones(1))]} for _ in range(groups)]
        return getattr(torch.optim, kind)(parameters, **({"lr": 0.1} | options))

    return optimizer


@pytest.fixture(scope="session")
def rates():
    """Return a function that reads what every group holds by these names, as plain numbers."""

    def plain(value):
        return tuple(map(float, value)) if isinstance(value, (tuple, list)) else float(value)

    return lambda optimizer, *names: [
        tuple(plain(group[name]) for name in names) for group in optimizer.param_groups
    ]


@pytest.fixture(scope="session")
def run(rates):
    """Return a function that trains, and returns what every update used."""

    def train(optimizer, scheduler, updates, *names):
        used = []
        for _ in range(updates):
            used.append(rates(optimizer, *names))
            optimizer.step()
            scheduler.step()
        return used

    return train


@pytest.fixture(scope="session")
def saved(torch):
    """Return a function that takes a state through a file."""

    def round_trip(state):
        file = io.BytesIO()
        torch.save(state, file)
        file.seek(0)
        return torch.load(file, weights_only=True)

    return round_trip


@pytest.fixture(scope="session")
def texts():
    """Return a function that reads the texts of a state."""
    return lambda state: json.loads(state["schedules"])


@pytest.fixture(scope="session")
def givens():
    """Return a function that gives a strategy of schedules for one to three hyper-parameters of AdamW."""
    names = st.sampled_from(["lr", "weight_decay", "eps", "betas"])
    rate = schedules(2, functions=False) | st.floats(0, 1)

    @st.composite
    def drawn(draw, groups):
        """Draw what to give them; groups often share a schedule."""
        rates = st.sampled_from(draw(st.lists(rate, min_size=1, max_size=3)))

        def given_to(name):
            of_group = st.tuples(rates, rates) if name == "betas" else rates
            return of_group | st.lists(of_group, min_size=groups, max_size=groups)

        return {name: draw(given_to(name)) for name in draw(st.sets(names, min_size=1, max_size=3))}

    return drawn


@pytest.fixture(scope="session")
def expected():
    """Return a function that says, from the schedules alone, what each of the groups has at a clock."""

    def value(rate, clock):
        if isinstance(rate, tuple):
            return tuple(value(part, clock) for part in rate)
        return float(rate) if isinstance(rate, (int, float)) else rate(clock)

    def at(clock, groups, given_):
        each = {name: rate if isinstance(rate, list) else [rate] * groups for name, rate in given_.items()}
        return [tuple(value(rates[group], clock) for rates in each.values()) for group in range(groups)]

    return at
