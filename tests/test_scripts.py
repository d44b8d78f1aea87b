"""The two scripts, run as a user runs them, against references from outside them."""

import gc
import hashlib
import re
import runpy
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers import DROP, ROOT, SCRIPTS, TIME, epochs_printed, process, run, run_once
from PIL import Image

KERAS2 = pd.read_csv(Path(__file__).with_name("keras2.csv"))
# What record_keras2.py recorded, and the script whose default run it must be, if any.
SAME_AS_KERAS_2 = {
    "time_based_decay.py --learning-rate 0.1 --decay 0.002 --momentum 0.8": TIME,
    "time_based_decay.py --learning-rate 0.2 --decay 0.02 --momentum 0.0": None,
    "time_based_decay.py --learning-rate 0.05 --decay 0.0 --momentum 0.9": None,
    "drop_based_decay.py": DROP,
}
# Written out from the article: 235 rows in batches of 28 are 9 batches an epoch, and
# its listing has the lower rate in epochs 10, 20, ...
TENS = [rate for rate in (0.05, 0.025, 0.0125, 0.00625) for _ in range(10)]
RATES = {
    TIME: [0.1 / (1 + 0.002 * 9 * epochs_done) for epochs_done in range(50)],
    DROP: [*[0.1] * 9, *TENS, 0.003125],
}
# As %run in a notebook whose kernel has built a layer, of one type and then the other.
NOTEBOOK = """
import keras, runpy, sys
for policy, script in [(p, s) for p in ("float32", "mixed_float16") for s in sys.argv[1:]]:
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy(policy)
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    runpy.run_path(script)["main"](["--seed", "2"])
"""
ROWS = (ROOT / "ionosphere.csv").read_text().splitlines()


@pytest.fixture(scope="session", autouse=True)
def processes(tmp_path_factory):
    """Start programs, one at a time, while the tests that do not wait for them run."""
    home, blocked, here = (tmp_path_factory.mktemp(name) for name in "abc")
    (home / "keras.json").write_text('{"backend": "jax", "floatx": "float16"}')
    (blocked / "matplotlib.py").write_text("raise ImportError('no matplotlib')")
    other_home = {"KERAS_HOME": str(home), "KERAS_BACKEND": "torch"}
    other_machine = {"TF_ENABLE_ONEDNN_OPTS": "1", "ONEDNN_MAX_CPU_ISA": "SSE41"}
    jobs = {
        TIME: ([ROOT / TIME, "--plot", here / "time_based_decay.png"], {}),
        DROP: ([ROOT / DROP, "--plot", here / "drop_based_decay.png"], {}),
        "other home": ([ROOT / TIME], {**other_home, "PYTHONPATH": str(blocked)}),
        "notebook": (["-c", NOTEBOOK, ROOT / TIME, ROOT / DROP], other_machine),
    }
    with ThreadPoolExecutor(max_workers=1) as pool:
        yield {
            name: pool.submit(process, *arguments, folder=here, **variables)
            for name, (arguments, variables) in jobs.items()
        }
    left = sorted(path.stem for path in here.iterdir())
    assert left == ["drop_based_decay", "time_based_decay"]  # only what was asked for


@pytest.mark.parametrize("command", SAME_AS_KERAS_2)
def test_keras_2_agrees_in_every_epoch(command):
    assert list(KERAS2["command"].unique()) == list(SAME_AS_KERAS_2)
    keras2 = KERAS2[KERAS2["command"] == command]
    assert list(keras2["epoch"]) == list(range(1, 51))
    script = SAME_AS_KERAS_2[command]
    history = (run_once(script) if script else run(*command.split())).history.history
    for column in "loss", "val_loss":
        assert history[column] == pytest.approx(list(keras2[column]), rel=0, abs=1e-7)
    if script:  # printed, 0.003125 and 0.0031 look the same
        assert history["learning_rate"] == pytest.approx(RATES[script])


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_data(script):
    file = ROOT / "ionosphere.csv"  # of the UCI repository, byte for byte
    digest = "46d52186b84e20be52918adb93e8fb9926b34795ff7504c24350ae0616a04bbd"
    assert hashlib.sha256(file.read_bytes()).hexdigest() == digest
    runpy.run_path(str(ROOT / script))
    assert gc.isenabled()  # the script turns it off while it imports


