"""Models on disk: ``model.json`` and ``weights.safetensors``. Nothing in them is run; docs/model-format.md says all."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np

from wellposed.errors import StudyError, WellposedError
from wellposed.models.checks import parse_json
from wellposed.models.description import SCHEMA, describe, undescribed
from wellposed.models.model import Arrays, Model
from wellposed.store import atomic

__all__ = ["DESCRIPTION", "WEIGHTS", "load_model", "save_model"]

DESCRIPTION, WEIGHTS = "model.json", "weights.safetensors"
LONGEST_DESCRIPTION = LONGEST_HEADER = 64 * 2**20  # bytes
_REMEDY = "Save the model again, or fetch its folder anew."


def save_model(model: Model, folder: str | Path) -> Path:
    """Writes ``model.json`` and ``weights.safetensors``, both or neither; returns the folder.

    Raises:
        StudyError: the path is a file or holds something else, or can't be written.
    """
    from safetensors.numpy import save

    place = Path(folder)
    if place.exists() and not place.is_dir():
        raise StudyError("model: must be a folder, but a file of that name exists", str(folder), "Choose another name.")
    arrays = {name: np.ascontiguousarray(value) for name, value in _named(model)}
    raw = save(arrays, metadata={"format": SCHEMA})
    description = describe(model)
    description["weights"] = {
        "file": WEIGHTS,
        "sha256": hashlib.sha256(raw).hexdigest(),
        "sets": len(model.weights),
    }
    text = json.dumps(description, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    try:
        if place.is_dir() and any(place.iterdir()) and not (place / DESCRIPTION).is_file():
            raise StudyError("model: the folder isn't empty and holds no model", str(folder), "Choose another name.")
        place.mkdir(parents=True, exist_ok=True)
        with atomic(place / WEIGHTS) as weights, atomic(place / DESCRIPTION) as described:
            weights.write_bytes(raw)
            described.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StudyError(f"model: can't be written ({error.strerror})", str(folder), "Choose another name.") from None
    return place


def load_model(folder: str | Path) -> Model:
    """The model in a folder, or in the folder ``model`` of a run directory.

    Raises:
        StudyError: there is none, or any part of it is wrong.
    """
    place = _found(Path(folder))
    file = str(place / DESCRIPTION)
    try:
        raw = _read(place / DESCRIPTION, LONGEST_DESCRIPTION)
        description = parse_json(raw.decode("utf-8"), file)
        model = undescribed(description, file)
        return _with_weights(model, place / WEIGHTS, description["weights"])
    except UnicodeDecodeError:
        raise StudyError(f"{file}: isn't UTF-8 text", remedy=_REMEDY) from None
    except StudyError:
        raise
    except WellposedError as error:
        raise StudyError(f"{file}: {error.what}", error.got, error.remedy) from None
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError, MemoryError) as error:
        raise StudyError(f"{file}: isn't a model", f"{type(error).__name__}: {error}", _REMEDY) from None


def _found(place: Path) -> Path:
    for folder in (place, place / "model"):
        if (folder / DESCRIPTION).is_file():
            return folder
    remedy = f"Name a folder that holds {DESCRIPTION}, or a run directory with one in its folder model."
    if (place / "run.json").is_file():
        remedy = "Run its command again without --no-model."
    raise StudyError("model: there is none", str(place), remedy)


def _read(path: Path, most: int) -> bytes:
    try:
        size = path.stat().st_size
        if size > most:
            raise StudyError(f"{path}: must be at most {most // 2**20} MiB", f"{size:,} bytes", _REMEDY)
        return path.read_bytes()
    except OSError as error:
        raise StudyError(f"model: a file can't be read ({error.strerror})", str(path), _REMEDY) from None


def _with_weights(model: Model, path: Path, described: dict[str, Any]) -> Model:
    """The model with its arrays, each of the name, shape and type that the layers ask for."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    if described["file"] != WEIGHTS:
        raise StudyError(f"{path.parent / DESCRIPTION}: weights.file must be {WEIGHTS}", described["file"], _REMEDY)
    shapes = _shapes(model)
    expected = {f"{number}/{name}": shape for number in range(described["sets"]) for name, shape in shapes.items()}
    cells = sum(math.prod(shape) for shape in expected.values())
    # a header may be as long as it likes: names and shapes are known, so is the most that a file of them takes
    longest = 4 * cells + min(LONGEST_HEADER, 1000 + sum(len(name.encode()) + 200 for name in expected))
    raw = _read(path, longest)
    if hashlib.sha256(raw).hexdigest() != described["sha256"]:
        raise StudyError(f"{path}: isn't the file that was saved with {DESCRIPTION}, by its SHA-256", remedy=_REMEDY)
    try:
        arrays = load(raw)
    except (SafetensorError, ValueError, KeyError) as error:
        raise StudyError(f"{path}: isn't a safetensors file", str(error), _REMEDY) from None
    if arrays.keys() != expected.keys():
        odd = sorted(arrays.keys() ^ expected.keys())[0]
        raise StudyError(f"{path}: must hold the arrays of all layers and no others", odd, _REMEDY)
    for name, shape in expected.items():
        array = arrays[name]
        if array.dtype != np.float32 or array.shape != shape:
            got = f"{array.dtype} {list(array.shape)}"
            raise StudyError(f"{path}: {name} must be float32 {list(shape)}", got, _REMEDY)
        if not np.isfinite(array).all():
            raise StudyError(f"{path}: {name} must be finite", "NaN or infinity", _REMEDY)
    sets = range(described["sets"])
    weights = tuple(_nested(arrays, f"{number}/weights/", model) for number in sets)
    state = tuple(_nested(arrays, f"{number}/state/", model) for number in sets)
    return dataclasses.replace(model, weights=weights, state=state)


def _named(model: Model) -> Iterator[tuple[str, np.ndarray]]:
    """Every array with its name, ``0/weights/hidden1/dense/kernel``."""
    for number, parts in enumerate(zip(model.weights, model.state, strict=True)):
        for kind, arrays in zip(("weights", "state"), parts, strict=True):
            for block, inner in arrays.items():
                for layer, leaves in inner.items():
                    for leaf, value in leaves.items():
                        yield f"{number}/{kind}/{block}/{layer}/{leaf}", value


def _shapes(model: Model) -> dict[str, tuple[int, ...]]:
    """The arrays of a parameter set, by name; nothing is allocated."""
    params, state = jax.eval_shape(model.built.init, jax.random.key(0))
    return {
        f"{kind}/{block}/{layer}/{leaf}": tuple(value.shape)
        for kind, arrays in (("weights", params), ("state", state))
        for block, inner in arrays.items()
        for layer, leaves in inner.items()
        for leaf, value in leaves.items()
    }


def _nested(arrays: dict[str, np.ndarray], prefix: str, model: Model) -> Arrays:
    """Arrays by block and layer; a layer without any has an empty place."""
    nested: Arrays = {block.name: {name: {} for name, _ in block.layers} for block in model.built.blocks}
    for key, value in arrays.items():
        if key.startswith(prefix):
            block, layer, leaf = key.removeprefix(prefix).split("/")
            nested[block].setdefault(layer, {})[leaf] = value  # a shortcut's array is no layer's
    return nested
