"""What does a schedule buy? Train the scripts' network under many settings and seeds.

Each seed gives start weights, an order of the batches, and a split. Two splits: "last",
the article's, validates on the last 116 rows of the file; "random" draws 116 rows anew
for each seed, with good and bad in the file's proportion. On the last rows, the network
of a seed is the one that the script trains with --seed. Prints tables in Markdown.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))
# The scripts come first: they set what TensorFlow and Keras read on import.
from drop_based_decay import step_decay
from time_based_decay import DATA, build_model, load_data, time_based_decay

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
KEYS = ["split", "rate", "momentum"]


class Setting(NamedTuple):
    rate: str  # a schedule, or a constant learning rate
    momentum: float
    against: tuple = ()  # (rate, momentum) of the settings that it is compared with


# A step in the long run is rate / (1 - momentum): 0.5 without momentum is as long as
# 0.1 with 0.8, and 1.0 as long as 0.1 with 0.9. The other constants are mean rates of a
# schedule over the run: 0.0714 of time-based, 0.0368 of drop-based, 0.0281 of
# exponential and 0.0501 of cosine decay.
SETTINGS = [
    Setting("0.1", 0.0),
    Setting("0.5", 0.0, (("0.1", 0.0),)),
    Setting("1.0", 0.0, (("0.1", 0.0),)),
    Setting("0.1", 0.8, (("0.1", 0.0), ("0.5", 0.0))),
    Setting("0.1", 0.9, (("0.1", 0.0), ("1.0", 0.0))),
    Setting("0.0714", 0.8),
    Setting("0.0368", 0.9),
    Setting("0.0281", 0.9),
    Setting("0.0501", 0.9),
    Setting("time-based", 0.0, (("0.1", 0.0),)),
    Setting("time-based", 0.8, (("0.1", 0.8), ("0.0714", 0.8))),
    Setting("drop-based", 0.9, (("0.1", 0.9), ("0.0368", 0.9))),
    Setting("exponential", 0.9, (("0.1", 0.9), ("0.0281", 0.9))),
    Setting("cosine", 0.9, (("0.1", 0.9), ("0.0501", 0.9))),
]
SCHEDULES = {
    "time-based": time_based_decay(0.1, 0.1 / EPOCHS),
    # halved in ten epochs, as drop-based decay is
    "exponential": schedules.ExponentialDecay(0.1, 10 * BATCHES, decay_rate=0.5),
    "cosine": schedules.CosineDecay(0.1, EPOCHS * BATCHES),
}
RESULTS_HEAD = ["rate", "momentum", "accuracy, %", "115 right", "loss"]
DIFFERENCES_HEAD = ["setting", "minus", "last 116 rows", "random rows"]


def split_rows(split, Y, seed):
    """Return the rows that train and those that validate, as positions in the file."""
    rows = np.arange(len(Y))
    if split == "last":
        return rows[:TRAINING], rows[TRAINING:]
    return train_test_split(rows, test_size=VALIDATION, stratify=Y, random_state=seed)


def start(seed):
    """Return the script's start weights with that seed, and its orders of the rows.

    The orders have the shape (epochs, training rows).
    """
    keras.utils.set_random_seed(seed)
    orders = tf.data.Dataset.range(TRAINING).shuffle(TRAINING).repeat(EPOCHS)
    orders = next(iter(orders.batch(EPOCHS * TRAINING))).numpy()
    return build_model().get_weights(), orders.reshape(EPOCHS, TRAINING)


def train(X, Y, splits, starts, setting):
    """Train a network for each split and start, all at once; return how each validates.

    splits and starts hold what split_rows and start return. A row of the table returned
    is a network: how many rows it has right, its loss, and the rows that it has wrong,
    as numbers of the file's rows, from 1.
    """
    networks = len(starts)

    def layer(units, activation):  # keras.layers.Dense, with an axis n for the networks
        equation, shape = "bni,nio->bno", (networks, units)
        return keras.layers.EinsumDense(equation, shape, activation, bias_axes="no")

    inputs = keras.Input((networks, 34))
    model = keras.Sequential([inputs, layer(34, "relu"), layer(1, "sigmoid")])
    weights = [weights for weights, _ in starts]
    model.set_weights([np.stack(kernels) for kernels in zip(*weights)])

    def loss(y_true, y_pred):  # a sum over the networks: each learns as if alone
        return networks * keras.losses.binary_crossentropy(y_true, y_pred)

    callbacks, rate = [], SCHEDULES.get(setting.rate)
    if setting.rate == "drop-based":
        callbacks, rate = [keras.callbacks.LearningRateScheduler(step_decay)], 0.0
    elif rate is None:
        rate = float(setting.rate)
    model.compile(loss=loss, optimizer=keras.optimizers.SGD(rate, setting.momentum))

    orders = [training[orders] for (training, _), (_, orders) in zip(splits, starts)]
    batches = (  # of shape (rows, networks), from orders of (epochs, rows, networks)
        tf.data.Dataset.from_tensor_slices(np.stack(orders, axis=-1))
        .flat_map(lambda epoch: tf.data.Dataset.from_tensor_slices(epoch).batch(BATCH))
        .map(lambda rows: (tf.gather(X, rows), tf.gather(Y[:, None], rows)))
    )
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
    losses = keras.losses.binary_crossentropy(Y[rows][..., None], answers)
    wrong = (answers[..., 0] > 0.5) != Y[rows]
    numbers = [np.sort(rows[w, n] + 1) for n, w in enumerate(wrong.T)]
    return pd.DataFrame(
        {
            "right": VALIDATION - wrong.sum(axis=0),
            "loss": np.mean(losses, axis=0),
            "wrong": [" ".join(map(str, row)) for row in numbers],
        }
    )


def run(seeds):
    """Return a table with a row for each split, setting and seed."""
    X, Y = load_data(DATA)
    jobs = pd.MultiIndex.from_product(
        [["last", "random"], seeds], names=["split", "seed"]
    )
    splits = [split_rows(split, Y, seed) for split, seed in jobs]
    starts = [start(seed) for seed in seeds] * 2
    tables = []
    progress = keras.utils.Progbar(len(SETTINGS), unit_name="setting")
    for setting in SETTINGS:
        table = train(X, Y, splits, starts, setting).set_index(jobs).reset_index()
        tables.append(table.assign(rate=setting.rate, momentum=setting.momentum))
        progress.add(1)
    results = pd.concat(tables).sort_values("split", kind="stable")
    return results[[*KEYS, "seed", "right", "loss", "wrong"]]


def results_table(results, split):
    """Return, for each setting, its figures on a split as a list of texts.

    Rate, momentum, accuracy (mean ± standard deviation, per cent of the rows), share of
    the networks with at least 115 of the 116 rows right, and mean loss, in nats.
    """
    rows = []
    for setting in SETTINGS:
        table = select(results, split, *setting[:2])
        accuracy = table["right"] / VALIDATION * 100
        rows.append(
            [
                setting.rate,
                f"{setting.momentum:g}",
                f"{accuracy.mean():.2f} ± {accuracy.std():.2f}",
                f"{(table['right'] >= 115).mean():.0%}",
                f"{table['loss'].mean():.3f}",
            ]
        )
    return rows


def differences_table(results):
    """Return, for each comparison, its accuracies' differences as a list of texts.

    Both settings, then for each split the mean of the differences, in points (per cent
    of the rows), with its 95 % interval.
    """
    return [
        [name(*setting[:2]), name(*other)]
        + [
            difference(results, split, setting[:2], other)
            for split in ("last", "random")
        ]
        for setting in SETTINGS
        for other in setting.against
    ]


def select(results, split, rate, momentum):
    """Return the rows of one split and setting, seed by seed."""
    keys = pd.Series({"split": split, "rate": rate, "momentum": momentum})
    return results[(results[KEYS] == keys).all(axis=1)].set_index("seed")


def name(rate, momentum):
    return f"{rate}, momentum {momentum:g}"


def difference(results, split, setting, other):
    """Return the mean difference of two settings in points, with its interval, as text.

    The pairs are of the same seed. The interval is 1.96 standard errors to each side.
    """
    pair = [select(results, split, *key)["right"] for key in (setting, other)]
    points = (pair[0] - pair[1]) / VALIDATION * 100
    mean, error = points.mean(), 1.96 * points.sem()
    return f"{mean:+.2f} ({mean - error:+.2f} to {mean + error:+.2f})".replace("-", "−")


def markdown(head, rows):
    """Return a Markdown table that can be read in a terminal, too."""
    rows = [head, *rows]
    widths = [max(len(cell) for cell in column) for column in zip(*rows)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |"
        for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def save_plot(results, path):
    """Draw, for both splits side by side, how many networks have how many rows right."""
    figure = Figure(figsize=(8, 6.4), layout="constrained")
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    titles = {"last": "last 116 rows (the article's)", "random": "random 116 rows"}
    for axes, (split, title) in zip(panels, titles.items()):
        for height, setting in enumerate(SETTINGS):
            table = select(results, split, *setting[:2])
            counts = table["right"].value_counts()  # the largest circles first
            scheduled = setting.rate[0].isalpha()
            axes.scatter(
                counts.index / VALIDATION * 100,
                np.full(len(counts), height),
                s=6 + counts / len(table) * 130,
                color="#D55E00" if scheduled else "#0072B2",
                edgecolors="white",
                linewidths=0.3,
            )
            mean = table["right"].mean() / VALIDATION * 100
            axes.plot(mean, height - 0.42, "kv", markersize=4)
        axes.set(title=title, xlabel="validation accuracy (%)")
        axes.grid(axis="x", alpha=0.3)
        axes.set_axisbelow(True)
    names = [name(*setting[:2]) for setting in SETTINGS]
    panels[0].set_yticks(range(len(names)), names)
    panels[0].invert_yaxis()
    figure.suptitle(
        f"{results['seed'].nunique()} networks a line: the larger a circle, the more "
        "networks; triangle: their mean\nblue: a constant rate, orange: a schedule"
    )
    figure.savefig(path)


def save(path, write):
    """Write a file beside path and move it there, so that path is never half a file."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        whole = Path(folder, path.name)
        write(whole)
        whole.replace(path)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--seeds",
        type=int,
        default=100,
        metavar="N",
        help="train with the seeds from 0 to N - 1 (default: 100)",
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="write this .csv")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw this .png")
    options = parser.parse_args(argv)
    if not 2 <= options.seeds <= 2**32:
        parser.error(f"argument --seeds: takes 2 to {2**32}, not {options.seeds}")
    for option, suffix in ("out", ".csv"), ("plot", ".png"):
        path = getattr(options, option)
        try:  # what would fail after the training is refused before it
            if path and (path.suffix != suffix or path.is_dir()):
                raise OSError(f"takes a {suffix} file, not {path}")
            if path:
                tempfile.TemporaryDirectory(dir=path.parent).cleanup()
        except OSError as error:
            parser.error(f"argument --{option}: {error}")

    try:
        results = run(range(options.seeds))
        if options.out:
            digits = results.assign(loss=results["loss"].map("{:.9f}".format))
            csv = digits.to_csv(index=False, lineterminator="\n")
            save(options.out, lambda path: path.write_text(csv))
        if options.plot:
            save(options.plot, lambda path: save_plot(results, path))
    except KeyboardInterrupt:
        sys.exit("\nStopped.")
    except OSError as error:
        sys.exit(f"\n{error}")
    for split in "last", "random":
        print(f"\n{split} {VALIDATION} rows, {options.seeds} networks a setting\n")
        print(markdown(RESULTS_HEAD, results_table(results, split)))
    print("\ndifferences in accuracy, points (95 % interval)\n")
    print(markdown(DIFFERENCES_HEAD, differences_table(results)))


if __name__ == "__main__":
    main()
