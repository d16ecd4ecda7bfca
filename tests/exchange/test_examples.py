"""The course's networks in Keras go through `from_keras` and a comparison, here with few rows, epochs and folds."""

from __future__ import annotations

import os
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wellposed
from wellposed.data.dataset import Dataset
from wellposed.studies.compare import Comparison, compare

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "keras"
FILES = {"wine": "winequality-red.csv", "jobs": "jh-simple-dataset.csv", "digits": "mnist_4_9.npz"}
ROWS = 120

# recipes besides the baseline and best-epoch; widths; inputs of the first dense layer; output; loss; parameters
FOUND = {
    "circles": (["l2=0.01,layers=hidden"], [32, 32], "sigmoid", "binary_crossentropy"),
    "wine": (
        ["dropout=0.2 + l1=0.001,layers=hidden2 + l2=0.001,layers=hidden2", "dropout=0.2", "l1=0.001,layers=hidden2",
         "l2=0.001,layers=hidden2"], [20, 20], "sigmoid", "binary_crossentropy",
    ),
    "rings": (["dropout=0.1"], [3], "relu", "mean_squared_error"),
    "jobs": (["l1=0.0001,on=activity"], [50, 25], "softmax", "categorical_crossentropy"),
    "sinewaves": (["l2=0.001"], [64, 16], "linear", "mean_absolute_error"),
    "digits": (["dropout=0.3 + l2=0.001,layers=hidden"], [100, 100, 100], "sigmoid", "binary_crossentropy"),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(FOUND))
def test_examples_run(name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    if name in FILES and not (Path(os.environ["WELLPOSED_DATA"]) / FILES[name]).exists():
        pytest.skip(f"needs {FILES[name]} in the WELLPOSED_DATA folder")
    studies: list[Comparison] = []

    def reduced(data: Dataset, network: Any, recipes: Any = None, **settings: Any) -> Comparison:
        rows = data.take(np.linspace(0, data.rows - 1, ROWS).astype(int))
        if "validation" not in settings:
            settings["folds"] = 2
        recipes = ["l2=0.001"] if recipes is None else recipes  # not the whole panel
        study = compare(rows, network, recipes, **settings | {"epochs": 2, "seeds": 2, "references": False})
        studies.append(study)
        return study

    monkeypatch.setattr(wellposed, "compare", reduced)
    runpy.run_path(str(EXAMPLES / f"{name}.py"))
    [study] = studies
    recipes, widths, activation, loss = FOUND[name]
    assert [recipe["name"] for recipe in study.results["recipes"]][2:] == recipes
    network = study.results["network"]
    assert (list(network["widths"]), network["output_activation"]) == (widths, activation)
    assert study.results["training"]["loss"] == loss
    assert all(np.isfinite(recipe["train"]["loss"]["mean"]) for recipe in study.results["recipes"])
    assert capsys.readouterr().out
