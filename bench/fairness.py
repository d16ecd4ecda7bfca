"""By how much do common random numbers shrink the standard error of a difference from the baseline?

    python bench/fairness.py [--seeds 24] [--epochs 30,100,300]

Validation log loss, recipe minus baseline, on one fixed split. Members of a seed share initial weights, minibatches
and draws, so their difference is paired. The figure is sqrt(var(recipe) + var(baseline)) / sd(difference): 2 means that
unpaired runs would need 4 times as many seeds for the same certainty. With 24 seeds it is known to about ± 15 % (one
standard error, by the jackknife over seeds, is given). Common random numbers help while the two networks follow the
same path; an overfitted network's path becomes chaotic. One run of the longest training gives all epochs.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

os.environ.setdefault("WELLPOSED_DATA", str(Path(__file__).resolve().parents[2] / "shared" / "data"))

from wellposed.data.read import read
from wellposed.studies.compare import compare

RECIPES = ("dropout=0.2", "l1=0.001", "l2=0.001", "l2=0.0001")
TASKS = {
    "wine": ({"source": "winequality-red", "target": "quality >= 6"}, (20, 20)),
    "jobs": ({"source": "jh-simple", "target": "product"}, (50, 25)),
}

Array = NDArray[np.float64]


def gain(recipe: Array, baseline: Array) -> float:
    """Unpaired over paired standard deviation of the difference, values by seed."""
    return float(np.sqrt(recipe.var(ddof=1) + baseline.var(ddof=1)) / (recipe - baseline).std(ddof=1))


def jackknife(recipe: Array, baseline: Array) -> float:
    """Standard error of `gain` over seeds."""
    count = len(recipe)
    left = np.array([gain(np.delete(recipe, index), np.delete(baseline, index)) for index in range(count)])
    return float(np.sqrt((count - 1) / count * np.sum((left - left.mean()) ** 2)))


def table(task: str, seeds: int, epochs: list[int]) -> None:
    """One task's lines."""
    source, widths = TASKS[task]
    study = compare(
        read(**source),
        widths,
        list(RECIPES),
        epochs=max(epochs),
        validation=0.2,
        seeds=seeds,
        fixed=True,
        monitor=0,
        references=False,
    )
    history = study.history
    for recipe in RECIPES:
        cells = []
        for epoch in epochs:
            then = history[history["epoch"] == epoch].pivot(index="seed", columns="recipe", values="validation_loss")
            pair = then[[recipe, "baseline"]].dropna().to_numpy(np.float64)
            cells.append(f"{gain(*pair.T):8.1f} ± {jackknife(*pair.T):<5.1f}")
        print(f"{task:<6}{recipe:<13}" + "".join(cells), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=24)
    parser.add_argument("--epochs", default="30,100,300")
    options = parser.parse_args()
    epochs = [int(part) for part in options.epochs.split(",")]
    print(f"sd of unpaired / sd of paired differences in validation log loss, one split, {options.seeds} seeds")
    print(f"{'task':<6}{'recipe':<13}" + "".join(f"{epoch:>9} ep.  " for epoch in epochs))
    for task in TASKS:
        table(task, options.seeds, epochs)


if __name__ == "__main__":
    main()
