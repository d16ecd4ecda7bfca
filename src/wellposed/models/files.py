"""Models on disk: ``model.json`` and ``weights.safetensors``; nothing in them is ever run."""

from __future__ import annotations

from pathlib import Path

from wellposed.models.model import Model


def save_model(model: Model, folder: str | Path) -> Path:
    raise NotImplementedError
