"""Options from a file: the same as on the command line, which wins."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FILE = """
data = "iris"
network = [4, 3]
epochs = 3
with = ["l2=1e-3", "dropout=0.2"]
learning-rate = 1e-2
folds = 2
seeds = 1
fixed = true
no-references = true
"""


def planned(command: Callable[..., Any], *arguments: str) -> dict[str, Any]:
    ran = command("compare", *arguments, "--dry-run", "--json")
    assert (ran.status, ran.err.count("error")) == (0, 0), ran.err
    return json.loads(ran.out)


@pytest.fixture
def config(tmp_path: Path) -> str:
    (tmp_path / "study.toml").write_text(FILE, encoding="utf-8")
    return "study.toml"


def test_same_plan_as_on_the_command_line(command: Callable[..., Any], config: str) -> None:
    options = "iris --network 4,3 --epochs 3 --with l2=1e-3 --with dropout=0.2 --learning-rate 1e-2 --folds 2 --seeds 1"
    assert planned(command, "--config", config) == planned(command, *options.split(), "--fixed")


def test_command_line_wins(command: Callable[..., Any], config: str) -> None:
    plan = planned(command, "circles", "--config", config, "--with", "l1=1e-4", "--folds", "3")
    assert plan["recipes"] == ["baseline", "best-epoch", "l1=0.0001"]
    assert plan["members"] == 3 * 3


def test_a_single_value_for_a_repeatable_option(command: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "one.toml").write_text('with = "l2=1e-3"\nfolds = 2\n', encoding="utf-8")
    assert planned(command, "iris", "--config", "one.toml")["recipes"] == ["baseline", "best-epoch", "l2=0.001"]


SHOWS = "`wellposed compare --help` shows what it takes."


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('epochs = "many"', f"epochs must be a whole number, got many. {SHOWS}"),
        ("folds = 2.5", f"folds must be a whole number, got 2.5. {SHOWS}"),
        ("seeds = [1, 2]", f"seeds must be a whole number, got 1,2. {SHOWS}"),
        ('monitor = "few"', f"monitor must be a number, got few. {SHOWS}"),
        ("epochs = true", "epochs must be text or a number, got True"),
        ('fixed = "yes"', "fixed must be true or false, got yes"),
        ("with = [3, true]", "with must be text or a number, got True"),
    ],
)
def test_a_value_of_the_wrong_type(line: str, message: str, command: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "one.toml").write_text(f"{line}\n", encoding="utf-8")
    ran = command("compare", "iris", "--config", "one.toml")
    assert (ran.status, ran.out, ran.err) == (2, "", f"error: config one.toml: {message}\n")
