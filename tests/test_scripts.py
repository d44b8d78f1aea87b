"""The two scripts, run as a user runs them, against references from outside them."""

import gc
import hashlib
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers import DROP, ROOT, SCRIPTS, TIME, epochs_printed, run, run_once

KERAS2 = pd.read_csv(Path(__file__).with_name("keras2.csv"))
# What record_keras2.py recorded, and the options that give the same run here: the
# article's two programs, which must be the default runs, and two other settings.
SAME_AS_KERAS_2 = {
    "time_based_decay.py --learning-rate 0.1 --decay 0.002 --momentum 0.8": TIME,
    "drop_based_decay.py": DROP,
    "time_based_decay.py --learning-rate 0.2 --decay 0.02 --momentum 0.0": None,
    "time_based_decay.py --learning-rate 0.05 --decay 0.0 --momentum 0.9": None,
}
# Written out from the article, not computed by the scripts' formulas: 235 rows in
# batches of 28 are 9 batches an epoch, and the listing drops before epoch 10, 20, ...
TENS = [rate for rate in (0.05, 0.025, 0.0125, 0.00625) for _ in range(10)]
RATES = {
    TIME: [0.1 / (1 + 0.002 * 9 * epochs_done) for epochs_done in range(50)],
    DROP: [*[0.1] * 9, *TENS, 0.003125],
}
MOMENTUM = {TIME: 0.8, DROP: 0.9}
# Prints, from one core, the histories of both scripts with the seeds 7 and 2.
HISTORIES = """
import contextlib, io, json, os, runpy, sys
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
histories = {}
for script in "time_based_decay.py", "drop_based_decay.py":
    main = runpy.run_path(f"{sys.argv[1]}/{script}")["main"]
    for seed in "7", "2":
        with contextlib.redirect_stdout(io.StringIO()):
            histories[f"{script} {seed}"] = main(["--seed", seed]).history
print(json.dumps(histories))
"""


def rows(count=351):
    return (ROOT / "ionosphere.csv").read_text().splitlines()[:count]


