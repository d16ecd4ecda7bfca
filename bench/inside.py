"""What does it cost to look inside? The engine's time for a member-step, with and without records of every layer.

    python bench/inside.py [--only W1,W4] [--seconds 1]

W1 to W4 as in `bench/speed.py`; medians of five rounds in which both take turns, in processor time by update of one
network, scores of every epoch included. ``extra`` is the whole cost of the records: one more pass and gradient over 256
training rows an epoch, so it falls with the number of updates in an epoch.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parent))

from parts.peers import Engine
from parts.workloads import WORKLOADS


def micros(engine: Engine, epochs: int) -> float:
    """Processor µs of a member-step, by core."""
    began = time.process_time()
    engine.epochs(epochs)
    return (time.process_time() - began) / (os.cpu_count() or 1) / (epochs * engine.member_steps) * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default=",".join(WORKLOADS))
    parser.add_argument("--seconds", type=float, default=1.0, help="of a round")
    options = parser.parse_args()
    print("     updates an epoch     plain    inside     extra")
    for name in options.only.split(","):
        work = WORKLOADS[name]
        engines = Engine(work, work.members), Engine(work, work.members, inside=True)
        for engine in engines:
            engine.epochs(1)  # compiles
        began = time.perf_counter()
        engines[0].epochs(2)
        epochs = max(2, round(options.seconds / ((time.perf_counter() - began) / 2)))
        rounds = [[micros(engine, epochs) for engine in engines] for _ in range(5)]
        plain, inside = (median(column) for column in zip(*rounds, strict=True))
        print(f"{name:<5}{work.steps:16}{plain:10.2f}{inside:10.2f}{inside / plain - 1:10.1%}", flush=True)


if __name__ == "__main__":
    main()
