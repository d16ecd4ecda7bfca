"""The text behind ``Dataset.summary``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from wellposed.data.columns import series

if TYPE_CHECKING:
    import pandas as pd

    from wellposed.data.dataset import Dataset

_SHOWN = 40
_HEADINGS = ("column", "role", "distinct", "missing", "values")


def summary(dataset: Dataset) -> str:
    """Head line, source line, then one line a column (the first 40) with role, distinct and missing cells, values."""
    lines = [_head(dataset), f"source {dataset.source}, sha256 {dataset.sha256[:16]}…"]
    shown = [name for name in dataset.roles][:_SHOWN]
    rows = [_HEADINGS, *(_line(dataset, name) for name in shown)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    for name, role, distinct, missing, values in rows:
        cells = (name.ljust(widths[0]), role.ljust(widths[1]), distinct.rjust(widths[2]), missing.rjust(widths[3]))
        lines.append("  ".join((*cells, values)).rstrip())
    left = len(dataset.roles) - len(shown)
    if left:
        lines.append(f"… and {left} more columns")
    lines += [f"warning: {warning}" for warning in dataset.warnings]
    return "\n".join(lines)


def _head(dataset: Dataset) -> str:
    width = dataset.features.shape[1]
    features = f"{width} feature{'' if width == 1 else 's'}"
    if dataset.image_shape is not None:
        features = f"images of {'×'.join(map(str, dataset.image_shape))}"
    if dataset.task == "classification":
        counts = [f"{name}: {count}" for name, count in dataset.class_counts().items()]
        shown = ", ".join(counts[:12]) + (", …" if len(counts) > 12 else "")
        task = f"classification into {len(dataset.classes)} classes ({shown})"
    else:
        task = f"regression of {', '.join(map(str, dataset.targets.columns))}"
    test = f", and {dataset.test.rows} test rows given apart" if dataset.test is not None else ""
    return f"{dataset.name}: {dataset.rows} rows, {features}, {task}{test}"


def _line(dataset: Dataset, name: str) -> tuple[str, str, str, str, str]:
    role = dataset.roles[name]
    if name in dataset.features.columns:
        column = series(dataset.features, name)
    elif role == "target" and name in dataset.targets.columns:
        column = series(dataset.targets, name)
    elif role == "target":
        column = dataset.targets.iloc[:, 0]  # an expression on this column
    else:
        return name, role, "", "", ""
    return name, role, str(column.nunique()), str(int(column.isna().sum())), _values(column)


def _values(column: pd.Series) -> str:
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column.dtype):
        values = column.to_numpy()
        finite = values[~np.isnan(values)] if values.dtype.kind == "f" else values
        return f"{finite.min():.6g} to {finite.max():.6g}" if len(finite) else ""
    labels = [str(label) for label, count in column.value_counts().items() if count]
    return ", ".join(labels[:4]) + (", …" if len(labels) > 4 else "")
