"""The README and its Chinese twin say what the scripts and the benchmarks do."""

import ast
import math
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
import warnings
from collections import Counter

import keras
import numpy as np
import pandas as pd
import pytest
from scripts import DROP, ROOT, SCRIPTS, TIME, default_run, run

ENGLISH, CHINESE = ROOT / "README.md", ROOT / "docs" / "README.zh-CN.md"
PAGES = [ENGLISH, CHINESE]
TEXT = ENGLISH.read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", TEXT, flags=re.MULTILINE | re.DOTALL)


def numbers(text):
    return Counter(re.findall(r"\d+(?:[.,]\d+)*", text))


def tables(text):
    """Return the numbers and the code of each table row of the page, in order."""
    rows = re.findall(r"^\|.*\|$", text, flags=re.MULTILINE)
    return [(numbers(row), Counter(re.findall(r"`.*?`", row))) for row in rows]


def links(page):
    found = re.findall(r"\]\((.*?)\)", page.read_text(encoding="utf-8"))
    return [link for link in found if not link.startswith(("http", "#"))]


def commands():
    """Return each command that runs a script, with the lines shown below it."""
    start, found = ".venv/bin/python ", []
    for _, block in BLOCKS:
        for part in re.split(f"^{re.escape(start)}", block, flags=re.MULTILINE)[1:]:
            command, *output = part.splitlines()
            if command.startswith(SCRIPTS):
                found.append(pytest.param(command.split(), output, id=command))
    return found


def without_timings(line):
    return re.sub(r" - \d+m?s - \d+m?s/step", "", line)


def test_both_pages_have_the_same_blocks_figures_and_pictures():
    chinese = CHINESE.read_text(encoding="utf-8")
    pattern = r"^```.*?^```"
    for page in (TEXT, chinese):
        assert page.count("```") == 2 * len(BLOCKS)
    assert re.findall(pattern, TEXT, re.MULTILINE | re.DOTALL) == re.findall(
        pattern, chinese, re.MULTILINE | re.DOTALL
    )
    assert tables(TEXT) == tables(chinese)
    assert numbers(TEXT) == numbers(chinese)
    targets = [
        {(page.parent / link.split("#")[0]).resolve() for link in links(page)}
        - {*PAGES}
        for page in PAGES
    ]
    assert targets[0] == targets[1]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for link in links(page):
        assert (page.parent / link.split("#")[0]).exists(), link
    for anchor in re.findall(r"\]\(#(.*?)\)", page.read_text(encoding="utf-8")):
        headings = re.findall(
            r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE
        )
        assert anchor in [heading.lower().replace(" ", "-") for heading in headings]


def test_the_output_shown_is_the_real_one():
    [shown] = [block for _, block in BLOCKS if block.startswith("235 training rows")]
    real = [without_timings(line) for line in default_run(TIME).out.splitlines()]
    for line in shown.splitlines():
        assert line == "..." or without_timings(line) in real


@pytest.mark.parametrize(("command", "output"), commands())
def test_commands(tmp_path, monkeypatch, command, output):
    (tmp_path / "docs").mkdir()
    monkeypatch.chdir(tmp_path)
    result = run(*command)
    assert (result.code, result.err) == (0, "")
    if output:
        assert result.out.splitlines()[-1:] == output
    if "--plot" in command:
        assert (tmp_path / command[-1]).exists()
        assert (ROOT / command[-1]).stat().st_size < 100_000


def test_set_up_commands():
    lines = re.findall(r"^python3 -m venv .*$", TEXT, re.MULTILINE)
    for line in lines:
        for name in re.findall(r"[\w/]+\.(?:txt|py)", line):
            assert (ROOT / name).exists(), name
    assert len(lines) == 3


def test_the_three_readings(tmp_path):
    [block] = [block for _, block in BLOCKS if block.startswith("python3 -c")]
    command = [sys.executable, *shlex.split(block)[1:]]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    batches, epochs, compounded = (f"{float(word):.5f}" for word in output.split())
    sentence = f"{batches} counted in batches, {epochs} counted in epochs, {compounded} compounded"
    assert sentence in TEXT
    # Written out once more: 49 epochs of 9 batches; the article's table for 0.001.
    assert batches == f"{0.1 / (1 + 0.002 * 441):.5f}"
    assert default_run(TIME).history.history["learning_rate"][-1] == pytest.approx(
        float(batches), abs=5e-6
    )
    rate, table = 0.1, []
    for epoch in range(5):
        rate /= 1 + 0.001 * epoch
        table.append(round(rate, 11))
    article = [0.1, 0.0999000999, 0.0997006985, 0.09940249103, 0.09900646517]
    assert table == pytest.approx(article, abs=1e-10)


