import re
from dataclasses import replace

import numpy as np
import pytest

from arcbench.errors import UserError
from arcbench.grids import as_grid
from arcbench.policies.base import Completion, SamplingConfig
from arcbench.policies.scripted import ScriptedPolicy
from arcbench.policies.worker import WorkerCrashed
from arcbench.runs import RunStore
from arcbench.tasks import Pair, Task
from arcbench.training.config import overfit_config
from arcbench.ui import sample, sample_form, sample_html
from arcbench.ui.sample_batch import (
    EDITED,
    ORDERS,
    Batch,
    CardFilter,
    best,
    draw,
    looked_at,
    rerun,
    rival,
    sifted,
)
from arcbench.ui.sample_html import BESIDE, DETAILS, TEST, TOKENS, cards, detail, summary
from arcbench.workbench import Workbench
from tests.answering import answering

FLIP = "import numpy as np\n\ndef transform(grid):\n    return np.fliplr(grid)"
RAISES = 'def transform(grid):\n    print("<b>hello</b>")\n    return grid[99]'
SAME = "def transform(grid):\n    return grid"


def fenced(code):
    return f"```python\n{code}\n```"


def only(batch, index):
    return replace(batch, rollouts=(batch.by_index(index),))


def shown_text(html):
    return re.sub(r"<[^>]+>", "", html)


def shown_cards(html):
    return [
        int(i)
        for i in re.findall(r'<button type="button" class="ab-card" data-index="(-?\d+)"', html)
    ]


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    with Workbench(tmp_path_factory.mktemp("runs"), workers=1) as made:
        yield made


@pytest.fixture(scope="module")
def task():
    """A task that a mirror solves."""
    grids = [as_grid(np.arange(6).reshape(2, 3) + i) for i in range(3)]
    pairs = [Pair(input=g, output=as_grid(np.fliplr(g))) for g in grids]
    return Task(id="mirror", train=tuple(pairs[:2]), test=(pairs[2],), source="test")


@pytest.fixture(scope="module")
def batch(bench, task):
    """One completion of each kind: solved, raised, wrong, none."""
    policy = ScriptedPolicy([fenced(FLIP), fenced(RAISES), fenced(SAME), "<i>no"])
    *_, last = draw(bench, policy, task, SamplingConfig(n=4), "staged", dataset="arc-agi-1")
    return last


def test_the_first_look_is_empty_and_the_last_one_has_every_completion(bench, task):
    policy = ScriptedPolicy([fenced(FLIP)])
    looks = list(draw(bench, policy, task, SamplingConfig(n=3), "arc25-v2"))
    assert looks[0].rollouts == ()
    assert not looks[0].finished
    assert looks[-1].finished
    assert sorted(r.index for r in looks[-1].rollouts) == [0, 1, 2]
    assert [len(x.rollouts) for x in looks] == sorted(len(x.rollouts) for x in looks)
    assert looks[-1].best_reward == 9


def test_a_card_tells_outcome_reward_and_program(batch):
    shown = cards(batch, "best first")
    assert shown_cards(shown) == [0, 2, 1, 3]
    one = shown.split('<button type="button" class="ab-card"')[1:]
    assert "✓ solved" in one[0]
    assert "<b>3.00</b>" in one[0]
    assert "fliplr" in shown_text(one[0])
    assert "0 of 3 pairs" in one[1]
    assert "error while running" in one[2]
    assert "IndexError" in one[2]
    assert "no program" in one[3]


def test_the_open_card_is_the_current_one(batch):
    assert re.findall(r'data-index="(\d)" aria-current', cards(batch, "by number", None, 2)) == [
        "2"
    ]
    assert re.findall(r'data-index="(\d)" aria-current', cards(batch, "by number")) == ["0"]


@pytest.mark.parametrize(
    ("wanted", "left"),
    [
        (CardFilter(), [0, 1, 2, 3]),
        (CardFilter(outcome="raised"), [1]),
        (CardFilter(solved="solved"), [0]),
        (CardFilter(solved="not solved"), [1, 2, 3]),
        (CardFilter(solved="some pairs"), []),
        (CardFilter(words="FLIPLR"), [0]),
        (CardFilter(words="IndexError"), [1]),
        (CardFilter(words="hello</b>"), [1]),
        (CardFilter(words="<i>"), [3]),
        (CardFilter(words="def", outcome="ok", solved="not solved"), [2]),
    ],
    ids=str,
)
def test_a_filter_leaves_the_cards_that_it_names(batch, wanted, left):
    assert [r.index for r in sifted(batch, wanted, "by number")] == left
    shown = cards(batch, "by number", wanted)
    assert shown_cards(shown) == left
    if not left:
        assert "No completion fits these filters" in shown
    elif len(left) < 4:
        assert f"{len(left)} of 4 shown" in shown


