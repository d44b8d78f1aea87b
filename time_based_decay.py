"""Train with time-based decay: the learning rate falls a little with every batch."""

import argparse
import gc
import os
import sys
from pathlib import Path


def number(kind, low, high):  # a type for argparse: a kind of number, with its bounds
    def number(text):
        if low <= kind(text) <= high:
            return kind(text)
        raise argparse.ArgumentTypeError(f"takes {low} to {high}, not {text}")
    return number

# Settings, by default the article's (before the slow imports: --help answers at once)
parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
parser.add_argument("--epochs", type=number(int, 1, 10**6), default=50,
    help="passes over the training rows (default: %(default)s)")
parser.add_argument("--learning-rate", type=number(float, 0, 100), default=0.1,
    help="learning rate at the start (default: %(default)s)")
parser.add_argument("--momentum", type=number(float, 0, 1), default=0.8,
    help="share of each step kept in the next (default: %(default)s)")
parser.add_argument("--seed", type=number(int, 0, 2**32 - 1), default=7,
    help="fixes first weights and row orders (default: %(default)s)")
parser.add_argument("--decay", type=number(float, 0, 100),
    help="how fast the rate falls (default: learning rate / epochs)")
parser.add_argument("--plot", type=Path, help="draw the run into a .png, .svg or .pdf")
options = parser.parse_args()
plot = options.plot
if plot and (plot.suffix not in (".png", ".svg", ".pdf") or not plot.parent.is_dir()):
    parser.error(f"argument --plot: no .png, .svg or .pdf in a known folder: {plot}")

os.environ["KERAS_BACKEND"] = "tensorflow"  # read on import, like the next two
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # no notes of TensorFlow on the screen
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"  # its notes only stop with oneDNN
gc.disable()  # no garbage collection while importing: a quarter less CPU time
import keras
from keras.layers import Dense, Input
from keras.models import Sequential
from keras.optimizers import SGD
from keras.optimizers.schedules import InverseTimeDecay
from matplotlib.figure import Figure
from pandas import read_csv
from sklearn.preprocessing import LabelEncoder
from tensorflow.data import Dataset

gc.freeze()  # and later collections skip what was imported
gc.enable()
if keras.__version__.startswith("2.") or keras.backend.backend() != "tensorflow":
    sys.exit("This needs Keras 3 on TensorFlow. In a notebook, restart the kernel.")
keras.config.set_floatx("float64")  # in float32, figures depend on the processor
keras.config.set_dtype_policy("float64")  # also in a notebook that has layers already

class LearningRateLogger(keras.callbacks.Callback):
    """Log the rate of each epoch's first batch; Keras logs none of a schedule."""
    def on_epoch_begin(self, epoch, logs=None):
        self.learning_rate = float(self.model.optimizer.learning_rate)
    def on_epoch_end(self, epoch, logs=None):
        logs["learning_rate"] = self.learning_rate

keras.utils.set_random_seed(options.seed)  # for the first weights and the row orders

# Load dataset: inputs X, shape (351, 34); outputs Y, shape (351,), 0 bad and 1 good
path = Path(__file__).resolve().with_name("ionosphere.csv")
try:
    dataframe = read_csv(path, header=None, names=range(36), dtype=str)  # 35 and 1 more
    dataset = dataframe.values
    X = dataset[:, 0:34].astype(float)
    found = {*X[~(abs(X) <= 1)], *dataset[:, 34], *dataframe[35].dropna()}
    if found != {"g", "b"}:
        raise ValueError(f"found {sorted(map(str, found))[:5]}")
except (OSError, ValueError) as error:
    sys.exit(f"{path.name}: {str(error).strip()}. It has to be UCI's file, rows of 34 "
             "numbers from -1 to 1, and g or b: https://doi.org/10.24432/C5W01B")
Y = LabelEncoder().fit_transform(dataset[:, 34])
# Split: the last rows validate, as by validation_split=0.33 (Datasets are faster)
split = int(len(X) * (1 - 0.33))
train = Dataset.from_tensor_slices((X[:split], Y[:split])).shuffle(split).batch(28)
validation = Dataset.from_tensor_slices((X[split:], Y[split:])).batch(len(X))
for name, y in ("training", Y[:split]), ("validation", Y[split:]):
    print(f"{len(y)} {name} rows ({sum(y)} of class good, {sum(1 - y)} of class bad)")

# Create model: "normal" draws weights with mean 0 and standard deviation 0.05
model = Sequential()
model.add(Input((34,)))  # Keras 3 warns of input_dim=34
model.add(Dense(34, kernel_initializer="normal", activation="relu"))
model.add(Dense(1, kernel_initializer="normal", activation="sigmoid"))
# Compile model with time-based decay
epochs, learning_rate = options.epochs, options.learning_rate
decay_rate = learning_rate / epochs if options.decay is None else options.decay
# rate = learning_rate / (1 + decay_rate * batches done), as decay was in Keras 2.
# The article's formula counts epochs, as Keras never did; an epoch has 9 batches.
schedule = InverseTimeDecay(learning_rate, decay_steps=1, decay_rate=decay_rate)
sgd = SGD(learning_rate=schedule, momentum=options.momentum)
model.compile(loss="binary_crossentropy", optimizer=sgd, metrics=["accuracy"])
# Fit the model. train shuffles whenever it is started, and fit would start it twice an
# epoch; with repeat() it never ends. fit cannot shuffle a Dataset itself (a warning).
history = model.fit(train.repeat(), steps_per_epoch=len(train), shuffle=False,
    validation_data=validation, epochs=epochs, verbose=2,
    callbacks=[LearningRateLogger()])
total, good = len(Y[split:]), sum(Y[split:])  # of the validation rows
right = round(history.history["val_accuracy"][-1] * total)
print(f"Validation accuracy after epoch {epochs}: {right / total:.2%} ({right} of"
    f" {total} rows); calling every row good: {good / total:.2%} ({good} of {total})")

if plot:
    figure = Figure(figsize=(6, 4.5), dpi=200, layout="constrained")
    figure.suptitle(f"{parser.prog}: {type(schedule).__name__}, seed {options.seed}")
    panels = dict(zip(("learning_rate", "loss", "accuracy"), figure.subplots(3)))
    panels["accuracy"].axhline(good / total, c="gray", label="calling every row good")
    for name, values in history.history.items():
        axes = panels[name.removeprefix("val_")]
        axes.plot(range(1, len(values) + 1), values, ".-", label=name)
    for axes, low, high in zip(panels.values(), (-0.005, 0, 0.5), (0.11, 0.75, 1.02)):
        axes.set_ylim(min(low, axes.get_ylim()[0]), max(high, axes.get_ylim()[1]))
        axes.set_xticks(range(0, epochs + 1, max(1, epochs // 5)))
        axes.legend()
    axes.set_xlabel("epoch")
    try:
        figure.savefig(plot)
    except OSError as error:
        sys.exit(f"{plot}: {error}")
    print(f"The picture is in {plot}")
