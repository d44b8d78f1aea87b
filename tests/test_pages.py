"""Every number of the pages is here: computed from the data, a formula or a run, or,
where it is the article's, a setting or a version, written out.

A page is read as items: paragraphs, list items and table rows, without its blocks and
the times under "Speed". FIGURES has a line for each item with any number but CONSTANTS,
in order: the item's first words, to be found by, and its figures. The words of a page
are free. "time-based:0.18" and "0.0714:time-based" hold the name beside a number, too.
"""

import functools
import re
import shutil
from itertools import zip_longest

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from helpers import RECORDED, ROOT, SCRIPTS, TIME, recorded, run, run_once
from PIL import Image

from benchmarks import accuracy

README, GUIDE, BENCHMARKS = "README.md", "docs/keras-2-to-3.md", "benchmarks/README.md"
CHINESE = {README: "docs/README.zh-CN.md", GUIDE: "docs/keras-2-to-3.zh-CN.md"}
NAMES = (README, GUIDE, BENCHMARKS, *CHINESE.values())
TEXT = {page: (ROOT / page).read_text(encoding="utf-8") for page in NAMES}
FENCED = re.compile(r"^```\w+\n(.*?)^```\n", flags=re.MULTILINE | re.DOTALL)
CODE = FENCED.findall(TEXT[README])
NUMBER = re.compile(r"(?<![\w.–-])\d+(?:\.\d+)?(?:e-\d+)?")
LINK = re.compile(r"(?<=\]\()[^)\s]+|(?<=<)http\S+(?=>)")
VERSION = re.compile(r"(Keras [23]|TensorFlow 2)(?!\.?\d)|^\d\. ")  # or of a list
ARTICLE = "using-learning-rate-schedules-deep-learning-models-python-keras"
WEB = (
    f"http://machinelearningmastery.com/{ARTICLE}/",
    "https://doi.org/10.24432/C5W01B",  # what UCI gives for its Ionosphere
    "https://creativecommons.org/licenses/by/4.0/",
)
CONSTANTS = {"0", "0.0", "0.1", "1", "34", "2016", "2017"}
PYTHONS = re.search(r"for python in (\S+) .*?(\S+);", (ROOT / ".ci/run").read_text())
DATA = pd.read_csv(ROOT / "ionosphere.csv", header=None)
GOOD = (DATA[34] == "g").to_numpy()
LAST_BAD = 1 + np.flatnonzero(~GOOD)[-1]  # counted from 1
TWICE = 1 + np.flatnonzero(GOOD[1:LAST_BAD] & GOOD[: LAST_BAD - 1])  # good, as the next
LAST = RECORDED[RECORDED["split"] == "last"]
BEST = LAST[LAST["right"] == LAST["right"].max()]
ODD = LAST[~LAST["wrong"].str.contains("237")]  # the networks that have row 237 right
RIGHT = {rows: f"{rows / 1.16:.2f}" for rows in (74, 107, 111, 114, 115)}
M8, M9 = "0.1 / 0.8", "0.1 / 0.9"
CONSTANT = np.quantile(recorded("last", M8, "accuracy"), [0.05, 0.95])  # no schedule
T, D, E, C = list(accuracy.SETTINGS)[-4:]  # time-based to cosine, with momentum
MEANS = [(setting, accuracy.SETTINGS[setting][-1]) for setting in (T, D, E, C)]


def rate(batches, decay=0.002, digits=5):
    return f"{0.1 / (1 + decay * batches):.{digits}f}"


def mean(split, measure, setting, other):
    values = recorded(split, setting, measure) - recorded(split, other, measure)
    return f"{abs(values.mean()):.{2 if measure == 'accuracy' else 3}f}"


last, random = (functools.partial(mean, s, "accuracy") for s in ("last", "random"))
last_loss, random_loss = (
    functools.partial(mean, s, "loss") for s in ("last", "random")
)


def share(setting, fewest, most=116):
    rows = recorded("last", setting, "right")
    return f"{rows.between(fewest, most).mean() * 100:.0f}"


