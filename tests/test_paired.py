"""Oracles: scikit-learn's published corrected t-test, SciPy's t-tests, an analysis of variance written out by hand."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from scipy import stats
from sklearn.datasets import make_moons
from sklearn.model_selection import RepeatedStratifiedKFold, cross_val_score
from sklearn.svm import SVC

from wellposed.errors import StudyError
from wellposed.paired import Comparison, fixed_holdout, fixed_partition, repeated


def corrected_std(differences, n_train, n_test):
    """Verbatim from scikit-learn's example "Statistical comparison of models using grid search"."""
    kr = len(differences)
    corrected_var = np.var(differences, ddof=1) * (1 / kr + n_test / n_train)
    corrected_std = np.sqrt(corrected_var)
    return corrected_std


def compute_corrected_ttest(differences, df, n_train, n_test):
    """Verbatim from the same example."""
    mean = np.mean(differences)
    std = corrected_std(differences, n_train, n_test)
    t_stat = mean / std
    p_val = stats.t.sf(np.abs(t_stat), df)  # right-tailed t-test
    return t_stat, p_val


def test_equals_scikit_learns_published_example():
    x, y = make_moons(noise=0.352, random_state=1, n_samples=100)
    cv = RepeatedStratifiedKFold(n_splits=10, n_repeats=10, random_state=0)
    rbf, linear = (
        cross_val_score(SVC(kernel=kernel, random_state=0), x, y, scoring="roc_auc", cv=cv)
        for kernel in ("rbf", "linear")
    )
    train, test = next(cv.split(x, y))
    differences = rbf - linear
    t_stat, one_sided = compute_corrected_ttest(differences, 99, len(train), len(test))
    assert (round(t_stat, 3), round(one_sided, 3)) == (0.750, 0.227)  # as printed in the documentation

    found = repeated(differences, folds=10, seeds=10, n_training=len(train), n_validation=len(test))

    assert found.p == pytest.approx(2 * one_sided, rel=1e-9)
    assert found.mean == pytest.approx(differences.mean())
    interval = stats.t.interval(0.95, 99, differences.mean(), corrected_std(differences, len(train), len(test)))
    assert (found.low, found.high) == pytest.approx(interval)
    assert (found.df, found.method) == (99, "corrected t (Nadeau-Bengio)")


def test_without_overlap_equals_scipys_t_test(rng):
    differences = rng.normal(0.3, 1.0, 12)
    oracle = stats.ttest_1samp(differences, 0.0)
    low, high = oracle.confidence_interval(0.95)
    found = repeated(differences, folds=4, seeds=3, n_training=80, n_validation=0)
    assert (found.p, found.low, found.high) == pytest.approx((oracle.pvalue, low, high))


def test_fixed_partition_averages_seeds_within_folds(rng):
    differences = rng.normal(0.3, 1.0, (5, 4))
    found = fixed_partition(differences, n_training=80, n_validation=20)
    _, one_sided = compute_corrected_ttest(differences.mean(axis=1), 4, 80, 20)
    assert found.p == pytest.approx(2 * one_sided)
    assert (found.df, found.method) == (4, "t over folds")


def test_fixed_partition_leaves_out_failed_members(rng):
    differences = rng.normal(0.3, 1.0, (5, 2))
    differences[0, 1] = np.nan
    differences[3] = np.inf
    found = fixed_partition(differences, n_training=80, n_validation=20)
    kept = [differences[0, 0], *differences[[1, 2, 4]].mean(axis=1)]
    assert found.mean == pytest.approx(np.mean(kept))
    assert found.df == 3


