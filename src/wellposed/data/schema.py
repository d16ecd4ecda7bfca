"""The schema: width and order of the network's inputs, learned without targets so that all splits agree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from wellposed.data.columns import factorized, label_key, numbers, series, texts
from wellposed.data.targets import missing_column, refuse_infinite
from wellposed.errors import DataError, quoted

if TYPE_CHECKING:
    import pandas as pd

    from wellposed.data.dataset import Dataset, Task

MAX_CATEGORIES = 100
"""A categorical column with more categories keeps the most frequent ones; the rest share one column ``other``."""


@dataclass(frozen=True)
class Column:
    """How one source column is encoded.

    Attributes:
        name: source column.
        categories: labels with a column of their own, in order; ``()`` for a numeric column.
        other: rare labels that share one column, after the categories.
        missing: whether an indicator column follows, 1 where the cell is missing.
        numeric: numeric (one column, median where missing) or categorical (one-hot, zeros where missing).
    """

    name: str
    numeric: bool
    categories: tuple[str, ...] = ()
    other: tuple[str, ...] = ()
    missing: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Encoded columns: ``income``, ``job=vv``, ``job other``, ``income missing``."""
        own = [self.name] if self.numeric else [f"{self.name}={category}" for category in self.categories]
        return (
            *own,
            *([f"{self.name} other"] if self.other else []),
            *([f"{self.name} missing"] if self.missing else []),
        )


