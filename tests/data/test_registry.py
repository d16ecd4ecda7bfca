"""Named data sets: made, bundled, found at hand, or fetched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wellposed.data import registry
from wellposed.data.read import read
from wellposed.errors import DataError

MADE = {
    "circles": (450, 2, 2),
    "gaussian-quantiles": (450, 2, 2),
    "blobs": (500, 2, 2),
    "rings": (500, 2, 2),
    "breast-cancer": (569, 30, 2),
    "digits": (1797, 64, 10),
    "iris": (150, 4, 3),
    "diabetes": (442, 10, 0),
    "wine": (178, 13, 3),
}


@pytest.mark.parametrize("name", MADE)
def test_sets_that_need_no_file(name: str) -> None:
    dataset = read(name)
    assert (dataset.rows, dataset.features.shape[1], len(dataset.classes)) == MADE[name]
    assert dataset.name == name
    assert dataset.sha256 == read(name).sha256


def test_published_sets_from_the_folder(real_data: Path) -> None:
    red = read("winequality-red")
    assert (red.rows, red.task, red.source) == (1599, "classification", "winequality-red")
    assert read("winequality-red", "quality >= 6").classes == ("quality < 6", "quality >= 6")
    assert read("winequality-white").duplicates == 937
    jobs = read("jh-simple")
    assert jobs.features.shape == (2000, 12)
    assert jobs.roles["id"] == "dropped"
    age = read("jh-simple", "age")
    assert (age.task, age.features.shape[1], age.roles["product"]) == ("regression", 12, "categorical")


def test_fours_and_nines_are_taken_from_mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digits = np.arange(40) % 10
    images = np.random.default_rng(0).integers(0, 256, size=(40, 4, 4), dtype=np.uint8)
    np.savez(tmp_path / "mnist.npz", x_train=images, y_train=digits, x_test=images[:20], y_test=digits[:20])
    monkeypatch.setenv("WELLPOSED_DATA", str(tmp_path))
    dataset = read("mnist-4-9")
    assert dataset.class_counts() == {"4": 4, "9": 4}
    np.testing.assert_array_equal(dataset.features.to_numpy()[0].reshape(4, 4), images[4])
    assert dataset.test is not None
    assert dataset.test.rows == 4
    assert dataset.warnings == (
        "mnist.npz differs from the published file (its checksum is another).",
        "4 of 4 test rows are among the training rows too.",
    )


def test_a_set_that_can_be_neither_found_nor_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pooch

    asked: list[Any] = []

    def offline(*args: Any) -> str:
        asked.append(args)
        raise ConnectionError("no route to host")

    monkeypatch.setattr(pooch, "retrieve", offline)
    monkeypatch.setenv("WELLPOSED_DATA", str(tmp_path))
    with pytest.raises(DataError) as caught:
        read("winequality-red")
    url = "https://archive.ics.uci.edu/ml/machine-learning-databases/wine-quality/winequality-red.csv"
    assert str(caught.value) == (
        f"winequality-red: could not be fetched, got no route to host. Fetch {url} by hand as winequality-red.csv, "
        "and set the environment variable WELLPOSED_DATA to its folder."
    )
    assert asked[0][0] == url
    assert asked[0][1] == "sha256:4a402cf041b025d4566d954c3b9ba8635a3a8a01e039005d97d6a710278cf05e"


def test_a_fetched_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pooch

    (tmp_path / "fetched.csv").write_text("a;quality\n" + "".join(f"{i % 7};{i % 2}\n" for i in range(20)))
    monkeypatch.setattr(pooch, "retrieve", lambda *args: str(tmp_path / "fetched.csv"))
    monkeypatch.delenv("WELLPOSED_DATA", raising=False)
    assert read("winequality-white").rows == 20


def test_every_entry_says_what_it_is() -> None:
    assert all(entry.description and entry.source for entry in registry.REGISTRY.values())
