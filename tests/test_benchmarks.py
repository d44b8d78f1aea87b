"""The recorded rows are the scripts' runs, and the tables say what they say."""

import accuracy
import numpy as np
import pandas as pd
import pytest
import speed
from conftest import DROP_BASED, ROOT, TIME_BASED, assert_same_picture, page, run

RECORDED = pd.read_csv(
    ROOT / "benchmarks" / "accuracy.csv", index_col=["split", "seed"]
)
PAGE = page("benchmarks/README.md")


def recorded(split, name, measure):
    """Return a run's column of the record; the rows that are right in per cent."""
    column = RECORDED.loc[split][f"{name}: {measure}"].to_numpy()
    return column / 116 * 100 if measure == "right" else column


@pytest.mark.parametrize(
    ("script", "name"),
    [(TIME_BASED, "time-based 0.1 / 0.8"), (DROP_BASED, "drop-based 0.1 / 0.9")],
)
def test_seed_7_is_the_run_of_the_script(script, name):
    right = recorded("last", f"{name} after 50", "right")[7]
    loss = recorded("last", f"{name} after 50", "loss")[7]
    history = run(script)["history"].history
    says = "if a rule has changed: accuracy.py has it, too, and makes accuracy.csv anew"
    assert history["val_accuracy"][-1] * 100 == pytest.approx(right), says
    assert history["val_loss"][-1] == pytest.approx(loss, abs=6e-7), says


def test_two_seeds_trained_again():
    settings = accuracy.DROP_BASED.its_mean(), accuracy.Setting("cosine", 1.6, 0)
    again = accuracy.run(range(2), [(setting, 50) for setting in settings])
    for column, new in again.items():
        old = list(RECORDED.loc[new.index, column])
        assert list(new) == pytest.approx(old, abs=2e-6)


def test_the_record_has_every_seed_and_run():
    seeds = [(split, seed) for split in ("last", "random") for seed in range(400)]
    assert list(RECORDED.index) == seeds
    assert len(RECORDED.columns) == 2 * len(accuracy.plan())


def test_which_rows_validate():
    Y = np.array([1] * 225 + [0] * 126)
    training, validation = accuracy.split_rows("random", Y, seed=3)
    assert sorted([*training, *validation]) == list(range(351))
    assert (len(validation), Y[validation].sum()) == (116, 74)  # 225 / 351 of 116


# By the scripts' rules: 50 epochs of 9 batches
@pytest.mark.parametrize(
    ("kind", "rates"),
    [
        ("time-based", {0: 0.1, 450 - 9: 0.1 / (1 + 0.002 * 441)}),
        ("drop-based", {80: 0.1, 81: 0.05, 440: 0.00625, 441: 0.003125}),
        ("exponential", {0: 0.1, 90: 0.05}),
        ("cosine", {0: 0.1, 225: 0.05}),
    ],
)
def test_the_rates_of_a_setting(kind, rates):
    setting = accuracy.Setting(kind, 0.1, 0.9)
    found = accuracy.rates_of(setting, 50)
    assert len(found) == 450
    for batch, rate in rates.items():
        assert found[batch] == pytest.approx(rate)
    assert list(accuracy.rates_of(setting.its_mean(), 50)) == [found.mean()] * 450


def test_the_tables_stand_in_the_page():
    for table in accuracy.tables(RECORDED):
        missing = [line for line in table.splitlines() if line not in PAGE]
        assert not missing, "accuracy.py prints these lines"
        assert table in PAGE


def interval(numbers):
    """Return a mean and the ends of its 95 % interval."""
    error = 1.96 * numbers.std(ddof=1) / len(numbers) ** 0.5
    return numbers.mean(), numbers.mean() - error, numbers.mean() + error


