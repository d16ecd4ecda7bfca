"""Out-of-fold predictions in few numbers, against the full table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import wellposed as wp
from wellposed.studies.compare import Comparison


def study(name: str) -> Comparison:
    settings = {"epochs": 2, "folds": 2, "seeds": 2, "references": False, "predictions": True}
    return wp.compare(wp.read(name), (4,), ["l2=1e-3"], **settings)


@pytest.mark.parametrize("name", ["iris", "breast-cancer"])
def test_confusion_counts(name: str) -> None:
    found = study(name)
    table = found.predictions
    assert table is not None
    entries = found.results["out_of_fold"]
    assert entries[0]["name"] == "baseline"
    for entry in entries:
        expected = pd.crosstab(table["target"].astype(str), table[entry["name"]].astype(str))
        expected = expected.reindex(index=entry["classes"], columns=entry["classes"], fill_value=0)
        np.testing.assert_array_equal(entry["counts"], expected.to_numpy())


def test_errors_of_a_regression() -> None:
    found = study("diabetes")
    table = found.predictions
    assert table is not None
    [target] = found.results["out_of_fold"][0]["targets"]
    errors = np.abs(table["target"] - table["baseline"])
    assert target["rows"] == len(table) == 442
    assert target["absolute"]["median"] == pytest.approx(np.median(errors))
    assert target["absolute"]["p90"] == pytest.approx(np.quantile(errors, 0.9))
    np.testing.assert_allclose(target["predicted"], table["baseline"], rtol=1e-4)
    np.testing.assert_allclose(target["true"], table["target"], rtol=1e-4)


def test_kept_only_where_they_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"epochs": 1, "folds": 2, "seeds": 1, "references": False}
    found = wp.compare(wp.read("iris"), (4,), ["l2=1e-3"], **settings)
    assert found.predictions is None
    assert found.results["out_of_fold"]
    monkeypatch.setattr("wellposed.studies.prepare._MOST_PREDICTED", 0)
    assert wp.compare(wp.read("iris"), (4,), ["l2=1e-3"], **settings).results["out_of_fold"] == []


def test_the_report_has_a_script_that_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from wellposed.report.sections.again import python

    found = study("iris")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(compile(python(found.results), "again.py", "exec"), names)
    again = names["study"]
    assert isinstance(again, Comparison)
    assert [recipe["validation"] for recipe in again.results["recipes"]] == [
        recipe["validation"] for recipe in found.results["recipes"]
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "report.html"]
