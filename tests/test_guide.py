"""The guide: what Keras says to the old code, what the new does, Keras 2's losses.

An entry is a heading whose text has a block that begins with "# Keras 2". Its old block
may be silent if the entry has no message or, on Keras 3.8, if it speaks of 3.8.
"""

import re
import warnings

import h5py
import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from conftest import BLOCK, ROOT, block, page
from keras.callbacks import LambdaCallback, LearningRateScheduler, ReduceLROnPlateau
from keras.optimizers import SGD, Adadelta, Adagrad, Adam, Adamax, Nadam, RMSprop
from keras.optimizers.schedules import InverseTimeDecay

GUIDE = "docs/keras-2-to-3.md"
KERAS_3_8 = keras.__version__.startswith("3.8.")
KERAS_2 = pd.read_csv(ROOT / "tests" / "keras2" / "optimizers.csv").groupby("program")


def entries():
    """Return the guide's entries: their texts by their headings."""
    parts = re.split(r"^###? (.*)\n", page(GUIDE), flags=re.MULTILINE)
    parts = dict(zip(parts[1::2], parts[2::2], strict=True))
    return {heading: text for heading, text in parts.items() if "# Keras 2\n" in text}


def other_blocks():
    """Return the guide's blocks of code that are no entry's; the first sets up."""
    blocks = [code for kind, code in BLOCK.findall(page(GUIDE)) if kind == "python"]
    return [code for code in blocks if not code.startswith("# Keras ")]


SET_UP, *BY_ITSELF = other_blocks()


def run_block(code, **given):
    """Run a block of the guide, after its first block or with the names that are given.

    Returns the errors and warnings of Keras, the lines that the block prints, and the
    names that it defines.
    """
    keras.config.set_dtype_policy("float32")
    keras.config.set_floatx("float32")
    printed = []
    names = given | {"print": lambda *x: printed.append(" ".join(map(str, x)))}
    said = ""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        try:
            exec(code if given else SET_UP + code, names)
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
    for warning in caught:
        if issubclass(warning.category, UserWarning):
            said += f"\n{warning.category.__name__}: {warning.message}"
    return said, printed, names


def assert_shown(printed, code):
    """Compare what a block prints with its comments, where numbers may be rounded."""
    shown = re.findall(r"print\(.*\)  # (.*)", code)
    assert len(printed) == len(shown)
    for line, comment in zip(printed, shown, strict=True):
        for value, text in zip(line.split(), comment.split(), strict=True):
            digits = re.fullmatch(r"\d+\.(\d+)", text)
            if digits:  # rounded, but 0.1 does not stand for 0.0982
                assert float(value) == pytest.approx(float(text), rel=1e-3), code
                value = f"{float(value):.{len(digits[1])}f}"
            assert value == text, code


@pytest.fixture(autouse=True)
def folder_for_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write_old_h5():
    """Write a file with an optimizer's settings under the names of Keras 2."""
    run_block("model.save('old.h5')")
    with h5py.File("old.h5", "a") as file:
        config = file.attrs["training_config"]
        file.attrs["training_config"] = config.replace('"learning_rate"', '"lr"')


@pytest.mark.parametrize("heading", entries())
def test_an_entry(heading):
    text = entries()[heading]
    blocks = BLOCK.findall(text)
    messages = "".join(code for kind, code in blocks if kind == "text").split("\n")
    may_be_silent = messages == [""] or (KERAS_3_8 and "3.8" in text)
    [old, new] = [code for kind, code in blocks if kind == "python"]
    assert old.startswith("# Keras 2\n") and new.startswith("# Keras 3\n")
    if "old.h5" in old:
        write_old_h5()
    said, printed, _ = run_block(old)
    if said or not may_be_silent:
        found = any(message in said for message in messages if message)
        assert found, f"Keras says to the old block: {said or 'nothing'}"
    assert_shown(printed, old)
    said, printed, _ = run_block(new)
    assert not said, said
    assert_shown(printed, new)


def test_each_new_block_is_an_entry_s():
    new = [code for _, code in BLOCK.findall(page(GUIDE)) if "# Keras 3\n" in code]
    assert len(new) == len(entries()), "is there a heading twice, or no # Keras 2?"


@pytest.mark.parametrize("code", BY_ITSELF)
def test_a_block_by_itself(code):
    said, printed, _ = run_block(code)
    assert not said, said
    assert_shown(printed, code)


