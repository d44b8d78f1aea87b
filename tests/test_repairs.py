"""The repairs that the pages give are right: Keras's messages, and Keras 2's rates."""
# The code of a page is run as it stands there.
# ruff: noqa: S102, BLE001, F401, FURB167

import math
import re
import warnings

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from helpers import ROOT
from keras.callbacks import CSVLogger, LearningRateScheduler, ReduceLROnPlateau
from keras.optimizers import SGD
from keras.optimizers.schedules import ExponentialDecay, InverseTimeDecay

README, GUIDE = (
    (ROOT / page).read_text(encoding="utf-8")
    for page in ("README.md", "docs/keras-2-to-3.md")
)
DATA = pd.read_csv(ROOT / "ionosphere.csv", header=None)
X, Y = DATA.iloc[:, :34].to_numpy(float), (DATA[34] == "g").to_numpy(int)
# The package and the shape in the article's program as of 2017, and as of 2022; and the
# learning_rate, epochs and momentum that it is tried with.
EDITIONS = [
    ("keras", "input_dim=34", 0.1, 50, 0.8),
    ("tensorflow.keras", "input_shape=(34,)", 0.3, 2, 0.5),
]
PROGRAM = """
from {package}.layers import Dense
from {package}.models import Sequential
from {package}.optimizers import SGD
model = Sequential()
model.add(Dense(34, {shape}, kernel_initializer="normal", activation="relu"))
model.add(Dense(1, kernel_initializer="normal", activation="sigmoid"))
decay_rate = learning_rate / epochs
{sgd}
model.compile(loss="binary_crossentropy", optimizer=sgd, metrics=["accuracy"])
model.fit(X, Y, validation_split=0.33, epochs=epochs, batch_size=28, verbose=0)
"""


def blocks(page, word):
    found = re.findall(r"^```\w+\n(.*?)^```", page, re.M | re.S)
    return [block for block in found if word in block]


@pytest.mark.filterwarnings("ignore:Argument `decay`")
@pytest.mark.parametrize("edition", EDITIONS)
def test_the_repair_of_the_article(edition):
    package, shape, learning_rate, epochs, momentum = edition
    names = {"learning_rate": learning_rate, "epochs": epochs, "momentum": momentum}
    names.update(X=X, Y=Y)
    [diff] = blocks(README, "+sgd")
    old, new = ("\n".join(re.findall(rf"^[{s}](.*)", diff, re.M)) for s in "-+")
    keras.utils.set_random_seed(7)
    with pytest.warns(UserWarning, match="Do not pass an `input_shape`"):
        exec(PROGRAM.format(package=package, shape=shape, sgd=new), names)
    # Keras 2: rate / (1 + decay * batches); decay is rate / epochs, 9 an epoch.
    used = rate(names["model"].optimizer)
    assert used == pytest.approx(learning_rate / (1 + 9 * learning_rate))
    assert names["sgd"].momentum == momentum
    if epochs == 50:  # as the pages say
        right = names["model"].history.history["val_accuracy"][-1] * 116
        assert (f"{used:.4f}", round(right)) == ("0.0526", 115)
        with pytest.raises(ValueError, match=r"not recognized: \{'lr': 0.1\}"):
            exec(old, names)
    else:  # the trap
        with pytest.warns(UserWarning, match="`decay` is no longer supported"):
            exec(old.replace("lr=", "learning_rate="), names)
        assert rate(names["sgd"]) == pytest.approx(learning_rate)
    [drop_based] = re.findall(r"`(sgd = SGD\(.*?\))`", README)
    exec(drop_based, names)
    model = trained(names["sgd"], [scheduler(0.003125)])
    assert rate(model.optimizer) == pytest.approx(0.003125)


def fit(model, callbacks=(), **settings):
    x, y = np.zeros((20, 2)), np.arange(20) % 2
    settings = {"validation_data": (x, y), "verbose": 0, **settings}
    return model.fit(x, y, callbacks=list(callbacks), **settings).history


def trained(optimizer=None, callbacks=(), **settings):
    """Return a small model after an epoch of one batch, or as many as settings say."""
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, "sigmoid")])
    sgd = optimizer or SGD(0.1)
    model.compile(loss="binary_crossentropy", optimizer=sgd, metrics=["accuracy"])
    fit(model, callbacks, **settings)
    return model


def scheduler(value):
    return LearningRateScheduler(lambda epoch: value)


def rate(thing):
    """Return the rate in effect: of an optimizer, a callback, a history, or itself."""
    if isinstance(thing, keras.callbacks.Callback):
        thing = trained(callbacks=[thing]).optimizer
    return float(np.ravel(getattr(thing, "learning_rate", thing))[-1])


