"""Differences from the baseline: first the numbers, then their picture."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from statistics import median
from typing import Any

import pandas as pd

from wellposed.report import look, reading
from wellposed.report.reading import Measure

_MARKERS = {"helps": "triangle-up", "hurts": "triangle-down", "no evidence": "circle-open", "failed": "x"}
_MUTED = {"size": 12, "color": "$muted"}


def forest_data(results: Mapping[str, Any]) -> pd.DataFrame:
    """Differences from the baseline per measure, the largest gain first.

    Returns:
        Columns: ``measure`` (key), ``recipe``, ``difference`` (recipe minus baseline), ``low``, ``high`` (95 %
        interval), ``p`` (adjusted), ``verdict``, ``beyond_best_epoch`` (recipe minus best-epoch).
    """
    columns = ["measure", "recipe", "difference", "low", "high", "p", "verdict", "beyond_best_epoch"]
    rows = [row for measure in reading.measures(results) for row in _rows(results, measure)]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys([*columns[2:6], columns[7]], "float64"))


def forest_figure(
    results: Mapping[str, Any],
    measure: Measure,
    *,
    page: bool = False,
    only: Container[str] | None = None,
    both: bool = False,
) -> dict[str, Any]:
    """The differences on one measure with their intervals, better to the right; colours as tokens.

    Differences beyond what most of the others need are drawn at the edge, as arrows that carry their number: one
    hopeless recipe must not squeeze all others onto the zero line. ``page``: without the headings that the page has.
    ``only``: the recipes to draw. ``both``: below each mark a smaller one, the difference from best-epoch.
    """
    rows = [row for row in _rows(results, measure) if only is None or row["recipe"] in only]
    limit = _limit(rows, measure)
    left, right = _ends(results, rows, measure, limit, both=both)
    traces, arrows = [], []
    for verdict in dict.fromkeys(row["verdict"] for row in rows):
        group = [(place, row) for place, row in enumerate(rows) if row["verdict"] == verdict]
        inside = [(place, row) for place, row in group if abs(row["difference"]) * measure.scale <= limit]
        colour = look.VERDICT_COLOURS.get(verdict, "$none")
        traces.append(_marks(results, inside, measure, verdict, colour))
        for place, row in group:
            if abs(row["difference"]) * measure.scale > limit:
                arrows.append(_arrow(results, place, row, measure, right if row["difference"] > 0 else left, colour))
    if both:
        traces.append(_beyond(results, rows, measure, limit))
    names = [look.label(results, row["recipe"]) for row in rows]
    title = [] if page else [_title(rows, measure)]
    unit = ", points" if measure.points else ""
    return {
        "data": traces,
        "layout": look.layout(
            height=(74 if page else 96) + look.ROW * max(len(names), 2),
            margin={"l": 8, "r": 14, "t": 28 if page else 52, "b": 40},
            xaxis=look.axis(
                range=[left, right] if measure.higher else [right, left],
                title={"text": f"difference in {look.plain(measure.name)}{unit}", "font": _MUTED},
                nticks=7,
            ),
            yaxis=look.names_axis(names),
            shapes=_shapes(results, measure),
            annotations=[*arrows, *title, _side("← worse", 0.0), _side("better →", 1.0)],
            meta={"rows": [row["recipe"] for row in rows]},
        ),
    }


def blind_spot(results: Mapping[str, Any], measure: Measure) -> float | None:
    """The median over techniques of the smallest difference that the study could have detected.

    None if a difference was found: each technique has its own limit, and one band would cover what was seen.
    """
    if any(reading.verdict(recipe, measure) in ("helps", "hurts") for recipe in reading.techniques(results)):
        return None
    deltas = (reading.delta(recipe, measure) or {} for recipe in reading.techniques(results))
    seen = [value for delta in deltas if (value := reading.finite(delta.get("detectable")))]
    return median(seen) if seen else None


def _rows(results: Mapping[str, Any], measure: Measure) -> list[dict[str, Any]]:
    found = [(recipe, delta) for recipe in results["recipes"] if (delta := reading.delta(recipe, measure))]
    return [
        {
            "measure": measure.key,
            "recipe": recipe["name"],
            "difference": delta["mean"],
            "low": reading.finite(delta.get("low")),
            "high": reading.finite(delta.get("high")),
            "p": reading.finite(delta.get("p_adjusted")),
            "verdict": reading.verdict(recipe, measure) or "",
            "beyond_best_epoch": (reading.beyond_best_epoch(recipe, measure) or {}).get("mean"),
        }
        for recipe, delta in sorted(found, key=lambda pair: -measure.gain(pair[1]["mean"]))
    ]


def _marks(
    results: Mapping[str, Any], rows: Sequence[tuple[int, dict[str, Any]]], measure: Measure, verdict: str, colour: str
) -> dict[str, Any]:
    """One trace: the recipes of one verdict."""
    difference = [row["difference"] for _, row in rows]
    above = [0.0 if row["high"] is None else row["high"] - row["difference"] for _, row in rows]
    below = [0.0 if row["low"] is None else row["difference"] - row["low"] for _, row in rows]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": verdict or "no verdict",
        "x": look.compact(difference, measure.scale),
        "y": [place for place, _ in rows],
        "customdata": [row["recipe"] for _, row in rows],
        "text": [_hover(results, row["recipe"], measure) for _, row in rows],
        "hovertemplate": "%{text}<extra></extra>",
        "marker": {
            "symbol": _MARKERS.get(verdict, "circle-open"),
            "size": 11,
            "color": colour,
            "line": {"width": 2, "color": colour},
        },
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": look.compact(above, measure.scale),
            "arrayminus": look.compact(below, measure.scale),
            "color": colour,
            "thickness": 2,
            "width": 4,
        },
    }


def _beyond(
    results: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], measure: Measure, limit: float
) -> dict[str, Any]:
    """One trace: the differences from the best-epoch baseline, a little below the others."""
    found = [
        (place, row["recipe"], entry)
        for place, row in enumerate(rows)
        if (entry := reading.beyond_best_epoch(reading.named(results, row["recipe"]) or {}, measure))
        and abs(entry["mean"]) * measure.scale <= limit
    ]
    halves = [reading.half_width(entry) or 0.0 for _, _, entry in found]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "against best-epoch",
        "x": look.compact([entry["mean"] for _, _, entry in found], measure.scale),
        "y": [place + 0.3 for place, _, _ in found],
        "customdata": [name for _, name, _ in found],
        "text": [f"<b>{look.plain(name)}</b><br>against best-epoch {measure.difference(entry)}{measure.unit}"
                 for _, name, entry in found],
        "hovertemplate": "%{text}<extra></extra>",
        "marker": {"symbol": "diamond-open", "size": 6, "color": "$muted", "line": {"width": 1.5, "color": "$muted"}},
        "error_x": {"type": "data", "array": look.compact(halves, measure.scale), "color": "$muted", "thickness": 1,
                    "width": 0},
    }  # fmt: skip


def _numbers(row: Mapping[str, Any]) -> list[float]:
    return [row[key] for key in ("difference", "low", "high") if row[key] is not None]


def _limit(rows: Sequence[Mapping[str, Any]], measure: Measure) -> float:
    """How far from zero the axis reaches: to the furthest interval that isn't far beyond most of the others."""
    judged = [row for row in rows if row["verdict"] != "failed"] or rows
    reach = sorted(max(abs(value) for value in _numbers(row)) * measure.scale for row in judged)
    if not reach or not reach[-1]:
        return 1.0
    typical = reach[int(0.75 * (len(reach) - 1))] or reach[-1]
    return 1.06 * max(value for value in reach if value <= 3 * typical)


