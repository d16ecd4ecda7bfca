"""Features that give the target away by themselves: usually the target in other words, or known only after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from wellposed.data.columns import series
from wellposed.errors import option, quoted

if TYPE_CHECKING:
    import pandas as pd

    from wellposed.data.dataset import Dataset

MIN_ROWS, ROWS_PER_VALUE = 10, 5
"""In fewer rows, or with more distinct values, a feature fits the target by chance."""
MIN_CORRELATION = 0.9999

_SAMPLE = 2_000  # rows that are looked at first
_DIGITS = 6


def leak_warnings(dataset: Dataset) -> list[str]:
    """A warning for every feature from which the target can be read off, with how to leave it out.

    Classification: every value of the feature (rounded to six digits) has rows of one class only. Regression: |r| of
    the values or of their ranks is above 0.9999, or every value has one target.
    """
    if dataset.image_shape is not None or dataset.rows < MIN_ROWS:
        return []
    found = []
    for name in dataset.features:
        column = series(dataset.features, name)
        for target in dataset.targets:
            how = _how(column, series(dataset.targets, target), dataset.task == "classification")
            if how:
                found.append(
                    f"Column {quoted(name)} gives the target {quoted(target)} away by itself ({how}): if it isn't "
                    f"known beforehand, leave it out with {option('drop', [str(name)])}."
                )
                break
    return found


def _how(column: pd.Series, target: pd.Series, classes: bool) -> str:
    """How the feature tells the target, in a few words; empty if it doesn't."""
    step = max(1, len(column) // _SAMPLE)
    for rows in (slice(None, None, step), slice(None)):  # most features are told apart by a few rows
        found = _told(column.iloc[rows], target.iloc[rows], classes)
        if not found or step == 1:
            return found
    return found


def _told(column: pd.Series, target: pd.Series, classes: bool) -> str:
    import pandas as pd

    text = isinstance(column.dtype, pd.CategoricalDtype)
    if not classes and not text:
        return _correlated(column.to_numpy(dtype=np.float64), target.to_numpy(dtype=np.float64))
    values = column.cat.codes.to_numpy() if text else _rounded(column.to_numpy(dtype=np.float64))
    codes = pd.factorize(values, use_na_sentinel=False)[0]
    labels = pd.factorize(target if classes else _rounded(target.to_numpy(dtype=np.float64)))[0]
    distinct = int(codes.max()) + 1
    if distinct < 2 or distinct * ROWS_PER_VALUE > len(codes):
        return ""
    first = np.full(distinct, -1)
    first[codes[::-1]] = labels[::-1]
    if not (labels == first[codes]).all():
        return ""
    return f"each of its {distinct} values has one {'class' if classes else 'target'} only"


def _correlated(values: np.ndarray, target: np.ndarray) -> str:
    known = ~np.isnan(values)
    values, target = values[known], target[known]
    if len(values) < MIN_ROWS or values.min() == values.max() or target.min() == target.max():
        return ""
    r = _correlation(values, target)
    if abs(r) > MIN_CORRELATION:
        return f"correlation {r:.5f}"
    rank = _correlation(_ranks(values), _ranks(target))
    return f"correlation of ranks {rank:.5f}" if abs(rank) > MIN_CORRELATION else ""


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    # divided by the largest first: squares of values near 1e308 would overflow
    first, second = (values / np.abs(values).max() for values in (first, second))
    first, second = first - first.mean(), second - second.mean()
    size = float(np.sqrt((first @ first) * (second @ second)))
    return float(first @ second) / size if size > 0 else 0.0


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks, equal for equal values."""
    _, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - counts / 2)[codes]


def _rounded(values: np.ndarray) -> np.ndarray:
    """To six digits: a copy of a class that went through a text file is still a copy."""
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        scale = np.power(10.0, _DIGITS - 1 - np.floor(np.log10(np.abs(values))))
        rounded = np.rint(values * scale) / scale
    return np.where(np.isfinite(rounded), rounded, values)
