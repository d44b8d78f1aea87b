"""What the pages say: figures from the data, a formula or a run; both languages alike."""

import re

import numpy as np
import pandas as pd
import pytest
from helpers import ARTICLE, CHINESE, DROP, GUIDE, README, ROOT, TEXT, TIME

from helpers import SCRIPTS, blocks, run, run_with  # isort: skip

RECORDED = pd.read_csv(ROOT / "benchmarks" / "accuracy.csv", index_col=[0, 1])
POINTS = RECORDED.filter(like="right") / 1.16
N = np.arange(900)  # batches done


def gain(setting, other, split="last", epochs=50):
    """Return the mean difference of accuracy of two settings, in points."""
    ends = POINTS.loc[split, [f"{x} after {epochs}: right" for x in (setting, other)]]
    return f"{abs(ends.mean().diff().iloc[-1]):.2f}"


def interval(setting, other, split, epochs=50, first=0):
    """Return the mean difference from a first seed on, and its 95 % interval's ends."""
    a, b = (POINTS.loc[split, f"{x} after {epochs}: right"] for x in (setting, other))
    mean, error = (a - b)[first:].mean(), (a - b)[first:].sem()
    return mean, mean - 1.96 * error, mean + 1.96 * error


def rates(decay, *epochs):
    """Return Keras 2's rates at the start of epochs, counted from 1, in five digits."""
    return " ".join(f"{0.1 / (1 + decay * 9 * (n - 1)):.5f}" for n in epochs)


T8, D9 = "time-based 0.1 / 0.8", "drop-based 0.1 / 0.9"
C0, C8, C9 = "constant 0.1 / 0", "constant 0.1 / 0.8", "constant 0.1 / 0.9"
PAIRS = [(T8, C8), (D9, C9), (T8, f"mean-{T8}"), (D9, f"mean-{D9}")]
LONG = [gain(*pair, split, 100) for split in ("last", "random") for pair in PAIRS]
GAINS = " ".join([LONG[0], gain(T8, C8), LONG[1], gain(D9, C9), *LONG[2:]])
RANDOM = [x for pair in PAIRS for x in interval(*pair, "random", 100)]
TUNED = interval(D9, "constant 0.05 / 0.9", "last", first=200)
TUNED += interval("time-based 0.4 / 0.8", "constant 0.2 / 0.8", "random", first=200)
TABLE = " ".join(f"{x:.10g}" for x in 0.1 / np.cumprod(1 + 0.001 * np.arange(5)))
LAST = 0.1 / np.prod(1 + 0.002 * np.arange(50))
BASE = POINTS.loc["last", f"{C0} after 50: right"].mean()
FIGURES = [  # numbers that stand in one line of a page, in this order, in both languages
    (README, f"{rates(0.002, 50)} {0.1 / 2**5}"),
    (README, f"{114 / 116:.2%} 114 116 {115 / 116:.2%} 115 116"),
    (README, gain(D9, T8)),
    (README, f"{gain(T8, C0)} {gain(C8, C0)} {gain(T8, C8)} 400 116 {100 / 116:.2f}"),
    (README, f"0.4 {gain('constant 0.4 / 0', C0)}"),
    (README, f"100 {GAINS} {min(RANDOM):.2f} {max(RANDOM):+.2f}"),
    (README, "{:.2f} {:.2f} {:.2f} {:.2f}".format(*TUNED[:3], -TUNED[3])),
    (README, f"{-TUNED[3]:.2f} {TUNED[4]:.2f} {TUNED[5]:+.2f}"),
    (README, f"351 {sum(run(TIME).Y)} {sum(1 - run(TIME).Y)}"),
    (ARTICLE, f"{rates(0.002, 50)} {0.1 / (1 + 0.002 * 49):.5f} {LAST:.6f}"),
    (ARTICLE, f"0.001 {TABLE} 0.1 {rates(0.001, 2, 3, 4, 5)}"),
    (ARTICLE, f"0.001 100 {rates(0.001, 100)}"),
    (ARTICLE, f"{115 / 116:.2%} 115 116 45 48 {114 / 116:.2%}"),
    (ARTICLE, f"{111 / 116:.2%} 111 116 0.1 {112 / 116:.2%} 112 116 400 {BASE:.2f}%"),
    (GUIDE, " ".join(f"{0.1 / (1 + 0.098 * n):.3g} {n}" for n in (9, 14, 236, 1875))),
]


