"""Circles: does L2 help a small network on two rings?"""

import keras
from keras import layers, regularizers

import wellposed as wp

data = wp.read("circles")

model = keras.Sequential(
    [
        keras.Input((2,)),
        layers.Dense(
            32, activation="relu", kernel_initializer="random_normal", kernel_regularizer=regularizers.L2(0.01)
        ),
        layers.Dense(
            32, activation="relu", kernel_initializer="random_normal", kernel_regularizer=regularizers.L2(0.01)
        ),
        layers.Dense(1, activation="sigmoid", kernel_initializer="random_uniform"),
    ]
)
model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])

# In place of model.fit(x, y, epochs=25, batch_size=10, shuffle=False):
study = wp.compare(data, **wp.from_keras(model, epochs=25, batch_size=10, shuffle=False), validation=0.3)
print(*study.findings(), sep="\n")
