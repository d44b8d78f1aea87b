"""When does a schedule help? Train the scripts' network under many settings and seeds.

A seed gives the start weights, the orders of the training rows, and a split of the
file: "last", the article's, validates on the last 116 rows; "random" validates on 116
rows drawn anew for each seed, with good and bad as in the file. With a script's
settings, a seed's network on the split "last" is the one that the script trains with
that --seed.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import NamedTuple

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from keras.optimizers import schedules
from matplotlib.figure import Figure
from sklearn.model_selection import train_test_split
from speed import markdown

SPLITS = {"last": "the article's rows", "random": "random rows"}
TRAINING, VALIDATION = 235, 116  # rows
BATCH, BATCHES = 28, 9  # rows in a batch, batches in an epoch
DIP = 10  # points below the same seed's network at the constant rate 0.1


class Setting(NamedTuple):
    """A kind of schedule, its rate at the start, and a momentum.

    is_mean: not the schedule itself, but the constant rate that is its mean in a run.
    """

    kind: str
    rate: float
    momentum: float
    is_mean: bool = False

    def __str__(self):
        mean = "mean-" if self.is_mean else ""
        return f"{mean}{self.kind} {self.rate} / {self.momentum}"

    def its_mean(self):
        return self._replace(is_mean=True)


TIME_BASED = Setting("time-based", 0.1, 0.8)
DROP_BASED = Setting("drop-based", 0.1, 0.9)
EXPONENTIAL = Setting("exponential", 0.1, 0.9)
COSINE = Setting("cosine", 0.1, 0.9)
NO_MOMENTUM = Setting("constant", 0.1, 0)
MOMENTUM_8 = Setting("constant", 0.1, 0.8)
MOMENTUM_9 = Setting("constant", 0.1, 0.9)

COMPARED = {
    "time-based, against rate 0.1": (TIME_BASED, MOMENTUM_8),
    "time-based, against its mean": (TIME_BASED, TIME_BASED.its_mean()),
    "drop-based, against rate 0.1": (DROP_BASED, MOMENTUM_9),
    "drop-based, against its mean": (DROP_BASED, DROP_BASED.its_mean()),
    "exponential, against rate 0.1": (EXPONENTIAL, MOMENTUM_9),
    "exponential, against its mean": (EXPONENTIAL, EXPONENTIAL.its_mean()),
    "cosine, against rate 0.1": (COSINE, MOMENTUM_9),
    "cosine, against its mean": (COSINE, COSINE.its_mean()),
    "momentum 0.8, against none": (MOMENTUM_8, NO_MOMENTUM),
    "momentum 0.9, against none": (MOMENTUM_9, NO_MOMENTUM),
}
# Compared after 50 epochs only: what else the article's gain could come from
COMPARED_50 = {
    "time-based, both without momentum": (Setting("time-based", 0.1, 0), NO_MOMENTUM),
    "time-based, against no momentum": (TIME_BASED, NO_MOMENTUM),
    "drop-based, against time-based": (DROP_BASED, TIME_BASED),
    "rate 0.4, against rate 0.1": (Setting("constant", 0.4, 0), NO_MOMENTUM),
}
# When does a schedule help? Without momentum, by the rate at the start
SWEEP_KINDS = ["constant", "time-based", "drop-based", "cosine"]
SWEEP_RATES = [0.1, 0.2, 0.4, 0.8, 1.6]
# Two grids of twelve, of which the best after 50 epochs are compared
TUNED_CONSTANT = [
    Setting("constant", rate, momentum)
    for rate in (0.05, 0.1, 0.2, 0.4)
    for momentum in (0, 0.8, 0.9)
]
TUNED_SCHEDULES = [
    EXPONENTIAL,
    COSINE,
    *(Setting("time-based", r, m) for r in (0.1, 0.2, 0.4) for m in (0.8, 0.9)),
    *(Setting("drop-based", r, m) for r in (0.1, 0.2) for m in (0.8, 0.9)),
]


def plan():
    """Return the runs to train, as pairs of a setting and its epochs, each once."""
    runs = [(setting, 50) for setting in TUNED_SCHEDULES + TUNED_CONSTANT]
    runs += [(Setting(k, r, 0), 50) for k in SWEEP_KINDS for r in SWEEP_RATES]
    for pair in [*COMPARED.values(), *COMPARED_50.values()]:
        runs += [(setting, 50) for setting in pair]
    for pair in COMPARED.values():
        runs += [(setting, 100) for setting in pair]
    return list(dict.fromkeys(runs))


def rates_of(setting, epochs):
    """Return a run's learning rates, shape (batches,)."""
    schedule = {
        "constant": lambda batch: setting.rate,
        "time-based": schedules.InverseTimeDecay(
            setting.rate, decay_steps=1, decay_rate=setting.rate / epochs
        ),
        "drop-based": lambda batch: (
            setting.rate * 0.5 ** ((1 + batch // BATCHES) // 10)
        ),
        "exponential": schedules.ExponentialDecay(
            setting.rate, decay_steps=10 * BATCHES, decay_rate=0.5
        ),
        "cosine": schedules.CosineDecay(setting.rate, decay_steps=epochs * BATCHES),
    }[setting.kind]
    rates = np.array([float(schedule(batch)) for batch in range(epochs * BATCHES)])
    return np.full_like(rates, rates.mean()) if setting.is_mean else rates


def split_rows(split, Y, seed):
    """Return the rows that train and those that validate, as positions in the file."""
    rows = np.arange(len(Y))
    if split == "last":
        return rows[:TRAINING], rows[TRAINING:]
    return train_test_split(rows, test_size=VALIDATION, stratify=Y, random_state=seed)


def start(seed, epochs=100):
    """Return a seed's start weights, and its orders, shape (epochs, training rows)."""
    keras.utils.set_random_seed(seed)
    orders = tf.data.Dataset.range(TRAINING).shuffle(TRAINING).repeat(epochs)
    orders = next(iter(orders.batch(epochs * TRAINING))).numpy()
    model = keras.Sequential(
        [
            keras.Input((34,)),
            keras.layers.Dense(34, kernel_initializer="normal"),
            keras.layers.Dense(1, kernel_initializer="normal"),
        ]
    )
    return model.get_weights(), orders.reshape(epochs, TRAINING)


def build(starts):
    """Return the script's network so many times in one model, with its start weights.

    Its inputs have the shape (networks, rows, 34), its outputs (networks, rows, 1).
    """
    networks = len(starts)
    model = keras.Sequential([keras.Input(batch_shape=(networks, None, 34))])
    for units, activation in (34, "relu"), (1, "sigmoid"):
        model.add(  # a Dense with an axis n for the networks
            keras.layers.EinsumDense(
                "nbi,nio->nbo", (None, units), activation=activation, bias_axes="no"
            )
        )
    weights = zip(*(weights for weights, _ in starts), strict=True)
    for variable, values in zip(model.weights, weights, strict=True):
        variable.assign(np.reshape(values, variable.shape))
    return model


def train(X, Y, splits, starts, setting, epochs):
    """Train a network for each split and start, all at once, and validate each.

    X has the shape (file rows, 34), Y (file rows,); splits and starts are lists of what
    split_rows and start return. Returns the rows that are right and the losses, each of
    shape (networks,).
    """
    networks = len(starts)
    training = np.stack([rows for rows, _ in splits])  # (networks, training rows)
    validation = np.stack([rows for _, rows in splits])  # (networks, validation rows)
    orders = np.stack([order for _, order in starts])  # (networks, epochs, rows)
    orders = np.take_along_axis(training[:, np.newaxis], orders, axis=2)
    Y = Y[:, np.newaxis]

    model = build(starts)
    sgd = keras.optimizers.SGD(learning_rate=0.0, momentum=float(setting.momentum))
    model.compile(
        loss="binary_crossentropy",
        loss_weights=[
            networks
        ],  # so the loss is a sum: each network learns as if alone
        optimizer=sgd,
        jit_compile=True,
    )
    rates = iter(rates_of(setting, epochs))
    for epoch in range(epochs):
        for first in range(0, TRAINING, BATCH):
            rows = orders[:, epoch, first : first + BATCH]
            sgd.learning_rate = next(rates)
            model.train_on_batch(X[rows], Y[rows])

    answers = np.asarray(model(X[validation]))
    right = ((answers > 0.5) == Y[validation]).sum(axis=(1, 2))
    losses = keras.losses.binary_crossentropy(Y[validation], answers)
    return right, np.mean(losses, axis=1)


def run(seeds, runs):
    """Return a table: a row for each split and seed, two columns for each run."""
    keras.config.set_floatx("float64")  # as the scripts do
    keras.config.set_dtype_policy("float64")
    data = pd.read_csv(Path(__file__).parents[1] / "ionosphere.csv", header=None)
    X = data.loc[:, 0:33].to_numpy(float)
    Y = (data[34] == "g").to_numpy(int)
    index = pd.MultiIndex.from_product([SPLITS, seeds], names=["split", "seed"])
    splits = [split_rows(split, Y, seed) for split, seed in index]
    starts = [start(seed) for seed in seeds] * len(SPLITS)
    columns = {}
    for number, (setting, epochs) in enumerate(runs, start=1):
        right, losses = train(X, Y, splits, starts, setting, epochs)
        columns[f"{setting} after {epochs}: right"] = right
        columns[f"{setting} after {epochs}: loss"] = losses.round(6)
        print(f"{number} of {len(runs)} runs", end="\r", file=sys.stderr, flush=True)
    return pd.DataFrame(columns, index=index)


def values(results, split, measure, setting, epochs=50):
    """Return a setting's accuracies (per cent) or losses (nats), one for each seed."""
    if measure == "loss":
        return results.loc[split, f"{setting} after {epochs}: loss"]
    return results.loc[split, f"{setting} after {epochs}: right"] / VALIDATION * 100


def differences(results, split, measure, pair, epochs=50):
    """Return the differences of two settings, in points or nats, one for each seed."""
    first, second = (values(results, split, measure, x, epochs) for x in pair)
    return first - second


def tuned(results, split, measure):
    """Return the best schedule, the best constant setting, and their differences.

    One half of the seeds chooses the two, the other half gives the differences.
    """
    half = len(results.loc[split]) // 2
    choose = max if measure == "accuracy" else min
    pair = [
        choose(grid, key=lambda x: values(results, split, measure, x)[:half].mean())
        for grid in (TUNED_SCHEDULES, TUNED_CONSTANT)
    ]
    return *pair, differences(results, split, measure, pair)[half:]


def number_text(number, digits):
    """Return a difference with its sign; one that rounds to zero is +0.00."""
    return f"{round(number, digits) + 0.0:+.{digits}f}"


def mean_text(numbers, digits):
    """Return a mean with its 95 % interval; bold if 3.3 standard errors from zero."""
    mean, error = numbers.mean(), numbers.sem()
    low = number_text(mean - 1.96 * error, digits)
    high = number_text(mean + 1.96 * error, digits)
    bold = "**" if abs(mean) > 3.3 * error else ""
    return f"{bold}{number_text(mean, digits)}{bold} ({low} to {high})"


def differences_table(results, measure, digits):
    rows = []
    for epochs, compared in (50, COMPARED | COMPARED_50), (100, COMPARED):
        for name, pair in compared.items():
            row = [name, str(epochs)]
            for split in SPLITS:
                numbers = differences(results, split, measure, pair, epochs)
                row.append(mean_text(numbers, digits))
            rows.append(row)
    return markdown([measure, "epochs", *SPLITS.values()], rows)


def in_a_dip(results, split, setting):
    """Return which networks of a setting end in a dip, one for each seed."""
    return differences(results, split, "accuracy", (setting, NO_MOMENTUM)) < -DIP


def sweep_table(results, split):
    rows = []
    for rate in SWEEP_RATES:
        constant = Setting("constant", rate, 0)
        for kind in SWEEP_KINDS:
            setting = Setting(kind, rate, 0)
            accuracy = values(results, split, "accuracy", setting)
            gain = differences(results, split, "accuracy", (setting, constant))
            loss = values(results, split, "loss", setting)
            rows.append(
                [
                    str(rate),
                    kind,
                    f"{accuracy.mean():.2f} ± {1.96 * accuracy.sem():.2f}",
                    mean_text(gain, 2) if kind != "constant" else "",
                    number_text(gain.median(), 2) if kind != "constant" else "",
                    f"{accuracy.min():.2f}",
                    f"{in_a_dip(results, split, setting).mean():.2%}",
                    f"{loss.mean():.3f}",
                ]
            )
    head = ["from rate", SPLITS[split], "accuracy", "gain over the constant rate"]
    return markdown([*head, "median gain", "worst", "in a dip", "loss"], rows)


def tuned_table(results):
    rows = []
    for measure, digits, unit in ("accuracy", 2, "points"), ("loss", 3, "nats"):
        for split, name in SPLITS.items():
            schedule, constant, numbers = tuned(results, split, measure)
            text = f"{mean_text(numbers, digits)} {unit}"
            rows.append([f"{name}: {measure}", str(schedule), str(constant), text])
    return markdown(["best for", "schedule", "constant rate", "difference"], rows)


def means_table(results):
    heads = [f"{name}: {x}" for x in ("accuracy", "loss") for name in SPLITS.values()]
    rows = []
    for epochs, compared in (50, COMPARED | COMPARED_50), (100, COMPARED):
        settings = {setting for pair in compared.values() for setting in pair}
        for setting in sorted(settings, key=str):
            row = [str(setting), str(epochs)]
            for measure, digits in ("accuracy", 2), ("loss", 3):
                for split in SPLITS:
                    mean = values(results, split, measure, setting, epochs).mean()
                    row.append(f"{mean:.{digits}f}")
            rows.append(row)
    return markdown(["mean", "epochs", *heads], rows)


def tables(results):
    """Return the tables of benchmarks/README.md in Markdown, in the page's order."""
    return [
        differences_table(results, "accuracy", digits=2),
        *(sweep_table(results, split) for split in SPLITS),
        tuned_table(results),
        differences_table(results, "loss", digits=3),
        means_table(results),
    ]


def label_lines(axes):
    """Write each line's label left of its first point, none over another."""
    low, high = axes.get_ylim()
    height = low
    for line in sorted(axes.get_lines(), key=lambda line: line.get_ydata()[0]):
        height = max(height + (high - low) / 14, line.get_ydata()[0])
        text = {"color": line.get_color(), "ha": "right", "va": "center"}
        axes.text(SWEEP_RATES[0] * 0.9, height, line.get_label(), **text)


def plot_sweep(results):
    """Draw accuracy against the rate at the start: the mean and the worst network."""
    figure = Figure(figsize=(5.6, 6.4), dpi=150, layout="constrained")
    figure.suptitle("A schedule makes\na too high learning rate harmless")
    panels = figure.subplots(2, 2, sharex=True)
    for (upper, lower), (split, name) in zip(panels.T, SPLITS.items(), strict=True):
        for kind in SWEEP_KINDS:
            settings = [Setting(kind, rate, 0) for rate in SWEEP_RATES]
            accuracies = [values(results, split, "accuracy", x) for x in settings]
            style = {"color": "black" if kind == "constant" else None, "label": kind}
            upper.plot(SWEEP_RATES, [x.mean() for x in accuracies], "o-", **style)
            lower.plot(SWEEP_RATES, [x.min() for x in accuracies], "o-", **style)
        label_lines(upper)
        constant, *schedules = lower.get_lines()
        last = constant.get_ydata()[-1]
        lower.text(SWEEP_RATES[-1] * 0.8, last, "constant", ha="right", va="center")
        first = max(line.get_ydata()[0] for line in schedules)
        lower.text(SWEEP_RATES[0] * 0.9, first, "schedules", ha="right", va="center")
        upper.set_title(f"{name}: mean of {len(accuracies[0])}", fontsize="medium")
        lower.set_title(f"{name}: worst of {len(accuracies[0])}", fontsize="medium")
        lower.set_xscale("log", base=2)
        lower.set_xlim(SWEEP_RATES[0] / 6, SWEEP_RATES[-1] * 1.2)
        lower.set_xticks(SWEEP_RATES, [str(rate) for rate in SWEEP_RATES])
    figure.supylabel("validation accuracy, per cent", fontsize="medium")
    figure.supxlabel("learning rate at the start, without momentum", fontsize="medium")
    return figure


def plot_differences(results):
    """Draw differences of accuracy, a panel for each split, in groups of rows."""
    figure = Figure(figsize=(7, 8.4), dpi=150, layout="constrained")
    groups = {
        "against the constant rate 0.1": [
            x for x in COMPARED if x.endswith("rate 0.1")
        ],
        "against the constant rate that is its mean": [
            x for x in COMPARED if x.endswith("its mean")
        ],
        "best of 12, against the best of 12 constant settings": ["schedules"],
        "apart: momentum, against none": [
            x for x in COMPARED if x.startswith("momentum")
        ],
    }
    for axes, split in zip(figure.subplots(2, sharex=True), SPLITS, strict=True):
        height, ticks = 0, {}
        for group, names in groups.items():
            axes.text(-1.95, height, group, va="center", color="dimgray")
            height += 1
            for name in names:
                ticks[height] = name.split(", against ")[0]
                for epochs, fill in (50, "full"), (100, "none"):
                    if name in COMPARED:
                        pair = COMPARED[name]
                        gains = differences(results, split, "accuracy", pair, epochs)
                    elif epochs == 50:
                        gains = tuned(results, split, "accuracy")[2]
                    else:
                        continue
                    axes.errorbar(
                        gains.mean(),
                        height + (0.2 if epochs == 100 else 0),
                        xerr=1.96 * gains.sem(),
                        fmt="C0o",
                        fillstyle=fill,
                        label=f"{epochs} epochs, 95% interval",
                    )
                height += 1
            axes.axhline(height - 0.5, color="lightgray", linewidth=0.8)
        axes.axvspan(
            -100 / VALIDATION,
            100 / VALIDATION,
            color="gray",
            alpha=0.2,
            label="up to one row of 116",
        )
        axes.axvline(0, color="gray")
        axes.set_yticks(list(ticks), list(ticks.values()))
        axes.set(xlim=(-2, 3.5), ylim=(height - 0.4, -0.6))
        axes.set_title(f"validated on {SPLITS[split]}", loc="left")
        axes.set_title("better \N{RIGHTWARDS ARROW}", loc="right")
    axes.set_xlabel("accuracy gained, points")
    handles, labels = axes.get_legend_handles_labels()
    legend = dict(zip(labels, handles, strict=True))
    figure.legend(legend.values(), legend, loc="outside lower center", ncols=3)
    return figure


PICTURES = {"when.png": plot_sweep, "accuracy.png": plot_differences}


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--seeds", type=int, default=400, help="default: %(default)s")
    parser.add_argument("--out", type=Path, help="write this .csv")
    parser.add_argument("--plots", type=Path, help="draw the pictures into this folder")
    options = parser.parse_args(argv)
    if options.seeds < 4:
        parser.error("argument --seeds: has to be 4 or more")
    if options.out and (options.out.is_dir() or not options.out.parent.is_dir()):
        parser.error(f"argument --out: {options.out} is not a file in a folder")
    if options.plots and not options.plots.is_dir():
        parser.error(f"argument --plots: {options.plots} is not a folder")
    results = run(range(options.seeds), plan())
    if options.out:
        results.to_csv(options.out, lineterminator="\n", encoding="utf-8")
    if options.plots:
        for name, plot in PICTURES.items():
            plot(results).savefig(options.plots / name)
    print(f"\n{options.seeds} seeds", *tables(results), sep="\n\n")


if __name__ == "__main__":
    main()
