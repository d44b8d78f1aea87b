"""What the pages say: figures from the data, a rule or a run; both languages alike."""

import os
import re
from itertools import pairwise

import accuracy
import numpy as np
import pytest
from conftest import (
    DROP_BASED,
    ROOT,
    TIME_BASED,
    block,
    copy_script,
    page,
    replace_assignment,
    run,
)
from test_benchmarks import RECORDED, interval, recorded

CHINESE = {
    "README.md": "docs/README.zh-CN.md",
    "docs/article.md": "docs/article.zh-CN.md",
    "docs/install.md": "docs/install.zh-CN.md",
    "docs/keras-2-to-3.md": "docs/keras-2-to-3.zh-CN.md",
}
README, ARTICLE, INSTALL, GUIDE = CHINESE
BENCHMARK = "benchmarks/README.md"
ONLY_HERE = "<!-- 本页独有 -->"  # marks a section that one language has alone
SPLITS = ["last", "random"]
LISTING = ROOT.parent / "shared" / "article.txt"  # the translation, where it is at hand


def gain(setting, other, split="last", epochs=50):
    """Return by how many points a setting is above another, in the mean."""
    numbers = [recorded(split, x, epochs, "right") for x in (setting, other)]
    return (numbers[0] - numbers[1]).mean()


def mean(setting, split="last", epochs=50):
    return recorded(split, setting, epochs, "right").mean()


def sweep(rate, split):
    """Return how the schedules differ from a constant rate, the least first."""
    kinds = "time-based", "drop-based", "cosine"
    return sorted(
        gain(f"{kind} {rate} / 0", f"constant {rate} / 0", split) for kind in kinds
    )


def in_a_dip(setting, split):
    """Return which part of a setting's networks ends in a dip."""
    cautious = recorded(split, "constant 0.1 / 0", 50, "right")
    return (recorded(split, setting, 50, "right") < cautious - 10).mean()


NONE, MOMENTUM = "constant 0.1 / 0", "constant 0.1 / 0.8"
DECAY, DECAY_ALONE = "time-based 0.1 / 0.8", "time-based 0.1 / 0"
LONG = {
    DECAY: MOMENTUM,
    "drop-based 0.1 / 0.9": "constant 0.1 / 0.9",
    "exponential 0.1 / 0.9": "constant 0.1 / 0.9",
    "cosine 0.1 / 0.9": "constant 0.1 / 0.9",
}
OVER_RATE = [gain(x, LONG[x], "last", 100) for x in LONG]
OVER_MEAN = [gain(x, f"mean-{x}", "last", 100) for x in LONG]
ON_RANDOM = [
    gain(x, other, "random", 100) for x in LONG for other in (LONG[x], f"mean-{x}")
]
TUNED_LAST = interval(accuracy.tuned(RECORDED, "last", "accuracy")[2])
TUNED_RANDOM = interval(accuracy.tuned(RECORDED, "random", "accuracy")[2])
DROPS_OVER_DECAY = [
    interval(
        recorded(x, "drop-based 0.1 / 0.9", 50, "right")
        - recorded(x, DECAY, 50, "right")
    )
    for x in SPLITS
]
HIGH_RATE = "constant 1.6 / 0"
FROM_A_HIGH_RATE = [
    mean(f"{kind} 1.6 / 0", "random") for kind in ("time-based", "drop-based", "cosine")
]


def in_words(numbers, digits=2):
    """Return numbers as pages have them: without their signs."""
    return " ".join(f"{abs(number):.{digits}f}" for number in numbers)


