"""Write the figures into the pages: python docs/figures.py

A figure stands in <span data-figure="its name">…</span>, or for whole blocks in a div.
This program writes it there, from the scripts' runs, benchmarks/accuracy.csv and the data.
"""

import contextlib
import functools
import hashlib
import io
import re
import sys
from math import prod
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]
# accuracy imports the scripts first: they set what TensorFlow and Keras read.
import accuracy

# isort: split
import pandas as pd

import drop_based_decay
import time_based_decay

PAGES = {"README.md": "en", "docs/README.zh-CN.md": "zh", "benchmarks/README.md": "en"}
FIGURE = re.compile(r'<(span|div)\s+data-figure="([^"]+)">.*?</\1>', re.DOTALL)
SCRIPTS = {
    "time_based_decay.py": time_based_decay,
    "drop_based_decay.py": drop_based_decay,
}
TRIES = [  # the article's baseline, and its first two tips
    "time_based_decay.py --decay 0 --momentum 0",
    "time_based_decay.py --learning-rate 0.2 --decay 0.002",
    "drop_based_decay.py --momentum 0.95",
]
NOT_SHOWN = [
    "exponential",
    "cosine",
    "0.0281",
    "0.0501",
]  # only on the benchmark's page
ARTICLE_RIGHT = 111, 114, 115  # the article's 95.69 %, 98.28 % and 99.14 %, as rows
LABELS = pd.read_csv(time_based_decay.DATA, header=None)[34]
RECORDED = pd.read_csv(ROOT / "benchmarks" / "accuracy.csv", dtype={"rate": str})
CHINESE = {
    "rate": "学习率",
    "momentum": "动量",
    "last rows: accuracy, %": "末尾样本：准确度（%）",
    "115 right": "115 个正确",
    "random rows: accuracy, %": "随机样本：准确度（%）",
    "initial learning rate": "初始学习率",
    "decay": "衰减（decay）",
    "drop": "下降系数（drop）",
    "epochs between two drops": "两次下降相隔的周期数",
    "rate in epoch 10": "第 10 个周期的学习率",
    "rate in epoch 50": "第 50 个周期的学习率",
    "validation accuracy, epoch 50": "第 50 个周期的验证准确度",
    "{:.2%} ({} of 116)": "{:.2%}（{}/116）",
    "{} and {}": "{}、{}",
    "to": "到",
    "option": "选项",
    "what it sets": "含义",
    "learning rate / epochs": "学习率 / 周期数",
    "passes over the training data": "训练的周期数，即训练数据过几遍",
    "rate to start from": "初始学习率",
    "momentum of SGD, 0: none": "SGD 的动量，0 表示没有",
    "seed of the start weights and batches": "随机种子：决定初始权重和批次的次序",
    "how fast the rate falls, 0: not at all": "学习率下降的快慢，0 表示不下降",
    "what each drop multiplies the rate by": "每次下降时学习率乘以多少",
    "a picture of the run: .png, .svg or .pdf": "把这次训练画成图：.png、.svg 或 .pdf",
}


@functools.cache
def run(command):
    """Return the History of a script's run and what it printed, line by line."""
    script, *options = command.split()
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        history = SCRIPTS[script].main(options).history
    return history, out.getvalue().splitlines()


def output():
    """Return what the first two epochs and the last one print, shortened."""
    lines = run("time_based_decay.py")[1]
    rate = r"(9/9 - ).*( - learning_rate)"
    lines = [
        re.sub(rate, r"\1...\2", line) for line in [*lines[:5], "...", *lines[-3:]]
    ]
    return "\n".join(["```text", *lines, "```"])


def tries():
    """Return commands that the reader may try, each with its last line."""
    lines = [
        f"$ .venv/bin/python {command}\n{run(command)[1][-1]}" for command in TRIES
    ]
    return "\n".join(["```text", *lines, "```"])


