"""One tiny study through the command line: files, standard output, progress, interruption."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import shlex
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from wellposed.cli.background import undisturbed, watch
from wellposed.runners.base import Progress
from wellposed.runners.local import LocalRunner

TINY = ("--network", "4", "--epochs", "2", "--folds", "2", "--seeds", "1", "--no-references", "--with", "l2=1e-3")


def state(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "run.json").read_text(encoding="utf-8"))


def test_files(finished: Any) -> None:
    assert finished.ran.status == 0
    names = {path.name for path in finished.folder.iterdir()}
    assert names == {"run.json", "results.json", "history.parquet", "predictions.csv", "report.html", "model"}


def test_json_is_results_alone(finished: Any) -> None:
    assert finished.ran.out == (finished.folder / "results.json").read_text(encoding="utf-8")
    results = json.loads(finished.ran.out)
    assert results["schema"] == "wellposed.compare/1"
    assert results["run"]["command"] == shlex.join(["wellposed", *finished.arguments])
    assert [recipe["name"] for recipe in results["recipes"]] == ["baseline", "best-epoch", "l2=0.001"]
    assert results["test"]["rows"] == 30
    assert results["warnings"][0].endswith("train longer (--epochs) or raise --learning-rate.")


def test_words_go_to_standard_error_beside_json(finished: Any) -> None:
    lines = finished.ran.err.splitlines()
    assert lines[0] == (
        "iris: 150 rows, 4 features (4 numeric), classification of target (setosa: 50, versicolor: 50, virginica: 50)"
    )
    assert lines[1].startswith(
        "3 recipes (1 technique and 2 baselines) × 2 folds × 1 seed = 6 networks of 35 weights, 2 epochs, "
        "in 1 program; "
    )
    assert lines[-2] == "report: run/report.html"
    selected = json.loads(finished.ran.out)["selected"]
    assert lines[-1] == f"model: run/model ({selected}); use it: wellposed predict run new.csv"
    assert "★ selected" in finished.ran.err
    assert "train longer (--epochs) or raise --learning-rate." in finished.ran.err
    assert "On the 30 test rows set aside: " in finished.ran.err
    assert "• What to do: " in finished.ran.err
    assert "\x1b" not in finished.ran.err  # nothing moves where there is no terminal


def test_run_json(finished: Any) -> None:
    run = state(finished.folder)
    assert (run["state"], run["command"], run["seed"]) == ("done", shlex.join(["wellposed", *finished.arguments]), 0)
    assert run["settings"]["with"] == ["l2=1e-3"]
    assert run["settings"]["batch-size"] == 32
    slots = [slot for program in run["plan"] for tile in program["tiles"] for slot in tile]
    assert sorted(member for slot in slots for member in slot["members"] if member >= 0) == list(range(6))


def test_history_and_predictions(finished: Any) -> None:
    history = pd.read_parquet(finished.folder / "history.parquet")
    assert len(history) == 3 * 2 * 1 * 2
    assert history["train_loss"].dtype == "float32"
    predictions = pd.read_csv(finished.folder / "predictions.csv", index_col="row")
    assert len(predictions) == 150
    assert predictions["l2=0.001"].notna().sum() == 120  # the others are in the vault


def test_quiet_prints_the_path_and_a_new_folder_is_taken(command: Callable[..., Any], tmp_path: Path) -> None:
    for number in (1, 2):
        ran = command("compare", "iris", *TINY, "--quiet")
        assert (ran.status, ran.out, ran.err) == (0, f"wellposed-runs/iris-compare-{number}/report.html\n", "")
    first, second = (tmp_path / "wellposed-runs" / f"iris-compare-{number}" for number in (1, 2))
    assert without_run(first) == without_run(second)


def without_run(folder: Path) -> dict[str, Any]:
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    return {key: value for key, value in results.items() if key != "run"}


def test_dry_run_writes_nothing(command: Callable[..., Any], tmp_path: Path) -> None:
    ran = command("compare", "iris", *TINY, "--dry-run")
    assert ran.status == 0
    assert "best-epoch, l2" in ran.out
    assert ran.out.endswith("dry run: nothing was trained or written\n")
    assert "rows of the first split:" in ran.out
    assert "recipes: baseline; " in ran.out
    assert not list(tmp_path.iterdir())


def test_dry_run_as_json(command: Callable[..., Any]) -> None:
    ran = command("compare", "iris", *TINY, "--dry-run", "--json")
    plan = json.loads(ran.out)
    assert (plan["schema"], plan["members"]) == ("wellposed.plan/1", 6)
    assert plan["recipes"] == ["baseline", "best-epoch", "l2=0.001"]


def test_default_panel_without_monitor_rows(command: Callable[..., Any]) -> None:
    ran = command("compare", "iris", "--monitor", "0", "--dry-run", "--json")
    skipped = {entry["name"]: entry["why"] for entry in json.loads(ran.out)["skipped"]}
    assert skipped["best-epoch"] == "it watches monitor rows, and there are none"


class Terminal(io.StringIO):
    """A stream that takes itself for a terminal."""

    def isatty(self) -> bool:
        return True


def test_progress_on_a_terminal(command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from wellposed.cli import terminal
    from wellposed.cli.options import RunOptions

    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    with terminal.Terminal(RunOptions()).progress() as show:
        for done, seconds in ((0, 1.0), (10, 5.0), (20, 6.0), (60, 10.0)):
            show(Progress("training", done, 100, seconds))
    assert "about 4 s left" in stream.getvalue()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(number: int, command: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(prepared: Any, *, stop: threading.Event, **settings: Any) -> None:
        os.kill(os.getpid(), number)
        stop.wait()
        raise KeyboardInterrupt  # the baseline isn't trained

    monkeypatch.setattr("wellposed.studies.compare.run", run)
    ran = command("compare", "iris", *TINY, "--out", "run")
    assert ran.status == 130
    assert ran.err == "interrupted: after 0 s, before there were results; run/run.json holds the plan.\n"
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["run.json"]
    assert state(tmp_path / "run")["state"] == "interrupted"


def test_what_was_finished_is_kept(
    command: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C once the first program is trained, before the second: its recipes are compared, the rest is named."""
    train = LocalRunner.run

    def run(self: LocalRunner, plan: Any, *places: Any, stop: threading.Event, **settings: Any) -> Any:
        first, second = plan.programs
        records, timing = train(self, dataclasses.replace(plan, programs=(first,)), *places, stop=None, **settings)
        os.kill(os.getpid(), signal.SIGINT)
        stop.wait()
        cut = {member for member in second.techniques}
        members = [dataclasses.replace(m, finished=i not in cut) for i, m in enumerate(records.members)]
        return dataclasses.replace(records, members=tuple(members)), timing

    monkeypatch.setattr(LocalRunner, "run", run)
    ran = command("compare", "iris", *TINY, "--with", "batch-norm", "--no-model", "--out", "run")
    assert ran.status == 130
    last = ran.err.splitlines()[-1]
    assert last.startswith("interrupted: after ")
    assert last.endswith("3 of 4 recipes were finished, and are compared in run/report.html.")
    assert state(tmp_path / "run")["state"] == "interrupted"
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert "batch-norm" not in [recipe["name"] for recipe in results["recipes"]]
    assert "Interrupted: 1 of 4 recipes weren't trained to their end: batch-norm." in results["warnings"]
    again = command("report", "run")
    assert again.status == 0


