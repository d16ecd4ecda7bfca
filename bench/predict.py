"""How long a model predicts 1,000,000 × 50 rows, and what memory it takes: arrays, parquet, CSV.

Each way runs in a process of its own, whose peak memory is printed beside that of a process that only loads the model.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

FEATURES, WIDTHS = 50, (64, 64)


def main() -> None:
    """Makes rows and a model, then times every way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--way", help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.way == "prepare":
        _prepare(Path(given.folder), given.rows)
        return
    if given.way is not None:
        print(json.dumps(_measure(given.way, Path(given.folder))))
        return
    with tempfile.TemporaryDirectory() as folder:
        # in a process of its own: a child's peak memory begins with what its parent holds
        command = [sys.executable, __file__, "--rows", str(given.rows), "--folder", folder]
        subprocess.run([*command, "--way", "prepare"], check=True)
        sizes = {path.name: path.stat().st_size / 1e6 for path in Path(folder).iterdir() if path.is_file()}
        print(f"{given.rows:,} × {FEATURES} rows, network {','.join(map(str, WIDTHS))}; files in MB:",
              ", ".join(f"{name} {size:.0f}" for name, size in sorted(sizes.items())))  # fmt: skip
        print(f"{'way':<28}{'seconds':>9}{'rows/s':>12}{'peak MB':>9}")
        for way in ("load only", "array", "rows.parquet", "rows.csv"):
            found = json.loads(
                subprocess.run([*command, "--way", way], check=True, capture_output=True, text=True).stdout
            )
            seconds = found["seconds"]
            rate = f"{given.rows / seconds:,.0f}" if way != "load only" else ""
            print(f"{way:<28}{seconds:>9.2f}{rate:>12}{found['peak']:>9.0f}")


def _prepare(folder: Path, rows: int) -> None:
    import pandas as pd

    import wellposed as wp
    from wellposed.studies.prepare import prepare
    from wellposed.studies.refit import refit

    random = np.random.default_rng(0)
    x = random.normal(size=(rows, FEATURES)).astype(np.float32)
    np.save(folder / "rows.npy", x)
    frame = pd.DataFrame(x, columns=[f"x_{i}" for i in range(FEATURES)])
    frame.to_parquet(folder / "rows.parquet")
    frame.round(4).to_csv(folder / "rows.csv", index=False)
    small = x[:500]
    data = wp.read((small, (small[:, 0] > 0).astype(int)))
    planned = prepare(data, WIDTHS, ["l2=1e-3"], epochs=2, folds=2, seeds=1, references=False)
    experiment = planned.experiment
    refit(experiment, planned.recipes[0], experiment.development, 2, 0).save(folder / "model")


def _measure(way: str, folder: Path) -> dict[str, float]:
    """Seconds and peak memory of one way; CSV and parquet as ``wellposed predict`` does it, output included."""
    from wellposed.cli.main import main as wellposed
    from wellposed.models.model import Model

    model = Model.load(folder / "model")
    model.predict(np.zeros((1, FEATURES), np.float32))  # compiled before the clock starts
    rows = np.load(folder / "rows.npy", mmap_mode="r") if way == "array" else None
    began = time.perf_counter()
    if rows is not None:
        model.predict_proba(rows)
    elif way != "load only":
        wellposed(["predict", str(folder / "model"), str(folder / way), "-o", str(folder / f"out-{way}")])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"seconds": time.perf_counter() - began, "peak": peak / (1e6 if sys.platform == "darwin" else 1e3)}


if __name__ == "__main__":
    main()
