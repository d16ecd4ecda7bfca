"""Which rows are of one class or must stay together, and what is worth a warning about that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from wellposed.data.columns import listed
from wellposed.errors import StudyError, option, printable

if TYPE_CHECKING:
    from wellposed.data.dataset import Dataset
    from wellposed.data.splits import Split

_QUANTILES = 5
_SHOWN = 3  # classes with a warning of their own


def class_codes(dataset: Dataset, stratify: bool | None) -> np.ndarray:
    """Class codes int64 of all rows; all 0 without stratification."""
    import pandas as pd

    if stratify is False or (stratify is None and dataset.task == "regression"):
        return np.zeros(dataset.rows, dtype=np.int64)
    target = dataset.targets.iloc[:, 0]
    if dataset.task == "regression":
        return np.asarray(pd.qcut(target, _QUANTILES, labels=False, duplicates="drop"), dtype=np.int64)
    codes = {label: code for code, label in enumerate(dataset.classes)}
    return target.map(codes).to_numpy(dtype=np.int64)


def group_codes(dataset: Dataset, keep_duplicates_together: bool) -> np.ndarray | None:
    """Group codes of all rows, or None; groups that share a duplicate row become one."""
    if not keep_duplicates_together or not dataset.duplicates:
        return dataset.groups
    duplicates = dataset.duplicate_groups()
    if dataset.groups is None:
        return duplicates
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    shift = int(dataset.groups.max()) + 1
    size = shift + int(duplicates.max()) + 1
    links = coo_matrix((np.ones(dataset.rows), (dataset.groups, duplicates + shift)), shape=(size, size))
    return connected_components(links, directed=False)[1][dataset.groups].astype(np.int64)


def require_groups(dataset: Dataset, groups: np.ndarray, rows: np.ndarray, folds: int) -> None:
    number = len(np.unique(groups[rows]))
    if number < max(2, folds):
        remedy = (
            f"Use fewer folds, or leave {option('group')} out." if dataset.groups is not None else "Use fewer folds."
        )
        what = f"{folds} folds need at least as many groups" if folds > 1 else "a hold-out needs at least 2 groups"
        raise StudyError(what, number, remedy)


def sorted_by_class(dataset: Dataset, rows: np.ndarray) -> list[str]:
    if dataset.task == "regression" or len(dataset.classes) < 2:
        return []
    codes = class_codes(dataset, True)[rows]
    changes, present = int((codes[1:] != codes[:-1]).sum()), len(np.unique(codes))
    if changes >= present - 1 + 0.01 * len(rows):
        return []
    return ["The rows are sorted by class, and the split takes them in order: let it shuffle."]


def straddling(dataset: Dataset, rows: np.ndarray, held: np.ndarray, asked: bool) -> list[str]:
    """Warnings about groups and equal rows on both sides of the user's own split."""
    found, training = [], rows[~np.isin(rows, held)]
    kinds = [("equal", dataset.duplicate_groups())] if asked or dataset.duplicates else []
    if dataset.groups is not None:
        kinds.append(("of the same group", dataset.groups))
    for what, codes in kinds:
        shared = int(np.isin(codes[held], codes[training]).sum())
        if shared:
            found.append(
                f"{shared} of {len(held)} validation rows have a training row {what} to them in the given split."
            )
    return found


def class_warnings(dataset: Dataset, rows: np.ndarray, splits: Sequence[Split], folds: int) -> list[str]:
    if dataset.task == "regression":
        return []
    codes = class_codes(dataset, True)
    counts = np.bincount(codes[rows], minlength=len(dataset.classes))
    found = []
    few = [
        f"{printable(name, 60)} ({count})"
        for name, count in zip(dataset.classes, counts, strict=True)
        if 0 < count < folds
    ]
    if few:
        found.append(f"Fewer rows than the {folds} folds: {listed(few)}; some folds validate none of them.")
    unlearned = np.zeros(len(dataset.classes), dtype=np.int64)
    for split in splits:
        there = np.bincount(codes[split.training], minlength=len(dataset.classes)) > 0
        unlearned += ~there & (counts > 0)
    lacking = [(name, number) for name, number in zip(dataset.classes, unlearned, strict=True) if number]
    for name, number in lacking[:_SHOWN]:
        found.append(f"Class {printable(name, 60)} has no training row in {number} of {len(splits)} splits.")
    if len(lacking) > _SHOWN:
        found.append(f"So it is with {len(lacking) - _SHOWN} more classes.")
    return found
