"""Targets: the labels themselves are softened."""

from __future__ import annotations

from typing import ClassVar

from wellposed.errors import TechniqueError
from wellposed.network.randomness import Rng
from wellposed.techniques.base import Batch, Context, Own, Technique, strength, technique

__all__ = ["LabelSmoothing"]


@technique
class LabelSmoothing(Technique):
    """Gives every class a little of the target, so that the network isn't driven to certainty.

    y ← y (1 − ε) + ε / K, K the number of classes (2 for a single sigmoid output)

    Args:
        rate: ε in [0, 1), default 0.1.

    Raises:
        TechniqueError: the task is regression.

    Source: Szegedy et al. 2016, §7; Keras's ``label_smoothing``.
    """

    rate: float = strength(default=0.1, maximum=1.0, open_maximum=True, neutral=0.0, search=(0.005, 0.2))

    name: ClassVar[str] = "label-smoothing"
    family: ClassVar[str] = "targets"
    reference: ClassVar[str] = (
        "Szegedy, Vanhoucke, Ioffe, Shlens and Wojna 2016, Rethinking the Inception architecture for computer vision, "
        "CVPR"
    )

    def check(self, context: Context) -> None:
        if context.task != "classification":
            remedy = "Leave it out; for numbers try Mixup or GaussianNoise."
            raise TechniqueError("LabelSmoothing: the task must be classification", context.task, remedy)

    def augment(self, batch: Batch, own: Own, rng: Rng) -> Batch:
        classes = max(batch.y.shape[-1], 2)
        return batch._replace(y=batch.y * (1.0 - self.rate) + self.rate / classes)
