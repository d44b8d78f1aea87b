"""The benchmark trains what the scripts train, and its page says what its rows say."""

import re

import accuracy
import pandas as pd
import pytest
import speed
from helpers import DROP, ROOT, TEXT, TIME, run, same_as_in_docs

RECORDED = pd.read_csv(ROOT / "benchmarks" / "accuracy.csv", index_col=[0, 1])
PAGE = TEXT["benchmarks/README.md"]


def ends(split, measure, setting, epochs):
    """Return accuracies in per cent, or losses in nats, of the seeds."""
    column, unit = {"accuracy": ("right", 1.16), "loss": ("loss", 1)}[measure]
    return RECORDED.loc[split, f"{setting} after {epochs}: {column}"] / unit


def test_what_is_recorded():
    assert list(RECORDED.index) == [(x, n) for x in ("last", "random") for n in range(400)]
    for script, setting in (TIME, accuracy.TIME), (DROP, accuracy.DROP):
        history = run(script, "--seed", 2).history
        for measure, unit in ("accuracy", 100), ("loss", 1):
            recorded = ends("last", measure, setting, 50)[2]
            assert recorded == pytest.approx(history[f"val_{measure}"][-1] * unit, abs=6e-7)
    kinds = {name.split()[0]: (name, seen) for name, seen in accuracy.plan()}
    again = accuracy.run(range(2), kinds.values())
    assert len(kinds) == 9
    for column in again:
        rows = again[column].index
        assert list(again[column]) == pytest.approx(list(RECORDED.loc[rows, column]), abs=2e-6)


def test_the_random_splits():
    good = run(TIME).Y
    for seed in range(3):
        training, validation = accuracy.split_rows("random", good, seed)
        assert sorted([*training, *validation]) == list(range(351))
        assert [len(validation), sum(good[validation])] == [116, 74]


def test_the_tables_say_what_the_rows_say():
    cell = r"(\*{0,2})([-+.\d]+)\*{0,2} \((\S+) to (\S+)\)[^|]*"
    rows = re.findall(rf"\n\| (.*?) +\| (\d+) +\| {cell}\| {cell}\|", PAGE)
    assert len(rows) == 2 * len(accuracy.LOOKS)
    for number, (name, epochs, *cells) in enumerate(rows):
        measure, digits = [("accuracy", 2), ("loss", 3)][number // len(accuracy.LOOKS)]
        for split, said in ("last", cells[:4]), ("random", cells[4:]):
            a, b = (ends(split, measure, x, epochs) for x in accuracy.COMPARED[name])
            mean, error = (a - b).mean(), (a - b).std() / 20
            expected = [mean, mean - 1.96 * error, mean + 1.96 * error]
            assert [float(x) for x in said[1:]] == pytest.approx(expected, abs=0.51 / 10**digits)
            assert (said[0] == "**") == (abs(mean) > 3.3 * error)
    rows = re.findall(r"\n\| (.*?) +\| (\d+) +\|" + r" +([\d.]+) +\|" * 4, PAGE)
    for setting, epochs, *said in rows:
        means = [ends(s, m, setting, epochs).mean() for m in accuracy.MEASURES for s in accuracy.SPLITS]
        assert [float(x) for x in said] == pytest.approx(means, abs=0.0051)
    assert len(rows) == len({(n, x) for n, y in accuracy.LOOKS for x in accuracy.COMPARED[y]})
    rows = re.findall(rf"\| (last|random) rows: (\w+) +\| (.*?) +\| (.*?) +\| {cell}\|", PAGE)
    for split, measure, schedule, constant, *said in rows:
        table = {x: ends(split, measure, x, 50) for x in accuracy.SCHEDULES + accuracy.CONSTANT}
        sign = 1 if measure == "accuracy" else -1
        for best, grid in (schedule, accuracy.SCHEDULES), (constant, accuracy.CONSTANT):
            assert len(grid) == 12 and best == max(grid, key=lambda x: sign * table[x][:200].mean())
        differences = (table[schedule] - table[constant])[200:]
        assert float(said[1]) == pytest.approx(differences.mean(), abs=0.0051)
    assert len(rows) == 4


def test_the_picture(tmp_path):
    accuracy.save_plot(RECORDED, tmp_path / "accuracy.png")
    same_as_in_docs(tmp_path / "accuracy.png")


def test_speed():
    for name, (python, *arguments) in speed.programs("keras2/python").items():
        program = (ROOT / name).read_text(encoding="utf-8") if arguments == [name] else arguments[1]
        compile(program, name, "exec")
        assert ("fit(X, Y, validation_split" in program) == ("fit" in name)
        assert ("momentum, decay=decay_rate" in program) == (python == "keras2/python")
    seconds = [[4.0, 2, 3, 4, 8, 6], [4, 2, 3, 4, 4, 6], [4, 4, 5, 4, 8, 6]]
    row = re.sub(" +", " ", speed.table(speed.programs("x"), seconds).splitlines()[4])
    assert row == f"| {TIME} | 3.0 | 1.50 (1.25 to 1.50) | 0.62 (0.38 to 0.75) |"
    _, history = speed.grow(epochs=2, repeats=2)  # 470 of 702 rows train, 28 a batch
    assert history.epoch == [0, 1] and history.params["steps"] == 17