def rules():
    """Return both rules, as the docstrings of the scripts' functions have them."""
    functions = time_based_decay.time_based_decay, drop_based_decay.step_decay
    texts = [re.search("(learning_rate [/*].*)[.]\n", f.__doc__)[1] for f in functions]
    lines = [
        f"{name} rate = {text}"
        for name, text in zip(("time-based:", "drop-based:"), texts)
    ]
    return "\n".join(["```text", *lines, "```"])


def scripts_table(word):
    """Return the two default runs side by side."""
    options = [vars(script.parse_options([])) for script in SCRIPTS.values()]
    histories = [run(script)[0] for script in SCRIPTS]
    time, drop = options
    rate, epochs = time["learning_rate"], time["epochs"]
    decay = rate, epochs, rate / epochs
    rows = [
        ["initial learning rate", time["learning_rate"], drop["learning_rate"]],
        ["decay", "{} / {} = {:g}".format(*decay), "–"],
        ["drop", "–", drop["drop"]],
        ["epochs between two drops", "–", drop["epochs_drop"]],
        ["momentum", time["momentum"], drop["momentum"]],
    ]
    for epoch in 10, 50:
        rates = [f"{history['learning_rate'][epoch - 1]:.4g}" for history in histories]
        rows.append([f"rate in epoch {epoch}", *rates])
    ends = [round(history["val_accuracy"][-1] * 116) for history in histories]
    ends = [word("{:.2%} ({} of 116)").format(end / 116, end) for end in ends]
    rows.append(["validation accuracy, epoch 50", *ends])
    head = ["", "time-based", "drop-based"]
    return accuracy.markdown(head, [[word(row[0]), *map(str, row[1:])] for row in rows])


def options_table(word):
    """Return each option of the scripts: its default in both, and what it sets."""
    time, drop = (script.OPTIONS for script in SCRIPTS.values())
    rows = []
    for option in {**time, **drop}:
        defaults = [options.get(option, ("–",))[0] for options in (time, drop)]
        _, _, meaning = {**time, **drop}[option]
        if option == "--decay":  # its help only has room for the default
            meaning = "how fast the rate falls, 0: not at all"
            defaults[0] = word("learning rate / epochs")
        rows.append([f"`{option}`", *map(str, defaults), word(meaning)])
    meaning = "a picture of the run: .png, .svg or .pdf"
    rows.append(["`--plot`", "–", "–", word(meaning)])
    head = [word("option"), "time-based", "drop-based", word("what it sets")]
    return accuracy.markdown(head, rows)


def results_table(word):
    """Return the article's settings and their controls, on both splits."""
    last, random = (accuracy.results_table(RECORDED, s) for s in ("last", "random"))
    rows = [
        [rate, momentum, mean, right, random_mean]
        for (rate, momentum, mean, right, _), (_, _, random_mean, *_) in zip(
            last, random
        )
        if rate not in NOT_SHOWN
    ]
    head = ["rate", "momentum", "last rows: accuracy, %", "115 right"]
    head.append("random rows: accuracy, %")
    return accuracy.markdown([word(cell) for cell in head], rows)


def rate_of(epoch, decay, counted):
    """Return the time-based rate at an epoch's start, from 0.1, by three readings."""
    if counted == "table":  # the article's: each rate is taken from the one before
        return 0.1 / prod(1 + decay * done for done in range(epoch))
    return 0.1 / (1 + decay * (epoch - 1) * {"batches": 9, "epochs": 1}[counted])


