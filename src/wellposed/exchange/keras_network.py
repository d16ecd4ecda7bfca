"""Builds a model's preprocessing and network from Keras's own layers; the module `keras` is handed in."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wellposed.data.preprocessing import Preprocessing
from wellposed.data.schema import Column, Schema
from wellposed.errors import StudyError
from wellposed.models.model import Arrays, Model
from wellposed.network.activations import activation_arguments
from wellposed.network.copies import CopiedDense, EnsembleDense, Shake
from wellposed.network.layers import Activation, BatchNormalization, Dense, Layer
from wellposed.network.mlp import Network
from wellposed.network.normalization import LayerNormalization

__all__ = ["MISSING", "UNKNOWN", "build", "codes", "input_names"]

UNKNOWN, MISSING = 0, 1
"""Codes of categories never seen and of missing cells; those of the vocabulary follow."""

Wire = Callable[[Any], Any]


def codes(column: Column) -> dict[str, int]:
    """The code by which each label of a categorical column enters the Keras model; rare labels share one."""
    vocabulary = {label: MISSING + 1 + place for place, label in enumerate(column.categories)}
    return vocabulary | dict.fromkeys(column.other, MISSING + 1 + len(column.categories))


def input_names(schema: Schema) -> list[str]:
    """The Keras model's input for each column: its name, or ``column3`` where Keras doesn't take that name."""
    return [
        f"column{number}" if "/" in column.name or not column.name else column.name
        for number, column in enumerate(schema.columns, start=1)
    ]


def build(keras: Any, model: Model) -> Any:
    """An uncompiled Keras model of the inference network: inputs are raw columns, outputs those of `Model`.

    Raises:
        StudyError: a layer that Keras has no counterpart of.
    """
    inputs = _inputs(keras, model)
    by_preprocessing: dict[int, Any] = {}
    branches = []
    for number, (weights, state) in enumerate(zip(model.weights, model.state, strict=True)):
        learned = model.preprocessings[number if len(model.preprocessings) > 1 else 0]
        if id(learned) not in by_preprocessing:
            by_preprocessing[id(learned)] = _encoded(keras, learned, inputs)
        prefix = f"set{number + 1}_" if len(model.weights) > 1 else ""
        heads = _network(keras, model.built, weights, state, by_preprocessing[id(learned)], prefix)
        output = heads[0] if len(heads) == 1 else keras.layers.Average(name=f"{prefix}heads")(heads)
        if model.target.task == "regression" and model.target.scaled:
            scale, offset = learned.target_scale.tolist(), learned.target_center.tolist()
            output = keras.layers.Rescaling(scale, offset, name=f"{prefix}units")(output)
        branches.append(output)
    output = branches[0] if len(branches) == 1 else keras.layers.Average(name="average")(branches)
    given = next(iter(inputs.values())) if len(inputs) == 1 and "features" in inputs else inputs
    return keras.Model(given, output, name="wellposed")


# -- preprocessing ---------------------------------------------------------------------------------------------------


def _inputs(keras: Any, model: Model) -> dict[str, Any]:
    """One matrix (or image) of numbers, or an input for each column if there are categorical ones."""
    schema = model.schema
    if schema.image_shape is not None:
        return {"features": keras.Input(schema.image_shape, name="features")}
    if all(column.numeric for column in schema.columns):
        return {"features": keras.Input((len(schema.columns),), name="features")}
    pairs = zip(input_names(schema), schema.columns, strict=True)
    return {name: keras.Input((1,), name=name, dtype="float32" if c.numeric else "int32") for name, c in pairs}


def _encoded(keras: Any, learned: Preprocessing, inputs: dict[str, Any]) -> Any:
    """The network's inputs, columns in the order of the schema."""
    schema = learned.schema
    parts: list[Any] = []
    order: list[int] = []
    named = dict(zip([column.name for column in schema.columns], input_names(schema), strict=True))
    numeric = [(column, group) for column, group in _pairs(learned) if column.numeric]
    if numeric:
        whole = inputs.get("features")
        values = _joined(keras, [inputs[named[c.name]] for c, _ in numeric]) if whole is None else whole
        if schema.image_shape is not None:
            values = keras.layers.Flatten()(values)
        positions = [group[0] for _, group in numeric]
        missing = keras.ops.isnan(values)
        parts.append(_scaled(keras, learned, values, missing, positions))
        order += positions
        flagged = [(place, group[-1]) for place, (column, group) in enumerate(numeric) if column.missing]
        if flagged:
            chosen = keras.ops.take(missing, np.array([place for place, _ in flagged], np.int32), axis=-1)
            ends = [end for _, end in flagged]
            parts.append(keras.ops.cast(chosen, "float32") * _constant(learned.seen[ends] / learned.scale[ends]))
            order += ends
    for column, group in _pairs(learned):
        if not column.numeric and group:
            parts.append(_looked_up(keras, learned, column, group, inputs[named[column.name]]))
            order += group
    encoded = _joined(keras, parts)
    place = np.argsort(order)
    return (
        encoded if (place == np.arange(len(order))).all() else keras.ops.take(encoded, place.astype(np.int32), axis=-1)
    )


