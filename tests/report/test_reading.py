"""Numbers as people write them."""

from __future__ import annotations

import pytest

from wellposed.report.reading import Measure, fate, measures, number

LOSS = Measure("loss", "log loss", higher=False, points=False)
ACCURACY = Measure("accuracy", "accuracy", higher=True, points=True, digits=1, difference_digits=1)


@pytest.mark.parametrize(
    ("value", "half", "text"),
    [
        (-0.3061, 0.0412, "0.31 ± 0.04"),
        (-0.3061, 0.0162, "0.306 ± 0.016"),
        (12.34, 3.4, "12 ± 3"),
        (0.0, 0.0, "0.00"),
        (0.25, None, "0.25"),
        (1234.5, None, "1234"),
    ],
)
def test_amount(value: float, half: float | None, text: str) -> None:
    assert LOSS.amount(value, half).removesuffix(" ± 0.00") == text


def test_points() -> None:
    assert ACCURACY.score(0.7574) == "75.7 %"
    assert ACCURACY.score(None) == "–"
    assert ACCURACY.amount(-0.013, 0.004) == "1.3 ± 0.4 points"
    assert ACCURACY.difference({"mean": -0.013, "low": -0.017, "high": -0.009}) == "−1.3 ± 0.4"
    assert ACCURACY.difference({"mean": 0.0001, "low": None, "high": None}) == "0.0"


def test_number() -> None:
    assert number(-0.04, 1) == "0.0"
    assert number(0.25, 2, sign=True) == "+0.25"
    assert number(-3.2e9, 2, sign=True) == "−3.2e+09"


def test_gain() -> None:
    assert LOSS.gain(-0.3) == 0.3
    assert ACCURACY.gain(-0.3) == -0.3


def test_measures_of_one_name() -> None:
    results = {"metric": {"name": "loss", "direction": "min"}, "training": {"loss": "huber"}, "recipes": []}
    assert [(measure.key, measure.name) for measure in measures(results)] == [("loss", "huber")]


def test_fate() -> None:
    assert fate({"members": 6, "failed": 2, "collapsed": 1}) == "2 of 6 members diverged and 1 of 6 members collapsed"
    assert fate({"members": 1, "failed": 1}) == "its only member diverged"
    assert fate({"members": 6}) == ""
