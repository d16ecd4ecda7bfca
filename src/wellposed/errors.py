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
        message = what if got is None else f"{what}, got {_shown(got)}"
        if remedy:
            message = f"{message}. {remedy}"
        super().__init__(message)


class DataError(WellposedError):
    """The data, or what was said about it, can't be used."""


class TechniqueError(WellposedError):
    """A technique or recipe was given a strength, option or partner that has no meaning."""


class StudyError(WellposedError):
    """A study's settings contradict each other or the data."""


def _shown(value: object) -> str:
    """The value on one line of at most 120 printable characters."""
    text = value if isinstance(value, str) else repr(value)
    text = "".join(character if character.isprintable() else "�" for character in text)
    return text if len(text) <= 120 else text[:117] + "..."
