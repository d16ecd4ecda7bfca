"""The real tables against what their manifest says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from wellposed.data.read import read


def test_red_wine(real_data: Path) -> None:
    dataset = read(real_data / "winequality-red.csv", "quality >= 6")
    assert (dataset.rows, dataset.features.shape[1], dataset.duplicates) == (1599, 11, 240)
    assert dataset.class_counts() == {"quality < 6": 744, "quality >= 6": 855}
    assert dataset.sha256 == "4a402cf041b025d4566d954c3b9ba8635a3a8a01e039005d97d6a710278cf05e"
    six = read(real_data / "winequality-red.csv", "quality")
    assert six.class_counts() == {"3": 10, "4": 53, "5": 681, "6": 638, "7": 199, "8": 18}
    assert read(real_data / "winequality-red.csv", "quality", task="regression").targets[
        "quality"
    ].mean() == pytest.approx(5.636, abs=1e-3)


def test_jobs(real_data: Path) -> None:
    dataset = read(real_data / "jh-simple-dataset.csv", "product")
    assert dataset.rows == 2000
    assert dataset.roles["id"] == "identifier"
    assert int(dataset.features.isna().sum().sum()) == int(dataset.features["income"].isna().sum()) == 59
    assert [name for name, role in dataset.roles.items() if role == "categorical"] == ["job", "area"]
    assert dataset.class_counts() == {"a": 130, "b": 963, "c": 738, "d": 59, "e": 30, "f": 72, "g": 8}


def test_every_real_table_has_the_kinds_its_manifest_says(real_data: Path) -> None:
    checked = 0
    for entry in json.loads((real_data / "manifest.json").read_text()):
        if not entry["file"].startswith("tabular/") or entry["rows"] > 10_000:
            continue
        dataset = read(real_data / entry["file"], "target", task=entry["task"])
        kinds = {
            role: [name for name, found in dataset.roles.items() if found == role]
            for role in ("numeric", "categorical")
        }
        left_out = sum(role == "constant" for role in dataset.roles.values())
        assert dataset.rows == entry["rows"], entry["name"]
        assert set(kinds["categorical"]) <= set(entry["categorical_columns"]) | {"TBG"}, entry["name"]
        assert "identifier" not in dataset.roles.values(), entry["name"]
        assert len(kinds["numeric"]) + len(kinds["categorical"]) + left_out == entry["numeric"] + entry["categorical"]
        checked += 1
    assert checked > 20
