"""SAM, R-Drop and flooding against their equations, written in NumPy."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import expit, rel_entr, softmax

from wellposed.network.mlp import Outputs
from wellposed.network.randomness import Rng, study_key
from wellposed.techniques.base import Batch, Context, Evaluation, Own
from wellposed.techniques.objectives import ASAM, SAM, Adversarial, Flooding, RDrop

A, B = (np.random.default_rng(seed).normal(size=(6, 3)).astype(np.float32) for seed in (0, 1))


def test_sam_takes_the_gradient_at_the_worst_neighbour():
    """L(w) = ½ Σ c w²: the gradient c w, taken at w + ρ c w / ‖c w‖; the evaluation is that of the first pass."""
    c, w = np.array([1.0, 4.0, 0.5], np.float32), np.array([0.3, -0.2, 1.0], np.float32)
    calls = []

    def grad(params: Any) -> tuple[Any, Evaluation]:
        calls.append(params)
        return {"w": jnp.asarray(c) * params["w"]}, Evaluation(jnp.float32(len(calls)), Outputs(jnp.zeros(1), {}), {})

    grads, evaluation = SAM(0.1).differentiate(grad, {"w": jnp.asarray(w)}, Own())
    np.testing.assert_allclose(grads["w"], c * (w + 0.1 * c * w / np.linalg.norm(c * w)), rtol=1e-6)
    assert float(evaluation.loss) == 1.0
    assert len(calls) == 2


def test_asam_scales_the_neighbourhood_by_the_weights():
    """L(w) = ½ Σ c w²; T is |w| + 0.01 for the kernel and 1 for the bias."""
    c, w = np.array([1.0, 4.0, 0.5], np.float32), np.array([0.3, -0.2, 1.0], np.float32)
    params = {"dense": {"kernel": jnp.asarray(w), "bias": jnp.asarray(2 * w)}}

    def grad(params: Any) -> tuple[Any, Evaluation]:
        return jax.tree.map(lambda w: c * w, params), Evaluation(jnp.float32(0), Outputs(jnp.zeros(1), {}), {})

    grads, _ = ASAM(0.5).differentiate(grad, params, Own())
    size = np.abs(w) + 0.01
    norm = np.sqrt(np.sum((size * c * w) ** 2) + np.sum((c * 2 * w) ** 2))
    np.testing.assert_allclose(grads["dense"]["kernel"], c * (w + 0.5 * size**2 * c * w / norm), rtol=1e-5)
    np.testing.assert_allclose(grads["dense"]["bias"], c * (2 * w + 0.5 * c * 2 * w / norm), rtol=1e-5)


def test_adversarial_rows_move_against_the_gradient_and_are_not_clamped(batch: Batch):
    """L(w, x) = Σ w x²: ∇ₓ = 2 w x, so the second pass sees x + ε sign(w x)."""
    w = jnp.asarray([1.0, -2.0, 0.5])
    batch = batch._replace(x=batch.x * 3)  # outside [0, 1]

    def evaluate(params: Any, batch: Batch, *, draw: int = 0) -> Evaluation:
        return Evaluation(jnp.sum(params * jnp.square(batch.x)), Outputs(batch.x[None], {}), {"draw": draw})

    item = Adversarial(0.3)
    result = item.objective(evaluate, w, batch, Own(), Rng(study_key(0)), draw=2)
    x = np.asarray(batch.x, np.float64)
    moved = x + 0.3 * np.sign(np.asarray(w) * x)
    expected = 0.5 * (np.sum(np.asarray(w) * x**2) + np.sum(np.asarray(w) * moved**2))
    assert float(result.loss) == pytest.approx(expected, rel=1e-5)
    assert result.state == {"draw": 2}
    slope = jax.grad(lambda w: item.objective(evaluate, w, batch, Own(), Rng(study_key(0)), draw=0).loss)(w)
    np.testing.assert_allclose(slope, 0.5 * (x**2 + moved**2).sum(0), rtol=1e-5)  # moved rows are constants


def r_drop(batch: Batch, context: Context, alpha: float = 0.7) -> float:
    """The objective when two passes give the logits `A` and `B`, and the losses 1 and 2."""
    item = RDrop(alpha)
    own = item.init(context, {}, study_key(0))
    draws = []

    def evaluate(params: Any, batch: Batch, *, draw: int) -> Evaluation:
        draws.append(draw)
        logits = jnp.asarray((A, B)[draw % 2])[None, :, : context.outputs]
        return Evaluation(jnp.float32(1 + draw % 2), Outputs(logits, {}), {"draw": draw})

    result = item.objective(evaluate, {}, batch, own, Rng(study_key(0)), draw=3)
    assert draws == [6, 7]
    assert result.state == {"draw": 6}
    return float(result.loss)


def test_r_drop_for_classes(batch: Batch, context: Context):
    p, q = softmax(A, -1), softmax(B, -1)
    rows = 0.5 * (rel_entr(p, q) + rel_entr(q, p)).sum(-1)
    assert r_drop(batch, context) == pytest.approx(1.5 + 0.7 * _mean(rows, batch), rel=1e-5)


def test_r_drop_for_a_single_sigmoid(batch: Batch, context: Context):
    p, q = (np.stack([1 - expit(z), expit(z)], -1) for z in (A[:, 0], B[:, 0]))
    rows = 0.5 * (rel_entr(p, q) + rel_entr(q, p)).sum(-1)
    binary = dataclasses.replace(context, outputs=1)
    assert r_drop(batch, binary) == pytest.approx(1.5 + 0.7 * _mean(rows, batch), rel=1e-5)


@pytest.mark.parametrize("activation", ["", "relu"])
def test_r_drop_for_numbers(activation: str, batch: Batch, context: Context):
    difference = np.maximum(A, 0) - np.maximum(B, 0) if activation else A - B
    numbers = dataclasses.replace(context, task="regression", output_activation=activation)
    assert r_drop(batch, numbers) == pytest.approx(1.5 + 0.7 * _mean((difference**2).mean(-1), batch), rel=1e-5)


def test_r_drop_is_finite_for_certain_predictions(context: Context):
    item = RDrop(1.0)
    own = item.init(context, {}, study_key(0))
    batch = Batch(jnp.zeros((1, 3)), jnp.zeros((1, 3)), jnp.ones(1), jnp.ones(1), {})

    def loss(scale: Any) -> Any:
        def evaluate(params: Any, batch: Batch, *, draw: int) -> Evaluation:
            logits = scale * jnp.asarray([[[1.0, 0.0, -1.0]]]) * (1.0 - 2.0 * draw)
            return Evaluation(jnp.float32(0.0), Outputs(logits, {}), {})

        return item.objective(evaluate, {}, batch, own, Rng(study_key(0)), draw=0).loss

    value, slope = jax.value_and_grad(loss)(jnp.float32(500.0))
    assert float(value) == pytest.approx(1000.0)
    assert float(slope) == pytest.approx(2.0)


@pytest.mark.parametrize("loss", [0.0, 0.05, 0.1, 0.3])
def test_flooding(loss: float):
    value, slope = jax.value_and_grad(Flooding(0.1).batch_loss)(jnp.float32(loss))
    assert float(value) == pytest.approx(abs(loss - 0.1) + 0.1)
    assert float(slope) == (1.0 if np.float32(loss) >= np.float32(0.1) else -1.0)


def _mean(rows: np.ndarray, batch: Batch) -> float:
    weight, mask = np.asarray(batch.weight), np.asarray(batch.mask)
    return float((rows * weight * mask).sum() / mask.sum())
