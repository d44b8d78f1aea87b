"""Train with drop-based decay: the rate is multiplied by drop every few epochs."""

import argparse
import gc
import os
import sys
import tempfile
from pathlib import Path

# Keras and TensorFlow read these on import: the scripts need TensorFlow as the backend,
# and without the others its start-up notes fill stderr.
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
# What is imported stays: to search it for garbage would take a second of each run.
gc.disable()

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from sklearn.preprocessing import LabelEncoder

gc.freeze()
gc.enable()
# In float32 some seeds give other figures on another processor.
keras.config.set_floatx("float64")

DATA = Path(__file__).with_name("ionosphere.csv")


def step_decay(epoch, *, learning_rate=0.1, drop=0.5, epochs_drop=10):
    """Return the rate of an epoch, counted from 0, by the article's listing.

    rate = learning_rate * drop ^ floor((1 + epoch) / epochs_drop)

    Only epoch is positional: LearningRateScheduler would hand the current rate to a
    second positional parameter, and the drops would compound.
    """
    return learning_rate * drop ** ((1 + epoch) // epochs_drop)


def load_data(path):
    """Read the Ionosphere data: in each row 34 numbers and a label, g or b.

    Returns the inputs, float64 of shape (rows, 34), and the classes, integers of
    shape (rows,): 1 for g (good), 0 for b (bad). Raises OSError if the file cannot be
    read, ValueError if it has too few rows or a row, counted from 1, is not as above.
    """
    lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    if len(lines) < 2:
        raise ValueError(f"too few rows to train and validate: {len(lines)}")
    for row, line in enumerate(lines, start=1):
        *values, label = line.split(",")
        finite = np.isfinite(pd.to_numeric(values, errors="coerce"))
        if len(values) != 34 or not finite.all() or label not in ("g", "b"):
            raise ValueError(f"row {row} is not 34 finite numbers and a label, g or b")
    table = pd.read_csv(path, header=None)
    X = table.iloc[:, :34].to_numpy("float64")
    y = LabelEncoder().fit(["b", "g"]).transform(table[34])
    return X, y


def build_model():
    """Return the article's network: 34 inputs, 34 ReLU units and 1 sigmoid unit.

    The biases start at zero, the kernels from a normal of standard deviation 0.05,
    which is what kernel_initializer="normal" meant in Keras 2.
    """
    normal = keras.initializers.RandomNormal
    model = keras.Sequential()
    model.add(keras.Input(shape=(34,)))
    model.add(keras.layers.Dense(34, "relu", kernel_initializer=normal(stddev=0.05)))
    model.add(keras.layers.Dense(1, "sigmoid", kernel_initializer=normal(stddev=0.05)))
    return model


def main(argv=None):
    """Train with the options in argv (None: the command line); return the History."""
    options = parse_options(argv)
    keras.utils.set_random_seed(options.seed)

    # Load. The first 67 % of the rows train, the last 33 % validate.
    try:
        X, y = load_data(DATA)
    except (OSError, ValueError) as error:
        sys.exit(f"{DATA.name}: {error}")
    split = int(len(X) * (1 - 0.33))
    print(describe(y[:split], "training"), describe(y[split:], "validation"), sep=", ")
    # Datasets, because from arrays fit would rebuild its input in every epoch.
    training = tf.data.Dataset.from_tensor_slices((X[:split], y[:split]))
    training = training.shuffle(split).batch(28)
    batches_per_epoch = len(training)
    validation = tf.data.Dataset.from_tensor_slices((X[split:], y[split:]))
    validation = validation.batch(len(X) - split)

    # Build.
    model = build_model()

    # Compile. The optimizer's own rate is 0 to show that it is not used: the callback
    # sets the rate of step_decay before each epoch, and logs it.
    sgd = keras.optimizers.SGD(0.0, momentum=options.momentum, nesterov=False)
    schedule = keras.callbacks.LearningRateScheduler(
        lambda epoch: step_decay(
            epoch,
            learning_rate=options.learning_rate,
            drop=options.drop,
            epochs_drop=options.epochs_drop,
        )
    )
    model.compile(loss="binary_crossentropy", optimizer=sgd, metrics=["accuracy"])

    # Fit. The Dataset repeats, and shuffles itself anew each time, so fit need not. What
    # is trained on does then not depend on how often fit opens it.
    history = model.fit(
        training.repeat(),
        steps_per_epoch=batches_per_epoch,
        validation_data=validation,
        epochs=options.epochs,
        callbacks=[schedule],
        shuffle=False,
        verbose=2,
    )

    report(history, y[split:])
    if options.plot:
        save_plot(history, "Drop-based decay", options, drawstyle="steps-mid")
    return history


def describe(y, part):
    """Return how many rows one part of the data has, and of which class, as text."""
    return f"{len(y)} {part} rows ({sum(y)} good, {len(y) - sum(y)} bad)"


def report(history, y_validation):
    """Print the last validation accuracy beside that of always answering good."""
    rows, good = len(y_validation), sum(y_validation)
    accuracy = history.history["val_accuracy"][-1]
    print(
        f"Validation accuracy after epoch {len(history.epoch)}: {accuracy:.2%} "
        f"({accuracy * rows:.0f} of {rows} rows); "
        f"always answering good: {good / rows:.2%} ({good} of {rows})"
    )


def save_plot(history, name, options, drawstyle):
    """Draw what the training recorded; only a finished picture replaces options.plot."""
    from matplotlib.figure import Figure  # here: a plain run does without it

    table = pd.DataFrame(history.history, index=range(1, len(history.epoch) + 1))
    figure = Figure(figsize=(8, 7), layout="constrained")
    settings = [f"{k} {v:.10g}" for k, v in vars(options).items() if k != "plot"]
    figure.suptitle(f"{name}\n{', '.join(settings)}")
    top, *panels = figure.subplots(3, sharex=True)
    top.plot(table["learning_rate"], "k.-", drawstyle=drawstyle)
    top.set_ylabel("learning rate in the\nepoch's first batch")
    top.set_ylim(bottom=0)
    labels = {"loss": "loss (nats)", "accuracy": "accuracy (share of rows)"}
    for panel, (key, label) in zip(panels, labels.items()):
        panel.plot(table[key], ".-", color="#0072B2", label="training")
        panel.plot(table[f"val_{key}"], ".--", color="#D55E00", label="validation")
        panel.set_ylabel(label)
        panel.legend()
    panels[-1].set_xlabel("epoch")
    unfinished = options.plot.with_name(f"{options.plot.name}.unfinished")
    figure.savefig(unfinished, format=options.plot.suffix[1:])
    unfinished.replace(options.plot)


def checked(convert, allowed, takes):
    """Return an argparse type that refuses what is not allowed and says what it takes."""

    def parse(text):
        try:
            value = convert(text)
            if allowed(value):
                return value
        except (OSError, ValueError):
            pass
        raise argparse.ArgumentTypeError(f"takes {takes}, not {text!r}")

    return parse


def writable(text):
    """Return text as a Path; raise OSError if its folder cannot be written."""
    path = Path(text)
    tempfile.TemporaryFile(dir=path.parent).close()
    return path


def parse_options(argv):
    """Return the options in argv; a bad one ends the program with one line on stderr."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog="Example, more and smaller drops: python %(prog)s --drop 0.7 --epochs-drop 5",
    )
    whole = checked(int, lambda n: n >= 1, "a whole number from 1")
    positive = checked(float, lambda x: 0 < x < np.inf, "a finite number above 0")
    below_1 = checked(float, lambda x: 0 <= x < 1, "a number from 0 to below 1")
    to_1 = checked(float, lambda x: 0 < x <= 1, "a number above 0, at most 1")
    seed = checked(int, lambda n: 0 <= n < 2**32, "a whole number, 0 to 4294967295")
    plot = checked(
        writable,
        lambda path: path.suffix in (".png", ".svg", ".pdf") and not path.is_dir(),
        "a .png, .svg or .pdf file in a folder that can be written",
    )
    for name, allowed, default, meaning in (
        ("--epochs", whole, 50, "how often to go through the training rows"),
        ("--learning-rate", positive, 0.1, "the rate to start from"),
        ("--momentum", below_1, 0.9, "how much of each update the next one keeps"),
        ("--drop", to_1, 0.5, "what the rate is multiplied by at each drop"),
        ("--epochs-drop", whole, 10, "how many epochs from one drop to the next"),
        ("--seed", seed, 7, "for the start weights and the order of the batches"),
    ):
        parser.add_argument(
            name,
            type=allowed,
            default=default,
            metavar="N" if isinstance(default, int) else "X",
            help=f"{meaning} (default: {default})",
        )
    meaning = "draw the run into this .png, .svg or .pdf (default: no picture)"
    parser.add_argument("--plot", type=plot, metavar="FILE", help=meaning)
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
