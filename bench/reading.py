"""Peak memory and time of reading a large CSV, against its size: ``python bench/reading.py [MB]``.

Each reader runs in a process of its own; what its imports take is subtracted.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

COLUMNS = 20
READERS = {
    "imports alone": "",
    "wellposed, wp.read": "read(path, 'y')",
    "pandas.read_csv": "pd.read_csv(path)",
}


def write(path: Path, megabytes: float) -> int:
    """A table of random numbers with a target, and its size in bytes."""
    random, size = np.random.default_rng(0), 0
    with path.open("w") as file:
        file.write(",".join([*(f"x{column}" for column in range(COLUMNS)), "y"]) + "\n")
        while size < megabytes * 1e6:
            block = random.normal(size=(5_000, COLUMNS + 1))
            size += file.write("\n".join(",".join(f"{cell:.6f}" for cell in row) for row in block) + "\n")
    return path.stat().st_size


def child(path: str, code: str) -> None:
    """Read, then print seconds and the most bytes that the process held."""
    import pandas as pd
    import pyarrow.csv  # noqa: F401

    from wellposed.data.read import read

    began = time.perf_counter()
    exec(code, {"path": path, "read": read, "pd": pd})
    print(time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def main(megabytes: float) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        size = write(path, megabytes)
        print(f"a CSV of {size / 1e6:.0f} MB, {COLUMNS + 1} columns of numbers\n")
        print(f"{'reader':<20} {'seconds':>8} {'peak, MB':>9} {'× file':>7}")
        idle = 0.0
        for name, code in READERS.items():
            ran = subprocess.run(
                [sys.executable, __file__, str(path), code], capture_output=True, text=True, check=True
            )
            seconds, peak = map(float, ran.stdout.split())
            idle = idle or peak
            print(f"{name:<20} {seconds:8.1f} {(peak - idle) / 1e6:9.0f} {(peak - idle) / size:7.1f}")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        child(*sys.argv[1:])
    else:
        main(float(sys.argv[1]) if len(sys.argv) > 1 else 100.0)