@pytest.mark.parametrize(("page", "numbers"), FIGURES)
def test_figures(page, numbers):
    pattern = r"(?<![\d.]){}(?![\d]|\.\d)"
    pattern = ".*?".join(pattern.format(re.escape(x)) for x in numbers.split())
    for name in page, CHINESE[page]:
        assert re.search(pattern, TEXT[name]), f"{name} lacks {numbers}"


def test_answers_and_ends():
    lines = run(TIME).out.splitlines()
    assert "\n".join([*lines[:4], "...", *lines[-3:]]) in blocks(README, "...")[0]
    for command, end in re.findall(r"\$ \S+python (.*)\n(.*)\n", TEXT[ARTICLE]):
        assert run(*command.split()).out.splitlines()[-1] == end
    for page, command in (
        (README, f"{TIME} --decay 0"),
        (README, f"{DROP} --drop 1"),
        (ARTICLE, f"{TIME} --decay 0 --momentum 0"),
    ):
        [end] = re.findall(r"epoch 50: (\S+%)", run(*command.split()).out)
        [said] = re.findall(rf"`{command}`.*?(\d\d\.\d\d%)", TEXT[page])
        assert said == end


@pytest.mark.parametrize("page", CHINESE)
def test_both_languages_say_the_same(page):
    token = re.compile(r"`+[^`]+`+|(?<![\w.])[-+]?\d+(?:\.\d+)*", re.ASCII)
    lines = [TEXT[name].splitlines() for name in (page, CHINESE[page])]
    for pair in zip(*lines, strict=True):
        said = [re.sub(r"\]\([^)]*\)|# .*|<[^>]*>", "", line) for line in pair]
        english, chinese = (sorted(token.findall(line)) for line in said)
        assert english == chinese, pair[1]


@pytest.mark.parametrize("page", TEXT)
def test_what_a_page_names_exists(page):
    for link, _, part in re.findall(r'\]\(([^)#:]*\.md|)(#([^)]*))?\)', TEXT[page]):
        target = (ROOT / page).parent / link if link else ROOT / page
        heads = re.findall(r"(?m)^#+ (.*)", target.read_text(encoding="utf-8"))
        heads = [re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads]
        assert not part or part in heads, part
    for picture in re.findall(r'src="([^"]*)"', TEXT[page]):
        assert (ROOT / page).parent.joinpath(picture).exists()


def test_the_rules():
    names = {"floor": np.floor, "epoch": np.arange(50), "batches": 9 * np.arange(50)}
    names.update(learning_rate=0.1, decay=0.002, drop=0.5, epochs_drop=10)
    for line, script in zip(blocks(README, "time-based: rate")[0].splitlines(), SCRIPTS):
        rule = line.removeprefix(f"{script[:4]}-based: rate = ").replace("s done", "s")
        used = run(script).history["learning_rate"]
        assert list(eval(rule, names)) == pytest.approx(used)


SNIPPETS = [  # where, the snippet's word, in place of what, the rates in epochs 1, 11, 21
    (TIME, "staircase", "schedule = ", [0.1, 0.1 / 1.02, 0.1 / 1.04]),
    (TIME, "def table", "sgd = ", 0.1 / np.cumprod(1 + 0.001 * np.arange(21))[::10]),
    (TIME, "Exponential", "schedule = ", [0.1, 0.05, 0.025]),
    (TIME, "Cosine", "schedule = ", [0.1, 0.0537365, 0.0005585]),
    (DROP, "Plateau", "sgd = ", [0.1, 0.1, 0.05]),
]


@pytest.mark.parametrize(("script", "word", "start", "expected"), SNIPPETS)
def test_snippets_in_the_script(script, word, start, expected):
    [code] = blocks(ARTICLE, word)
    lines = {start: code}
    if word == "def table":
        lines["    callbacks="] = "    callbacks=callbacks_list)\n"
    if word == "Plateau":
        lines = {start: code.splitlines(True)[0], "lrate = ": "".join(code.splitlines(True)[1:])}
    options = ("--epochs", 21) + (("--decay", 0.002) if word == "staircase" else ())
    history = run_with(script, lines, *options).history
    assert history["learning_rate"][::10] == pytest.approx(list(expected), rel=1e-3)
