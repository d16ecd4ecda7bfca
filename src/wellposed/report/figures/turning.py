"""Where a network begins to overfit: its training and validation curves in one panel."""

from __future__ import annotations

from typing import Any

from wellposed.report import look
from wellposed.report.figures.curves import Lines
from wellposed.report.overfitting import Overfitting
from wellposed.report.reading import Measure

_ROWS = (("train", "c1", "dot"), ("validation", "c0", "solid"))


def turning_data(lines: Lines, name: str, measure: Measure) -> dict[str, list[Any]]:
    """The curves as columns: ``rows``, ``epoch``, ``mean``, ``low``, ``high`` (10 % and 90 % of the networks)."""
    found: dict[str, list[Any]] = {column: [] for column in ("rows", "epoch", "mean", "low", "high")}
    for rows, _, _ in _ROWS:
        line = lines.get((name, rows, measure.key))
        if line is not None:
            found["rows"] += [rows] * len(line["epoch"])
            found["epoch"] += line["epoch"].tolist()
            for column in ("mean", "low", "high"):
                found[column] += look.compact(line[column])
    return found


def turning_figure(
    lines: Lines, name: str, measure: Measure, numbers: Overfitting | None, *, page: bool = False
) -> dict[str, Any] | None:
    """Both curves of one recipe with bands, and where the validation loss turns; None where there are no curves.

    Args:
        lines: what ``curve_lines`` returned.
        name: of the recipe.
        measure: what is drawn.
        numbers: what ``overfitting`` found; its turning epochs are drawn as a band with a line at the median.
        page: for the page, which has its own heading.
    """
    traces: list[dict[str, Any]] = []
    values: list[float] = []
    last = 1
    for rows, colour, dash in _ROWS:
        line = lines.get((name, rows, measure.key))
        if line is None:
            continue
        epoch, scale = line["epoch"].tolist(), measure.scale
        last = max(last, epoch[-1])
        common = {"type": "scatter", "mode": "lines"}
        low, high = look.compact(line["low"], scale), look.compact(line["high"], scale)
        if line["members"].max() > 1 and None not in low:
            band = {"x": epoch + epoch[::-1], "y": high + low[::-1], "fill": "toself", "fillcolor": f"${colour}/0.14"}
            traces.append({**common, **band, "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False})
        mean = look.compact(line["mean"], scale)
        style = {"color": f"${colour}", "width": 2.6, "dash": dash}
        hover = f"{rows} %{{y:{'.1f' if measure.points else '.4g'}}}<extra></extra>"
        traces.append({**common, "name": f"{rows} rows", "x": epoch, "y": mean, "line": style, "hovertemplate": hover})
        values += [value for value in (*mean, *low, *high) if value is not None]
    if not values:
        return None
    shapes: list[dict[str, Any]] = []
    notes: list[dict[str, Any]] = []
    if numbers is not None and numbers.kind in ("overfits", "gap") and numbers.members > 1 and numbers.turned:
        low, middle, high = numbers.turn
        tall = {"y0": 0, "y1": 1, "yref": "paper"}
        shapes.append({"type": "rect", "x0": low, "x1": high, **tall, "fillcolor": "$base/0.10", "line": {"width": 0},
                       "layer": "below"})  # fmt: skip
        shapes.append({"type": "line", "x0": middle, "x1": middle, **tall,
                       "line": {"color": "$base", "width": 1.5, "dash": "dash"}})  # fmt: skip
        left = middle < 0.6 * last
        notes.append({"x": middle, "y": 1, "yref": "paper", "yanchor": "top", "xanchor": "left" if left else "right",
                      "text": f" lowest at epoch {middle:.0f} ", "showarrow": False,
                      "font": {"color": "$base", "size": 12}})  # fmt: skip
    # A few wild values of early epochs must not squeeze the rest.
    reach = look.span(values, 0.0, 0.995 if not measure.higher else 1.0)
    title = {"text": "epoch", "font": {"color": "$muted", "size": 12}}
    heading = look.heading(f"<b>{look.plain(measure.name)}</b> of {look.plain(name)}", yshift=6)
    return {
        "data": traces,
        "layout": look.layout(
            height=340,
            margin={"l": 8, "r": 12, "t": 12 if page else 34, "b": 40},
            showlegend=not page,
            hovermode="x unified",
            xaxis=look.axis(title=title, range=[1, last]),
            yaxis=look.axis(range=reach, **look.per_cent(measure)),
            shapes=shapes,
            annotations=notes if page else [*notes, heading],
        ),
    }
