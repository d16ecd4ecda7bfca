from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from wellposed.paired import repeated
from wellposed.power import detectable_effect, fewest_seeds


@pytest.mark.parametrize(("count", "level"), [(5, 0.05), (15, 0.05), (15, 0.05 / 10)])
def test_the_detectable_difference_is_found_with_power_0_8(count, level):
    rng = np.random.default_rng(3)
    effect = detectable_effect(1 / np.sqrt(count), count - 1, level)
    samples = rng.normal(effect, 1.0, (20_000, count))
    found = stats.ttest_1samp(samples, 0.0, axis=1).pvalue < level
    assert found.mean() == pytest.approx(0.8, abs=0.012)


def test_power_holds_for_correlated_differences(monkeypatch):
    """Differences that correlate as Nadeau and Bengio assume: n_validation / (n_training + n_validation)."""
    monkeypatch.setattr("wellposed.paired.fewest_seeds", lambda *_: None)  # slow, and not what is tested
    rng = np.random.default_rng(4)
    count, n_training, n_validation = 15, 80, 20
    shared = n_validation / (n_training + n_validation)
    error = np.sqrt((1 / count + n_validation / n_training) * (1 - shared))
    effect = detectable_effect(error, count - 1, 0.05)
    claims = 0
    studies = 3000
    for _ in range(studies):
        d = effect + np.sqrt(shared) * rng.normal() + np.sqrt(1 - shared) * rng.normal(size=count)
        claims += repeated(d, folds=5, seeds=3, n_training=n_training, n_validation=n_validation).p < 0.05
    assert claims / studies == pytest.approx(0.8, abs=0.025)


def test_stricter_levels_detect_less():
    effects = [detectable_effect(1.0, 14, 0.05 / count) for count in (1, 5, 50)]
    assert effects == sorted(effects)


def test_fewest_seeds_is_the_fewest():
    def spread(seeds: int) -> tuple[float, float]:
        return 1 / np.sqrt(seeds), seeds - 1

    fewest = fewest_seeds(0.5, 0.05, spread)
    assert fewest == next(n for n in range(2, 100) if detectable_effect(n**-0.5, n - 1, 0.05) <= 0.5)
    assert fewest == pytest.approx(34, abs=1)  # the textbook's answer for a paired t-test and an effect of 0.5 sd


@pytest.mark.parametrize("target", [0.1, float("nan")])
def test_no_number_of_seeds(target):
    assert fewest_seeds(target, 0.05, lambda seeds: (0.2 + 1 / seeds, 9)) is None
