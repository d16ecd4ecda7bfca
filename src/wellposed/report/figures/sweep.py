"""Score against strength: first the numbers, then their picture."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from wellposed.report import look, reading
from wellposed.report.reading import Measure


@dataclass(frozen=True)
class Sweep:
    """Recipes that differ in one strength alone.

    Args:
        label: what they share, the strength left open (``dropout``, ``dropout=… + l2=0.001``).
        strength: the name of the strength.
        recipes: (strength, name of the recipe), by rising strength; at least three.
    """

    label: str
    strength: str
    recipes: tuple[tuple[float, str], ...]


def sweeps(results: Mapping[str, Any]) -> list[Sweep]:
    """The strength grids among a study's recipes."""
    groups: dict[tuple[str, int, str], dict[float, str]] = {}
    for recipe in results["recipes"]:
        techniques: list[dict[str, Any]] = [
            entry for entry in recipe.get("techniques") or () if isinstance(entry, dict)
        ]
        if recipe.get("failed"):
            continue
        for place, technique in enumerate(techniques):
            for field, value in technique.items():
                if isinstance(value, bool) or not isinstance(value, (int, float)):
                    continue
                rest = [dict(entry) for entry in techniques]
                rest[place] = {key: entry for key, entry in technique.items() if key != field}
                key = (json.dumps(rest, sort_keys=True, default=str), place, field)
                groups.setdefault(key, {})[float(value)] = recipe["name"]
    found = []
    for (rest, place, field), values in groups.items():
        if len(values) < 3:
            continue
        names = [str(entry.get("name", "")) for entry in json.loads(rest)]
        label = " + ".join(
            name + ("=…" if index == place and len(names) > 1 else "") for index, name in enumerate(names)
        )
        found.append(Sweep(label, field, tuple(sorted(values.items()))))
    return found


def sweep_data(results: Mapping[str, Any]) -> pd.DataFrame:
    """Scores of every strength grid.

    Returns:
        Columns: ``sweep``, ``measure`` (key), ``strength``, ``recipe``, ``train``, ``validation``, ``low``, ``high``
        (the 95 % interval of the difference from the baseline, laid around the baseline's validation score).
    """
    rows = [
        {"sweep": sweep.label, "measure": measure.key, **row}
        for sweep in sweeps(results)
        for measure in reading.measures(results)
        for row in _rows(results, sweep, measure)
    ]
    columns = ["sweep", "measure", "strength", "recipe", "train", "validation", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def sweep_figure(
    results: Mapping[str, Any], sweep: Sweep, measure: Measure, *, page: bool = False
) -> dict[str, Any] | None:
    """Train and validation score against strength, the baseline as a line; colours as tokens.

    The band is the interval of the paired difference from the baseline: where it leaves the baseline's line, the
    difference is more than chance (before correction for the number of recipes). None where nothing was scored.
    """
    rows, base = _rows(results, sweep, measure), reading.baseline(results)
    level = None if base is None else reading.score(base, "validation", measure)
    if not rows:
        return None
    strengths = [row["strength"] for row in rows]
    logarithmic = min(strengths) > 0 and max(strengths) / min(strengths) > 20
    scale = measure.scale
    there = [row for row in rows if row["low"] is not None and row["high"] is not None]
    outline = [row["strength"] for row in there] + [row["strength"] for row in reversed(there)]
    edge = [row["high"] for row in there] + [row["low"] for row in reversed(there)]
    common = {"type": "scatter", "x": strengths}
    text = [_hover(results, row["recipe"], measure) for row in rows]
    traces: list[dict[str, Any]] = [
        {"type": "scatter", "mode": "lines", "x": outline, "y": look.compact(edge, scale), "fill": "toself",
         "fillcolor": "$c0/0.15", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False},
        {**common, "mode": "lines+markers", "name": "train", "y": look.compact([r["train"] for r in rows], scale),
         "line": {"color": "$c1", "width": 2, "dash": "dot"}, "marker": {"symbol": "circle-open", "size": 8},
         "hoverinfo": "skip"},
        {**common, "mode": "lines+markers", "name": "validation", "text": text,
         "hovertemplate": "%{text}<extra></extra>", "y": look.compact([row["validation"] for row in rows], scale),
         "line": {"color": "$c0", "width": 2.6}, "marker": {"size": 9}},
    ]  # fmt: skip
    reach = [value * scale for row in rows for key in ("train", "validation", "low", "high")
             if (value := row[key]) is not None]  # fmt: skip
    shapes: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = [] if page else [
        look.heading(f"<b>{look.plain(sweep.label)}</b>: {look.plain(measure.name)}", yshift=6)
    ]  # fmt: skip
    if level is not None:
        line = {"color": "$base", "width": 2, "dash": "dash"}
        shapes = [{"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": level * scale, "y1": level * scale,
                   "line": line}]  # fmt: skip
        place = {"xref": "paper", "x": 0, "xanchor": "left", "y": level * scale, "yanchor": "bottom"}
        font = {"color": "$base", "size": 12}
        annotations += [] if page else [{**place, "text": "baseline", "showarrow": False, "font": font}]
        reach.append(level * scale)
    title = {"text": look.plain(sweep.strength), "font": {"color": "$muted", "size": 12}}
    ticks = {"tickvals": strengths, "ticktext": [f"{value:g}" for value in strengths]}
    # Powers of ten would be set larger than every other number of the page.
    x = {"type": "log", **(ticks if len(strengths) <= 7 else {"dtick": 1})} if logarithmic else ticks
    return {
        "data": traces,
        "layout": look.layout(
            height=300,
            margin={"l": 8, "r": 12, "t": 12 if page else 34, "b": 40},
            xaxis=look.axis(title=title, **x),
            yaxis=look.axis(range=look.span(reach), nticks=7, **look.per_cent(measure)),
            shapes=shapes,
            annotations=annotations,
        ),
    }


def _rows(results: Mapping[str, Any], sweep: Sweep, measure: Measure) -> list[dict[str, Any]]:
    base = reading.baseline(results)
    level = None if base is None else reading.score(base, "validation", measure)
    rows = []
    for strength, name in sweep.recipes:
        recipe = reading.named(results, name) or {}
        validation = reading.score(recipe, "validation", measure)
        if validation is None:
            continue
        delta = reading.delta(recipe, measure) or {}
        ends = [reading.finite(delta.get(key)) for key in ("low", "high")]
        low, high = (None if end is None or level is None else level + end for end in ends)
        train = reading.score(recipe, "train", measure)
        row = {"strength": strength, "recipe": name, "train": train, "validation": validation}
        rows.append({**row, "low": low, "high": high})
    return rows


def _hover(results: Mapping[str, Any], name: str, measure: Measure) -> str:
    recipe = reading.named(results, name) or {}
    lines = [f"<b>{look.plain(name)}</b>", f"validation {measure.score(reading.score(recipe, 'validation', measure))}"]
    lines += [f"train {measure.score(reading.score(recipe, 'train', measure))}"]
    if reading.delta(recipe, measure):
        lines.append(f"{measure.difference(reading.delta(recipe, measure))}{measure.unit} against the baseline")
    return "<br>".join(lines)
