"""The Jacobian penalty: predictions shouldn't change fast where inputs change a little."""

from __future__ import annotations

from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from wellposed.errors import TechniqueError
from wellposed.network.randomness import Rng
from wellposed.techniques.base import Batch, Evaluate, Evaluation, Own, Params, Technique, option, strength, technique

__all__ = ["JacobianPenalty"]


@technique
class JacobianPenalty(Technique):
    """Penalizes the slope of the network's outputs, so that small changes of the inputs change them little.

    loss ← loss + λ mean over rows of ‖J‖², J = ∂ logits / ∂ inputs of a row, [outputs, features]

    With at most ``projections`` outputs ‖J‖² is exact, else it is estimated without bias as C ‖vᵀJ‖², C the number of
    outputs, v a random direction anew for every row and minibatch, averaged over ``projections`` of them. The slope is
    that of the pass in training, noise included; where batch normalization couples rows, that of a row's sum over the
    minibatch. Hoffman et al. have λ/2. A step costs two to three times.

    Args:
        weight: λ ≥ 0, default 0.01.
        projections: at least 1, default 1; each costs one more pass backwards.

    Source: Drucker and LeCun 1992; random projections: Hoffman et al. 2019.
    """

    weight: float = strength(default=1e-2, neutral=0.0, search=(1e-4, 1.0))
    projections: int = option(default=1)

    name: ClassVar[str] = "jacobian"
    family: ClassVar[str] = "penalty"
    reference: ClassVar[str] = (
        "Drucker and LeCun 1992, Improving generalization performance using double backpropagation, IEEE Trans. Neural "
        "Netw. 3(6); Hoffman, Roberts and Yaida 2019, Robust learning with Jacobian regularization, arXiv 1908.02729"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        whole = isinstance(self.projections, int) and not isinstance(self.projections, bool)
        if not (whole and 1 <= self.projections <= 100):
            what = "JacobianPenalty: projections must be a whole number from 1 to 100"
            raise TechniqueError(what, self.projections, "Usual is 1.")

    def objective(
        self, evaluate: Evaluate, params: Params, batch: Batch, own: Own, rng: Rng, *, draw: int
    ) -> Evaluation:
        def logits(x: Array) -> tuple[Array, Evaluation]:
            evaluation = evaluate(params, batch._replace(x=x), draw=draw)
            return evaluation.outputs.logits, evaluation

        values, pull, evaluation = jax.vjp(logits, batch.x, has_aux=True)
        squares = [jnp.sum(jnp.square(pull(direction)[0]), -1) for direction in self._directions(values.shape, rng)]
        rows = sum(squares[1:], squares[0])
        slope = jnp.sum(rows * batch.mask) / jnp.sum(batch.mask)
        return evaluation._replace(loss=evaluation.loss + self.weight * slope)

    def _directions(self, shape: tuple[int, ...], rng: Rng) -> list[Float[Array, "heads rows outputs"]]:
        """What the outputs are projected on; the squares of the projected slopes add up to ‖J‖²."""
        heads, _, outputs = shape
        if heads == 1 and outputs <= self.projections:
            return [jnp.zeros(shape, jnp.float32).at[..., output].set(1.0) for output in range(outputs)]
        directions = []
        for number in range(self.projections):
            normal = jax.random.normal(rng.key("direction", str(number)), shape, jnp.float32)
            length = jnp.maximum(jnp.sqrt(jnp.sum(jnp.square(normal), -1, keepdims=True)), 1e-20)
            directions.append(normal * (outputs / (heads * self.projections)) ** 0.5 / length)
        return directions
