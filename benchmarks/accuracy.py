"""Does a schedule help? Train the scripts' network under many settings and seeds.

A seed gives start weights, the orders of the training rows, and a split: "last", the
article's, validates on the file's last 116 rows (there, with a script's settings, it is
the network of --seed), "random" on 116 drawn anew, with good and bad as in the file.
"""

import argparse
import os
import sys
from pathlib import Path

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

TRAINING, VALIDATION, BATCH, BATCHES = 235, 116, 28, 9  # rows; batches an epoch
SPLITS = {"last": "the article's last 116 rows", "random": "116 random rows"}
MEASURES = {"accuracy": ("points", 2), "loss": ("nats", 3)}  # with unit and digits
# What is compared, after 50 epochs and, but for the last five, after 100. A setting is
# "kind rate / momentum"; of a schedule, "mean-..." is the constant rate equal to its mean.
NONE, M8, M9 = "constant 0.1 / 0", "constant 0.1 / 0.8", "constant 0.1 / 0.9"
TIME, DROP = "time-based 0.1 / 0.8", "drop-based 0.1 / 0.9"
EXP, COS = "exponential 0.1 / 0.9", "cosine 0.1 / 0.9"
COMPARED = {
    "time-based, against rate 0.1": (TIME, M8),
    "time-based, against its mean": (TIME, f"mean-{TIME}"),
    "drop-based, against rate 0.1": (DROP, M9),
    "drop-based, against its mean": (DROP, f"mean-{DROP}"),
    "momentum 0.8, against none": (M8, NONE),
    "momentum 0.9, against none": (M9, NONE),
    "momentum 0.9, against 0.8": (M9, M8),
    "rate 0.4, against rate 0.1": ("constant 0.4 / 0", NONE),
    "exponential, against rate 0.1": (EXP, M9),
    "exponential, against its mean": (EXP, f"mean-{EXP}"),
    "cosine, against rate 0.1": (COS, M9),
    "cosine, against its mean": (COS, f"mean-{COS}"),
}
LOW = "an equally low constant rate"  # its mean
LOOKS = [(50, name) for name in COMPARED]
LOOKS += [(100, name) for name in list(COMPARED)[:-5]]
# Two grids of twelve, of which the best after 50 epochs are compared
CONSTANT = [f"constant {r} / {m}" for r in (0.05, 0.1, 0.2, 0.4) for m in (0, 0.8, 0.9)]
SCHEDULES = [EXP, COS]
SCHEDULES += [f"time-based {r} / {m}" for r in (0.1, 0.2, 0.4) for m in (0.8, 0.9)]
SCHEDULES += [f"drop-based {r} / {m}" for r in (0.1, 0.2) for m in (0.8, 0.9)]


