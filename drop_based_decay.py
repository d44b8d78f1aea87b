"""Train with drop-based decay: the learning rate drops every few epochs."""

import argparse
import gc
import os
from importlib import import_module
from pathlib import Path

# Read on import: Keras is to use TensorFlow, and TensorFlow to start without notes.
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
gc.disable()  # looking for unused memory would only slow the imports down

import keras
import tensorflow as tf
from pandas import DataFrame, Interval, read_csv, to_numeric
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import LabelEncoder

gc.freeze()  # what they brought is not looked at later, either
gc.enable()
keras.config.set_floatx("float64")  # in float32, processors disagree on some runs


def step_decay(epoch, *, learning_rate=0.1, drop=0.5, epochs_drop=10):
    """Return the rate: learning_rate * drop ** floor((1 + epoch) / epochs_drop).

    It counts epochs from 0. The article's listing has the 1; its formula has not, and
    drops one epoch later. Without the *, LearningRateScheduler(step_decay) would pass
    the current rate as learning_rate.
    """
    return learning_rate * drop ** ((1 + epoch) // epochs_drop)


def load_data(path):
    """Return X, float64 of shape (rows, 34), and Y, of shape (rows,): 1 good, 0 bad.

    Raises OSError if the file cannot be read, ValueError if check_rows refuses it.
    """
    dataframe = read_csv(path, header=None, skip_blank_lines=False)
    check_rows(dataframe)
    X = dataframe.values[:, 0:34].astype(float)
    Y = LabelEncoder().fit(["b", "g"]).transform(dataframe[34])
    return X, Y


def build_model():
    """Return the article's network: 34 inputs, 34 ReLU units and 1 sigmoid unit."""
    model = keras.Sequential()
    model.add(keras.Input((34,)))
    model.add(keras.layers.Dense(34, "relu", kernel_initializer="normal"))
    model.add(keras.layers.Dense(1, "sigmoid", kernel_initializer="normal"))
    return model


def main(argv=None):
    """Train with the options in argv (None: the command line); return the History."""
    options = parse_options(argv)
    keras.utils.set_random_seed(options.seed)
    try:
        X, Y = load_data(DATA)
    except (OSError, ValueError) as error:
        raise SystemExit(f"{DATA.name}: {error}".strip()) from None
    X_train, X_val, Y_train, Y_val = train_test_split(
        X, Y, test_size=0.33, shuffle=False
    )
    good, rows = sum(Y_val), len(Y_val)
    print(
        f"{len(Y_train)} training rows ({sum(Y_train)} good, {sum(1 - Y_train)} bad), "
        f"{rows} validation rows ({good} good, {rows - good} bad)"
    )
    # The same rows as in the article's fit(X, Y, validation_split=0.33, batch_size=28).
    # It still works, but slower: Keras 3 prepares arrays anew in every epoch.
    training = tf.data.Dataset.from_tensor_slices((X_train, Y_train))
    training = training.shuffle(len(X_train)).batch(28)
    validation = tf.data.Dataset.from_tensor_slices((X_val, Y_val)).batch(rows)
    batches_per_epoch = len(training)

    model = build_model()
    schedule = keras.callbacks.LearningRateScheduler(
        lambda epoch: step_decay(
            epoch,
            learning_rate=options.learning_rate,
            drop=options.drop,
            epochs_drop=options.epochs_drop,
        )
    )
    # The callback sets and logs each epoch's rate; the optimizer's own, 0, is not used.
    sgd = keras.optimizers.SGD(learning_rate=0.0, momentum=options.momentum)
    model.compile(loss="binary_crossentropy", optimizer=sgd, metrics=["accuracy"])

    history = model.fit(
        training.repeat(),  # in a new order each time; fit opens it just once
        shuffle=False,  # by fit: it cannot shuffle a Dataset, and would say so
        steps_per_epoch=batches_per_epoch,
        epochs=options.epochs,
        validation_data=validation,
        callbacks=[schedule],
        verbose=2,
    )
    right = round(history.history["val_accuracy"][-1] * rows)
    print(
        f"Validation accuracy after epoch {options.epochs}: {right / rows:.2%} "
        f"({right} of {rows} rows); "
        f"always answering good: {good / rows:.2%} ({good} of {rows})"
    )
    if options.plot:
        save_plot(history, "Drop-based decay", options)
    return history


# The lesson ends here. Below: the check of the data, the picture and the options.
DATA = Path(__file__).with_name("ionosphere.csv")
OPTIONS = {  # default, values taken (a schedule is float32: to 1e38), meaning
    "--epochs": (50, Interval(1, 2**32, "left"), "passes over the training data"),
    "--learning-rate": (0.1, Interval(0, 1e38, "right"), "rate to start from"),
    "--momentum": (0.9, Interval(0, 1, "left"), "momentum of SGD, 0: none"),
    "--seed": (7, Interval(0, 2**32, "left"), "seed of the start weights and batches"),
    "--drop": (0.5, Interval(0, 1, "right"), "what each drop multiplies the rate by"),
    "--epochs-drop": (10, Interval(1, 2**32, "left"), "epochs between two drops"),
}


def check_rows(table):
    """Raise ValueError unless each row is 34 finite numbers and a label, g or b."""
    if len(table) < 2 or table.shape[1] != 35:
        raise ValueError(f"its shape is {table.shape}, not 2 rows or more of 35 fields")
    numbers = table.loc[:, 0:33].apply(to_numeric, errors="coerce")
    bad = ~(numbers.abs().lt(float("inf")).all(axis=1) & table[34].isin(["g", "b"]))
    if bad.any():
        raise ValueError(f"row {bad.idxmax() + 1} is not 34 finite numbers and g or b")


def save_plot(history, title, options):
    """Draw the rate, the loss and the accuracy of each epoch into options.plot."""
    from matplotlib.figure import Figure  # here, since only --plot needs it

    table = DataFrame(history.history, index=[epoch + 1 for epoch in history.epoch])
    settings = [f"{k} {v:.10g}" for k, v in vars(options).items() if k != "plot"]
    figure = Figure(figsize=(7, 5.5), layout="constrained")
    figure.suptitle(f"{title}\n{', '.join(settings)}")
    rate, loss, accuracy = figure.subplots(3, sharex=True)
    rate.plot(table["learning_rate"], "k.")
    rate.set(ylabel="learning rate in the\nepoch's first batch", ylim=(0, None))
    loss.plot(table[["loss", "val_loss"]], ".-", label=["training", "validation"])
    loss.set(ylabel="loss (nats)")
    loss.legend()
    accuracy.plot(table[["accuracy", "val_accuracy"]], ".-")
    accuracy.set(ylabel="accuracy (share of rows)", xlabel="epoch")
    figure.savefig(options.plot, format=options.plot[-3:])


def parse_options(argv):
    """Return the options in argv; a bad one ends the program before any training."""
    parser = argparse.ArgumentParser(description=__doc__)
    for option, (default, _, meaning) in OPTIONS.items():
        kind = int if isinstance(default, int) else float
        text = f"{meaning} (default: {default})" if default else meaning
        parser.add_argument(option, type=kind, default=default, metavar="X", help=text)
    parser.add_argument("--plot", metavar="FILE", help="draw into a .png, .svg or .pdf")
    options = parser.parse_args(argv)
    for (option, (_, taken, _)), value in zip(OPTIONS.items(), vars(options).values()):
        if value is not None and value not in taken:
            parser.error(f"argument {option}: takes a number in {taken}, not {value}")
    if options.plot is not None:  # refused now, what would fail after the training
        if not options.plot.endswith((".png", ".svg", ".pdf")):
            parser.error("argument --plot: takes a .png, .svg or .pdf file")
        try:
            import_module("matplotlib")
            open(options.plot, "ab").close()
        except (ImportError, OSError) as error:
            parser.error(f"argument --plot: {error}")
    return options


if __name__ == "__main__":
    main()
