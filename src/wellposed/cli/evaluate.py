"""``wellposed evaluate``: a model's scores on rows whose target is known."""

from __future__ import annotations

import json
import math
from typing import Annotated, Any

import typer

from wellposed.cli.inputs import OwnTechniques, load_own
from wellposed.cli.predict import Data, ModelFolder

__all__ = ["KnownTarget", "evaluate"]

KnownTarget = Annotated[
    str | None,
    typer.Option(
        "--target",
        metavar="COLUMN",
        help="The target's column (or expression), if it has another name here than in training.",
        show_default=False,
    ),
]


def evaluate(
    model: ModelFolder,
    data: Data,
    target: KnownTarget = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")] = False,
    own: OwnTechniques = None,
) -> None:
    """Scores a model on rows whose target is known: loss and every metric, with 95 % intervals.

    A target such as "quality >= 6" is made of the raw column again. Intervals are by resampling rows, for accuracy
    Wilson's. Rows that the model was trained on flatter it.
    """
    from wellposed.models.files import load_model
    from wellposed.models.labelled import labelled

    load_own(own)
    loaded = load_model(model)
    rows = labelled(loaded, data, target)
    scores = loaded.evaluate(rows)
    found = {
        str(name): {key: value if key == "interval" else _number(value) for key, value in row.items()}
        for name, row in scores.to_dict("index").items()
    }
    weighted = rows.weights is not None
    if as_json:
        result = {"schema": "wellposed.evaluation/1", "rows": rows.rows, "weighted": weighted, "scores": found}
        print(json.dumps(result, indent=1, allow_nan=False, ensure_ascii=False))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("score")
    table.add_column("value", justify="right")
    table.add_column("95 % interval", justify="right")
    for name, entry in found.items():
        low, high = entry["low"], entry["high"]
        interval = "" if low is None or high is None else f"{low:.4g} to {high:.4g}"
        table.add_row(name, "failed" if entry["score"] is None else f"{entry['score']:.4g}", interval)
    console = Console(highlight=False)
    console.print(table)
    console.print(f"{rows.rows:,} rows of {rows.name}{', weighted' if weighted else ''}", markup=False)


def _number(value: Any) -> float | None:
    return float(value) if math.isfinite(value) else None