def _pairs(learned: Preprocessing) -> list[tuple[Column, tuple[int, ...]]]:
    return list(zip(learned.schema.columns, learned.schema.feature_groups, strict=True))


def _joined(keras: Any, tensors: Sequence[Any]) -> Any:
    return tensors[0] if len(tensors) == 1 else keras.layers.Concatenate()(list(tensors))


def _scaled(keras: Any, learned: Preprocessing, values: Any, missing: Any, positions: list[int]) -> Any:
    """(value, or the median where it is missing, − center) / scale; 0 where nothing was learned.

    The center is taken off as a float32 first and its rounding error afterwards: centers far larger than the scale
    keep all digits that a float32 input has.
    """
    fill, center, scale = (part[positions] for part in (learned.fill, learned.center, learned.scale))
    seen = learned.seen[positions]
    near = center.astype(np.float32)
    filled = keras.ops.where(missing, _constant(fill), values)
    factor, rest = np.where(seen, 1.0 / scale, 0.0), np.where(seen, (near.astype(np.float64) - center) / scale, 0.0)
    return keras.layers.Rescaling(factor.tolist(), rest.tolist())(filled - _constant(near))


def _looked_up(keras: Any, learned: Preprocessing, column: Column, group: tuple[int, ...], codes_in: Any) -> Any:
    """The row of the encoded vector for each code, from a fixed table."""
    tokens = MISSING + 1 + len(column.categories) + bool(column.other)
    table = np.zeros((tokens, len(group)), np.float32)
    table[range(MISSING + 1, tokens), range(tokens - MISSING - 1)] = 1.0
    if column.missing:
        table[MISSING, -1] = 1.0
    ends = list(group)
    table *= np.where(learned.seen[ends], 1.0 / learned.scale[ends], 0.0).astype(np.float32)
    layer = keras.layers.Embedding(tokens, len(group), trainable=False)
    encoded = keras.layers.Flatten()(layer(codes_in))
    layer.set_weights([table])
    return encoded


def _constant(values: np.ndarray) -> np.ndarray:
    return np.asarray(values, np.float32)


# -- network ---------------------------------------------------------------------------------------------------------


def _network(keras: Any, network: Network, weights: Arrays, state: Arrays, x: Any, prefix: str) -> list[Any]:
    """The output of every head."""
    values = {"input": [x]}
    heads = [x]
    for block in network.blocks:
        for name, layer in block.layers:
            parts = {**weights[block.name].get(name, {}), **state[block.name].get(name, {})}
            heads = _applied(keras, layer, parts, heads, f"{prefix}{block.name}_{name}")
        for shortcut in (item for item in network.shortcuts if item.target == block.name):
            past = values[shortcut.source]
            if shortcut.projection is not None:
                parts = weights[block.name]["shortcut"]
                past = _applied(keras, shortcut.projection, parts, past, f"{prefix}{block.name}_shortcut")
            past = past * len(heads) if len(past) == 1 else past
            heads = heads * len(past) if len(heads) == 1 else heads
            heads = [keras.layers.Add()([h, before]) for h, before in zip(heads, past, strict=True)]
        values[block.name] = heads
    return [_activated(keras, network.output_activation, f"{prefix}output_activation")(head) for head in heads[:1]] + [
        _activated(keras, network.output_activation, None)(head) for head in heads[1:]
    ]


