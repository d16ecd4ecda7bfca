"""Which techniques help: a verdict on every recipe and measure, and what each does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wellposed.report import reading, words
from wellposed.report.section import Cell, Row, Section, Table

_MANY = 12  # rows that a reader wants to choose from


def which(results: Mapping[str, Any]) -> Section | None:
    """The verdicts; None where nothing was compared."""
    if len(results["recipes"]) < 2:
        return None
    measures = reading.measures(results)
    beyond = any(recipe.get("delta_best_epoch") for recipe in results["recipes"])
    about = any(recipe.get("about") for recipe in results["recipes"])
    columns = ["recipe", *(f"on {measure.name}" for measure in measures)]
    columns += ["beyond best-epoch"] if beyond else []
    columns += ["what it does"] if about else []
    rows = [_row(results, recipe, beyond, about) for recipe in reading.ranked(results) if not _is_base(results, recipe)]
    text = frozenset(range(len(columns)))
    note = "Best validation score first. "
    if beyond:
        note += "“Beyond best-epoch” names the measures on which a recipe is better than merely stopping in time; – is "
        note += "none. "
    note += "A verdict is about the strength that was tried, not about the technique at every strength."
    if len(rows) > _MANY:
        note += " The bar at the top of the page chooses which recipes are shown, here and in every figure."
    table = Table("verdicts", "Verdicts", columns, rows, text=text, note=note)
    return Section("which", "Which techniques help?", "Which help", words.counts(results), [table])


def _row(results: Mapping[str, Any], recipe: Mapping[str, Any], beyond: bool, about: bool) -> Row:
    name = recipe["name"]
    cells = [name_cell(results, recipe)]
    for measure in reading.measures(results):
        word = reading.verdict(recipe, measure)
        cells.append(Cell(word or "–", word, verdict=word or ""))
    if beyond:
        better = [m.name for m in reading.measures(results) if reading.better_than_best_epoch(recipe, m)]
        cells.append(Cell(words.listed(better) if better else "–", words.listed(better) if better else None))
    if about:
        text = " ".join(str(line) for line in recipe.get("about") or ()).replace("`", "")
        cells.append(Cell(text or "–", text or None))
    return Row(cells, recipe=name, role=reading.role(results, recipe))


def name_cell(results: Mapping[str, Any], recipe: Mapping[str, Any]) -> Cell:
    """A recipe's name with its badges."""
    role, members = reading.role(results, recipe), recipe.get("members") or 0
    badges = []
    if recipe["name"] == (results.get("baseline") or "baseline"):
        badges.append(("plain", "as given"))
    elif recipe["name"] == reading.BEST_EPOCH:
        badges.append(("plain", "stopped in time"))
    if role == "selected":
        badges.append(("selected", "★ selected"))
    for count, word in ((recipe.get("failed"), "diverged"), (recipe.get("collapsed"), "collapsed")):
        if count:
            badges.append(("bad", f"{'✕ ' if word == 'diverged' else ''}{count} of {members} {word}"))
    return Cell(recipe["name"], recipe["name"], badges=badges)


def _is_base(results: Mapping[str, Any], recipe: Mapping[str, Any]) -> bool:
    return recipe["name"] == (results.get("baseline") or "baseline")
