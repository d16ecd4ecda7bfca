"""The report: one HTML file that needs nothing else, answers first, then pictures, numbers and method."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd

from wellposed.errors import StudyError
from wellposed.report import look, method, reading, words
from wellposed.report.curves import curve_lines, curves_figure
from wellposed.report.forest import blind_spot, forest_figure
from wellposed.report.gaps import gap_figure

_TEMPLATES = Path(__file__).parent / "templates"


def write_report(path: str | os.PathLike[str], results: Mapping[str, Any], history: pd.DataFrame) -> Path:
    """Write the report of a study, whole or not at all.

    Args:
        path: the HTML file; an older one is replaced.
        results: the study, as results.json holds it.
        history: one row per member and epoch.

    Returns:
        The path of the file.

    Raises:
        StudyError: the folder doesn't exist.
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise StudyError("the report's folder doesn't exist", str(target.parent), "Create it, or choose another.")
    content = render(results, history).encode()
    handle, draft = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        # mkstemp makes a file for its owner alone; a report is as readable as any new file.
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(draft, 0o666 & ~mask)
        os.replace(draft, target)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
    return target


def render(results: Mapping[str, Any], history: pd.DataFrame) -> str:
    """The report as one string of HTML.

    Args:
        results: the study, as results.json holds it.
        history: one row per member and epoch.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # No line breaks between a number and its sign.
    environment.filters["tied"] = lambda text: text.replace(" ± ", "\u00a0±\u00a0").replace(" %", "\u00a0%")
    figures = _figures(results, history)
    scripts = {"theme": _template("theme.js"), "plotly": _plotly(), "report": _template("report.js")}
    palettes = {"light": look.LIGHT, "dark": look.DARK}
    view = _view(results, figures)
    return environment.get_template("report.html").render(
        view,
        style=Markup(_template("report.css")),
        palettes=palettes,
        scripts={name: Markup(script) for name, script in scripts.items()},
        script_hashes=Markup(" ".join(_hash(script) for script in scripts.values())),
        payload=Markup(embed({"figures": figures, "palettes": palettes})),
    )


def embed(value: object) -> str:
    """JSON that can stand inside a ``<script>`` element: no character of it can end the element or a line."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _figures(results: Mapping[str, Any], history: pd.DataFrame) -> dict[str, Any]:
    """All figures by the id of their place on the page."""
    figures: dict[str, Any] = {}
    lines = curve_lines(results, history)
    panels = {(rows, measure) for _, rows, measure in lines}
    for measure in reading.measures(results):
        if any(reading.delta(recipe, measure) for recipe in results["recipes"]):
            figures[f"forest-{measure.key}"] = forest_figure(results, measure, page=True)
        for rows in ("train", "validation"):
            if (rows, measure.key) in panels:
                name = f"curves-{measure.key}-{rows}"
                figures[name] = curves_figure(results, lines, panels=[(rows, measure)], page=True)
        figures[f"gap-{measure.key}"] = gap_figure(results, measure, page=True)
    return figures


def _view(results: Mapping[str, Any], figures: Mapping[str, Any]) -> dict[str, Any]:
    """What the template shows, as plain values."""
    found, splits, data = reading.measures(results), results.get("splits") or {}, results.get("data") or {}
    styles = look.styles(results)
    members = sum(recipe.get("members") or 0 for recipe in results["recipes"])
    epochs = (results.get("training") or {}).get("epochs")
    folds, seeds = splits.get("folds"), splits.get("seeds")
    compared = len(reading.techniques(results))
    judged = {reading.verdict(recipe, measure) for recipe in results["recipes"] for measure in found}
    total = reading.finite((results.get("run") or {}).get("total_s"))
    tiles = [
        (f"{data.get('rows'):,}" if isinstance(data.get("rows"), int) else "–", f"rows, {method.features(data)}"),
        (str(compared), "recipes" if compared != 1 else "recipe"),
        (f"{folds} × {seeds}", "folds × seeds"),
        (f"{members:,}", f"networks trained, {epochs} epochs" if epochs else "networks trained"),
    ]
    tiles += [(method.seconds(total), "in all")] if total is not None else []
    return {
        "title": f"{data.get('name')}: regularization techniques compared",
        "name": data.get("name"),
        "task": data.get("task"),
        "compared": {0: "The baseline", 1: "One recipe"}.get(compared, f"{compared} recipes"),
        "tiles": tiles,
        "skipped": results.get("skipped") or (),
        "findings": words.findings(results),
        "selection": words.selection(results),
        "notes": words.notes(results),
        "test": _test(results, found),
        "measures": found,
        "rows": [_row(results, r, styles, found) for r in reading.ranked(results)],
        "references": _references(results, found),
        "chips": [_chip(results, r, styles) for r in reading.ranked(results)],
        "forests": _places(figures, "forest", found),
        "curves": _places(figures, "curves", found),
        "gaps": _places(figures, "gap", found),
        "broken": _broken(results),
        "members": members,
        "method": method.method(results),
        "facts": method.facts(results),
        "command": method.command(results),
        "has_best_epoch": reading.named(results, reading.BEST_EPOCH) is not None,
        "verdicts": [(word, symbol) for word, symbol in reading.SYMBOLS.items() if word in judged],
        "blind": [blind_spot(results, measure) is not None for measure in found],
    }


