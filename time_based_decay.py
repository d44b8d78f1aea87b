"""Train with time-based decay: the learning rate falls a little with every batch."""

import argparse
import gc
import os
import tempfile
from importlib import import_module
from pathlib import Path

# Read on import: the last two keep notes off stderr (the last alters float32, too).
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
gc.disable()  # no garbage collection during the imports: faster

import keras
from keras.layers import Dense, Input
from keras.optimizers import SGD
from keras.optimizers.schedules import InverseTimeDecay
from pandas import DataFrame, read_csv, to_numeric
from sklearn.preprocessing import LabelEncoder
from tensorflow.data import Dataset

gc.freeze()  # later collections skip what was imported
gc.enable()
keras.config.set_floatx("float64")  # in float32, processors disagree on some runs
keras.config.set_dtype_policy("float64")  # floatx is too late if a layer exists


def parse_options(argv):
    """Return the options in argv; end the program if one is bad."""
    show_defaults = argparse.ArgumentDefaultsHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=show_defaults)
    parser.add_argument("--epochs", type=int, default=50, help="passes over the rows")
    parser.add_argument("--learning-rate", type=float, default=0.1, help="at the start")
    parser.add_argument("--momentum", type=float, default=0.8, help="momentum of SGD")
    parser.add_argument("--seed", type=int, default=7, help="for weights, row orders")
    parser.add_argument("--decay", type=float, help="None: learning rate / epochs")
    parser.add_argument("--plot", type=picture, help="a .png, .svg or .pdf to draw")
    options = parser.parse_args(argv)
    for option, value, low, high in (
        ("--epochs", options.epochs, 1, 10**9),
        ("--learning-rate", options.learning_rate, 1e-37, 1e38),  # of float32
        ("--momentum", options.momentum, 0, 1),
        ("--seed", options.seed, 0, 2**32 - 1),
        ("--decay", options.decay or 0, 0, 1e38),
    ):
        if not low <= value <= high:
            parser.error(f"argument {option}: takes {low} to {high}, not {value}")
    return options


def main(argv=None):
    """Train with the options in argv (None: the command line); return the History."""
    options = parse_options(argv)
    keras.utils.set_random_seed(options.seed)  # for first weights and row orders

    # Data: inputs X, shape (351, 34); outputs Y, shape (351,), 1 good and 0 bad
    dataset = read_data(Path(__file__).with_name("ionosphere.csv")).values
    X = dataset[:, 0:34].astype(float)
    Y = LabelEncoder().fit(["b", "g"]).transform(dataset[:, 34])

    # The last rows validate, as by validation_split=0.33. Datasets: faster than arrays.
    split = int(len(X) * (1 - 0.33))
    train = Dataset.from_tensor_slices((X[:split], Y[:split])).shuffle(split).batch(28)
    batches_per_epoch = len(train)
    rows, good = len(Y[split:]), sum(Y[split:])
    validation = Dataset.from_tensor_slices((X[split:], Y[split:])).batch(rows)
    print(
        f"{split} training rows ({sum(Y[:split])} good, {sum(1 - Y[:split])} bad), "
        f"{rows} validation rows ({good} good, {rows - good} bad)"
    )

    # Model: "normal" draws weights with mean 0 and standard deviation 0.05
    model = keras.Sequential()
    model.add(Input((34,)))
    model.add(Dense(34, kernel_initializer="normal", activation="relu"))
    model.add(Dense(1, kernel_initializer="normal", activation="sigmoid"))

    # Compile
    epochs = options.epochs
    learning_rate = options.learning_rate
    decay_rate = learning_rate / epochs if options.decay is None else options.decay
    momentum = options.momentum
    # rate = learning_rate / (1 + decay_rate * batches done), as decay was in Keras 2.
    # The article's formula counts epochs; Keras never did.
    schedule = InverseTimeDecay(learning_rate, decay_steps=1, decay_rate=decay_rate)
    sgd = SGD(learning_rate=schedule, momentum=momentum)
    model.compile(loss="binary_crossentropy", optimizer=sgd, metrics=["accuracy"])

    # Fit: the Dataset shuffles anew in every epoch; fit cannot, and would warn
    history = model.fit(
        train.repeat(),
        steps_per_epoch=batches_per_epoch,
        shuffle=False,
        validation_data=validation,
        epochs=epochs,
        callbacks=[LearningRateLogger()],
        verbose=2,
    )
    right = round(history.history["val_accuracy"][-1] * rows)
    print(
        f"Validation accuracy after epoch {epochs}: {right / rows:.2%} ({right} of "
        f"{rows} rows); always answering good: {good / rows:.2%} ({good} of {rows})"
    )
    if options.plot:
        save_plot(history, schedule, options)
    return history


