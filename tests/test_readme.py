"""The pages say what the scripts and the benchmarks do."""

import ast
import math
import re
import shutil
import sys
import textwrap
import warnings

import numpy as np
import pytest
from helpers import ROOT, SCRIPTS, TIME, run
from PIL import Image
from test_scripts import RATES

sys.path.insert(0, str(ROOT / "docs"))
import figures

keras = figures.time_based_decay.keras

PAGES = {page: (ROOT / page).read_text(encoding="utf-8") for page in figures.PAGES}
ENGLISH, CHINESE, _ = PAGES.values()
FENCED = re.compile(r"^```(\w*)\n(.*?)^```", flags=re.MULTILINE | re.DOTALL)
ARTICLE = "using-learning-rate-schedules-deep-learning-models-python-keras"
LINKS = {
    f"http://machinelearningmastery.com/{ARTICLE}/",
    "https://doi.org/10.24432/C5W01B",  # what UCI gives for its Ionosphere
    "https://creativecommons.org/licenses/by/4.0/",
}


@pytest.mark.parametrize("page", PAGES)
def test_the_figures_are_what_the_program_writes(page):
    written = figures.write(PAGES[page], figures.PAGES[page])
    assert PAGES[page].split() == written.split()


def claims(text):
    """Return the figures, code and numbers of each table row and list item."""
    for part in re.split(r"\n\n|\n(?=\| |- )", text):
        if part.startswith(("| ", "- ")):
            names = [" ".join(m[2].split()) for m in figures.FIGURE.finditer(part)]
            rest = figures.FIGURE.sub("", part)
            numbers = set(re.findall(r"\d+(?:\.\d+)*", rest))
            yield sorted(names), sorted(re.findall("`.*?`", rest)), numbers


def test_both_languages_make_the_same_claims():
    assert FENCED.findall(ENGLISH) == FENCED.findall(CHINESE)
    assert list(claims(ENGLISH)) == list(claims(CHINESE))
    marks = [figures.FIGURE.findall(text) for text in (ENGLISH, CHINESE)]
    assert len(marks[0]) == len(marks[1]) > 30


@pytest.mark.parametrize("page", PAGES)
def test_links(page):
    text = PAGES[page]
    links = set(re.findall(r"\]\(([^)#]+)|<(http[^>]+)>", text))
    targets = {link or other for link, other in links}
    web = {target for target in targets if target.startswith("http")}
    assert web == (set() if page.startswith("benchmarks") else LINKS)
    for target in targets - web:
        assert ((ROOT / page).parent / target).exists(), target


def test_commands():
    tested = set(re.findall(r"3\.\d+", (ROOT / ".ci" / "run").read_text()))
    for text in ENGLISH, CHINESE:
        commands = re.findall(r"^python3 -m venv .*$", text, re.MULTILINE)
        files = re.findall(r"[\w/]+\.(?:txt|py)\b", " ".join(commands))
        assert files == ["requirements.txt", TIME, "tests/requirements.txt"]
        assert re.findall(r"`%run (\w+\.py) --epochs 5`", text) == [TIME]
        assert set(re.findall(r"\b3\.1[0-4]\b", text)) <= tested


def test_the_repair():
    [diff] = [text for kind, text in FENCED.findall(ENGLISH) if kind == "diff"]
    names = {"SGD": keras.optimizers.SGD}
    old, new = ("\n".join(re.findall(rf"^[{s}](.*)", diff, re.MULTILINE)) for s in "-+")
    with pytest.raises(ValueError, match="lr"):
        exec(old, names)  # noqa: S102
    with pytest.warns(UserWarning, match="decay"):  # what a copy repaired halfway does
        exec(old.replace("lr=", "learning_rate="), names)  # noqa: S102
    assert float(names["sgd"].learning_rate) == pytest.approx(0.1)
    exec(new, names)  # noqa: S102
    rates = [float(names["schedule"](9 * done)) for done in range(50)]
    assert rates == pytest.approx(RATES[TIME])
    assert names["sgd"]._learning_rate is names["schedule"]
    assert names["sgd"].momentum == 0.8 and "momentum=0.8, decay=0.002" in old


def test_the_rules():
    for line in figures.rules().splitlines()[1:-1]:
        script, rule = re.fullmatch(r"(\S+)-based: rate = (.*)", line).groups()
        rule = rule.replace("batches done", "batches")
        names = {"floor": math.floor, "learning_rate": 0.1, "decay": 0.002, "drop": 0.5}
        names["epochs_drop"] = 10
        rates = [eval(rule, names, {"batches": 9 * e, "epoch": e}) for e in range(50)]
        assert rates == pytest.approx(RATES[f"{script}_based_decay.py"])


