"""The benchmark trains what the scripts train, and its recorded figures are its own."""

import contextlib
import io

import numpy as np
import pandas as pd
import pytest
from helpers import DROP, RECORDED, ROOT, TIME, recorded, run_once
from matplotlib.figure import Figure

from benchmarks import accuracy, speed

PAIRS = [(a, b) for a, others in accuracy.SETTINGS.items() for b in others]
# Settings that a script can train, too, as its options.
ALONE = {
    "time-based / 0.8": TIME,
    "time-based / 0": f"{TIME} --momentum 0",
    "0.5 / 0": f"{TIME} --decay 0 --learning-rate 0.5 --momentum 0",
    "drop-based / 0.9": DROP,
}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Run the benchmark for the seeds 0 to 2; return its CSV and what it printed."""
    folder, out = tmp_path_factory.mktemp("benchmark"), io.StringIO()
    paths = [folder / name for name in ("accuracy.csv", "accuracy.png")]
    with contextlib.redirect_stdout(out):
        accuracy.main(["--seeds", "3", "--out", f"{paths[0]}", "--plot", f"{paths[1]}"])
    assert sorted(folder.iterdir()) == paths and paths[1].read_bytes()[1:4] == b"PNG"
    return pd.read_csv(paths[0], keep_default_na=False), out.getvalue()


def test_the_same_seeds_give_the_recorded_rows(results):
    rows = RECORDED[RECORDED["seed"] < 3].reset_index(drop=True)
    pd.testing.assert_frame_equal(results[0], rows, rtol=0, atol=1.1e-9)


def test_what_is_recorded():
    counts = RECORDED.groupby(["split", "setting"])["seed"].agg([len, "nunique", "max"])
    assert counts.to_numpy().tolist() == [[400, 400, 399]] * 2 * 14
    for row in RECORDED[RECORDED["split"] == "last"].itertuples():
        wrong = {int(number) for number in row.wrong.split()}
        assert len(wrong) == len(row.wrong.split()) == 116 - row.right
        assert wrong <= set(range(236, 352))


@pytest.mark.parametrize("setting", ALONE)
def test_a_network_in_the_batch_trains_as_it_would_alone(results, setting):
    script, *options = ALONE[setting].split()
    history = run_once(script, *options, "--seed", 2).history.history
    for measure, unit in ("loss", 1), ("accuracy", 100):
        alone = history[f"val_{measure}"][-1] * unit
        together = recorded("last", setting, measure, results[0])[2]
        assert together == pytest.approx(alone, rel=0, abs=1e-9)


def test_the_constant_rates_are_means_of_the_schedules():
    epochs, batches = np.arange(50), np.arange(450)
    rates = {
        "time-based / 0.8": 0.1 / (1 + 0.002 * batches),
        "drop-based / 0.9": 0.1 * 0.5 ** np.floor((1 + epochs) / 10),
        "exponential / 0.9": 0.1 * 0.5 ** (batches / 90),
        "cosine / 0.9": 0.05 * (1 + np.cos(np.pi * batches / 450)),
    }
    for setting, values in rates.items():
        first, *_, last = accuracy.SETTINGS[setting]
        ends = f"0.1 / {setting[-3:]}", f"{values.mean():.4f} / {setting[-3:]}"
        assert (first, last) == ends


def test_the_splits():
    good = (pd.read_csv(ROOT / "ionosphere.csv", header=None)[34] == "g").to_numpy()
    training, validation = accuracy.split_rows("last", good, 0)
    assert (*training, *validation) == tuple(range(351)) and len(training) == 235
    splits = [accuracy.split_rows("random", good, seed) for seed in range(3)]
    for rows in splits:
        assert sorted(np.concatenate(rows)) == list(range(351))
        assert [len(rows[1]), good[rows[1]].sum()] == [116, 74]
    assert len({tuple(validation) for _, validation in splits}) == 3


def test_what_is_printed_is_what_the_rows_say(results):
    table, out = results
    assert "\n3 networks each\n" in out and out.isascii()
    lines = [line.split("|") for line in out.splitlines() if line.startswith("|")]
    lines = [[cell.strip() for cell in line[1:-1]] for line in lines]
    heads = ["accuracy, %", "99.14%", "below 90%", "loss"]
    heads = [f"last: {heads[0]}", *heads[1:], f"random: {heads[0]}", *heads[1:]]
    assert lines[0] == ["rate / momentum", *heads]
    for line, setting in zip(lines[2:16], accuracy.SETTINGS):
        cells = [setting]
        for split in "last", "random":
            points = recorded(split, setting, "accuracy", table)
            cells.append(f"{sum(points) / 3:.2f} (sd {np.std(points, ddof=1):.2f})")
            cells += [f"{sum(points > 99) / 3:.0%}", f"{sum(points < 90) / 3:.0%}"]
            cells.append(f"{sum(recorded(split, setting, 'loss', table)) / 3:.3f}")
        assert line == cells
    kinds = ("accuracy, points", "loss, nats")
    heads = [f"{split}: {kind}" for kind in kinds for split in ("last", "random")]
    assert lines[16] == ["rate / momentum", *heads]
    for line, (a, b) in zip(lines[18:], PAIRS, strict=True):
        assert line[0] == f"{a} - {b}"
        for cell, head in zip(line[1:], heads):
            split, measure = head.split(",")[0].split(": ")
            one, two = (recorded(split, x, measure, table) for x in (a, b))
            shown = float(cell.strip("*").split()[0].strip("*"))
            assert shown == pytest.approx((one - two).mean(), abs=0.00501)


def test_a_difference_as_text():
    texts = {
        "+0.00 (+0.00 to +0.00)": [-0.004, 0.0, 0.0],
        "+1.00 (+0.32 to +1.68)": [0.4, 1.0, 1.6],  # 2.9 standard errors
        "**-1.00** (-1.57 to -0.43)": [-0.5, -1.0, -1.5],  # 3.5
    }
    for text, values in texts.items():
        assert accuracy.mean_text(pd.Series(values), 2) == text


def test_the_picture_shows_each_difference(tmp_path, monkeypatch):
    kept = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, path: kept.append(figure))
    accuracy.save_plot(RECORDED, tmp_path / "accuracy.png")
    kinds = [(m, s) for m in ("accuracy", "loss") for s in ("last", "random")]
    title = "Means of 400 seeds, 95% intervals; gray: one row of 116"
    assert kept[0].get_suptitle() == title
    for axes, (measure, split) in zip(kept[0].axes, kinds, strict=True):
        assert axes.get_title() == f"{measure}, {split} 116 rows"
        unit = {"accuracy": "points", "loss": "nats"}[measure]
        assert axes.get_xlabel() == f"difference ({unit})" and axes.yaxis_inverted()
        [(points, _, [bars])] = [container.lines for container in axes.containers]
        for height, (a, b) in enumerate(PAIRS):
            values = recorded(split, a, measure) - recorded(split, b, measure)
            margin = 1.96 * values.std(ddof=1) / 400**0.5
            ends = [[values.mean() + side * margin, height] for side in (-1, 1)]
            assert points.get_xydata()[height] == pytest.approx([values.mean(), height])
            assert bars.get_segments()[height] == pytest.approx(np.array(ends))
        corners = [np.array(band.get_xy()).max() for band in axes.patches]
        assert len(corners) == (measure == "accuracy")
    names = [label.get_text() for label in kept[0].axes[0].get_yticklabels()]
    assert names == [f"{a} - {b}" for a, b in PAIRS]


def test_bad_options_and_a_full_disk_lose_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.png").mkdir()
    for option in "--seeds 1", "--out a.txt", "--out no/a.csv", "--plot folder.png":
        with pytest.raises(SystemExit, match="2"):
            accuracy.main(option.split())
        assert option.split()[1].split("/")[0] in capsys.readouterr().err
    asked = []
    monkeypatch.setattr(accuracy, "run", asked.extend)  # and no results
    with pytest.raises(AttributeError):
        accuracy.main([])
    assert asked == sorted(RECORDED["seed"].unique())
    path = tmp_path / "accuracy.csv"
    path.write_text("older rows")

    def fail_halfway(part):
        part.write_text("some rows")
        raise OSError(28, "No space left on device")

    with pytest.raises(SystemExit, match=f"{path}: No space left"):
        accuracy.save(path, fail_halfway)
    assert path.read_text() == "older rows" and len(list(tmp_path.iterdir())) == 2


def test_speed():
    programs = speed.programs("python2")
    assert list(programs)[:5] == list(speed.programs(None)) and len(programs) == 6
    for name, (python, *arguments) in programs.items():
        program = arguments[1] if arguments[0] == "-c" else (ROOT / name).read_text()
        compile(program, name, "exec")
        assert ("tf_keras" in program) == (python == "python2")
    seconds = np.array([[4.0, 2, 3, 4, 8, 6], [4, 2, 3, 4, 4, 6], [4, 4, 5, 4, 8, 6]])
    lines = speed.table(list(programs), seconds).splitlines()
    cells = [cell.strip() for cell in lines[4].split("|")[1:-1]]
    assert cells == [TIME, "3.0", "1.50 (1.25 to 1.50)", "0.62 (0.38 to 0.75)"]
    assert lines[0].startswith("| 3 rounds ") and len(lines) == 8
    _, history = speed.grow(epochs=2, repeats=2)
    # 470 of the 702 rows train, 28 a batch.
    assert history.epoch == [0, 1] and history.params["steps"] == 17
