import asyncio
import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from arcbench.errors import UserError
from arcbench.evaluation import EvalConfig, TaskCount
from arcbench.evaluation.store import EvalStore
from arcbench.groups import group_sizes, signal_chance
from arcbench.notebook import live_evaluation, live_run, live_sweep
from arcbench.parts import part_of
from arcbench.plots import figure_svg
from arcbench.plots_groups import group_size_chart
from arcbench.runs import RunState, RunStore
from arcbench.submission import Source
from arcbench.training.measure import Measurement
from arcbench.training.sweep import SweepFolder
from arcbench.workbench import Workbench
from tests.tiny_policy import save_tiny_policy
from tests.tiny_runs import TASK, make_config
from tests.two_evals import TASKS, evaluated


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    with evaluated(tmp_path_factory.mktemp("bench")) as made:
        yield made


@pytest.fixture(scope="module")
def run(bench):
    """A run that measured its tasks, without a step."""
    store = RunStore.create(bench.runs_root, "measured", bench.settings({}).to_dict())
    for which, solved in (("before", (1, 0)), ("after", (4, 1))):
        counts = dict(zip(TASKS, solved, strict=True))
        made = Measurement(
            tasks=2, samples=4, figures={"pass rate": sum(solved) / 8}, solved=counts
        )
        store.write_eval(which, made.to_dict())
    return store.name


# Settings and tasks


def test_settings_are_changed_by_their_dotted_names_with_values_of_any_type(bench):
    config = bench.settings(
        {"steps": 3, "grpo.learning_rate": 1e-5, "policy.lora.rank": 8, "data.tasks": TASKS,
         "data.augment": False, "grpo.epsilon_high": None}
    )  # fmt: skip
    assert (config.steps, config.grpo.learning_rate, config.data.tasks) == (3, 1e-5, TASKS)
    assert config.policy.lora is not None
    assert config.policy.lora.rank == 8
    assert config.data.augment is False
    assert config.grpo.epsilon_high is None


def test_settings_for_one_task_begin_with_those_of_an_overfit_run(bench):
    config = bench.settings({"steps": 5}, task_id=TASK)
    assert (config.data.tasks, config.data.augment, config.steps) == ((TASK,), False, 5)
    assert config.measure.samples > 0


def test_a_setting_that_does_not_exist_is_named(bench):
    with pytest.raises(UserError, match=r"grpo\.learnign_rate"):
        bench.settings({"grpo.learnign_rate": 1e-5})


def test_the_smallest_tasks_of_the_two_parts_share_none_and_grow(bench):
    train, held_out = (bench.smallest_tasks(20, part=part) for part in ("train", "held-out"))
    assert not set(train) & set(held_out)
    assert {part_of(t) for t in train} == {"train"}
    cells = [sum(grid.size for grid in bench.task(t).inputs) for t in train]
    assert max(cells[:5]) < max(cells)
    with pytest.raises(UserError, match="between 1 and the 400"):
        bench.smallest_tasks(401)


# Groups


def test_the_share_of_groups_with_a_signal_is_the_mean_over_the_tasks(bench):
    counts = {"a": TaskCount(samples=8, solved=1), "b": TaskCount(samples=8, solved=0)}
    found = group_sizes(counts, (8, 2))
    assert list(found.signal) == [2, 8]
    assert found.signal[8] == pytest.approx(signal_chance(1 / 8, 8) / 2)
    assert (found.never, found.always, found.open_share) == (1, 0, 0.5)
    weighted = group_sizes(counts, (8,), weights={"a": 3.0, "b": 1.0})
    assert weighted.signal[8] == pytest.approx(signal_chance(1 / 8, 8) * 0.75)


def test_rare_solutions_want_larger_groups_and_hopeless_tasks_none_at_all():
    easy = group_sizes({"a": TaskCount(samples=8, solved=1)})
    rare = group_sizes({"a": TaskCount(samples=50, solved=1)})
    assert (easy.advised, rare.advised) == (8, 64)
    never = group_sizes({"a": TaskCount(samples=8, solved=0)})
    assert never.advised is None
    with pytest.raises(UserError, match="no task was sampled"):
        group_sizes({"a": TaskCount(samples=0, solved=0)})


def test_group_sizes_come_from_an_evaluation_and_are_drawn(bench):
    found = bench.group_sizes("before", (4, 8))
    assert found.rates == (0.25, 0.0)
    drawn = figure_svg(group_size_chart(found, chosen=8), "groups")
    assert "50% of the tasks are solved sometimes" in drawn
    EvalStore.start(bench.evals_root, "waiting", EvalConfig(tasks=TASKS, template="arcbench"))
    with pytest.raises(UserError, match="has no figures yet"):
        bench.group_sizes("waiting")


# Comparisons


def test_a_run_alone_is_compared_with_its_beginning(bench, run):
    assert bench.measured(run)["after"].solved == {TASKS[0]: 4, TASKS[1]: 1}
    found = bench.compare(run)
    assert (found.pass_rate.a, found.pass_rate.b) == (1 / 8, 5 / 8)


