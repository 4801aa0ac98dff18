"""Keras: the same tests on every backend, each in an interpreter of its own but the one chosen for this."""

import doctest
import json
import os
import subprocess
import sys
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tlama_core import (
    Constant,
    Cosine,
    Exponential,
    Function,
    Geometric,
    Linear,
    OpenScheduleError,
    ParseError,
    Piecewise,
    Polynomial,
    PowerLaw,
    Rex,
    Sqrt,
    Step,
    Warmup,
    maximum,
    to_dict,
)
from tlama_core.testing.strategies import schedules

# Keras makes arrays of torch parameters and of saved ones in the way of NumPy 1.
pytestmark = pytest.mark.filterwarnings(
    r"ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning:keras\.src\.backend\."
)

HALVES = Warmup(1.0, steps=4) >> Linear.to(0.0, steps=8)  # every value and sum is exact in float32
SCHEDULES = [
    Warmup(1, 10), Cosine(1, -1, 10), Sqrt(1, 0, 10), Sqrt(0, 1, 10), Polynomial(1, 0, 10, power=0.5),
    Polynomial(1, -1, 10, power=3), Exponential(1, 0.1, 10), Exponential(1, 0, 10, rate=3),
    Rex(1, 0, 10), Polynomial(0, 1, 10, power=3, of="elapsed"), Geometric(1, factor=0.5, interval=3), Geometric(0.1, 10, factor=3),
    PowerLaw(1, timescale=3), Step(1, {i: 0.5**i for i in range(1, 10)}, 10), Function(lambda t: 0.5 * t),
    Cosine(1, 0, 10).repeat(3, gain=-0.5), Cosine(1, 0, 10).repeat(gain=-0.9), Cosine(1, 0, 9)[3:].stretch(steps=13),
    (0.5 * Cosine(1, 0, 10) + 0.1)[3:], maximum(Cosine(1, 0, 10), 0.3), Linear(1, 0, 10**10),
    Piecewise.of([phase for i in range(9) for phase in (Cosine(1.0, i, 3), 2 * Linear(1, 2, 2), Constant(3.0, 1))]),
]  # fmt: skip


@pytest.fixture(scope="session", name="KerasSchedule")
def adapter(keras):
    from tlama_core.adapters.keras import KerasSchedule

    return KerasSchedule


@pytest.fixture(name="training")
def trains(keras):
    if keras.backend.backend() == "numpy":
        pytest.skip("this backend trains nothing")
    return keras


