"""The gap between training and validation: first the numbers, then their picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from wellposed.report import look, reading
from wellposed.report.reading import Measure


def gap_data(results: Mapping[str, Any]) -> pd.DataFrame:
    """Train and validation scores per measure, best validation score first.

    Returns:
        Columns: ``measure`` (key), ``recipe``, ``train``, ``validation``, ``gap`` (validation minus train).
    """
    rows = [row for measure in reading.measures(results) for row in _rows(results, measure)]
    return pd.DataFrame(rows, columns=["measure", "recipe", "train", "validation", "gap"])


def gap_figure(results: Mapping[str, Any], measure: Measure, *, page: bool = False) -> dict[str, Any]:
    """From the train score (open circle) to the validation score (full circle) of every recipe; colours as tokens.

    Vertical lines stand at the validation scores of the two baselines. ``page``: without the headings that the page
    has.
    """
    rows, styles, scale = _rows(results, measure), look.styles(results), measure.scale
    traces: list[dict[str, Any]] = []
    for place, row in enumerate(rows):
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": look.compact([row["train"], row["validation"]], scale),
                "y": [place, place],
                "line": {"color": f"${styles[row['recipe']].colour}/0.35", "width": 7},
                "hoverinfo": "skip",
                "meta": row["recipe"],
            }
        )
    colours = [f"${styles[row['recipe']].colour}" for row in rows]
    for column, fill in (("train", "$paper"), ("validation", colours)):
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": column,
                "x": look.compact([row[column] for row in rows], scale),
                "y": list(range(len(rows))),
                "customdata": [row["recipe"] for row in rows],
                "text": [_hover(row, measure) for row in rows],
                "hovertemplate": "%{text}<extra></extra>",
                "marker": {"size": 10, "color": fill, "line": {"width": 2, "color": colours}},
            }
        )
    title = look.heading(f"<b>{look.plain(measure.name)}</b>  ○ train  ● validation", yshift=6)
    names = [look.label(results, row["recipe"]) for row in rows]
    return {
        "data": traces,
        "layout": look.layout(
            height=(52 if page else 76) + look.ROW * max(len(names), 2),
            margin={"l": 8, "r": 12, "t": 10 if page else 34, "b": 36},
            xaxis=look.axis(range=look.span(_shown(results, rows, scale)), nticks=7, **look.per_cent(measure)),
            yaxis=look.names_axis(names),
            shapes=_levels(results, measure),
            annotations=[] if page else [title],
            meta={"rows": [row["recipe"] for row in rows]},
        ),
    }


def _rows(results: Mapping[str, Any], measure: Measure) -> list[dict[str, Any]]:
    rows = []
    for recipe in results["recipes"]:
        train = reading.score(recipe, "train", measure)
        validation = reading.score(recipe, "validation", measure)
        if train is not None and validation is not None:
            row = {"measure": measure.key, "recipe": recipe["name"], "train": train, "validation": validation}
            rows.append({**row, "gap": validation - train})
    return sorted(rows, key=lambda row: -measure.gain(row["validation"]))


def _levels(results: Mapping[str, Any], measure: Measure) -> list[dict[str, Any]]:
    """Lines at the validation scores of the two baselines, in the dashes of their curves."""
    found = []
    for name, dash in ((results.get("baseline") or "baseline", "dash"), (reading.BEST_EPOCH, "dot")):
        score = reading.score(reading.named(results, name) or {}, "validation", measure)
        if score is not None:
            place = {"x0": score * measure.scale, "x1": score * measure.scale, "y0": 0, "y1": 1, "yref": "paper"}
            found.append(
                {"type": "line", **place, "layer": "below", "line": {"color": "$base", "width": 1.5, "dash": dash}}
            )
    return found


def _shown(results: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], scale: float) -> list[float]:
    """Scores that the axis must reach: those of sound recipes, and of failed ones where they aren't far beyond."""
    failed = {recipe["name"] for recipe in results["recipes"] if recipe.get("failed")}
    pairs = [(row[column] * scale, row["recipe"] in failed) for row in rows for column in ("train", "validation")]
    sound = [value for value, broken in pairs if not broken]
    if not sound:
        return [value for value, _ in pairs]
    low, high = min(sound), max(sound)
    return [value for value, _ in pairs if 2 * low - high <= value <= 2 * high - low]


def _hover(row: Mapping[str, Any], measure: Measure) -> str:
    lines = [f"<b>{look.plain(row['recipe'])}</b>", f"train {measure.score(row['train'])}"]
    lines += [f"validation {measure.score(row['validation'])}", f"gap {measure.amount(row['gap'])}"]
    return "<br>".join(lines)
