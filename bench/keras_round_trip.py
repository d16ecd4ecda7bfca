"""How far the predictions of exported Keras files are from the models' own.

    python bench/keras_round_trip.py [--models 100]

Random networks × recipes (every activation, normalization, skip connections, heads, averages of several sets; binary,
several classes, two-hot and regression; numeric and categorical columns with missing cells) are written as ``.keras``
files, which plain Keras loads and applies in a process where wellposed can't be imported. Differences of probabilities
are absolute, those of numbers relative to the largest one. The exit status is 1 if one is above 1e-5.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import numpy as np

from exchange.coding import inputs_of
from exchange.random_models import random_model
from exchange.test_to_keras import in_plain_keras, largest
from wellposed.exchange.keras import input_table, save_keras
from wellposed.models.predicting import outputs

LIMIT = 1e-5


def main() -> int:
    """Prints the largest difference by recipe and of all; the exit status."""
    parser = argparse.ArgumentParser(description="The round trip of models through Keras files.")
    parser.add_argument("--models", type=int, default=100, metavar="N")
    count = parser.parse_args().models
    began = time.perf_counter()
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder, ours = Path(name), []
        for number in range(count):
            model, rows = random_model(number, sets=3 if number % 7 == 0 else 1)
            path = save_keras(model, folder / f"{number}.keras")
            given = inputs_of(input_table(model), rows)
            np.savez(path.with_suffix(".npz"), **(given if isinstance(given, dict) else {"features": given}))
            ours.append((model.recipe.name, model.target.task, outputs(model, rows)))
        in_plain_keras(folder)
        for number, (recipe, task, predicted) in enumerate(ours):
            theirs = np.load(folder / f"{number}.npy")
            found.setdefault(recipe, []).append(largest(predicted, theirs, task))
    for recipe, differences in sorted(found.items()):
        print(f"{recipe:<40} {len(differences):4d} models  {max(differences):.1e}")
    worst = max(max(differences) for differences in found.values())
    print(f"{'largest difference':<40} {count:4d} models  {worst:.1e}  (limit {LIMIT:g})")
    print(f"{time.perf_counter() - began:.0f} s")
    return 0 if worst <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
