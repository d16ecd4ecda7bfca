"""The plan: candidates become members, members become tiles of a fixed shape, tiles share programs."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from wellposed.errors import TechniqueError
from wellposed.network.mlp import Network
from wellposed.population.memory import RowCounts, data_bytes
from wellposed.population.step import Algorithm
from wellposed.population.tiling import WORKERS, tile_shape
from wellposed.population.train import Program
from wellposed.techniques.base import Context, Technique, overrides
from wellposed.training.losses import Loss
from wellposed.training.metrics import Metric
from wellposed.training.spec import Training

__all__ = ["Candidate", "Member", "Plan", "Slot", "SplitRows", "Tile", "TilePlan", "make_plan"]


@dataclasses.dataclass(frozen=True)
class SplitRows:
    """One split's encoded rows, float32.

    Attributes:
        x, y: training rows [rows, features] and [rows, outputs].
        loss_weight: their weights in the loss (sample weights × class weights); score_weight: in scores.
        monitor, validation: (x, y, score weight) or None.
        scale: [outputs], what turns encoded targets back into their units.
    """

    x: np.ndarray
    y: np.ndarray
    loss_weight: np.ndarray
    score_weight: np.ndarray
    monitor: tuple[np.ndarray, np.ndarray, np.ndarray] | None
    validation: tuple[np.ndarray, np.ndarray, np.ndarray] | None
    scale: np.ndarray


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A network, its training and the techniques that change them.

    Args:
        name: the recipe's text form.
        techniques: the recipe's techniques, in their order.
        network: before any technique rewrote it.
        training: before any technique rewrote it; in a plan: after.
        stop: end after so many epochs of what ``training`` lays out (None: at its end); the schedule of the learning
            rate stays laid out for all of ``training.epochs``.
    """

    name: str
    techniques: tuple[Technique, ...]
    network: Network
    training: Training
    stop: int | None = None

    @property
    def epochs(self) -> int:
        """Epochs trained."""
        return self.training.epochs if self.stop is None else min(self.stop, self.training.epochs)


@dataclasses.dataclass(frozen=True)
class Member:
    """One network to be trained: a candidate on a split."""

    candidate: int
    split: int


@dataclasses.dataclass(frozen=True)
class Slot:
    """A stream's place in a tile: its split and the members in its lanes (−1: a dummy lane)."""

    split: int
    members: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Tile:
    """Slots that execute together."""

    slots: tuple[Slot, ...]
    steps: int


@dataclasses.dataclass(frozen=True)
class TilePlan:
    """A program, the fixed shape of its tiles, and the tiles."""

    program: Program
    streams: int
    lanes: int
    rows: RowCounts
    techniques: dict[int, tuple[Technique, ...]]  # by member: its strengths in the program's structure
    tiles: tuple[Tile, ...]
    bytes_per_tile: int


@dataclasses.dataclass(frozen=True)
class Plan:
    """All that will be trained."""

    candidates: tuple[Candidate, ...]
    members: tuple[Member, ...]
    programs: tuple[TilePlan, ...]
    memory: int  # for tiles: the bound less the encoded rows, at least a quarter of it

    @property
    def member_steps(self) -> int:
        """Updates of single networks, dummy lanes not counted and early stopping not foreseen."""
        total = 0
        for program in self.programs:
            for tile in program.tiles:
                for slot in tile.slots:
                    epochs = (self.candidates[self.members[m].candidate].epochs for m in slot.members if m >= 0)
                    total += tile.steps * sum(epochs)
        return total

    def to_config(self) -> list[dict[str, Any]]:
        """Programs, tile shapes and members, for `run.json`."""
        return [
            {
                "techniques": [item.name for item in program.program.techniques],
                "tile": {"streams": program.streams, "lanes": program.lanes},
                "rows": dataclasses.asdict(program.rows),
                "block": program.program.block,
                "tiles": [
                    [{"split": slot.split, "members": list(slot.members)} for slot in tile.slots]
                    for tile in program.tiles
                ],
            }
            for program in self.programs
        ]


