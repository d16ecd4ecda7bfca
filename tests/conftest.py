"""Settings of all tests; they stand here, above every import of JAX, because JAX and Keras read them once.

Each can be overridden from outside, e.g. ``JAX_PLATFORMS=cuda make test``.
"""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# One cache a worker: JAX writes entries in place, so a second process could read half of one.
_CACHE = ROOT / ".cache" / "xla" / os.environ.get("PYTEST_XDIST_WORKER", "main")

_SETTINGS = {
    "JAX_PLATFORMS": "cpu",
    "JAX_NUMPY_DTYPE_PROMOTION": "strict",
    "JAX_COMPILATION_CACHE_DIR": str(_CACHE),
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.1",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    "KERAS_BACKEND": "jax",
    "OMP_NUM_THREADS": "1",  # tiny sizes: threads of BLAS and scikit-learn only get in each other's way
    "OPENBLAS_NUM_THREADS": "1",
    "WELLPOSED_CACHE": str(_CACHE),
    "WELLPOSED_DATA": str(ROOT.parent / "shared" / "data"),
}
for _name, _value in _SETTINGS.items():
    os.environ.setdefault(_name, _value)
