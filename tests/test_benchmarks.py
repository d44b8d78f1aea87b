"""The benchmark trains what the scripts train, and its recorded figures are its own."""

import re
import runpy
import shutil
import sys

import numpy as np
import pandas as pd
import pytest
from helpers import DROP, ROOT, TIME, run_once

sys.path.insert(0, str(ROOT / "benchmarks"))
import accuracy
import speed

RECORDED = pd.read_csv(ROOT / "benchmarks" / "accuracy.csv", dtype={"rate": str})
LABELS = pd.read_csv(ROOT / "ionosphere.csv", header=None)[34]
# Settings that a script can train, too, as its options.
ALONE = {
    ("time-based", 0.8): TIME,
    ("time-based", 0.0): f"{TIME} --momentum 0",
    ("0.5", 0.0): f"{TIME} --decay 0 --learning-rate 0.5 --momentum 0",
    ("drop-based", 0.9): DROP,
}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Run the benchmark's main for the seeds 0 to 2, and return its CSV."""
    folder = tmp_path_factory.mktemp("benchmark")
    paths = [folder / name for name in ("accuracy.csv", "accuracy.png")]
    accuracy.main(["--seeds", "3", "--out", str(paths[0]), "--plot", str(paths[1])])
    assert sorted(folder.iterdir()) == paths and paths[1].read_bytes()[1:4] == b"PNG"
    return pd.read_csv(paths[0], dtype={"rate": str})


def test_the_same_seeds_give_the_recorded_rows(results):
    recorded = RECORDED[RECORDED["seed"] < 3].reset_index(drop=True)
    assert len(results) == 2 * len(accuracy.SETTINGS) * 3
    pd.testing.assert_frame_equal(results, recorded, rtol=0, atol=1.1e-9)


@pytest.mark.parametrize("setting", ALONE)
def test_a_network_in_the_batch_trains_as_it_would_alone(results, setting):
    script, *options = ALONE[setting].split()
    [row] = accuracy.select(results, "last", *setting).loc[[2]].itertuples()
    history = run_once(script, *options, "--seed", "2").history.history
    assert row.loss == pytest.approx(history["val_loss"][-1], rel=0, abs=1e-9)
    assert row.right == round(history["val_accuracy"][-1] * 116)


def test_the_constant_rates_are_means_of_the_schedules():
    epochs, batches = np.arange(50), np.arange(450)
    means = {
        "time-based": (0.1 / (1 + 0.002 * batches)).mean(),
        "drop-based": (0.1 * 0.5 ** np.floor((1 + epochs) / 10)).mean(),
        "exponential": (0.1 * 0.5 ** (batches / 90)).mean(),
        "cosine": (0.05 * (1 + np.cos(np.pi * batches / 450))).mean(),
    }
    for setting in accuracy.SETTINGS:
        others = [other for other in setting.against if other[1] > 0]
        if setting.rate in means and others:
            momentum = setting.momentum
            mean = f"{means[setting.rate]:.4f}"
            assert others == [("0.1", momentum), (mean, momentum)]


def test_the_splits_and_the_rows_that_are_wrong():
    good = (LABELS == "g").to_numpy()
    drawn = set()
    for seed in range(3):
        training, validation = accuracy.split_rows("last", good, seed)
        assert (*training, *validation) == tuple(range(351)) and len(training) == 235
        training, validation = accuracy.split_rows("random", good, seed)
        assert sorted((*training, *validation)) == list(range(351))
        assert len(validation) == 116 and good[validation].sum() == 74
        drawn.add(tuple(validation))
    assert len(drawn) == 3
    for row in RECORDED.itertuples():
        wrong = [int(number) for number in str(row.wrong).split()]
        _, validation = accuracy.split_rows(row.split, good, row.seed)
        assert len(wrong) == 116 - row.right and set(wrong) <= set(validation + 1)


def test_the_tables_are_those_of_the_recorded_rows():
    # Computed once more, from the rows that are wrong.
    keys = ["split", "rate", "momentum"]
    wrong = RECORDED["wrong"].str.split().str.len()
    percent = (100 - wrong * 100 / 116).groupby([RECORDED[key] for key in keys])
    mean, std = percent.mean(), percent.std()
    share = percent.apply(lambda values: (values > 99).mean())
    for split in "last", "random":
        for rate, momentum, accuracies, right, _ in accuracy.results_table(
            RECORDED, split
        ):
            key = split, rate, float(momentum)
            assert accuracies == f"{mean[key]:.2f} ± {std[key]:.2f}"
            assert right == f"{share[key]:.0%}"


def test_an_interval_is_that_of_a_bootstrap():
    settings = ("time-based", 0.8), ("0.1", 0.8)
    rights = [accuracy.select(RECORDED, "last", *s)["right"] for s in settings]
    points = (rights[0] - rights[1]).to_numpy() / 116 * 100
    draws = np.random.default_rng(0).choice(points, (20_000, 100)).mean(axis=1)
    expected = [points.mean(), *np.quantile(draws, [0.025, 0.975])]
    text = accuracy.difference(RECORDED, "last", *settings).replace("−", "-")
    printed = [float(number) for number in re.findall(r"[+-][\d.]+", text)]
    assert printed == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize(
    "options",
    [
        "--seeds 1",
        "--seeds 2.5",
        "--out missing/a.csv",
        "--out folder.csv",
        "--out a.txt",
    ]
    + ["--plot folder.png", "--plot a.gif", "--plot missing/a.png"],
)
def test_the_benchmark_refuses_first(tmp_path, monkeypatch, capsys, options):
    monkeypatch.chdir(tmp_path)
    for name in "folder.csv", "folder.png":
        (tmp_path / name).mkdir()
    with pytest.raises(SystemExit) as end:
        accuracy.main(options.split())
    assert end.value.code == 2 and len(list(tmp_path.iterdir())) == 2
    assert f"error: argument {options.split()[0]}: " in capsys.readouterr().err


@pytest.mark.parametrize("failure", [KeyboardInterrupt, OSError("disk full")])
def test_a_file_that_exists_stays_whole(tmp_path, monkeypatch, failure):
    path = tmp_path / "accuracy.csv"
    path.write_text("older rows")

    def fail_halfway(part, text):
        with part.open("w") as file:
            file.write(text[:1000])
        raise failure

    monkeypatch.setattr(accuracy, "run", lambda seeds: RECORDED)
    monkeypatch.setattr(type(path), "write_text", fail_halfway)
    with pytest.raises(SystemExit):
        accuracy.main(["--out", str(path)])
    assert path.read_text() == "older rows" and list(tmp_path.iterdir()) == [path]


def test_speed_prints_a_row_for_each_program_and_size(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    program = tmp_path / "program.py"
    for text in speed.KERAS3.replace("epochs=50", "epochs=1"), speed.IMPORTS:
        program.write_text(text)
        runpy.run_path(str(program))
    monkeypatch.setattr(sys, "executable", shutil.which("true"))  # takes no time
    monkeypatch.setattr(speed, "SIZES", [(1, 1), (1, 2)])
    monkeypatch.setattr(speed.time_based_decay, "DATA", speed.time_based_decay.DATA)
    speed.main(["--rounds", "1"])
    rows = [line for line in capsys.readouterr().out.splitlines() if line[:1] == "|"]
    assert len(rows) == 7 + 4 and rows[-1].split()[1:5:2] == ["1", "702"]
