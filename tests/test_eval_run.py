import json
import threading
import time

import pytest

from arcbench import jobs
from arcbench.console import RunLog
from arcbench.errors import UserError
from arcbench.evaluation import EvalConfig, EvalStore, Tally, evaluate, record
from arcbench.folders import RunState
from arcbench.judge import Judge
from arcbench.policies import ScriptedPolicy
from arcbench.prompts import PromptTemplate
from arcbench.rewards import scheme
from arcbench.sandbox import SandboxPool
from tests.tiny_evals import figures, make_config, samples

TASKS = ("67a3c6ac", "74dd1130")  # mirrored left to right; transposed
ANSWER = PromptTemplate.load("arcbench").completion
MIRROR, NOTHING = (
    ANSWER(f"def transform(grid):\n    return {result}") for result in ("grid[:, ::-1]", "grid")
)


@pytest.fixture(scope="module")
def judge():
    with SandboxPool(2) as pool:
        yield Judge(pool=pool, scheme=scheme("staged"))


@pytest.fixture
def log(tmp_path):
    with (tmp_path / "stdout.txt").open("w") as out:
        found = RunLog(tmp_path / "log.txt", out)
        yield found
        found.close()


def config(**changes):
    values = {
        "tasks": TASKS,
        "n": 8,
        "k": (1, 2),
        "reward": scheme("staged"),
        "template": "arcbench",
    }
    return EvalConfig(**{**values, **changes})


class Counted(ScriptedPolicy):
    """Counts what is asked of it."""

    asked = 0

    def stream_asks(self, asks, config):
        self.asked += sum(ask.count for ask in asks)
        return super().stream_asks(asks, config)


def test_every_sample_is_judged_once_and_counted(judge, log, tmp_path):
    heard = []
    results = evaluate(
        config(), root=tmp_path, name="x", judge=judge, log=log,
        policy=ScriptedPolicy([MIRROR, NOTHING, "no code", MIRROR]), on_rollout=heard.append,
    )  # fmt: skip
    store = EvalStore.open(tmp_path / "x")
    counts = results.counts
    assert (counts["67a3c6ac"].solved, counts["67a3c6ac"].samples) == (4, 8)
    assert (counts["74dd1130"].solved, counts["74dd1130"].samples) == (0, 8)
    assert len(heard) == len(samples(store)) == len(list(store.completions())) == 16
    status = store.status()
    assert status.state is RunState.FINISHED
    assert (status.total, status.sampled, status.done, status.solved_tasks) == (16, 16, 16, 1)
    assert (status.eta_s, status.share) == (None, 1.0)
    assert figures(store)["facts"]["complete"] is True
    assert {r.run_id for r in store.rollouts()} == {"x"}
    assert store.info()["policy"] == "scripted"
    again = Tally(list(store.tasks()))
    for rollout in store.rollouts():
        again.add(record(rollout))
    assert again.task("67a3c6ac") == results.tasks[list(store.tasks()).index("67a3c6ac")]


def test_the_policy_sees_the_augmented_task_and_the_figures_are_those_of_the_task(
    judge, log, tmp_path
):
    """A mirror is a mirror in the views that keep left and right, and in no others."""
    evaluate(
        config(tasks=("67a3c6ac",), n=16, views=8), root=tmp_path, name="x", judge=judge, log=log,
        policy=ScriptedPolicy([MIRROR]),
    )  # fmt: skip
    found = list(EvalStore.open(tmp_path / "x").rollouts())
    assert len({r.messages_hash for r in found}) == 8
    for rollout in found:
        turned = rollout.augmentation is not None and rollout.augmentation.quarter_turns % 2
        assert rollout.solved is not bool(turned)
        assert (rollout.augmentation is None) == (rollout.index % 8 == 0)


