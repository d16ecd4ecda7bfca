"""From records to results: means, paired differences, verdicts, selection."""

from __future__ import annotations

import dataclasses
import inspect
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from wellposed.paired import Comparison
from wellposed.population.plan import SplitRows
from wellposed.recipe import Recipe
from wellposed.records import MemberRecord, Records
from wellposed.statistics import compare_all, one_standard_error, verdict
from wellposed.studies.experiment import Experiment, RowCache

__all__ = ["collapsed_members", "recipe_entries", "select"]


def recipe_entries(
    experiment: Experiment, records: Records, recipes: Sequence[Recipe], rows: RowCache
) -> list[dict[str, Any]]:
    """The ``recipes`` part of the results, the baseline (number 0) first."""
    collapsed = collapsed_members(experiment, records, rows)
    entries = [_entry(experiment, records, number, recipe, collapsed) for number, recipe in enumerate(recipes)]
    names = [entry["name"] for entry in entries]
    bases = {"delta": 0} | ({"delta_best_epoch": names.index("best-epoch")} if "best-epoch" in names else {})
    for measure, direction in _measures(experiment).items():
        for key, base in bases.items():
            compared = _compared(experiment, records, entries, measure, base, rows)
            for entry in entries[1:]:
                if entry["name"] in compared:
                    entry.setdefault(key, {})[measure] = comparison_dict(compared[entry["name"]])
                if base == 0:
                    word = _verdict(compared.get(entry["name"]), entry, entries[0], direction)
                    entry.setdefault("verdict", {})[measure] = word
    entries[0]["delta"], entries[0]["verdict"] = None, None
    return entries


def _verdict(
    compared: Comparison | None, entry: dict[str, Any], baseline: dict[str, Any], direction: str
) -> str | None:
    """None if the baseline failed: there is nothing to compare with."""
    if baseline["failed"]:
        return None
    if compared is None:
        return "failed"
    return verdict(compared, direction=direction, failed=bool(entry["failed"]))  # type: ignore[arg-type]


def select(
    entries: Sequence[dict[str, Any]], metric: str, direction: str, *, rule: str, recipes: Sequence[Recipe]
) -> str | None:
    """The recipe with the best mean validation score, or (``one-se``) the simplest within one standard error of it.

    None if every recipe has members that diverged.
    """
    good = [entry for entry in entries if not entry["failed"] and _mean(entry, metric) is not None]
    if not good:
        return None
    sign = 1.0 if direction == "min" else -1.0
    if rule == "best":
        return str(min(good, key=lambda entry: sign * (_mean(entry, metric) or 0.0))["name"])
    simplicity = {recipe.name if len(recipe) else "baseline": len(recipe) for recipe in recipes}
    names = sorted((entry["name"] for entry in good), key=lambda name: simplicity.get(name, 1))
    means = {entry["name"]: _mean(entry, metric) or 0.0 for entry in good}
    errors = {e["name"]: (e["validation"][metric]["sd"] or 0.0) / math.sqrt(e["members"]) for e in good}
    return one_standard_error(means, errors, names, direction=direction)  # type: ignore[arg-type]


def comparison_dict(comparison: Comparison) -> dict[str, Any]:
    """As in results.json: null, never NaN."""
    return {key: clean(value) for key, value in dataclasses.asdict(comparison).items()}


