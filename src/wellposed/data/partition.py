"""Deal rows into parts of given sizes: stratified, whole groups together, or cut in time; sizes not left to chance."""

from __future__ import annotations

import numpy as np

from wellposed.errors import StudyError

_DRAWS = 20


def fold_table(counts: np.ndarray, folds: int) -> np.ndarray:
    """Rows of each class for each fold, int ``[folds, classes]``: within 1 of each other by class and in total.

    Args:
        counts: rows of each class, int ``[classes]``.
        folds: number of folds.
    """
    # rows in class order are dealt like cards, so that the folds' totals differ by 1 at most as well
    ends = np.cumsum(counts)
    starts = ends - counts
    fold = np.arange(folds)[:, None]
    return (ends - fold + folds - 1) // folds - (starts - fold + folds - 1) // folds


def holdout_table(counts: np.ndarray, size: int) -> np.ndarray:
    """Rows of each class for the two parts (rest, held out), int ``[2, classes]``: in proportion, ``size`` in total.

    Largest remainders; a class keeps at least one row in the rest as long as ``size`` allows.
    """
    share = counts * size / counts.sum()
    held = np.floor(share).astype(np.int64)
    room = np.maximum(counts - 1, 0)
    if room.sum() < size:
        room = counts
    held = np.minimum(held, room)
    while held.sum() < size:
        lacking = np.where(held < room, share - held, -np.inf)
        held[int(np.argmax(lacking))] += 1
    return np.stack([counts - held, held])


