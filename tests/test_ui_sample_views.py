"""What the views of a completion show: its tokens, itself beside another one, itself as a test."""

import ast
import subprocess
import sys
from dataclasses import replace
from math import log, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcbench.augment import Augmentation
from arcbench.judge import Attempt, Judge
from arcbench.policies.base import Completion
from arcbench.rewards import scheme
from arcbench.sandbox import SandboxPool
from arcbench.tasks import load_tasks
from arcbench.ui import sample_compare, sample_copy, tokens_html

TASK = "67a3c6ac"
FLIP = "def transform(grid):\n    return grid[:, ::-1]"
PROGRAMS = {
    "solved": FLIP,
    "wrong": "def transform(grid):\n    x = 1\n    return grid + 0 * x",
    "raised": "def transform(grid):\n    return grid[:, ::-1] if grid.shape[0] == 4 else grid[99]",
    "odd": "def transform(grid):\n    s = '''a\"\"\"\\n\\x00'''\n    return grid[:, ::-1]  # é\\",
    "broken": "def transform(grid:\n    return grid",
}
SEEN = Augmentation(quarter_turns=1, flip=True, colors=(1, 0, *range(2, 10)), pair_order=(2, 0, 1))


@pytest.fixture(scope="module")
def task():
    return load_tasks("arc-agi-1", "training").task(TASK)


@pytest.fixture(scope="module")
def rollouts(task):
    texts = {name: f"```python\n{code}\n```" for name, code in PROGRAMS.items()}
    texts["none"] = "no program, but ''' and \"\"\""
    attempts = [Attempt(task=task, completion=Completion(text=t)) for t in texts.values()]
    attempts.append(
        Attempt(
            task=SEEN.apply(task),
            augmentation=SEEN,
            completion=Completion(text=texts["wrong"]),
        )
    )
    with SandboxPool(workers=1) as pool:
        found = Judge(pool=pool, scheme=scheme("staged")).judge(attempts)
    return dict(zip([*texts, "seen otherwise"], found, strict=True))


# Tokens


SERVER = "http://127.0.0.1:1/v1"  # its tokenizer is not here


def told(*probabilities, ids=(), texts=()):
    logprobs = tuple(log(p) if p == p else nan for p in probabilities)
    return Completion(text="".join(texts), token_ids=ids, logprobs=logprobs, token_texts=texts)


def test_each_token_has_the_class_of_its_probability_and_a_title():
    texts = ("a", "<b>", "c", "d", "e", "\n")
    shown = tokens_html.page(told(0.95, 0.6, 0.2, 0.05, 0.001, nan, texts=texts), SERVER)
    for kind in ("ab-p0", "ab-p1", "ab-p2", "ab-p3", "ab-p4", "ab-px"):
        assert shown.count(f'<span class="{kind}" title=') == 1
    assert "&lt;b&gt;" in shown
    assert "<b>”" not in shown
    assert 'title="“a”: 95 %, log-probability -0.05"' in shown
    assert "not known" in shown


def test_the_tokens_that_the_policy_was_least_sure_of_are_told_in_words():
    texts = ("def ", "transform", "(grid):", "\n")
    shown = tokens_html.page(told(0.99, 0.03, 0.98, 0.97, texts=texts), SERVER)
    first = shown[shown.index("<h4>Least sure") :].split("</li>")[0]
    assert "<b>3 %</b>" in first
    assert "“transform”" in first
    assert "after “def ”" in first


def test_all_tokens_stand_in_a_table_with_their_ids():
    shown = tokens_html.page(told(0.5, 0.25, ids=(7, 9), texts=("x", "y")), SERVER)
    assert "All 2 tokens as a table" in shown
    assert "<td>−0.693</td><td>7</td>" in shown


def test_numbers_without_texts_are_still_shown():
    for texts in ((), ("only one",)):
        shown = tokens_html.page(told(0.5, 0.25, ids=(7, 9), texts=texts), SERVER)
        assert "texts of these tokens are not known" in shown
        assert "<td>25 %</td>" in shown


def test_a_policy_without_log_probabilities_is_said_so():
    assert "No log-probabilities" in tokens_html.page(Completion(text="x"), "embedded")


# Side by side


def test_lines_that_belong_together_stand_beside_each_other():
    left = ["a = 1", "b = 2", "return a"]
    right = ["a = 1", "extra()", "b = 3", "return a"]
    assert list(sample_compare.aligned(left, right)) == [(0, 0), (None, 1), (1, 2), (2, 3)]
    assert list(sample_compare.aligned(left, left)) == [(0, 0), (1, 1), (2, 2)]


@given(
    st.lists(st.sampled_from(["a", "bb = 1", "bb = 2", "", "return x"]), max_size=8),
    st.lists(st.sampled_from(["a", "bb = 1", "bb = 2", "", "return y"]), max_size=8),
)
def test_no_line_is_left_out_or_shown_twice(left, right):
    rows = list(sample_compare.aligned(left, right))
    assert [i for i, _ in rows if i is not None] == list(range(len(left)))
    assert [j for _, j in rows if j is not None] == list(range(len(right)))


def test_what_changed_in_a_line_is_marked_by_words():
    one, other = "x = flip(grid)", "x = rotate(grid)"
    (a,), (b,) = sample_compare.changed(one, other)
    assert (one[slice(*a)], other[slice(*b)]) == ("flip", "rotate")


def test_two_programs_are_shown_with_their_differences_and_the_failing_line(task, rollouts):
    shown = sample_compare.page(task, rollouts["solved"], rollouts["raised"], ("#1", "#2"), 3.0)
    assert 'aria-label="#1 beside #2"' in shown
    assert "1 of 2 lines differ" in shown
    assert "<mark>" in shown
    assert "▸" in shown
    assert "IndexError" in shown
    assert shown.count("✓ exact") == 4 + sum(p.exact for p in rollouts["raised"].score.pairs)


def test_equal_programs_are_said_to_be_equal(task, rollouts):
    shown = sample_compare.page(task, rollouts["wrong"], rollouts["wrong"], ("#1", "#2"), 3.0)
    assert "The same, character by character" in shown
    assert shown.count("both drew the same</span>") == 4
    assert "≠</td>" not in shown


def test_texts_without_a_program_are_compared_as_texts(task, rollouts):
    shown = sample_compare.page(task, rollouts["none"], rollouts["solved"], ("<1>", "#2"), 3.0)
    assert "but &#x27;&#x27;&#x27;" in shown or "&#x27;" in shown
    assert "<1>" not in shown


# As a test


@given(st.text())
def test_any_text_is_written_as_python_that_gives_it(text):
    assert ast.literal_eval(sample_copy._literal(text)) == text


@pytest.mark.long
def test_every_kind_of_completion_is_a_test_that_passes_and_fails_with_another_program(
    task, rollouts, tmp_path
):
    for i, (name, rollout) in enumerate(rollouts.items()):
        seen = task if rollout.augmentation is None else rollout.augmentation.apply(task)
        text = sample_copy.as_test(rollout, seen, dataset="arc-agi-1", split="training", name=name)
        (tmp_path / f"test_{i}.py").write_text(text, encoding="utf-8")
    solved = replace(rollouts["solved"], code=PROGRAMS["wrong"])
    spoilt = sample_copy.as_test(solved, task, dataset="arc-agi-1", name="spoilt")
    (tmp_path / "test_spoilt.py").write_text(spoilt, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert f"1 failed, {len(rollouts)} passed" in done.stdout, done.stdout
    assert "test_spoilt_on_67a3c6ac" in done.stdout
