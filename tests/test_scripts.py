"""The two scripts, against references from outside them."""

import hashlib
import os
import re
import subprocess
import sys

import pandas as pd
import pytest
from helpers import DROP, ROOT, TIME, block, run, same_as_in_docs, timeless

KERAS2 = pd.read_csv(ROOT / "tests" / "keras2" / "scripts.csv").groupby("command")
TABLE = [0.1, 0.0999000999, 0.0997006985, 0.09940249103, 0.09900646517]  # the article's
LIST = "    callbacks=callbacks_list)\n"
# By the rules, written out: an epoch is 9 batches; decay is the learning rate / epochs.
RATES = [  # the rates in epochs 1, 2, ...
    (TIME, "--epochs 3 --learning-rate 0.2 --seed 0", {}, [0.2, 0.2 / 1.6, 0.2 / 2.2]),
    (TIME, "--epochs 1 --learning-rate 100 --decay 0 --momentum 1", {}, [100]),
    (DROP, "--epochs 5 --epochs-drop 2", {}, [0.1, 0.05, 0.05, 0.025, 0.025]),
    (DROP, "--epochs 2 --epochs-drop 1 --drop 0.1 --learning-rate 2", {}, [0.2, 0.02]),
    (DROP, "--epochs 1 --epochs-drop 1 --drop 0 --seed 4294967295 --momentum 1", {}, [0]),
    # With a page's snippet in place of a line
    (TIME, "--epochs 2 --decay 0.1", {"schedule = ": block("staircase")}, [0.1, 0.1 / 1.1]),
    (TIME, "--epochs 2", {"schedule = ": block("Exponential")}, [0.1, 0.1 / 2**0.1]),
    (TIME, "--epochs 3", {"schedule = ": block("Cosine")}, [0.1, 0.075, 0.025]),
    (TIME, "--epochs 5", {"sgd = ": block("def table"), "    callbacks=": LIST}, TABLE),
    (DROP, "--epochs 21", {"lrate = ": "", "sgd = ": block("Plateau")}, [0.1] * 20 + [0.05]),
]
REFUSED = [  # an option with values that it does not take
    (TIME, "--epochs 0 2.5 1000001 much"),
    (TIME, "--learning-rate -0.1 nan 101 1e999"),
    (DROP, "--momentum -0.1 1.1 nan much"),
    (DROP, "--seed -1 4294967296 7.5"),
    (DROP, "--plot run.gif run missing/run.png"),
    (TIME, "--epoch 5"),
    (TIME, "--decay -1.0 101 nan"),
    (DROP, "--drop -0.1 1.1 nan"),
    (DROP, "--epochs-drop 0 1000001 2.5"),
]
DATA = (ROOT / "ionosphere.csv").read_text(encoding="utf-8")
BAD_DATA = [  # what stands in place of which text, here of the last row; what is said
    (DATA, "", "[]"),
    (",", ";", "'1;0;0.99539"),
    (",g\n$", ",good\n", "'good'"),
    (",[^,]*,[^,]*,g\n$", ",,1.5,g\n", "'1.5', 'b', 'g', 'nan'"),
    (",g\n$", ",g,0\n", "'0'"),
    (",g\n$", ",g,,0\n", "saw 37"),
    (",g\n$", ",\xff\n", "utf-8"),
]

@pytest.mark.parametrize(("command", "keras2"), [*KERAS2])
def test_keras_2_agrees_in_every_epoch(command, keras2):
    history = run(*command.split()).history.history
    for column in "loss", "val_loss", "val_accuracy":
        assert history[column] == pytest.approx(list(keras2[column]), rel=0, abs=1e-7)

@pytest.mark.parametrize(("script", "options", "changes", "rates"), RATES)
def test_the_rates(script, options, changes, rates):
    result = run(script, *options.split(), changes=tuple(changes.items()))
    assert (result.end, result.err, result.gc.isenabled()) == (0, "", True)
    assert result.history.history["learning_rate"] == pytest.approx(rates)

@pytest.mark.parametrize(("script", "refused"), REFUSED)
def test_refused(script, refused):
    option, *values = refused.split()
    for value in values:
        result = run(script, option, value, folder=ROOT / "missing")  # trains in no case
        usage, *_, last = result.err.splitlines()
        assert (result.end, result.out, usage[:7]) == (2, "", "usage: ")
        assert {"error", option, value} <= set(re.split("[ ':]+", last))
    assert "None" not in run(script, "--help").out

@pytest.mark.parametrize(("old", "new", "said"), BAD_DATA)
def test_bad_data(tmp_path, old, new, said):
    text = DATA.replace(old, new) if old in DATA else re.sub(old, new, DATA)
    (tmp_path / "ionosphere.csv").write_text(text, encoding="latin-1")
    for script, folder in (TIME, tmp_path), (DROP, tmp_path / "empty"):
        end = run(script, folder=folder).end
        assert re.fullmatch("ionosphere.csv: .+ rows of 34 numbers .+", end)
        assert (said if script == TIME else "No such file") in end

def test_keras_on_another_backend(monkeypatch):
    monkeypatch.setattr("keras.backend.backend", lambda: "jax")
    assert run(TIME, "--seed", 3).end.startswith("This needs Keras 3 on TensorFlow.")

def test_the_data_is_ucis_and_the_scripts_differ_in_their_schedules_only():
    digest = "46d52186b84e20be52918adb93e8fb9926b34795ff7504c24350ae0616a04bbd"  # UCI's
    assert hashlib.sha256((ROOT / "ionosphere.csv").read_bytes()).hexdigest() == digest
    time, drop = ((ROOT / x).read_text(encoding="utf-8").splitlines() for x in (TIME, DROP))
    for line in set(time) ^ set(drop):
        assert re.search("decay|drop|momentum|rate|epoch|schedule", line.lower()), line

@pytest.mark.parametrize("script", [TIME, DROP])
def test_what_a_picture_shows(tmp_path, script):
    result = run(script, "--epochs", 3, "--plot", tmp_path / "run.svg")
    shown = {"calling every row good": [107 / 116] * 2, **result.history.history}
    for axes in result.figure.axes:
        for line, text in zip(axes.get_lines(), axes.get_legend().get_texts(), strict=True):
            assert list(line.get_ydata()) == shown.pop(text.get_text())
    assert not shown

@pytest.mark.parametrize("script", [TIME, DROP])
def test_a_process(tmp_path, script):
    drawn, start = tmp_path / script.replace(".py", ".png"), []
    env = {k: v for k, v in os.environ.items() if not k.startswith("TF_")}
    env["KERAS_BACKEND"] = "torch" if script == TIME else "tensorflow"
    if script == DROP:  # another machine: oneDNN, and older instructions
        env |= {"TF_ENABLE_ONEDNN_OPTS": "1", "ONEDNN_MAX_CPU_ISA": "SSE41"}
        start = ["-c", "import runpy, sys, tensorflow; del sys.argv[0]; runpy.run_path(sys.argv[0])"]
    command = [sys.executable, *start, str(ROOT / script), "--plot", str(drawn)]
    how = {"cwd": tmp_path, "env": env, "capture_output": True, "encoding": "utf-8"}
    end = subprocess.run(command, check=True, **how)
    assert timeless(end.stdout) == f"{run(script).out}The picture is in {drawn}\n"
    assert list(tmp_path.iterdir()) == [drawn]
    assert script == DROP or not end.stderr
    same_as_in_docs(drawn)
