"""Reads the layers of a Keras model into a network, and what regularizes in them into techniques.

Keras itself isn't imported here: layers say what they are by their class's name and `get_config`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from wellposed.errors import StudyError
from wellposed.exchange.keras_objects import initializer_of, named, number, technique_class
from wellposed.exchange.places import placed
from wellposed.network.mlp import MLP
from wellposed.techniques.base import Technique

__all__ = ["Layers", "chain", "read_layers"]

_ACTIVATIONS = ("Activation", "ReLU", "LeakyReLU", "ELU", "Softmax")
_NOISE = {
    "Dropout": ("dropout", "rate"),
    "GaussianNoise": ("gaussian-noise", "stddev"),
    "GaussianDropout": ("gaussian-dropout", "rate"),
    "AlphaDropout": ("alpha-dropout", "rate"),
}
_NORMS = {"BatchNormalization": "batch-norm", "LayerNormalization": "layer-norm"}
_NOISE_NAMES = tuple(name for name, _ in _NOISE.values())
_OURS = ("Normalization", "Rescaling")
# Activations with f(c·h) = c·f(h) for c ≥ 0: dropout before them is dropout after them.
_HOMOGENEOUS = ("relu", "leaky_relu", "linear")


@dataclasses.dataclass(frozen=True)
class Layers:
    """What the layers say: the network, its techniques, the number of outputs, sentences about what is done here."""

    network: MLP
    techniques: tuple[Technique, ...]
    outputs: int
    notes: tuple[str, ...]


@dataclasses.dataclass
class _Place:
    """A dense layer and what follows it, up to the next one; the first place, ``input``, has no dense layer."""

    name: str
    dense: Any = None
    activation: str = "linear"
    events: list[str] = dataclasses.field(default_factory=list)  # activation, normalization and noise, in order


class _Found:
    """Strengths by technique (and what it acts on) and place."""

    def __init__(self) -> None:
        self._strengths: dict[tuple[str, tuple[tuple[str, str], ...]], dict[str, dict[str, float]]] = {}

    def add(self, technique: str, place: str, strengths: Mapping[str, float], layer: Any, **options: Any) -> None:
        """Notes a technique; ``layer`` is the Keras layer that asked for it.

        Raises:
            StudyError: the place has one already.
        """
        by_place = self._strengths.setdefault((technique, tuple(options.items())), {})
        if place in by_place:
            remedy = "Keep one of them."
            raise StudyError(f"from_keras: a second {technique} in the same place ({place})", named(layer), remedy)
        by_place[place] = dict(strengths)

    def techniques(self, hidden: Sequence[str]) -> Iterator[Technique]:
        """Techniques with their ``layers``; places of equal strengths share one. The last dense layer is ``output``."""
        for (name, options), everywhere in self._strengths.items():
            cls = technique_class(name)
            assert cls is not None
            by_place = {place if place in ("input", *hidden) else "output": at for place, at in everywhere.items()}
            for strengths in {tuple(values.items()): values for values in by_place.values()}.values():
                places = [place for place, values in by_place.items() if values == strengths]
                yield placed(cls, places, hidden, {**strengths, **dict(options)})


def chain(model: Any) -> list[Any]:
    """The layers from input to output, nested models opened.

    Raises:
        StudyError: it isn't a chain of Keras layers.
    """
    kinds = {cls.__name__ for cls in type(model).__mro__}
    if "Sequential" in kinds:
        layers = list(model.layers)
    elif "Functional" in kinds:
        layers = _walk(model)
    else:
        remedy = "Build it as keras.Sequential, or as a functional model that is a chain of layers."
        raise StudyError("from_keras: only Sequential and functional models can be read", type(model).__name__, remedy)
    opened: list[Any] = []
    for layer in layers:
        opened += chain(layer) if {"Sequential", "Functional"} & {c.__name__ for c in type(layer).__mro__} else [layer]
    repeated = [layer for index, layer in enumerate(opened) if any(layer is other for other in opened[:index])]
    if repeated:
        raise StudyError("from_keras: a layer is used twice", named(repeated[0]), "Give each place a layer of its own.")
    return opened


def _walk(model: Any) -> list[Any]:
    """A functional model's layers, from its output back to its input."""
    for what, tensors in (("inputs", model.inputs), ("outputs", model.outputs)):
        if len(tensors) != 1:
            remedy = "Join them, or give the network a single one: it must be a chain of layers."
            raise StudyError(f"from_keras: the model has several {what}", len(tensors), remedy)
    layers, tensor = [], model.outputs[0]
    while True:
        layer, node, _ = tensor._keras_history
        layers.append(layer)
        if type(layer).__name__ == "InputLayer":
            return layers[::-1]
        before = layer._inbound_nodes[node].input_tensors
        if len(before) != 1:
            remedy = "Branches and skip connections can't be read: make it a chain of layers."
            raise StudyError("from_keras: a layer has several inputs", named(layer), remedy)
        tensor = before[0]


