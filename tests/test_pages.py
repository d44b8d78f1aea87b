"""What the pages say: figures from the data, a rule or a run; both languages alike.

Sentences are free but for these: figures of one row stand in one line and in this
order; "`script --options` ends at NN.NN%" names a run; so does the dip's sentence.
"""

import re
from itertools import pairwise

import accuracy
import numpy as np
import pytest
from accuracy import COMPARED, SPLITS, Setting
from conftest import (
    BLOCK,
    DROP_BASED,
    ROOT,
    TIME_BASED,
    block,
    copy_script,
    page,
    put,
    run,
)
from test_benchmarks import RECORDED, interval

CHINESE = {
    "README.md": "docs/README.zh-CN.md",
    "docs/article.md": "docs/article.zh-CN.md",
    "docs/install.md": "docs/install.zh-CN.md",
    "docs/keras-2-to-3.md": "docs/keras-2-to-3.zh-CN.md",
}
README, ARTICLE, INSTALL, GUIDE = CHINESE
BENCHMARK = "benchmarks/README.md"
ONLY_HERE = "<!-- 本页独有 -->"  # marks a section that one language has alone
LISTING = ROOT.parent / "shared" / "article.txt"  # the translation, where it is at hand


def mean(setting):
    return accuracy.values(RECORDED, "last", "accuracy", setting).mean()


def gains_of_100_epochs(split, word):
    """Return the least and the largest gain against what the word says."""
    gains = [
        accuracy.differences(RECORDED, split, "accuracy", pair, 100).mean()
        for name, pair in COMPARED.items()
        if name.endswith(word)
    ]
    return min(gains), max(gains)


def dips(split, kind, rate):
    return accuracy.in_a_dip(RECORDED, split, Setting(kind, rate, 0)).mean()


def tuned(split):
    return interval(accuracy.tuned(RECORDED, split, "accuracy")[2])


BELOW, LOW, HIGH = tuned("random")
ON_RANDOM = [
    *gains_of_100_epochs("random", "rate 0.1"),
    *gains_of_100_epochs("random", "its mean"),
]


def texts(numbers, digits=2):
    return " ".join(f"{number:.{digits}f}" for number in numbers)


# Figures that stand in one line of a page, in this order, and in its Chinese page, too
FIGURES = [
    (README, f"{114 / 116:.2%} 114 116 {115 / 116:.2%} 115 116"),
    (README, f"116 {100 / 116:.2f}"),
    (README, texts(mean(Setting(x, 0.1, 0)) for x in ("constant", "time-based"))),
    (
        README,
        "0.8 " + texts(mean(Setting(x, 0.1, 0.8)) for x in ("constant", "time-based")),
    ),
    (README, "1.6 " + " ".join(f"{dips(x, 'constant', 1.6):.2%}" for x in SPLITS)),
    (README, texts(gains_of_100_epochs("last", "rate 0.1"))),
    (README, texts(gains_of_100_epochs("last", "its mean"))),
    (README, f"{min(ON_RANDOM):+.2f} {max(ON_RANDOM):+.2f}"),
    (README, texts(tuned("last"))),
    (README, f"{-BELOW:.2f} {LOW:+.2f} {HIGH:+.2f}"),
    (README, f"{0.1 / 1.9:.4f} 450"),
    (README, "351 225 126"),
    (ARTICLE, " ".join(f"{x:.10g}" for x in 0.1 / np.cumprod(1 + np.arange(5) / 1000))),
    (ARTICLE, texts([0.1 / (1 + 0.009 * epoch) for epoch in (1, 2, 3, 4)], 5)),
    (ARTICLE, f"0.001 100 {0.1 / (1 + 0.001 * 891):.5f}"),
    (ARTICLE, f"{0.1 / (1 + 0.002 * 441):.5f}"),
    (ARTICLE, f"{0.1 / (1 + 0.002 * 49):.5f}"),
    (ARTICLE, f"{0.1 / np.prod(1 + 0.002 * np.arange(50)):.6f}"),
    (ARTICLE, f"{111 / 116:.2%} 111 116"),
    (ARTICLE, f"{115 / 116:.2%} {114 / 116:.2%}"),
    (ARTICLE, f"7 {115 / 116:.2%} {114 / 116:.2%}"),
    (ARTICLE, f"{112 / 116:.2%} 400 {mean(accuracy.NO_MOMENTUM):.2f}"),
    (ARTICLE, "235 116"),
    *((GUIDE, f"{n} {0.1 / (1 + 0.002 * 49 * n):.3g}") for n in (9, 14, 236, 1875)),
]


@pytest.mark.parametrize(("name", "numbers"), FIGURES)
def test_figures(name, numbers):
    pattern = ".*?".join(
        rf"(?<![\d.]){re.escape(number)}(?!\d|\.\d)" for number in numbers.split()
    )
    for language in name, CHINESE[name]:
        found = re.search(pattern, page(language))
        assert found, f"no line of {language} has, in this order: {numbers}"


def test_the_rates_of_the_scripts():
    time_based, drop_based = (
        run(script)["history"].history["learning_rate"]
        for script in (TIME_BASED, DROP_BASED)
    )
    test_figures(README, f"50 {time_based[49]:.5f} {drop_based[49]:.6f}")
    first, second = {*drop_based[:9]}, {*drop_based[9:19]}
    assert len(first) == len(second) == 1
    numbers = f"1 9 {max(first):.2g} 10 19 {max(second):.2g} 50 {drop_based[49]:.6f}"
    test_figures(ARTICLE, numbers)


