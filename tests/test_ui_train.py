import re
import shutil
import time
from dataclasses import replace

import pytest

from arcbench import jobs, series
from arcbench.diagnostics.finding import Finding, Kind, Severity
from arcbench.errors import UserError
from arcbench.files import write_json
from arcbench.folders import RunState
from arcbench.runs import RunStatus, RunStore
from arcbench.training.config import LoraConfig, PolicyConfig, VllmAdapters, overfit_config
from arcbench.training.continuing import checkpoints, continued
from arcbench.training.usage import Usage
from arcbench.ui import health_html, train, train_form, train_view
from arcbench.ui.train_form import Form, FormError
from arcbench.workbench import Workbench
from tests.tiny_policy import save_tiny_policy

TASK = "67a3c6ac"


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    with Workbench(tmp_path_factory.mktemp("trained") / "runs", workers=1) as made:
        yield made


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return str(save_tiny_policy(tmp_path_factory.mktemp("tiny")))


def form(tiny, **changes):
    base = Form(task=TASK, policy=tiny, steps=3, group=4, rate="1e-3", tokens=6, measured=0)
    return replace(base, **changes)


def whole_checkpoint(store, name):
    write_json(store.checkpoints / name / "whole.json", {"step": int(name.rpartition("-")[2])})


# The form


def test_a_form_becomes_the_settings_of_a_run(bench, tiny):
    config = train_form.settings(bench, form(tiny, prompts=2, seed=7, reward="staged"))
    assert (config.steps, config.seed, config.reward.name) == (3, 7, "staged")
    assert config.data.tasks == (TASK,)
    assert not config.data.augment
    assert config.grpo.num_generations == 4
    assert config.grpo.prompts_per_step == 2
    assert config.grpo.learning_rate == 1e-3
    assert config.lengths.max_completion_tokens == 6
    assert config.policy == PolicyConfig(model=tiny)
    assert "3 steps on task 67a3c6ac" in train_form.words(config)


def test_several_tasks_or_a_whole_data_set_are_augmented(bench, tiny):
    named = form(tiny, scope=train_form.NAMED, ids=f" {TASK}, 68b16354\n{TASK}")
    assert train_form.settings(bench, named).data.tasks == (TASK, "68b16354")
    everything = train_form.settings(bench, form(tiny, scope=train_form.ALL)).data
    assert everything.tasks == ()
    assert everything.augment


def test_an_adapter_and_a_server_are_said_in_the_form(bench, tiny):
    asked = form(
        tiny, method=train_form.ADAPTER, rank=4, engine="vllm-adapters",
        url="http://a:8000, http://b:8000",
    )  # fmt: skip
    config = train_form.settings(bench, asked)
    assert config.policy.lora == LoraConfig(rank=4, alpha=8.0)
    assert isinstance(config.engine, VllmAdapters)
    assert config.engine.urls == ("http://a:8000", "http://b:8000")
    assert train_form.shown_fields(asked.scope, asked.method, asked.engine) == {
        "ids": False, "rank": True, "url": True,
    }  # fmt: skip


def test_everything_that_is_wrong_with_a_form_is_told_at_once(bench, tiny):
    wrong = form(tiny, steps=0, group=1, rate="fast", tokens=None, task="nothing")
    with pytest.raises(FormError) as error:
        train_form.settings(bench, wrong)
    assert len(error.value.problems) == 5
    shown = health_html.problem_list(error.value.problems)
    for words in (
        "Steps must be at least 1", "Group size must be 2 to 1024", "Learning rate needs a number",
        "Max new tokens needs a number", "no task nothing in arc-agi-1, training",
    ):  # fmt: skip
        assert words in shown


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rate": "0"}, "Learning rate must be above 0"),
        ({"task": None}, "choose a task at the head of the page"),
        ({"scope": train_form.NAMED}, "Task ids needs ids"),
        ({"policy": ""}, "Policy is empty"),
        ({"policy": "no-such-policy"}, "unknown policy"),
        ({"policy": "http://127.0.0.1:8000/v1"}, "cannot be trained"),
        ({"engine": "vllm-adapters"}, "set policy.lora"),
        ({"engine": "vllm-server", "url": "here"}, "address like http"),
        ({"method": train_form.ADAPTER, "rank": 0}, "Rank of the adapter must be at least 1"),
        ({"seed": 1.5}, "Seed needs a whole number"),
    ],
)
def test_what_cannot_be_is_said_in_plain_words(bench, tiny, changes, words):
    with pytest.raises(FormError, match=words):
        train_form.settings(bench, form(tiny, **changes))


