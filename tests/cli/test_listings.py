"""What can be looked up: techniques, data sets, and a run's report written again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wellposed.data.registry import REGISTRY
from wellposed.recipe import text
from wellposed.techniques.catalog import CATALOG, explain, find


def test_techniques_lists_the_whole_catalogue(command: Callable[..., Any]) -> None:
    ran = command("techniques")
    assert (ran.status, ran.err) == (0, "")
    for cls in CATALOG:
        assert f" {text(cls.example())} " in ran.out


def test_technique_explained(command: Callable[..., Any]) -> None:
    assert command("techniques", "dropout").out == explain(find("dropout")) + "\n"


def test_datasets_lists_the_registry(
    command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("WELLPOSED_DATA", str(tmp_path))
    monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path)
    (tmp_path / "winequality-red.csv").write_text("a;b;quality\n1;2;3\n4;5;6\n")
    rows = {line.split()[0]: line.split() for line in command("datasets").out.splitlines() if line.strip()}
    assert set(REGISTRY) <= set(rows)
    assert rows["iris"][1:4] == ["150", "4", "target"]
    assert rows["winequality-red"][1:4] == ["2", "2", "quality"]
    assert rows["mnist"][-3:] == ["fetched", "when", "used"]


def test_dataset_shown(command: Callable[..., Any]) -> None:
    assert command("datasets", "iris").out.startswith("iris: 150 rows, 4 features, classification into 3 classes")


@pytest.fixture
def run(finished: Any, tmp_path: Path) -> Path:
    """A copy of the finished run."""
    return Path(shutil.copytree(finished.folder, tmp_path / "copy"))


def test_report_written_again(run: Path, command: Callable[..., Any]) -> None:
    before = (run / "report.html").read_bytes()
    (run / "report.html").unlink()
    ran = command("report", "copy")
    assert (ran.status, ran.out, ran.err) == (0, "copy/report.html\n", "")
    assert (run / "report.html").read_bytes() == before


def test_report_elsewhere(run: Path, command: Callable[..., Any], tmp_path: Path) -> None:
    assert command("report", "copy", "--out", "mine.html").out == "mine.html\n"
    assert (tmp_path / "mine.html").is_file()


def test_report_without_history(run: Path, command: Callable[..., Any]) -> None:
    (run / "history.parquet").unlink()
    message = "run: the history is missing, got copy/history.parquet. Run the command again."
    assert command("report", "copy").err == f"error: {message}\n"


def test_report_with_a_broken_history(run: Path, command: Callable[..., Any]) -> None:
    (run / "history.parquet").write_bytes(b"junk")
    ran = command("report", "copy")
    assert ran.status == 2
    assert ran.err.startswith("error: run: the history can't be read (")
    assert ran.err.endswith("), got copy/history.parquet. Run the command again.\n")


def test_report_with_half_the_results(run: Path, command: Callable[..., Any]) -> None:
    results = json.loads((run / "results.json").read_text(encoding="utf-8"))
    del results["recipes"]
    (run / "results.json").write_text(json.dumps(results), encoding="utf-8")
    message = "run: results.json isn't whole (KeyError: 'recipes'), got copy. Run its command again."
    assert command("report", "copy").err == f"error: {message}\n"
