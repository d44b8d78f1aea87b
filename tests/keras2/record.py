"""Record what Keras 2 makes of the article's programs, and of decay in each optimizer.

tf_keras is Keras 2. It brings its own copy of TensorFlow, so give it an environment of
its own; TensorFlow brings Keras 3, which here only draws the start weights:

    python3 -m venv /tmp/keras2
    /tmp/keras2/bin/pip install tf_keras pandas
    /tmp/keras2/bin/python tests/keras2/record.py

Nothing is imported from the scripts. The same seed gives the same start weights and
the same rows in the same order as theirs; the rules are Keras 2's own. scripts.csv has
the scripts' 50 epochs by their commands, optimizers.csv 20 of each other program.
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
from tf_keras.callbacks import LearningRateScheduler, ReduceLROnPlateau
from tf_keras.optimizers import legacy

keras.config.set_floatx("float64")
tf_keras.backend.set_floatx("float64")

FOLDER = Path(__file__).parent


def article_step_decay(epoch):
    return 0.1 * math.pow(0.5, math.floor((1 + epoch) / 10.0))


def train(optimizer, callbacks=(), epochs=50):
    """Train Keras 2's network from the scripts' start; return its History."""
    keras.utils.set_random_seed(7)
    rows = pd.read_csv(FOLDER.parents[1] / "ionosphere.csv", header=None)
    X, y = rows.iloc[:, :34].to_numpy(), (rows[34] == "g").to_numpy("int64")
    training = tf.data.Dataset.from_tensor_slices((X[:235], y[:235]))

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
    history = model.fit(
        training.shuffle(235).batch(28).repeat(),
        steps_per_epoch=9,
        validation_data=(X[235:], y[235:]),
        epochs=epochs,
        callbacks=list(callbacks),
        verbose=0,
    )
    return pd.DataFrame(history.history, index=range(1, epochs + 1))


def write(name, tables, key, columns):
    table = pd.concat(tables, names=[key, "epoch"])
    table[columns].to_csv(
        FOLDER / name, float_format="%.12f", lineterminator="\n", encoding="utf-8"
    )


def record_scripts():
    """Write what Keras 2 makes of the article's settings, by the scripts' commands."""
    drops = LearningRateScheduler(article_step_decay)
    tables = {
        "time_based_decay.py": train(legacy.SGD(0.1, 0.8, decay=0.002)),
        "time_based_decay.py --learning-rate 0.2 --decay 0.02 --momentum 0": train(
            legacy.SGD(0.2, 0.0, decay=0.02)
        ),
        "time_based_decay.py --learning-rate 0.05 --decay 0 --momentum 0.9": train(
            legacy.SGD(0.05, 0.9, decay=0.0)
        ),
        "drop_based_decay.py": train(legacy.SGD(0.0, 0.9), [drops]),
    }
    write("scripts.csv", tables, "command", ["loss", "val_loss", "val_accuracy"])


def record_optimizers():
    """Write what decay does in each optimizer, and beside a callback that sets a rate.

    The rates train: they are those of Keras's documentation, but higher for the slow
    optimizers.
    """
    optimizers = {
        "SGD(0.1, 0.8, nesterov=True, decay=0.02)": legacy.SGD(
            0.1, 0.8, nesterov=True, decay=0.02
        ),
        "Adam(0.01, decay=0.02)": legacy.Adam(0.01, decay=0.02),
        "Adagrad(0.05, decay=0.02)": legacy.Adagrad(0.05, decay=0.02),
        "Adadelta(1.0, decay=0.02)": legacy.Adadelta(1.0, decay=0.02),
        "Adamax(0.01, decay=0.02)": legacy.Adamax(0.01, decay=0.02),
        "RMSprop(0.01, decay=0.02)": legacy.RMSprop(0.01, decay=0.02),
        "RMSprop(0.01, momentum=0.9, decay=0.02)": legacy.RMSprop(
            0.01, momentum=0.9, decay=0.02
        ),
        "Nadam(0.01, decay=0.02)": legacy.Nadam(0.01, decay=0.02),
    }
    callbacks = {
        "LearningRateScheduler(lambda epoch: 0.1 * 0.5 ** (epoch // 5))": (
            LearningRateScheduler(lambda epoch: 0.1 * 0.5 ** (epoch // 5))
        ),
        "ReduceLROnPlateau(factor=0.5, patience=1)": ReduceLROnPlateau(
            factor=0.5, patience=1
        ),
    }
    tables = {name: train(x, epochs=20) for name, x in optimizers.items()}
    for name, callback in callbacks.items():
        tables[name] = train(legacy.SGD(0.1, 0.8, decay=0.02), [callback], epochs=20)
    write("optimizers.csv", tables, "program", ["val_loss"])


if __name__ == "__main__":
    record_scripts()
    record_optimizers()
