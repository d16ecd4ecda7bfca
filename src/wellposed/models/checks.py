"""JSON of unknown origin, checked against a declared shape before anything is made of it."""

from __future__ import annotations

import json
import math
from typing import Any

from wellposed.errors import StudyError

__all__ = ["Number", "check", "parse_json"]

_REMEDY = "Save the model again."


class Number:
    """Stands in a shape for a finite number, whole or not."""


def parse_json(text: str, place: str) -> Any:
    """The value of a JSON text; repeated keys, NaN and infinities are refused.

    Raises:
        StudyError: it is no such text.
    """
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_no_constant)
    except RecursionError:
        raise StudyError(f"{place}: is nested too deeply", remedy=_REMEDY) from None
    except ValueError as error:
        raise StudyError(f"{place}: isn't JSON", str(error), _REMEDY) from None


def check(value: Any, shape: Any, place: str) -> None:
    """Refuses a value that hasn't the declared shape.

    Args:
        shape: a dictionary (an object with exactly these keys), a list of one shape (a list of such values), a tuple
            (one of several shapes), a type (``str``, ``bool``, ``int``, `Number`, ``dict`` for any object), or None.
        place: where the value stands: ``model.json: training.epochs``.

    Raises:
        StudyError: it names the place.
    """
    if isinstance(shape, tuple):
        fitting = [option for option in shape if _kind(value, option)]
        if not fitting:
            raise StudyError(f"{place} must be {' or '.join(map(_noun, shape))}", _short(value), _REMEDY)
        check(value, fitting[0], place)
        return
    if not _kind(value, shape):
        raise StudyError(f"{place} must be {_noun(shape)}", _short(value), _REMEDY)
    if isinstance(shape, dict):
        missing = [key for key in shape if key not in value]
        unknown = [key for key in value if key not in shape]
        if missing:
            raise StudyError(f"{place} lacks {missing[0]}", remedy=_REMEDY)
        if unknown:
            raise StudyError(f"{place} has an unknown key", unknown[0], "A newer wellposed may know it.")
        for key, inner in shape.items():
            check(value[key], inner, f"{place}{'.' if place.count(':') and place[-1] != ':' else ' '}{key}")
    if isinstance(shape, list):
        for index, item in enumerate(value):
            check(item, shape[0], f"{place}[{index}]")


def _kind(value: Any, shape: Any) -> bool:
    """Whether the value is of the shape's outermost kind."""
    if shape is None:
        return value is None
    if isinstance(shape, dict):
        return isinstance(value, dict)
    if isinstance(shape, list):
        return isinstance(value, list)
    if shape is Number or shape is int:
        whole = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63
        return whole or (shape is Number and isinstance(value, float) and math.isfinite(value))
    return isinstance(value, shape)


def _noun(shape: Any) -> str:
    nouns = {str: "a text", bool: "true or false", int: "a whole number", Number: "a number", dict: "an object"}
    if shape is None:
        return "null"
    if isinstance(shape, list):
        return "a list"
    return "an object" if isinstance(shape, dict) else nouns[shape]


def _short(value: Any) -> str:
    """The value as JSON, cut before it is written out in full."""
    if isinstance(value, (list, dict)):
        return f"{'a list' if isinstance(value, list) else 'an object'} of {len(value)}"
    return json.dumps(value if not isinstance(value, int) or abs(value) < 10**30 else "a huge number")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {next(name for name in names if names.count(name) > 1)!r} stands twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")
