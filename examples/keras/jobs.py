"""Jobs: L1 on the activities of both hidden layers, under five-fold cross-validation."""

import keras
from keras import layers, regularizers

import wellposed as wp

data = wp.read("jh-simple")

sparse = regularizers.L1(1e-4)
model = keras.Sequential(
    [
        layers.Dense(50, activation="relu", activity_regularizer=sparse),
        layers.Dense(25, activation="relu", activity_regularizer=sparse),
        layers.Dense(7, activation="softmax"),
    ]
)
model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])

# In place of the loop over KFold(5) with model.fit(x, y, epochs=500):
study = wp.compare(data, **wp.from_keras(model, data, epochs=500), folds=5, predictions=True)
print(*study.findings(), sep="\n")
