"""Structure: the network itself is rebuilt, with shortcuts around pairs of layers or with several heads."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray

from wellposed.errors import TechniqueError
from wellposed.network.copies import CopiedDense, EnsembleDense, Shake
from wellposed.network.layers import Block, Dense
from wellposed.network.mlp import Network, Shortcut
from wellposed.network.randomness import Rng
from wellposed.techniques.base import Context, Own, Params, Static, Technique, option, strength, technique

__all__ = ["KHeads", "ShakeDrop", "ShakeShake", "SkipConnections", "StochasticDepth"]

Pair = tuple[str, str]


def pairs(hidden: tuple[str, ...]) -> tuple[Pair, ...]:
    """The hidden layers in residual pairs; of an odd number, the first stands alone before them."""
    rest = hidden[len(hidden) % 2 :]
    return tuple(zip(rest[::2], rest[1::2], strict=True))


class _Residual(Technique):
    """h ← h + F(h) around every pair F of hidden layers."""

    family = "structure"

    def check(self, context: Context) -> None:
        self._pairs(tuple(name for name in context.layers if name.startswith("hidden")))

    def _pairs(self, hidden: tuple[str, ...]) -> tuple[Pair, ...]:
        if len(hidden) < 2:
            remedy = "Give the network two hidden layers or more, or leave the technique out."
            raise TechniqueError(f"{type(self).__name__}: there is no pair of hidden layers", len(hidden), remedy)
        return pairs(hidden)

    def init(self, context: Context, params: Params, key: PRNGKeyArray) -> Own:
        hidden = tuple(name for name in context.layers if name.startswith("hidden"))
        return Own(state=Static(tuple(last for _, last in pairs(hidden))))

    def network(self, spec: Network) -> Network:
        places = ("input", *spec.hidden_names)
        widths = dict(zip(places, (spec.features, *spec.widths), strict=False))
        found = {shortcut.target: shortcut for shortcut in spec.shortcuts}
        for first, last in self._pairs(spec.hidden_names):  # Depth may have left fewer than there were
            source = places[places.index(first) - 1]
            projection = None if widths[source] == widths[last] else _projection(spec, last, widths[last])
            found.setdefault(last, Shortcut(source, last, projection))
        return dataclasses.replace(spec, shortcuts=tuple(found.values()))


def _projection(spec: Network, name: str, units: int) -> Dense:
    """A linear map for a shortcut between layers of different widths; starts like the layer beside it."""
    block = next(block for block in spec.blocks if block.name == name)
    beside = next(layer for _, layer in block.layers if isinstance(layer, Dense))
    return Dense(units, beside.kernel_initializer, beside.bias_initializer, use_bias=False)


@technique
class SkipConnections(_Residual):
    """Adds shortcuts around pairs of hidden layers, so that gradients reach the first layers undiminished.

    h ← S h + F(h), F two hidden layers; S the identity, or a trained linear map where the width changes

    Of an odd number of hidden layers the first has no shortcut.

    Raises:
        TechniqueError: fewer than two hidden layers.

    Source: He et al. 2016, eq. 1 and 2.
    """

    name: ClassVar[str] = "skip-connections"
    reference: ClassVar[str] = "He, Zhang, Ren and Sun 2016, Deep residual learning for image recognition, CVPR"


@technique
class StochasticDepth(_Residual):
    """Leaves out random pairs of hidden layers in training; a shortcut bridges them.

    h ← S h + b_l F(h) / (1 − p_l), b_l = 1 with probability 1 − p_l, else 0; p_l = p · l / L for pair l of L

    One draw a pair and minibatch. Scaled in training, as inverted dropout is, so that inference needs no factor.

    Args:
        rate: p in [0, 1), the chance that the last pair is left out, default 0.2.

    Raises:
        TechniqueError: fewer than two hidden layers.

    Source: Huang et al. 2016, eq. 2 to 4.
    """

    rate: float = strength(default=0.2, maximum=1.0, open_maximum=True, search=(0.0, 0.5), log=False)

    name: ClassVar[str] = "stochastic-depth"
    reference: ClassVar[str] = "Huang, Sun, Liu, Sedra and Weinberger 2016, Deep networks with stochastic depth, ECCV"

    def hidden(self, h: Array, layer: str, own: Own, *, mask: Array, rng: Rng, train: bool) -> Array:
        ends = own.state.value
        if not train or layer not in ends:
            return h
        rate = self.rate * (ends.index(layer) + 1) / len(ends)
        kept = jax.random.uniform(rng.key("kept", layer), (), jnp.float32) >= rate
        return h * jnp.where(kept, 1.0 / (1.0 - rate), 0.0)


@technique
class ShakeDrop(_Residual):
    """Scales random pairs of hidden layers by a random factor, forward and backward by different ones.

    h ← S h + (b_l + α − b_l α) F(h) / (1 − p_l), b_l = 1 with probability 1 − p_l; p_l = p · l / L for pair l of L

    α is uniform in [−1, 1] for each row; the gradient sees β, uniform in [0, 1], in its place. Scaled in training, so
    that inference needs no factor (the paper scales in inference).

    Args:
        rate: p in [0, 0.9], default 0.5.

    Raises:
        TechniqueError: fewer than two hidden layers.

    Source: Yamada et al. 2019, eq. 6, with draws by row ("image").
    """

    rate: float = strength(default=0.5, maximum=0.9, search=(0.0, 0.9), log=False)

    name: ClassVar[str] = "shake-drop"
    reference: ClassVar[str] = (
        "Yamada, Iwamura, Akiba and Kise 2019, ShakeDrop regularization for deep residual learning, IEEE Access 7"
    )

    def hidden(self, h: Array, layer: str, own: Own, *, mask: Array, rng: Rng, train: bool) -> Array:
        ends = own.state.value
        if not train or layer not in ends:
            return h
        rate = self.rate * (ends.index(layer) + 1) / len(ends)
        kept = jax.random.uniform(rng.key("kept", layer), (), jnp.float32) >= rate
        rows = (h.shape[-2], 1)
        alpha = jax.random.uniform(rng.key("forward", layer), rows, jnp.float32, -1.0, 1.0)
        beta = jax.random.uniform(rng.key("backward", layer), rows, jnp.float32)
        forward = h * (jnp.where(kept, 1.0, alpha) / (1.0 - rate))
        backward = h * (jnp.where(kept, 1.0, beta) / (1.0 - rate))
        return backward + jax.lax.stop_gradient(forward - backward)


@technique
class ShakeShake(_Residual):
    """Doubles every pair of hidden layers and joins the two at random, differently in every row.

    h ← S h + α F₁(h) + (1 − α) F₂(h), α uniform in [0, 1]; the gradient sees another draw; inference: α = ½

    The network has about twice the weights.

    Raises:
        TechniqueError: fewer than two hidden layers, or layers that have copies already.

    Source: Gastaldi 2017, eq. 3, with draws by row ("image").
    """

    name: ClassVar[str] = "shake-shake"
    decides: ClassVar[tuple[str, ...]] = ("how many copies of a layer there are",)
    reference: ClassVar[str] = "Gastaldi 2017, Shake-Shake regularization, arXiv:1705.07485"

    def network(self, spec: Network) -> Network:
        spec = super().network(spec)
        both = {name: end for pair in pairs(spec.hidden_names) for name, end in zip(pair, (False, True), strict=True)}
        blocks = [_doubled(block, last=both[block.name]) if block.name in both else block for block in spec.blocks]
        return dataclasses.replace(spec, blocks=tuple(blocks))


def _doubled(block: Block, *, last: bool) -> Block:
    layers = [
        (name, _replaced(layer, CopiedDense, copies=2) if isinstance(layer, Dense) else layer)
        for name, layer in block.layers
    ]
    return dataclasses.replace(block, layers=(*layers, ("shake", Shake())) if last else tuple(layers))


def _replaced(layer: Dense, kind: type[CopiedDense] | type[EnsembleDense], **changes: object) -> Dense:
    """The layer as one with copies, its own settings kept."""
    if type(layer) is not Dense:
        remedy = "Keep one of the techniques that double layers or give them heads."
        raise TechniqueError("recipe: the network's layers have copies already", type(layer).__name__, remedy)
    settings = {field.name: getattr(layer, field.name) for field in dataclasses.fields(Dense)}
    return kind(**settings, **changes)  # type: ignore[arg-type]


@technique
class KHeads(Technique):
    """Trains k networks that share their kernels, each with scales, biases and an output layer of its own.

    hidden: h_k ← s_k ∘ ((h_k ∘ r_k) W) + b_k; output: h_k ← h_k W_k + b_k

    The loss is the mean over heads, the prediction too. The first layer's r starts from random signs,
    all other scales from ones.

    Args:
        heads: k, a whole number from 2 to 64, default 16.

    Source: Wen et al. 2020 (BatchEnsemble) in the form of Gorishniy et al. 2025 (TabM).
    """

    heads: int = option(default=16)

    name: ClassVar[str] = "k-heads"
    decides: ClassVar[tuple[str, ...]] = ("how many copies of a layer there are",)
    family: ClassVar[str] = "structure"
    reference: ClassVar[str] = (
        "Wen, Tran and Ba 2020, BatchEnsemble, ICLR; Gorishniy, Kotelnikov and Babenko 2025, TabM: advancing tabular "
        "deep learning with parameter-efficient ensembling, ICLR"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.heads, bool) or not isinstance(self.heads, int) or not 2 <= self.heads <= 64:
            raise TechniqueError("KHeads: heads must be a whole number from 2 to 64", self.heads, "Usual are 8 to 32.")

    def network(self, spec: Network) -> Network:
        blocks = []
        for number, block in enumerate(spec.blocks):
            last = block is spec.blocks[-1]
            kind = CopiedDense if last else EnsembleDense
            extra: dict[str, object] = {} if last else {"signs": number == 0}
            layers = tuple(
                (name, _replaced(layer, kind, copies=self.heads, **extra) if isinstance(layer, Dense) else layer)
                for name, layer in block.layers
            )
            blocks.append(dataclasses.replace(block, layers=layers))
        return dataclasses.replace(spec, blocks=tuple(blocks))
