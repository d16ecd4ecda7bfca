"""What the sentences say, word for word."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from wellposed.report import reading, words

Study = tuple[dict[str, Any], pd.DataFrame]


def score(loss: float, accuracy: float) -> dict[str, Any]:
    return {"loss": {"mean": loss, "sd": 0.01}, "accuracy": {"mean": accuracy, "sd": 0.01}}


def delta(mean: float, half: float, **fields: Any) -> dict[str, Any]:
    return {"mean": mean, "low": mean - half, "high": mean + half, "p": 0.5, "p_adjusted": 0.5, **fields}


def recipe(name: str, loss: float, accuracy: float, verdicts: tuple[str, str], **fields: Any) -> dict[str, Any]:
    return {
        "name": name,
        "members": 15,
        "failed": 0,
        "collapsed": 0,
        "validation": score(loss, accuracy),
        "delta": {"loss": delta(loss - 0.79, 0.04), "accuracy": delta(accuracy - 0.75, 0.009)},
        "verdict": {"loss": verdicts[0], "accuracy": verdicts[1]},
        **fields,
    }


def study(*recipes: dict[str, Any], loss: str = "binary_crossentropy", **fields: Any) -> dict[str, Any]:
    baseline = recipe("baseline", 0.79, 0.75, ("", "")) | {"delta": None, "verdict": None}
    return {
        "data": {"task": "classification"},
        "training": {"loss": loss},
        "splits": {"kind": "k-fold", "folds": 5, "seeds": 3},
        "metric": {"name": "accuracy", "direction": "max"},
        "baseline": "baseline",
        "selected": "dropout=0.5",
        "recipes": [baseline, *recipes],
        **fields,
    }


UNSURE = "no evidence"


def test_nothing_differs() -> None:
    entries = [recipe(name, 0.79, 0.75, (UNSURE, UNSURE)) for name in ("a", "b")]
    for entry in entries:
        for measure, seen in (("accuracy", 0.013), ("loss", 0.05)):
            entry["delta"][measure] |= {"detectable": seen, "seeds_for_half": 12}
    assert words.findings(study(*entries)) == [
        "On accuracy no technique differs from the baseline by more than chance; this study could notice only "
        "differences larger than 1.3 points. To notice half of that it needs about 12 seeds.",
        "On log loss no technique differs from the baseline by more than chance; this study could notice only "
        "differences larger than 0.050. To notice half of that it needs about 12 seeds.",
    ]


def test_no_number_of_seeds_would_do() -> None:
    entry = recipe("a", 0.79, 0.75, (UNSURE, UNSURE))
    entry["delta"]["accuracy"] |= {"detectable": 0.013, "seeds_for_half": None}
    measure = reading.measures(study(entry))[0]
    assert words.power(study(entry), measure) == (
        "this study could notice only differences larger than 1.3 points. To notice half of that it needs more rows; "
        "more seeds alone won't do"
    )


def test_help_beside_early_stopping() -> None:
    entries = [
        recipe("dropout=0.5", 0.48, 0.75, ("helps", UNSURE)),
        recipe("dropout=0.2", 0.50, 0.75, ("helps", UNSURE)),
        recipe("best-epoch", 0.54, 0.75, ("helps", UNSURE)),
    ]
    beyond = {"mean": -0.06, "low": -0.08, "high": -0.04, "p_adjusted": 0.001}
    entries[0]["delta_best_epoch"] = {"loss": beyond}
    assert words.findings(study(*entries))[1] == (
        "On log loss two of two help, dropout=0.5 most, by 0.31 ± 0.04 (validation log loss 0.790 → 0.480). "
        "Most of that gain early stopping gives too: best-epoch alone gains 0.25 ± 0.04. "
        "Only dropout=0.5 gains more than best-epoch, by 0.060 ± 0.020."
    )


@pytest.mark.parametrize(
    ("loss", "sentence"),
    [
        (0.45, "Early stopping gives more than any of them: best-epoch alone gains 0.34 ± 0.04."),
        (0.69, "Part of that gain early stopping gives too: best-epoch alone gains 0.10 ± 0.04."),
        (0.77, "Early stopping gives little of that gain: best-epoch alone gains 0.02 ± 0.04."),
        (0.83, "Early stopping doesn't give that gain: best-epoch alone loses 0.04 ± 0.04."),
    ],
)
def test_share_of_early_stopping(loss: float, sentence: str) -> None:
    entries = [recipe("a", 0.48, 0.75, ("helps", UNSURE)), recipe("best-epoch", loss, 0.75, (UNSURE, UNSURE))]
    assert sentence in words.findings(study(*entries))[1]


def test_a_second_measure_that_says_the_same() -> None:
    both = recipe("a", 0.48, 0.80, ("helps", "helps"))
    assert words.findings(study(both, recipe("b", 0.50, 0.79, ("helps", "helps"))))[1] == (
        "On log loss the verdicts are the same: a helps most, by 0.31 ± 0.04 (validation log loss 0.790 → 0.480)."
    )
    both["delta_best_epoch"] = {"loss": {"mean": -0.06, "low": -0.08, "high": -0.04, "p_adjusted": 0.001}}
    stopped = recipe("best-epoch", 0.54, 0.76, ("helps", "helps"))
    assert words.findings(study(both, stopped))[1] == (
        "On log loss the verdicts are the same: a helps, by 0.31 ± 0.04 (validation log loss 0.790 → 0.480). "
        "Only a gains more than best-epoch, by 0.060 ± 0.020."
    )


def test_counts_where_nothing_is_sure() -> None:
    assert words.counts(study(recipe("a", 0.79, 0.75, (UNSURE, "helps")))) == [
        "On accuracy, of 1 technique: one helps.",
        "On log loss there is no evidence that any technique helps or hurts.",
    ]


def test_hurting_and_unsure() -> None:
    entries = [
        recipe("a", 0.79, 0.70, (UNSURE, "hurts")),
        recipe("b", 0.79, 0.75, (UNSURE, UNSURE)),
        recipe("c", 0.79, 0.76, (UNSURE, UNSURE)),
    ]
    assert words.findings(study(*entries))[0] == (
        "On accuracy no technique helps; a hurts by 5.0 ± 0.9 points (validation accuracy 75.0 % → 70.0 %). "
        "For two others there is no evidence."
    )


def test_regression_on_a_fixed_split(waves: Study) -> None:
    first, second = words.findings(waves[0])
    assert first.startswith("On R², on this split, no technique helps; l1=0.1 hurts by ")
    assert second.startswith("On mean squared error, on this split, no technique helps; l1=0.1 hurts by ")


def test_one_split_and_one_seed() -> None:
    entry = recipe("a", 0.5, 0.8, (UNSURE, UNSURE))
    for measure in ("loss", "accuracy"):
        entry["delta"][measure] |= {"low": None, "high": None, "p": None, "p_adjusted": None}
    results = study(entry, splits={"kind": "hold-out", "folds": 1, "seeds": 1})
    assert words.findings(results) == [
        "No verdict on accuracy: one split and one seed can't tell a technique from luck.",
        "No verdict on log loss: one split and one seed can't tell a technique from luck.",
    ]


def test_failed_baseline() -> None:
    results = study(recipe("a", 0.5, 0.8, ("failed", "failed")))
    results["recipes"][0]["failed"] = 2
    assert words.findings(results) == [
        "No verdicts: the baseline itself failed (2 of 15 members diverged). "
        "Change the learning rate or check the data, then compare again."
    ]


def test_failed_recipes() -> None:
    broken = [recipe(f"r{i}", 0.5, 0.8, ("failed", "failed"), failed=15) for i in range(4)]
    assert words.findings(study(broken[0]))[-1] == ("r0 failed: all 15 members diverged, so there is no verdict on it.")
    assert words.findings(study(*broken))[-1] == (
        "Four recipes failed, so there is no verdict on them: r0, r1, r2 and r3."
    )


def test_notes(wine: Study) -> None:
    assert words.notes(wine[0])[2:] == [
        "l2=10 <script>window.injected=1</script>: all 15 members collapsed (no better than the majority class on the "
        "training rows).",
        "Skipped cutmix=1: needs images, these are table rows.",
    ]
    for recipe in wine[0]["recipes"][:3]:
        recipe["collapsed"] = 1
    assert words.notes(wine[0])[2] == (
        "Members collapsed (no better than the majority class on the training rows) under baseline, best-epoch, "
        "dropout=0.5 and l2=10 <script>window.injected=1</script>."
    )
    wine[0]["skipped"] = [{"name": name, "why": "no"} for name in "abcd"]
    assert words.notes(wine[0])[-1] == ("Four techniques were skipped because they don't apply: a, b, c and d.")


def test_selection() -> None:
    unsure = recipe("dropout=0.5", 0.48, 0.761, ("helps", UNSURE))
    assert words.selection(study(unsure)) == (
        "Selected for the best mean validation accuracy (76.1 %): dropout=0.5. "
        "Its lead over the baseline is within chance."
    )
    assert words.selection(study(unsure, selected="baseline")) == (
        "Selected for the best mean validation accuracy (75.0 %): baseline. "
        "No technique scored better than the network as given."
    )
    assert words.selection(study(unsure, selected=None)) == "No recipe was selected."


def test_advice() -> None:
    beyond = {"mean": 0.02, "low": 0.01, "high": 0.03, "p_adjusted": 0.001}
    better = recipe("dropout=0.5", 0.48, 0.78, ("helps", "helps"), delta_best_epoch={"accuracy": beyond})
    stopped = recipe("best-epoch", 0.54, 0.76, (UNSURE, UNSURE))
    assert words.advice(study(better, stopped)) == "What to do: use dropout=0.5."
    better["delta_best_epoch"]["accuracy"]["p_adjusted"] = 0.2
    assert words.advice(study(better, stopped)) == (
        "What to do: use dropout=0.5, or merely stop training in time (early-stopping does it): which of the two is "
        "better this study can't tell."
    )
    only_loss = recipe("dropout=0.5", 0.48, 0.75, ("helps", UNSURE))
    assert words.advice(study(only_loss, stopped)) == (
        "What to do: for accuracy alone nothing is needed; if you use the predicted numbers themselves, their log loss "
        "is better under dropout=0.5."
    )
    nothing = recipe("dropout=0.5", 0.79, 0.75, (UNSURE, UNSURE))
    rest = " dropout=0.5 scored best, perhaps by luck. Other strengths, or more rows, may still show a difference."
    for best, more in ((69, " or stop it in time, which saves epochs"), (70, "")):
        stopped["best_epoch"] = {"mean": float(best), "sd": 1.0}
        results = study(nothing, stopped, training={"loss": "binary_crossentropy", "epochs": 100})
        assert words.advice(results) == f"What to do: keep the network as given{more}.{rest}"
    assert words.advice(study(nothing, stopped, selected="baseline")) == (
        "What to do: keep the network as given. Other strengths, or more rows, may still show a difference."
    )
    assert words.advice(study(nothing, selected=None)) == ""


def test_references() -> None:
    entry = recipe("dropout=0.5", 0.48, 0.76, ("helps", UNSURE))
    models = [{"name": "gradient boosting", "validation": score(0.5, 0.79)}]
    assert words.references(study(entry, references=models)) == (
        "Other models on the same splits, accuracy: gradient boosting 79.0 %. Gradient boosting scores better than "
        "every network here."
    )
    models = [{"name": "majority class", "validation": score(0.5, 0.70)}]
    assert words.references(study(entry, references=models)) == (
        "Other models on the same splits, accuracy: always the majority class 70.0 %. The best network, dropout=0.5: "
        "76.0 %."
    )
    assert words.references(study(entry)) == ""
