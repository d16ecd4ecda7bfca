"""Is a network overfitting, when does it begin, and what does going on cost: numbers from its curves."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from wellposed.report import reading

_SMOOTH = 0.03  # share of the epochs that a moving mean covers


@dataclass(frozen=True)
class Interval:
    """A mean over networks with its 95 % interval (None where one network or one split can't tell)."""

    mean: float
    low: float | None
    high: float | None

    @property
    def half(self) -> float | None:
        """Half its width."""
        return None if self.low is None or self.high is None else (self.high - self.low) / 2


@dataclass(frozen=True)
class Overfitting:
    """What a recipe's curves say about overfitting.

    Attributes:
        kind: ``overfits`` (going on costs validation loss, beyond chance), ``gap`` (better on training rows, at no
            cost yet), ``underfits`` (most networks still improve at the end, by more than 1 % in the last tenth),
            ``collapsed`` (learned nothing) or ``none``.
        members: networks; epochs: trained.
        turn: (10 %, median, 90 %) over networks of the epoch with the lowest smoothed validation loss.
        train, validation: mean loss at the end.
        gap: validation loss less training loss at the end.
        cost: validation loss at the end less that at the stopping epoch, which monitor rows choose where there are
            some (so that the choice doesn't flatter it).
        monitored: whether monitor rows chose.
        improving: networks whose lowest smoothed validation loss is in the last 5 % of the epochs.
    """

    kind: str
    members: int
    epochs: int
    turn: tuple[float, float, float]
    train: float
    validation: float
    gap: Interval
    cost: Interval
    monitored: bool
    improving: int

    @property
    def turned(self) -> bool:
        """Whether the validation loss is lowest well before the last epoch."""
        return self.turn[1] <= 0.95 * self.epochs


def overfitting(results: Mapping[str, Any], history: pd.DataFrame, name: str | None = None) -> Overfitting | None:
    """What the curves of a recipe say, those of the baseline by default.

    Args:
        results: the study, as results.json holds it.
        history: one row per member and epoch.
        name: of the recipe.

    Returns:
        None where the recipe has no curves on validation rows or all its networks diverged.
    """
    recipe = reading.named(results, name or results.get("baseline") or "baseline")
    if recipe is None or not {"train_loss", "validation_loss"} <= set(history.columns):
        return None
    monitored = "monitor_loss" in history.columns
    curves = _curves(history, recipe["name"], ["train_loss", "validation_loss", "monitor_loss"][: 2 + monitored])
    if not curves:
        return None
    epochs = max(len(curve) for curve in curves)
    smooth = [moving_mean(curve[:, 1], max(1, round(_SMOOTH * len(curve)))) for curve in curves]
    turns = np.array([int(np.argmin(curve)) + 1 for curve in smooth])
    # The same smoothing of the monitor's curve: one lucky epoch is not where overfitting begins.
    widths = [max(1, round(_SMOOTH * len(curve))) for curve in curves]
    stops = [
        int(np.argmin(moving_mean(curve[:, 2 if monitored else 1], width)))
        for curve, width in zip(curves, widths, strict=True)
    ]
    factor = _overlap(results)
    cost = _interval(
        np.array([curve[-1, 1] - curve[stop, 1] for curve, stop in zip(curves, stops, strict=True)]), factor
    )
    gap = _interval(np.array([curve[-1, 1] - curve[-1, 0] for curve in curves]), factor)
    improving = int(np.sum(turns > 0.95 * epochs))
    low, middle, high = (float(value) for value in np.quantile(turns, [0.1, 0.5, 0.9]))
    return Overfitting(
        kind=_kind(recipe, gap, cost, 2 * improving > len(curves) and _falling(smooth)),
        members=len(curves),
        epochs=epochs,
        turn=(low, middle, high),
        train=float(np.mean([curve[-1, 0] for curve in curves])),
        validation=float(np.mean([curve[-1, 1] for curve in curves])),
        gap=gap,
        cost=cost,
        monitored=monitored,
        improving=improving,
    )


def _curves(history: pd.DataFrame, name: str, columns: list[str]) -> list[np.ndarray]:
    """[epochs, columns] of each of the recipe's networks that stayed finite."""
    chosen = np.flatnonzero((history["recipe"] == name).to_numpy())
    keys = history[["seed", "fold", "epoch"]].to_numpy(np.int64)[chosen]
    values = history[columns].to_numpy(np.float64)[chosen]
    order = np.lexsort((keys[:, 2], keys[:, 0], keys[:, 1]))
    starts = np.flatnonzero(np.any(np.diff(keys[order, :2], axis=0), axis=1)) + 1
    curves = np.split(values[order], starts) if len(order) else []
    return [curve for curve in curves if np.isfinite(curve).all()]


def moving_mean(values: np.ndarray, width: int) -> np.ndarray:
    """The mean of up to ``width`` values before and after each; shorter windows at the ends."""
    total = np.concatenate([[0.0], np.cumsum(values)])
    place = np.arange(len(values))
    left, right = np.maximum(place - width, 0), np.minimum(place + width + 1, len(values))
    return (total[right] - total[left]) / (right - left)


def _falling(smooth: list[np.ndarray]) -> bool:
    """Whether the last tenth of the epochs lowered the mean loss by more than 1 %: less is a plateau."""
    before = float(np.mean([curve[int(0.9 * (len(curve) - 1))] for curve in smooth]))
    return before - float(np.mean([curve[-1] for curve in smooth])) > 0.01 * abs(before)


def _kind(recipe: Mapping[str, Any], gap: Interval, cost: Interval, falling: bool) -> str:
    if 2 * (recipe.get("collapsed") or 0) > (recipe.get("members") or 0):
        return "collapsed"
    if falling:
        return "underfits"
    if cost.low is not None and cost.low > 0:
        return "overfits"
    return "gap" if gap.low is not None and gap.low > 0 else "none"


def _overlap(results: Mapping[str, Any]) -> float:
    """Nadeau and Bengio's n validation / n training: how much the splits' shared rows widen an interval."""
    splits = results.get("splits") or {}
    validation, training = reading.finite(splits.get("validation")), reading.finite(splits.get("training"))
    if validation is None or not training or str(splits.get("kind")).startswith("fixed hold-out"):
        return 0.0
    return validation / training


def _interval(values: np.ndarray, overlap: float) -> Interval:
    """Mean and interval over networks: t with J − 1 degrees of freedom, variance (1/J + overlap) · var."""
    mean, count = float(values.mean()), len(values)
    if count < 2:
        return Interval(mean, None, None)
    from scipy.special import stdtrit

    half = float(stdtrit(count - 1, 0.975)) * math.sqrt((1 / count + overlap) * float(values.var(ddof=1)))
    return Interval(mean, mean - half, mean + half)
