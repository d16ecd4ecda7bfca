"""Numbers before pictures: the pictures' numbers are the study's."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from wellposed.errors import StudyError
from wellposed.report import look, plots, reading
from wellposed.report.figures.forest import forest_figure

Study = tuple[dict[str, Any], pd.DataFrame]


def test_curves_are_means_over_members_that_keep_their_last_score(wine: Study) -> None:
    results, history = wine
    data = plots.curves_data(results, history, points=50)
    name = next(recipe["name"] for recipe in results["recipes"] if recipe["name"].startswith("early"))
    rows = history[history["recipe"] == name]
    last = int(rows["epoch"].max())
    wide = rows.pivot(index="epoch", columns=["fold", "seed"], values="validation_loss").ffill()
    curve = data.query("recipe == @name and rows == 'validation' and measure == 'loss'").set_index("epoch")
    assert curve.index[0] == 1
    assert curve.index[-1] == last
    assert len(curve) <= 50
    expected = wide.loc[curve.index]
    np.testing.assert_allclose(curve["mean"], expected.mean(axis=1), rtol=1e-6)
    np.testing.assert_allclose(curve["low"], expected.quantile(0.1, axis=1), rtol=1e-6)
    np.testing.assert_allclose(curve["high"], expected.quantile(0.9, axis=1), rtol=1e-6)


def test_diverged_members_leave_the_mean(wine: Study) -> None:
    results, history = wine
    data = plots.curves_data(results, history)
    curve = data[(data["recipe"] == "gradient_noise=3 [red]") & (data["rows"] == "validation")]
    assert curve["members"].max() == 15
    assert curve[curve["measure"] == "loss"]["members"].iloc[-1] == 12
    assert np.isfinite(curve["mean"]).all()


def test_no_history(wine: Study) -> None:
    results, history = wine
    empty = plots.curves_data(results, history.iloc[:0])
    assert empty.empty
    assert list(empty.columns) == ["recipe", "rows", "measure", "epoch", "mean", "low", "high", "members"]


def test_forest_and_gap_data(wine: Study) -> None:
    results, _ = wine
    forest = plots.forest_data(results)
    loss = forest[forest["measure"] == "loss"]
    assert loss["difference"].is_monotonic_increasing  # the largest gain first
    assert "baseline" not in set(forest["recipe"])
    gap = plots.gap_data(results)
    np.testing.assert_allclose(gap["gap"], gap["validation"] - gap["train"])


def test_one_style_a_recipe(panel: Study) -> None:
    styles = look.styles(panel[0])
    assert len(styles) == 62
    assert styles["baseline"].colour == styles["best-epoch"].colour == "base"
    drawn = {(style.colour, style.dash) for name, style in styles.items() if name not in ("baseline", "best-epoch")}
    assert len(drawn) == 48  # eight hues, six dashes
    first = [name for name, style in styles.items() if style.first]
    assert {"baseline", "best-epoch", panel[0]["selected"]} <= set(first)
    assert len(first) <= 8
    assert len({(styles[name].colour, styles[name].dash) for name in first}) == len(first)


def test_better_is_right_on_every_measure(wine: Study) -> None:
    for measure in reading.measures(wine[0]):
        left, right = forest_figure(wine[0], measure)["layout"]["xaxis"]["range"]
        assert (left < right) == measure.higher


def test_a_hopeless_recipe_does_not_squeeze_the_others(wine: Study) -> None:
    figure = forest_figure(wine[0], reading.main_measure(wine[0]))
    low, _ = figure["layout"]["xaxis"]["range"]
    assert low > -12  # points; the worst recipe loses 21
    assert [note["text"] for note in figure["layout"]["annotations"] if note["text"].startswith("◀")] == [
        "◀ −21.7 ± 1.8"
    ]


def test_python_figures(wine: Study, waves: Study) -> None:
    for results, history in (wine, waves):
        for figure in (plots.curves(results, history), plots.forest(results), plots.gap(results, "loss")):
            assert len(figure.data)
            assert "$" not in json.dumps(figure.to_plotly_json()["layout"], default=str)


def test_unknown_measure(wine: Study) -> None:
    message = r"^measure must be one of the study's, got auc\. This study has accuracy and loss\.$"
    with pytest.raises(StudyError, match=message):
        plots.forest(wine[0], "auc")


def test_importing_is_cheap() -> None:
    names = "plotly", "jinja2", "rich"
    modules = ", ".join(f"wellposed.report.{name}" for name in ("page", "plots", "tables", "words"))
    # A bare package in place of wellposed's own: its vocabulary imports jax, which is not what is asked here.
    bare = "import sys, types; sys.modules['wellposed'] = types.ModuleType('wellposed')"
    bare += f"; sys.modules['wellposed'].__path__ = [{str(Path(look.__file__).parents[1])!r}]"
    code = f"{bare}; import {modules}; print([name for name in {names} if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


@pytest.mark.parametrize("palette", [look.LIGHT, look.DARK])
def test_contrast(palette: dict[str, str]) -> None:
    def luminance(colour: str) -> float:
        parts = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
        linear = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    def contrast(colour: str, ground: str) -> float:
        high, low = sorted((luminance(palette[colour]), luminance(palette[ground])), reverse=True)
        return (high + 0.05) / (low + 0.05)

    for ground in ("paper", "panel"):
        for text in ("ink", "muted", "accent", "helps", "hurts", "none", "failed"):
            assert contrast(text, ground) >= 4.5, (text, ground)
    for line in ("base", *(f"c{index}" for index in range(8))):
        assert contrast(line, "paper") >= 3.0, line
