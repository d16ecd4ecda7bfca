"""A technique in training: its strengths side by side in one small population, in lanes that tests may rearrange."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from wellposed.network.randomness import Rng, study_key
from wellposed.population.plan import Plan, Slot, Tile, TilePlan
from wellposed.population.tile import stream_key
from wellposed.population.tiles import TileBuilder
from wellposed.recipe import Recipe
from wellposed.studies.experiment import Experiment, RowCache
from wellposed.techniques.base import Own, Technique
from wellposed.testing.tables import EPOCHS, experiment_for

__all__ = ["WILD", "Result", "Trial", "baseline", "trial_of"]

WILD = 1e30  # a learning rate at which every network diverges


@dataclasses.dataclass(frozen=True)
class Result:
    """What became of a member.

    Attributes:
        curves: [epochs, scores] after every epoch, NaN after its end.
        predictions: [validation rows, outputs and loss] of the result.
        member: weights, state and the techniques' own, of the result.
        epochs_run: epochs trained; diverged: the epoch of a divergence, 0 without one.
    """

    curves: np.ndarray
    predictions: np.ndarray
    member: Any
    epochs_run: int
    diverged: int

    def same(self, other: Result) -> bool:
        """Whether everything is equal to the bit."""
        mine, theirs = (jax.tree.leaves((r.curves, r.predictions, r.member)) for r in (self, other))
        return all(np.array_equal(a, b, equal_nan=True) for a, b in zip(mine, theirs, strict=True))


class Population:
    """Recipes in one program, on the one split of an experiment.

    Args:
        recipes: by name.
        rates: learning rates that differ from the experiment's.
    """

    def __init__(self, experiment: Experiment, recipes: dict[str, Recipe], rates: dict[str, float]) -> None:
        self.experiment, self.recipes, self.names = experiment, recipes, list(recipes)
        candidates = []
        for name, recipe in recipes.items():
            training = experiment.training
            training = dataclasses.replace(training, learning_rate=rates.get(name, training.learning_rate))
            candidates.append(dataclasses.replace(experiment, training=training).candidate(recipe, name))
        self.plan: Plan = experiment.plan(candidates, memory=10**9, predictions=True)

    @functools.cached_property
    def part(self) -> TilePlan:
        """The program."""
        return self.plan.programs[0]

    @functools.cached_property
    def rows(self) -> RowCache:
        """The split's rows, encoded."""
        return RowCache(self.experiment)

    @functools.cached_property
    def _builder(self) -> TileBuilder:
        keys = [stream_key(study_key(0), fold, seed) for fold, seed in self.experiment.identities]
        return TileBuilder(self.plan, self.part, self.rows, keys)

    @functools.cached_property
    def usual(self) -> dict[str, Result]:
        """The members as planned."""
        return self._planned()

    @functools.cached_property
    def from_zero(self) -> dict[str, Result]:
        """The members after two epochs from weights and biases that are all zero."""
        return self._planned(zero=True, epochs=2)

    def _planned(self, **options: Any) -> dict[str, Result]:
        found: dict[str, Result] = {}
        for tile in self.part.tiles:
            for slot, row in zip(tile.slots, self.run(tile.slots, **options), strict=True):
                found |= {self.names[m]: result for m, result in zip(slot.members, row, strict=True) if m >= 0}
        return found

    def slot(self, name: str) -> tuple[int, Tile, Slot]:
        """A member's number, and the tile and slot that it is planned for."""
        number = self.names.index(name)
        for tile in self.part.tiles:
            for slot in tile.slots:
                if number in slot.members:
                    return number, tile, slot
        raise AssertionError(f"{name} is in no tile")

    def run(self, slots: Sequence[Slot], *, zero: bool = False, epochs: int = EPOCHS) -> list[list[Result]]:
        """Trains a tile of these slots in the compiled program; results by slot and lane.

        Args:
            zero: start from weights and biases that are all zero.
        """
        tile = Tile(tuple(slots), self.part.tiles[0].steps)
        compiled = self._builder.compile()
        live = self._builder.start(tile, compiled)
        carry = live.carry
        if zero:
            carry = carry._replace(
                member=carry.member._replace(params=jax.tree.map(jnp.zeros_like, carry.member.params))
            )
        carry, curves, predictions = compiled.run(live.data, live.settings, carry, jnp.int32(0), jnp.int32(epochs))
        assert predictions is not None
        member, curves, predictions, ran, diverged = jax.tree.map(
            np.asarray, (carry.result(), curves[:epochs], predictions, carry.epochs_run, carry.diverged)
        )
        rows = self._builder.validation_rows(0)
        return [
            [
                Result(
                    curves[:, s, lane],
                    predictions[s, lane, :rows],
                    jax.tree.map(lambda leaf, s=s, lane=lane: leaf[s, lane], member),
                    int(ran[s, lane]),
                    int(diverged[s, lane]),
                )
                for lane in range(len(slot.members))
            ]
            for s, slot in enumerate(slots)
        ]


