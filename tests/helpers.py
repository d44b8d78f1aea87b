"""What the tests share: how to run a script here, the pages, and the recorded rows."""

import os
import re
import sys
from contextlib import redirect_stderr, redirect_stdout
from functools import cache, partial
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

os.environ.update(KERAS_BACKEND="tensorflow", TF_CPP_MIN_LOG_LEVEL="3")

import accuracy
import keras
import matplotlib
import pandas as pd
from PIL import Image, ImageChops, ImageStat

matplotlib.rcdefaults()  # not those of whoever runs the tests
ROOT = Path(__file__).parents[1]
TIME, DROP = "time_based_decay.py", "drop_based_decay.py"
README, ARTICLE, GUIDE = "README.md", "docs/article.md", "docs/keras-2-to-3.md"
CHINESE = {page: f"docs/{Path(page).stem}.zh-CN.md" for page in (README, ARTICLE, GUIDE)}
PAGES = [*CHINESE, *CHINESE.values(), "benchmarks/README.md"]
TEXT = {page: (ROOT / page).read_text(encoding="utf-8") for page in PAGES}
RECORDED = pd.read_csv(ROOT / "benchmarks" / "accuracy.csv", index_col=["split", "seed"])
recorded = partial(accuracy.values, RECORDED)  # of a split, measure, setting, epochs

def block(word, page=ARTICLE):
    """Return the code block of a page that has the word."""
    found = re.findall(r"^```\w+\n(.*?)^```$", TEXT[page], re.MULTILINE | re.DOTALL)
    return next(block for block in found if word in block)

@cache
def run(script, *options, folder=ROOT, changes=()):
    """Run a script here, where TensorFlow is up; return what it leaves and prints.

    folder: where its data lies; changes: (how a line begins, what stands in its place).
    """
    keras.config.set_floatx("float32")  # as a notebook's kernel may have left them
    keras.config.set_dtype_policy("mixed_float16")
    source = (ROOT / script).read_text(encoding="utf-8")
    for start, new in changes:
        [line] = re.findall(rf"(?m)^{re.escape(start)}.*\n", source)
        source = source.replace(line, new)
    left = {"__file__": str(folder / script), "end": 0}
    command = patch.object(sys, "argv", [script, *map(str, options)])
    with command, redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
        try:
            exec(compile(source, script, "exec"), left)  # noqa: S102
        except SystemExit as error:  # with a code, or a text for stderr
            left["end"] = error.code
    return SimpleNamespace(**left, out=timeless(out.getvalue()), err=err.getvalue())

def timeless(printed):
    """Return what a script prints, without the times that Keras gives."""
    return re.sub(r"(?<=9/9 - ).*?/step - ", "", printed)

def gain(setting, other, split="last", epochs=50, measure="accuracy", first=0):
    """Return the mean of the differences from a first seed on, and its interval's ends."""
    a, b = (recorded(split, measure, x, epochs)[first:] for x in (setting, other))
    mean, error = (a - b).mean(), 1.96 * (a - b).std() / len(a) ** 0.5
    return mean, mean - error, mean + error

def same_as_in_docs(drawn):
    """Assert that a picture is that of its name in docs, if one Matplotlib drew both."""
    old, new = (Image.open(path) for path in (ROOT / "docs" / drawn.name, drawn))
    if old.info["Software"] == new.info["Software"]:
        assert max(ImageStat.Stat(ImageChops.difference(old, new)).mean) < 0.05
