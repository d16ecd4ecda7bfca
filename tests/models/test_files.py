"""Models on disk: what was saved comes back to the bit, and nothing else is believed."""

import contextlib
import json
import struct
from pathlib import Path

import jax
import numpy as np
import pytest

from models.making import classifier, made, regressor, table
from wellposed.data.read import read
from wellposed.errors import StudyError
from wellposed.models.files import DESCRIPTION, WEIGHTS
from wellposed.models.model import Model
from wellposed.network.activations import ACTIVATIONS
from wellposed.training.spec import Training

FILES = Path(__file__).parent / "files"
_PLAIN = sorted(set(ACTIVATIONS) - {"exponential", "softmax", "log_softmax"})
_RECIPES = ("baseline", "l2=0.001", "batch-norm", "dropout=0.2 + batch-norm", "snapshots", "early-stopping", "ema=0.9")


def same_arrays(first, second):
    pairs = zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True)
    return jax.tree.structure(first) == jax.tree.structure(second) and all((a == b).all() for a, b in pairs)


def random_model(seed):
    """A network, recipe and data that the seed chooses."""
    random = np.random.default_rng(seed)
    classes = ("no", "yes") if random.random() < 0.5 else ("p", "q", "r")
    target, drop = ("y", ["z"]) if random.random() < 0.7 else ("z", ["y"])
    recipe = str(random.choice(_RECIPES))
    widths = tuple(int(width) for width in random.integers(1, 9, size=random.integers(0, 4)))
    sets = int(random.integers(2, 4)) if recipe == "snapshots" or random.random() < 0.2 else 1
    return made(
        read(table(seed=seed, classes=classes), target=target, drop=drop),
        widths=widths,
        recipe=recipe,
        activation=tuple(map(str, random.choice(_PLAIN, len(widths)))),
        sets=sets,
        folds=sets > 1 and recipe != "snapshots",
        seed=seed,
        kernel_initializer=str(
            random.choice(["he_normal", "glorot_uniform", "orthogonal", "random_normal(stddev=0.1)"])
        ),
    )


@pytest.mark.parametrize("seed", range(30))
def test_a_saved_model_predicts_the_same_to_the_bit(seed, tmp_path):
    model = random_model(seed)
    model.save(tmp_path / "model")
    loaded = Model.load(tmp_path / "model")
    assert same_arrays((model.weights, model.state), (loaded.weights, loaded.state))
    assert (loaded.recipe, loaded.epochs, loaded.target) == (model.recipe, model.epochs, model.target)
    assert loaded.facts == model.facts
    rows = table(20, seed=100 + seed)
    if model.target.task == "classification":
        first, second = model.predict_proba(rows), loaded.predict_proba(rows)
        assert np.allclose(first.sum(axis=1), 1, atol=1e-6)
    else:
        first, second = model.predict(rows), loaded.predict(rows)
    assert np.array_equal(first.to_numpy(), second.to_numpy())
    # saving what was loaded gives the same files
    loaded.save(tmp_path / "again")
    for name in (DESCRIPTION, WEIGHTS):
        assert (tmp_path / "model" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_training_settings_come_back(tmp_path):
    import dataclasses

    training = Training(
        loss="huber(delta=2)", optimizer="sgd(momentum=0.9)", learning_rate=0.3, schedule="cosine(warmup=0.1)",
        batch_size=5, epochs=33, class_weight={"no": 1.0, "yes": 3}, shuffle=False,
    )  # fmt: skip
    dataclasses.replace(classifier(), training=training).save(tmp_path)
    assert Model.load(tmp_path).training == training


def test_todays_files_stay_readable():
    """Written by version 0.1.0, never to be written again: later versions must read it and predict the same."""
    model = Model.load(FILES / "version-1")
    known = json.loads((FILES / "version-1.json").read_text())
    rows = table(6, seed=1)
    assert (model.recipe.name, model.epochs, model.built.outputs) == ("batch-norm + l2=0.001", 7, 1)
    np.testing.assert_allclose(model.predict_proba(rows).to_numpy(), known["probabilities"], rtol=1e-5)
    assert model.predict(rows).to_list() == known["classes"]


def test_a_run_directory_stands_for_its_model(tmp_path):
    model = classifier()
    model.save(tmp_path / "run" / "model")
    assert same_arrays(Model.load(tmp_path / "run").weights, model.weights)


def test_saving_replaces_a_model_and_nothing_else(tmp_path):
    classifier(seed=1).save(tmp_path)
    classifier(seed=2).save(tmp_path)
    assert same_arrays(Model.load(tmp_path).weights, classifier(seed=2).weights)
    assert sorted(path.name for path in tmp_path.iterdir()) == [DESCRIPTION, WEIGHTS]
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "diary.txt").write_text("dear diary")
    with pytest.raises(StudyError) as error:
        classifier().save(tmp_path / "other")
    assert str(error.value) == (
        f"model: the folder isn't empty and holds no model, got {tmp_path / 'other'}. Choose another name."
    )
    with pytest.raises(StudyError) as error:
        classifier().save(tmp_path / "other" / "diary.txt")
    assert str(error.value).startswith("model: must be a folder, but a file of that name exists, got ")


