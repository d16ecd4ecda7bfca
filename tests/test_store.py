"""Run directories: one writer at a time, never half-readable, and what is left when a process is killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from wellposed.errors import StudyError
from wellposed.lock import hold, is_held, release
from wellposed.store import Progress, Run, new_folder, read_run, run_progress

RESULTS = {"schema": "s/1", "value": 3}
HISTORY = pd.DataFrame({"epoch": [1, 2], "loss": [0.5, 0.25]})
FACTS = {"command": "wellposed compare a.csv --target y"}

WRITER = """
import sys, time
from wellposed.store import Run
run = Run({folder!r})
run.write_state({state!r}, command="wellposed compare a.csv --target y")
if {results}:
    run.write_results({{"schema": "s/1"}})
print("ready", flush=True)
time.sleep(60)
"""


def writer(folder: Path, state: str, *, results: bool = False) -> subprocess.Popen[str]:
    """Another process that has begun a run and goes on with it."""
    code = WRITER.format(folder=str(folder), state=state, results=results)
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def killed(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=20)


def refused(message: str, *args: object, **options: object) -> None:
    with pytest.raises(StudyError) as caught:
        (Run if not args[1:] else read_run)(*args, **options)  # type: ignore[arg-type]
    assert str(caught.value) == message


def finish(folder: Path) -> None:
    run = Run(folder)
    run.write_state("planned", **FACTS)
    run.write_history(HISTORY)
    run.write_results(RESULTS)
    run.write_state("done", **FACTS)


def test_a_finished_run_reads_back_and_leaves_no_lock(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    finish(folder)
    results, history = read_run(folder, "s/1")
    assert results == RESULTS
    pd.testing.assert_frame_equal(history, HISTORY)
    assert sorted(path.name for path in folder.iterdir()) == ["history.parquet", "results.json", "run.json"]
    assert run_progress(folder) == Progress("done", False, FACTS["command"])


@pytest.mark.parametrize("state", ["planned", "writing"])
def test_another_process_is_kept_out_and_told(tmp_path: Path, state: str) -> None:
    folder = tmp_path / "run"
    process = writer(folder, state, results=True)
    try:
        refused(
            f"out: another process is writing a run into the folder, got {folder}. "
            "Wait for it to end, or choose another `out`.",
            folder,
        )
        refused(
            f"run: it is in progress, and another process writes it, got {folder}. Wait for it to end.", folder, "s/1"
        )
        assert run_progress(folder) == Progress(state, True, FACTS["command"])
    finally:
        killed(process)


def test_a_killed_process_leaves_a_run_that_says_how_to_repeat_it(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    killed(writer(folder, "writing", results=True))
    # results are there, but the state says that not everything beside them is
    refused(
        f"run: its process was cut off before it had results, got {folder}. Repeat it with: {FACTS['command']}",
        folder,
        "s/1",
    )
    finish(folder)
    assert read_run(folder, "s/1")[0] == RESULTS


def test_a_new_attempt_takes_away_what_an_earlier_one_left(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    killed(writer(folder, "writing", results=True))
    run = Run(folder, new=True)
    run.write_state("planned", **FACTS)
    run.write_state("interrupted", **FACTS)
    refused(
        f"run: it was interrupted before it had results, got {folder}. Repeat it with: {FACTS['command']}",
        folder,
        "s/1",
    )


def test_what_an_interrupted_run_had_finished_can_be_read(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    run.write_state("planned")
    run.write_history(HISTORY)
    run.write_results(RESULTS)
    run.write_state("interrupted")
    assert read_run(tmp_path / "run", "s/1")[0] == RESULTS


def test_a_failed_run_without_its_command(tmp_path: Path) -> None:
    Run(tmp_path / "run").write_state("failed")
    refused(
        f"run: it failed before it had results, got {tmp_path / 'run'}. Run its command again.",
        tmp_path / "run",
        "s/1",
    )


def test_a_finished_run_is_not_begun_anew(tmp_path: Path) -> None:
    finish(tmp_path / "run")
    message = f"out: the folder holds a finished run, got {tmp_path / 'run'}. Choose another `out`, or remove it."
    refused(message, tmp_path / "run", new=True)
    assert not (tmp_path / "run" / ".lock").exists()


def test_results_may_be_saved_twice_by_one_process(tmp_path: Path) -> None:
    finish(tmp_path / "run")
    finish(tmp_path / "run")
    outer, inner = Run(tmp_path / "other"), Run(tmp_path / "other")
    inner.write_state("done")
    outer.write_state("done")
    assert not (tmp_path / "other" / ".lock").exists()


def test_of_many_processes_one_gets_the_folder(tmp_path: Path) -> None:
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom wellposed.lock import hold\n"
        f"got = hold(Path({str(tmp_path)!r}))\nprint(int(got), flush=True)\nsys.stdin.readline()"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    answers = [process.stdout.readline() for process in processes if process.stdout is not None]
    for process in processes:
        process.communicate("\n", timeout=20)
    assert sorted(answers) == ["0\n", "0\n", "0\n", "1\n"]
    assert hold(tmp_path)
    assert not is_held(tmp_path)  # not by another
    release(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_folders_with_numbers_differ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = [new_folder("a/b\x1b", "compare").as_posix() for _ in range(2)]
    assert names == ["wellposed-runs/a-b--compare-1", "wellposed-runs/a-b--compare-2"]


READER = """
import json
for _ in range(300):
    print(json.load(open({path!r}))["state"])
"""


def test_a_reader_sees_the_old_state_or_the_new_one(tmp_path: Path) -> None:
    run, end = Run(tmp_path / "run"), time.monotonic() + 0.5
    run.write_state("planned")
    code = READER.format(path=str(tmp_path / "run" / "run.json"))
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    while time.monotonic() < end:
        for state in ("planned", "writing"):
            run.write_state(state, padding="x" * 100_000)
    assert set(process.communicate(timeout=20)[0].split()) <= {"planned", "writing"}
    assert process.returncode == 0


def test_formulas_and_broken_text_on_disk(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    table = pd.DataFrame({"=cmd()": ["=1+1", "-1", "+", "@x", "plain"], "p": [1.0, 2, 3, 4, 5]})
    run.write_table("predictions.csv", table)
    lines = (tmp_path / "run" / "predictions.csv").read_text().splitlines()
    assert lines == ["row,'=cmd(),p", "0,'=1+1,1.0", "1,-1,2.0", "2,+,3.0", "3,'@x,4.0", "4,plain,5.0"]
    run.write_results({"label": "\ud800"})
    assert (tmp_path / "run" / "results.json").read_text() == '{\n "label": "?"\n}\n'
    run.write_state("done")


def test_a_full_disk_leaves_no_half_file(tmp_path: Path) -> None:
    code = (
        "import resource\nfrom wellposed.store import Run\n"
        f"run = Run({str(tmp_path / 'run')!r})\nrun.write_state('planned')\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try:\n    run.write_results({'x': 'y' * 100_000})\n"
        "except OSError as error:\n    print(error.strerror)\n    run.write_state('failed')\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "File too large\n"
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["run.json"]
    assert run_progress(tmp_path / "run") == Progress("failed", False, "")
