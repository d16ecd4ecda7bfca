"""What a report is made of: sections by question, each with an answer in words, figures and tables.

A section is plain values. It knows nothing of HTML, so every study (compare, diagnose, tune, an exercise) builds its
own and ``page`` lays them out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

Raw = float | int | str | None


@dataclass(frozen=True)
class Figure:
    """A picture, what it shows in words, and its numbers.

    Args:
        id: unique on the page; also the name of the files that it is saved to.
        title: above it.
        spoken: what a screen reader gets instead of it.
        plot: plotly's JSON form, colours as tokens (``look``).
        numbers: what it shows, as columns; for CSV and the table beside it.
        note: how to read it.
        kind: ``lines`` (traces with a recipe in ``meta``), ``rows`` (one row a recipe) or ``fixed``: what the recipe
            filter does to it.
        group: figures of one group share the range of their vertical axis.
        wide: takes the whole width.
    """

    id: str
    title: str
    spoken: str
    plot: Mapping[str, Any]
    numbers: Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Any]]
    note: str = ""
    kind: str = "fixed"
    group: str = ""
    wide: bool = False


@dataclass(frozen=True)
class Cell:
    """One cell: what is shown, and what it is sorted and copied by.

    Args:
        text: what is shown.
        raw: the number or word behind it (None: unknown, sorted last).
        verdict: a verdict's word, where the cell is one.
        badges: small marks after the text: (kind, text); kinds ``selected``, ``plain``, ``bad``.
    """

    text: str
    raw: Raw = None
    verdict: str = ""
    badges: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Row:
    """One row. ``recipe``: whose it is, so that the filter can hide it. ``role``: baseline, best-epoch, selected."""

    cells: Sequence[Cell]
    recipe: str | None = None
    role: str = ""


@dataclass(frozen=True)
class Table:
    """A table that sorts and copies.

    Args:
        id: unique on the page.
        title: its caption.
        columns: names; ``groups``: (name, number of columns) above them, covering all but the first.
        rows: in the order shown at first.
        text: columns (by number) of words rather than numbers.
        sorted: column and direction (``ascending`` or ``descending``) that the rows come in.
        foot: rows that stay below, whatever it is sorted by.
        note: how to read it.
    """

    id: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Row]
    groups: Sequence[tuple[str, int]] = ()
    text: frozenset[int] = frozenset()
    sorted: tuple[int, str] | None = None
    foot: Sequence[Row] = ()
    note: str = ""


@dataclass(frozen=True)
class Words:
    """Sentences under a heading of their own. ``kind``: ``plain``, ``notes`` (a box) or ``list``."""

    title: str
    lines: Sequence[str]
    kind: str = "plain"
    more: tuple[str, Sequence[str]] | None = None


@dataclass(frozen=True)
class Pairs:
    """Questions with answers, or names with values (``facts``)."""

    rows: Sequence[tuple[str, str]]
    kind: str = "method"


@dataclass(frozen=True)
class Code:
    """Something to copy: a command, a script."""

    id: str
    title: str
    text: str
    note: str = ""


Block = Figure | Table | Words | Pairs | Code


@dataclass(frozen=True)
class Section:
    """One question and its answer.

    Args:
        id: its anchor.
        question: its heading.
        nav: its short name in the list of sections.
        answer: sentences, the first thing below the heading.
        blocks: what the answer rests on, in order.
    """

    id: str
    question: str
    nav: str
    answer: Sequence[str]
    blocks: Sequence[Block] = ()


@dataclass(frozen=True)
class Chip:
    """A recipe in the filter.

    Args:
        name: the recipe's.
        role: baseline, best-epoch, selected or nothing.
        colour: a token of the palettes; dash: a stroke's dash array.
        first: whether it is among the few that are drawn in full where all would hide each other.
        helps: whether a verdict says that it helps.
    """

    name: str
    role: str
    colour: str
    dash: str
    first: bool
    helps: bool


@dataclass(frozen=True)
class Page:
    """A whole report.

    Args:
        kind: of study (``compare``).
        title: of the document; heading: the question at its top; lead: what was done, in one sentence.
        sections: in order; the first is the answer.
        tiles: (value, label): the size of the study at a glance.
        chips: the recipes that the filter offers; none: no filter.
    """

    kind: str
    title: str
    heading: str
    lead: str
    sections: Sequence[Section]
    tiles: Sequence[tuple[str, str]] = ()
    chips: Sequence[Chip] = field(default_factory=tuple)


def columns_of(frame: pd.DataFrame, **where: str) -> dict[str, list[Any]]:
    """The numbers of a figure: a frame's columns as plain lists, null where unknown.

    Args:
        frame: the numbers.
        where: keep the rows whose column has this value (``measure="loss"``).
    """
    plain = frame.astype(object).where(frame.notna(), None)
    columns = {str(name): plain[name].tolist() for name in plain.columns}
    kept = [row for row in range(len(frame)) if all(columns[name][row] == value for name, value in where.items())]
    return {name: [values[row] for row in kept] for name, values in columns.items()}
