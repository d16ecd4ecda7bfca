"""What ``model.json`` says: a model without its weights, as JSON values and back."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from wellposed.data.preprocessing import Preprocessing
from wellposed.errors import StudyError
from wellposed.models.checks import Number, check
from wellposed.models.model import Model, ModelTarget
from wellposed.network.activations import activation
from wellposed.network.initializers import initializer
from wellposed.network.mlp import MLP
from wellposed.recipe import Recipe
from wellposed.techniques.base import Technique
from wellposed.techniques.catalog import find
from wellposed.training.losses import loss
from wellposed.training.metrics import metric
from wellposed.training.optimizers import optimizer
from wellposed.training.schedules import schedule
from wellposed.training.spec import Training

__all__ = ["SCHEMA", "SHAPE", "describe", "undescribed"]

SCHEMA = "wellposed.model/1"
WIDEST, DEEPEST, MOST_SETS = 1_000_000, 1000, 10_000
_REMEDY = "Save the model again."

_COLUMN = {"name": str, "kind": str, "categories": [str], "other": [str], "missing": bool}
_PREPROCESSING = {
    "version": int,
    "schema": {
        "task": str,
        "classes": [str],
        "targets": [str],
        "na": [str],
        "image_shape": (None, [int]),
        "columns": [_COLUMN],
    },
    "scaling": str,
    "fill": [Number],
    "center": [Number],
    "scale": [Number],
    "seen": [bool],
    "target_center": [Number],
    "target_scale": [Number],
}
SHAPE = {
    "schema": str,
    "network": {
        "widths": [int],
        "activation": (str, [str]),
        "kernel_initializer": str,
        "bias_initializer": str,
        "output_activation": str,
        "outputs": str,
        "output_kernel_initializer": (None, str),
    },
    "training": {
        "loss": str,
        "optimizer": str,
        "learning_rate": (None, Number),
        "schedule": str,
        "batch_size": int,
        "epochs": int,
        "class_weight": (None, str, dict),
        "shuffle": bool,
    },
    "recipe": [dict],
    "epochs": int,
    "target": {
        "expression": (None, str),
        "per_class": bool,
        "activation": str,
        "loss": str,
        "metric": str,
        "scaled": bool,
        "weight": (None, str),
    },
    "preprocessings": [_PREPROCESSING],
    "layers": [{"block": str, "layer": str, "kind": str, "width": int}],
    "weights": {"file": str, "sha256": str, "sets": int},
    "facts": dict,
}
"""Every key of ``model.json``, and what it holds; docs/model-format.md says what each means."""


def describe(model: Model) -> dict[str, Any]:
    """Everything but the weights, as JSON values."""
    network, training, target = model.network, model.training, model.target
    last = network.output_kernel_initializer
    weight = training.class_weight
    return {
        "schema": SCHEMA,
        "network": {
            "widths": list(network.widths),
            "activation": network.activation if isinstance(network.activation, str) else list(network.activation),
            "kernel_initializer": initializer(network.kernel_initializer).to_text(),
            "bias_initializer": initializer(network.bias_initializer).to_text(),
            "output_activation": network.output_activation,
            "outputs": network.outputs,
            "output_kernel_initializer": None if last is None else initializer(last).to_text(),
        },
        "training": {
            "loss": "auto" if training.loss == "auto" else loss(training.loss).to_text(),
            "optimizer": optimizer(training.optimizer).to_text(),
            "learning_rate": training.learning_rate,
            "schedule": schedule(training.schedule).to_text(),
            "batch_size": training.batch_size,
            "epochs": training.epochs,
            "class_weight": dict(weight) if isinstance(weight, Mapping) else weight,
            "shuffle": training.shuffle,
        },
        "recipe": [item.config() for item in model.recipe],
        "epochs": model.epochs,
        "target": {
            "expression": target.expression,
            "per_class": target.per_class,
            "activation": target.activation,
            "loss": target.loss.to_text(),
            "metric": target.metric.to_text(),
            "scaled": target.scaled,
            "weight": target.weight,
        },
        "preprocessings": [preprocessing.to_config() for preprocessing in model.preprocessings],
        "layers": layers(model),
        "facts": dict(model.facts),
    }


def layers(model: Model) -> list[dict[str, Any]]:
    """The layers in order, for readers in other languages."""
    found, width = [], model.built.features
    for block in model.built.blocks:
        for name, layer in block.layers:
            width = layer.width(width)
            found.append({"block": block.name, "layer": name, "kind": type(layer).__name__, "width": width})
        for shortcut in (item for item in model.built.shortcuts if item.target == block.name):
            kind = f"Shortcut from {shortcut.source}"
            found.append({"block": block.name, "layer": "shortcut", "kind": kind, "width": width})
    return found


def undescribed(found: Any, place: str) -> Model:
    """The model of a description, still without weights.

    Args:
        found: what the JSON text holds.
        place: the file, for messages.

    Raises:
        StudyError: anything in it is wrong; it names the key.
    """
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        got = found.get("schema", "none") if isinstance(found, dict) else "no object"
        raise StudyError(
            f"{place}: the schema must be {SCHEMA}", got, "Use the wellposed that saved it, or a newer one."
        )
    check(found, SHAPE, f"{place}:")
    network = _network(found["network"], place)
    training = Training(**found["training"] | {"class_weight": _class_weight(found["training"], place)})
    recipe = Recipe(tuple(_technique(item, f"{place}: recipe[{i}]") for i, item in enumerate(found["recipe"])))
    if not 1 <= found["epochs"] <= training.epochs:
        raise StudyError(f"{place}: epochs must be from 1 to training.epochs", found["epochs"], _REMEDY)
    configs = found["preprocessings"]
    if not configs:
        raise StudyError(f"{place}: preprocessings must hold at least one", remedy=_REMEDY)
    if any(config["schema"] != configs[0]["schema"] for config in configs):
        raise StudyError(f"{place}: the schemas of all preprocessings must be equal", remedy=_REMEDY)
    preprocessings = tuple(_preprocessing(item, f"{place}: preprocessings[{i}]") for i, item in enumerate(configs))
    target = _target(found["target"], configs[0]["schema"], place)
    sets = found["weights"]["sets"]
    if not 1 <= sets <= MOST_SETS or len(configs) not in (1, sets):
        raise StudyError(f"{place}: weights.sets must fit the preprocessings", sets, _REMEDY)
    model = Model(network, training, recipe, found["epochs"], preprocessings, target, (), (), found["facts"])
    if layers(model) != found["layers"]:
        raise StudyError(f"{place}: layers must be those of network and recipe", remedy=_REMEDY)
    return model


def _network(found: dict[str, Any], place: str) -> MLP:
    if len(found["widths"]) > DEEPEST or any(not 1 <= width <= WIDEST for width in found["widths"]):
        what = f"{place}: network.widths must be at most {DEEPEST}, each from 1 to {WIDEST}"
        raise StudyError(what, str(found["widths"]), _REMEDY)
    given = found["activation"]
    return MLP(
        **found | {"widths": tuple(found["widths"]), "activation": given if isinstance(given, str) else tuple(given)}
    )


def _class_weight(found: dict[str, Any], place: str) -> str | dict[str, float] | None:
    given = found["class_weight"]
    if isinstance(given, dict):
        for name, weight in given.items():
            check(weight, Number, f"{place}: training.class_weight.{name}")
            if weight < 0:
                raise StudyError(f"{place}: training.class_weight must not be negative", weight, _REMEDY)
    return given


def _technique(found: dict[str, Any], place: str) -> Technique:
    if not isinstance(found.get("name"), str):
        raise StudyError(f"{place} lacks its name", remedy=_REMEDY)
    cls = find(found["name"])
    fields: dict[str, Any] = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    unknown = [key for key in found if key not in ("name", *fields)]
    if unknown:
        raise StudyError(f"{place} has an unknown key", unknown[0], "A newer wellposed may know it.")
    values = {}
    for name, field in fields.items():
        if name in found:  # one that came with a later version of the technique has its default
            kind = Number if field.metadata["strength"] or isinstance(field.default, float) else type(field.default)
            check(found[name], kind, f"{place}.{name}")
            values[name] = found[name]
    return cls(**values)


def _preprocessing(config: dict[str, Any], place: str) -> Preprocessing:
    schema = config["schema"]
    names = [column["name"] for column in schema["columns"]]
    if not names or len(set(names)) < len(names):
        raise StudyError(f"{place}.schema.columns must be at least one, with different names", remedy=_REMEDY)
    for index, column in enumerate(schema["columns"]):
        where = f"{place}.schema.columns[{index}]"
        if column["kind"] not in ("numeric", "categorical"):
            raise StudyError(f"{where}.kind must be numeric or categorical", column["kind"], _REMEDY)
        labels = [*column["categories"], *column["other"]]
        if len(set(labels)) < len(labels) or (column["kind"] == "numeric" and labels):
            raise StudyError(f"{where}.categories must differ, and a numeric column has none", remedy=_REMEDY)
    if schema["task"] not in ("classification", "regression"):
        raise StudyError(f"{place}.schema.task must be classification or regression", schema["task"], _REMEDY)
    classes, targets = schema["classes"], schema["targets"]
    if len(set(classes)) < len(classes) or len(set(targets)) < len(targets) or not targets:
        raise StudyError(f"{place}.schema: classes and targets must have different names", remedy=_REMEDY)
    classifies = schema["task"] == "classification"
    if (len(classes) < 2 or len(targets) > 1) if classifies else bool(classes):
        raise StudyError(f"{place}.schema: classes and targets must fit the task", schema["task"], _REMEDY)
    shape = schema["image_shape"]
    if shape is not None:
        numeric = all(column["kind"] == "numeric" for column in schema["columns"])
        if not 2 <= len(shape) <= 3 or min(shape) < 1 or _product(shape) != len(names) or not numeric:
            raise StudyError(f"{place}.schema.image_shape must fit the columns", str(shape), _REMEDY)
    if config["scaling"] not in ("standard", "unit", "none"):
        raise StudyError(f"{place}.scaling must be standard, unit or none", config["scaling"], _REMEDY)
    made = Preprocessing.from_config(config)
    lengths = dict.fromkeys(("fill", "center", "scale", "seen"), made.schema.width)
    lengths |= dict.fromkeys(("target_center", "target_scale"), made.schema.outputs)
    for name, length in lengths.items():
        if len(config[name]) != length:
            raise StudyError(f"{place}.{name} must hold {length} numbers", len(config[name]), _REMEDY)
    for name in ("scale", "target_scale"):
        if not (np.isfinite(getattr(made, name)) & (getattr(made, name) > 0)).all():
            raise StudyError(f"{place}.{name} must be above 0", remedy=_REMEDY)
    return made


def _product(shape: list[int]) -> int:
    total = 1
    for size in shape:
        total *= size
    return total


def _target(found: dict[str, Any], schema: dict[str, Any], place: str) -> ModelTarget:
    columns, classes = tuple(schema["targets"]), tuple(schema["classes"])
    made = ModelTarget(
        **found
        | {
            "columns": columns,
            "task": schema["task"],
            "classes": classes,
            "loss": loss(found["loss"]),
            "metric": metric(found["metric"]),
        }
    )
    activation(made.activation)
    if made.metric.task != made.task:
        raise StudyError(f"{place}: target.metric must fit the task {made.task}", made.metric.name, _REMEDY)
    if made.expression not in (None, columns[0]) or (made.expression is not None and len(classes) != 2):
        raise StudyError(f"{place}: target.expression must be the target's name", made.expression, _REMEDY)
    if made.task == "classification" and not made.per_class and len(classes) != 2:
        raise StudyError(f"{place}: target.per_class must be true", f"{len(classes)} classes", _REMEDY)
    return made