FIGURES = {
    README: f"""
Its edition for of | 2022 {CONSTANT[0]:.0f} {CONSTANT[1]:.0f}
In the edition of | 2022 1 0.0 0.9 0.0
How to see that | {rate(450, digits=4)} 0.1 0.003125
Clone or download this | {PYTHONS[1]} {PYTHONS[2]}
learning_rate is the rate | {RIGHT[107]}
learning rate momentum | 0.1 0.8 0.1 0.9
schedule decay drop every | 0.1 50 0.5 10
rate at the start | 10 {rate(81)} 0.05
rate at the start | 50 {rate(441)} 0.003125
validation accuracy epoch of | 50 {RIGHT[114]} 114 116 {RIGHT[115]} 115 116
the formula of time-based | 50 {rate(441)} {rate(49)} {0.1 / np.prod(1 + 0.002 * np.arange(50)):.6f}
its table of rates | 0.001 0.1 0.0999000999 0.0997006985 0.09940249103 0.09900646517 0.1 {" ".join(rate(9 * n, 0.001) for n in range(1, 5))}
its graphs over epochs | 100 100 0.001 {rate(9 * 99, 0.001)} 100
a drop after every | 1 9 0.1 10 19 0.05 50 0.003125 1
for the first ten | 0.01 0.1
of rows with either | {RIGHT[115]} 115 116 45 48 {RIGHT[114]} {RIGHT[115]}
for the baseline of | {RIGHT[111]} 111 116 0.1 400 {recorded("last", "0.1 / 0", "accuracy").mean():.2f} 0 0
numpy.random.seed It does not | 7 7 {RIGHT[115]}
fit X Y validation_split | 0.33
On the article s | 116 {100 / 116:.2f} 0.1 time-based:{last(T, M8)} drop-based:{last(D, M9)} {last_loss(T, M8)} {last_loss(D, M9)}
On random rows time-based | time-based:{random(T, M8)} drop-based:{random(D, M9)}
On random rows both | {random_loss(T, M8)} {random_loss(D, M9)} {random_loss(T, "0.0714 / 0.8")}
does not show that | {RIGHT[115]} 0.1 0.8 {share(M8, 115)} 400
ionosphere.csv is UCI s | {len(GOOD)} 34 {sum(GOOD)} {sum(~GOOD)} 1989 4.0
There are packages for | 3.12 3.14 {PYTHONS[2]} 3.8 2.18 3.15 2.21 5
""",
    GUIDE: f"""
Back to the scripts | 3.8 3.15 2.11
UserWarning Argument decay is | 0.1 1 0.002
ValueError decay is deprecated | 2.11 2.15
nothing with SGD weight_decay | 0.1 0.002
nothing with model.optimizer.lr this | 0.01 0.01
AttributeError module keras.backend has | 0.5
ValueError The output of | 1 1.0
ValueError ReduceLROnPlateau callback received | 3.8
The scripts network and | 20 0.02
decay counts batches so | 0.1 0.002 50
batches an epoch | 9 14 236 1875
rate | {" ".join(f"{0.1 / (1 + 0.002 * 49 * n):.3g}" for n in (9, 14, 236, 1875))}
To count epochs instead | 50 {rate(49, digits=4)}
decay_steps counts batches here | 10 20 11 21
A second fit goes | 0 50 100
""",
    BENCHMARKS: f"""
It takes about three | 20
Each of fourteen settings | 50 0 399 351
last the article s. | 116
random rows drawn anew | 116
accuracy.csv has a row | 116 1
without the schedule with | 0.1 0 0.8 0.9
steps of the same | 1 0.5 1.0 0.1 0.8 0.9
the schedule s own | 0.0714:time-based 0.0368:drop-based 0.0281:exponential 0.0501:cosine
Accuracies are means and | 116 {RIGHT[115]} 115 90 105
The differences are those | 95 1.96 {100 / 116:.2f} 3.3 {4 * sum(map(len, accuracy.SETTINGS.values()))}
Longer steps raise the | 0.1 0.8 {last(M8, "0.1 / 0")} {random(M8, "0.1 / 0")} 0.5 {last("0.5 / 0", "0.1 / 0")} {random("0.5 / 0", "0.1 / 0")} {random_loss(M8, "0.1 / 0")} {random_loss("0.5 / 0", "0.1 / 0")} {random_loss(M9, "0.1 / 0")} 0.9 0.8 0.9 {last(M9, M8)}
Momentum against steps as | 0.1 0.8 {last(M8, "0.5 / 0")} 0.5 0 {(recorded("last", M8, "accuracy") - recorded("last", "0.5 / 0", "accuracy")).median():.2f} {share("0.5 / 0", 0, 104)} 90 {share(M8, 0, 104)}
On the last rows | {last(T, M8)} 0.1 {last(T, "0.0714 / 0.8")} {last(D, M9)} 0.1 0.9 0.1 0.8 {last(D, M8)} {last(D, "0.0368 / 0.9")} 0.1 {last_loss(T, M8)}:time-based {last_loss(D, M9)}:drop-based {last_loss(E, M9)}:exponential {last_loss(C, M9)}:cosine {" ".join({last_loss(*pair) for pair in MEANS})}
On random rows a | {random(T, M8)} exponential:{random(E, M9)} {random(D, M9)} {random_loss(T, M8)} {random_loss(D, M9)} {random_loss(E, M9)} {random_loss(C, M9)} {max(random_loss(*pair) for pair in MEANS)}
Without momentum time-based decay | {last("time-based / 0", "0.1 / 0")} {random("time-based / 0", "0.1 / 0")} {last_loss("time-based / 0", "0.1 / 0")} {random_loss("time-based / 0", "0.1 / 0")} 0.1
No network passes on | {RIGHT[115]} {len(BEST)} {len(LAST)} {BEST["right"].max()} 116 {" ".join(set(BEST["wrong"]))} {len(ODD)} {ODD["right"].max()}
Most of the last | {LAST_BAD} {" ".join(f"{row} {row + 1}" for row in TWICE)} {351 - LAST_BAD} {sum(~GOOD[235:])} {RIGHT[107]} {RIGHT[74]}
The intervals cover other | 351
""",
}


