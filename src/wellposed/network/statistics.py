"""Batch statistics estimated anew: the exact means and variances of all rows, for weights that weren't trained on."""

from __future__ import annotations

import dataclasses

from jaxtyping import Array

from wellposed.network.layers import BatchNormalization, Block, Layer, Params, State
from wellposed.network.mlp import Network
from wellposed.network.randomness import Rng

__all__ = ["estimating", "has_statistics"]


@dataclasses.dataclass(frozen=True)
class _Estimating(Layer):
    """Normalizes by the statistics of the rows given, in inference mode too, and leaves them as its state."""

    layer: BatchNormalization

    def apply(
        self, params: Params, state: State, h: Array, *, mask: Array, rng: Rng, train: bool
    ) -> tuple[Array, State]:
        return self.layer.apply(params, state, h, mask=mask, rng=rng, train=True)


def has_statistics(network: Network) -> bool:
    """Whether a layer keeps running statistics."""
    return any(isinstance(layer, BatchNormalization) for block in network.blocks for _, layer in block.layers)


def estimating(network: Network) -> Network:
    """The network whose pass over all rows leaves their means and variances as its state, from the first layer on.

    Every other layer works as in inference: as PyTorch's ``update_bn``, but without dropout, and exact instead of an
    average over minibatches. Ghost batch normalization too predicts with the statistics of all rows.
    """
    return dataclasses.replace(network, blocks=tuple(_block(block) for block in network.blocks))


def _block(block: Block) -> Block:
    layers = tuple((name, _layer(layer)) for name, layer in block.layers)
    return dataclasses.replace(block, layers=layers)


def _layer(layer: Layer) -> Layer:
    if not isinstance(layer, BatchNormalization):
        return layer
    return _Estimating(BatchNormalization(momentum=0.0, epsilon=layer.epsilon))