@pytest.mark.parametrize("backend", ["torch", "numpy"])
def test_all_of_this_on_the_backend(keras, torch, backend):
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "--no-cov",
        "-p",
        "no:cacheprovider",
        "-k",
        "not all_of_this",
    ]
    run = subprocess.run(
        [*command, __file__],
        env=os.environ | {"KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("a", SCHEDULES, ids=lambda a: repr(a).partition(" at 0x")[0][:40])
def test_the_rate_is_a_tensor_of_the_schedules_value(keras, KerasSchedule, a):
    count = keras.Variable(0, dtype="int", trainable=False)
    for step in (0, 1, 2, 3, 5, 9, 10, 12, 29, 30, 2_000, 2**23 + 1):
        count.assign(step)
        rate = KerasSchedule(a)(count)
        assert keras.ops.is_tensor(rate)
        assert keras.backend.standardize_dtype(rate.dtype) == "float32"
        assert rate.shape == ()
        assert float(rate) == pytest.approx(a(step), rel=1e-6, abs=3e-7)


def test_a_step_may_be_any_number(keras, KerasSchedule):
    rate = KerasSchedule(HALVES)
    for dtype in ("uint8", "int32", "float32", "bfloat16"):
        assert float(rate(keras.ops.cast(5, dtype))) == HALVES(5)
    assert float(rate(5)) == float(rate(5.0)) == HALVES(5)
    with pytest.raises(TypeError, match="an array of steps must hold numbers, got dtype .*bool"):
        KerasSchedule(HALVES)(keras.ops.cast(5, "bool"))


def test_whole_steps_past_2_to_the_24_differ(training, KerasSchedule, jax, monkeypatch):
    """Also where they must be floats: on TensorFlow, which stands for itself by name only here."""
    late = KerasSchedule(Constant(1.0, 2**24 + 1) >> Constant(2.0, 9) >> Constant(3.0))
    for backend in (training.backend.backend(), "tensorflow"):
        monkeypatch.setattr(training.backend, "backend", lambda backend=backend: backend)
        with jax.enable_x64(backend == "tensorflow"):
            assert [float(late(2**24 + i)) for i in (0, 1, 10)] == [1.0, 2.0, 3.0]


def line(keras, rate, **options):
    """Return a model whose one weight falls by the rate at every update."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, "linear", False, "zeros")])
    model.compile(keras.optimizers.SGD(rate, **options), "mae")
    return model


def fit(keras, model, batches):
    """Return by how much the weight fell at each batch."""
    fallen = [0.0 - float(model.get_weights()[0][0, 0])]
    note = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda *_: fallen.append(-float(model.get_weights()[0][0, 0]))
    )
    one, far = keras.ops.ones((2, 1)), keras.ops.full((2, 1), -1_000.0)
    model.fit(one, far, epochs=batches, batch_size=2, verbose=0, callbacks=[note])
    return [after - before for before, after in pairwise(fallen)]


def test_update_k_uses_the_rate_of_k(training, KerasSchedule):
    assert fit(training, line(training, KerasSchedule(HALVES)), 14) == HALVES.sample(14).tolist()


def test_the_optimizer_tells_the_rate_of_its_next_update(training, KerasSchedule):
    model = line(training, KerasSchedule(HALVES))
    assert float(model.optimizer.learning_rate) == HALVES(0)
    fit(training, model, 5)
    assert float(model.optimizer.learning_rate) == HALVES(5)


def test_keras_counts_batches_and_the_schedule_updates(training, KerasSchedule):
    """Without the number of batches that make one update, Keras asks for the rate of the batch."""
    true = KerasSchedule(HALVES, gradient_accumulation_steps=2)
    assert fit(training, line(training, true, gradient_accumulation_steps=2), 24)[1::2] == list(HALVES)
    fast = fit(training, line(training, KerasSchedule(HALVES), gradient_accumulation_steps=2), 24)
    assert fast[1::2] == HALVES.sample(24).tolist()[1::2]


def test_a_saved_model_goes_on_where_it_was(training, KerasSchedule, tmp_path):
    rate = KerasSchedule(HALVES)
    model = line(training, rate)
    begun = fit(training, model, 5)
    model.save(tmp_path / "model.keras")
    loaded = training.saving.load_model(tmp_path / "model.keras")
    assert loaded.optimizer.get_config()["learning_rate"]["config"]["schedule"] == repr(HALVES)
    assert begun + fit(training, loaded, 9) == HALVES.sample(14).tolist()


@settings(max_examples=100)
@given(schedules(3, functions=False), st.none() | st.integers(1, 9))
def test_a_config_is_plain_and_builds_the_same(keras, KerasSchedule, a, batches):
    rate = KerasSchedule(a, gradient_accumulation_steps=batches)
    config = json.loads(json.dumps(keras.optimizers.schedules.serialize(rate)))
    assert config["registered_name"] == "tlama_core>KerasSchedule"
    loaded = keras.optimizers.schedules.deserialize(config)
    assert loaded == rate
    assert repr(loaded) == repr(rate)


@pytest.mark.parametrize(
    ("held", "wanted"),
    [
        ("Warmup(peak, 4) >> Linear.to(0, total - 4)", HALVES),
        (to_dict(HALVES), HALVES),
        (0.5, Constant(0.5)),
        ("1e-1", Constant(0.1)),
    ],
)
def test_whatever_a_config_holds_is_that_schedule(KerasSchedule, held, wanted):
    rate = KerasSchedule(held, names={"peak": 1.0, "total": 12})
    assert rate == KerasSchedule(wanted)
    assert rate.get_config()["schedule"] == repr(wanted)  # and no names are needed to read it back
    assert KerasSchedule.from_config(rate.get_config()) == rate


def test_what_could_not_be_loaded_is_not_saved(KerasSchedule):
    with pytest.raises(ValueError, match="Function"):
        KerasSchedule(Function(lambda t: 0.1)).get_config()
    long = Piecewise.of([Constant(float(i), 1) for i in range(10_000)])
    with pytest.raises(ValueError, match="characters"):
        KerasSchedule(long).get_config()


def test_what_is_no_schedule_is_refused(KerasSchedule):
    with pytest.raises(TypeError, match="KerasSchedule.schedule must be a schedule .*, got None"):
        KerasSchedule(None)
    with pytest.raises(ParseError, match="in KerasSchedule.schedule: unknown name Cosin"):
        KerasSchedule("Cosin(1, 0, 9)")
    with pytest.raises(TypeError, match="KerasSchedule.names must be a mapping .*, got 100"):
        KerasSchedule("Cosine(1, 0, total)", names=100)
    with pytest.raises(
        TypeError, match=r"KerasSchedule\(schedule, gradient_accumulation_steps, names\) is missing"
    ):
        KerasSchedule()
    with pytest.raises(OpenScheduleError):
        KerasSchedule(Constant.hold())
    with pytest.raises(
        ValueError, match="KerasSchedule.gradient_accumulation_steps must be a whole number >= 1, got 0"
    ):
        KerasSchedule(HALVES, gradient_accumulation_steps=0)


def test_the_docstring(KerasSchedule):
    failed, tried = doctest.testmod(sys.modules[KerasSchedule.__module__])
    assert tried
    assert not failed


def test_a_schedule_that_is_not_wrapped_says_what_to_write(keras):
    optimizer = keras.optimizers.SGD(HALVES)
    with pytest.raises(
        TypeError, match=r"called with an update number, as in schedule\(0\), .*KerasSchedule"
    ):
        float(optimizer.learning_rate)
