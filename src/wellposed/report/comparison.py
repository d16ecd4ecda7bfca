"""Differences from the baseline and gaps between training and validation: first the numbers, then their pictures."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median
from typing import Any

import pandas as pd

from wellposed.report import look, reading
from wellposed.report.reading import Measure

_MARKERS = {"helps": "triangle-up", "hurts": "triangle-down", "no evidence": "circle-open", "failed": "x"}
_ROW = 24  # pixels a recipe


def forest_data(results: Mapping[str, Any]) -> pd.DataFrame:
    """Differences from the baseline per measure, the largest gain first.

    Returns:
        Columns: ``measure`` (key), ``recipe``, ``difference`` (recipe minus baseline), ``low``, ``high`` (95 %
        interval), ``p`` (adjusted), ``verdict``.
    """
    rows = []
    for measure in reading.measures(results):
        found = [(recipe, delta) for recipe in results["recipes"] if (delta := reading.delta(recipe, measure))]
        for recipe, delta in sorted(found, key=lambda pair: -measure.gain(pair[1]["mean"])):
            rows.append(
                (measure.key, recipe["name"], delta["mean"], reading.finite(delta.get("low")),
                 reading.finite(delta.get("high")), reading.finite(delta.get("p_adjusted")),
                 reading.verdict(recipe, measure) or "")
            )  # fmt: skip
    columns = ["measure", "recipe", "difference", "low", "high", "p", "verdict"]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(columns[2:6], "float64"))


def gap_data(results: Mapping[str, Any]) -> pd.DataFrame:
    """Train and validation scores per measure, best validation score first.

    Returns:
        Columns: ``measure`` (key), ``recipe``, ``train``, ``validation``, ``gap`` (validation minus train).
    """
    rows = []
    for measure in reading.measures(results):
        for recipe in results["recipes"]:
            train, validation = (reading.score(recipe, rows, measure) for rows in ("train", "validation"))
            if train is not None and validation is not None:
                rows.append(
                    (measure.key, recipe["name"], train, validation, validation - train, measure.gain(validation))
                )
    frame = pd.DataFrame(rows, columns=["measure", "recipe", "train", "validation", "gap", "gain"])
    order = {measure.key: index for index, measure in enumerate(reading.measures(results))}
    frame = frame.sort_values("gain", ascending=False, kind="stable")
    frame = frame.sort_values("measure", key=lambda keys: keys.map(order), kind="stable")
    return frame.drop(columns="gain").reset_index(drop=True)


def forest_figure(results: Mapping[str, Any], measure: Measure, *, page: bool = False) -> dict[str, Any]:
    """The differences on one measure with their intervals, better to the right; colours as tokens.

    Differences beyond what most of the others need are drawn at the edge, as arrows that carry their number: one
    hopeless recipe must not squeeze all others onto the zero line. ``page``: without the headings that the page has.
    """
    data = forest_data(results)
    data = data[data["measure"] == measure.key].reset_index(drop=True)
    scale, limit = measure.scale, _limit(data, measure)
    left, right = _reach(results, data, measure, limit)
    traces, notes = [], []
    for verdict, group in data.groupby("verdict", sort=False):
        inside = group[(group["difference"] * scale).abs() <= limit]
        word = str(verdict) or "no verdict"
        colour = look.VERDICT_COLOURS.get(word, "$none")
        difference = inside["difference"] * scale
        traces.append(
            {"type": "scatter", "mode": "markers", "name": word,
             "x": look.compact(difference), "y": inside.index.tolist(),
             "text": [_hover(results, row.recipe, measure) for row in inside.itertuples()],
             "hovertemplate": "%{text}<extra></extra>",
             "marker": {"symbol": _MARKERS.get(word, "circle-open"), "size": 11, "color": colour,
                        "line": {"width": 2, "color": colour}},
             "error_x": {"type": "data", "symmetric": False, "array": look.compact(inside["high"] * scale - difference),
                         "arrayminus": look.compact(difference - inside["low"] * scale), "color": colour,
                         "thickness": 2, "width": 4}}
        )  # fmt: skip
        for row in group[(group["difference"] * scale).abs() > limit].itertuples():
            notes.append(_beyond(results, row, measure, right if row.difference > 0 else left, colour))
    names = [look.label(results, recipe) for name in data["recipe"] if (recipe := reading.named(results, name))]
    return {
        "data": traces,
        "layout": look.layout(
            height=(74 if page else 96) + _ROW * max(len(names), 2),
            margin={"l": 8, "r": 14, "t": 28 if page else 52, "b": 40},
            xaxis=look.axis(range=[left, right] if measure.higher else [right, left], title={"text": _axis_title(measure), "font": {"color": "$muted", "size": 12}},
                            nticks=7),
            yaxis=_names(names),
            shapes=_shapes(results, measure),
            annotations=[*notes, *([] if page else [_title(data, measure)]), _side("← worse", 0.0), _side("better →", 1.0)],
        ),
    }  # fmt: skip


def gap_figure(results: Mapping[str, Any], measure: Measure, *, page: bool = False) -> dict[str, Any]:
    """From the train score (open circle) to the validation score (full circle) of every recipe; colours as tokens.

    ``page``: without the headings that the page has.
    """
    data = gap_data(results)
    data = data[data["measure"] == measure.key].reset_index(drop=True)
    styles, scale = look.styles(results), measure.scale
    names = [look.label(results, recipe) for name in data["recipe"] if (recipe := reading.named(results, name))]
    sound = {recipe["name"] for recipe in results["recipes"] if not recipe.get("failed")}
    shown = data[data["recipe"].isin(sound)]
    traces: list[dict[str, Any]] = []
    for row in data.itertuples():
        colour = styles[str(row.recipe)].colour
        traces.append(
            {"type": "scatter", "mode": "lines", "x": look.compact([row.train, row.validation], scale),
             "y": [row.Index, row.Index], "line": {"color": f"${colour}/0.35", "width": 7}, "hoverinfo": "skip"}
        )  # fmt: skip
    colours = [f"${styles[name].colour}" for name in data["recipe"]]
    text = [
        f"<b>{look.plain(str(row.recipe))}</b><br>train {measure.score(row.train)}<br>validation "
        f"{measure.score(row.validation)}<br>gap {measure.amount(row.gap)}"
        for row in data.itertuples()
    ]
    for column, fill in (("train", "$paper"), ("validation", None)):
        traces.append(
            {"type": "scatter", "mode": "markers", "x": look.compact(data[column], scale), "y": data.index.tolist(),
             "text": text, "hovertemplate": "%{text}<extra></extra>", "name": column,
             "marker": {"size": 10, "color": fill or colours, "line": {"width": 2, "color": colours}}}
        )  # fmt: skip
    values = _near([value * scale for column in ("train", "validation") for value in shown[column]],
                   [value * scale for column in ("train", "validation") for value in data[column]])  # fmt: skip
    tickets = {"ticksuffix": "\u00a0%"} if measure.points else {}
    return {
        "data": traces,
        "layout": look.layout(
            height=(52 if page else 76) + _ROW * max(len(names), 2),
            margin={"l": 8, "r": 12, "t": 10 if page else 34, "b": 36},
            xaxis=look.axis(range=look.span(values), nticks=7, **tickets),
            yaxis=_names(names),
            annotations=[] if page else [
                {"text": f"<b>{look.plain(measure.name)}</b>  ○ train  ● validation", "xref": "paper", "yref": "paper",
                 "x": 0, "y": 1, "xanchor": "left", "yanchor": "bottom", "yshift": 6, "showarrow": False}
            ],
        ),
    }  # fmt: skip


def _limit(data: pd.DataFrame, measure: Measure) -> float:
    """How far from zero the axis reaches: to the furthest interval, unless that is far beyond most of them."""
    judged = data[data["verdict"] != "failed"]
    reach = [
        max(abs(value) for value in (row.difference, row.low, row.high) if value == value) * measure.scale
        for row in (judged if len(judged) else data).itertuples()
    ]
    if not reach:
        return 1.0
    typical = sorted(reach)[int(0.75 * (len(reach) - 1))]
    furthest = max(reach)
    return 1.06 * (furthest if not typical else max(value for value in reach if value <= 3 * typical))


def _reach(results: Mapping[str, Any], data: pd.DataFrame, measure: Measure, limit: float) -> tuple[float, float]:
    """The ends of the axis: all intervals within the limit, zero, and what the study could not have seen."""
    seen = (blind_spot(results, measure) or 0.0) * measure.scale
    ends = [0.0, *(sign * min(1.15 * seen, limit) for sign in (-1, 1))]
    for column in ("difference", "low", "high"):
        ends += [min(max(value * measure.scale, -limit), limit) for value in data[column] if value == value]
    low, high = min(ends), max(ends)
    margin = 0.05 * (high - low) or 1.0
    return low - margin, high + margin


def _near(sound: list[float], values: list[float]) -> list[float]:
    """The sound values and those others that lie less than their span beyond them."""
    if not sound:
        return values
    low, high = min(sound), max(sound)
    return [value for value in values if 2 * low - high <= value <= 2 * high - low]


def _beyond(results: Mapping[str, Any], row: Any, measure: Measure, end: float, colour: str) -> dict[str, Any]:
    """An arrow at the edge, with the number, for a difference beyond the axis."""
    recipe = reading.named(results, row.recipe) or {}
    right = measure.gain(row.difference) > 0
    number = measure.difference(reading.delta(recipe, measure))
    return {
        "x": end, "y": row.Index, "text": f"{number} ▶" if right else f"◀ {number}",
        "xanchor": "right" if right else "left", "showarrow": False, "font": {"color": colour, "size": 12},
        "hovertext": _hover(results, row.recipe, measure),
    }  # fmt: skip


def _hover(results: Mapping[str, Any], name: str, measure: Measure) -> str:
    recipe = reading.named(results, name) or {}
    delta = reading.delta(recipe, measure)
    unit = measure.unit
    chance = reading.finite((delta or {}).get("p_adjusted"))
    verdict = reading.verdict(recipe, measure)
    lines = [f"<b>{look.plain(name)}</b>", f"{measure.difference(delta)}{unit}"]
    lines += [f"{reading.SYMBOLS[verdict]} {verdict}"] if verdict else []
    lines += [f"adjusted p = {chance:.2g}"] if chance is not None else []
    lines += [f"validation {measure.score(reading.score(recipe, 'validation', measure))}"]
    return "<br>".join(lines)


def _shapes(results: Mapping[str, Any], measure: Measure) -> list[dict[str, Any]]:
    """The zero line, and around it what the study could not have seen."""
    line = {"type": "line", "x0": 0, "x1": 0, "y0": 0, "y1": 1, "yref": "paper", "layer": "below",
            "line": {"color": "$base", "width": 1.2}}  # fmt: skip
    seen = blind_spot(results, measure)
    if seen is None:
        return [line]
    seen *= measure.scale
    band = {"type": "rect", "x0": -seen, "x1": seen, "y0": 0, "y1": 1, "yref": "paper", "layer": "below",
            "fillcolor": "$base/0.09", "line": {"width": 0}}  # fmt: skip
    return [band, line]


def blind_spot(results: Mapping[str, Any], measure: Measure) -> float | None:
    """The median over techniques of the smallest difference that the study could have detected."""
    deltas = (reading.delta(recipe, measure) or {} for recipe in reading.techniques(results))
    seen = [value for delta in deltas if (value := reading.finite(delta.get("detectable"))) is not None]
    return median(seen) if seen else None


def _axis_title(measure: Measure) -> str:
    return f"difference in {look.plain(measure.name)}" + (", points" if measure.points else "")


def _names(names: list[str]) -> dict[str, Any]:
    return look.axis(
        tickvals=list(range(len(names))), ticktext=names, range=[len(names) - 0.5, -0.5], tickfont={"size": 12},
        showgrid=False, fixedrange=True,
    )  # fmt: skip


def _title(data: pd.DataFrame, measure: Measure) -> dict[str, Any]:
    """The measure, and the signs of the verdicts that occur."""
    signs = "  ".join(f"{symbol} {word}" for word, symbol in reading.SYMBOLS.items() if word in set(data["verdict"]))
    return {"text": f"<b>{look.plain(measure.name)}</b>  {signs}", "xref": "paper", "yref": "paper", "x": 0, "y": 1,
            "xanchor": "left", "yanchor": "bottom", "yshift": 26, "showarrow": False}  # fmt: skip


def _side(text: str, x: float) -> dict[str, Any]:
    return {"text": text, "xref": "paper", "yref": "paper", "x": x, "y": 1, "xanchor": "left" if x == 0 else "right",
            "yanchor": "bottom", "yshift": 4, "showarrow": False, "font": {"size": 12, "color": "$muted"}}  # fmt: skip