def test_every_order_has_all_cards(batch):
    orders = {name: [r.index for r in sifted(batch, CardFilter(), name)] for name in ORDERS}
    assert all(sorted(order) == [0, 1, 2, 3] for order in orders.values())
    assert orders["best first"] == [0, 2, 1, 3]
    assert orders["worst first"] == [1, 3, 2, 0] or orders["worst first"] == [3, 1, 2, 0]
    assert orders["as they came"] == [r.index for r in batch.rollouts]


def test_likely_completions_can_stand_first(batch):
    def told(rollout, logprob):
        return replace(rollout, completion=replace(rollout.completion, logprobs=(logprob,)))

    rollouts = tuple(told(r, -float(abs(2 - r.index))) for r in batch.rollouts)
    order = sifted(replace(batch, rollouts=rollouts), CardFilter(), "likeliest first")
    assert [r.index for r in order] == [2, 1, 3, 0]


def test_the_advantages_of_a_group_add_up_to_nothing(batch):
    found = {r.index: r.advantage for r in batch.rollouts}
    assert sum(found.values()) == pytest.approx(0, abs=1e-5)
    assert max(found, key=found.get) == 0
    assert f"advantage +{found[0]:.2f} in its group" in detail(batch, 0)
    assert "advantage −" in detail(batch, 3)


def test_the_detail_marks_the_failing_line_and_escapes_what_was_printed(batch):
    shown = detail(batch, 1)
    bad = re.search(r'ab-line-bad.*?<span class="ab-no"[^>]*>(.*?)</span>', shown)
    assert bad[1] == "▸3"
    assert "it failed here" in shown
    assert "&lt;b&gt;hello" in shown
    assert "<b>hello" not in shown
    assert shown.count("no output") == 3


def test_the_detail_shows_every_pair_with_its_difference(batch):
    right, wrong = detail(batch, 0), detail(batch, 2)
    assert right.count("✓ exact") == 3
    assert wrong.count('aria-label="difference, 4 of 6 cells differ"') == 3


def test_a_completion_without_a_program_is_shown_as_text(batch):
    for view in (DETAILS, TOKENS, BESIDE, TEST):
        assert "<i>no" not in detail(batch, 3, view)
    assert "&lt;i&gt;no" in detail(batch, 3)


def test_the_summary_counts_and_says_when_it_was_stopped(batch):
    assert "1 of 4 solved" in summary(batch)
    early = replace(batch, rollouts=batch.rollouts[:2], wanted=9)
    assert "stopped after 2 of 9" in summary(early)
    assert "2 of 9 finished" in summary(replace(early, finished=False))
    alike = replace(batch, rollouts=(batch.rollouts[0],) * 2)
    assert "no signal" in summary(alike)


def test_an_edited_program_is_run_on_the_same_task_and_has_a_card_of_its_own(bench, batch):
    rollout = rerun(bench, batch, FLIP)
    edited = replace(batch, edited=rollout)
    assert rollout.solved
    assert 'aria-label="completion edited program"' in detail(edited, EDITED)
    assert shown_cards(cards(edited, "worst first"))[0] == EDITED
    assert shown_cards(cards(edited, "best first", CardFilter(solved="some pairs"))) == [EDITED]
    assert "1 of 4 solved" in summary(edited)
    assert rival(edited, EDITED, 2) == 2
    broken = rerun(bench, batch, "def transform(grid:\n    return grid")
    assert "syntax error" in detail(replace(batch, edited=broken), EDITED)


@pytest.mark.parametrize("code", ["", "  \n"])
def test_an_empty_editor_is_said_so(bench, batch, code):
    with pytest.raises(UserError, match="no program to run"):
        rerun(bench, batch, code)


def test_a_program_needs_a_task(bench):
    with pytest.raises(UserError, match="sample a task first"):
        rerun(bench, Batch(), FLIP)


def test_the_best_completion_is_the_first_of_equals(batch):
    assert best(batch) == 0
    assert best(Batch()) is None
    assert sample_html.program(batch, 0).strip() == FLIP
    assert sample_html.program(batch, 3) == ""


