"""What does a schedule buy? Train the scripts' network under many settings and seeds.

A seed gives start weights, the orders of the training rows, and a split. Two splits:
"last", the article's, validates on the last 116 rows of the file; "random" draws 116
rows anew for each seed, with good and bad in the file's proportion. On the last rows,
with a script's settings, a seed's network is the script's with --seed. Prints Markdown.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
# The script comes first: it sets what TensorFlow and Keras read on import.
from time_based_decay import read_data

# isort: split
import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from keras.optimizers import schedules
from matplotlib.figure import Figure
from sklearn.model_selection import train_test_split

EPOCHS, BATCH, BATCHES = 50, 28, 9  # an epoch is 9 batches
TRAINING, VALIDATION = 235, 116  # rows
SPLITS = ("last", "random")
MEASURES = ("accuracy", "points", 2), ("loss", "nats", 3)  # with unit and digits
KINDS = [(split, measure) for measure in MEASURES for split in SPLITS]


def step_decay(epoch):
    """Return the rate of drop-based decay in an epoch, counted from 0."""
    return 0.1 * 0.5 ** ((1 + epoch) // 10)


SCHEDULES = {
    "time-based": schedules.InverseTimeDecay(0.1, decay_steps=1, decay_rate=0.002),
    "drop-based": step_decay,
    "exponential": schedules.ExponentialDecay(0.1, 10 * BATCHES, 0.5),  # as drop-based
    "cosine": schedules.CosineDecay(0.1, EPOCHS * BATCHES),
}
# "rate / momentum" of each setting, and of those that it is compared with. In the long
# run a step is rate / (1 - momentum): 0.5 / 0 has steps as long as 0.1 / 0.8. A rate
# with four digits is the mean of the schedule that is compared with it.
SETTINGS = {
    "0.1 / 0": [],
    "0.5 / 0": ["0.1 / 0"],
    "1.0 / 0": ["0.1 / 0"],
    "0.1 / 0.8": ["0.1 / 0", "0.5 / 0"],
    "0.1 / 0.9": ["0.1 / 0", "1.0 / 0", "0.1 / 0.8"],
    **{mean: [] for mean in ("0.0714 / 0.8", "0.0368 / 0.9")},
    **{mean: [] for mean in ("0.0281 / 0.9", "0.0501 / 0.9")},
    "time-based / 0": ["0.1 / 0"],
    "time-based / 0.8": ["0.1 / 0.8", "0.0714 / 0.8"],
    "drop-based / 0.9": ["0.1 / 0.9", "0.1 / 0.8", "0.0368 / 0.9"],
    "exponential / 0.9": ["0.1 / 0.9", "0.0281 / 0.9"],
    "cosine / 0.9": ["0.1 / 0.9", "0.0501 / 0.9"],
}


def split_rows(split, Y, seed):
    """Return the rows that train and those that validate, as positions in the file."""
    rows = np.arange(len(Y))
    if split == "last":
        return rows[:TRAINING], rows[TRAINING:]
    return train_test_split(rows, test_size=VALIDATION, stratify=Y, random_state=seed)


def start(seed):
    """Return a seed's start weights, and its orders as (epochs, training rows)."""
    keras.utils.set_random_seed(seed)
    orders = tf.data.Dataset.range(TRAINING).shuffle(TRAINING).repeat(EPOCHS)
    orders = next(iter(orders.batch(EPOCHS * TRAINING))).numpy()
    layers = [keras.layers.Dense(n, kernel_initializer="normal") for n in (34, 1)]
    model = keras.Sequential([keras.Input((34,)), *layers])
    return model.get_weights(), orders.reshape(EPOCHS, TRAINING)


