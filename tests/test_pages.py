"""Every figure of the pages: the article's, or from the data, a formula or a run.

A page is read as items: paragraphs, list items and table rows, without its blocks and
the times under "Speed". An item with any number but CONSTANTS has a line in FIGURES: its
first words, to be found by, and its numbers in order; "0.18:name" holds the name, too.
"""

import re
from functools import cache, partial
from itertools import zip_longest

import numpy as np
import pandas as pd
import pytest
from helpers import GOOD, MEASURED, RECORDED, ROOT, SCRIPTS, TIME, code, run, run_with

from benchmarks import accuracy

README, GUIDE, BENCHMARKS = "README.md", "docs/keras-2-to-3.md", "benchmarks/README.md"
CHINESE = {"docs/README.zh-CN.md": README, "docs/keras-2-to-3.zh-CN.md": GUIDE}
ENGLISH_OF = CHINESE | {page: page for page in (README, GUIDE, BENCHMARKS)}
TEXT = {page: (ROOT / page).read_text("utf-8") for page in ENGLISH_OF}
NUMBER = re.compile(r"(?<![\w.–-])\d+(?:[.-]\d+)*(?:e-\d+)?")
LINK = re.compile(r"(?<=\]\()[^)\s]+|(?<=<)http\S+(?=>)")
VERSION = re.compile(r"(Keras [23]|TensorFlow 2)(?!\.?\d)|^\d\. ")  # or of a list
CONSTANTS = {  # settings, dates and versions: both languages have them in one order
    README: "0 0.0 0.1 0.33 1 5 34 2016 2017-08-05 2022 2.18 2.21 3.8 3.12 3.13 3.14 3.15",
    GUIDE: "0 0.0 0.002 0.01 0.02 0.1 0.5 1 1.0 2.11 2.15 3.8 3.15 10 11 20 21 50",
    BENCHMARKS: "0 0.1 1 20 50 116 351",
}
PYTHONS = re.search(r"for python in (\S+) .*?(\S+);", (ROOT / ".ci/run").read_text())
LAST_BAD = 1 + np.flatnonzero(~GOOD)[-1]  # counted from 1
PERCENT = {rows: f"{rows / 116 * 100:.2f}" for rows in (74, 107, 111, 114, 115)}
M8, M9 = "0.1 / 0.8", "0.1 / 0.9"
T, D, E, C = "time-based / 0.8", "drop-based / 0.9", "exponential / 0.9", "cosine / 0.9"
MEANS = [(setting, accuracy.SETTINGS[setting][-1]) for setting in (T, D, E, C)]
ACCURACY, RIGHT = MEASURED["accuracy"]["last"], MEASURED["right"]["last"]
BEST = RECORDED.query("split == 'last'").nlargest(1, "right", keep="all")
SHARE_99, SHARE_90 = (RIGHT > 114).mean() * 100, (RIGHT < 105).mean() * 100


def rate(batches, decay=0.002, digits=5):
    return f"{0.1 / (1 + decay * batches):.{digits}f}"


def mean(split, measure, digits, setting, other):
    values = MEASURED[measure, split, setting] - MEASURED[measure, split, other]
    return f"{abs(values.mean()):.{digits}f}"


last, random = (partial(mean, x, "accuracy", 2) for x in ("last", "random"))
last_loss, random_loss = (partial(mean, x, "loss", 3) for x in ("last", "random"))


