"""What the pages say: figures from the data, a formula or a run; both languages alike."""

import re

import numpy as np
import pytest
from helpers import ARTICLE, CHINESE, GUIDE, README, ROOT, TEXT, TIME, block, gain, run

T8, D9 = "time-based 0.1 / 0.8", "drop-based 0.1 / 0.9"
C0, C8, C9 = "constant 0.1 / 0", "constant 0.1 / 0.8", "constant 0.1 / 0.9"
PAIRS = [(T8, C8), (D9, C9), (T8, f"mean-{T8}"), (D9, f"mean-{D9}")]
SHORT, LONG = ([f"{gain(*x, 'last', n)[0]:.2f}" for x in PAIRS] for n in (50, 100))
M, LOW, HIGH = zip(*[gain(*x, "random", 100) for x in PAIRS])
TUNED = gain("time-based 0.4 / 0.8", "constant 0.2 / 0.8", "random", first=200)
FIGURES = [  # numbers that stand in one line of a page, in this order, in both languages
    (README, f"{0.1 / (1 + 0.002 * 441):.5f} {0.1 / 2**5}"),
    (README, f"{114 / 116:.2%} 114 116 {115 / 116:.2%} 115 116"),
    (README, f"{gain(D9, T8)[0]:.2f}"),
    (README, f"{gain(T8, C0)[0]:.2f} {gain(C8, C0)[0]:.2f} {SHORT[0]} {1 / 1.16:.2f}"),
    (README, f"0.4 {gain('constant 0.4 / 0', C0)[0]:.2f}"),
    (README, f"100 {LONG[0]} {SHORT[0]} {LONG[1]} {SHORT[1]} {LONG[2]} {LONG[3]}"),
    (README, " ".join(f"{abs(x):.2f}" for x in M) + f" {min(LOW):.2f} {max(HIGH):.2f}"),
    (README, " ".join(f"{x:.2f}" for x in gain(D9, "constant 0.05 / 0.9", first=200))),
    (README, "{:.2f} {:.2f} {:.2f}".format(-TUNED[0], *TUNED[1:])),
    (README, f"351 {sum(run(TIME).Y)} {sum(1 - run(TIME).Y)}"),
    (ARTICLE, f"{0.1 / 1.098:.5f} {0.1 / np.prod(1 + 0.002 * np.arange(50)):.6f}"),
    (ARTICLE, " ".join(f"{x:.10g}" for x in 0.1 / np.cumprod(1 + np.arange(5) / 1000))),
    (ARTICLE, " ".join(f"{0.1 / (1 + 0.009 * epoch):.5f}" for epoch in (1, 2, 3, 4))),
    (GUIDE, " ".join(f"{0.1 / (1 + 0.098 * n):.3g} {n}" for n in (9, 14, 236, 1875))),
]


@pytest.mark.parametrize(("page", "numbers"), FIGURES)
def test_figures(page, numbers):
    pattern = r"(?<![\d.]){}(?![\d]|\.\d)"
    pattern = ".*?".join(pattern.format(re.escape(x)) for x in numbers.split())
    for name in page, CHINESE[page]:
        assert re.search(pattern, TEXT[name]), f"{name} lacks {numbers}"


def test_the_output_and_how_runs_end():
    lines = run(TIME).out.splitlines()
    assert "\n".join([*lines[:4], "...", *lines[-3:]]) in block("Epoch 1/50", README)
    for command, end in re.findall(r"\$ \S+python (.*)\n(.*)\n", TEXT[ARTICLE]):
        assert run(*command.split()).out.splitlines()[-1] == end
    said = re.findall(
        r"`(\w+\.py --[^`]*)`[^`]*?(\d\d\.\d\d%)", TEXT[README] + TEXT[ARTICLE]
    )
    assert len(said) == 3
    for command, end in said:
        assert f"epoch 50: {end}" in run(*command.split()).out


@pytest.mark.parametrize("page", CHINESE)
def test_both_languages_say_the_same(page):
    token = re.compile(r"`+[^`]+`+|(?<![\w.])[-+]?\d+(?:\.\d+)*", re.ASCII)
    lines = [TEXT[name].splitlines() for name in (page, CHINESE[page])]
    for pair in zip(*lines, strict=True):
        said = [re.sub(r"\]\([^)]*\)|# .*|<[^>]*>", "", line) for line in pair]
        english, chinese = (sorted(token.findall(line)) for line in said)
        assert english == chinese, pair[1]


@pytest.mark.parametrize("page", TEXT)
def test_links(page):
    for file, part in re.findall(
        r'(?:\]\(|src=")([^):"#]*)#?([^):"]*)[)"]', TEXT[page]
    ):
        target = (ROOT / page).parent / file if file else ROOT / page
        text = target.read_bytes().decode(errors="ignore").lower()
        assert not part or f"-{part}\n" in re.sub(r"[^\w\n -]", "", text).replace(
            " ", "-"
        )
