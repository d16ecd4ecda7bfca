"""Which techniques can't stand together: found by trying every pair of the catalogue."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence

from wellposed.errors import TechniqueError
from wellposed.network.mlp import MLP, Network
from wellposed.recipe import Recipe
from wellposed.techniques.base import Context, Technique
from wellposed.training.spec import Training

__all__ = ["Refusal", "refused_pairs"]

_FEATURES, _OUTPUTS, _WIDTHS = 16, 3, (8, 8, 8)


@dataclasses.dataclass(frozen=True)
class Refusal:
    """Two techniques that a recipe can't hold.

    Attributes:
        names: of both, sorted.
        why: the rule; remedy: what to do instead.
    """

    names: tuple[str, str]
    why: str
    remedy: str


def refused_pairs(classes: Sequence[type[Technique]]) -> Iterator[Refusal]:
    """Every pair of ``classes``, at reference strengths, that is refused where each alone is accepted.

    Tried on a network of three hidden layers for classes, numbers and images: a pair is refused if it is refused on
    every kind of data that both apply to.
    """
    contexts = [_context("classification", None), _context("regression", None), _context("classification", (4, 4))]
    alone = {cls: [_error((cls.example(),), context) is None for context in contexts] for cls in classes}
    for one, other in itertools.combinations(classes, 2):
        errors = [
            _error((one.example(), other.example()), context)
            for context, first, second in zip(contexts, alone[one], alone[other], strict=True)
            if first and second
        ]
        if errors and all(errors):
            error = errors[0]
            assert error is not None
            first, second = sorted((one.name, other.name))
            yield Refusal((first, second), error.what.removeprefix("recipe: "), error.remedy)


def _error(items: tuple[Technique, ...], context: Context) -> TechniqueError | None:
    """What is wrong with a recipe of these, nothing trained."""
    try:
        recipe = Recipe(items)
        recipe.check(context)
        training, network = Training(), _network(context)
        for item in recipe:
            training, network = item.training(training), item.network(network)
    except TechniqueError as error:
        return error
    return None


def _context(task: str, image_shape: tuple[int, ...] | None) -> Context:
    layers = ("input", *(f"hidden{index + 1}" for index in range(len(_WIDTHS))), "output")
    groups = tuple((column,) for column in range(_FEATURES))
    return Context(_FEATURES, _OUTPUTS, task, layers, (_FEATURES, *_WIDTHS, _OUTPUTS), 8, groups, image_shape)


def _network(context: Context) -> Network:
    activation = "linear" if context.task == "regression" else "softmax"
    return MLP(_WIDTHS).build(features=_FEATURES, outputs=_OUTPUTS, output_activation=activation)
