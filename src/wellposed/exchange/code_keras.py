"""A short Keras script that trains a model's network with its recipe."""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import Any

from wellposed.exchange.code_data import data_code
from wellposed.exchange.sketch import Place, Sketch, sketch
from wellposed.models.model import Model
from wellposed.network.activations import activation_arguments
from wellposed.network.initializers import Initializer

__all__ = ["keras_code"]

_LAYERS = {
    "dropout": ("Dropout", "rate"),
    "gaussian-noise": ("GaussianNoise", "stddev"),
    "gaussian-dropout": ("GaussianDropout", "rate"),
    "alpha-dropout": ("AlphaDropout", "rate"),
}
_CLIPS = {"clip-norm": "clipnorm", "clip-value": "clipvalue", "clip-global-norm": "global_clipnorm"}
_MUON = {"beta_1": "adam_beta_1", "beta_2": "adam_beta_2"}
_LAYER_ACTIVATIONS = {"leaky_relu": "LeakyReLU", "elu": "ELU", "relu": "ReLU"}


def keras_code(model: Model, title: str, data: str) -> str:
    """The script as text, ready to paste.

    Args:
        title: of its first line.
        data: path that it reads.
    """
    drawn = sketch(model)
    schedule, known = _schedule(drawn, drawn.training.rate)
    left_out = [*drawn.left_out, *([] if known else [f"schedule {drawn.schedule.to_text()}"])]
    lines = [f'"""{title}"""', ""]
    if left_out:
        lines += [f"# not expressible in Keras: {', '.join(left_out)}", ""]
    lines += ["import keras", "import numpy as np", "import pandas as pd"]
    lines += [f"from keras import {', '.join(_modules(drawn))}", ""]
    lines += [f"DATA = {data!r}", f"EPOCHS, BATCH_SIZE = {drawn.training.epochs}, {drawn.training.batch_size}", ""]
    lines += [*data_code(model), ""]
    lines += ["model = keras.Sequential(", "    [", "        keras.Input((x.shape[1],)),"]
    lines += [f"        {part}," for place in drawn.places for part in _place(place)]
    lines += ["    ]", ")", *schedule, *_optimizer(drawn), *_compile(model, drawn)]
    return "\n".join([*lines, *_fit(model, drawn), ""])


def _modules(drawn: Sketch) -> list[str]:
    places = drawn.places
    used = {"layers": True, "regularizers": any(place.penalties for place in places)}
    used["constraints"] = any(place.constraint for place in places)
    used["initializers"] = any(_arguments(i) for place in places for i in (place.kernel, place.bias) if i)
    return sorted(name for name, wanted in used.items() if wanted)


def _arguments(item: Any) -> dict[str, Any]:
    fields = dataclasses.fields(item)
    return {f.name: getattr(item, f.name) for f in fields if getattr(item, f.name) != f.default}


def _call(name: str, arguments: dict[str, Any]) -> str:
    return f"{name}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})"


def _initializer(item: Initializer) -> str:
    given = _arguments(item)
    return f"initializers.{_call(type(item).__name__, given)}" if given else repr(item.name)


def _place(place: Place) -> list[str]:
    """The layers of a place: dense, normalization, activation, noise."""
    layers = []
    norm: Any = place.norm
    before = norm is not None and getattr(norm, "position", "before") == "before"
    inside = "(" not in place.activation and not (before and place.units)
    if place.units:
        layers.append(_dense(place, inside=inside))
    if norm is not None and (before or not place.units):
        layers.append(_norm(norm))
    if place.units and not inside and place.activation != "linear":
        layers.append(_activation(place.activation))
    if norm is not None and not before and place.units:
        layers.append(_norm(norm))
    activity = {kind: value for (on, kind), value in place.penalties.items() if on == "activity"}
    if activity:
        layers.append(f"layers.{_call('ActivityRegularization', activity)}")
    for item in place.noise:
        name, strength = _LAYERS[item.name]
        layers.append(f"layers.{name}({getattr(item, strength)!r})")
    return layers


