"""Words for what stands in a Keras model: layers by name, initializers, numbers, the catalogue's counterparts."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from wellposed.errors import StudyError, TechniqueError
from wellposed.network.initializers import INITIALIZERS, Initializer
from wellposed.techniques.base import Technique
from wellposed.techniques.catalog import find

__all__ = ["initializer_of", "named", "number", "technique_class"]


def named(layer: Any) -> str:
    """A layer as messages show it: ``Conv2D 'conv2d_1'``."""
    return f"{type(layer).__name__} {getattr(layer, 'name', '')!r}"


def number(value: Any) -> float:
    """The number that was meant: Keras keeps 0.001 as the float32 0.0010000000474974513."""
    given = float(value)
    return float(str(np.float32(given))) if given == float(np.float32(given)) else given


def technique_class(name: str) -> type[Technique] | None:
    """The catalogue's technique of that name, None if it has none."""
    try:
        return find(name)
    except TechniqueError:
        return None


def initializer_of(layer: Any, attribute: str) -> Initializer:
    """A layer's kernel or bias initializer; its seed is left out, as every member draws its own.

    Raises:
        StudyError: it isn't one of Keras's own.
    """
    spec = layer.get_config()[attribute]
    known = {cls.__name__: cls for cls in INITIALIZERS.values()}
    if not isinstance(spec, dict) or spec.get("class_name") not in known:
        got = spec.get("class_name") if isinstance(spec, dict) else spec
        remedy = f"Initializers that can be read: {', '.join(sorted(known))}."
        raise StudyError(f"from_keras: {attribute} of {named(layer)} can't be read", got, remedy)
    cls = known[spec["class_name"]]
    arguments = {}
    for field in dataclasses.fields(cls):  # pyright: ignore[reportArgumentType]
        if field.name in spec["config"]:
            value = spec["config"][field.name]
            arguments[field.name] = number(value) if isinstance(value, float | int) else value
    return cls(**arguments)
