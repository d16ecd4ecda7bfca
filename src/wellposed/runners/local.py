"""Runs a plan in this process: programs compile side by side, tiles train on all cores in rounds of short segments."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import os
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from wellposed.network.randomness import study_key
from wellposed.population.compile import Compiled
from wellposed.population.plan import Plan, SplitRows, TilePlan
from wellposed.population.tile import stream_key
from wellposed.population.tiles import LiveTile, TileBuilder
from wellposed.population.tiling import WORKERS
from wellposed.population.train import SEGMENT
from wellposed.records import MemberRecord, Records, concatenate
from wellposed.runners.base import ProgramTiming, Progress, Timing

__all__ = ["LocalRunner"]

_SEGMENT_SECONDS = 0.5  # how often training returns for progress and Ctrl-C
_LOOK_SECONDS = 0.1  # how often a request to stop is looked for


@dataclasses.dataclass
class _Result:
    """A member's record in the making."""

    curves: list[np.ndarray] = dataclasses.field(default_factory=list)
    result_epoch: int = 0
    diverged: int = 0
    predictions: np.ndarray | None = None
    losses: np.ndarray | None = None
    weights: Any = None
    finished: bool = False


@dataclasses.dataclass
class _Cost:
    """What a program cost so far: seconds, updates."""

    compile_s: float = 0.0
    train_s: float = 0.0
    steps: int = 0


class LocalRunner:
    """The default runner.

    Args:
        workers: tiles trained at once, default: the number of cores (on an accelerator 1).
        keep_weights: also hand back each member's weights.
    """

    def __init__(self, workers: int | None = None, *, keep_weights: bool = False) -> None:
        self.workers = workers or (os.cpu_count() or 1 if jax.default_backend() == "cpu" else 1)
        self.keep_weights = keep_weights

    def run(
        self,
        plan: Plan,
        rows: Callable[[int], SplitRows],
        identities: list[tuple[int, int]],
        *,
        seed: int,
        progress: Callable[[Progress], None] = lambda _: None,
        stop: threading.Event | None = None,
    ) -> tuple[Records, Timing]:
        """See `wellposed.runners.base.Runner`."""
        root = study_key(seed)
        keys = [stream_key(root, fold, number) for fold, number in identities]
        training = _Training(plan, progress, self.workers, self.keep_weights)
        training.run([TileBuilder(plan, part, rows, keys) for part in plan.programs], stop or threading.Event())
        columns = training.columns
        members = tuple(
            MemberRecord(
                m.candidate,
                m.split,
                concatenate(r.curves, len(columns)),
                r.result_epoch,
                r.diverged,
                r.predictions,
                r.losses,
                r.weights,
                r.finished,
            )
            for m, r in zip(plan.members, training.results, strict=True)
        )
        names = tuple(candidate.name for candidate in plan.candidates)
        return Records(columns, members, names, tuple(identities)), training.timing


