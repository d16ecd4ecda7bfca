"""The report of a comparison: which sections it has, and what stands above them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from wellposed.report import look, reading, words
from wellposed.report.figures.curves import curve_lines
from wellposed.report.section import Chip, Page, Section
from wellposed.report.sections.again import again
from wellposed.report.sections.costs import costs
from wellposed.report.sections.found import found
from wellposed.report.sections.method import features, method
from wellposed.report.sections.mistakes import mistakes
from wellposed.report.sections.overfits import overfits
from wellposed.report.sections.size import size
from wellposed.report.sections.which import which

_DASHES = {"dash": "6 4", "dot": "2 3", "dashdot": "6 3 2 3", "longdash": "9 4", "longdashdot": "9 3 2 3"}


def comparison_page(results: Mapping[str, Any], history: pd.DataFrame) -> Page:
    """The page of a comparison.

    Args:
        results: the study, as results.json holds it.
        history: one row per member and epoch.
    """
    data = results.get("data") or {}
    lines = curve_lines(results, history)
    sections: list[Section | None] = [
        found(results),
        which(results),
        size(results),
        overfits(results, history, lines),
        mistakes(results),
        costs(results, history),
        method(results),
        again(results),
    ]
    styles = look.styles(results)
    return Page(
        kind="compare",
        title=f"{data.get('name')}: regularization techniques compared",
        heading=f"Which regularization helps on {data.get('name')}?",
        lead=_lead(results),
        sections=[section for section in sections if section is not None],
        tiles=_tiles(results),
        chips=[_chip(results, recipe, styles) for recipe in reading.ranked(results)],
    )


def _lead(results: Mapping[str, Any]) -> str:
    data = results.get("data") or {}
    task = data.get("task")
    target = words.listed([str(name) for name in data.get("targets") or ()][:3])
    if len(results["recipes"]) < 2:
        return f"The baseline alone ({task}): nothing was compared with it."
    return (
        "Regularization keeps a neural network from learning its training rows by heart, so that it does better on new "
        f"ones. Here {words.counted(results)} were trained side by side on the same rows with the same luck"
        f"{f', to predict {target}' if target else ''} ({task}); each is compared with the network as given, the "
        "baseline."
    )


def _tiles(results: Mapping[str, Any]) -> list[tuple[str, str]]:
    splits, data = results.get("splits") or {}, results.get("data") or {}
    members = sum(recipe.get("members") or 0 for recipe in results["recipes"])
    epochs = (results.get("training") or {}).get("epochs")
    techniques = len(reading.techniques(results))
    total = reading.finite((results.get("run") or {}).get("total_s"))
    tiles = [
        (f"{data.get('rows'):,}" if isinstance(data.get("rows"), int) else "–", f"rows, {features(data)}"),
        (f"{techniques} + {len(results['recipes']) - techniques}", "techniques + baselines"),
        (f"{splits.get('folds')} × {splits.get('seeds')}", "folds × seeds"),
        (f"{members:,}", f"networks trained, {epochs} epochs" if epochs else "networks trained"),
    ]
    return [*tiles, (reading.seconds(total), "in all")] if total is not None else tiles


def _chip(results: Mapping[str, Any], recipe: Mapping[str, Any], styles: Mapping[str, look.Style]) -> Chip:
    style = styles[recipe["name"]]
    helps = any(reading.verdict(recipe, measure) == "helps" for measure in reading.measures(results))
    if recipe["name"] == (results.get("baseline") or "baseline"):
        role = "baseline"
    elif recipe["name"] == reading.BEST_EPOCH:
        role = reading.BEST_EPOCH
    else:
        role = reading.role(results, recipe)
    return Chip(recipe["name"], role, style.colour, _DASHES.get(style.dash, ""), style.first, helps)
