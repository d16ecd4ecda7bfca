"""Live tiles: a plan's tiles filled with data, strengths and carries, and packed anew when members have stopped."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from wellposed.population.compile import Compiled, compile_tile, prepared_key
from wellposed.population.plan import Plan, Slot, SplitRows, Tile, TilePlan
from wellposed.population.step import Hyper
from wellposed.population.tile import Carry, Rows, Settings, TileData

__all__ = ["LiveTile", "TileBuilder"]


@dataclasses.dataclass
class LiveTile:
    """A tile in training: its data, strengths, carry, and which lanes are active."""

    tile: Tile
    data: TileData
    settings: Settings
    carry: Carry
    active: np.ndarray


class TileBuilder:
    """Makes a program's executables and its tiles' data."""

    def __init__(self, plan: Plan, part: TilePlan, rows: Callable[[int], SplitRows], keys: list[jax.Array]) -> None:
        self.plan, self.part, self.rows, self.keys = plan, part, rows, keys
        self._prepared: dict[int, tuple[Any, ...]] = {}
        self._filled: dict[tuple[int, ...], TileData] = {}

    def compile(self) -> Compiled:
        """The executables; called in a worker thread."""
        part = self.part
        first = self.rows(part.tiles[0].slots[0].split)
        stacked = jax.tree.map(
            lambda leaf: np.broadcast_to(leaf, (part.streams, *leaf.shape)), self._prepare(part.tiles[0].slots[0].split)
        )
        return compile_tile(
            part.program, part.streams, part.lanes, part.rows, first.x.shape[1], first.y.shape[1], prepared_key(stacked)
        )

    def epochs(self, member: int) -> int:
        """Epochs asked for."""
        return self.plan.candidates[self.plan.members[member].candidate].epochs

    def validation_rows(self, split: int) -> int:
        """Real validation rows of a split."""
        validation = self.rows(split).validation
        return 0 if validation is None else len(validation[0])

    def start(self, tile: Tile, compiled: Compiled) -> LiveTile:
        """The tile at its start."""
        data, settings = self._data(tile), self._settings(tile)
        carry = compiled.start(data.key, settings, compiled.networks(data.key))
        return LiveTile(tile, data, settings, carry, np.asarray(carry.active))

    def repack(self, live: list[LiveTile]) -> list[LiveTile]:
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
        self.forget()
        return [
            self._gathered(running, slots[start : start + height], steps)
            for steps, slots in by_steps.items()
            for start in range(0, len(slots), height)
        ]

    def _gathered(
        self, running: list[LiveTile], slots: list[tuple[int, list[tuple[int, int, int, int]]]], steps: int
    ) -> LiveTile:
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
        return LiveTile(
            tile, self._data(tile), self._settings(tile), carry._replace(active=jnp.asarray(active)), active
        )

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

    def forget(self) -> None:
        """Lets go of the rows of tiles that are done."""
        self._filled.clear()

    def _data(self, tile: Tile) -> TileData:
        """The rows of the tile's splits; tiles with the same splits share them."""
        key = (tile.steps, *(slot.split for slot in tile.slots))
        if key not in self._filled:
            self._filled[key] = self._fill(tile)
        return self._filled[key]

    def _fill(self, tile: Tile) -> TileData:
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
            real=jnp.asarray([len(split.x) for split in splits], jnp.int32),
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
                techniques.append(
                    jax.tree.map(_stack, *(row[0] for row in values))
                    if len(values) > 1
                    else jax.tree.map(lambda v: _stack(v), values[0][0])
                )
            else:
                flat = [value for row in values for value in row]
                shape = (part.streams, part.lanes)
                techniques.append(jax.tree.map(lambda *leaves, shape=shape: _stack(*leaves).reshape(shape), *flat))
        candidates = [[self.plan.candidates[self.plan.members[m].candidate] for m in row] for row in grid]
        rate = np.array([[candidate.training.rate for candidate in row] for row in candidates], np.float32)
        horizon = np.array([[candidate.training.epochs for candidate in row] for row in candidates], np.int32)
        stop = np.array([[self.epochs(m) if m >= 0 else 0 for m in slot.members] for slot in tile.slots], np.int32)
        per_stream = [self._prepare(slot.split) for slot in tile.slots]
        prepared = jax.tree.map(lambda *leaves: jnp.asarray(np.stack(leaves)), *per_stream)
        hyper = Hyper(jnp.asarray(rate), jnp.asarray(horizon), jnp.asarray(stop))
        return Settings(tuple(techniques), prepared, hyper)


def _stack(*values: Any) -> jax.Array:
    return jnp.asarray(np.array(values, np.float32))


def _first(slot: Slot, otherwise: int) -> int:
    return next((m for m in slot.members if m >= 0), otherwise)
