"""What the tests share: the two ways to run a script, and the recorded rows."""

import contextlib
import functools
import io
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pandas as pd

ROOT = Path(__file__).parents[1]
TIME, DROP = SCRIPTS = ("time_based_decay.py", "drop_based_decay.py")
RECORDED = pd.read_csv(ROOT / "benchmarks" / "accuracy.csv", keep_default_na=False)


def run(script, *options, folder=ROOT):
    """Run main of a script here, where TensorFlow is up: code, out, err and history."""
    main = runpy.run_path(str(folder / script))["main"]
    out, err, result = io.StringIO(), io.StringIO(), SimpleNamespace(code=0)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            result.history = main([str(option) for option in options])
        except SystemExit as end:  # Python prints a text on stderr and exits with 1
            result.code = 1 if isinstance(end.code, str) else end.code or 0
            err.write(end.code if isinstance(end.code, str) else "")
    result.out, result.err = out.getvalue(), err.getvalue()
    return result


run_once = functools.cache(run)  # for tests that do not change the result


def process(*arguments, folder, **variables):
    """Run Python in a new process, with none of the caller's variables for it."""
    settings = "TF_", "KERAS_", "ONEDNN_", "PYTHON"
    unset = {k: v for k, v in os.environ.items() if not k.startswith(settings)}
    command, env = [sys.executable, *map(str, arguments)], {**unset, **variables}
    pipes = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True}
    return subprocess.run(command, check=False, cwd=folder, env=env, **pipes)


def epochs_printed(out):
    """Return what Keras printed for each epoch, its times left out, as a table."""
    lines = re.findall(r"^9/9 - .*?/step - (.*)$", out, flags=re.MULTILINE)
    words = [re.findall(r"(\w+): (\S+)", line) for line in lines]
    return pd.DataFrame({key: float(value) for key, value in line} for line in words)


def recorded(split, setting, measure, table=RECORDED):
    """Return a setting's right rows, accuracy (per cent) or loss (nats), by seed."""
    rows = table[(table["split"] == split) & (table["setting"] == setting)]
    rows = rows.assign(accuracy=rows["right"] / 116 * 100).set_index("seed")
    return rows[measure]
