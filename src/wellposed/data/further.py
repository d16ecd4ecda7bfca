"""Further rows for a dataset already read: test and validation files, with the same roles, target and classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from wellposed.data.columns import numbers, series, texts
from wellposed.data.dataset import Dataset
from wellposed.data.opening import open_source
from wellposed.data.source import Source
from wellposed.data.special import special_columns
from wellposed.data.targets import TargetSpec, convert_targets, missing_column, parse_target, refuse_infinite
from wellposed.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


def read_like(source: Any, dataset: Dataset, *, name: str | None = None) -> Dataset:
    """Further rows (``--test FILE``, ``--validation FILE``) read with the roles, target and classes of ``dataset``.

    Raises:
        DataError: a feature or target column is missing, or a class was not there before.
    """
    return like(open_source(source, na=dataset.na, name=name), dataset, dataset.na)


def with_test(dataset: Dataset, source: Any) -> Dataset:
    """The dataset with test rows from another source, or from a Dataset made by :func:`read_like`."""
    test = source if isinstance(source, Dataset) else read_like(source, dataset)
    return replace(dataset, test=test, warnings=(*dataset.warnings, *_shared_rows(dataset, test, "test")))


def with_validation(dataset: Dataset, source: Any) -> Dataset:
    """The dataset with validation rows appended, and ``split`` saying which they are.

    Raises:
        DataError: the dataset has a split already, or the other rows don't fit.
    """
    import pandas as pd

    if dataset.split is not None:
        remedy = "Give either a split column or a validation file."
        raise DataError("the data say already which rows are for validation", dataset.name, remedy)
    other = source if isinstance(source, Dataset) else read_like(source, dataset)
    columns: dict[str, Any] = {}
    for column in dataset.features:
        first, second = series(dataset.features, column), series(other.features, column)
        if isinstance(first.dtype, pd.CategoricalDtype):
            columns[column] = pd.Series(pd.api.types.union_categoricals([first, second]))
        else:
            columns[column] = np.concatenate([first.to_numpy(), second.to_numpy()])

    def both(first: np.ndarray | None, second: np.ndarray | None) -> np.ndarray | None:
        return None if first is None or second is None else np.concatenate([first, second])

    shift = 0 if dataset.groups is None else int(dataset.groups.max()) + 1
    return replace(
        dataset,
        features=feature_frame(columns),
        targets=pd.concat([dataset.targets, other.targets], ignore_index=True),
        weights=both(dataset.weights, other.weights),
        groups=both(dataset.groups, None if other.groups is None else other.groups + shift),
        time=both(dataset.time, other.time),
        split=np.repeat(np.array(["train", "validation"]), [dataset.rows, other.rows]),
        validation=other,
        warnings=(*dataset.warnings, *_shared_rows(dataset, other, "validation")),
    )


def like(raw: Source, dataset: Dataset, na: tuple[str, ...]) -> Dataset:
    import pandas as pd

    columns = list(raw.frame.columns)
    by_role = {role: column for column, role in dataset.roles.items() if role in ("weight", "group", "time")}
    sources = [column for column, role in dataset.roles.items() if role == "target"]
    name = str(dataset.targets.columns[0])
    # the roles keep the source's order, the targets the user's
    spec = (
        TargetSpec(tuple(dataset.targets.columns)) if name in sources else parse_target(name, sources, None, raw.name)
    )
    for column in (*dataset.features, *spec.columns, *by_role.values()):
        if column not in columns:
            raise missing_column("target" if column in spec.columns else "feature", column, columns)
    features: dict[str, Any] = {}
    for column in dataset.features:
        if isinstance(dataset.features[column].dtype, pd.CategoricalDtype):
            features[column] = pd.Series(pd.Categorical(texts(series(raw.frame, column), na)))
            continue
        values = numbers(series(raw.frame, column), na)
        if values is None:
            remedy = f"It held numbers in {dataset.name}."
            raise DataError(f"{raw.name}: column {column!r} must hold numbers", str(raw.frame[column].iloc[0]), remedy)
        refuse_infinite("feature", column, values)
        features[column] = values
    targets = convert_targets(spec, raw.frame, dataset.task, na, dataset.classes)
    return replace(
        dataset,
        name=raw.name,
        features=feature_frame(features),
        targets=targets.frame,
        source=raw.origin,
        sha256=raw.sha256,
        split=None,
        test=None,
        validation=None,
        warnings=raw.warnings,
        **{"weights": None, "groups": None, "time": None, **special_columns(raw.frame, by_role, na)},
    )


def feature_frame(columns: Mapping[str, Any]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(dict(columns)).reset_index(drop=True)


def _shared_rows(dataset: Dataset, other: Dataset, part: str) -> tuple[str, ...]:
    """A warning if rows of ``other`` are rows of ``dataset`` too: their score would flatter."""
    seen = {row for row in zip(*_row_keys(dataset), strict=True)}
    shared = sum(row in seen for row in zip(*_row_keys(other), strict=True))
    return (f"{shared} of {other.rows} {part} rows are among the training rows too",) if shared else ()


def _row_keys(dataset: Dataset) -> list[list[Any]]:
    frame = dataset.features
    return [
        *(frame[name].astype(object).tolist() for name in frame),
        *(dataset.targets[n].tolist() for n in dataset.targets),
    ]
