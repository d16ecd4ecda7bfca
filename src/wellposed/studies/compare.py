"""The main job: techniques against the unregularized network, paired, with intervals."""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wellposed.data.dataset import Dataset
from wellposed.errors import StudyError, TechniqueError
from wellposed.models.files import save_model
from wellposed.models.model import Model
from wellposed.network.mlp import MLP
from wellposed.recipe import Recipe, parse
from wellposed.records import Records
from wellposed.runners.base import Progress, Runner
from wellposed.runners.local import LocalRunner
from wellposed.store import Run
from wellposed.studies.experiment import RowCache
from wellposed.studies.plot import Plots
from wellposed.studies.predictions import out_of_fold, out_of_fold_summary
from wellposed.studies.prepare import Prepared, prepare
from wellposed.studies.reference_scores import reference_scores
from wellposed.studies.refit import WeightKeeper, average_of_folds, kept_model, refit
from wellposed.studies.results import results_of
from wellposed.studies.scores import recipe_entries, select
from wellposed.studies.vault import open_vault, refit_epochs
from wellposed.techniques.base import Technique

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Comparison", "Prepared", "compare", "prepare", "run"]


_SMALL = 2_000_000  # encoded cells


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
        """What was found, in sentences: the answer on each measure, the selection, what to know beforehand."""
        from wellposed.report.words import findings, notes, selection

        return [*findings(self.results), selection(self.results), *notes(self.results)]

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

    def save(self, folder: str | Path, **facts: Any) -> Path:
        """Writes the run directory, its report and the best model if it was made; returns the report's path."""
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
        run.write_state("done", **facts)
        return report


def compare(
    data: Dataset,
    network: MLP | Sequence[int] = (64, 64),
    recipes: Sequence[Recipe | Technique | str] | None = None,
    *,
    progress: Callable[[Progress], None] = lambda _: None,
    runner: Runner | None = None,
    **settings: Any,
) -> Comparison:
    """Trains the network under every recipe at once and compares each with the unregularized network.

    Every recipe sees the same splits, initial weights, minibatches and random draws, so differences are paired.
    Scores are free of penalties, in inference mode, on rows that no choice was made on.

    Args:
        data: made by `read`.
        network: an `MLP`, or its widths; default ``(64, 64)``.
        recipes: recipes, techniques or their text (``"l2=1e-5..1e-1"`` is a grid); default: the part of the
            catalogue that applies, at reference strengths.
        progress: called a few times a second.
        runner: default: in this process.
        settings: as `prepare`'s.

    Raises:
        StudyError, DataError, TechniqueError: settings that contradict each other or the data.

    Example:
        >>> import wellposed as wp
        >>> study = wp.compare(wp.read("iris"), (8,), ["l2=1e-3"], epochs=2, folds=2, seeds=2)
        >>> [recipe["name"] for recipe in study.results["recipes"]]
        ['baseline', 'best-epoch', 'l2=0.001']
    """
    return run(prepare(data, network, recipes, **settings), progress=progress, runner=runner)


def run(
    prepared: Prepared,
    *,
    progress: Callable[[Progress], None] = lambda _: None,
    runner: Runner | None = None,
    model: bool = False,
) -> Comparison:
    """Trains everything that was planned, and compares.

    Args:
        model: also make the best model.
    """
    began = time.perf_counter()
    experiment, runner = prepared.experiment, runner or LocalRunner()
    rows = RowCache(experiment)
    with concurrent.futures.ThreadPoolExecutor(1) as beside:
        # on small data reference models run while programs compile; on large data their memory comes after training's
        cells = experiment.data.rows * experiment.schema.width
        others = None
        if prepared.references and cells <= _SMALL:
            others = beside.submit(reference_scores, experiment, rows, prepared.seed)
        records, timing = runner.run(prepared.plan, rows, experiment.identities, seed=prepared.seed, progress=progress)
        entries = recipe_entries(experiment, records, prepared.recipes, rows)
        metric = experiment.target.metric
        selected = select(entries, metric.name, metric.direction, rule=prepared.select, recipes=prepared.recipes)
        lengths = {name: refit_epochs(records, number) for number, name in enumerate(records.candidates)}
        test, models, trouble, model_s = None, {}, [], 0.0
        if prepared.vault is not None and selected is not None:
            test, models = _vault(prepared, records, selected, lengths, runner, progress)
        if model and selected is not None:
            start = time.perf_counter()
            trouble = _make_model(prepared, selected, lengths, models, runner, progress)
            model_s = time.perf_counter() - start
        if prepared.references and others is None:
            others = beside.submit(reference_scores, experiment, rows, prepared.seed)
        found, failed = _finished(others)
    seconds = time.perf_counter() - began
    results = results_of(prepared, entries, selected, test, found, timing, seconds)
    results["out_of_fold"] = out_of_fold_summary(experiment, records, ("baseline", selected))
    results["warnings"] += [*failed, *trouble]
    results["run"]["model_s"] = round(model_s, 3)
    if test is not None:  # what is about time stands under `run`, so that equal studies have equal results
        results["run"]["vault_opened"] = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    table = out_of_fold(experiment, records) if prepared.predictions else None
    return Comparison(results, records.to_frame(), table, prepared=prepared, refit_epochs=lengths, models=models)


def _vault(
    prepared: Prepared,
    records: Records,
    selected: str,
    lengths: Mapping[str, int],
    runner: Runner,
    progress: Callable[[Progress], None],
) -> tuple[dict[str, Any], dict[str, Model]]:
    """The scores on the vault's rows, and the model: the first of the networks that were scored there."""
    assert prepared.vault is not None
    number = records.candidates.index(selected)
    keeper = WeightKeeper(runner) if isinstance(runner, LocalRunner) else None
    test = open_vault(
        prepared.experiment, records, prepared.recipes, number, prepared.vault,
        runner=keeper or runner, seed=prepared.seed, memory=prepared.plan.memory, progress=progress,
    )  # fmt: skip
    test["openings"] = [{"recipes": list({selected: 0, "baseline": 0})}]
    models: dict[str, Model] = {}
    if keeper is not None:
        with contextlib.suppress(StudyError):  # it diverged: said when a model is asked for
            development, recipe = prepared.experiment.development, prepared.recipes[number]
            models[selected] = kept_model(
                prepared.experiment, recipe, development, lengths[selected], prepared.seed, keeper, min(number, 1)
            )
    return test, models


def _make_model(
    prepared: Prepared,
    selected: str,
    lengths: Mapping[str, int],
    models: dict[str, Model],
    runner: Runner,
    progress: Callable[[Progress], None],
) -> list[str]:
    """Adds the selected recipe's model, unless it is there; its failure is a warning, not the comparison's end."""
    if selected in models:
        return []
    recipe = next(recipe for recipe in prepared.recipes if recipe.name == selected)
    experiment = prepared.experiment
    try:
        models[selected] = refit(
            experiment, recipe, experiment.development, lengths[selected], prepared.seed, runner,
            memory=prepared.plan.memory, progress=progress,
        )  # fmt: skip
    except StudyError as error:
        return [f"No model was made: {error}"]
    return []


def _finished(
    references: concurrent.futures.Future[list[dict[str, Any]]] | None,
) -> tuple[list[dict[str, Any]], list[str]]:
    """The reference models' scores; their failure is a warning, not the end of a comparison that is done."""
    if references is None:
        return [], []
    try:
        return references.result(), []
    except Exception as error:
        return [], [f"Reference models could not be scored: {type(error).__name__}: {error}."]
