"""The benchmark trains what the scripts train, and shows what its rows say."""

import re

import numpy as np
import pandas as pd
import pytest
from helpers import DROP, GOOD, MEASURED, RECORDED, ROOT, TIME, run, same_as_in_docs
from matplotlib.figure import Figure

from benchmarks import accuracy, speed

PAIRS = [(a, b) for a, others in accuracy.SETTINGS.items() for b in others]


def difference(measure, split, a, b):
    """Return a mean difference between the ends of its interval, and its error."""
    values = MEASURED[measure, split, a] - MEASURED[measure, split, b]
    mean, error = np.mean(values), np.std(values, ddof=1) / 400**0.5
    return mean - 1.96 * error, mean, mean + 1.96 * error, error


def test_what_is_recorded():
    assert list(MEASURED.index) == list(range(400)) and len(RECORDED) == 2 * 14 * 400
    for row in RECORDED[RECORDED["split"] == "last"].itertuples():
        wrong = {int(number) for number in row.wrong.split()}
        assert len(wrong) == 116 - row.right and wrong <= set(range(236, 352))
    for script, setting in (TIME, "time-based / 0.8"), (DROP, "drop-based / 0.9"):
        for measure, unit in ("loss", 1), ("accuracy", 100):
            alone = run(script, "--seed", 2).history[f"val_{measure}"][-1] * unit
            together = MEASURED[measure, "last", setting][2]
            assert together == pytest.approx(alone, rel=0, abs=1e-8)


def test_three_seeds_again(tmp_path, capsys):
    rows = RECORDED[RECORDED["seed"] < 3].reset_index(drop=True)
    paths = csv, png = [f"{tmp_path}/a.csv", f"{tmp_path}/a.png"]
    accuracy.main(["--seeds", "3", "--out", csv, "--plot", png])
    assert sorted(map(str, tmp_path.iterdir())) == paths
    table = pd.read_csv(csv, keep_default_na=False)
    pd.testing.assert_frame_equal(table, rows, rtol=0, atol=1.1e-9)
    out = capsys.readouterr().out
    assert "\n3 networks each\n" in out and out.isascii()
    for table in accuracy.settings_table(rows), accuracy.differences_table(rows):
        assert table in out


