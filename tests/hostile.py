"""What the tests of hostile input share: tables as text, and the two ends that a command may come to."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DRY = (
    ("--network", "3"),
    ("--epochs", "1"),
    ("--seeds", "1"),
    ("--folds", "2"),
    ("--with", "l2=1e-3"),
    ("--dry-run",),
)
ROWS = 24


@dataclass(frozen=True)
class Case:
    """A command line on a made file, and what it must answer.

    Attributes:
        make: writes the file (or files) at this path: its content, or what does the writing.
        message: the whole error, without ``error: ``; None: the command must do its work.
        warnings: texts that must stand in the output of a command that does its work.
        file: name of the file.
        options: instead of ``--target y``.
        begins: the message quotes a library, so only its beginning is known.
    """

    make: bytes | str | Callable[[Path], Any]
    message: str | None = None
    warnings: tuple[str, ...] = ()
    file: str = "a.csv"
    options: tuple[str, ...] = ("--target", "y")
    begins: bool = False


def table(rows: int = ROWS, delimiter: str = ",", **columns: Any) -> str:
    """A table of ``x`` (numbers), ``k`` (three labels) and ``y`` (two classes), changed by ``columns``.

    A column is a list of cells, a function of the row's number, or None: left out.
    """
    draw = random.Random(0)
    cells: dict[str, Sequence[Any]] = {
        "x": [f"{draw.random():.3f}" for _ in range(rows)],
        "k": [draw.choice("uvw") for _ in range(rows)],
        "y": [draw.choice(("no", "yes")) for _ in range(rows - 4)] + ["no", "yes"] * 2,
    }
    for name, column in columns.items():
        if column is None:
            del cells[name]
        else:
            cells[name] = [column(row) for row in range(rows)] if callable(column) else column
    lines = [delimiter.join(cells), *(delimiter.join(map(str, row)) for row in zip(*cells.values(), strict=True))]
    return "\n".join(lines) + "\n"


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    """Every path below a folder with its kind and size; nothing is opened, as some of it may be a pipe."""
    return {str(path): (path.lstat().st_mode, path.lstat().st_size) for path in sorted(folder.rglob("*"))}


def check(case: Case, command: Callable[..., Any], folder: Path) -> None:
    """One line and status 2, or a plan with the warnings; nothing written, nothing that a terminal would obey."""
    path = folder / case.file
    if callable(case.make):
        case.make(path)
    elif case.file:
        path.write_bytes(case.make if isinstance(case.make, bytes) else case.make.encode())
    before = snapshot(folder)
    dry = [pair for pair in DRY if pair[0] not in case.options]
    ran = command("compare", case.file, *case.options, *(word for pair in dry for word in pair))
    assert snapshot(folder) == before
    assert not [c for c in ran.out + ran.err if not c.isprintable() and c != "\n"]
    if case.message is None:
        assert (ran.status, ran.err) == (0, "")
        for warning in case.warnings:
            assert warning in ran.out
    else:
        assert (ran.status, ran.out) == (2, "")
        assert len(ran.err) < 1700
        if case.begins:
            assert ran.err.startswith(f"error: {case.message}")
            assert ran.err.count("\n") == 1
        else:
            assert ran.err == f"error: {case.message}\n"
