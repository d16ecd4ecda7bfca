"""The main job: techniques against the unregularized network, paired, with intervals."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wellposed.data.dataset import Dataset
from wellposed.network.mlp import MLP
from wellposed.recipe import Recipe
from wellposed.runners.base import Progress, Runner
from wellposed.runners.local import LocalRunner
from wellposed.store import Run
from wellposed.studies.experiment import RowCache
from wellposed.studies.predictions import out_of_fold
from wellposed.studies.prepare import Prepared, prepare
from wellposed.studies.reference_scores import reference_scores
from wellposed.studies.results import results_of
from wellposed.studies.scores import recipe_entries, select
from wellposed.studies.vault import open_vault
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
    """

    results: dict[str, Any]
    history: pd.DataFrame
    predictions: pd.DataFrame | None = None
    folder: Path | None = None

    def __repr__(self) -> str:
        recipes, data = self.results["recipes"], self.results["data"]
        return f"<Comparison of {len(recipes)} recipes on {data['name']}; see table(), findings(), report(path)>"

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

    def save(self, folder: str | Path, **facts: Any) -> Path:
        """Writes the run directory and its report; returns the report's path."""
        run = Run(folder)
        run.write_results(self.results)
        run.write_history(self.history)
        if self.predictions is not None:
            run.write_table("predictions.csv", self.predictions)
        report = self.report(run.folder / "report.html")
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
    prepared: Prepared, *, progress: Callable[[Progress], None] = lambda _: None, runner: Runner | None = None
) -> Comparison:
    """Trains everything that was planned, and compares."""
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
        test = None
        if prepared.vault is not None and selected is not None:
            number = [entry["name"] for entry in entries].index(selected)
            test = open_vault(
                experiment, records, prepared.recipes, number, prepared.vault,
                runner=runner, seed=prepared.seed, memory=prepared.plan.memory, progress=progress,
            )  # fmt: skip
            test["openings"] = [{"recipes": list({selected: 0, "baseline": 0})}]
        if prepared.references and others is None:
            others = beside.submit(reference_scores, experiment, rows, prepared.seed)
        found, trouble = _finished(others)
    seconds = time.perf_counter() - began
    results = results_of(prepared, entries, selected, test, found, timing, seconds)
    results["warnings"] += trouble
    if test is not None:  # what is about time stands under `run`, so that equal studies have equal results
        results["run"]["vault_opened"] = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    table = out_of_fold(experiment, records) if prepared.predictions else None
    return Comparison(results, records.to_frame(), table)


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
