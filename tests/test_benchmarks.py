"""The benchmark trains what the scripts train, and its recorded figures are its own."""

import re
import sys

import pandas as pd
import pytest
from scripts import DROP, ROOT, TIME, run

sys.path.insert(0, str(ROOT / "benchmarks"))
import accuracy

RECORDED = pd.read_csv(ROOT / "benchmarks" / "accuracy.csv")
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
NAMES = {TIME: "time-based (0.8)", DROP: "drop-based (0.9)"}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Run the benchmark for two seeds and two schedules, and return its CSV."""
    path = tmp_path_factory.mktemp("benchmark") / "accuracy.csv"
    schedules = {name: accuracy.SCHEDULES[name] for name in NAMES.values()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accuracy, "SCHEDULES", schedules)
        accuracy.main(["--seeds", "2", "--out", str(path)])
    return pd.read_csv(path)


@pytest.mark.parametrize("script", NAMES)
def test_a_network_in_the_batch_trains_as_it_would_alone(results, script):
    [row] = results.query(
        "split == 'article' and schedule == @NAMES[@script] and seed == 1"
    ).itertuples()
    history = run(script, "--seed", 1).history.history
    assert row.loss == pytest.approx(history["val_loss"][-1], abs=1e-5)
    assert row.accuracy == pytest.approx(history["val_accuracy"][-1], abs=1e-5)


def test_the_same_seeds_give_the_recorded_rows(results):
    keys = ["split", "schedule", "seed"]
    both = results.merge(RECORDED, on=keys, suffixes=("", "_recorded"))
    assert len(both) == len(results) == 8
    for column in ("accuracy", "loss"):
        assert list(both[column]) == pytest.approx(
            list(both[f"{column}_recorded"]), abs=1e-5
        )


def test_the_splits():
    _, y = accuracy.load_data(accuracy.DATA)
    last = set()
    for seed in range(3):
        training, validation = accuracy.split_rows("article", y, seed)
        assert (*training, *validation) == tuple(range(351)) and len(training) == 235
        training, validation = accuracy.split_rows("fair", y, seed)
        assert sorted((*training, *validation)) == list(range(351))
        assert len(validation) == 116
        assert abs(y[validation].mean() - y.mean()) < 0.005
        last.add(tuple(validation))
    assert len(last) == 3


def test_stopping_loses_nothing(tmp_path, monkeypatch):
    def train(X, y, splits, *rest):
        if path.exists():
            raise KeyboardInterrupt
        return pd.DataFrame({"accuracy": [0.5, 0.6], "loss": [0.7, 0.8]})

    path = tmp_path / "accuracy.csv"
    monkeypatch.setattr(accuracy, "train", train)
    with pytest.raises(SystemExit, match="has the 1 schedules finished"):
        accuracy.main(["--seeds", "2", "--out", str(path)])
    assert list(pd.read_csv(path)["accuracy"]) == [0.5, 0.6]


def test_the_tables_of_the_readme_are_those_of_the_recorded_rows():
    assert len(RECORDED) == 2 * 7 * 100
    for table in accuracy.summary(RECORDED).split("\n\n"):
        assert table.strip() in TEXT
    # The means and spreads once more, by pandas alone, and the counts of the rows.
    accuracies = RECORDED.groupby(["split", "schedule"], sort=False)["accuracy"]
    rows = [row for row in TEXT.splitlines() if row[0:1] == "|" and " ± " in row]
    for row, (name, values) in zip(rows, accuracies, strict=True):
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        percent = values * 100
        assert cells[:2] == [name[1], f"{percent.mean():.2f} ± {percent.std():.2f}"]
        assert cells[2:4] == [f"{percent.min():.2f}", f"{percent.max():.2f}"]
        assert cells[4] == f"{((values * 116).round() >= 115).sum()}%"


def test_the_text_below_the_tables_has_their_figures():
    def figures(text):
        return set(re.findall(r"\d+\.\d+|\d+(?= %|%)", text))

    text = TEXT.split("(docs/accuracy.png)")[1].split("```")[0]
    one_row = f"{100 / 116:.2f}"
    assert one_row in text and len(figures(text)) >= 10
    assert figures(text) <= figures(accuracy.summary(RECORDED)) | {one_row}
    seconds = dict(re.findall(r"^\| (\d+) \| 351 \| ([\d.]+) \|$", TEXT, re.MULTILINE))
    epoch = (float(seconds["5000"]) - float(seconds["50"])) / 4950
    assert f"`fit` costs some {epoch * 1000:.0f} ms an epoch" in TEXT
