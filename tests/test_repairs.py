"""The code of the pages, run as it stands: Keras's messages, and Keras 2's rates."""
# ruff: noqa: S102, BLE001

import re
import warnings

import numpy as np
import pandas as pd
import pytest
from helpers import ROOT, code, keras
from keras.callbacks import CSVLogger, LearningRateScheduler
from keras.optimizers import SGD
from keras.optimizers.schedules import InverseTimeDecay
from tensorflow import keras as keras_of_tf  # noqa: F401 (in OLD)

from benchmarks import speed

README = (ROOT / "README.md").read_text("utf-8")
GUIDE = (ROOT / "docs" / "keras-2-to-3.md").read_text("utf-8")
IMPORTS = code(GUIDE, "import keras, math")[0]
# The rows of the guide, by message, or by the code of which nothing is said.
ROW = re.compile(r"(?m)^\| (?:nothing, with )?(`+)(.+?)\1(?!`).* \| .* \| (.*) \|$")
WRITE = {message: write for _, message, write in ROW.findall(GUIDE)}
ARTICLES = [("keras", "50, 0.1, 0.8"), ("tensorflow.keras", "2, 0.3, 0.5")]
OLD = [  # the old code, and the rate in effect (after a batch) with the new of its row
    ("SGD(lr=0.1)", 0.1),
    ("SGD(0.1, decay=0.002)", 0.1 / 1.002),
    ("SGD(0.1, weight_decay=0.002)", None),
    ("keras.optimizers.legacy.SGD(0.1)", None),
    ("model.optimizer.lr", 0.1),
    ("model.optimizer.lr = 0.01", 0.01),
    ("keras.backend.set_value(model.optimizer.learning_rate, 0.01)", 0.05),
    ("keras_of_tf.backend.set_value(model.optimizer.learning_rate, 0.01)", None),
    ('history.history["lr"]', 0.1),
    ("trained(SGD(InverseTimeDecay(1, 1, 1)), [LearningRateScheduler(float)])", 0.1),
    ("trained(callbacks=[LearningRateScheduler(lambda epoch: 1)])", 1.0),
    ("SGD(0.1, momentum=0)", 0.1),
    ("trained(callbacks=[ReduceLROnPlateau(monitor='val_acc')])", 0.1),
]


def trained(optimizer=None, callbacks=(), model=None, **settings):
    """Train a model, or a new small one, with one batch an epoch; return it."""
    if not model:
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, "sigmoid")])
        how = {"metrics": ["accuracy"], "run_eagerly": True}  # no graph: faster
        model.compile(optimizer or SGD(0.1), "binary_crossentropy", **how)
    x, y = np.zeros((20, 2)), np.arange(20) % 2
    model.fit(x, y, callbacks=callbacks, validation_data=(x, y), verbose=0, **settings)
    return model


def rate(thing):
    """Return the rate in effect: of an optimizer, a callback, or the last of a list."""
    if isinstance(thing, keras.callbacks.Callback):
        thing = trained(callbacks=[thing]).optimizer
    return float(np.ravel(getattr(thing, "learning_rate", thing))[-1])


@pytest.mark.parametrize(("package", "settings"), ARTICLES)
def test_the_repair_of_the_article(package, settings):
    old, *new = [line[1:] for line in code(README, "+sgd")[0].splitlines()]
    new, program = "\n".join(new), speed.ARTICLE.replace("50, 0.1, 0.8", settings)
    with pytest.warns(UserWarning, match="Do not pass an `input_shape`"):
        exec(program.format(keras=package, sgd=new), names := {})
    # Keras 2: rate / (1 + decay * batches). 9 * epochs batches; decay is rate / epochs.
    used, first = rate(names["sgd"]), names["learning_rate"]
    assert used == pytest.approx(first / (1 + 9 * first))
    assert names["sgd"].momentum == names["momentum"]
    if package == "keras":  # as the pages say
        right = names["model"].history.history["val_accuracy"][-1] * 116
        assert (f"{used:.4f}", round(right)) == ("0.0526", 115)
    with pytest.warns(UserWarning), pytest.raises(ValueError, match=r"\{'lr': 0.\d\}"):
        exec(old, names)
    with pytest.warns(UserWarning, match="`decay` is no longer supported"):  # the trap
        exec(old.replace("lr=", "learning_rate="), names)
    assert rate(names["sgd"]) == pytest.approx(first)
    exec(re.search(r"`(sgd = SGD\(.*?\))`", README)[1], names)  # drop-based
    assert (rate(names["sgd"]), names["sgd"].momentum) == (0.0, 0.9)
    assert new in speed.KERAS3  # so this is what is timed


