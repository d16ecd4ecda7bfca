"""Normalization: layers that rescale values by the statistics of the minibatch."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from wellposed.errors import TechniqueError
from wellposed.network.layers import Activation, BatchNormalization, Block
from wellposed.network.mlp import Network
from wellposed.techniques.base import Context, option, technique
from wellposed.techniques.places import Placed

__all__ = ["BatchNorm"]


@technique
class BatchNorm(Placed):
    """Normalizes each hidden unit over the minibatch, between the linear layer and its activation.

    h ← γ (h − mean) / √(variance + ε) + β; inference uses running averages r ← m r + (1 − m) batch

    Args:
        layers: ``hidden`` (default), ``last``, ``input`` (normalizes the features), ``all`` (input and hidden) or names
            joined by ``/``.
        momentum: m in [0, 1), default 0.99.
        epsilon: ε > 0, default 0.001.
        position: ``before`` (default) or ``after`` the activation.

    Source: Ioffe and Szegedy 2015; Keras's ``BatchNormalization``.
    """

    layers: str = option(default="hidden")
    momentum: float = option(default=0.99)
    epsilon: float = option(default=1e-3)
    position: str = option(default="before", choices=("before", "after"))

    name: ClassVar[str] = "batch-norm"
    family: ClassVar[str] = "normalization"
    reference: ClassVar[str] = (
        "Ioffe and Szegedy 2015, Batch normalization: accelerating deep network training by reducing internal "
        "covariate shift, ICML"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (isinstance(self.momentum, (int, float)) and 0 <= self.momentum < 1):
            raise TechniqueError(
                "BatchNorm: momentum must be a number in [0, 1)", self.momentum, "Keras's value is 0.99."
            )
        if not (isinstance(self.epsilon, (int, float)) and self.epsilon > 0):
            raise TechniqueError("BatchNorm: epsilon must be above 0", self.epsilon, "Keras's value is 0.001.")

    def candidates(self, context: Context) -> tuple[str, ...]:
        return tuple(name for name in context.layers if name != "output")

    def network(self, spec: Network) -> Network:
        chosen = self.chosen(("input", *spec.hidden_names), self.layers)
        blocks = [self._normalized(block) if block.name in chosen else block for block in spec.blocks]
        if "input" in chosen:
            first = (("input_norm", BatchNormalization(self.momentum, self.epsilon)), *blocks[0].layers)
            blocks[0] = dataclasses.replace(blocks[0], layers=first)
        return dataclasses.replace(spec, blocks=tuple(blocks))

    def _normalized(self, block: Block) -> Block:
        layers = list(block.layers)
        places = [index for index, (_, layer) in enumerate(layers) if isinstance(layer, Activation)]
        place = places[0] if places and self.position == "before" else len(layers)
        layers.insert(place, ("batch_norm", BatchNormalization(self.momentum, self.epsilon)))
        return dataclasses.replace(block, layers=tuple(layers))