def _applied(keras: Any, layer: Layer, parts: dict[str, np.ndarray], heads: list[Any], name: str) -> list[Any]:
    if isinstance(layer, CopiedDense | EnsembleDense):
        heads = heads * layer.copies if len(heads) == 1 else heads
        pairs = enumerate(zip(heads, _kernels(layer, parts), strict=True), start=1)
        return [
            _dense(keras, layer, kernel, bias, f"{name}_{number}")(head) for number, (head, (kernel, bias)) in pairs
        ]
    if isinstance(layer, Shake):
        return [keras.layers.Average(name=name)(heads)]
    if isinstance(layer, Dense):
        made = _dense(keras, layer, parts["kernel"], parts.get("bias"), name)
    elif isinstance(layer, Activation):
        made = _activated(keras, layer.name, name)
    elif isinstance(layer, BatchNormalization):  # ghost batches matter in training alone
        made = keras.layers.BatchNormalization(momentum=layer.momentum, epsilon=layer.epsilon, name=name)
        made = _with_weights(made, [parts["scale"], parts["offset"], parts["mean"], parts["variance"]])
    elif isinstance(layer, LayerNormalization):
        made = keras.layers.LayerNormalization(epsilon=layer.epsilon, name=name)
        made = _with_weights(made, [parts["scale"], parts["offset"]])
    else:
        remedy = "Choose a recipe without the technique that adds it."
        raise StudyError("export: Keras has no layer for", type(layer).__name__, remedy)
    return [made(head) for head in heads]  # one layer, shared by all heads


def _kernels(layer: Dense, parts: dict[str, np.ndarray]) -> list[tuple[np.ndarray, np.ndarray | None]]:
    """Kernel and bias of every copy: s ∘ ((h ∘ r) W) is h (r Wᵀ s) with its rows and columns scaled."""
    kernels = parts["kernel"]
    if isinstance(layer, EnsembleDense):
        kernels = np.swapaxes(parts["input_scale"], 1, 2) * kernels * parts["output_scale"]
    biases = [None] * len(kernels) if "bias" not in parts else list(parts["bias"][:, 0])
    return list(zip(kernels, biases, strict=True))


def _dense(keras: Any, layer: Dense, kernel: np.ndarray, bias: np.ndarray | None, name: str) -> Wire:
    made = keras.layers.Dense(layer.units, use_bias=bias is not None, name=name)
    return _with_weights(made, [kernel] if bias is None else [kernel, bias])


def _with_weights(layer: Any, weights: list[np.ndarray]) -> Wire:
    """The layer, given its weights as soon as it has met its input and made room for them."""

    def apply(tensor: Any) -> Any:
        output = layer(tensor)
        layer.set_weights(weights)
        return output

    return apply


def _activated(keras: Any, text: str, name: str | None) -> Wire:
    """A Keras layer (or operation) for an activation with its arguments."""
    word, arguments = activation_arguments(text)
    named = {} if name is None else {"name": name}
    if "(" not in text:
        return keras.layers.Activation(word, **named)
    if word == "leaky_relu":
        return keras.layers.LeakyReLU(**arguments, **named)
    if word == "elu":
        return keras.layers.ELU(**arguments, **named)
    if word == "relu":
        most = arguments.pop("max_value")
        return keras.layers.ReLU(max_value=None if math.isinf(most) else most, **arguments, **named)
    return lambda tensor: keras.ops.celu(tensor, **arguments)
