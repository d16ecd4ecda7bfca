"""How pictures look: two palettes, one style per recipe, a layout shared by all figures.

Figures are plain dictionaries in plotly's JSON form. Colours in them are tokens (``"$helps"``, ``"$c3/0.15"`` with an
opacity), so that the page can switch between light and dark without drawing new numbers; ``resolve`` puts in colours.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wellposed.report import reading

# Hues after Okabe and Ito, told apart by readers with each common colour blindness; darkened or lightened until
# each has a contrast of at least 3 to its paper (4.5 for what is used in text).
LIGHT = {
    "paper": "#ffffff", "panel": "#f6f7f9", "ink": "#1a1f27", "muted": "#57606c",
    "line": "#d5dae1", "grid": "#e6e9ee", "base": "#3d4550", "accent": "#0b62a4",
    "helps": "#00714f", "hurts": "#b53a06", "none": "#5d6673", "failed": "#96357f",
    "c0": "#0072b2", "c1": "#d05a00", "c2": "#008a65", "c3": "#b8478f",
    "c4": "#b08040", "c5": "#2b95cf", "c6": "#6c54c9", "c7": "#85502a",
}  # fmt: skip
DARK = {
    "paper": "#161b22", "panel": "#0d1117", "ink": "#e8ecf1", "muted": "#a3adba",
    "line": "#38414d", "grid": "#28303a", "base": "#c3ccd6", "accent": "#7cc0f5",
    "helps": "#43c99b", "hurts": "#ff9361", "none": "#a3adba", "failed": "#e793cf",
    "c0": "#4aa8e8", "c1": "#ff8d42", "c2": "#2fc292", "c3": "#ec8ac6",
    "c4": "#e6b53c", "c5": "#96d4ff", "c6": "#ab98ff", "c7": "#cf9b75",
}  # fmt: skip
ROW = 24  # pixels a recipe, in figures with one row per recipe
VERDICT_COLOURS = {"helps": "$helps", "hurts": "$hurts", "no evidence": "$none", "failed": "$failed"}

_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
_HUES = 8
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
_FEW = 8


@dataclass(frozen=True)
class Style:
    """How one recipe is drawn everywhere.

    Args:
        colour: a token of the palettes, without the dollar sign.
        dash: plotly's name of a dash pattern.
        width: of its line, in pixels.
        first: whether it is visible before anyone asks for it.
    """

    colour: str
    dash: str
    width: float
    first: bool


def styles(results: Mapping[str, Any]) -> dict[str, Style]:
    """A style for each recipe: neutral for the two baselines; the recipes seen first get the first colours."""
    first = _seen_first(results)
    names = [recipe["name"] for recipe in reading.ranked(results)]
    found = {}
    coloured = [name for name in names if name in first] + [name for name in names if name not in first]
    for name, dash in ((results.get("baseline") or "baseline", "dash"), (reading.BEST_EPOCH, "dot")):
        if name in coloured:
            coloured.remove(name)
            found[name] = Style("base", dash, 2.5, True)
    for index, name in enumerate(coloured):
        dash = _DASHES[index // _HUES % len(_DASHES)]
        found[name] = Style(f"c{index % _HUES}", dash, 2.6 if name == results.get("selected") else 1.9, name in first)
    return {name: found[name] for name in names}


def _seen_first(results: Mapping[str, Any]) -> set[str]:
    """Baselines, the selected recipe and the best few by each measure; all of them where they are few."""
    names = [recipe["name"] for recipe in results["recipes"]]
    if len(names) <= _FEW:
        return set(names)
    chosen = {results.get("baseline") or "baseline", reading.BEST_EPOCH, results.get("selected")}
    sound = [recipe for recipe in reading.techniques(results) if not recipe.get("failed")]
    for measure in reading.measures(results):
        gains = [(value, r["name"]) for r in sound if (value := reading.score(r, "validation", measure)) is not None]
        chosen |= {name for _, name in sorted(gains, key=lambda pair: -measure.gain(pair[0]))[:2]}
    return chosen & set(names)


def resolve(figure: Any, palette: Mapping[str, str]) -> Any:
    """The figure with its colour tokens replaced by a palette's colours."""
    if isinstance(figure, Mapping):
        return {key: resolve(value, palette) for key, value in figure.items()}
    if isinstance(figure, list):
        return [resolve(value, palette) for value in figure]
    if isinstance(figure, str) and figure.startswith("$"):
        name, _, opacity = figure[1:].partition("/")
        colour = palette[name]
        if not opacity:
            return colour
        red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
        return f"rgba({red},{green},{blue},{opacity})"
    return figure


