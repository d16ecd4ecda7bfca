"""How networks are trained: loss, optimizer, learning rate and its schedule, batch size, epochs."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from wellposed.errors import StudyError
from wellposed.training.losses import Loss, loss
from wellposed.training.optimizers import Optimizer, optimizer
from wellposed.training.schedules import Schedule, schedule

__all__ = ["Training"]


_MOST = 1_000_000_000  # the engine counts in 32 bits


@dataclasses.dataclass(frozen=True)
class Training:
    """Training settings, shared by all candidates of a comparison.

    Args:
        loss: Keras's name or ``auto`` (binary or categorical cross-entropy, mean squared error).
        optimizer: Keras's name, with settings if need be (``"sgd(momentum=0.9)"``); default ``adam``.
        learning_rate: default: the optimizer's own.
        schedule: name of a schedule of the learning rate; default ``constant``.
        batch_size: rows of a minibatch, default 32.
        epochs: passes over the training rows, default 200.
        class_weight: None, ``"balanced"`` (training rows / (classes × rows of the class)) or a weight for each class.
        shuffle: draw a new order of rows every epoch (default) or keep the order given.

    Raises:
        StudyError: a number out of range or an unknown name.
    """

    loss: str | Loss = "auto"
    optimizer: str | Optimizer = "adam"
    learning_rate: float | None = None
    schedule: str | Schedule = "constant"
    batch_size: int = 32
    epochs: int = 200
    class_weight: str | Mapping[str, float] | None = None
    shuffle: bool = True

    def __post_init__(self) -> None:
        if self.loss != "auto":
            object.__setattr__(self, "loss", loss(self.loss))
        object.__setattr__(self, "optimizer", optimizer(self.optimizer))
        object.__setattr__(self, "schedule", schedule(self.schedule))
        for name in ("batch_size", "epochs"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise StudyError(f"training: {name} must be a whole number of at least 1", value)
            if value > _MOST:
                raise StudyError(f"training: {name} must be at most {_MOST:,}", value)
        if self.learning_rate is not None and not 0 < self.learning_rate < float("inf"):
            raise StudyError(
                "training: learning_rate must be above 0", self.learning_rate, "Adam's usual value is 0.001."
            )
        if isinstance(self.class_weight, str) and self.class_weight != "balanced":
            raise StudyError("training: class_weight must be 'balanced' or a weight for each class", self.class_weight)

    @property
    def rate(self) -> float:
        """The learning rate in use."""
        assert isinstance(self.optimizer, Optimizer)
        return self.optimizer.learning_rate if self.learning_rate is None else self.learning_rate
