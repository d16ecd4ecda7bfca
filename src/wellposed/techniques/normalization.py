"""Normalization: layers that rescale values by the statistics of the minibatch."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from wellposed.errors import TechniqueError
from wellposed.network.layers import Activation, BatchNormalization, Block, Layer
from wellposed.network.mlp import Network
from wellposed.network.normalization import GhostBatchNormalization, LayerNormalization
from wellposed.techniques.base import Context, option, technique
from wellposed.techniques.places import Placed

__all__ = ["BatchNorm", "GhostBatchNorm", "LayerNorm"]


class _Normalization(Placed):
    """A layer that normalizes, between a linear layer and its activation, or in front of the first layer."""

    family = "normalization"
    decides = ("how values are normalized",)
    layer: ClassVar[str]  # the key of its parameters

    def candidates(self, context: Context) -> tuple[str, ...]:
        return tuple(name for name in context.layers if name != "output")

    def network(self, spec: Network) -> Network:
        chosen = self.chosen(("input", *spec.hidden_names), self.layers)
        blocks = [self._normalized(block) if block.name in chosen else block for block in spec.blocks]
        if "input" in chosen:
            self._refuse_second(blocks[0], "input_norm", "input")
            first = (("input_norm", self._made()), *blocks[0].layers)
            blocks[0] = dataclasses.replace(blocks[0], layers=first)
        return dataclasses.replace(spec, blocks=tuple(blocks))

    def _made(self) -> Layer:
        raise NotImplementedError

    def _position(self) -> str:
        return "before"

    def _normalized(self, block: Block) -> Block:
        for name in _NAMES:
            self._refuse_second(block, name, block.name)
        layers = list(block.layers)
        places = [index for index, (_, layer) in enumerate(layers) if isinstance(layer, Activation)]
        place = places[0] if places and self._position() == "before" else len(layers)
        layers.insert(place, (self.layer, self._made()))
        return dataclasses.replace(block, layers=tuple(layers))

    def _refuse_second(self, block: Block, name: str, place: str) -> None:
        if any(taken == name for taken, _ in block.layers):
            what = f"recipe: {self.name} can't normalize what is normalized already"
            raise TechniqueError(what, place, "Keep one normalization there, or choose separate layers.")


@technique
class BatchNorm(_Normalization):
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
    layer: ClassVar[str] = "batch_norm"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (isinstance(self.momentum, (int, float)) and 0 <= self.momentum < 1):
            raise TechniqueError(
                "BatchNorm: momentum must be a number in [0, 1)", self.momentum, "Keras's value is 0.99."
            )
        if not (isinstance(self.epsilon, (int, float)) and self.epsilon > 0):
            raise TechniqueError("BatchNorm: epsilon must be above 0", self.epsilon, "Keras's value is 0.001.")

    def _made(self) -> Layer:
        return BatchNormalization(self.momentum, self.epsilon)

    def _position(self) -> str:
        return self.position


@technique
class LayerNorm(_Normalization):
    """Normalizes each row over the units of a layer, between the linear layer and its activation.

    h ← γ (h − mean) / √(variance + ε) + β, mean and variance over the row's units; the same in training and inference

    Rows don't influence each other, so minibatches may be as small as one row. Over inputs it makes each row's features
    comparable among themselves, which loses their common size.

    Args:
        layers: ``hidden`` (default), ``last``, ``input``, ``all`` (input and hidden) or names joined by ``/``.
        epsilon: ε > 0, default 0.001.
        position: ``before`` (default) or ``after`` the activation.

    Source: Ba et al. 2016; Keras's ``LayerNormalization``.
    """

    layers: str = option(default="hidden")
    epsilon: float = option(default=1e-3)
    position: str = option(default="before", choices=("before", "after"))

    name: ClassVar[str] = "layer-norm"
    family: ClassVar[str] = "normalization"
    reference: ClassVar[str] = "Ba, Kiros and Hinton 2016, Layer normalization, arXiv 1607.06450"
    layer: ClassVar[str] = "layer_norm"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (isinstance(self.epsilon, (int, float)) and self.epsilon > 0):
            raise TechniqueError("LayerNorm: epsilon must be above 0", self.epsilon, "Keras's value is 0.001.")

    def _made(self) -> Layer:
        return LayerNormalization(self.epsilon)

    def _position(self) -> str:
        return self.position


@technique
class GhostBatchNorm(_Normalization):
    """Batch normalization over small parts of the minibatch, whose statistics are noisier than the whole one's.

    h ← γ (h − mean) / √(variance + 0.001) + β, mean and variance over each ``ghost`` rows of the minibatch; inference
    uses running averages r ← m r + (1 − m) mean over ghost batches

    With minibatches of at most ``ghost`` rows it is `BatchNorm`. A ghost batch with a single row is normalized by the
    running averages.

    Args:
        ghost: rows that are normalized together, at least 2, default 16; 32 to 256 are usual beside large minibatches.
        layers: ``hidden`` (default), ``last``, ``input``, ``all`` (input and hidden) or names joined by ``/``.
        momentum: m in [0, 1), default 0.99.

    Source: Hoffer et al. 2017, Algorithm 1 (whose running averages take the ghost batches one after the other).
    """

    ghost: int = option(default=16)
    layers: str = option(default="hidden")
    momentum: float = option(default=0.99)

    name: ClassVar[str] = "ghost-batch-norm"
    family: ClassVar[str] = "normalization"
    reference: ClassVar[str] = (
        "Hoffer, Hubara and Soudry 2017, Train longer, generalize better: closing the generalization gap in large "
        "batch training of neural networks, NeurIPS"
    )
    layer: ClassVar[str] = "ghost_norm"

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.ghost, bool) or not isinstance(self.ghost, int) or self.ghost < 2:
            what = "GhostBatchNorm: ghost must be a whole number of at least 2"
            raise TechniqueError(what, self.ghost, "Usual are 16 to 256.")
        if not (isinstance(self.momentum, (int, float)) and 0 <= self.momentum < 1):
            what = "GhostBatchNorm: momentum must be a number in [0, 1)"
            raise TechniqueError(what, self.momentum, "Keras's value is 0.99.")

    def _made(self) -> Layer:
        return GhostBatchNormalization(self.momentum, ghost=self.ghost)


_NAMES = tuple(cls.layer for cls in (BatchNorm, LayerNorm, GhostBatchNorm))
