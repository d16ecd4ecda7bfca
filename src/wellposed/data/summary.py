"""The text behind ``Dataset.summary``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from wellposed.data.columns import listed, series
from wellposed.errors import printable

if TYPE_CHECKING:
    import pandas as pd

    from wellposed.data.dataset import Dataset
    from wellposed.data.roles import Roles
    from wellposed.data.source import Source

_SHOWN = 40
_HEADINGS = ("column", "role", "distinct", "missing", "values")


def summary(dataset: Dataset) -> str:
    """Head line, source line, then one line a column (the first 40) with role, distinct and missing cells, values."""
    lines = [_head(dataset), _provenance(dataset)]
    lines += _table(dataset.roles, {name: _column(dataset, name) for name in list(dataset.roles)[:_SHOWN]})
    lines += [f"warning: {warning}" for warning in dataset.warnings]
    return "\n".join(lines)


def columns(source: Source, found: Roles) -> str:
    """The same for a table whose target isn't known yet: every column as the feature that it would be."""
    count = len(source.frame.columns)
    head = f"{source.name}: {len(source.frame)} rows, {count} column{'' if count == 1 else 's'}, no target named yet"
    roles = {name: found.roles.get(name, "dropped") for name in source.frame.columns}
    shown = {name: found.features.get(name) for name in list(roles)[:_SHOWN]}
    lines = [head, _provenance(source)]
    lines += _table(roles, {name: None if cells is None else _series(cells) for name, cells in shown.items()})
    lines += [f"warning: {warning}" for warning in (*source.warnings, *found.warnings)]
    return "\n".join(lines)


def _series(cells: Any) -> pd.Series:
    import pandas as pd

    return pd.Series(cells)


def _provenance(source: Dataset | Source) -> str:
    origin = getattr(source, "origin", None) or getattr(source, "source", "")
    return f"source {origin}, sha256 {source.sha256[:16]}…"


def _table(roles: Mapping[str, str], shown: Mapping[str, pd.Series | None]) -> list[str]:
    """A heading and a line for each column in ``shown``, aligned."""
    rows = [_HEADINGS, *(_line(printable(name, 60), roles[name], column) for name, column in shown.items())]
    widths = [max(len(row[place]) for row in rows) for place in range(len(_HEADINGS))]
    lines = []
    for name, role, distinct, missing, values in rows:
        cells = (name.ljust(widths[0]), role.ljust(widths[1]), distinct.rjust(widths[2]), missing.rjust(widths[3]))
        lines.append("  ".join((*cells, values)).rstrip())
    left = len(roles) - len(shown)
    return [*lines, f"… and {left} more columns"] if left else lines


def _head(dataset: Dataset) -> str:
    width = dataset.features.shape[1]
    features = f"{width} feature{'' if width == 1 else 's'}"
    if dataset.image_shape is not None:
        features = f"images of {'×'.join(map(str, dataset.image_shape))}"
    if dataset.task == "classification":
        counts = [f"{printable(name, 60)}: {count}" for name, count in dataset.class_counts().items()]
        shown = ", ".join(counts[:12]) + (", …" if len(counts) > 12 else "")
        task = f"classification into {len(dataset.classes)} classes ({shown})"
    else:
        task = f"regression of {listed(list(map(str, dataset.targets.columns)), 12)}"
    test = f", and {dataset.test.rows} test rows given apart" if dataset.test is not None else ""
    return f"{dataset.name}: {dataset.rows} rows, {features}, {task}{test}"


def _column(dataset: Dataset, name: str) -> pd.Series | None:
    """The column's cells as read; None if it was left out."""
    if name in dataset.features.columns:
        return series(dataset.features, name)
    if dataset.roles[name] != "target":
        return None
    if name in dataset.targets.columns:
        return series(dataset.targets, name)
    return dataset.targets.iloc[:, 0]  # an expression on this column


def _line(name: str, role: str, column: pd.Series | None) -> tuple[str, str, str, str, str]:
    if column is None:
        return name, role, "", "", ""
    return name, role, str(column.nunique()), str(int(column.isna().sum())), _values(column)


def _values(column: pd.Series) -> str:
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column.dtype):
        values = column.to_numpy()
        finite = values[~np.isnan(values)] if values.dtype.kind == "f" else values
        return f"{finite.min():.6g} to {finite.max():.6g}" if len(finite) else ""
    labels = [printable(str(label), 60) for label, count in column.value_counts().items() if count]
    return ", ".join(labels[:4]) + (", …" if len(labels) > 4 else "")
