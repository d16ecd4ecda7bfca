"""How often do verdicts claim something false? Simulated studies whose truth is known, one table.

    python bench/null.py [--studies 200] [--seed 0]

Each study draws a new data set, y = sign(x b + noise), splits it as a design says, and trains a baseline and five
recipes that are equally good in truth: ridge classifiers that share six informative columns and own some more each,
exchangeable between learners (informative in the world "own signal", noise to overfit in others). Weights are pulled
towards a random start that differs from seed to seed, as an initialization does ("steady": hardly; "chaotic": so much
that seeds vary more than rows). Scores are squared loss and accuracy on validation rows. With repeated splits and
fixed partitions the true difference is 0 over data sets; on one fixed hold-out the truth is the exact difference of
the two learners' risks given the training rows, and is subtracted.

Columns: the share of single comparisons with p < 0.05 in favour of the recipe (nominal: 2.5 %) and in either
direction (5 %); after Holm over five recipes, the share of recipes with a false `helps`, and of studies with any
false `helps` and any false claim, each with a 95 % binomial (Clopper-Pearson) interval.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from wellposed import paired
from wellposed.statistics import compare_all, verdict

Array = NDArray[np.float64]

SHARED, RECIPES = 6, 5
METRICS = {"loss": "min", "accuracy": "max"}
START_WEIGHTS = 400  # draws of the random start that the truth on a fixed split is averaged over


@dataclass(frozen=True)
class World:
    name: str
    rows: int
    own: int  # columns that each learner has for itself
    own_signal: float  # their coefficient
    start: float  # standard deviation of the random start
    ridge: float

    def coefficients(self) -> Array:
        return np.repeat([0.5, self.own_signal], [SHARED, self.own * (RECIPES + 1)])

    def columns(self, learner: int) -> NDArray[np.int64]:
        return np.r_[np.arange(SHARED), SHARED + self.own * learner + np.arange(self.own)]


@dataclass(frozen=True)
class Design:
    name: str
    statistics: Literal["repeated", "fixed-partition", "fixed-holdout"]  # as SplitScheme.design
    folds: int
    seeds: int
    fixed: bool


WORLDS = (
    World("own signal", rows=200, own=8, own_signal=0.15, start=0.2, ridge=10.0),
    World("pure noise, steady", rows=200, own=8, own_signal=0.0, start=0.01, ridge=10.0),
    World("much noise", rows=200, own=60, own_signal=0.0, start=0.2, ridge=0.1),
    World("chaotic training", rows=200, own=8, own_signal=0.15, start=1.5, ridge=10.0),
    World("overfitted, 60 rows", rows=60, own=30, own_signal=0.0, start=0.2, ridge=0.01),
)
DESIGNS = (
    Design("repeated 5-fold, 3 seeds", "repeated", 5, 3, False),
    Design("repeated 5-fold, 1 seed", "repeated", 5, 1, False),
    Design("repeated hold-out, 10 seeds", "repeated", 1, 10, False),
    Design("fixed 5-fold, 3 seeds", "fixed-partition", 5, 3, True),
    Design("fixed hold-out, 10 seeds", "fixed-holdout", 1, 10, True),
    Design("fixed hold-out, 3 seeds", "fixed-holdout", 1, 3, True),
    Design("fixed hold-out, 2 seeds", "fixed-holdout", 1, 2, True),
)


def draw(world: World, studies: int, rng: np.random.Generator) -> tuple[Array, Array]:
    b = world.coefficients()
    x = rng.standard_normal((studies, world.rows, b.size))
    return x, np.sign(x @ b + rng.standard_normal((studies, world.rows))).astype(np.float64)


def fit(world: World, x: Array, y: Array, starts: Array) -> Array:
    """Ridge towards each start, ``[studies, starts, columns]`` -> weights of the same shape."""
    xt = x.transpose(0, 2, 1)
    gram = xt @ x + world.ridge * np.eye(x.shape[2])
    right = (xt @ y[..., None]) + world.ridge * starts.transpose(0, 2, 1)
    return np.asarray(np.linalg.solve(gram, right), dtype=np.float64).transpose(0, 2, 1)


def row_scores(prediction: Array, y: Array) -> dict[str, Array]:
    return {"loss": (y - prediction) ** 2, "accuracy": (np.sign(prediction) == y).astype(float)}


def true_scores(world: World, weights: Array, learner: int) -> dict[str, Array]:
    """Exact expected scores of ``[..., columns]`` weights over new rows, averaged over the starts (axis 1)."""
    b = world.coefficients()
    norm = np.sqrt(b @ b + 1)
    covariance = weights @ b[world.columns(learner)]
    size = np.square(weights).sum(-1)
    loss = 1 - 2 * np.sqrt(2 / np.pi) * covariance / norm + size
    accuracy = 1 - np.arccos(covariance / (norm * np.sqrt(size))) / np.pi
    return {"loss": loss.mean(1), "accuracy": accuracy.mean(1)}


def partitions(
    design: Design, studies: int, rows: int, rng: np.random.Generator
) -> Iterator[tuple[int, int, NDArray[np.int64], NDArray[np.int64]]]:
    """(fold, seed, training rows, validation rows), rows as ``[studies, k]`` indices."""
    order = rng.permuted(np.tile(np.arange(rows), (studies, 1)), axis=1)
    size = rows // 5
    for seed in range(design.seeds):
        if not design.fixed and seed:
            order = rng.permuted(order, axis=1)
        for fold in range(design.folds):
            inside = slice(fold * size, (fold + 1) * size)
            yield fold, seed, np.delete(order, inside, axis=1), order[:, inside]


def simulate(world: World, design: Design, studies: int, rng: np.random.Generator) -> dict[str, Array]:
    """metric -> scores ``[studies, learner, folds, seeds]`` (``[studies, learner, seeds, rows]``: fixed hold-out)."""
    x, y = draw(world, studies, rng)
    learners = RECIPES + 1
    per_row = design.statistics == "fixed-holdout"
    shape = (design.seeds, world.rows // 5) if per_row else (design.folds, design.seeds)
    scores = {metric: np.zeros((studies, learners, *shape)) for metric in METRICS}
    start = world.start * rng.standard_normal((studies, learners, design.seeds, SHARED + world.own))
    for fold, seed, training, validation in partitions(design, studies, world.rows, rng):
        x_training = np.take_along_axis(x, training[..., None], axis=1)
        x_validation = np.take_along_axis(x, validation[..., None], axis=1)
        y_training, y_validation = np.take_along_axis(y, training, 1), np.take_along_axis(y, validation, 1)
        for learner in range(learners):
            own = world.columns(learner)
            starts = start[:, learner, seed : seed + 1]
            if per_row and seed == 0:
                many = world.start * rng.standard_normal((studies, START_WEIGHTS, own.size))
                truth = true_scores(world, fit(world, x_training[..., own], y_training, many), learner)
                for metric in METRICS:
                    scores[metric][:, learner] -= truth[metric][:, None, None]
            weights = fit(world, x_training[..., own], y_training, starts)
            prediction = np.einsum("srp,sp->sr", x_validation[..., own], weights[:, 0])
            for metric, values in row_scores(prediction, y_validation).items():
                if per_row:
                    scores[metric][:, learner, seed] += values
                else:
                    scores[metric][:, learner, fold, seed] = values.mean(1)
    return scores


def rate(hits: int, of: int) -> str:
    low = betaincinv(hits, of - hits + 1, 0.025) if hits else 0.0
    high = betaincinv(hits + 1, of - hits, 0.975) if hits < of else 1.0
    return f"{100 * hits / of:5.1f} [{100 * low:4.1f}, {100 * high:4.1f}]"


def judge(scores: Array, design: Design, world: World, metric: str) -> str:
    """One row of the table from ``[studies, learner, ...]`` scores."""
    single_helps = single_claims = helps = any_helps = any_claim = 0
    direction = "min" if METRICS[metric] == "min" else "max"
    names = [f"recipe {index}" for index in range(1, RECIPES + 1)]
    for study in scores:
        found = compare_all(
            dict(zip(names, study[1:], strict=True)),
            study[0],
            design=design.statistics,
            n_training=world.rows * 4 // 5,
            n_validation=world.rows // 5,
        )
        verdicts = [verdict(comparison, direction=direction) for comparison in found.values()]
        better = [(comparison.mean < 0) == (direction == "min") for comparison in found.values()]
        raw = [comparison.p < 0.05 for comparison in found.values()]
        single_claims += sum(raw)
        single_helps += sum(claimed and good for claimed, good in zip(raw, better, strict=True))
        helps += verdicts.count("helps")
        any_helps += "helps" in verdicts
        any_claim += "helps" in verdicts or "hurts" in verdicts
    studies, comparisons = len(scores), len(scores) * RECIPES
    return (
        f"{design.name:<28} {world.name:<20} {metric:<9} {100 * single_helps / comparisons:6.1f} "
        f"{100 * single_claims / comparisons:6.1f} {100 * helps / comparisons:8.1f} "
        f"  {rate(any_helps, studies):<19} {rate(any_claim, studies)}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--studies", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    paired.fewest_seeds = lambda *_: None  # the plan for a next study takes most of the time and is not judged here
    began = time.perf_counter()
    print(f"{options.studies} studies a row, {RECIPES} recipes equal to the baseline; percent")
    print(
        f"{'design':<28} {'world':<20} {'metric':<9} {'helps':>6} {'claim':>6} {'Holm: helps':>11} "
        f"{'any false helps':<19} any false claim"
    )
    for design_index, design in enumerate(DESIGNS):
        for world_index, world in enumerate(WORLDS):
            rng = np.random.default_rng([options.seed, design_index, world_index])
            parts = [
                simulate(world, design, min(250, options.studies - done), rng)
                for done in range(0, options.studies, 250)
            ]
            for metric in METRICS:
                print(judge(np.concatenate([part[metric] for part in parts]), design, world, metric), flush=True)
    print(f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
