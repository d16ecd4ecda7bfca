"""Splits: disjoint, complete, stratified, grouped, in time, and the same for the same seed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from wellposed.data.dataset import Dataset
from wellposed.data.further import with_validation
from wellposed.data.read import read
from wellposed.data.splits import SplitScheme, make_splits, set_aside
from wellposed.errors import StudyError


def dataset_of(labels: list[Any], **columns: Any) -> Dataset:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"x": random.normal(size=len(labels)), "y": labels, **columns})
    special = {"g": "group", "t": "time", "s": "split_column"}
    return read(frame, "y", **{special[name]: name for name in columns})


def check(dataset: Dataset, rows: np.ndarray, scheme: SplitScheme) -> None:
    """What holds for every scheme."""
    assert len(scheme.splits) == scheme.folds * scheme.seeds
    assert [(s.fold, s.seed) for s in scheme.splits] == [
        (f, s) for f in range(scheme.folds) for s in range(scheme.seeds)
    ]
    for split in scheme.splits:
        parts = [split.training, split.monitor, split.validation]
        whole = np.concatenate(parts)
        assert len(np.unique(whole)) == len(whole)
        assert set(whole) <= set(rows)
        assert len(split.training)
        assert len(split.validation)
        assert bool(len(split.monitor)) == bool(scheme.monitor)
        assert all(part.dtype == np.int64 and (np.diff(part) > 0).all() for part in parts)
        if scheme.kind != "time-ordered":
            assert len(whole) == len(rows)
    if scheme.kind.endswith("k-fold"):
        for seed in range(scheme.seeds):
            held = np.concatenate([split.validation for split in scheme.splits if split.seed == seed])
            np.testing.assert_array_equal(np.sort(held), rows)


def sizes(scheme: SplitScheme) -> set[tuple[int, int, int]]:
    return {(len(split.training), len(split.monitor), len(split.validation)) for split in scheme.splits}


labels = st.lists(st.sampled_from("aaabbc"), min_size=12, max_size=80).filter(lambda found: len(set(found)) > 1)


@given(found=labels, folds=st.integers(2, 6), monitor=st.sampled_from([0.0, 0.1, 0.25]), seed=st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_stratified_k_fold(found: list[str], folds: int, monitor: float, seed: int) -> None:
    dataset, rows = dataset_of(found), np.arange(len(found))
    scheme = make_splits(dataset, rows, folds=folds, seeds=2, seed=seed, monitor=monitor)
    check(dataset, rows, scheme)
    assert (scheme.kind, scheme.design) == ("k-fold", "repeated")
    codes = np.array(found)
    for split in scheme.splits:
        assert abs(len(split.validation) - len(rows) / folds) < 1
        for label in set(found):
            share = (codes == label).sum() / folds
            assert abs((codes[split.validation] == label).sum() - share) < 1
            if monitor:
                rest = len(rows) - len(split.validation)
                wanted = (codes == label).sum() * (1 - 1 / folds) * len(split.monitor) / rest
                assert abs((codes[split.monitor] == label).sum() - wanted) < 2
            if (codes == label).sum() >= 3 + (folds == 2):
                assert (codes[split.training] == label).any()
    if monitor:
        assert len({len(split.training) for split in scheme.splits}) == 1
    for fold in range(folds):
        assert len({len(split.validation) for split in scheme.splits if split.fold == fold}) == 1


@given(found=labels, validation=st.sampled_from([0.1, 0.2, 0.5]), monitor=st.sampled_from([0.0, 0.2]))
@settings(max_examples=40, deadline=None)
def test_stratified_hold_out(found: list[str], validation: float, monitor: float) -> None:
    dataset, rows = dataset_of(found), np.arange(len(found))
    scheme = make_splits(dataset, rows, validation=validation, seeds=4, monitor=monitor)
    check(dataset, rows, scheme)
    assert (scheme.kind, scheme.design, scheme.folds) == ("hold-out", "repeated", 1)
    assert len(sizes(scheme)) == 1
    codes = np.array(found)
    for split in scheme.splits:
        assert len(split.validation) == max(1, round(validation * len(rows)))
        for label in set(found):
            assert abs((codes[split.validation] == label).sum() - validation * (codes == label).sum()) < 2


@given(
    group=st.lists(st.integers(0, 14), min_size=20, max_size=80).filter(lambda found: len(set(found)) >= 8),
    folds=st.integers(2, 5),
    monitor=st.sampled_from([0.0, 0.2]),
)
@settings(max_examples=40, deadline=None)
def test_groups_stay_together(group: list[int], folds: int, monitor: float) -> None:
    found = ["ab"[i % 2] for i in range(len(group))]
    dataset, rows = dataset_of(found, g=group), np.arange(len(group))
    codes = np.array(group)
    grouped = make_splits(dataset, rows, folds=folds, seeds=2, monitor=monitor)
    held_out = make_splits(dataset, rows, validation=0.3, seeds=3, monitor=monitor)
    assert (grouped.kind, held_out.kind) == ("grouped k-fold", "grouped hold-out")
    for scheme in (grouped, held_out):
        check(dataset, rows, scheme)
        for split in scheme.splits:
            sides = [set(codes[part]) for part in (split.training, split.monitor, split.validation)]
            assert sum(map(len, sides)) == len(set(group))
    development, vault = set_aside(dataset, 0.25, seed=0)
    assert not set(codes[development]) & set(codes[vault])


def test_grouped_parts_are_nearly_equal_and_stratified() -> None:
    random = np.random.default_rng(0)
    group = np.repeat(np.arange(60), random.integers(1, 12, 60))
    found = np.where(random.random(60)[group] < 0.3, "a", "b")  # a group's rows are of one class
    dataset, rows = dataset_of(found.tolist(), g=group), np.arange(len(group))
    for split in make_splits(dataset, rows, folds=5).splits:
        assert abs(len(split.validation) - len(rows) / 5) < 6
        assert abs((found[split.validation] == "a").sum() - (found == "a").sum() / 5) < 6
    held = [split.validation for split in make_splits(dataset, rows, validation=0.2, seeds=20).splits]
    assert all(abs(len(part) - len(rows) * 0.2) < 8 for part in held)
    largest = np.argmax(np.bincount(group))
    assert any((group[part] == largest).any() for part in held)  # large groups are validated too


def test_every_seed_its_own_partition_unless_fixed() -> None:
    dataset, rows = dataset_of(["a", "b"] * 30), np.arange(60)
    own = make_splits(dataset, rows, folds=3, monitor=0.2)
    assert not np.array_equal(own.splits[0].validation, own.splits[1].validation)
    fixed = make_splits(dataset, rows, folds=3, monitor=0.2, fixed=True)
    check(dataset, rows, fixed)
    assert (fixed.kind, fixed.design) == ("fixed k-fold", "fixed-partition")
    for first, second in zip(fixed.splits[::3], fixed.splits[1::3], strict=True):
        for part in ("training", "monitor", "validation"):
            np.testing.assert_array_equal(getattr(first, part), getattr(second, part))
    np.testing.assert_array_equal(fixed.splits[0].validation, own.splits[0].validation)
    held_out = make_splits(dataset, rows, validation=0.25, fixed=True)
    assert (held_out.kind, held_out.design) == ("fixed hold-out", "fixed-holdout")


def test_the_same_seed_gives_the_same_splits() -> None:
    dataset, rows = dataset_of(["a", "b"] * 30), np.arange(60)
    first, second, other = (make_splits(dataset, rows, seed=seed, monitor=0.2) for seed in (4, 4, 5))
    for left, right in zip(first.splits, second.splits, strict=True):
        np.testing.assert_array_equal(left.training, right.training)
        np.testing.assert_array_equal(left.monitor, right.monitor)
    assert not np.array_equal(first.splits[0].validation, other.splits[0].validation)


def test_the_vault_is_stratified_and_never_split() -> None:
    found = ["a"] * 80 + ["b"] * 20
    dataset = dataset_of(found)
    development, vault = set_aside(dataset, 0.2, seed=1)
    assert len(vault) == 20
    assert (np.array(found)[vault] == "b").sum() == 4
    np.testing.assert_array_equal(np.sort(np.concatenate([development, vault])), np.arange(100))
    check(dataset, development, make_splits(dataset, development))
    everything, nothing = set_aside(dataset, None, seed=1)
    assert (len(everything), len(nothing)) == (100, 0)


@given(times=st.lists(st.integers(0, 30), min_size=20, max_size=60).filter(lambda found: len(set(found)) >= 8))
@example(times=[0] * 13 + list(range(1, 8)))  # the first window would hold a single time, and no monitor rows
@settings(max_examples=40, deadline=None)
def test_time_ordered(times: list[int]) -> None:
    dataset, rows, time = (
        dataset_of(list(np.linspace(0, 1, len(times))), t=times),
        np.arange(len(times)),
        np.array(times),
    )
    scheme = make_splits(dataset, rows, folds=3, monitor=0.2, seeds=2)
    check(dataset, rows, scheme)
    assert (scheme.kind, scheme.design) == ("time-ordered", "fixed-partition")
    for split in scheme.splits:
        assert time[split.training].max() < time[split.monitor].min()
        assert time[split.monitor].max() < time[split.validation].min()
    held_out = make_splits(dataset, rows, validation=0.25)
    assert (held_out.kind, held_out.design) == ("time-ordered", "fixed-holdout")
    development, vault = set_aside(dataset, 0.2, seed=0)
    assert time[development].max() < time[vault].min()


def test_time_windows_are_those_of_scikit_learn() -> None:
    from sklearn.model_selection import TimeSeriesSplit

    order = np.random.default_rng(0).permutation(47)
    dataset = dataset_of(list(np.linspace(0, 1, 47)), t=order)
    scheme = make_splits(dataset, np.arange(47), folds=4, seeds=1)
    for split, (training, validation) in zip(scheme.splits, TimeSeriesSplit(4).split(order), strict=True):
        np.testing.assert_array_equal(np.sort(order[split.training]), training)
        np.testing.assert_array_equal(np.sort(order[split.validation]), validation)


def test_the_users_own_split() -> None:
    part = ["train"] * 20 + ["validation"] * 6 + ["test"] * 4
    dataset = dataset_of(["a", "b"] * 15, s=part)
    development, vault = set_aside(dataset, None, seed=0)
    np.testing.assert_array_equal(vault, np.arange(26, 30))
    scheme = make_splits(dataset, development, seeds=3, monitor=0.2)
    check(dataset, development, scheme)
    assert (scheme.kind, scheme.design, scheme.folds) == ("fixed hold-out", "fixed-holdout", 1)
    np.testing.assert_array_equal(scheme.splits[2].validation, np.arange(20, 26))
    with pytest.raises(StudyError) as caught:
        set_aside(dataset, 0.2, seed=0)
    assert str(caught.value) == "the data bring test rows of their own, got test 0.2 besides. Leave `test` out."


def test_train_and_test_alone_leave_the_folds_free() -> None:
    dataset = dataset_of(["a", "b"] * 15, s=["train"] * 20 + ["test"] * 10)
    development, _ = set_aside(dataset, None, seed=0)
    assert make_splits(dataset, development).kind == "k-fold"


def test_a_validation_file_is_an_index_into_one_dataset() -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0, 3.0, 4.0] * 5, "k": list("uvuw") * 5, "y": ["a", "b"] * 10})
    dataset = with_validation(read(frame, "y"), pd.DataFrame({"y": ["b", "a"], "k": ["z", "u"], "x": [9.0, 1.0]}))
    assert dataset.rows == 22
    assert dataset.validation is not None
    assert dataset.features["k"].tolist()[20:] == ["z", "u"]
    assert dataset.warnings[-1] == "1 of 2 validation rows are among the training rows too."
    development, vault = set_aside(dataset, 0.2, seed=0)
    assert vault.max() < 20
    scheme = make_splits(dataset, development)
    np.testing.assert_array_equal(scheme.splits[0].validation, [20, 21])
    assert len(scheme.splits[0].training) == 16


def test_rows_in_order() -> None:
    dataset, rows = dataset_of(["a"] * 30 + ["b"] * 30), np.arange(60)
    held_out = make_splits(dataset, rows, validation=0.25, shuffle=False)
    assert (held_out.kind, held_out.design) == ("fixed hold-out", "fixed-holdout")
    np.testing.assert_array_equal(held_out.splits[0].validation, np.arange(45, 60))
    warning = "The rows are sorted by class, and the split takes them in order: let it shuffle."
    assert held_out.warnings == (warning,)
    halves = make_splits(dataset, rows, folds=2, shuffle=False, seeds=1)
    np.testing.assert_array_equal(halves.splits[1].validation, np.arange(30, 60))
    assert halves.warnings == (
        warning,
        "Class a has no training row in 1 of 2 splits.",
        "Class b has no training row in 1 of 2 splits.",
    )
    assert make_splits(dataset_of(["a", "b"] * 30), rows, validation=0.25, shuffle=False).warnings == ()


def test_small_classes_still_work_with_a_warning() -> None:
    dataset, rows = dataset_of(["a"] * 20 + ["b"] * 20 + ["c"] * 3 + ["d"]), np.arange(44)
    scheme = make_splits(dataset, rows, folds=5, monitor=0.2, seeds=2)
    check(dataset, rows, scheme)
    assert scheme.warnings == (
        "Fewer rows than the 5 folds: c (3), d (1); some folds validate none of them.",
        "Class d has no training row in 2 of 10 splits.",
    )


def test_duplicates_are_kept_together() -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"x": random.integers(0, 25, 80), "y": random.choice(["a", "b"], 80)})
    dataset, rows = read(frame, "y"), np.arange(80)
    codes = dataset.duplicate_groups()
    for options in ({"folds": 4}, {"validation": 0.25}):
        scheme = make_splits(dataset, rows, keep_duplicates_together=True, monitor=0.2, **options)  # type: ignore[arg-type]
        check(dataset, rows, scheme)
        for split in scheme.splits:
            sides = [set(codes[part]) for part in (split.training, split.monitor, split.validation)]
            assert sum(map(len, sides)) == len(np.unique(codes))
    development, vault = set_aside(dataset, 0.2, seed=0, keep_duplicates_together=True)
    assert not set(codes[development]) & set(codes[vault])


def test_groups_that_share_a_duplicate_become_one() -> None:
    frame = pd.DataFrame({"x": [1, 2, 2, 3, 4, 5, 6, 7], "g": [0, 0, 1, 1, 2, 2, 3, 3], "y": list("aabbabab")})
    frame.loc[2, "y"] = "a"  # row 2 repeats row 1, so groups 0 and 1 belong together
    dataset = read(frame, "y", group="g")
    for split in make_splits(dataset, np.arange(8), folds=3, keep_duplicates_together=True).splits:
        assert len({row in split.validation for row in range(4)}) == 1


def test_stratification_can_be_turned_off_and_on() -> None:
    found = ["a"] * 90 + ["b"] * 10
    dataset, rows = dataset_of(found), np.arange(100)
    free = make_splits(dataset, rows, stratify=False, seeds=5)
    counts = {int((split.validation >= 90).sum()) for split in free.splits}
    assert counts != {2}
    values = np.random.default_rng(0).normal(size=100)
    fifths = make_splits(dataset_of(values.tolist()), rows, stratify=True)
    bounds = np.quantile(values, [0.2, 0.4, 0.6, 0.8])
    for split in fifths.splits:
        assert np.bincount(np.searchsorted(bounds, values[split.validation])).tolist() == [4] * 5


def test_red_wine(real_data: Path) -> None:
    dataset = read(real_data / "winequality-red.csv", "quality >= 6")
    scheme = make_splits(dataset, np.arange(1599), monitor=0.2, keep_duplicates_together=True)
    check(dataset, np.arange(1599), scheme)
    positive = (dataset.targets.iloc[:, 0] == "quality >= 6").to_numpy()
    assert max(abs(positive[split.validation].mean() - positive.mean()) for split in scheme.splits) < 0.005
    assert {len(split.validation) for split in scheme.splits} == {319, 320}


REFUSED = {
    "a study needs at least 1 seed, got 0. Use `seeds=3`.": {"seeds": 0},
    "cross-validation needs at least 2 folds, got 1. Use `folds=5`, or `validation=0.2`.": {"folds": 1},
    "70 folds need at least as many rows, got 60. Use fewer folds.": {"folds": 70},
    "validation must be a share of the rows, in (0, 1), got 20. Write 0.2 for a fifth.": {"validation": 20},
    "monitor must be a share of the rows, in (0, 1), got -0.1. Write 0.2 for a fifth.": {"monitor": -0.1},
    "seed must not be negative, got -1. Use `seed=0`.": {"seed": -1},
}


@pytest.mark.parametrize("message", REFUSED)
def test_settings_without_a_meaning_are_refused(message: str) -> None:
    with pytest.raises(StudyError) as caught:
        make_splits(dataset_of(["a", "b"] * 30), np.arange(60), **REFUSED[message])  # type: ignore[arg-type]
    assert str(caught.value) == message


def test_too_few_groups_or_times_are_refused() -> None:
    few = dataset_of(["a", "b"] * 10, g=[0, 1, 2, 3] * 5)
    with pytest.raises(StudyError) as caught:
        make_splits(few, np.arange(20))
    assert str(caught.value) == ("5 folds need at least as many groups, got 4. Use fewer folds, or leave `group` out.")
    with pytest.raises(StudyError) as caught:
        make_splits(dataset_of(["a", "b"] * 10, t=[0, 1, 2, 3] * 5), np.arange(20))
    assert str(caught.value) == (
        "time-ordered splits need more distinct times, got 4 for 5 later parts. Use fewer folds, or a finer time."
    )
    both = dataset_of(["a", "b"] * 10, g=[0, 1, 2, 3] * 5, t=range(20))
    with pytest.raises(StudyError) as caught:
        make_splits(both, np.arange(20))
    assert str(caught.value) == (
        "time-ordered splits can't keep groups together, got groups and times. "
        "Use `time`, or `group` and `keep_duplicates_together`, not both."
    )
