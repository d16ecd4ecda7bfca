"""Keras out: the exported file predicts what the model predicts, in plain Keras, without wellposed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from exchange.coding import inputs_of
from exchange.random_models import random_model
from wellposed.data.preprocessing import Preprocessing
from wellposed.data.read import read
from wellposed.data.schema import Schema
from wellposed.errors import StudyError
from wellposed.exchange.keras import input_table, save_keras, to_keras
from wellposed.exchange.keras_network import codes
from wellposed.models.predicting import outputs
from wellposed.recipe import parse

# number, parameter sets: together all techniques that change the network, all outputs, with and without categories
CHOSEN = [(0, 3), (2, 1), (3, 1), (4, 1), (7, 1), (9, 1), (13, 2)]
HERE = Path(__file__).parent


def in_plain_keras(folder: Path) -> None:
    """Loads and applies all exported files of a folder in a process without wellposed."""
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, str(HERE / "plain_keras.py"), str(folder)]
    subprocess.run(command, env=environment, check=True, timeout=1800)


def largest(ours: np.ndarray, theirs: np.ndarray, task: str) -> float:
    """Largest difference; of numbers, relative to the largest one."""
    scale = 1.0 if task == "classification" else max(1.0, float(np.abs(ours).max()))
    return float(np.max(np.abs(ours - theirs)) / scale)


def test_files_predict_the_same_in_plain_keras(tmp_path: Path) -> None:
    expected: dict[str, tuple[np.ndarray, str]] = {}
    spread = []
    for number, sets in CHOSEN:
        model, rows = random_model(number, sets=sets)
        path = save_keras(model, tmp_path / f"{number}.keras")
        with zipfile.ZipFile(path) as archive:
            table = json.loads(archive.read("wellposed.json"))
        assert table == json.loads(json.dumps(input_table(model)))
        given = inputs_of(table, rows)
        np.savez(path.with_suffix(".npz"), **(given if isinstance(given, dict) else {"features": given}))
        expected[str(number)] = (outputs(model, rows), model.target.task)
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []
    in_plain_keras(tmp_path)
    for name, (ours, task) in expected.items():
        assert np.isfinite(ours).all()
        spread.append(float(np.ptp(ours)))
        assert largest(ours, np.load(tmp_path / f"{name}.npy"), task) < 1e-5
    assert np.median(spread) > 0.1  # rows differ in their predictions: equality says something


def test_the_second_column_is_what_one_output_means() -> None:
    model, rows = random_model(0)
    theirs = to_keras(model)(inputs_of(input_table(model), rows), training=False)
    np.testing.assert_allclose(model.predict_proba(rows).to_numpy()[:, 1:], theirs, atol=1e-5)


def test_images_keep_their_shape() -> None:
    model, _ = random_model(0, recipe=parse("baseline"))
    random = np.random.default_rng(1)
    images = random.integers(0, 256, (30, 3, 4), dtype=np.uint8)
    data = read((images, np.arange(30) % 2))
    schema = Schema.learn(data, np.arange(30))
    learned = Preprocessing.fit(schema, data, np.arange(20), scaling="unit")
    kernel = {"kernel": random.normal(size=(12, model.network.widths[0])).astype(np.float32)}
    first = model.weights[0]["hidden1"]["dense"]
    weights = {**model.weights[0], "hidden1": {"dense": first | kernel, "activation": {}}}
    model = type(model)(
        model.network, model.training, model.recipe, 1, (learned,), model.target, (weights,), model.state, {}
    )
    built = to_keras(model)
    assert built.input_shape == (None, 3, 4)
    assert input_table(model)["inputs"] == "image"
    ours = outputs(model, data.features)
    assert largest(ours, np.asarray(built(images.astype("float32"), training=False)), "classification") < 1e-5


def test_many_categories_share_a_code_and_awkward_names_are_taken() -> None:
    labels = [f"c{number}" for number in range(120)] + [f"c{number}" for number in range(60)]
    frame = pd.DataFrame({"a/b": labels, "n": np.arange(180.0), "y": ["p", "q"] * 90})
    data = read(frame, target="y", categorical=("a/b",))
    schema = Schema.learn(data, np.arange(180))
    found = codes(schema.columns[0])
    assert found["c0"] == 2
    rare = {label: code for label, code in found.items() if label in schema.columns[0].other}
    assert set(rare.values()) == {2 + len(schema.columns[0].categories)}


def test_values_far_from_zero_keep_their_digits() -> None:
    """Years as float32: a center of 2000 taken off in one piece, not as part of an offset."""
    model, rows = random_model(3)
    rows["big"] = 1e6 + np.arange(len(rows))
    theirs = np.asarray(to_keras(model)(inputs_of(input_table(model), rows), training=False))
    assert largest(outputs(model, rows), theirs, "regression") < 1e-6


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("model.h5", "export: the file must end in .keras, got {path}. Write e.g. -o model.keras."),
        ("folder.keras", "export: must be a file, but a folder of that name exists, got {path}. Choose another name."),
        ("file/model.keras", "export: can't be written (File exists), got {path}. Choose another name."),
    ],
)
def test_paths_that_cant_be_written(name: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "folder.keras").mkdir()
    (tmp_path / "file").write_text("", encoding="utf-8")
    model, _ = random_model(0)
    path = tmp_path / name
    with pytest.raises(StudyError) as caught:
        save_keras(model, path)
    assert str(caught.value) == message.format(path=path)


def test_without_keras_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    model: Any = random_model(0)[0]
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(StudyError) as caught:
        to_keras(model)
    message = "Keras can't be imported, got import of keras halted; None in sys.modules."
    assert str(caught.value) == f'{message} Run pip install "wellposed[keras]".'
