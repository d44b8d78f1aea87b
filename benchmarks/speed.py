"""How long do the scripts take? Whole processes, run in turn, beside their imports.

Prints two tables in Markdown: the median times of the processes, with the ratios
within a round; then how the seconds after the imports grow with epochs and rows.
"""

import argparse
import contextlib
import io
import runpy
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[1]
SCRIPT = "time_based_decay.py"
IMPORTS = "import keras, tensorflow, pandas, sklearn.preprocessing"
# The article's time-based program, on arrays, for Keras 3 and for Keras 2; sgd is made
# from its names learning_rate, decay_rate and momentum.
ARTICLE = """
import {keras} as keras
import pandas
from sklearn.preprocessing import LabelEncoder
from {keras}.layers import Dense
from {keras}.models import Sequential
from {keras}.optimizers import SGD
keras.utils.set_random_seed(7)
dataset = pandas.read_csv("ionosphere.csv", header=None).values
X = dataset[:, 0:34].astype(float)
Y = LabelEncoder().fit_transform(dataset[:, 34])
model = Sequential()
model.add(Dense(34, input_dim=34, kernel_initializer="normal", activation="relu"))
model.add(Dense(1, kernel_initializer="normal", activation="sigmoid"))
epochs, learning_rate, momentum = 50, 0.1, 0.8
decay_rate = learning_rate / epochs
{sgd}
model.compile(loss="binary_crossentropy", optimizer=sgd, metrics=["accuracy"])
model.fit(X, Y, validation_split=0.33, epochs=epochs, batch_size=28, verbose=2)
"""
KERAS3 = ARTICLE.format(
    keras="keras",
    sgd="""
from keras.optimizers.schedules import InverseTimeDecay
schedule = InverseTimeDecay(learning_rate, decay_steps=1, decay_rate=decay_rate)
sgd = SGD(learning_rate=schedule, momentum=momentum)
""",
)
KERAS2 = ARTICLE.format(
    keras="tf_keras",
    sgd="sgd = keras.optimizers.legacy.SGD(learning_rate, momentum, decay=decay_rate)",
)
SIZES = [(1, 1), (50, 1), (500, 1), (5000, 1), (50, 10), (50, 100)]  # epochs, repeats


def markdown(head, rows):
    """Return a Markdown table that can be read in a terminal, too."""
    widths = [max(len(cell) for cell in column) for column in zip(head, *rows)]
    return "\n".join(
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(line, widths))} |"
        for line in [head, ["-" * width for width in widths], *rows]
    )


def programs(keras2):
    """Return the commands that are timed, by their names in the table."""
    frugal = f"import gc; gc.disable(); {IMPORTS}; gc.freeze(); gc.enable()"
    commands = {
        "the imports": [sys.executable, "-c", IMPORTS],
        "the imports, as the scripts do them": [sys.executable, "-c", frugal],
        SCRIPT: [sys.executable, SCRIPT],
        "drop_based_decay.py": [sys.executable, "drop_based_decay.py"],
        "fit on arrays": [sys.executable, "-c", KERAS3],
    }
    if keras2:
        commands["fit on arrays, Keras 2"] = [keras2, "-c", KERAS2]
    return commands


def measure(commands, rounds):
    """Return the seconds of the commands, a list for each round."""
    seconds = []
    for _ in range(rounds):
        seconds.append([])
        for command in commands:
            start = time.perf_counter()
            subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
            seconds[-1].append(time.perf_counter() - start)
        print(f"{len(seconds)} of {rounds} rounds", end="\r", file=sys.stderr)
    return seconds


def table(names, seconds):
    """Return the table of what measure returns: medians, and ratios within a round."""
    rows = []
    for number, name in enumerate(names):
        row = [name, f"{median(x[number] for x in seconds):.1f}"]
        for other in 1, 4:
            ratios = [x[number] / x[other] for x in seconds]
            ends = f"({min(ratios):.2f} to {max(ratios):.2f})"
            row.append(f"{median(ratios):.2f} {ends}")
        rows.append(row)
    head = [f"{len(seconds)} rounds", "seconds", "times those imports"]
    return markdown([*head, "times fit on arrays"], rows)


def grow(epochs, repeats):
    """Return the seconds of the script here, with each row so many times."""
    with tempfile.TemporaryDirectory() as folder:
        script = shutil.copy(ROOT / SCRIPT, folder)
        rows = (ROOT / "ionosphere.csv").read_text(encoding="utf-8")
        Path(folder, "ionosphere.csv").write_text(rows * repeats, encoding="utf-8")
        sys.argv = [script, "--epochs", str(epochs)]
        start = time.perf_counter()
        with contextlib.redirect_stdout(io.StringIO()):
            history = runpy.run_path(script)["history"]
        return time.perf_counter() - start, history


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--rounds", type=int, default=5, help="default: %(default)s")
    parser.add_argument(
        "--keras2",
        metavar="PYTHON",
        help="a Python with tf_keras, pandas and scikit-learn, to compare with Keras 2",
    )
    options = parser.parse_args(argv)
    commands = programs(options.keras2)
    seconds = measure(commands.values(), options.rounds)
    print(f"\n{table(list(commands), seconds)}\n")
    grow(1, 1)  # imports
    rows = [[str(n), str(351 * k), f"{grow(n, k)[0]:.1f}"] for n, k in SIZES]
    print(markdown(["epochs", "rows", "seconds after the imports"], rows))


if __name__ == "__main__":
    main()
