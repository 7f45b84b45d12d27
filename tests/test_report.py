import csv
import io
import os
import re
import zipfile
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arcbench.cli_report_page import report as report_command
from arcbench.diagnostics import Finding, Kind, Severity
from arcbench.files import write_json
from arcbench.report import courses, facts, gather, page, pieces
from arcbench.report.files import metrics_csv, write_zip
from arcbench.report.page import headline, summary
from arcbench.report.page_rollouts import completions, extremes
from arcbench.report.picture import WIDTH_PX, picture
from arcbench.runs import RunState, RunStore
from arcbench.training.sweep_verdict import Verdict
from arcbench.ui import run_report
from arcbench.workbench import Workbench
from tests.reported_runs import EVIL, RIGHT, TASK, judged_steps, made_run


class Checked(HTMLParser):
    """Reads a page as a browser does: its tags, whether they close, and what it would load."""

    VOID = frozenset(("meta", "br", "img", "link", "input", "hr"))

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.loads, self.events = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        names = dict(attrs)
        self.loads += [v for k, v in attrs if k in ("src", "href", "xlink:href", "action", "data")]
        self.events += [k for k in names if k.startswith("on")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return made_run(tmp_path_factory.mktemp("runs"), "learns", reason=EVIL)


@pytest.fixture(scope="module")
def report(store):
    return gather(store)


@pytest.fixture(scope="module")
def text(report):
    return page(report)


def text_of(html):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", html))


def test_the_page_holds_every_part_in_the_order_in_which_it_is_read(text):
    heads = [text_of(h) for h in re.findall(r"<h[12]>(.*?)</h[12]>", text)]
    assert heads == [
        "learns", "Did it learn?", "What was found", "Curves", "Best and worst of 12 rollouts",
        "How completions changed", "Settings",
    ]  # fmt: skip
    said = text_of(text)
    for part in (
        "embedded, all weights", f"arc-agi-1 training: {TASK}", "1 × 4 completions a step",
        "3 of 3 steps", "6 s in steps", "Nothing was found in 3 steps",
        "Too few steps to say", "Why it ended:",
    ):  # fmt: skip
        assert part in said


def test_texts_from_outside_run_nothing_and_the_page_asks_for_nothing(tmp_path):
    bad = "<script>x</script>\" onload='y"
    tasks = (TASK, bad)
    hostile = made_run(tmp_path, "hostile", state=RunState.FAILED, reason=EVIL, tasks=tasks)
    hostile.add_info(device=bad, git=EVIL, **{"<b>": EVIL})
    _, empty, raising, _ = judged_steps()[0]
    for name, group, rollout in ((TASK, 0, empty), (bad, 1, raising)):
        assert not rollout.solved
        late = [
            replace(rollout, task_id=name, group=group, index=i, step=4 + group) for i in (0, 1)
        ]
        hostile.write_rollouts(4 + group, late)
    hostile.log.write_text(f"Traceback\n{EVIL}\n")
    text = page(gather(hostile))
    found = Checked(text)
    assert found.open == []
    assert [place for place in found.loads if not place.startswith("#")] == []
    assert found.events == []
    assert {"script", "iframe", "link", "img", "b>"} & set(found.tags) == set()
    assert "&lt;script&gt;alert(&#x27;run me&#x27;)" in text


def test_grids_are_those_that_the_program_got(report):
    early = report.shown_courses[0].parts[0].shown
    plain = Workbench().task(TASK)
    assert np.array_equal(early.task.train[0].input, np.rot90(plain.train[0].input))
    assert np.array_equal(early.rollout.execution.outputs[0], early.task.train[0].input)
    shown = extremes(replace(report, best=(early,), worst=()))
    assert "turned, mirrored or recoloured" in shown
    assert "turned, mirrored or recoloured" not in extremes(report)


def test_the_best_solve_and_the_worst_differ_in_what_became_of_them(report):
    assert [s.rollout.solved for s in report.best] == [True, False]
    assert report.best[0].rollout.step == 3
    outcomes = [s.rollout.execution.outcome.value for s in report.worst]
    assert outcomes == ["no_code", "raised"]


def test_a_task_shows_what_most_wrote_early_and_late(report):
    (shown,) = report.shown_courses
    assert [p.part.name for p in shown.parts] == ["early", "middle", "late"]
    early, _, late = shown.parts
    assert "return grid\n" in early.shown.rollout.code + "\n"
    assert (early.part.alike, early.part.programs) == (2, 2)
    assert late.shown.rollout.code.strip() == RIGHT
    assert (late.part.alike, late.part.programs, late.part.solved) == (3, 2, 0.75)
    said = text_of(completions(report))
    assert "3 of 4 have this program" in said
    assert "0 of 3 groups" not in said
    assert "None: the rewards of each of the 3 groups differed." in said


@pytest.mark.parametrize("steps", [0, 1])
def test_a_run_that_has_hardly_begun_has_a_report(tmp_path, steps):
    young = made_run(tmp_path, "young", state=RunState.RUNNING, steps=steps)
    report = gather(young)
    said = text_of(pieces(report))
    assert "this is how it stands so far" in said
    if steps:
        assert "Every" not in headline(report)[2]
        assert "Best and worst of 4 rollouts" in said
        assert "All, step 1" in said
    else:
        assert "No step is done yet" in said
        assert "no rollouts on disk" in said
    assert picture(report).startswith(b"\x89PNG")


def test_a_failed_run_says_why_and_shows_the_end_of_its_log(tmp_path):
    failed = made_run(tmp_path, "failed", state=RunState.FAILED, reason="the disk is full", steps=0)
    failed.log.write_text("\n".join(f"line {i}" for i in range(100)))
    said = text_of(pieces(gather(failed)))
    assert "No step was done" in said
    assert "Why it ended: the disk is full" in said
    assert "line 99" in said
    assert "line 1 " not in said


def test_settings_of_another_version_are_no_hindrance(tmp_path):
    old = made_run(tmp_path, "old")
    write_json(old.path / "config.json", {"model": "m", "grpo": None, "data": {"tasks": "x"}})
    report = gather(old)
    said = text_of(pieces(report))
    assert "settings are of another version of arcbench" in said
    assert "Best and worst of 12 rollouts" in said
    assert [s.task for s in report.best] == [None, None]
    assert "Grids are not shown" in said


def test_a_task_that_has_changed_since_is_not_drawn(store, report):
    from arcbench.tasks import TaskSet, load_tasks

    whole = load_tasks("arc-agi-1", "training")

    def other(*_):
        task = whole[TASK]
        return TaskSet(name="x", tasks={TASK: replace(task, test=task.test * 2)})

    assert all(s.task is None for s in gather(store, load=other).best)


def test_findings_of_one_kind_are_told_once_with_their_steps(report):
    def found(step, over, severity=Severity.CRITICAL, kind=Kind.REPETITION):
        return Finding(
            kind=kind, signal="text/loop", severity=severity, first_step=step,
            found_step=step + 2, evidence=f"evidence {step} & more", causes=("a < b",),
            advice=("try it",), source="somewhere", over_step=over,
        )  # fmt: skip

    same = tuple(found(10 * i, 10 * i + 5) for i in range(1, 31))
    last = found(2, None, Severity.INFO, Kind.FLAT)
    several = replace(report, findings=(*same, last))
    text = pieces(several)
    assert text.count('class="rp-finding') == 2
    said = text_of(text)
    assert "1. ✗ critical repetition since step 10, found at step 12, over at step 15" in said
    assert "critical from step 20 to 25" in said
    assert "and 21 times more" in said
    assert "a &lt; b" in said
    assert "2. i info flat since step 2, found at step 4" in said
    assert (
        "Found: 30 critical, 1 info, the worst: repetition since step 10, over at step 15"
        in (summary(several)[-1])
    )


@pytest.mark.parametrize(
    ("verdict", "over", "told"),
    [
        (Verdict.LEARNING, None, ("partly", "!", "It learned, but see what was found")),
        (Verdict.LEARNING, 9, ("solved", "✓", "It learned")),
        (Verdict.FLAT, None, ("failed", "✗", "No clear change")),
        (Verdict.FLAT, 9, ("wrong", "–", "No clear change")),
    ],
)
def test_the_headline_does_not_hide_what_still_is_critical(report, verdict, over, told):
    bad = Finding(
        kind=Kind.NO_SIGNAL, signal="group/no_signal", severity=Severity.CRITICAL, first_step=1,
        found_step=2, evidence="so it is", causes=(), advice=(), source="", over_step=over,
    )  # fmt: skip
    judged = replace(report.judged, verdict=verdict)
    assert headline(replace(report, judged=judged, findings=(bad,))) == told


def test_the_page_of_a_long_run_of_huge_texts_is_bounded(tmp_path):
    huge = RunStore.create(tmp_path, "huge", {})
    (rollout, *_) = judged_steps()[2]
    for step in range(1, 31):
        code = f"def transform(grid):\n    return grid  # {step}" + " + 1" * 60_000
        big = replace(
            rollout,
            code=code,
            completion=replace(rollout.completion, text=code),
            execution=replace(rollout.execution, stdout="<" * 100_000, message="&" * 100_000),
        )
        many = [replace(big, task_id=f"task{i}", group=i) for i in range(4)]
        huge.write_rollouts(step, many)
    text = extremes(gather(huge)) + completions(gather(huge))
    assert len(text) < 1_500_000
    assert "more characters" in text


def test_the_picture_is_as_wide_as_promised(report):
    image = picture(report)
    assert int.from_bytes(image[16:20], "big") == WIDTH_PX


def test_the_command_writes_what_it_is_asked_for(store, tmp_path, capsys):
    report_command(store.path, out=tmp_path / "a.html", png=tmp_path / "deep" / "b.png")
    assert (tmp_path / "a.html").read_text().startswith("<!doctype html>")
    assert (tmp_path / "deep" / "b.png").read_bytes().startswith(b"\x89PNG")
    assert not (store.path / "report.html").exists()
    assert "Too few steps to say" in capsys.readouterr().out


def test_the_frame_in_the_app_may_run_nothing(store):
    with Workbench(store.path.parent) as bench:
        framed = run_report.framed(bench, "learns")
        assert run_report.framed(bench, "").startswith('<div class="ab-note')
    assert framed.startswith('<iframe class="ab-report" sandbox="" title="report of run learns"')
    assert framed.count("<") == 2
    assert framed.endswith('"></iframe>')


def test_metrics_are_a_table_with_a_line_for_each_step(store):
    lines = [*store.metrics(), {"step": 4, "only/late": None, "reward/mean": 1 / 3}]
    rows = list(csv.DictReader(io.StringIO(metrics_csv(lines))))
    assert [r["step"] for r in rows] == ["1", "2", "3", "4"]
    assert float(rows[3]["reward/mean"]) == pytest.approx(1 / 3)
    assert rows[3]["only/late"] == rows[0]["only/late"] == rows[3]["solve_rate"] == ""


def test_the_archive_has_the_whole_run_but_no_weights_and_nothing_from_elsewhere(tmp_path):
    run = made_run(tmp_path, "packed")
    secret = tmp_path / "secret"
    (secret / "deep").mkdir(parents=True)
    (secret / "deep" / "key").write_text("secret")
    run.checkpoints.mkdir()
    (run.checkpoints / "weights").write_text("heavy")
    (run.path / "link.txt").symlink_to(secret / "deep" / "key")
    (run.path / "folder").symlink_to(secret)
    (run.path / "eval").mkdir()
    (run.path / "eval" / "../eval/link").symlink_to(secret / "deep")
    (run.path / ".x.partial").write_text("half")
    os.mkfifo(run.path / "pipe")
    write_zip(run, tmp_path / "out.zip")
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        names = set(archive.namelist())
        assert archive.testzip() is None
        read = archive.read("packed/metrics.jsonl")
    expected = {"config.json", "info.json", "status.json", "metrics.jsonl", ".lock"}
    expected |= {"rollouts/index.jsonl", *(f"rollouts/00000{i}.parquet" for i in (1, 2, 3))}
    assert names == {f"packed/{n}" for n in expected}
    assert read == run.metrics_file.read_bytes()


def test_a_change_has_a_sign_and_what_does_not_show_has_none():
    def change(first, last, form="{:.0%}"):
        return facts.Comparison(name="x", first=first, last=last, form=form).change

    assert change(0.1, 0.5) == "+40%"
    assert change(0.5, 0.1) == "−40%"
    assert change(0.5, 0.5001) == "±0"
    assert change(0.5, None) == ""


@st.composite
def columns(draw):
    """Any run of a few steps and tasks, sorted as an index is."""
    rows = []
    for step in sorted(draw(st.sets(st.integers(1, 400), max_size=12))):
        for group in range(draw(st.integers(1, 3))):
            task = draw(st.integers(0, 3))
            for index in range(draw(st.integers(1, 4))):
                program = draw(st.integers(-1, 3))
                reward = draw(st.sampled_from([-1.0, 0.0, 0.5, 9.0]))
                rows.append((step, group, index, task, program, reward == 9.0, reward, program))
    made = np.array(rows, dtype=np.float64).reshape(len(rows), 8).T
    steps, group, index, task, program, solved, reward, outcome = made
    used = np.unique(task).astype(int)
    return courses.Columns(
        step_N=steps.astype(np.int64), group_N=group.astype(np.int64),
        index_N=index.astype(np.int64), task_N=np.searchsorted(used, task),
        program_N=program.astype(np.int64), solved_N=solved.astype(bool), reward_N=reward,
        tokens_N=index.astype(np.int64), outcome_N=outcome.astype(np.int64),
        tasks=tuple(f"t{i}" for i in used),
    )  # fmt: skip


@settings(deadline=None, max_examples=150)
@given(columns())
def test_what_is_chosen_of_a_run_holds_what_it_says(found):
    for course in courses.courses(found):
        task = found.tasks.index(course.task_id)
        assert course.rollouts == (found.task_N == task).sum()
        assert 0 <= course.silent <= 1
        steps = [(p.first_step, p.last_step) for p in course.parts]
        assert steps == sorted(steps)
        for part in course.parts:
            inside = (found.task_N == task) & (found.step_N >= part.first_step)
            inside &= found.step_N <= part.last_step
            assert inside[part.typical]
            assert part.rollouts == inside.sum()
            alike = found.program_N[inside] == found.program_N[part.typical]
            assert part.alike == alike.sum()
            assert all((found.program_N[inside] == p).sum() <= part.alike for p in range(-1, 4))
    groups = courses.groups(found)
    keys = {(s, g) for s, g in zip(found.step_N, found.group_N, strict=True)}
    assert groups.total == len(keys)
    equal = 0
    for s, g in keys:
        rewards = found.reward_N[(found.step_N == s) & (found.group_N == g)]
        equal += len(set(rewards)) == 1
    assert groups.silent == equal
    assert groups.all_solved + groups.none_solved <= groups.silent
    for best in (True, False):
        chosen = courses.extremes(found, 2, best=best)
        assert len(chosen) <= 2
        if len(found):
            wanted = found.reward_N.max() if best else found.reward_N.min()
            assert found.reward_N[chosen[0]] == wanted
