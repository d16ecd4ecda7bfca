"""The library's messages spell options as Python does (`folds=5` between backticks); here they become ``--folds 5``."""

from __future__ import annotations

import ast
import dataclasses
import re
import shlex

from wellposed.cli.options import DataOptions, NetworkOptions, RunOptions, StudyOptions, TrainingOptions

__all__ = ["as_command_line"]

_GROUPS = (DataOptions, NetworkOptions, TrainingOptions, StudyOptions, RunOptions)
_NAMES = {field.name.strip("_") for group in _GROUPS for field in dataclasses.fields(group)}
_OPTION = re.compile(r"`([a-z_]+)(?:=([^`]+))?`")


def as_command_line(text: str) -> str:
    """The text with every option as the command line spells it: ``--folds 5`` for ``folds=5``."""
    return _OPTION.sub(_spelled, text)


def _spelled(found: re.Match[str]) -> str:
    name, written = found[1], found[2]
    if name == "shuffle_splits":
        return "--no-shuffle"
    if name not in _NAMES:
        return found[0]
    flag = f"--{name.replace('_', '-')}"
    if written is None:
        return flag
    try:
        value = ast.literal_eval(written)
    except (ValueError, SyntaxError):
        return found[0]
    if value is True:
        return flag
    values = value if isinstance(value, list | tuple) else [value]
    return " ".join(f"{flag} {shlex.quote(str(item))}" for item in values)
