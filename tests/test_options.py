"""Every option does what --help says, or is refused before any training."""

import re
import sys

import pytest
from helpers import DROP, TIME, epochs_printed, run
from matplotlib.figure import Figure

# The rates of a run, written out from the two rules; an epoch is 9 batches. Without
# --decay, time-based decay is the learning rate / the epochs.
RATES = [
    (TIME, "--epochs 3", [0.1, 0.1 / 1.3, 0.1 / 1.6]),
    (TIME, "--epochs 2 --learning-rate 0.2", [0.2, 0.2 / 1.9]),
    (TIME, "--epochs 3 --decay 1", [0.1, 0.01, 0.1 / 19]),
    (TIME, "--epochs 2 --decay 0 --momentum 0", [0.1, 0.1]),
    (TIME, "--epochs 1 --learning-rate 1e38 --decay 0", [1e38]),
    (TIME, "--epochs 1 --momentum 1 --seed 0", [0.1]),
    (DROP, "--epochs 5 --epochs-drop 2", [0.1, 0.05, 0.05, 0.025, 0.025]),
    (DROP, "--epochs 2 --epochs-drop 1 --drop 0.1 --learning-rate 2", [0.2, 0.02]),
    (DROP, "--epochs 2 --epochs-drop 1 --drop 0 --seed 4294967295", [0, 0]),
]
REFUSED = {  # the values that an option does not take
    f"{TIME} --epochs": f"0 2.5 1e9 {'9' * 400}",
    f"{TIME} --learning-rate": "0.0 -0.1 nan 1e-38 1e+39",
    f"{TIME} --momentum": "-0.1 1.1 nan much",
    f"{TIME} --seed": "-1 4294967296 7.5",
    f"{TIME} --decay": "-1 inf nan",
    f"{TIME} --plot": f"run.gif missing/run.png folder.png {'x' * 252}.png",
    f"{DROP} --epochs": "0",
    f"{DROP} --learning-rate": "0.0",
    f"{DROP} --momentum": "-0.1 1.1",
    f"{DROP} --seed": "-1",
    f"{DROP} --drop": "-0.1 1.1 nan",
    f"{DROP} --epochs-drop": "0 2.5",
}


@pytest.mark.parametrize(("script", "options", "rates"), RATES)
def test_the_rates_that_options_set(script, options, rates):
    result = run(script, *options.split())
    assert (result.code, result.err) == (0, "")
    assert result.history.history["learning_rate"] == pytest.approx(rates)
    assert f"Validation accuracy after epoch {len(rates)}: " in result.out


@pytest.mark.parametrize("option", REFUSED)
def test_refused(tmp_path, monkeypatch, option):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.png").mkdir()
    script, name = option.split()
    for value in REFUSED[option].split():
        result = run(script, name, value)
        assert (result.code, result.out) == (2, ""), value
        assert result.err.startswith("usage: ")
        last = result.err.splitlines()[-1]
        assert f"error: argument {name}: " in last and value in last
        assert [path.name for path in tmp_path.iterdir()] == ["folder.png"]


def test_a_picture_without_matplotlib_is_refused(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)  # its import fails
    result = run(TIME, "--plot", tmp_path / "run.png")
    assert result.code == 2 and "argument --plot: " in result.err.splitlines()[-1]


def test_help_gives_each_default():
    for script, defaults in (TIME, "50 0.1 0.8 7"), (DROP, "50 0.1 0.9 7 0.5 10"):
        found = re.findall(r"\(default:\s+([\d.]+)\)", run(script, "--help").out)
        assert found == defaults.split()


PICTURES = [
    (TIME, "png", "7", "0.1", "InverseTimeDecay: 3 epochs, momentum 0.8, seed 7"),
    (DROP, "pdf", "7", "0.1", "LearningRateScheduler: 3 epochs, momentum 0.9, seed 7"),
    # With hardly any rate, these start weights are wrong more often than right.
    (TIME, "svg", "2", "1e-9", "InverseTimeDecay: 3 epochs, momentum 0.8, seed 2"),
]


@pytest.mark.parametrize(("script", "kind", "seed", "first", "title"), PICTURES)
def test_what_a_picture_says(tmp_path, monkeypatch, script, kind, seed, first, title):
    figures, save = [], Figure.savefig

    def keep_and_save(figure, path):
        figures.append(figure)
        save(figure, path)

    monkeypatch.setattr(Figure, "savefig", keep_and_save)
    path = tmp_path / f"{'x' * 251}.{kind}"  # as long as a name can be
    path.write_bytes(b"an older picture")
    options = "--epochs", 3, "--seed", seed, "--learning-rate", first
    result = run(script, *options, "--plot", path)
    assert (result.code, result.err) == (0, "")
    start = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF-"}[kind]
    assert path.read_bytes().startswith(start)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]

    panels = {  # what a panel's label says: its lines, from the first
        "learning rate in the\nepoch's first batch": ["learning_rate"],
        "loss (nats)": ["loss", "val_loss"],
        "accuracy": ["accuracy", "val_accuracy"],
    }
    table, (rate, loss, accuracy) = epochs_printed(result.out), figures[0].axes
    assert figures[0].get_suptitle() == title
    for axes, (label, columns) in zip(figures[0].axes, panels.items()):
        assert axes.get_ylabel() == label
        assert axes.get_yscale() == axes.get_xscale() == "linear"
        for line, column in zip(axes.get_lines(), columns, strict=True):
            assert list(line.get_xdata()) == [1, 2, 3]
            assert list(line.get_ydata()) == pytest.approx(table[column], abs=5.1e-5)
    lowest = min(0.5, *table["accuracy"], *table["val_accuracy"])
    assert accuracy.get_ylim() == pytest.approx((lowest, 1), abs=5.1e-5)
    assert rate.get_ylim()[0] == 0 and accuracy.get_xlabel() == "epoch"
    names = [text.get_text() for text in loss.get_legend().get_texts()]
    assert names == ["training", "validation"]
    for line, name, same in zip(loss.get_lines(), names, accuracy.get_lines()):
        assert line.get_label() == name and line.get_color() == same.get_color()


def test_a_full_disk_leaves_the_older_picture(tmp_path):
    resource = pytest.importorskip("resource")  # not on Windows
    path = tmp_path / "run.png"
    path.write_bytes(b"an older picture")
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limit[1]))  # bytes of a file
    result = run(TIME, "--epochs", 1, "--plot", path)
    resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert result.code == 1 and len(result.err.splitlines()) == 1
    assert path.read_bytes() == b"an older picture"
    assert list(tmp_path.iterdir()) == [path]