def axis(**settings: Any) -> dict[str, Any]:
    """An axis in the house style."""
    return {
        "gridcolor": "$grid", "linecolor": "$line", "zeroline": False, "tickcolor": "$line", "automargin": True,
        "tickfont": {"color": "$muted", "size": 12}, "title": {"font": {"color": "$muted", "size": 12}}, **settings,
    }  # fmt: skip


def layout(**settings: Any) -> dict[str, Any]:
    """A layout in the house style."""
    return {
        "font": {"family": _FONT, "size": 13, "color": "$ink"}, "paper_bgcolor": "$paper", "plot_bgcolor": "$paper",
        "margin": {"l": 8, "r": 12, "t": 34, "b": 36}, "showlegend": False, "hovermode": "closest",
        "hoverlabel": {"bgcolor": "$panel", "bordercolor": "$line", "font": {"color": "$ink", "family": _FONT},
                       "align": "left", "namelength": 40},
        **settings,
    }  # fmt: skip


def names_axis(names: Sequence[str]) -> dict[str, Any]:
    """The axis of figures with one row per recipe, from the top."""
    return axis(
        tickvals=list(range(len(names))),
        ticktext=list(names),
        range=[len(names) - 0.5, -0.5],
        tickfont={"size": 12},
        showgrid=False,
        fixedrange=True,
    )


def heading(text: str, *, yshift: float, x: float = 0.0, y: float = 1.0, **settings: Any) -> dict[str, Any]:
    """A line of text above a plot, ``yshift`` pixels over its upper edge."""
    place = {"xref": "paper", "yref": "paper", "x": x, "y": y, "xanchor": "left", "yanchor": "bottom"}
    return {"text": text, "yshift": yshift, "showarrow": False, **place, **settings}


def per_cent(measure: reading.Measure) -> dict[str, str]:
    """What an axis needs to show a share in per cent (the space doesn't break)."""
    return {"ticksuffix": "\u00a0%"} if measure.points else {}


def label(results: Mapping[str, Any], name: str, longest: int = 36) -> str:
    """A recipe's name on an axis, marked ★ where selected and ● where a baseline, cut to ``longest`` characters."""
    role = reading.role(results, {"name": name})
    mark = {"selected": "★ ", "baseline": "● ", reading.BEST_EPOCH: "● "}.get(role, "")
    return plain(mark + (name if len(name) <= longest else name[: longest - 1] + "…"))


def plain(text: str) -> str:
    """Text for plotly, which would take ``<b>`` or ``<a href>`` in a name for markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def compact(values: Iterable[float], scale: float = 1.0) -> list[float | None]:
    """Numbers with four significant digits, null where not finite: what a picture needs, in few bytes."""
    return [float(f"{value * scale:.4g}") if math.isfinite(value) else None for value in values]


def span(values: Sequence[float], low: float = 0.0, high: float = 1.0) -> list[float] | None:
    """An axis range around the quantiles ``low`` to ``high`` of the values, with a margin of 4 %."""
    ordered = sorted(value for value in values if math.isfinite(value))
    if not ordered:
        return None
    bottom, top = ordered[round(low * (len(ordered) - 1))], ordered[round(high * (len(ordered) - 1))]
    margin = 0.04 * (top - bottom) or 0.04 * abs(top) or 1.0
    return [bottom - margin, top + margin]