def test_figures_of_the_data():
    classes = pd.read_csv(ROOT / "ionosphere.csv", header=None)[34]
    good, bad = (classes == "g").sum(), (classes == "b").sum()
    assert f"{len(classes)} radar\nreturns, 34 numbers each, {good} good" in TEXT
    assert f"and {bad} bad." in TEXT
    # The article's accuracies, as rows of the last 116.
    assert f"99.14 % | {0.9914 * 116:.0f} of 116 rows" in TEXT
    assert f"The baseline, 95.69 %, is {0.9569 * 116:.0f} rows" in TEXT
    last = classes[235:]
    assert f"{(last == 'g').sum()} are good and {(last == 'b').sum()} bad" in TEXT
    assert f"always answering good scores {(last == 'g').mean():.2%}" in TEXT.replace(
        " %", "%"
    )


def test_the_scripts_side_by_side():
    rows = {
        row.split(" | ")[0][2:]: row for row in TEXT.splitlines() if row[:2] == "| "
    }
    histories = [default_run(script).history.history for script in SCRIPTS]
    for name, cells in {
        "rate in epoch 1": [f"{h['learning_rate'][0]:.4g}" for h in histories],
        "rate in epoch 50": [f"{h['learning_rate'][-1]:.4g}" for h in histories],
        "validation accuracy": [
            "{:.2f} %, {:.0f} of 116 rows".format(
                h["val_accuracy"][-1] * 100, h["val_accuracy"][-1] * 116
            )
            for h in histories
        ],
    }.items():
        assert rows[name] == f"| {name} | {' | '.join(cells)} |"
    lines = re.findall(r"`(.*?)`", rows["the line that sets it"])
    for line, script in zip(lines, SCRIPTS, strict=True):
        assert line in (ROOT / script).read_text()
    # The table of options, against --help.
    helps = {script: " ".join(run(script, "--help").out.split()) for script in SCRIPTS}
    options = re.findall(
        r"^\| `(--\S+ \w+)` \| (\S+) \| (.*?) \| (.*?) \|$", TEXT, re.MULTILINE
    )
    assert len(options) == 8
    for option, script, default, meaning in options:
        names = {"both": SCRIPTS, "time-based": [TIME], "drop-based": [DROP]}[script]
        for name, value in zip(names, default.split(", ") * 2):
            assert f"{option} {meaning} (default: {value})" in helps[name]


def test_the_names_of_the_section_table_exist():
    section = TEXT.split("## Reading alongside the article")[1].split("\n## ")[0]
    sources = "".join((ROOT / script).read_text() for script in SCRIPTS)
    names = [
        name
        for row in re.findall(r"^\|.*\| (.*) \|$", section, re.MULTILINE)
        for name in re.findall(r"`(.*?)`", row)
    ]
    assert len(names) > 10
    for name in names:
        assert name in SCRIPTS or name in sources, name


def test_what_keras_says_of_the_article():
    sgd = keras.optimizers.SGD
    with pytest.raises(ValueError, match="lr"):
        sgd(lr=0.1)
    with pytest.warns(UserWarning, match="decay"):
        assert float(sgd(0.1, decay=0.002).learning_rate) == pytest.approx(0.1)
    with pytest.raises(ValueError, match="momentum"):
        sgd(momentum=0)
    assert keras.initializers.get("normal").stddev == 0.05
    draws = []
    for _ in range(2):
        np.random.seed(7)
        draws.append(keras.random.normal([3]))
    assert not np.array_equal(*draws)


def replaced(script, snippet):
    """Return the script with each assignment of the snippet in place of its own."""
    source = (ROOT / script).read_text()
    for new in ast.parse(textwrap.dedent(snippet)).body:
        for old in ast.walk(ast.parse(source)):
            if isinstance(old, ast.Assign) and (
                ast.unparse(old.targets[0]) == ast.unparse(new.targets[0])
            ):
                source = source.replace(
                    ast.get_source_segment(source, old), ast.unparse(new)
                )
    return source


def after_plateaus(accuracies, rate=0.1, factor=0.5, patience=5):
    """Return the rates of a schedule that answers to the validation accuracy."""
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
        rf"([^`]*`\w+\.py`[^`]*(?:`\w+`[^`]*)*)```python\n([^`]*{tip}[^`]*)```", TEXT
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
