"""Every error of the command line as one line: ``what, got X. remedy``."""

from __future__ import annotations

import sys
from difflib import get_close_matches
from typing import Any

import typer

__all__ = ["is_usage_error", "one_line", "usage_message"]


def is_usage_error(error: BaseException) -> bool:
    """Whether typer refused the command line itself.

    Newer versions of typer carry a copy of click, older ones use click itself: the class is found either way.
    """
    return isinstance(error, _usage_error())


def usage_message(error: Any) -> str:
    """The line for an error of typer: which option, what it got, what to write."""
    command = error.ctx.command_path if error.ctx is not None else "wellposed"
    see = f"`{command} --help` lists all."
    kind = type(error).__name__
    if kind == "NoSuchOption":
        known = error.possibilities or get_close_matches(error.option_name, _options(error.ctx), n=1)
        return one_line(f"no such option {error.option_name}. {_guess(known)}{see}")
    if kind == "MissingParameter":
        return one_line(f"{_name(error)} is missing. `{command} --help` shows an example.")
    if kind == "BadOptionUsage":
        return one_line(f"{error.option_name} {_usage(error.message)}. `{command} --help` shows what it takes.")
    if kind == "BadParameter":
        return one_line(f"{_name(error)} {_rule(error)}. `{command} --help` shows what it takes.")
    unknown = _between(error.message, "No such command ")
    if unknown:
        return one_line(
            f"no such command {unknown}. {_guess(get_close_matches(unknown, _commands(error.ctx), n=1))}{see}"
        )
    extra = _between(error.message, "Got unexpected extra argument")
    if extra:
        arguments = extra.partition("(")[2].rstrip(") ")
        return one_line(f"one argument too many, got {arguments}. Put quotes around text with spaces; {see}")
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
    """What a value must be, from click's message about one that isn't."""
    value, sign, rest = error.message.partition(" is not a valid ")
    nouns = {"integer": "a whole number", "float": "a number", "boolean": "true or false"}
    noun = nouns.get(rest.rstrip(".").split(" ")[0]) if sign else None
    return f"must be {noun}, got {value.strip(chr(39))}" if noun else f"can't be used: {error.message.rstrip('.')}"


def _usage(message: str) -> str:
    return "needs a value" if "requires an argument" in message else "takes no value"


def _between(message: str, start: str) -> str:
    return message[len(start) :].strip("'. ") if message.startswith(start) else ""


def _guess(names: Any) -> str:
    return f"Did you mean {' or '.join(list(names)[:2])}? " if names else ""


def _options(context: Any) -> list[str]:
    return [option for parameter in context.command.params for option in parameter.opts] if context is not None else []


def _commands(context: Any) -> list[str]:
    return list(getattr(context.command, "commands", ()))
