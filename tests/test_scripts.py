"""The two scripts, against references from outside them."""

import hashlib
import os
import re
import subprocess
import sys

import keras
import pandas as pd
import pytest
from helpers import DROP, ROOT, SCRIPTS, TIME, run, same_as_in_docs, timeless
from matplotlib.figure import Figure

KERAS2 = pd.read_csv(ROOT / "tests" / "keras2" / "scripts.csv").groupby("command")
# By the rules, written out: an epoch is 9 batches; decay is the learning rate / epochs.
RATES = [
    (TIME, "--epochs 3 --learning-rate 0.2 --seed 0", [0.2, 0.2 / 1.6, 0.2 / 2.2]),
    (TIME, "--epochs 1 --learning-rate 100 --decay 0 --momentum 1", [100]),
    (DROP, "--epochs 5 --epochs-drop 2", [0.1, 0.05, 0.05, 0.025, 0.025]),
    (DROP, "--epochs 2 --epochs-drop 1 --drop 0.1 --learning-rate 2", [0.2, 0.02]),
    (DROP, "--epochs 1 --epochs-drop 1 --drop 0 --momentum 1 --seed 4294967295", [0]),
]
REFUSED = [  # options with values that they do not take; the last three are of one script
    "--epochs 0 2.5 1000001 much",
    "--learning-rate -0.1 nan 101 1e999",
    "--momentum -0.1 1.1 nan much",
    "--seed -1 4294967296 7.5",
    "--plot run.gif run missing/run.png",
    "--epoch 5",
    "--decay -1.0 101 nan",
    "--drop -0.1 1.1 nan",
    "--epochs-drop 0 1000001 2.5",
]
ROWS = (ROOT / "ionosphere.csv").read_text(encoding="utf-8").splitlines()
BAD_ROWS = {  # in place of the fifth row, each after 33 zeros; and what is said
    "g": "'g'",
    "0,g,0": "'0'",
    ",g": "'nan'",
    "-inf,g": "'-inf'",
    "True,g": "'True'",
    "1.5,g": "'1.5'",
    "0,good": "'good'",
    "\xff,g": "utf-8",
    "0,0,0,0,0,0,g": "saw 40",
}
BAD_FILES = {
    None: "No such file",
    "": "[]",
    ROWS[0]: "['g']",
    "\n".join(ROWS).replace(",", ";"): "'1;0;0.99539",
    "<!DOCTYPE html>\n<p>Ionosphere, UCI\n": "'<!DOCTYPE html>'",
    **{"\n".join([*ROWS[:4], "0," * 33 + x, *ROWS[5:]]): BAD_ROWS[x] for x in BAD_ROWS},
}


@pytest.mark.parametrize(("command", "keras2"), [*KERAS2])
def test_keras_2_agrees_in_every_epoch(command, keras2):
    history = run(*command.split()).history
    assert list(keras2["epoch"]) == list(range(1, 51))
    for column in "loss", "val_loss", "val_accuracy":
        assert history[column] == pytest.approx(list(keras2[column]), rel=0, abs=1e-7)


@pytest.mark.parametrize(("script", "options", "rates"), RATES)
def test_the_rates_that_options_set(script, options, rates):
    result = run(script, *options.split())
    assert (result.end, result.err, result.gc.isenabled()) == (0, "", True)
    assert result.history["learning_rate"] == pytest.approx(rates)
    assert f"Validation accuracy after epoch {len(rates)}: " in result.out
    assert (result.X.shape, sum(result.Y), result.model.built) == ((351, 34), 225, True)


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("refused", REFUSED)
def test_refused(script, refused):
    option, *values = refused.split()
    for value in values:
        result = run(script, option, value)
        usage, *_, last = result.err.splitlines()
        assert (result.end, result.out, usage[:7]) == (2, "", "usage: ")
        assert {"error", option, value} <= set(re.split("[ ':]+", last))
    text = run(script, "--help").out
    assert "None" not in text and (option in text or "unrecognized" in last)


