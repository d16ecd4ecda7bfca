"""Command lines run in this process, and one finished run that several tests look at."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from wellposed.cli.main import main


@dataclass(frozen=True)
class Ran:
    """What a command line did."""

    status: int
    out: str
    err: str


Command = Callable[..., Ran]


@contextlib.contextmanager
def inside(folder: Path) -> Iterator[None]:
    """Within a folder."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def call(*arguments: str) -> Ran:
    """Runs a command line in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main(arguments)
    return Ran(status, out.getvalue(), err.getvalue())


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs a command line in this process, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return call


TINY = ("--network", "4", "--epochs", "2", "--folds", "2", "--seeds", "1", "--no-references")


@dataclass(frozen=True)
class Finished:
    """A finished run."""

    ran: Ran
    folder: Path
    arguments: tuple[str, ...]


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """``compare iris --json``, tiny: compiled and trained once for all tests."""
    place = tmp_path_factory.mktemp("runs")
    arguments = (
        "compare",
        "iris",
        *TINY,
        "--with",
        "l2=1e-3",
        "--test",
        "0.2",
        "--predictions",
        "--json",
        "--out",
        "run",
    )
    with inside(place):
        ran = call(*arguments)
    return Finished(ran, place / "run", arguments)