def _dense(place: Place, *, inside: bool) -> str:
    parts = [str(place.units)]
    if inside and place.activation != "linear":
        parts.append(f"activation={place.activation!r}")
    for what, item, default in (("kernel", place.kernel, "glorot_uniform"), ("bias", place.bias, "zeros")):
        if item is not None and item.to_text() != default:
            parts.append(f"{what}_initializer={_initializer(item)}")
    for on in ("kernel", "bias"):
        penalty = {kind: place.penalties[on, kind] for kind in ("l1", "l2") if (on, kind) in place.penalties}
        if penalty:
            parts.append(
                f"{on}_regularizer=regularizers.{_call('L1L2' if len(penalty) == 2 else _only(penalty), penalty)}"
            )
    if place.constraint is not None:
        parts.append(f"kernel_constraint=constraints.{_constraint(place.constraint)}")
    return f"layers.Dense({', '.join(parts)})"


def _only(penalty: dict[str, float]) -> str:
    return next(iter(penalty)).upper()


def _constraint(item: Any) -> str:
    if item.name == "max-norm":
        return f"MaxNorm({item.limit!r})"
    if item.name == "min-max-norm":
        return f"MinMaxNorm({item.minimum!r}, {item.maximum!r}, rate={item.rate!r})"
    return {"unit-norm": "UnitNorm()", "non-negative": "NonNeg()"}[item.name]


def _norm(item: Any) -> str:
    if item.name == "layer-norm":
        return f"layers.LayerNormalization(epsilon={item.epsilon!r})"
    return f"layers.BatchNormalization(momentum={item.momentum!r}, epsilon={item.epsilon!r})"


def _activation(text: str) -> str:
    word, arguments = activation_arguments(text)
    if "(" not in text:
        return f"layers.Activation({word!r})"
    if word not in _LAYER_ACTIVATIONS:
        return f"layers.Lambda(lambda h: keras.activations.{_call(word, arguments).replace('(', '(h, ', 1)})"
    given = {name: value for name, value in arguments.items() if not math.isinf(value)}
    return f"layers.{_call(_LAYER_ACTIVATIONS[word], given)}"


def _schedule(drawn: Sketch, rate: float) -> tuple[list[str], bool]:
    """Lines that leave ``learning_rate``, and whether Keras has the schedule."""
    item: Any = drawn.schedule
    if item.name == "constant":
        return [f"learning_rate = {rate!r}"], True
    steps = "steps = EPOCHS * -(-len(train) // BATCH_SIZE)"
    place = "learning_rate = keras.optimizers.schedules."
    if item.name == "cosine":
        if item.warmup:
            rise = f"int({item.warmup!r} * steps)"
            line = (
                f"CosineDecay(0.0, steps - {rise}, alpha={item.alpha!r}, warmup_target={rate!r}, warmup_steps={rise})"
            )
        else:
            line = f"CosineDecay({rate!r}, steps, alpha={item.alpha!r})"
    elif item.name == "exponential":
        line = f"ExponentialDecay({rate!r}, {item.every!r} * steps, {item.rate!r}, staircase={item.staircase})"
    elif item.name == "linear":
        line = f"PolynomialDecay({rate!r}, steps, {rate * item.end!r})"
    elif item.name == "step":
        boundaries = ", ".join(f"{share!r} * steps" for share in item.boundaries)
        line = f"PiecewiseConstantDecay([{boundaries}], {[rate * factor for factor in item.factors]!r})"
    elif item.name == "warm_restarts" and (ratio := _ratio(item.cycles)):
        first = f"{item.cycles[0] / sum(item.cycles)!r} * steps"
        line = f"CosineDecayRestarts({rate!r}, {first}, t_mul={ratio!r}, alpha={item.alpha!r})"
    else:
        return [f"learning_rate = {rate!r}"], False
    return [steps, f"{place}{line}"], True


def _ratio(cycles: tuple[float, ...]) -> float | None:
    """How much longer each cycle is than the one before, None if that isn't one number."""
    ratios = {round(after / before, 9) for before, after in itertools.pairwise(cycles)} or {1.0}
    return ratios.pop() if len(ratios) == 1 else None


