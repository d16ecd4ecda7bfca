"""docs/results.md names every key that a run's files hold, with its type, and no other."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import wellposed as wp
from wellposed.cli.main import main
from wellposed.studies.compare import prepare, run

PAGE = Path(__file__).resolve().parents[1] / "docs" / "results.md"
TINY = ("--network", "4", "--epochs", "2", "--folds", "2", "--seeds", "1", "--with", "l2=1e-3", "--with", "dropout=0.2")
KINDS = {"text": str, "integer": int, "number": (int, float), "boolean": bool}
ANY_NAME = {  # keys that are names from the data or the plan
    "recipes[].techniques[]": "OPTION",
    "training.class_weight": "CLASS",
    "settings": "OPTION",
}
WHOLE = ("plan[].tiles", "settings.OPTION")


def documented(heading: str) -> dict[str, str]:
    """Key and type of every row of the tables below a heading."""
    text = PAGE.read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return dict(re.findall(r"^\| `([^`]+)` \| ([^|]+) \|", text, flags=re.MULTILINE))


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every number, text and null with its path: ``recipes[].train.METRIC.mean``; what stands in WHOLE as it is."""
    if path in WHOLE:
        yield path, value
    elif isinstance(value, dict) and value:
        for key, item in value.items():
            name = "METRIC" if key in ("loss", "accuracy", "r2") and _scores(path) else key
            if path in ANY_NAME and key != "name":
                name = ANY_NAME[path]
            yield from leaves(item, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item, f"{path}[]")
    else:
        yield path, value


def _scores(path: str) -> bool:
    place = path.rpartition(".")[2]
    return place in ("train", "validation", "per_member[]", "delta", "delta_best_epoch", "verdict") or (
        path in ("test.selected", "test.baseline")
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a test, predictions and reference models."""
    place = tmp_path_factory.mktemp("documented") / "run"
    weights = ("--class-weight", "setosa=1,versicolor=1,virginica=2")
    arguments = ["compare", "iris", *TINY, *weights, "--test", "0.2", "--predictions", "--quiet", "--out", str(place)]
    assert main(arguments) == 0
    return place


@pytest.fixture(scope="module")
def failed() -> dict[str, Any]:
    """The results of a regression that diverges, with a technique left out: what the other run lacks."""
    prepared = prepare(
        wp.read("diabetes"), wp.MLP((4, 3), activation=("relu", "tanh")), ["l2=1e-3"],
        training=wp.Training(optimizer="sgd", learning_rate=1e9),
        epochs=2, folds=2, seeds=1, references=False,
    )  # fmt: skip
    return run(dataclasses.replace(prepared, skipped=(("mixup", "because"),))).results


@pytest.fixture(scope="module")
def fitted() -> dict[str, Any]:
    """The results of a regression that doesn't diverge: its out-of-fold predictions."""
    settings = {"epochs": 1, "folds": 2, "seeds": 1, "references": False}
    return run(prepare(wp.read("diabetes"), (4,), ["l2=1e-3"], **settings)).results


def check(found: list[tuple[str, Any]], page: dict[str, str]) -> None:
    assert sorted({path for path, _ in found} - set(page)) == []
    for path, value in found:
        kinds = page[path].strip().split(" or ")
        if value is None:
            assert "null" in kinds, path
        elif isinstance(value, list):
            assert "list" in kinds, path
        else:
            fitting = [kind for kind in kinds if kind in KINDS and isinstance(value, KINDS[kind])]
            assert fitting, (path, value)
            assert "boolean" in fitting or not isinstance(value, bool), path


def test_results(folder: Path, failed: dict[str, Any], fitted: dict[str, Any]) -> None:
    page = documented("results.json")
    found = [*leaves(json.loads((folder / "results.json").read_text(encoding="utf-8"))), *leaves(failed)]
    found += leaves(fitted)
    check(found, page)
    assert sorted(set(page) - {path for path, _ in found}) == []


def test_run(folder: Path) -> None:
    page = documented("run.json")
    found = list(leaves(json.loads((folder / "run.json").read_text(encoding="utf-8"))))
    check(found, page)
    assert sorted(set(page) - {path for path, _ in found}) == []


def test_history(folder: Path) -> None:
    page = documented("history.parquet")
    history = pd.read_parquet(folder / "history.parquet")
    names = [str(name).replace("accuracy", "METRIC") for name in history.columns]
    assert dict(zip(names, map(str, history.dtypes), strict=True)) == {key: kind.strip() for key, kind in page.items()}


def test_predictions(folder: Path) -> None:
    columns = list(pd.read_csv(folder / "predictions.csv").columns)
    features = list(wp.read("iris").features.columns)
    recipes = ["baseline", "best-epoch", "l2=0.001", "dropout=0.2"]
    classes = ("setosa", "versicolor", "virginica")
    expected = [name for recipe in recipes for name in (recipe, *(f"{recipe} p({label})" for label in classes))]
    assert columns == ["row", *features, "target", *expected]
    assert set(documented("predictions.csv")) == {"row", "COLUMN", "RECIPE", "RECIPE p(CLASS)", "RECIPE TARGET"}


def test_files(folder: Path) -> None:
    names = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    assert names == {name.rstrip("/") for name in documented("The folder")}
