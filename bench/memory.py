"""Does ``--memory`` bound what a comparison takes?

    python bench/memory.py [--rows 100000] [--features 100] [--memory 4GB,1GB] [--no-references]

Twelve recipes × 5 folds × 1 seed (and the best-epoch baseline), network 64-64, 2 epochs, on random rows, each in a
process of its own; ``ru_maxrss`` is what it held at most by then. ``tiles`` is the plan's own estimate of what trains
at once; ``added`` is the peak beyond the imports and the data themselves, which is what ``--memory`` should bound.
``encoded`` is the float32 size of one split's rows: splits that are kept encoded take so much each.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time

import numpy as np

RECIPES = (
    *(f"l2={rate:g}" for rate in (1e-5, 1e-4, 1e-3, 1e-2)),
    *(f"l1={rate:g}" for rate in (1e-5, 1e-4, 1e-3)),
    *(f"dropout={rate:g}" for rate in (0.1, 0.2, 0.3, 0.5)),
    "l2=0.001 + dropout=0.2",
)
FOLDS, EPOCHS = 5, 2


def held() -> int:
    """Bytes that this process held at most so far."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def study(rows: int, features: int, memory: str, references: bool) -> dict[str, float]:
    """Runs the comparison in this process."""
    import pandas as pd

    from wellposed.data.read import read
    from wellposed.studies.compare import prepare, run

    imports = held()
    rng = np.random.default_rng(0)
    x = rng.standard_normal((rows, features), np.float32)
    frame = pd.DataFrame(x, columns=[f"x{number}" for number in range(features)])
    frame["y"] = np.where(x[:, :5].sum(1) + rng.standard_normal(rows) > 0, "yes", "no")
    data = read(frame, "y")
    del frame, x
    loaded = held()
    prepared = prepare(
        data, (64, 64), RECIPES, epochs=EPOCHS, folds=FOLDS, seeds=1, memory=memory, references=references
    )
    planned, began = held(), time.perf_counter()
    run(prepared)
    return {
        "imports": imports,
        "loaded": loaded,
        "planned": planned,
        "peak": held(),
        "tiles": prepared.memory(),
        "bound": prepared.plan.memory,
        "seconds": time.perf_counter() - began,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--features", type=int, default=100)
    parser.add_argument("--memory", default="4GB,1GB")
    parser.add_argument("--references", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        print(json.dumps(study(options.rows, options.features, options.memory, options.references)))
        return
    encoded = options.rows * options.features * 4 / 1e6
    print(f"{options.rows:,} × {options.features}, {len(RECIPES)} recipes × {FOLDS} folds; MB; encoded {encoded:.0f}")
    columns = ("imports", "data", "plan", "peak", "added", "tiles", "seconds")
    print(f"{'--memory':<10}" + "".join(f"{column:>9}" for column in columns))
    for memory in options.memory.split(","):
        command = [sys.executable, __file__, "--inside", "--memory", memory, "--rows", str(options.rows)]
        command += ["--features", str(options.features), "--references" if options.references else "--no-references"]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
        added = found["peak"] - found["loaded"]
        sizes = [found["imports"], found["loaded"], found["planned"], found["peak"], added, found["tiles"]]
        kept = "bounded" if added <= found["bound"] else "NOT bounded"
        cells = "".join(f"{size / 1e6:9.0f}" for size in sizes)
        print(f"{memory:<10}{cells}{found['seconds']:9.1f}   {kept}", flush=True)


if __name__ == "__main__":
    main()
