"""From a comparison to a model: a recipe trained once more on chosen rows, or the members of the folds averaged."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import numpy as np

from wellposed.data.preprocessing import Preprocessing
from wellposed.data.source import frame_digest
from wellposed.data.splits import Split, SplitScheme
from wellposed.errors import StudyError
from wellposed.models.labelled import labelled
from wellposed.models.model import Arrays, Model, ModelTarget
from wellposed.network.randomness import Rng
from wellposed.population.plan import Plan, SplitRows, TilePlan
from wellposed.recipe import Recipe
from wellposed.records import MemberRecord, Records
from wellposed.runners.base import Progress, Runner, Timing
from wellposed.runners.local import LocalRunner
from wellposed.studies.experiment import Experiment, RowCache, Target
from wellposed.studies.vault import without_monitor
from wellposed.techniques.base import overrides

__all__ = ["WeightKeeper", "average_of_folds", "kept_model", "refit", "refit_model"]

_MEMORY = 4 * 10**9
Progressing = Callable[[Progress], None]


class WeightKeeper:
    """A runner that also keeps weights, and remembers the last plan and its records.

    Args:
        runner: whose settings it takes over; another kind than `LocalRunner` is replaced by one.
    """

    def __init__(self, runner: Runner | None = None) -> None:
        workers = runner.workers if isinstance(runner, LocalRunner) else None
        self._runner = LocalRunner(workers, keep_weights=True)
        self.plan: Plan | None = None
        self.records: Records | None = None

    def run(
        self,
        plan: Plan,
        rows: Callable[[int], SplitRows],
        identities: list[tuple[int, int]],
        *,
        seed: int,
        progress: Progressing = lambda _: None,
        stop: threading.Event | None = None,
    ) -> tuple[Records, Timing]:
        """See `wellposed.runners.base.Runner`."""
        records, timing = self._runner.run(plan, rows, identities, seed=seed, progress=progress, stop=stop)
        self.plan, self.records = plan, records
        return records, timing


def refit(
    experiment: Experiment,
    recipe: Recipe,
    rows: np.ndarray,
    epochs: int,
    seed: int,
    runner: Runner | None = None,
    *,
    memory: int = _MEMORY,
    progress: Progressing = lambda _: None,
) -> Model:
    """Trains a recipe on all the given rows, for a fixed number of epochs.

    There are no monitor rows: techniques that watch them are left out, the number of epochs stands for them. The
    schedule of the learning rate stays laid out for the experiment's epochs.

    Args:
        experiment: data, network, training.
        rows: numbers of the training rows, int ``[n]``.
        epochs: 1 to the experiment's.
        seed: of everything random.
        memory: bound on what training takes, bytes.

    Raises:
        StudyError: the epochs are out of range, or training diverged.
    """
    experiment = _on(experiment, rows)
    candidate = experiment.candidate(without_monitor(recipe), recipe.name, epochs=epochs)
    plan = experiment.plan([candidate], memory=memory, predictions=False)
    keeper = WeightKeeper(runner)
    keeper.run(plan, RowCache(experiment), experiment.identities, seed=seed, progress=progress)
    return kept_model(experiment, recipe, rows, epochs, seed, keeper, 0)


def refit_model(model: Model, data: Any, epochs: int | None, seed: int, target: str | None = None) -> Model:
    """See `Model.refit`."""
    rows = labelled(model, data, target)
    if not rows.sha256:
        rows = dataclasses.replace(rows, sha256=frame_digest(rows.features))
    everything = np.arange(rows.rows)
    described = model.target
    output = Target(described.outputs, described.per_class, described.activation, described.loss, described.metric)
    scheme = SplitScheme("refit", "repeated", folds=1, seeds=1, monitor=0.0, splits=())
    experiment = Experiment(rows, everything, scheme, model.network, model.training, output, described.scaled)
    return refit(experiment, model.recipe, everything, model.epochs if epochs is None else epochs, seed)


def kept_model(
    experiment: Experiment,
    recipe: Recipe,
    rows: np.ndarray,
    epochs: int,
    seed: int,
    keeper: WeightKeeper,
    candidate: int,
) -> Model:
    """The model of a candidate's first member, which was trained on ``rows`` without monitor rows.

    Raises:
        StudyError: its training diverged.
    """
    assert keeper.plan is not None
    assert keeper.records is not None
    record = keeper.records.of(candidate)[0]
    if record.failed:
        remedy = "Lower the learning rate, or take another recipe."
        raise StudyError(f"model: training diverged in epoch {record.diverged}", recipe.name, remedy)
    experiment = _on(experiment, rows)
    split = experiment.scheme.splits[0]
    weights, states = _sets(keeper.plan, keeper.records, record, lambda: experiment.encoded(split))
    facts = _facts(experiment, recipe, len(split.training), seed)
    return _model(
        experiment,
        without_monitor(recipe),
        epochs,
        [experiment.preprocessing(split)],
        weights,
        states,
        facts,
    )


def average_of_folds(
    experiment: Experiment,
    recipe: Recipe,
    plan: Plan,
    candidate: int,
    epochs: int,
    seed: int,
    runner: Runner | None = None,
    *,
    progress: Progressing = lambda _: None,
) -> Model:
    """The average, over predictions, of a candidate's members of all splits.

    The members are trained again, in the tiles that they were trained in: their weights are the same to the bit.

    Raises:
        StudyError: every member diverged.
    """
    keeper = WeightKeeper(runner)
    rows = RowCache(experiment)
    keeper.run(_only(plan, candidate), rows, experiment.identities, seed=seed, progress=progress)
    assert keeper.records is not None
    preprocessings: list[Preprocessing] = []
    weights: list[Arrays] = []
    states: list[Arrays] = []
    members = [record for record in keeper.records.of(candidate) if not record.failed and record.result_epoch]
    for record in members:
        sets, states_of = _sets(plan, keeper.records, record, partial(rows, record.split))
        learned = experiment.preprocessing(experiment.scheme.splits[record.split])
        weights += sets
        states += states_of
        preprocessings += [learned] * len(sets)
    if not members:
        raise StudyError("model: every member of the folds diverged", recipe.name, "Lower the learning rate.")
    facts = _facts(experiment, recipe, len(experiment.development), seed) | {"members": len(members)}
    return _model(experiment, recipe, epochs, preprocessings, weights, states, facts)


def _on(experiment: Experiment, rows: np.ndarray) -> Experiment:
    """The experiment with these rows for training, and no others."""
    split = Split(0, 0, np.asarray(rows), np.zeros(0, int), np.zeros(0, int))
    scheme = SplitScheme("refit", "repeated", folds=1, seeds=1, monitor=0.0, splits=(split,))
    return dataclasses.replace(experiment, scheme=scheme)


def _only(plan: Plan, candidate: int) -> Plan:
    """The tiles that hold members of the candidate."""

    def holds(part: TilePlan, number: int) -> bool:
        return number >= 0 and number in part.techniques and plan.members[number].candidate == candidate

    programs = []
    for part in plan.programs:
        tiles = [tile for tile in part.tiles if any(holds(part, m) for slot in tile.slots for m in slot.members)]
        if tiles:
            programs.append(dataclasses.replace(part, tiles=tuple(tiles)))
    return dataclasses.replace(plan, programs=tuple(programs))


def _sets(
    plan: Plan, records: Records, record: MemberRecord, rows: Callable[[], SplitRows]
) -> tuple[list[Arrays], list[Arrays]]:
    """The parameter sets that predict, as plain arrays, and the state of each."""
    number = next(index for index, other in enumerate(records.members) if other is record)
    part = next(part for part in plan.programs if number in part.techniques)
    techniques, context = part.techniques[number], part.program.algorithm.context
    member = record.weights
    prepared: list[Any] = [()] * len(techniques)
    if any(overrides(item, "prepare") for item in techniques):
        found = rows()
        prepared = [item.prepare(context, {"x": found.x, "y": found.y}) for item in techniques]
    own = member.own(prepared)
    sets: Sequence[Any] = (member.params,)
    for index, item in enumerate(techniques):
        if overrides(item, "inference"):
            sets = item.inference(member.params, own[index])
    rng = Rng(jax.random.key(0))
    predicting = []
    for params in sets:
        for index, item in enumerate(techniques):
            if overrides(item, "weights"):
                params = item.weights(params, own[index], rng.of(type(item).__name__), train=False)
        predicting.append(_plain(params))
    return predicting, [_plain(state) for state in member.states(len(sets))]


def _plain(tree: Any) -> Arrays:
    return jax.tree.map(lambda leaf: np.asarray(leaf, np.float32), tree)


def _facts(experiment: Experiment, recipe: Recipe, rows: int, seed: int) -> dict[str, Any]:
    from importlib.metadata import version

    data = experiment.data
    return {
        "data": data.name,
        "source": data.source,
        "sha256": data.sha256,
        "rows": rows,
        "seed": seed,
        "recipe": recipe.name,
        "wellposed": version("wellposed"),
    }


def _model(
    experiment: Experiment,
    recipe: Recipe,
    epochs: int,
    preprocessings: Sequence[Preprocessing],
    weights: Sequence[Arrays],
    states: Sequence[Arrays],
    facts: dict[str, Any],
) -> Model:
    data, target = experiment.data, experiment.target
    columns = tuple(map(str, data.targets.columns))
    sources = [column for column, role in data.roles.items() if role == "target"]
    expression = columns[0] if data.task == "classification" and sources and columns[0] not in sources else None
    described = ModelTarget(
        columns=columns,
        expression=expression,
        task=data.task,
        classes=tuple(map(str, data.classes)),
        per_class=target.per_class,
        activation=target.activation,
        loss=target.loss,
        metric=target.metric,
        scaled=data.task == "regression" and experiment.scale_targets is not False,
        weight=next((column for column, role in data.roles.items() if role == "weight"), None),
    )
    return Model(
        experiment.network,
        experiment.training,
        recipe,
        epochs,
        tuple(preprocessings),
        described,
        tuple(weights),
        tuple(states),
        facts,
    )