def _optimizer(drawn: Sketch) -> list[str]:
    settings: dict[str, Any] = drawn.settings
    arguments = _arguments(drawn.optimizer)
    decay = settings.get("weight-decay")
    if decay is not None:
        arguments["weight_decay"] = getattr(drawn.optimizer, "weight_decay", 0.0) + decay.rate
    if drawn.optimizer.name == "muon":
        arguments = {_MUON.get(key, key): value for key, value in arguments.items()}
        if "weight_decay" in arguments:  # Keras has one for each kind of parameter
            arguments["adam_weight_decay"] = arguments["weight_decay"]
    arguments |= {_CLIPS[name]: item.limit for name, item in settings.items() if name in _CLIPS}
    if "ema" in settings:
        arguments |= {"use_ema": True, "ema_momentum": settings["ema"].decay}
    written = "".join(f", {key}={value!r}" for key, value in arguments.items())
    if drawn.optimizer.name == "muon":  # the output layer goes Adam's way
        written += ', exclude_layers=[model.layers[-1].name + "/"]'
    lines = [f"optimizer = keras.optimizers.{type(drawn.optimizer).__name__}(learning_rate{written})"]
    if decay is not None and decay.on == "kernel":
        lines.append('optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])')
    return lines


def _compile(model: Model, drawn: Sketch) -> list[str]:
    name = drawn.loss.name
    arguments = _arguments(drawn.loss)
    smoothing: Any = drawn.settings.get("label-smoothing")
    if smoothing is not None:
        arguments["label_smoothing"] = smoothing.rate
    loss = f"keras.losses.{_call(type(drawn.loss).__name__, arguments)}" if arguments else repr(name)
    metrics = '["accuracy"]' if model.target.task == "classification" else '[keras.metrics.R2Score(name="r2")]'
    return [f"model.compile(optimizer, {loss}, metrics={metrics})"]


def _fit(model: Model, drawn: Sketch) -> list[str]:
    settings: dict[str, Any] = drawn.settings
    arguments = ["epochs=EPOCHS", "batch_size=BATCH_SIZE", "verbose=0"]
    lines = []
    stopping = settings.get("early-stopping") or settings.get("best-epoch")
    if stopping is not None:
        score = "loss" if stopping.metric == "loss" else ("accuracy" if model.target.classes else "r2")
        given: dict[str, Any] = {"monitor": f"val_{score}", "mode": "min" if score == "loss" else "max"}
        if "early-stopping" in settings:
            given |= {"patience": int(stopping.patience), "min_delta": stopping.min_delta}
            given["restore_best_weights"] = stopping.restore
        else:  # patience that never runs out
            given |= {"patience": drawn.training.epochs, "restore_best_weights": True}
            given |= {"start_from_epoch": int(stopping.start) - 1} if stopping.start > 1 else {}
        if score == "loss" and any(place.penalties for place in drawn.places):
            lines.append("# Keras adds penalties to val_loss; wellposed watches the loss without them.")
        if "ema" in settings:
            lines.append("# Keras watches the present weights; wellposed watches their average, which predicts.")
        lines += ["watched, train = np.split(train, [int(0.15 * len(train))])  # held_out is kept for the end",
                  f"stopping = keras.callbacks.{_call('EarlyStopping', given)}"]  # fmt: skip
        arguments += ["validation_data=(x[watched], y[watched])", "callbacks=[stopping]"]
    weights = _class_weight(model)
    if weights:
        lines.append(weights)
        arguments.append("class_weight=class_weight")
    if not drawn.training.shuffle:
        arguments.append("shuffle=False")
    lines += ["model.fit(", "    x[train],", "    y[train],", *(f"    {part}," for part in arguments), ")"]
    return [*lines, "print(model.evaluate(x[held_out], y[held_out], verbose=0, return_dict=True))"]


def _class_weight(model: Model) -> str:
    given = model.training.class_weight
    if given is None:
        return ""
    if isinstance(given, str):
        codes = "y[train].argmax(1)" if model.target.per_class else "y[train, 0].astype(int)"
        return (
            f"counts = np.bincount({codes}, minlength=len(CLASSES))\n"
            "class_weight = {k: counts.sum() / (np.count_nonzero(counts) * max(n, 1)) for k, n in enumerate(counts)}"
        )
    return f"class_weight = { ({place: given[name] for place, name in enumerate(model.target.classes)})!r}"
