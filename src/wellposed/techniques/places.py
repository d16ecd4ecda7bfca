"""Techniques that act on chosen layers: the option ``layers``, resolved once against the network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jaxtyping import PRNGKeyArray

from wellposed.errors import TechniqueError
from wellposed.techniques.base import Context, Own, Params, Static, Technique

__all__ = ["Placed"]


class Placed(Technique):
    """A technique with the option ``layers``: ``all``, ``hidden``, ``last`` (hidden layer) or names joined by ``/``.

    Hooks find the chosen names in ``own.state.value``: a hook sees one layer, or a dictionary in alphabetical order,
    and neither tells which hidden layer is the last.
    """

    if TYPE_CHECKING:
        layers: str

    def candidates(self, context: Context) -> tuple[str, ...]:
        """The layers among which ``layers`` chooses: here those with weights."""
        return tuple(name for name in context.layers if name != "input")

    def places(self, context: Context) -> frozenset[str]:
        on = getattr(self, "on", "")
        return frozenset(f"{on}:{layer}" for layer in self.chosen(self.candidates(context), self.layers))

    def check(self, context: Context) -> None:
        if not self.chosen(self.candidates(context), self.layers):
            remedy = "Give it a hidden layer, or leave the technique out."
            raise TechniqueError(f"{type(self).__name__}: the network has no such layer", self.layers, remedy)

    def init(self, context: Context, params: Params, key: PRNGKeyArray) -> Own:
        return Own(state=Static(self.chosen(self.candidates(context), self.layers)))
