"""Scores of a model on rows whose targets are known, with intervals."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from wellposed.data.dataset import Dataset
from wellposed.errors import DataError
from wellposed.models.labelled import labelled
from wellposed.models.model import Model
from wellposed.models.predicting import encoded_outputs
from wellposed.training.metrics import METRICS, Metric

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["evaluate"]

RESAMPLES = 1000
_MOST_UNITS, _FEWEST_UNITS = 2000, 20  # rows, groups, or random parts of many rows
_MOST_TERMS = 30_000_000  # of all units, as float64
_AT_ONCE = 4_000_000  # terms
_NORMAL = 1.959963984540054  # two-sided 95 %

Entry = tuple[float, float, float, str]


class _Scored(NamedTuple):
    """Every row: its prediction, encoded target, weight, and loss in a column of its own."""

    predictions: np.ndarray
    y: np.ndarray
    weight: np.ndarray
    loss: np.ndarray


def evaluate(model: Model, data: Any, target: str | None = None) -> pd.DataFrame:
    """See `Model.evaluate`."""
    import pandas as pd

    rows = labelled(model, data, target)
    weights = np.ones(rows.rows) if rows.weights is None else rows.weights
    if not weights.sum() > 0:
        raise DataError("evaluation needs rows with a weight above 0", f"{rows.rows} rows")
    scored = _scored(model, rows, weights.astype(np.float32))
    learned = model.preprocessing
    scale = np.ones(model.target.outputs) if model.target.task == "classification" else learned.target_scale
    metrics = [cls() for cls in METRICS.values() if cls.task == model.target.task]
    metrics.sort(key=lambda metric: metric.name != model.target.metric.name)
    codes = np.arange(rows.rows) if rows.groups is None else np.unique(rows.groups, return_inverse=True)[1]
    codes = np.random.default_rng(0).permutation(int(codes.max()) + 1)[codes]
    entries = {"loss": _entry(_loss_sums, _mean, scored, codes)}
    for metric in metrics:
        entries[metric.name] = _entry(_sums(metric), _finish(metric, scale), scored, codes)
    if "accuracy" in entries and rows.groups is None and rows.weights is None:
        share = entries["accuracy"][0]
        entries["accuracy"] = (share, *_wilson(share, rows.rows), "Wilson")
    return pd.DataFrame.from_dict(entries, orient="index", columns=["score", "low", "high", "interval"])


def _scored(model: Model, rows: Dataset, weights: np.ndarray) -> _Scored:
    learned, loss = model.preprocessing, model.target.loss
    all_predictions, all_losses = [], []
    y = learned.targets(rows.targets, onehot=model.target.per_class)
    for place, found, logits in encoded_outputs(model, rows.features):
        if model.target.task == "regression":
            found = (found - learned.target_center) / learned.target_scale
        predictions, truth = jnp.asarray(found, jnp.float32), jnp.asarray(y[place])
        if logits is None:
            losses = loss.of_predictions(predictions, truth)
        else:  # they don't saturate
            losses = loss.rows(jnp.asarray(logits), truth, model.target.activation)
        all_predictions.append(np.asarray(predictions))
        all_losses.append(np.asarray(losses))
    return _Scored(np.concatenate(all_predictions), y, weights, np.concatenate(all_losses)[:, None])


Sums = Callable[[jax.Array, jax.Array, jax.Array, jax.Array], jax.Array]
Finish = Callable[[np.ndarray], np.ndarray]


def _loss_sums(predictions: jax.Array, y: jax.Array, weight: jax.Array, loss: jax.Array) -> jax.Array:
    return jnp.stack([jnp.sum(jnp.where(weight > 0, loss[:, 0], 0.0) * weight), jnp.sum(weight)])


def _mean(sums: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return sums[:, 0] / sums[:, 1]


def _sums(metric: Metric) -> Sums:
    return lambda predictions, y, weight, loss: metric.sums(predictions, y, weight)


def _finish(metric: Metric, scale: np.ndarray) -> Finish:
    units = jnp.asarray(scale, jnp.float32)
    finish = jax.jit(jax.vmap(lambda sums: metric.finish(sums, units)))
    return lambda sums: np.asarray(finish(jnp.asarray(sums, jnp.float32)), np.float64)


def _entry(sums: Sums, finish: Finish, scored: _Scored, codes: np.ndarray) -> Entry:
    """The score, and the 2.5 and 97.5 percentiles of the scores of units drawn with replacement."""
    shapes = [jax.ShapeDtypeStruct((1, *part.shape[1:]), jnp.float32) for part in scored]
    terms = jax.eval_shape(sums, *shapes).size
    units = min(int(codes.max()) + 1, _MOST_UNITS, max(1, _MOST_TERMS // terms))
    totals = _totals(sums, scored, codes % units, units, terms)
    random, found = np.random.default_rng(0), []
    batches = -(-RESAMPLES // max(1, min(RESAMPLES, _AT_ONCE // max(terms, units))))
    for _ in range(batches):  # of one size, so that they share a program; the first row of each is the rows as they are
        draws = random.multinomial(units, np.full(units, 1 / units), size=-(-RESAMPLES // batches))
        found.append(finish(np.concatenate([np.ones((1, units)), draws]) @ totals))
    score, scores = float(found[0][0]), np.concatenate([part[1:] for part in found])
    scores = scores[np.isfinite(scores)]
    if units < _FEWEST_UNITS or not len(scores):
        return score, math.nan, math.nan, "none"
    low, high = np.percentile(scores, [2.5, 97.5])
    return score, float(low), float(high), "bootstrap"


def _totals(sums: Sums, scored: _Scored, codes: np.ndarray, units: int, terms: int) -> np.ndarray:
    """Sums over each unit's rows, float64 [units, terms].

    Rows are sorted by unit and cut into pieces of one shape, filled up with rows of weight 0.
    """
    size = int(np.clip(-(-len(codes) // units), 1, 512))
    order = np.argsort(codes, kind="stable")
    counts = np.bincount(codes, minlength=units)
    pieces = -(-counts // size)
    owner = np.repeat(np.arange(units), pieces)
    nth = np.arange(len(owner)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    first = np.repeat(np.cumsum(counts) - counts, pieces) + nth * size
    length = np.minimum(size, np.repeat(counts, pieces) - nth * size)
    totals = np.zeros((units, terms))
    mapped = jax.jit(jax.vmap(sums))
    batch = min(len(owner), max(1, _AT_ONCE // max(terms, size * scored.predictions.shape[1])))
    for start in range(0, len(owner), batch):
        chosen = np.minimum(np.arange(start, start + batch), len(owner) - 1)  # the last piece fills up
        places = first[chosen][:, None] + np.arange(size)
        inside = (np.arange(size) < length[chosen][:, None]) & (np.arange(start, start + batch) < len(owner))[:, None]
        rows = order[np.minimum(places, len(order) - 1)]
        parts = [part[rows] for part in scored]
        parts[2] = np.where(inside, parts[2], np.float32(0.0))
        np.add.at(totals, owner[chosen], np.asarray(mapped(*parts), np.float64))
    return totals


def _wilson(share: float, rows: int) -> tuple[float, float]:
    """Wilson's interval of a share. Source: Wilson 1927."""
    square = _NORMAL**2
    center = (share + square / (2 * rows)) / (1 + square / rows)
    half = _NORMAL / (1 + square / rows) * math.sqrt(share * (1 - share) / rows + square / (4 * rows**2))
    return max(0.0, center - half), min(1.0, center + half)
