"""``wellposed datasets``: the data sets that have a name, and the columns of one."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wellposed.cli.options import ColumnOptions, DataOptions, takes
from wellposed.cli.terminal import console
from wellposed.errors import DataError, quoted

if TYPE_CHECKING:
    from wellposed.data.registry import Entry

__all__ = ["datasets"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Shown(ColumnOptions):
    """What is shown: nothing, all that have a name; else the columns of one, as a study would take them."""

    data: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME|FILE", help="Show its columns: of a name, or of any file of yours.", show_default=False
        ),
    ] = None


@takes(Shown)
def datasets(context: typer.Context, options: Shown) -> None:
    """Lists the data sets that have a name, or shows the columns and their roles of one or of a file of yours."""
    if options.data is None:
        _list()
        return
    console().print(_columns(options.data, options), soft_wrap=True)


def _columns(name: str, options: Shown) -> str:
    """The role of every column; without a target, the feature that each would be."""
    from wellposed.cli.inputs import read_data
    from wellposed.cli.wording import as_command_line
    from wellposed.data.opening import open_source
    from wellposed.data.roles import infer_roles
    from wellposed.data.summary import columns

    markers = tuple(options.na or ())
    source = open_source(name, na=markers)
    if options.target or source.target:
        return read_data(DataOptions(**{**dataclasses.asdict(options), "data": name})).summary()
    apart = {*(options.drop or ()), options.weight, options.group, options.time, options.split_column}
    candidates = [column for column in source.frame.columns if column not in apart]
    refused: list[str] = []
    while True:
        try:
            found = infer_roles(source, candidates, markers, options.categorical or (), options.numeric or ())
            break
        except DataError as error:  # about one column, mostly: a date. The others are worth showing
            wrong = [column for column in candidates if quoted(column) in error.what]
            if not wrong:
                raise
            candidates.remove(wrong[0])
            refused.append(f"refused: {as_command_line(str(error))}")
    lines = [as_command_line(columns(source, found)), *refused, "Name the target with --target COLUMN to see the task."]
    return "\n".join(lines)


def _list() -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from wellposed.data.registry import REGISTRY

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("name", no_wrap=True)
    table.add_column("rows", justify="right", no_wrap=True)
    table.add_column("features", justify="right", no_wrap=True)
    table.add_column("target", no_wrap=True)
    table.add_column("what it is")
    table.add_column("where", no_wrap=True)
    for key, entry in REGISTRY.items():
        where = _where(key, entry)
        rows, features, target = _shape(key) if where is not None else ("", "", "")
        table.add_row(
            Text(key, "bold"),
            rows,
            features,
            Text(target),
            Text(entry.description),
            where or Text("fetched when used", "dim"),
        )
    out = console()
    out.print(table)
    rule = "Files are looked for in the folder that WELLPOSED_DATA names, then in the cache; others are fetched."
    out.print(rule, style="dim")


def _where(name: str, entry: Entry) -> str | None:
    """Where the data set is at hand; None if it would have to be fetched."""
    if not entry.source.startswith("http"):
        return entry.source
    import pooch

    files = (entry.source.rpartition("/")[2], f"{name.replace('-', '_')}.npz")  # a part of MNIST has a file of its own
    folders = {"WELLPOSED_DATA": os.environ.get("WELLPOSED_DATA"), "cache": pooch.os_cache("wellposed")}
    for word, folder in folders.items():
        if folder and any((Path(folder) / file).is_file() for file in files):
            return word
    return None


def _shape(name: str) -> tuple[str, str, str]:
    """Rows, feature columns and target columns, as read."""
    from wellposed.data.registry import registered_source

    source = registered_source(name)
    target = source.target or ()
    columns = len(source.frame.columns) - len({*target, *source.drop})
    return f"{len(source.frame):,}", str(columns), ", ".join(target)
