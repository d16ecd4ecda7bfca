"""Runs a plan in this process: programs compile side by side, tiles train in rounds of short segments."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import time
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from wellposed.network.randomness import study_key
from wellposed.population.compile import Compiled, compile_tile, prepared_key
from wellposed.population.plan import Plan, Slot, Tile, TilePlan
from wellposed.population.train import Carry, Hyper, Rows, Settings, TileData, stream_key
from wellposed.records import MemberRecord, Records, concatenate
from wellposed.runners.base import Progress, SplitRows, Timing

__all__ = ["LocalRunner"]

_SEGMENT_SECONDS = 0.5  # how often training returns for progress and Ctrl-C


@dataclasses.dataclass
class _Result:
    """A member's record in the making."""

    curves: list[np.ndarray] = dataclasses.field(default_factory=list)
    result_epoch: int = 0
    diverged: int = 0
    predictions: np.ndarray | None = None
    weights: Any = None


@dataclasses.dataclass
class _LiveTile:
    """A tile in training."""

    tile: Tile
    data: TileData
    settings: Settings
    carry: Carry
    active: np.ndarray


class LocalRunner:
    """The default runner.

    Args:
        workers: programs compiled at once (default 2).
        keep_weights: also hand back each member's weights.
    """

    def __init__(self, workers: int = 2, *, keep_weights: bool = False) -> None:
        self.workers, self.keep_weights = workers, keep_weights

    def run(
        self,
        plan: Plan,
        rows: Callable[[int], SplitRows],
        identities: list[tuple[int, int]],
        *,
        seed: int,
        progress: Callable[[Progress], None] = lambda _: None,
    ) -> tuple[Records, Timing]:
        """See `wellposed.runners.base.Runner`."""
        began, timing = time.perf_counter(), Timing()
        root = study_key(seed)
        keys = [stream_key(root, fold, number) for fold, number in identities]
        results = [_Result() for _ in plan.members]
        total = sum(plan.candidates[member.candidate].training.epochs for member in plan.members)
        done = [0]

        def report(phase: str, more: int = 0) -> None:
            done[0] += more
            progress(Progress(phase, done[0], total, time.perf_counter() - began))

        report("compiling")
        columns: tuple[str, ...] = ()
        with concurrent.futures.ThreadPoolExecutor(self.workers) as pool:
            builders = [_Builder(plan, part, rows, keys) for part in plan.programs]
            waiting = {pool.submit(builder.compile): builder for builder in builders}
            try:
                for future in concurrent.futures.as_completed(waiting):
                    builder, compiled = waiting[future], future.result()
                    columns = builder.part.program.scores(builder.part.rows.monitor > 0, builder.part.rows.validation > 0)
                    started = time.perf_counter()
                    timing.compile_s = max(timing.compile_s, builder.compiled_at - began - timing.train_s)
                    self._train(builder, compiled, results, timing, report)
                    timing.train_s += time.perf_counter() - started
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        members = tuple(
            MemberRecord(m.candidate, m.split, concatenate(r.curves, len(columns)), r.result_epoch, r.diverged, r.predictions, r.weights)
            for m, r in zip(plan.members, results, strict=True)
        )
        names = tuple(candidate.name for candidate in plan.candidates)
        return Records(columns, members, names, tuple(identities)), timing

    def _train(
        self, builder: _Builder, compiled: Compiled, results: list[_Result], timing: Timing, report: Callable[..., None]
    ) -> None:
        """All tiles of one program, in waves that fit into memory."""
        part = builder.part
        wave = max(1, builder.plan.memory // part.bytes_per_tile)
        for start in range(0, len(part.tiles), wave):
            live = [builder.start(tile, compiled) for tile in part.tiles[start : start + wave]]
            epoch, length, rate = 0, 1, None
            last = max(int(np.max(tile.settings.hyper.epochs)) for tile in live)
            while live and epoch < last:
                length = min(length, last - epoch, part.program.segment)
                began = time.perf_counter()
                for tile in live:
                    self._segment(builder, compiled, tile, epoch, length, results, timing, report)
                seconds = (time.perf_counter() - began) / length / len(live)
                rate = seconds if rate is None else min(rate, seconds)
                epoch += length
                length = max(1, min(2 * length, int(_SEGMENT_SECONDS / rate)))
                live = builder.repack(live)

    def _segment(
        self,
        builder: _Builder,
        compiled: Compiled,
        live: _LiveTile,
        epoch: int,
        length: int,
        results: list[_Result],
        timing: Timing,
        report: Callable[..., None],
    ) -> None:
        carry, records, predictions = compiled.run(live.data, live.settings, live.carry, jnp.int32(epoch), jnp.int32(length))
        before = live.active
        live.carry = carry
        curves, live.active = np.asarray(records)[:length], np.asarray(carry.active)
        ran = np.asarray(carry.epochs_run)
        kept = np.asarray(carry.kept_epoch) if builder.part.program.keeps else ran
        diverged = np.asarray(carry.diverged)
        ended = before & ~live.active
        predicted = None if predictions is None or not ended.any() else np.asarray(predictions)
        weights = jax.tree.map(np.asarray, carry.result()) if self.keep_weights and ended.any() else None
        trained = 0
        for s, lane in zip(*np.nonzero(before), strict=True):
            slot = live.tile.slots[s]
            result = results[slot.members[lane]]
            count = int(ran[s, lane]) - epoch
            result.curves.append(curves[:count, s, lane])
            trained += count
            if ended[s, lane]:
                result.result_epoch, result.diverged = int(kept[s, lane]), int(diverged[s, lane])
                if predicted is not None:
                    result.predictions = predicted[s, lane, : builder.validation_rows(slot.split)].copy()
                if weights is not None:
                    member = jax.tree.map(lambda leaf, s=s, lane=lane: leaf[s, lane].copy(), weights)
                    result.weights = member
        timing.member_steps += trained * live.tile.steps
        planned = sum(builder.epochs(m) for s, lane in zip(*np.nonzero(ended), strict=True) for m in [live.tile.slots[s].members[lane]])
        saved = planned - int(ran[ended].sum())
        report("training", trained + saved)


class _Builder:
    """Makes a program's executables and its tiles' data."""

    def __init__(self, plan: Plan, part: TilePlan, rows: Callable[[int], SplitRows], keys: list[jax.Array]) -> None:
        self.plan, self.part, self.rows, self.keys = plan, part, rows, keys
        self.compiled_at = 0.0
        self._prepared: dict[int, tuple[Any, ...]] = {}

    def compile(self) -> Compiled:
        """The executables; called in a worker thread."""
        part = self.part
        first = self.rows(part.tiles[0].slots[0].split)
        stacked = jax.tree.map(lambda leaf: np.broadcast_to(leaf, (part.streams, *leaf.shape)), self._prepare(part.tiles[0].slots[0].split))
        compiled = compile_tile(
            part.program, part.streams, part.lanes, part.rows, first.x.shape[1], first.y.shape[1], prepared_key(stacked)
        )
        self.compiled_at = time.perf_counter()
        return compiled

    def epochs(self, member: int) -> int:
        """Epochs asked for."""
        return self.plan.candidates[self.plan.members[member].candidate].training.epochs

    def validation_rows(self, split: int) -> int:
        """Real validation rows of a split."""
        validation = self.rows(split).validation
        return 0 if validation is None else len(validation[0])

    def start(self, tile: Tile, compiled: Compiled) -> _LiveTile:
        """The tile at its start."""
        data, settings = self._data(tile), self._settings(tile)
        carry = compiled.start(data.key, settings)
        return _LiveTile(tile, data, settings, carry, np.asarray(carry.active))

    def repack(self, live: list[_LiveTile]) -> list[_LiveTile]:
        """Survivors in as few tiles of the same shape as they need; a member's place doesn't change its result."""
        running = [tile for tile in live if tile.active.any()]
        lanes, height = self.part.lanes, self.part.streams
        survivors: dict[tuple[int, int, tuple[float, ...]], list[tuple[int, int, int, int]]] = {}
        for number, tile in enumerate(running):
            for s, lane in zip(*np.nonzero(tile.active), strict=True):
                slot = tile.tile.slots[s]
                key = (tile.tile.steps, slot.split, self._shared(slot.members[lane]))
                survivors.setdefault(key, []).append((number, int(s), int(lane), slot.members[lane]))
        by_steps: dict[int, list[tuple[int, list[tuple[int, int, int, int]]]]] = {}
        for (steps, split, _), places in survivors.items():
            for start in range(0, len(places), lanes):
                by_steps.setdefault(steps, []).append((split, places[start : start + lanes]))
        needed = sum(-(-len(slots) // height) for slots in by_steps.values())
        if needed >= len(running):
            return running
        return [
            self._gathered(running, slots[start : start + height], steps)
            for steps, slots in by_steps.items()
            for start in range(0, len(slots), height)
        ]

    def _gathered(
        self, running: list[_LiveTile], slots: list[tuple[int, list[tuple[int, int, int, int]]]], steps: int
    ) -> _LiveTile:
        """A new tile from survivors of several; empty lanes repeat a survivor and stay inactive."""
        lanes, height = self.part.lanes, self.part.streams
        filler = slots[0][1][0]
        places, taken, new = [], [], []
        for split, inside in [*slots, *[(slots[0][0], [])] * (height - len(slots))]:
            padded = [*inside, *[filler] * (lanes - len(inside))]
            places.append(padded)
            taken.append([index < len(inside) for index in range(lanes)])
            new.append(Slot(split, tuple(p[3] if index < len(inside) else -1 for index, p in enumerate(padded))))
        tile = Tile(tuple(new), steps)

        def gather(*leaves: Any) -> Any:
            arrays = [np.asarray(leaf) for leaf in leaves]
            return jnp.asarray(np.stack([np.stack([arrays[n][s, lane] for n, s, lane, _ in row]) for row in places]))

        carry = jax.tree.map(gather, *(live.carry for live in running))
        active = np.array(taken)
        return _LiveTile(tile, self._data(tile), self._settings(tile), carry._replace(active=jnp.asarray(active)), active)

    def _shared(self, member: int) -> tuple[float, ...]:
        """Strengths that belong to the stream."""
        values = zip(self.part.techniques[member], self.part.program.augmenting, strict=True)
        return tuple(leaf for item, augments in values if augments for leaf in jax.tree.leaves(item))

    def _prepare(self, split: int) -> tuple[Any, ...]:
        if split not in self._prepared:
            rows = self.rows(split)
            context = self.part.program.algorithm.context
            made = [item.prepare(context, {"x": rows.x, "y": rows.y}) for item in self.part.program.techniques]
            self._prepared[split] = tuple(jax.tree.map(np.asarray, item) for item in made)
        return self._prepared[split]

    def _data(self, tile: Tile) -> TileData:
        splits = [self.rows(slot.split) for slot in tile.slots]
        counts = self.part.rows

        def padded(arrays: list[np.ndarray], count: int) -> jax.Array:
            stacked = np.zeros((len(arrays), count, *arrays[0].shape[1:]), np.float32)
            for target, array in zip(stacked, arrays, strict=True):
                target[: len(array)] = array
            return jnp.asarray(stacked)

        def some(parts: list[Any], count: int) -> Rows | None:
            return Rows(*(padded([part[i] for part in parts], count) for i in range(3))) if count else None  # type: ignore[arg-type]

        training = some([(split.x, split.y, split.score_weight) for split in splits], counts.training)
        assert training is not None
        return TileData(
            key=jnp.stack([self.keys[slot.split] for slot in tile.slots]),
            training=training,
            monitor=some([split.monitor for split in splits], counts.monitor),
            validation=some([split.validation for split in splits], counts.validation),
            loss_weight=padded([split.loss_weight for split in splits], counts.training),
            count=jnp.asarray([len(split.x) for split in splits], jnp.int32),
            steps=jnp.int32(tile.steps),
            scale=jnp.asarray(np.stack([split.scale for split in splits]), jnp.float32),
        )

    def _settings(self, tile: Tile) -> Settings:
        part = self.part
        stand_in = next(m for slot in tile.slots for m in slot.members if m >= 0)  # dummy lanes hold its strengths
        grid = [[m if m >= 0 else _first(slot, stand_in) for m in slot.members] for slot in tile.slots]
        techniques = []
        for index, augments in enumerate(part.program.augmenting):
            values = [[part.techniques[m][index] for m in row] for row in grid]
            if augments:
                techniques.append(jax.tree.map(_stack, *(row[0] for row in values)) if len(values) > 1 else jax.tree.map(lambda v: _stack(v), values[0][0]))
            else:
                flat = [value for row in values for value in row]
                shape = (part.streams, part.lanes)
                techniques.append(jax.tree.map(lambda *leaves, shape=shape: _stack(*leaves).reshape(shape), *flat))
        candidates = [[self.plan.candidates[self.plan.members[m].candidate] for m in row] for row in grid]
        rate = np.array([[candidate.training.rate for candidate in row] for row in candidates], np.float32)
        epochs = np.array(
            [[self.epochs(m) if m >= 0 else 0 for m in slot.members] for slot in tile.slots], np.int32
        )
        per_stream = [self._prepare(slot.split) for slot in tile.slots]
        prepared = jax.tree.map(lambda *leaves: jnp.asarray(np.stack(leaves)), *per_stream)
        return Settings(tuple(techniques), prepared, Hyper(jnp.asarray(rate), jnp.asarray(epochs)))


def _stack(*values: Any) -> jax.Array:
    return jnp.asarray(np.array(values, np.float32))


def _first(slot: Slot, otherwise: int) -> int:
    return next((m for m in slot.members if m >= 0), otherwise)
