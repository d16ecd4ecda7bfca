"""``wellposed datasets``: the data sets that have a name, and the columns of one."""

from __future__ import annotations

import os
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wellposed.cli.terminal import console
from wellposed.errors import DataError

if TYPE_CHECKING:
    from wellposed.data.registry import Entry

__all__ = ["datasets"]


def datasets(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Show its columns.", show_default=False)] = None,
) -> None:
    """Lists the data sets that have a name, or shows the columns of one."""
    from wellposed.data.registry import REGISTRY

    out = console()
    if name is not None:
        if name not in REGISTRY:
            close = get_close_matches(name, list(REGISTRY), n=1)
            hint = f"Did you mean {close[0]}?" if close else f"The names are {', '.join(REGISTRY)}."
            raise DataError("no data set of that name", name, hint)
        from wellposed.data.read import read

        out.print(read(name).summary(), soft_wrap=True)
        return
    from rich import box
    from rich.table import Table
    from rich.text import Text

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
