"""Every error of the command line as one line: ``what, got X. remedy``."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any

import typer

__all__ = ["is_usage_error", "one_line", "usage_message"]


def is_usage_error(error: BaseException) -> bool:
    """Whether typer refused the command line itself.

    Newer versions of typer carry a copy of click, older ones use click itself: the class is found either way.
    """
    return isinstance(error, _usage_error())


def usage_message(error: Any, arguments: Sequence[str]) -> str:
    """The line for an error of typer: which option, what it got, what to write.

    Args:
        error: what typer raised.
        arguments: the command line; typer's errors don't always say what they got.
    """
    command = error.ctx.command_path if error.ctx is not None else " ".join(["wellposed", *arguments[:1]])
    known: Any = error.ctx.command if error.ctx is not None else None
    lists, shows = f"`{command} --help` lists all.", f"`{command} --help` shows what it takes."
    kind, unknown = type(error).__name__, re.match(r"No such command '(.*?)'", error.message)
    if kind == "NoSuchOption":
        guess = _guess(error.option_name, [name for item in known.params for name in item.opts])
        return one_line(f"no such option {error.option_name}. {guess}{lists}")
    if kind == "MissingParameter":
        return one_line(f"{_name(error)} is missing. `{command} --help` shows an example.")
    if kind == "BadOptionUsage":
        rule = "needs a value" if "requires" in error.message else "takes no value"
        return one_line(f"{error.option_name} {rule}. {shows}")
    if kind == "BadParameter":
        return one_line(f"{_name(error)} {_rule(error)}, got {_given(error, arguments)}. {shows}")
    if unknown:
        return one_line(f"no such command {unknown[1]}. {_guess(unknown[1], known.commands)}{lists}")
    if error.message.startswith("Got unexpected extra argument"):
        extra = error.message.rpartition("(")[2].removesuffix(")")
        return one_line(f"too many arguments, got {extra}. Text with spaces needs quotes; {lists}")
    return one_line(error.message)


def one_line(text: str) -> str:
    """The text on one line of printable characters."""
    return "".join(c if c.isprintable() else "�" for c in " ".join(str(text).split()))


def _usage_error() -> type[Exception]:
    module = sys.modules[typer.BadParameter.__module__]
    return module.UsageError


def _name(error: Any) -> str:
    if error.param is None:
        return str(error.param_hint or "an argument")
    long = [option for option in error.param.opts if option.startswith("--")]
    return long[0] if long else str(error.param.metavar or error.param.name).upper()


def _rule(error: Any) -> str:
    """What a value must be, from typer's message about one that isn't."""
    for word, noun in (("integer", "a whole number"), ("number", "a number"), ("float", "a number")):
        if f"valid {word}" in error.message:
            return f"must be {noun}"
    return f"can't be used ({error.message.rstrip('.')})"


def _given(error: Any, arguments: Sequence[str]) -> str:
    """The value as it stands on the command line or in the configuration file."""
    option = _name(error)
    for index, argument in enumerate(arguments):
        if argument.startswith(f"{option}="):
            return argument.removeprefix(f"{option}=")
        if argument == option:
            return arguments[index + 1]
    return str((error.ctx.default_map or {}).get(error.param.name, "nothing"))


def _guess(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), n=1)
    return f"Did you mean {close[0]}? " if close else ""
