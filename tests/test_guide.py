"""The repairs: what Keras says to the old code, what the new does, and Keras 2's losses.

An entry of the guide is an item of its lists; the last code in it is what to write.
"""
# ruff: noqa: S102, BLE001, F401 (F401: for the code in the tables)

import math
import re
import warnings

import h5py
import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from helpers import ARTICLE, GUIDE, README, ROOT, TEXT, TIME, blocks, run, run_with
from keras.callbacks import CSVLogger, LearningRateScheduler, ReduceLROnPlateau
from keras.optimizers import SGD, Adagrad, Adam, Nadam
from keras.optimizers.schedules import InverseTimeDecay, LearningRateSchedule
from speed import ARTICLE as PROGRAM
from speed import KERAS3

LOUD, SILENT = TEXT[GUIDE].split("## Every optimizer")[0].split("## What it does")
CLASSES = [blocks(GUIDE, f"class {name}")[0] for name in ("RMSprop", "Decay", "WarmUp")]
WARM_UP = "round(rate(trained(SGD(WarmUp(0.4, 4)), eager=False).optimizer), 6) == 0.2"
SET_VALUE = "keras.backend.set_value(model.optimizer.learning_rate, 1)"
ENTRIES = [  # by words; old code; the rate of the new (after a batch), or what is true
    ("{'lr': 0.1}`. The", "SGD(lr=0.1)", 0.1),
    ("no longer supported", "SGD(0.1, decay=0.002)", 0.1 / 1.002),
    ("legacy` is not supported", "keras.optimizers.legacy.SGD(0.1)", 0.1),
    ("gradient_descent_v2", "from keras.optimizers import gradient_descent_v2", "SGD"),
    ("ImageData", "from keras.preprocessing.image import ImageDataGenerator", "new"),
    ("'fit_generator'", "model.fit_generator(generator)", "new"),
    ("attribute 'lr'", "model.optimizer.lr", 0.1),
    ("attribute 'decay'", "model.optimizer.decay", 0.1),
    ("'set_value'", SET_VALUE, 0.05),
    ("'get_value'", "keras.backend.get_value(model.optimizer.learning_rate)", 0.1),
    ("'str' object", f"tf.{SET_VALUE}", 0.05),
    ("KeyError: 'lr'", 'history.history["lr"]', 0.1),
    ("hence its", "trained(SGD(WarmUp(1, 1)), [LearningRateScheduler(float)])", 0.1),
    ("Got: 1`", "trained(callbacks=[LearningRateScheduler(lambda epoch: 1)])", 1),
    ("'lr'`, of", "trained(callbacks=[LearningRateScheduler(step_decay)])", "real number"),
    ("between [0, 1]", "SGD(0.1, momentum=0)", 0.1),
    ("None values not", "trained(Adam(0.01, epsilon=None), eager=False)", 0.001),
    ("value (None)", "trained(Adam(0.01, epsilon=None))", 0.001),
    ("monitor=val_acc", "trained(callbacks=[ReduceLROnPlateau('val_acc')])", 0.1),
    ("Expected int64", "trained(SGD(Own()), eager=False)", WARM_UP),
    ("to EagerTensor", "trained(SGD(Own()))", WARM_UP),
    ("get_config()`", "trained(SGD(Unsaved(1, 1))).save('x.keras')", "new.compiled"),
    ("Unknown var", "trained(model=load('new.h5'))", "model.optimizer.iterations == 450"),
    ("`load_model` of", "load('old.h5')", "not new.compiled"),
    ("trainable weights", "frozen(model)", "trained(model=model).optimizer.iterations == 2"),
    ("interpret", "trained(tf.Module())", "SGD"),
    ("'schedule_decay'", "Nadam(schedule_decay=0.004)", "trained(NadamOfKeras2(0.1))"),
    ("to Dense", "keras.layers.Dense(34, init='normal')", "new.units == 34"),
    # In silence
    ("2, True)", "SGD(0.1, 0.8, 0.002, True)", "old.nesterov == 0.002 and round(rate(old), 6) == 0.1"),
    ("2, True)", "SGD(0.1, 0.8, 0.002, True)", "(new.nesterov, new.momentum) == (True, 0.8)"),
    ("2, True)", "SGD(0.1, 0.8, 0.002, True)", 0.1 / 1.002),
    ("no `decay`", "SGD(0.1, weight_decay=0.002)", 0.1 / 1.002),
    ("no `decay`", "SGD(0.1, weight_decay=0.002)", "round(rate(old), 6) == 0.1"),
    ("a new attr", "model.optimizer.lr = 0.01", 0.01),
    ("(epsilon=0.01)", "ReduceLROnPlateau(epsilon=0.01)", "new.min_delta / old.min_delta == 100"),
    ("Adadelta()", "keras.optimizers.Adadelta()", "round(rate(old), 6) == 0.001 and rate(new) == 1"),
    ("sums", "Adagrad(0.05)", "old.initial_accumulator_value == 0.1"),
    ("sums", "Adagrad(0.05)", "new.initial_accumulator_value == 0.0"),
    ("initial_epoch=50", "None", "model.optimizer.iterations == 450"),
]
# Keras 2's program, and what stands for the script's sgd and callbacks
SCHEDULER = "LearningRateScheduler(lambda epoch: 0.1 * 0.5 ** (epoch // 5))"
PLATEAU = "ReduceLROnPlateau(factor=0.5, patience=1)"
BESIDE = "DecayBesideACallback(0.02)"
MOMENTUM = "RMSprop(0.01, momentum=0.9, decay=0.02)"
OPTIMIZERS = {
    "SGD(0.1, 0.8, nesterov=True, decay=0.02)": ("SGD(schedule, 0.8, nesterov=True)", ""),
    "RMSprop(0.01, decay=0.02)": ("RMSpropOfKeras2(schedule)", ""),
    MOMENTUM: ("keras.optimizers.RMSprop(schedule, momentum=0.9)", ""),
    "Nadam(0.01, decay=0.02)": ("NadamOfKeras2(learning_rate)", ""),
    SCHEDULER: ("SGD(0.1, 0.8)", f"keras.callbacks.{SCHEDULER}, {BESIDE}"),
    PLATEAU: ("SGD(0.1, 0.8)", f"{BESIDE}, keras.callbacks.{PLATEAU}"),
}
PACKAGES = [("keras", "50, 0.1, 0.8"), ("tensorflow.keras", "2, 0.3, 0.5")]
KERAS2 = pd.read_csv(ROOT / "tests" / "keras2" / "optimizers.csv").groupby("program")


