"""The two scripts, against references from outside them."""

import ast
import hashlib
import os
import re
import subprocess
import sys
from itertools import product

import keras
import pandas as pd
import pytest
from conftest import (
    DROP_BASED,
    ROOT,
    TIME_BASED,
    assert_same_picture,
    block,
    copy_script,
    page,
    put,
    run,
    without_times,
)

SCRIPTS = [TIME_BASED, DROP_BASED]
KERAS_2 = pd.read_csv(ROOT / "tests" / "keras2" / "scripts.csv").groupby("command")
DATA = page("ionosphere.csv")
LINES = DATA.splitlines(keepends=True)
ROW, LAST_ROW = LINES[4], LINES[-1]
ARTICLES_TABLE = [0.1, 0.0999000999, 0.0997006985, 0.09940249103, 0.09900646517]


@pytest.mark.parametrize("command", KERAS_2.groups)
def test_keras_2_agrees_in_every_epoch(command):
    script, _, options = command.partition(" ")
    history = run(ROOT / script, options)["history"].history
    for column in "loss", "val_loss", "val_accuracy":
        expected = list(KERAS_2.get_group(command)[column])
        assert history[column] == pytest.approx(expected, rel=0, abs=1e-7), (
            "no longer Keras 2's; tests/keras2/record.py makes its record anew"
        )


# By the rules, written out: an epoch is 9 batches; decay is the learning rate / epochs.
# The values at the bounds are taken: momentum 0 and 1, drop 0 and 1, the seeds.
@pytest.mark.parametrize(
    ("script", "options", "rates"),
    [
        (TIME_BASED, "--epochs 3 --learning-rate 0.2", [0.2, 0.2 / 1.6, 0.2 / 2.2]),
        (TIME_BASED, "--epochs 2 --decay 0 --momentum 1 --seed 0", [0.1, 0.1]),
        (TIME_BASED, "--epochs 2 --decay 0.1", [0.1, 0.1 / 1.9]),
        (DROP_BASED, "--epochs 5 --epochs-drop 2", [0.1, 0.05, 0.05, 0.025, 0.025]),
        (DROP_BASED, "--epochs 2 --epochs-drop 1 --drop 0.1", [0.01, 0.001]),
        (DROP_BASED, "--epochs 1 --epochs-drop 1 --drop 0 --seed 4294967295", [0]),
        (DROP_BASED, "--epochs 1 --drop 1 --learning-rate 2 --momentum 0", [2]),
    ],
)
def test_the_rates(script, options, rates):
    history = run(script, options)["history"].history
    assert history["learning_rate"] == pytest.approx(rates)


# With lines of docs/article.md in the script: the rates that the page promises
@pytest.mark.parametrize(
    ("script", "word", "rates", "title"),
    [
        (TIME_BASED, "staircase", [0.1, 0.1 / 1.05], "Time-based decay, seed 7"),
        (TIME_BASED, "ExponentialDecay", [0.1, 0.1 / 2**0.1], "Seed 7"),
        (TIME_BASED, "CosineDecay", [0.1, 0.075, 0.025], "Seed 7"),
        (TIME_BASED, "callbacks_list", ARTICLES_TABLE, "Seed 7"),
        (DROP_BASED, "ReduceLROnPlateau", [0.1] * 20 + [0.05], "Seed 7"),
    ],
)
def test_another_schedule(tmp_path, script, word, rates, title):
    source = put(page(script), block("docs/article.md", word))
    if word == "callbacks_list":
        source = source.replace("[LearningRateLogger()]", word)
    copy = copy_script(tmp_path, script, source)
    result = run(copy, f"--epochs {len(rates)} --plot {tmp_path / 'run.png'}")
    assert result["history"].history["learning_rate"] == pytest.approx(rates)
    assert result["axes"][0].figure.get_suptitle() == title


@pytest.mark.parametrize(
    ("scripts", "option", "values"),
    [
        (SCRIPTS, "--epochs", ["0", "2.5", "much"]),
        (SCRIPTS, "--learning-rate", ["-0.1", "nan", "1e999", "much"]),
        (SCRIPTS, "--momentum", ["-0.1", "1.1", "nan"]),
        (SCRIPTS, "--seed", ["-1", "4294967296", "7.5"]),
        (SCRIPTS, "--learning", ["0.1"]),
        ([TIME_BASED], "--decay", ["-0.1", "nan", "inf"]),
        ([DROP_BASED], "--drop", ["-0.1", "1.1", "nan"]),
        ([DROP_BASED], "--epochs-drop", ["0", "2.5"]),
    ],
)
def test_what_an_option_does_not_take(capsys, scripts, option, values):
    for script, value in product(scripts, values):
        with pytest.raises(SystemExit, match="2"):
            run(script, f"{option}={value}")
        usage, *_, last = capsys.readouterr().err.splitlines()
        assert usage.startswith("usage: ")
        assert "error: " in last and option in last


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_names_the_defaults(script):
    text, _ = process(ROOT, script, "--help")
    for default in 50, 0.1, 0.8 if script == TIME_BASED else 0.9, 7:
        assert f"(default: {default})" in " ".join(text.split())
    for option in re.findall("--[a-z-]+", text):
        assert f"`{option}" in page("docs/README.zh-CN.md"), (
            "the Chinese list of options"
        )