def make_plan(
    candidates: Sequence[Candidate],
    sizes: Sequence[RowCounts],
    *,
    context: Context,
    loss: Loss,
    metrics: tuple[Metric, ...],
    memory: int,
    predictions: bool = False,
    inside: bool = False,
    splits: Sequence[Sequence[int]] | None = None,
) -> Plan:
    """Members, programs and tiles for ``candidates`` on splits of the given ``sizes``.

    Args:
        sizes: training, monitor and validation rows by split.
        context: what techniques may know; its layers and batch size are filled in for each program.
        memory: bound on what tiles take, bytes.
        predictions: also record predictions on validation rows.
        inside: also record gradients, weights and dead units of every layer after each epoch.
        splits: by candidate, the splits that it is trained on (default: all).

    Raises:
        StudyError: not even one member fits into ``memory``.
    """
    members = tuple(
        Member(c, s) for c in range(len(candidates)) for s in (range(len(sizes)) if splits is None else splits[c])
    )
    rewritten = [_rewritten(candidate) for candidate in candidates]
    candidates = [dataclasses.replace(c, training=r.training) for c, r in zip(candidates, rewritten, strict=True)]
    algorithms = [_algorithm(candidate, context, loss, metrics) for candidate in rewritten]
    groups: dict[Any, list[int]] = {}
    for index, candidate in enumerate(candidates):
        groups.setdefault(_group_key(candidate, algorithms[index]), []).append(index)
    # the encoded rows of all splits stay in memory beside the tiles
    reserved = sum(data_bytes(size, context.features, context.outputs) for size in sizes)
    frame = _Frame(members, tuple(sizes), memory, reserved, predictions, inside)
    programs = []
    for chosen in _gathered(groups, candidates, sizes):
        structure = _union([candidates[index].techniques for index in chosen])
        values = {c: _values(candidates[c].techniques, structure) for c in chosen}
        programs.append(_tile_plan(_Group(algorithms[chosen[0]], structure, values), frame))
    return Plan(tuple(candidates), members, tuple(programs), max(memory - reserved, memory // 4))


def _rewritten(candidate: Candidate) -> Candidate:
    """The candidate after its techniques rewrote network and training."""
    training, network = candidate.training, candidate.network
    for item in candidate.techniques:
        training, network = item.training(training), item.network(network)
    if training.loss != candidate.training.loss:
        remedy = "Use the hooks row_loss, batch_loss or objective."
        raise TechniqueError(
            "recipe: a technique can't replace the loss that recipes are compared on", candidate.name, remedy
        )
    return dataclasses.replace(candidate, training=training, network=network)


def _algorithm(candidate: Candidate, context: Context, loss: Loss, metrics: tuple[Metric, ...]) -> Algorithm:
    training, network = candidate.training, candidate.network
    context = dataclasses.replace(
        context,
        layers=("input", *network.hidden_names, "output"),
        widths=(network.features, *network.widths),
        batch_size=training.batch_size,
    )
    return Algorithm(network, loss, metrics, training.optimizer, training.schedule, context, training.shuffle)  # type: ignore[arg-type]


def _mergeable(item: Technique) -> bool:
    return item.cheap and item.neutral() is not None


def _group_key(candidate: Candidate, algorithm: Algorithm) -> Any:
    """Candidates with equal keys share a program: cheap techniques are neutral where they aren't wanted."""
    others = tuple(item.signature() for item in candidate.techniques if not _mergeable(item))
    augments = any(overrides(item, "augment") for item in candidate.techniques)
    predicts = tuple(item.signature() for item in candidate.techniques if overrides(item, "inference"))
    return (algorithm, others, augments, predicts)


_TOGETHER = 4  # programs that are joined to one
_TRAINED_SOON = 2.0  # seconds of training below which a program isn't worth a compilation of its own
_BY_MEMBERS = ("network", "training", "objective", "differentiate", "inference", "epoch_end")


def _gathered(
    groups: dict[Any, list[int]], candidates: Sequence[Candidate], sizes: Sequence[RowCounts]
) -> list[list[int]]:
    """The groups, small ones joined: their techniques stand at neutral strengths in each other's recipes.

    That makes every step dearer, so only groups are joined whose training takes less time than their compilation.
    """
    found: list[list[int]] = []
    joinable: dict[Any, list[list[int]]] = {}
    for (algorithm, others, augments, predicts), chosen in groups.items():
        techniques = [item for index in chosen for item in candidates[index].techniques]
        yielding = all(_mergeable(item) or _yields(item) for item in techniques)
        if (
            others
            and not predicts
            and yielding
            and _training_seconds(algorithm, chosen, candidates, sizes) < _TRAINED_SOON
        ):
            joinable.setdefault((algorithm, augments), []).append(chosen)
        else:
            found.append(chosen)
    for parts in joinable.values():
        for start in range(0, len(parts), _TOGETHER):
            found.append([index for chosen in parts[start : start + _TOGETHER] for index in chosen])
    return found


def _yields(item: Technique) -> bool:
    """Whether the technique can stand aside, and costs other members no second pass through the network."""
    return item.neutral() is not None and not any(overrides(item, hook) for hook in _BY_MEMBERS)


def _training_seconds(
    algorithm: Algorithm, chosen: Sequence[int], candidates: Sequence[Candidate], sizes: Sequence[RowCounts]
) -> float:
    """About how long the candidates' members train: 3 µs an update, and 0.12 ns a product of a weight and a row."""
    context = algorithm.context
    products = context.batch_size * sum(a * b for a, b in itertools.pairwise(context.widths))
    steps = sum(-(-size.training // context.batch_size) for size in sizes)
    return sum(candidates[index].epochs for index in chosen) * steps * (3e-6 + 1.2e-10 * products)


def _union(recipes: Sequence[tuple[Technique, ...]]) -> tuple[Technique, ...]:
    """Every technique that any of the recipes has, at reference strengths, in the order in which recipes keep them."""
    union = {item.signature(): _reference(item) for techniques in recipes for item in techniques}
    return tuple(sorted(union.values(), key=Technique.place))


def _reference(item: Technique) -> Technique:
    defaults = {f.name: f.default for f in dataclasses.fields(item) if f.metadata["strength"]}  # type: ignore[arg-type]
    return dataclasses.replace(item, **defaults)  # type: ignore[type-var]


def _values(techniques: tuple[Technique, ...], structure: tuple[Technique, ...]) -> tuple[Technique, ...]:
    """A member's strengths in the program's structure: its own, neutral ones elsewhere."""
    own = {item.signature(): item for item in techniques}
    values = [own.get(item.signature()) or item.neutral() for item in structure]
    assert all(value is not None for value in values)
    return tuple(value for value in values if value is not None)


@dataclasses.dataclass(frozen=True)
class _Group:
    """Candidates that share a program: its techniques, and each candidate's strengths in that structure."""

    algorithm: Algorithm
    structure: tuple[Technique, ...]
    values: dict[int, tuple[Technique, ...]]


@dataclasses.dataclass(frozen=True)
class _Frame:
    """What all programs of a plan have in common; ``reserved`` bytes of ``memory`` are taken by other things."""

    members: tuple[Member, ...]
    sizes: tuple[RowCounts, ...]
    memory: int
    reserved: int
    predictions: bool
    inside: bool


def _tile_plan(group: _Group, frame: _Frame) -> TilePlan:
    """The group's program, and its members' places in tiles."""
    values, sizes = group.values, frame.sizes
    augmenting = [overrides(item, "augment") for item in group.structure]
    streams: dict[Any, list[int]] = {}
    for index, member in enumerate(frame.members):
        if member.candidate in values:
            shared = tuple(v for v, augments in zip(values[member.candidate], augmenting, strict=True) if augments)
            steps = -(-sizes[member.split].training // group.algorithm.context.batch_size)
            streams.setdefault((steps, member.split, repr(shared)), []).append(index)
    largest = RowCounts(*(max(getattr(size, f.name) for size in sizes) for f in dataclasses.fields(RowCounts)))
    counts = list(Counter(steps for steps, _, _ in streams).values())
    program = Program(group.algorithm, group.structure, block=1, predictions=frame.predictions, inside=frame.inside)
    lanes = max(map(len, streams.values()))
    shape = tile_shape(program, counts, lanes, largest, memory=frame.memory, reserved=frame.reserved)
    height, lanes = shape.streams, shape.lanes
    by_steps: dict[int, list[Slot]] = {}
    for (steps, split, _), inside in sorted(streams.items(), key=lambda item: item[0][:2]):
        for start in range(0, len(inside), lanes):
            part = inside[start : start + lanes]
            by_steps.setdefault(steps, []).append(Slot(split, (*part, *[-1] * (lanes - len(part)))))
    tiles = [
        Tile(_filled(slots[start : start + height], height, lanes), steps)
        for steps, slots in by_steps.items()
        for start in range(0, len(slots), height)
    ]
    program = dataclasses.replace(program, block=shape.block, alone=len(tiles) < WORKERS)
    techniques = {m: values[member.candidate] for m, member in enumerate(frame.members) if member.candidate in values}
    return TilePlan(program, height, lanes, shape.rows, techniques, tuple(tiles), shape.bytes)


def _filled(slots: Sequence[Slot], height: int, lanes: int) -> tuple[Slot, ...]:
    """The slots, and dummy ones up to the tile's height."""
    dummy = Slot(slots[0].split, (-1,) * lanes)
    return (*slots, *[dummy] * (height - len(slots)))
