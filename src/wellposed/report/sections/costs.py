"""What each recipe cost: epochs, time, networks that failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from wellposed.report import reading, words
from wellposed.report.figures.cost import cost_figure, cost_rows, relative_cost
from wellposed.report.section import Block, Cell, Figure, Row, Section, Table, Words
from wellposed.report.sections.which import name_cell


def costs(results: Mapping[str, Any], history: pd.DataFrame) -> Section:
    """Epochs, time and failures."""
    rows = cost_rows(results, history)
    times = network_seconds(results)
    blocks: list[Block] = [_table(results, rows, times)]
    relative = relative_cost(results, history, times)
    if relative and relative[-1]["cost"] > 1.05 * relative[0]["cost"]:
        note = (
            "Epochs run times the time per update; the baseline's is 1."
            if times
            else "Epochs run; times were not measured."
        )
        numbers = {key: [row[key] for row in relative] for key in ("recipe", "cost")}
        spoken = "Relative cost of training a network, one row per recipe"
        figure = cost_figure(results, history, times, page=True)
        blocks.append(
            Figure("cost", "What one network costs", spoken, figure, numbers, note=note, kind="rows", wide=True)
        )
    blocks += _broken(results)
    return Section("cost", "What did each recipe cost, and what failed?", "Cost", _answer(results, rows, times), blocks)


def network_seconds(results: Mapping[str, Any]) -> dict[str, float]:
    """Seconds of training an update takes, by recipe: of the program that trained it, shared evenly by its networks."""
    found = {}
    for entry in (results.get("run") or {}).get("program_times") or ():
        seconds, steps = reading.finite(entry.get("train_s")), reading.finite(entry.get("member_steps"))
        if seconds is not None and steps:
            found |= dict.fromkeys(entry.get("candidates") or (), seconds / steps)
    return found


def _answer(results: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], times: Mapping[str, float]) -> list[str]:
    run = results.get("run") or {}
    total, members = reading.finite(run.get("total_s")), sum(row["networks"] for row in rows)
    lines = []
    if total is not None:
        compiled, train = reading.finite(run.get("compile_s")), reading.finite(run.get("train_s"))
        spent = [f"{reading.seconds(train)} training"] if train is not None else []
        spent += [f"{reading.seconds(compiled)} compiling the programs that train them"] if compiled is not None else []
        rest = f": {words.listed(spent)}; the rest is data, other models and this report" if spent else ""
        lines.append(f"All {members:,} networks together took {reading.seconds(total)}{rest}.")
    base = times.get(str(results.get("baseline") or "baseline"))
    if base and len(times) > 1:
        slow, most = max(times.items(), key=lambda pair: pair[1])
        if most > 1.3 * base:
            lines.append(
                f"One update (a step of training on one minibatch) costs most under {slow}: {most / base:.1f} times "
                "the baseline's, as measured here."
            )
    planned = (results.get("training") or {}).get("epochs")
    for row in rows:
        if row["stopped"]:
            lines.append(
                f"Under {row['recipe']}, {row['stopped']} of {row['networks']} networks stopped before epoch {planned},"
                f" after {row['epochs']:.0f} epochs on average."
            )
    broken = [recipe for recipe in results["recipes"] if recipe.get("failed") or recipe.get("collapsed")]
    names = words.listed([f"{recipe['name']} ({reading.fate(recipe)})" for recipe in broken])
    lines.append(
        f"Something went wrong under {names}."
        if broken
        else f"Nothing failed: all {members:,} networks trained to their end, and none collapsed."
    )
    return lines


def _table(results: Mapping[str, Any], counted: Sequence[Mapping[str, Any]], times: Mapping[str, float]) -> Table:
    recipes = {recipe["name"]: recipe for recipe in results["recipes"]}
    base = times.get(str(results.get("baseline") or "baseline"))
    columns = ["recipe", "networks", "epochs run", "best epoch", "stopped early", "diverged", "collapsed"]
    columns += ["time per update (baseline 1)"] if base else []
    rows = []
    for row in counted:
        recipe = recipes[row["recipe"]]
        best = reading.finite((recipe.get("best_epoch") or {}).get("mean"))
        epochs = reading.finite(row["epochs"])
        cells = [name_cell(results, recipe), Cell(f"{row['networks']:,}", row["networks"])]
        cells += [Cell("–" if value is None else f"{value:.0f}", value) for value in (epochs, best)]
        cells += [Cell(f"{int(count):,}", int(count)) for count in
                  (row["stopped"], recipe.get("failed") or 0, recipe.get("collapsed") or 0)]  # fmt: skip
        if base:
            ratio = times[row["recipe"]] / base if row["recipe"] in times else None
            cells.append(Cell("–" if ratio is None else f"{ratio:.2f}", ratio))
        rows.append(Row(cells, recipe=row["recipe"], role=reading.role(results, recipe)))
    note = "“Best epoch” is the mean over networks of the epoch with the lowest loss on monitor rows (a mean: one late "
    note += "network moves it)."
    if base:
        note += " Recipes that were trained together in one program share its time evenly. "
        note += "Times are of this machine in this run, and rough where programs are small."
    return Table("costs", "Epochs, time and failures", columns, rows, text=frozenset({0}), note=note,
                 sorted=(2, "ascending"))  # fmt: skip


def _broken(results: Mapping[str, Any]) -> list[Block]:
    """Recipes with members that diverged or collapsed, with what happened to each."""
    blocks: list[Block] = []
    for recipe in results["recipes"]:
        if not (recipe.get("failed") or recipe.get("collapsed")):
            continue
        lines = [_failure(entry) for entry in recipe.get("failures") or ()]
        what = f"{reading.fate(recipe)}."
        what = what[:1].upper() + what[1:]
        why = []
        if recipe.get("failed"):
            why.append("A network diverged: its loss stopped being a finite number, so this recipe gets no verdict.")
        if recipe.get("collapsed"):
            why.append("A network collapsed: it ended no better than a constant answer; it is judged by its scores.")
        more = ("Which networks", lines) if lines else None
        blocks.append(Words(recipe["name"], [what, *why], more=more))
    return blocks


def _failure(entry: object) -> str:
    """One failed member in words."""
    if not isinstance(entry, Mapping):
        return str(entry)
    place = ", ".join(f"{key} {entry[key]}" for key in ("fold", "seed", "epoch") if entry.get(key) is not None)
    why = entry.get("what") or entry.get("why") or "not finite"
    return f"{place}: {why}" if place else str(why)