class LearningRateLogger(keras.callbacks.Callback):
    """Log the rate of each epoch's first batch, as read before that batch."""

    def on_epoch_begin(self, epoch, logs=None):
        self.learning_rate = float(self.model.optimizer.learning_rate)

    def on_epoch_end(self, epoch, logs=None):
        logs["learning_rate"] = self.learning_rate


def read_data(path):
    """Return the rows as a DataFrame of texts; a bad file ends the program."""
    try:
        table = read_csv(path, header=None, dtype=str, skip_blank_lines=False)
    except (OSError, ValueError) as error:
        raise SystemExit(f"{path.name}: {error}".strip()) from None
    numbers = table.iloc[:, :-1].apply(to_numeric, errors="coerce")
    ok = numbers.abs().lt(float("inf")).all(axis=1) & table.iloc[:, -1].isin(["g", "b"])
    if len(table) < 2 or table.shape[1] != 35 or not ok.all():
        row = ok.idxmin() + 1 if len(table) > 1 else 2  # row 2 is missing
        raise SystemExit(f"{path.name}: row {row} is not 34 finite numbers and g or b")
    return table


def picture(text):
    """Return text as a Path that save_plot can write, or raise ArgumentTypeError."""
    path = Path(text)
    try:
        import_module("matplotlib")
        if path.suffix not in (".png", ".svg", ".pdf") or path.is_dir():
            raise OSError("takes a .png, .svg or .pdf file")
        tempfile.TemporaryFile(dir=path.parent).close()  # writable?
    except (ImportError, OSError) as error:
        raise argparse.ArgumentTypeError(f"{text}: {error}") from None
    return path


def save_plot(history, schedule, options):
    """Plot rate, loss and accuracy by epoch; never leave a half-written file."""
    from matplotlib.figure import Figure  # only --plot needs it

    table = DataFrame(history.history, index=[epoch + 1 for epoch in history.epoch])
    figure = Figure(figsize=(7, 5.5), dpi=200, layout="constrained")
    settings = f"{len(table)} epochs, momentum {options.momentum}, seed {options.seed}"
    figure.suptitle(f"{type(schedule).__name__}: {settings}")
    rate, loss, accuracy = figure.subplots(3, sharex=True)
    rate.plot(table["learning_rate"], "k.")
    rate.set(ylabel="learning rate in the\nepoch's first batch", ylim=(0, None))
    loss.plot(table[["loss", "val_loss"]], ".-", label=["training", "validation"])
    loss.set(ylabel="loss (nats)")
    loss.legend()
    accuracy.plot(table[["accuracy", "val_accuracy"]], ".-")
    lowest = table.filter(like="accuracy").min().min()
    accuracy.set(ylabel="accuracy", xlabel="epoch", ylim=(min(0.5, lowest), 1))
    try:
        with tempfile.TemporaryDirectory(dir=options.plot.parent) as folder:
            figure.savefig(f"{folder}/{options.plot.name}")
            os.replace(f"{folder}/{options.plot.name}", options.plot)
    except OSError as error:
        raise SystemExit(f"{options.plot}: {error}") from None


if __name__ == "__main__":
    main()
