"""What was found: the answer in plain words, the one picture that shows it, and what to know before relying on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wellposed.report import look, reading, words
from wellposed.report.figures.forest import blind_spot, forest_data, forest_figure
from wellposed.report.section import Block, Cell, Figure, Row, Section, Table, Words, columns_of


def found(results: Mapping[str, Any]) -> Section:
    """The answer of a comparison."""
    blocks: list[Block] = []
    picture = _picture(results)
    if picture is not None:
        blocks.append(picture)
    test = _test(results)
    if test is not None:
        blocks.append(test)
    notes = words.notes(results)
    if notes:
        skipped = [f"{entry['name']}: {entry['why']}" for entry in results.get("skipped") or ()]
        more = ("Why techniques were skipped", skipped) if len(skipped) > 3 else None
        blocks.append(Words("Before you rely on it", notes, kind="notes", more=more))
    others, found = words.references(results), [*words.findings(results), words.selection(results)]
    advice = words.advice(results)
    # What to do comes first; where nothing can be advised, why that is.
    answer = [advice, _does(results), others, *found] if advice else [*found, others]
    return Section("found", "What was found", "Findings", [text for text in answer if text], blocks)


def _does(results: Mapping[str, Any]) -> str:
    """What the selected recipe does, where the advice names it and each of its techniques has a sentence."""
    chosen = reading.named(results, results.get("selected")) or {}
    about = [str(line).replace("`", "") for line in chosen.get("about") or ()]
    if chosen.get("name") == reading.BEST_EPOCH or not words.advice(results).startswith(
        f"What to do: use {chosen.get('name')}"
    ):
        return ""
    return " ".join([f"What {chosen['name']} does:", *(line[:1].lower() + line[1:] for line in about)]) if about else ""


def _picture(results: Mapping[str, Any]) -> Figure | None:
    """The differences on the main metric, of the few recipes that matter most."""
    measure = reading.main_measure(results)
    if not any(reading.delta(recipe, measure) for recipe in results["recipes"]):
        return None
    shown = _few(results)
    numbers = columns_of(forest_data(results), measure=measure.key)
    kept = [row for row, name in enumerate(numbers["recipe"]) if name in shown]
    numbers = {name: [values[row] for row in kept] for name, values in numbers.items()}
    every = len(results["recipes"]) - 1
    which = f"The {len(kept)} that matter most of {every}; all are below. " if every > len(kept) else ""
    return Figure(
        "answer",
        f"Difference from the baseline in {measure.full}",
        f"Differences from the baseline in {measure.name} with intervals, one row per recipe",
        forest_figure(results, measure, page=True, only=shown),
        numbers,
        note=f"{which}Each mark is the mean difference from the baseline on validation rows, its bar the 95 % "
        "interval. Right of the line is better. A bar that crosses the line may be chance. "
        f"{_signs(results, shown, measure)}",
        kind="rows",
        wide=True,
    )


def _signs(results: Mapping[str, Any], shown: set[str], measure: reading.Measure) -> str:
    """What the marks of the picture mean, those that are in it."""
    there = {reading.verdict(recipe, measure) for recipe in results["recipes"] if recipe["name"] in shown}
    signs = [f"{symbol}\u00a0{word}" for word, symbol in reading.SYMBOLS.items() if word in there]
    signs += ["★\u00a0selected"] if results.get("selected") in shown - {results.get("baseline")} else []
    signs += [f"●\u00a0{reading.BEST_EPOCH} (the second baseline)"] if reading.BEST_EPOCH in shown else []
    text = f"{', '.join(signs)}." if signs else ""
    if blind_spot(results, measure) is not None:
        text += " In the grey band lie differences too small for this study to notice."
    return text


def _few(results: Mapping[str, Any], most: int = 10) -> set[str]:
    """The recipes that matter most, filled up with the next best to ``most``."""
    shown = [name for name, style in look.styles(results).items() if style.first]
    ranked = [recipe["name"] for recipe in reading.ranked(results)]
    return set(list(dict.fromkeys([*shown, *ranked]))[: most + 1])  # the baseline itself has no row


def _test(results: Mapping[str, Any]) -> Table | None:
    """The scores on rows set aside, with how often they were looked at."""
    test = results.get("test")
    if not test:
        return None
    measures = reading.measures(results)
    rows = []
    for word, name in (("selected", results.get("selected")), ("baseline", results.get("baseline") or "baseline")):
        entry = test.get(word)
        if entry:
            scores = [reading.score({"test": entry}, "test", measure) for measure in measures]
            cells = [Cell(m.score(score), score) for m, score in zip(measures, scores, strict=True)]
            title = str(entry.get("name") or name)
            badge = [("selected" if word == "selected" else "plain", word)]
            rows.append(Row([Cell(title, title, badges=badge), *cells]))
    openings = len(test.get("openings") or ()) or 1
    note = (
        f"The test set was opened {openings} times: its scores are no longer untouched."
        if openings > 1
        else "Opened once, after the recipe was selected."
    )
    note += (
        " The networks were trained again on all other rows. One set of test rows has its own luck, so these scores "
        "may lie above or below the validation scores; compare the two lines with each other."
    )
    columns = ("recipe", *(measure.full for measure in measures))
    return Table("test", "On the test rows, set aside before anything else", columns, rows, note=note)