def test_only_the_tasks_that_are_asked_for_are_compared(bench, run):
    found = bench.compare("before", "after", tasks=TASKS[:1])
    assert [t.task_id for t in found.tasks] == list(TASKS[:1])
    assert (found.pass_rate.a, found.pass_rate.b) == (0.25, 1.0)
    assert not any("left out" in warning for warning in found.warnings)
    assert bench.compare("before", run, tasks=TASKS[1:]).pass_rate.b == 0.25
    with pytest.raises(UserError, match="no task in common"):
        bench.compare("before", "after", tasks=["00000000"])


# Submissions


def test_a_submission_answers_every_challenge_also_those_that_were_not_sampled(bench, tmp_path):
    asked = (*TASKS, "25ff71a9")
    challenges, solutions = bench.write_challenges(tmp_path, asked, split="training")
    made = bench.submit("after", challenges, tmp_path / "submission.json")
    assert list(made.tasks) == list(asked)
    assert (made.count(Source.RIGHT), made.count(Source.FALLBACK)) == (1, 1)
    assert bench.check_submission(tmp_path / "submission.json", challenges).valid
    score = bench.score_submission(tmp_path / "submission.json", challenges, solutions)
    assert score.right[TASKS[0]] == (True,)


def test_a_spoilt_submission_is_told_with_the_place_and_has_no_score(bench, tmp_path):
    challenges, solutions = bench.write_challenges(tmp_path, TASKS, split="training")
    bench.submit("after", challenges, tmp_path / "submission.json")
    content = json.loads((tmp_path / "submission.json").read_text())
    del content[TASKS[1]]
    (tmp_path / "spoilt.json").write_text(json.dumps(content))
    report = bench.check_submission(tmp_path / "spoilt.json", challenges)
    assert report.total == 1
    assert TASKS[1] in str(report.defects[0])
    with pytest.raises(UserError, match=r"spoilt.json is not valid"):
        bench.score_submission(tmp_path / "spoilt.json", challenges, solutions)


# Watching


def test_a_finished_evaluation_shows_its_figures_and_one_without_figures_says_why(bench):
    live = live_evaluation(bench, "after")
    assert live.over()
    assert "pass@1" in live.content()
    assert repr(live) == "evaluation after: finished, 8 of 8 samples judged"
    with ThreadPoolExecutor() as thread:  # this one may have an event loop
        awaited = thread.submit(asyncio.run, live.ended()).result()
    assert live.wait().samples == awaited.samples == 8
    store = EvalStore.start(
        bench.evals_root, "failed", EvalConfig(tasks=TASKS, n=1, template="arcbench")
    )
    store.set_status(RunState.FAILED, reason="the card is full")
    with pytest.raises(UserError, match="failed has no figures: the card is full"):
        live_evaluation(bench, "failed").wait()


def test_a_run_that_is_over_shows_what_it_measured(bench, run):
    bench.run(run).set_status(RunState.FINISHED)
    live = live_run(bench, run)
    assert live.wait().state is RunState.FINISHED
    assert "62%" in live.content()


# Sweeps


def test_a_sweep_whose_values_cannot_be_run_starts_nothing(bench):
    config = make_config("embedded", steps=2)
    with pytest.raises(UserError, match=r"grpo.learning_rate=0"):
        bench.start_sweep(config, {"grpo.learning_rate": (1e-5, 0)})
    assert not list(bench.runs_root.glob("sweep*"))


@pytest.mark.long
def test_a_sweep_goes_on_by_itself_is_watched_and_can_be_stopped(tmp_path):
    model = save_tiny_policy(tmp_path / "tiny")
    with Workbench(tmp_path / "runs") as bench:
        config = make_config(model, steps=2)
        name = bench.start_sweep(config, {"grpo.learning_rate": (1e-3, 1e-2)}, parallel=2)
        assert name == "sweep-learning_rate"
        live = live_sweep(bench, name)
        assert not live.over()
        assert "<svg" in live.content()
        results = live.wait(timeout_s=300)
        log = SweepFolder.open(bench.runs_root / name).log.read_text()
        assert results.counts == {"finished": 2}, log
        assert results.best is None  # two steps tell nothing
        ends = bench.sweep_ends(name)
        assert list(ends) == ["0.001", "0.01"]
        assert {r.step for rollouts in ends.values() for r in rollouts} == {2}
        # A second one, with so many steps that it goes on until it is stopped.
        long = make_config(model, steps=100_000)
        other = bench.start_sweep(long, {"grpo.learning_rate": (1e-3,)}, name="long")
        deadline = time.monotonic() + 300
        while not any(bench.sweep(other).metrics.values()):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        bench.stop_sweep(other)
        assert not bench.sweep_goes_on(other)
        assert bench.sweep(other).counts == {"stopped": 1}