def test_without_a_model_there_is_one_line(tmp_path):
    with pytest.raises(StudyError) as error:
        Model.load(tmp_path)
    assert str(error.value) == (
        f"model: there is none, got {tmp_path}. Name a folder that holds model.json, or a run directory with one in "
        "its folder model."
    )


# -- tampered files ----------------------------------------------------------------------------------------------------


def _at(path, value):
    """Changes one value of model.json; DELETE takes the key out."""

    def change(found):
        *way, last = path
        for step in way:
            found = found[step]
        if value is DELETE:
            del found[last]
        else:
            found[last] = value

    return change


DELETE = object()
_P = ("preprocessings", 0)
JSON_CASES = {
    "another schema": (_at(("schema",), "wellposed.model/2"), "must be wellposed.model/1, got wellposed.model/2"),
    "schema of another kind": (_at(("schema",), 7), "the schema must be wellposed.model/1"),
    "missing key": (_at(("training",), DELETE), "lacks training"),
    "missing inner key": (_at(("training", "epochs"), DELETE), "training lacks epochs"),
    "unknown key": (_at(("extra",), 1), "has an unknown key, got extra"),
    "unknown inner key": (_at(("network", "extra"), 1), "network has an unknown key, got extra"),
    "wrong type": (_at(("epochs",), "7"), 'epochs must be a whole number, got "7"'),
    "true is no number": (_at(("epochs",), True), "epochs must be a whole number, got true"),
    "epochs beyond the horizon": (_at(("epochs",), 21), "epochs must be from 1 to training.epochs, got 21"),
    "no epochs": (_at(("training", "epochs"), 0), "epochs must be a whole number of at least 1, got 0"),
    "huge width": (_at(("network", "widths"), [10**12]), "network.widths must be at most 1000, each from 1 to 1000000"),
    "large widths": (_at(("network", "widths"), [10**6, 10**6]), "layers must be those of network and recipe"),
    "too many layers": (_at(("network", "widths"), [1] * 5000), "network.widths must be at most 1000"),
    "negative width": (_at(("network", "widths"), [-1, 4]), "network.widths must be at most 1000, each from 1"),
    "unknown activation": (_at(("network", "activation"), "os.system"), "activation: unknown name, got os.system"),
    "code in an initializer": (
        _at(("network", "kernel_initializer"), "__import__('os').system('false')"), "initializer: can't be understood"
    ),
    "unknown optimizer": (_at(("training", "optimizer"), "magic"), "optimizer: unknown name, got magic"),
    "class weights of texts": (_at(("training", "class_weight"), {"no": "1"}), "class_weight.no must be a number"),
    "unknown technique": (_at(("recipe", 0, "name"), "telepathy"), "no technique of that name, got telepathy"),
    "strength out of range": (_at(("recipe", 1, "l2"), -1), "must be a number in [0, ∞)"),
    "unknown strength": (_at(("recipe", 0, "power"), 1), "recipe[0] has an unknown key, got power"),
    "nameless technique": (_at(("recipe", 0, "name"), DELETE), "recipe[0] lacks its name"),
    "no preprocessing": (_at(("preprocessings",), []), "preprocessings must hold at least one"),
    "too few medians": (_at((*_P, "fill"), [0.0]), "preprocessings[0].fill must hold 6 numbers, got 1"),
    "scale of zero": (_at((*_P, "scale", 0), 0), "preprocessings[0].scale must be above 0"),
    "null among numbers": (_at((*_P, "center", 0), None), "preprocessings[0].center[0] must be a number, got null"),
    "one class": (_at((*_P, "schema", "classes"), ["no"]), "classes and targets must fit the task"),
    "unknown task": (_at((*_P, "schema", "task"), "astrology"), "schema.task must be classification or regression"),
    "columns of one name": (_at((*_P, "schema", "columns", 1, "name"), "a"), "with different names"),
    "another kind of column": (_at((*_P, "schema", "columns", 0, "kind"), "date"), "must be numeric or categorical"),
    "image of another size": (_at((*_P, "schema", "image_shape"), [2, 2]), "schema.image_shape must fit the columns"),
    "categories left out": (
        _at((*_P, "schema", "columns", 2, "categories"), ["u"]), "preprocessings[0].fill must hold 4 numbers, got 6"
    ),
    "another preprocessing version": (_at((*_P, "version"), 9), "preprocessing has another version, got 9"),
    "metric of the other task": (_at(("target", "metric"), "r2"), "target.metric must fit the task classification"),
    "foreign expression": (_at(("target", "expression"), "a > 1"), "target.expression must be the target's name"),
    "layers of another network": (_at(("layers", 0, "width"), 6), "layers must be those of network and recipe"),
    "no sets": (_at(("weights", "sets"), 0), "weights.sets must fit the preprocessings, got 0"),
    "more sets than there are": (_at(("weights", "sets"), 2), "must hold the arrays of all layers and no others"),
    "a file elsewhere": (_at(("weights", "file"), "../secrets"), "weights.file must be weights.safetensors"),
    "another sum": (_at(("weights", "sha256"), "0" * 64), "isn't the file that was saved with model.json"),
    "facts of another kind": (_at(("facts",), []), "facts must be an object"),
}  # fmt: skip


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    classifier(recipe="batch-norm + l2=0.001").save(folder)
    return {name: (folder / name).read_bytes() for name in (DESCRIPTION, WEIGHTS)}