class Trial(Population):
    """A technique at its reference strengths, the ends of its search ranges and its neutral strengths, in one program.

    Members are called ``example``, ``low``, ``high``, ``neutral`` (if there is one) and ``wild``: the example at a
    learning rate at which it diverges. What the technique needs beside it (`Technique.panel`) stands in all of them.
    """

    def __init__(self, cls: type[Technique]) -> None:
        example = next((item for item in cls.panel() if type(item) is cls), cls.example())
        self.partners = tuple(item for item in cls.panel() if type(item) is not cls)
        space = cls.search_space()
        self.items = {"example": example}
        for index, end in enumerate(("low", "high")):
            changes = {name: _like(getattr(example, name), ends[index]) for name, ends in space.items()}
            self.items[end] = dataclasses.replace(example, **changes)  # type: ignore[type-var]
        neutral = example.neutral()
        self.items |= {} if neutral is None else {"neutral": neutral}
        self.items |= {"wild": example}
        recipes = {name: Recipe((*self.partners, item)) for name, item in self.items.items()}
        super().__init__(experiment_for(cls), recipes, {"wild": WILD})

    @property
    def own_parameters(self) -> bool:
        """Whether the technique trains parameters beside the network's."""
        return bool(jax.tree.leaves(self._own("example").params))

    def inference(self, name: str) -> list[tuple[str, np.ndarray, np.ndarray]]:
        """By layer, random values, and what the hook ``hidden`` makes of them with ``train=False``."""
        context, item = self.part.program.algorithm.context, self.items[name]
        rng, own = Rng(study_key(2), type(item).__name__), self._own(name)
        values = np.random.default_rng(5).normal(size=(6, max(context.widths))).astype(np.float32)
        found = []
        for layer, width in zip(context.layers[:-1], context.widths[:-1], strict=True):
            before, mask = jnp.asarray(values[:, :width]), jnp.ones(6, jnp.float32)
            found.append((layer, before, item.hidden(before, layer, own, mask=mask, rng=rng, train=False)))
        return [(layer, np.asarray(before), np.asarray(after)) for layer, before, after in found]

    def _own(self, name: str) -> Own:
        """What the technique holds for the trained member."""
        techniques, rows = self.part.techniques[self.names.index(name)], self.rows(0)
        context = self.part.program.algorithm.context
        prepared = [item.prepare(context, {"x": rows.x, "y": rows.y}) for item in techniques]
        return self.usual[name].member.own(prepared)[techniques.index(self.items[name])]

    @property
    def strengths(self) -> list[str]:
        """Names of the members that should train well."""
        return [name for name in self.names if name not in ("wild", "neutral")]


def _like(old: float, new: float) -> float:
    """Whole numbers stay whole."""
    return int(new) if isinstance(old, int) and float(new).is_integer() else new


@functools.cache
def trial_of(cls: type[Technique]) -> Trial:
    """The technique's trial; tests share it."""
    return Trial(cls)


def baseline(trial: Trial) -> Result:
    """The partners alone, in a program of their own."""
    return _alone(trial.experiment, Recipe(trial.partners))


_BASELINES: dict[tuple[int, str], Result] = {}


def _alone(experiment: Experiment, recipe: Recipe) -> Result:
    key = (id(experiment), recipe.name)  # experiments are few and live as long as the process
    if key not in _BASELINES:
        _BASELINES[key] = Population(experiment, {"baseline": recipe}, {}).usual["baseline"]
    return _BASELINES[key]
