"""The option ``layers`` of a technique, from the places where it acts."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from wellposed.techniques.base import Context, Technique
from wellposed.techniques.places import Placed

__all__ = ["context_of", "placed"]


def context_of(hidden: Sequence[str]) -> Context:
    """What a technique needs to know to choose among layers."""
    layers = ("input", *hidden, "output")
    return Context(1, 1, "classification", layers, (1,) * len(layers), 1)


def placed(
    cls: type[Technique], places: Collection[str], hidden: Sequence[str], fields: Mapping[str, Any]
) -> Technique:
    """The technique that acts in exactly these places, with the shortest text for its ``layers``.

    Args:
        places: ``input``, ``hidden1``, …, ``output``.
        hidden: all hidden layers of the network, from the input's side.
        fields: its strengths and further options.
    """
    first = cls(**fields)
    if not isinstance(first, Placed):
        return first
    context = context_of(hidden)
    default = next(field.default for field in dataclasses.fields(first) if field.name == "layers")  # type: ignore[arg-type]
    for text in (str(default), "all", "hidden"):
        if set(first.chosen(first.candidates(context), text)) == set(places):
            return dataclasses.replace(first, layers=text)  # type: ignore[type-var]
    ordered = [name for name in context.layers if name in places]
    return dataclasses.replace(first, layers="/".join(ordered))  # type: ignore[type-var]