@pytest.fixture(scope="module")
def classes_of_the_guide():
    """Return the classes of the guide by their names."""
    names = "RMSpropOfKeras2", "NadamOfKeras2", "DecayBesideACallback"
    return {name: run_block(block(GUIDE, f"class {name}"))[2][name] for name in names}


def schedule(rate):
    return InverseTimeDecay(rate, decay_steps=1, decay_rate=0.02)


def difference(program, optimizer, *callbacks):
    """Return the largest difference to the losses of a program of Keras 2.

    The scripts' network is trained as in tests/keras2/record.py, and validated.
    """
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    keras.utils.set_random_seed(7)
    rows = pd.read_csv(ROOT / "ionosphere.csv", header=None)
    X, Y = rows.loc[:, 0:33].to_numpy(float), (rows[34] == "g").to_numpy(int)
    training = tf.data.Dataset.from_tensor_slices((X[:235], Y[:235]))
    validation = tf.data.Dataset.from_tensor_slices((X[235:], Y[235:]))
    model = keras.Sequential(
        [
            keras.Input((34,)),
            keras.layers.Dense(34, "relu", kernel_initializer="normal"),
            keras.layers.Dense(1, "sigmoid", kernel_initializer="normal"),
        ]
    )
    model.compile(loss="binary_crossentropy", optimizer=optimizer)
    history = model.fit(
        training.shuffle(235).batch(28).repeat(),
        steps_per_epoch=9,
        shuffle=False,
        validation_data=validation.batch(116),
        epochs=20,
        callbacks=[*callbacks],
        verbose=0,
    ).history
    return max(abs(history["val_loss"] - KERAS_2.get_group(program)["val_loss"]))


