"""Objectives: what is minimized, or where its gradient is taken, is changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from wellposed.network.activations import activation as named_activation
from wellposed.network.randomness import Rng
from wellposed.techniques.base import (
    Batch,
    Context,
    Evaluate,
    Evaluation,
    Own,
    Params,
    Static,
    Technique,
    strength,
    technique,
)
from wellposed.techniques.gradients import global_norm
from wellposed.techniques.noise import Dropout

__all__ = ["ASAM", "SAM", "Adversarial", "Flooding", "RDrop"]


@technique
class SAM(Technique):
    """Takes the gradient where the loss is worst nearby, and so looks for flat minima (sharpness-aware minimization).

    g ← ∇L(w + ρ ∇L(w) / ‖∇L(w)‖₂); both gradients on the same minibatch, with the same random draws

    L includes penalties. Running statistics and the reported loss are those of the first pass. A step costs twice.

    Args:
        rho: ρ ≥ 0, the radius of the neighbourhood, default 0.05.

    Source: Foret et al. 2021.
    """

    rho: float = strength(default=0.05, neutral=0.0, search=(0.01, 0.2))

    name: ClassVar[str] = "sam"
    decides: ClassVar[tuple[str, ...]] = ("where the gradient is taken",)
    family: ClassVar[str] = "gradients"
    reference: ClassVar[str] = (
        "Foret, Kleiner, Mobahi and Neyshabur 2021, Sharpness-aware minimization for efficiently improving "
        "generalization, ICLR"
    )

    def differentiate(
        self, grad: Callable[[Params], tuple[Params, Evaluation]], params: Params, own: Own
    ) -> tuple[Params, Evaluation]:
        grads, evaluation = grad(params)
        norm = global_norm(grads)
        scale = jnp.where(norm > 0.0, self.rho / jnp.where(norm > 0.0, norm, 1.0), 0.0)
        return grad(jax.tree.map(lambda w, g: w + scale * g, params, grads))[0], evaluation


@technique
class ASAM(Technique):
    """SAM in a neighbourhood that grows with each weight, so that rescaling the weights changes nothing.

    g ← ∇L(w + ρ T² ∇L(w) / ‖T ∇L(w)‖₂), T = |w| + 0.01 for kernels, 1 for all others; else as `SAM`

    Args:
        rho: ρ ≥ 0, default 0.5: about ten times SAM's.

    Source: Kwon et al. 2021, eq. 8 and 9, with T as in the authors' code (η = 0.01, biases as in SAM).
    """

    rho: float = strength(default=0.5, neutral=0.0, search=(0.2, 2.0))

    name: ClassVar[str] = "asam"
    decides: ClassVar[tuple[str, ...]] = ("where the gradient is taken",)
    family: ClassVar[str] = "gradients"
    reference: ClassVar[str] = (
        "Kwon, Kim, Park and Choi 2021, ASAM: adaptive sharpness-aware minimization for scale-invariant learning of "
        "deep neural networks, ICML"
    )

    def differentiate(
        self, grad: Callable[[Params], tuple[Params, Evaluation]], params: Params, own: Own
    ) -> tuple[Params, Evaluation]:
        grads, evaluation = grad(params)
        scaled = jax.tree.map(lambda t, g: t * g, _sizes(params), grads)
        norm = global_norm(scaled)
        scale = jnp.where(norm > 0.0, self.rho / jnp.where(norm > 0.0, norm, 1.0), 0.0)
        moved = jax.tree.map(lambda w, t, g: w + scale * t * g, params, _sizes(params), scaled)
        return grad(moved)[0], evaluation


def _sizes(params: Params) -> Params:
    """ASAM's T: |w| + 0.01 of kernels, ones elsewhere."""

    def size(path: tuple[Any, ...], leaf: Array) -> Array:
        kernel = bool(path) and getattr(path[-1], "key", None) == "kernel"
        return jnp.abs(leaf) + 0.01 if kernel else jnp.ones_like(leaf)

    return jax.tree_util.tree_map_with_path(size, params)


@technique
class Adversarial(Technique):
    """Trains half on rows as they are, half on rows moved a little in the direction that raises the loss most (FGSM).

    loss ← ½ L(x) + ½ L(x + ε sign ∇ₓL(x)), with the same random draws; nothing flows back through the perturbation

    ε is in units of the scaled features, and the moved rows aren't clamped to any range. Running statistics and outputs
    are those of the first pass. A step costs up to three times.

    Args:
        epsilon: ε ≥ 0, default 0.007.

    Source: Goodfellow et al. 2015, §6 (α = 0.5).
    """

    epsilon: float = strength(default=0.007, neutral=0.0, search=(1e-3, 0.1))

    name: ClassVar[str] = "adversarial"
    family: ClassVar[str] = "augmentation"
    reference: ClassVar[str] = (
        "Goodfellow, Shlens and Szegedy 2015, Explaining and harnessing adversarial examples, ICLR"
    )

    def objective(
        self, evaluate: Evaluate, params: Params, batch: Batch, own: Own, rng: Rng, *, draw: int
    ) -> Evaluation:
        slope = jax.grad(lambda x: evaluate(params, batch._replace(x=x), draw=draw).loss)(batch.x)
        moved = jax.lax.stop_gradient(batch.x + self.epsilon * jnp.sign(slope))
        first, second = evaluate(params, batch, draw=draw), evaluate(params, batch._replace(x=moved), draw=draw)
        return first._replace(loss=0.5 * (first.loss + second.loss))


