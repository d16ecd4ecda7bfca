"""Sine waves: a network that learns a "Fourier transform"; nothing in it regularizes, so the catalogue's panel does."""

import keras
from keras import layers

import wellposed as wp

data = wp.read("sinewaves")

model = keras.Sequential(
    [keras.Input((1000,)), layers.Dense(64, activation="relu"), layers.Dense(16, activation="relu"), layers.Dense(4)]
)
model.compile(optimizer="adam", loss="mean_absolute_error")

# In place of model.fit(x, y, epochs=75, validation_split=0.2):
study = wp.compare(data, **wp.from_keras(model, data, epochs=75), validation=0.2, shuffle_splits=False, seeds=2)
print(*study.findings(), sep="\n")
