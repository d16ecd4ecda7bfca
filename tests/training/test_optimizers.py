"""Optimizers against Keras, update by update, and their preconditioners against their own updates."""

from __future__ import annotations

import inspect

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from parity.optimizer_twins import keras_optimizer, keras_settings
from wellposed.errors import StudyError
from wellposed.training.optimizers import (
    OPTIMIZERS,
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    Lion,
    Muon,
    Nadam,
    Optimizer,
    RMSprop,
    optimizer,
)

STEPS = 7
rng = np.random.default_rng(5)
# Gradients of very different sizes: where ε sits shows in the small ones.
SIZES = np.array([[1.0, 1e-3], [1e-6, 1e-7], [1e-8, 0.0]])
KERNEL_GRADIENTS = (rng.normal(size=(STEPS, 3, 2)) * SIZES).astype(np.float32)
BIAS_GRADIENTS = rng.normal(size=(STEPS, 2)).astype(np.float32)
SCHEDULED = [0.01, 0.02, 0.005, 0.001, 0.01, 0.003, 0.03]

INSTANCES = [
    *(cls() for cls in OPTIMIZERS.values()),
    SGD(0.9),
    SGD(0.9, nesterov=True),
    Adam(0.8, 0.99, 1e-4),
    AdamW(weight_decay=0.1),
    RMSprop(0.8, momentum=0.5),
    RMSprop(centered=True),
    RMSprop(momentum=0.9, centered=True),
    Adagrad(0.01),
    Adadelta(0.9),
    Adamax(0.8, 0.9),
    Nadam(0.8, 0.99),
    Lion(0.8, 0.9),
    Muon(momentum=0.8, nesterov=False, ns_steps=3),
]


def keras_path(ours: Optimizer, kernel, bias, rates):
    """Parameters after each of Keras's steps."""
    twin = keras_optimizer(ours, rates[0])
    variables = [keras.Variable(kernel, dtype="float32"), keras.Variable(bias, dtype="float32")]
    twin.build(variables)
    for rate, *gradients in zip(rates, KERNEL_GRADIENTS, BIAS_GRADIENTS, strict=True):
        twin.learning_rate = rate
        twin.apply([jnp.asarray(gradient) for gradient in gradients])
        yield [np.asarray(variable) for variable in variables]


@pytest.mark.parametrize("rates", [[0.01] * STEPS, SCHEDULED], ids=["constant", "scheduled"])
@pytest.mark.parametrize("ours", INSTANCES, ids=Optimizer.to_text)
def test_every_update_equals_keras(ours: Optimizer, rates: list[float]) -> None:
    # From zero, updates aren't hidden behind larger parameters; decay needs parameters to act on.
    start = 1.0 if isinstance(ours, (AdamW, Muon)) else 0.0
    kernel, bias = start * rng.normal(size=(3, 2)), start * rng.normal(size=2)
    params = {"kernel": jnp.asarray(kernel, jnp.float32), "bias": jnp.asarray(bias, jnp.float32)}
    state = ours.init(params)
    for i, expected in enumerate(keras_path(ours, kernel, bias, rates)):
        grads = {"kernel": jnp.asarray(KERNEL_GRADIENTS[i]), "bias": jnp.asarray(BIAS_GRADIENTS[i])}
        with jax.numpy_dtype_promotion("strict"):
            rate, count = jnp.float32(rates[i]), jnp.int32(i + 1)
            updates, _, state = ours.step(grads, state, params, learning_rate=rate, count=count)
        params = jax.tree.map(jnp.add, params, updates)
        for got, wanted in zip((params["kernel"], params["bias"]), expected, strict=True):
            assert got.dtype == jnp.float32
            np.testing.assert_allclose(got, wanted, rtol=1e-6, atol=1e-9, err_msg=f"step {i}")


MEMORYLESS = [
    SGD(),
    Adam(beta_1=0.0),
    AdamW(beta_1=0.0, weight_decay=0.0),
    RMSprop(),
    RMSprop(centered=True),
    Adagrad(),
    Adadelta(),
    Adamax(beta_1=0.0),
    Nadam(beta_1=0.0),
]


@pytest.mark.parametrize("ours", MEMORYLESS, ids=Optimizer.to_text)
def test_preconditioner_times_gradient_is_the_update_without_momentum(ours: Optimizer) -> None:
    params = jnp.zeros((3, 2))
    state = ours.init(params)
    for i, gradient in enumerate(KERNEL_GRADIENTS[:3]):
        updates, preconditioner, state = ours.step(jnp.asarray(gradient), state, params, learning_rate=0.1, count=i + 1)
        assert (np.asarray(preconditioner) > 0).all()
        np.testing.assert_allclose(updates, -0.1 * preconditioner * gradient, rtol=1e-5, atol=1e-12)