def test_fixed_holdout_equals_analysis_of_variance(rng):
    seeds, rows = 6, 30
    d = 0.2 + rng.normal(0, 0.3, (seeds, 1)) + rng.normal(0, 1, rows) + rng.normal(0, 0.5, (seeds, rows))
    grand = d.mean()
    of_seeds = rows * sum((d[s].mean() - grand) ** 2 for s in range(seeds)) / (seeds - 1)
    of_rows = seeds * sum((d[:, r].mean() - grand) ** 2 for r in range(rows)) / (rows - 1)
    total = ((d - grand) ** 2).sum()
    residual = (total - of_seeds * (seeds - 1) - of_rows * (rows - 1)) / ((seeds - 1) * (rows - 1))
    error = math.sqrt((of_seeds + of_rows - residual) / (seeds * rows))

    found = fixed_holdout(d)

    draws = np.random.default_rng(0)
    by_seeds = math.sqrt(of_seeds / (seeds * rows)) * draws.standard_t(seeds - 1, 400_000)
    by_rows = math.sqrt((of_rows - residual) / (seeds * rows)) * draws.standard_t(rows - 1, 400_000)
    assert found.p == pytest.approx((np.abs(by_seeds + by_rows) > abs(grand)).mean(), abs=0.003)
    assert found.high - grand == pytest.approx(np.quantile(by_seeds + by_rows, 0.975), rel=0.01)
    assert found.high - grand == pytest.approx(stats.t.ppf(0.975, found.df) * error)
    assert seeds - 1 < found.df < rows - 1
    assert found.method == "crossed seeds x rows"


def test_fixed_holdout_without_seed_effects_is_a_t_test_over_rows(rng):
    rows = rng.normal(0.1, 1.0, 40)
    found = fixed_holdout(np.tile(rows, (3, 1)))
    assert (found.p, found.df) == pytest.approx((stats.ttest_1samp(rows, 0).pvalue, 39))


def test_fixed_holdout_without_row_effects_is_a_t_test_over_seeds(rng):
    seeds = rng.normal(0.1, 1.0, 8)
    found = fixed_holdout(np.tile(seeds[:, None], (1, 40)))
    assert (found.p, found.df) == pytest.approx((stats.ttest_1samp(seeds, 0).pvalue, 7))


def test_fixed_holdout_counts_a_group_as_one_row(rng):
    rows = rng.normal(0.1, 1.0, (4, 25))
    tripled = np.repeat(rows, 3, axis=1)
    assert fixed_holdout(tripled, groups=np.repeat(np.arange(25), 3)).p == pytest.approx(fixed_holdout(rows).p)
    assert fixed_holdout(tripled).p < fixed_holdout(rows).p


@pytest.mark.parametrize("seeds", [2, 3])
def test_few_seeds_do_not_claim_too_much(rng, seeds, monkeypatch):
    """Where Satterthwaite's single t claims 7 to 13 %."""
    monkeypatch.setattr("wellposed.paired.fewest_seeds", lambda *_: None)  # slow, and not what is tested
    claims = [
        fixed_holdout(rng.normal(size=(seeds, 1)) + rng.normal(size=40) + rng.normal(0, 0.5, (seeds, 40))).p < 0.05
        for _ in range(600)
    ]
    assert np.mean(claims) < 0.07


def test_fixed_holdout_survives_pure_interaction():
    found = fixed_holdout([[1.0, -1.0], [-1.0, 1.0]])
    assert (found.mean, found.p) == (0.0, 1.0)
    assert found.high > 0 > found.low


def test_fixed_holdout_leaves_out_failed_seeds(rng):
    d = rng.normal(0.1, 1.0, (5, 20))
    broken = np.vstack([d, np.full((1, 20), np.nan)])
    assert fixed_holdout(broken) == fixed_holdout(d)


def all_zero() -> list[Comparison]:
    return [
        repeated(np.zeros(6), folds=3, seeds=2, n_training=8, n_validation=2),
        fixed_partition(np.zeros((3, 2)), n_training=8, n_validation=2),
        fixed_holdout(np.zeros((3, 10))),
    ]


@pytest.mark.parametrize("found", all_zero(), ids=lambda found: found.method)
def test_identical_candidates_differ_by_nothing(found):
    assert (found.mean, found.low, found.high, found.p, found.detectable) == (0, 0, 0, 1, 0)