def figures(language):
    """Return the figures by the names of their marks, as texts."""

    def word(text):
        return CHINESE[text] if language == "zh" else text

    def rows(right):
        return word("{:.2%} ({} of 116)").format(right / 116, right)

    good = LABELS == "g"
    drawn = accuracy.split_rows("random", good, 0)[1]
    shown = RECORDED[(RECORDED["split"] == "last") & ~RECORDED["rate"].isin(NOT_SHOWN)]
    wrong = shown["wrong"].str.split()
    [missed] = {row for rows in wrong for row in rows if len(rows) == 1}
    X, _ = time_based_decay.load_data(time_based_decay.DATA)
    nearest = ((X - X[int(missed) - 1]) ** 2).sum(axis=1).argsort()[1:]
    [same] = [n for n in range(2, 254) if good[n - 1] == good[n - 2]]
    long = accuracy.select(RECORDED, "last", "0.5", 0.0)["right"]
    alike = accuracy.select(RECORDED, "last", "0.1", 0.8)["right"]
    astray = long < 0.9 * 116
    rest = (alike - long)[~astray]
    values = {
        "output": output(),
        "tries": tries(),
        "rules": rules(),
        "scripts": scripts_table(word),
        "options": options_table(word),
        "results": results_table(word),
        "differences": accuracy.markdown(
            accuracy.DIFFERENCES_HEAD, accuracy.differences_table(RECORDED)
        ),
        "rows": len(LABELS),
        "good": good.sum(),
        "bad": (~good).sum(),
        "sha256": hashlib.sha256(time_based_decay.DATA.read_bytes()).hexdigest(),
        "one row": f"{100 / 116:.2f}",
        "good of the last rows": rows(good[235:].sum()),
        "good of random rows": rows(good[drawn].sum()),
        "good at the end": good[::-1].cumprod().sum(),
        "last row that alternates": 351 - good[::-1].cumprod().sum(),
        "rows that do not alternate": word("{} and {}").format(same - 1, same),
        "networks": f"{len(shown):,}",
        "row that the best miss": missed,
        "good neighbours of that row": good[nearest].cumprod().sum(),
        "networks that get that row right": sum(missed not in row for row in wrong),
        "most rows right": shown["right"].max(),
        "astray": astray.sum(),
        "difference without the astray": f"{rest.mean() / 116 * 100:+.2f}",
    }
    last_rate = run("drop_based_decay.py")[0]["learning_rate"][-1]
    values["rate in epoch 50, drop-based"] = f"{last_rate:.4g}"
    for right in ARTICLE_RIGHT:
        values[f"{right} of 116"] = rows(right)
    for epoch, decay in (50, 0.002), (100, 0.001):
        for counted in "batches", "epochs", "table":
            rate = f"{rate_of(epoch, decay, counted):.4g}"
            values[f"rate in epoch {epoch} by {counted}"] = rate
    for split in "last", "random":
        values[f"{split} table"] = accuracy.markdown(
            accuracy.RESULTS_HEAD, accuracy.results_table(RECORDED, split)
        )
        for setting in accuracy.SETTINGS:
            right = accuracy.select(RECORDED, split, *setting[:2])["right"]
            name = f"{split}: {setting.rate} {setting.momentum:g}"
            values[f"{name}, 115 right"] = f"{(right >= 115).mean():.0%}"
            percent = right / 116 * 100
            values[f"{name}, accuracy"] = f"{percent.mean():.2f}% ± {percent.std():.2f}"
            for other in setting.against:
                both = RECORDED, split, setting[:2], other
                text = accuracy.difference(*both).replace("to", word("to"))
                minus = f"{name} - {other[0]} {other[1]:g}"
                values[f"{minus}, mean"] = text.split(" ")[0]
                values[minus] = (
                    text.replace(" (", "（").replace(")", "）")
                    if language == "zh"
                    else text
                )
    return {name: str(value) for name, value in values.items()}


def write(text, language):
    """Return the text of a page with each figure written anew."""
    known = figures(language)

    def figure(match):
        tag, name = match[1], " ".join(match[2].split())
        text = known[name] if tag == "span" else f"\n\n{known[name]}\n\n"
        return f'<{tag} data-figure="{name}">{text}</{tag}>'

    return FIGURE.sub(figure, text)


if __name__ == "__main__":
    for page, language in PAGES.items():
        path = ROOT / page
        text = write(path.read_text(encoding="utf-8"), language)
        path.write_text(text, encoding="utf-8")
