"""The multilayer perceptron: what the user asks for (`MLP`) and the list of blocks that it becomes (`Network`)."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
from jaxtyping import Array, Float, PRNGKeyArray

from wellposed.errors import StudyError
from wellposed.network.activations import activation as named_activation
from wellposed.network.initializers import Initializer, initializer
from wellposed.network.layers import Activation, Block, Dense, Params, State
from wellposed.network.randomness import Rng

__all__ = ["MLP", "Network", "Outputs", "Shortcut"]

HiddenHook = Callable[[Array, str], Array]


class Outputs(NamedTuple):
    """What a pass through the network gives.

    Attributes:
        logits: the output layer before its activation; ``heads`` is 1 for ordinary networks.
        hidden: by block name, hidden values before any technique changed them.
    """

    logits: Float[Array, "heads rows outputs"]
    hidden: dict[str, Array]


@dataclasses.dataclass(frozen=True)
class Shortcut:
    """Adds the values of one place to those of a later one, after the hook has changed both.

    Args:
        source: ``input`` or a hidden block; target: a later hidden block.
        projection: a linear layer on the way, where the widths differ; its kernel stands beside the target's.
    """

    source: str
    target: str
    projection: Dense | None = None


@dataclasses.dataclass(frozen=True)
class Network:
    """Blocks of layers from ``features`` columns to the output's logits.

    Args:
        features: number of input columns.
        blocks: hidden blocks, then the block ``output``.
        output_activation: turns logits into predictions (``sigmoid``, ``softmax``, ``linear``, ``relu``, …).
        shortcuts: around hidden blocks.
    """

    features: int
    blocks: tuple[Block, ...]
    output_activation: str
    shortcuts: tuple[Shortcut, ...] = ()

    @property
    def outputs(self) -> int:
        """Number of output columns."""
        return self.widths[-1]

    @property
    def widths(self) -> tuple[int, ...]:
        """Columns after each block."""
        widths, width = [], self.features
        for block in self.blocks:
            width = block.width(width)
            widths.append(width)
        return tuple(widths)

    @property
    def hidden_names(self) -> tuple[str, ...]:
        """Names of the hidden blocks, from the input's side."""
        return tuple(block.name for block in self.blocks[:-1])

    def init(self, key: PRNGKeyArray) -> tuple[Params, State]:
        """Initial parameters and state of every block."""
        params: Params = {}
        state: State = {}
        rng, width = Rng(key, "network"), self.features
        for block in self.blocks:
            params[block.name], state[block.name] = block.init(rng.key(block.name), width)
            width = block.width(width)
        widths = dict(zip(("input", *self.hidden_names), (self.features, *self.widths), strict=False))
        for shortcut in self.shortcuts:
            if shortcut.projection is not None:
                key = rng.key(shortcut.target, "shortcut")
                params[shortcut.target]["shortcut"], _ = shortcut.projection.init(key, widths[shortcut.source])
        return params, state

    def apply(
        self,
        params: Params,
        state: State,
        x: Float[Array, "rows features"],
        *,
        mask: Float[Array, " rows"],
        rng: Rng,
        train: bool,
        hidden_hook: HiddenHook = lambda h, layer: h,
    ) -> tuple[Outputs, State]:
        """Logits and hidden values; ``hidden_hook`` sees the input (as layer ``input``) and hidden blocks' outputs."""
        h = hidden_hook(x, "input")
        hidden: dict[str, Array] = {}
        values = {"input": h}
        after: State = {}
        for block in self.blocks:
            h, after[block.name] = block.apply(
                params[block.name], state[block.name], h, mask=mask, rng=rng, train=train
            )
            if block is not self.blocks[-1]:
                hidden[block.name] = h
                h = hidden_hook(h, block.name)
                for shortcut in (item for item in self.shortcuts if item.target == block.name):
                    past = values[shortcut.source]
                    if shortcut.projection is not None:
                        past, _ = shortcut.projection.apply(
                            params[block.name]["shortcut"], {}, past, mask=mask, rng=rng, train=train
                        )
                    h = h + past
                values[block.name] = h
        return Outputs(h if h.ndim == 3 else h[None], hidden), after

    def predict(self, logits: Float[Array, "... outputs"]) -> Float[Array, "... outputs"]:
        """The output activation."""
        return named_activation(self.output_activation)(logits)

    def parameters(self) -> int:
        """Number of trained parameters."""
        shapes = jax.eval_shape(lambda key: self.init(key)[0], jax.random.key(0))
        return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(shapes))

    def summary(self) -> str:
        """Layers, output shapes and parameter counts, as text."""
        shapes = jax.eval_shape(lambda key: self.init(key)[0], jax.random.key(0))
        lines = [("layer", "output", "parameters"), ("input", f"[rows, {self.features}]", "")]
        width = self.features
        for block in self.blocks:
            for name, layer in block.layers:
                width = layer.width(width)
                count = sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(shapes[block.name][name]))
                label = f"{block.name} {getattr(layer, 'name', name)}"
                lines.append((label, f"[rows, {width}]", f"{count:,}" if count else ""))
            for shortcut in (item for item in self.shortcuts if item.target == block.name):
                count = sum(math.prod(leaf.shape) for leaf in shapes[block.name].get("shortcut", {}).values())
                label = f"{block.name} + {shortcut.source}"
                lines.append((label, f"[rows, {width}]", f"{count:,}" if count else ""))
        if self.output_activation != "linear":
            lines.append((f"output {self.output_activation}", f"[rows, {width}]", ""))
        lines.append(("total", "", f"{self.parameters():,}"))
        widths = [max(len(line[i]) for line in lines) for i in range(3)]
        return "\n".join(f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:>{widths[2]}}" for a, b, c in lines)