def test_an_evaluation_that_is_whole_is_not_drawn_again_but_its_figures_are(judge, log, tmp_path):
    policy = Counted([MIRROR])
    first = evaluate(config(), root=tmp_path, name="x", judge=judge, log=log, policy=policy)
    (tmp_path / "x" / "results.json").unlink()
    heard = []
    again = evaluate(
        config(), root=tmp_path, name="x", judge=judge, log=log, policy=policy,
        on_rollout=heard.append,
    )  # fmt: skip
    assert policy.asked == 16
    assert again.tasks == first.tasks
    assert again.facts["speed"]["samples"] == 16
    assert len(heard) == 16


def test_what_was_drawn_and_not_judged_is_judged_and_only_the_rest_is_drawn(judge, log, tmp_path):
    store = EvalStore.start(tmp_path, "x", config().resolved())
    evaluate(config(), store, judge=judge, log=log, policy=ScriptedPolicy([MIRROR]))
    for shard in store.shards():
        shard.unlink()
    kept = store.completions_file.read_bytes().splitlines(keepends=True)[:5]
    store.completions_file.write_bytes(b"".join(kept) + b'{"task_id": "67')
    policy = Counted([NOTHING])
    results = evaluate(config(), store, judge=judge, log=log, policy=policy)
    assert policy.asked == 11
    old = [json.loads(line)["task_id"] for line in kept]
    solved = {t: c.solved for t, c in results.counts.items()}
    assert solved["67a3c6ac"] == old.count("67a3c6ac")


def test_asking_for_a_stop_ends_it_with_what_there_is_and_it_goes_on(judge, log, tmp_path):
    store = EvalStore.start(tmp_path, "x", config(n=64).resolved())

    def text(_messages, sample):
        if sample == 20:
            store.request_stop()
        return MIRROR

    policy = ScriptedPolicy(text)
    results = evaluate(config(n=64), store, judge=judge, log=log, policy=policy)
    policy = ScriptedPolicy([MIRROR])
    assert 0 < results.samples < 128
    assert store.status().state is RunState.STOPPED
    assert "stop was requested" in store.status().reason
    whole = evaluate(config(n=64), store, judge=judge, log=log, policy=policy)
    assert whole.samples == 128
    assert store.status().state is RunState.FINISHED


def test_without_any_time_nothing_is_drawn_and_the_figures_say_so(judge, log, tmp_path):
    policy = Counted([MIRROR])
    results = evaluate(
        config(), root=tmp_path, name="x", judge=judge, log=log, policy=policy,
        deadline=time.monotonic() - 1,
    )  # fmt: skip
    assert (policy.asked, results.samples) == (0, 0)
    status = EvalStore.open(tmp_path / "x").status()
    assert (status.state, status.total, status.done) == (RunState.STOPPED, 16, 0)
    assert "the time was used up: 0 of 16 samples" in status.reason


@pytest.mark.slow
def test_with_little_time_every_task_has_some_samples_before_any_has_many(judge, log, tmp_path):
    asked = []

    class Slow(ScriptedPolicy):
        def stream_asks(self, asks, config):
            for s in super().stream_asks(asks, config):
                time.sleep(0.02)
                asked.append(s.prompt_index)
                yield s

    store = EvalStore.start(tmp_path, "x", config(n=400).resolved())
    results = evaluate(
        config(n=400), store, judge=judge, log=log, policy=Slow([MIRROR]),
        deadline=time.monotonic() + 2.0,
    )  # fmt: skip
    assert store.status().state is RunState.STOPPED
    assert "the time was used up" in store.status().reason
    assert len(set(asked[:4])) == 1
    assert len(set(asked[:8])) == 2
    assert results.samples == len(samples(store)) > 8


def test_an_error_of_the_policy_ends_it_as_failed_with_all_that_came_before(judge, log, tmp_path):
    def text(_messages, sample):
        if sample == 5:
            raise RuntimeError("the engine is gone")
        return MIRROR

    store = EvalStore.start(tmp_path, "x", config().resolved())
    with pytest.raises(RuntimeError, match="the engine is gone"):
        evaluate(config(), store, judge=judge, log=log, policy=ScriptedPolicy(text))
    status = store.status()
    assert (status.state, status.reason) == (RunState.FAILED, "the engine is gone")
    assert len(samples(store)) == len(list(store.completions())) == 5
    evaluate(config(), store, judge=judge, log=log, policy=ScriptedPolicy([MIRROR]))
    assert len(samples(store)) == 16


