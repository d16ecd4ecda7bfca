"""Wine: L1, L2 and dropout together on the quality of red wine."""

import keras
from keras import layers, regularizers

import wellposed as wp

data = wp.read("winequality-red", target="quality >= 6")

model = keras.Sequential(
    [
        keras.Input((11,)),
        layers.Dense(20, activation="relu"),
        layers.Dropout(0.2),
        layers.Dense(20, activation="relu", kernel_regularizer=regularizers.L1L2(l1=0.001, l2=0.001)),
        layers.Dropout(0.2),
        layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])

# In place of model.fit(x, y, epochs=500, validation_split=0.2); beside the network's own recipe, its parts:
setup = wp.from_keras(model, data, epochs=500)
recipes = [setup.recipe, "dropout=0.2", "l1=0.001,layers=hidden2", "l2=0.001,layers=hidden2"]
study = wp.compare(
    data, setup.network, recipes, training=setup.training, metric=setup.metric, keep_duplicates_together=True
)
print(*study.findings(), sep="\n")
