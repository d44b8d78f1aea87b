"""Train with drop-based decay: the learning rate drops every few epochs."""

import argparse
import gc
import math
import os
import sys
from pathlib import Path

# Settings: the defaults are the article's. The lesson begins below, at "Load dataset".
# Keras is imported later, because that takes seconds, and --help need not wait for it.
parser = argparse.ArgumentParser(
    description=__doc__,
    formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    allow_abbrev=False,
)
parser.add_argument("--epochs", type=int, default=50, help="passes over the rows")
parser.add_argument("--learning-rate", type=float, default=0.1, help="first rate")
parser.add_argument(
    "--momentum",
    type=float,
    default=0.9,
    help="fraction of the previous step that is added to the next",
)
parser.add_argument(
    "--drop",
    type=float,
    default=0.5,
    help="factor by which each drop multiplies the rate",
)
parser.add_argument(
    "--epochs-drop", type=int, default=10, help="epochs from one drop to the next"
)
parser.add_argument("--seed", type=int, default=7, help="fixes all random numbers")
parser.add_argument("--plot", help="draw the run into this .png, .svg or .pdf file")
options = parser.parse_args()
if options.epochs < 1:
    parser.error("--epochs has to be 1 or more")
if not 0 <= options.learning_rate <= 1e9:
    parser.error("--learning-rate has to be from 0 to 1e9")
if not 0 <= options.momentum <= 1:
    parser.error("--momentum has to be from 0 to 1")
if not 0 <= options.drop <= 1:
    parser.error("--drop has to be from 0 to 1")
if options.epochs_drop < 1:
    parser.error("--epochs-drop has to be 1 or more")
if not 0 <= options.seed <= 4294967295:
    parser.error("--seed has to be from 0 to 4294967295")

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # no messages of TensorFlow on the screen
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"  # oneDNN, a part of it, prints notes, too
gc.disable()  # collecting no garbage until gc.freeze() saves a third of the CPU time
try:
    import keras
    from keras.callbacks import LearningRateScheduler
    from keras.layers import Dense, Input
    from keras.models import Sequential
    from keras.optimizers import SGD
    from pandas import DataFrame, read_csv, to_numeric
    from sklearn.preprocessing import LabelEncoder
    from tensorflow.data import Dataset

    found = f"Keras {keras.__version__[0]} on {keras.backend.backend()}"
    if found != "Keras 3 on tensorflow":
        raise ImportError(f"This is {found}, not Keras 3 on tensorflow")
except Exception as error:
    sys.exit(f"{error}: pip install -r requirements.txt (notebook: restart the kernel)")
gc.freeze()
gc.enable()
keras.config.set_floatx("float64")  # float32 gives other figures on other processors
keras.config.set_dtype_policy("float64")  # in a notebook, set_floatx may not be enough
keras.utils.set_random_seed(options.seed)

# Load dataset: the lesson goes on below the checks, with X and Y
path = Path(__file__).resolve().with_name("ionosphere.csv")
try:
    dataframe = read_csv(path, header=None, dtype=str)  # text, for the checks
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
training_rows = int(len(X) * 0.67)
X_train = X[:training_rows]
Y_train = Y[:training_rows]
X_validation = X[training_rows:]
Y_validation = Y[training_rows:]
print(f"Read {len(X)} of 351 rows")
for name, y in ("training", Y_train), ("validation", Y_validation):
    print(f"{len(y)} {name} rows ({sum(y)} of class good, {sum(1 - y)} of class bad)")
    if len(set(y)) < 2:
        sys.exit(f"The {name} rows have one class only: this is not UCI's order")
# Datasets hold X and Y together: in a new order each epoch and in batches of 28 to
# train, in one batch to validate. With arrays, fit would need much more time.
train = Dataset.from_tensor_slices((X_train, Y_train)).shuffle(training_rows).batch(28)
validation = Dataset.from_tensor_slices((X_validation, Y_validation)).batch(len(X))

# Create model: "normal" draws weights with mean 0 and standard deviation 0.05
model = Sequential()
model.add(Input((34,)))  # Dense(..., input_dim=34) makes Keras 3 warn
model.add(Dense(34, kernel_initializer="normal", activation="relu"))
model.add(Dense(1, kernel_initializer="normal", activation="sigmoid"))

# Compile model
sgd = SGD(learning_rate=0.0, momentum=options.momentum)  # lrate, below, sets the rate
model.compile(loss="binary_crossentropy", optimizer=sgd, metrics=["accuracy"])


def step_decay(epoch):
    """Return the learning rate of an epoch, counted from 0."""
    initial_lrate = options.learning_rate
    drop = options.drop
    epochs_drop = options.epochs_drop
    # 1 + epoch, as in the article's listing: what Keras prints as Epoch 10/50 is 9
    # here, and is the first with a lower rate. In the article's text it is the 11th.
    return initial_lrate * math.pow(drop, math.floor((1 + epoch) / epochs_drop))


lrate = LearningRateScheduler(step_decay)  # it logs the rate, too

# Fit the model
history = model.fit(
    train.repeat(),  # endless; else fit shuffles once more and differs from Keras 2
    steps_per_epoch=len(train),  # an epoch is all 9 batches
    validation_data=validation,
    epochs=options.epochs,
    shuffle=False,  # fit cannot shuffle a Dataset, and would warn
    callbacks=[lrate],
    verbose=2,
)

# Result
curves = DataFrame(history.history)
rows = len(Y_validation)
right = round(history.history["val_accuracy"][-1] * rows)
good = sum(Y_validation)
print(f"Validation accuracy at the end: {right / rows:.2%} ({right} of {rows} rows)")
print(f"Calling every row good would give {good / rows:.2%} ({good} of {rows} rows)")
if curves["val_loss"].hasnans:
    print("The loss is nan, so nothing was learned: try a lower --learning-rate")

# Picture
if options.plot:
    title = f"Seed {options.seed}"  # names the schedule only if it is in use
    if "step_decay" in str(vars(lrate)):
        title = f"Drop-based decay, seed {options.seed}"
    groups = [("learning_rate",), ("loss", "val_loss"), ("accuracy", "val_accuracy")]
    curves.index += 1  # Keras prints epochs from 1
    try:
        axes = curves.plot(subplots=groups, title=title, xlabel="epoch")
        axes[0].set_ylim(0)
        axes[0].lines[0].set_drawstyle("steps-post")
        axes[2].axhline(
            good / rows, color="gray", label="calling every validation row good"
        )
        axes[2].legend()
        axes[0].figure.savefig(options.plot)
    except Exception as error:
        sys.exit(f"{options.plot}: {error}")
