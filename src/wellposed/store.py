"""Runs on disk: a folder with ``run.json``, ``results.json``, ``history.parquet`` and report, written atomically."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wellposed.errors import StudyError, option
from wellposed.lock import hold, is_held, release

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Progress", "Run", "atomic", "new_folder", "read_run", "run_progress"]

SCHEMA = "wellposed.run/1"

_ENDS = ("done", "interrupted", "failed")  # states after which nothing more is written
_WHOLE = ("done", "interrupted")  # states whose results, if there are any, are whole


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path`` that takes its place when the block ends well, and vanishes otherwise."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def new_folder(data_name: str, study: str) -> Path:
    """Makes ``wellposed-runs/NAME-STUDY-1``, with the first number that is free; two processes never get the same.

    Raises:
        StudyError: it can't be made.
    """
    clean = "".join(c if c.isalnum() or c in "-_" else "-" for c in data_name)[:60] or "data"
    root = Path("wellposed-runs")
    try:
        root.mkdir(exist_ok=True)
        for number in itertools.count(1):
            folder = root / f"{clean}-{study}-{number}"
            with contextlib.suppress(FileExistsError):
                folder.mkdir()
                return folder
    except OSError as error:
        raise StudyError(
            f"out: can't be written ({error.strerror})", str(root), f"Choose a folder with {option('out')}."
        ) from None
    raise AssertionError  # the numbers don't end


def read_run(folder: str | Path, schema: str) -> tuple[dict[str, Any], pd.DataFrame]:
    """The results and the history of a finished run.

    Args:
        folder: the run directory.
        schema: that its results must have.

    Raises:
        StudyError: there is no finished run, or its files can't be read.
    """
    import pandas as pd

    place = Path(folder)
    results, history = place / "results.json", place / "history.parquet"
    progress = run_progress(place)
    if progress is None and not results.is_file():
        raise StudyError("run: there is no run", str(folder), "Name a folder that wellposed compare has written.")
    if progress is not None and (progress.state not in _WHOLE or not results.is_file()):
        again = f"Repeat it with: {progress.command}" if progress.command else "Run its command again."
        remedy = "Wait for it to end." if progress.alive else again
        raise StudyError(f"run: {progress.sentence}", str(folder), remedy)
    found = _json(results)
    if found.get("schema") != schema:
        raise StudyError(
            f"run: {results} must have the schema {schema}", found.get("schema") or "none", "Name another run."
        )
    try:
        frame = pd.read_parquet(history)
    except FileNotFoundError:
        raise StudyError("run: the history is missing", str(history), "Run the command again.") from None
    except (OSError, ValueError) as error:  # pyarrow's own errors are ValueErrors
        why = (str(error).splitlines() or [""])[0][:100]
        raise StudyError(f"run: the history can't be read ({why})", str(history), "Run the command again.") from None
    return found, frame


@dataclasses.dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes:
        state: the last that was written: ``planned``, ``writing``, ``done``, ``interrupted`` or ``failed``.
        alive: whether a process is at it now.
        command: that began it, empty if it wasn't the command line.
    """

    state: str
    alive: bool
    command: str

    @property
    def sentence(self) -> str:
        """What became of the run, as far as it has no results."""
        if self.alive:
            return "it is in progress, and another process writes it"
        ends = {"interrupted": "it was interrupted before it had results", "failed": "it failed before it had results"}
        return ends.get(self.state, "its process was cut off before it had results")


def run_progress(folder: str | Path) -> Progress | None:
    """How far the run in a folder is; None without a ``run.json``.

    Raises:
        StudyError: ``run.json`` can't be read.
    """
    place = Path(folder)
    if not (place / "run.json").is_file():
        return None
    facts = _json(place / "run.json")
    return Progress(str(facts.get("state")), is_held(place), str(facts.get("command") or ""))


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "not JSON"
        raise StudyError(f"run: a file can't be read ({why})", str(path), "Run the command again.") from None
    if not isinstance(found, dict):
        raise StudyError("run: a file must hold an object", str(path), "Run the command again.")
    return found


class Run:
    """A run directory, which one process at a time may write: from here until its last state is written.

    Args:
        folder: the directory, made if it isn't there.
        new: refuse one that holds results.

    Raises:
        StudyError: the path is a file, holds something else, is being written by another process, or can't be written.
    """

    def __init__(self, folder: str | Path, *, new: bool = False) -> None:
        self.folder = Path(folder)
        another = f"Choose another {option('out')}."
        if self.folder.exists() and not self.folder.is_dir():
            raise StudyError("out: must be a folder, but a file of that name exists", str(folder), another)
        try:
            held = {".lock"} if self.folder.is_dir() else set()
            if held and set(os.listdir(self.folder)) - held and not (self.folder / "run.json").exists():
                raise StudyError("out: the folder isn't empty and holds no run", str(folder), another)
            self.folder.mkdir(parents=True, exist_ok=True)
            free = hold(self.folder)
        except OSError as error:
            raise StudyError(f"out: can't be written ({error.strerror})", str(folder), another) from None
        if not free:
            remedy = f"Wait for it to end, or choose another {option('out')}."
            raise StudyError("out: another process is writing a run into the folder", str(folder), remedy)
        if new and (self.folder / "results.json").exists() and self._state() in _WHOLE:
            release(self.folder)
            remedy = f"Choose another {option('out')}, or remove it."
            raise StudyError("out: the folder holds a finished run", str(folder), remedy)

    def write_state(self, state: str, **facts: Any) -> None:
        """``run.json``: plan, tiles, seeds and how far it is; after ``done``, ``interrupted`` or ``failed`` others may.

        Args:
            state: ``planned`` (which takes away the results of an earlier run), ``writing``, ``done``,
                ``interrupted`` or ``failed``.
            facts: whatever repeats the run: its command, settings, plan.
        """
        written = time.strftime("%Y-%m-%dT%H:%M:%S%z")
        try:
            self._write_json("run.json", {"schema": SCHEMA, "state": state, "written": written, **facts})
            if state == "planned":
                for name in ("results.json", "history.parquet", "report.html"):
                    (self.folder / name).unlink(missing_ok=True)
        finally:
            if state in _ENDS:
                release(self.folder)

    def write_results(self, results: dict[str, Any]) -> None:
        """``results.json``; the last file but ``run.json``, so that whoever finds it finds the others."""
        self._write_json("results.json", results)

    def write_history(self, history: pd.DataFrame) -> None:
        """``history.parquet``: a row per member and epoch."""
        with atomic(self.folder / "history.parquet") as path:
            history.to_parquet(path, index=False)

    def write_table(self, name: str, table: pd.DataFrame) -> None:
        """A CSV file; texts that a spreadsheet would take for formulas get an apostrophe in front."""
        guarded = table.rename(columns=_guarded)
        for column in guarded.select_dtypes(exclude="number"):
            guarded[column] = guarded[column].map(_guarded)
        with atomic(self.folder / name) as path:
            guarded.to_csv(path, index_label="row")

    def _state(self) -> str:
        try:
            progress = run_progress(self.folder)
        except StudyError:
            return "unreadable"
        return "done" if progress is None else progress.state

    def _write_json(self, name: str, value: dict[str, Any]) -> None:
        text = json.dumps(value, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
        with atomic(self.folder / name) as path:
            path.write_text(text, encoding="utf-8", errors="replace")


def _guarded(cell: Any) -> Any:
    if not isinstance(cell, str) or len(cell) < 2 or cell[0] not in "=+-@\t\r":
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell
