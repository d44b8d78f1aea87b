"""The repairs: what Keras says to the old code, what the new does, and Keras 2's losses."""
# ruff: noqa: S102, BLE001, F401

import re

import keras
import numpy as np
import pandas as pd
import pytest
from helpers import ARTICLE, GUIDE, README, ROOT, TEXT, TIME, block, run
from keras.callbacks import LearningRateScheduler
from keras.optimizers import SGD
from keras.optimizers.schedules import InverseTimeDecay, LearningRateSchedule
from speed import ARTICLE as PROGRAM

LOUD, SILENT = TEXT[GUIDE].split("## Every optimizer")[0].split("## What it does")
WARM_UP = "rate(trained(SGD(WarmUp(0.4, 4)), eager=False).optimizer) == 0.2"
OWN = {"__call__": lambda self, step: 0.1 / (step + 1)}
UNSAVED = "LearningRateSchedule.get_config(WarmUp(1, 1))"
H5 = "trained(SGD(InverseTimeDecay(0.1, 1, 0.1))).save('x.h5') or trained(load('x.h5'))"
ENTRIES = [  # an item's words; old code; the rate by its last code, or what is true then
    ("{'lr': 0.1}`. The", "SGD(lr=0.1)", 0.1),
    ("no longer supported", "SGD(0.1, decay=0.002)", 0.0998),
    ("legacy` is not supported", "keras.optimizers.legacy.SGD(0.1)", 0.1),
    ("gradient_descent_v2", "from keras.optimizers import gradient_descent_v2", "not heard"),
    ("ImageData", "from keras.preprocessing.image import ImageDataGenerator", "not heard"),
    ("'fit_generator'", "model.fit_generator(generator)", "not heard"),
    ("attribute 'lr'", "model.optimizer.lr", 0.1),
    ("attribute 'decay'", "model.optimizer.decay", 0.1),
    ("'set_value'", "keras.backend.set_value(model.optimizer.learning_rate, 1)", 0.05),
    ("'get_value'", "keras.backend.get_value(model.optimizer.learning_rate)", 0.1),
    ("KeyError: 'lr'", 'history.history["lr"]', 0.1),
    ("hence its", "trained(SGD(WarmUp(1, 1)), LearningRateScheduler(float))", 0.1),
    ("Got: 1`", "trained(SGD(0.1), LearningRateScheduler(lambda epoch: 1))", "rate(trained(SGD(0.1), new).optimizer) == 1"),
    ("'lr'`, of", "trained(SGD(0.1), LearningRateScheduler(step_decay))", "'operand' in heard"),
    ("between [0, 1]", "SGD(0.1, momentum=0)", 0.1),
    ("None values not", "trained(Adam(epsilon=None), eager=False)", 0.001),
    ("monitor=val_acc", "trained(SGD(0.1), ReduceLROnPlateau('val_acc'))", "trained(SGD(0.1), new)"),
    ("Expected int64", "trained(SGD(type('Own', (LearningRateSchedule,), OWN)()), eager=False)", WARM_UP),
    ("get_config()`", f"trained(SGD(WarmUp(1, 1))).save('model.keras') or {UNSAVED}", "not heard"),
    ("Unknown var", H5, "model.optimizer.iterations == 450"),
    ("`load_model` of", "trained(SGD(0.1)).save('old.h5') or SGD.from_config({'lr': 0.1})", "not new.compiled"),
    ("trainable weights", "setattr(model, 'trainable', False) or trained(model)", "trained(model).optimizer.iterations == 2"),
    ("interpret", "trained(object())", "not heard"),
    ("'schedule_decay'", "Nadam(schedule_decay=0.004)", "trained(NadamOfKeras2(0.1))"),
    ("to Dense", "keras.layers.Dense(34, init='normal')", "new.units == 34"),
    # In silence
    ("2, True)", "SGD(0.1, 0.8, 0.002, True)", "(rate(old), old.nesterov) == (0.1, 0.002)"),
    ("2, True)", "None", "(rate(new), new.nesterov, new.momentum) == (0.0998, True, 0.8)"),
    ("no `decay`", "SGD(0.1, weight_decay=0.002)", "(rate(old), rate(new)) == (0.1, 0.0998)"),
    ("a new attr", "model.optimizer.lr = 0.01", 0.01),
    ("(epsilon=0.01)", "ReduceLROnPlateau(epsilon=0.01)", "new.min_delta / old.min_delta == 100"),
    ("Adadelta()", "keras.optimizers.Adadelta()", "(rate(old), rate(new)) == (0.001, 1)"),
    ("sums", "Adagrad(0.05)", "[x.initial_accumulator_value for x in (old, new)] == [0.1, 0]"),
    ("initial_epoch=50", "None", "model.optimizer.iterations == 450"),
    ("accumulation", "None", "(rate(new(3)), rate(new(4))) == (0.1, 0.0998)"),
]
PAGE = {**vars(keras.callbacks), **vars(keras.optimizers), "keras": keras}
PAGE.update(load=keras.saving.load_model, X_train=np.zeros(235), batch_size=28, batches_per_epoch=9)
CLASSES = block("class RMSprop", GUIDE) + block("class Decay", GUIDE)
exec(CLASSES + block("class WarmUp", GUIDE) + block("drops = ", GUIDE), PAGE)
exec("def step_decay(epoch, lr): return lr + ''", PAGE)
KERAS2 = pd.read_csv(ROOT / "tests" / "keras2" / "optimizers.csv").groupby("program")
REPAIRS = {  # others: their name, with a schedule
    "RMSprop(0.01, decay=0.02)": "RMSpropOfKeras2(schedule)",
    "Nadam(0.01, decay=0.02)": "NadamOfKeras2(learning_rate)",
}

