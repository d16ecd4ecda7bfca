"""How results.json is read: measures and their digits, verdicts, order of recipes.

Differences are recipe minus baseline in the measure's own unit; a gain is the same number with the sign that
makes better positive.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

BEST_EPOCH = "best-epoch"
SYMBOLS = {"helps": "▲", "hurts": "▼", "no evidence": "○", "failed": "✕"}

_LOSSES = {
    "binary_crossentropy": "log loss",
    "categorical_crossentropy": "log loss",
    "sparse_categorical_crossentropy": "log loss",
    "crossentropy": "log loss",
    "cross_entropy": "log loss",
    "log_loss": "log loss",
    "bce": "log loss",
    "mean_squared_error": "mean squared error",
    "mean_absolute_error": "mean absolute error",
}
_METRICS = {"r2": "R²", "auc": "AUC", "roc_auc": "AUC", "rmse": "RMSE", "mse": "mean squared error",
            "mae": "mean absolute error", "f1": "F1", "brier": "Brier score"}  # fmt: skip
_IN_POINTS = ("accuracy", "precision", "recall")


@dataclass(frozen=True)
class Measure:
    """What recipes are judged by: the loss or the main metric.

    Args:
        key: its name in results.json (``"loss"``, ``"accuracy"``).
        name: its name in a sentence (``"log loss"``).
        higher: whether a higher score is better.
        points: whether scores are shares, shown in per cent, with differences in percentage points.
        digits: decimals of a score in a column.
        difference_digits: decimals of a difference in a column.
        note: what its name leaves out (``"of standardized targets"``), for headings.
    """

    key: str
    name: str
    higher: bool
    points: bool
    digits: int = 3
    difference_digits: int = 3
    note: str = ""

    @property
    def full(self) -> str:
        """The name with what it leaves out, for headings."""
        return f"{self.name} ({self.note})" if self.note else self.name

    @property
    def scale(self) -> float:
        """Factor from the stored number to the shown one."""
        return 100.0 if self.points else 1.0

    @property
    def unit(self) -> str:
        """What follows a difference in a sentence."""
        return " points" if self.points else ""

    def gain(self, difference: float) -> float:
        """The difference with better positive."""
        return difference if self.higher else -difference

    def score(self, value: float | None) -> str:
        """A score in a column or a sentence: ``0.485``, ``75.7 %``, ``–`` where there is none."""
        if value is None:
            return "–"
        return number(value * self.scale, self.digits) + (" %" if self.points else "")

    def difference(self, delta: Mapping[str, Any] | None) -> str:
        """A signed difference with the half-width of its interval, in a column: ``−0.31 ± 0.04``."""
        if delta is None:
            return "–"
        text = number(float(delta["mean"]) * self.scale, self.difference_digits, sign=True)
        half = half_width(delta)
        return text if half is None else f"{text} ± {number(half * self.scale, self.difference_digits)}"

    def amount(self, value: float, half: float | None = None) -> str:
        """The size of a difference in a sentence: ``0.31 ± 0.04``, ``1.3 ± 0.4 points``."""
        value, half = abs(value) * self.scale, None if half is None else half * self.scale
        digits = _digits(half if half else value, 1 if half else 2)
        text = number(value, digits)
        # An amount that rounds away is still not zero.
        if half is None and value and not float(text.replace("−", "-")):
            text = f"{value:.1g}"
        return (f"{text} ± {number(half, digits)}" if half is not None else text) + self.unit


def measures(results: Mapping[str, Any]) -> list[Measure]:
    """The main metric and the loss, in the order in which a report speaks of them (one if they are the same)."""
    metric = str(results["metric"]["name"])
    loss = str((results.get("training") or {}).get("loss") or "loss")
    found = []
    if metric != "loss":
        higher = str(results["metric"].get("direction", "maximize")).lower()[:3] in ("max", "hig", "up")
        points = any(word in metric for word in _IN_POINTS)
        found.append(Measure(metric, _METRICS.get(metric, metric.replace("_", " ")), higher, points))
    note = "of standardized targets" if (results.get("training") or {}).get("standardized_targets") else ""
    other = Measure("loss", _LOSSES.get(loss, loss.replace("_", " ")), False, False, note=note)
    if other.full not in [measure.full for measure in found]:  # metric=log_loss is the loss itself
        found.append(other)
    return [_with_digits(results, measure) for measure in found]


def main_measure(results: Mapping[str, Any]) -> Measure:
    """The measure that recipes are ranked and selected by."""
    return measures(results)[0]


def score(recipe: Mapping[str, Any], rows: str, measure: Measure, field: str = "mean") -> float | None:
    """Mean (or ``field="sd"``) score of a recipe on ``"train"`` or ``"validation"`` rows, None where unknown."""
    entry = (recipe.get(rows) or {}).get(measure.key)
    return finite(entry.get(field) if isinstance(entry, Mapping) else entry if field == "mean" else None)


def delta(recipe: Mapping[str, Any], measure: Measure) -> Mapping[str, Any] | None:
    """The difference from the baseline, None where it has no finite mean."""
    entry = (recipe.get("delta") or {}).get(measure.key)
    return entry if isinstance(entry, Mapping) and finite(entry.get("mean")) is not None else None


def beyond_best_epoch(recipe: Mapping[str, Any], measure: Measure) -> Mapping[str, Any] | None:
    """The difference from the best-epoch baseline, None where it was not measured."""
    entry = (recipe.get("delta_best_epoch") or {}).get(measure.key)
    return entry if isinstance(entry, Mapping) and finite(entry.get("mean")) is not None else None


def better_than_best_epoch(recipe: Mapping[str, Any], measure: Measure) -> bool:
    """Whether the recipe is better than the best-epoch baseline by more than chance."""
    entry = beyond_best_epoch(recipe, measure)
    if entry is None or recipe.get("failed"):
        return False
    chance = finite(entry.get("p_adjusted"))
    return chance is not None and chance < 0.05 and measure.gain(entry["mean"]) > 0


def verdict(recipe: Mapping[str, Any], measure: Measure) -> str | None:
    """``helps``, ``hurts``, ``no evidence``, ``failed``, or None where nothing was judged (no test, no p value)."""
    word = (recipe.get("verdict") or {}).get(measure.key)
    if word == "no evidence" and finite((delta(recipe, measure) or {}).get("p")) is None:
        return None
    return word if word in SYMBOLS else None


def fate(recipe: Mapping[str, Any]) -> str:
    """How many members diverged or collapsed, in words; nothing where none did."""
    members = recipe.get("members") or 0
    counts = [(recipe.get("failed") or 0, "diverged"), (recipe.get("collapsed") or 0, "collapsed")]
    return " and ".join(f"{_of(count, members)} {word}" for count, word in counts if count)


def half_width(entry: Mapping[str, Any]) -> float | None:
    """Half the width of the 95 % interval."""
    low, high = finite(entry.get("low")), finite(entry.get("high"))
    return None if low is None or high is None else (high - low) / 2


def baseline(results: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The entry of the unregularized network."""
    return named(results, results.get("baseline") or "baseline")


