"""Record what Keras 2 makes of the article's programs, and of decay in each optimizer.

tf_keras is Keras 2. It brings its own copy of TensorFlow, so give it an environment of
its own; TensorFlow brings Keras 3, which here only draws the start weights:

    python3 -m venv /tmp/keras2
    /tmp/keras2/bin/pip install tf_keras pandas
    /tmp/keras2/bin/python tests/record_keras2.py

Nothing is imported from the scripts. The same seed gives the same start weights and
the same rows in the same order as theirs; the rules are Keras 2's own. keras2.csv has
the scripts' 50 epochs, keras2_optimizers.csv has 20 of each optimizer with decay=0.02.
"""

import math
import os
from pathlib import Path

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"

import keras
import pandas as pd
import tensorflow as tf
import tf_keras

keras.config.set_floatx("float64")
tf_keras.backend.set_floatx("float64")

FOLDER = Path(__file__).parent
# The article's time-based setting and two others: the script's options, and learning
# rate, momentum and decay for Keras 2.
TIME_BASED = {
    "": (0.1, 0.8, 0.002),
    " --learning-rate 0.2 --decay 0.02 --momentum 0": (0.2, 0.0, 0.02),
    " --learning-rate 0.05 --decay 0 --momentum 0.9": (0.05, 0.9, 0.0),
}
# Rates that train: those of Keras's documentation, but higher for the slow ones.
OPTIMIZERS = {
    "Adam": 0.01,
    "Adagrad": 0.05,
    "Adadelta": 1.0,
    "Adamax": 0.01,
    "RMSprop": 0.01,
    "Nadam": 0.01,
}


def article_step_decay(epoch):
    return 0.1 * math.pow(0.5, math.floor((1 + epoch) / 10.0))


def train(optimizer, callbacks=(), epochs=50):
    """Train Keras 2's network from the scripts' start and return its History's table."""
    keras.utils.set_random_seed(7)
    rows = pd.read_csv(FOLDER.parent / "ionosphere.csv", header=None)
    X, y = rows.iloc[:, :34].to_numpy(), (rows[34] == "g").to_numpy("int64")
    training = tf.data.Dataset.from_tensor_slices((X[:235], y[:235]))
    training = training.shuffle(235)

    start = keras.Sequential([keras.Input((34,))])
    for units in (34, 1):
        normal = keras.initializers.RandomNormal(stddev=0.05)
        start.add(keras.layers.Dense(units, kernel_initializer=normal))
    model = tf_keras.Sequential(
        [
            tf_keras.layers.Dense(34, activation="relu", input_shape=(34,)),
            tf_keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.set_weights(start.get_weights())

    model.compile(loss="binary_crossentropy", optimizer=optimizer, metrics=["accuracy"])
    losses = []
    orders = training.batch(235).repeat(epochs)
    for epoch, (X_shuffled, y_shuffled) in enumerate(orders):
        history = model.fit(
            X_shuffled,
            y_shuffled,
            batch_size=28,
            shuffle=False,
            validation_data=(X[235:], y[235:]),
            initial_epoch=epoch,
            epochs=epoch + 1,
            callbacks=list(callbacks),
            verbose=0,
        )
        losses.append(pd.DataFrame(history.history, index=[epoch + 1]))
    return pd.concat(losses)


def write(name, tables, key, columns):
    table = pd.concat(tables, names=[key, "epoch"])
    table[columns].to_csv(FOLDER / name, float_format="%.12f")


def main():
    legacy = tf_keras.optimizers.legacy
    tables = {
        f"time_based_decay.py{options}": train(legacy.SGD(rate, momentum, decay=decay))
        for options, (rate, momentum, decay) in TIME_BASED.items()
    }
    schedule = tf_keras.callbacks.LearningRateScheduler(article_step_decay)
    tables["drop_based_decay.py"] = train(legacy.SGD(0.0, 0.9), [schedule])
    write("keras2.csv", tables, "command", ["loss", "val_loss", "val_accuracy"])
    tables = {
        f"{name}({rate})": train(getattr(legacy, name)(rate, decay=0.02), epochs=20)
        for name, rate in OPTIMIZERS.items()
    }
    write("keras2_optimizers.csv", tables, "optimizer", ["val_loss"])


if __name__ == "__main__":
    main()
