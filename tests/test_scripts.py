"""The two scripts, against references from outside them."""

import gc
import hashlib
import os
import re
import shutil
import subprocess
import sys

import pandas as pd
import pytest
from helpers import DROP, ROOT, SCRIPTS, STEP_TIMES, TIME, run, same_as_in_docs
from matplotlib.figure import Figure

KERAS2 = pd.read_csv(ROOT / "tests" / "keras2.csv")
# By the rules, written out: an epoch is 9 batches; decay is the learning rate / epochs.
RATES = [
    (TIME, "--epochs 3 --learning-rate 0.2 --seed 0", [0.2, 0.2 / 1.6, 0.2 / 2.2]),
    (TIME, "--epochs 1 --learning-rate 1e38 --decay 0 --momentum 1", [1e38]),
    (DROP, "--epochs 5 --epochs-drop 2", [0.1, 0.05, 0.05, 0.025, 0.025]),
    (DROP, "--epochs 2 --epochs-drop 1 --drop 0.1 --learning-rate 2", [0.2, 0.02]),
    (DROP, "--epochs 1 --epochs-drop 1 --drop 0 --momentum 1 --seed 4294967295", [0]),
]
REFUSED = {  # values that an option does not take; the last three are of one script
    "--epochs": f"0 2.5 1e9 1000000001 {'9' * 400}",
    "--learning-rate": "0.0 -0.1 nan 1e-38 1e+39",
    "--momentum": "-0.1 1.1 nan much",
    "--seed": "-1 4294967296 7.5",
    "--plot": f"run.gif missing/run.png folder.png {'x' * 252}.png",
    "--decay": "-1.0 inf nan",
    "--drop": "-0.1 1.1 nan",
    "--epochs-drop": "0 2.5",
}
LOW_RATE = "--seed 2 --learning-rate 1e-9"  # more answers are wrong than right
PICTURES = [
    (TIME, "png", "", "InverseTimeDecay: 3 epochs, momentum 0.8, seed 7"),
    (DROP, "pdf", "", "LearningRateScheduler: 3 epochs, momentum 0.9, seed 7"),
    (TIME, "svg", LOW_RATE, "InverseTimeDecay: 3 epochs, momentum 0.8, seed 2"),
]
OTHER_MACHINE = {"TF_ENABLE_ONEDNN_OPTS": "1", "ONEDNN_MAX_CPU_ISA": "SSE41"}
ROWS, ZEROS = (ROOT / "ionosphere.csv").read_text().splitlines(), "0," * 33
BAD_DATA = {  # in place of row 5, or of the whole file; and what is said
    "34 fields": (f"{ZEROS}g", "row 5 is not"),
    "blank row": ("", "row 5 is not"),
    "nan in the last field": (f"{ZEROS}nan,g", "row 5 is not"),
    "-inf": (f"{ZEROS}-inf,g", "row 5 is not"),
    "another label": (f"{ZEROS}0,x", "row 5 is not"),
    "no file": (None, "No such file"),
    "empty file": ("", "No columns"),
    "one row": (ROWS[0], "row 2 is not"),
    "36 fields once": (f"{ROWS[0]}\n0,{ROWS[1]}", "line 2, saw 36"),
    "36 fields always": (f"0,{ROWS[0]}\n0,{ROWS[1]}", "row 1 is not"),
    "a word always": (f"True,{ZEROS}g\nTrue,{ZEROS}b", "row 1 is not"),
    "two bad rows": (f"{ZEROS}0,g\nx\ny\n{ZEROS}0,b", "row 2 is not"),
    "no text": (f"{ROWS[0]}\xff", "utf-8"),
}


@pytest.mark.parametrize(("command", "keras2"), [*KERAS2.groupby("command")])
def test_keras_2_agrees_in_every_epoch(command, keras2):
    history = run(*command.split()).history
    assert list(keras2["epoch"]) == list(range(1, 51))
    for column in "loss", "val_loss", "val_accuracy":
        assert history[column] == pytest.approx(list(keras2[column]), rel=0, abs=1e-7)


@pytest.mark.parametrize(("script", "options", "rates"), RATES)
def test_the_rates_that_options_set(script, options, rates):
    result = run(script, *options.split())
    assert (result.end, result.err) == (0, "") and gc.isenabled()  # off for imports
    assert result.history["learning_rate"] == pytest.approx(rates)
    assert f"Validation accuracy after epoch {len(rates)}: " in result.out


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("option", REFUSED)
def test_refused(tmp_path, monkeypatch, script, option):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.png").mkdir()
    for value in REFUSED[option].split():
        result = run(script, option, value)
        usage, *_, last = result.err.splitlines()
        assert (result.end, result.out, usage[:7]) == (2, "", "usage: ")
        assert {"error", option, value} <= set(re.split("[ ':]+", last))
        assert [path.name for path in tmp_path.iterdir()] == ["folder.png"]


