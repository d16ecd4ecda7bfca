"""``wellposed export``: files and scripts from a saved model, and its errors."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

import wellposed as wp
from wellposed.cli.main import main


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    study = wp.compare(
        wp.read("iris"), (4,), ["l2=0.01"], epochs=2, folds=2, seeds=1, monitor=0.0, references=False
    )  # fmt: skip
    return study.model("l2=0.01").save(tmp_path_factory.mktemp("export") / "model")


def test_keras(saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "iris.keras"
    assert main(["export", str(saved), "--to", "keras", "-o", str(out)]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    with zipfile.ZipFile(out) as archive:
        assert {"config.json", "model.weights.h5", "wellposed.json"} <= set(archive.namelist())


def test_code(saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(saved), "--to", "code"]) == 0
    printed = capsys.readouterr().out
    assert "kernel_regularizer=regularizers.L2(l2=0.01)" in printed
    out = tmp_path / "train.py"
    assert main(["export", str(saved), "--to", "code", "--framework", "torch", "-o", str(out), "--data", "i.csv"]) == 0
    assert "DATA = 'i.csv'" in out.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--to", "onyx"], "export: unknown form, got onyx. Choose one of keras, code."),
        (["--to", "keras"], "export: a file is needed. Write e.g. -o model.keras."),
        (["--to", "keras", "-o", "m.h5"], "export: the file must end in .keras, got m.h5. Write e.g. -o model.keras."),
        (
            ["--to", "code", "--framework", "jax"],
            "export: unknown framework, got jax. Choose one of keras, torch.",
        ),
    ],
)
def test_errors(saved: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(saved), *arguments]) == 2
    assert capsys.readouterr().err == f"error: {message}\n"
