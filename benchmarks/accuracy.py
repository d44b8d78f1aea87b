"""What does a schedule buy? Train the scripts' network under each schedule and seed.

Prints two tables in Markdown for each split, and writes one row per network to a CSV.
On the article's split, the network of a seed is the one that the script trains with
--seed: the same start weights, the same batches in the same order. (Sums are rounded
otherwise; of a hundred networks a few have a unit so near its kink that it shows.)
"""

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from keras.optimizers import schedules
from scipy import stats
from sklearn.model_selection import train_test_split

sys.path.insert(0, str(Path(__file__).parents[1]))
from drop_based_decay import step_decay
from time_based_decay import DATA, build_model, checked, load_data, writable

EPOCHS, BATCH, TRAINING, VALIDATION = 50, 28, 235, 116
BATCHES = 9  # of an epoch
# name (with the momentum): momentum, learning rate, callbacks, what to compare it with
SCHEDULES = {
    "no schedule (0)": (0.0, 0.1, [], None),
    "no schedule (0.8)": (0.8, 0.1, [], "no schedule (0)"),
    "no schedule (0.9)": (0.9, 0.1, [], "no schedule (0)"),
    "time-based (0.8)": (
        0.8,
        schedules.InverseTimeDecay(0.1, decay_steps=1, decay_rate=0.1 / EPOCHS),
        [],
        "no schedule (0.8)",
    ),
    "drop-based (0.9)": (
        0.9,
        0.0,
        [keras.callbacks.LearningRateScheduler(step_decay)],
        "no schedule (0.9)",
    ),
    # Halved in ten epochs, as drop-based decay is, but smoothly.
    "exponential (0.9)": (
        0.9,
        schedules.ExponentialDecay(0.1, decay_steps=10 * BATCHES, decay_rate=0.5),
        [],
        "no schedule (0.9)",
    ),
    "cosine (0.9)": (
        0.9,
        schedules.CosineDecay(0.1, decay_steps=EPOCHS * BATCHES),
        [],
        "no schedule (0.9)",
    ),
}


def split_rows(name, y, seed):
    """Return the rows that train and those that validate, as positions in the data."""
    rows = np.arange(len(y))
    if name == "article":
        return rows[:TRAINING], rows[TRAINING:]
    return train_test_split(rows, test_size=VALIDATION, stratify=y, random_state=seed)


def start(seed):
    """Return the script's start weights with that seed and its orders of the rows.

    The orders have the shape (epochs, training rows). fit opens its Dataset twice an
    epoch, and each opening shuffles, so that it trains on every second order.
    """
    keras.utils.set_random_seed(seed)
    rows = tf.data.Dataset.range(TRAINING).shuffle(TRAINING).batch(TRAINING)
    orders = list(rows.repeat(2 * EPOCHS).as_numpy_iterator())[::2]
    return build_model().get_weights(), np.stack(orders)


def train(X, y, splits, starts, momentum, learning_rate, callbacks):
    """Train all networks at once, on a network axis; return how each validates.

    splits and starts hold, for each network, what split_rows and start return. The
    table returned has a row per network: accuracy and loss on its validation rows.
    """
    networks = len(starts)
    weights = [np.stack(layer) for layer in zip(*(weights for weights, _ in starts))]
    model = keras.Sequential(
        [
            keras.Input((networks, 34)),
            keras.layers.EinsumDense(
                "bni,nio->bno", (networks, 34), activation="relu", bias_axes="no"
            ),
            keras.layers.EinsumDense(
                "bni,nio->bno", (networks, 1), activation="sigmoid", bias_axes="no"
            ),
        ]
    )
    model.set_weights(weights)

    # epoch, row of the epoch, network
    rows = np.stack(
        [training[orders] for (training, _), (_, orders) in zip(splits, starts)],
        axis=-1,
    )
    batches = (
        tf.data.Dataset.from_tensor_slices(rows)
        .flat_map(lambda epoch: tf.data.Dataset.from_tensor_slices(epoch).batch(BATCH))
        .map(lambda rows: (tf.gather(X, rows), tf.gather(y[:, None], rows)))
    )

    def loss(y_true, y_pred):  # a sum over the networks: each learns as if alone
        return networks * keras.losses.binary_crossentropy(y_true, y_pred)

    model.compile(loss=loss, optimizer=keras.optimizers.SGD(learning_rate, momentum))
    model.fit(
        batches,
        epochs=EPOCHS,
        steps_per_epoch=BATCHES,
        shuffle=False,
        callbacks=callbacks,
        verbose=0,
    )

    rows = np.stack([validation for _, validation in splits], axis=-1)
    answers = np.asarray(model(X[rows]))
    losses = keras.losses.binary_crossentropy(y[rows][..., None], answers)
    right = (answers[..., 0] > 0.5) == y[rows]
    return pd.DataFrame(
        {"accuracy": right.mean(axis=0), "loss": np.mean(losses, axis=0)}
    )


def std(values, axis=-1):
    return np.std(values, axis=axis, ddof=1)