def deal(classes: np.ndarray, groups: np.ndarray | None, table: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The part of every row, int ``[rows]``, at random so that the parts hold what ``table`` says.

    Groups stay together, so with groups of several rows the table is met as nearly as they allow: rows alone in
    their group fill what larger groups leave open.

    Args:
        classes: class codes int ``[rows]`` (all 0: no stratification).
        groups: group codes int ``[rows]``; None: every row by itself.
        table: rows of each class wanted in each part, int ``[parts, classes]``.
        random: the only source of chance.
    """
    part = np.full(len(classes), -1, dtype=np.int64)
    left = table.astype(np.int64).copy()
    alone = np.ones(len(classes), dtype=bool)
    if groups is not None:
        _, codes, sizes = np.unique(groups, return_inverse=True, return_counts=True)
        alone = sizes[codes] == 1
        if not alone.all():
            members = np.flatnonzero(~alone)
            # numbered afresh, so that only groups of several rows are placed one by one
            codes = np.unique(codes[members], return_inverse=True)[1]
            counts = np.zeros((int(codes.max()) + 1, table.shape[1]), dtype=np.int64)
            np.add.at(counts, (codes, classes[members]), 1)
            place = _place_holdout if len(table) == 2 else _place_folds
            placed = place(counts, table, random, exact=not alone.any())
            part[members] = placed[codes]
            for position in range(len(table)):
                left[position] -= counts[placed == position].sum(axis=0)
    _fill(part, np.flatnonzero(alone), classes, left, random)
    return part


def time_cuts(times: np.ndarray, wanted: list[int], *, before: int = 1) -> list[int]:
    """The nearest positions to ``wanted`` where the sorted times change, strictly ascending.

    ``before``: how many distinct times must lie before the first of them.

    Raises:
        StudyError: there are too few distinct times.
    """
    changes = np.flatnonzero(times[1:] != times[:-1]) + 1
    if len(changes) < len(wanted) + before - 1:
        got = f"{len(changes) + 1} for {len(wanted)} later part{'' if len(wanted) == 1 else 's'}"
        raise StudyError("time-ordered splits need more distinct times", got, "Use fewer folds, or a finer time.")
    cuts, lowest = [], before - 1
    for number, position in enumerate(wanted):
        highest = len(changes) - (len(wanted) - number)
        nearest = lowest + int(np.argmin(np.abs(changes[lowest : highest + 1] - position)))
        cuts.append(int(changes[nearest]))
        lowest = nearest + 1
    return cuts


def _fill(
    part: np.ndarray, rows: np.ndarray, classes: np.ndarray, left: np.ndarray, random: np.random.Generator
) -> None:
    """Deal rows that stand alone where their class is still wanted; the rest where most rows are still wanted."""
    over: list[np.ndarray] = []
    for code in range(left.shape[1]):
        shuffled = random.permutation(rows[classes[rows] == code])
        wanted = np.maximum(left[:, code], 0)
        slots = np.repeat(np.arange(len(left)), wanted)
        if len(slots) > len(shuffled):  # groups took more of this class elsewhere than they should have
            slots = _thinned(slots, wanted, len(shuffled))
        part[shuffled[: len(slots)]] = slots
        left[:, code] -= np.bincount(slots, minlength=len(left))
        over.append(shuffled[len(slots) :])
    for row in np.concatenate(over):
        place = int(np.argmax(left.sum(axis=1)))
        part[row] = place
        left[place, classes[row]] -= 1


def _thinned(slots: np.ndarray, wanted: np.ndarray, count: int) -> np.ndarray:
    """``count`` of the slots, in proportion to what each part wanted."""
    ideal = wanted * count / max(1, wanted.sum())
    taken = np.floor(ideal).astype(np.int64)
    for place in np.argsort(taken - ideal, kind="stable")[: count - int(taken.sum())]:
        taken[place] += 1
    return np.repeat(np.arange(len(wanted)), taken)


def _place_folds(counts: np.ndarray, table: np.ndarray, random: np.random.Generator, exact: bool) -> np.ndarray:
    """A fold for every group: the largest first, each where it overshoots the wanted classes and total least."""
    weight = 1.0 / np.maximum(1.0, table.sum(axis=0)) ** 2
    total_weight = 1.0 / max(1.0, float(table.sum())) ** 2
    left = table.astype(np.float64).copy()
    order = random.permutation(len(counts))
    order = order[np.argsort(-counts[order].sum(axis=1), kind="stable")]
    placed = np.empty(len(counts), dtype=np.int64)
    empty = np.ones(len(table), dtype=bool)
    for step, group in enumerate(order):
        rows = counts[group]
        # growth of the squared distance from the wanted numbers, were the group put there
        cost = ((rows - 2.0 * left) * rows * weight).sum(axis=1)
        cost += (rows.sum() - 2.0 * left.sum(axis=1)) * rows.sum() * total_weight
        if exact and empty.sum() >= len(order) - step:
            cost[~empty] = np.inf  # the last groups go where there is none yet: no fold may stay empty
        # equal costs: chance decides, not the fold's number
        ties = np.flatnonzero(cost <= cost.min() + 1e-12)
        choice = int(ties[random.integers(len(ties))])
        placed[group] = choice
        empty[choice] = False
        left[choice] -= rows
    return placed


def _place_holdout(counts: np.ndarray, table: np.ndarray, random: np.random.Generator, exact: bool) -> np.ndarray:
    """0 (rest) or 1 (held out) for every group: the best of several draws, so that large groups are held out too."""
    sizes, share = counts.sum(axis=1), float(table[1].sum()) / float(table.sum())
    # rows that stand alone fill the held-out part up to its size, so groups need only take their share of it
    goal = float(table[1].sum()) if exact else min(float(table[1].sum()), share * float(sizes.sum()))
    wanted = goal * table[1] / max(1, table[1].sum())
    weight = 1.0 / np.maximum(1.0, table.sum(axis=0))
    best, best_cost = np.zeros(len(counts), dtype=np.int64), np.inf
    group_sizes = sizes.tolist()
    for _ in range(_DRAWS if len(counts) <= 500 else 3):  # many groups: one draw is near the classes' shares already
        held, taken = np.zeros(len(counts), dtype=np.int64), 0
        for group in random.permutation(len(counts)).tolist():
            if abs(taken + group_sizes[group] - goal) < abs(taken - goal):
                held[group] = 1
                taken += group_sizes[group]
        if exact and held.all():
            held[int(random.integers(len(held)))] = 0
        if exact and not held.any():
            held[int(np.argmin(sizes))] = 1
        missed = counts[held == 1].sum(axis=0) - wanted
        unlearned = ((counts[held == 0].sum(axis=0) == 0) & (counts.sum(axis=0) > 0)).sum() if exact else 0
        cost = float((missed**2 * weight).sum() + abs(missed.sum()) + 1e6 * unlearned)
        if cost < best_cost:
            best, best_cost = held, cost
    return best