def test_a_broken_form_cannot_be_started(bench, tiny):
    draft, shown = train.drafted(bench, form(tiny, steps=0), train.Draft())
    assert draft.config is None
    assert 'role="alert"' in shown
    assert train.start_label(bench, draft) == (train.START, False)
    with pytest.raises(UserError, match="Steps must be"):
        train.start(bench, form(tiny, steps=0))
    assert bench.runs() == []


# What a run shows


def finding(**changes):
    values = {
        "kind": Kind.ENTROPY, "signal": series.ENTROPY, "severity": Severity.WARNING,
        "first_step": 3, "found_step": 4, "evidence": "fell <far>", "causes": ("too fast",),
        "advice": ("a smaller rate",), "source": "",
    }  # fmt: skip
    return Finding(**{**values, **changes})


def view(**changes):
    line = {
        "step": 1.0, series.REWARD_MEAN: 2.0, series.SOLVE_RATE: 0.25, series.ENTROPY: 0.5,
        series.RSS_GB: 1.25, series.GPU_PEAK_GB: 7.5,
    }  # fmt: skip
    values = {
        "run": "mine", "status": RunStatus(state=RunState.RUNNING, step=1, total_steps=4),
        "metrics": (line,),
    }  # fmt: skip
    return train_view.View(**{**values, **changes})


def test_the_curves_have_all_that_is_watched_and_say_it_in_words():
    shown = train_view.curve(view())
    for title in ("reward", "solve rate", "completion length", "entropy", "sync gap", "memory"):
        assert title in shown
    assert "at step 1: reward 2.00, solve rate 25%, entropy 0.50 nats" in shown


def test_a_run_that_waits_says_for_whom():
    waits = view(
        metrics=(), status=RunStatus(state=RunState.RUNNING, phase="waiting for first, second")
    )
    assert "waiting for first, second; it starts by itself" in train_view.curve(waits)


def test_findings_have_a_mark_their_evidence_and_what_to_try():
    shown = train_view.findings(view(findings=(finding(), finding(over_step=30))))
    assert "! warning" in shown
    assert "fell &lt;far&gt;" in shown
    assert "a smaller rate" in shown
    assert "over since step 30" in shown
    assert "Nothing is wrong so far" in train_view.findings(view())
    assert "as they arise" in train_view.findings(view(metrics=()))


def test_memory_is_that_of_now_or_of_the_last_step():
    assert "1.25 GB" in train_view.memory(view())
    assert "7.50 GB" in train_view.memory(view())
    now = train_view.memory(view(usage=Usage(rss=3_000_000_000, children_rss=500_000_000)))
    assert "3.00 GB" in now
    assert "0.50 GB" in now
    assert "not in use" in train_view.memory(view(metrics=({"step": 1.0, series.RSS_GB: 1.0},)))


def test_a_traceback_in_a_log_is_there_only_for_who_asks():
    text = (
        'step 1\nTraceback (most recent call last):\n  File "a.py", line 1, in <module>\n'
        "ValueError: <bad>\nfailed: no luck"
    )
    shown = health_html.folded(text)
    outside = re.sub(r"(?s)<details.*?</details>", "", shown)
    assert "Traceback" not in outside
    assert "ValueError" not in outside
    assert "failed: no luck" in outside
    assert "traceback, 3 lines" in shown
    assert "ValueError: &lt;bad&gt;" in shown


def test_the_line_for_the_gpu_tells_who_has_it_and_who_waits():
    running = RunStatus(state=RunState.RUNNING, phase="training", step=2, total_steps=9)
    waiting = [train_view.Waiting(name=name, status=running) for name in ("one", "two")]
    shown = train_view.queue(waiting, "two")
    assert "▸ training" in shown
    assert "step 2 of 9" in shown
    assert "○ waits, 1 before it" in shown
    assert shown.index('data-run="one"') < shown.index('data-run="two" aria-current="true"')
    foreign = train_view.queue([train_view.Waiting(name="a <sweep>", status=None)], None)
    assert "a &lt;sweep&gt;" in foreign
    assert "data-run" not in foreign
    assert "No run is on its way" in train_view.queue([], None)


# Going on


def test_checkpoints_are_the_whole_ones_rolling_or_healthy(tmp_path):
    store = RunStore.create(tmp_path, "mine", overfit_config(TASK).to_dict())
    for name in ("checkpoint-10", "healthy-10", "healthy-5"):
        whole_checkpoint(store, name)
    (store.checkpoints / "checkpoint-20").mkdir()
    assert {s: p.name for s, p in checkpoints(store).items()} == {
        5: "healthy-5", 10: "checkpoint-10",
    }  # fmt: skip