def train(X, Y, splits, starts, setting):
    """Train a network for each split and start, all at once; return how each validates.

    splits and starts hold what split_rows and start return. The table returned has for
    each network its rows right, its loss, and which rows are wrong, counted from 1.
    """
    networks = len(starts)

    def layer(units, activation):  # keras.layers.Dense, with an axis n for the networks
        equation, shape = "bni,nio->bno", (networks, units)
        return keras.layers.EinsumDense(equation, shape, activation, bias_axes="no")

    inputs = keras.Input((networks, 34))
    model = keras.Sequential([inputs, layer(34, "relu"), layer(1, "sigmoid")])
    weights, orders = zip(*starts)
    training, validation = zip(*splits)
    model.set_weights([np.stack(kernels) for kernels in zip(*weights)])

    def loss(y_true, y_pred):  # a sum over the networks: each learns as if alone
        return networks * keras.losses.binary_crossentropy(y_true, y_pred)

    rate, momentum = setting.split(" / ")
    callbacks, schedule = [], SCHEDULES.get(rate) or float(rate)
    if schedule is step_decay:
        callbacks, schedule = [keras.callbacks.LearningRateScheduler(step_decay)], 0.0
    model.compile(loss=loss, optimizer=keras.optimizers.SGD(schedule, float(momentum)))

    orders = [rows[order] for rows, order in zip(training, orders)]
    batches = (  # of shape (rows, networks), from orders of (epochs, rows, networks)
        tf.data.Dataset.from_tensor_slices(np.stack(orders, axis=-1))
        .flat_map(lambda epoch: tf.data.Dataset.from_tensor_slices(epoch).batch(BATCH))
        .map(lambda rows: (tf.gather(X, rows), tf.gather(Y[:, None], rows)))
    )
    size = {"epochs": EPOCHS, "steps_per_epoch": BATCHES}
    model.fit(batches, **size, shuffle=False, callbacks=callbacks, verbose=0)

    rows = np.stack(validation, axis=-1)
    answers = np.asarray(model(X[rows]))
    losses = keras.losses.binary_crossentropy(Y[rows][..., None], answers)
    wrong = (answers[..., 0] > 0.5) != Y[rows]
    right = VALIDATION - wrong.sum(axis=0)
    numbers = [" ".join(map(str, rows[w, n] + 1)) for n, w in enumerate(wrong.T)]
    return pd.DataFrame({"right": right, "loss": np.mean(losses, 0), "wrong": numbers})


def run(seeds):
    """Return a table with a row for each split, setting and seed."""
    table = read_data(ROOT / "ionosphere.csv")
    X, Y = table.loc[:, 0:33].to_numpy(float), (table[34] == "g").to_numpy(int)
    jobs = pd.MultiIndex.from_product([SPLITS, seeds], names=["split", "seed"])
    splits = [split_rows(split, Y, seed) for split, seed in jobs]
    starts = [start(seed) for seed in seeds] * 2
    tables = []
    for number, setting in enumerate(SETTINGS, start=1):
        table = train(X, Y, splits, starts, setting).set_index(jobs).reset_index()
        tables.append(table.assign(setting=setting))
        sys.stderr.write(f"\r{number} of {len(SETTINGS)} settings")
    results = pd.concat(tables).sort_values("split", kind="stable", ignore_index=True)
    results.loc[results["split"] == "random", "wrong"] = ""  # not looked at
    return results[["split", "setting", "seed", "right", "loss", "wrong"]]


def by_setting(results, split, measure):
    """Return accuracies (per cent) or losses (nats), seeds down, settings across."""
    results = results.assign(accuracy=results["right"] / VALIDATION * 100)
    results = results[results["split"] == split]
    return results.pivot(index="seed", columns="setting", values=measure)


def differences(results, split, measure):
    """Return differences (points or nats), seeds down, pairs of settings across."""
    table = by_setting(results, split, measure)
    pairs = [(a, b) for a, others in SETTINGS.items() for b in others]
    return pd.DataFrame({f"{a} - {b}": table[a] - table[b] for a, b in pairs})


def mean_text(column, digits):
    """Return a mean with its 95 % interval; bold if 3.3 standard errors from zero."""
    mean, error = column.mean(), column.sem()
    ends = (mean, mean - 1.96 * error, mean + 1.96 * error)
    texts = [f"{round(x, digits) + 0.0:+.{digits}f}" for x in ends]  # + 0.0: no -0.00
    bold = "**" if abs(mean) > 3.3 * error else ""
    return f"{bold}{texts[0]}{bold} ({texts[1]} to {texts[2]})"


def markdown(head, rows):
    """Return a Markdown table that can be read in a terminal, too."""
    widths = [max(len(cell) for cell in column) for column in zip(head, *rows)]
    return "\n".join(
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(line, widths))} |"
        for line in [head, ["-" * width for width in widths], *rows]
    )


