"""What the tests share: the pages, and how to run a script here."""

import ast
import gc
import os
import re
import runpy
from contextlib import redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path

# As the scripts set them; whoever runs the tests may have set them otherwise.
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["MPLBACKEND"] = "agg"
os.environ.pop("TF_USE_LEGACY_KERAS", None)

import keras
import matplotlib
import pytest
from PIL import Image, ImageChops, ImageStat

gc.freeze()  # as the scripts do: TensorFlow's objects need not be looked at again
matplotlib.rcdefaults()
ROOT = Path(__file__).parents[1]
TIME_BASED = ROOT / "time_based_decay.py"
DROP_BASED = ROOT / "drop_based_decay.py"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def page(name):
    return (ROOT / name).read_text(encoding="utf-8")


def block(name, word):
    """Return the one code block of a page that has the word."""
    [found] = [text for _, text in BLOCK.findall(page(name)) if word in text]
    return found


def without_times(printed):
    """Return what a script prints, without the times that Keras gives."""
    return re.sub(r"(?<=9/9 - ).*?/step - ", "", printed)


@cache
def run(script, options=""):
    """Run a script here, where TensorFlow is up; return its variables and its output.

    The output, without times, is the variable "printed". The same options on the same
    file are run only once.
    """
    keras.config.set_floatx("float32")  # as a notebook's kernel may have left them
    keras.config.set_dtype_policy("mixed_float16")
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()) as output:
        patch.setattr("sys.argv", [str(script), *options.split()])
        variables = runpy.run_path(str(script))
    return {**variables, "printed": without_times(output.getvalue())}


def put(source, code):
    """Return a program with a page's lines in place of those that assign their names.

    Lines that assign no name of the program go before the next line that does.
    """
    new = ""
    for statement in ast.parse(code).body:
        new += ast.get_source_segment(code, statement) + "\n"
        for old in ast.parse(source).body:
            if isinstance(old, ast.Assign) and isinstance(statement, ast.Assign):
                if ast.unparse(old.targets) == ast.unparse(statement.targets):
                    lines = source.splitlines(keepends=True)
                    lines[old.lineno - 1 : old.end_lineno] = [new]
                    source, new = "".join(lines), ""
                    break
    assert not new, f"no line of the program was replaced by:\n{new}"
    return source


def copy_script(folder, script, source=None):
    """Write a script, or what has become of its source, into a folder with the data."""
    (folder / "ionosphere.csv").write_bytes((ROOT / "ionosphere.csv").read_bytes())
    copy = folder / script.name
    copy.write_text(source or page(script), encoding="utf-8")
    return copy


def assert_same_picture(drawn):
    """Compare a picture with that of its name in docs, if one Matplotlib drew both."""
    old = Image.open(ROOT / "docs" / drawn.name)
    new = Image.open(drawn)
    if old.info["Software"] == new.info["Software"]:
        difference = ImageStat.Stat(ImageChops.difference(old, new)).mean
        assert max(difference) < 0.05, f"docs/{drawn.name} shows another run: redraw it"
