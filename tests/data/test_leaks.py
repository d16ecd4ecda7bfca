"""Features that give the target away: found, named, with a remedy; honest ones left alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from wellposed.data.leaks import _correlation, _ranks
from wellposed.data.read import read

N = 60
RANDOM = np.random.default_rng(0)
X, Z = RANDOM.normal(size=N), RANDOM.normal(size=N)
LABELS = np.array(["no", "yes", "maybe"])[np.arange(N) % 3]
NUMBERS = np.exp(RANDOM.normal(size=N))


def warnings(target: Any, **columns: Any) -> tuple[str, ...]:
    return read(pd.DataFrame({"x": X, "y": target, **columns}), "y").warnings


def gives(name: str, how: str) -> tuple[str, ...]:
    remedy = f"if it isn't known beforehand, leave it out with `drop=['{name}']`."
    return (f"Column '{name}' gives the target 'y' away by itself ({how}): {remedy}",)


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("the same", LABELS),
        ("other words", [label.upper() for label in LABELS]),
        ("numbers", [1.5 * len(label) for label in LABELS]),
        ("rounded", [len(label) / 3 * (1 + 1e-9 * row) for row, label in enumerate(LABELS)]),
        ("a gap for one class", [None if label == "no" else label for label in LABELS]),
    ],
)
def test_a_feature_that_is_the_class(name: str, cells: Any) -> None:
    assert warnings(LABELS, **{name: cells}) == gives(name, "each of its 3 values has one class only")


def test_a_finer_feature_that_decides_the_class() -> None:
    cells = [f"{label}{row // 3 % 2}" for row, label in enumerate(LABELS)]
    assert warnings(LABELS, fine=cells) == gives("fine", "each of its 6 values has one class only")


@pytest.mark.parametrize("scale", [1.0, -3.0, 1e-300, 1e300])
def test_a_feature_that_is_the_target_in_other_units(scale: float) -> None:
    cells = NUMBERS * scale
    assert warnings(NUMBERS, copy=cells) == gives("copy", f"correlation {np.sign(scale):.5f}")


def test_a_monotone_function_of_the_target_and_a_code_of_it() -> None:
    assert warnings(NUMBERS, log=np.log(NUMBERS)) == gives("log", "correlation of ranks 1.00000")
    target = np.repeat([1.5, 2.5, 9.0], N // 3)
    code = np.repeat(["a", "b", "c"], N // 3)
    assert warnings(target, code=code) == gives("code", "each of its 3 values has one target only")


@pytest.mark.parametrize(
    ("target", "cells"),
    [
        (LABELS, Z),  # every value once: that says nothing
        (LABELS, np.where(np.arange(N) == 7, "no", LABELS)),  # one cell differs
        (NUMBERS, NUMBERS + 0.05 * Z),  # good, but no copy
        (NUMBERS, np.full(N, np.nan)),
    ],
)
def test_honest_features_are_left_alone(target: Any, cells: Any) -> None:
    assert not [warning for warning in warnings(target, z=cells) if "gives" in warning]


def test_few_rows_and_pixels_are_left_alone() -> None:
    frame = pd.DataFrame({"x": X[:8], "copy": list("abababab"), "y": list("abababab")})
    assert read(frame, "y").warnings == ()
    images = np.zeros((N, 2, 2)) + (np.arange(N) % 2)[:, None, None]
    assert not [warning for warning in read((images, np.arange(N) % 2)).warnings if "gives" in warning]


def test_a_difference_far_behind_the_first_rows_is_seen() -> None:
    label = np.tile(["a", "b"], 3_000)
    copy = label.copy()
    copy[4_321] = "a" if copy[4_321] == "b" else "b"
    frame = pd.DataFrame({"x": np.arange(6_000) % 7, "copy": copy, "y": label})
    assert not [warning for warning in read(frame, "y").warnings if "gives" in warning]


def test_rank_correlation_is_scipys() -> None:
    first, second = np.round(X, 1), np.round(X + Z, 1)
    expected = spearmanr(first, second).statistic
    assert _correlation(_ranks(first), _ranks(second)) == pytest.approx(expected, abs=1e-12)
