"""Pictures for Python users: plotly figures of what ``curves_data``, ``forest_data`` and ``gap_data`` hold.

Importing plotly's figure classes takes longer than drawing: it waits until a figure is asked for, and the page does
without them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from wellposed.errors import StudyError
from wellposed.report import look, reading
from wellposed.report.figures.curves import curve_lines, curves_data, curves_figure
from wellposed.report.figures.forest import forest_data, forest_figure
from wellposed.report.figures.gaps import gap_data, gap_figure
from wellposed.report.reading import Measure

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["curves", "curves_data", "forest", "forest_data", "gap", "gap_data"]


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
