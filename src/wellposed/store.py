"""Runs on disk: a folder with ``run.json``, ``results.json``, ``history.parquet`` and report, written atomically."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wellposed.errors import StudyError, option

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Run", "atomic", "new_folder", "read_run"]

SCHEMA = "wellposed.run/1"


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
    if not results.is_file():
        state = _state(place)
        if state is None:
            raise StudyError("run: there is no run", str(folder), "Name a folder that wellposed compare has written.")
        raise StudyError(f"run: it has no results, its state is {state!r}", str(folder), "Run its command again.")
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


def _state(folder: Path) -> str | None:
    """What `run.json` says of the run; None without one."""
    return str(_json(folder / "run.json").get("state")) if (folder / "run.json").is_file() else None


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
    """A run directory.

    Raises:
        StudyError: the path is a file, holds something else, or can't be written.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        if self.folder.exists() and not self.folder.is_dir():
            raise StudyError(
                "out: must be a folder, but a file of that name exists", str(folder), f"Choose another {option('out')}."
            )
        if self.folder.is_dir() and any(self.folder.iterdir()) and not (self.folder / "run.json").exists():
            raise StudyError(
                "out: the folder isn't empty and holds no run", str(folder), f"Choose another {option('out')}."
            )
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with atomic(self.folder / ".writable"):
                pass
            (self.folder / ".writable").unlink()
        except OSError as error:
            raise StudyError(
                f"out: can't be written ({error.strerror})", str(folder), f"Choose another {option('out')}."
            ) from None

    def write_state(self, state: str, **facts: Any) -> None:
        """``run.json``: plan, tiles, seeds and how far it is (``planned``, ``done``, ``interrupted``, ``failed``)."""
        self._write_json(
            "run.json", {"schema": SCHEMA, "state": state, "written": time.strftime("%Y-%m-%dT%H:%M:%S%z"), **facts}
        )

    def write_results(self, results: dict[str, Any]) -> None:
        """``results.json``."""
        self._write_json("results.json", results)

    def write_history(self, history: pd.DataFrame) -> None:
        """``history.parquet``: a row per member and epoch."""
        with atomic(self.folder / "history.parquet") as path:
            history.to_parquet(path, index=False)

    def write_table(self, name: str, table: pd.DataFrame) -> None:
        """A CSV file."""
        with atomic(self.folder / name) as path:
            table.to_csv(path, index_label="row")

    def _write_json(self, name: str, value: dict[str, Any]) -> None:
        with atomic(self.folder / name) as path:
            path.write_text(json.dumps(value, indent=1, allow_nan=False, ensure_ascii=False) + "\n", encoding="utf-8")