@pytest.mark.parametrize(("count", "p", "bound"), [(3, 0.25, math.nan), (8, 2**-7, 0.05)])
def test_identical_differences_are_a_sign_test(count, p, bound):
    # float32 scores: 0.95 - 0.90 and 0.85 - 0.80 differ by rounding only
    scores = np.resize(np.float32([0.95, 0.85]), count) - np.resize(np.float32([0.90, 0.80]), count)
    found = repeated(scores, folds=1, seeds=count, n_training=80, n_validation=20)
    assert (found.method, found.p) == ("sign test (identical differences)", p)
    assert (found.low, found.high) == pytest.approx((bound, bound), nan_ok=True)


@pytest.mark.parametrize(
    "found",
    [
        repeated([0.1], folds=1, seeds=1, n_training=8, n_validation=2),
        repeated([np.nan, 0.1], folds=1, seeds=2, n_training=8, n_validation=2),
        fixed_partition([[0.1, 0.1, 0.1]], n_training=8, n_validation=2),
        fixed_holdout([[0.0, 0.1, 0.2, 0.1]]),
        fixed_holdout([[0.1], [0.1]]),
    ],
)
def test_one_difference_gives_no_test(found):
    assert found.mean == pytest.approx(0.1)
    assert (found.method, found.seeds_for_half) == ("none", None)
    assert all(math.isnan(value) for value in (found.p, found.low, found.high, found.df, found.detectable))


def test_no_finite_difference_gives_nan():
    assert math.isnan(repeated([np.nan, np.inf], folds=1, seeds=2, n_training=8, n_validation=2).mean)
    assert math.isnan(fixed_holdout(np.full((3, 4), np.nan)).mean)


def test_seeds_for_half_is_none_where_the_overlap_dominates(rng):
    d = rng.normal(0, 1, 15)
    assert repeated(d, folds=5, seeds=3, n_training=80, n_validation=20).seeds_for_half is None
    assert repeated(d, folds=5, seeds=3, n_training=80, n_validation=0).seeds_for_half == pytest.approx(11, abs=1)


def test_seeds_for_half_halves_the_detectable_difference(rng):
    d = rng.normal(0, 1, (200, 10))
    for count in (10, 200):
        found = repeated(d[:count], folds=10, seeds=count, n_training=100, n_validation=0)
        assert found.seeds_for_half == pytest.approx(4 * count, rel=0.15)
    seeds_only = np.tile(rng.normal(0, 1, 20)[:, None], (1, 50))
    assert fixed_holdout(seeds_only).seeds_for_half == pytest.approx(77, abs=3)
    assert fixed_holdout(seeds_only.T).seeds_for_half is None


def test_more_seeds_on_a_fixed_partition_shrink_only_what_seeds_vary():
    folds = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
    folds /= folds.std(ddof=1)
    seeds = np.array([1.0, -1.0])  # variance 2 within folds: 1 in the mean of two seeds, all the variance that there is
    assert fixed_partition(folds[:, None] + seeds, n_training=80, n_validation=20).seeds_for_half == 8
    assert fixed_partition(2 * folds[:, None] + seeds, n_training=80, n_validation=20).seeds_for_half is None
    assert fixed_partition(folds[:, None], n_training=80, n_validation=20).seeds_for_half is None  # unknown


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: repeated([1.0, 2.0], folds=0, seeds=2, n_training=8, n_validation=2),
            "statistics: folds must be positive, got 0",
        ),
        (
            lambda: fixed_partition([1.0, 2.0], n_training=8, n_validation=2),
            "fixed_partition: [folds, seeds] must be a two-dimensional array, got shape (2,)",
        ),
        (
            lambda: fixed_holdout([[1.0, 2.0], [2.0, 3.0]], groups=[0, 1, 2]),
            "fixed_holdout: groups must have the length of the rows, got (3,). There are 2 rows; give one code a row.",
        ),
    ],
)
def test_errors(call, message):
    with pytest.raises(StudyError, match=f"^{re.escape(message)}$"):
        call()


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)
