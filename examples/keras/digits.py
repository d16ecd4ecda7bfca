"""Digits: fours against nines with three wide layers and sigmoid outputs, regularized in every layer."""

import keras
import numpy as np
from keras import layers, regularizers

import wellposed as wp

data = wp.read("mnist-4-9")

model = keras.Sequential([keras.Input((28, 28)), layers.Flatten()])
for _ in range(3):
    model.add(layers.Dense(100, activation="relu", kernel_regularizer=regularizers.L2(1e-3)))
    model.add(layers.Dropout(0.3))
model.add(layers.Dense(2, activation="sigmoid"))
model.compile(optimizer=keras.optimizers.SGD(0.01), loss="binary_crossentropy", metrics=["accuracy"])

# In place of model.fit(x, y, epochs=1000, batch_size=128, validation_split=0.5), on the first 800 rows:
setup = wp.from_keras(model, data, epochs=1000, batch_size=128)
study = wp.compare(data.take(np.arange(800)), **setup, validation=0.5)
print(*study.findings(), sep="\n")