class _Training:
    """One plan in training; its methods run in several threads."""

    def __init__(self, plan: Plan, progress: Callable[[Progress], None], workers: int, keep_weights: bool) -> None:
        self.plan, self.progress, self.keep_weights = plan, progress, keep_weights
        self.results = [_Result() for _ in plan.members]
        self.timing = Timing()
        self.columns: tuple[str, ...] = ()
        self._costs: dict[TileBuilder, _Cost] = {}
        self._total = sum(plan.candidates[member.candidate].epochs for member in plan.members)
        self._done, self._began, self._compiled = 0, time.perf_counter(), False
        self._over, self._lock = threading.Event(), threading.Lock()
        self._tiles = concurrent.futures.ThreadPoolExecutor(workers, "tile")

    def run(self, builders: list[TileBuilder], stop: threading.Event) -> None:
        """Compiles and trains every program; those that are compiled train while others compile."""
        self._report("compiling", 0)
        # techniques that change the number of layers have other columns: theirs stand at the end, NaN for the others
        self.columns = tuple(dict.fromkeys(name for builder in builders for name in _columns(builder.part)))
        waiting: queue.SimpleQueue[TileBuilder] = queue.SimpleQueue()
        ended: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
        for builder in builders:
            waiting.put(builder)
            self._costs[builder] = _Cost()
        # as many programs at a time as the plan's memory was shared out for; daemons, since a compilation can't be
        # interrupted and nobody should have to wait for it
        for number in range(0 if stop.is_set() else min(WORKERS, len(builders))):
            name = f"program_{number}"
            threading.Thread(target=self._programs, args=(waiting, ended), name=name, daemon=True).start()
        interrupted = True
        try:
            for _ in builders:
                if not _next(ended, stop):
                    break
            interrupted = False
        finally:
            self._over.set()
            # segments under way are waited for, unless an error or Ctrl-C is on its way
            self._tiles.shutdown(wait=not interrupted, cancel_futures=True)
        seconds = time.perf_counter() - self._began
        self.timing.compile_s = self.timing.compile_s if self._compiled else seconds
        self.timing.train_s = seconds - self.timing.compile_s
        self.timing.programs = tuple(self._program_timing(builder, cost) for builder, cost in self._costs.items())
        self.timing.member_steps = sum(program.member_steps for program in self.timing.programs)

    def _program_timing(self, builder: TileBuilder, cost: _Cost) -> ProgramTiming:
        members = [self.plan.members[number] for number in builder.part.techniques]
        names = tuple(dict.fromkeys(self.plan.candidates[member.candidate].name for member in members))
        return ProgramTiming(names, len(members), cost.compile_s, cost.train_s, cost.steps)

    def _programs(
        self, waiting: queue.SimpleQueue[TileBuilder], ended: queue.SimpleQueue[BaseException | None]
    ) -> None:
        """Compiles and trains one program after the other, in a thread; tells ``ended`` of each: None, or its error."""
        while not self._over.is_set():
            try:
                builder = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                self._program(builder)
            except BaseException as error:  # after the end nobody reads it: the pool of tiles is closed by then
                ended.put(error)
            else:
                ended.put(None)

    def _program(self, builder: TileBuilder) -> None:
        began = time.perf_counter()
        compiled = builder.compile()
        self._costs[builder].compile_s = time.perf_counter() - began
        if self._over.is_set():
            return
        with self._lock:
            if not self._compiled:  # until the first program trains, the time is compilation's
                self.timing.compile_s, self._compiled = time.perf_counter() - self._began, True
        part = builder.part
        wave = max(1, self.plan.memory // WORKERS // part.bytes_per_tile)
        for start in range(0, len(part.tiles), wave):
            if self._over.is_set():
                return
            live = [builder.start(tile, compiled) for tile in part.tiles[start : start + wave]]
            self._wave(builder, compiled, live)
            builder.forget()

    def _wave(self, builder: TileBuilder, compiled: Compiled, live: list[LiveTile]) -> None:
        """Tiles that are in memory together, in rounds of one segment each."""
        epoch, length, rate = 0, 1, float("inf")
        last = max(int(np.max(tile.settings.hyper.stop)) for tile in live)
        while live and epoch < last and not self._over.is_set():
            length = min(length, last - epoch, SEGMENT)
            began = time.perf_counter()
            rounds = [self._tiles.submit(self._segment, builder, compiled, tile, epoch, length) for tile in live]
            for future in rounds:
                future.result()
            rate = min(rate, (time.perf_counter() - began) / length)
            epoch += length
            length = max(1, min(4 * length, int(_SEGMENT_SECONDS / rate)))
            live = builder.repack(live)

    def _segment(self, builder: TileBuilder, compiled: Compiled, live: LiveTile, epoch: int, length: int) -> None:
        """Some epochs of one tile, and what its members leave behind."""
        if self._over.is_set():
            return
        began = time.perf_counter()
        carry, records, predictions = compiled.run(
            live.data, live.settings, live.carry, jnp.int32(epoch), jnp.int32(length)
        )
        before, live.carry = live.active, carry
        curves, live.active = np.asarray(records)[:length], np.asarray(carry.active)
        ran, diverged = np.asarray(carry.epochs_run), np.asarray(carry.diverged)
        kept = np.asarray(carry.kept_epoch) if builder.part.program.keeps else ran
        ended = before & ~live.active
        predicted = None if predictions is None or not ended.any() else np.asarray(predictions)
        weights = jax.tree.map(np.asarray, carry.result()) if self.keep_weights and ended.any() else None
        trained = skipped = 0
        for s, lane in zip(*np.nonzero(before), strict=True):
            slot = live.tile.slots[s]
            number = slot.members[lane]
            result, count = self.results[number], int(ran[s, lane]) - epoch
            result.curves.append(self._curve(curves[:count, s, lane], builder.part))
            trained += count
            if not ended[s, lane]:
                continue
            skipped += builder.epochs(number) - int(ran[s, lane])
            result.result_epoch, result.diverged, result.finished = int(kept[s, lane]), int(diverged[s, lane]), True
            if predicted is not None:
                rows = predicted[s, lane, : builder.validation_rows(slot.split)]
                result.predictions, result.losses = rows[:, :-1].copy(), rows[:, -1].copy()
            if weights is not None:
                result.weights = jax.tree.map(lambda leaf, s=s, lane=lane: leaf[s, lane].copy(), weights)
        with self._lock:
            self._costs[builder].train_s += time.perf_counter() - began
            self._costs[builder].steps += trained * live.tile.steps
        self._report("training", trained + skipped)

    def _curve(self, curve: np.ndarray, part: TilePlan) -> np.ndarray:
        """A part of a member's curve, in the columns of all programs."""
        own = _columns(part)
        if own == self.columns:
            return curve
        whole = np.full((len(curve), len(self.columns)), np.nan, np.float32)
        whole[:, [self.columns.index(name) for name in own]] = curve
        return whole

    def _report(self, phase: str, epochs: int) -> None:
        with self._lock:
            self._done += epochs
            self.progress(Progress(phase, self._done, self._total, time.perf_counter() - self._began))


def _columns(part: TilePlan) -> tuple[str, ...]:
    return part.program.scores(part.rows.monitor > 0, part.rows.validation > 0)


def _next(ended: queue.SimpleQueue[BaseException | None], stop: threading.Event) -> bool:
    """Waits for the next program to end, and raises its error; False: somebody asked to stop."""
    while not stop.is_set():
        try:
            error = ended.get(timeout=_LOOK_SECONDS)
        except queue.Empty:
            continue
        if error is not None:
            raise error
        return True
    return False
