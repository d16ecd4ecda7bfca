"""Columns that are no features: sample weights, groups, times, and the user's own split."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from wellposed.data.columns import factorized, numbers, series, sortable, texts
from wellposed.errors import DataError, option, quoted

if TYPE_CHECKING:
    import pandas as pd

_LARGEST_WEIGHT = 1e12  # sums of weighted losses are float32
_SPLITS = {
    **dict.fromkeys(("train", "training", "fit"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev"), "validation"),
    **dict.fromkeys(("test", "testing", "vault", "holdout"), "test"),
}


def special_columns(frame: pd.DataFrame, special: Mapping[str, str], na: tuple[str, ...]) -> dict[str, Any]:
    """Sample weights, group codes, times and the user's split, as Dataset holds them."""
    values: dict[str, Any] = {}
    if "weight" in special:
        values["weights"] = _weights(series(frame, special["weight"]), na)
    if "group" in special:
        codes, _ = factorized(series(frame, special["group"]), na)
        if (codes < 0).any():
            got = f"missing in {int((codes < 0).sum())} of {len(codes)} rows"
            raise DataError(
                f"group {quoted(special['group'])} must be known in every row", got, "Fill or take out the rows."
            )
        values["groups"] = codes
    if "time" in special:
        values["time"] = sortable(series(frame, special["time"]), na)
    if "split" in special:
        values["split"] = _split(series(frame, special["split"]), na)
    return values


def _weights(column: pd.Series, na: tuple[str, ...]) -> np.ndarray:
    values = numbers(column, na)
    if values is None or not ((values >= 0) & (values <= _LARGEST_WEIGHT)).all() or not (values > 0).any():
        missing = 0 if values is None else int(np.isnan(values).sum())
        span = "" if values is None or missing else f"{np.min(values):g} to {np.max(values):g}"
        raise DataError(
            f"weight column {quoted(column.name)} must hold numbers from 0 to {_LARGEST_WEIGHT:g}, some above 0",
            span or (f"{missing} missing" if missing else str(column.iloc[0])),
            f"Mend the cells, or leave {option('weight')} out.",
        )
    return values.astype(np.float64)


def _split(column: pd.Series, na: tuple[str, ...]) -> np.ndarray:
    found = texts(column, na)
    split = np.array([_SPLITS.get("" if text is None else text.lower(), "") for text in found])
    remedy = "Write train, validation or test in every row."
    if (split == "").any():
        wrong = found[split == ""][0]
        raise DataError(f"split column {quoted(column.name)} holds an unknown part", wrong or "a missing cell", remedy)
    if not (split == "train").any() or (split == "train").all():
        raise DataError(f"split column {quoted(column.name)} must name train and other rows", split[0], remedy)
    return split