@pytest.mark.parametrize("ours", [SGD(0.9), Lion()], ids=Optimizer.to_text)
def test_preconditioner_of_the_others_is_one(ours: Optimizer) -> None:
    params = jnp.zeros(2)
    assert (ours.step(params + 2.0, ours.init(params), params, learning_rate=0.1, count=1)[1] == 1.0).all()


@pytest.mark.parametrize("name", ["sgd(momentum=0.9)", "adam", "nadam"])
def test_a_lane_of_a_population_is_the_network_alone(name: str) -> None:
    ours, rates = optimizer(name), jnp.asarray([0.1, 0.01])
    params, grads = jnp.ones((2, 3, 2)), jnp.asarray(KERNEL_GRADIENTS[:2])

    def two_steps(params, grads, rate):
        state = ours.init(params)
        for count in (1, 2):
            updates, _, state = ours.step(grads, state, params, learning_rate=rate, count=jnp.int32(count))
            params = params + updates
        return params

    together = jax.jit(jax.vmap(two_steps))(params, grads, rates)
    for lane in range(2):
        np.testing.assert_allclose(together[lane], two_steps(params[lane], grads[lane], rates[lane]), rtol=1e-6)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_state_keeps_its_structure_and_nan_shows(name: str) -> None:
    ours, params = optimizer(name), {"a": jnp.ones(2), "b": [jnp.ones((2, 2))]}
    state = ours.init(params)
    grads = {"a": jnp.asarray([jnp.nan, 1.0]), "b": [jnp.ones((2, 2))]}
    updates, preconditioner, after = ours.step(grads, state, params, learning_rate=0.1, count=1)
    assert jax.tree.map(jnp.shape, after) == jax.tree.map(jnp.shape, state)
    assert jax.tree.structure(updates) == jax.tree.structure(preconditioner) == jax.tree.structure(params)
    assert np.isnan(updates["a"]).tolist() == [True, False]
    assert np.isfinite(updates["b"][0]).all()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_defaults_are_kerass(name: str) -> None:
    ours = optimizer(name)
    theirs = inspect.signature(getattr(keras.optimizers, type(ours).__name__)).parameters
    settings = {"learning_rate": ours.learning_rate, **keras_settings(ours)}
    settings.pop("exclude_layers", None)
    assert {argument: theirs[argument].default for argument in settings} == settings


@pytest.mark.parametrize("ours", INSTANCES, ids=Optimizer.to_text)
def test_text_round_trip(ours: Optimizer) -> None:
    assert optimizer(ours.to_text()) == ours


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sgd(1.5)", "SGD: momentum must be in [0, 1], got 1.5"),
        ("adam(beta_1=1)", "Adam: beta_1 must be in [0, 1), got 1.0"),
        ("adam(epsilon=0)", "Adam: epsilon must be positive, got 0.0"),
        ("adamw(weight_decay=-1)", "AdamW: weight_decay must not be negative, got -1.0"),
        ("rmsprop(momentum=-1)", "RMSprop: momentum must be in [0, 1], got -1.0"),
        ("adagrad(-1)", "Adagrad: initial_accumulator_value must not be negative, got -1.0"),
        ("lion(beta_1=0)", "Lion: beta_1 must be in (0, 1], got 0.0"),
        (
            "adam(learning_rate=0.1)",
            "optimizer: the learning rate is a setting of its own, got adam(learning_rate=0.1). "
            "Give `learning_rate=0.1` beside the optimizer.",
        ),
        (
            "shampoo",
            "optimizer: unknown name, got shampoo. "
            "Choose one of adadelta, adagrad, adam, adamax, adamw, lion, muon, nadam, rmsprop, sgd.",
        ),
    ],
)
def test_errors(text: str, message: str) -> None:
    with pytest.raises(StudyError) as caught:
        optimizer(text)
    assert str(caught.value) == message


@pytest.mark.parametrize("text", ["sgd(learning_rate=0.1)", "sgd(momentum=0.9, lr=0.1)"])
def test_learning_rate_among_the_arguments(text: str) -> None:
    with pytest.raises(StudyError) as caught:
        optimizer(text)
    assert str(caught.value) == (
        f"optimizer: the learning rate is a setting of its own, got {text}. "
        "Give `learning_rate=0.1` beside the optimizer."
    )