def test_only_a_picture_needs_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)  # its import fails
    assert run(TIME, "--epochs", 1).end == 0
    assert "error: argument --plot: " in run(TIME, "--plot", "run.png").err


@pytest.mark.parametrize(("content", "message"), BAD_DATA.values(), ids=BAD_DATA)
def test_bad_data(tmp_path, content, message):
    shutil.copy(ROOT / TIME, tmp_path)
    if message == "row 5 is not":
        content = "\n".join([*ROWS[:4], content, *ROWS[5:]])
    if content is not None:
        (tmp_path / "ionosphere.csv").write_text(content, encoding="latin-1")
    result = run(TIME, "--plot", tmp_path / "run.png", folder=tmp_path)
    assert re.match(f"ionosphere.csv: .*{message}.*$", result.end) and not result.out
    assert not (tmp_path / "run.png").exists()


@pytest.mark.parametrize(("script", "kind", "options", "title"), PICTURES)
def test_what_a_picture_says(tmp_path, monkeypatch, script, kind, options, title):
    path, kept, save = tmp_path / f"{'x' * 251}.{kind}", [], Figure.savefig
    path.write_bytes(b"an older picture")  # its name is as long as a name can be
    monkeypatch.setattr(Figure, "savefig", lambda *x: kept.append(x[0]) or save(*x))
    result = run(script, "--epochs", 3, *options.split(), "--plot", path)
    assert (result.end, result.err) == (0, "")
    assert list(tmp_path.iterdir()) == [path] and path.stat().st_size > 9999
    history, [figure] = result.history, kept
    rate, loss, accuracy = figure.axes
    assert figure.get_suptitle() == title and accuracy.get_xlabel() == "epoch"
    labels = ["learning rate in the\nepoch's first batch", "loss (nats)", "accuracy"]
    assert [axes.get_ylabel() for axes in figure.axes] == labels
    lines = [line for axes in figure.axes for line in axes.get_lines()]
    columns = "learning_rate", "loss", "val_loss", "accuracy", "val_accuracy"
    for line, column in zip(lines, columns, strict=True):
        assert list(line.get_xdata()) == [1, 2, 3]
        assert list(line.get_ydata()) == history[column]
    names = [text.get_text() for text in loss.get_legend().get_texts()]
    assert names == ["training", "validation"]
    lowest = min(0.5, *history["accuracy"], *history["val_accuracy"])
    assert accuracy.get_ylim() == (lowest, 1) and rate.get_ylim()[0] == 0


def test_a_full_disk_leaves_the_older_picture(tmp_path):
    resource = pytest.importorskip("resource")  # not on Windows
    path, limit = tmp_path / "run.png", resource.getrlimit(resource.RLIMIT_FSIZE)
    path.write_bytes(b"an older picture")
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limit[1]))  # bytes of a file
    try:
        result = run(TIME, "--epochs", 1, "--plot", path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert re.match(f"{path}: .*$", result.end) and list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == b"an older picture"


def test_the_data_is_ucis_and_shared_code_the_same():
    digest = "46d52186b84e20be52918adb93e8fb9926b34795ff7504c24350ae0616a04bbd"  # UCI's
    assert hashlib.sha256((ROOT / "ionosphere.csv").read_bytes()).hexdigest() == digest
    time, drop = (re.split("\n\n+", (ROOT / x).read_text()) for x in SCRIPTS)
    parts = "# Read on import", "    # Data", "    # The last rows", "    # Model"
    for start in (*parts, "def read_data", "def picture", "def save_plot", "    table"):
        [part] = [part for part in time if part.startswith(start)]
        assert part in drop, start


@pytest.mark.parametrize(("script", "machine"), [(TIME, {}), (DROP, OTHER_MACHINE)])
def test_a_process(tmp_path, script, machine):
    (tmp_path / "keras.json").write_text('{"backend": "jax", "floatx": "float16"}')
    drawn = tmp_path / script.replace(".py", ".png")
    env = {k: v for k, v in os.environ.items() if not k.startswith(("TF_", "ONEDNN_"))}
    env |= {"KERAS_HOME": tmp_path, "KERAS_BACKEND": "torch", **machine}
    command = [sys.executable, ROOT / script, "--plot", drawn]
    settings = {"cwd": tmp_path, "env": env, "capture_output": True, "text": True}
    end = subprocess.run(command, check=True, **settings)
    assert STEP_TIMES.sub("", end.stdout) == run(script).out
    assert end.stdout.count(" - learning_rate: ") == 50
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".json", ".png"]
    for line in end.stderr.splitlines():  # where oneDNN is on, it says so
        assert machine and ("oneDNN" in line or "absl::InitializeLog" in line)
    same_as_in_docs(drawn)
