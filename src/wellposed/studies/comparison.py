"""A finished comparison: its table, sentences, report and models."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wellposed.errors import StudyError, TechniqueError
from wellposed.models.files import save_model
from wellposed.models.model import Model
from wellposed.recipe import parse
from wellposed.store import Run
from wellposed.studies.plot import Plots
from wellposed.studies.prepare import Prepared
from wellposed.studies.refit import average_of_folds, refit

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Comparison"]


@dataclasses.dataclass(frozen=True)
class Comparison:
    """A finished comparison.

    Attributes:
        results: everything that was found, as `results.json` holds it.
        history: a row per member and epoch.
        predictions: out-of-fold predictions of every row, if asked for.
        folder: of the run, if it was written.
        prepared: what was trained; None if the comparison was read from disk.
        refit_epochs: for each recipe the median of the epochs whose weights counted: how long a model is trained.
        models: those made so far, by recipe.
    """

    results: dict[str, Any]
    history: pd.DataFrame
    predictions: pd.DataFrame | None = None
    folder: Path | None = None
    prepared: Prepared | None = None
    refit_epochs: Mapping[str, int] = dataclasses.field(default_factory=dict)
    models: dict[str, Model] = dataclasses.field(default_factory=dict)

    def __repr__(self) -> str:
        recipes, data = self.results["recipes"], self.results["data"]
        return f"<Comparison of {len(recipes)} recipes on {data['name']}; see table(), findings(), report(path)>"

    def _repr_html_(self) -> str:
        from wellposed.report.notebook import notebook_html

        return notebook_html(self.results)

    @property
    def plot(self) -> Plots:
        """Its pictures as plotly figures: `curves`, `forest`, `gap`, `sweep`."""
        return Plots(self.results, self.history)

    def table(self) -> pd.DataFrame:
        """One row a recipe: scores, differences from the baseline with intervals, adjusted p, verdicts."""
        from wellposed.report.tables import table

        return table(self.results)

    def findings(self) -> list[str]:
        """What was found, in sentences: the answer on each measure, the selection, what to do, what to know before."""
        from wellposed.report.words import advice, findings, notes, selection

        todo = advice(self.results)
        return [*findings(self.results), selection(self.results), *([todo] if todo else []), *notes(self.results)]

    def report(self, path: str | Path) -> Path:
        """Writes the report, one self-contained HTML file."""
        from wellposed.report.page import write_report

        return write_report(path, self.results, self.history)

    def best_model(self) -> Model:
        """The selected recipe, trained again on all rows outside the vault for the median best epoch.

        Raises:
            StudyError: every recipe failed, training diverged, or the comparison was read from disk.
        """
        return self.model(self._selected())

    def model(self, recipe: str) -> Model:
        """A recipe of the comparison, trained again like `best_model`.

        Args:
            recipe: its name in `table`, or a text that means the same.

        Raises:
            StudyError: there is no such recipe, training diverged, or the comparison was read from disk.
        """
        prepared, number = self._trained(recipe)
        recipe = prepared.recipes[number].name
        if recipe not in self.models:
            experiment = prepared.experiment
            self.models[recipe] = refit(
                experiment, prepared.recipes[number], experiment.development, self.refit_epochs[recipe], prepared.seed,
                memory=prepared.plan.memory,
            )  # fmt: skip
        return self.models[recipe]

    def fold_model(self) -> Model:
        """The members of the selected recipe, one for each fold and seed, averaged over their predictions.

        They are trained once more, with the same result to the bit.

        Raises:
            StudyError: every recipe failed, or the comparison was read from disk.
        """
        prepared, number = self._trained(self._selected())
        recipe = prepared.recipes[number]
        epochs = self.refit_epochs[recipe.name]
        return average_of_folds(prepared.experiment, recipe, prepared.plan, number, epochs, prepared.seed)

    def _selected(self) -> str:
        selected = self.results["selected"]
        if selected is None:
            remedy = "The table says why; lower the learning rate, or choose other recipes."
            raise StudyError("model: no recipe was selected, as every one failed", remedy=remedy)
        return selected

    def _trained(self, recipe: str) -> tuple[Prepared, int]:
        """What was trained, and the recipe's number in it."""
        names = [entry["name"] for entry in self.results["recipes"]]
        with contextlib.suppress(TechniqueError):
            recipe = recipe if recipe in names else parse(recipe).name
        if recipe not in names:
            raise StudyError("model: no recipe of that name was compared", recipe, f"They are {'; '.join(names)}.")
        if self.prepared is None:
            place = str(self.folder or "the comparison")
            remedy = "Load the model in its folder model with Model.load, or compare again."
            raise StudyError("model: a comparison read from disk has no data to train on", place, remedy)
        return self.prepared, names.index(recipe)

    def save(self, folder: str | Path, *, state: str = "done", **facts: Any) -> Path:
        """Writes the run directory, its report and the best model if it was made; returns the report's path.

        Args:
            state: what ``run.json`` says of the run; ``interrupted`` if only a part was trained.
            facts: further entries of ``run.json``.
        """
        run = Run(folder)
        run.write_state("writing", **facts)
        best = self.models.get(self.results["selected"])
        if best is not None:
            save_model(best, run.folder / "model")
        run.write_history(self.history)
        if self.predictions is not None:
            run.write_table("predictions.csv", self.predictions)
        report = self.report(run.folder / "report.html")
        run.write_results(self.results)  # whoever finds results finds everything else
        run.write_state(state, **facts)
        return report
