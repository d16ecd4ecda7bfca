"""Run in a process of its own: loads exported files with plain Keras, where wellposed can't be imported.

python plain_keras.py FOLDER    reads NAME.keras and NAME.npz (the inputs), writes NAME.npy (the outputs)
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

sys.modules["wellposed"] = None  # type: ignore[assignment]  # an import of it fails

import keras  # noqa: E402
import numpy as np  # noqa: E402

for path in sorted(Path(sys.argv[1]).glob("*.keras")):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of h5py and NumPy
        model: Any = keras.saving.load_model(path, safe_mode=True)
    with np.load(path.with_suffix(".npz")) as arrays:
        given = {name: arrays[name] for name in arrays}
    inputs = given["features"] if list(given) == ["features"] else given
    np.save(path.with_suffix(".npy"), np.asarray(model(inputs, training=False)))
