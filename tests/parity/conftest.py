"""Every test here runs beside Keras or scikit-learn; warnings are errors, except those that Keras itself raises."""

from __future__ import annotations

import os

os.environ.setdefault("KERAS_BACKEND", "jax")  # before anything imports Keras