GOOD_DATA = {
    "Windows line ends": DATA.replace("\n", "\r\n"),
    "a byte order mark": "\ufeff" + DATA,
    "quotes": re.sub("[^,\n]+", r'"\g<0>"', DATA),
    "blank lines": DATA.replace("\n", "\n\n"),
    "no newline at the end": DATA.rstrip(),
}
BAD_DATA = {
    "an empty file": ("", "No columns"),
    "a web page of one line": ("<html>" * 10_000, "row 1 has 1 fields"),
    "a row number": (re.sub("^", "1,", DATA, flags=re.M), "row 1 has 36 fields"),
    "an empty 36th field": (DATA.replace("\n", ",\n"), "row 1 has 36 fields"),
    "a 36th field g": (DATA.replace(ROW, f"{ROW[:-1]},g\n"), "line 5, saw 36"),
    "34 fields": (DATA.replace(ROW, ROW[2:]), "row 5"),
    "a header": ("x," * 34 + "class\n" + DATA, "row 1 "),
    "a word": (DATA.replace(ROW, f"true{ROW[1:]}"), "row 5 "),
    "true for one": (re.sub("^[01]", "True", DATA, flags=re.M), "row 1 "),
    "too large": (DATA.replace(ROW, f"1.5{ROW[1:]}"), "row 5 "),
    "no number": (DATA.replace(ROW, ROW[1:]), "row 5 "),
    "the label good": (DATA.replace(LAST_ROW, LAST_ROW[:-1] + "ood\n"), "row 351"),
    "no label": (DATA.replace(ROW, ROW[:-2] + "\n"), "row 5 "),
    "another encoding": (DATA.replace(ROW, f"{ROW[:-1]}ÿ\n"), "codec can't decode"),
    "sorted by class": ("".join(sorted(LINES, key=lambda x: x[-2])), "one class only"),
    "labels all b": (DATA.replace("g\n", "b\n"), "one class only"),
    "one row": (LINES[0], "one class only"),
}


@pytest.mark.parametrize("data", GOOD_DATA.values(), ids=GOOD_DATA)
def test_data_in_another_form(tmp_path, data):
    copy = copy_script(tmp_path, TIME_BASED)
    (tmp_path / "ionosphere.csv").write_bytes(data.encode())
    expected = run(TIME_BASED, "--epochs 1")["printed"]
    assert run(copy, "--epochs 1")["printed"] == expected


@pytest.mark.parametrize(("data", "said"), BAD_DATA.values(), ids=BAD_DATA)
def test_bad_data(tmp_path, data, said):
    for script in SCRIPTS:
        copy = copy_script(tmp_path, script)
        (tmp_path / "ionosphere.csv").write_text(data, encoding="latin-1")
        with pytest.raises(SystemExit, match=re.escape(said)) as end:
            run(copy)
        assert len(end.value.code) < 200 and "\n" not in end.value.code


def test_no_data(tmp_path):
    for script in SCRIPTS:
        copy = copy_script(tmp_path, script)
        (tmp_path / "ionosphere.csv").unlink()
        with pytest.raises(SystemExit, match="ionosphere.csv.*No such file"):
            run(copy)


def test_rows_that_were_cut_off_are_seen(tmp_path):
    copy = copy_script(tmp_path, DROP_BASED)
    text = "".join(LINES[:131])
    (tmp_path / "ionosphere.csv").write_text(text, encoding="utf-8")
    assert "Read 131 of 351 rows\n" in run(copy, "--epochs 1")["printed"]


@pytest.mark.parametrize("script", SCRIPTS)
def test_another_keras(monkeypatch, script):
    monkeypatch.setattr("keras.backend.backend", lambda: "jax")
    with pytest.raises(SystemExit, match="Keras 3 on jax, .* restart the kernel"):
        run(script, "--seed 3")
    monkeypatch.undo()
    monkeypatch.setattr("keras.__version__", "2.15.0")
    with pytest.raises(SystemExit, match="Keras 2 on tensorflow, .* pip install -r"):
        run(script, "--seed 3")
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(SystemExit, match="keras.*pip install -r requirements.txt"):
        run(script, "--seed 3")


