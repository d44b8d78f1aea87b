"""The two scripts, run as a user runs them, against references from outside them."""

import ast
import gc
import hashlib
import os
import runpy
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scripts import DROP, ROOT, SCRIPTS, TIME, default_run, epochs_printed, run

KERAS2 = pd.read_csv(Path(__file__).with_name("keras2.csv"))

# Written out from the article, not computed by the scripts' formulas: 235 rows in
# batches of 28 are 9 batches an epoch, and the listing drops before epoch 10, 20, ...
RATES = {
    TIME: [0.1 / (1 + 0.002 * 9 * epochs_done) for epochs_done in range(50)],
    DROP: [0.1] * 9
    + [0.05] * 10
    + [0.025] * 10
    + [0.0125] * 10
    + [0.00625] * 10
    + [0.003125],
}
MOMENTUM = {TIME: 0.8, DROP: 0.9}


def rows(count=351):
    return (ROOT / "ionosphere.csv").read_text().splitlines()[:count]


def use_one_core():
    if hasattr(os, "sched_setaffinity"):  # Linux
        os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])


@pytest.fixture(scope="session")
def processes(tmp_path_factory):
    """Run scripts as processes of their own, two at a time, and return their ends.

    All start in a folder that cannot be written to, "again" also on one core, without
    oneDNN, and with a matplotlib that cannot be imported.
    """
    folders = {name: tmp_path_factory.mktemp(name) for name in ("here", "path", "bad")}
    folders["here"].chmod(0o555)
    (folders["path"] / "matplotlib.py").write_text("raise ImportError")
    shutil.copy(ROOT / TIME, folders["bad"])
    (folders["bad"] / "ionosphere.csv").write_text("\n".join(rows(9)) + "\n1,2,g\n")
    again = {
        "preexec_fn": use_one_core,
        "env": {
            **os.environ,
            "TF_ENABLE_ONEDNN_OPTS": "0",
            "PYTHONPATH": str(folders["path"]),
        },
    }
    jobs = {
        TIME: ([ROOT / TIME], {}),
        DROP: ([ROOT / DROP], {}),
        f"{TIME} again": ([ROOT / TIME], again),
        f"{DROP} again": ([ROOT / DROP], again),
        "bad data": ([folders["bad"] / TIME], {}),
        "bad option": ([ROOT / DROP, "--epochs", "2.5"], {}),
    }

    def start(job):
        arguments, settings = job
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=folders["here"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            **settings,
        )

    with ThreadPoolExecutor(max_workers=2) as pool:
        return dict(zip(jobs, pool.map(start, jobs.values())))


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_plain_run(processes, script):
    process = processes[script]
    assert (process.returncode, process.stderr) == (0, "")
    first, *_, last = process.stdout.splitlines()
    assert first == (
        "235 training rows (118 good, 117 bad), 116 validation rows (107 good, 9 bad)"
    )
    table = epochs_printed(process.stdout)
    assert list(table["learning_rate"]) == pytest.approx(RATES[script], abs=5.1e-5)
    # The article reports 99.14 %, 115 of 116 rows, for both schedules.
    right = round(table["val_accuracy"].iloc[-1] * 116)
    assert right / 116 >= 0.98
    assert last == (
        f"Validation accuracy after epoch 50: {right / 116:.2%} ({right} of 116 rows); "
        "always answering good: 92.24% (107 of 116)"
    )


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_seed_fixes_every_number(processes, script):
    first, again = processes[script], processes[f"{script} again"]
    assert (again.returncode, again.stderr) == (0, "")
    pd.testing.assert_frame_equal(
        epochs_printed(first.stdout), epochs_printed(again.stdout)
    )


@pytest.mark.parametrize("command", KERAS2["command"].unique())
def test_keras_2_agrees_in_every_epoch(command):
    expected = KERAS2[KERAS2["command"] == command]
    result = default_run(DROP) if command == DROP else run(*command.split())
    recorded = result.history.history
    assert len(expected) == 50
    for column in ("loss", "val_loss"):
        assert recorded[column] == pytest.approx(
            list(expected[column]), rel=0, abs=1e-7
        )
    if command == DROP:  # printed, 0.003125 and 0.0031 look the same
        assert recorded["learning_rate"] == pytest.approx(RATES[DROP])


def test_step_decay_alone_is_the_listing():
    step_decay = runpy.run_path(str(ROOT / DROP))["step_decay"]
    assert [step_decay(epoch) for epoch in range(50)] == pytest.approx(RATES[DROP])
    with pytest.raises(TypeError):  # so LearningRateScheduler leaves the rate out
        step_decay(0, 0.1)


