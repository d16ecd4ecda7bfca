"""Splits: which rows train, which are monitored, which validate; and the vault, set aside before all."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from wellposed.data.partition import deal, fold_table, holdout_table, time_cuts
from wellposed.data.strata import class_codes, class_warnings, group_codes, require_groups, sorted_by_class, straddling
from wellposed.errors import StudyError, option

if TYPE_CHECKING:
    from wellposed.data.dataset import Dataset

_MOST_SEEDS = 10_000
_VAULT, _PARTITION, _MONITOR = 1, 2, 3


@dataclass(frozen=True, eq=False)
class Split:
    """Disjoint rows of a dataset, each ascending int64: ``monitor`` is carved out of the training rows, or empty."""

    fold: int
    seed: int
    training: np.ndarray
    monitor: np.ndarray
    validation: np.ndarray


@dataclass(frozen=True, eq=False)
class SplitScheme:
    """All splits of a study, and what statistics need to know about them.

    Attributes:
        kind: ``k-fold``, ``hold-out``, ``fixed k-fold``, ``fixed hold-out``, ``grouped k-fold``,
            ``grouped hold-out`` or ``time-ordered``.
        design: ``repeated`` (every seed its own partition), ``fixed-partition`` (folds, the same for every seed) or
            ``fixed-holdout`` (one split for every seed).
        folds: number of folds; 1 for hold-out.
        seeds: number of seeds.
        monitor: asked share of the training rows that is monitored; 0: none.
        splits: ordered by fold, then seed.
        warnings: what the user should know, one sentence each.
    """

    kind: str
    design: str
    folds: int
    seeds: int
    monitor: float
    splits: tuple[Split, ...]
    warnings: tuple[str, ...] = ()


def set_aside(
    dataset: Dataset, test: float | None, *, seed: int, keep_duplicates_together: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Development rows and vault rows (both ascending int64), stratified, in whole groups, or last in time.

    Args:
        dataset: rows that its ``split`` calls ``test`` are the vault, and rows it calls ``validation`` never are.
        test: share of the rows for the vault; None: none besides those.
        seed: draws the vault.
        keep_duplicates_together: equal rows stay on one side.

    Raises:
        StudyError: a share outside (0, 1), too few rows or groups, or test rows given in two ways.
    """
    rows = np.arange(dataset.rows)
    own = np.zeros(dataset.rows, dtype=bool) if dataset.split is None else dataset.split == "test"
    if test is None:
        return rows[~own], rows[own]
    if own.any() or dataset.test is not None:
        raise StudyError(
            "the data bring test rows of their own", f"test {test:g} besides", f"Leave {option('test')} out."
        )
    _share("test", test)
    free = rows if dataset.split is None else rows[dataset.split == "train"]
    size = _size(test, len(free), "test")
    classes, groups = class_codes(dataset, None)[free], group_codes(dataset, keep_duplicates_together)
    if dataset.time is not None:
        _refuse_groups_in_time(groups)
        order = free[np.argsort(dataset.time[free], kind="stable")]
        vault = order[time_cuts(dataset.time[order], [len(order) - size])[0] :]
    else:
        vault = _held_out(free, classes, groups, size, _random(seed, _VAULT))
    return _without(rows, vault), np.sort(vault)


