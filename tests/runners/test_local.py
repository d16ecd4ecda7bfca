"""The local runner: what an interruption leaves behind, and what it says about time."""

import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from population.small import Shape, assert_same, candidate, plan
from wellposed.population.tiles import TileBuilder
from wellposed.runners.local import LocalRunner

SHAPE = Shape(splits=2, epochs=40)
IDENTITIES = [(0, 0), (1, 0)]


def two_programs():
    """The first program's members end early, the second one's don't (batch normalization needs its own)."""
    return plan(SHAPE, [candidate(SHAPE, "baseline", epochs=2), candidate(SHAPE, "batch-norm")])


def run(planned, **settings):
    rows = {number: SHAPE.split(number) for number in range(SHAPE.splits)}
    return LocalRunner(2, keep_weights=True).run(planned, rows.__getitem__, IDENTITIES, seed=0, **settings)


@pytest.fixture
def only_the_first_compiles(monkeypatch):
    """Compiling the second program takes until the test is over."""
    released, compiled, compile_program = threading.Event(), [], TileBuilder.compile

    def slow(self):
        compiled.append(self.part.program.techniques)
        if self.part.program.techniques:
            released.wait(60)
        return compile_program(self)

    monkeypatch.setattr(TileBuilder, "compile", slow)
    yield compiled
    released.set()


def test_a_compilation_is_abandoned_and_what_was_finished_is_kept(only_the_first_compiles):
    stop = threading.Event()

    def progress(state):
        if state.done >= 4:  # both members of the first program
            stop.set()

    began = time.perf_counter()
    records, timing = run(two_programs(), progress=progress, stop=stop)
    assert time.perf_counter() - began < 30
    assert [(m.candidate, m.finished, m.epochs_run, m.result_epoch) for m in records.members] == [
        (0, True, 2, 2), (0, True, 2, 2), (1, False, 0, 0), (1, False, 0, 0),
    ]  # fmt: skip
    assert records.complete() == (0,)
    assert np.isfinite(records.scores(0, "validation_loss")).all()
    assert np.isnan(records.scores(1, "validation_loss")).all()
    assert len(records.to_frame()) == 4
    assert timing.member_steps == 2 * 2 * 4
    whole, _ = run(plan(SHAPE, [candidate(SHAPE, "baseline", epochs=2)]))
    for kept, member in zip(records.of(0), whole.members, strict=True):
        assert_same(kept, member, relative=1e-6)


def test_training_ends_within_a_segment_and_curves_so_far_are_kept():
    """The curves of members cut off are the beginning of those that run to the end."""
    stop = threading.Event()
    records, _ = run(two_programs(), progress=lambda state: state.done and stop.set(), stop=stop)
    whole, _ = run(two_programs())
    assert all(member.finished for member in whole.members)
    assert not all(member.finished for member in records.members)
    for cut, member in zip(records.members, whole.members, strict=True):
        assert cut.epochs_run < SHAPE.epochs
        assert cut.finished == (cut.epochs_run == member.epochs_run)
        np.testing.assert_array_equal(cut.curves, member.curves[: cut.epochs_run])
        assert (cut.weights is not None) == cut.finished


def test_nothing_is_compiled_after_the_end(only_the_first_compiles):
    stop = threading.Event()
    stop.set()
    records, timing = run(two_programs(), stop=stop)
    assert [(m.finished, m.epochs_run, m.curves.shape) for m in records.members] == [(False, 0, (0, 7))] * 4
    assert records.complete() == ()
    assert (timing.member_steps, timing.train_s) == (0, 0.0)
    assert only_the_first_compiles == []


def test_a_request_that_comes_too_late_changes_nothing():
    stop = threading.Event()
    records, _ = run(two_programs(), stop=stop)
    assert records.complete() == (0, 1)
    assert not stop.is_set()


def test_every_program_tells_what_it_cost():
    """Two members of two epochs and two of forty, four steps each."""
    _, timing = run(two_programs())
    first, second = timing.programs
    assert (first.candidates, first.members, first.member_steps) == (("baseline",), 2, 2 * 2 * 4)
    assert (second.candidates, second.members, second.member_steps) == (("batch-norm",), 2, 2 * 40 * 4)
    assert timing.member_steps == first.member_steps + second.member_steps
    assert all(program.compile_s > 0 and program.train_s > 0 for program in timing.programs)
    shared = plan(SHAPE, [candidate(SHAPE, "baseline", epochs=1), candidate(SHAPE, "l2=0.1", epochs=3)])
    _, timing = run(shared)
    (both,) = timing.programs
    assert (both.candidates, both.members, both.member_steps) == (("baseline", "l2=0.1"), 4, 2 * 4 * 4)


def test_an_error_of_a_program_ends_the_run_and_is_the_callers(monkeypatch):
    def broken(self):
        raise ArithmeticError("no such program")

    monkeypatch.setattr(TileBuilder, "compile", broken)
    with pytest.raises(ArithmeticError, match=r"^no such program$"):
        run(two_programs())
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("tile")]


def test_a_process_ends_while_a_program_compiles():
    """The thread that compiles is nobody's to wait for."""
    code = """
import threading, time
from runners import test_local as here
here.TileBuilder.compile = lambda self: time.sleep(600)
stop = threading.Event()
threading.Timer(0.3, stop.set).start()
records, _ = here.run(here.two_programs(), stop=stop)
print(len(records.members), any(member.finished for member in records.members))
"""
    path = os.pathsep.join(entry for entry in sys.path if entry)
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout.split() == ["4", "False"]
