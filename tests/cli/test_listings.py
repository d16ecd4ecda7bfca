"""What can be looked up: techniques, data sets, and a run's report written again."""

from __future__ import annotations

import hashlib
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
    shown = command("techniques", "dropout").out
    assert shown == explain(find("dropout")).replace("``", "`") + "\n"


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


MINE = "day;town;rooms;id;price\n" + "".join(f"{i % 4};{'ab'[i % 2]};{i % 5 or ''};x{i};{100 + i}\n" for i in range(20))
NO_TARGET = """\
mine: 20 rows, 5 columns, no target named yet
source mine.csv, sha256 {sha256}…
column  role         distinct  missing  values
day     numeric             4        0  0 to 3
town    categorical         2        0  a, b
rooms   numeric             4        4  1 to 4
id      identifier
price   identifier
warning: Left out as identifiers: id, price; --numeric id or --categorical id keeps one.
Name the target with --target COLUMN to see the task.
"""
WITH_TARGET = """\
mine: 20 rows, 2 features, regression of price
source mine.csv, sha256 {sha256}…
column  role         distinct  missing  values
day     dropped
town    categorical         2        0  a, b
rooms   categorical         4        4  1, 2, 3, 4
id      identifier
price   target             20        0  100 to 119
warning: Left out as identifiers: id; --numeric id or --categorical id keeps one.
"""


@pytest.mark.parametrize(
    ("options", "shown"),
    [((), NO_TARGET), (("--target", "price", "--drop", "day", "--categorical", "rooms"), WITH_TARGET)],
)
def test_columns_of_a_file(options: tuple[str, ...], shown: str, command: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text(MINE, encoding="utf-8")
    ran = command("datasets", "mine.csv", *options)
    digest = hashlib.sha256(MINE.encode()).hexdigest()[:16]
    assert (ran.status, ran.out, ran.err) == (0, shown.format(sha256=digest), "")


def test_columns_of_a_file_with_a_date(command: Callable[..., Any], tmp_path: Path) -> None:
    """A study would refuse it; here it is said beside the other columns."""
    (tmp_path / "mine.csv").write_text("when,x,y\n2024-01-02,1,2\n2024-01-03,3,5\n", encoding="utf-8")
    ran = command("datasets", "mine.csv")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.splitlines()[3:] == [
        "when    dropped",
        "x       numeric         2        0  1 to 3",
        "y       numeric         2        0  2 to 5",
        "refused: column 'when' holds dates or times, got 2024-01-02 00:00:00. "
        "Leave it out (--drop when), order the rows by it (--time when), or turn it into numbers.",
        "Name the target with --target COLUMN to see the task.",
    ]


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
