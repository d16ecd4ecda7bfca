"""Compiled tile programs: made once a process for each shape, kept on disk by JAX's persistent cache."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.metadata
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from wellposed.network.mlp import Network
from wellposed.network.randomness import study_key
from wellposed.population.memory import RowCounts
from wellposed.population.step import Hyper, initial_network
from wellposed.population.tile import Carry, Rows, Settings, TileData
from wellposed.population.train import Program

__all__ = ["Compiled", "compile_tile", "compiled_before", "prepared_key", "use_cache"]


class Compiled(NamedTuple):
    """The executables of a tile program: its networks, shared with other programs; all members' start; epochs."""

    networks: Callable[[jax.Array], Any]
    start: Callable[..., Carry]
    run: Callable[..., tuple[Carry, jax.Array, jax.Array | None]]


def use_cache() -> None:
    """Turns on JAX's persistent compilation cache, unless the user configured one.

    ``WELLPOSED_CACHE`` names its folder (default: ``wellposed/xla`` in the user's cache folder; empty: no cache).
    """
    if jax.config.jax_compilation_cache_dir is not None:  # type: ignore[attr-defined]
        return
    default = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "wellposed" / "xla"
    folder = os.environ.get("WELLPOSED_CACHE", str(default))
    if folder:
        jax.config.update("jax_compilation_cache_dir", folder)
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


@functools.lru_cache(maxsize=128)
def compile_tile(
    program: Program, streams: int, lanes: int, rows: RowCounts, features: int, outputs: int, prepared: Any
) -> Compiled:
    """The executables for one program and shape.

    Args:
        prepared: treedef and shapes of ``prepare``'s leaves, hashable (see `prepared_key`).
    """
    use_cache()
    data, settings = _shapes(program, streams, lanes, rows, features, outputs, prepared)
    networks = _networks(program.algorithm.network, streams)
    drawn = jax.eval_shape(jax.vmap(functools.partial(initial_network, program.algorithm.network)), data.key)
    start = jax.jit(program.start).lower(data.key, settings, drawn)
    carry = jax.eval_shape(program.start, data.key, settings, drawn)
    number = jax.ShapeDtypeStruct((), jnp.int32)
    run = jax.jit(program.run, donate_argnums=2).lower(data, settings, carry, number, number)
    # side by side, tiles are quicker when each keeps to its own thread
    single = jax.default_backend() == "cpu" and not program.alone
    options: dict[str, str | bool] | None = {"xla_cpu_multi_thread_eigen": False} if single else None
    compiled = Compiled(networks, start.compile(), run.compile(compiler_options=options))
    _remember(program, streams, lanes, rows, features, outputs)
    return compiled


@functools.lru_cache(maxsize=128)
def _networks(network: Network, streams: int) -> Callable[[jax.Array], Any]:
    """Draws the initial weights of streams. Apart from `start`, as most programs of a study share their network."""
    keys = jax.eval_shape(lambda: jax.random.split(study_key(0), streams))
    return jax.jit(jax.vmap(functools.partial(initial_network, network))).lower(keys).compile()


def compiled_before(program: Program, streams: int, lanes: int, rows: RowCounts, features: int, outputs: int) -> bool:
    """Whether the persistent cache ought to hold the program: a guess for estimates, JAX looks for itself."""
    use_cache()
    mark = _mark(program, streams, lanes, rows, features, outputs)
    return mark is not None and mark.exists()


def _remember(program: Program, streams: int, lanes: int, rows: RowCounts, features: int, outputs: int) -> None:
    """Leaves a mark in the cache's folder that the program is there: JAX's own keys take a whole tracing to make."""
    mark = _mark(program, streams, lanes, rows, features, outputs)
    if mark is not None:
        with contextlib.suppress(OSError):  # a cache that can't be written only makes estimates worse
            mark.touch()


def _folder() -> Path | None:
    """The persistent cache's folder, None without one."""
    folder = jax.config.jax_compilation_cache_dir  # type: ignore[attr-defined]
    return Path(folder) if folder else None


def _mark(program: Program, streams: int, lanes: int, rows: RowCounts, features: int, outputs: int) -> Path | None:
    folder = _folder()
    if folder is None:
        return None
    versions = [importlib.metadata.version(name) for name in ("wellposed", "jaxlib")]
    key = repr((program, streams, lanes, rows, features, outputs, jax.default_backend(), *versions))
    return folder / f"wellposed-{hashlib.sha256(key.encode()).hexdigest()[:32]}"


def prepared_key(prepared: tuple[Any, ...]) -> Any:
    """Structure and shapes of the leaves, as a key of `compile_tile`."""
    leaves, structure = jax.tree.flatten(prepared)
    return structure, tuple((leaf.shape, str(leaf.dtype)) for leaf in leaves)


def _shapes(
    program: Program, streams: int, lanes: int, rows: RowCounts, features: int, outputs: int, prepared: Any
) -> tuple[TileData, Settings]:
    def floats(*shape: int) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct((streams, *shape), jnp.float32)

    def some(count: int) -> Any:
        return Rows(floats(count, features), floats(count, outputs), floats(count)) if count else None  # type: ignore[arg-type]

    keys = jax.eval_shape(lambda: jax.random.split(study_key(0), streams))
    data = TileData(
        keys,
        some(rows.training),
        some(rows.monitor),
        some(rows.validation),
        floats(rows.training),  # type: ignore[arg-type]
        jax.ShapeDtypeStruct((streams,), jnp.int32),  # type: ignore[arg-type]
        jax.ShapeDtypeStruct((), jnp.int32),  # type: ignore[arg-type]
        floats(outputs),  # type: ignore[arg-type]
    )
    techniques = tuple(
        jax.tree.map(lambda _, augments=augments: floats() if augments else floats(lanes), item)
        for item, augments in zip(program.techniques, program.augmenting, strict=True)
    )
    structure, shapes = prepared
    leaves = [jax.ShapeDtypeStruct(shape, np.dtype(dtype)) for shape, dtype in shapes]
    epochs = jax.ShapeDtypeStruct((streams, lanes), jnp.int32)
    hyper = Hyper(floats(lanes), epochs, epochs)  # type: ignore[arg-type]
    return data, Settings(techniques, jax.tree.unflatten(structure, leaves), hyper)
