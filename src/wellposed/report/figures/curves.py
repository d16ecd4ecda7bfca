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
Lines = dict[tuple[str, str, str], dict[str, np.ndarray]]  # recipe, rows, measure -> columns of its curve
_COLUMNS = ("epoch", "mean", "low", "high", "members")
_BUDGET = 5_000  # points a panel: what a page can hold and a browser can draw


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
    lines = curve_lines(results, history, points=points)
    lengths = [len(line["epoch"]) for line in lines.values()]
    names = {
        column: np.repeat(np.array([key[place] for key in lines], dtype=object), lengths)
        for place, column in enumerate(("recipe", "rows", "measure"))
    }
    empty = np.zeros(0)
    numbers = {column: np.concatenate([empty, *(line[column] for line in lines.values())]) for column in _COLUMNS}
    return pd.DataFrame(names | numbers).astype({"epoch": "int64", "members": "int64"})


def curve_lines(results: Mapping[str, Any], history: pd.DataFrame, *, points: int = 200) -> Lines:
    """The numbers of ``curves_data``, a few arrays per curve (which a page needs, and frames would be slow to make)."""
    panels = [
        (rows, measure)
        for measure in reading.measures(results)
        for rows in ("train", "validation")
        if f"{rows}_{measure.key}" in history.columns
    ]
    names = {recipe["name"] for recipe in results["recipes"]}
    points = max(20, min(points, _BUDGET // max(len(names), 1)))
    codes, found = pd.factorize(history["recipe"])
    values = history[[f"{rows}_{measure.key}" for rows, measure in panels]].to_numpy(np.float64)
    epochs, folds, seeds = (history[column].to_numpy(np.int64) for column in ("epoch", "fold", "seed"))
    members = folds * (seeds.max(initial=0) + 1) + seeds
    lines: Lines = {}
    for code, name in enumerate(found):
        chosen = codes == code
        if name in names:
            lines |= _one_recipe(name, panels, values[chosen], epochs[chosen], members[chosen], points)
    return lines


def curves_figure(
    results: Mapping[str, Any], lines: Lines, *, panels: Sequence[Panel] | None = None, page: bool = False
) -> dict[str, Any]:
    """The picture of ``curves_data`` in plotly's JSON form, colours as tokens.

    Args:
        results: the study, as results.json holds it.
        lines: what ``curve_lines`` returned.
        panels: pairs of ``"train"`` or ``"validation"`` and a measure; one panel stands alone, more stand in a
            grid of two columns. None: all there are.
        page: for the page, which has its own headings and its own legend to show and hide recipes.
    """
    if panels is None:
        there = {(rows, key) for _, rows, key in lines}
        every = [(rows, measure) for measure in reading.measures(results) for rows in ("train", "validation")]
        panels = [(rows, measure) for rows, measure in every if (rows, measure.key) in there]
    styles = look.styles(results)
    layout = look.layout(showlegend=not page, height=340 if len(panels) == 1 else 300 * ((len(panels) + 1) // 2))
    layout["legend"] = {"font": {"size": 12}, "itemsizing": "constant"}
    layout["margin"] |= {"t": 26} if page else {}
    layout["annotations"] = []
    last = max((int(line["epoch"][-1]) for line in lines.values()), default=1)
    traces: list[dict[str, Any]] = []
    for number, (rows, measure) in enumerate(panels):
        suffix = "" if number == 0 else str(number + 1)
        for name, style in styles.items():
            shown: dict[str, Any] = {"name": look.plain(name), "meta": name}
            if not page:
                shown |= {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}", "legendgroup": look.plain(name)}
                shown |= {"visible": style.first or "legendonly", "showlegend": number == 0}
            if name == reading.BEST_EPOCH:
                traces.extend(_level(results, rows, measure, style, last, shown))
            elif (name, rows, measure.key) in lines:
                traces.extend(_line(lines[name, rows, measure.key], measure, style, shown, page=page))
        left, right, bottom, top = _place(number, len(panels))
        title = {"text": "epoch", "font": {"color": "$muted", "size": 12}}
        layout[f"xaxis{suffix}"] = look.axis(domain=[left, right], anchor=f"y{suffix}", title=title)
        reach = look.span(_means(results, styles, lines, measure), 0.005, 0.995)
        settings = {"domain": [bottom, top], "anchor": f"x{suffix}", "range": reach, **look.per_cent(measure)}
        layout[f"yaxis{suffix}"] = look.axis(**settings)
        if not page:
            text = f"<b>{look.plain(measure.name)}</b>, {rows} rows"
            layout["annotations"].append(look.heading(text, x=left, y=top, yshift=6))
    return {"data": traces, "layout": layout}


def _means(results: Mapping[str, Any], styles: Mapping[str, Style], lines: Lines, measure: Measure) -> list[float]:
    """The means that count for the range of an axis: of recipes seen first, none of whose members diverged."""
    sound = {recipe["name"] for recipe in results["recipes"] if not recipe.get("failed")}
    last = max((int(line["epoch"][-1]) for line in lines.values()), default=1)
    first = 0.1 * last  # the steep start says little and would squeeze the rest
    return [
        value * measure.scale
        for (name, _, key), line in lines.items()
        if key == measure.key and name in sound and styles[name].first
        for epoch, value in zip(line["epoch"].tolist(), line["mean"].tolist(), strict=True)
        if epoch > first or last < 10
    ]


def _one_recipe(
    name: str, panels: list[Panel], values: np.ndarray, epochs: np.ndarray, members: np.ndarray, points: int
) -> Lines:
    _, row = np.unique(members, return_inverse=True)
    last = int(epochs.max())
    kept = np.unique(np.linspace(1, last, min(points, last)).round().astype(int))
    # [members, epochs]: the position of each row in `values`; a stopped member repeats its last one.
    position = np.zeros((row.max() + 1, last), np.int64)
    position[row, epochs - 1] = np.arange(len(epochs)) + 1
    position = np.maximum.accumulate(position, axis=1)[:, kept - 1]
    there = position > 0
    lines: Lines = {}
    for column, (rows, measure) in enumerate(panels):
        scores = np.where(there, values[position - 1, column], np.nan)
        scores[~np.isfinite(scores)] = np.nan
        count = np.isfinite(scores).sum(axis=0)
        mean = np.where(count, np.nansum(scores, axis=0) / np.maximum(count, 1), np.nan)
        low, high = (_quantile(scores, count, share) for share in (0.1, 0.9))
        numbers = (kept, mean, low, high, count)
        lines[name, rows, measure.key] = dict(zip(_COLUMNS, numbers, strict=True))
    return lines


def _quantile(scores: np.ndarray, count: np.ndarray, share: float) -> np.ndarray:
    """Quantile over members of the finite scores (``np.nanquantile`` does the same, 50 times slower)."""
    ordered = np.sort(scores, axis=0)
    place = share * np.maximum(count - 1, 0)
    below = np.floor(place).astype(int)
    above = np.minimum(below + 1, np.maximum(count - 1, 0))
    columns = np.arange(scores.shape[1])
    return ordered[below, columns] + (place - below) * (ordered[above, columns] - ordered[below, columns])


def _line(
    line: Mapping[str, np.ndarray], measure: Measure, style: Style, shown: dict[str, Any], *, page: bool
) -> list[dict[str, Any]]:
    """A recipe's curve, before it its band: an outline, which the page draws itself from ``low`` and ``high``."""
    epoch, scale = line["epoch"].tolist(), measure.scale
    traces = []
    if line["members"].max() > 1:
        low, high = look.compact(line["low"], scale), look.compact(line["high"], scale)
        there = [index for index, value in enumerate(low) if value is not None]
        outline = [epoch[i] for i in there] + [epoch[i] for i in reversed(there)]
        edge = [high[i] for i in there] + [low[i] for i in reversed(there)]
        band: dict[str, Any] = {"fill": "toself", "fillcolor": f"${style.colour}/0.12", "line": {"width": 0}}
        band |= {"x": epoch, "low": low, "high": high} if page else {"x": outline, "y": edge}
        common = {"type": "scatter", "mode": "lines", "hoverinfo": "skip"}
        traces.append({**common, **band, **shown} | ({} if page else {"showlegend": False}))
    means = look.compact(line["mean"], scale)
    return [*traces, _trace(epoch, means, style, ".1f" if measure.points else ".4g", shown)]


def _level(
    results: Mapping[str, Any], rows: str, measure: Measure, style: Style, last: int, shown: dict[str, Any]
) -> list[dict[str, Any]]:
    """The best epoch's score as a level: its curve is the baseline's own."""
    recipe = reading.named(results, reading.BEST_EPOCH)
    score = None if recipe is None else reading.score(recipe, rows, measure)
    if score is None:
        return []
    return [_trace([1, last], look.compact([score, score], measure.scale), style, ".4g", shown)]


def _trace(x: list[int], y: list[float | None], style: Style, digits: str, shown: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": y,
        "line": {"color": f"${style.colour}", "dash": style.dash, "width": style.width},
        "hovertemplate": f"%{{y:{digits}}}",
        **shown,
    }


def _place(number: int, panels: int) -> tuple[float, float, float, float]:
    """Left, right, bottom, top of a panel in a grid of two columns, as shares of the figure."""
    if panels == 1:
        return 0.0, 1.0, 0.0, 1.0
    lines = (panels + 1) // 2
    line, column = divmod(number, 2)
    height = (1 - 0.16 * (lines - 1)) / lines
    top = 1 - line * (height + 0.16)
    return (0.0, 0.465, top - height, top) if column == 0 else (0.535, 1.0, top - height, top)
