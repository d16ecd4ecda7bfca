"""Keras stands beside these tests, on its JAX backend."""

from __future__ import annotations

import os

os.environ.setdefault("KERAS_BACKEND", "jax")  # before anything imports Keras
