"""Prompt lengths: what is counted, what follows for an engine, and what is drawn."""

import json
from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcbench.cli import main
from arcbench.errors import UserError
from arcbench.grids import as_grid
from arcbench.lengths import Lengths, TaskLength, named_splits, task_lengths, together
from arcbench.plots import prompt_lengths
from arcbench.policies import load_tokenizer
from arcbench.prompts import PromptTemplate
from arcbench.tasks import Pair, Task

llama_3 = pytest.mark.skipif(
    find_spec("llama_models") is None or find_spec("tiktoken") is None,
    reason="needs the package llama-models",
)


def of_tokens(*tokens, name="made"):
    lengths = [
        TaskLength(dataset=name, task_id=f"{i:03}", test_index=0, tokens=n)
        for i, n in enumerate(tokens)
    ]
    return together([Lengths(name=name, tasks=tuple(lengths))])


def largest_task(side=30, examples=4):
    """A task of the largest grids that ARC allows."""
    grid = as_grid(np.full((side, side), 3))
    train = tuple(Pair(input=grid, output=grid) for _ in range(examples))
    return Task(id="large", train=train, test=(Pair(input=grid), Pair(input=grid[:5])))


def words(messages):
    return sum(len(m["content"].split()) for m in messages)


def test_a_task_counts_with_its_longest_test_input():
    template = PromptTemplate.load()
    found = task_lengths([largest_task()], template, words, dataset="made")
    assert found.longest.test_index == 0
    assert found.longest.tokens == words(template.messages(largest_task(), 0))


def test_tasks_without_a_test_input_have_no_prompt():
    pair = largest_task().train[0]
    task = Task(id="a", train=(pair,), test=())
    with pytest.raises(UserError, match="no prompts"):
        task_lengths([task], PromptTemplate.load(), words, dataset="made")


@given(st.lists(st.integers(1, 9000), min_size=1), st.integers(1, 3000))
def test_an_engine_of_the_needed_length_answers_every_task_and_one_token_less_does_not(tokens, new):
    found = of_tokens(*tokens)
    needed = found.model_tokens(new)
    assert found.fitting_model(needed, new) == len(tokens)
    assert found.fitting_model(needed - 1, new) < len(tokens)


@given(st.lists(st.integers(1, 9000), min_size=1), st.integers(0, 9000), st.integers(0, 9000))
def test_more_room_never_fits_fewer_tasks(tokens, a, b):
    found = of_tokens(*tokens)
    assert found.fitting(min(a, b)) <= found.fitting(max(a, b))


@given(st.lists(st.integers(1, 9000), min_size=1), st.floats(0.01, 1))
def test_a_quantile_is_a_length_that_holds_that_share(tokens, share):
    found = of_tokens(*tokens)
    assert found.fitting(found.quantile(share)) >= share * len(tokens) - 1e-9
    assert found.quantile(1.0) == found.longest.tokens


def test_all_means_each_split_of_each_data_set():
    assert list(named_splits("all", None)) == [
        ("arc-agi-1", "training"), ("arc-agi-1", "evaluation"),
        ("arc-agi-2", "training"), ("arc-agi-2", "evaluation"),
    ]  # fmt: skip
    assert list(named_splits("arc-agi-2", "training")) == [("arc-agi-2", "training")]
    assert list(named_splits("a/file.json", None)) == [("a/file.json", None)]


def test_the_histogram_has_a_panel_a_data_set_and_tells_what_fits():
    figure = prompt_lengths({"one": [100, 200, 900], "two": [50]}, limit=200)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == [
        "one: 3 tasks, longest prompt 900 tokens; 66.7% within 200",
        "two: 1 tasks, longest prompt 50 tokens; 100.0% within 200",
    ]
    assert sum(bar.get_height() for bar in figure.axes[0].patches) == 3


def test_no_prompts_at_all_are_said_in_the_figure():
    (axes,) = prompt_lengths({}).axes
    assert [t.get_text() for t in axes.texts] == ["no prompts"]


@pytest.fixture
def two_tasks(tmp_path):
    """A Kaggle file of two tasks."""
    pair = {"input": [[1, 2]], "output": [[2, 1]]}
    tasks = {i: {"train": [pair] * n, "test": [{"input": [[3]]}]} for i, n in (("a", 1), ("b", 3))}
    path = tmp_path / "two_challenges.json"
    path.write_text(json.dumps(tasks))
    return str(path)


def test_the_command_prints_the_table_and_draws(two_tasks, tmp_path, capsys):
    picture = tmp_path / "lengths.png"
    main(["lengths", "--dataset", two_tasks, "--completion", "96",
          "--limit", "1024", "4096", "--figure", str(picture)])  # fmt: skip
    out = capsys.readouterr().out
    assert "max_model_len" in out
    assert "≤4,096" in out
    assert picture.stat().st_size > 5000


def test_a_figure_of_an_unknown_kind_is_the_users_mistake(two_tasks, tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["lengths", "--dataset", two_tasks, "--figure", str(tmp_path / "a.xyz")])
    assert "cannot be written" in capsys.readouterr().err


@llama_3
def test_with_the_tokenizer_of_llama_3_a_cell_is_one_token():
    chat = load_tokenizer("llama-3")
    template = PromptTemplate.load()
    lengths = {
        side: chat.count_tokens(template.messages(largest_task(side), 0)) for side in (29, 30)
    }
    # 9 grids lose a row and a column of words; a line break belongs to the word before it or not,
    # so that a row costs its cells and one token.
    assert lengths[30] - lengths[29] == 9 * (30 * 31 - 29 * 30)
    assert chat.tokenizer.pad_token_id == 128_004
    assert chat.tokenizer.eos_token_id == 128_009
    assert len(chat.tokenizer) == 128_256


@llama_3
def test_the_longest_prompt_of_arc_in_tokens_of_llama_3():
    from arcbench.tasks import load_tasks

    task = load_tasks("arc-agi-2", "training").task("f9d67f8b")
    chat = load_tokenizer("llama-3")
    assert chat.count_tokens(PromptTemplate.load().messages(task)) == 8559


@llama_3
def test_the_tokenizer_of_llama_3_is_kept_as_it_was_made(tmp_path, monkeypatch):
    from arcbench.policies import llama3

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    made = llama3.load()
    (file,) = (tmp_path / "arcbench").iterdir()
    kept = llama3.load()
    text = "<|begin_of_text|>Black Blue\n```python\ndef transform(grid):\n```é🙂<|eot_id|>"
    assert kept(text)["input_ids"] == made(text)["input_ids"]
    assert kept.get_vocab() == made.get_vocab()
    file.write_text("{")
    with pytest.raises(UserError, match="remove it"):
        llama3.load()