def settings_table(results):
    """Return how the networks of each setting end, in Markdown."""
    head, rows = ["rate / momentum"], [[setting] for setting in SETTINGS]
    for split in SPLITS:
        head += [f"{split}: accuracy, %", "99.14%", "below 90%", "loss"]
        points = by_setting(results, split, "accuracy")
        loss = by_setting(results, split, "loss").mean()
        for row in rows:
            column = points[row[0]]
            row.append(f"{column.mean():.2f} (sd {column.std():.2f})")
            row += [f"{(column > 99).mean():.0%}", f"{(column < 90).mean():.0%}"]
            row.append(f"{loss[row[0]]:.3f}")
    return markdown(head, rows)


def differences_table(results):
    """Return each comparison with its four mean differences, in Markdown."""
    table = {}
    for split, (measure, unit, digits) in KINDS:
        columns = differences(results, split, measure)
        texts = [mean_text(columns[name], digits) for name in columns]
        table[f"{split}: {measure}, {unit}"] = texts
    return markdown(["rate / momentum", *table], list(zip(columns, *table.values())))


def save_plot(results, path):
    """Draw the mean differences with their intervals, a line a comparison."""
    figure = Figure(figsize=(13, 6.5), dpi=130, layout="constrained")
    panels = figure.subplots(1, 4, sharey=True)
    panels[1].sharex(panels[0])
    panels[3].sharex(panels[2])
    for axes, (split, (measure, unit, _)) in zip(panels, KINDS):
        table = differences(results, split, measure)
        if measure == "accuracy":
            axes.axvspan(-100 / VALIDATION, 100 / VALIDATION, color="0.88")
        axes.axvline(0, color="black", linewidth=1)
        errors = 1.96 * table.sem()
        axes.errorbar(table.mean(), list(table), xerr=errors, fmt="ko", capsize=3)
        axes.set(title=f"{measure}, {split} 116 rows", xlabel=f"difference ({unit})")
        axes.grid(axis="y", alpha=0.4)
    axes.invert_yaxis()
    figure.supylabel("rate / momentum - rate / momentum")
    figure.suptitle(f"Means of {len(table)} seeds, 95% intervals; gray: one row of 116")
    figure.savefig(path)


def save(path, write):
    """Write a file beside path and move it there, so that path is never half a file."""
    try:
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            write(Path(folder, path.name))
            os.replace(Path(folder, path.name), path)
    except OSError as error:
        sys.exit(f"{path}: {error.strerror}")


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=400, help="default: %(default)s")
    parser.add_argument("--out", type=Path, help="write this .csv")
    parser.add_argument("--plot", type=Path, help="draw this .png")
    options = parser.parse_args(argv)
    if not 2 <= options.seeds <= 2**32:
        parser.error(f"argument --seeds: takes 2 to {2**32}, not {options.seeds}")
    for path, suffix in (options.out, ".csv"), (options.plot, ".png"):
        if path and (path.suffix != suffix or path.is_dir()):
            parser.error(f"{path} is not a {suffix} file")
        if path and not os.access(path.parent, os.W_OK):
            parser.error(f"{path}: its folder cannot be written to")
    try:
        results = run(range(options.seeds))
    except KeyboardInterrupt:
        sys.exit("\nStopped.")
    if options.out:
        csv = results.round({"loss": 9}).to_csv(index=False, lineterminator="\n")
        save(options.out, lambda path: path.write_text(csv))
    if options.plot:
        save(options.plot, lambda path: save_plot(results, path))
    print(f"\n{options.seeds} networks each\n\n{settings_table(results)}")
    print(f"\nmeans (95% intervals); bold: 3.3 errors\n\n{differences_table(results)}")
    last = results[results["split"] == "last"]
    best = last[last["right"] == last["right"].max()]
    median = differences(results, "last", "accuracy")["0.1 / 0.8 - 0.5 / 0"].median()
    print(f"\n0.1 / 0.8 - 0.5 / 0, last rows, median: {median:.2f} points")
    print(f"{len(best)} of {len(last)} networks have {best['right'].max()} rows right")
    print(f"wrong in these: row {', '.join(sorted(set(best['wrong'])))}")


if __name__ == "__main__":
    main()