def test_interrupted_run_can_be_started_again(command: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text('{"state": "interrupted"}', encoding="utf-8")
    assert command("compare", "iris", *TINY, "--out", "run").status == 0
    assert state(tmp_path / "run")["state"] == "done"


def test_fault(command: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(prepared: Any, *, progress: Callable[[Progress], None], **settings: Any) -> None:
        raise RuntimeError("the engine\nbroke.")

    monkeypatch.delenv("WELLPOSED_DEBUG", raising=False)
    monkeypatch.setattr("wellposed.studies.compare.run", run)
    ran = command("compare", "iris", *TINY, "--out", "run")
    assert ran.status == 1
    assert ran.err == (
        "error: RuntimeError: the engine broke. This is a fault of wellposed: "
        "run it again with WELLPOSED_DEBUG=1 to see where, and report it.\n"
    )
    assert state(tmp_path / "run")["state"] == "failed"
    monkeypatch.setenv("WELLPOSED_DEBUG", "1")
    with pytest.raises(RuntimeError, match="the engine"):
        command("compare", "iris", *TINY, "--out", "run")


def test_full_disk(command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def run(prepared: Any, *, progress: Callable[[Progress], None], **settings: Any) -> None:
        raise OSError(28, "No space left on device", "run/results.json")

    monkeypatch.setattr("wellposed.studies.compare.run", run)
    ran = command("compare", "iris", *TINY, "--out", "run")
    assert (ran.status, ran.err) == (2, "error: no space left on device, got run/results.json.\n")


def test_watched_work_ends_at_its_next_report() -> None:
    ended = threading.Event()

    def work(progress: Callable[[Progress], None]) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        try:
            while True:
                progress(Progress("training", 0, 1, 0.0))
        finally:
            ended.set()

    with pytest.raises(KeyboardInterrupt):
        watch(work, lambda state: None, threading.Event(), patience=0.2)
    assert ended.wait(10)


def test_undisturbed() -> None:
    with undisturbed():
        signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_one_standard_error_is_said(command: Callable[..., Any]) -> None:
    ran = command("compare", "iris", *TINY, "--select", "one-se", "--out", "run")
    rule = "the simplest recipe within one standard error of the best mean validation accuracy"
    assert f"• Selected as {rule}: " in ran.out


def test_failed_recipes_and_the_scale_of_the_loss(command: Callable[..., Any], tmp_path: Path) -> None:
    """A failed baseline: the sign and the word stand in the table, nothing was selected, nothing pretends to be."""
    ran = command("compare", "diabetes", *TINY, "--optimizer", "sgd", "--learning-rate", "1e9", "--out", "run")
    results = json.loads((tmp_path / "run" / "results.json").read_text(encoding="utf-8"))
    assert results["selected"] is None
    rows = {line.lstrip("●★ ").split()[0]: line.count("✕ failed") for line in ran.out.splitlines() if "✕" in line}
    assert rows == {"baseline": 2, "best-epoch": 2, "l2=0.001": 2}
    assert "Selected" not in ran.out
    assert "★" not in ran.out
    assert "mean squared error: of standardized targets" in " ".join(ran.out.split())