def refused(folder):
    """The one line with which loading ends."""
    with pytest.raises(StudyError) as error:
        Model.load(folder)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("case", JSON_CASES)
def test_a_changed_description_is_refused(case, saved, tmp_path):
    change, message = JSON_CASES[case]
    found = json.loads(saved[DESCRIPTION])
    change(found)
    (tmp_path / DESCRIPTION).write_text(json.dumps(found))
    (tmp_path / WEIGHTS).write_bytes(saved[WEIGHTS])
    assert message in refused(tmp_path)


TEXTS = {
    "empty": (b"", "isn't JSON"),
    "cut": (lambda raw: raw[: len(raw) // 2], "isn't JSON"),
    "binary": (bytes(range(256)), "isn't UTF-8 text"),
    "NaN": (lambda raw: raw.replace(b'"epochs": 7', b'"epochs": NaN'), "NaN is no JSON number"),
    "endless number": (lambda raw: raw.replace(b'"epochs": 7', b'"epochs": ' + b"7" * 5000), "isn't JSON"),
    "repeated key": (lambda raw: raw.replace(b'"epochs": 7', b'"epochs": 7, "epochs": 7'), "'epochs' stands twice"),
    "nested": (b"[" * 100_000, "is nested too deeply"),
    "a list": (b"[]", "the schema must be wellposed.model/1, got no object"),
}


@pytest.mark.parametrize("case", TEXTS)
def test_a_broken_description_is_refused(case, saved, tmp_path):
    change, message = TEXTS[case]
    (tmp_path / DESCRIPTION).write_bytes(change(saved[DESCRIPTION]) if callable(change) else change)
    (tmp_path / WEIGHTS).write_bytes(saved[WEIGHTS])
    assert message in refused(tmp_path)


def _header(raw, change):
    """The weights with another header, and a length that fits it."""
    length = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8 : 8 + length])
    change(header)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + raw[8 + length :]