def difference(a, b, statistic):
    """Return statistic(a) - statistic(b) with its 95 % bootstrap interval, as text.

    a and b are paired: the same seeds in the same order.
    """

    def compare(a, b, axis=-1):
        return statistic(a, axis=axis) - statistic(b, axis=axis)

    result = stats.bootstrap((a, b), compare, paired=True, method="percentile", rng=0)
    low, high = result.confidence_interval
    return f"{compare(a, b):+.2f} ({low:+.2f} to {high:+.2f})"


def summary(results):
    """Return two Markdown tables a split: each schedule's results, and differences.

    Accuracies are in per cent of the validation rows, losses in hundredths of a nat.
    """
    lines = []
    for split, by_split in results.groupby("split", sort=False):
        tables = dict(list(by_split.groupby("schedule", sort=False)))
        lines += [f"{split} split, {by_split['seed'].nunique()} seeds", ""]
        lines += [
            "| schedule (momentum) | accuracy | worst | best | ≥ 99.14 % | loss |"
        ]
        lines += ["|---|---|---|---|---|---|"]
        for name, table in tables.items():
            accuracy = table["accuracy"] * 100
            share = np.mean(accuracy > 99)
            lines.append(
                f"| {name} | {accuracy.mean():.2f} ± {accuracy.std():.2f} "
                f"| {accuracy.min():.2f} | {accuracy.max():.2f} | {share:.0%} "
                f"| {table['loss'].mean() * 100:.2f} |"
            )
        lines += ["", "| against | mean accuracy | its spread | mean loss |"]
        lines += ["|---|---|---|---|"]
        for name, (*_, other) in SCHEDULES.items():
            if name in tables and other in tables:
                pair = tables[name], tables[other]
                columns = ("accuracy", np.mean), ("accuracy", std), ("loss", np.mean)
                cells = [
                    difference(*(t[column].to_numpy() * 100 for t in pair), statistic)
                    for column, statistic in columns
                ]
                lines.append(f"| {name} against {other} | {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines)


def save_plot(results, always_good, path):
    """Draw a dot for each network, in a column for each schedule, on both splits.

    always_good is, for each split, the share of the validation rows that are good.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 8), layout="constrained")
    figure.suptitle(
        f"Validation accuracy after {EPOCHS} epochs, "
        f"{results['seed'].nunique()} seeds: a dot is a network"
    )
    panels = figure.subplots(2, sharex=True)
    for axes, (split, by_split) in zip(panels, results.groupby("split", sort=False)):
        names = list(by_split["schedule"].unique())
        for column, (_, table) in enumerate(by_split.groupby("schedule", sort=False)):
            # Equal accuracies side by side: a wide line of dots is a common result.
            equal = table.groupby("accuracy")["accuracy"]
            offsets = (equal.cumcount() - (equal.transform("size") - 1) / 2) * 0.009
            axes.plot(
                column + offsets,
                table["accuracy"] * 100,
                ".",
                color="#0072B2",
                markersize=4,
            )
            axes.plot(column, table["accuracy"].mean() * 100, "_k", markersize=40)
        axes.axhline(always_good[split] * 100, color="#D55E00", linestyle="--")
        axes.annotate(
            "always good",
            (0.995, always_good[split] * 100),
            xycoords=("axes fraction", "data"),
            ha="right",
            va="bottom",
            color="#D55E00",
        )
        axes.set_title(f"{split} split")
        axes.set_ylabel("accuracy (% of 116 rows)")
    axes.set_xticks(
        range(len(names)),
        [name.replace(" (", "\nmomentum ").strip(")") for name in names],
    )
    figure.savefig(path, format=path.suffix[1:])


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--seeds",
        type=checked(int, lambda n: n >= 2, "a whole number from 2"),
        default=100,
        metavar="N",
        help="train with the seeds from 0 to N - 1 (default: 100)",
    )
    parser.add_argument(
        "--out",
        type=checked(writable, lambda path: not path.is_dir(), "a file to write"),
        default=Path(__file__).with_suffix(".csv"),
        metavar="FILE",
        help="the CSV to write (default: benchmarks/accuracy.csv)",
    )
    parser.add_argument(
        "--plot",
        type=checked(writable, lambda path: path.suffix == ".png", "a .png file"),
        metavar="FILE",
        help="draw the accuracies into this .png (default: no picture)",
    )
    options = parser.parse_args(argv)

    X, y = load_data(DATA)
    seeds = range(options.seeds)
    tables, always_good = [], {}
    progress = keras.utils.Progbar(2 * len(SCHEDULES), unit_name="schedule")
    try:
        starts = [start(seed) for seed in seeds]
        for split in ("article", "fair"):
            splits = [split_rows(split, y, seed) for seed in seeds]
            always_good[split] = y[splits[0][1]].mean()
            for name, (momentum, learning_rate, callbacks, _) in SCHEDULES.items():
                table = train(X, y, splits, starts, momentum, learning_rate, callbacks)
                columns = {"split": split, "schedule": name, "seed": seeds}
                tables.append(table.assign(**columns)[[*columns, *table.columns]])
                results = pd.concat(tables)
                results.to_csv(options.out, index=False, float_format="%.6f")
                progress.update(len(tables))
    except KeyboardInterrupt:
        sys.exit(f"\nStopped: {options.out} has the {len(tables)} schedules finished.")
    print(summary(results))
    if options.plot:
        save_plot(results, always_good, options.plot)


if __name__ == "__main__":
    main()
