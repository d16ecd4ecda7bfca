"""What a network from elsewhere becomes here: a network, its training and a recipe, ready for a comparison."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from wellposed.errors import StudyError
from wellposed.network.mlp import MLP
from wellposed.recipe import Recipe
from wellposed.training.spec import Training

__all__ = ["Setup"]

_SETTINGS = ("network", "recipes", "training", "metric")


@dataclasses.dataclass(frozen=True)
class Setup:
    """A network, its training, and its regularization as a recipe; ``compare(data, **setup)`` takes it whole.

    Attributes:
        network: without any regularization: the baseline of a comparison.
        training: loss, optimizer, learning rate and schedule, batch size, epochs.
        recipe: everything that regularizes, the empty recipe if nothing does.
        metric: the main metric, ``auto`` if none was asked for.
        outputs: columns of the output layer.
        warnings: what is done differently here, a sentence each.

    Example:
        >>> Setup(MLP((20, 20)), Training(), Recipe(), outputs=1)["recipes"] is None
        True
    """

    network: MLP
    training: Training
    recipe: Recipe
    metric: str = "auto"
    outputs: int = 1
    warnings: tuple[str, ...] = ()

    def keys(self) -> Iterator[str]:
        """The settings of ``compare`` that ``**setup`` fills."""
        return iter(_SETTINGS)

    def __getitem__(self, name: str) -> Any:
        """A setting of ``compare``; ``recipes`` is None (the default panel) where nothing regularizes."""
        if name == "recipes":
            return [self.recipe] if len(self.recipe) else None
        if name not in _SETTINGS:
            raise KeyError(name)
        return getattr(self, name)

    def check(self, classes: tuple[str, ...], targets: int) -> None:
        """Refuses an output layer that doesn't fit the data.

        Args:
            classes: of the data, ``()`` for regression.
            targets: number of target columns.

        Raises:
            StudyError: another number of outputs than classes or targets.
        """
        wanted = {1, 2} if len(classes) == 2 else {len(classes) or targets}
        if self.outputs not in wanted:
            noun = "classes" if classes else "targets"
            what = f"from_keras: the data have {len(classes) or targets} {noun}, the last layer other units"
            raise StudyError(what, self.outputs, "Give both the same number.")
