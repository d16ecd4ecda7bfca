"""What recipes cost: epochs run, and time where it was measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from wellposed.report import look, reading


def cost_rows(results: Mapping[str, Any], history: pd.DataFrame) -> list[dict[str, Any]]:
    """Epochs run by every recipe's networks, fewest first: the rows of ``cost_data``."""
    planned = int((results.get("training") or {}).get("epochs") or 0)
    lengths: dict[str, dict[tuple[int, int], int]] = {}
    keys = (history[column].tolist() for column in ("recipe", "fold", "seed", "epoch"))
    for name, fold, seed, epoch in zip(*keys, strict=True):
        own = lengths.setdefault(name, {})
        own[fold, seed] = max(own.get((fold, seed), 0), epoch)
    rows = []
    for recipe in results["recipes"]:
        known = list(lengths.get(recipe["name"], {}).values())
        mean = sum(known) / len(known) if known else reading.finite((recipe.get("epochs_run") or {}).get("mean"))
        stopped = max(sum(length < planned for length in known) - int(recipe.get("failed") or 0), 0)
        row = {"recipe": recipe["name"], "networks": recipe.get("members") or 0, "epochs": mean}
        rows.append({**row, "least": min(known, default=None), "most": max(known, default=None), "stopped": stopped})
    return sorted(rows, key=lambda row: float("inf") if row["epochs"] is None else row["epochs"])


def cost_data(results: Mapping[str, Any], history: pd.DataFrame) -> pd.DataFrame:
    """Epochs run by every recipe's networks, fewest first.

    Returns:
        Columns: ``recipe``, ``networks``, ``epochs`` (mean), ``least``, ``most``, ``stopped`` (networks that ended
        before the last epoch without diverging).
    """
    columns = ["recipe", "networks", "epochs", "least", "most", "stopped"]
    return pd.DataFrame(cost_rows(results, history), columns=columns)


def cost_figure(
    results: Mapping[str, Any], history: pd.DataFrame, updates: Mapping[str, float], *, page: bool = False
) -> dict[str, Any]:
    """Bars of what training a network costs, the baseline's being 1: epochs run times the time of an update.

    Args:
        results: the study, as results.json holds it.
        history: one row per member and epoch.
        updates: time of an update by recipe, in any unit; none where it wasn't measured: epochs alone count.
        page: for the page, which has its own heading.
    """
    rows = relative_cost(results, history, updates)
    costs = [row["cost"] for row in rows]
    usual = costs[int(0.75 * (len(costs) - 1))] if costs else 1.0
    reach = 1.06 * max(
        (cost for cost in costs if cost <= 3 * usual), default=1.0
    )  # one dear recipe must not squeeze all
    names, styles = [row["recipe"] for row in rows], look.styles(results)
    bars = {
        "type": "bar",
        "orientation": "h",
        "x": look.compact([row["cost"] for row in rows]),
        "y": list(range(len(names))),
        "customdata": names,
        "text": [f"<b>{look.plain(row['recipe'])}</b><br>{row['cost']:.2f} times the baseline's" for row in rows],
        "textposition": "none",
        "hovertemplate": "%{text}<extra></extra>",
        "marker": {"color": [f"${styles[name].colour}" for name in names]},
    }
    title = {"text": "training a network, baseline = 1", "font": {"color": "$muted", "size": 12}}
    line = {"type": "line", "x0": 1, "x1": 1, "y0": 0, "y1": 1, "yref": "paper"}
    return {
        "data": [bars],
        "layout": look.layout(
            height=(52 if page else 76) + look.ROW * max(len(names), 2),
            margin={"l": 8, "r": 12, "t": 10 if page else 34, "b": 40},
            bargap=0.35,
            xaxis=look.axis(range=[0, reach], nticks=7, title=title),
            annotations=[
                {
                    "x": 1,
                    "xref": "paper",
                    "xanchor": "right",
                    "y": place,
                    "text": f"{row['cost']:.1f} ▶",
                    "name": row["recipe"],
                    "showarrow": False,
                    "font": {"size": 12, "color": "$ink"},
                    "bgcolor": "$paper",
                }
                for place, row in enumerate(rows)
                if row["cost"] > reach
            ],
            yaxis=look.names_axis([look.label(results, name) for name in names]),
            shapes=[{**line, "layer": "below", "line": {"color": "$base", "width": 1.5, "dash": "dash"}}],
            meta={"rows": names},
        ),
    }


def relative_cost(
    results: Mapping[str, Any], history: pd.DataFrame, updates: Mapping[str, float]
) -> list[dict[str, Any]]:
    """``recipe`` and ``cost`` (the baseline's is 1), cheapest first; without those that failed."""
    base = results.get("baseline") or "baseline"
    failed = {recipe["name"] for recipe in results["recipes"] if recipe.get("failed")}
    sound = [row for row in cost_rows(results, history) if row["epochs"] and row["recipe"] not in failed]
    epochs = {row["recipe"]: row["epochs"] for row in sound}
    spent = {name: value * updates.get(name, 0.0 if updates else 1.0) for name, value in epochs.items()}
    unit = spent.get(base)
    rows = [{"recipe": name, "cost": value / unit} for name, value in spent.items() if unit and value]
    return sorted(rows, key=lambda row: row["cost"])
