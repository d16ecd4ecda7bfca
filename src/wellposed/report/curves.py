"""Learning curves: first the numbers, then their picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from wellposed.report import look, reading
from wellposed.report.look import Style
from wellposed.report.reading import Measure

Panel = tuple[str, Measure]
_BUDGET = 12_000  # points a panel: what a page can hold and a browser can draw


def curves_data(results: Mapping[str, Any], history: pd.DataFrame, *, points: int = 200) -> pd.DataFrame:
    """Mean learning curves over the members of each recipe, with the band that holds 80 % of them.

    A member that stopped keeps its last scores from then on, as its weights do. Scores that aren't finite are left
    out of mean and band; ``members`` counts the finite ones.

    Args:
        results: the study, as results.json holds it.
        history: one row per member and epoch.
        points: most epochs to keep per recipe, evenly spaced, the first and the last among them.

    Returns:
        Columns: ``recipe``, ``rows`` (``train`` or ``validation``), ``measure`` (key), ``epoch``, ``mean``, ``low``
        (10 %), ``high`` (90 %), ``members``.
    """
    panels = _panels(results, history)
    columns = [f"{rows}_{measure.key}" for rows, measure in panels]
    names = [recipe["name"] for recipe in results["recipes"]]
    points = max(20, min(points, _BUDGET // max(len(names), 1)))
    codes, found = pd.factorize(history["recipe"])
    values = history[columns].to_numpy(np.float64)
    epochs = history["epoch"].to_numpy(np.int64)
    members = history["fold"].to_numpy(np.int64) * (int(history["seed"].max() if len(history) else 0) + 1)
    members = members + history["seed"].to_numpy(np.int64)
    parts = []
    for code, name in enumerate(found):
        chosen = codes == code
        if name in names:
            parts.extend(_one_recipe(name, panels, values[chosen], epochs[chosen], members[chosen], points))
    kinds = {"recipe": str, "rows": str, "measure": str, "epoch": int, "mean": float, "low": float, "high": float}
    empty = pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in (kinds | {"members": int}).items()})
    return pd.concat(parts, ignore_index=True) if parts else empty


def curves_figure(
    results: Mapping[str, Any], data: pd.DataFrame, *, panels: Sequence[Panel] | None = None, page: bool = False
) -> dict[str, Any]:
    """The picture of ``curves_data`` in plotly's JSON form, colours as tokens.

    Args:
        results: the study, as results.json holds it.
        data: what ``curves_data`` returned.
        panels: pairs of ``"train"`` or ``"validation"`` and a measure; one panel stands alone, more stand in a
            grid of two columns. None: all there are.
        page: for the page, which has its own headings and its own legend to show and hide recipes.
    """
    legend = not page
    panels = list(panels or _panels_of(results, data))
    styles = look.styles(results)
    traces: list[dict[str, Any]] = []
    layout = look.layout(showlegend=legend, height=340 if len(panels) == 1 else 300 * ((len(panels) + 1) // 2))
    layout["legend"] = {"font": {"size": 12}, "itemsizing": "constant"}
    groups = {key: group for key, group in data.groupby(["recipe", "rows", "measure"], sort=False)}
    annotations = []
    for number, (rows, measure) in enumerate(panels):
        suffix = "" if number == 0 else str(number + 1)
        for name, style in styles.items():
            shown = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}", "legendgroup": look.plain(name), "name": look.plain(name),
                     "meta": name, "visible": True if style.first else ("legendonly" if legend else False)}  # fmt: skip
            if name == reading.BEST_EPOCH:
                last = int(data["epoch"].max()) if len(data) else 1
                traces.extend(_level(results, rows, measure, style, last, shown, legend and number == 0))
            elif (name, rows, measure.key) in groups:
                group = groups[name, rows, measure.key]
                traces.extend(_line(group, measure, style, shown, legend and number == 0))
        left, right, bottom, top = _place(number, len(panels))
        tickets = {"ticksuffix": "\u00a0%"} if measure.points else {}
        both = [values for (name, _, key), group in groups.items() if key == measure.key and _counts(results, styles, name)
                for values in (group["mean"] * measure.scale).tolist()]  # fmt: skip
        layout[f"xaxis{suffix}"] = look.axis(
            domain=[left, right], anchor=f"y{suffix}", title={"text": "epoch", "font": {"color": "$muted", "size": 12}}
        )
        layout[f"yaxis{suffix}"] = look.axis(
            domain=[bottom, top], anchor=f"x{suffix}", range=look.span(both, 0.005, 0.995), **tickets
        )
        annotations.append(
            {"text": f"<b>{look.plain(measure.name)}</b>, {rows} rows", "xref": "paper", "yref": "paper", "x": left, "y": top,
             "xanchor": "left", "yanchor": "bottom", "yshift": 6, "showarrow": False, "font": {"size": 13}}
        )  # fmt: skip
    layout["annotations"] = [] if page else annotations
    layout["margin"] |= {"t": 26} if page else {}
    return {"data": traces, "layout": layout}


def _panels_of(results: Mapping[str, Any], data: pd.DataFrame) -> list[Panel]:
    there = set(zip(data["rows"], data["measure"], strict=True))
    return [(r, m) for m in reading.measures(results) for r in ("train", "validation") if (r, m.key) in there]


def _panels(results: Mapping[str, Any], history: pd.DataFrame) -> list[Panel]:
    return [
        (rows, measure)
        for measure in reading.measures(results)
        for rows in ("train", "validation")
        if f"{rows}_{measure.key}" in history.columns
    ]


def _one_recipe(
    name: str, panels: list[Panel], values: np.ndarray, epochs: np.ndarray, members: np.ndarray, points: int
) -> list[pd.DataFrame]:
    _, row = np.unique(members, return_inverse=True)
    last = int(epochs.max())
    kept = np.unique(np.linspace(1, last, min(points, last)).round().astype(int))
    # [members, epochs]: the position of each row in `values`; a stopped member repeats its last one.
    position = np.zeros((row.max() + 1, last), np.int64)
    position[row, epochs - 1] = np.arange(len(epochs)) + 1
    position = np.maximum.accumulate(position, axis=1)[:, kept - 1]
    there = position > 0
    parts = []
    for column, (rows, measure) in enumerate(panels):
        scores = np.where(there, values[position - 1, column], np.nan)
        scores[~np.isfinite(scores)] = np.nan
        count = np.isfinite(scores).sum(axis=0)
        mean = np.where(count, np.nansum(scores, axis=0) / np.maximum(count, 1), np.nan)
        low, high = (_quantile(scores, count, share) for share in (0.1, 0.9))
        parts.append(
            pd.DataFrame({"recipe": name, "rows": rows, "measure": measure.key, "epoch": kept, "mean": mean, "low": low,
                          "high": high, "members": count})
        )  # fmt: skip
    return parts


def _quantile(scores: np.ndarray, count: np.ndarray, share: float) -> np.ndarray:
    """Quantile over members of the finite scores (``np.nanquantile`` does the same, 50 times slower)."""
    ordered = np.sort(scores, axis=0)
    place = share * np.maximum(count - 1, 0)
    below = np.floor(place).astype(int)
    above = np.minimum(below + 1, np.maximum(count - 1, 0))
    columns = np.arange(scores.shape[1])
    return ordered[below, columns] + (place - below) * (ordered[above, columns] - ordered[below, columns])


def _line(
    group: pd.DataFrame, measure: Measure, style: Style, shown: dict[str, Any], legend: bool
) -> list[dict[str, Any]]:
    epoch, scale = group["epoch"].tolist(), measure.scale
    traces = []
    if int(group["members"].max()) > 1:
        low, high = look.compact(group["low"], scale), look.compact(group["high"], scale)
        there = [index for index, value in enumerate(low) if value is not None]
        outline = [epoch[i] for i in there] + [epoch[i] for i in reversed(there)]
        edge = [high[i] for i in there] + [low[i] for i in reversed(there)]
        traces.append(
            {"type": "scatter", "mode": "lines", "x": outline, "y": edge, "fill": "toself", "hoverinfo": "skip",
             "fillcolor": f"${style.colour}/0.12", "line": {"width": 0}, **shown, "showlegend": False}
        )  # fmt: skip
    digits = ".1f" if measure.points else ".4g"
    traces.append(
        {"type": "scatter", "mode": "lines", "x": epoch, "y": look.compact(group["mean"], scale),
         "line": {"color": f"${style.colour}", "dash": style.dash, "width": style.width},
         "hovertemplate": f"%{{y:{digits}}}", **shown, "showlegend": legend}
    )  # fmt: skip
    return traces


def _level(
    results: Mapping[str, Any],
    rows: str,
    measure: Measure,
    style: Style,
    last: int,
    shown: dict[str, Any],
    legend: bool,
) -> list[dict[str, Any]]:
    """The best epoch's score as a level: its curve is the baseline's own."""
    recipe = reading.named(results, reading.BEST_EPOCH)
    score = None if recipe is None else reading.score(recipe, rows, measure)
    if score is None:
        return []
    return [
        {"type": "scatter", "mode": "lines", "x": [1, last], "y": look.compact([score, score], measure.scale),
         "line": {"color": f"${style.colour}", "dash": style.dash, "width": style.width},
         "hovertemplate": "%{y:.4g}", **shown, "showlegend": legend}
    ]  # fmt: skip


def _counts(results: Mapping[str, Any], styles: Mapping[str, Style], name: str) -> bool:
    """Whether a recipe's curve counts for the range of the axis: seen first, and none of its members diverged."""
    recipe = reading.named(results, name)
    return recipe is not None and name in styles and styles[name].first and not recipe.get("failed")


def _place(number: int, panels: int) -> tuple[float, float, float, float]:
    """Left, right, bottom, top of a panel in a grid of two columns, as shares of the figure."""
    if panels == 1:
        return 0.0, 1.0, 0.0, 1.0
    lines = (panels + 1) // 2
    line, column = divmod(number, 2)
    height = (1 - 0.16 * (lines - 1)) / lines
    top = 1 - line * (height + 0.16)
    return (0.0, 0.465, top - height, top) if column == 0 else (0.535, 1.0, top - height, top)
