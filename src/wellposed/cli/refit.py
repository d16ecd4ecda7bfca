"""``wellposed refit``: trains a model again on other rows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wellposed.cli.background import undisturbed
from wellposed.cli.evaluate import KnownTarget
from wellposed.cli.inputs import OwnTechniques, load_own
from wellposed.cli.predict import Data, ModelFolder
from wellposed.errors import StudyError

__all__ = ["refit"]


def refit(
    model: ModelFolder,
    data: Data,
    out: Annotated[
        str, typer.Option("--out", "-o", metavar="DIR", help="Folder of the new model.", show_default=False)
    ],
    epochs: Annotated[
        int | None,
        typer.Option("--epochs", metavar="N", help="Default: as many as MODEL was trained for.", show_default=False),
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", help="Of everything random. Default: 0.", show_default=False)
    ] = 0,
    target: KnownTarget = None,
    own: OwnTechniques = None,
) -> None:
    """Trains a model's network again from the start, with its own recipe and settings, and prints the folder.

    Preprocessing is learned anew from DATA; feature columns, target and classes stay.
    """
    from wellposed.models.files import DESCRIPTION, load_model

    load_own(own)
    loaded = load_model(model)
    place = Path(out)
    if place.is_file() or (place.is_dir() and any(place.iterdir()) and not (place / DESCRIPTION).is_file()):
        raise StudyError("out: must be a new folder, or one that holds a model", out, "Choose another --out.")
    made = loaded.refit(data, epochs, seed=seed, target=target)
    with undisturbed():
        typer.echo(str(made.save(place)))