def test_what_keras_says_of_the_article():
    with pytest.warns(UserWarning, match="input_dim"):
        keras.layers.Dense(34, input_dim=34)
    draws = []
    for _ in range(2):
        np.random.seed(7)
        draws.append(keras.random.normal([3]))
    assert not np.array_equal(*draws)
    # The article's table, from its own text, and its printed ends as rows of 116.
    table = [0.1, 0.0999000999, 0.0997006985, 0.09940249103, 0.09900646517]
    rates = [figures.rate_of(epoch, 0.001, "table") for epoch in range(1, 6)]
    assert rates == pytest.approx(table, abs=1e-10)
    assert [f"{n / 116:.4f}" for n in figures.ARTICLE_RIGHT] == [
        "0.9569",
        "0.9828",
        "0.9914",
    ]


def test_the_conclusions():
    known = figures.figures("en")

    def points(name):
        mean, low, _, high = re.sub("[()]", "", known[name].replace("−", "-")).split(
            " "
        )
        return float(mean), float(low), float(high)

    for split in "last", "random":
        assert (
            points(f"{split}: 0.5 0 - 0.1 0")[0]
            > 0.5 * points(f"{split}: 0.1 0.8 - 0.1 0")[0]
        )
        assert points(f"{split}: time-based 0 - 0.1 0")[2] < 0
    for setting, mean in (
        ("time-based 0.8", "0.0714 0.8"),
        ("drop-based 0.9", "0.0368 0.9"),
    ):
        alone = f"0.1 {setting[-3:]}"
        _, low, high = points(f"last: {setting} - {alone}")
        assert 0 < low and high < float(known["one row"])
        assert (
            points(f"last: {setting} - {mean}")[0]
            < points(f"last: {setting} - {alone}")[0]
        )
        assert points(f"random: {setting} - {alone}")[0] < 0
    assert (
        known["most rows right"] == "115" and known["row that the best miss"] == "237"
    )


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_pictures_are_of_the_default_runs(tmp_path, script):
    name = script.replace(".py", ".png")
    run(script, "--plot", tmp_path / name)
    recorded, drawn = (Image.open(path / name) for path in (ROOT / "docs", tmp_path))
    if recorded.info["Software"] != drawn.info["Software"]:
        pytest.skip("another Matplotlib drew the recorded picture")
    pixels = [np.array(image, float) for image in (recorded, drawn)]  # 0 to 255
    assert abs(pixels[0] - pixels[1]).mean() < 0.5


def replaced(script, snippet):
    """Return the script with each assignment of the snippet in place of its own."""
    source = (ROOT / script).read_text()
    for new in ast.parse(textwrap.dedent(snippet)).body:
        for old in ast.walk(ast.parse(source)):
            if isinstance(old, ast.Assign) and (
                ast.unparse(old.targets[0]) == ast.unparse(new.targets[0])
            ):
                old = ast.get_source_segment(source, old)
                source = source.replace(old, ast.unparse(new))
    return source


def after_plateaus(accuracies, rate=0.1, factor=0.5, patience=5):
    best, waited, rates = -math.inf, 0, []
    for accuracy in accuracies:
        rates.append(rate)
        waited = 0 if accuracy > best + 1e-4 else waited + 1
        best = max(best, accuracy) if waited == 0 else best
        if waited == patience:
            rate, waited = rate * factor, 0
    return rates


TIPS = {
    "ExponentialDecay": lambda _: [0.1 * 0.5 ** (epoch / 10) for epoch in range(21)],
    "ReduceLROnPlateau": after_plateaus,
    "CosineDecay": lambda _: [
        0.05 * (1 + math.cos(math.pi * epoch / 21)) for epoch in range(21)
    ],
}


@pytest.mark.parametrize("tip", TIPS)
def test_the_tips_as_code(tmp_path, tip):
    before, snippet = re.search(
        rf"([^\n]*)\n+```python\n([^`]*{tip}[^`]*)```", ENGLISH
    ).groups()
    [script] = re.findall(r"\w+_based_decay\.py", before)
    shutil.copy(ROOT / "ionosphere.csv", tmp_path)
    (tmp_path / script).write_text(replaced(script, snippet))
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        result = run(script, "--epochs", 21, folder=tmp_path)
    history = result.history.history
    rates = history["learning_rate"]
    assert rates == pytest.approx(TIPS[tip](history["val_accuracy"]), rel=1e-4)
    assert rates[-1] < 0.1
