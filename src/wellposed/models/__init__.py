"""A trained network with everything that it needs to predict: kept, saved, loaded, used."""

from wellposed.models.model import Model, ModelTarget

__all__ = ["Model", "ModelTarget"]
