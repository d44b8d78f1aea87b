"""The recorded rows are the scripts' runs, and the page's tables say what they say."""

import re

import accuracy
import pytest
from helpers import DROP, RECORDED, TEXT, TIME, gain, recorded, run, same_as_in_docs

TABLES = {  # by the first word of their heads
    table.split()[1]: [re.split(r" *\| *", row)[1:-1] for row in table.splitlines()[2:]]
    for table in re.findall(r"(?m)(?:^\|.*\n)+", TEXT["benchmarks/README.md"])
}


def test_the_record():
    for script, setting in (
        (TIME, "time-based 0.1 / 0.8"),
        (DROP, "drop-based 0.1 / 0.9"),
    ):
        history = run(script).history.history
        for measure, unit in ("accuracy", 100), ("loss", 1):
            alone = history[f"val_{measure}"][-1] * unit
            assert recorded("last", measure, setting, 50)[7] == pytest.approx(
                alone, abs=6e-7
            )
    again = accuracy.run(range(2), [("mean-drop-based 0.1 / 0.9", [50])])
    for column, new in again.items():
        assert list(new) == pytest.approx(
            list(RECORDED.loc[new.index, column]), abs=2e-6
        )
    assert list(RECORDED.index) == [
        (x, n) for x in ("last", "random") for n in range(400)
    ]


@pytest.mark.parametrize(
    ("measure", "digits", "best"), [("accuracy", 2, max), ("loss", 3, min)]
)
def test_the_tables(measure, digits, best):
    def check(cell, mean, low, high):
        numbers = [float(x) for x in re.findall(r"[-+]?\d+\.\d+", cell)]
        assert numbers == pytest.approx([mean, low, high], abs=0.51 / 10**digits), cell
        assert ("**" in cell) == (abs(mean) > 3.3 * (mean - low) / 1.96), cell

    assert [len(TABLES[name]) for name in (measure, "best", "mean")] == [19, 4, 19]
    for name, epochs, *cells in TABLES[measure]:
        for split, cell in zip(("last", "random"), cells, strict=True):
            check(cell, *gain(*accuracy.COMPARED[name], split, epochs, measure))
    for name, *settings, cell in TABLES["best"]:
        split = name.split()[0]
        if measure in name:
            check(cell, *gain(*settings, split, 50, measure, first=200))
            for setting, grid in zip(settings, (accuracy.SCHEDULES, accuracy.CONSTANT)):
                means = {x: recorded(split, measure, x, 50)[:200].mean() for x in grid}
                assert (means[setting], len(means)) == (best(means.values()), 12)
    for setting, epochs, *cells in TABLES["mean"]:
        means = (
            recorded(x, measure, setting, epochs).mean() for x in ("last", "random")
        )
        assert cells[2 * digits - 4 :][:2] == [f"{x:.{digits}f}" for x in means]


def test_the_picture(tmp_path):
    accuracy.save_plot(RECORDED, tmp_path / "accuracy.png")
    same_as_in_docs(tmp_path / "accuracy.png")