def test_no_network_of_a_schedule_ends_in_a_dip():
    for split in SPLITS:
        for kind in accuracy.SWEEP_KINDS[1:]:
            assert not any(dips(split, kind, rate) for rate in accuracy.SWEEP_RATES)


def test_the_dip_of_the_benchmark_page():
    words = r"`(time\S*) (.*?)` has (.*?)% after epoch 49, (.*?)% after .* and (.*?)%"
    [(script, options, *said)] = re.findall(words, page(BENCHMARK))
    accuracies = run(ROOT / script, options)["history"].history["val_accuracy"]
    assert said == [f"{100 * accuracies[epoch - 1]:.2f}" for epoch in (49, 50, 51)]


def test_the_output_of_the_readme():
    lines = run(TIME_BASED)["printed"].splitlines()
    assert "\n".join([*lines[:5], "...", *lines[-4:]]) in block(README, "Epoch 1/50")


def test_how_the_runs_of_the_pages_end():
    sessions = re.findall(r"\$ \S+python (\S+) (.*)\n(.*\n.*)\n", page(ARTICLE))
    assert len(sessions) == 2
    for script, options, end in sessions:
        assert run(ROOT / script, options)["printed"].endswith(f"{end}\n")
    sentence = r"`(\w+\.py) (--[^`]*)` ends at (\d\d\.\d\d%)"
    sentences = re.findall(sentence, page(README) + page(ARTICLE))
    assert len(sentences) == 3, sentence
    for script, options, end in sentences:
        assert f"at the end: {end}" in run(ROOT / script, options)["printed"]


def sections(name):
    """Return a page's sections: each heading, and its text.

    A section that is marked as one language's own is left out.
    """
    parts = re.split(r"^(#+ .*)\n", page(name), flags=re.MULTILINE)
    pairs = list(pairwise(parts))[1::2]
    return [(title, text) for title, text in pairs if not text.startswith(ONLY_HERE)]


def numbers_in_tables(text):
    rows = re.findall(r"^ *\|.*", text, re.MULTILINE)
    return [
        sorted(re.findall(r"(?<![\w.-])\d+(?:\.\d+)*", row, re.ASCII)) for row in rows
    ]


@pytest.mark.parametrize("name", CHINESE)
def test_both_languages_have_the_same_sections(name):
    english, chinese = page(name), page(CHINESE[name])
    for code, its_code in zip(
        BLOCK.findall(english), BLOCK.findall(chinese), strict=True
    ):
        assert code == its_code
    for (title, text), (its_title, translated) in zip(
        sections(name), sections(CHINESE[name]), strict=True
    ):
        both = f"{title} / {its_title}"
        assert title.count("#") == its_title.count("#"), both
        assert numbers_in_tables(text) == numbers_in_tables(translated), both


def anchors(name):
    """Return what can be linked to in a page: its headings, as GitHub writes them."""
    headings = re.findall(r"^#+ (.*)", page(name), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", x.lower()).replace(" ", "-") for x in headings}


@pytest.mark.parametrize("name", [*CHINESE, *CHINESE.values(), BENCHMARK])
def test_links(name):
    text = BLOCK.sub("", page(name))
    for target in re.findall(r'(?:\]\(|src=")([^)"]*)[)"]', text):
        if "://" in target:
            continue
        file, _, part = target.partition("#")
        path = (ROOT / name).parent / file if file else ROOT / name
        assert path.exists(), target
        assert not part or part in anchors(path), target


def rate_after(folder, source):
    """Run an article's program with the README's repair; return its rate at the end.

    The time-based one's decay is rate / epochs, so five epochs end at fifty's rate.
    """
    source = source.replace("epochs = 50", "epochs = 5")
    word = "InverseTimeDecay" if "decay_rate" in source else "learning_rate=0.0"
    program = copy_script(folder, ROOT / "program.py", put(source, block(README, word)))
    return float(run(program)["model"].optimizer.learning_rate)


@pytest.mark.filterwarnings("ignore:Do not pass an `input_shape`")
def test_the_repair_of_the_article(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source = page("benchmarks/article_keras2.py").replace("tf_keras", "keras")
    source = source.replace("optimizers.legacy", "optimizers")
    assert rate_after(tmp_path, source) == pytest.approx(0.1 / 1.9)


@pytest.mark.filterwarnings("ignore:Do not pass an `input_shape`")
@pytest.mark.skipif(not LISTING.exists(), reason="the translation is not ours to copy")
@pytest.mark.parametrize(
    ("first_line", "rate"),
    [("# Time Based", 0.1 / 1.9), ("# Drop-Based Learning Rate Decay", 0.003125)],
)
def test_the_listings_of_the_translation(tmp_path, monkeypatch, first_line, rate):
    monkeypatch.chdir(tmp_path)
    text = LISTING.read_text(encoding="utf-8")
    source = re.search(rf"^{first_line}.*?^model.fit\(.*?\)$", text, re.M | re.S)[0]
    with pytest.raises(SyntaxError):
        compile(source, "listing", "exec")
    step = page(CHINESE[ARTICLE]).split("### 第 0 步")[1].split("\n## ")[0]
    for old, new in re.findall(r"^\| `(.*?)` \| `(.*?)` \|$", step, re.MULTILINE):
        source = source.replace(old, new)
    assert rate_after(tmp_path, source) == pytest.approx(rate)