@functools.cache
def optimizer_rows():
    """Train as record_keras2.py did, and return the guide's rows of the optimizers."""
    keras2 = pd.read_csv(ROOT / "tests/keras2_optimizers.csv")
    X, Y, dataset = DATA.loc[:, :33].to_numpy(float), GOOD, tf.data.Dataset
    validation, rows = dataset.from_tensors((X[235:], Y[235:])), []
    size = {"epochs": 20, "steps_per_epoch": 9, "shuffle": False, "verbose": 0}
    keras.config.set_dtype_policy("float64")
    for call, table in keras2.groupby("optimizer", sort=False):
        name, first = call.strip(")").split("(")
        rows.append(f"| `{call}` |")
        schedule = keras.optimizers.schedules.InverseTimeDecay(float(first), 1, 0.02)
        for learning_rate in schedule, float(first):
            keras.utils.set_random_seed(7)
            model = keras.Sequential([keras.Input((34,))])
            for units, activation in (34, "relu"), (1, "sigmoid"):
                model.add(
                    keras.layers.Dense(units, activation, kernel_initializer="normal")
                )
            optimizer = getattr(keras.optimizers, name)(learning_rate)
            model.compile(loss="binary_crossentropy", optimizer=optimizer)
            batches = (
                dataset.from_tensor_slices((X[:235], Y[:235])).shuffle(235).batch(28)
            )
            history = model.fit(batches.repeat(), validation_data=validation, **size)
            losses = np.array(history.history["val_loss"])
            rows[-1] += f" {max(abs(losses - table['val_loss'])):.1g} |"
    return rows


@functools.cache
def blocks(page):
    """Return what must stand in a page as it is computed here."""
    if page == BENCHMARKS:
        return [accuracy.settings_table(RECORDED), accuracy.differences_table(RECORDED)]
    if page in (GUIDE, CHINESE[GUIDE]):
        return optimizer_rows()
    lines = re.sub("9/9 - .*?/step - ", "9/9 - ", run_once(TIME).out).splitlines()
    [tries] = [text.splitlines() for text in CODE if text.startswith("$ ")]
    for number, command in enumerate(tries[::2]):
        script, *options = command.split("/")[-1].split()[1:]
        tries[2 * number + 1] = run_once(script, *options).out.splitlines()[-1]
    return ["\n".join([*lines[:3], "...", *lines[-3:]]), "\n".join(tries)]


@pytest.mark.parametrize("page", TEXT)
def test_blocks(page):
    for block in blocks(page):
        assert block in TEXT[page], f"{page} lacks:\n{block}"


def items(page):
    """Return the items of a page without blocks, code and, as times change, speed."""
    text = FENCED.sub("", TEXT[page].split("## Speed")[0])
    for block in blocks(page):
        text = text.replace(block, "")
    found = re.split(r"\n\s*\n|\n(?=\||- |\d\. )", text)
    return [VERSION.sub("", " ".join(item.split())) for item in found]


@pytest.mark.parametrize("page", TEXT)
def test_figures(page):
    found = [(NUMBER.findall(LINK.sub("", item)), item) for item in items(page)]
    found = [(numbers, item) for numbers, item in found if set(numbers) - CONSTANTS]
    english = {chinese: english for english, chinese in CHINESE.items()}.get(page, page)
    lines = [line.split(" | ")[-1] for line in FIGURES[english].strip().splitlines()]
    lines += ["nothing"] * (len(found) - len(lines))
    found += [([], "an item more")] * (len(lines) - len(found))
    for (numbers, item), line in zip(found, lines):
        figures = [re.sub(r":?[a-z]{4,}(-based)?:?", "", x) for x in line.split()]
        assert numbers == figures, f"{page}: write {line!r} in {item!r}"
        for pair in re.findall(r"\S+:\S+", line):
            near = pair.replace(":", r"\D*")
            assert re.search(near, item, re.IGNORECASE), f"{pair} in {item!r}"


