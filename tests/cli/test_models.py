"""The commands for models: predict, evaluate, refit."""

import json

import numpy as np
import pandas as pd
import pytest

from models.making import classifier, made, regressor, table
from wellposed.data.read import read
from wellposed.models.model import Model
from wellposed.techniques import catalog
from wellposed.techniques.loading import load_techniques


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model's folder, and rows beside it."""
    place = tmp_path_factory.mktemp("models")
    classifier().save(place / "model")
    table(12, seed=3).to_csv(place / "rows.csv", index=False)
    return place


def test_predict_writes_classes_and_probabilities_to_standard_output(folder, command):
    ran = command("predict", str(folder / "model"), str(folder / "rows.csv"))
    assert (ran.status, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert (lines[0], len(lines)) == ("prediction,p(no),p(yes)", 13)
    known = Model.load(folder / "model").predict(folder / "rows.csv")
    assert [line.split(",")[0] for line in lines[1:]] == known.to_list()


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet"])
def test_predict_writes_the_kind_of_file_that_its_name_says(suffix, folder, command, tmp_path):
    out = tmp_path / f"out.{suffix}"
    ran = command("predict", str(folder / "model"), str(folder / "rows.csv"), "-o", str(out), "--keep")
    assert (ran.status, ran.out, ran.err) == (0, "", "")
    frame = pd.read_parquet(out) if suffix == "parquet" else pd.read_csv(out, sep="\t" if suffix == "tsv" else ",")
    assert list(frame.columns) == ["a", "b", "kind", "y", "z", "prediction", "p(no)", "p(yes)"]
    np.testing.assert_allclose(frame["a"], table(12, seed=3)["a"])
    known = Model.load(folder / "model").predict_proba(folder / "rows.csv")
    np.testing.assert_allclose(frame["p(yes)"], known["yes"], rtol=1e-12)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_predict_reads_large_files_in_pieces(suffix, folder, command, tmp_path, monkeypatch):
    from wellposed.models import chunks

    rows = pd.concat([table(40, seed=3)] * 10)
    rows.to_csv(tmp_path / "rows.csv", index=False)
    rows.to_parquet(tmp_path / "rows.parquet")
    known = command("predict", str(folder / "model"), str(tmp_path / "rows.csv")).out
    monkeypatch.setattr(chunks, "LARGE", 100)
    monkeypatch.setattr(chunks, "PIECE", 4000)
    monkeypatch.setattr(chunks, "PART", 64)
    assert command("predict", str(folder / "model"), str(tmp_path / f"rows.{suffix}")).out == known


def test_predict_numbers(command, tmp_path):
    regressor().save(tmp_path / "model")
    table(5).to_csv(tmp_path / "rows.csv", index=False)
    ran = command("predict", "model", "rows.csv")
    assert ran.out.splitlines()[0] == "prediction"
    found = [float(line) for line in ran.out.splitlines()[1:]]
    np.testing.assert_allclose(found, Model.load(tmp_path / "model").predict(tmp_path / "rows.csv"))


def test_predict_images(command, tmp_path):
    images = np.random.default_rng(0).integers(0, 16, size=(12, 2, 3), dtype=np.uint8)
    made(read((images, np.arange(12) % 2))).save(tmp_path / "model")
    np.save(tmp_path / "X.npy", images)
    assert len(command("predict", "model", "X.npy").out.splitlines()) == 13


def test_evaluate_shows_a_table_or_json(folder, command):
    shown = command("evaluate", str(folder / "model"), str(folder / "rows.csv"))
    assert (shown.status, shown.err) == (0, "")
    for word in ("accuracy", "balanced_accuracy", "95 % interval", "12 rows of rows"):
        assert word in shown.out
    found = json.loads(command("evaluate", str(folder / "model"), str(folder / "rows.csv"), "--json").out)
    assert set(found) == {"schema", "rows", "weighted", "scores"}
    assert (found["schema"], found["rows"], found["weighted"]) == ("wellposed.evaluation/1", 12, False)
    assert set(found["scores"]["loss"]) == {"score", "low", "high", "interval"}


def test_refit_writes_a_model_that_predicts(folder, command, tmp_path):
    ran = command("refit", str(folder / "model"), str(folder / "rows.csv"), "--out", "again", "--epochs", "1")
    assert (ran.status, ran.out, ran.err) == (0, "again\n", "")
    model = Model.load(tmp_path / "again")
    assert (model.facts["rows"], model.epochs, model.training.epochs) == (12, 1, 20)
    assert command("predict", "again", str(folder / "rows.csv")).status == 0


def test_compare_leaves_a_model_in_its_run(finished, command):
    ran = command("predict", str(finished.folder), "iris")
    assert ran.status == 0
    assert ran.out.splitlines()[0] == "prediction,p(setosa),p(versicolor),p(virginica)"
    assert (finished.folder / "model" / "model.json").is_file()


BAD = {
    "no model": (("predict", "nowhere", "{rows}"), "model: there is none, got nowhere. Name a folder that holds "),
    "no data": (("predict", "{model}", "nothing.csv"), "no such data file, got nothing.csv. "),
    "a missing column": (("predict", "{model}", "other.csv"), "feature column doesn't exist, got b. "),
    "an unknown kind of output": (
        ("predict", "{model}", "{rows}", "-o", "out.xlsx"), "out: must be a .csv, .tsv or .parquet file, got out.xlsx. "
    ),
    "output in no folder": (
        ("predict", "{model}", "{rows}", "-o", "no/where.csv"), "out: can't be written (No such file or directory)"
    ),
    "output over the data": (
        ("predict", "{model}", "other.csv", "-o", "other.csv"), "out: must be another file than the data file itself, "
    ),
    "no target": (("evaluate", "{model}", "other.csv"), "target column doesn't exist, got y. "),
    "refit over something else": (
        ("refit", "{model}", "{rows}", "--out", "full"), "out: must be a new folder, or one that holds a model"
    ),
    "too many epochs": (
        ("refit", "{model}", "{rows}", "--out", "x", "--epochs", "21"),
        "training: epochs must be from 1 to the 20 laid out, got 21",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_mistakes_end_with_one_line(case, folder, command, tmp_path):
    arguments, message = BAD[case]
    (tmp_path / "other.csv").write_text("a,kind\n1,u\n2,v\n")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "diary.txt").write_text("dear diary")
    places = {"model": folder / "model", "rows": folder / "rows.csv"}
    ran = command(*(argument.format(**places) for argument in arguments))
    assert (ran.status, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert ran.err.startswith(f"error: {message}")
    assert not (tmp_path / "x").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["full", "other.csv"]


OWN = """
from wellposed.techniques.base import Technique, kernels, strength, technique

@technique
class Own(Technique):
    size: float = strength(default=0.1, neutral=0.0, search=(0.01, 1.0))
    name, family, reference = "own-of-models", "mine", "none"

    def penalty(self, params, own, hidden, mask):
        return self.size * sum((w**4).sum() for w in kernels(params, ("output",)))
"""


def test_a_model_with_ones_own_technique_needs_its_file(folder, command, tmp_path, monkeypatch):
    monkeypatch.setattr(catalog, "_REGISTERED", {})
    (tmp_path / "own.py").write_text(OWN)
    load_techniques(tmp_path / "own.py")
    made(read(table().drop(columns="z"), target="y"), recipe="own-of-models=0.3").save(tmp_path / "model")
    rows, commands = str(folder / "rows.csv"), ("predict", "evaluate", "refit", "export")
    for name in commands:
        monkeypatch.setattr(catalog, "_REGISTERED", {})
        further = {"refit": ("-o", "again"), "export": ("--to", "code")}.get(name, ())
        arguments = (name, "model", *(() if name == "export" else (rows,)), *further)
        ran = command(*arguments)
        assert (ran.status, ran.out) == (2, "")
        assert ran.err.endswith(
            "model.json: recipe: no technique of that name, got own-of-models. `wellposed techniques` "
            "lists all; one of your own comes with --techniques FILE.py or wp.register.\n"
        )
        ran = command(*arguments, "--techniques", "own.py")
        assert (ran.status, ran.err) == (0, "")
    assert Model.load(tmp_path / "again").recipe.name == "own-of-models=0.3"


def test_a_prediction_never_hides_a_kept_column(folder, command, tmp_path):
    table(5).assign(prediction=1).to_csv(tmp_path / "rows.csv", index=False)
    ran = command("predict", str(folder / "model"), "rows.csv", "--keep", "-o", "out.csv")
    assert ran.err == (
        "error: keep: a column has the name of a prediction, got prediction. Rename it, or leave out --keep.\n"
    )
    assert not (tmp_path / "out.csv").exists()
