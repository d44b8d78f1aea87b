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


def recorded(split, setting, epochs, measure):
    """Return a column of the record by its name; rows that are right in per cent."""
    column = RECORDED.loc[split][f"{setting} after {epochs}: {measure}"].to_numpy()
    return column / 116 * 100 if measure == "right" else column


@pytest.mark.parametrize(
    ("script", "setting"),
    [(TIME_BASED, "time-based 0.1 / 0.8"), (DROP_BASED, "drop-based 0.1 / 0.9")],
)
def test_seed_7_is_the_run_of_the_script(script, setting):
    history = run(script)["history"].history
    last = {name: values[-1] for name, values in history.items()}
    right = recorded("last", setting, 50, "right")[7]
    assert right == pytest.approx(last["val_accuracy"] * 100)
    loss = recorded("last", setting, 50, "loss")[7]
    assert loss == pytest.approx(last["val_loss"], abs=6e-7)


def test_two_seeds_trained_again():
    runs = [
        (accuracy.DROP_BASED.its_mean(), 50),
        (accuracy.Setting("cosine", 1.6, 0), 50),
        (accuracy.EXPONENTIAL, 100),
    ]
    again = accuracy.run(range(2), runs)
    for column, new in again.items():
        assert list(new) == pytest.approx(
            list(RECORDED.loc[new.index, column]), abs=2e-6
        )


def test_the_record_has_every_seed_and_run():
    seeds = [(split, seed) for split in ("last", "random") for seed in range(400)]
    assert list(RECORDED.index) == seeds
    assert len(RECORDED.columns) == 2 * len(accuracy.plan())


def test_which_rows_validate():
    Y = np.array([1] * 225 + [0] * 126)
    training, validation = accuracy.split_rows("last", Y, seed=3)
    assert list(training) == list(range(235))
    assert list(validation) == list(range(235, 351))
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
        assert table in page("benchmarks/README.md")


def cells(first, second):
    """Return the cells of the benchmark page's row that begins with two cells."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in page("benchmarks/README.md").splitlines()
        if line.startswith("|")
    ]
    return next(row[2:] for row in rows if row[:2] == [first, second])


def interval(numbers):
    """Return a mean and the ends of its 95 % interval."""
    error = 1.96 * numbers.std(ddof=1) / len(numbers) ** 0.5
    return numbers.mean(), numbers.mean() - error, numbers.mean() + error


def test_a_row_of_each_table_by_hand():
    decay = recorded("last", "time-based 0.1 / 0.8", 50, "right")
    constant = recorded("last", "constant 0.1 / 0.8", 50, "right")
    mean, low, high = interval(decay - constant)
    gain = cells("time-based, against rate 0.1", "50")[0]
    assert gain == f"**{mean:+.2f}** ({low:+.2f} to {high:+.2f})"

    cosine = recorded("random", "cosine 0.1 / 0.9", 100, "loss")
    constant = recorded("random", "mean-cosine 0.1 / 0.9", 100, "loss")
    mean, low, high = interval(cosine - constant)
    rows = page("benchmarks/README.md").split("## All tables")[1]
    assert f"{mean:+.3f} ({low:+.3f} to {high:+.3f})" in rows

    high_rate = recorded("last", "constant 1.6 / 0", 50, "right")
    low_rate = recorded("last", "constant 0.1 / 0", 50, "right")
    mean, low, high = interval(high_rate)
    loss = recorded("last", "constant 1.6 / 0", 50, "loss").mean()
    assert cells("1.6", "constant") == [
        f"{mean:.2f} ± {high - mean:.2f}",
        "",
        "",
        f"{high_rate.min():.2f}",
        f"{(high_rate < low_rate - 10).mean():.2%}",
        f"{loss:.3f}",
    ]

    best, other = "drop-based 0.1 / 0.9", "constant 0.05 / 0.9"
    differences = recorded("last", best, 50, "right") - recorded(
        "last", other, 50, "right"
    )
    mean, low, high = interval(differences[200:])
    row = cells("the article's rows: accuracy", best)
    assert row == [other, f"**{mean:+.2f}** ({low:+.2f} to {high:+.2f}) points"]
    for rate in 0.05, 0.1, 0.2, 0.4:
        for momentum in 0, 0.8, 0.9:
            column = recorded("last", f"constant {rate} / {momentum}", 50, "right")
            assert (
                column[:200].mean() <= recorded("last", other, 50, "right")[:200].mean()
            )

    means = cells("drop-based 0.1 / 0.9", "100")
    drops = [
        recorded(x, "drop-based 0.1 / 0.9", 100, "right") for x in ("last", "random")
    ]
    assert means[:2] == [f"{column.mean():.2f}" for column in drops]


def test_the_pictures(tmp_path):
    for name, plot in accuracy.PICTURES.items():
        figure = plot(RECORDED)
        figure.savefig(tmp_path / name)
        assert_same_picture(tmp_path / name)
    means, worst = accuracy.plot_sweep(RECORDED).axes[::2]
    for axes, number in (means, np.mean), (worst, np.min):
        cosine = next(x for x in axes.get_lines() if x.get_label() == "cosine")
        first = recorded("last", "cosine 0.1 / 0", 50, "right")
        assert cosine.get_ydata()[0] == pytest.approx(number(first))


def test_the_table_of_seconds():
    frugal, arrays = "the imports, as the scripts do them", "fit on arrays"
    seconds = {
        "the imports": [4.0, 9.0, 5.0],
        frugal: [2.0, 3.0, 2.5],
        arrays: [8.0, 6.0, 5.0],
    }
    assert speed.table(seconds).splitlines()[2].split(" | ")[1:] == [
        "5.0    ",
        "2.00 (2.00 to 3.00)",
        "1.00 (0.50 to 1.50) |",
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
