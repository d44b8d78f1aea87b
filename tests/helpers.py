"""What the tests share: how a script is run, and what it prints is read."""

import contextlib
import functools
import io
import re
import runpy
import sys
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import pandas as pd

ROOT = Path(__file__).parents[1]
TIME, DROP = SCRIPTS = ("time_based_decay.py", "drop_based_decay.py")


def run(script, *options, folder=ROOT):
    """Run a script in this process, where TensorFlow is up, instead of a new one.

    Returns its exit code, what it printed as out and err, and the History of main.
    """
    out, err, result = io.StringIO(), io.StringIO(), SimpleNamespace(code=0)
    command = [str(folder / script), *map(str, options)]
    with (
        mock.patch.object(sys, "argv", command),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            result.history = runpy.run_path(command[0])["main"]()
        except SystemExit as end:  # Python prints a text on stderr and exits with 1
            result.code = 1 if isinstance(end.code, str) else end.code or 0
            err.write(end.code if isinstance(end.code, str) else "")
    result.out, result.err = out.getvalue(), err.getvalue()
    return result


@functools.cache
def run_once(script, *options):
    """Run a script with these options once for all tests, which must not change it."""
    return run(script, *options)


def epochs_printed(out):
    """Return what Keras printed for each epoch, its timings left out, as a table."""
    lines = re.findall(r"^9/9 - .*?/step - (.*)$", out, flags=re.MULTILINE)
    return pd.DataFrame(
        {key: float(value) for key, value in re.findall(r"(\w+): (\S+)", line)}
        for line in lines
    )