FIGURES = {
    README: f"""
Its edition for TensorFlow 2 | 2022 {ACCURACY[M8].quantile(0.05):.0f} {ACCURACY[M8].quantile(0.95):.0f}
In the edition of 2022, the | 2022 1 0.0 0.9 0.0
How to see that it took | {rate(450, digits=4)} 0.1 0.003125
Clone or download this | {PYTHONS[1]} {PYTHONS[2]}
`learning_rate` is the rate in | {PERCENT[107]}
learning rate, momentum | 0.1 0.8 0.1 0.9
schedule | 0.1 50 0.5 10
rate at the start of epoch 10 | 10 {rate(81)} {0.1 / 2:g}
rate at the start of epoch 50 | 50 {rate(441)} {0.1 / 2**5:g}
validation accuracy, epoch 50 | 50 {PERCENT[114]} 114 116 {PERCENT[115]} 115 116
the formula of time-based | 50 {rate(441)} {rate(49)} {0.1 / np.prod(1 + 0.002 * np.arange(50)):.6f}
its table of rates for decay | 0.001 0.1 0.0999000999 0.0997006985 0.09940249103 0.09900646517 0.1 {" ".join(rate(9 * n, 0.001) for n in range(1, 5))}
its graphs over 100 epochs | 100 100 0.001 {rate(9 * 99, 0.001)} 100
a drop after every ten epochs | 1 9 0.1 10 19 0.05 50 0.003125 1
0.01 for the first ten epochs, | 0.01 0.1
99.14% (115 of 116 rows) with | {PERCENT[115]} 115 116 45 48 {PERCENT[114]} {PERCENT[115]}
95.69% for the baseline, 111 of | {PERCENT[111]} 111 116 0.1 400 {ACCURACY["0.1 / 0"].mean():.2f} 0 0
`numpy.random.seed(7)` | 7 7 {PERCENT[115]}
On the article's last 116 rows, | 116 {100 / 116:.2f} 0.1 time-based:{last(T, M8)} drop-based:{last(D, M9)} {last_loss(T, M8)} {last_loss(D, M9)}
On random rows time-based decay | time-based:{random(T, M8)} drop-based:{random(D, M9)}
On random rows both schedules | {random_loss(T, M8)} {random_loss(D, M9)} {random_loss(T, "0.0714 / 0.8")}
The article's 99.14% does not | {PERCENT[115]} 0.1 0.8 {SHARE_99[M8]:.0f} 400
`ionosphere.csv` is UCI's file, | {len(GOOD)} 34 {sum(GOOD)} {sum(~GOOD)} 1989 4.0
""",
    GUIDE: f"""
batches an epoch | 9 14 236 1875
rate | {" ".join(f"{0.1 / (1 + 0.002 * 49 * n):.3g}" for n in (9, 14, 236, 1875))}
To count epochs instead, so | 50 {rate(49, digits=4)}
A second `fit` goes on where | 0 50 100
""",
    BENCHMARKS: f"""
Each of fourteen settings | 50 0 399 351
without the schedule | 0.1 0 0.8 0.9
steps of the same length | 1 0.5 1.0 0.1 0.8 0.9
the schedule's own mean rate | 0.0714:time-based 0.0368:drop-based 0.0281:exponential 0.0501:cosine
Accuracies are means and | 116 {PERCENT[115]} 115 90 105
The differences are those of | 95 1.96 {100 / 116:.2f} 3.3 {4 * sum(map(len, accuracy.SETTINGS.values()))}
Longer steps raise the | 0.1 0.8 {last(M8, "0.1 / 0")} {random(M8, "0.1 / 0")} 0.5 {last("0.5 / 0", "0.1 / 0")} {random("0.5 / 0", "0.1 / 0")} {random_loss(M8, "0.1 / 0")} {random_loss("0.5 / 0", "0.1 / 0")} {random_loss(M9, "0.1 / 0")} 0.9 0.8 0.9 {last(M9, M8)}
Momentum against steps as | 0.1 0.8 {last(M8, "0.5 / 0")} 0.5 0 {(ACCURACY[M8] - ACCURACY["0.5 / 0"]).median():.2f} {SHARE_90["0.5 / 0"]:.0f} 90 {SHARE_90[M8]:.0f}
On the last rows a schedule | {last(T, M8)} 0.1 {last(T, "0.0714 / 0.8")} {last(D, M9)} 0.1 0.9 0.1 0.8 {last(D, M8)} {last(D, "0.0368 / 0.9")} 0.1 {last_loss(T, M8)}:time-based {last_loss(D, M9)}:drop-based {last_loss(E, M9)}:exponential {last_loss(C, M9)}:cosine {" ".join({last_loss(*pair) for pair in MEANS})}
On random rows a schedule | {random(T, M8)} exponential:{random(E, M9)} {random(D, M9)} {random_loss(T, M8)} {random_loss(D, M9)} {random_loss(E, M9)} {random_loss(C, M9)} {max(random_loss(*pair) for pair in MEANS)}
Without momentum time-based | {last("time-based / 0", "0.1 / 0")} {random("time-based / 0", "0.1 / 0")} {last_loss("time-based / 0", "0.1 / 0")} {random_loss("time-based / 0", "0.1 / 0")} 0.1
No network passes 99.14% on | {PERCENT[115]} {len(BEST)} {RIGHT.size} {BEST["right"].max()} 116 {" ".join(set(BEST["wrong"]))}
Most of the last rows are | {sum(~GOOD)} {LAST_BAD} {351 - LAST_BAD} {sum(~GOOD[235:])} {PERCENT[107]} {PERCENT[74]}
""",
}


@cache
def blocks(page):
    """Return what must stand in a page as it is computed here."""
    if page == BENCHMARKS:
        return [accuracy.settings_table(RECORDED), accuracy.differences_table(RECORDED)]
    if page == README:
        lines = run(TIME).out.splitlines()
        tries = re.findall(r"^\$ .*?python (.*)$", TEXT[README], re.MULTILINE)
        ends = [f"{x}\n{run(*x.split()).out.splitlines()[-1]}\n" for x in tries]
        return ["\n".join([*lines[:3], "...", *lines[-3:]]), *ends]
    keras2, rows = pd.read_csv(ROOT / "tests" / "keras2_optimizers.csv"), []
    for call, recorded in keras2.groupby("optimizer", sort=False):
        rows.append(f"| `{call}` |")
        name, first = call.strip(")").split("(")
        options = "--epochs", 20, "--decay", 0.02, "--learning-rate", first
        for argument in "schedule", "learning_rate":
            snippet = f"    sgd = keras.optimizers.{name}({argument})\n"
            losses = run_with(TIME, snippet, *options).history["val_loss"]
            rows[-1] += f" {max(abs(losses - recorded['val_loss'])):.1g} |"
    return rows


