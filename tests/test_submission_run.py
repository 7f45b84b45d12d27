"""Whole competition runs: from challenges to a file, through kills, hangs and little memory."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from arcbench import cli_submit
from arcbench.errors import UserError
from arcbench.evaluation import EvalConfig, evaluate
from arcbench.evaluation.store import EvalStore
from arcbench.policies import ScriptedPolicy
from arcbench.prompts import PromptTemplate
from arcbench.submission import read_challenges, validate_submission
from arcbench.submission.guard import Guard, descendants, process_started
from arcbench.submission.live import LiveSubmission
from arcbench.submission.run import Clock
from arcbench.tasks import load_tasks
from tests.kaggle_files import write_challenges
from tests.tiny_policy import save_tiny_policy

PROGRAMS = Path(__file__).parent / "programs"
KNOWN = ("67a3c6ac", "25ff71a9", "d5d6de2d", "007bbfb7", "6150a2bd", "3428a4f5")
TRAINING = load_tasks("arc-agi-1", "training")
START = """
from arcbench.cli import main
main()
"""


def known_programs(messages, sample_index):
    """Sample 1 of a prompt is the known-good program of its task, the others are wrong."""
    template = PromptTemplate.load("arcbench")
    task_id = next(
        i for i in KNOWN for t in range(len(TRAINING[i].test))
        if template.messages(TRAINING[i], t) == list(messages)
    )  # fmt: skip
    code = (PROGRAMS / f"{task_id}.py").read_text()
    return f"```python\n{code if sample_index == 1 else 'def transform(grid): return grid'}\n```"


@pytest.fixture
def challenges(tmp_path):
    return write_challenges(tmp_path, [TRAINING[i] for i in KNOWN], solutions=True)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return save_tiny_policy(tmp_path_factory.mktemp("policy") / "tiny")


SETTINGS = {"policy": "embedded", "template": "arcbench", "n": 3, "max_new_tokens": 2000}


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """A finished evaluation of the challenges with the known-good programs."""
    root = tmp_path_factory.mktemp("evals")
    path = write_challenges(root, [TRAINING[i] for i in KNOWN])
    config = EvalConfig(dataset=str(path), **SETTINGS)
    evaluate(config, root=root, name="known", policy=ScriptedPolicy(known_programs))
    return EvalStore.open(root / "known")


@pytest.fixture(scope="module")
def rollouts(known):
    return list(known.rollouts())


def evaluation_of(tasks, rollouts, *, root):
    """One that was killed: judged samples of these ARC-AGI-1 tasks, no figures."""
    config = EvalConfig(dataset="arc-agi-1", tasks=tasks, **SETTINGS)
    store = EvalStore.start(root, "killed", config)
    store.write_shard([r for r in rollouts if r.task_id in tasks])
    return store.path


def test_known_good_programs_become_a_submission_of_full_score(known, challenges, tmp_path, capsys):
    out = tmp_path / "submission.json"
    cli_submit.submit(known.path, challenges=challenges, out=out)
    told = capsys.readouterr().out
    assert f"{len(KNOWN)} tasks, 9 test inputs" in told
    assert f"{len(KNOWN)} by a program that is right on all train pairs" in told
    solutions = tmp_path / "solutions.json"
    cli_submit.validate(out, challenges=challenges, solutions=solutions, per_task=True)
    told = capsys.readouterr().out
    assert "score 100.00%" in told
    assert "test outputs right: 9 of 9" in told


def test_a_killed_evaluation_of_some_tasks_is_completed_by_guesses(
    rollouts, challenges, tmp_path, capsys
):
    folder = evaluation_of(KNOWN[:2], rollouts, root=tmp_path)
    (folder / "completions.jsonl").write_text("{}\n" * (3 * 2 + 1))
    cli_submit.submit(folder, challenges=challenges, out=tmp_path / "submission.json")
    told = capsys.readouterr().out
    assert "1 more are drawn, not judged" in told
    assert "no sample of 4 tasks: d5d6de2d, 007bbfb7, 6150a2bd, 3428a4f5" in told
    wanted = read_challenges(challenges).num_tests
    assert validate_submission(tmp_path / "submission.json", wanted).valid


def test_an_evaluation_of_other_tasks_is_refused(rollouts, challenges, tmp_path):
    folder = evaluation_of(("68b16354",), rollouts, root=tmp_path)
    with pytest.raises(UserError, match=r"was made of other tasks .*: none of its tasks is among"):
        cli_submit.submit(folder, challenges=challenges, out=tmp_path / "submission.json")


def test_samples_of_a_task_of_the_same_id_with_other_grids_do_not_count(
    rollouts, challenges, tmp_path, capsys
):
    folder = evaluation_of(KNOWN, rollouts, root=tmp_path)
    raw = json.loads(challenges.read_text())
    raw[KNOWN[0]]["test"][0]["input"] = [[1, 2], [3, 4]]
    challenges.write_text(json.dumps(raw))
    cli_submit.submit(folder, challenges=challenges, out=tmp_path / "submission.json")
    assert (
        "other grids in the evaluation, whose samples do not count: task 67a3c6ac"
        in capsys.readouterr().err
    )
    made = json.loads((tmp_path / "submission.json").read_text())
    assert made[KNOWN[0]][0]["attempt_1"] == [[1, 2], [3, 4]]  # the guess


def test_an_option_of_sampling_without_a_policy_is_refused(challenges, tmp_path):
    with pytest.raises(UserError, match="--views does nothing without --policy"):
        cli_submit.submit(tmp_path, challenges=challenges, views=4)


def test_a_defect_ends_with_exit_code_1_and_a_count(challenges, tmp_path, capsys):
    out = tmp_path / "submission.json"
    out.write_text(json.dumps({KNOWN[0]: [{"attempt_1": [[0.5] * 20] * 20, "attempt_2": 1}]}))
    with pytest.raises(SystemExit) as end:
        cli_submit.validate(out, challenges=challenges)
    assert end.value.code == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 52
    assert lines[-2] == "… and 356 more"
    assert lines[-1].endswith("not valid, 406 defects")


def wait_for_another(file):
    """Until the file was replaced by a new one."""
    before = file.stat().st_ino
    deadline = time.monotonic() + 60
    while file.stat().st_ino == before:
        assert time.monotonic() < deadline
        time.sleep(0.0005)


def test_a_kill_at_any_instant_leaves_a_whole_file(rollouts, challenges, tmp_path):
    """A process that does nothing but improve its file is killed again and again."""
    wanted = read_challenges(challenges)
    out = tmp_path / "submission.json"
    rng = random.Random(0)
    LiveSubmission(out, wanted).write()
    contents = set()
    for _ in range(20):
        order = rng.sample(rollouts, len(rollouts))
        pid = os.fork()
        if pid == 0:
            while True:
                live = LiveSubmission(out, wanted, every_s=0)
                for rollout in order:
                    live.add(rollout)
        for _ in range(rng.randint(1, 3)):
            wait_for_another(out)
        time.sleep(rng.uniform(0, 0.003))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        assert validate_submission(out, wanted.num_tests).valid
        contents.add(out.read_bytes())
    assert len(contents) > 1


def test_an_earlier_sitting_is_counted_without_writing_over_its_file(
    rollouts, challenges, tmp_path
):
    out = tmp_path / "submission.json"
    live = LiveSubmission(out, read_challenges(challenges), known=len(rollouts), every_s=0)
    for rollout in rollouts:
        live.add(rollout)
    assert not out.exists()
    live.add(rollouts[0])
    assert out.exists()


def test_a_disk_that_takes_nothing_leaves_the_last_file_and_is_told(rollouts, challenges, tmp_path):
    wanted = read_challenges(challenges)
    live = LiveSubmission(tmp_path / "gone" / "submission.json", wanted, every_s=0)
    (tmp_path / "gone").write_text("a file where the folder should be")
    for rollout in rollouts:
        live.add(rollout)
    assert "cannot be written" in live.trouble
    (tmp_path / "gone").unlink()
    assert live.write()
    assert live.trouble == ""


def test_the_clock_starts_with_the_process_and_leaves_room_before_the_end():
    assert 0 < time.monotonic() - process_started() < time.monotonic()
    day = Clock(started=0.0, minutes=720)
    assert (day.evaluation_end, day.process_end) == (43170, 43190)
    short = Clock(started=0.0, minutes=1)
    assert (short.evaluation_end, short.process_end) == (51, 57)
    with pytest.raises(UserError, match="--minutes must be positive, not 0"):
        Clock(started=0.0, minutes=0)


@pytest.mark.long
def test_memory_beyond_its_budget_is_answered_step_by_step():
    asked = []
    enough = threading.Event()

    def relieve(used):
        asked.append(used)
        if len(asked) == 2:
            enough.set()
        return True

    guard = Guard(end=None, memory_bytes=1, relief_s=0.1, give_up=lambda why: None, relieve=relieve)
    with guard:
        assert enough.wait(60)
    assert all(used > 1 for used in asked)


def test_children_of_children_are_found():
    child = subprocess.Popen(
        ["sh", "-c", "sleep 60 & echo $!; wait"], stdout=subprocess.PIPE, text=True
    )
    try:
        grandchild = int(child.stdout.readline())
        assert {child.pid, grandchild} <= set(descendants(os.getpid()))
    finally:
        os.kill(grandchild, signal.SIGKILL)
        child.communicate()


def start(folder, challenges, *words, code=START):
    command = [sys.executable, "-c", code, "submit", folder, "--challenges", challenges, *words]
    return subprocess.Popen(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        cwd=challenges.parent, start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
    )  # fmt: skip


def samples_in(folder):
    try:
        return (folder / "completions.jsonl").read_bytes().count(b"\n")
    except FileNotFoundError:
        return 0


def policy_of(process):
    """The process that the policy of a run lives in."""
    deadline = time.monotonic() + 60
    while True:
        for pid in descendants(process.pid):
            with suppress(FileNotFoundError):
                if b"arcbench.policies.worker" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    return pid
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.long
@pytest.mark.slow
def test_a_run_that_is_killed_again_and_again_always_leaves_a_whole_file(
    challenges, tmp_path, tiny
):
    wanted = read_challenges(challenges)
    out, folder = tmp_path / "submission.json", tmp_path / "evals" / "kaggle"
    words = ("--policy", tiny, "--n", 48, "--views", 4, "--max-new-tokens", 8, "--workers", 1)
    for samples in (0, 40):
        process = start(folder, challenges, *words)
        while not (out.exists() and samples_in(folder) >= samples) and process.poll() is None:
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        assert validate_submission(out, wanted.num_tests).valid
    process = start(folder, challenges, *words)
    os.kill(policy_of(process), signal.SIGKILL)  # e.g. for its memory
    told = process.communicate()[0]
    assert "a valid file is there" in told
    assert "it is started again" in told
    assert f"{48 * 5} samples of 5 tasks" in told, told  # one has no room for its prompt
    assert validate_submission(out, wanted.num_tests).valid
    made = json.loads(out.read_text())
    solved = json.loads((tmp_path / "solutions.json").read_text())
    assert made["67a3c6ac"][0]["attempt_1"] == solved["67a3c6ac"][0]


class _Silent(BaseHTTPRequestHandler):
    """A server that tells its model where it `introduces` itself, and answers nothing else."""

    def do_GET(self):
        if self.server.introduces:
            body = json.dumps({"data": [{"id": "silent"}]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        else:
            self.server.ended.wait()

    def do_POST(self):
        self.server.ended.wait()

    def log_message(self, *args):
        pass


@pytest.fixture(params=[True, False], ids=["while it samples", "while it loads"])
def silent(request):
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Silent)
    server.daemon_threads = True
    server.ended, server.introduces = threading.Event(), request.param
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.ended.set()
    server.shutdown()
    thread.join()


@pytest.mark.long
@pytest.mark.slow
def test_a_policy_that_hangs_costs_no_deadline(challenges, tmp_path, silent):
    words = ("--policy", silent, "--minutes", 0.12, "--n", 4)
    process = start(tmp_path / "evals" / "hangs", challenges, *words)
    told = process.communicate(timeout=120)[0]
    assert process.returncode == 0, told
    assert "the time" in told
    assert f"{len(KNOWN)} by a guess from their shapes" in told
    out = tmp_path / "submission.json"
    assert validate_submission(out, read_challenges(challenges).num_tests).valid


LITTLE_MEMORY = START.replace(
    "cli.main()",
    """
from arcbench.submission import run
run.CompetitionRun.__init__.__kwdefaults__["relief_s"] = 2.0  # not to wait for minutes here
cli.main()
""",
)


@pytest.mark.long
@pytest.mark.slow
def test_memory_beyond_its_budget_ends_with_a_file(challenges, tmp_path, tiny):
    words = ("--policy", tiny, "--memory-gb", 0.05, "--n", 5000, "--workers", 2)
    process = start(tmp_path / "evals" / "small", challenges, *words, code=LITTLE_MEMORY)
    told = process.communicate(timeout=120)[0]
    assert process.returncode == 0, told
    steps = [line for line in told.splitlines() if "GiB" in line]
    assert steps[0].endswith("going on with fewer sandbox workers (1)")
    assert steps[1].endswith("no more is sampled")
    out = tmp_path / "submission.json"
    assert validate_submission(out, read_challenges(challenges).num_tests).valid
