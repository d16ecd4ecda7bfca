"""Threefry-2x32 with its rounds written out: the numbers of `jax.random`, an order of magnitude less overhead on CPU.

On CPU, JAX lowers threefry to loops, so that every draw and every ``fold_in`` runs tens of tiny kernels: half of the
time of a step of small networks. Written out, a call is one fused kernel. Keys made with ``IMPLEMENTATION`` work with
everything in `jax.random` and give the same bits as ``threefry2x32`` with ``jax_threefry_partitionable`` (tested).

Source: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3".
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.random import define_prng_impl
from jaxtyping import Array, UInt32

__all__ = ["IMPLEMENTATION", "threefry2x32"]

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = np.uint32(0x1BD11BDA)


def threefry2x32(
    key: UInt32[Array, 2], high: UInt32[Array, "*shape"], low: UInt32[Array, "*shape"]
) -> tuple[UInt32[Array, "*shape"], UInt32[Array, "*shape"]]:
    """20 rounds of Threefry-2x32 on the 64-bit counters (high, low)."""
    keys = _schedule(key)
    x, y = high + keys[0], low + keys[1]
    for group in range(5):
        x, y = _rounds(x, y, _ROTATIONS[group % 2], keys[(group + 1) % 3], keys[(group + 2) % 3] + np.uint32(group + 1))
    return x, y


def _schedule(key: UInt32[Array, 2]) -> tuple[Array, Array, Array]:
    return key[0], key[1], key[0] ^ key[1] ^ _PARITY


def _rounds(x: Array, y: Array, rotations: tuple[int, ...], first: Array, second: Array) -> tuple[Array, Array]:
    """Four rounds, then the next words of the key schedule."""
    for rotation in rotations:
        x = x + y
        y = x ^ ((y << np.uint32(rotation)) | (y >> np.uint32(32 - rotation)))
    return x + first, y + second


def _materialized(key: UInt32[Array, 2], high: Array, low: Array) -> tuple[Array, Array]:
    """`threefry2x32` with its last four groups in a loop of two, which XLA doesn't merge into the code that uses them.

    Merged, shared numbers would be computed anew in every lane of a population.
    """
    a, b, c = _schedule(key)
    x, y = _rounds(high + a, low + b, _ROTATIONS[0], b, c + np.uint32(1))

    def body(i: Array, both: Array) -> Array:
        words = [
            jnp.where(i == 0, *pair)
            for pair in ((c, b), (a + np.uint32(2), c + np.uint32(4)), (a, c), (b + np.uint32(3), a + np.uint32(5)))
        ]
        x, y = _rounds(both[0], both[1], _ROTATIONS[1], words[0], words[1])
        return jnp.stack(_rounds(x, y, _ROTATIONS[0], words[2], words[3]))

    both = jax.lax.fori_loop(0, 2, body, jnp.stack([x, y]))
    return both[0], both[1]


def _seed(seed: Array) -> UInt32[Array, 2]:
    low = seed.astype(jnp.uint32)
    high = (
        jax.lax.shift_right_logical(seed, np.asarray(32, seed.dtype)).astype(jnp.uint32)
        if seed.dtype.itemsize > 4
        else jnp.zeros_like(low)
    )
    return jnp.stack([high, low])


def _counters(shape: tuple[int, ...]) -> tuple[Array, Array]:
    """The position of each element, as two 32-bit halves of a 64-bit number."""
    size = math.prod(shape)
    if size >= 2**32:
        raise ValueError(f"threefry: at most 2**32 numbers a draw, got {size}")
    low = jnp.arange(size, dtype=jnp.uint32).reshape(shape)
    return jnp.zeros(shape, jnp.uint32), low


def _fold_in(key: UInt32[Array, 2], data: Array | int) -> UInt32[Array, 2]:
    counter = _seed(jnp.asarray(data))
    return jnp.stack(threefry2x32(key, counter[0], counter[1]))


def _split(key: UInt32[Array, 2], shape: tuple[int, ...]) -> UInt32[Array, "*shape 2"]:
    return jnp.stack(threefry2x32(key, *_counters(shape)), axis=-1)


def _random_bits(key: UInt32[Array, 2], width: int, shape: tuple[int, ...]) -> Array:
    high, low = _materialized(key, *_counters(shape))
    if width == 64:
        return high.astype(jnp.uint64) << np.uint64(32) | low.astype(jnp.uint64)
    bits = high ^ low
    return bits if width == 32 else bits.astype({8: jnp.uint8, 16: jnp.uint16}[width])


IMPLEMENTATION = define_prng_impl(
    key_shape=(2,),
    seed=_seed,
    split=_split,
    random_bits=_random_bits,
    fold_in=_fold_in,
    name="threefry2x32_unrolled",
    tag="wpt",
)