def trained(model, *callbacks, layers=(), eager=True, epochs=1):
    """Train a model, or a small new one with an optimizer, by one batch an epoch."""
    if not isinstance(model, keras.Model):
        optimizer, model = model, keras.Sequential([*layers, keras.layers.Dense(1, "sigmoid")])
        model.compile(optimizer, "binary_crossentropy", metrics=["accuracy"], run_eagerly=eager)
    x, y = np.zeros((20, 2)), np.arange(20) % 2
    model.fit(x, y, verbose=0, epochs=epochs, callbacks=[*callbacks], validation_data=(x, y))
    return model

def rate(thing):
    """Return the rate in effect: of an optimizer, if new after a batch, or the last of rates."""
    if isinstance(thing, keras.optimizers.Optimizer) and not thing.built:
        thing = trained(thing).optimizer
    return round(float(np.ravel(getattr(thing, "learning_rate", thing))[-1]), 6)

def hear(code, names, name):
    """Run code, keep its value by name; return what Keras says: nothing if all is well."""
    names[name] = names["model"].optimizer
    try:
        exec(code if re.search(" = |^from ", code) else f"{name} = {code}", names)
    except Exception as error:
        return f"{type(error).__name__}: {error}".replace("keras.api.", "keras.")
    return ""

@pytest.mark.filterwarnings("error::UserWarning")
@pytest.mark.parametrize(("words", "old", "expected"), ENTRIES)
def test_what_keras_says_and_what_to_write(tmp_path, monkeypatch, words, old, expected):
    monkeypatch.chdir(tmp_path)
    model = trained(SGD(0.1), LearningRateScheduler(lambda epoch: 0.1), eager="generator" not in old)
    names = PAGE | globals() | {"model": model, "history": model.history}
    names["generator"] = ((np.zeros((2, 2)), np.zeros((2, 1))) for _ in range(1000))
    entries = re.findall("(?m)^- (.*)$", SILENT if words in SILENT else LOUD)
    [text] = [entry for entry in entries if words in entry]
    codes = [code for _, code in re.findall(r"(`+)(.+?)\1(?!`)", text)]
    heard = hear(old, names, "old")
    said = [code for code in codes if len(code) > 12 and code.strip() in heard]
    assert not heard if words in SILENT else said, heard
    assert rate(model.optimizer) == 0.1  # not even set
    names["heard"] = hear(codes[-1], names, "new") if text.endswith("`") else ""
    if not isinstance(expected, str):
        expected = f"(heard, rate(new)) == ('', {expected})"
    assert eval(expected, names), names["heard"]

@pytest.mark.parametrize(("program", "keras2"), [*KERAS2])
def test_every_optimizer_is_keras_2s(program, keras2):
    name, first, others = re.match(r"(\w+)\D*([\d.]+)(.*)\)", program).groups()
    sgd = f"keras.optimizers.{name}(schedule{others.replace(', decay=0.02', '')})"
    sgd, callbacks = REPAIRS.get(program, sgd), "    callbacks=[])\n"
    if "decay=" not in program:  # a callback, beside the decay of SGD
        sgd = "SGD(0.1, 0.8)"
        callbacks = f"    callbacks=[keras.callbacks.{program}, DecayBesideACallback(0.02)])\n"
    changes = ("sgd = ", f"{CLASSES}sgd = {sgd}\n"), ("    callbacks=", callbacks)
    options = "--epochs", 20, "--decay", 0.02, "--learning-rate", first
    losses = run(TIME, *options, changes=changes).history.history["val_loss"]
    difference = max(abs(np.array(losses) - keras2["val_loss"]))
    assert difference < (2e-6 if name == "Adam" else 1e-6)
    if program in REPAIRS:
        layers = [keras.layers.Embedding(5, 2), keras.layers.Flatten()]
        assert trained(PAGE[f"{name}OfKeras2"](0.1), layers=layers)

def test_the_repair_of_the_article(monkeypatch):
    monkeypatch.chdir(ROOT)
    program = PROGRAM.format(keras="tensorflow.keras", sgd=block("InverseTimeDecay", README))
    with pytest.warns(UserWarning, match="Do not pass an `input_shape`"):
        exec(program, names := {})
    assert rate(names["sgd"]) == round(0.1 / (1 + 0.002 * 450), 6)  # Keras 2's
    assert names["sgd"].momentum == 0.8 and f" {rate(names['sgd']):.4f}" in TEXT[README]
    assert f"{names['model'].history.history['val_accuracy'][-1]:.2%}, the" in TEXT[ARTICLE]
    exec(re.search(r"`(sgd = SGD\(learning_rate=0.0.*?)`", TEXT[README])[1], names)
    assert (rate(names["sgd"]), names["sgd"].momentum) == (0.0, 0.9)

def test_counting_epochs_and_going_on(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for epoch in range(50):
        assert rate(PAGE["by_epochs"](9 * epoch + 8)) == round(0.1 / (1 + 0.002 * epoch), 6)
        assert rate(PAGE["drops"](9 * epoch)) == round(0.1 * 0.5 ** (epoch // 10), 6)
    model = trained(SGD(InverseTimeDecay(0.1, 1, 0.1)), epochs=3)
    trained(model, epochs=2).save("model.keras")
    assert rate(trained(keras.saving.load_model("model.keras")).optimizer) == 0.0625
    code = re.search(r"`(callbacks=\[LearningRateLogger.*?)`", TEXT[GUIDE])[1]
    history = run(TIME, changes=(("    callbacks=", f"    {code})\n"),)).history.history
    assert history["learning_rate"] == pytest.approx(pd.read_csv("log.csv")["learning_rate"])
