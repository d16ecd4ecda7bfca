"""``wellposed report``: writes a run's report again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wellposed.errors import StudyError

__all__ = ["report"]


def report(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run directory.", show_default=False)],
    out: Annotated[
        str | None,
        typer.Option(
            "--out", "-o", metavar="FILE", help="Default: report.html in the run directory.", show_default=False
        ),
    ] = None,
) -> None:
    """Writes the report of a finished run again, from results.json and history.parquet, and prints its path."""
    from wellposed.report.page import write_report
    from wellposed.store import read_run
    from wellposed.studies.results import SCHEMA

    results, history = read_run(run, SCHEMA)
    try:
        path = write_report(Path(run) / "report.html" if out is None else out, results, history)
    except (KeyError, TypeError, AttributeError) as error:
        remedy = "Run its command again."
        raise StudyError(f"run: results.json isn't whole ({type(error).__name__}: {error})", run, remedy) from None
    typer.echo(str(path))