@dataclasses.dataclass(frozen=True)
class MLP:
    """A multilayer perceptron, in Keras's terms.

    Hidden layers are ``activation(h W + b)``; the output layer's activation follows from the task (``auto``: sigmoid
    for two classes, softmax for more, linear for regression) unless it is given.

    Args:
        widths: units of the hidden layers; ``()`` is a linear model.
        activation: Keras's name, default ``relu``, with arguments if need be (``"leaky_relu(negative_slope=0.3)"``); or
            a name for each hidden layer.
        kernel_initializer, bias_initializer: Keras's names, with arguments if need be
            (``"random_normal(stddev=0.05)"``); defaults ``glorot_uniform`` and ``zeros``.
        output_activation: ``auto`` or a Keras name.
        outputs: ``auto`` (one output for two classes) or ``per-class`` (an output for each, also for two: "two-hot").
        output_kernel_initializer: for the output layer's kernel; default: as the hidden layers.

    Raises:
        StudyError: a width below 1, an unknown activation or initializer, or another number of activations than layers.

    Example:
        >>> MLP((20, 20)).build(features=11, outputs=1, output_activation="sigmoid").parameters()
        681
    """

    widths: Sequence[int] = (64, 64)
    activation: str | Sequence[str] = "relu"
    kernel_initializer: str | Initializer = "glorot_uniform"
    bias_initializer: str | Initializer = "zeros"
    output_activation: str = "auto"
    outputs: str = "auto"
    output_kernel_initializer: str | Initializer | None = None

    def __post_init__(self) -> None:
        widths = (self.widths,) if isinstance(self.widths, int) else tuple(self.widths)
        if any(not isinstance(width, int) or width < 1 for width in widths):
            raise StudyError("network: every width must be a whole number of at least 1", widths, "Write e.g. 20,20.")
        object.__setattr__(self, "widths", widths)
        if isinstance(self.activation, int):
            raise StudyError("network: widths stand in one pair of brackets", self.activation, "Write MLP((20, 20)).")
        if isinstance(self.activation, str):
            named_activation(self.activation)
        else:
            object.__setattr__(self, "activation", tuple(self.activation))
            if len(self.activation) != len(widths):
                what = f"network: {len(widths)} hidden layers need one activation or {len(widths)}"
                raise StudyError(what, self.activation)
            for name in self.activation:
                named_activation(name)
        if self.output_activation != "auto":
            named_activation(self.output_activation)
        if self.outputs not in ("auto", "per-class"):
            raise StudyError("network: outputs must be auto or per-class", self.outputs)
        initializer(self.kernel_initializer)
        initializer(self.bias_initializer)

    @property
    def activations(self) -> tuple[str, ...]:
        """The activation of each hidden layer."""
        return (self.activation,) * len(self.widths) if isinstance(self.activation, str) else tuple(self.activation)

    def build(self, *, features: int, outputs: int, output_activation: str) -> Network:
        """The blocks for ``features`` input columns and ``outputs`` output columns."""
        kernel, bias = initializer(self.kernel_initializer), initializer(self.bias_initializer)
        last = kernel if self.output_kernel_initializer is None else initializer(self.output_kernel_initializer)
        blocks = [
            Block(f"hidden{i}", (("dense", Dense(width, kernel, bias)), ("activation", Activation(name))))
            for i, (width, name) in enumerate(zip(self.widths, self.activations, strict=True), start=1)
        ]
        blocks.append(Block("output", (("dense", Dense(outputs, last, bias)),)))
        chosen = output_activation if self.output_activation == "auto" else self.output_activation
        return Network(features, tuple(blocks), chosen)