def read_layers(model: Any) -> Layers:
    """Network and techniques of a model's layers.

    Raises:
        StudyError: a layer, an option of one, or an order of layers that has no counterpart, by its name.
    """
    found, notes = _Found(), []
    places = [_Place("input")]
    for layer in chain(model):
        kind, config = type(layer).__name__, layer.get_config()
        if not layer.trainable and kind in ("Dense", *_NORMS):
            raise StudyError("from_keras: a frozen layer can't be read", named(layer), "Set its trainable to True.")
        place = places[-1]
        if kind == "Dense":
            place = _Place(f"hidden{len(places)}", layer)
            places.append(place)
            _read_weights(place, config, found)
            _activate(place, layer, config["activation"])
        elif kind in _ACTIVATIONS:
            _activate(place, layer, _activation_text(kind, config, layer))
        elif kind in _NOISE:
            _read_noise(place, layer, kind, config, found)
        elif kind in _NORMS:
            _read_norm(place, layer, kind, config, found)
        elif kind in _OURS and len(places) == 1:
            notes.append(f"{named(layer)}: left to wellposed's preprocessing, learned from training rows.")
        elif kind not in ("InputLayer", "ActivityRegularization") and not (kind == "Flatten" and len(places) == 1):
            remedy = "Layers that can be read: Dense, activations, dropout, noise, normalization; take it out."
            raise StudyError("from_keras: a layer that can't be read", named(layer), remedy)
        _read_activity(place, layer, kind, config, found)
    if len(places) == 1:
        raise StudyError("from_keras: the model has no Dense layer", None, "Give it an output layer: Dense.")
    return _assembled(places, found, notes)


def _assembled(places: list[_Place], found: _Found, notes: list[str]) -> Layers:
    *hidden, output = places[1:]
    behind = [event for event in output.events if event != "activation"]
    if behind:
        remedy = "Only an activation may follow the last Dense layer: put it on a hidden one."
        raise StudyError("from_keras: something acts on the output layer's values", behind[0], remedy)
    kernels = [initializer_of(place.dense, "kernel_initializer") for place in places[1:]]
    biases = [initializer_of(place.dense, "bias_initializer") for place in places[1:]]
    for what, given in (("kernel", kernels[:-1]), ("bias", biases)):
        different = [place for place, item in zip(places[1:], given, strict=False) if item != given[0]]
        if different:
            remedy = f"Give {'hidden' if what == 'kernel' else 'all'} layers the same one."
            raise StudyError(f"from_keras: another {what} initializer in", named(different[0].dense), remedy)
    activations = tuple(place.activation for place in hidden)
    units = int(output.dense.units)
    names = [place.name for place in hidden]
    techniques = tuple(found.techniques(names))
    network = MLP(
        tuple(int(place.dense.units) for place in hidden),
        (activations[0] if len(set(activations)) == 1 else activations) if activations else "relu",
        kernels[0].to_text(),
        biases[0].to_text(),
        output.activation,
        "per-class" if units == 2 else "auto",
        None if kernels[-1] == kernels[0] else kernels[-1].to_text(),
    )
    return Layers(network, techniques, units, tuple(notes))


