"""What a script must say about a model: each layer with what acts on it, optimizer settings, and what has no words."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from wellposed.errors import printable
from wellposed.exchange.places import context_of
from wellposed.models.model import Model
from wellposed.network.initializers import Initializer, initializer
from wellposed.recipe import text
from wellposed.techniques.base import Technique, overrides
from wellposed.techniques.places import Placed
from wellposed.training.losses import Loss, loss
from wellposed.training.optimizers import Optimizer, optimizer
from wellposed.training.schedules import Schedule, schedule
from wellposed.training.spec import Training

__all__ = ["Place", "Sketch", "sketch"]


@dataclasses.dataclass
class Place:
    """A place of the network: the input (``units`` 0), a hidden layer, the output.

    Attributes:
        penalties: λ by what is penalized and how, ``("kernel", "l2")``; constraint, norm, noise: techniques here.
    """

    name: str
    units: int = 0
    activation: str = "linear"
    kernel: Initializer | None = None
    bias: Initializer | None = None
    penalties: dict[tuple[str, str], float] = dataclasses.field(default_factory=dict)
    constraint: Technique | None = None
    norm: Technique | None = None
    noise: list[Technique] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Sketch:
    """A model in the terms that Keras and PyTorch share.

    Attributes:
        places: input, hidden layers, output; training: as techniques rewrote it.
        settings: techniques about the optimizer, targets and stopping, by name.
        left_out: text of the techniques that the script can't say.
    """

    places: list[Place]
    training: Training
    optimizer: Optimizer
    schedule: Schedule
    loss: Loss
    settings: dict[str, Technique]
    left_out: list[str]


_HOOKS = (
    "training", "network", "prepare", "augment", "weights", "hidden", "row_loss", "batch_loss", "penalty", "objective",
    "differentiate", "gradients", "update", "inference", "epoch_end",
)  # fmt: skip
_SETTINGS = (
    "weight-decay", "clip-norm", "clip-value", "clip-global-norm", "ema", "label-smoothing", "early-stopping",
    "best-epoch",
)  # fmt: skip


def _penalty(place: Place, item: Any) -> None:
    for kind in ("l1", "l2"):
        if getattr(item, kind, 0.0):
            key = (item.on, kind)
            place.penalties[key] = place.penalties.get(key, 0.0) + getattr(item, kind)


def _constraint(place: Place, item: Technique) -> None:
    place.constraint = item


def _norm(place: Place, item: Technique) -> None:
    place.norm = item


def _noise(place: Place, item: Technique) -> None:
    place.noise.append(item)


_PLACED: Mapping[str, Callable[[Place, Any], None]] = {
    "l1": _penalty,
    "l2": _penalty,
    "elastic-net": _penalty,
    "max-norm": _constraint,
    "unit-norm": _constraint,
    "non-negative": _constraint,
    "min-max-norm": _constraint,
    "batch-norm": _norm,
    "layer-norm": _norm,
    "dropout": _noise,
    "gaussian-noise": _noise,
    "gaussian-dropout": _noise,
    "alpha-dropout": _noise,
}


def sketch(model: Model) -> Sketch:
    """The model as a script would say it; nothing is left out in silence."""
    network = model.network
    hidden = [f"hidden{number}" for number in range(1, len(tuple(network.widths)) + 1)]  # type: ignore[arg-type]
    kernel, bias = initializer(network.kernel_initializer), initializer(network.bias_initializer)
    last = network.output_kernel_initializer
    widths = (network.widths,) if isinstance(network.widths, int) else tuple(network.widths)
    layers = zip(hidden, widths, network.activations, strict=True)
    places = [Place("input"), *(Place(name, width, activation, kernel, bias) for name, width, activation in layers)]
    end = kernel if last is None else initializer(last)
    places.append(Place("output", model.target.outputs, model.target.activation, end, bias))
    by_name = {place.name: place for place in places}
    context = context_of(hidden)
    settings, left_out, training = {}, [], model.training
    for item in model.recipe:
        training = item.training(training)
        shaped = getattr(item, "shape", "brick") != "brick"
        if item.name in _SETTINGS and not _further(item):
            settings[item.name] = item
        elif item.name in _PLACED and isinstance(item, Placed) and not shaped:
            for name in item.chosen(item.candidates(context), item.layers):
                _PLACED[item.name](by_name[name], item)
        elif not _about_training_alone(item):
            left_out.append(printable(text(item)))
    chosen = model.target.loss if training.loss == "auto" else loss(training.loss)
    rule, course = optimizer(training.optimizer), schedule(training.schedule)
    return Sketch(places, training, rule, course, chosen, settings, left_out)


def _about_training_alone(item: Technique) -> bool:
    """Whether it only rewrites the training settings, which are already followed here."""
    return [name for name in _HOOKS if overrides(item, name)] == ["training"]


def _further(item: Technique) -> bool:
    """Whether an option asks for more than Keras and PyTorch have words for."""
    return getattr(item, "cautious", False) or getattr(item, "schedule", "constant") != "constant"
