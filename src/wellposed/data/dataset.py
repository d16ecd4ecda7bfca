"""A table made ready for a study: features, targets, the role of every column, where it came from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from wellposed.data.columns import series
from wellposed.errors import printable

if TYPE_CHECKING:
    import pandas as pd

_BLOCK = 16_384  # rows

Task = Literal["classification", "regression"]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Features and targets of every row, with column roles, task and provenance; made by ``read``.

    Attributes:
        name: short name for tables and reports.
        features: the numeric (float64, float32 or uint8, NaN: missing) and categorical (pandas category of texts)
            columns in their original order, with a RangeIndex.
        targets: one column of labels (text) for classification; one or several float64 columns for regression.
        roles: every column of the source and what became of it: ``numeric`` and ``categorical`` are the features;
            ``constant``, ``identifier`` and ``dropped`` were left out; ``target``, ``weight``, ``group``, ``time``
            and ``split`` are held in the fields of these names.
        task: ``classification`` or ``regression``.
        classes: the labels, sorted (numbers by value; an expression's negation first); ``()`` for regression.
        source: path, registry name, or ``memory``.
        sha256: of the file's bytes, or of the values of tables from memory.
        image_shape: ``(height, width)`` or ``(height, width, channels)`` if the features are pixels.
        weights: sample weights ``[rows]``, finite and not negative.
        groups: group codes ``[rows]``; rows of one group stay on one side of every split.
        time: sortable times ``[rows]``; validation rows are later than training rows.
        split: ``train``, ``validation`` or ``test`` ``[rows]``, where the user fixed the split.
        test: rows given apart for the vault.
        validation: the rows given apart for validation; they are also the last rows of this dataset.
        warnings: what the reader noticed, one sentence each.
        na: the user's own markers of missing cells, needed to read further files alike.
    """

    name: str
    features: pd.DataFrame
    targets: pd.DataFrame
    roles: Mapping[str, str]
    task: Task
    classes: tuple[str, ...]
    source: str
    sha256: str
    image_shape: tuple[int, ...] | None = None
    weights: np.ndarray | None = None
    groups: np.ndarray | None = None
    time: np.ndarray | None = None
    split: np.ndarray | None = None
    test: Dataset | None = None
    validation: Dataset | None = None
    warnings: tuple[str, ...] = ()
    na: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """One line; :meth:`summary` shows every column."""
        width, target = self.features.shape[1], ", ".join(printable(str(name), 60) for name in self.targets)
        task = f"{len(self.classes)} classes of {target}" if self.classes else f"regression of {target}"
        return f"<Dataset {self.name}: {self.rows} rows, {width} feature{'' if width == 1 else 's'}, {task}>"

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.features)

    @property
    def duplicates(self) -> int:
        """How many rows repeat an earlier row's features and target."""
        return self.rows - (int(self._duplicate_codes.max()) + 1 if self.rows else 0)

    def duplicate_groups(self) -> np.ndarray:
        """Group codes int64 ``[rows]``: rows with the same features and target share one; numbered as they appear."""
        return self._duplicate_codes.copy()

    @cached_property
    def _duplicate_codes(self) -> np.ndarray:
        pixels = all(dtype == np.uint8 for dtype in self.features.dtypes)
        targets = np.column_stack([_comparable(series(self.targets, name)) for name in self.targets])
        seen: dict[bytes, int] = {}
        codes = np.empty(self.rows, dtype=np.int64)
        for start in range(0, self.rows, _BLOCK):  # a block at a time: the whole table would be held twice
            part = self.features.iloc[start : start + _BLOCK]
            if pixels:
                values = np.ascontiguousarray(part.to_numpy())
            else:
                values = np.column_stack([_comparable(series(part, name)) for name in part])
            for row, cells in enumerate(values, start):
                # a digest instead of the bytes themselves, which would be another copy
                digest = hashlib.blake2b(cells.tobytes(), digest_size=16)
                digest.update(targets[row].tobytes())
                codes[row] = seen.setdefault(digest.digest(), len(seen))
        return codes

    def take(self, rows: np.ndarray) -> Dataset:
        """The dataset of these rows (int ``[n]``) alone, in the given order; ``test`` is kept as it is."""
        rows = np.asarray(rows, dtype=np.int64)

        def part(values: np.ndarray | None) -> np.ndarray | None:
            return None if values is None else values[rows]

        return replace(
            self,
            features=self.features.iloc[rows].reset_index(drop=True),
            targets=self.targets.iloc[rows].reset_index(drop=True),
            weights=part(self.weights),
            groups=part(self.groups),
            time=part(self.time),
            split=part(self.split),
            validation=None,
        )

    def class_counts(self) -> dict[str, int]:
        """Rows of each class in class order; empty for regression."""
        if self.task == "regression":
            return {}
        counts = self.targets.iloc[:, 0].value_counts()
        return {name: int(counts.get(name, 0)) for name in self.classes}

    def summary(self) -> str:
        """A table of every column's role, for people: what was taken, what was left out, what is missing."""
        from wellposed.data.summary import summary

        return summary(self)


def _comparable(column: pd.Series) -> np.ndarray:
    """The column as float64 in which equal cells have equal bits."""
    import pandas as pd

    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.codes.to_numpy(dtype=np.float64)
    if pd.api.types.is_numeric_dtype(column.dtype):
        values = column.to_numpy(dtype=np.float64) + 0.0  # -0.0 + 0.0 is 0.0
        return np.where(np.isnan(values), np.nan, values)  # one bit pattern for every NaN
    return pd.factorize(column)[0].astype(np.float64)