def make_splits(
    dataset: Dataset,
    rows: np.ndarray,
    *,
    folds: int | None = 5,
    validation: float | None = None,
    seeds: int = 3,
    seed: int = 0,
    monitor: float = 0.0,
    fixed: bool = False,
    shuffle: bool = True,
    keep_duplicates_together: bool = False,
    stratify: bool | None = None,
) -> SplitScheme:
    """Splits of the development rows: k-fold, or hold-out if ``validation`` is given; every seed its own partition.

    A dataset with times is split in their order (expanding training windows, validation always later), one with
    groups in whole groups, one whose ``split`` names validation rows just so.

    Args:
        dataset: the dataset that all rows point into.
        rows: development rows, int ``[n]``.
        folds: number of folds, at least 2; None: hold-out.
        validation: share of the rows for hold-out validation (0.2 if ``folds`` is None).
        seeds: number of seeds, at least 1.
        seed: the study's seed, behind all chance.
        monitor: share of the training rows to carve out for stopping; 0: none.
        fixed: every seed gets the partition of the first.
        shuffle: False takes the rows as they come (hold-out: the last ones), for every seed the same.
        keep_duplicates_together: equal rows stay on one side of every split.
        stratify: the same class shares in every part; None: for classification. True with regression: target's fifths.

    Raises:
        StudyError: settings that contradict each other or ask for more folds than there are rows or groups.
    """
    rows = np.sort(np.asarray(rows, dtype=np.int64))
    _check(folds, validation, seeds, monitor, len(rows))
    fixed_by_user = dataset.split is not None and bool((dataset.split[rows] == "validation").any())
    groups = group_codes(dataset, keep_duplicates_together)
    classes = class_codes(dataset, stratify)
    warnings: list[str] = []
    count = 1 if folds is None or validation is not None or fixed_by_user else folds
    share = 0.2 if validation is None else validation
    if fixed_by_user:
        assert dataset.split is not None
        outer = {0: [rows[dataset.split[rows] == "validation"]]}
        rows = rows[np.isin(dataset.split[rows], ("train", "validation"))]
        kind = "fixed hold-out"
        warnings += straddling(dataset, rows, outer[0][0], keep_duplicates_together)
    elif dataset.time is not None:
        _refuse_groups_in_time(groups)
        before = 2 if monitor else 1  # the first window is cut once more, for monitor rows
        parts = _later_parts(dataset.time, rows, folds if count > 1 else None, share, before)
        outer, kind = {0: parts}, "time-ordered"
    else:
        if groups is not None:
            require_groups(dataset, groups, rows, count)
        stem = "k-fold" if count > 1 else "hold-out"
        grouped = dataset.groups is not None or (groups is not None and keep_duplicates_together)
        kind = f"fixed {stem}" if fixed or not shuffle else f"grouped {stem}" if grouped else stem
        if not shuffle:
            outer = {0: _unshuffled(rows, groups, count, share)}
            warnings += sorted_by_class(dataset, rows)
        else:
            outer = {
                repeat: _shuffled(rows, classes, groups, count, share, _random(seed, _PARTITION, repeat))
                for repeat in range(1 if fixed else seeds)
            }
    design = "repeated" if len(outer) == seeds and not (fixed or fixed_by_user or not shuffle) else ""
    if dataset.time is not None or not design:
        design = "fixed-partition" if count > 1 else "fixed-holdout"
    sizes = _monitor_sizes(rows, outer, monitor, groups is None and dataset.time is None, kind == "time-ordered")
    splits = []
    for fold in range(count):
        for repeat in range(seeds):
            held = outer[repeat if repeat in outer else 0][fold]
            draw = repeat if repeat in outer else 0
            training = _training(dataset, rows, held, kind)
            carved = training[:0]
            if monitor:
                random = _random(seed, _MONITOR, draw, fold)
                carved = _monitored(dataset, training, classes, groups, sizes[draw][fold], random)
            splits.append(Split(fold, repeat, _without(training, carved), carved, np.sort(held)))
    warnings += class_warnings(dataset, rows, splits, count)
    return SplitScheme(kind, design, count, seeds, monitor, tuple(splits), tuple(warnings))


def _shuffled(
    rows: np.ndarray,
    classes: np.ndarray,
    groups: np.ndarray | None,
    folds: int,
    share: float,
    random: np.random.Generator,
) -> list[np.ndarray]:
    """Validation rows of every fold."""
    if folds == 1:
        return [_held_out(rows, classes[rows], groups, _size(share, len(rows), "validation"), random)]
    counts = np.bincount(classes[rows])
    part = deal(classes[rows], None if groups is None else groups[rows], fold_table(counts, folds), random)
    return [rows[part == fold] for fold in range(folds)]


def _held_out(
    rows: np.ndarray, classes: np.ndarray, groups: np.ndarray | None, size: int, random: np.random.Generator
) -> np.ndarray:
    table = holdout_table(np.bincount(classes), size)
    part = deal(classes, None if groups is None else groups[rows], table, random)
    if not (part == 1).any() or (part == 1).all():
        raise StudyError(
            "a hold-out needs rows on both sides", "one group", f"Use more groups, or leave {option('group')} out."
        )
    return np.sort(rows[part == 1])


def _unshuffled(rows: np.ndarray, groups: np.ndarray | None, folds: int, share: float) -> list[np.ndarray]:
    if groups is not None:
        remedy = f"Leave out {option('shuffle_splits', False)}, or the groups."
        raise StudyError("rows in their order can't keep groups together", "shuffle=False", remedy)
    if folds == 1:
        return [rows[len(rows) - _size(share, len(rows), "validation") :]]
    return list(np.array_split(rows, folds))


