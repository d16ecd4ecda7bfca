"""Pictures for Python users: plotly figures of what ``curves_data``, ``forest_data`` and ``gap_data`` hold.

Importing plotly's figure classes takes longer than drawing: it waits until a figure is asked for, and the page does
without them.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from wellposed.errors import StudyError
from wellposed.report import look, reading
from wellposed.report.figures.curves import curve_lines, curves_data, curves_figure
from wellposed.report.figures.forest import forest_data, forest_figure
from wellposed.report.figures.gaps import gap_data, gap_figure
from wellposed.report.figures.sweep import sweep_data, sweep_figure, sweeps
from wellposed.report.reading import Measure

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["curves", "curves_data", "forest", "forest_data", "gap", "gap_data", "save", "sweep", "sweep_data"]

_IMAGES = (".png", ".svg", ".pdf", ".jpeg", ".webp")


def curves(results: Mapping[str, Any], history: pd.DataFrame) -> Figure:
    """Learning curves of every recipe on train and validation rows; click a name to show or hide it.

    Args:
        results: the study, as results.json holds it.
        history: one row per member and epoch.
    """
    return _figure(curves_figure(results, curve_lines(results, history)))


def forest(results: Mapping[str, Any], measure: str | None = None) -> Figure:
    """Differences from the baseline with 95 % intervals, better to the right.

    Args:
        results: the study, as results.json holds it.
        measure: ``"loss"`` or the main metric's name (None: the main metric).

    Raises:
        StudyError: the study has no such measure.
    """
    return _figure(forest_figure(results, _measure(results, measure)))


def gap(results: Mapping[str, Any], measure: str | None = None) -> Figure:
    """Train and validation scores of every recipe, and the gap between them.

    Args:
        results: the study, as results.json holds it.
        measure: ``"loss"`` or the main metric's name (None: the main metric).

    Raises:
        StudyError: the study has no such measure.
    """
    return _figure(gap_figure(results, _measure(results, measure)))


def sweep(results: Mapping[str, Any], measure: str | None = None, technique: str | None = None) -> Figure:
    """Score against strength, with the baseline as a line.

    Args:
        results: the study, as results.json holds it.
        measure: ``"loss"`` or the main metric's name (None: the main metric).
        technique: which grid, by the technique's name (None: the first).

    Raises:
        StudyError: the study has no such measure, no strength grid, or none of that technique.
    """
    found = sweeps(results)
    if not found:
        remedy = 'Compare a grid, such as "l2=1e-5..1e-1" or "dropout=0.1|0.2|0.5".'
        raise StudyError("sweep: the study has no three recipes that differ in one strength alone", remedy=remedy)
    chosen = [grid for grid in found if technique is None or grid.label == technique]
    if not chosen:
        raise StudyError(
            "sweep: no grid of that technique", technique, f"There is {', '.join(g.label for g in found)}."
        )
    figure = sweep_figure(results, chosen[0], _measure(results, measure))
    if figure is None:
        raise StudyError("sweep: no recipe of the grid was scored", chosen[0].label)
    return _figure(figure)


def save(figure: Figure, path: str | Path, *, width: int = 900, scale: float = 2.0) -> Path:
    """Write a figure: ``.html`` by itself; ``.png``, ``.svg``, ``.pdf``, ``.jpeg`` or ``.webp`` with the extra images.

    Args:
        figure: what the other functions return.
        path: the file; its ending says the kind.
        width: pixels (the height is the figure's own); scale: pixels of the image for each of these.

    Raises:
        StudyError: another ending, no kaleido, or no Chrome for kaleido to draw with.
    """
    target = Path(path)
    if target.suffix == ".html":
        figure.write_html(target, include_plotlyjs=True)
        return target
    if target.suffix not in _IMAGES:
        raise StudyError("save: unknown kind of image", target.name, f"End in .html, {', '.join(_IMAGES)}.")
    if find_spec("kaleido") is None:
        raise StudyError(
            "save: images need kaleido", target.name, 'Run: pip install "wellposed[images]", or end in .html.'
        )
    try:
        figure.write_image(target, width=width, scale=scale)
    except RuntimeError as error:  # what kaleido raises where it finds no Chrome
        what = str(error.args[0] if error.args else error).strip().partition("\n")[0]
        raise StudyError("save: kaleido could not draw", what, "Install Chrome or Chromium, or end in .html.") from None
    return target


def _measure(results: Mapping[str, Any], key: str | None) -> Measure:
    found = {measure.key: measure for measure in reading.measures(results)}
    if key is None:
        return reading.main_measure(results)
    if key not in found:
        raise StudyError("measure must be one of the study's", key, f"This study has {' and '.join(found)}.")
    return found[key]


def _figure(figure: dict[str, Any]) -> Figure:
    from plotly.graph_objects import Figure

    return Figure(look.resolve(figure, look.LIGHT))
