"""What a notebook shows: sentences, a picture, a table; nothing of a name runs."""

from __future__ import annotations

import json
from html import escape
from typing import Any
from xml.etree import ElementTree

import pandas as pd

from wellposed.report import words
from wellposed.report.notebook import forest_svg, notebook_html

Study = tuple[dict[str, Any], pd.DataFrame]


def test_sentences_picture_and_table(wine: Study) -> None:
    results = wine[0]
    html = notebook_html(results)
    assert "<h4>invented-wine: 12 techniques and 2 baselines</h4>" in html
    for sentence in words.findings(results)[:2]:
        assert escape(sentence) in html
    assert html.count("<svg") == 1
    assert html.count("<tr>") == 2 + 12
    assert "… and 2 more in study.table()." in html


def test_no_script_and_no_address(wine: Study) -> None:
    results = json.loads(json.dumps(wine[0]).replace("dropout=0.5", "<script>alert(1)</script>"))
    results["data"]["name"] = "<img src=x onerror=alert(1)>"
    html = notebook_html(results)
    assert "<script" not in html
    assert "<img" not in html
    assert "http" not in html


def test_the_picture_is_well_formed_and_better_is_right(wine: Study) -> None:
    root = ElementTree.fromstring(forest_svg(wine[0]).partition("<p")[0])
    zero = float(root.findall("line")[0].attrib["x1"])
    marks = {group[0].text: float(group[3].attrib["x"]) for group in root.findall("g")}
    assert len(marks) == 12
    for text, place in marks.items():
        assert text is not None
        assert (place > zero) == (": +" in text) or ": 0.0" in text, text


def test_nothing_to_draw(wine: Study) -> None:
    results = wine[0]
    results["recipes"], results["selected"] = results["recipes"][:1], "baseline"
    assert "<svg" not in notebook_html(results)
