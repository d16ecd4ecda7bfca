"""Rings: a network of three units, relu everywhere, on a cluster inside a ring."""

import keras
from keras import layers

import wellposed as wp

data = wp.read("rings")

model = keras.Sequential(
    [keras.Input((2,)), layers.Dense(3, activation="relu"), layers.Dropout(0.1), layers.Dense(1, activation="relu")]
)
model.compile(optimizer="sgd", loss="mean_squared_error", metrics=["accuracy"])

# In place of model.fit(x, y, epochs=50, batch_size=50):
study = wp.compare(data, **wp.from_keras(model, epochs=50, batch_size=50))
print(*study.findings(), sep="\n")
