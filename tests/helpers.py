"""What the tests share: how to run a script here, and the pages."""

import os
import re
import runpy
import shutil
import sys
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

os.environ.update(KERAS_BACKEND="tensorflow", TF_CPP_MIN_LOG_LEVEL="3")

import keras
import matplotlib
from PIL import Image, ImageChops, ImageStat

matplotlib.rcdefaults()  # not those of whoever runs the tests
ROOT = Path(__file__).parents[1]
TIME, DROP = SCRIPTS = ("time_based_decay.py", "drop_based_decay.py")
README, ARTICLE, GUIDE = "README.md", "docs/article.md", "docs/keras-2-to-3.md"
CHINESE = {page: f"docs/{Path(page).stem}.zh-CN.md" for page in (README, ARTICLE, GUIDE)}
PAGES = [*CHINESE, *CHINESE.values(), "benchmarks/README.md"]
TEXT = {page: (ROOT / page).read_text(encoding="utf-8") for page in PAGES}


def blocks(page, word=""):
    """Return the code blocks of a page that have the word."""
    found = re.findall(r"^```\w+\n(.*?)^```$", TEXT[page], re.MULTILINE | re.DOTALL)
    return [block for block in found if word in block]


def timeless(printed):
    """Return what a script prints, without the times that Keras gives."""
    return re.sub(r"(?<=9/9 - ).*?/step - ", "", printed)


@cache
def run(script, *options, folder=ROOT):
    """Run a script here, where TensorFlow is up; return what it leaves and prints."""
    keras.config.set_floatx("float32")  # as a notebook's kernel may have left them
    keras.config.set_dtype_policy("mixed_float16")
    argv, sys.argv = sys.argv, [str(folder / script), *map(str, options)]
    left, end = {"history": SimpleNamespace(history=None)}, 0
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
        try:
            left = runpy.run_path(sys.argv[0])
        except SystemExit as error:  # with a code, or a text for stderr
            end = error.code
        finally:
            sys.argv = argv
    left |= {"end": end, "out": timeless(out.getvalue()), "err": err.getvalue()}
    return SimpleNamespace(**left | {"history": left["history"].history})


def run_with(script, lines, *options):
    """Run a script in which each line that begins so is replaced by what is given."""
    source = (ROOT / script).read_text(encoding="utf-8")
    for start, new in lines.items():
        [line] = re.findall(rf"(?m)^{re.escape(start)}.*\n", source)
        source = source.replace(line, new)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, script).write_text(source, encoding="utf-8")
        shutil.copy(ROOT / "ionosphere.csv", folder)
        return run(script, *options, folder=Path(folder))


def same_as_in_docs(drawn):
    """Assert that a picture is that of its name in docs, if one Matplotlib drew both."""
    old, new = (Image.open(path) for path in (ROOT / "docs" / drawn.name, drawn))
    if old.info["Software"] == new.info["Software"]:
        assert max(ImageStat.Stat(ImageChops.difference(old, new)).mean) < 0.05
