"""The report as a file: lays sections out as one page of HTML that needs nothing else."""

from __future__ import annotations

import base64
import dataclasses
import gzip
import hashlib
import os
import re
import tempfile
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd

from wellposed.errors import StudyError
from wellposed.report import glossary, look, reading
from wellposed.report.comparison import comparison_page
from wellposed.report.embedding import embed, pack
from wellposed.report.section import Block, Code, Figure, Page, Pairs, Section, Table

_TEMPLATES = Path(__file__).parent / "templates"
_BESIDE = re.compile(r"([(“]|\S\u00a0)?(<button [^>]*>[^<]*</button>)((?:[.,:;)”]|&#39;s)*)")
_SCRIPTS = ("figures.js", "tables.js", "report.js")


def write_report(path: str | os.PathLike[str], results: Mapping[str, Any], history: pd.DataFrame) -> Path:
    """Write the report of a comparison, whole or not at all.

    Args:
        path: the HTML file; an older one is replaced.
        results: the study, as results.json holds it.
        history: one row per member and epoch.

    Returns:
        The path of the file.

    Raises:
        StudyError: the folder doesn't exist.
    """
    return write_page(path, comparison_page(results, history))


def write_page(path: str | os.PathLike[str], page: Page) -> Path:
    """Write a page of any study, whole or not at all.

    Raises:
        StudyError: the folder doesn't exist.
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise StudyError("the report's folder doesn't exist", str(target.parent), "Create it, or choose another.")
    content = render(page).encode()
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


def render(page: Page) -> str:
    """The page as one string of HTML."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    explained: set[str] = set()
    environment.filters["tied"] = _tied
    environment.filters["terms"] = lambda text, known: _terms(text, known, explained)
    environment.globals["symbols"] = reading.SYMBOLS
    environment.globals["anchor"] = glossary.anchor
    scripts = {"theme": _template("theme.js"), "report": "\n".join(map(_template, _SCRIPTS))}
    palettes = {"light": look.LIGHT, "dark": look.DARK}
    figures = {
        figure.id: figure for section in page.sections for figure in section.blocks if isinstance(figure, Figure)
    }
    payload = {
        "palettes": palettes,
        "figures": {name: {"plot": figure.plot, "numbers": figure.numbers, "kind": figure.kind, "group": figure.group}
                    for name, figure in figures.items()},
    }  # fmt: skip
    sections = [_view(section) for section in page.sections]
    body = environment.get_template("sections.html").render(page=page, sections=sections)
    return environment.get_template("report.html").render(
        page=page,
        sections=sections,
        body=Markup(body),
        words=glossary.explained(explained),
        style=Markup(_template("report.css")),
        palettes=palettes,
        scripts={name: Markup(script) for name, script in scripts.items()},
        script_hashes=Markup(" ".join(_hash(script) for script in (*scripts.values(), _plotly()))),
        plotly=Markup(_compressed(_plotly())),
        payload=Markup(embed(pack(payload))),
    )


def _view(section: Section) -> dict[str, Any]:
    """A section for the template: its blocks by kind, runs of figures side by side."""
    runs: list[dict[str, Any]] = []
    for block in section.blocks:
        kind = _kind(block)
        if kind == "figures" and runs and runs[-1]["kind"] == kind:
            runs[-1]["blocks"].append(block)
        else:
            runs.append({"kind": kind, "blocks": [block]})
    plain = {field.name: getattr(section, field.name) for field in dataclasses.fields(section)}
    return {**plain, "runs": runs, "known": set()}


def _kind(block: Block) -> str:
    if isinstance(block, Figure):
        return "figures"
    if isinstance(block, Table):
        return "table"
    if isinstance(block, Code):
        return "code"
    return "pairs" if isinstance(block, Pairs) else "words"


def _tied(text: str) -> str:
    """No line breaks between a number and its sign or unit."""
    return text.replace(" ± ", "\u00a0±\u00a0").replace(" %", "\u00a0%")


def _terms(text: str, known: set[str], explained: set[str]) -> Any:
    """The text, each term that the section hasn't explained yet a button that shows its explanation."""
    from markupsafe import Markup, escape

    pieces = []
    for piece, term in glossary.split_terms(str(text), known):
        shown = escape(_tied(piece))
        if term is None:
            pieces.append(shown)
        else:
            explained.add(term)
            button = '<button type="button" class="term" popovertarget="{}">{}</button>'
            pieces.append(Markup(button).format(glossary.anchor(term), shown))
    # A button is a thing of its own to the line breaker: what closes or opens beside it must not be left alone.
    html = _BESIDE.sub(lambda at: f'<span class="tied">{at[0]}</span>' if at[1] or at[3] else at[0], "".join(pieces))
    return Markup(html)


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
def _compressed(script: str) -> str:
    """A script as the page carries it, base64 of gzip: two fifths of its size; always the same bytes."""
    return base64.b64encode(gzip.compress(script.encode(), mtime=0)).decode()


@cache
def _hash(script: str) -> str:
    """The source expression that lets exactly this inline script run."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
