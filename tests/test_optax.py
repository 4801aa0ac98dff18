"""optax takes a schedule as it is: there is nothing to adapt, and nothing to save but its own count."""

import pytest

from tlama_core import Constant, Cosine, Linear, Sqrt, Step, Warmup

HALVES = Warmup(1.0, steps=4) >> Linear.to(0.0, steps=8)  # every value is exact in float32
WSD = Warmup(3e-4, steps=3) >> Constant.hold(steps=4) >> Sqrt.to(0.0, steps=5)


def updates_of(jax, optimizer, batches, *, state=None, params=1.0, gradient=1.0):
    """Return the update that a jitted optimizer makes of each batch, its last state, and how often it was traced."""
    params = jax.numpy.float32(params)
    state = optimizer.init(params) if state is None else state
    traced, made = [], []

    @jax.jit
    def step(state):
        traced.append(1)
        return optimizer.update(jax.numpy.float32(gradient), state, params)

    for _ in range(batches):
        update, state = step(state)
        made.append(float(update))
    return made, state, len(traced)


@pytest.mark.parametrize("a", [HALVES, WSD, Cosine(1e-3, 1e-5, 4).repeat(3, gain=0.5)], ids=repr)
def test_update_k_uses_the_rate_of_k_and_is_compiled_once(jax, optax, a):
    made, _, traced = updates_of(jax, optax.sgd(a), 14)
    assert made == pytest.approx([-a(k) for k in range(14)], rel=1e-6, abs=1e-9)
    assert traced == 1


@pytest.mark.parametrize("name", ["adam", "adamw", "lion", "lamb", "rmsprop"])
def test_every_optimizer_takes_it(jax, optax, name):
    """Twice the rates are twice the updates, whatever the optimizer makes of a gradient."""
    build = getattr(optax, name)
    once, _, _ = updates_of(jax, build(HALVES), 6)
    twice, _, _ = updates_of(jax, build(2 * HALVES), 6)
    assert twice == pytest.approx([2 * update for update in once], rel=1e-6)


def test_a_whole_run_is_one_scan(jax, optax):
    optimizer = optax.sgd(HALVES)

    def step(state, gradient):
        update, state = optimizer.update(gradient, state)
        return state, update

    _, made = jax.lax.scan(step, optimizer.init(jax.numpy.float32(0.0)), jax.numpy.ones(12))
    assert made.tolist() == [-rate for rate in HALVES]


def test_injected_hyperparameters_are_there_to_be_logged(jax, optax):
    """Any number that an optimizer takes may be a schedule; the state holds what the update used."""
    optimizer = optax.inject_hyperparams(optax.adamw)(
        learning_rate=WSD, b1=Linear(0.5, 0.75, steps=4), weight_decay=100 * WSD
    )
    state = optimizer.init(jax.numpy.float32(1.0))
    for k in range(14):
        _, state, _ = updates_of(jax, optimizer, 1, state=state)
        used = {name: float(number) for name, number in state.hyperparams.items()}
        assert used["learning_rate"] == pytest.approx(WSD(k), rel=1e-6, abs=1e-9)
        assert used["b1"] == Linear(0.5, 0.75, steps=4)(k)
        assert used["weight_decay"] == pytest.approx(100 * WSD(k), rel=1e-6, abs=1e-9)


def test_weight_decay_has_a_schedule_of_its_own(jax, optax):
    """Decoupled: scheduled apart from the rate, and not multiplied by it."""
    decay = Cosine(0.1, 0.0, steps=10)
    optimizer = optax.chain(optax.sgd(HALVES), optax.add_decayed_weights(-1 * decay))
    made, _, _ = updates_of(jax, optimizer, 12, gradient=0.0, params=2.0)
    assert made == pytest.approx([-2 * decay(k) for k in range(12)], rel=1e-6, abs=1e-9)


def test_accumulated_batches_count_as_one_update(jax, optax):
    made, _, _ = updates_of(jax, optax.MultiSteps(optax.sgd(HALVES), every_k_schedule=3), 36)
    assert made[2::3] == [-rate for rate in HALVES]
    assert not any(made[0::3] + made[1::3])


def test_a_schedule_says_how_many_batches_make_an_update(jax, optax):
    batches = Step(1.0, {2: 3.0})  # two updates of one batch each, then of three
    optimizer = optax.MultiSteps(optax.sgd(HALVES), every_k_schedule=lambda k: batches(k).astype(int))
    made, _, _ = updates_of(jax, optimizer, 8)
    assert made == [-0.25, -0.5, 0, 0, -0.75, 0, 0, -1.0]


@pytest.mark.parametrize("killed", [1, 4, 9])
def test_a_restored_checkpoint_goes_on_bit_for_bit(jax, optax, orbax, tmp_path, killed):
    from orbax.checkpoint import StandardCheckpointer

    def build():
        decaying = optax.inject_hyperparams(optax.adamw)(learning_rate=WSD, weight_decay=100 * WSD)
        return optax.MultiSteps(decaying, every_k_schedule=2)

    whole, _, _ = updates_of(jax, build(), 24)
    begun, state, _ = updates_of(jax, build(), killed)
    with StandardCheckpointer() as checkpointer:
        checkpointer.save(tmp_path / "state", state)
        checkpointer.wait_until_finished()
        restored = checkpointer.restore(tmp_path / "state", build().init(jax.numpy.float32(1.0)))
    rest, _, _ = updates_of(jax, build(), 24 - killed, state=restored)
    assert begun + rest == whole


def test_a_changed_plan_is_a_changed_argument(jax, optax):
    """The state holds no schedule, so a checkpoint carries over to another one as it is."""
    _, state, _ = updates_of(jax, optax.sgd(HALVES), 6)
    cooldown = HALVES[:6] >> Linear.to(0.0, steps=3)
    made, _, _ = updates_of(jax, optax.sgd(cooldown), 4, state=state)
    assert made == [-0.75, -0.5, -0.25, 0.0]
