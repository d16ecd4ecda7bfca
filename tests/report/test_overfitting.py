"""Overfitting from curves of known shape: where the loss turns, what going on costs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from wellposed.report.overfitting import moving_mean, overfitting
from wellposed.report.sections.overfits import overfitting_words


def study(**recipe: Any) -> dict[str, Any]:
    entry = {"name": "baseline", "members": 6, "failed": 0, "collapsed": 0, "train": {}, "validation": {}, **recipe}
    return {
        "metric": {"name": "loss", "direction": "min"},
        "training": {"loss": "mean_squared_error"},
        "splits": {"kind": "k-fold", "training": 80, "validation": 20},
        "baseline": "baseline",
        "recipes": [entry],
    }


def history(rise: float, turn: int = 40, epochs: int = 200, *, fall: float = 0.01, gap: float = 0.3) -> pd.DataFrame:
    """Six networks whose validation loss falls to epoch ``turn`` and rises by ``rise`` until the end."""
    epoch = np.arange(1, epochs + 1)
    parts = []
    for member in range(6):
        start = turn + 2 * member - 5
        validation = (
            1 + fall * np.clip(start - epoch, 0, None) + rise * np.clip(epoch - start, 0, None) / (epochs - start)
        )
        validation = validation + 0.01 * member * (epoch > start) * (epoch - start) / epochs
        parts.append(
            pd.DataFrame({"recipe": "baseline", "fold": member % 3, "seed": member // 3, "epoch": epoch,
                          "train_loss": 1 - gap * epoch / epochs, "validation_loss": validation,
                          "monitor_loss": validation + 0.1})
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True).sample(frac=1.0, random_state=0)  # rows in no order


def test_a_loss_that_turns() -> None:
    found = overfitting(study(), history(0.5))
    assert found is not None
    assert found.kind == "overfits"
    assert found.members == 6
    assert found.turn[1] == pytest.approx(40, abs=6)  # the moving mean reaches 6 epochs to either side
    assert found.turn[2] - found.turn[0] == pytest.approx(8, abs=2)  # 35, 37, ..., 45
    ends = np.array([0.5 + 0.01 * m * (200 - (35 + 2 * m)) / 200 for m in range(6)])
    assert found.cost.mean == pytest.approx(ends.mean(), rel=0.02)
    half = stats.t.ppf(0.975, 5) * math.sqrt((1 / 6 + 20 / 80) * ends.var(ddof=1))  # Nadeau and Bengio
    assert found.cost.half == pytest.approx(half, rel=0.1)
    assert found.gap.mean == pytest.approx(1 + ends.mean() - 0.7, rel=1e-6)
    text = overfitting_words(study(), found)[0]
    assert text.startswith("Yes. On new rows the mean squared error of the network as given turns at about epoch ")
    assert "costs 0.5" in text


def test_a_loss_that_still_falls() -> None:
    found = overfitting(study(), history(0.0, turn=400))
    assert found is not None
    assert found.kind == "underfits"
    assert found.improving == 6
    assert overfitting_words(study(), found)[0].startswith("Not yet. 6 of 6 networks were still getting better")


def test_a_plateau_is_no_underfitting() -> None:
    found = overfitting(study(), history(0.0, turn=400, fall=1e-5))
    assert found is not None
    assert found.improving == 6
    assert found.kind == "gap"


def test_a_gap_without_a_cost() -> None:
    rows = history(0.0)
    rows["validation_loss"] += np.random.default_rng(0).normal(0, 0.05, len(rows))
    found = overfitting(study(), rows)
    assert found is not None
    assert found.kind == "gap"
    assert overfitting_words(study(), found)[0].startswith("A little.")


def test_no_gap_and_no_curves() -> None:
    rows = history(0.0, gap=0.0)
    rows["validation_loss"] = rows["train_loss"] - 0.1 - 0.02 * rows["seed"] + 0.001 * (rows["epoch"] > 50)
    found = overfitting(study(), rows)
    assert found is not None
    assert found.kind == "none"
    assert overfitting_words(study(), found)[0].startswith("No: it does no better")
    collapsed = overfitting(study(collapsed=6), rows)
    assert collapsed is not None
    assert collapsed.kind == "collapsed"
    rows["validation_loss"] = np.nan
    assert overfitting(study(), rows) is None
    assert overfitting(study(), rows.iloc[:0]) is None
    assert overfitting_words(study(), None)[0].startswith("There is no curve of the baseline to tell by")


def test_moving_mean() -> None:
    values = np.array([1.0, 2.0, 4.0, 8.0, 16.0])
    np.testing.assert_allclose(moving_mean(values, 1), [1.5, 7 / 3, 14 / 3, 28 / 3, 12.0])