ZEROS = "0," * 33
BAD_ROWS = {  # in place of row 5
    "34 fields": f"{ZEROS}g",
    "nothing": "",
    "a word": f"x,{ZEROS}g",
    "nan in the last field": f"{ZEROS}nan,g",
    "-inf": f"{ZEROS}-inf,g",
    "too large": f"{ZEROS}1e400,g",
    "400 digits": f"{ZEROS}{'9' * 400},g",
    "another label": f"{ZEROS}0,x",
    "no label": f"{ZEROS}0,",
}
BAD_FILES = {
    "missing": (None, "No such file"),
    "empty": (b"", "No columns"),
    "one row": (ROWS[0].encode(), "row 2 is not"),
    "36 fields once": (f"{ROWS[0]}\n0,{ROWS[1]}".encode(), "line 2, saw 36"),
    "36 fields always": (f"0,{ROWS[0]}\n0,{ROWS[1]}".encode(), "row 1 is not"),
    "True always": (f"True,{ZEROS}g\nTrue,{ZEROS}b".encode(), "row 1 is not"),
    "two bad rows": (f"{ZEROS}0,g\nx\ny\n{ZEROS}0,b".encode(), "row 2 is not"),
    "no text": (ROWS[0].encode() + b"\xff", "utf-8"),
    **{
        name: ("\n".join([*ROWS[:4], row, *ROWS[5:]]).encode(), "row 5 is not")
        for name, row in BAD_ROWS.items()
    },
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_data(tmp_path, name):
    content, message = BAD_FILES[name]
    shutil.copy(ROOT / TIME, tmp_path)
    if content is not None:
        (tmp_path / "ionosphere.csv").write_bytes(content)
    before = sorted(tmp_path.iterdir())
    result = run(TIME, "--plot", tmp_path / "run.png", folder=tmp_path)
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("ionosphere.csv: ") and message in result.err
    assert len(result.err.splitlines()) == 1
    assert sorted(tmp_path.iterdir()) == before  # no picture


def test_what_both_scripts_need_has_the_same_text():
    texts = [(ROOT / script).read_text() for script in SCRIPTS]
    time, drop = (re.split(r"\n(?=def |class |if |    # )", text) for text in texts)
    names = "def read_data", "def picture", "def save_plot", "    # Data", "    # Model"
    for start in (*names, "    # The last rows validate"):
        [part] = [part for part in time if part.startswith(start)]
        assert part in drop, start


@pytest.mark.parametrize("name", [TIME, DROP, "other home"])
def test_a_plain_run(processes, name):
    end, script = processes[name].result(), DROP if name == DROP else TIME
    assert (end.returncode, end.stderr) == (0, "")
    first, *_, last = end.stdout.splitlines()
    rows = (
        "235 training rows (118 good, 117 bad), 116 validation rows (107 good, 9 bad)"
    )
    assert first == rows
    table = epochs_printed(end.stdout)
    pd.testing.assert_frame_equal(table, epochs_printed(run_once(script).out))
    assert list(table["learning_rate"]) == pytest.approx(RATES[script], abs=5.1e-5)
    right = {TIME: 114, DROP: 115}[script]  # where the article's programs end, too
    assert table["val_accuracy"].iloc[-1] == pytest.approx(right / 116, abs=5.1e-5)
    assert last == (
        f"Validation accuracy after epoch 50: {right / 116:.2%} ({right} of 116 rows); "
        "always answering good: 92.24% (107 of 116)"
    )


def test_a_notebook_on_another_processor_gives_the_same_figures(processes):
    # In float32, seed 2 parts between instruction sets, and any seed after other layers.
    here = [epochs_printed(run_once(script, "--seed", 2).out) for script in SCRIPTS]
    there = epochs_printed(processes["notebook"].result().stdout)
    pd.testing.assert_frame_equal(there, pd.concat(here * 2, ignore_index=True))


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_pictures_in_docs_are_of_the_default_runs(processes, script):
    drawn = Path(processes[script].result().args[-1])
    old, new = (Image.open(path) for path in (ROOT / "docs" / drawn.name, drawn))
    if old.info["Software"] != new.info["Software"]:
        pytest.skip("another Matplotlib drew the recorded picture")
    assert abs(np.array(old, float) - np.array(new, float)).mean() < 0.5  # of 255
