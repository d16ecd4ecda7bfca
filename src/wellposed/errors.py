"""Errors that users see: each says what is wrong, what was got, and what to do about it."""

from __future__ import annotations


class WellposedError(ValueError):
    """Base of every error that wellposed raises on purpose.

    The message is one line, ``what, got VALUE. remedy``; the command line prints it after ``error:`` and
    exits with status 2.

    Args:
        what: the rule that was broken, beginning with the place (``"Dropout: rate must be in [0, 1)"``).
        got: the offending value, echoed as the user gave it (``None``: nothing to echo).
        remedy: what to do instead, a full sentence.
    """

    def __init__(self, what: str, got: object = None, remedy: str = "") -> None:
        self.what, self.got, self.remedy = what, got, remedy
        message = printable(what, 400) if got is None else f"{printable(what, 400)}, got {_shown(got)}"
        if remedy:
            message = f"{message}. {printable(remedy, 1000)}"
        super().__init__(message)


class DataError(WellposedError):
    """The data, or what was said about it, can't be used."""


class TechniqueError(WellposedError):
    """A technique or recipe was given a strength, option or partner that has no meaning."""


class StudyError(WellposedError):
    """A study's settings contradict each other or the data."""


def option(name: str, value: object = None) -> str:
    """An option in a message as Python spells it, between backticks; the command line says ``--folds 5``.

    Args:
        name: the keyword.
        value: what it is to be set to; None: the option alone.
    """
    if isinstance(value, list):
        value = [printable(str(item), 60) for item in value]
    elif isinstance(value, str):
        value = printable(value, 60)
    return f"`{name}`" if value is None else f"`{name}={value!r}`"


def printable(text: str, most: int | None = None) -> str:
    """The text on one line, what a terminal would obey replaced by ``�``; cut in the middle past ``most`` characters.

    Joiners inside words (U+200C, U+200D) stay: some scripts need them.
    """
    text = "".join(c if c.isprintable() or c in _JOINERS else " " if c.isspace() else "�" for c in text)
    if most is None or len(text) <= most:
        return text
    return f"{text[: most - most // 3 - 1]}…{text[len(text) - most // 3 :]}"


def quoted(name: object) -> str:
    """A name from the data between quotes, cut if it is long."""
    return repr(printable(str(name), 60))


_JOINERS = "\u200c\u200d"


def _shown(value: object) -> str:
    """The value on one line of at most 120 printable characters."""
    text = printable(value if isinstance(value, str) else repr(value)) or "nothing"
    return text if len(text) <= 120 else text[:117] + "..."