@pytest.mark.parametrize("page", CHINESE)
def test_both_languages_say_the_same_in_the_same_order(page):
    token = re.compile(f"``.+?``|`.+?`|{LINK.pattern}|{NUMBER.pattern}")
    said, code = [], []
    for name in page, CHINESE[page]:
        tokens = [token.findall(item.replace(".zh-CN", "")) for item in items(name)]
        said.append([[x.split("/")[-1] for x in found] for found in tokens if found])
        code.append(re.sub(r"# .*", "", "".join(FENCED.findall(TEXT[name]))))
    for english, chinese in zip_longest(*said):
        assert english == chinese
    assert code[0] == code[1]


@pytest.mark.parametrize("page", TEXT)
def test_what_a_page_names_exists(page):
    text = TEXT[page]
    programs = [*SCRIPTS, "benchmarks/accuracy.py", "benchmarks/speed.py"]
    sources = "--help".join((ROOT / program).read_text() for program in programs)
    for option in re.findall(r"(?<![\w-])--[a-z][\w-]*", text):
        assert re.search(rf"{option}\b(?!-)", sources), option
    for file in re.findall(r"[\w.-]+\.(?:py|csv|txt|md)\b", text):
        assert list(ROOT.glob(file)) or list(ROOT.glob(f"[bdt]*/{file}")), file
    for link in LINK.findall(text):
        assert link in WEB or (ROOT / page).parent.joinpath(link).exists(), link
    for alt, name in re.findall(r"!\[(.*?)\]\(\S*?(\w+)\.png\)", text):
        assert name == {"time": "time_based_decay", "drop": "drop_based_decay"}.get(
            alt.split("-")[0].lower(), "accuracy"
        )


def test_the_rules():
    [rules] = [text for text in CODE if text.startswith("time-based: rate")]
    names = {"floor": np.floor, "epoch": np.arange(50), "batches": 9 * np.arange(50)}
    names.update(learning_rate=0.1, decay=0.002, drop=0.5, epochs_drop=10)
    for line, script in zip(rules.splitlines(), SCRIPTS, strict=True):
        rule = line.removeprefix(f"{script[:4]}-based: rate = ").replace("s done", "s")
        used = run_once(script).history.history["learning_rate"]
        assert list(eval(rule, names)) == pytest.approx(used)


@pytest.mark.parametrize(
    ("number", "rates"),  # of epochs 1, 11 and 21, with 21 epochs
    [(0, [0.1, 0.05, 0.025]), (1, [0.1, 0.0537365, 0.0005585]), (2, [0.1, 0.1, 0.05])],
)
def test_the_articles_tips_as_code(tmp_path, number, rates):
    [block] = [text for text in CODE if "CosineDecay" in text]
    tips = re.findall(r"    # (\w+\.py): .*\n((?:    [^#].*\n)+)", block)
    script, snippet = tips[number]
    source = (ROOT / script).read_text()
    for statement in re.split(r"(?m)^(?=    \w+ = )", snippet)[1:]:
        [line] = re.findall(rf"(?m)^{statement.split('=')[0]}= .*\n", source)
        source = source.replace(line, statement)
    (tmp_path / script).write_text(source)
    shutil.copy(ROOT / "ionosphere.csv", tmp_path)
    history = run(script, "--epochs", 21, folder=tmp_path).history.history
    assert history["learning_rate"][::10] == pytest.approx(rates, rel=1e-3)


def test_what_seeds_keras():
    draws = []
    for seed in (np.random.seed, keras.utils.set_random_seed) * 2:
        seed(7)
        draws.append(list(np.array(keras.initializers.RandomNormal()([3]))))
    assert draws[0] != draws[2] and draws[1] == draws[3]


def test_the_picture_of_the_benchmark_is_of_the_recorded_rows(tmp_path):
    accuracy.save_plot(RECORDED, tmp_path / "accuracy.png")
    old, new = (Image.open(path / "accuracy.png") for path in (ROOT / "docs", tmp_path))
    if old.info["Software"] != new.info["Software"]:
        pytest.skip("another Matplotlib drew the recorded picture")
    assert abs(np.array(old, float) - np.array(new, float)).mean() < 0.5  # of 255