@pytest.mark.parametrize("content", BAD_FILES)
def test_bad_data(tmp_path, content):
    (tmp_path / DROP).write_bytes((ROOT / DROP).read_bytes())
    if content is not None:
        (tmp_path / "ionosphere.csv").write_text(content, encoding="latin-1")
    result = run(DROP, "--epochs", 1, folder=tmp_path)
    assert re.fullmatch("ionosphere.csv: .+ rows of 34 numbers .+", result.end)
    assert BAD_FILES[content] in result.end and not result.out


def test_the_same_data_in_another_form(tmp_path):
    (tmp_path / TIME).write_bytes((ROOT / TIME).read_bytes())
    quoted = re.sub("([^,]+)", r'"\1"', ROWS[1])
    text = "\r\n".join(["\ufeff" + ROWS[0], quoted, *ROWS[2:]])
    (tmp_path / "ionosphere.csv").write_text(text, encoding="utf-8", newline="")
    assert run(TIME, folder=tmp_path).out == run(TIME).out


@pytest.mark.parametrize(("version", "backend"), [("2.15.0", "tensorflow"), ("3.8", "jax")])
def test_another_keras(monkeypatch, version, backend):
    monkeypatch.setattr(keras, "__version__", version)
    monkeypatch.setattr(keras.backend, "backend", lambda: backend)
    assert "Keras 3 on TensorFlow" in run.__wrapped__(TIME).end


@pytest.mark.parametrize("script", SCRIPTS)
def test_what_a_picture_shows(tmp_path, monkeypatch, script):
    kept, save = [], Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda *x: kept.append(x[0]) or save(*x))
    result = run(script, "--epochs", 3, "--plot", tmp_path / "run.svg")
    assert (result.err, f"{tmp_path / 'run.svg'}\n" in result.out) == ("", True)
    shown = {"calling every row good": [107 / 116] * 2, **result.history}
    schedule = {TIME: "InverseTimeDecay", DROP: "LearningRateScheduler"}[script]
    assert kept[0].get_suptitle() == f"{script}: {schedule}, seed 7"
    for axes in kept[0].axes:
        assert all(tick == int(tick) for tick in axes.get_xticks())
        for line, text in zip(axes.get_lines(), axes.get_legend().get_texts(), strict=True):
            assert list(line.get_ydata()) == shown.pop(text.get_text())
    (tmp_path / "folder.png").mkdir()
    failed = run(script, "--epochs", 1, "--plot", tmp_path / "folder.png").end
    assert not shown and str(tmp_path) in failed and "\n" not in failed


def test_the_data_is_ucis_and_the_scripts_differ_in_their_schedules_only():
    digest = "46d52186b84e20be52918adb93e8fb9926b34795ff7504c24350ae0616a04bbd"  # UCI's
    assert hashlib.sha256((ROOT / "ionosphere.csv").read_bytes()).hexdigest() == digest
    time, drop = ((ROOT / x).read_text(encoding="utf-8").splitlines() for x in SCRIPTS)
    for line in set(time) ^ set(drop):
        assert re.search("decay|drop|momentum|rate|epoch|schedule", line.lower()), line


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_process(tmp_path, script):
    config = '{"backend": "jax", "floatx": "float16"}'
    (tmp_path / "keras.json").write_text(config, encoding="utf-8")
    drawn, start = tmp_path / script.replace(".py", ".png"), []
    env = {k: v for k, v in os.environ.items() if not k.startswith(("TF_", "ONEDNN_"))}
    env |= {"KERAS_HOME": str(tmp_path), "KERAS_BACKEND": "torch"}
    if script == DROP:  # another machine: oneDNN, and older instructions
        env |= {"TF_ENABLE_ONEDNN_OPTS": "1", "ONEDNN_MAX_CPU_ISA": "SSE41"}
        env["KERAS_BACKEND"] = "tensorflow"  # as TensorFlow itself may import Keras
        start = "import runpy, sys, tensorflow; del sys.argv[0]; runpy.run_path(sys.argv[0])"
        start = ["-c", start]
    command = [sys.executable, *start, str(ROOT / script), "--plot", str(drawn)]
    settings = {"cwd": tmp_path, "env": env, "capture_output": True, "encoding": "utf-8"}
    end = subprocess.run(command, check=True, **settings)
    assert timeless(end.stdout) == f"{run(script).out}The picture is in {drawn}\n"
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".json", ".png"]
    assert script == DROP or not end.stderr
    same_as_in_docs(drawn)
