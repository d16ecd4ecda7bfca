"""Shapes: how a number goes up and down from the first to the last of several layers."""

from __future__ import annotations

__all__ = ["SHAPES", "shares"]

SHAPES = ("brick", "funnel", "long-funnel", "diamond", "hexagon", "triangle", "stairs")


def shares(shape: str, layers: int) -> tuple[float, ...]:
    """The factor of each layer, in (0, 1]; the largest is 1.

    Args:
        shape: one of ``SHAPES``; layers: how many, the output layer not counted. (A shape falls to 0 at the output.)

    Source: Auto-PyTorch's shaped networks (Zimmer, Lindauer and Hutter 2021), before it rounds to whole numbers.
    """
    count = layers + 1
    if shape == "long-funnel":
        bricks = count // 2
        factors = _flat(bricks) + _falling(count - bricks)
    elif shape == "diamond":
        rise = count // 2 + 1
        factors = _rising(rise)[:-2] + _falling(count - rise + 2)
    elif shape == "hexagon":
        side = count // 3 + 1
        factors = _rising(side) + _flat(count - 2 * side) + _falling(side)
    elif shape == "stairs":
        step = 2.0 / layers
        pairs = [1.0 - step * (number + 1) for number in range(count // 2 - 1)]
        factors = [1.0] * (1 + count % 2) + [value for value in pairs for _ in range(2)] + [0.0]
    elif shape == "funnel":
        factors = _falling(count)
    else:
        factors = _flat(count) if shape == "brick" else _rising(count)
    return tuple(factors[:layers])


def _flat(count: int) -> list[float]:
    return [1.0] * max(count, 0)


def _falling(count: int) -> list[float]:
    """From 1 to 0 at the last of ``count``."""
    return [1.0 - number / (count - 1) for number in range(count)] if count > 1 else [0.0] * count


def _rising(count: int) -> list[float]:
    """Up to 1 at the last but one of ``count``, and 1 once more."""
    return [(number + 1) / (count - 1) for number in range(count - 1)] + [1.0]