def cells(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


def rows_of(*first):
    """Return the page's rows that begin with these cells, without them."""
    rows = [cells(line) for line in PAGE.splitlines() if line.startswith("|")]
    return [row[len(first) :] for row in rows if row[: len(first)] == [*first]]


def test_a_row_of_each_table_by_hand():
    decay = recorded("last", "time-based 0.1 / 0.8 after 50", "right")
    constant = recorded("last", "constant 0.1 / 0.8 after 50", "right")
    of_accuracy, _ = rows_of("time-based, against rate 0.1", "50")
    text = "**{:+.2f}** ({:+.2f} to {:+.2f})".format(*interval(decay - constant))
    assert of_accuracy[0] == text

    cosine = recorded("random", "cosine 0.1 / 0.9 after 100", "loss")
    constant = recorded("random", "mean-cosine 0.1 / 0.9 after 100", "loss")
    _, of_loss = rows_of("cosine, against its mean", "100")
    text = "{:+.3f} ({:+.3f} to {:+.3f})".format(*interval(cosine - constant))
    assert of_loss[1] == text

    constant = recorded("last", "constant 1.6 / 0 after 50", "right")
    low_rate = recorded("last", "constant 0.1 / 0 after 50", "right")
    loss = recorded("last", "constant 1.6 / 0 after 50", "loss").mean()
    mean, low, high = interval(constant)
    accuracy_text = f"{mean:.2f} ± {high - mean:.2f}"
    dips = f"{(constant < low_rate - 10).mean():.2%}"
    of_sweep, _ = rows_of("1.6", "constant")
    worst = f"{constant.min():.2f}"
    assert of_sweep == [accuracy_text, "", "", worst, dips, f"{loss:.3f}"]

    grid = {
        f"constant {rate} / {momentum}": recorded(
            "last", f"constant {rate} / {momentum} after 50", "right"
        )
        for rate in (0.05, 0.1, 0.2, 0.4)
        for momentum in (0, 0.8, 0.9)
    }
    best = max(grid, key=lambda name: grid[name][:200].mean())
    drops = recorded("last", "drop-based 0.1 / 0.9 after 50", "right")
    text = "**{:+.2f}** ({:+.2f} to {:+.2f})".format(
        *interval((drops - grid[best])[200:])
    )
    [of_tuned] = rows_of("the article's rows: accuracy", "drop-based 0.1 / 0.9")
    assert of_tuned == [best, f"{text} points"]

    [of_means] = rows_of("drop-based 0.1 / 0.9", "50")
    assert of_means[0] == f"{drops.mean():.2f}"


def test_the_pictures(tmp_path):
    for name, plot in accuracy.PICTURES.items():
        plot(RECORDED).savefig(tmp_path / name)
        assert_same_picture(tmp_path / name)
    means, _, worst, _ = accuracy.plot_sweep(RECORDED).axes
    first = recorded("last", "cosine 0.1 / 0 after 50", "right")
    for axes, number in (means, first.mean()), (worst, first.min()):
        lines = {line.get_label(): line.get_ydata() for line in axes.get_lines()}
        assert lines["cosine"][0] == pytest.approx(number)


def test_the_table_of_seconds():
    seconds = {
        "the imports": [4.0, 9.0, 5.0],
        "the imports, as the scripts do them": [2.0, 3.0, 2.5],
        "fit on arrays": [8.0, 6.0, 5.0],
    }
    first_row = speed.table(seconds).splitlines()[2]
    assert cells(first_row) == [
        "the imports",
        "5.0",
        "2.00 (2.00 to 3.00)",
        "1.00 (0.50 to 1.50)",
    ]


@pytest.mark.parametrize(
    ("program", "options"),
    [
        (accuracy, "--seeds 0"),
        (accuracy, "--seeds much"),
        (accuracy, "--out missing/accuracy.csv"),
        (accuracy, "--plots missing"),
        (speed, "--rounds 0"),
        (speed, "--keras2 /no/python"),
    ],
)
def test_what_the_programs_refuse(capsys, program, options):
    with pytest.raises(SystemExit, match="2"):
        program.main(options.split())
    assert f"error: argument {options.split()[0]}" in capsys.readouterr().err
