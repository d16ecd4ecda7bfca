"""``study.plot``: plotly figures, and files of them."""

from __future__ import annotations

from pathlib import Path

import pytest

import wellposed as wp
from wellposed.errors import StudyError
from wellposed.report import plots
from wellposed.studies.compare import Comparison


@pytest.fixture(scope="module")
def study() -> Comparison:
    return wp.compare(wp.read("iris"), (4,), ["l2=1e-4..1e-2"], epochs=2, folds=2, seeds=1, references=False)


def test_figures(study: Comparison) -> None:
    for figure in (study.plot.curves(), study.plot.forest(), study.plot.gap("loss"), study.plot.sweep()):
        assert len(figure.data)
    strengths = study.plot.sweep("loss", "l2").data[-1].x
    assert list(strengths) == [1e-4, 1e-3, 1e-2]


def test_sweeps_that_are_not_there(study: Comparison) -> None:
    with pytest.raises(StudyError) as error:
        study.plot.sweep(technique="dropout")
    assert str(error.value) == "sweep: no grid of that technique, got dropout. There is l2."
    few = Comparison({**study.results, "recipes": study.results["recipes"][:3]}, study.history)
    with pytest.raises(
        StudyError, match=r"^sweep: the study has no three recipes that differ in one strength alone\. "
    ):
        few.plot.sweep()


def test_html_needs_nothing(study: Comparison, tmp_path: Path) -> None:
    study.plot.forest(save=tmp_path / "forest.html")
    assert (tmp_path / "forest.html").stat().st_size > 1_000_000


def test_images_name_the_extra(study: Comparison, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plots, "find_spec", lambda name: None)
    with pytest.raises(StudyError) as error:
        study.plot.forest(save=tmp_path / "forest.png")
    assert str(error.value) == (
        'save: images need kaleido, got forest.png. Run: pip install "wellposed[images]", or end in .html.'
    )
    with pytest.raises(StudyError, match=r"^save: unknown kind of image, got forest\.gif\. End in \.html, \.png, "):
        study.plot.forest(save=tmp_path / "forest.gif")
    assert list(tmp_path.iterdir()) == []


def test_notebooks_show_it(study: Comparison) -> None:
    assert study._repr_html_().startswith("<div><h4>iris: 3 techniques and 2 baselines</h4>")
