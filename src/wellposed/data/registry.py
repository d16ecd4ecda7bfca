"""Data sets known by name: synthetic ones, scikit-learn's, and published files fetched with a checksum."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from wellposed.data import synthetic
from wellposed.data.source import Source, frame_source
from wellposed.errors import DataError

_UCI = "https://archive.ics.uci.edu/ml/machine-learning-databases/wine-quality/"
_HEATON = "https://raw.githubusercontent.com/jeffheaton/data-mirror/27ae095e4fb4ac2a0088d82a302daf6ac3723636/"
_KERAS = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"


@dataclass(frozen=True)
class Entry:
    """A named data set: what ``wellposed datasets`` shows, and how it is made.

    Attributes:
        description: one line.
        source: where it comes from.
        load: makes the raw table.
    """

    description: str
    source: str
    load: Callable[[str], Source]


@dataclass(frozen=True)
class _File:
    """A published file: its name in the WELLPOSED_DATA folder, its address, the checksums that are known good."""

    name: str
    url: str
    sha256: tuple[str, ...]


_RED = _File(
    "winequality-red.csv",
    f"{_UCI}winequality-red.csv",
    ("4a402cf041b025d4566d954c3b9ba8635a3a8a01e039005d97d6a710278cf05e",),
)
_WHITE = _File(
    "winequality-white.csv",
    f"{_UCI}winequality-white.csv",
    ("76c3f809815c17c07212622f776311faeb31e87610d52c26d87d6e361b169836",),
)
_JOBS = _File(
    "jh-simple-dataset.csv",
    f"{_HEATON}data/t81-558/jh-simple-dataset.csv",
    ("b01473a23ee9d9b134985171e4788b87600697b137822b4b50c65af31a0ef5cf",),
)
_MNIST = _File(
    "mnist.npz",
    f"{_KERAS}mnist.npz",
    (
        "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",  # as Keras publishes it
        "06af5dfe73b70e3bc1c36439982b18a8d76803db9b544f6fdf838a37fbb01b64",  # the same arrays, packed again
    ),
)
_FOURS_AND_NINES = _File("mnist_4_9.npz", "", ("587fb7605153081cbc6cb9d8420e8804e7f50a02c98c923a646d2fd4258a47d2",))


def registered_source(name: str) -> Source:
    """The raw table of a registered data set.

    Raises:
        DataError: it is neither in the WELLPOSED_DATA folder nor to be fetched.
    """
    return replace(REGISTRY[name].load(name), name=name)


def _synthetic(name: str) -> Source:
    frame = getattr(synthetic, name.replace("-", "_"))()
    source = frame_source(frame, name, name)
    if name == "sinewaves":
        test = frame_source(synthetic.sinewaves(2_000, seed=1), f"{name} test", name)
        return replace(source, target=synthetic.WAVE_PARAMETERS, named=False, test=test)
    return replace(source, target=(synthetic.CLASS,), named=False)


def _bundled(name: str) -> Source:
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name.replace('-', '_')}")(as_frame=True)
    frame, target = bunch.frame, bunch.target.name
    if name == "digits":
        import numpy as np

        from wellposed.data.arrays import array_source

        images, digits = np.asarray(bunch.images, dtype=np.uint8), bunch.target.to_numpy()
        return array_source(images, digits, name=name, origin=f"scikit-learn {name}")
    if "target_names" in bunch and len(getattr(bunch, "target_names", [])) > 1:
        names = [str(label) for label in bunch.target_names]
        frame = frame.assign(**{target: [names[code] for code in bunch.target]})
    return replace(frame_source(frame, name, f"scikit-learn {name}"), target=(target,), named=False)


def _table(file: _File, target: str, drop: tuple[str, ...] = ()) -> Callable[[str], Source]:
    def load(name: str) -> Source:
        from wellposed.data.tables import table_source

        path, warnings = _local_or_fetched(file, name)
        source = table_source(path, name=name)
        return replace(source, origin=name, target=(target,), drop=drop, warnings=(*source.warnings, *warnings))

    return load


def _mnist(name: str) -> Source:
    from wellposed.data.arrays import npz_source

    path, warnings = _local_or_fetched(_MNIST, name)
    source = npz_source(path, name)
    return replace(source, origin=name, warnings=(*source.warnings, *warnings))


def _fours_and_nines(name: str) -> Source:
    """MNIST's fours and nines: their own file if it is at hand, otherwise taken from the whole."""
    import numpy as np

    from wellposed.data.arrays import array_source, npz_source

    local = _local(_FOURS_AND_NINES)
    if local is not None:
        source = npz_source(local[0], name)
        return replace(source, origin=name, warnings=(*source.warnings, *local[1]))
    path, warnings = _local_or_fetched(_MNIST, name)
    with np.load(path, allow_pickle=False) as arrays:
        parts = {}
        for part in ("train", "test"):
            digits = arrays[f"y_{part}"]
            chosen = np.isin(digits, (4, 9))
            parts[part] = array_source(arrays[f"x_{part}"][chosen], digits[chosen], name=f"{name} {part}", origin=name)
    return replace(parts["train"], name=name, test=parts["test"], warnings=warnings)