@pytest.mark.parametrize(("old", "expected"), OLD)
def test_what_keras_says_and_what_to_write(old, expected):
    model, heard = trained(callbacks=[LearningRateScheduler(lambda epoch: 0.1)]), old
    names = {**globals(), "model": model, "history": model.history}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            exec(IMPORTS + old, names)
    except Exception as error:
        heard = f"{type(error).__name__}: {error}".replace("keras.api.", "keras.")
    if "`val_acc` which is not available" in heard:
        pytest.skip("on Keras 3.8 a warning, as the guide says")
    [write] = [write for message, write in WRITE.items() if message in heard]
    assert rate(model.optimizer) == pytest.approx(0.1)
    if expected:
        new = re.search("`(.*?)`", write)[1]
        exec(new if " = " in new else f"value = {new}", names)
        value = names.get("value", model.optimizer)
        value = trained(value).optimizer if "SGD" in new else value
        assert rate(value) == pytest.approx(expected)


def test_the_rules_as_code():
    names, epochs = {"X_train": range(235), "batch_size": 28}, np.arange(50)
    by_epochs, drops = 0.1 / (1 + 0.002 * epochs), 0.1 * 0.5 ** (epochs // 10)
    for word, rates in ("math.ceil", by_epochs), ("ExponentialDecay(", drops):
        exec(IMPORTS + code(GUIDE, word)[0], names)
        used = [float(names["schedule"](9 * epoch + 4)) for epoch in epochs]  # midway
        assert used == pytest.approx(list(rates))
    exec(code(README, "by_epochs")[0], names)
    assert rate(names["by_epochs"](9 * 49 + 4)) == pytest.approx(by_epochs[49])
    model = trained(callbacks=names["callbacks"], epochs=5)
    table = [0.1, 0.0999000999, 0.0997006985, 0.09940249103, 0.09900646517]
    assert model.history.history["learning_rate"] == pytest.approx(table)


def test_what_seeds_keras():
    draws = []
    for seed in [np.random.seed, keras.utils.set_random_seed] * 2:
        seed(7)
        draws.append(float(keras.initializers.RandomNormal()(())))
    assert draws[0] != draws[2] and draws[1] == draws[3]


def test_resuming(tmp_path):
    model = trained(SGD(InverseTimeDecay(0.1, 1, 0.1)), epochs=3)
    trained(model=model, epochs=2)
    assert rate(model.optimizer) == pytest.approx(0.1 / 1.5)
    model.save(tmp_path / "model.keras")
    model = trained(model=keras.saving.load_model(tmp_path / "model.keras"))
    assert rate(model.optimizer) == pytest.approx(0.1 / 1.6)
    halving = [LearningRateScheduler(lambda epoch: 0.5**epoch)]
    model = trained(callbacks=halving, epochs=2)
    assert rate(trained(model=model, callbacks=halving).optimizer) == 1.0
    trained(model=model, callbacks=halving, initial_epoch=2, epochs=3)
    assert rate(model.optimizer) == 0.25


def test_the_rate_in_the_output(tmp_path):
    names, logs = {}, [CSVLogger(tmp_path / f"{n}.csv") for n in range(2)]
    exec(IMPORTS + code(GUIDE, "class LearningRateLogger")[0], names)
    sgd = SGD(InverseTimeDecay(0.1, 1, 0.1))
    trained(sgd, [logs[0], names["LearningRateLogger"](), logs[1]], epochs=2)
    assert "`callbacks=[LearningRateLogger(), CSVLogger(...)]`" in GUIDE
    before, after = (pd.read_csv(tmp_path / f"{n}.csv") for n in range(2))
    assert "learning_rate" not in before
    assert list(after["learning_rate"]) == pytest.approx([0.1, 0.1 / 1.1])
