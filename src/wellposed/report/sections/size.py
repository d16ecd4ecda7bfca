"""By how much, and how sure is that: differences with intervals, all numbers, strengths, single networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wellposed.report import reading, words
from wellposed.report.figures.forest import blind_spot, forest_data, forest_figure
from wellposed.report.figures.spread import spread_data, spread_figure
from wellposed.report.figures.sweep import Sweep, sweep_data, sweep_figure, sweeps
from wellposed.report.reading import Measure
from wellposed.report.section import Block, Cell, Figure, Row, Section, Table, columns_of
from wellposed.report.sections.which import name_cell


def size(results: Mapping[str, Any]) -> Section:
    """The differences of a comparison, with what they rest on."""
    measures = reading.measures(results)
    blocks: list[Block] = [*_forests(results), _numbers(results)]
    for number, sweep in enumerate(sweeps(results)):
        blocks += [figure for measure in measures if (figure := _sweep(results, sweep, number, measure))]
    blocks += [figure for measure in measures if (figure := _spread(results, measure))]
    return Section("size", "By how much, and how sure is that?", "By how much", words.sureness(results), blocks)


def _forests(results: Mapping[str, Any]) -> list[Figure]:
    figures, frame = [], forest_data(results)
    both = any(recipe.get("delta_best_epoch") for recipe in results["recipes"])
    for measure in reading.measures(results):
        numbers = columns_of(frame, measure=measure.key)
        if not numbers["recipe"]:
            continue
        note = "▲ helps, ▼ hurts, ○ no evidence, ✕ failed; bars are 95 % intervals, right is better."
        note += " The small ◇ below is the difference from best-epoch, not from the baseline." if both else ""
        note += "" if measure.higher else " The axis runs backwards, as less is better."
        if blind_spot(results, measure) is not None:
            note += " In the grey band lie differences too small for this study to notice."
        figures.append(
            Figure(
                f"forest-{measure.key}",
                f"Differences in {measure.full}",
                f"Differences from the baseline in {measure.name} with intervals, one row per recipe",
                forest_figure(results, measure, page=True, both=both),
                numbers,
                note=note,
                kind="rows",
            )
        )
    return figures


def _numbers(results: Mapping[str, Any]) -> Table:
    measures = reading.measures(results)
    columns = ["recipe"]
    for measure in measures:
        unit = " (points)" if measure.points else ""
        columns += ["train", "validation", f"difference{unit}", "adjusted p"]
    rows = [
        Row(
            [name_cell(results, recipe), *(cell for measure in measures for cell in _cells(recipe, measure))],
            recipe=recipe["name"],
            role=reading.role(results, recipe),
        )
        for recipe in reading.ranked(results)
    ]
    foot = []
    for entry in results.get("references") or ():
        cells = [Cell(f"{entry['name']} (another kind of model)", entry["name"])]
        for measure in measures:
            score = reading.score(entry, "validation", measure)
            cells += [Cell("", None), Cell(measure.score(score), score), Cell("", None), Cell("", None)]
        foot.append(Row(cells))
    main = measures[0]
    return Table(
        "numbers",
        "All recipes in numbers",
        columns,
        rows,
        groups=[(measure.full, 4) for measure in measures],
        text=frozenset({0}),
        sorted=(2, "descending" if main.higher else "ascending"),
        foot=foot,
        note=f"Best validation {main.name} first. Differences are recipe less baseline ± half the 95 % interval; a "
        f"difference is better {_directions(measures)}. ▲ helps, ▼ hurts, ○ no evidence, ✕ failed. Adjusted p: how "
        "often chance alone would give so large a difference; below 0.05 it counts. Below: other kinds of model, "
        "scored on the same splits.",
    )


def _directions(measures: list[Measure]) -> str:
    return words.listed([f"above 0 on {m.name}" if m.higher else f"below 0 on {m.name}" for m in measures])


def _cells(recipe: Mapping[str, Any], measure: Measure) -> list[Cell]:
    delta = reading.delta(recipe, measure)
    chance = reading.finite((delta or {}).get("p_adjusted"))
    symbol = reading.SYMBOLS.get(reading.verdict(recipe, measure) or "", "")
    train, validation = (reading.score(recipe, rows, measure) for rows in ("train", "validation"))
    return [
        Cell(measure.score(train), train),
        Cell(measure.score(validation), validation),
        Cell(f"{measure.difference(delta)} {symbol}".rstrip(), None if delta is None else delta["mean"]),
        Cell("–" if chance is None else "< 0.001" if chance < 0.001 else f"{chance:.2g}", chance),
    ]


def _sweep(results: Mapping[str, Any], sweep: Sweep, number: int, measure: Measure) -> Figure | None:
    plot = sweep_figure(results, sweep, measure, page=True)
    if plot is None:
        return None
    numbers = columns_of(sweep_data(results), sweep=sweep.label, measure=measure.key)
    score, name = max(
        zip(numbers["validation"], numbers["recipe"], strict=True), key=lambda pair: measure.gain(pair[0])
    )
    strengths = [strength for strength, _ in sweep.recipes]
    chosen = next(strength for strength, recipe in sweep.recipes if recipe == name)
    beyond = {strengths[0]: "weakest", strengths[-1]: "strongest"}.get(chosen)
    outside = f", the {beyond} tried: the best strength may lie beyond it" if beyond else ""
    return Figure(
        f"sweep-{number}-{measure.key}",
        f"How strong should {sweep.label} be? By {measure.full}",
        f"Train and validation {measure.name} against the strength of {sweep.label}, with the baseline as a line",
        plot,
        numbers,
        note=f"Solid: validation; dotted: train; dashed line: the baseline. Best here: {name} "
        f"({measure.score(score)}){outside}. Where the band leaves the baseline's line, the difference is more "
        "than chance, before correction for the number of recipes.",
    )


def _spread(results: Mapping[str, Any], measure: Measure) -> Figure | None:
    plot = spread_figure(results, measure, page=True)
    if plot is None:
        return None
    return Figure(
        f"spread-{measure.key}",
        f"Every single network: {measure.full}",
        f"The difference in {measure.name} of every network from the baseline of its fold and seed, one row per recipe",
        plot,
        columns_of(spread_data(results), measure=measure.key),
        note="One dot a network: its difference from the baseline's network of the same fold and seed; the bar is the "
        "mean. Dots on both sides of the line: with other rows or other luck the sign would change.",
        kind="rows",
    )
