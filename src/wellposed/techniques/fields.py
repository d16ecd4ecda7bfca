"""The fields of a technique: traced strengths with the values that make sense, and static options."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

from wellposed.errors import TechniqueError

__all__ = ["check_strength", "option", "strength"]


def strength(
    *,
    default: float,
    minimum: float = 0.0,
    maximum: float = math.inf,
    open_minimum: bool = False,
    open_maximum: bool = False,
    neutral: float | None = None,
    search: tuple[float, float],
    log: bool = True,
) -> Any:
    """A traced strength: its reference value, the values that make sense, and the range that a search looks in.

    Args:
        default: the reference strength.
        minimum, maximum: bounds, included unless ``open_minimum`` or ``open_maximum``.
        neutral: the value at which the technique does nothing (None: there is none).
        search: lowest and highest value worth trying; ``log``: on a logarithmic scale.
    """
    bounds = (minimum, maximum, open_minimum, open_maximum)
    metadata = {"strength": True, "bounds": bounds, "neutral": neutral, "search": search, "log": log}
    return dataclasses.field(default=default, metadata=metadata)


def option(*, default: Any, choices: Sequence[str] | None = None) -> Any:
    """A static option: part of a program's structure."""
    return dataclasses.field(default=default, metadata={"strength": False, "choices": choices})


def check_strength(cls: type, field: dataclasses.Field[Any], value: object) -> None:
    """Refuses a strength outside its bounds, unless it is the neutral one."""
    minimum, maximum, open_minimum, open_maximum = field.metadata["bounds"]
    neutral = field.metadata["neutral"]
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if number and value == neutral:
        return
    above = number and (value > minimum if open_minimum else value >= minimum)  # type: ignore[operator]
    below = number and (value < maximum if open_maximum else value <= maximum) and math.isfinite(value)  # type: ignore[operator, arg-type]
    if not (above and below):
        left = "(" if open_minimum else "["
        right = ")" if open_maximum or math.isinf(maximum) else "]"
        low, high, _ = field.metadata["search"] + (None,)
        remedy = f"Usual values lie between {low:g} and {high:g}."
        interval = f"{left}{minimum:g}, {maximum:g}{right}".replace("inf", "∞")
        raise TechniqueError(f"{cls.__name__}: {field.name} must be a number in {interval}", value, remedy)
