"""Every option does what --help says, or is refused before any training."""

import runpy

import pytest
from helpers import DROP, ROOT, SCRIPTS, TIME, epochs_printed, run
from matplotlib.figure import Figure

# The rates of a run, written out from the two rules; an epoch is 9 batches. Without
# --decay, time-based decay is the learning rate / the epochs.
RATES = [
    (TIME, "--epochs 3", [0.1, 0.1 / 1.3, 0.1 / 1.6]),
    (TIME, "--epochs 2 --learning-rate 0.2", [0.2, 0.2 / 1.9]),
    (TIME, "--epochs 3 --decay 1", [0.1, 0.01, 0.1 / 19]),
    (TIME, "--epochs 2 --decay 0 --momentum 0", [0.1, 0.1]),
    (DROP, "--epochs 11", [0.1] * 9 + [0.05] * 2),
    (DROP, "--epochs 5 --epochs-drop 2", [0.1, 0.05, 0.05, 0.025, 0.025]),
    (DROP, "--epochs 2 --epochs-drop 1 --drop 0.1 --learning-rate 2", [0.2, 0.02]),
    (DROP, "--epochs 2 --epochs-drop 1 --drop 1", [0.1, 0.1]),
]
REFUSED = {
    "--epochs": ["0", "-1", "2.5", "nan", "1e400", "", "ten", "4294967296"],
    "--learning-rate": ["0", "-0.1", "nan", "inf", "1e400", "1e39", "", "fast"],
    "--momentum": ["-0.1", "1", "nan", "inf", ""],
    "--seed": ["-1", "4294967296", "7.5", ""],
    "--plot": ["run.gif", "run", "", "missing/run.png", "file/run.png", "folder.png"]
    + [f"{'x' * 252}.png"],
}
REFUSED_BY = {
    TIME: {
        **REFUSED,
        "--decay": ["-1", "nan", "inf", "1e400", "1e39", ""],
        "--drop": ["0.5"],  # it has no such option
    },
    DROP: {
        **REFUSED,
        "--drop": ["0", "-1", "1.1", "nan", "inf", ""],
        "--epochs-drop": ["0", "2.5", "nan", ""],
        "--decay": ["0.1"],
    },
}
TAKEN = {
    TIME: "--epochs 1 --learning-rate 1e38 --momentum 0.999 --decay 0 --seed 0",
    DROP: "--drop 1 --epochs-drop 1 --learning-rate 1e-9 --momentum 0 --seed 4294967295",
}
HELP = {"--epochs": 50, "--learning-rate": 0.1, "--seed": 7}
HELP_OF = {
    TIME: {**HELP, "--momentum": 0.8, "--decay": "learning rate / epochs"},
    DROP: {**HELP, "--momentum": 0.9, "--drop": 0.5, "--epochs-drop": 10},
}


@pytest.mark.parametrize(("script", "options", "rates"), RATES)
def test_the_rates_that_options_set(script, options, rates):
    result = run(script, *options.split())
    assert (result.code, result.err) == (0, "")
    assert result.history.history["learning_rate"] == pytest.approx(rates)
    printed = list(epochs_printed(result.out)["learning_rate"])
    assert printed == pytest.approx(rates, abs=5.1e-5)
    assert f"Validation accuracy after epoch {len(rates)}: " in result.out


@pytest.mark.parametrize(
    ("script", "option", "value"),
    [
        (script, option, value)
        for script, options in REFUSED_BY.items()
        for option, values in options.items()
        for value in values
    ],
)
def test_refused(tmp_path, monkeypatch, script, option, value):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "folder.png").mkdir()
    result = run(script, option, value)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("usage: ")
    last = result.err.splitlines()[-1]
    assert last.startswith(f"{script}: error: ") and f"{option}" in last
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.png"]


@pytest.mark.parametrize("script", SCRIPTS)
def test_taken_at_the_edges(script):
    words = TAKEN[script].split()
    options = vars(runpy.run_path(str(ROOT / script))["parse_options"](words))
    for option, value in zip(words[::2], words[1::2]):
        assert options[option.strip("-").replace("-", "_")] == float(value)
    assert run(script, "--epochs", 1, *words).code == 0


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_gives_each_default(script):
    options = " ".join(run(script, "--help").out.split()).split("options:")[1]
    for option, default in HELP_OF[script].items():
        described = options.split(f" {option} ")[1].split(" --")[0]
        assert f"default: {default}" in described, option


STARTS = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF-"}
SETTINGS = {
    TIME: "epochs 3, learning_rate 0.1, momentum 0.8, seed 7, decay 0.03333333333",
    DROP: "epochs 3, learning_rate 0.1, momentum 0.9, seed 7, drop 0.5, epochs_drop 10",
}


@pytest.mark.parametrize(
    ("script", "kind"), [(TIME, "png"), (TIME, "svg"), (DROP, "pdf")]
)
def test_what_a_picture_says(tmp_path, monkeypatch, script, kind):
    path = tmp_path / f"{'x' * 251}.{kind}"  # as long as a name can be
    path.write_bytes(b"an older picture" * 10_000)
    figures, savefig = [], Figure.savefig

    def keep_figure(figure, *args, **settings):
        figures.append(figure)
        savefig(figure, *args, **settings)

    monkeypatch.setattr(Figure, "savefig", keep_figure)
    result = run(script, "--epochs", 3, "--plot", path)
    assert (result.code, result.err) == (0, "")
    assert path.read_bytes().startswith(STARTS[kind])
    assert path.stat().st_size > 5_000 and b"an older" not in path.read_bytes()
    assert [file.name for file in tmp_path.iterdir()] == [path.name]

    [figure] = figures
    title = {TIME: "Time-based decay", DROP: "Drop-based decay"}[script]
    assert figure.get_suptitle() == f"{title}\n{SETTINGS[script]}"
    printed = epochs_printed(result.out)
    panels = {  # what the panel's label says: its lines, from the first
        "learning rate in the\nepoch's first batch": ["learning_rate"],
        "loss (nats)": ["loss", "val_loss"],
        "accuracy (share of rows)": ["accuracy", "val_accuracy"],
    }
    assert [axes.get_ylabel() for axes in figure.axes] == list(panels)
    assert figure.axes[-1].get_xlabel() == "epoch"
    for axes, columns in zip(figure.axes, panels.values()):
        assert axes.get_yscale() == axes.get_xscale() == "linear"
        for line, column in zip(axes.get_lines(), columns, strict=True):
            assert list(line.get_xdata()) == [1, 2, 3]
            assert list(line.get_ydata()) == result.history.history[column]
            shown = list(printed[column])
            assert list(line.get_ydata()) == pytest.approx(shown, abs=5.1e-5)
    rate, loss, accuracy = figure.axes
    assert rate.get_ylim()[0] == 0
    names = [text.get_text() for text in loss.get_legend().get_texts()]
    assert names == [line.get_label() for line in loss.get_lines()]
    assert names == ["training", "validation"]  # in the same colours below
    for line, same in zip(loss.get_lines(), accuracy.get_lines()):
        assert line.get_color() == same.get_color()