def test_a_policy_that_leaves_samples_out_is_no_whole_evaluation(judge, log, tmp_path):
    class Lazy(ScriptedPolicy):
        def stream_asks(self, asks, config):
            every = super().stream_asks(asks, config)
            return (s for s in every if s.sample_index != 3)

    with pytest.raises(RuntimeError, match="left out 2 samples"):
        evaluate(config(), root=tmp_path, name="x", judge=judge, log=log, policy=Lazy([MIRROR]))
    assert EvalStore.open(tmp_path / "x").status().state is RunState.FAILED


@pytest.mark.slow
def test_tasks_whose_prompts_are_too_long_are_left_out_and_named(judge, log, tmp_path):
    policy = ScriptedPolicy([MIRROR])
    tasks = EvalConfig(tasks=TASKS).load_tasks()
    words = {t: policy.count_tokens(PromptTemplate.load().messages(tasks[t])) for t in TASKS}
    long, short = sorted(TASKS, key=lambda t: -words[t])
    policy.max_positions = words[long] - 1 + config().max_new_tokens
    results = evaluate(config(), root=tmp_path, name="x", judge=judge, log=log, policy=policy)
    store = EvalStore.open(tmp_path / "x")
    assert results.facts["left_out"] == store.info()["left_out"] == [long]
    assert {t for t, _ in samples(store)} == {short}
    assert store.status().state is RunState.FINISHED
    policy.max_positions = 1
    with pytest.raises(UserError, match="all prompts are too long"):
        evaluate(config(), root=tmp_path, name="y", judge=judge, log=log, policy=policy)


@pytest.mark.slow
def test_other_prompts_than_before_are_not_mixed_in(judge, log, tmp_path):
    wording = tmp_path / "own.toml"
    wording.write_text(PromptTemplate.load().to_toml())
    own = config(template=str(wording))
    policy = ScriptedPolicy([MIRROR])
    evaluate(own, root=tmp_path, name="x", judge=judge, log=log, policy=policy)
    text = wording.read_text()
    wording.write_text(text.replace('request = "', 'request = "Please. '))
    assert wording.read_text() != text
    with pytest.raises(UserError, match="no longer what they were"):
        evaluate(own, root=tmp_path, name="x", judge=judge, log=log, policy=policy)


@pytest.mark.slow
def test_another_thread_can_evaluate(judge, log, tmp_path):
    def work():
        evaluate(
            config(), root=tmp_path, name="x", judge=judge, log=log, policy=ScriptedPolicy([MIRROR])
        )

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(60)
    assert EvalStore.open(tmp_path / "x").status().state is RunState.FINISHED


@pytest.mark.long
def test_an_evaluation_as_a_process_tells_how_far_it_is_and_ends_when_asked(tmp_path):
    from arcbench.evaluation.job import start_evaluation
    from tests.tiny_policy import save_tiny_policy

    tiny = make_config(save_tiny_policy(tmp_path / "tiny"), n=20_000)
    store = start_evaluation(tiny, tmp_path, options=["--workers", "1"])
    with pytest.raises(UserError, match="is running already"):
        jobs.launch(store)
    limit = time.monotonic() + 100
    while not store.status().done:
        assert not store.status().state.over, jobs.tail(store)
        assert time.monotonic() < limit, jobs.tail(store)
        time.sleep(0.05)
    assert store.status().total == 80_000
    status = jobs.stop(store)
    assert status.state is RunState.STOPPED, jobs.tail(store)
    assert status.done == len(samples(store))
    assert "go on with: arcbench eval --resume" in jobs.tail(store)