def test_the_constant_rates_are_means_of_the_schedules():
    n = np.arange(450)  # batches done
    time, drop = 0.1 / (1 + 0.002 * n), 0.1 * 0.5 ** ((9 + n) // 90)
    exponential, cosine = 0.1 * 0.5 ** (n / 90), 0.05 * (1 + np.cos(np.pi * n / 450))
    rates = dict(zip(list(accuracy.SETTINGS)[-4:], (time, drop, exponential, cosine)))
    for setting, values in rates.items():
        assert accuracy.SETTINGS[setting][-1] == f"{values.mean():.4f} / {setting[-3:]}"


def test_the_random_splits():
    splits = [accuracy.split_rows("random", GOOD, seed) for seed in range(3)]
    for training, validation in splits:
        assert sorted([*training, *validation]) == list(range(351))
        assert [len(validation), sum(GOOD[validation])] == [116, 74]
    assert len({tuple(validation) for _, validation in splits}) == 3


def test_the_tables_say_what_the_rows_say():
    text = re.sub(r" +", " ", (ROOT / "benchmarks" / "README.md").read_text())
    heads = "accuracy, % | 99.14% | below 90% | loss"
    assert f"| rate / momentum | last: {heads} | random: {heads} |" in text
    for setting in accuracy.SETTINGS:
        cells = [setting]
        for split in "last", "random":
            points, loss = (MEASURED[x, split, setting] for x in ("accuracy", "loss"))
            cells.append(f"{np.mean(points):.2f} (sd {np.std(points, ddof=1):.2f})")
            cells += [f"{np.mean(shown):.0%}" for shown in (points > 99, points < 90)]
            cells.append(f"{np.mean(loss):.3f}")
        assert f"\n| {' | '.join(cells)} |\n" in text
    heads = [f"{split}: {m}, {unit}" for split, (m, unit, _) in accuracy.KINDS]
    assert f"| rate / momentum | {' | '.join(heads)} |" in text
    for pair in PAIRS:
        cells = [" - ".join(pair)]
        for split, (measure, _, digits) in accuracy.KINDS:
            low, mean, high, error = difference(measure, split, *pair)
            bold = "**" if abs(mean) > 3.3 * error else ""
            low, mean, high = (f"{x:+.{digits}f}" for x in (low, mean, high))
            cell = f"{bold}{mean}{bold} ({low} to {high})"
            cells.append(re.sub(r"-(0\.0+)\b", r"+\1", cell))  # zero has no minus
        assert f"\n| {' | '.join(cells)} |\n" in text


def test_the_picture_shows_each_difference(tmp_path, monkeypatch):
    kept, save = [], Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda *x: kept.append(x[0]) or save(*x))
    accuracy.save_plot(RECORDED, tmp_path / "accuracy.png")
    title = "Means of 400 seeds, 95% intervals; gray: one row of 116"
    names = [label.get_text() for label in kept[0].axes[0].get_yticklabels()]
    assert (kept[0].get_suptitle(), names) == (title, [" - ".join(x) for x in PAIRS])
    panels = zip(kept[0].axes, accuracy.KINDS, strict=True)
    for axes, (split, (measure, unit, _)) in panels:
        assert axes.get_title() == f"{measure}, {split} 116 rows"
        assert axes.get_xlabel() == f"difference ({unit})" and axes.yaxis_inverted()
        [(points, _, [bars])] = [container.lines for container in axes.containers]
        for height, pair in enumerate(PAIRS):
            low, mean, high, _ = difference(measure, split, *pair)
            assert list(points.get_xydata()[height]) == pytest.approx([mean, height])
            ends = bars.get_segments()[height].ravel()
            assert list(ends) == pytest.approx([low, height, high, height])
    same_as_in_docs(tmp_path / "accuracy.png")


def test_bad_options_and_a_failing_write_lose_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.png").mkdir()
    for option in "--seeds 1", "--out a.txt", "--out gone/a.csv", "--plot folder.png":
        with pytest.raises(SystemExit, match="2"):
            accuracy.main(option.split())
        assert option.split()[1].split("/")[0] in capsys.readouterr().err
    with pytest.raises(SystemExit, match="0"):
        accuracy.main(["--help"])
    assert "default: 400" in capsys.readouterr().out
    path = tmp_path / "accuracy.csv"
    path.write_text("older rows")
    with pytest.raises(SystemExit, match=f"{path}: File exists"):
        accuracy.save(path, lambda part: (part.write_text("some rows"), part.mkdir()))
    assert path.read_text() == "older rows" and len(list(tmp_path.iterdir())) == 2


def test_speed():
    programs = speed.programs("keras2/python")
    for name, (python, *arguments) in programs.items():
        program = (ROOT / name).read_text() if arguments == [name] else arguments[1]
        compile(program, name, "exec")
        assert ("fit(X, Y, validation_split" in program) == ("fit" in name)
        assert ("momentum, decay=decay_rate" in program) == (python == "keras2/python")
    seconds = np.array([[4.0, 2, 3, 4, 8, 6], [4, 2, 3, 4, 4, 6], [4, 4, 5, 4, 8, 6]])
    row = re.sub(" +", " ", speed.table(list(programs), seconds).splitlines()[4])
    assert row == f"| {TIME} | 3.0 | 1.50 (1.25 to 1.50) | 0.62 (0.38 to 0.75) |"
    _, history = speed.grow(epochs=2, repeats=2)  # 470 of 702 rows train, 28 a batch
    assert history.epoch == [0, 1] and history.params["steps"] == 17
