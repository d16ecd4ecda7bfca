from __future__ import annotations

import itertools
import math
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from wellposed.errors import StudyError
from wellposed.statistics import (
    Comparison,
    compare_all,
    fixed_holdout,
    fixed_partition,
    holm,
    one_standard_error,
    repeated,
    verdict,
)

SIZES = {"n_training": 80, "n_validation": 20}


def test_holm_by_hand():
    # sorted .005 .01 .03 .04, times 4 3 2 1: .02 .03 .06 .04 -> running maximum .02 .03 .06 .06
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_does_not_count_nan():
    assert holm([math.nan, 0.02, math.nan, 0.6]) == pytest.approx([math.nan, 0.04, math.nan, 0.6], nan_ok=True)
    assert holm([]).size == 0


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_holm_is_closed_testing_by_bonferroni(p):
    """p_i adjusted = the largest Bonferroni p over all intersections that contain hypothesis i."""
    subsets = [s for size in range(1, len(p) + 1) for s in itertools.combinations(range(len(p)), size)]
    closed = [max(min(1.0, len(s) * min(p[j] for j in s)) for s in subsets if i in s) for i in range(len(p))]
    assert holm(p) == pytest.approx(closed)


def comparison(mean: float, p: float, p_adjusted: float = math.nan) -> Comparison:
    return Comparison(mean, mean - 1, mean + 1, p, 9, "t over folds", 1.0, None, p_adjusted)


@pytest.mark.parametrize(
    ("found", "direction", "expected"),
    [
        (comparison(-0.1, 0.01), "min", "helps"),
        (comparison(-0.1, 0.01), "max", "hurts"),
        (comparison(0.1, 0.01), "max", "helps"),
        (comparison(0.1, 0.01), "min", "hurts"),
        (comparison(0.1, 0.01, 0.05), "max", "no evidence"),
        (comparison(0.1, 0.01, 0.0499), "max", "helps"),
        (comparison(0.1, math.nan), "max", "no evidence"),
        (comparison(0.0, 0.0), "max", "no evidence"),
    ],
)
def test_verdict(found, direction, expected):
    assert verdict(found, direction=direction) == expected


def test_a_failed_recipe_gets_no_other_verdict():
    assert verdict(comparison(-0.1, 0.001), direction="min", failed=True) == "failed"


@pytest.mark.parametrize("design", ["repeated", "fixed-partition", "fixed-holdout"])
def test_compare_all_is_each_design_with_holm(design):
    rng = np.random.default_rng(1)
    baseline = rng.normal(size=(5, 3))
    scores = {name: baseline + shift + 0.3 * rng.normal(size=(5, 3)) for name, shift in (("a", 0.1), ("b", 1.0))}
    single = {
        "repeated": lambda d: repeated(d, folds=5, seeds=3, comparisons=2, **SIZES),
        "fixed-partition": lambda d: fixed_partition(d, comparisons=2, **SIZES),
        "fixed-holdout": lambda d: fixed_holdout(d, comparisons=2),
    }[design]
    found = compare_all(scores, baseline, design=design, **SIZES)
    alone = {name: single(values - baseline) for name, values in scores.items()}
    adjusted = holm([alone["a"].p, alone["b"].p])
    assert found == {
        name: replace(alone[name], p_adjusted=float(p)) for name, p in zip(("a", "b"), adjusted, strict=True)
    }


def test_failed_recipes_are_compared_for_information_only():
    rng = np.random.default_rng(2)
    baseline = rng.normal(size=(5, 3))
    sound, broken = baseline + rng.normal(size=(5, 3)), baseline + rng.normal(size=(5, 3))
    broken[0, 0] = np.inf
    alone = compare_all({"sound": sound}, baseline, design="repeated", **SIZES)
    found = compare_all({"sound": sound, "broken": broken}, baseline, design="repeated", failed={"broken"}, **SIZES)
    assert found["sound"] == alone["sound"]
    assert (found["broken"].df, math.isnan(found["broken"].p_adjusted)) == (13, True)


def test_diverged_beside_diverged_is_left_out_quietly():
    both = np.array([[np.inf, 1.0, 2.0]])
    found = compare_all({"a": both}, both, design="repeated", **SIZES)["a"]
    assert (found.mean, found.df) == (0.0, 1.0)


float32 = st.floats(width=32)  # NaN and infinities of failed members, zeros and ties included


@pytest.mark.parametrize("design", ["repeated", "fixed-partition", "fixed-holdout"])
@settings(deadline=None)
@given(data=st.data(), shape=st.tuples(st.integers(1, 4), st.integers(1, 4)))
def test_any_scores_give_numbers_or_nan_and_no_warning(design, data, shape):
    scores, baseline = (data.draw(arrays(np.float32, shape, elements=float32)) for _ in range(2))
    found = compare_all({"a": scores}, baseline, design=design, **SIZES)["a"]
    numbers = (found.mean, found.low, found.high, found.p, found.df, found.detectable, found.p_adjusted)
    assert not any(math.isinf(number) for number in numbers)
    assert math.isnan(found.p) or (0 <= found.p <= 1 and found.p == found.p_adjusted)
    assert math.isnan(found.low) or found.low <= found.mean <= found.high
    assert verdict(found, direction="min") == "no evidence" or found.p < 0.05


def test_compare_all_refuses_unpaired_scores():
    message = (
        "compare_all: scores of 'a' must have the baseline's shape, got (2, 2). "
        "The baseline's have (2, 3); pair them by fold and seed."
    )
    with pytest.raises(StudyError, match=f"^{re.escape(message)}$"):
        compare_all({"a": np.zeros((2, 2))}, np.zeros((2, 3)), design="repeated", **SIZES)


@pytest.mark.parametrize(("design", "expected"), [("repeated", 0.05), ("fixed-holdout", 0.05)])
def test_null_studies_claim_nothing_more_often_than_allowed(design, expected, monkeypatch):
    """The quick sister of bench/null.py: seeds x rows effects, or differences correlated as overlap makes them."""
    monkeypatch.setattr("wellposed.paired.fewest_seeds", lambda *_: None)  # slow, and not what is tested
    rng = np.random.default_rng(5)
    studies, claims = 600, 0
    for _ in range(studies):
        if design == "repeated":
            d = np.sqrt(0.2) * rng.normal() + np.sqrt(0.8) * rng.normal(size=(5, 3))
        else:
            d = rng.normal(0, 0.2, (6, 1)) + rng.normal(size=25) + rng.normal(size=(6, 25))
        claims += compare_all({"a": d}, np.zeros_like(d), design=design, **SIZES)["a"].p < 0.05
    assert claims / studies == pytest.approx(expected, abs=0.025)


def test_one_standard_error_takes_the_simplest_of_the_best():
    means = {"baseline": 0.70, "l2": 0.52, "l2 + dropout": 0.50, "mixup": math.nan}
    errors = {"baseline": 0.01, "l2": 0.0, "l2 + dropout": 0.03, "mixup": math.nan}
    order = ["baseline", "mixup", "l2", "l2 + dropout"]
    assert one_standard_error(means, errors, order, direction="min") == "l2"
    assert one_standard_error(means, errors, order, direction="max") == "baseline"
    unknown = {name: math.nan for name in means}
    assert one_standard_error(means, unknown, order, direction="min") == "l2 + dropout"


def test_one_standard_error_needs_a_score():
    message = "one_standard_error: a recipe must have a finite mean score, got {'a': nan}"
    with pytest.raises(StudyError, match=f"^{re.escape(message)}$"):
        one_standard_error({"a": math.nan}, {"a": 0.0}, ["a"], direction="min")
