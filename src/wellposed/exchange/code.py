"""Code out: a model's training as a script of Keras or PyTorch."""

from __future__ import annotations

import re
import textwrap

from wellposed.errors import StudyError, printable
from wellposed.exchange.code_keras import keras_code
from wellposed.exchange.code_torch import torch_code
from wellposed.models.model import Model

__all__ = ["FRAMEWORKS", "to_code"]

FRAMEWORKS = {"keras": keras_code, "torch": torch_code}


def to_code(model: Model, framework: str = "keras", *, data: str = "my.csv") -> str:
    """A short script, ready to paste, that trains the model's network with its recipe and settings on a table.

    It reads the table, encodes it as the model does, trains on four fifths of the rows and prints the score on the
    rest. What the framework can't express is named in a comment at its top.

    Args:
        framework: ``keras`` (default) or ``torch``.
        data: the path that stands in the script.

    Raises:
        StudyError: another framework.
    """
    if framework not in FRAMEWORKS:
        raise StudyError("export: unknown framework", framework, f"Choose one of {', '.join(FRAMEWORKS)}.")
    title = f"Made by wellposed. Recipe: {printable(model.recipe.name)}"
    script = FRAMEWORKS[framework](model, textwrap.fill(title.replace("\\", "/").replace('"', "'"), 100) + "\n", data)
    return re.sub(r"\n{4,}", "\n\n\n", script)
