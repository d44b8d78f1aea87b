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
FRUGAL_IMPORTS = f"import gc; gc.disable(); {IMPORTS}; gc.freeze(); gc.enable()"
BASELINES = {  # what the seconds are compared with, by the heads of the columns
    "times those imports": "the imports, as the scripts do them",
    "times fit on arrays": "fit on arrays",
}
SIZES = [(1, 1), (50, 1), (500, 1), (5000, 1), (50, 10), (50, 100)]  # epochs, repeats


def markdown(head, rows):
    """Return a Markdown table that can be read in a terminal, too."""
    columns = zip(head, *rows, strict=True)
    widths = [max(len(cell) for cell in column) for column in columns]
    lines = [head, ["-" * width for width in widths], *rows]
    return "\n".join(
        f"| {' | '.join(map(str.ljust, line, widths))} |" for line in lines
    )


def programs(keras2):
    """Return the commands that are timed, by their names in the table."""
    commands = {
        "the imports": [sys.executable, "-c", IMPORTS],
        "the imports, as the scripts do them": [sys.executable, "-c", FRUGAL_IMPORTS],
        "time_based_decay.py": [sys.executable, "time_based_decay.py"],
        "drop_based_decay.py": [sys.executable, "drop_based_decay.py"],
        "fit on arrays": [sys.executable, "benchmarks/article_keras3.py"],
    }
    if keras2:
        commands["fit on arrays, Keras 2"] = [keras2, "benchmarks/article_keras2.py"]
    return commands


def measure(commands, rounds):
    """Return the seconds of each command by its name, one for each round."""
    seconds = {name: [] for name in commands}
    for number in range(1, rounds + 1):
        for name, command in commands.items():
            start = time.perf_counter()
            subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
            seconds[name].append(time.perf_counter() - start)
        print(f"{number} of {rounds} rounds", end="\r", file=sys.stderr)
    return seconds


def table(seconds):
    """Return the table of what measure returns: medians, and ratios within a round."""
    rows = []
    for name, times in seconds.items():
        row = [name, f"{median(times):.1f}"]
        for baseline in BASELINES.values():
            pairs = zip(times, seconds[baseline], strict=True)
            ratios = [one / other for one, other in pairs]
            ends = f"({min(ratios):.2f} to {max(ratios):.2f})"
            row.append(f"{median(ratios):.2f} {ends}")
        rows.append(row)
    rounds = len(seconds["the imports"])
    return markdown([f"{rounds} rounds", "seconds", *BASELINES], rows)


def seconds_of_a_run(epochs, repeats):
    """Return the seconds of the time-based script here, with its data repeated."""
    with tempfile.TemporaryDirectory() as folder:
        script = shutil.copy(ROOT / SCRIPT, folder)
        rows = (ROOT / "ionosphere.csv").read_text(encoding="utf-8")
        Path(folder, "ionosphere.csv").write_text(rows * repeats, encoding="utf-8")
        sys.argv = [script, "--epochs", str(epochs)]
        start = time.perf_counter()
        with contextlib.redirect_stdout(io.StringIO()):
            runpy.run_path(script)
        return time.perf_counter() - start


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--rounds", type=int, default=5, help="default: %(default)s")
    parser.add_argument(
        "--keras2",
        metavar="PYTHON",
        help="a Python with tf_keras, pandas and scikit-learn, to compare with Keras 2",
    )
    options = parser.parse_args(argv)
    if options.rounds < 1:
        parser.error("argument --rounds: has to be 1 or more")
    if options.keras2 and shutil.which(options.keras2) is None:
        parser.error(f"argument --keras2: {options.keras2} is no program")
    print(f"\n{table(measure(programs(options.keras2), options.rounds))}\n")
    seconds_of_a_run(1, 1)  # the first one imports
    rows = [
        [str(epochs), str(351 * repeats), f"{seconds_of_a_run(epochs, repeats):.1f}"]
        for epochs, repeats in SIZES
    ]
    print(markdown(["epochs", "rows", "seconds after the imports"], rows))


if __name__ == "__main__":
    main()
