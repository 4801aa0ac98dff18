"""Beside torch's own schedulers, in a `SequentialLR` or a `ChainedScheduler`: killed, copied, resumed."""

import copy
import pickle
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tlama_core import Constant, Function, Linear, PowerLaw, Sqrt, Warmup
from tlama_core.testing.strategies import schedules

RUN = 10
NAMES = ["lr", "weight_decay"]


def falling(epoch):
    return 0.9**epoch


def by_a_twentieth(epoch):
    return 0.95


PARTNERS = {
    "LambdaLR": {"lr_lambda": falling},
    "MultiplicativeLR": {"lr_lambda": by_a_twentieth},
    "StepLR": {"step_size": 2, "gamma": 0.5},
    "MultiStepLR": {"milestones": [1, 3], "gamma": 0.5},
    "ConstantLR": {"factor": 0.5, "total_iters": 3},
    "LinearLR": {"start_factor": 0.25, "total_iters": 3},
    "ExponentialLR": {"gamma": 0.9},
    "PolynomialLR": {"total_iters": 5, "power": 2.0},
    "CosineAnnealingLR": {"T_max": 5},
    "CosineAnnealingWarmRestarts": {"T_0": 3},
    "CyclicLR": {"base_lr": 0.01, "max_lr": 0.1, "step_size_up": 2, "cycle_momentum": False},
    "OneCycleLR": {"max_lr": 0.2, "total_steps": 50, "cycle_momentum": False},
}


@pytest.fixture(scope="session")
def make(torch, ScheduleLR, build):
    """Return a function that builds an optimizer, or takes one, and what drives it.

    A part is the name of one of torch's schedulers, or what a `ScheduleLR` is given. Without milestones
    the parts are chained.
    """
    theirs = torch.optim.lr_scheduler

    def part_of(optimizer, part):
        if isinstance(part, dict):
            return ScheduleLR(optimizer, **part)
        return getattr(theirs, part)(optimizer, **PARTNERS[part])

    def made(parts, milestones, *, tensors=False, optimizer=None):
        optimizer = optimizer or build(2, lr=torch.tensor(0.1) if tensors else 0.1)
        schedulers = [part_of(optimizer, part) for part in parts]
        if milestones is None:
            return optimizer, theirs.ChainedScheduler(schedulers, optimizer=optimizer)
        return optimizer, theirs.SequentialLR(optimizer, schedulers, milestones=milestones)

    return made


def optimizer_first(new, bare, old, states):
    optimizer, chain = new()
    optimizer.load_state_dict(states[0])
    chain.load_state_dict(states[1])
    return optimizer, chain


def chain_first(new, bare, old, states):
    optimizer, chain = new()
    chain.load_state_dict(states[1])
    optimizer.load_state_dict(states[0])
    return optimizer, chain


def optimizer_before_building(new, bare, old, states):
    optimizer = bare()
    optimizer.load_state_dict(states[0])
    _, chain = new(optimizer=optimizer)
    chain.load_state_dict(states[1])
    return optimizer, chain


def loaded_twice(new, bare, old, states):
    optimizer, chain = optimizer_first(new, bare, old, copy.deepcopy(states))
    chain.load_state_dict(states[1])
    optimizer.load_state_dict(states[0])
    return optimizer, chain


def reloaded(new, bare, old, states):
    old.optimizer.load_state_dict(old.optimizer.state_dict())
    return old.optimizer, old


def copied(new, bare, old, states):
    again = copy.deepcopy(old)
    return again.optimizer, again


def pickled(new, bare, old, states):
    again = pickle.loads(pickle.dumps(old))
    return again.optimizer, again


WAYS = [optimizer_first, chain_first, optimizer_before_building, loaded_twice, reloaded, copied, pickled]
A_SCHEDULE = schedules(2, functions=False)
OURS = st.fixed_dictionaries({"lr": A_SCHEDULE}, optional={"weight_decay": A_SCHEDULE})
THEIRS = st.sampled_from(sorted(PARTNERS))


@st.composite
def sequences(draw):
    """Draw two or three parts, of which one is ours, and their milestones, or none for a chain."""
    parts = draw(st.permutations([draw(OURS), *draw(st.lists(OURS | THEIRS, min_size=1, max_size=2))]))
    milestone = st.integers(1, RUN)
    own = st.lists(milestone, min_size=len(parts) - 1, max_size=len(parts) - 1, unique=True).map(sorted)
    return parts, draw(st.one_of(own, own, st.none()))


@pytest.mark.filterwarnings("ignore:ScheduleLR. something else has set lr", "ignore::UserWarning:torch")
@settings(max_examples=100)
@given(sequences(), st.sampled_from(WAYS), st.booleans(), st.integers(0, RUN))
def test_however_a_run_is_killed_it_goes_on_as_if_it_had_not_been(
    torch, make, build, run, saved, sequence, resume, tensors, killed
):
    def new(**options):
        return make(*sequence, tensors=tensors, **options)

    def bare():
        return build(2, lr=torch.tensor(0.1) if tensors else 0.1)

    wanted = run(*new(), RUN, *NAMES)
    optimizer, chain = new()
    assert run(optimizer, chain, killed, *NAMES) == wanted[:killed]
    states = saved([optimizer.state_dict(), chain.state_dict()])
    assert run(*resume(new, bare, chain, states), RUN - killed, *NAMES) == wanted[killed:]