def _later_parts(time: np.ndarray, rows: np.ndarray, folds: int | None, share: float, before: int) -> list[np.ndarray]:
    """Validation rows of every fold, later and later; times that are equal stay together."""
    order = rows[np.argsort(time[rows], kind="stable")]
    if folds is None:
        wanted = [len(order) - _size(share, len(order), "validation")]
    else:
        block = max(1, len(order) // (folds + 1))
        wanted = [len(order) - (folds - fold) * block for fold in range(folds)]
    cuts = [*time_cuts(time[order], wanted, before=before), len(order)]
    return [order[start:stop] for start, stop in pairwise(cuts)]


def _training(dataset: Dataset, rows: np.ndarray, held: np.ndarray, kind: str) -> np.ndarray:
    if kind != "time-ordered":
        return _without(rows, held)
    assert dataset.time is not None
    return rows[dataset.time[rows] < dataset.time[held].min()]


def _monitor_sizes(
    rows: np.ndarray, outer: dict[int, list[np.ndarray]], monitor: float, level: bool, windows: bool
) -> dict[int, list[int]]:
    """Monitor rows of every draw and fold: such that training sets are equally large, where nothing forbids it."""
    trained = {draw: [len(rows) - len(held) for held in parts] for draw, parts in outer.items()}
    if windows:  # training rows are those before the fold's, and validation goes on to the last row
        trained = {
            draw: [len(rows) - sum(len(held) for held in parts[fold:]) for fold in range(len(parts))]
            for draw, parts in outer.items()
        }
    if not monitor:
        return {draw: [0] * len(sizes) for draw, sizes in trained.items()}
    asked = {draw: [_size(monitor, size, "monitor") for size in sizes] for draw, sizes in trained.items()}
    if not level:
        return asked
    pairs = [(size, carved) for draw in trained for size, carved in zip(trained[draw], asked[draw], strict=True)]
    left = min(size - carved for size, carved in pairs)
    return {draw: [size - left for size in sizes] for draw, sizes in trained.items()}


def _monitored(
    dataset: Dataset,
    training: np.ndarray,
    classes: np.ndarray,
    groups: np.ndarray | None,
    size: int,
    random: np.random.Generator,
) -> np.ndarray:
    if dataset.time is not None:
        order = training[np.argsort(dataset.time[training], kind="stable")]
        return np.sort(order[time_cuts(dataset.time[order], [len(order) - size])[0] :])
    return _held_out(training, classes[training], groups, size, random)


def _refuse_groups_in_time(groups: np.ndarray | None) -> None:
    if groups is not None:
        remedy = f"Use {option('time')}, or {option('group')} and {option('keep_duplicates_together')}, not both."
        raise StudyError("time-ordered splits can't keep groups together", "groups and times", remedy)


def _check(folds: int | None, validation: float | None, seeds: int, monitor: float, rows: int) -> None:
    if seeds < 1:
        raise StudyError("a study needs at least 1 seed", seeds, f"Use {option('seeds', 3)}.")
    if seeds > _MOST_SEEDS:
        raise StudyError(f"a study takes at most {_MOST_SEEDS:,} seeds", seeds, f"Use {option('seeds', 10)}.")
    if rows < 2:
        raise StudyError("splits need at least 2 rows", rows, "Give more data.")
    if validation is not None:
        _share("validation", validation)
    elif folds is not None and folds < 2:
        raise StudyError(
            "cross-validation needs at least 2 folds",
            folds,
            f"Use {option('folds', 5)}, or {option('validation', 0.2)}.",
        )
    elif folds is not None and folds > rows:
        raise StudyError(f"{folds} folds need at least as many rows", rows, "Use fewer folds.")
    if monitor:
        _share("monitor", monitor)


def _without(rows: np.ndarray, taken: np.ndarray) -> np.ndarray:
    """The rows that aren't taken, in order (``np.setdiff1d`` sorts: fifty times slower here)."""
    return rows[~np.isin(rows, taken, assume_unique=True)]


def _share(name: str, value: float) -> None:
    if not 0.0 < value < 1.0:
        raise StudyError(f"{name} must be a share of the rows, in (0, 1)", value, "Write 0.2 for a fifth.")


def _size(share: float, rows: int, name: str) -> int:
    """Rounded number of rows, at least 1 and leaving at least 1."""
    if rows < 2:
        remedy = f"Give more data, or say {option('monitor', 0)}." if name == "monitor" else "Give more data."
        raise StudyError(f"{name} rows need at least 2 rows to be carved from", rows, remedy)
    return min(max(1, round(share * rows)), rows - 1)


def _random(seed: int, *purpose: int) -> np.random.Generator:
    if seed < 0:
        raise StudyError("seed must not be negative", seed, f"Use {option('seed', 0)}.")
    return np.random.default_rng([seed, *purpose])
