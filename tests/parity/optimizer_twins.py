"""Keras's optimizer with the settings of one of ours."""

from __future__ import annotations

from typing import Any

import keras

from wellposed.training.optimizers import Optimizer

__all__ = ["keras_optimizer", "keras_settings"]


def keras_settings(ours: Optimizer) -> dict[str, Any]:
    """Our settings by Keras's names: its Muon names those of its Adam part, and the layers that Muon leaves out."""
    settings = dict(vars(ours))
    if ours.name != "muon":
        return settings
    settings = {f"adam_{name}" if name.startswith("beta") else name: value for name, value in settings.items()}
    return settings | {"adam_weight_decay": settings["weight_decay"], "exclude_layers": ["output"]}


def keras_optimizer(ours: Optimizer, rate: Any) -> keras.optimizers.Optimizer:
    """Keras's optimizer at a learning rate or schedule."""
    return getattr(keras.optimizers, type(ours).__name__)(learning_rate=rate, **keras_settings(ours))