@pytest.mark.parametrize("resume", WAYS)
@pytest.mark.parametrize("partner", ["ExponentialLR", "CosineAnnealingLR", "StepLR", "LambdaLR"])
def test_one_whose_turn_is_over_leaves_the_rates_to_its_successor(make, build, run, saved, partner, resume):
    def new(**options):
        return make([{"lr": Warmup(0.07, 4)}, partner], [4], **options)

    wanted = run(*new(), RUN, "lr")
    optimizer, chain = new()
    run(optimizer, chain, 7, "lr")
    states = saved([optimizer.state_dict(), chain.state_dict()])
    assert run(*resume(new, lambda: build(2), chain, states), RUN - 7, "lr") == wanted[7:]


@pytest.mark.parametrize("again", [copy.deepcopy, lambda a: pickle.loads(pickle.dumps(a))])
@pytest.mark.parametrize(
    "waiting", [Linear(0.5, 0.0, 4), Sqrt(0.5, 0.0, 4), PowerLaw(0.5, timescale=1), Function(falling)]
)
def test_one_whose_turn_has_not_come_is_copied_and_writes_nothing(make, run, rates, waiting, again):
    optimizer, chain = make(["ExponentialLR", {"lr": waiting}], [4])
    run(optimizer, chain, 2, "lr")
    other = again(chain)
    assert rates(other.optimizer, "lr") == rates(optimizer, "lr") == [(0.1 * 0.9 * 0.9,)] * 2
    assert run(other.optimizer, other, 5, "lr")[2:] == [[(waiting(k),)] * 2 for k in range(3)]


def test_until_its_turn_comes_nothing_of_it_stays(make, run):
    """Also of what else it schedules: the optimizer's own weight decay holds until then."""
    parts = ["LinearLR", {"lr": Linear(0.5, 0.0, 4), "weight_decay": Linear(1.0, 2.0, 4)}]
    used = run(*make(parts, [3]), 6, "weight_decay")
    assert used == [[(decay,)] * 2 for decay in (0.01, 0.01, 0.01, 1.0, 1.25, 1.5)]


@pytest.mark.filterwarnings("ignore:Detected call of .lr_scheduler.step:UserWarning")  # by the outer one
@pytest.mark.parametrize("resume", [optimizer_first, chain_first, copied, pickled])
@pytest.mark.parametrize("killed", range(7))
def test_a_sequence_in_a_sequence_goes_on(torch, ScheduleLR, make, build, run, saved, resume, killed):
    """Those that wait in both are counted down twice by torch when they are built."""

    def new():
        optimizer = build(2)
        _, inner = make(["ExponentialLR", {"lr": Linear(0.5, 0.0, 4)}], [3], optimizer=optimizer)
        last = ScheduleLR(optimizer, lr=Warmup(0.75, 4))
        return optimizer, torch.optim.lr_scheduler.SequentialLR(optimizer, [inner, last], milestones=[5])

    wanted = run(*new(), RUN, "lr")
    assert {rate for rates in wanted for (rate,) in rates} >= {0.5}
    optimizer, chain = new()
    run(optimizer, chain, killed, "lr")
    states = saved([optimizer.state_dict(), chain.state_dict()])
    assert run(*resume(new, None, chain, states), RUN - killed, "lr") == wanted[killed:]


def test_a_changed_plan_before_another_of_ours_is_what_goes_on(torch, ScheduleLR, build, run):
    """The one that waits finds the saved rate in its state, and leaves the new one where it is."""

    def new(first):
        optimizer = build()
        parts = [ScheduleLR(optimizer, lr=first, on_change="keep_new"), ScheduleLR(optimizer, lr=0.75)]
        return optimizer, torch.optim.lr_scheduler.SequentialLR(optimizer, parts, milestones=[5])

    optimizer, chain = new(Linear(0.5, 0.0, 5))
    run(optimizer, chain, 3, "lr")
    states = optimizer.state_dict(), chain.state_dict()
    resumed, chain = new(Linear(1.0, 0.5, 5))
    resumed.load_state_dict(states[0])
    with pytest.warns(UserWarning, match="jump at clock 3"):
        chain.load_state_dict(states[1])
    assert run(resumed, chain, 3, "lr") == [[(0.7,)], [(0.6,)], [(0.75,)]]


@pytest.mark.parametrize("partner_first", [False, True])
def test_in_a_chained_scheduler_it_says_that_it_sets_rates(make, run, partner_first):
    """And does not multiply them; twice at most, and never where it is alone with the learning rate."""
    parts = [{"lr": Linear(0.5, 0.0, 8)}, "ExponentialLR"]
    optimizer, chain = make(parts[::-1] if partner_first else parts, None)
    with pytest.warns(UserWarning, match="sets rates and does not multiply those of others") as warned:
        run(optimizer, chain, 3, "lr")
    assert warned[0].message.args[0].startswith("ScheduleLR: something else has set lr to 0.")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(optimizer, chain, 3, "lr")


@pytest.mark.parametrize("parts", [[{"lr": Constant(0.5)}, {"weight_decay": Linear(1.0, 0.0, 5)}],
                                   [{"weight_decay": Linear(1.0, 0.0, 5)}, "ExponentialLR"]])  # fmt: skip
def test_in_a_chained_scheduler_others_may_move_what_it_does_not(make, run, parts):
    optimizer, chain = make(parts, None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(optimizer, chain, 4, "lr")