@pytest.mark.parametrize("script", SCRIPTS)
def test_two_steps_equal_numpy(script):
    history = run(script, "--epochs", 1, "--learning-rate", 0.1).history.history
    model = run(script, "--epochs", 1).history.model
    table = pd.read_csv(ROOT / "ionosphere.csv", header=None)
    X, y = table.iloc[:, :34].to_numpy(float), (table[[34]] == "g").to_numpy(float)

    def forward(X, weights):
        W1, b1, W2, b2 = weights
        hidden = np.maximum(X @ W1 + b1, 0)
        return hidden, 1 / (1 + np.exp(-(hidden @ W2 + b2)))

    # The last 116 rows of the file, and no others, are those that validate.
    weights = [weight.astype(float) for weight in model.get_weights()]
    _, answer = forward(X[235:], weights)
    losses = -np.log(np.where(y[235:] == 1, answer, 1 - answer))
    assert history["val_loss"] == pytest.approx([losses.mean()], abs=1e-6)

    velocities = [v.numpy().astype(float) for v in model.optimizer.variables[-4:]]
    for step, part in enumerate((slice(0, 28), slice(28, 56))):
        hidden, answer = forward(X[part], weights)
        error = (answer - y[part]) / 28
        below = (error @ weights[2].T) * (hidden > 0)
        gradients = [X[part].T @ below, below.sum(0), hidden.T @ error, error.sum(0)]
        # After 1 epoch of 9 batches; of 1 epoch, time-based decay is 0.1 a batch.
        rate = 0.1 / (1 + 0.1 * (9 + step)) if script == TIME else 0.1
        for weight, velocity, gradient in zip(weights, velocities, gradients):
            velocity *= MOMENTUM[script]
            velocity -= rate * gradient
            weight += velocity
        model.train_on_batch(X[part], y[part])
    for weight, expected in zip(model.get_weights(), weights):
        np.testing.assert_allclose(weight, expected, atol=1e-6)


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_start_weights(script):
    build_model = runpy.run_path(str(ROOT / script))["build_model"]
    assert gc.isenabled()  # the script turns it off while it imports
    starts = [build_model().get_weights() for _ in range(20)]
    assert [weight.shape for weight in starts[0]] == [(34, 34), (34,), (34, 1), (1,)]
    W1, b1, W2, b2 = (np.concatenate(weights) for weights in zip(*starts))
    assert not b1.any() and not b2.any()
    assert np.std(W1) == pytest.approx(0.05, rel=0.05)
    assert np.std(W2) == pytest.approx(0.05, rel=0.15)


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_data(script):
    file = ROOT / "ionosphere.csv"
    # The file of the UCI repository, byte for byte.
    assert hashlib.sha256(file.read_bytes()).hexdigest() == (
        "46d52186b84e20be52918adb93e8fb9926b34795ff7504c24350ae0616a04bbd"
    )
    X, y = runpy.run_path(str(ROOT / script))["load_data"](file)
    fields = np.array([row.split(",") for row in rows()])
    assert X.shape == (351, 34) and X.dtype == "float64"
    np.testing.assert_array_equal(X, fields[:, :34].astype(float))
    np.testing.assert_array_equal(y, fields[:, 34] == "g")


def with_row_5(row):
    return "\n".join([*rows()[:4], row, *rows()[5:]]).encode()


NUMBERS = ",".join(["0"] * 33)
BAD_DATA = {
    "missing": (None, "No such file"),
    "a folder": ("folder", "Is a directory"),
    "empty": (b"", "too few rows to train and validate: 0"),
    "one row": (rows(1)[0].encode(), "too few rows to train and validate: 1"),
    "34 fields": (with_row_5(NUMBERS + ",g"), "row 5"),
    "36 fields": (with_row_5(f"0,0,{NUMBERS},g"), "row 5"),
    "a comma at the end": (with_row_5(f"0,{NUMBERS},g,"), "row 5"),
    "a blank row": (with_row_5(""), "row 5"),
    "a word": (with_row_5(f"x,{NUMBERS},g"), "row 5"),
    "no value": (with_row_5(f",{NUMBERS},g"), "row 5"),
    "nan": (with_row_5(f"nan,{NUMBERS},g"), "row 5"),
    "inf": (with_row_5(f"-inf,{NUMBERS},g"), "row 5"),
    "1e400": (with_row_5(f"1e400,{NUMBERS},g"), "row 5"),
    "1e39": (with_row_5(f"1e39,{NUMBERS},g"), "row 5"),
    "another label": (with_row_5(f"0,{NUMBERS},x"), "row 5"),
    "no label": (with_row_5(f"0,{NUMBERS},"), "row 5"),
    "no text": (with_row_5(f"0,{NUMBERS},g").replace(b",g", b"\xff\x00"), "row 1"),
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
    result = run(script, folder=tmp_path)
    assert (result.code, result.out) == (1, "")
    assert (
        result.err.startswith("ionosphere.csv: ") and len(result.err.splitlines()) == 1
    )
    assert message in result.err


def test_bad_input_to_a_process(processes):
    data, option = processes["bad data"], processes["bad option"]
    assert (data.returncode, data.stdout) == (1, "")
    assert data.stderr == (
        "ionosphere.csv: row 10 is not 34 finite numbers and a label, g or b\n"
    )
    assert (option.returncode, option.stdout) == (2, "")
    assert option.stderr.startswith("usage: drop_based_decay.py ")
    assert option.stderr.splitlines()[-1] == (
        "drop_based_decay.py: error: argument --epochs: "
        "takes a whole number from 1, not '2.5'"
    )


def test_common_functions_have_the_same_text():
    texts = [(ROOT / script).read_text() for script in SCRIPTS]
    functions = [
        {
            node.name: ast.get_source_segment(text, node)
            for node in ast.parse(text).body
            if isinstance(node, ast.FunctionDef)
        }
        for text in texts
    ]
    common = functions[0].keys() & functions[1].keys() - {"main", "parse_options"}
    assert common >= {"load_data", "build_model", "report"}
    for name in common:
        assert functions[0][name] == functions[1][name], name