@dataclass(frozen=True)
class Schema:
    """Widths and orders, learned from all rows outside the vault without their targets, so that all splits agree.

    Attributes:
        columns: the source columns in order.
        task: classification or regression.
        classes: class order; ``()`` for regression.
        targets: names of the target columns.
        image_shape: shape of one image if the columns are pixels.
        na: the user's own markers of missing cells, as new rows may hold them too.
    """

    columns: tuple[Column, ...]
    task: Task
    classes: tuple[str, ...]
    targets: tuple[str, ...]
    image_shape: tuple[int, ...] | None = None
    na: tuple[str, ...] = ()

    @classmethod
    def learn(cls, dataset: Dataset, rows: np.ndarray, *, missing_indicators: bool = True) -> Schema:
        """Vocabulary and missing-value columns of these rows (int ``[n]``).

        Raises:
            DataError: no rows.
        """
        rows = np.asarray(rows)
        if not len(rows):
            raise DataError("a schema needs rows to learn from", "none", "Give at least one row.")
        pixels = dataset.image_shape is not None
        columns = [
            Column(str(name), True) if pixels else _column(dataset.features[name].iloc[rows], missing_indicators)
            for name in dataset.features
        ]
        targets = tuple(map(str, dataset.targets.columns))
        return cls(tuple(columns), dataset.task, dataset.classes, targets, dataset.image_shape, dataset.na)

    @cached_property
    def feature_names(self) -> tuple[str, ...]:
        """Encoded columns, in order."""
        return tuple(name for column in self.columns for name in column.names)

    @cached_property
    def feature_groups(self) -> tuple[tuple[int, ...], ...]:
        """Positions of the encoded columns of each source column: a category and its indicator stay together."""
        groups, start = [], 0
        for column in self.columns:
            stop = start + len(column.names)
            groups.append(tuple(range(start, stop)))
            start = stop
        return tuple(groups)

    @property
    def width(self) -> int:
        """Number of encoded columns."""
        return len(self.feature_names)

    @property
    def outputs(self) -> int:
        """Number of one-hot classes or of regression targets."""
        return len(self.classes) or len(self.targets)

    def encode(self, frame: pd.DataFrame) -> np.ndarray:
        """Numbers before scaling, float64 ``[rows, width]``: NaN where a numeric cell is missing.

        Raises:
            DataError: a column is missing, holds text where it held numbers, or infinities.
        """
        self.require(frame)
        names = [column.name for column in self.columns]
        if self.width == len(names) and not self.na and all(column.numeric for column in self.columns):
            plain = frame.loc[:, names]
            if all(isinstance(dtype, np.dtype) and dtype.kind in "iuf" for dtype in plain.dtypes):
                # pixels and other plain numbers in one go: column by column, 784 of them would take seconds
                values = plain.to_numpy(dtype=np.float64)
                for position in np.flatnonzero(np.isinf(values).any(axis=0)):
                    refuse_infinite("feature", names[position], values[:, position])
                return values
        encoded = np.zeros((len(frame), self.width))
        for column, group in zip(self.columns, self.feature_groups, strict=True):
            into = encoded[:, group[0] : group[-1] + 1] if group else encoded[:, :0]
            _encode(column, series(frame, column.name), self.na, into)
        return encoded

    def require(self, frame: pd.DataFrame) -> None:
        """Refuse a frame that lacks a source column.

        Raises:
            DataError: it names the column and the closest ones there.
        """
        there = set(frame.columns)
        for column in self.columns:
            if column.name not in there:
                raise missing_column("feature", column.name, [str(name) for name in frame.columns])

    def to_config(self) -> dict[str, Any]:
        """Everything as JSON values."""
        return {
            "task": self.task,
            "classes": list(self.classes),
            "targets": list(self.targets),
            "na": list(self.na),
            "image_shape": None if self.image_shape is None else list(self.image_shape),
            "columns": [
                {
                    "name": column.name,
                    "kind": "numeric" if column.numeric else "categorical",
                    "categories": list(column.categories),
                    "other": list(column.other),
                    "missing": column.missing,
                }
                for column in self.columns
            ],
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Schema:
        """The schema that :meth:`to_config` described."""
        columns = tuple(
            Column(
                item["name"],
                item["kind"] == "numeric",
                tuple(item["categories"]),
                tuple(item["other"]),
                item["missing"],
            )
            for item in config["columns"]
        )
        shape = None if config["image_shape"] is None else tuple(config["image_shape"])
        return cls(
            columns, config["task"], tuple(config["classes"]), tuple(config["targets"]), shape, tuple(config["na"])
        )


def _column(values: pd.Series, missing_indicators: bool) -> Column:
    name = str(values.name)
    if numbers(values) is not None:
        return Column(name, True, missing=missing_indicators and bool(values.isna().any()))
    codes, labels = factorized(values)
    missing = missing_indicators and bool((codes < 0).any())
    order = sorted(labels, key=label_key)
    other: tuple[str, ...] = ()
    if len(labels) > MAX_CATEGORIES:
        counts = dict(zip(labels, np.bincount(codes[codes >= 0], minlength=len(labels)), strict=True))
        frequent = sorted(order, key=lambda label: -int(counts[label]))[: MAX_CATEGORIES - 1]
        other = tuple(label for label in order if label not in set(frequent))
        order = [label for label in order if label in set(frequent)]
    return Column(name, False, tuple(order), other, missing)


def _encode(column: Column, values: pd.Series, na: tuple[str, ...], into: np.ndarray) -> None:
    """Write the column's encoding into ``into`` ``[rows, len(column.names)]``, zeros before."""
    if column.numeric:
        found = numbers(values, na)
        if found is None:
            got = next(text for text in texts(values, na) if text is not None and not _is_number(text))
            raise DataError(f"column {quoted(column.name)} must hold numbers", got, "It did when the model was made.")
        refuse_infinite("feature", column.name, found)
        into[:, 0] = found
        if column.missing:
            into[:, -1] = np.isnan(into[:, 0])
        return
    codes, labels = factorized(values, na)
    position = {category: place for place, category in enumerate(column.categories)}
    position |= dict.fromkeys(column.other, len(column.categories))
    places = np.array([*(position.get(label, -1) for label in labels), -1], dtype=np.int64)[codes]
    known = np.flatnonzero(places >= 0)
    into[known, places[known]] = 1.0
    if column.missing:
        into[:, -1] = codes < 0


def _is_number(text: str) -> bool:
    import pandas as pd

    return numbers(pd.Series([text], dtype=object)) is not None
