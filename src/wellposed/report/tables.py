"""The comparison as a table: raw numbers for Python, a readable one for the terminal."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from wellposed.report import reading

if TYPE_CHECKING:
    from rich.table import Table

_COLOURS = {"helps": "green", "hurts": "red", "no evidence": "yellow", "failed": "magenta"}
_WIDE, _WIDEST = 100, 132


def table(results: Mapping[str, Any]) -> pd.DataFrame:
    """One row per recipe, best validation score first, recipes with failed members last.

    Args:
        results: the study, as results.json holds it.

    Returns:
        Index: ``recipe``. Columns: ``role`` (``baseline``, ``best-epoch``, ``selected`` or empty), ``members``,
        ``failed``, ``collapsed``; then for the main metric and the loss (``KEY`` is ``accuracy``, ``loss``, …)
        ``KEY_train``, ``KEY_validation``, ``KEY_sd`` (between members, validation), ``KEY_difference`` (recipe minus
        baseline), ``KEY_low``, ``KEY_high`` (95 % interval), ``KEY_p`` (adjusted), ``KEY_verdict``. Unknown: NaN.
    """
    rows, found = [], reading.measures(results)
    for recipe in reading.ranked(results):
        row: dict[str, Any] = {
            "recipe": recipe["name"],
            "role": reading.role(results, recipe),
            "members": recipe.get("members"),
            "failed": recipe.get("failed") or 0,
            "collapsed": recipe.get("collapsed") or 0,
        }
        for measure in found:
            delta = reading.delta(recipe, measure) or {}
            row |= {
                f"{measure.key}_train": reading.score(recipe, "train", measure),
                f"{measure.key}_validation": reading.score(recipe, "validation", measure),
                f"{measure.key}_sd": reading.score(recipe, "validation", measure, "sd"),
                f"{measure.key}_difference": delta.get("mean"),
                f"{measure.key}_low": delta.get("low"),
                f"{measure.key}_high": delta.get("high"),
                f"{measure.key}_p": delta.get("p_adjusted"),
                f"{measure.key}_verdict": reading.verdict(recipe, measure) or "",
            }
        rows.append(row)
    frame = pd.DataFrame(rows).set_index("recipe")
    numeric = [name for name in frame.columns if name != "role" and not name.endswith("_verdict")]
    counts = ("members", "failed", "collapsed")
    return frame.astype({name: "Int64" if name in counts else "float64" for name in numeric})


def rich_table(results: Mapping[str, Any], *, width: int | None = None) -> Table:
    """The table for a terminal: train scores from 100 columns on, verdicts in words from 132 columns on.

    Args:
        results: the study, as results.json holds it.
        width: columns of the terminal (None: ask it).
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    width = shutil.get_terminal_size((100, 24)).columns if width is None else width
    found = reading.measures(results)
    output = Table(box=box.SIMPLE_HEAD, pad_edge=False, caption_justify="left", caption_style="dim")
    output.add_column("recipe", overflow="fold", min_width=16, vertical="bottom")
    for measure in found:
        name = measure.name.replace(" ", "\n")
        if width >= _WIDE:
            output.add_column(f"{name}\ntrain", justify="right", no_wrap=True)
        output.add_column(f"{name}\nvalid.", justify="right", no_wrap=True)
        header = "difference\nin points" if measure.points else "difference"
        output.add_column(header, justify="right", no_wrap=True)
    for column in output.columns:
        column.vertical = "bottom"
    used: set[str] = set()
    for recipe in reading.ranked(results):
        role = reading.role(results, recipe)
        style = {"selected": "bold", "baseline": "cyan", reading.BEST_EPOCH: "cyan"}.get(role, "")
        baseline = recipe["name"] in (results.get("baseline") or "baseline", reading.BEST_EPOCH)
        mark = ("★ " if role == "selected" else "") + ("● " if baseline else "")
        failed = bool(recipe.get("failed"))
        cells = [Text(f"{mark}{recipe['name']}", style=style)]
        for measure in found:
            if width >= _WIDE:
                cells.append(Text(measure.score(reading.score(recipe, "train", measure))))
            cells.append(Text(measure.score(reading.score(recipe, "validation", measure)), style=style))
            verdict = "failed" if failed else reading.verdict(recipe, measure)
            text = measure.difference(reading.delta(recipe, measure))
            if failed and width < _WIDEST:
                text = f"{reading.SYMBOLS['failed']} failed"
            elif verdict:
                used.add(verdict)
                text += f" {reading.SYMBOLS[verdict]}" + (f" {verdict:<11}" if width >= _WIDEST else "")
            cells.append(Text(text, style=_COLOURS.get(verdict or "", "dim")))
        output.add_row(*cells)
    legend = [f"{symbol} {word}" for word, symbol in reading.SYMBOLS.items() if word in used]
    scales = [f"{measure.name}: {measure.note}" for measure in found if measure.note]
    chosen = ["★ selected"] if results.get("selected") else []
    output.caption = Text("  ".join([*chosen, "● baselines", *legend, "± 95 % interval", *scales]))
    return output
