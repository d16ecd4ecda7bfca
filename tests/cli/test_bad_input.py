"""Bad input: exit status 2, one line that says what, got and remedy, nothing else printed, nothing written."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

TINY = ("--network", "4", "--epochs", "2", "--seeds", "1", "--with", "l2=1e-3")
BARE = ("compare", "good.csv", "--target", "y")
GOOD = (*BARE, *TINY)
FOLDS = (*GOOD, "--folds", "2")
LISTS, SHOWS = "`wellposed compare --help` lists all.", "`wellposed compare --help` shows what it takes."
PATH = "Check the path, or list the known data sets with `wellposed datasets`."
COLUMNS = "The columns are x, z, y."
SHARE = "Write 0.2 for a fifth."
WIDTHS = "Write e.g. --network 20,20, or none for a linear model."
SIZE = "Write e.g. --memory 4GB."

TABLE: Mapping[str, tuple[tuple[str, ...], str]] = {
    # the command line itself
    "unknown command": (("compar",), "no such command compar. Did you mean compare? `wellposed --help` lists all."),
    "unknown option": ((*BARE, "--epoch", "3"), f"no such option --epoch. Did you mean --epochs? {LISTS}"),
    "option like no other": ((*BARE, "--xyzzy"), f"no such option --xyzzy. {LISTS}"),
    "unknown option of the program": (("--foo",), "no such option --foo. `wellposed --help` lists all."),
    "no data": (("compare",), "DATA is missing. `wellposed compare --help` shows an example."),
    "two data sets": (
        ("compare", "good.csv", "more.csv"),
        f"too many arguments, got more.csv. Quote text with spaces, repeat an option for each value; {LISTS}",
    ),
    "no value": (("compare", "good.csv", "--epochs"), f"--epochs needs a value. {SHOWS}"),
    "value for a switch": ((*BARE, "--fixed=3"), f"--fixed takes no value. {SHOWS}"),
    "text for a whole number": ((*BARE, "--epochs", "many"), f"--epochs must be a whole number, got many. {SHOWS}"),
    "fraction for a whole number": ((*BARE, "--folds=2.5"), f"--folds must be a whole number, got 2.5. {SHOWS}"),
    "text for a number": ((*BARE, "--monitor", "few"), f"--monitor must be a number, got few. {SHOWS}"),
    # data
    "missing file": (
        ("compare", "elsewhere/q.csv", "--target", "y"),
        f"no such data file, got elsewhere/q.csv. {PATH}",
    ),
    "unknown name": (
        ("compare", "winequality-rde"),
        "no data set or file of that name, got winequality-rde. Did you mean winequality-red or winequality-white?",
    ),
    "empty file": (
        ("compare", "empty.csv", "--target", "y"),
        "empty.csv: the file is empty. Give a table with a header and rows.",
    ),
    "header only": (
        ("compare", "header.csv", "--target", "y"),
        "header.csv: no rows below the header. Give a table with at least one row.",
    ),
    "directory": (
        ("compare", "folder"),
        "a folder of images needs at least two classes, got 0 in folder. "
        "Give a folder that has a folder of .png or .jpg files for each class.",
    ),
    "binary junk": (
        ("compare", "junk.csv", "--target", "y"),
        "junk.csv: holds binary data, not text. Give a .csv, .tsv, .parquet or .npz file.",
    ),
    "binary junk as arrays": (
        ("compare", "junk.npz"),
        "junk.npz: must be an .npz file of plain arrays, got File is not a zip file. "
        "Write it again with numpy.savez(x=…, y=…).",
    ),
    "no target": (
        ("compare", "good.csv"),
        "good: no target column was named. Name it with --target; columns: x, z, y.",
    ),
    "missing target": (("compare", "good.csv", "--target", "w"), f"target column doesn't exist, got w. {COLUMNS}"),
    "constant target": (
        ("compare", "constant.csv", "--target", "y"),
        "target 'y' is constant, got 3.5 in every row. Name another target.",
    ),
    "one class": (
        ("compare", "one-class.csv", "--target", "y"),
        "target 'y' has one class only, got yes. Name a target with at least two classes.",
    ),
    "missing column to drop": ((*GOOD, "--drop", "w"), f"dropped column doesn't exist, got w. {COLUMNS}"),
    "columns to drop in one": (
        (*GOOD, "--drop", "x,z"),
        "dropped column doesn't exist, got x,z. Name one column at a time.",
    ),
    "two roles": (
        (*GOOD, "--weight", "y"),
        "a column must have one role, got 'y' as target and weight. Take one of the two back.",
    ),
    "unknown task": (
        (*GOOD, "--task", "guess"),
        "task must be known, got guess. Use auto, classification or regression.",
    ),
    # network and training
    "bad network": (
        (*BARE, "--network", "20x20"),
        f"network: must be widths of at least 1 with commas between them, got 20x20. {WIDTHS}",
    ),
    "empty network": (
        (*BARE, "--network", ""),
        f"network: must be widths of at least 1 with commas between them, got nothing. {WIDTHS}",
    ),
    "layer without units": (
        (*BARE, "--network", "20,0"),
        f"network: must be widths of at least 1 with commas between them, got 20,0. {WIDTHS}",
    ),
    "unknown outputs": ((*BARE, "--outputs", "two"), "network: outputs must be auto or per-class, got two"),
    "no epochs": ((*BARE, "--epochs", "0"), "training: epochs must be a whole number of at least 1, got 0"),
    "no learning": (
        (*BARE, "--learning-rate", "0"),
        "training: learning_rate must be above 0, got 0.0. Adam's usual value is 0.001.",
    ),
    "unknown optimizer": (
        (*BARE, "--optimizer", "adm"),
        "optimizer: unknown name, got adm. "
        "Choose one of adadelta, adagrad, adam, adamax, adamw, lion, muon, nadam, rmsprop, sgd.",
    ),
    "bad class weights": (
        (*BARE, "--class-weight", "heavy"),
        "class-weight: must be balanced or a weight for each class, got heavy. Write e.g. no=1,yes=3.",
    ),
    "negative class weight": (
        (*BARE, "--class-weight", "yes=-1,no=1"),
        "class-weight: must be balanced or a weight for each class, got yes=-1,no=1. Write e.g. no=1,yes=3.",
    ),
    "class without weight": (
        (*GOOD, "--class-weight", "yes=2"),
        "training: class_weight lacks a class, got no. Give a weight for every class.",
    ),
    "metric of the other task": (
        (*GOOD, "--metric", "r2"),
        "metric: doesn't fit a classification task, got r2. "
        "Choose from accuracy, balanced_accuracy, f1, auc, log_loss, brier.",
    ),
    # techniques
    "unknown technique": (
        (*BARE, "--with", "dropuot=0.2"),
        "recipe: no technique of that name, got dropuot. Did you mean dropout? `wellposed techniques` lists all.",
    ),
    "strength without =": (
        (*BARE, "--with", "dropout 0.2"),
        "recipe: no technique of that name, got dropout 0.2. "
        "Write e.g. dropout=0.2; `wellposed techniques dropout` tells more.",
    ),
    "unknown option of a technique": (
        (*BARE, "--with", "dropout=0.2,places=3"),
        "dropout: no such option, got places=3. Its options: rate, layers, shape; write e.g. dropout=0.2.",
    ),
    "strength out of range": (
        (*BARE, "--with", "dropout=1.5"),
        "Dropout: rate must be a number in [0, 1), got 1.5. Usual values lie between 0 and 0.8.",
    ),
    "half a recipe": (
        (*BARE, "--with", "l2=1e-3 +"),
        "recipe: a technique is missing beside a +, got l2=1e-3 +. Write e.g. 'l2=1e-3 + dropout=0.2'.",
    ),
    "unknown layer": (
        (*GOOD, "--with", "dropout=0.2,layers=hidden9"),
        "Dropout: no layer of that name, got hidden9. Choose from all, hidden, last, input, hidden1.",
    ),
    # splits
    "more folds than rows": ((*GOOD, "--folds", "20"), "20 folds need at least as many rows, got 12. Use fewer folds."),
    "one fold": (
        (*GOOD, "--folds", "1"),
        "cross-validation needs at least 2 folds, got 1. Use --folds 5, or --validation 0.2.",
    ),
    "folds and a share": (
        (*FOLDS, "--validation", "0.2"),
        "splits: give either folds or validation, got folds 2 and validation 0.2. Leave one out.",
    ),
    "folds and a file": (
        (*FOLDS, "--validation", "good.csv"),
        "splits: give either folds or validation, got folds 2 and the file good.csv. Leave one out.",
    ),
    "validation share": (
        (*GOOD, "--validation", "20"),
        f"validation must be a share of the rows, in (0, 1), got 20.0. {SHARE}",
    ),
    "missing validation file": (
        (*GOOD, "--validation", "elsewhere/q.csv"),
        f"no such data file, got elsewhere/q.csv. {PATH}",
    ),
    "missing test file": ((*GOOD, "--test", "elsewhere/q.csv"), f"no such data file, got elsewhere/q.csv. {PATH}"),
    "test share": ((*GOOD, "--test", "1.5"), f"test must be a share of the rows, in (0, 1), got 1.5. {SHARE}"),
    "test rows in two ways": (
        ("compare", "split.csv", "--target", "y", "--split-column", "part", "--test", "0.2", *TINY),
        "the data bring test rows of their own, got test 0.2 besides. Leave --test out.",
    ),
    "own validation rows and folds": (
        ("compare", "split.csv", "--target", "y", "--split-column", "part", "--folds", "3", *TINY),
        "splits: the data bring validation rows of their own, got folds or validation besides. Leave them out.",
    ),
    "unknown part": (
        (*GOOD, "--split-column", "z"),
        "split column 'z' holds an unknown part, got 0. Write train, validation or test in every row.",
    ),
    "nothing to watch": (
        (*FOLDS, "--monitor", "0", "--with", "early-stopping=5"),
        "monitor: rows are needed, got 0, but early-stopping=5 watches them. Leave --monitor out.",
    ),
    "no seeds": ((*BARE, "--seeds", "0"), "a study needs at least 1 seed, got 0. Use --seeds 3."),
    "negative seed": ((*GOOD, "--seed", "-1"), "seed: must be a whole number from 0 to 4294967295, got -1"),
    "large seed": (
        (*GOOD, "--seed", "99999999999999999999"),
        "seed: must be a whole number from 0 to 4294967295, got 99999999999999999999",
    ),
    # the run
    "unknown rule": ((*BARE, "--select", "worst"), "select: must be best or one-se, got worst"),
    "bad memory": ((*FOLDS, "--memory", "little"), f"memory: must be a size of at least 1 MB, got little. {SIZE}"),
    "unknown unit": ((*FOLDS, "--memory", "4XB"), f"memory: must be a size of at least 1 MB, got 4XB. {SIZE}"),
    "out is a file": (
        (*FOLDS, "--out", "good.csv"),
        "out: must be a folder, but a file of that name exists, got good.csv. Choose another --out.",
    ),
    "out below a file": (
        (*FOLDS, "--out", "good.csv/run"),
        "out: can't be written (Not a directory), got good.csv/run. Choose another --out.",
    ),
    "out holds something else": (
        (*FOLDS, "--out", "folder"),
        "out: the folder isn't empty and holds no run, got folder. Choose another --out.",
    ),
    "out holds a finished run": (
        (*FOLDS, "--out", "done"),
        "out: the folder holds a finished run, got done. Choose another --out, or remove it.",
    ),
    # the configuration file
    "missing configuration": (
        (*BARE, "--config", "no.toml"),
        "config: can't be read (No such file or directory), got no.toml. Give a TOML file.",
    ),
    "no TOML": (
        (*BARE, "--config", "bad.toml"),
        "config: isn't TOML (Invalid value (at line 1, column 10)), got bad.toml. "
        'Write lines such as epochs = 100 and target = "y".',
    ),
    "unknown key": (
        (*BARE, "--config", "key.toml"),
        "config key.toml: no such option, got epoch. Did you mean epochs?",
    ),
    "switch that isn't one": (
        (*BARE, "--config", "switch.toml"),
        "config switch.toml: fixed must be true or false, got 3",
    ),
    "text for a whole number in a file": (
        (*BARE, "--config", "text.toml"),
        f"config text.toml: epochs must be a whole number, got many. {SHOWS}",
    ),
    # the other commands
    "technique to explain": (
        ("techniques", "dropuot"),
        "recipe: no technique of that name, got dropuot. Did you mean dropout? `wellposed techniques` lists all.",
    ),
    "data set to show": (("datasets", "irsi"), "no data set or file of that name, got irsi. Did you mean iris?"),
    "no run": (
        ("report", "folder"),
        "run: there is no run, got folder. Name a folder that wellposed compare has written.",
    ),
    "unfinished run": (
        ("report", "planned"),
        "run: it was interrupted before it had results, got planned. Run its command again.",
    ),
    "results of something else": (
        ("report", "done"),
        "run: done/results.json must have the schema wellposed.compare/1, got other/1. Name another run.",
    ),
    "results that aren't JSON": (
        ("report", "broken"),
        "run: a file can't be read (not JSON), got broken/results.json. Run the command again.",
    ),
}


@pytest.fixture
def files(tmp_path: Path) -> None:
    """The files that the table speaks of."""
    labels = ["no" if row % 3 else "yes" for row in range(12)]
    parts = ["train"] * 6 + ["validation"] * 3 + ["test"] * 3
    texts = {
        "good.csv": ["x,z,y", *(f"{row * 0.37 % 1:.2f},{row % 7},{labels[row]}" for row in range(12))],
        "constant.csv": ["x,y", *(f"{row * 0.37 % 1:.2f},3.5" for row in range(12))],
        "one-class.csv": ["x,y", *(f"{row * 0.37 % 1:.2f},yes" for row in range(12))],
        "split.csv": ["x,y,part", *(f"{row * 0.37 % 1:.2f},{labels[row]},{parts[row]}" for row in range(12))],
        "empty.csv": [],
        "header.csv": ["x,y"],
        "bad.toml": ["epochs = "],
        "key.toml": ["epoch = 3"],
        "switch.toml": ["fixed = 3"],
        "text.toml": ['epochs = "many"'],
        "folder/notes.txt": ["mine"],
        "planned/run.json": ['{"state": "interrupted"}'],
        "done/run.json": ['{"state": "done"}'],
        "done/results.json": ['{"schema": "other/1"}'],
        "broken/results.json": ['{"schema": '],
    }
    for name, lines in texts.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines))
    junk = np.random.default_rng(0).bytes(500)
    (tmp_path / "junk.csv").write_bytes(junk)
    (tmp_path / "junk.npz").write_bytes(junk)


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() if path.is_file() else b"" for path in sorted(folder.rglob("*"))}


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("case", TABLE)
def test_one_line_and_nothing_written(case: str, command: Callable[..., Any], tmp_path: Path) -> None:
    arguments, message = TABLE[case]
    before = snapshot(tmp_path)
    ran = command(*arguments)
    assert (ran.status, ran.out, ran.err) == (2, "", f"error: {message}\n")
    assert snapshot(tmp_path) == before


@pytest.mark.usefixtures("files")
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_out_in_a_folder_of_someone_else(command: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    ran = command(*FOLDS, "--out", "locked/run")
    message = "out: can't be written (Permission denied), got locked/run. Choose another --out."
    assert (ran.status, ran.out, ran.err) == (2, "", f"error: {message}\n")


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("case", ["unknown option", "more folds than rows"])
def test_in_a_process_of_its_own(case: str, tmp_path: Path) -> None:
    arguments, message = TABLE[case]
    program = [sys.executable, "-c", "import sys; from wellposed.cli.main import main; sys.exit(main())"]
    ran = subprocess.run([*program, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (2, "", f"error: {message}\n")