# Figures that stand in one line of a page, in this order, and in its Chinese page, too
FIGURES = [
    (README, f"{0.1 / (1 + 0.002 * 441):.5f} {0.1 / 2**5}"),
    (README, f"{114 / 116:.2%} 114 116 {115 / 116:.2%} 115 116"),
    (README, f"116 {100 / 116:.2f}"),
    (README, in_words([mean(NONE), mean(DECAY_ALONE)])),
    (README, "0.8 " + in_words([mean(MOMENTUM), mean(DECAY)])),
    (README, f"{in_a_dip(HIGH_RATE, 'last'):.2%} {in_a_dip(HIGH_RATE, 'random'):.2%}"),
    (README, in_words([min(OVER_RATE), max(OVER_RATE)])),
    (README, in_words([min(OVER_MEAN), max(OVER_MEAN)])),
    (README, f"{min(ON_RANDOM):+.2f} {max(ON_RANDOM):+.2f}"),
    (README, in_words(TUNED_LAST)),
    (README, f"{abs(TUNED_RANDOM[0]):.2f} {TUNED_RANDOM[1]:.2f} {TUNED_RANDOM[2]:.2f}"),
    (README, "351 225 126"),
    (ARTICLE, " ".join(f"{x:.10g}" for x in 0.1 / np.cumprod(1 + np.arange(5) / 1000))),
    (ARTICLE, in_words([0.1 / (1 + 0.009 * epoch) for epoch in (1, 2, 3, 4)], 5)),
    (ARTICLE, f"0.001 100 {0.1 / (1 + 0.001 * 891):.5f}"),
    (ARTICLE, f"{0.1 / (1 + 0.002 * 441):.5f}"),
    (ARTICLE, f"{0.1 / (1 + 0.002 * 49):.5f}"),
    (ARTICLE, f"{0.1 / np.prod(1 + 0.002 * np.arange(50)):.6f}"),
    (ARTICLE, f"{111 / 116:.2%} 111 116"),
    (ARTICLE, f"{115 / 116:.2%} {114 / 116:.2%}"),
    (GUIDE, f"{0.1 / (1 + 0.002 * 49):.4f}"),
    (ARTICLE, f"{112 / 116:.2%} 400 {mean(NONE):.2f}"),
    (ARTICLE, "235 116"),
    (BENCHMARK, in_words([gain(DECAY, NONE), gain(DECAY_ALONE, NONE)])),
    (BENCHMARK, "rows, no momentum " + in_words([mean(NONE), mean(DECAY_ALONE)])),
    (BENCHMARK, "momentum 0.8 " + in_words([mean(MOMENTUM), mean(DECAY)])),
    (
        BENCHMARK,
        "random no " + in_words([mean(NONE, "random"), mean(DECAY_ALONE, "random")]),
    ),
    (
        BENCHMARK,
        "random 0.8 " + in_words([mean(MOMENTUM, "random"), mean(DECAY, "random")]),
    ),
    (BENCHMARK, in_words(gain(MOMENTUM, NONE, split, 100) for split in SPLITS)),
    *(
        (BENCHMARK, f"{rate} " + in_words(sorted(map(abs, ends))))
        for rate, split in [(0.1, "last"), (0.2, "last"), (0.4, "last"), (0.8, "last")]
        for ends in [sweep(rate, split)[::2]]
    ),
    *(
        (BENCHMARK, f"{rate} " + in_words(sorted(map(abs, sweep(rate, "random")[::2]))))
        for rate in (0.1, 0.2, 0.4, 1.6)
    ),
    (BENCHMARK, "0.8 {:+.2f} {:+.2f}".format(*sweep(0.8, "random")[::2])),
    (BENCHMARK, in_words([mean(NONE), mean(NONE, "last", 100)])),
    (
        BENCHMARK,
        f"{in_a_dip(HIGH_RATE, 'last'):.2%} {in_a_dip(HIGH_RATE, 'random'):.2%}",
    ),
    (
        BENCHMARK,
        in_words(
            [
                mean("constant 0.8 / 0", "random"),
                min(FROM_A_HIGH_RATE),
                max(FROM_A_HIGH_RATE),
            ]
        ),
    ),
    (
        BENCHMARK,
        in_words(
            mean(f"constant 0.1 / {momentum}", "last", epochs)
            for momentum in (0.8, 0.9)
            for epochs in (50, 100)
        ),
    ),
    (BENCHMARK, " ".join(f"{number:+.2f}" for number in OVER_RATE)),
    (BENCHMARK, " ".join(f"{number:+.2f}" for number in OVER_MEAN)),
    (BENCHMARK, f"{min(ON_RANDOM):+.2f} {max(ON_RANDOM):+.2f}"),
    (BENCHMARK, in_words([gain(DECAY, MOMENTUM), gain(DECAY, f"mean-{DECAY}")])),
    (BENCHMARK, f"{TUNED_LAST[0]:.2f} {TUNED_LAST[1]:+.2f} {TUNED_LAST[2]:+.2f}"),
    (
        BENCHMARK,
        f"{-TUNED_RANDOM[0]:.2f} {TUNED_RANDOM[1]:+.2f} {TUNED_RANDOM[2]:+.2f}",
    ),
    *((BENCHMARK, in_words(x)) for x in DROPS_OVER_DECAY),
]


@pytest.mark.parametrize(("name", "numbers"), FIGURES)
def test_figures(name, numbers):
    pattern = ".*?".join(
        rf"(?<![\d.]){re.escape(number)}(?!\d|\.\d)" for number in numbers.split()
    )
    for language in {name, CHINESE.get(name, name)}:
        assert re.search(pattern, page(language)), f"{language} lacks {numbers}"


def test_no_network_of_a_schedule_ends_in_a_dip():
    for split in SPLITS:
        for rate in accuracy.SWEEP_RATES:
            for kind in "time-based", "drop-based", "cosine":
                assert in_a_dip(f"{kind} {rate} / 0", split) == 0


def test_the_dip_of_the_benchmark_page():
    words = r"`(time\S*) (.*?)` has (.*?)% after epoch 49, (.*?)% after .* and (.*?)%"
    script, options, *said = re.search(words, page(BENCHMARK)).groups()
    accuracies = run(ROOT / script, options)["history"].history["val_accuracy"]
    assert said == [f"{100 * accuracies[epoch - 1]:.2f}" for epoch in (49, 50, 51)]