def test_a_run_from_a_checkpoint_has_the_old_settings_and_its_weights(tmp_path):
    store = RunStore.create(tmp_path, "mine", overfit_config(TASK, seed=3).to_dict())
    with pytest.raises(UserError, match="no whole checkpoint yet"):
        continued(store, 10)
    whole_checkpoint(store, "checkpoint-10")
    with pytest.raises(UserError, match="unknown checkpoint of run mine"):
        continued(store, 11)
    config = continued(store, 10, steps=50, learning_rate=1e-5)
    kept = store.checkpoints / "kept-10"
    assert config.policy.model == str(kept.resolve())
    shutil.rmtree(store.checkpoints / "checkpoint-10")  # the old run goes on
    assert (kept / "whole.json").is_file()
    assert continued(store, 10).policy.model == config.policy.model
    assert (config.seed, config.steps, config.grpo.learning_rate) == (3, 50, 1e-5)


def test_a_finished_run_goes_on_only_to_a_later_step(bench):
    store = RunStore.create(bench.runs_root, "finished", overfit_config(TASK, steps=3).to_dict())
    store.set_status(RunState.FINISHED, step=3, total_steps=3)
    with pytest.raises(UserError, match="has done its 3 steps"):
        train.resume(bench, "finished", "")
    with pytest.raises(UserError, match="Steps in all needs a number"):
        train.resume(bench, "finished", "more")
    with pytest.raises(UserError, match="choose a run first"):
        train.resume(bench, None, "")
    with pytest.raises(UserError, match="one of its checkpoints"):
        train.continue_from(bench, "finished", None, "")


def test_a_run_that_is_over_cannot_be_killed(bench):
    store = RunStore.create(bench.runs_root, "over", overfit_config(TASK).to_dict())
    store.set_status(RunState.FINISHED)
    assert bench.kill("over").state is RunState.FINISHED


# With real processes


@pytest.mark.long
@pytest.mark.slow
def test_settings_are_checked_once_they_stand_still_and_once_for_all_pages(bench, tiny):
    draft, _ = train.drafted(bench, form(tiny), train.Draft())
    later, shown, more = train.go_on_checking(bench, draft)
    assert (later.asked, more) == (False, True)  # somebody may still be typing
    assert "as soon as the form stands still" in shown
    still = replace(draft, since=draft.since - 2 * train.CALM_S)
    later, shown, more = train.go_on_checking(bench, still)
    assert (later.asked, more) == (True, True)
    assert "checking" in shown
    # Another form of the same page: the check of the first is not needed any more.
    other, _ = train.drafted(bench, form(tiny, tokens=3000), later)
    deadline = time.monotonic() + 60
    while not bench.known_preflight(later.config).status.state.over:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert bench.known_preflight(later.config).status.state is RunState.STOPPED
    found = bench.preflight(other.config)
    assert [f.name for f in found.errors] == ["positions"]
    assert train.start_label(bench, other) == (f"{train.START}: errors first", False)
    assert "more than the 1,024" in train.checked(bench, other)[1]
    with pytest.raises(UserError, match="positions"):
        train.start(bench, form(tiny, tokens=3000))
    # Another page that asks the same gets the same answer, at once and without a process.
    folders = sorted((bench.runs_root / ".health").iterdir())
    assert bench.preflight(other.config).findings == found.findings
    assert sorted((bench.runs_root / ".health").iterdir()) == folders


@pytest.mark.long
@pytest.mark.slow
def test_a_killed_run_is_resumed_and_its_adapter_goes_on_in_a_new_run(bench, tiny):
    asked = form(tiny, method=train_form.ADAPTER, rank=2, steps=100_000)
    run = train.start(bench, asked)
    store = bench.run(run)
    store.write_config({**store.config(), "checkpoint_every": 1})  # before it is read
    deadline = time.monotonic() + 120
    while not bench.checkpoints(run):
        assert time.monotonic() < deadline, jobs.tail(store)
        assert not store.status().state.over, jobs.tail(store)
        time.sleep(0.05)
    assert bench.queue() == [run]
    assert train_view.look(bench, run).usage.rss
    status = bench.kill(run)
    assert status.state is RunState.STOPPED
    assert "killed while training" in status.reason
    assert bench.queue() == []
    last = max(bench.checkpoints(run))
    train.resume(bench, run, str(last + 2))
    child = train.continue_from(bench, run, last, "1")
    assert child == f"{run}-from-{last}"
    assert bench.queue() == [run, child]
    assert jobs.wait(store, timeout_s=120).state is RunState.FINISHED, jobs.tail(store)
    assert [m["step"] for m in bench.metrics(run)] == list(range(1, last + 3))
    new = bench.run(child)
    assert jobs.wait(new, timeout_s=120).state is RunState.FINISHED, jobs.tail(new)
    assert f"kept-{last}" in new.config()["policy"]["adapter"]