def _read_weights(place: _Place, config: Mapping[str, Any], found: _Found) -> None:
    """Regularizers and constraints of a dense layer."""
    layer = place.dense
    if not config["use_bias"]:
        raise StudyError("from_keras: a layer without bias can't be read", named(layer), "Leave use_bias at True.")
    for option in ("lora_rank", "quantization_config"):
        if config.get(option):
            raise StudyError(f"from_keras: {option} can't be read", named(layer), "Leave it out.")
    if any(len(node.input_tensors[0].shape) > 2 for node in layer._inbound_nodes):
        remedy = "Put Flatten before it: rows must be vectors."
        raise StudyError("from_keras: a Dense layer on more than one axis", named(layer), remedy)
    for on in ("kernel", "bias"):
        _read_penalty(place, layer, config.get(f"{on}_regularizer"), on, found)
    if config.get("bias_constraint"):
        raise StudyError("from_keras: a constraint of biases can't be read", named(layer), "Leave it out.")
    constraint = config.get("kernel_constraint")
    if constraint:
        _read_constraint(place, layer, constraint["class_name"], constraint["config"], found)


def _read_penalty(place: _Place, layer: Any, spec: Mapping[str, Any] | None, on: str, found: _Found) -> None:
    if not spec:
        return
    kind, config = spec["class_name"], spec["config"]
    if kind not in ("L1", "L2", "L1L2"):
        remedy = "Regularizers that can be read: L1, L2, L1L2."
        raise StudyError(f"from_keras: a regularizer of {named(layer)} that can't be read", kind, remedy)
    for name in ("l1", "l2"):
        if config.get(name):
            found.add(name, place.name, {name: number(config[name])}, layer, on=on)


def _read_constraint(place: _Place, layer: Any, kind: str, config: Mapping[str, Any], found: _Found) -> None:
    strengths = {
        "MaxNorm": lambda: ("max-norm", {"limit": number(config["max_value"])}),
        "NonNeg": lambda: ("non-negative", {}),
        "UnitNorm": lambda: ("unit-norm", {}),
        "MinMaxNorm": lambda: (
            "min-max-norm",
            {"minimum": number(config["min_value"]), "maximum": number(config["max_value"]), "rate": config["rate"]},
        ),
    }
    if kind not in strengths or technique_class(strengths[kind]()[0]) is None:
        remedy = "Use MaxNorm, or leave the constraint out."
        raise StudyError(f"from_keras: a constraint of {named(layer)} that can't be read", kind, remedy)
    if config.get("axis", 0) not in (0, [0]):
        remedy = "Use axis=0: the incoming weights of each unit."
        raise StudyError(f"from_keras: {kind} of {named(layer)} along another axis", config["axis"], remedy)
    found.add(strengths[kind]()[0], place.name, strengths[kind]()[1], layer)


def _activate(place: _Place, layer: Any, text: Any) -> None:
    if text in (None, "linear"):
        return
    if not isinstance(text, str):
        remedy = "Name one of Keras's own activations."
        raise StudyError("from_keras: a custom activation can't be read", named(layer), remedy)
    if place.dense is None or place.activation != "linear" or place.events not in ([], ["batch-norm"], ["layer-norm"]):
        dropped = place.events == ["dropout"] and text.partition("(")[0] in _HOMOGENEOUS
        if place.dense is None or place.activation != "linear" or not dropped:
            remedy = "An activation must follow its Dense layer, or the normalization after it."
            raise StudyError("from_keras: an activation in a place that can't be read", named(layer), remedy)
        place.events.clear()
        place.activation = text
        place.events += ["activation", "dropout"]
        return
    place.activation = text
    place.events.append("activation")


def _activation_text(kind: str, config: Mapping[str, Any], layer: Any) -> Any:
    if kind == "Activation":
        return config["activation"]
    if kind == "LeakyReLU":
        return f"leaky_relu(negative_slope={number(config['negative_slope'])!r})"
    if kind == "ELU":
        return "elu" if config["alpha"] == 1 else f"elu(alpha={number(config['alpha'])!r})"
    if kind == "Softmax":
        if config.get("axis", -1) not in (-1, 1):
            raise StudyError("from_keras: Softmax along another axis", named(layer), "Use axis=-1.")
        return "softmax"
    values = {"max_value": config["max_value"], "negative_slope": config["negative_slope"]}
    values["threshold"] = config["threshold"]
    given = ", ".join(f"{name}={number(value)!r}" for name, value in values.items() if value)
    return f"relu({given})" if given else "relu"


