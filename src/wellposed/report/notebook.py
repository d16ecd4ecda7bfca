"""What a notebook shows of a comparison: its sentences, a table and one picture, without scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from wellposed.report import look, reading, words
from wellposed.report.figures.forest import forest_data
from wellposed.report.reading import Measure
from wellposed.report.section import columns_of

_ROW, _NAMES, _PLOT = 22, 230, 430  # pixels: a recipe's height, the columns of names and of intervals
_MOST = 12


def notebook_html(results: Mapping[str, Any]) -> str:
    """A comparison as a piece of HTML that any notebook shows, light or dark, offline.

    Args:
        results: the study, as results.json holds it.
    """
    sentences = [*words.findings(results), words.selection(results)]
    listed = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    name = escape(str((results.get("data") or {}).get("name")))
    more = "study.report(path) writes the whole report; study.table() has all numbers; study.plot its pictures."
    return (
        f"<div><h4>{name}: {escape(words.counted(results))}</h4><ul>{listed}</ul>{forest_svg(results)}{_table(results)}"
        f'<p style="opacity:.75">{more}</p></div>'
    )


def forest_svg(results: Mapping[str, Any]) -> str:
    """The differences on the main metric as a small SVG, better to the right; nothing where there are none."""
    measure = reading.main_measure(results)
    columns = columns_of(forest_data(results), measure=measure.key)
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)][:_MOST]
    if not rows:
        return ""
    gains = [_gains(row, measure) for row in rows]
    reach = max(max(abs(value) for value in triple) for triple in gains) or 1.0
    typical = sorted(max(abs(value) for value in triple) for triple in gains)[len(gains) // 2]
    reach = min(reach, 4 * typical or reach)

    def place(gain: float) -> float:
        return _NAMES + _PLOT / 2 * (1 + max(min(gain / reach, 1), -1))

    parts = [f'<line x1="{place(0)}" x2="{place(0)}" y1="18" y2="{18 + _ROW * len(rows)}" stroke="currentColor"/>']
    for number, (row, triple) in enumerate(zip(rows, gains, strict=True)):
        parts.append(_mark(results, row, [place(gain) for gain in triple], 18 + _ROW * (number + 0.5), measure))
    height = 18 + _ROW * len(rows) + 4
    title = f"Difference from the baseline in {measure.full}"
    text = f'x="{_NAMES}" y="12" font-size="12" fill="currentColor"'
    worse = f'<text {text}>← worse</text><text {text} dx="{_PLOT}" text-anchor="end">better →</text>'
    return (
        f'<svg role="img" aria-label="{escape(title)}" width="{_NAMES + _PLOT + 10}" height="{height}" '
        f'style="max-width:100%;font-family:sans-serif">{worse}{"".join(parts)}</svg>'
        f'<p style="opacity:.75;margin-top:0">{escape(title)}, with 95 % intervals.</p>'
    )


def _gains(row: Mapping[str, Any], measure: Measure) -> tuple[float, float, float]:
    """The difference and the ends of its interval, better positive."""
    middle = measure.gain(row["difference"])
    ends = sorted(middle if row[key] is None else measure.gain(row[key]) for key in ("low", "high"))
    return middle, ends[0], ends[1]


def _mark(
    results: Mapping[str, Any], row: Mapping[str, Any], places: Sequence[float], y: float, measure: Measure
) -> str:
    middle, left, right = places
    token = look.VERDICT_COLOURS.get(row["verdict"], "$none")
    # Between the two palettes' colours: to be seen on white and on black.
    colour = {"$helps": "#1a9a70", "$hurts": "#e0622a", "$failed": "#c05aa8"}.get(token, "#808890")
    symbol = reading.SYMBOLS.get(row["verdict"], "○")
    name = look.label(results, row["recipe"], 30)
    number = measure.difference(reading.delta(reading.named(results, row["recipe"]) or {}, measure)) + measure.unit
    return (
        f"<g><title>{escape(row['recipe'])}: {number}</title>"
        f'<text x="{_NAMES - 8}" y="{y + 4}" font-size="12" text-anchor="end" fill="currentColor">{name}</text>'
        f'<line x1="{left:.1f}" x2="{right:.1f}" y1="{y}" y2="{y}" stroke="{colour}" stroke-width="2"/>'
        f'<text x="{middle:.1f}" y="{y + 5}" font-size="14" text-anchor="middle" fill="{colour}">{symbol}</text></g>'
    )


def _table(results: Mapping[str, Any]) -> str:
    measures = reading.measures(results)
    names = "".join(f'<th colspan="2">{escape(measure.full)}</th>' for measure in measures)
    head = (
        f"<tr><th></th>{names}</tr><tr><th>recipe</th>{'<th>validation</th><th>difference</th>' * len(measures)}</tr>"
    )
    rows, every = [], reading.ranked(results)
    for recipe in every[:_MOST]:
        cells = []
        for measure in measures:
            symbol = reading.SYMBOLS.get(reading.verdict(recipe, measure) or "", "")
            score = measure.score(reading.score(recipe, "validation", measure))
            cells.append(f"<td>{score}</td><td>{measure.difference(reading.delta(recipe, measure))} {symbol}</td>")
        name = look.label(results, recipe["name"], 60)
        rows.append(f'<tr><th style="text-align:left">{name}</th>{"".join(cells)}</tr>')
    rest = f"<p>… and {len(every) - _MOST} more in study.table().</p>" if len(every) > _MOST else ""
    signs = "★ selected, ● baselines, ▲ helps, ▼ hurts, ○ no evidence, ✕ failed"
    return f'<table>{head}{"".join(rows)}</table>{rest}<p style="opacity:.75">{signs}</p>'
