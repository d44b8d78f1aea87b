"""The benchmark trains what the scripts train, and its page says what its rows say."""

import re

import accuracy
import pandas as pd
import pytest
import speed
from helpers import DROP, ROOT, TEXT, TIME, run, same_as_in_docs

RECORDED = pd.read_csv(ROOT / "benchmarks" / "accuracy.csv", index_col=[0, 1])
PAGE = TEXT["benchmarks/README.md"]
GRIDS, LOOKS = (accuracy.SCHEDULES, accuracy.CONSTANT), accuracy.LOOKS
CELL = r" +(\*{0,2})([-+.\d]+)\*{0,2} \((\S+) to (\S+)\)[^|]*\|"


def ends(split, measure, setting, epochs):
    """Return accuracies in per cent, or losses in nats, of the seeds."""
    column, unit = {"accuracy": ("right", 1.16), "loss": ("loss", 1)}[measure]
    return RECORDED.loc[split, f"{setting} after {epochs}: {column}"] / unit


def test_what_is_recorded():
    assert list(RECORDED.index) == [(x, n) for x in ("last", "random") for n in range(400)]
    for script, setting in (TIME, accuracy.TIME), (DROP, accuracy.DROP):
        for measure, unit in ("accuracy", 100), ("loss", 1):
            alone = run(script, "--seed", 2).history[f"val_{measure}"][-1] * unit
            assert ends("last", measure, setting, 50)[2] == pytest.approx(alone, abs=6e-7)
    kinds = {name.split()[0]: (name, seen) for name, seen in accuracy.plan()}
    again = accuracy.run(range(2), kinds.values())  # one run of each kind
    assert len(kinds) == 9
    for column, new in again.items():
        assert list(new) == pytest.approx(list(RECORDED.loc[new.index, column]), abs=2e-6)


def test_the_random_splits():
    good = run(TIME).Y
    for seed in range(3):
        training, validation = accuracy.split_rows("random", good, seed)
        assert sorted([*training, *validation]) == list(range(351))
        assert [len(validation), sum(good[validation])] == [116, 74]


def test_the_differences_on_the_page():
    rows = re.findall(rf"\n\| (.*?) +\| (\d+) +\|{CELL}{CELL}", PAGE)
    kinds = [x for measure in (("accuracy", 2), ("loss", 3)) for x in [measure] * len(LOOKS)]
    for (name, epochs, *said), (measure, digits) in zip(rows, kinds, strict=True):
        for split, (bold, *numbers) in ("last", said[:4]), ("random", said[4:]):
            a, b = (ends(split, measure, x, epochs) for x in accuracy.COMPARED[name])
            mean, error = (a - b).mean(), (a - b).std() / 20
            expected = [mean, mean - 1.96 * error, mean + 1.96 * error]
            limit = 0.51 / 10**digits
            assert [float(x) for x in numbers] == pytest.approx(expected, abs=limit), name
            assert (bold == "**") == (abs(mean) > 3.3 * error)


def test_the_tuned_and_the_means_on_the_page():
    rows = re.findall(rf"\| (\w+) rows: (\w+) +\| (.*?) +\| (.*?) +\|{CELL}", PAGE)
    for split, measure, *best, _, mean, _, _ in rows:
        sign = {"accuracy": -1, "loss": 1}[measure]
        for setting, grid in zip(best, GRIDS):
            order = sorted(grid, key=lambda x: sign * ends(split, measure, x, 50)[:200].mean())
            assert (len(grid), order[0]) == (12, setting)
        schedule, constant = (ends(split, measure, x, 50)[200:] for x in best)
        assert float(mean) == pytest.approx((schedule - constant).mean(), abs=0.0051)
    means = re.findall(r"\n\| (.*?) +\| (\d+) +\|" + r" +([\d.]+) +\|" * 4, PAGE)
    for setting, epochs, *said in means:
        pairs = [(s, m) for m in accuracy.MEASURES for s in accuracy.SPLITS]
        expected = [ends(*pair, setting, epochs).mean() for pair in pairs]
        assert [float(x) for x in said] == pytest.approx(expected, abs=0.0051)
    assert (len(rows), len(means)) == (4, 19)


def test_the_picture(tmp_path):
    accuracy.save_plot(RECORDED, tmp_path / "accuracy.png")
    same_as_in_docs(tmp_path / "accuracy.png")


def test_speed():
    for program, word in (speed.KERAS3, "=schedule"), (speed.KERAS2, "decay=decay_rate"):
        compile(program, "program", "exec")
        assert "fit(X, Y, validation_split=0.33, epochs" in program and word in program
    seconds = [[4.0, 2, 3, 4, 8, 6], [4, 2, 3, 4, 4, 6], [4, 4, 5, 4, 8, 6]]
    row = re.sub(" +", " ", speed.table(speed.programs("x"), seconds).splitlines()[4])
    assert row == f"| {TIME} | 3.0 | 1.50 (1.25 to 1.50) | 0.62 (0.38 to 0.75) |"
    _, history = speed.grow(epochs=2, repeats=2)  # 470 of 702 rows train, 28 a batch
    assert history.epoch == [0, 1] and history.params["steps"] == 17
