"""Hostile and odd text files: encodings, headers, shapes. One line and status 2, or a sound plan with a warning."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from hostile import Case, check, table


def alternating(first: str, second: str) -> Callable[[int], str]:
    """Cells of two kinds in turn."""
    return lambda row: first if row % 2 else second


rand = random.Random(1)


CASES: Mapping[str, Case] = {
    # encodings
    "utf-16 big endian with mark": Case(b"\xfe\xff" + table().encode("utf-16-be")),
    "utf-16 without mark": Case(
        table().encode("utf-16-le"), ("a.csv: holds binary data, not text. Give a .csv, .tsv, .parquet or .npz file.")
    ),
    "utf-32 with mark": Case(table().encode("utf-32")),
    "utf-16 cut in the middle": Case(table().encode("utf-16")[:-1]),
    "utf-8 mark": Case(b"\xef\xbb\xbf" + table().encode()),
    "two utf-8 marks": Case(b"\xef\xbb\xbf\xef\xbb\xbf" + table().encode()),
    "latin-1": Case(table(k=alternating("Köln", "Bonn")).encode("latin-1"), None, ("not UTF-8",)),
    "windows euro": Case(table(k=alternating("5 €", "6 €")).encode("cp1252"), None, ("Windows-1252",)),
    "neither": Case(table(k=alternating("a", "b")).encode().replace(b"b", b"\x81\xff"), None, ("Latin-1",)),
    "nul bytes": Case(
        table(k=alternating("a\x00", "b")),
        ("a.csv: holds binary data, not text. Give a .csv, .tsv, .parquet or .npz file."),
    ),
    "nul byte far behind": Case(
        table(rows=400) + "\x00", ("a.csv: holds binary data, not text. Give a .csv, .tsv, .parquet or .npz file.")
    ),
    "control characters in cells": Case(table(k=alternating("\x1b[31mred\x1b[0m", "\x07"))),
    "terminal escapes in classes": Case(table(y=alternating("\x1b[31mred\x1b[0m", "\x1b]0;title\x07"))),
    "terminal escapes in the header": Case(table(**{"\x1b[2J\x1b[31mx2": lambda row: row % 5})),
    "terminal escapes in a refused column": Case(
        table(**{"\x1b[2Jday": lambda row: f"2024-01-{row + 1:02}"}),
        (
            "column '�[2Jday' holds dates or times, got 2024-01-01 00:00:00. Leave it out (--drop "
            "'�[2Jday'), order the rows by it (--time '�[2Jday'), or turn it into numbers."
        ),
    ),
    "bidirectional override in the header": Case(table(**{"abc\u202edef": lambda row: row % 5})),
    "joiners in a name": Case(table(**{"می\u200cخواهم": lambda row: row % 5})),
    "html in the header": Case(table(**{"<script>alert(1)</script>": lambda row: row % 5})),
    "html in classes": Case(table(y=alternating("<img src=x onerror=alert(1)>", "<b>"))),
    "formulas": Case(table(**{"=HYPERLINK(1)": lambda row: row % 5, "@x": lambda row: f"=A{row % 3}"})),
    "rich markup": Case(table(**{"[red]x[/red]": lambda row: row % 5, "[/]": lambda row: row % 3})),
    "jinja in the header": Case(table(**{"{{ 7*7 }}": lambda row: row % 5, "{% raw %}": lambda row: row % 3})),
    "percent and braces": Case(table(**{"%s %d {0}": lambda row: row % 5})),
    "surrogates": Case(b"x,k\xed\xa0\x80,y\n1,2,no\n3,4,yes\n5,6,no\n7,8,yes\n"),
    # headers
    "header of 10,000 characters": Case(table(**{"h" * 10_000: lambda row: row % 5})),
    "identifier of 10,000 characters": Case(table(**{"h" * 10_000: lambda row: row})),
    "refused column of 10,000 characters": Case(
        table(**{"h" * 10_000: lambda row: f"2024-01-{row + 1:02}"}),
        (
            "column 'hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh…hhhhhhhhhhhhhhhhhhhh' holds dates or "
            "times, got 2024-01-01 00:00:00. Leave it out (--drop "
            "'hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh…hhhhhhhhhhhhhhhhhhhh'), order the rows by it "
            "(--time 'hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh…hhhhhhhhhhhhhhhhhhhh'), or turn it "
            "into numbers."
        ),
    ),
    "target of 10,000 characters": Case(
        table(**{"h" * 10_000: alternating("a", "b")}), options=("--target", "h" * 10_000)
    ),
    "missing target, long names": Case(
        table(**{"h" * 10_000: alternating("a", "b")}),
        (
            "target column doesn't exist, got z. The columns are x, k, y, "
            "hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh…hhhhhhhhhhhhhhhhhhhh."
        ),
        options=("--target", "z"),
    ),
    "10,000 columns": Case(
        ",".join(f"c{i}" for i in range(400))
        + ",y\n"
        + "".join(",".join(str((row * i) % 7) for i in range(400)) + f",{'ab'[row % 2]}\n" for row in range(10))
    ),
    "10,000 equal names": Case(
        "x," * 10_000 + "y\n" + "1," * 10_000 + "no\n",
        ("a.csv: column names must differ, got x. Rename the repeated columns in the header."),
    ),
    "equal names": Case(
        "x,y,x\n1,no,2\n3,yes,4\n",
        ("a.csv: column names must differ, got x. Rename the repeated columns in the header."),
    ),
    "equal but for a space": Case(
        "x,y, x\n1,no,2\n3,yes,4\n",
        ("a.csv: column names must differ, got x. Rename the repeated columns in the header."),
    ),
    "equal but for an escape": Case(
        "x\x1b,y,x\x07\n1,no,2\n3,yes,4\n",
        ("a.csv: column names must differ, got x�. Rename the repeated columns in the header."),
    ),
    "no names": Case(",,y\n1,2,no\n3,5,yes\n4,1,no\n2,2,yes\n"),
    "no header": Case(
        table().split("\n", 1)[1], ("target column doesn't exist, got y. The columns are 0.844, v, yes.")
    ),
    "line break in the header": Case('"two\nlines",y\n' + "1,no\n2,yes\n" * 6, None, options=("--target", "y")),
    "line break in the target's name": Case(
        'x,"two\nlines"\n' + "1,no\n2,yes\n3,no\n" * 6, None, options=("--target", "two\nlines")
    ),
    "one name too few": Case(
        "x,y\n" + "1,2,no\n3,4,yes\n" * 5,
        ("a.csv: the header must name every column, got 2 names for 3 cells. Name the first column too."),
    ),
    "header alone": Case("x,y\n", ("a.csv: no rows below the header. Give a table with at least one row.")),
    "header and blanks": Case(
        "x,y\n\n  \n\n", ("a.csv: no rows below the header. Give a table with at least one row.")
    ),
    "blank lines all over": Case("\n\n" + table().replace("\n", "\n\n")),
    "nothing but line ends": Case("\n" * 1000, ("a.csv: the file is empty. Give a table with a header and rows.")),
    "nothing but commas": Case(
        "," * 50 + "\n" + "," * 50 + "\n",
        (
            "target column doesn't exist, got y. The columns are Unnamed: 0, Unnamed: 1, Unnamed: 2, "
            "Unnamed: 3, Unnamed: 4, Unnamed: 5, Unnamed: 6, Unnamed: 7, Unnamed: 8, Unnamed: 9, "
            "Unnamed: 10, Unnamed: 11, Unnamed: 12, Unnamed: 13, Unnamed: 14, Unnamed: 15, Unnamed: "
            "16, Unnamed: 17, Unnamed: 18, Unnamed: 19, Unnamed: 20, Unnamed: 21, Unnamed: 22, "
            "Unnamed: 23, Unnamed: 24, Unnamed: 25, Unnamed: 26, Unnamed: 27, Unnamed: 28, Unnamed: "
            "29, …."
        ),
    ),
    "nothing but quotes": Case('"' * 1001, ("a.csv: no rows below the header. Give a table with at least one row.")),
    "one byte": Case("x", ("a.csv: no rows below the header. Give a table with at least one row.")),
    "empty": Case("", ("a.csv: the file is empty. Give a table with a header and rows.")),
    # shape
    "three rows": Case(
        table(rows=24).split("\n")[0] + "\n1,u,no\n2,v,yes\n3,u,no\n",
        ("monitor rows need at least 2 rows to be carved from, got 1. Give more data, or say --monitor 0."),
    ),
    "one row": Case(
        "x,k,y\n1,u,no\n",
        ("a: no feature column is left, got x, k. Give at least one column that varies besides the target."),
    ),
    "two rows": Case(
        "x,k,y\n1,u,no\n2,v,yes\n",
        ("monitor rows need at least 2 rows to be carved from, got 1. Give more data, or say --monitor 0."),
    ),
    "one column": Case(
        "y\n" + "no\nyes\n" * 10,
        (
            "a: no feature column is left, got the target alone. Give at least one column that "
            "varies besides the target."
        ),
    ),
    "one column of features": Case(table(k=None)),
    "ragged": Case(
        table() + "1,2\n",
        (
            "a.csv: every line must have 3 cells, as the header has, got 2 in line 26. Mend that "
            "line; a cell that holds the delimiter must be quoted."
        ),
    ),
    "ragged, longer": Case(
        table() + "1,2,no,4\n",
        (
            "a.csv: every line must have 3 cells, as the header has, got 4 in line 26. Mend that "
            "line; a cell that holds the delimiter must be quoted."
        ),
    ),
    "ragged after the sample": Case(
        table(rows=900) + "1,2\n",
        (
            "a.csv: every line must have 3 cells, as the header has, got 2 in line 902. Mend that "
            "line; a cell that holds the delimiter must be quoted."
        ),
    ),
    "wrong delimiter in one line": Case(
        table() + "1;u;no\n",
        (
            "a.csv: every line must have 3 cells, as the header has, got 1 in line 26. Mend that "
            "line; a cell that holds the delimiter must be quoted."
        ),
    ),
    "semicolons": Case(table(delimiter=";")),
    "bars": Case(table(delimiter="|")),
    "spaces": Case(table(delimiter="  ")),
    "a delimiter nobody uses": Case(
        table(delimiter="~"), ("target column doesn't exist, got y. The columns are x~k~y.")
    ),
    "delimiter at line ends": Case(table().replace("\n", ",\n")),
    "carriage returns": Case(table().replace("\n", "\r")),
    "mixed line ends": Case(table().replace("\n", "\r\n", 5).replace("\r\n", "\r", 2)),
    "no last line end": Case(table().rstrip()),
    "unbalanced quote": Case(
        table().replace(",u,", ',"u,', 1),
        (
            "a.csv: every line must have 3 cells, as the header has, got 2 in line 25. Mend that "
            "line; a cell that holds the delimiter must be quoted."
        ),
    ),
    "unbalanced quote in the header": Case(
        '"' + table(), ("a.csv: no rows below the header. Give a table with at least one row.")
    ),
    "unbalanced quote, long": Case(
        'x,y\n1,"' + "a,b\n" * 100_000,
        ("a: no feature column is left, got x. Give at least one column that varies besides the target."),
    ),
    "quotes within cells": Case(table(k=alternating('5" pipe', "6 pipe"))),
    "single quotes": Case(table(k=alternating("'a'", "'b'"))),
    "a line of 2 MB": Case(table(k=lambda row: "z" * 2_000_000 if row == 3 else "a")),
    "a quoted cell of 200 kB": Case(table(k=lambda row: '"' + "z" * 200_000 + '"' if row == 3 else "a")),
    "comment above the header": Case(
        "# made by hand\n" + table(),
        (
            "a.csv: every line must have 1 cell, as the header has, got 3 in line 2. The first line "
            "must name the columns: take out what stands above it."
        ),
    ),
    "json": Case(
        '[{"x": 1, "y": "no"}, {"x": 2, "y": "yes"}]',
        ("a.csv: no rows below the header. Give a table with at least one row."),
    ),
    "html page": Case(
        "<!doctype html>\n<html><body><p>Not found</p></body></html>\n",
        ("target column doesn't exist, got y. The columns are <!doctype, html>."),
    ),
    "an image": Case(
        b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20,
        ("a.csv: holds binary data, not text. Give a .csv, .tsv, .parquet or .npz file."),
    ),
    "pdf": Case(
        b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<</Type/Catalog>>\nendobj\n",
        ("target column doesn't exist, got y. The columns are %PDF-1.4."),
    ),
    "excel named csv": Case(
        b"PK\x03\x04\x14\x00\x06\x00\x08\x00\x00\x00",
        ("a.csv: holds binary data, not text. Give a .csv, .tsv, .parquet or .npz file."),
    ),
    "random bytes": Case(
        rand.randbytes(5000), ("a.csv: holds binary data, not text. Give a .csv, .tsv, .parquet or .npz file.")
    ),
    "random bytes without nul": Case(
        bytes(rand.randrange(1, 256) for _ in range(5000)),
        (
            "a.csv: every line must have 2 cells, as the header has, got 1 in line 2. Mend that "
            "line; a cell that holds the delimiter must be quoted."
        ),
    ),
    # cells
}


@pytest.mark.parametrize("name", CASES)
def test_one_line_or_a_sound_plan(name: str, command: Callable[..., Any], tmp_path: Path) -> None:
    check(CASES[name], command, tmp_path)
