"""How long do the scripts take? Whole processes, run in turn, against a bare import.

Prints tables in Markdown: the medians, with minimum and maximum, of the ratios to the
import of the same round; then how the seconds of fit grow with the epochs and the rows.
"""

import argparse
import contextlib
import io
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from unittest import mock

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
import time_based_decay
from time_based_decay import checked

IMPORT = "import keras, tensorflow, pandas, sklearn.preprocessing"
# The time-based training, but with fit on arrays, for Keras 3 and for Keras 2.
ARRAYS = """
import {keras} as keras
import pandas
from sklearn.preprocessing import LabelEncoder
keras.utils.set_random_seed(7)
table = pandas.read_csv("ionosphere.csv", header=None)
X = table.iloc[:, :34].to_numpy("float32")
y = LabelEncoder().fit_transform(table[34])
normal = keras.initializers.RandomNormal
model = keras.Sequential()
model.add(keras.Input(shape=(34,)))
model.add(keras.layers.Dense(34, "relu", kernel_initializer=normal(stddev=0.05)))
model.add(keras.layers.Dense(1, "sigmoid", kernel_initializer=normal(stddev=0.05)))
sgd = keras.optimizers.{sgd}, momentum=0.8)
model.compile(loss="binary_crossentropy", optimizer=sgd, metrics=["accuracy"])
model.fit(X, y, validation_split=0.33, epochs=50, batch_size=28, verbose=2)
"""
KERAS3 = ARRAYS.format(
    keras="keras", sgd="SGD(keras.optimizers.schedules.InverseTimeDecay(0.1, 1, 0.002)"
)
KERAS2 = ARRAYS.format(keras="tf_keras", sgd="legacy.SGD(0.1, decay=0.002")


def seconds(command):
    start = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return time.perf_counter() - start


def compare(rounds, keras2):
    """Print how long each program takes, as a multiple of the import."""
    programs = {
        "the bare import": [sys.executable, "-c", IMPORT],
        "time_based_decay.py": [sys.executable, "time_based_decay.py"],
        "drop_based_decay.py": [sys.executable, "drop_based_decay.py"],
        "fit on arrays": [sys.executable, "-c", KERAS3],
    }
    if keras2:
        programs["Keras 2"] = [keras2, "-c", KERAS2]
    progress = keras.utils.Progbar(rounds * len(programs), unit_name="process")
    times = []
    for _ in range(rounds):
        times.append([])
        for command in programs.values():
            times[-1].append(seconds(command))
            progress.add(1)
    times = np.array(times)
    print(f"\n| {rounds} rounds | seconds | times the import | times fit on arrays |")
    print("|---|---|---|---|")
    for name, column in zip(programs, times.T):
        ratios = (column / times[:, 0], column / times[:, 3])
        cells = [f"{np.median(x):.2f} ({x.min():.2f} to {x.max():.2f})" for x in ratios]
        print(f"| {name} | {np.median(column):.1f} | {' | '.join(cells)} |")


def fit_seconds(data, *options):
    """Return the seconds of fit in one run of the time-based script on data."""
    durations, fit = [], keras.Sequential.fit

    def timed_fit(*args, **settings):
        start = time.perf_counter()
        history = fit(*args, **settings)
        durations.append(time.perf_counter() - start)
        return history

    with (
        contextlib.redirect_stdout(io.StringIO()),
        mock.patch.object(time_based_decay, "DATA", data),
        mock.patch.object(keras.Sequential, "fit", timed_fit),
    ):
        time_based_decay.main(options)
    return durations[0]


def grow():
    """Print the seconds of fit for more epochs, and for the rows repeated."""
    print("\n| epochs | rows | seconds of fit |\n|---|---|---|")
    data = time_based_decay.DATA.read_text()
    with tempfile.TemporaryDirectory() as folder:
        for epochs, repeats in (50, 1), (500, 1), (5000, 1), (50, 10), (50, 100):
            repeated = Path(folder, "ionosphere.csv")
            repeated.write_text(data * repeats)
            duration = fit_seconds(repeated, "--epochs", str(epochs))
            print(f"| {epochs} | {351 * repeats} | {duration:.1f} |", flush=True)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__)
    whole = checked(int, lambda n: n >= 1, "a whole number from 1")
    parser.add_argument(
        "--rounds", type=whole, default=5, metavar="N", help="default: 5"
    )
    parser.add_argument(
        "--keras2",
        metavar="PYTHON",
        help="a Python with tf_keras, pandas and scikit-learn, to compare with Keras 2",
    )
    options = parser.parse_args(argv)
    compare(options.rounds, options.keras2)
    grow()


if __name__ == "__main__":
    main()
