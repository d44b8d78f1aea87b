"""What the tests share: the data, the recorded rows, and how to run a script here."""

import re
import runpy
import shutil
import tempfile
from collections import namedtuple
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path

import pandas as pd
from PIL import Image, ImageChops, ImageStat

from time_based_decay import keras  # first: it sets what is read when Keras is imported

ROOT = Path(__file__).parents[1]
TIME, DROP = SCRIPTS = ("time_based_decay.py", "drop_based_decay.py")
STEP_TIMES = re.compile(r"(?<=9/9 - ).*?/step - ")  # as Keras prints them
GOOD = (pd.read_csv(ROOT / "ionosphere.csv", header=None)[34] == "g").to_numpy()
RECORDED = pd.read_csv(ROOT / "benchmarks" / "accuracy.csv", keep_default_na=False)
# Of a measure, a split and a setting, by seed; accuracies in per cent, losses in nats.
TABLE = RECORDED.assign(accuracy=RECORDED["right"] / 116 * 100)
MEASURED = TABLE.pivot(index="seed", columns=["split", "setting"])
Result = namedtuple("Result", "end out err history")


def code(text, word=""):
    """Return the code blocks of a page that have the word."""
    blocks = re.findall(r"^```\w+\n(.*?)^```\n", text, re.MULTILINE | re.DOTALL)
    return [block for block in blocks if word in block]


@cache
def run(script, *options, folder=ROOT):
    """Run main of a script here, where TensorFlow is up; leave times out of out."""
    keras.config.set_floatx("float32")  # as a notebook's kernel may have left them
    keras.config.set_dtype_policy("mixed_float16")
    main = runpy.run_path(str(folder / script))["main"]
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
        try:
            end, history = 0, main([str(option) for option in options]).history
        except SystemExit as error:  # with a code, or a text for stderr
            end, history = error.code, None
    return Result(end, STEP_TIMES.sub("", out.getvalue()), err.getvalue(), history)


def run_with(script, snippet, *options):
    """Run a script in which the snippet's statements replace those of their names."""
    source = (ROOT / script).read_text()
    for statement in re.split(r"(?m)^(?=    \w+ = )", snippet)[1:]:
        [line] = re.findall(rf"(?m)^{statement.split('=')[0]}= .*\n", source)
        source = source.replace(line, statement)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, script).write_text(source)
        shutil.copy(ROOT / "ionosphere.csv", folder)
        return run(script, *options, folder=Path(folder))


def same_as_in_docs(drawn):
    """Assert that a picture is that of its name in docs."""
    old, new = (Image.open(path) for path in (ROOT / "docs" / drawn.name, drawn))
    if old.info["Software"] == new.info["Software"]:  # by one version of Matplotlib
        assert max(ImageStat.Stat(ImageChops.difference(old, new)).mean) < 0.05
