"""What out-of-fold predictions get right and wrong: confusion matrices, predictions beside the truth, residuals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from wellposed.report import look

_TITLE = {"color": "$muted", "size": 12}


def confusion_data(entry: Mapping[str, Any]) -> pd.DataFrame:
    """Rows counted by true and predicted class.

    Returns:
        Columns: ``true``, ``predicted``, ``rows``, ``share`` (of the rows of that true class).
    """
    classes, counts = entry["classes"], np.asarray(entry["counts"], np.float64)
    totals = counts.sum(axis=1)
    return pd.DataFrame(
        [
            {"true": true, "predicted": guess, "rows": int(counts[i, j]),
             "share": float(counts[i, j] / totals[i]) if totals[i] else None}
            for i, true in enumerate(classes) for j, guess in enumerate(classes)
        ]
    )  # fmt: skip


def confusion_figure(entry: Mapping[str, Any], *, height: int | None = None) -> dict[str, Any]:
    """Right answers on the diagonal in one hue, wrong ones beside it in another; shares of each true class."""
    classes = [look.plain(_short(str(name))) for name in entry["classes"]]
    counts = np.asarray(entry["counts"], np.float64)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0)
    right = np.eye(len(classes), dtype=bool)
    worst = float(share[~right].max(initial=0.0))
    traces = []
    for mask, hue, top in ((right, "$c0", 1.0), (~right, "$c1", max(worst, 1e-9))):
        traces.append(
            {
                "type": "heatmap",
                "x": list(range(len(classes))),
                "y": list(range(len(classes))),
                "z": [look.compact(row) for row in np.where(mask, share, np.nan)],
                "customdata": [[f"{100 * value:.1f} %" for value in row] for row in share],
                "zmin": 0,
                "zmax": top,
                "colorscale": [[0, "$paper"], [1, f"{hue}/0.55"]],
                "showscale": False,
                "xgap": 2,
                "ygap": 2,
                "hoverongaps": False,
                "hovertemplate": "true %{y}, predicted %{x}: %{customdata}<extra></extra>",
            }
        )
    # The counts are words on the figure, in ink: a shade alone would be hard to read for many.
    size = 13 if len(classes) <= 6 else 11 if len(classes) <= 12 else 9
    texts = [
        {"x": j, "y": i, "text": f"{int(counts[i, j]):,}", "showarrow": False,
         "font": {"size": size, "color": "$ink" if counts[i, j] else "$muted"}}
        for i in range(len(classes)) for j in range(len(classes))
    ]  # fmt: skip
    ticks = {"tickvals": list(range(len(classes))), "ticktext": classes, "showgrid": False, "fixedrange": True}
    return {
        "data": traces,
        "layout": look.layout(
            height=height or min(150 + 40 * len(classes), 620),
            margin={"l": 8, "r": 8, "t": 8, "b": 40},
            xaxis=look.axis(title={"text": "predicted", "font": _TITLE}, **ticks),
            yaxis=look.axis(title={"text": "true", "font": _TITLE}, autorange="reversed", **ticks),
            annotations=texts if len(classes) <= 20 else [],
        ),
    }


def predicted_data(entry: Mapping[str, Any]) -> pd.DataFrame:
    """The sampled rows of a regression: ``true``, ``predicted``, ``residual`` (true less predicted)."""
    return pd.DataFrame({"true": entry["true"], "predicted": entry["predicted"], "residual": _residuals(entry)})


def predicted_figure(entry: Mapping[str, Any], reach: Sequence[float], colour: str) -> dict[str, Any]:
    """Prediction against truth; on the diagonal they are equal."""
    ends = {"x0": reach[0], "x1": reach[1], "y0": reach[0], "y1": reach[1]}
    return _scatter(("true", entry["true"], reach), ("predicted", entry["predicted"], reach), colour, ends)


def residual_figure(
    entry: Mapping[str, Any], across: Sequence[float], reach: Sequence[float], colour: str
) -> dict[str, Any]:
    """Truth less prediction, against the prediction; an even cloud around zero has nothing left to learn from."""
    ends = {"x0": across[0], "x1": across[1], "y0": 0, "y1": 0}
    x, y = ("predicted", entry["predicted"], across), ("true less predicted", _residuals(entry), reach)
    return _scatter(x, y, colour, ends)


def _residuals(entry: Mapping[str, Any]) -> list[float]:
    return [true - predicted for true, predicted in zip(entry["true"], entry["predicted"], strict=True)]


def _scatter(
    x: tuple[str, Sequence[float], Sequence[float]],
    y: tuple[str, Sequence[float], Sequence[float]],
    colour: str,
    ends: Mapping[str, float],
) -> dict[str, Any]:
    """Dots and a line below them; ``x`` and ``y``: (name, values, range)."""
    hover = f"{x[0]} %{{x:.4g}}<br>{y[0]} %{{y:.4g}}<extra></extra>"
    dots = {"type": "scatter", "mode": "markers", "x": look.compact(x[1]), "y": look.compact(y[1]),
            "hovertemplate": hover, "marker": {"size": 6, "color": f"${colour}/0.4"}}  # fmt: skip
    axes = [look.axis(range=list(part[2]), nticks=6, title={"text": part[0], "font": _TITLE}) for part in (x, y)]
    line = {"type": "line", **ends, "layer": "below", "line": {"color": "$base", "width": 1.5}}
    margin = {"l": 8, "r": 12, "t": 8, "b": 40}
    return {
        "data": [dots],
        "layout": look.layout(height=330, margin=margin, xaxis=axes[0], yaxis=axes[1], shapes=[line]),
    }


def _short(text: str, longest: int = 18) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
