"""Further rows for a dataset already read: test and validation files, with the same roles, target and classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from wellposed.data.columns import category, factorized, numbers, series
from wellposed.data.dataset import Dataset
from wellposed.data.opening import open_source
from wellposed.data.source import Source
from wellposed.data.special import special_columns
from wellposed.data.targets import TargetSpec, convert_targets, missing_column, parse_target, refuse_infinite
from wellposed.errors import DataError, quoted

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
    shared = _shared_rows(_joined(dataset, test), dataset.rows, "test")
    return replace(dataset, test=test, warnings=(*dataset.warnings, *shared))


def with_validation(dataset: Dataset, source: Any) -> Dataset:
    """The dataset with validation rows appended, and ``split`` saying which they are.

    Raises:
        DataError: the dataset has a split already, or the other rows don't fit.
    """
    if dataset.split is not None:
        remedy = "Give either a split column or a validation file."
        raise DataError("the data say already which rows are for validation", dataset.name, remedy)
    other = source if isinstance(source, Dataset) else read_like(source, dataset)
    joined = _joined(dataset, other)
    split = np.repeat(np.array(["train", "validation"]), [dataset.rows, other.rows])
    shared = _shared_rows(joined, dataset.rows, "validation")
    return replace(joined, split=split, validation=other, warnings=(*dataset.warnings, *shared))


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
            features[column] = category(*factorized(series(raw.frame, column), na))
            continue
        values = numbers(series(raw.frame, column), na)
        if values is None:
            remedy = f"It held numbers in {dataset.name}."
            raise DataError(
                f"{raw.name}: column {quoted(column)} must hold numbers", str(raw.frame[column].iloc[0]), remedy
            )
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


def _joined(first: Dataset, second: Dataset) -> Dataset:
    """The rows of both; groups of the two have nothing to do with each other."""
    import pandas as pd

    features = pd.concat([first.features, second.features], ignore_index=True)
    for column in first.features:
        if isinstance(first.features[column].dtype, pd.CategoricalDtype):
            both = [series(part.features, column).astype(object) for part in (first, second)]
            features[column] = category(*factorized(pd.concat(both, ignore_index=True)))

    def both_of(left: np.ndarray | None, right: np.ndarray | None) -> np.ndarray | None:
        return None if left is None or right is None else np.concatenate([left, right])

    shift = 0 if first.groups is None else int(first.groups.max()) + 1
    return replace(
        first,
        features=features,
        targets=pd.concat([first.targets, second.targets], ignore_index=True),
        weights=both_of(first.weights, second.weights),
        groups=both_of(first.groups, None if second.groups is None else second.groups + shift),
        time=both_of(first.time, second.time),
        split=None,
    )


def _shared_rows(joined: Dataset, rows: int, part: str) -> tuple[str, ...]:
    """A warning if rows after the first ``rows`` repeat one of those: their score would flatter."""
    codes = joined.duplicate_groups()
    shared = int(np.isin(codes[rows:], codes[:rows]).sum())
    return (f"{shared} of {joined.rows - rows} {part} rows are among the training rows too.",) if shared else ()