def _ends(
    results: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], measure: Measure, limit: float, *, both: bool
) -> tuple[float, float]:
    """The ends of the axis: all intervals within the limit, zero, and what the study could not have seen."""
    seen = min(1.15 * (blind_spot(results, measure) or 0.0) * measure.scale, limit)
    values = [value * measure.scale for row in rows for value in _numbers(row)]
    for row in rows if both else ():
        entry = reading.beyond_best_epoch(reading.named(results, row["recipe"]) or {}, measure) or {}
        values += [value * measure.scale for key in ("low", "high") if (value := reading.finite(entry.get(key)))]
    ends = [0.0, -seen, seen, *(min(max(value, -limit), limit) for value in values)]
    margin = 0.05 * (max(ends) - min(ends)) or 1.0
    return min(ends) - margin, max(ends) + margin


def _arrow(
    results: Mapping[str, Any], place: int, row: Mapping[str, Any], measure: Measure, end: float, colour: str
) -> dict[str, Any]:
    """An arrow at the edge, with the number, for a difference beyond the axis."""
    right = measure.gain(row["difference"]) > 0
    number = measure.difference(reading.delta(reading.named(results, row["recipe"]) or {}, measure))
    return {
        "x": end,
        "y": place,
        "name": row["recipe"],
        "text": f"{number} ▶" if right else f"◀ {number}",
        "xanchor": "right" if right else "left",
        "showarrow": False,
        "font": {"color": colour, "size": 12},
        "hovertext": _hover(results, row["recipe"], measure),
    }


def _hover(results: Mapping[str, Any], name: str, measure: Measure) -> str:
    recipe = reading.named(results, name) or {}
    delta = reading.delta(recipe, measure)
    chance = reading.finite((delta or {}).get("p_adjusted"))
    verdict = reading.verdict(recipe, measure)
    lines = [f"<b>{look.plain(name)}</b>", f"{measure.difference(delta)}{measure.unit}"]
    lines += [f"{reading.SYMBOLS[verdict]} {verdict}"] if verdict else []
    lines += [f"adjusted p = {chance:.2g}"] if chance is not None else []
    return "<br>".join([*lines, f"validation {measure.score(reading.score(recipe, 'validation', measure))}"])


def _shapes(results: Mapping[str, Any], measure: Measure) -> list[dict[str, Any]]:
    """The zero line, and around it what the study could not have seen."""
    common = {"y0": 0, "y1": 1, "yref": "paper", "layer": "below"}
    line = {"type": "line", "x0": 0, "x1": 0, "line": {"color": "$base", "width": 1.2}, **common}
    seen = blind_spot(results, measure)
    if seen is None:
        return [line]
    seen *= measure.scale
    return [
        {"type": "rect", "x0": -seen, "x1": seen, "fillcolor": "$base/0.09", "line": {"width": 0}, **common},
        line,
    ]


def _title(rows: Sequence[Mapping[str, Any]], measure: Measure) -> dict[str, Any]:
    """The measure, and the signs of the verdicts that occur."""
    there = {row["verdict"] for row in rows}
    signs = "  ".join(f"{symbol} {word}" for word, symbol in reading.SYMBOLS.items() if word in there)
    return look.heading(f"<b>{look.plain(measure.name)}</b>  {signs}", yshift=24)


def _side(text: str, x: float) -> dict[str, Any]:
    return look.heading(text, x=x, yshift=4, xanchor="left" if x == 0 else "right", font=_MUTED)