def step_decay(epoch, lr):
    return lr * math.exp("x")


def frozen(model):
    model.trainable = False
    return trained(model=model)


class Own(LearningRateSchedule):
    def __call__(self, step):
        return 0.1 / (step + 1)


def trained(optimizer=None, callbacks=(), model=None, eager=True, epochs=1, **settings):
    """Train a model, or a new small one, with one batch an epoch; return it."""
    if not model:
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, "sigmoid")])
        how = {"metrics": ["accuracy"], "run_eagerly": eager}  # eager is faster
        model.compile(optimizer or SGD(0.1), "binary_crossentropy", **how)
    x, y = np.zeros((20, 2)), np.arange(20) % 2
    how = {"validation_data": (x, y), "epochs": epochs, "verbose": 0, **settings}
    model.fit(x, y, callbacks=list(callbacks), **how)
    return model


def rate(thing):
    """Return the rate in effect: of an optimizer, a callback, or the last of a list."""
    if isinstance(thing, keras.callbacks.Callback):
        thing = trained(callbacks=[thing]).optimizer
    if isinstance(thing, keras.optimizers.Optimizer) and not thing.built:
        thing = trained(thing).optimizer
    return float(np.ravel(getattr(thing, "learning_rate", thing))[-1])


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Return the guide's classes by name, in a folder with models to load."""
    classes, folder = {"keras": keras}, tmp_path_factory.mktemp("models")
    for block in CLASSES:
        exec(block, classes)
    plain = {"get_config": LearningRateSchedule.get_config}
    classes["Unsaved"] = type("WarmUp", (classes["WarmUp"],), plain)
    trained(SGD(classes["WarmUp"](0.1, 1))).save(folder / "model.keras")
    trained(SGD(InverseTimeDecay(0.1, 1, 0.1))).save(folder / "new.h5")
    trained(SGD(0.5)).save(folder / "old.h5")
    with h5py.File(folder / "old.h5", "r+") as file:
        config = file.attrs["training_config"]
        config = config.replace('"learning_rate": 0.5', '"lr": 0.1')
        file.attrs["training_config"] = config
    return classes | {"folder": folder}


@pytest.fixture
def names(files, monkeypatch):
    """Return what old and new code finds, in the folder of the models."""
    monkeypatch.chdir(files["folder"])
    model = trained(callbacks=[LearningRateScheduler(lambda epoch: 0.1)])
    own = {"model": model, "history": model.history, "load": keras.saving.load_model}
    own["generator"] = ((np.zeros((2, 2)), np.zeros((2, 1))) for _ in range(1000))
    return {**globals(), **files, **own, "batches_per_epoch": 9}


def hear(code, names, name):
    """Run code, keep its value by name; return what Keras says: nothing if all is well."""
    names[name] = names["model"].optimizer
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        try:
            exec(code if re.search(" = |^from ", code) else f"{name} = {code}", names)
        except Exception as error:
            return f"{type(error).__name__}: {error}".replace("keras.api.", "keras.")
    return ""


