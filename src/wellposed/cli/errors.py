"""Every error of the command line as one line: ``what, got X. remedy``."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import typer

from wellposed.errors import StudyError, printable

__all__ = ["is_usage_error", "one_line", "refuse_repeated", "usage_message"]


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
        values = _values([_name(error)], arguments)
        context: Any = error.ctx
        defaults: Mapping[str, Any] = (context and context.default_map) or {}
        if not values and error.param is not None and error.param.name in defaults:
            place = f"config {context.params['config']}: {_name(error).removeprefix('--')}"
            return one_line(f"{place} {_rule(error)}, got {defaults[error.param.name]}. {shows}")
        return one_line(
            f"{_name(error)} {_rule(error)}, got {printable(values[0], 120) if values else 'nothing'}. {shows}"
        )
    if unknown:
        return one_line(f"no such command {unknown[1]}. {_guess(unknown[1], known.commands)}{lists}")
    if error.message.startswith("Got unexpected extra argument"):
        extra = error.message.rpartition("(")[2].removesuffix(")")
        return one_line(
            f"too many arguments, got {extra}. Quote text with spaces, repeat an option for each value; {lists}"
        )
    return one_line(error.message)


def refuse_repeated(given: Sequence[Any], arguments: Sequence[str]) -> None:
    """Refuses an option of one value that is given twice: the last would win silently.

    Args:
        given: the parameters on the command line, in order, as click's parser finds them.
        arguments: the command line they stand on.

    Raises:
        StudyError: it names the values.
    """
    for parameter in given:
        if given.count(parameter) > 1 and not (parameter.is_flag or parameter.multiple):
            values = " and ".join(_values(parameter.opts, arguments))
            raise StudyError(f"{_long(parameter)} takes one value", values, "Give it once.")


def one_line(text: str) -> str:
    """The text on one line of printable characters."""
    return "".join(c if c.isprintable() else "�" for c in " ".join(str(text).split()))


def _usage_error() -> type[Exception]:
    module = sys.modules[typer.BadParameter.__module__]
    return module.UsageError


def _name(error: Any) -> str:
    if error.param is None:
        return str(error.param_hint or "an argument")
    return _long(error.param) or str(error.param.metavar or error.param.name).upper()


def _long(parameter: Any) -> str:
    return next((option for option in parameter.opts if option.startswith("--")), "")


def _rule(error: Any) -> str:
    """What a value must be, from typer's message about one that isn't."""
    for word, noun in (("integer", "a whole number"), ("number", "a number"), ("float", "a number")):
        if f"valid {word}" in error.message:
            return f"must be {noun}"
    return f"can't be used ({error.message.rstrip('.')})"


def _values(options: Sequence[str], arguments: Sequence[str]) -> list[str]:
    """What stands behind any of these options on the command line, in order."""
    found, words = [], iter(arguments)
    for word in words:
        if word == "--":
            break
        name, sign, value = word.partition("=")
        if name in options:
            found.append(value if sign else next(words, ""))
    return found


def _guess(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), n=1)
    return f"Did you mean {close[0]}? " if close else ""
