"""The file: whole, self-contained, and inert whatever recipes are called."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from wellposed.errors import StudyError
from wellposed.report import page
from wellposed.report.comparison import comparison_page
from wellposed.report.embedding import embed, pack
from wellposed.report.reading import seconds
from wellposed.report.section import Code
from wellposed.report.sections.again import again, command, python
from wellposed.report.sections.method import facts

Study = tuple[dict[str, Any], pd.DataFrame]
HOSTILE = "</script><script>window.injected=1</script><img src=x onerror='window.injected=1'> & \u2028 {{7*7}}"


def render(results: dict[str, Any], history: pd.DataFrame) -> str:
    return page.render(comparison_page(results, history))


def payload_of(html: str) -> dict[str, Any]:
    """What the page's scripts read."""
    found = re.search(r'<script type="application/json" id="payload">(.*?)</script>', html, flags=re.S)
    assert found
    return json.loads(found.group(1))


def words_of(html: str) -> str:
    """The page without its scripts."""
    return re.sub(r"<script.*?</script>", "", html, flags=re.S)


def test_self_contained(wine: Study, tmp_path: Path) -> None:
    path = page.write_report(tmp_path / "report.html", *wine)
    html = path.read_text()
    assert path.stat().st_size < 6_000_000
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.html"]
    body = words_of(html)
    assert not re.findall(r"""(?:src|href)=["'](?!#|data:,)""", body)
    assert "http://" not in body
    assert "https://" not in body
    for heading in ("What was found", "Which techniques help?", "By how much, and how sure is that?",
                    "Is the network overfitting, and when does it begin?",
                    "What did each recipe cost, and what failed?", "How was this measured?",
                    "How do I do it again?"):  # fmt: skip
        assert heading in body
    for part in ("wellposed compare winequality-red.csv", "--target &#39;quality &gt;= 6&#39;", "--epochs 500"):
        assert f"{part} \\\n    --" in body
    assert "ab12" * 16 in body


def test_only_its_own_scripts_may_run(wine: Study) -> None:
    html = render(*wine)
    allowed = set(re.findall(r"'sha256-([^']+)'", html))
    scripts = re.findall(r"<script>(.*?)</script>", html, flags=re.S)
    assert len(scripts) == 2
    packed = re.findall(r'<script type="text/plain" id="plotly">(.*?)</script>', html, flags=re.S)
    scripts += [gzip.decompress(base64.b64decode(text)).decode() for text in packed]
    assert scripts[2].startswith("/**\n* plotly.js")
    assert {base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts} == allowed


def test_hostile_names(wine: Study) -> None:
    results, history = wine
    renamed = json.loads(json.dumps(results).replace("dropout=0.5", json.dumps(HOSTILE)[1:-1]))
    renamed["data"]["name"] = renamed["run"]["command"] = HOSTILE
    renamed["warnings"] = [HOSTILE]
    renamed["skipped"] = [{"name": HOSTILE, "why": HOSTILE}]
    html = render(renamed, history.replace({"recipe": {"dropout=0.5": HOSTILE}}))
    assert html.count("<script") == render(results, history).count("<script")
    assert "<img" not in words_of(html)
    assert "{{7*7}}" in html
    figures = payload_of(html)["value"]["figures"]
    assert HOSTILE in {trace["meta"] for trace in figures["curves-loss-validation"]["plot"]["data"]}


def test_what_closes_or_opens_stays_at_its_word(wine: Study) -> None:
    results, history = wine
    results["warnings"] = ["An epoch, “a gap”, (folds) or ★\u00a0penalty's \u003cb>: seed"]
    [note] = re.findall(r"<li>(An .*?)</li>", words_of(render(results, history)))
    plain = re.sub(r"<button [^>]*>([^<]*)</button>", r"[\1]", note)
    assert plain == (
        'An <span class="tied">[epoch],</span> “a <span class="tied">[gap]”,</span> '
        '<span class="tied">([folds])</span> or <span class="tied">★\u00a0[penalty]&#39;s</span> &lt;b&gt;: [seed]'
    )


def test_embed() -> None:
    text = embed({"name": HOSTILE})
    assert not set(text) & set("<>&\u2028\u2029")
    assert json.loads(text) == {"name": HOSTILE}
    with pytest.raises(ValueError, match="not JSON compliant"):
        embed(float("nan"))


def test_long_lists_travel_once() -> None:
    numbers = [index / 3 for index in range(20)]
    words, short = ["a"] * 20, [1, 2, None]
    packed = pack({"x": numbers, "again": [{"x": list(numbers)}], "words": words, "short": short})
    assert packed["lists"] == [numbers]
    there = {"@": 0}
    assert packed["value"] == {"x": there, "again": [{"x": there}], "words": words, "short": short}