def named(results: Mapping[str, Any], name: str | None) -> Mapping[str, Any] | None:
    """The entry of the recipe with this name."""
    return next((recipe for recipe in results["recipes"] if recipe["name"] == name), None)


def techniques(results: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The recipes that are neither of the two baselines."""
    neutral = (results.get("baseline") or "baseline", BEST_EPOCH)
    return [recipe for recipe in results["recipes"] if recipe["name"] not in neutral]


def ranked(results: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """All recipes, best mean validation score of the main metric first, those with failed members last."""
    measure = main_measure(results)

    def place(recipe: Mapping[str, Any]) -> tuple[bool, float]:
        value = score(recipe, "validation", measure)
        return bool(recipe.get("failed")) or value is None, 0.0 if value is None else -measure.gain(value)

    return sorted(results["recipes"], key=place)


def role(results: Mapping[str, Any], recipe: Mapping[str, Any]) -> str:
    """``baseline``, ``best-epoch``, ``selected`` or nothing: how a recipe is marked."""
    name = recipe["name"]
    if name == results.get("selected"):
        return "selected"
    return "baseline" if name == (results.get("baseline") or "baseline") else name if name == BEST_EPOCH else ""


def finite(value: object) -> float | None:
    """The number, None for null, NaN and infinities."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if math.isfinite(value) else None


def seconds(value: float) -> str:
    """A duration: ``0.4 s``, ``16 s``, ``3 min 20 s``, ``2 h 5 min``."""
    if value < 10:
        return f"{value:.1f} s"
    whole = round(value)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def number(value: float, digits: int, *, sign: bool = False) -> str:
    """A number with a true minus sign and ``digits`` decimals; very large ones in powers of ten."""
    text = f"{value:{'+' if sign else ''}.{digits}f}" if abs(value) < 1e5 else f"{value:{'+' if sign else ''}.1e}"
    if not float(text):
        text = text.lstrip("+-")
    return text.replace("-", "−", 1) if text.startswith("-") else text


def _with_digits(results: Mapping[str, Any], measure: Measure) -> Measure:
    """The measure with decimals that suit the study: three digits of a score, the first of an interval."""
    scores = _known(score(recipe, "validation", measure) for recipe in results["recipes"])
    halves = _known(half_width(entry) for recipe in results["recipes"] if (entry := delta(recipe, measure)))
    digits = _digits(median(abs(value) for value in scores) * measure.scale, 3) if scores else 3
    difference = _digits(median(halves) * measure.scale, 1) if halves else digits
    return replace(measure, digits=digits, difference_digits=difference)


def _of(part: int, whole: int) -> str:
    if part >= whole:
        return "its only member" if whole == 1 else f"all {whole} members"
    return f"{part} of {whole} members"


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _digits(value: float, significant: int) -> int:
    """Decimals that show ``significant`` digits of a value, one more where the first digit is a 1 or a 2."""
    if not value:
        return significant
    power = math.floor(math.log10(abs(value)))
    if significant == 1 and abs(value) / 10**power < 2.95:
        significant += 1
    return min(max(significant - 1 - power, 0), 8)