def _row(
    results: Mapping[str, Any],
    recipe: Mapping[str, Any],
    styles: Mapping[str, look.Style],
    found: list[reading.Measure],
) -> dict[str, Any]:
    cells = []
    for measure in found:
        delta = reading.delta(recipe, measure)
        chance = reading.finite((delta or {}).get("p_adjusted"))
        word = reading.verdict(recipe, measure)
        train, validation = (reading.score(recipe, rows, measure) for rows in ("train", "validation"))
        cells.append(
            {"train": measure.score(train), "train_raw": train, "validation": measure.score(validation),
             "validation_raw": validation, "difference": measure.difference(delta),
             "difference_raw": None if delta is None else delta["mean"], "p_raw": chance,
             "p": "–" if chance is None else "< 0.001" if chance < 0.001 else f"{chance:.2g}", "verdict": word,
             "symbol": reading.SYMBOLS.get(word or "", "")}
        )  # fmt: skip
    return {
        **_chip(results, recipe, styles),
        "cells": cells,
        "members": recipe.get("members") or 0,
        "failed": recipe.get("failed") or 0,
        "collapsed": recipe.get("collapsed") or 0,
    }


def _chip(results: Mapping[str, Any], recipe: Mapping[str, Any], styles: Mapping[str, look.Style]) -> dict[str, Any]:
    style = styles[recipe["name"]]
    pattern = {"dash": "6 4", "dot": "2 3", "dashdot": "6 3 2 3", "longdash": "9 4", "longdashdot": "9 3 2 3"}
    return {
        "name": recipe["name"],
        "role": reading.role(results, recipe),
        "colour": style.colour,
        "first": style.first,
        "dash": pattern.get(style.dash, ""),
    }


def _references(results: Mapping[str, Any], found: list[reading.Measure]) -> list[dict[str, Any]]:
    return [
        {
            "name": entry["name"],
            "scores": [m.score(reading.score(entry, "validation", m)) for m in found],
        }
        for entry in results.get("references") or ()
    ]


def _test(results: Mapping[str, Any], found: list[reading.Measure]) -> dict[str, Any] | None:
    """The scores on rows set aside, with how often they were looked at."""
    test = results.get("test")
    if not test:
        return None
    rows = []
    for word, name in (("selected", results.get("selected")), ("baseline", results.get("baseline") or "baseline")):
        entry = test.get(word)
        if entry:
            scores = [m.score(reading.score({"test": entry}, "test", m)) for m in found]
            rows.append((word, entry.get("name") or name, scores))
    return {"rows": rows, "openings": len(test.get("openings") or ()) or 1}


def _places(figures: Mapping[str, Any], kind: str, found: list[reading.Measure]) -> list[dict[str, Any]]:
    """Where figures of one kind stand, with the words that a screen reader gets."""
    spoken = {
        "forest": "Differences from the baseline in {name}, with intervals, one row per recipe",
        "curves": "Learning curves: {name} on {rows} rows by epoch, one line per recipe",
        "gap": "Train and validation {name}, one row per recipe",
    }
    places = []
    for measure in found:
        for name, figure in figures.items():
            if name == f"{kind}-{measure.key}" or (kind == "curves" and name.startswith(f"curves-{measure.key}-")):
                rows = name.rpartition("-")[2] if kind == "curves" else ""
                text = spoken[kind].format(name=measure.name, rows=rows)
                height = figure["layout"]["height"]
                places.append(
                    {
                        "id": name,
                        "text": text,
                        "height": height,
                        "measure": measure.key,
                        "name": measure.name,
                        "rows": rows,
                    }
                )
    return places


def _broken(results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Recipes with members that diverged or collapsed, with what happened to each."""
    broken = []
    for recipe in results["recipes"]:
        failed, collapsed = recipe.get("failed") or 0, recipe.get("collapsed") or 0
        if failed or collapsed:
            lines = [_failure(entry) for entry in recipe.get("failures") or ()]
            broken.append({"name": recipe["name"], "members": recipe.get("members") or 0, "failed": failed,
                           "collapsed": collapsed, "lines": lines})  # fmt: skip
    return broken


def _failure(entry: object) -> str:
    """One failed member in words."""
    if not isinstance(entry, Mapping):
        return str(entry)
    place = ", ".join(f"{key} {entry[key]}" for key in ("fold", "seed", "epoch") if entry.get(key) is not None)
    why = entry.get("what") or entry.get("why") or "not finite"
    return f"{place}: {why}" if place else str(why)


def _template(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")


@cache
def _plotly() -> str:
    """The source of plotly.js, as the installed plotly package carries it; found without importing the package."""
    spec = find_spec("plotly")
    if spec is None or not spec.submodule_search_locations:
        raise StudyError("the report needs plotly, which isn't installed", None, "Run: pip install plotly")
    return (Path(spec.submodule_search_locations[0]) / "package_data" / "plotly.min.js").read_text(encoding="utf-8")


@cache
def _hash(script: str) -> str:
    """The source expression that lets exactly this inline script run."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
