"""Code out: the printed Keras script runs on real data and scores as the engine does; the PyTorch script compiles."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wellposed.data.preprocessing import Preprocessing
from wellposed.data.read import read
from wellposed.data.schema import Schema
from wellposed.errors import StudyError
from wellposed.exchange.code import to_code
from wellposed.models.model import Model, ModelTarget
from wellposed.network.mlp import MLP
from wellposed.recipe import parse
from wellposed.studies.compare import compare
from wellposed.studies.experiment import Target
from wellposed.training.spec import Training

EPOCHS = 6
TRAINING = Training(optimizer="adam", learning_rate=0.005, epochs=EPOCHS)
NETWORK = MLP((16, 12), ("relu", "leaky_relu(negative_slope=0.3)"))
RECIPES = (
    "baseline",
    "l1=0.001 + l2=0.001,layers=hidden1",
    "dropout=0.3 + gaussian-noise=0.2",
    "batch-norm",
    "batch-norm,position=after,momentum=0.9 + dropout=0.2",
    "max-norm=1.0 + l1=0.0001,on=activity",
    "weight-decay=0.1 + clip-norm=0.5",
    "label-smoothing=0.2 + ema=0.9",
    "early-stopping=3",
)
RUN = (  # the same, together: each trains here and in Keras
    "baseline",
    "l2=0.001,layers=hidden1 + dropout=0.3 + gaussian-noise=0.2 + max-norm=1.0",
    "batch-norm + weight-decay=0.1 + clip-norm=0.5",
    "batch-norm,position=after,momentum=0.9 + dropout=0.2 + early-stopping=3",
    "l1=0.0001,on=activity + label-smoothing=0.2 + ema=0.9",
)


def wine() -> Path:
    path = Path(os.environ["WELLPOSED_DATA"]) / "winequality-red.csv"
    if not path.exists():
        pytest.skip("needs winequality-red.csv in the WELLPOSED_DATA folder")
    return path


def untrained(data: Any, recipe: str, network: MLP = NETWORK, training: Training = TRAINING) -> Model:
    """A model as far as a script needs it."""
    rows = np.arange(data.rows)
    schema = Schema.learn(data, rows)
    found = Target.of(data, network, training)
    columns = tuple(map(str, data.targets.columns))
    expression = columns[0] if any(sign in columns[0] for sign in "<>=") else None
    target = ModelTarget(columns, expression, data.task, data.classes, found.per_class, found.activation, found.loss,
                         found.metric, data.task == "regression")  # fmt: skip
    learned = Preprocessing.fit(schema, data, rows)
    return Model(network, training, parse(recipe), training.epochs, (learned,), target, (), (), {})


def run(script: str, names: dict[str, Any] | None = None) -> dict[str, float]:
    """What the script prints at its end; ``names`` gets what it defines."""
    written = io.StringIO()
    with contextlib.redirect_stdout(written), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras's own
        exec(compile(script, "script", "exec"), {} if names is None else names)
    return eval(written.getvalue().strip().splitlines()[-1])


@pytest.fixture(scope="module")
def ours() -> dict[str, dict[str, float]]:
    """Loss and accuracy on a fifth of the rows, by recipe."""
    data = read(wine(), target="quality >= 6")
    recipes = [parse(recipe) for recipe in RUN[1:]]
    study = compare(data, NETWORK, recipes, training=TRAINING, validation=0.2, seeds=2, references=False)
    found = {entry["name"]: entry["validation"] for entry in study.results["recipes"]}
    return {name: {score: parts[score]["mean"] for score in ("loss", "accuracy")} for name, parts in found.items()}


@pytest.mark.slow
@pytest.mark.parametrize("recipe", RUN)
def test_the_keras_script_scores_as_the_engine_does(recipe: str, ours: dict[str, dict[str, float]]) -> None:
    path = wine()
    script = to_code(untrained(read(path, target="quality >= 6"), recipe), data=str(path))
    assert "not expressible" not in script
    found, wanted = run(script), ours[parse(recipe).name]
    # 320 held-out rows, another split, other weights: the standard error of an accuracy is 2.5 points
    assert found["accuracy"] == pytest.approx(wanted["accuracy"], abs=0.08)
    if "l1" not in recipe and "label" not in recipe:  # Keras's loss holds penalties and smoothed targets
        assert found["loss"] == pytest.approx(wanted["loss"], abs=0.08)


def test_a_table_with_texts_and_missing_cells_runs(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    lines = ["size,town,price"]
    for row in range(80):
        size = "" if row % 9 == 0 else f"{random.normal():.3f}"
        lines.append(f"{size},{'abc'[row % 3] if row % 7 else '?'},{random.normal():.3f}")
    (tmp_path / "t.csv").write_text("\n".join(lines), encoding="utf-8")
    training = Training(loss="huber(delta=2)", optimizer="sgd(momentum=0.9)", schedule="cosine(warmup=0.1)", epochs=2)
    model = untrained(read(tmp_path / "t.csv", target="price"), "l2=0.01,on=bias", MLP((4,), "tanh"), training)
    script = to_code(model, data=str(tmp_path / "t.csv"))
    assert set(run(script)) == {"loss", "r2"}
    assert "keras.losses.Huber(delta=2.0)" in script
    assert "CosineDecay(0.0, steps - int(0.1 * steps), alpha=0.0, warmup_target=0.01" in script


def test_muon_leaves_the_output_layer_to_adam(tmp_path: Path) -> None:
    """As the engine does; Keras's own default doesn't. A technique's decay adds to the optimizer's."""
    (tmp_path / "t.csv").write_text("a,b,y\n" + "".join(f"{i % 7},{i},{i % 3}.5\n" for i in range(40)), "utf-8")
    training = Training(optimizer="muon(beta_1=0.8, weight_decay=0.25)", epochs=1)
    model = untrained(read(tmp_path / "t.csv", target="y"), "weight-decay=0.5", MLP((4, 3)), training)
    script = to_code(model, data=str(tmp_path / "t.csv"))
    assert "not expressible" not in script
    found: dict[str, Any] = {}
    run(script, found)
    chosen = [found["optimizer"]._should_use_adamw(variable) for variable in found["model"].trainable_variables]
    assert chosen == [False, True, False, True, True, True]
    settings = ("adam_beta_1", "weight_decay", "adam_weight_decay")
    assert [getattr(found["optimizer"], name) for name in settings] == [0.8, 0.75, 0.75]


@pytest.mark.parametrize("recipe", [*RECIPES, "sam=0.05 + mixup=0.2"])
def test_the_torch_script_compiles(recipe: str, tmp_path: Path) -> None:
    data = read("breast-cancer")
    script = to_code(untrained(data, recipe), "torch", data="my.csv")
    compile(script, "script", "exec")
    assert ("not expressible" in script) == any(word in recipe for word in ("sam", "activity", "gaussian-noise"))
    if importlib.util.find_spec("torch") is not None:
        frame = data.features.assign(**{data.targets.columns[0]: data.targets.iloc[:, 0]})
        frame.to_csv(tmp_path / "my.csv", index=False)
        written = io.StringIO()
        with contextlib.redirect_stdout(written):
            exec(compile(script.replace("'my.csv'", repr(str(tmp_path / "my.csv"))), "script", "exec"), {})
        assert float(written.getvalue().rpartition(":")[2]) < 0.5


@pytest.mark.parametrize("framework", ["keras", "torch"])
def test_what_a_framework_lacks_is_named_at_the_top(framework: str) -> None:
    script = to_code(untrained(read("iris"), "sam=0.05 + mixup=0.2 + dropout=0.1"), framework)
    [line] = [line for line in script.splitlines() if line.startswith("# not expressible")]
    assert line.partition(": ")[2] == "mixup=0.2, sam=0.05"


def test_text_from_a_model_stays_text() -> None:
    """Neither names of columns nor a target's expression become code."""
    import pandas as pd

    evil = "x'] + __import__('os').system('true') + frame['"
    frame = pd.DataFrame({evil: np.arange(40.0), "y": ["a", "b"] * 20})
    model = untrained(read(frame, target="y"), "baseline")
    assert repr(evil) in to_code(model)
    target = ModelTarget(("q",), "q >= __import__('os')", "classification", ("0", "1"), False, "sigmoid",
                         model.target.loss, model.target.metric, False)  # fmt: skip
    import dataclasses

    assert '''frame['q'] >= "__import__('os')"''' in to_code(dataclasses.replace(model, target=target))


def test_another_framework_is_refused() -> None:
    with pytest.raises(StudyError) as caught:
        to_code(untrained(read("iris"), "baseline"), "jax")
    assert str(caught.value) == "export: unknown framework, got jax. Choose one of keras, torch."