def test_what_is_open_is_what_was_chosen_or_the_first_and_in_the_end_the_best(batch):
    running = replace(batch, finished=False, rollouts=batch.rollouts[::-1])
    assert looked_at(running, None) == running.rollouts[0].index
    assert looked_at(batch, None) == 0
    assert looked_at(batch, 2) == 2
    assert looked_at(batch, EDITED) == 0
    assert looked_at(Batch(), 5) is None


def test_a_completion_is_compared_with_the_kept_one_or_the_best_of_the_others(batch):
    assert rival(batch, 0, 3) == 3
    assert rival(batch, 0, None) == 2
    assert rival(batch, 1, 1) == 0
    assert rival(only(batch, 0), 0, None) is None
    assert sample_html.keep_label(batch, 2, None) == "Keep #3 to compare"
    assert sample_html.keep_label(batch, 2, 2) == "Let #3 go"


def test_empty_views_say_what_to_do(batch):
    assert "press Sample" in cards(Batch(), "as they came")
    assert "Click a completion" in detail(Batch(), None)
    assert "sample two completions" in detail(
        replace(batch, rollouts=batch.rollouts[:1]), 0, BESIDE
    )
    assert "on its way" in cards(replace(batch, rollouts=(), finished=False), "as they came")
    assert "No log-probabilities" in detail(batch, 0, TOKENS)


def test_settings_that_do_not_fit_are_named():
    assert sample_form.settings(8, 0.8, 1, 192, 3) == SamplingConfig(
        n=8, max_new_tokens=192, seed=3
    )
    for values, words in (
        ((0, 0.8, 1, 192, 0), "Completions must be 1 to 256, not 0"),
        ((8, -1, 1, 192, 0), "Temperature must be 0 to 10, not -1"),
        ((8, 1, 0, 192, 0), "Top-p must be above 0"),
        ((8, 1, 1.5, 192, 0), "Top-p must be 0 to 1, not 1.5"),
        ((8, 1, 1, 0, 0), "Max new tokens must be at least 1"),
        ((8, 1, 1, 1.5, 0), "Max new tokens needs a whole number"),
        ((8, 1, 1, 9, None), "Seed needs a number, not nothing"),
        ((8, float("nan"), 1, 9, 0), "Temperature must be"),
        ((8, 1, 1, 9, -4), "Seed must be"),
    ):
        with pytest.raises(UserError, match=words):
            sample_form.settings(*values)


def test_a_policy_may_be_typed(bench):
    assert sample_form.policy(bench, " embedded ") == "embedded"
    with answering() as server:
        assert sample_form.policy(bench, server.url) == server.url


def test_a_policy_that_is_not_there_is_named_before_anything_is_loaded(bench, tmp_path):
    RunStore.create(bench.runs_root, "young", overfit_config("67a3c6ac").to_dict())
    for typed, words in (
        ("", "choose a policy, or type one"),
        (None, "choose a policy, or type one"),
        ("embeded", "unknown policy 'embeded'"),
        (str(tmp_path), "no policy in"),
        ("young", "has no whole checkpoint yet"),
        ("http://127.0.0.1:9/v1", "no model server answers at http://127.0.0.1:9/v1"),
        ("http://127.0.0.1:99999/v1", "no model server answers"),
        ("http://127.0.0.1:9/v1,here", "'here' is no address"),
    ):
        with pytest.raises(UserError, match=re.escape(words)):
            sample_form.policy(bench, typed)


def test_a_mistake_is_told_without_a_traceback():
    shown = sample_html.problem(UserError("no <model> here"))
    assert "no &lt;model&gt; here" in shown
    assert "<details>" not in shown


def test_what_a_process_said_is_there_when_asked_for():
    shown = sample_html.problem(
        WorkerCrashed("the process of policy x ended with code -9:\nTrace <b>")
    )
    before, _, asked = shown.partition("<details>")
    assert "lacked memory" in before
    assert "Trace" not in before
    assert "Trace &lt;b&gt;" in asked


def test_a_data_set_in_a_file_is_named_by_its_whole_path(bench, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert sample.place(bench, "arc-agi-1") == "arc-agi-1"
    assert sample.place(bench, "mine.json") == str(tmp_path / "mine.json")


def test_a_completion_that_no_encoding_takes_reaches_the_page(bench, task):
    policy = ScriptedPolicy(["half \ud83d of a pair"])
    *_, last = draw(bench, policy, task, SamplingConfig(n=2), "staged")
    for shown in (
        cards(last, "best first"),
        *(detail(last, 0, v) for v in (DETAILS, BESIDE, TEST)),
    ):
        shown.encode()
    assert last.rollouts[0].completion != Completion(text="")