def test_nulls_and_absent_parts(waves: Study) -> None:
    results, history = waves
    for key in ("references", "warnings", "skipped", "run", "test"):
        results.pop(key)
    for recipe in results["recipes"]:
        recipe["train"]["loss"] = {"mean": None, "sd": None}
        if recipe["delta"]:
            recipe["delta"]["loss"] = dict.fromkeys(recipe["delta"]["loss"])
    html = render(results, history.iloc[:0])
    assert "Learning curves" not in html
    assert "This study was started from Python" in html
    assert "Nothing failed: all 24 networks trained to their end" in words_of(html).replace("</button>", "").replace(
        '<button type="button" class="term" popovertarget="word-network">', ""
    )
    assert "None" not in words_of(html)


def test_vault(wine: Study) -> None:
    results, history = wine
    score = {"loss": {"mean": 0.512, "sd": 0.01}, "accuracy": {"mean": 0.7613, "sd": None}}
    results["test"] = {"selected": {"name": "dropout=0.1", **score}, "baseline": score, "openings": [{}, {}]}
    html = render(results, history)
    assert "The test set was opened 2 times: its scores are no longer untouched." in html
    assert '<td class="" data-sort="0.7613">76.1\u00a0%</td>' in html


def test_written_whole_or_not_at_all(wine: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report.html"
    path.write_text("the old one")

    def full(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(page.os, "replace", full)
    with pytest.raises(OSError, match="disk full"):
        page.write_report(path, *wine)
    assert path.read_text() == "the old one"
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.html"]


def test_missing_folder(wine: Study, tmp_path: Path) -> None:
    folder = tmp_path / "nowhere"
    with pytest.raises(StudyError) as error:
        page.write_report(folder / "report.html", *wine)
    assert str(error.value).startswith("the report's folder doesn't exist, got ")
    assert str(error.value).endswith(". Create it, or choose another.")


def test_many_recipes(panel: Study) -> None:
    html = render(*panel)
    assert len(html.encode()) < 4_000_000  # a hundred recipes stay below 6 MB
    assert html.count('class="chip"') == 62
    assert html.count('class="chip" data-recipe') - html.count('data-first="false"') <= 8


def test_baseline_alone(wine: Study) -> None:
    results, history = wine
    results["recipes"] = results["recipes"][:1]
    results["selected"] = "baseline"
    html = render(results, history)
    assert "was compared on" in html
    assert "Which techniques help?" not in html
    assert "The baseline alone (classification): nothing was compared with it." in html


def test_facts(wine: Study) -> None:
    found = dict(facts(wine[0]))
    assert found["data"] == "invented-wine, 1,599 rows, 11 features"
    assert found["network"] == "widths 20-20, activation relu, output sigmoid, parameters 681"
    assert found["time"] == "5.1 s compiling, 9.7 s training, 16 s in all"
    wine[0]["run"]["command"] = ["wellposed", "compare", "my data.csv"]
    assert command(wine[0]) == "wellposed compare 'my data.csv'"


def test_a_long_command_is_folded_into_the_same_command(wine: Study) -> None:
    results = wine[0]
    line = (
        "wellposed compare 'my data.csv' --target y --with 'dropout=0.1 + l2=0.01' --with 'a|b' --epochs 500 --out run"
    )
    results["run"]["command"] = line
    folded = next(block for block in again(results).blocks if isinstance(block, Code) and block.id == "command").text
    assert "wellposed compare 'my data.csv' \\\n    --target y \\\n" in folded
    assert shlex.split(folded.replace("\\\n", "")) == shlex.split(line)
    results["run"]["command"] = "not 'a shell's line " + "-" * 80
    assert next(block.text for block in again(results).blocks if isinstance(block, Code)) == results["run"]["command"]


@pytest.mark.parametrize(
    ("rows", "part", "text"), [(442, 88, "test=0.2,"), (442, 44, "test=0.1,"), (442, 3, "test=0.007,")]
)
def test_shares_in_python_are_short(wine: Study, rows: int, part: int, text: str) -> None:
    results = wine[0]
    results["data"]["rows"], results["splits"]["test"] = rows, part
    assert text in python(results)
    share = float(text.removeprefix("test=").removesuffix(","))
    assert round(share * rows) == part


def test_seconds() -> None:
    assert [seconds(value) for value in (0.42, 59.6, 200, 7500)] == ["0.4 s", "1 min 0 s", "3 min 20 s", "2 h 5 min"]