def test_the_output_of_the_readme():
    lines = run(TIME_BASED)["printed"].splitlines()
    assert "\n".join([*lines[:5], "...", *lines[-3:]]) in block(README, "Epoch 1/50")


def test_how_the_runs_of_the_pages_end():
    commands = re.findall(r"\$ \S+python (\S+) (.*)\n(.*)\n", page(ARTICLE))
    assert len(commands) == 2
    for script, options, last_line in commands:
        assert run(ROOT / script, options)["printed"].splitlines()[-1] == last_line
    command = r"`(\w+\.py) (--[^`]*)` ends at (\d\d\.\d\d%)"
    commands = re.findall(command, page(README) + page(ARTICLE) + page(BENCHMARK))
    assert len(commands) == 5
    for script, options, end in commands:
        assert f"epoch 50: {end}" in run(ROOT / script, options)["printed"]


def sections(name):
    """Return a page's sections: each heading, and its text.

    A section that is marked as one language's own is left out.
    """
    parts = re.split(r"^(#+ .*)\n", page(name), flags=re.MULTILINE)
    pairs = list(pairwise(parts))[1::2]
    return [(title, text) for title, text in pairs if not text.startswith(ONLY_HERE)]


def blocks(text):
    return re.findall(r"^```\w+\n.*?^```$", text, re.MULTILINE | re.DOTALL)


def numbers_in_tables(text):
    rows = re.findall(r"^ *\|.*", text, re.MULTILINE)
    return [
        sorted(re.findall(r"(?<![\w.-])\d+(?:\.\d+)*", row, re.ASCII)) for row in rows
    ]


@pytest.mark.parametrize("name", CHINESE)
def test_both_languages_have_the_same_sections(name):
    for code, its_code in zip(
        blocks(page(name)), blocks(page(CHINESE[name])), strict=True
    ):
        assert code == its_code
    english, chinese = sections(name), sections(CHINESE[name])
    for (title, text), (its_title, translated) in zip(english, chinese, strict=True):
        both = f"{title} / {its_title}"
        assert title.count("#") == its_title.count("#"), both
        assert numbers_in_tables(text) == numbers_in_tables(translated), both


def anchors(name):
    """Return what can be linked to in a page: its headings, as GitHub writes them."""
    headings = re.findall(r"^#+ (.*)", page(name), re.MULTILINE)
    return {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        for heading in headings
    }


@pytest.mark.parametrize("name", [*CHINESE, *CHINESE.values(), BENCHMARK])
def test_links(name):
    text = re.sub(r"^```.*?^```$", "", page(name), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r'(?:\]\(|src=")([^)"]*)[)"]', text):
        if "://" in target:
            continue
        file, _, part = target.partition("#")
        path = os.path.normpath((ROOT / name).parent / file) if file else ROOT / name
        assert os.path.exists(path), target
        assert not part or part in anchors(os.path.relpath(path, ROOT)), target


def repaired(tmp_path, source, name_of_script):
    """Run an article's program with the README's repair in it; return its variables."""
    is_time_based = "decay_rate" in source
    word = "InverseTimeDecay" if is_time_based else "learning_rate=0.0"
    source = replace_assignment(source, "sgd", block(README, word))
    script = copy_script(tmp_path, name_of_script, source)
    return run(script)


@pytest.mark.filterwarnings("ignore:Do not pass an `input_shape`")
def test_the_repair_of_the_article(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    program = page("benchmarks/article_keras2.py")
    program = program.replace("tf_keras", "keras").replace(
        "optimizers.legacy", "optimizers"
    )
    result = repaired(tmp_path, program, TIME_BASED)
    assert float(result["sgd"].learning_rate) == pytest.approx(0.1 / (1 + 0.002 * 450))
    assert f"{0.1 / 1.9:.4f}" in page(README)


@pytest.mark.filterwarnings("ignore:Do not pass an `input_shape`")
@pytest.mark.skipif(not LISTING.exists(), reason="the translation is not ours to copy")
@pytest.mark.parametrize(
    ("first", "script", "rate"),
    [
        ("# Time Based", TIME_BASED, 0.1 / 1.9),
        ("# Drop-Based Learning Rate Decay", DROP_BASED, 0.003125),
    ],
)
def test_the_listings_of_the_translation(tmp_path, monkeypatch, first, script, rate):
    monkeypatch.chdir(tmp_path)
    text = LISTING.read_text(encoding="utf-8")
    source = re.search(rf"^{first}.*?^model.fit\(.*?\)$", text, re.M | re.S)[0]
    with pytest.raises(SyntaxError):
        compile(source, "listing", "exec")
    step = page(CHINESE[ARTICLE]).split("### 第 0 步")[1].split("\n## ")[0]
    for old, new in re.findall(r"^\| `(.*?)` \| `(.*?)` \|$", step, re.MULTILINE):
        source = source.replace(old, new)
    result = repaired(tmp_path, source, script)
    assert float(result["model"].optimizer.learning_rate) == pytest.approx(rate)