def items(page):
    """Return the items of a page without blocks, code and, as times change, speed."""
    text = TEXT[page].split("## Speed")[0]
    for block in [*code(text), *blocks(ENGLISH_OF[page])]:
        text = text.replace(block, "")
    found = re.split(r"\n\s*\n|\n(?=\||- |\d\. )", text)
    return [VERSION.sub("", " ".join(item.split())) for item in found]


@pytest.mark.parametrize(("page", "english"), ENGLISH_OF.items())
def test_blocks_and_figures(page, english):
    for block in blocks(english):
        assert block in TEXT[page], f"{page} lacks:\n{block}"
    found = [(NUMBER.findall(LINK.sub("", item)), item) for item in items(page)]
    found = [x for x in found if set(x[0]) - set(CONSTANTS[english].split())]
    lines = [line.split(" | ")[-1] for line in FIGURES[english].strip().splitlines()]
    for line, (numbers, item) in zip(lines, found):
        assert numbers == NUMBER.findall(line), f"{page}: write {line!r} in {item!r}"
        for pair in re.findall(r"\S+:\S+", line):
            near = pair.replace(":", r"\D*")
            assert re.search(near, item, re.IGNORECASE), f"{pair} in {item!r}"
    assert len(found) == len(lines), found[len(lines) :]


@pytest.mark.parametrize(("page", "english"), CHINESE.items())
def test_both_languages_say_the_same_in_the_same_order(page, english):
    token = re.compile(f"``.+?``|`.+?`|{LINK.pattern}|{NUMBER.pattern}")
    said = []
    for name in english, page:
        there = [re.sub(r"\.\./|docs/|\.zh-CN", "", item) for item in items(name)]
        said.append([token.findall(item) for item in there if token.search(item)])
        said[-1].append(re.sub(r"# .*", "", "".join(code(TEXT[name]))))
    for in_english, in_chinese in zip_longest(*said):
        assert in_english == in_chinese


@pytest.mark.parametrize("page", TEXT)
def test_what_a_page_names_exists(page):
    programs = [ROOT / "benchmarks" / name for name in ("accuracy.py", "speed.py")]
    texts = [run(x, "--help").out for x in SCRIPTS] + [x.read_text() for x in programs]
    for option in re.findall(r"(?<![\w-])--[a-z][\w-]*", TEXT[page]):
        assert re.search(rf"{option}\b(?!-)", "".join(texts)), option
    for file in re.findall(r"[\w.-]+\.(?:py|csv|txt|md)\b", TEXT[page]):
        assert list(ROOT.glob(file)) or list(ROOT.glob(f"*/{file}")), file
    for _, said, _ in re.findall(r"(`+)(\w+(Error|Warning): .+?)\1(?!`)", TEXT[page]):
        assert said.removesuffix(" ...") in TEXT[GUIDE], said
    for link in LINK.findall(TEXT[page]):
        assert "://" in link or (ROOT / page).parent.joinpath(link).exists(), link
    for alt, name in re.findall(r"!\[(.*?)\]\(\S*?(\w+)\.png\)", TEXT[page]):
        assert alt.startswith(name[:4]) if "-based" in alt else name == "accuracy"


def test_the_rules():
    names = {"floor": np.floor, "epoch": np.arange(50), "batches": 9 * np.arange(50)}
    names.update(learning_rate=0.1, decay=0.002, drop=0.5, epochs_drop=10)
    [rules] = code(TEXT[README], "time-based: rate")
    for line, script in zip(rules.splitlines(), SCRIPTS, strict=True):
        rule = line.removeprefix(f"{script[:4]}-based: rate = ").replace("s done", "s")
        used = run(script).history["learning_rate"]
        assert list(eval(rule, names)) == pytest.approx(used)


def test_the_articles_tips_as_code():
    tips = code(TEXT[README], "CosineDecay")[0].split("    # ")[1:]
    expected = [0.1, 0.05, 0.025], [0.1, 0.0537365, 0.0005585], [0.1, 0.1, 0.05]
    for tip, rates in zip(tips, expected, strict=True):
        history = run_with(*tip.split(":", 1), "--epochs", 21).history
        assert history["learning_rate"][::10] == pytest.approx(rates, rel=1e-3)
