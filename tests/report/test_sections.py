"""What sections say and show, without HTML."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest

from wellposed.report.comparison import comparison_page
from wellposed.report.figures.cost import cost_data, cost_figure, relative_cost
from wellposed.report.figures.spread import spread_data
from wellposed.report.figures.sweep import sweep_data, sweeps
from wellposed.report.glossary import TERMS, split_terms
from wellposed.report.page import render
from wellposed.report.section import Figure, Table
from wellposed.report.sections.mistakes import mistakes
from wellposed.report.words import counted, counts

Study = tuple[dict[str, Any], pd.DataFrame]
SCRIPT = "<script>window.injected=1</script>"


def test_sections_are_questions_in_order(wine: Study) -> None:
    page = comparison_page(*wine)
    assert [section.id for section in page.sections] == [
        "found", "which", "size", "overfitting", "cost", "method", "again"
    ]  # fmt: skip
    assert all(section.answer for section in page.sections)
    assert [block.id for block in page.sections[0].blocks if isinstance(block, Figure)] == ["answer"]


def test_every_figure_has_its_numbers(wine: Study) -> None:
    names = []
    for section in comparison_page(*wine).sections:
        for block in section.blocks:
            if isinstance(block, Figure):
                names.append(block.id)
                blocks = block.numbers if isinstance(block.numbers, list) else [block.numbers]
                assert blocks
                for numbers in blocks:
                    lengths = {len(values) for values in numbers.values() if isinstance(values, list)}
                    assert len(lengths) == 1, block.id
                    assert lengths != {0}, block.id
            if isinstance(block, Table):
                assert {len(row.cells) for row in (*block.rows, *block.foot)} == {len(block.columns)}
    assert len(names) == len(set(names))


def test_counts_agree_with_the_table(wine: Study) -> None:
    assert counted(wine[0]) == "12 techniques and 2 baselines"
    assert counts(wine[0])[0].startswith("On accuracy, of 12 techniques: ")
    results = wine[0]
    results["recipes"] = results["recipes"][:3]
    assert counted(results) == "1 technique and 2 baselines"


def test_spread_is_paired(wine: Study) -> None:
    frame = spread_data(wine[0])
    rows = frame[(frame["measure"] == "loss") & (frame["recipe"] == "dropout=0.5")]
    entry = next(recipe for recipe in wine[0]["recipes"] if recipe["name"] == "dropout=0.5")
    assert len(rows) == 15
    assert rows["difference"].mean() == pytest.approx(entry["delta"]["loss"]["mean"])


def test_sweeps(wine: Study) -> None:
    results = wine[0]
    for recipe in results["recipes"]:
        name, _, strength = recipe["name"].partition("=")
        known = name == "dropout" and strength != "0.9"
        recipe["techniques"] = [{"name": name, "rate": float(strength), "layers": "all"}] if known else []
    [sweep] = sweeps(results)
    assert (sweep.label, sweep.strength) == ("dropout", "rate")
    assert [strength for strength, _ in sweep.recipes] == [0.005, 0.1, 0.2, 0.5]
    frame = sweep_data(results)
    row = frame[(frame["measure"] == "loss") & (frame["strength"] == 0.5)].iloc[0]
    entry = next(recipe for recipe in results["recipes"] if recipe["name"] == "dropout=0.5")
    base = results["recipes"][0]["validation"]["loss"]["mean"]
    assert row["validation"] == entry["validation"]["loss"]["mean"]
    assert row["low"] == pytest.approx(base + entry["delta"]["loss"]["low"])


def test_costs(wine: Study) -> None:
    results, history = wine
    frame = cost_data(results, history).set_index("recipe")
    early = next(name for name in frame.index if name.startswith("early"))
    lengths = history[history["recipe"] == early].groupby(["fold", "seed"])["epoch"].max()
    assert frame.loc[early, "epochs"] == pytest.approx(lengths.mean())
    assert frame.loc[early, "stopped"] == 15
    assert frame.loc["baseline", "stopped"] == 0
    assert frame.loc["gradient_noise=3 [red]", "stopped"] == 0  # they diverged
    rows = {row["recipe"]: row["cost"] for row in relative_cost(results, history, {"baseline": 2.0, early: 3.0})}
    assert rows == {early: pytest.approx(1.5 * lengths.mean() / 120), "baseline": 1.0}


def test_a_column_called_script_does_not_run(wine: Study, waves: Study) -> None:
    results, history = wine
    counts = [[80, 20], [30, 70]]
    results["out_of_fold"] = [{"name": "baseline", "classes": [SCRIPT, "b"], "counts": counts}]
    results["data"]["targets"] = [SCRIPT]
    section = mistakes(results)
    assert section is not None
    assert section.answer[0] == (
        "The baseline gets 50 of 200 rows wrong that its networks did not train on; most often b is taken for "
        f"{SCRIPT} (30 rows, 30 % of that class)."
    )
    html = render(comparison_page(results, history))
    assert SCRIPT not in html
    regression, curves = waves
    target = {"name": SCRIPT, "rows": 3, "absolute": {"median": 1.0, "p90": 2.0}, "true": [1.0, 2.0, 4.0],
              "predicted": [1.5, 2.0, 3.0]}  # fmt: skip
    regression["out_of_fold"] = [{"name": "baseline", "targets": [target]}]
    html = render(comparison_page(regression, curves))
    assert SCRIPT not in html
    assert "Residuals" in html


def test_words_are_explained_once_a_section() -> None:
    known: set[str] = set()
    pieces = split_terms("Epochs: an epoch of log loss, not a log loss=1.", known)
    assert pieces == [
        ("Epochs", "epoch"),
        (": an epoch of ", None),
        ("log loss", "log loss"),
        (", not a log loss=1.", None),
    ]
    assert known == {"epoch", "log loss"}
    assert split_terms("dropout=0.2 + l2=1e-3", set()) == [("dropout=0.2 + l2=1e-3", None)]
    assert json.dumps(TERMS)


def test_what_to_do_comes_first(wine: Study) -> None:
    results, history = wine
    chosen = next(recipe for recipe in results["recipes"] if recipe["name"] == results["selected"])
    chosen["about"], chosen["verdict"]["accuracy"] = ["Keeps `weights` small."], "helps"
    answer = comparison_page(results, history).sections[0].answer
    assert answer[0].startswith(f"What to do: use {chosen['name']}")
    assert answer[1] == f"What {chosen['name']} does: keeps weights small."
    assert answer[2].startswith("Other models on the same splits, accuracy: always the majority class ")
    chosen["verdict"]["accuracy"] = "no evidence"
    assert not any(" does: " in text for text in comparison_page(results, history).sections[0].answer)


def test_one_dear_recipe_does_not_squeeze_the_others(wine: Study) -> None:
    results, history = wine
    names = [recipe["name"] for recipe in results["recipes"]]
    layout = cost_figure(results, history, dict.fromkeys(names, 1.0) | {"dropout=0.5": 21.7})["layout"]
    assert layout["xaxis"]["range"] == [0, pytest.approx(1.06)]
    assert [(note["text"], note["name"]) for note in layout["annotations"]] == [("21.7 ▶", "dropout=0.5")]
    layout = cost_figure(results, history, dict.fromkeys(names, 1.0) | {"dropout=0.5": 2.0})["layout"]
    assert (layout["xaxis"]["range"], layout["annotations"]) == ([0, pytest.approx(2.12)], [])


def test_the_best_strength_at_the_end_of_those_tried(wine: Study) -> None:
    results, history = wine
    strengths = {"dropout=0.1": 0.1, "dropout=0.2": 0.2, "dropout=0.5": 0.5}
    for recipe in results["recipes"]:
        rate = strengths.get(recipe["name"])
        recipe["techniques"] = [] if rate is None else [{"name": "dropout", "rate": rate}]
    recipes = {recipe["name"]: recipe for recipe in results["recipes"]}
    notes = {}
    for best in strengths:
        for name in strengths:
            recipes[name]["validation"]["accuracy"]["mean"] = 0.8 if name == best else 0.7
        size = next(section for section in comparison_page(results, history).sections if section.id == "size")
        figure = next(block for block in size.blocks if isinstance(block, Figure) and block.id == "sweep-0-accuracy")
        notes[best] = figure.note.partition("Best here: ")[2].partition(" Where the band")[0]
    assert [notes[name].partition(")")[2] for name in strengths] == [
        ", the weakest tried: the best strength may lie beyond it.",
        ".",
        ", the strongest tried: the best strength may lie beyond it.",
    ]


def test_every_recipe_failed(wine: Study) -> None:
    results, history = wine
    for recipe in results["recipes"]:
        recipe["failed"] = recipe["members"]
        recipe["verdict"] = recipe["delta"] = recipe["delta_best_epoch"] = None
        for rows in ("train", "validation"):
            recipe[rows] = {"loss": {"mean": None, "sd": None}, "accuracy": {"mean": None, "sd": None}}
    results["selected"] = None
    answer = comparison_page(results, history).sections[0].answer
    assert answer[0].startswith("No verdicts: the baseline itself failed (all 15 members diverged).")
    assert "No recipe was selected." in answer
    assert not any(text.startswith("Selected") for text in answer)
    assert "<section" in render(comparison_page(results, history))
