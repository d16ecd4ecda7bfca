"""How far single networks differ from the baseline of the same fold and seed: first the numbers, then their picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from wellposed.report import look, reading
from wellposed.report.reading import Measure

_MOST = 3000  # dots a figure


def spread_data(results: Mapping[str, Any]) -> pd.DataFrame:
    """The paired difference from the baseline of every network.

    Returns:
        Columns: ``measure`` (key), ``recipe``, ``fold``, ``seed``, ``score``, ``difference``.
    """
    rows = [row for measure in reading.measures(results) for row in _rows(results, measure)]
    return pd.DataFrame(rows, columns=["measure", "recipe", "fold", "seed", "score", "difference"])


def spread_figure(results: Mapping[str, Any], measure: Measure, *, page: bool = False) -> dict[str, Any] | None:
    """One dot a network on its recipe's row, better to the right; a line at the mean. None where there are no pairs."""
    rows, styles = _rows(results, measure), look.styles(results)
    if not rows or len(rows) > _MOST:
        return None
    scale = measure.scale
    means = {r["name"]: d["mean"] for r in results["recipes"] if (d := reading.delta(r, measure))}
    names = sorted({row["recipe"] for row in rows}, key=lambda name: -measure.gain(means.get(name, 0.0)))
    place = {name: index for index, name in enumerate(names)}
    common = {"type": "scatter", "mode": "markers"}
    dots = {
        **common,
        "name": "one network",
        "x": look.compact([row["difference"] for row in rows], scale),
        "y": [place[row["recipe"]] for row in rows],
        "customdata": [row["recipe"] for row in rows],
        "hovertemplate": f"%{{x:.3g}}{measure.unit}<extra></extra>",
        "marker": {"size": 8, "color": [f"${styles[row['recipe']].colour}/0.45" for row in rows]},
    }  # fmt: skip
    known = [name for name in names if name in means]
    line = {
        **common,
        "name": "mean",
        "hovertemplate": "%{text}<extra></extra>",
        "x": look.compact([means[name] for name in known], scale),
        "y": [place[name] for name in known],
        "customdata": known,
        "text": [f"<b>{look.plain(name)}</b>: mean {measure.difference({'mean': means[name]})}{measure.unit}"
                 for name in known],
        "marker": {"symbol": "line-ns", "size": 16, "line": {"width": 3, "color": "$ink"}},
    }  # fmt: skip
    differences = [row["difference"] * scale for row in rows] + [0.0]
    every, most = look.span(differences) or [-1.0, 1.0], look.span(differences, 0.01, 0.99) or [-1.0, 1.0]
    reach = every if every[1] - every[0] < 2 * (most[1] - most[0]) else most  # one wild network must not squeeze them
    unit = ", points" if measure.points else ""
    title = {"text": f"difference in {look.plain(measure.name)}{unit}", "font": {"color": "$muted", "size": 12}}
    zero = {"type": "line", "x0": 0, "x1": 0, "y0": 0, "y1": 1, "yref": "paper", "layer": "below"}
    heading = look.heading(f"<b>{look.plain(measure.name)}</b>, every network", yshift=6)
    return {
        "data": [dots, line],
        "layout": look.layout(
            height=(52 if page else 76) + look.ROW * max(len(names), 2),
            margin={"l": 8, "r": 12, "t": 10 if page else 34, "b": 40},
            xaxis=look.axis(range=reach if measure.higher else reach[::-1], nticks=7, title=title),
            yaxis=look.names_axis([look.label(results, name) for name in names]),
            shapes=[{**zero, "line": {"color": "$base", "width": 1.2}}],
            annotations=[] if page else [heading],
            meta={"rows": names},
        ),
    }


def _rows(results: Mapping[str, Any], measure: Measure) -> list[dict[str, Any]]:
    base = reading.baseline(results)
    if base is None:
        return []
    own = {(entry["fold"], entry["seed"]): value for entry, value in _scores(base, measure)}
    return [
        {"measure": measure.key, "recipe": recipe["name"], "fold": entry["fold"], "seed": entry["seed"],
         "score": value, "difference": value - own[entry["fold"], entry["seed"]]}
        for recipe in results["recipes"] if recipe is not base
        for entry, value in _scores(recipe, measure) if (entry["fold"], entry["seed"]) in own
    ]  # fmt: skip


def _scores(recipe: Mapping[str, Any], measure: Measure) -> list[tuple[Mapping[str, Any], float]]:
    entries = (recipe.get("validation") or {}).get("per_member") or ()
    return [(entry, value) for entry in entries if (value := reading.finite(entry.get(measure.key))) is not None]
