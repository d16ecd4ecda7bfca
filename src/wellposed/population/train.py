"""A tile in training: one member's step mapped over lanes and streams, in segments of epochs.

Lanes of a stream see the same minibatches and random keys (unbatched in the inner ``vmap``), so XLA turns the first
layer of all lanes into one large product and draws random numbers once.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_batching import sequential_vmap
from jaxtyping import Array, Bool, Float, Int, Key

from wellposed.network.randomness import stable_hash
from wellposed.population.inside import inside_columns, inside_of
from wellposed.population.scores import evaluate_rows, finish_scores, penalty_of, predict_rows, row_losses
from wellposed.population.step import (
    Algorithm,
    Hyper,
    Member,
    Techniques,
    augment,
    estimate,
    estimates,
    initialize,
    train_step,
)
from wellposed.population.tile import Carry, Probe, Rows, Settings, TileData, probe
from wellposed.techniques.base import Batch, Monitor, overrides

__all__ = ["SEGMENT", "Program"]

# Most epochs between two returns to the host; the same in all plans, so that one compilation serves any number.
SEGMENT = 128


@dataclasses.dataclass(frozen=True)
class Program:
    """What is compiled: everything static in training a tile.

    Attributes:
        algorithm: network, loss, metrics, optimizer, schedule.
        block: most rows scored at once; row counts divide into equal blocks.
        predictions: also return the results' predictions on validation rows.
        inside: also record gradients, weights and dead units of every layer after each epoch.
        alone: too few tiles for all workers, so that a product may use several threads (on CPU).
    """

    algorithm: Algorithm
    techniques: Techniques  # an example of each, for its class and options; strengths come with `Settings`
    block: int
    predictions: bool = False
    inside: bool = False
    alone: bool = False

    @property
    def augmenting(self) -> tuple[bool, ...]:
        """By technique: does it change minibatches, so that its strengths belong to streams?"""
        return tuple(overrides(item, "augment") for item in self.techniques)

    @property
    def keeps(self) -> bool:
        """Whether a technique decides which epoch's weights count."""
        return any(overrides(item, "epoch_end") for item in self.techniques)

    def scores(self, monitor: bool, validation: bool) -> tuple[str, ...]:
        """Names of the recorded columns."""
        names = ["loss", *(metric.name for metric in self.algorithm.metrics)]
        sets = ["train", *(["monitor"] if monitor else []), *(["validation"] if validation else [])]
        inside = inside_columns(self.algorithm.network) if self.inside else ()
        return (*(f"{rows}_{name}" for rows in sets for name in names), "penalty", *inside)

    # -- over lanes and streams ----------------------------------------------------------------------------------

    def _map(self, function: Callable[..., Any], settings: Settings, own: Any, shared: Any) -> Any:
        """``function(settings, own, shared, prepared)`` for every member.

        Args:
            own: leaves [streams, lanes, …], a member's own.
            shared: leaves [streams, …], common to the lanes of a stream and not repeated for them.
        """
        techniques = tuple(None if augments else 0 for augments in self.augmenting)
        lane = Settings(techniques, None, Hyper(0, 0, 0))  # type: ignore[arg-type]

        def stream(settings: Settings, own: Any, shared: Any) -> Any:
            lanes = jax.vmap(function, in_axes=(lane, 0, None, None))
            return lanes(settings._replace(prepared=()), own, shared, settings.prepared)

        return jax.vmap(stream)(settings, own, shared)

    def start(self, key: Key[Array, " streams"], settings: Settings, networks: tuple[Any, Any]) -> Carry:
        """All members at the start; ``networks`` are `initial_network`'s by stream, the same for all its lanes."""

        def begin(settings: Settings, _: None, shared: tuple[Array, tuple[Any, Any]], prepared: Any) -> Member:
            return initialize(self.algorithm, settings.techniques, *shared)

        member = self._map(begin, settings, None, (key, networks))
        shape = settings.hyper.stop.shape
        zeros = jnp.zeros(shape, jnp.int32)
        kept = jax.tree.map(jnp.copy, member) if self.keeps else None
        return Carry(member, kept, zeros, zeros + 0, settings.hyper.stop > 0, zeros + 0)

    def run(
        self, data: TileData, settings: Settings, carry: Carry, first: Int[Array, ""], count: Int[Array, ""]
    ) -> tuple[Carry, Float[Array, "epochs streams lanes scores"], Array | None]:
        """Trains epochs ``first`` … ``first + count − 1`` (from 0; ``count`` ≤ `SEGMENT`).

        Returns:
            The carry, the records (NaN where a member wasn't training), and predictions on validation rows
            (each row's loss in the last column).
        """
        width = len(self.scores(data.monitor is not None, data.validation is not None))
        records = jnp.full((SEGMENT, *carry.active.shape, width), jnp.nan, jnp.float32)

        def body(index: Array, loop: tuple[Carry, Array]) -> tuple[Carry, Array]:
            carry, records = loop
            carry, scores = self._epoch(data, settings, carry, index)
            return carry, jax.lax.dynamic_update_index_in_dim(records, scores, index - first, 0)

        carry, records = jax.lax.fori_loop(first, first + count, body, (carry, records))
        return carry, records, self._predictions(data, settings, carry.result()) if self.predictions else None

    def _epoch(self, data: TileData, settings: Settings, carry: Carry, epoch: Array) -> tuple[Carry, Array]:
        keys = jax.vmap(lambda key: jax.random.fold_in(jax.random.fold_in(key, stable_hash("epoch")), epoch))(data.key)
        orders = jax.vmap(self._order)(keys, data.loss_weight, data.real)

        def body(step: Array, member: Member) -> Member:
            return self._step(data, settings, member, orders, keys, epoch, step)

        member = jax.lax.fori_loop(0, data.steps, body, carry.member)
        if estimates(self.algorithm, self.techniques):
            member = self._estimate(data, settings, member)
        member = _select(carry.active, member, carry.member)
        member, scores, stop, keep = self._end_of_epoch(data, settings, member, carry.active, epoch)
        finite = jnp.isfinite(scores[..., 0]) & _finite(member.params)
        scores = jnp.where(carry.active[..., None], scores, jnp.nan)
        running = carry.epochs_run + carry.active.astype(jnp.int32)
        keep = keep & carry.active
        kept = None if carry.kept is None else _select(keep, member, carry.kept)
        diverged = jnp.where(carry.active & ~finite, epoch + 1, carry.diverged)
        active = carry.active & finite & ~stop & (epoch + 1 < settings.hyper.stop)
        return Carry(member, kept, jnp.where(keep, epoch + 1, carry.kept_epoch), running, active, diverged), scores

    def _order(self, key: Array, weight: Array, count: Array) -> Int[Array, " rows"]:
        """The rows in this epoch's order, real ones first."""
        positions = jnp.arange(weight.shape[0], dtype=jnp.int32)
        if not self.algorithm.shuffle:
            return positions
        bits = jax.random.bits(jax.random.fold_in(key, stable_hash("order")), (weight.shape[0],), jnp.uint32) >> 1
        return jnp.argsort(jnp.where(positions < count, bits, jnp.uint32(0xFFFFFFFF))).astype(jnp.int32)

    def _step(
        self, data: TileData, settings: Settings, member: Member, orders: Array, keys: Array, epoch: Array, step: Array
    ) -> Member:
        number = epoch * data.steps + step + 1

        def one(settings: Settings, member: Member, shared: tuple[Batch, Array], prepared: Any) -> Member:
            return train_step(
                self.algorithm,
                settings.techniques,
                settings.hyper,
                member,
                shared[0],
                prepared,
                shared[1],
                step=number,
                total=settings.hyper.horizon * data.steps,
            )

        keys = jax.vmap(lambda key: jax.random.fold_in(key, step))(keys)
        batch = jax.vmap(self._minibatch, (0, 0, 0, 0, 0, 0, 0, None))(
            settings, data.training.x, data.training.y, data.loss_weight, data.real, orders, keys, step
        )
        return self._map(one, settings, member, (batch, keys))

    def _minibatch(
        self, settings: Settings, x: Array, y: Array, weight: Array, count: Array, order: Array, key: Array, step: Array
    ) -> Batch:
        """A stream's rows of one step, augmented."""
        size = self.algorithm.context.batch_size
        positions = step * size + jnp.arange(size, dtype=jnp.int32)
        rows = order[positions % count]
        batch = Batch(x[rows], y[rows], weight[rows], (positions < count).astype(jnp.float32), {})
        return augment(settings.techniques, batch, settings.prepared, key)

    def _estimate(self, data: TileData, settings: Settings, member: Member) -> Member:
        """The members with statistics of all training rows for the weights that predict."""

        def one(settings: Settings, member: Member, rows: tuple[Array, Array], prepared: Any) -> Member:
            return estimate(self.algorithm, settings.techniques, member, *rows, prepared)

        count = data.training.x.shape[1]
        mask = (jnp.arange(count, dtype=jnp.int32) < data.real[:, None]).astype(jnp.float32)
        # exact statistics take all rows at once; where they are many, one member at a time, for their memory
        function = one if count <= self.block else sequential_vmap(one)
        return self._map(function, settings, member, (data.training.x, mask))

    # -- scores --------------------------------------------------------------------------------------------------

    def _end_of_epoch(
        self, data: TileData, settings: Settings, member: Member, active: Array, epoch: Array
    ) -> tuple[Member, Array, Array, Array]:
        """Scores, and what the techniques make of those on monitor rows."""
        sets = [rows for rows in (data.training, data.monitor, data.validation) if rows is not None]
        parts = self._scores(settings, member, sets, data.scale)
        monitored = None if data.monitor is None else parts[1]
        probes = jax.vmap(probe)(data.training.x, data.training.y, data.real)
        parts.append(self._penalty(settings, member, probes)[..., None])
        parts += [self._inside(settings, member, probes)] if self.inside else []
        stop, keep = jnp.zeros(active.shape, bool), jnp.ones(active.shape, bool)
        if self.keeps and monitored is not None:
            own_state, stop, keep = self._monitor(settings, member, monitored, epoch)
            member = member._replace(own_state=_select(active, own_state, member.own_state))
        return member, jnp.concatenate(parts, -1), stop, keep

    def _monitor(self, settings: Settings, member: Member, scores: Array, epoch: Array) -> tuple[Any, Array, Array]:
        def one(
            settings: Settings, own: tuple[Member, Array], _: None, prepared: Any
        ) -> tuple[tuple[Any, ...], Array, Array]:
            member, scores = own
            signs = [1.0, *(1.0 if metric.direction == "min" else -1.0 for metric in self.algorithm.metrics)]
            names = ["loss", *(metric.name for metric in self.algorithm.metrics)]
            monitor = Monitor({name: sign * scores[i] for i, (name, sign) in enumerate(zip(names, signs, strict=True))})
            state, stop, keep = list(member.own_state), jnp.array(False), jnp.array(True)
            for index, item in enumerate(settings.techniques):
                if overrides(item, "epoch_end"):
                    own_part = member.own(prepared)[index]
                    state[index], stops, keeps = item.epoch_end(own_part, monitor, epoch=epoch)
                    stop, keep = stop | stops, keep & keeps
            return tuple(state), stop, keep

        return self._map(one, settings, (member, scores), None)

    def _scores(self, settings: Settings, member: Member, sets: Sequence[Rows], scale: Array) -> list[Array]:
        """Penalty-free scores [streams, lanes, scores] of each set of rows; small sets take one pass together."""
        first, *others = sets
        counts = [rows.weight.shape[1] for rows in sets]
        together = [[rows] for rows in sets]
        if sum(counts) <= self.block:
            together = [sets]
        elif sum(counts[1:]) <= self.block:
            together = [[first], others]
        return [part for group in together if group for part in self._score(settings, member, group, scale)]

    def _score(self, settings: Settings, member: Member, sets: Sequence[Rows], scale: Array) -> list[Array]:
        """Scores of sets of rows in inference mode, over all rows; a single set may come in blocks."""

        def one(settings: Settings, member: Member, block: Any, prepared: Any) -> tuple[Array, ...]:
            return evaluate_rows(self.algorithm, settings.techniques, member, block[0], block[1], block[2], prepared)

        x, y = (jnp.concatenate(parts, 1) for parts in (tuple(r.x for r in sets), tuple(r.y for r in sets)))
        ends = list(itertools.accumulate(rows.weight.shape[1] for rows in sets))
        weights = [
            jnp.pad(rows.weight, ((0, 0), (end - rows.weight.shape[1], ends[-1] - end)))
            for rows, end in zip(sets, ends, strict=True)
        ]
        rows = (x, y, jnp.stack(weights, -1))
        count = x.shape[1]
        if count > self.block:
            blocks = -(-count // self.block)
            size = count // blocks

            def block(index: Array | int) -> Any:
                # sliced where they lie: all blocks stacked in one array would be a second copy of the rows
                return jax.tree.map(lambda leaf: jax.lax.dynamic_slice_in_dim(leaf, index * size, size, 1), rows)

            def add(index: Array, total: Any) -> Any:
                return jax.tree.map(jnp.add, total, self._map(one, settings, member, block(index)))

            shapes = jax.eval_shape(lambda: self._map(one, settings, member, block(0)))
            zero = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
            sums = jax.lax.fori_loop(0, blocks, add, zero)
        else:
            sums = self._map(one, settings, member, rows)

        def finish(sums: tuple[Array, ...], scale: Array) -> Array:
            return finish_scores(self.algorithm, sums, scale)

        for axis in (None, None, 0):  # sets, lanes, streams
            finish = jax.vmap(finish, (0, axis))
        scores = finish(sums, scale)
        return [scores[:, :, number] for number in range(len(sets))]

    def _penalty(self, settings: Settings, member: Member, probe: Probe) -> Float[Array, "streams lanes"]:
        def one(settings: Settings, member: Member, probe: Probe, prepared: Any) -> Array:
            return penalty_of(self.algorithm, settings.techniques, member, probe.x, probe.mask, prepared)

        return self._map(one, settings, member, probe)

    def _inside(self, settings: Settings, member: Member, probe: Probe) -> Float[Array, "streams lanes records"]:
        def one(settings: Settings, member: Member, probe: Probe, prepared: Any) -> Array:
            return inside_of(self.algorithm, settings.techniques, member, *probe, prepared)

        return self._map(one, settings, member, probe)

    def _predictions(
        self, data: TileData, settings: Settings, member: Member
    ) -> Float[Array, "streams lanes rows columns"] | None:
        """Predictions on validation rows, and each row's loss in the last column."""
        if data.validation is None:
            return None

        def one(settings: Settings, member: Member, rows: Rows, prepared: Any) -> Array:
            predictions, logits, _ = predict_rows(self.algorithm, settings.techniques, member, rows.x, prepared)
            losses = row_losses(self.algorithm, predictions, logits, rows.y)
            return jnp.concatenate([predictions, losses[:, None]], axis=1)

        return self._map(one, settings, member, data.validation)


def _select(flags: Bool[Array, "streams lanes"], new: Any, old: Any) -> Any:
    def leaf(new: Array, old: Array) -> Array:
        return jnp.where(flags.reshape(flags.shape + (1,) * (new.ndim - 2)), new, old)

    return jax.tree.map(leaf, new, old)


def _finite(params: Any) -> Bool[Array, "streams lanes"]:
    parts: Sequence[Array] = [
        jnp.all(jnp.isfinite(leaf), axis=tuple(range(2, leaf.ndim))) for leaf in jax.tree.leaves(params)
    ]
    return jnp.all(jnp.stack(parts), 0)