@pytest.fixture(scope="session")
def processes(tmp_path_factory):
    """Run programs as processes of their own, two at a time, and return their ends.

    Each has a folder of its own as its working folder, and no variable that silences
    TensorFlow. "other settings" has a Keras set up for another backend and type, and a
    matplotlib that cannot be imported.
    """
    bad, keras_home, blocked, here = (
        tmp_path_factory.mktemp(name) for name in ("bad", "keras", "blocked", "here")
    )
    shutil.copy(ROOT / TIME, bad)
    (bad / "ionosphere.csv").write_text("\n".join(rows(9)) + "\n1,2,g\n")
    (keras_home / "keras.json").write_text('{"backend": "jax", "floatx": "float16"}')
    (blocked / "matplotlib.py").write_text("raise ImportError('no matplotlib')")
    other_settings = {
        "KERAS_HOME": str(keras_home),
        "KERAS_BACKEND": "torch",
        "PYTHONPATH": str(blocked),
    }
    one_dnn = {"TF_ENABLE_ONEDNN_OPTS": "1"}
    histories = ["-c", HISTORIES, ROOT]
    jobs = {
        TIME: ([ROOT / TIME], {}),
        DROP: ([ROOT / DROP], {}),
        "other settings": ([ROOT / TIME], other_settings),
        "other machine": (histories, {**one_dnn, "ONEDNN_MAX_CPU_ISA": "SSE41"}),
        "oneDNN": (histories, one_dnn),
        "bad data": ([bad / TIME], {}),
        "1e400": ([ROOT / TIME, "--learning-rate", "1e400"], {}),
        "nan": ([ROOT / DROP, "--drop", "nan"], {}),
        "no matplotlib": ([ROOT / DROP, "--plot", here / "x.png"], other_settings),
    }

    settings = "TF_", "KERAS_", "ONEDNN_", "PYTHON"
    unset = {k: v for k, v in os.environ.items() if not k.startswith(settings)}

    def start(name):
        arguments, variables = jobs[name]
        folder = here / name
        folder.mkdir()
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=folder,
            env={**unset, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    with ThreadPoolExecutor(max_workers=2) as pool:
        ends = dict(zip(jobs, pool.map(start, jobs)))
    # No run leaves anything where it was started.
    assert [path for path in here.rglob("*") if path.is_file()] == []
    return ends


@pytest.mark.parametrize("name", [TIME, DROP, "other settings"])
def test_a_plain_run(processes, name):
    process, script = processes[name], DROP if name == DROP else TIME
    assert (process.returncode, process.stderr) == (0, "")
    first, *_, last = process.stdout.splitlines()
    assert first == (
        "235 training rows (118 good, 117 bad), 116 validation rows (107 good, 9 bad)"
    )
    table = epochs_printed(process.stdout)
    pd.testing.assert_frame_equal(table, epochs_printed(run_once(script).out))
    assert list(table["learning_rate"]) == pytest.approx(RATES[script], abs=5.1e-5)
    # The article's listings end at 114 (time-based) and 115 (drop-based) of 116 rows.
    right = {TIME: 114, DROP: 115}[script]
    assert table["val_accuracy"].iloc[-1] == pytest.approx(right / 116, abs=5.1e-5)
    assert last == (
        f"Validation accuracy after epoch 50: {right / 116:.2%} ({right} of 116 rows); "
        "always answering good: 92.24% (107 of 116)"
    )


@pytest.mark.parametrize("name", ["other machine", "oneDNN"])
def test_every_machine_gives_the_same_figures(processes, name):
    histories = json.loads(processes[name].stdout)
    assert len(histories) == 4
    for command, history in histories.items():
        script, seed = command.split()
        here = run_once(script, *([] if seed == "7" else ["--seed", seed]))
        for column, values in here.history.history.items():
            assert history[column] == pytest.approx(values, rel=0, abs=1e-9), command


@pytest.mark.parametrize("command", SAME_AS_KERAS_2)
def test_keras_2_agrees_in_every_epoch(command):
    assert dict(KERAS2.groupby("command").size()) == dict.fromkeys(SAME_AS_KERAS_2, 50)
    script = SAME_AS_KERAS_2[command]
    result = run_once(script) if script else run(*command.split())
    recorded = result.history.history
    for column in ("loss", "val_loss"):
        expected = list(KERAS2.loc[KERAS2["command"] == command, column])
        assert recorded[column] == pytest.approx(expected, rel=0, abs=1e-7)
    if script:  # printed, 0.003125 and 0.0031 look the same
        assert recorded["learning_rate"] == pytest.approx(RATES[script])


def test_step_decay_alone_is_the_listing():
    step_decay = runpy.run_path(str(ROOT / DROP))["step_decay"]
    assert [step_decay(epoch) for epoch in range(50)] == pytest.approx(RATES[DROP])
    with pytest.raises(TypeError):  # so LearningRateScheduler leaves the rate out
        step_decay(0, 0.1)


@pytest.mark.parametrize("script", SCRIPTS)
def test_two_steps_equal_numpy(script):
    model = run(script, "--epochs", 1).history.model
    table = pd.read_csv(ROOT / "ionosphere.csv", header=None)
    X, y = table.iloc[:, :34].to_numpy(float), (table[[34]] == "g").to_numpy(float)
    weights = [weight.copy() for weight in model.get_weights()]
    velocities = [v.numpy().copy() for v in model.optimizer.variables[-4:]]
    for step, part in enumerate((slice(0, 28), slice(28, 56))):
        W1, b1, W2, b2 = weights
        hidden = np.maximum(X[part] @ W1 + b1, 0)
        error = (1 / (1 + np.exp(-(hidden @ W2 + b2))) - y[part]) / 28
        below = (error @ W2.T) * (hidden > 0)
        gradients = [X[part].T @ below, below.sum(0), hidden.T @ error, error.sum(0)]
        # After 1 epoch of 9 batches; of 1 epoch, time-based decay is 0.1 a batch.
        rate = 0.1 / (1 + 0.1 * (9 + step)) if script == TIME else 0.1
        for weight, velocity, gradient in zip(weights, velocities, gradients):
            velocity *= MOMENTUM[script]
            velocity -= rate * gradient
            weight += velocity
        model.train_on_batch(X[part], y[part])
    for weight, expected in zip(model.get_weights(), weights):
        np.testing.assert_allclose(weight, expected, atol=1e-8)


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_data(script):
    file = ROOT / "ionosphere.csv"
    # The file of the UCI repository, byte for byte.
    assert hashlib.sha256(file.read_bytes()).hexdigest() == (
        "46d52186b84e20be52918adb93e8fb9926b34795ff7504c24350ae0616a04bbd"
    )
    X, y = runpy.run_path(str(ROOT / script))["load_data"](file)
    assert gc.isenabled()  # the script turns it off while it imports
    fields = np.array([row.split(",") for row in rows()])
    assert X.shape == (351, 34) and X.dtype == "float64"
    np.testing.assert_array_equal(X, fields[:, :34].astype(float))
    np.testing.assert_array_equal(y, fields[:, 34] == "g")


def with_row_5(row):
    return "\n".join([*rows()[:4], row, *rows()[5:]]).encode()


def with_row_5_after(separator):
    return ("\n".join(rows()[:4]) + separator + "\n".join(rows()[4:])).encode()


NUMBERS = ",".join(["0"] * 33)
BAD_DATA = {
    "missing": (None, "No such file"),
    "a folder": ("folder", "Is a directory"),
    "empty": (b"", "No columns"),
    "one row": (rows(1)[0].encode(), "(1, 35), not 2 rows or more"),
    "34 fields": (with_row_5(NUMBERS + ",g"), "row 5"),
    "36 fields": (with_row_5(f"0,0,{NUMBERS},g"), "line 5, saw 36"),
    "36 fields everywhere": ("\n".join(f"0,{row}" for row in rows()).encode(), "36"),
    "a comma at the end": (with_row_5(f"0,{NUMBERS},g,"), "line 5, saw 36"),
    "a blank row": (with_row_5(""), "row 5"),
    "a word": (with_row_5(f"x,{NUMBERS},g"), "row 5"),
    "no value": (with_row_5(f",{NUMBERS},g"), "row 5"),
    "nan": (with_row_5(f"nan,{NUMBERS},g"), "row 5"),
    "inf": (with_row_5(f"-inf,{NUMBERS},g"), "row 5"),
    "1e400": (with_row_5(f"1e400,{NUMBERS},g"), "row 5"),
    "another label": (with_row_5(f"0,{NUMBERS},x"), "row 5"),
    "no label": (with_row_5(f"0,{NUMBERS},"), "row 5"),
    "no text": (with_row_5(f"0,{NUMBERS},g\xff").replace(b"\xc3", b""), "utf-8"),
    "a line separator": (with_row_5_after("\u2028"), "line 4, saw 69"),
    "a form feed": (with_row_5_after("\f"), "line 4, saw 69"),
    "a next line": (with_row_5_after("\x85"), "line 4, saw 69"),
    "line separators only": ("\u2028".join(rows()).encode(), "(1, 11935)"),
}


@pytest.mark.parametrize("name", BAD_DATA)
@pytest.mark.parametrize("script", SCRIPTS)
def test_bad_data(tmp_path, script, name):
    content, message = BAD_DATA[name]
    shutil.copy(ROOT / script, tmp_path)
    if content == "folder":
        (tmp_path / "ionosphere.csv").mkdir()
    elif content is not None:
        (tmp_path / "ionosphere.csv").write_bytes(content)
    (tmp_path / "old.png").write_text("an older picture")
    result = run(script, "--plot", tmp_path / "old.png", folder=tmp_path)
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("ionosphere.csv: ") and message in result.err
    assert len(result.err.splitlines()) == 1
    assert (tmp_path / "old.png").read_text() == "an older picture"


@pytest.mark.parametrize(
    ("name", "code", "last"),
    [
        ("bad data", 1, "ionosphere.csv: row 10 is not 34 finite numbers and g or b"),
        ("1e400", 2, "error: argument --learning-rate: takes a number in (0, 1e+38]"),
        ("nan", 2, "error: argument --drop: takes a number in (0, 1], not nan"),
        ("no matplotlib", 2, "error: argument --plot: no matplotlib"),
    ],
)
def test_bad_input_to_a_process(processes, name, code, last):
    process = processes[name]
    assert (process.returncode, process.stdout) == (code, "")
    *usage, line = process.stderr.splitlines()
    assert last in line
    assert "".join(usage).startswith("usage: " if code == 2 else "")
    assert len(usage) <= (3 if code == 2 else 0)


def test_common_functions_have_the_same_text():
    time, drop = (
        re.split(
            r"^(?=def |# The|if )", (ROOT / script).read_text(), flags=re.MULTILINE
        )
        for script in SCRIPTS
    )
    for name in "load_data", "build_model", "check_rows", "save_plot", "parse_options":
        [text] = [part for part in time if part.startswith(f"def {name}(")]
        assert text in drop, name