def clean(value: Any) -> Any:
    """NumPy numbers as Python's, NaN and infinities as None, throughout."""
    if isinstance(value, dict):
        return {key: clean(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [clean(item) for item in value]
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    return value


def collapsed_members(experiment: Experiment, records: Records, rows: RowCache) -> set[tuple[int, int]]:
    """(candidate, split) of members that do no better on their training rows than a constant prediction."""
    constants: dict[int, float] = {}
    column = records.columns.index("train_loss")
    found = set()
    for member in records.members:
        if member.failed or not member.result_epoch:
            continue
        if member.split not in constants:
            constants[member.split] = constant_loss(experiment, rows(member.split))
        if member.curves[member.result_epoch - 1, column] >= 0.999 * constants[member.split]:
            found.add((member.candidate, member.split))
    return found


def constant_loss(experiment: Experiment, rows: SplitRows) -> float:
    """Training loss of the best constant prediction: class shares, the mean, or the median."""
    target, y, weight = experiment.target, rows.y.astype(np.float64), rows.score_weight.astype(np.float64)
    shares = np.average(y, axis=0, weights=weight)
    if target.loss.name == "mean_absolute_error":
        shares = np.median(y, axis=0)
    predictions = np.broadcast_to(shares.astype(np.float32), rows.y.shape)
    losses = np.asarray(target.loss.of_predictions(predictions, rows.y), np.float64)  # type: ignore[arg-type]
    return float(np.average(losses, weights=weight))


def _measures(experiment: Experiment) -> dict[str, str]:
    metric = experiment.target.metric
    return {"loss": "min", metric.name: metric.direction}


def _entry(
    experiment: Experiment, records: Records, number: int, recipe: Recipe, collapsed: set[tuple[int, int]]
) -> dict[str, Any]:
    members = records.of(number)
    measures = list(_measures(experiment))
    split_names = [records.splits[member.split] for member in members]
    validation = {measure: records.scores(number, f"validation_{measure}") for measure in measures}
    per_member = [
        {"fold": fold, "seed": seed, **{m: clean(validation[m][i]) for m in measures}}
        for i, (fold, seed) in enumerate(split_names)
    ]
    return {
        "name": records.candidates[number],
        "techniques": [clean(item.config()) for item in recipe],
        "about": [(inspect.getdoc(type(item)) or "").partition("\n")[0] for item in recipe],
        "members": len(members),
        "failed": sum(_broken(member) for member in members),
        "collapsed": sum((number, member.split) in collapsed for member in members),
        "failures": [
            {"fold": fold, "seed": seed, "epoch": member.diverged, "what": "loss or weights stopped being finite"}
            for member, (fold, seed) in zip(members, split_names, strict=True)
            if _broken(member)
        ],
        "epochs_run": _summary(np.array([member.epochs_run for member in members], float)),
        "best_epoch": _summary(np.array([_best_epoch_of(records, member) for member in members], float)),
        "improving": _still_improving(records, members, experiment.training.epochs),
        "penalty": _summary(records.scores(number, "penalty")),
        "train": {measure: _summary(records.scores(number, f"train_{measure}")) for measure in measures},
        "validation": {**{measure: _summary(validation[measure]) for measure in measures}, "per_member": per_member},
    }


def _broken(member: MemberRecord) -> bool:
    return member.failed or member.result_epoch == 0


def _summary(values: np.ndarray) -> dict[str, float | None]:
    """Mean and standard deviation over the members that didn't diverge."""
    values = values[np.isfinite(values)]
    if not len(values):
        return {"mean": None, "sd": None}
    return {"mean": float(values.mean()), "sd": float(values.std(ddof=1)) if len(values) > 1 else None}


def _best_epoch_of(records: Records, member: MemberRecord) -> float:
    column = "monitor_loss" if "monitor_loss" in records.columns else "validation_loss"
    curve = member.curves[:, records.columns.index(column)]
    return float(np.nanargmin(curve)) + 1 if np.isfinite(curve).any() else float("nan")


def _still_improving(records: Records, members: Sequence[MemberRecord], epochs: int) -> int:
    """Members that ran all epochs and had their lowest monitored loss in the last 2 % of them."""
    return sum(member.epochs_run == epochs and _best_epoch_of(records, member) > 0.98 * epochs for member in members)


def _compared(
    experiment: Experiment,
    records: Records,
    entries: Sequence[dict[str, Any]],
    measure: str,
    base: int,
    rows: RowCache,
) -> dict[str, Comparison]:
    scheme = experiment.scheme
    if scheme.design == "fixed-holdout":
        scores = {e["name"]: _by_row(experiment, records, number, measure, rows) for number, e in enumerate(entries)}
    else:
        shape = (scheme.folds, scheme.seeds)
        scores = {
            e["name"]: records.scores(number, f"validation_{measure}").reshape(shape)
            for number, e in enumerate(entries)
        }
    baseline = scores.pop(entries[base]["name"])
    return compare_all(
        {name: values for name, values in scores.items() if name != entries[0]["name"]},
        baseline,
        design=scheme.design,  # type: ignore[arg-type]
        n_training=float(np.mean([len(split.training) for split in scheme.splits])),
        n_validation=float(np.mean([len(split.validation) for split in scheme.splits])),
        failed={entry["name"] for entry in entries if entry["failed"]},
    )


def _by_row(experiment: Experiment, records: Records, number: int, measure: str, rows: RowCache) -> np.ndarray:
    """[seeds, rows]: what each validation row adds to the score, scaled so that the mean over rows is the score."""
    values = []
    for member in records.of(number):
        validation = rows(member.split).validation
        assert validation is not None
        _, y, weight = validation
        if member.predictions is None or _broken(member):
            values.append(np.full(len(y), np.nan))
            continue
        scale = rows(member.split).scale
        if measure == "loss":
            values.append(member.losses * weight / weight.mean())
        else:
            values.append(experiment.target.metric.contributions(member.predictions, y, weight, scale))
    return np.stack(values)


def _mean(entry: dict[str, Any], metric: str) -> float | None:
    return entry["validation"][metric]["mean"]
