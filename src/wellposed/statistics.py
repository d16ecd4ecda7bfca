"""Verdicts on a study's recipes: all against the baseline, Holm's correction, the one-standard-error rule."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wellposed.errors import StudyError
from wellposed.paired import Comparison, fixed_holdout, fixed_partition, repeated, two_dimensional

__all__ = [
    "Comparison",
    "Verdict",
    "compare_all",
    "fixed_holdout",
    "fixed_partition",
    "holm",
    "one_standard_error",
    "repeated",
    "verdict",
]

Verdict = Literal["helps", "hurts", "no evidence", "failed"]


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Holm's step-down adjusted p values: p_(i) -> max over j <= i of min(1, (m - j + 1) p_(j)).

    NaN stays NaN and is not counted in m.

    Source: Holm, Scandinavian Journal of Statistics 6 (1979).
    """
    p = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full(p.shape, np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    steps = (order.size - np.arange(order.size)) * p[order]
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def verdict(
    comparison: Comparison, *, direction: Literal["min", "max"], failed: bool = False, alpha: float = 0.05
) -> Verdict:
    """What may be said of the recipe: ``helps`` or ``hurts`` only if the adjusted p value is below `alpha`.

    Args:
        comparison: of the recipe against the baseline; its `p` is used if it has no `p_adjusted`.
        direction: ``"min"`` if smaller is better (a loss), ``"max"`` if larger is (accuracy).
        failed: some of the recipe's members diverged or collapsed.
        alpha: two-sided level.
    """
    if failed:
        return "failed"
    p = comparison.p if math.isnan(comparison.p_adjusted) else comparison.p_adjusted
    if math.isnan(p) or p >= alpha or comparison.mean == 0:
        return "no evidence"
    return "helps" if (comparison.mean < 0) == (direction == "min") else "hurts"


def compare_all(
    scores: Mapping[str, ArrayLike],
    baseline: ArrayLike,
    *,
    design: Literal["repeated", "fixed-partition", "fixed-holdout"],
    n_training: float = 1.0,
    n_validation: float = 0.0,
    failed: Collection[str] = (),
    groups: ArrayLike | None = None,
) -> dict[str, Comparison]:
    """Every recipe against the baseline on one metric, with Holm's correction over the recipes that did not fail.

    Args:
        scores: recipe -> ``[folds, seeds]`` scores, or ``[seeds, rows]`` contributions for ``"fixed-holdout"``; NaN
            for failed members, whose pairs are left out.
        baseline: the same shape.
        design: `SplitScheme.design`.
        n_training, n_validation: rows of a split (means); ``"fixed-holdout"`` doesn't use them.
        failed: recipes that get no verdict: compared for information, not counted in Holm's correction.
        groups: ``[rows]``, see `fixed_holdout`.

    Raises:
        StudyError: a recipe's scores are not two-dimensional or have another shape than the baseline's.
    """
    base = two_dimensional(baseline, "compare_all", "the baseline")
    family = [name for name in scores if name not in failed]
    count = max(len(family), 1)
    found: dict[str, Comparison] = {}
    for name, values in scores.items():
        candidate = np.asarray(values, dtype=np.float64)
        if candidate.shape != base.shape:
            remedy = f"The baseline's have {base.shape}; pair them by fold and seed."
            raise StudyError(f"compare_all: scores of {name!r} must have the baseline's shape", candidate.shape, remedy)
        with np.errstate(invalid="ignore"):  # inf - inf of two diverged members is a NaN that is left out
            differences = candidate - base
        if design == "repeated":
            folds, seeds = base.shape
            sizes = {"n_training": n_training, "n_validation": n_validation}
            found[name] = repeated(differences, folds=folds, seeds=seeds, comparisons=count, **sizes)
        elif design == "fixed-partition":
            found[name] = fixed_partition(
                differences, n_training=n_training, n_validation=n_validation, comparisons=count
            )
        else:
            found[name] = fixed_holdout(differences, groups=groups, comparisons=count)
    adjusted = holm([found[name].p for name in family])
    for name, p in zip(family, adjusted, strict=True):
        found[name] = replace(found[name], p_adjusted=float(p))
    return found


def one_standard_error(
    means: Mapping[str, float],
    standard_errors: Mapping[str, float],
    order: Sequence[str],
    *,
    direction: Literal["min", "max"],
) -> str:
    """The simplest recipe whose mean score is within one standard error of the best one's.

    Args:
        means: recipe -> mean validation score; recipes with a non-finite mean are passed over.
        standard_errors: recipe -> standard error of that mean; only the best recipe's is read (NaN counts as 0).
        order: the recipes from the simplest to the most complex.
        direction: ``"min"`` if smaller is better, ``"max"`` if larger is.

    Raises:
        StudyError: no recipe of `order` has a finite mean.

    Source: Breiman et al., Classification and Regression Trees (1984), 3.4.3.
    """
    sign = 1.0 if direction == "min" else -1.0
    known = [name for name in order if math.isfinite(means[name])]
    if not known:
        raise StudyError("one_standard_error: a recipe must have a finite mean score", dict(means))
    best = min(known, key=lambda name: sign * means[name])
    error = standard_errors[best]
    limit = sign * means[best] + (error if math.isfinite(error) else 0.0)
    return next(name for name in known if sign * means[name] <= limit)