# Row by row of the guide's table: the old code, and the rate in effect with the new.
ROWS = [
    ("SGD(lr=0.1)", 0.1),
    ("SGD(0.1, decay=0.002)", 0.1),
    ("", None),  # Keras 2.11 to 2.15 cannot be here
    ("SGD(0.1, weight_decay=0.002)", None),
    ("keras.optimizers.legacy.SGD(0.1)", None),
    ("model.optimizer.lr", 0.1),
    ("model.optimizer.lr = 0.01", 0.01),
    ("keras.backend.set_value(model.optimizer.learning_rate, 0.01)", 0.05),
    ('history.history["lr"]', 0.1),
    ("trained(SGD(InverseTimeDecay(0.1, 1, 0.1)), [scheduler(0.1)])", None),
    ("trained(callbacks=[scheduler(1)])", 1.0),
    ("SGD(0.1, momentum=0)", 0.1),
    ("trained(callbacks=[ReduceLROnPlateau(monitor='val_acc')])", 0.1),
]


@pytest.mark.parametrize("number", range(len(ROWS)))
def test_what_keras_says_and_what_to_write(number):
    table = re.findall(r"^\| (.*) \| (.*) \| (.*) \|$", GUIDE, re.M)[1:]
    assert [line[0] for line in table].index("optimizer") == len(ROWS)
    (said, _, new), (old, expected) = table[number], ROWS[number]
    message = re.search(r"``(.*?)``|`(.*?)`", said)
    names = {**globals(), "model": trained(callbacks=[scheduler(0.1)])}
    names["history"] = names["model"].history
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            exec(old, names)
            heard = [f"{w.category.__name__}: {w.message}" for w in caught]
        except Exception as error:
            heard = [f"{type(error).__name__}: {error}"]
    heard = "\n".join(heard).replace("keras.api.", "keras.")  # in Keras 3.8
    if said.startswith("nothing"):
        assert message[2] in old and "UserWarning" not in heard
        assert rate(names["model"].optimizer) == pytest.approx(0.1)
    elif "val_acc" in old and keras.__version__.startswith("3.8."):
        assert "`val_acc` which is not available" in heard
    elif old:
        assert (message[1] or message[2]) in heard
    if expected:
        new = re.match("`(.*?)`", new)[1]
        exec(new if " = " in new else f"value = {new}", names)
        value = names.get("value", names["model"].optimizer)
        assert rate(value) == pytest.approx(expected)


def test_set_value_of_tf_keras():
    message = "'str' object has no attribute 'name'"  # in the guide's row of set_value
    with pytest.raises(AttributeError, match=message):
        tf.keras.backend.set_value(trained().optimizer.learning_rate, 0.01)
    assert f"`{message}`" in GUIDE


def test_the_rules_as_code():
    names = {**globals(), "X_train": range(235), "batch_size": 28}
    epochs, drops = np.arange(50), 0.1 * 0.5 ** (np.arange(50) // 10)
    by_epochs = 0.1 / (1 + 0.002 * epochs)
    for word, rates in ("math.ceil", by_epochs), ("ExponentialDecay(", drops):
        exec(blocks(GUIDE, word)[0], names)
        used = [float(names["schedule"](9 * epoch + 4)) for epoch in epochs]
        assert used == pytest.approx(list(rates))
    exec(blocks(README, "by_epochs")[0], names)
    assert rate(names["by_epochs"](9 * 49)) == pytest.approx(by_epochs[49])
    model = trained(callbacks=names["callbacks"], epochs=5)
    table = [0.1, 0.0999000999, 0.0997006985, 0.09940249103, 0.09900646517]
    assert model.history.history["learning_rate"] == pytest.approx(table)


def test_resuming(tmp_path):
    model = trained(SGD(InverseTimeDecay(0.1, 1, 0.1)), epochs=3)
    fit(model, epochs=2)
    assert rate(model.optimizer) == pytest.approx(0.1 / 1.5)
    model.save(tmp_path / "model.keras")
    model = keras.saving.load_model(tmp_path / "model.keras")
    fit(model, epochs=1)
    assert rate(model.optimizer) == pytest.approx(0.1 / 1.6)
    halving = LearningRateScheduler(lambda epoch: 0.5**epoch)
    model = trained(callbacks=[halving], epochs=2)
    assert fit(model, [halving])["learning_rate"] == [1.0]
    resumed = fit(model, [halving], initial_epoch=2, epochs=3)
    assert resumed["learning_rate"] == [0.25]


def test_the_rate_in_the_output(tmp_path):
    names = dict(globals())
    exec(blocks(GUIDE, "class LearningRateLogger")[0], names)
    sgd = SGD(InverseTimeDecay(0.1, 1, 0.1))
    logs = [CSVLogger(tmp_path / f"{n}.csv") for n in range(2)]
    trained(sgd, [logs[0], names["LearningRateLogger"](), logs[1]], epochs=2)
    before, after = (pd.read_csv(tmp_path / f"{n}.csv") for n in range(2))
    assert "learning_rate" not in before
    assert list(after["learning_rate"]) == pytest.approx([0.1, 0.1 / 1.1])