@technique
class RDrop(Technique):
    """Passes every minibatch twice and asks both predictions to agree; useful only beside `Dropout` or other noise.

    loss ← ½ (L₁ + L₂) + α · ½ (KL(p₁‖p₂) + KL(p₂‖p₁)), p₁ and p₂ the predictions of the two passes

    KL is that of the classes (softmax), or of each 0/1 output, summed over outputs (sigmoid). Other outputs have no
    distribution: the squared difference of the predictions, averaged over outputs, stands in for ½ (KL + KL). It is
    weighted like the loss and averaged over rows. The paper writes L₁ + L₂: its α is twice this one. Running statistics
    and outputs are those of the first pass. A step costs twice.

    Args:
        alpha: α ≥ 0, default 1.

    Source: Liang et al. 2021; ½ (L₁ + L₂) as in the authors' code.
    """

    alpha: float = strength(default=1.0, search=(0.1, 5.0))  # not neutral at 0: two masks are averaged

    name: ClassVar[str] = "r-drop"
    family: ClassVar[str] = "targets"
    reference: ClassVar[str] = (
        "Liang, Wu, Li, Wang, Meng, Qin, Chen, Zhang and Liu 2021, R-Drop: regularized dropout for neural networks, "
        "NeurIPS"
    )

    @classmethod
    def panel(cls) -> tuple[Technique, ...]:
        return (Dropout.example(), cls.example())

    def init(self, context: Context, params: Params, key: PRNGKeyArray) -> Own:
        by_task = "linear" if context.task == "regression" else "sigmoid" if context.outputs == 1 else "softmax"
        return Own(state=Static(context.output_activation or by_task))

    def objective(
        self, evaluate: Evaluate, params: Params, batch: Batch, own: Own, rng: Rng, *, draw: int
    ) -> Evaluation:
        first = evaluate(params, batch, draw=2 * draw)
        second = evaluate(params, batch, draw=2 * draw + 1)
        rows = jnp.mean(_divergence(first.outputs.logits, second.outputs.logits, own.state.value), 0)
        divergence = jnp.sum(rows * batch.weight * batch.mask) / jnp.sum(batch.mask)
        return first._replace(loss=0.5 * (first.loss + second.loss) + self.alpha * divergence)


def _divergence(
    a: Float[Array, "heads rows outputs"], b: Float[Array, "heads rows outputs"], activation: str
) -> Float[Array, "heads rows"]:
    """½ (KL(p‖q) + KL(q‖p)) = ½ Σ (p − q)(log p − log q), from logits; no logarithm of a probability is formed."""
    if activation == "softmax":  # the normalizers of the logarithms cancel, since Σ (p − q) = 0
        return 0.5 * jnp.sum((jax.nn.softmax(a) - jax.nn.softmax(b)) * (a - b), -1)
    if activation == "sigmoid":
        return 0.5 * jnp.sum((jax.nn.sigmoid(a) - jax.nn.sigmoid(b)) * (a - b), -1)
    predict = named_activation(activation)
    return jnp.mean(jnp.square(predict(a) - predict(b)), -1)


@technique
class Flooding(Technique):
    """Keeps the training loss around a level: below it, training climbs again.

    loss ← |loss − b| + b, on the minibatch's mean loss before penalties

    Args:
        level: b ≥ 0, default 0.05.

    Source: Ishida et al. 2020.
    """

    # Neutral at −∞, not 0: some losses are negative.
    level: float = strength(default=0.05, neutral=-float("inf"), search=(0.0, 0.2), log=False)

    name: ClassVar[str] = "flooding"
    family: ClassVar[str] = "targets"
    reference: ClassVar[str] = (
        "Ishida, Yamane, Sakai, Niu and Sugiyama 2020, Do we need zero training loss after achieving zero training "
        "error?, ICML"
    )
    cheap: ClassVar[bool] = True

    def batch_loss(self, loss: Float[Array, ""]) -> Float[Array, ""]:
        # A select, not |loss − b|, whose slope at loss = b would be 0 and which rounds at large b
        return jnp.where(loss < self.level, 2.0 * self.level - loss, loss)
