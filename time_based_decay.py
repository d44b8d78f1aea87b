"""Train with time-based decay: the learning rate falls a little with every batch."""

import argparse
import gc
import os
import sys
from pathlib import Path

# Settings: the defaults are the article's. They stand before the imports of Keras,
# which take seconds, so that --help and a mistake are answered at once.
parser = argparse.ArgumentParser(
    description=__doc__,
    formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    argument_default=argparse.SUPPRESS,
    allow_abbrev=False,
)
parser.add_argument("--epochs", type=int, default=50, help="passes over the rows")
parser.add_argument("--learning-rate", type=float, default=0.1, help="first rate")
parser.add_argument(
    "--momentum",
    type=float,
    default=0.8,
    help="fraction of the previous step that is added to the next",
)
parser.add_argument(
    "--decay",
    type=float,
    help="divides the rate by 1 + decay * batches done (default: first rate / epochs)",
)
parser.add_argument("--seed", type=int, default=7, help="fixes all random numbers")
parser.add_argument("--plot", help="draw the run into this .png, .svg or .pdf file")
options = parser.parse_args()
if options.epochs < 1:
    parser.error("--epochs has to be 1 or more")
if not 0 <= options.learning_rate < 1e9:
    parser.error("--learning-rate has to be from 0 to 1e9")
if not 0 <= options.momentum <= 1:
    parser.error("--momentum has to be from 0 to 1")
if "decay" in options and not 0 <= options.decay < 1e9:
    parser.error("--decay has to be from 0 to 1e9")
if not 0 <= options.seed <= 4294967295:
    parser.error("--seed has to be from 0 to 4294967295")

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # no notes of TensorFlow on the screen
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"  # only this silences oneDNN
gc.disable()  # with gc.freeze() below, a third less CPU time for the whole run
try:
    import keras
    from keras.layers import Dense, Input
    from keras.models import Sequential
    from keras.optimizers import SGD
    from keras.optimizers.schedules import InverseTimeDecay
    from pandas import DataFrame, read_csv, to_numeric
    from sklearn.preprocessing import LabelEncoder
    from tensorflow.data import Dataset

    found = f"Keras {keras.__version__[0]} on {keras.backend.backend()}"
    if found != "Keras 3 on tensorflow":
        raise ImportError(f"This is {found}, not Keras 3 on tensorflow")
except ImportError as error:
    sys.exit(f"{error}: pip install -r requirements.txt, or restart the kernel")
gc.freeze()
gc.enable()
keras.config.set_floatx("float64")  # float32 gives other figures elsewhere
keras.config.set_dtype_policy("float64")  # for a notebook that has built a layer
keras.utils.set_random_seed(options.seed)

# Load dataset
path = Path(__file__).resolve().with_name("ionosphere.csv")
try:
    dataframe = read_csv(path, header=None, dtype=str)
    dataset = dataframe.values
    for row, fields in enumerate(dataset, start=1):
        if len(fields) != 35:
            raise ValueError(f"row {row} has {len(fields)} fields, not 35")
        # "coerce" makes nan of what is no number, and nan is not <= 1
        if not all(abs(to_numeric(fields[:34], errors="coerce")) <= 1):
            raise ValueError(f"row {row} does not have 34 numbers from -1 to 1")
        if fields[34] not in ["g", "b"]:
            raise ValueError(f"row {row} does not end in g or b")
except Exception as error:
    sys.exit(
        f"{path.name} has to be UCI's file (https://doi.org/10.24432/C5W01B):"
        f" {str(error).strip()}"
    )
# Input X has the shape (351, 34), output Y the shape (351,): 0 is bad, 1 is good
X = dataset[:, 0:34].astype(float)
Y = LabelEncoder().fit_transform(dataset[:, 34])

# Split: the last rows validate, as with validation_split=0.33
split = int(len(X) * 0.67)
X_train = X[:split]
Y_train = Y[:split]
X_validation = X[split:]
Y_validation = Y[split:]
print(f"{len(X)} of 351 rows")
for name, y in ("training", Y_train), ("validation", Y_validation):
    print(f"{len(y)} {name} rows ({sum(y)} of class good, {sum(1 - y)} of class bad)")
    if len(set(y)) < 2:
        sys.exit(f"The {name} rows have one class only: this is not UCI's order")
# Datasets, because fit is slower on arrays; shuffle needs the number of rows
train = Dataset.from_tensor_slices((X_train, Y_train)).shuffle(split).batch(28)
validation = Dataset.from_tensor_slices((X_validation, Y_validation)).batch(len(X))

# Create model: "normal" draws weights with mean 0 and standard deviation 0.05
model = Sequential()
model.add(Input((34,)))  # Keras 3 warns of input_dim=34
model.add(Dense(34, kernel_initializer="normal", activation="relu"))
model.add(Dense(1, kernel_initializer="normal", activation="sigmoid"))

# Compile model
epochs = options.epochs
learning_rate = options.learning_rate
decay_rate = options.decay if "decay" in options else learning_rate / epochs
# rate = learning_rate / (1 + decay_rate * batches done), as decay was in Keras 2.
# The article's formula counts epochs, as Keras never did; an epoch has 9 batches.
schedule = InverseTimeDecay(learning_rate, decay_steps=1, decay_rate=decay_rate)
sgd = SGD(learning_rate=schedule, momentum=options.momentum)
model.compile(loss="binary_crossentropy", optimizer=sgd, metrics=["accuracy"])


class LearningRateLogger(keras.callbacks.Callback):
    """Log the rate of each epoch's first batch, as Keras logs no schedule's rate."""

    def on_epoch_begin(self, epoch, logs=None):
        self.learning_rate = float(self.model.optimizer.learning_rate)

    def on_epoch_end(self, epoch, logs=None):
        logs["learning_rate"] = self.learning_rate


# Fit the model
history = model.fit(
    train.repeat(),  # shuffles once an epoch; without repeat(), fit starts it twice
    steps_per_epoch=len(train),
    validation_data=validation,
    epochs=epochs,
    shuffle=False,  # fit cannot shuffle a Dataset, and would warn
    callbacks=[LearningRateLogger()],
    verbose=2,
)

# Result
curves = DataFrame(history.history)
rows = len(Y_validation)
right = round(history.history["val_accuracy"][-1] * rows)
good = sum(Y_validation)
print(f"Validation accuracy at the end: {right / rows:.2%} ({right} of {rows} rows)")
print(f"Calling every row good: {good / rows:.2%} ({good} of {rows} rows)")
if curves["val_loss"].hasnans:
    print("The loss is nan, so nothing was learned: try a lower --learning-rate")

# Picture
if "plot" in options:
    title = f"Seed {options.seed}"
    if "InverseTimeDecay" in str(model.optimizer.get_config()):
        title = f"Time-based decay, seed {options.seed}"
    groups = [("learning_rate",), ("loss", "val_loss"), ("accuracy", "val_accuracy")]
    curves.index += 1  # epochs are counted from 1
    try:
        axes = curves.plot(subplots=groups, title=title, xlabel="epoch")
        axes[0].set_ylim(0)
        axes[2].axhline(
            good / rows, color="gray", label="calling every validation row good"
        )
        axes[2].legend()
        axes[0].figure.savefig(options.plot)
    except Exception as error:
        sys.exit(f"{options.plot}: {error}")
