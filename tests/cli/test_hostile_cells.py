"""Hostile and odd cells, targets and roles. One line and status 2, or a sound plan with a warning."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from hostile import Case, check, table


def alternating(first: str, second: str) -> Callable[[int], str]:
    """Cells of two kinds in turn."""
    return lambda row: first if row % 2 else second


CASES: Mapping[str, Case] = {
    "infinities": Case(
        table(x=lambda row: "inf" if row == 3 else row % 5),
        (
            "feature column 'x' has infinite or too large cells, got 1 of 24 rows, the first in row "
            "4. Replace them, or leave the column out."
        ),
    ),
    "negative infinity in words": Case(
        table(x=lambda row: "-Infinity" if row == 3 else row % 5),
        (
            "feature column 'x' has infinite or too large cells, got 1 of 24 rows, the first in row "
            "4. Replace them, or leave the column out."
        ),
    ),
    "1e999": Case(
        table(x=lambda row: "1e999" if row == 3 else row % 5),
        (
            "feature column 'x' has infinite or too large cells, got 1 of 24 rows, the first in row "
            "4. Replace them, or leave the column out."
        ),
    ),
    "1e308": Case(table(x=lambda row: "1e308" if row % 2 else "-1e308")),
    "1e-320": Case(table(x=lambda row: f"{row}e-320")),
    "1_000": Case(table(x=lambda row: f"{row % 5 + 1}_000")),
    "decimal commas, quoted": Case(table(x=lambda row: f'"1,{row % 5}"')),
    "decimal commas, semicolons": Case(table(delimiter=";", x=lambda row: f"1,{row % 5}")),
    "thousands": Case(table(delimiter=";", x=lambda row: f"1.{row % 5}00,5")),
    "percent": Case(table(x=lambda row: f"{row % 5}%")),
    "currency": Case(table(x=lambda row: f"{row % 5} €")),
    "hexadecimal": Case(table(x=lambda row: f"0x{row % 5}")),
    "plus signs": Case(table(x=lambda row: f"+{row % 5}.5")),
    "other digits": Case(table(x=lambda row: "١٢٣٤٥"[row % 5])),
    "booleans": Case(table(x=lambda row: ["true", "False", "TRUE"][row % 3])),
    "dates": Case(
        table(x=lambda row: f"2024-01-{row + 1:02}"),
        (
            "column 'x' holds dates or times, got 2024-01-01 00:00:00. Leave it out (--drop x), "
            "order the rows by it (--time x), or turn it into numbers."
        ),
    ),
    "dates with slashes": Case(
        table(x=lambda row: f"{row + 1}/1/2024"),
        (
            "column 'x' holds dates or times, got 1/1/2024. Leave it out (--drop x), order the rows "
            "by it (--time x), or turn it into numbers."
        ),
    ),
    "times of day": Case(
        table(x=lambda row: f"{row}:30"),
        (
            "column 'x' holds dates or times, got 0:30. Leave it out (--drop x), order the rows by "
            "it (--time x), or turn it into numbers."
        ),
    ),
    "stamps": Case(
        table(x=lambda row: f"2024-01-{row + 1:02}T10:00:00Z"),
        (
            "column 'x' holds dates or times, got 2024-01-01 10:00:00+00:00. Leave it out (--drop "
            "x), order the rows by it (--time x), or turn it into numbers."
        ),
    ),
    "dates among missing": Case(
        table(x=lambda row: "" if row % 2 else f"2024-01-{row + 1:02}"),
        (
            "column 'x' holds dates or times, got 2024-01-01 00:00:00. Leave it out (--drop x), "
            "order the rows by it (--time x), or turn it into numbers."
        ),
    ),
    "great whole numbers": Case(table(x=lambda row: 10**25 + row % 5)),
    "whole numbers beyond 2**53": Case(table(x=lambda row: 2**53 + row % 5)),
    "400 digits": Case(
        table(x=lambda row: "9" * 400 if row == 3 else row % 5),
        (
            "feature column 'x' has infinite or too large cells, got 1 of 24 rows, the first in row "
            "4. Replace them, or leave the column out."
        ),
    ),
    "5,000 digits": Case(
        table(x=lambda row: "9" * 5_000 if row == 3 else row % 5),
        (
            "feature column 'x' has infinite or too large cells, got 1 of 24 rows, the first in row "
            "4. Replace them, or leave the column out."
        ),
    ),
    "numbers and text": Case(table(rows=100, x=lambda row: "n.v." if row == 3 else row % 50), None, ("--na n.v.",)),
    "numbers, then text past a block": Case(
        table(rows=60_000, x=lambda row: "oops" if row == 59_000 else row % 500), None, ("oops",)
    ),
    "all missing": Case(table(x=lambda row: "")),
    "every feature missing": Case(
        table(x=lambda row: "", k=lambda row: "NA"),
        ("a: no feature column is left, got x, k. Give at least one column that varies besides the target."),
    ),
    "nan": Case(table(x=lambda row: "nan" if row % 3 else row)),
    "only missing marks differ": Case(table(x=lambda row: ["", "NA", None][row % 3])),
    "5,000 categories": Case(table(rows=5_200, x=lambda row: f"c{row % 5_000}")),
    "constant": Case(table(x=lambda row: 7)),
    "a feature equal to the target": Case(
        table(z=["no", "yes"] * 12, y=["no", "yes"] * 12), None, ("Column 'z' gives the target 'y' away", "--drop z")
    ),
    "a feature one to one with the target": Case(
        table(z=["7", "8"] * 12, y=["no", "yes"] * 12), None, ("Column 'z' gives the target 'y' away", "--drop z")
    ),
    "a feature in the target's other units": Case(
        table(z=lambda row: row * row * 9 / 5 + 32, y=lambda row: row * row), None, ("(correlation 1.00000)",)
    ),
    # targets
    "missing target cells": Case(
        table(y=lambda row: "" if row == 3 else "ab"[row % 2]),
        (
            "target 'y' must be known in every row, missing, got 1 of 24 rows, the first in row 4. "
            "Take these rows out, or name another target."
        ),
    ),
    "nan target": Case(
        table(y=lambda row: "nan" if row == 3 else row / 7),
        (
            "target 'y' must be known in every row, missing, got 1 of 24 rows, the first in row 4. "
            "Take these rows out, or name another target."
        ),
    ),
    "infinite target": Case(
        table(y=lambda row: "inf" if row == 3 else row / 7),
        (
            "target column 'y' has infinite or too large cells, got 1 of 24 rows, the first in row "
            "4. Replace them, or leave the column out."
        ),
    ),
    "date target": Case(
        table(y=lambda row: f"2024-01-{row + 1:02}"),
        (
            "target 'y' holds dates or times, got 2024-01-01 00:00:00. Turn it into numbers or "
            "classes, or use --task classification."
        ),
    ),
    "all different text target": Case(
        table(y=lambda row: f"n{row}"),
        ("target 'y' has a class of its own in every row, got 24 classes. Name a target whose classes repeat."),
    ),
    "class of one row": Case(
        table(y=lambda row: "rare" if row == 3 else "ab"[row % 2]), None, ("Class rare has a single row",)
    ),
    "one class": Case(
        table(y=lambda row: "a"), ("target 'y' has one class only, got a. Name a target with at least two classes.")
    ),
    "constant numbers as target": Case(
        table(y=lambda row: 1.5), ("target 'y' is constant, got 1.5 in every row. Name another target.")
    ),
    "classes that differ by case": Case(table(y=alternating("Yes", "yes"))),
    "classes with commas": Case(table(y=alternating('"a,b"', '"c,d"'))),
    "class of 10,000 characters": Case(table(y=alternating("h" * 10_000, "b"))),
    "5,000 classes": Case(table(rows=5_200, y=lambda row: f"c{row % 2_600}")),
    "target given twice": Case(
        table(),
        ("target columns must differ, got x, x. Name each column once."),
        options=("--target", "x", "--target", "x"),
    ),
    "target and feature twice": Case(
        table(z=lambda row: row / 3),
        ("regression target 'y' must hold numbers, got yes. Name columns of numbers."),
        options=("--target", "x", "--target", "y"),
    ),
    "empty target": Case(
        table(), ("target column doesn't exist, got nothing. The columns are x, k, y."), options=("--target", "")
    ),
    "target of operators": Case(
        table(), ("target column doesn't exist, got nothing. The columns are x, k, y."), options=("--target", ">=<=!=")
    ),
    "target of a bare operator": Case(
        table(),
        ("target expression must end with a value, got x >=. Write it as 'quality >= 6'."),
        options=("--target", "x >="),
    ),
    "expression of nan": Case(
        table(),
        ("target expression must compare with a number, got x > nan. 'x' holds numbers."),
        options=("--target", "x > nan"),
    ),
    "expression of infinity": Case(
        table(),
        ("target expression must compare with a number, got x > inf. 'x' holds numbers."),
        options=("--target", "x > inf"),
    ),
    "value that nobody has": Case(
        table(),
        ("target 'y == maybe' has one class only, got y != maybe. 'y' holds no, yes."),
        options=("--target", "y == maybe"),
    ),
    "target case": Case(table(), ("target column doesn't exist, got Y. Did you mean 'y'?"), options=("--target", "Y")),
    # roles
    "negative weights": Case(
        table(w=lambda row: -1),
        (
            "weight column 'w' must hold numbers from 0 to 1e+12, some above 0, got -1 to -1. Mend "
            "the cells, or leave --weight out."
        ),
        options=("--target", "y", "--weight", "w"),
    ),
    "weights of zero": Case(
        table(w=lambda row: 0),
        (
            "weight column 'w' must hold numbers from 0 to 1e+12, some above 0, got 0 to 0. Mend the "
            "cells, or leave --weight out."
        ),
        options=("--target", "y", "--weight", "w"),
    ),
    "missing weight": Case(
        table(w=lambda row: "" if row == 3 else 1),
        (
            "weight column 'w' must hold numbers from 0 to 1e+12, some above 0, got 1 missing. Mend "
            "the cells, or leave --weight out."
        ),
        options=("--target", "y", "--weight", "w"),
    ),
    "weights of text": Case(
        table(w=lambda row: "heavy"),
        (
            "weight column 'w' must hold numbers from 0 to 1e+12, some above 0, got heavy. Mend the "
            "cells, or leave --weight out."
        ),
        options=("--target", "y", "--weight", "w"),
    ),
    "infinite weight": Case(
        table(w=lambda row: "inf" if row == 3 else 1),
        (
            "weight column 'w' must hold numbers from 0 to 1e+12, some above 0, got 1 to inf. Mend "
            "the cells, or leave --weight out."
        ),
        options=("--target", "y", "--weight", "w"),
    ),
    "weights of 1e308": Case(
        table(w=lambda row: "1e308"),
        (
            "weight column 'w' must hold numbers from 0 to 1e+12, some above 0, got 1e+308 to "
            "1e+308. Mend the cells, or leave --weight out."
        ),
        options=("--target", "y", "--weight", "w"),
    ),
    "one group": Case(
        table(g=lambda row: "a"),
        ("2 folds need at least as many groups, got 1. Use fewer folds, or leave --group out."),
        options=("--target", "y", "--group", "g"),
    ),
    "missing group": Case(
        table(g=lambda row: "" if row == 3 else row % 5),
        ("group 'g' must be known in every row, got missing in 1 of 24 rows. Fill or take out the rows."),
        options=("--target", "y", "--group", "g"),
    ),
    "a group a row": Case(table(g=lambda row: row), None, options=("--target", "y", "--group", "g")),
    "one time": Case(
        table(t=lambda row: 5),
        ("time-ordered splits need more distinct times, got 1 for 2 later parts. Use fewer folds, or a finer time."),
        options=("--target", "y", "--time", "t"),
    ),
    "times unsorted, with ties": Case(
        table(t=lambda row: (row * 7) % 10), None, options=("--target", "y", "--time", "t")
    ),
    "time of text": Case(
        table(t=lambda row: "soon"),
        (
            "time column 't' holds a cell that is neither number nor date, got soon. A time column "
            "holds numbers or dates such as 2024-05-31; give it another column or mend the cells."
        ),
        options=("--target", "y", "--time", "t"),
    ),
    "missing time": Case(
        table(t=lambda row: "" if row == 3 else row),
        (
            "time column 't' has missing cells, got 1 of 24 rows. A time column holds numbers or "
            "dates such as 2024-05-31; give it another column or mend the cells."
        ),
        options=("--target", "y", "--time", "t"),
    ),
    "infinite time": Case(
        table(t=lambda row: "inf" if row == 3 else row), None, options=("--target", "y", "--time", "t")
    ),
    "time and group": Case(
        table(t=lambda row: row, g=lambda row: row % 5),
        (
            "time-ordered splits can't keep groups together, got groups and times. Use --time, or "
            "--group and --keep-duplicates-together, not both."
        ),
        options=("--target", "y", "--time", "t", "--group", "g"),
    ),
    "dates as time, two zones": Case(
        table(t=lambda row: f"2024-01-{row + 1:02}T10:00:00{'Z' if row % 2 else '+05:00'}"),
        None,
        options=("--target", "y", "--time", "t"),
    ),
    "split of odd words": Case(
        table(s=lambda row: "perhaps"),
        ("split column 's' holds an unknown part, got perhaps. Write train, validation or test in every row."),
        options=("--target", "y", "--split-column", "s"),
    ),
    "split without training rows": Case(
        table(s=lambda row: "test"),
        ("split column 's' must name train and other rows, got test. Write train, validation or test in every row."),
        options=("--target", "y", "--split-column", "s"),
    ),
    "unknown column to drop": Case(
        table(),
        ("dropped column doesn't exist, got �[31mz. The columns are x, k, y."),
        options=("--target", "y", "--drop", "\x1b[31mz"),
    ),
    "every feature dropped": Case(
        table(),
        (
            "a: no feature column is left, got the target alone. Give at least one column that "
            "varies besides the target."
        ),
        options=("--target", "y", "--drop", "x", "--drop", "k"),
    ),
    "target dropped": Case(
        table(),
        ("a column must have one role, got 'y' as target and dropped. Take one of the two back."),
        options=("--target", "y", "--drop", "y"),
    ),
    "text said to be numbers": Case(
        table(),
        ("numeric column 'k' holds text, got v. If it stands for a missing cell, say so with --na v."),
        options=("--target", "y", "--numeric", "k"),
    ),
    "unknown numeric column": Case(
        table(),
        ("numeric column doesn't exist, got z. The columns are x, k, y."),
        options=("--target", "y", "--numeric", "z"),
    ),
    "rows by class in their order": Case(
        table(y=lambda row: "a" if row < 12 else "b"),
        None,
        ("sorted by class",),
        options=("--target", "y", "--no-shuffle"),
    ),
    "all rows equal": Case("x,k,y\n" + "1,u,no\n2,v,yes\n" * 12, None, ("repeat an earlier one",)),
}


@pytest.mark.parametrize("name", CASES)
def test_one_line_or_a_sound_plan(name: str, command: Callable[..., Any], tmp_path: Path) -> None:
    check(CASES[name], command, tmp_path)
