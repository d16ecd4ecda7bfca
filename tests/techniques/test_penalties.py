"""Penalties against Keras's regularizers, the proximal step against scikit-learn's Lasso."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from sklearn.linear_model import Lasso

from wellposed.network.randomness import study_key
from wellposed.techniques.base import Batch, Context, Own, Static, Technique
from wellposed.techniques.penalties import L1, L2, ElasticNet, Orthogonal, ProximalL1

CASES = [
    (L1(0.3), keras.regularizers.L1(0.3)),
    (L2(0.2), keras.regularizers.L2(0.2)),
    (ElasticNet(0.3, 0.2), keras.regularizers.L1L2(0.3, 0.2)),
]


def penalty(item: Technique, context: Context, params: Any, hidden: Any = None, mask: Any = None) -> float:
    own = item.init(context, params, study_key(0))
    return float(item.penalty(params, own, hidden or {}, mask if mask is not None else jnp.ones(6)))


@pytest.mark.parametrize(("item", "oracle"), CASES)
def test_kernels_and_biases_equal_keras(item: Any, oracle: Any, context: Context, params: Any):
    def total(leaf: str, *blocks: str) -> float:
        return sum(float(oracle(params[block]["dense"][leaf])) for block in blocks)

    expected = {
        type(item)(**_strengths(item)): total("kernel", "hidden1", "hidden2", "output"),
        type(item)(**_strengths(item), layers="hidden"): total("kernel", "hidden1", "hidden2"),
        type(item)(**_strengths(item), layers="last"): total("kernel", "hidden2"),
        type(item)(**_strengths(item), layers="hidden1/output"): total("kernel", "hidden1", "output"),
        type(item)(**_strengths(item), on="bias"): total("bias", "hidden1", "hidden2", "output"),
    }
    for variant, value in expected.items():
        assert penalty(variant, context, params) == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize(("item", "oracle"), CASES)
def test_activity_equals_keras(item: Any, oracle: Any, context: Context, params: Any, batch: Batch):
    """Keras's layer on the real rows alone gives the same penalty as all rows and the mask."""
    values = 2.0 * batch.x
    layer = keras.layers.Dense(3, activity_regularizer=oracle)
    layer.build((None, 3))
    layer.set_weights([2.0 * np.eye(3), np.zeros(3)])
    layer(batch.x[:4])
    expected = float(layer.losses[0])
    own = type(item)(**_strengths(item), on="activity", layers="hidden2")
    hidden = {"hidden1": 9.0 * values, "hidden2": values}
    assert penalty(own, context, params, hidden, batch.mask) == pytest.approx(expected, rel=1e-6)
    heads = {name: jnp.stack([h, h]) for name, h in hidden.items()}
    assert penalty(own, context, params, heads, batch.mask) == pytest.approx(expected, rel=1e-6)


def test_proximal_step_finds_the_lasso():
    """Gradient steps on ‖y − Xw‖² / 2n with proximal steps of λ end where scikit-learn's Lasso(λ) does."""
    numbers = np.random.default_rng(0)
    x = numbers.normal(size=(40, 6)).astype(np.float32)
    y = (x @ np.array([[2.0], [-1.0], [0.5], [0.0], [0.0], [0.0]]) + 0.1 * numbers.normal(size=(40, 1))).astype(
        np.float32
    )
    item, own = ProximalL1(0.2), Own(state=Static(("output",)))
    scale = jnp.asarray([[0.5], [1.0], [2.0], [1.0], [0.5], [1.0]])  # a diagonal preconditioner: the same end

    def step(index: Any, w: Any) -> Any:
        new = w - 0.1 * scale * (x.T @ (x @ w - y) / 40.0)
        trees = ({"output": {"dense": {"kernel": leaf}}} for leaf in (new, w, scale))
        after, _ = item.update(
            next(trees), next(trees), own, lr=jnp.float32(0.1), preconditioner=next(trees), step=index, total=index
        )
        return after["output"]["dense"]["kernel"]

    w = np.asarray(jax.jit(lambda: jax.lax.fori_loop(0, 500, step, jnp.zeros((6, 1))))())[:, 0]
    expected = Lasso(alpha=0.2, fit_intercept=False, tol=1e-8).fit(x.astype(float), y[:, 0].astype(float)).coef_
    np.testing.assert_allclose(w, expected, atol=1e-5)
    assert ((w == 0.0) == (expected == 0.0)).all()
    assert (w == 0.0).sum() == 3


@pytest.mark.parametrize("form", ["cosine-units", "cosine-inputs"])
def test_overlap_of_directions_equals_keras(form: str, context: Context, params: Any):
    oracle = keras.regularizers.OrthogonalRegularizer(0.3, "columns" if form == "cosine-units" else "rows")
    expected = sum(float(oracle(params[block]["dense"]["kernel"])) for block in ("hidden1", "hidden2"))
    assert penalty(Orthogonal(0.3, form=form), context, params) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4)])
def test_gram_matrix_by_hand(shape: tuple[int, int]):
    """λ‖WᵀW − I‖² where W is tall, else λ‖WWᵀ − I‖²; the gradient 4λ W (WᵀW − I) holds for both."""
    kernel = np.random.default_rng(8).normal(size=shape)
    item, own = Orthogonal(0.2), Own(state=Static(("hidden1",)))

    def of(kernel: Any) -> Any:
        return item.penalty({"hidden1": {"dense": {"kernel": kernel}}}, own, {}, jnp.ones(6))

    value, slope = jax.value_and_grad(of)(jnp.asarray(kernel, jnp.float32))
    tall = kernel if shape[0] >= shape[1] else kernel.T
    expected = 0.2 * np.sum((tall.T @ tall - np.eye(tall.shape[1])) ** 2)
    assert float(value) == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(slope, 0.8 * kernel @ (kernel.T @ kernel - np.eye(shape[1])), rtol=1e-4, atol=1e-4)
    orthogonal = np.linalg.qr(np.random.default_rng(9).normal(size=(5, 5)))[0][: shape[0], : shape[1]]
    if shape != (4, 4):
        assert float(of(jnp.asarray(orthogonal, jnp.float32))) == pytest.approx(0.0, abs=1e-6)


def _strengths(item: Technique) -> dict[str, float]:
    return {name: getattr(item, name) for name in item.strengths()}
