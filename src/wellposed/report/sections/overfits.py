"""Is the network overfitting, and when does it begin: from the baseline's curves, with numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from wellposed.report import look, reading
from wellposed.report.figures.curves import Lines, curves_figure
from wellposed.report.figures.gaps import gap_data, gap_figure
from wellposed.report.figures.turning import turning_data, turning_figure
from wellposed.report.overfitting import Interval, Overfitting, overfitting
from wellposed.report.reading import Measure
from wellposed.report.section import Block, Figure, Section, columns_of

_ALL_BANDS = 9  # as many recipes have their bands drawn in templates/figures.js


def overfits(results: Mapping[str, Any], history: pd.DataFrame, lines: Lines) -> Section:
    """The overfitting of the baseline, and what the recipes do about it."""
    numbers = overfitting(results, history)
    base = results.get("baseline") or "baseline"
    blocks: list[Block] = []
    for measure in reversed(reading.measures(results)):  # the loss first: it is what turns
        plot = turning_figure(lines, base, measure, numbers, page=True)
        if plot is not None:
            blocks.append(_turning(measure, plot, turning_data(lines, base, measure), numbers))
    blocks += [_gap(results, measure) for measure in reading.measures(results)]
    blocks += _curves(results, lines)
    answer = overfitting_words(results, numbers) + _remedies(results)
    return Section("overfitting", "Is the network overfitting, and when does it begin?", "Overfitting", answer, blocks)


def overfitting_words(results: Mapping[str, Any], numbers: Overfitting | None) -> list[str]:
    """The answer in sentences, with the numbers in them; ± is half a 95 % interval over networks."""
    loss = reading.measures(results)[-1]
    if numbers is None:
        return ["There is no curve of the baseline to tell by: its networks diverged, or no curves were kept."]
    gap = f"{loss.score(numbers.train)} on the rows it trained on and {loss.score(numbers.validation)} on new ones"
    ends = f"At the last epoch, {numbers.epochs}, its {loss.name} is {gap}, a gap of {_amount(loss, numbers.gap)}."
    low, middle, high = (f"{value:.0f}" for value in numbers.turn)
    networks = f"for 80 % of the {numbers.members} networks between {low} and {high}" if numbers.members > 1 else ""
    turn = f"at about epoch {middle}" + (f" ({networks})" if networks else "")
    how = "the epoch at which the smoothed loss on monitor rows is lowest" if numbers.monitored else "its lowest epoch"
    cost = f"{_amount(loss, numbers.cost)} of {loss.name} on new rows"
    if numbers.kind == "collapsed":
        first = ["No: it learned nothing. It does no better than a constant answer on its own training rows."]
    elif numbers.kind == "underfits":
        first = [
            f"Not yet. {numbers.improving} of {numbers.members} networks were still getting better on validation rows "
            "at the end: train longer before asking how to regularize."
        ]
    elif numbers.kind == "overfits":
        first = [
            f"Yes. On new rows the {loss.name} of the network as given turns {turn} and gets worse from there, while "
            "it goes on getting better on the training rows.",
            f"Going on to the end, instead of stopping at {how}, costs {cost}.",
        ]
    elif numbers.kind == "gap":
        first = [
            "A little. It does better on the rows that it trained on than on new ones, but the validation loss at the "
            f"end is not worse, by more than chance, than at {how}: the difference is {cost}.",
            f"It is lowest {turn}." if numbers.turned else "It has not turned: it is lowest near the last epoch.",
        ]
    else:
        first = ["No: it does no better on the rows that it trained on than on new ones, beyond chance."]
    return [" ".join(first), " ".join([ends, *_main_gap(results)])]


def _main_gap(results: Mapping[str, Any]) -> list[str]:
    """The gap in the main metric."""
    measure, base = reading.main_measure(results), reading.baseline(results)
    if measure.key == "loss" or base is None:
        return []
    train, validation = (reading.score(base, rows, measure) for rows in ("train", "validation"))
    if train is None or validation is None:
        return []
    return [
        f"In {measure.name}: {measure.score(train)} against {measure.score(validation)}, a gap of "
        f"{measure.amount(train - validation)}."
    ]


def _remedies(results: Mapping[str, Any]) -> list[str]:
    """Which recipe closes the gap most without losing on validation rows."""
    loss, base = reading.measures(results)[-1], reading.baseline(results)
    if base is None or base.get("failed"):
        return []
    own = _gap_of(base, loss)
    level = reading.score(base, "validation", loss)
    found = [
        (gap, recipe)
        for recipe in reading.techniques(results)
        if not recipe.get("failed")
        and (gap := _gap_of(recipe, loss)) is not None
        and (score := reading.score(recipe, "validation", loss)) is not None
        and level is not None
        and score < level
    ]
    if own is None or own <= 0 or not found:
        return []
    gap, best = min(found, key=lambda pair: abs(pair[0]))
    if abs(gap) >= own:
        return []
    return [
        f"Of the recipes with a better validation {loss.name} than the baseline, {best['name']} narrows the gap most: "
        f"from {loss.amount(own)} to {loss.amount(gap)}."
    ]


def _gap_of(recipe: Mapping[str, Any], measure: Measure) -> float | None:
    train, validation = (reading.score(recipe, rows, measure) for rows in ("train", "validation"))
    return None if train is None or validation is None else validation - train


def _amount(measure: Measure, interval: Interval) -> str:
    sign = "−" if interval.mean < 0 else ""
    return sign + measure.amount(interval.mean, interval.half)


def _turning(measure: Measure, plot: dict[str, Any], columns: dict[str, Any], numbers: Overfitting | None) -> Figure:
    note = "Dotted: the rows that it trains on; solid: validation rows; bands hold the middle 80 % of the networks."
    if plot["layout"]["shapes"] and numbers is not None:
        note += " The dashed upright line is where the validation loss is lowest (median over the networks), the grey "
        note += "band where it is for 80 % of them."
    return Figure(
        f"turning-{measure.key}",
        f"The baseline's {measure.full}",
        f"Training and validation {measure.name} of the baseline by epoch",
        plot,
        columns,
        note=note,
    )


def _gap(results: Mapping[str, Any], measure: Measure) -> Figure:
    return Figure(
        f"gap-{measure.key}",
        f"From training to validation: {measure.full}",
        f"Train and validation {measure.name}, one row per recipe, with lines at the two baselines",
        gap_figure(results, measure, page=True),
        columns_of(gap_data(results), measure=measure.key),
        note="Hollow ring: score on training rows; full dot: on validation rows. A long bar with a good training score "
        "is overfitting; ring and dot close together at a poor score are underfitting. Upright lines: validation score "
        "of the baseline (dashed), of best-epoch (dotted).",
        kind="rows",
    )


def _curves(results: Mapping[str, Any], lines: Lines) -> list[Figure]:
    there = {(rows, key) for _, rows, key in lines}
    styles = look.styles(results)
    note = "Means over folds and seeds; bands hold the middle 80 % of the networks"
    note += " (of the baseline and the selected recipe alone)." if len(styles) > _ALL_BANDS else "."
    note += " Dotted grey: best-epoch's level." if reading.BEST_EPOCH in styles else ""
    note += " A line ends where the last of its networks stopped; the first tenth may lie outside."
    figures = []
    for measure in reading.measures(results):
        for rows in ("train", "validation"):
            if (rows, measure.key) not in there:
                continue
            found = [(name, lines[name, rows, measure.key]) for name in styles if (name, rows, measure.key) in lines]
            numbers = [
                {"recipe": name, "rows": rows, "epoch": line["epoch"].tolist()}
                | {column: look.compact(line[column], measure.scale) for column in ("mean", "low", "high")}
                for name, line in found
            ]
            figures.append(
                Figure(
                    f"curves-{measure.key}-{rows}",
                    f"Learning curves: {measure.full}, {rows} rows",
                    f"Learning curves: {measure.name} on {rows} rows by epoch, one line per recipe",
                    curves_figure(results, lines, panels=[(rows, measure)], page=True),
                    numbers,
                    note=note,
                    kind="lines",
                    group=measure.key,
                )
            )
    return figures
