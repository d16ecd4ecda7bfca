"""Objectives: what is minimized, or where its gradient is taken, is changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

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

__all__ = ["SAM", "Flooding", "RDrop"]


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