@pytest.fixture(scope="module")
def repaired(classes_of_the_guide):
    """Return what the guide makes of the record's programs: optimizers, callbacks."""
    halve = LearningRateScheduler(lambda epoch: 0.1 * 0.5 ** (epoch // 5))
    plateau = ReduceLROnPlateau(factor=0.5, patience=1)
    decay = classes_of_the_guide["DecayBesideACallback"](0.02)
    rmsprop = classes_of_the_guide["RMSpropOfKeras2"](schedule(0.01))
    nadam = classes_of_the_guide["NadamOfKeras2"](0.01)
    return {
        "SGD(0.1, 0.8, nesterov=True, decay=0.02)": [
            SGD(schedule(0.1), 0.8, nesterov=True)
        ],
        "Adam(0.01, decay=0.02)": [Adam(schedule(0.01))],
        "Adagrad(0.05, decay=0.02)": [Adagrad(schedule(0.05))],
        "Adadelta(1.0, decay=0.02)": [Adadelta(schedule(1.0))],
        "Adamax(0.01, decay=0.02)": [Adamax(schedule(0.01))],
        "RMSprop(0.01, momentum=0.9, decay=0.02)": [
            RMSprop(schedule(0.01), momentum=0.9)
        ],
        "RMSprop(0.01, decay=0.02)": [rmsprop],
        "Nadam(0.01, decay=0.02)": [nadam],
        "LearningRateScheduler(lambda epoch: 0.1 * 0.5 ** (epoch // 5))": [
            SGD(0.1, 0.8),
            halve,
            decay,
        ],
        "ReduceLROnPlateau(factor=0.5, patience=1)": [SGD(0.1, 0.8), plateau, decay],
    }


@pytest.mark.parametrize("program", KERAS_2.groups)
def test_a_program_as_in_keras_2(repaired, program):
    exact = 2e-6 if program.startswith("Adam(") else 1e-6
    assert difference(program, *repaired[program]) < exact


def test_the_repairs_that_are_not_exact():
    rmsprop = difference("RMSprop(0.01, decay=0.02)", RMSprop(schedule(0.01)))
    nadam = difference("Nadam(0.01, decay=0.02)", Nadam(0.01))
    assert f"| {rmsprop:.3f} |" in page(GUIDE) and f"| {nadam:.2f} |" in page(GUIDE)


def test_an_embedding_trains_with_the_classes(classes_of_the_guide):
    keras.config.set_dtype_policy("float32")
    for name in "RMSpropOfKeras2", "NadamOfKeras2":
        layers = [keras.layers.Embedding(5, 2), keras.layers.Flatten()]
        model = keras.Sequential([*layers, keras.layers.Dense(1)])
        model.compile(loss="mse", optimizer=classes_of_the_guide[name](0.01))
        first, last = model.fit(
            np.eye(5, dtype=int), np.ones(5), epochs=2, verbose=0
        ).history["loss"]
        assert last < first


def model_of_steps(optimizer, policy="float32"):
    """Return a model whose loss falls by 1 where its one weight does."""
    keras.config.set_dtype_policy(policy)
    layer = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")
    model = keras.Sequential([keras.Input((1,)), layer])
    model.compile(loss=lambda y_true, y_pred: y_pred, optimizer=optimizer)
    return model


def rates_used(model, *callbacks):
    """Train a model of steps for four batches; return the rates that they used."""
    kernel = model.layers[0].kernel
    weights = [float(kernel[0, 0])]
    note = LambdaCallback(
        on_train_batch_end=lambda batch, logs: weights.append(float(kernel[0, 0]))
    )
    X, y = np.ones((4, 1)), np.ones(4)
    model.fit(X, y, batch_size=1, callbacks=[*callbacks, note], verbose=0)
    return pytest.approx(-np.diff(weights), abs=1e-3)


def readings(word, model):
    """Return what the guide's block with this word prints of a model of steps."""
    code = block(GUIDE, word)
    return run_block(code, model=model, X=np.ones((4, 1)), Y=np.ones(4))[1]


CHECK = "make_train_function(force=True)\noptimizer"
COUNT = "print(int(optimizer.iterations))  # 9"


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_the_check_and_the_rate_that_is_used(classes_of_the_guide, policy):
    half = {"decay_steps": 1, "decay_rate": 1.0}
    model = model_of_steps(SGD(InverseTimeDecay(0.5, **half)), policy)
    assert "InverseTimeDecay" in readings(CHECK, model)[0]
    assert rates_used(model) == [0.5, 0.5 / 2, 0.5 / 3, 0.5 / 4]
    rate, batches = readings(COUNT, model)
    assert float(rate) == pytest.approx(0.5 / 7) and batches == "6"

    model = model_of_steps(SGD(0.5), policy)
    assert readings(CHECK, model) == ["0.5"]
    assert rates_used(model) == [0.5] * 4
    model.optimizer.learning_rate = InverseTimeDecay(0.5, **half)
    assert rates_used(model) == [0.5] * 4  # which the guide warns of
    assert "InverseTimeDecay" in readings(CHECK, model)[0]
    assert rates_used(model) == [0.5 / n for n in (9, 10, 11, 12)]

    model = model_of_steps(SGD(0.5), policy)
    beside = classes_of_the_guide["DecayBesideACallback"](1.0)
    assert rates_used(model, beside) == [0.5, 0.5 / 2, 0.5 / 3, 0.5 / 4]


def test_a_momentum_between_two_fits():
    used, not_used = model_of_steps(SGD(0.1, 0.5)), model_of_steps(SGD(0.1, 0.5))
    for model in used, not_used:
        rates_used(model)
        model.optimizer.momentum = 0.9
    used.make_train_function(force=True)
    # Steps of 0.1, 0.15, 0.175, 0.1875; then each 0.1 and a part of the one before
    assert rates_used(not_used) == [0.19375, 0.196875, 0.1984375, 0.19921875]
    assert rates_used(used) == [0.26875, 0.341875, 0.4076875, 0.46691875]


def test_an_optimizer_of_your_own():
    text = next(x for x in entries().values() if "class HalfSteps" in x)
    for (_, code), rate in zip(BLOCK.findall(text), (0.5, 0.25), strict=True):
        half_steps = run_block(code)[2]["HalfSteps"]
        assert rates_used(model_of_steps(half_steps(0.5))) == [rate] * 4


def test_going_on_after_loading():
    model = model_of_steps(SGD(InverseTimeDecay(0.5, 1, 1.0)))
    model.compile(loss="mse", optimizer=model.optimizer)
    for _ in range(2):
        model.fit(np.ones((2, 1)), np.ones(2), batch_size=1, verbose=0)
    model.save("model.keras")
    optimizer = keras.saving.load_model("model.keras").optimizer
    assert float(optimizer.learning_rate) == pytest.approx(0.5 / 5)
