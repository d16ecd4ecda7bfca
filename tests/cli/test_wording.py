"""The library's Python words on the command line."""

from __future__ import annotations

import pytest

from wellposed.cli.wording import as_command_line
from wellposed.errors import option


@pytest.mark.parametrize(
    ("name", "value", "python", "shell"),
    [
        ("target", None, "`target`", "--target"),
        ("folds", 5, "`folds=5`", "--folds 5"),
        ("task", "regression", "`task='regression'`", "--task regression"),
        ("drop", ["a b"], "`drop=['a b']`", "--drop 'a b'"),
        ("na", ["?", "-9"], "`na=['?', '-9']`", "--na '?' --na -9"),
        ("keep_duplicates_together", True, "`keep_duplicates_together=True`", "--keep-duplicates-together"),
        ("shuffle_splits", False, "`shuffle_splits=False`", "--no-shuffle"),
    ],
)
def test_options(name: str, value: object, python: str, shell: str) -> None:
    assert option(name, value) == python
    assert as_command_line(f"Use {python}, or not.") == f"Use {shell}, or not."


@pytest.mark.parametrize("text", ["`wellposed techniques` lists all.", "`nothing`", "`drop=[`", "`folds=x y`", "a ` b"])
def test_other_text_stays(text: str) -> None:
    assert as_command_line(text) == text