def _read_noise(place: _Place, layer: Any, kind: str, config: Mapping[str, Any], found: _Found) -> None:
    name, strength = _NOISE[kind]
    cls = technique_class(name)
    if cls is None:
        remedy = "Use Dropout or GaussianNoise, or take it out."
        raise StudyError("from_keras: a layer that can't be read", named(layer), remedy)
    if config.get("noise_shape") is not None:
        raise StudyError("from_keras: noise_shape can't be read", named(layer), "Leave it out: each value by itself.")
    earlier = [event for event in place.events if event in _NOISE_NAMES]
    if place.dense is None and any(event in _NORMS.values() for event in place.events):
        remedy = f"Put {kind} first."
        raise StudyError(f"from_keras: {kind} behind the normalization of the input", named(layer), remedy)
    if any(event > name for event in earlier):  # the engine disturbs values in the order of the techniques' names
        remedy = "Swap them."
        raise StudyError(f"from_keras: {kind} behind {earlier[-1]} in one place ({place.name})", named(layer), remedy)
    place.events.append(name)
    if config[strength]:
        found.add(name, place.name, {strength: number(config[strength])}, layer)


def _read_norm(place: _Place, layer: Any, kind: str, config: Mapping[str, Any], found: _Found) -> None:
    name = _NORMS[kind]
    if technique_class(name) is None:
        raise StudyError("from_keras: a layer that can't be read", named(layer), "Use BatchNormalization.")
    if config.get("axis", -1) not in (-1, 1, [-1], [1]):
        raise StudyError("from_keras: normalization along another axis", named(layer), "Use axis=-1.")
    for option, default in (("center", True), ("scale", True), ("rms_scaling", False), ("renorm", False)):
        if config.get(option, default) != default:
            remedy = f"Leave it at {default}."
            raise StudyError(f"from_keras: {option}={config[option]} of a layer can't be read", named(layer), remedy)
    for option in ("beta_initializer", "gamma_initializer", "moving_mean_initializer", "moving_variance_initializer"):
        if config.get(option) and config[option]["class_name"] not in ("Zeros", "Ones"):
            raise StudyError(f"from_keras: {option} can't be read", named(layer), "Leave it at Keras's default.")
    for option in ("beta_regularizer", "gamma_regularizer", "beta_constraint", "gamma_constraint"):
        if config.get(option):
            raise StudyError(f"from_keras: {option} can't be read", named(layer), "Leave it out.")
    noisy = [event for event in place.events if event in (*_NOISE_NAMES, "activity")]
    if noisy and place.dense is not None:
        remedy = f"Put the normalization first, then {noisy[-1]}."
        raise StudyError(f"from_keras: a normalization behind {noisy[-1]}", named(layer), remedy)
    place.events.append(name)
    options: dict[str, Any] = {"epsilon": number(config["epsilon"])}
    if kind == "BatchNormalization":
        options["momentum"] = number(config["momentum"])
    if "activation" in place.events and place.activation != "linear":
        options["position"] = "after"
    found.add(name, place.name, {}, layer, **options)


def _read_activity(place: _Place, layer: Any, kind: str, config: Mapping[str, Any], found: _Found) -> None:
    spec = config.get("activity_regularizer")
    if kind == "ActivityRegularization":
        spec = {"class_name": "L1L2", "config": {"l1": config["l1"], "l2": config["l2"]}}
    if not spec:
        return
    if place.dense is None or any(event in _NOISE_NAMES for event in place.events):
        remedy = "Put it on the Dense layer (or its activation) before dropout and noise."
        raise StudyError("from_keras: an activity penalty in a place that can't be read", named(layer), remedy)
    place.events.append("activity")
    _read_penalty(place, layer, spec, "activity", found)
