"""``wellposed techniques``: the catalogue, and what one technique does."""

from __future__ import annotations

import inspect
from typing import Annotated

import typer

from wellposed.cli.inputs import OwnTechniques, load_own
from wellposed.cli.terminal import console

__all__ = ["techniques"]


def techniques(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Explain this one.", show_default=False)] = None,
    own: OwnTechniques = None,
) -> None:
    """Lists the techniques, or explains one: its equation, strengths, options and source."""
    from wellposed.recipe import text
    from wellposed.techniques.catalog import explain, find, known

    load_own(own)
    out = console()
    if name is not None:
        out.print(explain(find(name)).replace("``", "`"), soft_wrap=not out.is_terminal)
        return
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("family", "technique", "example"):
        table.add_column(heading, no_wrap=True)
    table.add_column("what it does")
    family = None
    for cls in known():
        shown = "" if cls.family == family else cls.family
        family = cls.family
        first = (inspect.getdoc(cls) or "").partition("\n")[0]
        table.add_row(Text(shown, "cyan"), Text(cls.name, "bold"), Text(text(cls.example())), Text(first))
    out.print(table)
    out.print('`wellposed techniques NAME` explains one; --with "l2=1e-3 + dropout=0.2" combines several.', style="dim")