@pytest.mark.parametrize(("words", "old", "expected"), ENTRIES)
def test_what_keras_says_and_what_to_write(names, words, old, expected):
    part = SILENT if words in SILENT else LOUD
    [text] = re.findall(rf"(?m)^- (.*{re.escape(words)}.*)$", part)
    codes = [code for _, code in re.findall(r"(`+)(.+?)\1(?!`)", text)]
    heard = hear(old, names, "old")
    if "`val_acc` which is not available" in heard:
        pytest.skip("on Keras 3.8 a warning, as the guide says")
    said = [code for code in codes if len(code) > 12 and code.strip() in heard]
    assert not heard if part is SILENT else said, heard
    assert rate(names["model"].optimizer) == pytest.approx(0.1)  # not even set
    heard = hear(codes[-1], names, "new") if text.endswith("`") else ""
    if expected == "real number":  # the error that Keras hid
        assert expected in heard
    elif isinstance(expected, str):
        assert not heard and eval(expected, names)
    else:
        assert not heard and rate(names["new"]) == pytest.approx(expected)


@pytest.mark.parametrize(("program", "keras2"), [*KERAS2])
def test_every_optimizer_is_keras_2s(program, keras2):
    name, first = re.match(r"(\w+)\(([\d.]*)", program).groups()
    repair = f"keras.optimizers.{name}(schedule)"
    sgd, callbacks = OPTIMIZERS.get(program, (repair, ""))
    options = "--epochs", 20, "--decay", 0.02, "--learning-rate", first or 0.1

    def difference(sgd):
        code = f"{CLASSES[0]}{CLASSES[1]}sgd = {sgd}\n"
        lines = {"sgd = ": code, "    callbacks=": f"    callbacks=[{callbacks}])\n"}
        losses = run_with(TIME, lines, *options).history["val_loss"]
        return max(abs(np.array(losses) - keras2["val_loss"]))

    assert difference(sgd) < (2e-6 if name == "Adam" else 1e-6)
    if "OfKeras2" in sgd:  # without the class, as the page has it
        assert f"{name} {difference(repair):.1g}" in TEXT[GUIDE]


@pytest.mark.parametrize("name", ["RMSpropOfKeras2", "NadamOfKeras2"])
def test_the_classes_train_an_embedding(names, name):
    layers = [keras.layers.Embedding(5, 2), keras.layers.Flatten(), keras.layers.Dense(1)]
    model = keras.Sequential([keras.Input((3,)), *layers])
    model.compile(names[name](0.1), "mse")
    before = model.get_weights()[0]
    model.fit(np.ones((8, 3)), np.ones(8), verbose=0)
    moved = abs(model.get_weights()[0] - before).sum(axis=1) > 0
    assert list(moved) == [False, True, False, False, False]


@pytest.mark.parametrize(("package", "settings"), PACKAGES)
def test_the_repair_of_the_article(package, settings):
    [new] = blocks(README, "InverseTimeDecay")
    program = PROGRAM.replace("50, 0.1, 0.8", settings)
    with pytest.warns(UserWarning, match="Do not pass an `input_shape`"):
        exec(program.format(keras=package, sgd=new), names := {})
    # Keras 2: rate / (1 + decay * batches). 9 * epochs batches; decay is rate / epochs.
    used, first = rate(names["sgd"]), names["learning_rate"]
    assert used == pytest.approx(first / (1 + 9 * first))
    assert names["sgd"].momentum == names["momentum"] and new in KERAS3
    assert names["sgd"].get_config()["learning_rate"]["class_name"] == "InverseTimeDecay"
    if package == "keras":  # as the pages say
        right = names["model"].history.history["val_accuracy"][-1] * 116
        assert f" {used:.4f}" in TEXT[README]
        assert f"{right / 116:.2%}, the script" in TEXT[ARTICLE]
    exec(re.search(r"`(sgd = SGD\(learning_rate=0.0.*?)`", TEXT[README])[1], names)
    assert (float(names["sgd"].learning_rate), names["sgd"].momentum) == (0.0, 0.9)


def test_counting_epochs_and_updates():
    names, epochs = {"X_train": [0] * 235, "batch_size": 28, "keras": keras}, np.arange(50)
    exec(blocks(GUIDE, "math.ceil")[0], names)
    by_epochs, drops = 0.1 / (1 + 0.002 * epochs), 0.1 * 0.5 ** (epochs // 10)
    for name, rates in ("by_epochs", by_epochs), ("drops", drops):
        used = [float(names[name](9 * epoch + 4)) for epoch in epochs]  # midway
        assert used == pytest.approx(list(rates))
    updates = SGD(InverseTimeDecay(0.1, 1, 1.0), gradient_accumulation_steps=4)
    assert rate(trained(updates, epochs=4).optimizer) == pytest.approx(0.1 / 5)


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
    logs = [CSVLogger(str(tmp_path / f"{n}.csv")) for n in range(2)]
    logger = run(TIME).LearningRateLogger()
    trained(SGD(InverseTimeDecay(0.1, 1, 0.1)), [logs[0], logger, logs[1]], epochs=2)
    before, after = (pd.read_csv(tmp_path / f"{n}.csv") for n in range(2))
    assert "learning_rate" not in before
    assert list(after["learning_rate"]) == pytest.approx([0.1, 0.1 / 1.1])
