"""``wellposed export``: a model as a Keras file or as code."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from wellposed.cli.inputs import OwnTechniques, load_own
from wellposed.cli.predict import ModelFolder
from wellposed.errors import StudyError

__all__ = ["export"]

_FORMS = ("keras", "code")


def export(
    model: ModelFolder,
    to: Annotated[str, typer.Option("--to", metavar="FORM", help="keras (a .keras file) or code.", show_default=False)],
    out: Annotated[
        str,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="Where to; needed for keras. Default for code: standard output (-).",
            show_default=False,
        ),
    ] = "-",
    framework: Annotated[str, typer.Option("--framework", metavar="NAME", help="Of code: keras or torch.")] = "keras",
    data: Annotated[str, typer.Option("--data", metavar="FILE", help="The table that the code reads.")] = "my.csv",
    own: OwnTechniques = None,
) -> None:
    """Writes a model for other tools: a .keras file that plain Keras loads, or a script that trains it.

    The Keras file holds the preprocessing in Keras's own layers; docs/keras.md says what goes in and comes out. The
    script holds network, recipe and settings, ready to paste; what the framework can't express is named at its top.
    """
    from wellposed.models.files import load_model

    if to not in _FORMS:
        raise StudyError("export: unknown form", to, f"Choose one of {', '.join(_FORMS)}.")
    load_own(own)
    if to == "keras":
        if out == "-":
            raise StudyError("export: a file is needed", remedy="Write e.g. -o model.keras.")
        from wellposed.exchange.keras import save_keras

        typer.echo(str(save_keras(load_model(model), out)))
        return
    from wellposed.exchange.code import to_code

    text = to_code(load_model(model), framework, data=data)
    if out == "-":
        sys.stdout.write(text)
        return
    Path(out).write_text(text, encoding="utf-8")
    typer.echo(out)
