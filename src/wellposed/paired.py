"""Paired tests of one recipe against the baseline: mean difference, interval, p value, power.

Every design turns differences (candidate - baseline, paired by fold, seed and row) into a mean, its standard error and
degrees of freedom; interval, p value and power then follow from one distribution. The designs differ in what varies:

- `repeated`: every seed draws its own partition. Training sets overlap, so differences are correlated, and a plain
  t-test would claim far too much; Nadeau and Bengio's correction widens its standard error.
- `fixed_partition`: all seeds share one partition into folds: seeds are averaged within folds first.
- `fixed_holdout`: one split for all seeds: seeds x rows are crossed, and the claim holds "on this split" only.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtr, stdtrit

from wellposed.behrens_fisher import critical_value, equivalent_df, two_sided_p
from wellposed.errors import StudyError
from wellposed.power import detectable_effect, fewest_seeds

REPEATED = "corrected t (Nadeau-Bengio)"
FOLDS = "t over folds"
CROSSED = "crossed seeds x rows"
IDENTICAL = "sign test (identical differences)"
NONE = "none"


@dataclass(frozen=True)
class Comparison:
    """A recipe against the baseline on one metric, in the metric's own units (candidate - baseline).

    Args:
        mean: mean difference.
        low, high: 95 % interval of the mean, from the same standard error and degrees of freedom as `p`; not adjusted
            for the number of recipes. NaN where there is none.
        p: two-sided p value of "no difference"; NaN if the design can't give one.
        df: degrees of freedom of the t distribution.
        method: ``"corrected t (Nadeau-Bengio)"``, ``"t over folds"``, ``"crossed seeds x rows"``; ``"none"``: too few
            differences for a test; ``"sign test (identical differences)"``: all J differences are the same non-zero
            number, so they tell nothing of their spread, and p = 2^(1 - J) is all that can be claimed.
        detectable: the smallest |mean| that this study finds with power 0.8 at two-sided 5 % (5 % / m, Holm's
            strictest level, if m recipes are compared). 0 if every difference is 0, NaN if there is no test.
        seeds_for_half: about how many seeds would detect half of `detectable`; None: no number of seeds would (or it
            is unknown). That is usual: with repeated k-fold the term n_validation / n_training doesn't shrink with
            seeds, nor do differences between folds or between rows on a fixed split. More rows are needed then.
        p_adjusted: `p` after Holm's correction over the study's recipes; NaN before it.
    """

    mean: float
    low: float
    high: float
    p: float
    df: float
    method: str
    detectable: float
    seeds_for_half: int | None
    p_adjusted: float = math.nan


def repeated(
    differences: ArrayLike, *, folds: int, seeds: int, n_training: float, n_validation: float, comparisons: int = 1
) -> Comparison:
    """Corrected t-test of Nadeau and Bengio for repeated k-fold or repeated hold-out.

        t = mean(d) / sqrt((1/J + n_validation / n_training) var(d)),  J - 1 degrees of freedom

    Args:
        differences: ``[J]``, J = folds x seeds (any shape is flattened); non-finite ones are left out.
        folds: folds a seed (1: hold-out).
        seeds: seeds, each with its own partition.
        n_training: training rows of a split (their mean, if splits differ).
        n_validation: validation rows of a split.
        comparisons: recipes compared in the study, for `detectable`.

    Raises:
        StudyError: a count is not positive.

    Source: Nadeau and Bengio, Inference for the Generalization Error, Machine Learning 52 (2003).
    """
    _check_counts(folds=folds, seeds=seeds, n_training=n_training, comparisons=comparisons)
    d = _finite(differences)
    overlap = n_validation / n_training
    if d.size < 2:
        return _without_test(d)
    if _identical(d):
        return _of_identical(d, REPEATED)
    variance = float(np.var(d, ddof=1))

    def spread(seeds: int) -> tuple[float, float]:
        return math.sqrt((1 / (folds * seeds) + overlap) * variance), folds * seeds - 1

    error = math.sqrt((1 / d.size + overlap) * variance)
    return _compare(float(d.mean()), error, d.size - 1, REPEATED, comparisons, spread)


def fixed_partition(
    differences: ArrayLike, *, n_training: float, n_validation: float, comparisons: int = 1
) -> Comparison:
    """Corrected t-test over folds, for one partition shared by all seeds (a user's, or time-ordered).

        d_f = mean over seeds of d[f, :],  t = mean(d_f) / sqrt((1/F + n_validation / n_training) var(d_f)),  F - 1 df

    Args:
        differences: ``[folds, seeds]``; non-finite ones are left out of their fold's mean, empty folds altogether.
        n_training, n_validation: rows of a split (their means, if splits differ).
        comparisons: recipes compared in the study, for `detectable`.

    Raises:
        StudyError: `differences` is not two-dimensional, or a count is not positive.
    """
    _check_counts(n_training=n_training, comparisons=comparisons)
    table = two_dimensional(differences, "fixed_partition", "[folds, seeds]")
    finite = np.isfinite(table)
    counts = finite.sum(axis=1)
    used = counts > 0
    d = np.where(finite, table, 0.0).sum(axis=1)[used] / counts[used]
    if d.size < 2:
        return _without_test(d)
    if _identical(d):
        return _of_identical(d, FOLDS)
    factor = 1 / d.size + n_validation / n_training
    variance = float(np.var(d, ddof=1))
    # Between seeds of the same fold: the part of the variance that more seeds average out.
    within = [float(np.var(row[mask], ddof=1)) for row, mask in zip(table, finite, strict=True) if mask.sum() > 1]
    of_seeds = float(np.mean(within)) if within else 0.0
    of_folds = max(variance - of_seeds * float(np.mean(1 / counts[used])), 0.0)

    def spread(seeds: int) -> tuple[float, float]:
        return math.sqrt(factor * (of_folds + of_seeds / seeds)), d.size - 1

    return _compare(float(d.mean()), math.sqrt(factor * variance), d.size - 1, FOLDS, comparisons, spread)


def fixed_holdout(differences: ArrayLike, *, groups: ArrayLike | None = None, comparisons: int = 1) -> Comparison:
    """Crossed seeds x rows on one split fixed by the user; what is found holds on this split's training rows.

        var(mean) = A + B - C,  A = var(seed means) / S,  B = var(row means) / n,  C = residual variance / (S n)
        mean - truth ~ sqrt(A) T1 + sqrt(B - C) T2,  T1, T2 ~ t with S - 1 and n - 1 degrees of freedom

    The second line is Behrens and Fisher's; `wellposed.behrens_fisher` says why Satterthwaite's single t won't do
    with few seeds. No variance component is let below zero: A is at least C, B - C at least 0.

    Args:
        differences: ``[seeds, rows]`` of each row's contribution to the metric, such that the metric is their mean
            (multiply by weight / mean weight if rows are weighted); seeds with a non-finite row are left out.
        groups: ``[rows]`` codes of rows that belong together (groups, duplicates), which count as one row.
        comparisons: recipes compared in the study, for `detectable`.

    Returns:
        `df` is that of the single t with the same standard error and the same interval.

    Raises:
        StudyError: `differences` is not two-dimensional, or `groups` has another length.

    Source: the two-way random-effects layout; Fisher, Annals of Eugenics 9 (1939).
    """
    _check_counts(comparisons=comparisons)
    table = two_dimensional(differences, "fixed_holdout", "[seeds, rows]")
    table = table[np.isfinite(table).all(axis=1)]
    if groups is not None:
        table = _sum_groups(table, np.asarray(groups))
    n_seeds, n_rows = table.shape
    if n_seeds < 2 or n_rows < 2:
        return _without_test(table.mean(axis=1) if n_rows else np.empty(0))
    if _identical(table):
        return _of_identical(table.mean(axis=1), CROSSED)
    seed_means, row_means = table.mean(axis=1), table.mean(axis=0)
    mean = float(table.mean())
    residuals = table - seed_means[:, None] - row_means + mean
    of_residuals = float(np.square(residuals).sum()) / ((n_seeds - 1) * (n_rows - 1))
    of_seeds = max(float(np.var(seed_means, ddof=1)) - of_residuals / n_rows, 0.0)
    of_rows = max(float(np.var(row_means, ddof=1)) - of_residuals / n_seeds, 0.0)
    level = 0.05 / comparisons

    def sources(seeds: int) -> tuple[tuple[float, float], tuple[float, float]]:
        """Standard errors of seeds (residuals included) and rows, and their degrees of freedom."""
        return (math.sqrt((of_seeds + of_residuals / n_rows) / seeds), math.sqrt(of_rows / n_rows)), (
            seeds - 1,
            n_rows - 1,
        )

    def spread(seeds: int) -> tuple[float, float]:
        if seeds < 2:
            return math.inf, 0
        scales, dfs = sources(seeds)
        error = math.hypot(*scales)
        return error, equivalent_df(level, critical_value(level, scales, dfs) / error)

    scales, dfs = sources(n_seeds)
    margin = critical_value(0.05, scales, dfs)
    detectable = detectable_effect(*spread(n_seeds), level)
    half = fewest_seeds(detectable / 2, level, spread)
    p, df = two_sided_p(mean, scales, dfs), equivalent_df(0.05, margin / math.hypot(*scales))
    return Comparison(mean, mean - margin, mean + margin, p, df, CROSSED, detectable, half)


def _compare(
    mean: float,
    error: float,
    df: float,
    method: str,
    comparisons: int,
    spread: Callable[[int], tuple[float, float]],
) -> Comparison:
    """The t-test of mean / error; `spread` gives (standard error, df) for another number of seeds."""
    level = 0.05 / comparisons
    margin = float(stdtrit(df, 0.975)) * error
    detectable = detectable_effect(error, df, level)
    half = fewest_seeds(detectable / 2, level, spread)
    p = min(2 * float(stdtr(df, -abs(mean) / error)), 1.0)
    return Comparison(mean, mean - margin, mean + margin, p, float(df), method, detectable, half)


def _without_test(d: NDArray[np.float64]) -> Comparison:
    mean = float(d.mean()) if d.size else math.nan
    return Comparison(mean, math.nan, math.nan, math.nan, math.nan, NONE, math.nan, None)


def _of_identical(d: NDArray[np.float64], method: str) -> Comparison:
    """No spread at all: nothing to test if all are 0, else the sign test's p and, where it reaches 95 %, interval."""
    if not d.any():
        return Comparison(0.0, 0.0, 0.0, 1.0, float(d.size - 1), method, 0.0, None)
    mean, p = float(d.mean()), 2.0 ** (1 - d.size)
    bound = mean if p <= 0.05 else math.nan
    return Comparison(mean, bound, bound, p, math.nan, IDENTICAL, math.nan, None)


def _identical(d: NDArray[np.float64]) -> bool:
    # Scores are float32: differences that agree to five digits (of accuracies on few rows, say) differ by rounding.
    return float(np.ptp(d)) <= max(1e-5 * float(np.abs(d).max()), 1e-100)  # squares of less would underflow


def _sum_groups(table: NDArray[np.float64], groups: NDArray[np.generic]) -> NDArray[np.float64]:
    """``[seeds, groups]`` sums scaled such that their mean is still the mean over rows."""
    if groups.shape != table.shape[1:]:
        remedy = f"There are {table.shape[1]} rows; give one code a row."
        raise StudyError("fixed_holdout: groups must have the length of the rows", groups.shape, remedy)
    codes, inverse = np.unique(groups, return_inverse=True)
    sums = np.zeros((table.shape[0], codes.size))
    np.add.at(sums.T, inverse, table.T)
    return sums * (codes.size / table.shape[1])


def _finite(values: ArrayLike) -> NDArray[np.float64]:
    flat = np.asarray(values, dtype=np.float64).ravel()
    return flat[np.isfinite(flat)]


def two_dimensional(values: ArrayLike, place: str, what: str) -> NDArray[np.float64]:
    """The values as float64, or a `StudyError` that begins with `place`."""
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2:
        raise StudyError(f"{place}: {what} must be a two-dimensional array", f"shape {table.shape}")
    return table


def _check_counts(**counts: float) -> None:
    for name, value in counts.items():
        if not value > 0:
            raise StudyError(f"statistics: {name} must be positive", value)