class RateOfEachBatch(keras.callbacks.Callback):
    """Set the rate before each batch of a run: compiled, it is rounded otherwise."""

    def __init__(self, kind, rate, epochs):
        super().__init__()
        self.schedule = {
            "constant": lambda batch: rate,
            "time-based": schedules.InverseTimeDecay(rate, 1, rate / epochs),
            "drop-based": lambda batch: rate * 0.5 ** ((1 + batch // BATCHES) // 10),
            "exponential": schedules.ExponentialDecay(rate, 10 * BATCHES, 0.5),
            "cosine": schedules.CosineDecay(rate, epochs * BATCHES),
        }[kind.removeprefix("mean-")]
        if kind.startswith("mean-"):
            rates = [float(self.schedule(batch)) for batch in range(epochs * BATCHES)]
            self.schedule = lambda batch: np.mean(rates)

    def on_train_batch_begin(self, batch, logs=None):
        optimizer = self.model.optimizer
        optimizer.learning_rate = float(self.schedule(int(optimizer.iterations)))


def plan():
    """Return the runs: a setting, and the epochs after which it is looked at."""
    seen = {setting: {50} for setting in SCHEDULES + CONSTANT}
    for epochs, name in LOOKS:
        for setting in COMPARED[name]:
            seen.setdefault(setting, set()).add(epochs)
    runs = []
    for setting, epochs in seen.items():
        another = setting.startswith(("time", "mean"))  # in 100 epochs than in 50
        looks = [[n] for n in sorted(epochs)] if another else [sorted(epochs)]
        runs += [(setting, look) for look in looks]
    return runs


def split_rows(split, Y, seed):
    """Return the rows that train and those that validate, as positions in the file."""
    rows = np.arange(len(Y))
    if split == "last":
        return rows[:TRAINING], rows[TRAINING:]
    return train_test_split(rows, test_size=VALIDATION, stratify=Y, random_state=seed)


def start(seed, epochs=100):
    """Return a seed's start weights, and its orders as (epochs, training rows)."""
    keras.utils.set_random_seed(seed)
    orders = tf.data.Dataset.range(TRAINING).shuffle(TRAINING).repeat(epochs)
    orders = next(iter(orders.batch(epochs * TRAINING))).numpy()
    layers = [keras.layers.Dense(n, kernel_initializer="normal") for n in (34, 1)]
    model = keras.Sequential([keras.Input((34,)), *layers])
    return model.get_weights(), orders.reshape(epochs, TRAINING)


def train(X, Y, splits, starts, setting, seen):
    """Train a network for each split and start, all at once; yield how they validate.

    splits and starts are what split_rows and start return. Yields the epochs of seen, the
    rows right and the losses, the last two of shape (networks,).
    """
    networks = len(starts)
    training, validation = (np.stack(rows) for rows in zip(*splits))
    weights, orders = zip(*starts)
    orders = np.take_along_axis(training[None], np.stack(orders, axis=1), axis=2)

    def layer(units, activation):  # keras.layers.Dense, with an axis n for the networks
        equation, shape = "nbi,nio->nbo", (None, units)
        return keras.layers.EinsumDense(equation, shape, activation, bias_axes="no")

    def loss(y_true, y_pred):  # a sum over the networks: each learns as if alone
        return networks * keras.losses.binary_crossentropy(y_true, y_pred)

    def batches(epoch):  # of (rows, networks)
        rows = tf.data.Dataset.from_tensor_slices(epoch).batch(BATCH).map(tf.transpose)
        return rows.map(lambda rows: (tf.gather(X, rows), tf.gather(Y[:, None], rows)))

    inputs = keras.Input(batch_shape=(networks, None, 34))
    model = keras.Sequential([inputs, layer(34, "relu"), layer(1, "sigmoid")])
    weights = zip(model.weights, map(np.stack, zip(*weights)))
    model.set_weights([values.reshape(weight.shape) for weight, values in weights])
    kind, rate, momentum = setting.replace(" / ", " ").split()
    rates = RateOfEachBatch(kind, float(rate), seen[-1])
    model.compile(keras.optimizers.SGD(0.0, float(momentum)), loss, jit_compile=True)
    for first, epochs in zip([0, *seen], seen):
        data = orders[first:epochs].transpose(0, 2, 1)
        data = tf.data.Dataset.from_tensor_slices(data).flat_map(batches).prefetch(8)
        how = {"steps_per_epoch": BATCHES, "shuffle": False, "callbacks": [rates]}
        model.fit(data, initial_epoch=first, epochs=epochs, verbose=0, **how)
        answers, truth = np.asarray(model(X[validation])), Y[validation][..., None]
        right = ((answers > 0.5) == truth).sum(axis=(1, 2))
        losses = keras.losses.binary_crossentropy(truth, answers)
        yield epochs, right, np.mean(losses, axis=1)


def run(seeds, runs):
    """Return a table: a row for each split and seed, two columns for each look."""
    keras.config.set_floatx("float64")  # as the scripts do
    keras.config.set_dtype_policy("float64")
    table = pd.read_csv(Path(__file__).parents[1] / "ionosphere.csv", header=None)
    X, Y = table.loc[:, 0:33].to_numpy(float), (table[34] == "g").to_numpy(int)
    jobs = pd.MultiIndex.from_product([SPLITS, seeds], names=["split", "seed"])
    splits = [split_rows(split, Y, seed) for split, seed in jobs]
    starts = [start(seed) for seed in seeds] * 2
    columns = {}
    for number, (setting, seen) in enumerate(runs, start=1):
        for epochs, right, loss in train(X, Y, splits, starts, setting, seen):
            columns[f"{setting} after {epochs}: right"] = right
            columns[f"{setting} after {epochs}: loss"] = loss.round(6)
        print(f"{number} of {len(runs)} runs", end="\r", file=sys.stderr, flush=True)
    return pd.DataFrame(columns, index=jobs)


def values(results, split, measure, setting, epochs):
    """Return a setting's accuracies (per cent) or losses (nats), one for each seed."""
    if measure == "loss":
        return results.loc[split, f"{setting} after {epochs}: loss"]
    return results.loc[split, f"{setting} after {epochs}: right"] / VALIDATION * 100


def differences(results, split, measure, pair, epochs):
    """Return the differences of two settings, in points or nats, one for each seed."""
    a, b = (values(results, split, measure, setting, epochs) for setting in pair)
    return a - b


def tuned(results, split, measure):
    """Return the best two settings by one half of the seeds, and the other's difference."""
    half, best = len(results.loc[split]) // 2, []
    for grid in SCHEDULES, CONSTANT:
        means = {x: values(results, split, measure, x, 50)[:half].mean() for x in grid}
        choose = max if measure == "accuracy" else min
        best.append(choose(means, key=means.get))
    return *best, differences(results, split, measure, best, 50)[half:]


def mean_text(numbers, digits):
    """Return a mean with its 95 % interval; bold if 3.3 standard errors from zero."""
    mean, error = numbers.mean(), numbers.sem()
    ends = (mean, mean - 1.96 * error, mean + 1.96 * error)
    texts = [f"{round(x, digits) + 0.0:+.{digits}f}" for x in ends]  # + 0.0: no -0.00
    bold = "**" if abs(mean) > 3.3 * error else ""
    return f"{bold}{texts[0]}{bold} ({texts[1]} to {texts[2]})"


def tables(results):
    """Return the page's tables: the differences of each measure, tuned, and the means."""
    found, best = [], []
    ends = sorted({(epochs, x) for epochs, name in LOOKS for x in COMPARED[name]})
    ends = [[setting, str(epochs)] for epochs, setting in ends]
    for measure, (unit, digits) in MEASURES.items():
        rows = [[name, str(epochs)] for epochs, name in LOOKS]
        for split in SPLITS:
            for row in rows:
                numbers = differences(results, split, measure, COMPARED[row[0]], row[1])
                row.append(mean_text(numbers, digits))
            for row in ends:
                mean = values(results, split, measure, *row[:2]).mean()
                row.append(f"{mean:.{digits}f}")
            *settings, numbers = tuned(results, split, measure)
            text = f"{mean_text(numbers, digits)} {unit}"
            best.append([f"{split} rows: {measure}", *settings, text])
        heads = [f"{split} rows, {unit}" for split in SPLITS]
        found.append(markdown([measure, "epochs", *heads], rows))
    found.append(markdown(["best for", "schedule", "constant", "difference"], best))
    return [*found, markdown(["mean", "epochs", *[x[0] for x in best]], ends)]


def save_plot(results, path):
    """Draw differences of accuracy, a panel for each split and a row for each question."""
    figure = Figure(figsize=(5.2, 6.4), dpi=150, layout="constrained")
    figure.suptitle("Does a learning-rate schedule help?\nHardly more than a lower rate")
    for axes, split in zip(figure.subplots(2, sharex=True), SPLITS):
        kind, rows = (results, split, "accuracy"), {}
        for name in list(COMPARED)[:5]:
            pair = COMPARED[name]
            rows[name] = differences(*kind, pair, 50), differences(*kind, pair, 100)
        rows["best of 12 schedules, against best of 12 constant settings"] = tuned(*kind)[2:]
        for height, (name, both) in enumerate(rows.items()):
            name = name.replace("-based", "-based decay").replace("its mean", LOW)
            axes.text(-0.85, height - 0.2, name.replace("rate 0.1", "the constant rate 0.1"))
            for x, epochs, form in zip(both, (50, 100), ("full", "none")):
                error = 1.96 * x.sem()
                bar = axes.errorbar(x.mean(), height + 0.2, xerr=error, fmt="C0o")
                bar.lines[0].set(fillstyle=form, label=f"{epochs} epochs")
        axes.axvspan(-100 / VALIDATION, 100 / VALIDATION, color="gray", alpha=0.2)
        axes.axvline(0, color="gray")
        axes.set(yticks=[], xlim=(-0.9, 3.4), ylim=(len(rows) - 0.4, -0.6))
        axes.set_title(f"validated on {SPLITS[split]}", loc="left")
        axes.set_title("better \N{RIGHTWARDS ARROW}", loc="right")
    figure.legend(handles=axes.lines[:2], loc="outside lower center", ncols=2)
    axes.set_xlabel("accuracy gained, points (bars: 95%; gray: up to one row of 116)")
    figure.savefig(path)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--seeds", type=int, default=400, help="default: %(default)s")
    parser.add_argument("--out", type=Path, help="write this .csv")
    parser.add_argument("--plot", type=Path, help="draw this .png")
    options = parser.parse_args(argv)
    results = run(range(options.seeds), plan())
    if options.out:
        results.to_csv(options.out, lineterminator="\n", encoding="utf-8")
    if options.plot:
        save_plot(results, options.plot)
    print(f"\n{options.seeds} seeds", *tables(results), sep="\n\n")


if __name__ == "__main__":
    main()
