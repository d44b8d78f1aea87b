"""How long do the scripts take? Whole processes, run in turn, beside their imports.

Prints two tables in Markdown: the median times of the processes, with the ratios
within a round; then how the seconds after the imports grow with epochs and rows.
"""

import argparse
import contextlib
import io
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
# The script comes first: it sets what TensorFlow and Keras read on import.
import time_based_decay

# isort: split
import keras
import numpy as np
from accuracy import markdown

IMPORTS = "import keras, tensorflow, pandas, sklearn.model_selection"
# The time-based training as the article has it, on arrays, for Keras 3 and for Keras 2.
ARRAYS = """
import {keras} as keras
import pandas
from sklearn.preprocessing import LabelEncoder
keras.utils.set_random_seed(7)
dataset = pandas.read_csv("ionosphere.csv", header=None).values
X = dataset[:, 0:34].astype(float)
Y = LabelEncoder().fit_transform(dataset[:, 34])
model = keras.Sequential()
model.add(keras.layers.Input((34,)))
model.add(keras.layers.Dense(34, "relu", kernel_initializer="normal"))
model.add(keras.layers.Dense(1, "sigmoid", kernel_initializer="normal"))
sgd = keras.optimizers.{sgd}, momentum=0.8)
model.compile(loss="binary_crossentropy", optimizer=sgd, metrics=["accuracy"])
model.fit(X, Y, validation_split=0.33, epochs=50, batch_size=28, verbose=2)
"""
KERAS3 = ARRAYS.format(
    keras="keras", sgd="SGD(keras.optimizers.schedules.InverseTimeDecay(0.1, 1, 0.002)"
)
KERAS2 = ARRAYS.format(keras="tf_keras", sgd="legacy.SGD(0.1, decay=0.002")
SIZES = [(1, 1), (50, 1), (500, 1), (5000, 1), (50, 10), (50, 100)]  # epochs, repeats


def compare(rounds, keras2):
    """Print the seconds of each program, and how many times two of them they are."""
    programs = {
        "the imports": [sys.executable, "-c", IMPORTS],
        "the imports, as the scripts do them": [
            sys.executable,
            "-c",
            f"import gc; gc.disable(); {IMPORTS}; gc.freeze(); gc.enable()",
        ],
        "time_based_decay.py": [sys.executable, "time_based_decay.py"],
        "drop_based_decay.py": [sys.executable, "drop_based_decay.py"],
        "fit on arrays": [sys.executable, "-c", KERAS3],
    }
    if keras2:
        programs["fit on arrays, Keras 2"] = [keras2, "-c", KERAS2]
    progress = keras.utils.Progbar(rounds * len(programs), unit_name="process")
    times = []
    for _ in range(rounds):
        times.append([])
        for command in programs.values():
            start = time.perf_counter()
            subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
            times[-1].append(time.perf_counter() - start)
            progress.add(1)
    times = np.array(times)
    rows = []
    for name, column in zip(programs, times.T):
        ratios = column / times[:, 1], column / times[:, 4]
        cells = [f"{np.median(x):.2f} ({x.min():.2f} to {x.max():.2f})" for x in ratios]
        rows.append([name, f"{np.median(column):.1f}", *cells])
    head = [f"{rounds} rounds", "seconds", "times those imports", "times fit on arrays"]
    print(f"\n\n{markdown(head, rows)}\n")


def grow():
    """Print the seconds of main, after the imports, for more epochs and repeated rows."""
    data, rows = time_based_decay.DATA.read_text(), []
    with tempfile.TemporaryDirectory() as folder:
        time_based_decay.DATA = Path(folder, "ionosphere.csv")
        for epochs, repeats in SIZES:
            time_based_decay.DATA.write_text(data * repeats)
            start = time.perf_counter()
            with contextlib.redirect_stdout(io.StringIO()):
                time_based_decay.main(["--epochs", str(epochs)])
            seconds = time.perf_counter() - start
            rows.append([str(epochs), str(351 * repeats), f"{seconds:.1f}"])
    print(markdown(["epochs", "rows", "seconds after the imports"], rows))


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="default: 5")
    parser.add_argument(
        "--keras2",
        metavar="PYTHON",
        help="a Python with tf_keras, pandas and scikit-learn, to compare with Keras 2",
    )
    options = parser.parse_args(argv)
    if options.rounds < 1:
        parser.error(f"argument --rounds: takes 1 or more, not {options.rounds}")
    compare(options.rounds, options.keras2)
    grow()


if __name__ == "__main__":
    main()
