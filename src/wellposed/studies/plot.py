"""``study.plot``: the report's pictures as plotly figures, for notebooks and papers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from wellposed.report.plots import Figure

__all__ = ["Plots"]


@dataclasses.dataclass(frozen=True)
class Plots:
    """Pictures of a comparison; each method returns a plotly figure, and writes it where ``save`` names a file.

    ``save``: ``.html`` needs nothing; ``.png``, ``.svg`` and ``.pdf`` need ``pip install "wellposed[images]"``.

    Args:
        results: everything that was found, as `results.json` holds it.
        history: a row per member and epoch.

    Example:
        >>> study.plot.forest(save="forest.svg")  # doctest: +SKIP
    """

    results: Mapping[str, Any]
    history: pd.DataFrame

    def curves(self, *, save: str | Path | None = None) -> Figure:
        """Learning curves of every recipe on train and validation rows; click a name to show or hide it."""
        from wellposed.report import plots

        return self._saved(plots.curves(self.results, self.history), save)

    def forest(self, measure: str | None = None, *, save: str | Path | None = None) -> Figure:
        """Differences from the baseline with 95 % intervals, better to the right.

        Args:
            measure: ``"loss"`` or the main metric's name; default the main metric.
            save: a file.

        Raises:
            StudyError: the study has no such measure.
        """
        from wellposed.report import plots

        return self._saved(plots.forest(self.results, measure), save)

    def gap(self, measure: str | None = None, *, save: str | Path | None = None) -> Figure:
        """Train and validation scores of every recipe, with lines at the two baselines; arguments as `forest`'s."""
        from wellposed.report import plots

        return self._saved(plots.gap(self.results, measure), save)

    def sweep(
        self, measure: str | None = None, technique: str | None = None, *, save: str | Path | None = None
    ) -> Figure:
        """Score against strength, with the baseline as a line.

        Args:
            measure: as `forest`'s.
            technique: which grid, by the technique's name; default the first.
            save: a file.

        Raises:
            StudyError: the study has no such measure, no strength grid, or none of that technique.
        """
        from wellposed.report import plots

        return self._saved(plots.sweep(self.results, measure, technique), save)

    @staticmethod
    def _saved(figure: Figure, path: str | Path | None) -> Figure:
        if path is not None:
            from wellposed.report import plots

            plots.save(figure, path)
        return figure