def _local(file: _File) -> tuple[Path, tuple[str, ...]] | None:
    """The file in the WELLPOSED_DATA folder, with a warning if it isn't the published one."""
    folder = os.environ.get("WELLPOSED_DATA")
    if not folder or not (Path(folder) / file.name).is_file():
        return None
    path = Path(folder) / file.name
    known = hashlib.sha256(path.read_bytes()).hexdigest() in file.sha256
    return path, () if known else (f"{file.name} differs from the published file (its checksum is another).",)


def _local_or_fetched(file: _File, name: str) -> tuple[Path, tuple[str, ...]]:
    local = _local(file)
    if local is not None:
        return local
    import logging

    import pooch

    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel(logging.WARNING)  # pooch announces each download on the terminal
    try:
        cache = pooch.os_cache("wellposed")
        return Path(pooch.retrieve(file.url, f"sha256:{file.sha256[0]}", file.name, cache)), ()
    except Exception as error:  # pooch lets through whatever requests, urllib3 and the file system raise
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        remedy = (
            f"Fetch {file.url} by hand as {file.name}, and set the environment variable WELLPOSED_DATA to its folder."
        )
        raise DataError(f"{name}: could not be fetched", reason, remedy) from None
    finally:
        logger.setLevel(level)


REGISTRY: Mapping[str, Entry] = {
    "circles": Entry("two concentric noisy circles, 450 rows, 2 classes", "synthetic", _synthetic),
    "gaussian-quantiles": Entry("a Gaussian cloud cut at its median radius, 450 rows", "synthetic", _synthetic),
    "blobs": Entry("two Gaussian blobs, 500 rows sorted by class", "synthetic", _synthetic),
    "rings": Entry("a cluster inside a ring, 500 rows sorted by class", "synthetic", _synthetic),
    "sinewaves": Entry("sampled sine waves, 4 targets, 10,000 rows and 2,000 for testing", "synthetic", _synthetic),
    "breast-cancer": Entry("breast cancer Wisconsin, 569 rows, 2 classes", "scikit-learn", _bundled),
    "digits": Entry("8×8 images of digits, 1797 rows, 10 classes", "scikit-learn", _bundled),
    "iris": Entry("iris flowers, 150 rows, 3 classes", "scikit-learn", _bundled),
    "diabetes": Entry("diabetes progression, 442 rows, regression", "scikit-learn", _bundled),
    "wine": Entry("wines of three cultivars, 178 rows, 3 classes", "scikit-learn", _bundled),
    "winequality-red": Entry("red wine quality, 1599 rows, UCI", _RED.url, _table(_RED, "quality")),
    "winequality-white": Entry("white wine quality, 4898 rows, UCI", _WHITE.url, _table(_WHITE, "quality")),
    "jh-simple": Entry("jobs and products, 2000 rows, 7 classes", _JOBS.url, _table(_JOBS, "product", ("id",))),
    "mnist": Entry("28×28 images of digits, 60,000 rows and 10,000 for testing", _MNIST.url, _mnist),
    "mnist-4-9": Entry("MNIST's fours and nines, 11,791 rows and 1,991 for testing", _MNIST.url, _fours_and_nines),
}
"""Every name that ``read`` and the command line know."""