def _patched(key, **values):
    return lambda raw: _header(raw, lambda header: header[key].update(values))


_KERNEL = "0/weights/hidden1/dense/kernel"
WEIGHT_CASES = {
    "empty": (lambda raw: b"", "isn't a safetensors file"),
    "cut": (lambda raw: raw[:-4], "isn't a safetensors file"),
    "huge header": (lambda raw: struct.pack("<Q", 2**62) + raw[8:], "isn't a safetensors file"),
    "header of zeros": (lambda raw: b"\0" * 8 + raw[8:], "isn't a safetensors file"),
    "longer than its arrays": (lambda raw: raw + b"\0" * 10**6, "must be at most"),
    "another shape": (_patched(_KERNEL, shape=[5, 6]), "0/weights/hidden1/dense/kernel must be float32 [6, 5]"),
    "another type": (_patched(_KERNEL, dtype="I32"), "must be float32 [6, 5], got int32 [6, 5]"),
    "overlapping": (_patched(_KERNEL, data_offsets=[0, 4]), "isn't a safetensors file"),
    "another name": (
        lambda raw: raw.replace(b"0/weights/hidden1/dense/kernel", b"0/weights/hidden1/dense/colonel"[:30]),
        "must hold the arrays of all layers and no others",
    ),
    "NaN": (lambda raw: raw[:-4] + struct.pack("<f", np.nan), "must be finite, got NaN or infinity"),
    "infinity": (lambda raw: raw[:-4] + struct.pack("<f", np.inf), "must be finite, got NaN or infinity"),
}


@pytest.mark.parametrize("case", WEIGHT_CASES)
def test_changed_weights_are_refused(case, saved, tmp_path):
    """Even if the sum in the description was changed to fit."""
    import hashlib

    change, message = WEIGHT_CASES[case]
    raw = change(saved[WEIGHTS])
    found = json.loads(saved[DESCRIPTION])
    found["weights"]["sha256"] = hashlib.sha256(raw).hexdigest()
    (tmp_path / DESCRIPTION).write_text(json.dumps(found))
    (tmp_path / WEIGHTS).write_bytes(raw)
    assert message in refused(tmp_path)


def test_a_flipped_bit_of_the_weights_is_found(saved, tmp_path):
    raw = bytearray(saved[WEIGHTS])
    raw[-3] ^= 1
    (tmp_path / DESCRIPTION).write_bytes(saved[DESCRIPTION])
    (tmp_path / WEIGHTS).write_bytes(raw)
    assert "isn't the file that was saved with model.json, by its SHA-256" in refused(tmp_path)


@pytest.mark.parametrize("seed", range(40))
def test_flipped_bits_of_the_description_never_crash(seed, saved, tmp_path):
    raw = bytearray(saved[DESCRIPTION])
    random = np.random.default_rng(seed)
    raw[int(random.integers(len(raw)))] ^= 1 << int(random.integers(8))
    (tmp_path / DESCRIPTION).write_bytes(raw)
    (tmp_path / WEIGHTS).write_bytes(saved[WEIGHTS])
    with contextlib.suppress(StudyError):  # a digit of a median, a letter of a name: still a model
        Model.load(tmp_path)


def test_missing_weights(saved, tmp_path):
    (tmp_path / DESCRIPTION).write_bytes(saved[DESCRIPTION])
    assert refused(tmp_path).startswith("model: a file can't be read (No such file or directory), got ")


def test_the_specification_names_every_key():
    """docs/model-format.md lists every key of the format."""
    from wellposed.models.description import SHAPE

    page = (Path(__file__).parents[2] / "docs" / "model-format.md").read_text(encoding="utf-8")

    def keys(shape):
        if isinstance(shape, dict):
            for key, inner in shape.items():
                yield key
                yield from keys(inner)
        elif isinstance(shape, (list, tuple)):
            for inner in shape:
                yield from keys(inner)

    assert not [key for key in keys(SHAPE) if f"`{key}`" not in page]


def test_regression_keeps_its_scale(tmp_path):
    model = regressor()
    model.save(tmp_path)
    first, second = model.preprocessing, Model.load(tmp_path).preprocessing
    for name in ("fill", "center", "scale", "seen", "target_center", "target_scale"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