def test_the_data_is_uci_s():
    digest = "46d52186b84e20be52918adb93e8fb9926b34795ff7504c24350ae0616a04bbd"
    assert hashlib.sha256((ROOT / "ionosphere.csv").read_bytes()).hexdigest() == digest


def test_the_scripts_differ_in_their_schedules_only():
    lines = set()
    for script in SCRIPTS:
        source = ast.unparse(ast.parse(page(script)))
        for name, common in [
            ("default=0.8", "default=0.9"),
            ("epochs=options.epochs", "epochs=epochs"),
            ("[LearningRateLogger()]", "[]"),
            ("[lrate]", "[]"),
        ]:
            source = source.replace(name, common)
        lines ^= {*source.splitlines()}
    words = "[Dd]ecay|drop|[Rr]ate|on_epoch|an epoch|epochs = |import math|steps-post"
    for line in lines:
        assert re.search(words, line), line


@pytest.mark.parametrize(
    ("script", "title"),
    [(TIME_BASED, "Time-based decay"), (DROP_BASED, "Drop-based decay")],
)
def test_what_a_picture_shows(tmp_path, script, title):
    result = run(script, f"--epochs 3 --plot {tmp_path / 'run.svg'}")
    shown = {
        line.get_label(): (list(line.get_xdata()), list(line.get_ydata()))
        for axes in result["axes"]
        for line in axes.get_lines()
    }
    history = result["history"].history
    assert shown == {
        **{name: ([1, 2, 3], values) for name, values in history.items()},
        "calling every validation row good": ([0, 1], [107 / 116] * 2),  # the width
    }
    rates, *_, last = result["axes"]
    assert rates.figure.get_suptitle() == f"{title}, seed 7"
    assert rates.get_ylim()[0] == 0 and last.get_xlabel() == "epoch"
    steps = rates.get_lines()[0].get_drawstyle() == "steps-post"
    assert steps == (script == DROP_BASED)


def test_a_picture_with_another_metric(tmp_path):
    source = page(TIME_BASED)
    source = source.replace('metrics=["accuracy"]', 'metrics=["accuracy", "AUC"]')
    copy = copy_script(tmp_path, TIME_BASED, source)
    run(copy, f"--epochs 1 --plot {tmp_path / 'run.PNG'}")
    assert (tmp_path / "run.PNG").exists()


@pytest.mark.parametrize("name", ["run.xyz", "missing/run.png"])
def test_a_picture_that_cannot_be_written(tmp_path, name):
    for script in SCRIPTS:
        with pytest.raises(SystemExit, match=re.escape(str(tmp_path))) as end:
            run(script, f"--epochs 1 --plot {tmp_path / name}")
        assert "\n" not in end.value.code


@pytest.mark.skipif(
    keras.__version__.startswith("3.8."), reason="it stops itself at so large a loss"
)
def test_a_loss_that_is_nan():
    printed = run(TIME_BASED, "--learning-rate 100 --decay 0")["printed"]
    assert "loss is nan" in printed.splitlines()[-1]


def process(folder, *command, **environment):
    """Run a command in a folder, without settings of TensorFlow and Matplotlib."""
    for name, value in os.environ.items():
        if not name.startswith(("TF_", "MATPLOTLIB", "MPL")):
            environment.setdefault(name, value)
    end = subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=folder,
        env=environment,
        check=True,
        capture_output=True,
        encoding="utf-8",
    )
    return without_times(end.stdout), end.stderr


def test_a_process_of_its_own(tmp_path):
    picture = tmp_path / "time_based_decay.png"
    printed = process(tmp_path, TIME_BASED, "--plot", picture, KERAS_BACKEND="torch")
    assert printed == (run(TIME_BASED)["printed"], "")
    assert list(tmp_path.iterdir()) == [picture]
    assert_same_picture(picture)


def test_a_process_with_onednn_and_older_instructions(tmp_path):
    picture = tmp_path / "drop_based_decay.png"
    start = "import runpy, sys, tensorflow; runpy.run_path(sys.argv.pop(1))"
    printed, _ = process(
        tmp_path,
        *("-c", start, DROP_BASED, "--plot", picture),
        TF_ENABLE_ONEDNN_OPTS="1",
        ONEDNN_MAX_CPU_ISA="SSE41",
    )
    assert printed == run(DROP_BASED)["printed"]
    assert_same_picture(picture)
