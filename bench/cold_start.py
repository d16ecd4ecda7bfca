"""The wine exercise as a user runs it, from the shell: how long until the report is written?

    python bench/cold_start.py [--epochs 500] [--repeats 3] [--profile]

Baseline, best epoch and eleven recipes × 3 seeds, 20-20 hidden units, 500 epochs, hold-out of 20 %: wall time of the
whole process, once with an empty compilation cache and ``--repeats`` times with the one that it left (their median is
shown). Where the time goes is told from the run's own files:

start    the interpreter, imports, reading the data, splits, the plan
compile  until the first program trains (others compile while it trains)
train    from then until the last member is done
score    statistics, and waiting for reference models
write    history and report
end      the table on the terminal, and leaving

``--profile`` also prints the twenty slowest imports and the functions that take longest besides training (warm cache).
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COLD, WARM = 20.0, 10.0
RECIPES = (
    "l1=0.01 + l2=0.01",
    "l1=0.001 + l2=0.001",
    "l1=0.001",
    "l2=0.001",
    "l1=0.01 + l2=0.001",
    *(f"dropout={rate}" for rate in (0.005, 0.1, 0.2, 0.5, 0.9)),
)
STAGES = ("start", "compile", "train", "score", "write", "end")


def arguments(out: Path, epochs: int) -> list[str]:
    """What stands after ``wellposed``."""
    fixed = ["compare", "winequality-red", "--target", "quality >= 6", "--network", "20,20", "--epochs", str(epochs)]
    recipes = [part for recipe in RECIPES for part in ("--with", recipe)]
    return [*fixed, "--validation", "0.2", "--seeds", "3", *recipes, "--out", str(out)]


def environment(cache: Path) -> dict[str, str]:
    """The process's environment: the cache's folder, and data beside the repository if they are there."""
    data = Path(__file__).resolve().parents[2] / "shared" / "data"
    found = {"WELLPOSED_DATA": str(data)} if data.is_dir() else {}
    return {**found, **os.environ, "WELLPOSED_CACHE": str(cache)}


def measure(out: Path, cache: Path, epochs: int) -> dict[str, float]:
    """Seconds by stage, and ``whole``."""
    began, clock = time.time(), time.perf_counter()
    program = Path(sys.executable).parent / "wellposed"
    start = [str(program)] if program.exists() else [sys.executable, "-m", "wellposed.cli.main"]
    done = subprocess.run([*start, *arguments(out, epochs)], env=environment(cache), capture_output=True, text=True)
    whole = time.perf_counter() - clock
    if done.returncode:
        raise SystemExit(f"wellposed compare ended with status {done.returncode}: {done.stderr.strip()}")
    results, report = out / "results.json", out / "report.html"
    run = json.loads(results.read_text(encoding="utf-8"))["run"]
    scored, written = results.stat().st_mtime - began, report.stat().st_mtime - began
    parts = {
        "start": scored - run["total_s"],
        "compile": run["compile_s"],
        "train": run["train_s"],
        "score": run["total_s"] - run["compile_s"] - run["train_s"],
        "write": written - scored,
        "end": whole - written,
    }
    return {**parts, "whole": whole}


def show(name: str, times: dict[str, float], target: float | None) -> None:
    met = "" if target is None else f"   target < {target:.0f} s: {'met' if times['whole'] < target else 'NOT met'}"
    stages = "".join(f"{times[stage]:9.2f}" for stage in STAGES)
    print(f"{name:<14}{times['whole']:8.1f}{stages}{met}", flush=True)


def profile(folder: Path, cache: Path, epochs: int) -> None:
    """Slow imports, then slow functions, of a warm run."""
    environ = environment(cache)
    command = [sys.executable, "-X", "importtime", "-m", "wellposed.cli.main", *arguments(folder / "imports", epochs)]
    text = subprocess.run(command, env=environ, capture_output=True, text=True).stderr
    found = re.findall(r"import time:\s+(\d+) \|\s+(\d+) \|(\s+)(\S+)", text)
    slow = sorted(((int(total), int(own), name) for own, total, _, name in found), reverse=True)[:20]
    print("\nimports, ms with what they import | ms alone")
    for total, own, name in slow:
        print(f"{total / 1000:10.0f} {own / 1000:8.0f}  {name}")
    code = (
        "import cProfile, pstats, sys, threading\n"
        "from wellposed.cli import main\n"
        "profile = cProfile.Profile()\n"
        "profile.runcall(main.main, sys.argv[1:])\n"
        "pstats.Stats(profile, stream=sys.stderr).sort_stats('cumulative').print_stats('wellposed', 25)\n"
    )
    command = [sys.executable, "-c", code, *arguments(folder / "functions", epochs)]
    print("\nfunctions of the main thread, by time with what they call (training runs in other threads)")
    print(subprocess.run(command, env=environ, capture_output=True, text=True).stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--epochs", type=int, default=500)
    parser.add_argument("--repeats", type=int, default=3, help="of the warm start")
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    judged = options.epochs == 500
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cache = folder / "cache"
        print(f"{'seconds':<14}{'whole':>8}" + "".join(f"{stage:>9}" for stage in STAGES))
        show("empty cache", measure(folder / "cold", cache, options.epochs), COLD if judged else None)
        warm = [measure(folder / f"warm-{number}", cache, options.epochs) for number in range(options.repeats)]
        if not warm:
            return
        median = sorted(warm, key=lambda times: times["whole"])[len(warm) // 2]
        show("warm cache", median, WARM if judged else None)
        if options.profile:
            profile(folder, cache, options.epochs)


if __name__ == "__main__":
    main()
