"""The table's numbers are the study's; the terminal's table fits the terminal."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pandas as pd
import pytest
from rich.console import Console

from wellposed.report.tables import rich_table, table

Study = tuple[dict[str, Any], pd.DataFrame]


def test_table(wine: Study) -> None:
    results = wine[0]
    frame = table(results)
    assert len(frame) == len(results["recipes"])
    assert frame.index[-1] == "gradient_noise=3 [red]"  # failed members: last, whatever it scored
    sound = frame[frame["failed"] == 0]
    assert sound["accuracy_validation"].is_monotonic_decreasing
    assert frame.loc["baseline", "role"] == "baseline"
    assert list(frame.index[frame["role"] == "selected"]) == [results["selected"]]
    assert pd.isna(frame.loc["baseline", "loss_difference"])
    entry = next(recipe for recipe in results["recipes"] if recipe["name"] == "dropout=0.5")
    row = frame.loc["dropout=0.5"]
    assert row["loss_low"] == entry["delta"]["loss"]["low"]
    assert row["loss_p"] == entry["delta"]["loss"]["p_adjusted"]
    assert row["loss_verdict"] == "helps"
    assert row["accuracy_train"] == entry["train"]["accuracy"]["mean"]


@pytest.mark.parametrize("width", [80, 100, 140])
def test_rich_table_fits(wine: Study, waves: Study, width: int) -> None:
    for results in (wine[0], waves[0]):
        stream = StringIO()
        Console(file=stream, width=width, color_system=None).print(rich_table(results, width=width))
        lines = stream.getvalue().splitlines()
        assert max(map(len, lines)) <= width
        text = "".join(stream.getvalue().split())
        for recipe in results["recipes"]:
            name = "".join(recipe["name"].split())
            # A name may be folded over lines, but its beginning stands as it is: markup in it is not obeyed.
            assert name[:12] in text
        assert "…" not in text  # no number is cut


def test_verdicts_are_more_than_colours(wine: Study) -> None:
    stream = StringIO()
    Console(file=stream, width=140, color_system=None).print(rich_table(wine[0], width=140))
    text = stream.getvalue()
    for sign in ("▲ helps", "▼ hurts", "○ no evidence", "✕ failed", "★ dropout", "● baseline", "[red]"):
        assert sign in text
