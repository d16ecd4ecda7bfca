"""Hostile and odd options, recipes and configuration files."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from hostile import Case, check, table


def config(text: str | bytes) -> dict[str, Any]:
    def write(path: Path) -> None:
        path.write_text(table())
        (path.parent / "c.toml").write_bytes(text if isinstance(text, bytes) else text.encode())

    return dict(make=write, options=("--target", "y", "--config", "c.toml"))


def recipe(text: str) -> dict[str, Any]:
    return dict(make=table(), options=("--target", "y", "--with", text))


def opts(*words: str) -> dict[str, Any]:
    return dict(make=table(), options=("--target", "y", *words))


def case(parts: dict[str, Any], message: str | None, begins: bool = False) -> Case:
    return Case(message=message, begins=begins, **parts)


CASES: Mapping[str, Case] = {
    "toml of bytes": case(
        config(bytes(range(128, 256))), ("config: can't be read (not text), got c.toml. Give a TOML file.")
    ),
    "toml with nul": case(config("epochs = 3\x00"), ("config: isn't TOML ("), begins=True),
    "toml key twice": case(config("epochs = 3\nepochs = 4"), ("config: isn't TOML ("), begins=True),
    "toml of a table": case(
        config("[epochs]\na = 3"), ("config c.toml: epochs must be text or a number, got {'a': 3}")
    ),
    "toml of a list in a list": case(
        config("network = [[20, 20], [3]]"), ("config c.toml: network must be text or a number, got [20, 20]")
    ),
    "toml of true": case(config("epochs = true"), ("config c.toml: epochs must be text or a number, got True")),
    "toml of inf": case(
        config("learning-rate = inf"),
        ("training: learning_rate must be above 0, got inf. Adam's usual value is 0.001."),
    ),
    "toml of nan": case(
        config("learning-rate = nan"),
        ("training: learning_rate must be above 0, got nan. Adam's usual value is 0.001."),
    ),
    "toml of escapes": case(
        config('activation = "\\u001b[31mx"'), ("activation: unknown name, got �[31mx."), begins=True
    ),
    "toml key of escapes": case(
        config('"\\u001b[31mx" = 3'),
        ("config c.toml: no such option, got �[31mx. Keys are the long option names, without dashes in front."),
    ),
    "toml key of 10,000 characters": case(
        config("h" * 10_000 + " = 3"),
        (
            "config c.toml: no such option, got "
            f"{'h' * 117}.... "
            "Keys are the long option names, without dashes in front."
        ),
    ),
    "toml nested deep": case(config("a = " + "[" * 5_000 + "]" * 5_000), ("config: isn't TOML ("), begins=True),
    "toml that names itself": case(
        config('config = "c.toml"'),
        ("config c.toml: no such option, got config. Keys are the long option names, without dashes in front."),
    ),
    "toml a directory": case(
        dict(
            make=lambda p: [p.write_text(table()), (p.parent / "c.toml").mkdir()],
            options=("--target", "y", "--config", "c.toml"),
        ),
        ("config: can't be read (Is a directory), got c.toml. Give a TOML file."),
    ),
    "toml a pipe": case(
        dict(
            make=lambda p: [p.write_text(table()), os.mkfifo(p.parent / "c.toml")],
            options=("--target", "y", "--config", "c.toml"),
        ),
        ("config: must be an ordinary file of at most 1 MB, got c.toml. Give a TOML file."),
    ),
    "recipe of plus signs": case(
        recipe("+++"), ("recipe: a technique is missing beside a +, got +++. Write e.g. 'l2=1e-3 + dropout=0.2'.")
    ),
    "recipe of escapes": case(
        recipe("\x1b[31ml2=1e-3"),
        (
            "recipe: no technique of that name, got �[31ml2. `wellposed techniques` lists all; one "
            "of your own comes with --techniques FILE.py or wp.register."
        ),
    ),
    "recipe of nul": case(recipe("l2=1e-3\x00"), ("l2: l2 must be a number, got 1e-3�")),
    "recipe of 10,000 characters": case(
        recipe("l2=1e-3 + " * 1_000),
        (
            "recipe: a technique is missing beside a +, got l2=1e-3 + l2=1e-3 + l2=1e-3 + l2=1e-3 + "
            "l2=1e-3 + l2=1e-3 + l2=1e-3 + l2=1e-3 + l2=1e-3 + l2=1e-3 + l2=1e-3 + l2=1e-3.... Write "
            "e.g. 'l2=1e-3 + dropout=0.2'."
        ),
    ),
    "recipe of 100,000 letters": case(
        recipe("x" * 100_000),
        (
            "recipe: no technique of that name, got "
            f"{'x' * 117}.... "
            "`wellposed techniques` lists all; one of your own comes with --techniques FILE.py or "
            "wp.register."
        ),
    ),
    "recipe of a nan": case(
        recipe("l2=nan"), ("L2: l2 must be a number in [0, ∞), got nan. Usual values lie between 1e-07 and 0.1.")
    ),
    "recipe of an infinity": case(
        recipe("l2=inf"), ("L2: l2 must be a number in [0, ∞), got inf. Usual values lie between 1e-07 and 0.1.")
    ),
    "recipe of a negative": case(
        recipe("l2=-1"), ("L2: l2 must be a number in [0, ∞), got -1.0. Usual values lie between 1e-07 and 0.1.")
    ),
    "recipe of 1e999": case(
        recipe("l2=1e999"), ("L2: l2 must be a number in [0, ∞), got inf. Usual values lie between 1e-07 and 0.1.")
    ),
    "recipe without a number": case(recipe("l2="), ("l2: a value is missing after =, got l2=. Write e.g. l2=0.001.")),
    "recipe of two signs": case(recipe("l2==3"), ("l2: l2 must be a number, got =3")),
    "recipe range backwards": case(
        recipe("l2=1e-1..1e-5"), ("l2: a range goes from a smaller to a larger positive value, got 1e-1..1e-5")
    ),
    "recipe range of millions": case(
        recipe("l2=1e-5..1e-1:1000000"), ("l2: a range needs at least 2 values after ':', got 1e-5..1e-1:1000000")
    ),
    "recipe range without end": case(recipe("l2=1e-5.."), ("l2: l2 must be a number, got nothing")),
    "recipe of ranges of ranges": case(
        recipe(
            "l2=1e-5..1e-1 + l1=1e-5..1e-1 + dropout=0.1|0.2|0.3|0.4|0.5 + "
            "weight-decay=1e-5..1e-1 + gaussian-noise=0.1|0.2|0.3"
        ),
        (
            "recipe: a grid may hold at most 1000 recipes, got 1875 in 'l2=1e-5..1e-1 + "
            "l1=1e-5..1e-1 + dropout=0.1|0.2|0.3|0.4|0.5 + weight-decay=1e-5..1e-1 + "
            "gaussian-noise=0.1|0.... Take fewer values."
        ),
    ),
    "recipe twice the same": case(
        recipe("dropout=0.2 + dropout=0.2"),
        (
            "recipe: dropout is given twice with the same options, got dropout=0.2 + dropout=0.2. "
            "Keep one of them, or give them different layers."
        ),
    ),
    "recipe of code": case(
        recipe("__import__('os').mkdir('owned')"),
        (
            "recipe: no technique of that name, got __import__('os').mkdir('owned'). `wellposed "
            "techniques` lists all; one of your own comes with --techniques FILE.py or wp.register."
        ),
    ),
    "recipe of a comma": case(
        recipe("dropout=0,2"),
        ("dropout: no such option, got 2. Its options: rate, layers, shape; write e.g. dropout=0.2."),
    ),
    "recipe of a percent": case(recipe("dropout=20%"), ("dropout: rate must be a number, got 20%")),
    "recipe minus": case(recipe("l2=1e-3 - dropout=0.2"), ("l2: l2 must be a number, got 1e-3 - dropout=0.2")),
    "recipe of layers": case(
        recipe("l2=1e-3,on=everything"), ("L2: on must be one of kernel, bias, activity, got everything")
    ),
    "optimizer of code": case(
        opts("--optimizer", "__import__('os').mkdir('owned')"),
        (
            "optimizer: can't be understood, got __import__('os').mkdir('owned'). Write \"name\" or "
            '"name(argument=value)" for the optimizer.'
        ),
    ),
    "optimizer of parentheses": case(
        opts("--optimizer", "sgd" + "(" * 200 + ")" * 200),
        (
            "optimizer: text is longer than 300 characters, got "
            f"sgd{'(' * 114}.... "
            'Write "name" or "name(argument=value)" for the optimizer.'
        ),
    ),
    "optimizer of nul": case(
        opts("--optimizer", "sgd(momentum=0.9\x00)"),
        (
            'optimizer: can\'t be understood, got sgd(momentum=0.9�). Write "name" or '
            '"name(argument=value)" for the optimizer.'
        ),
    ),
    "optimizer of a nan": case(
        opts("--optimizer", "sgd(momentum=nan)"), ("optimizer sgd: momentum must be a number, got nan")
    ),
    "optimizer of 1e999": case(
        opts("--optimizer", "sgd(momentum=1e999)"), ("optimizer sgd: momentum must be a number, got inf")
    ),
    "schedule of junk": case(
        opts("--schedule", "cosine((("),
        ('schedule: can\'t be understood, got cosine(((. Write "name" or "name(argument=value)" for the schedule.'),
    ),
    "activation of junk": case(
        opts("--activation", "\x1b[31mrelu"), ("activation: unknown name, got �[31mrelu."), begins=True
    ),
    "network of other digits": case(
        opts("--network", "٢٠"),
        (
            "network: must be widths of at least 1 with commas between them, got ٢٠. Write e.g. "
            "--network 20,20, or none for a linear model."
        ),
    ),
    "learning rate of nan": case(
        opts("--learning-rate", "nan"),
        ("training: learning_rate must be above 0, got nan. Adam's usual value is 0.001."),
    ),
    "learning rate of inf": case(
        opts("--learning-rate", "inf"),
        ("training: learning_rate must be above 0, got inf. Adam's usual value is 0.001."),
    ),
    "batch of nothing": case(
        opts("--batch-size", "0"), ("training: batch_size must be a whole number of at least 1, got 0")
    ),
    "test of nan": case(
        opts("--test", "nan"), ("test must be a share of the rows, in (0, 1), got nan. Write 0.2 for a fifth.")
    ),
    "monitor of nan": case(
        opts("--monitor", "nan"), ("monitor must be a share of the rows, in (0, 1), got nan. Write 0.2 for a fifth.")
    ),
    "memory of inf": case(
        opts("--memory", "inf"), ("memory: must be a size of at least 1 MB, got inf. Write e.g. --memory 4GB.")
    ),
    "memory of 1e999": case(
        opts("--memory", "1e999GB"), ("memory: must be a size of at least 1 MB, got 1e999GB. Write e.g. --memory 4GB.")
    ),
    "memory of nothing": case(
        opts("--memory", "0"), ("memory: must be a size of at least 1 MB, got 0. Write e.g. --memory 4GB.")
    ),
    "class weights of nan": case(
        opts("--class-weight", "no=nan,yes=1"),
        ("class-weight: must be balanced or a weight for each class, got no=nan,yes=1. Write e.g. no=1,yes=3."),
    ),
    "class weight of another class": case(
        opts("--class-weight", "no=1,yes=1,maybe=2"),
        ("training: class_weight names a class that isn't there, got maybe. The classes are no, yes."),
    ),
    "metric of escapes": case(
        opts("--metric", "\x1b[31m"),
        ('metric: can\'t be understood, got �[31m. Write "name" or "name(argument=value)" for the metric.'),
    ),
    "na of everything": case(
        opts("--na", "u", "--na", "v", "--na", "w", "--drop", "x"),
        ("a: no feature column is left, got k. Give at least one column that varies besides the target."),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_one_line_or_a_sound_plan(name: str, command: Callable[..., Any], tmp_path: Path) -> None:
    check(CASES[name], command, tmp_path)
