"""`arcbench score`: completions in other people's formats."""

import gzip
import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arcbench.augment import Augmentation
from arcbench.completion_files import ShownTasks, count_attempts, read_attempts
from arcbench.errors import UserError
from arcbench.evaluation import EvalConfig, EvalStore
from arcbench.evaluation.store import Written
from arcbench.evaluation.views import view
from arcbench.grid_finding import DIGITS, WORD_SETS
from arcbench.grids import as_grid
from arcbench.judge import Attempt, Judge
from arcbench.judge_file import judge_file
from arcbench.policies.base import Completion
from arcbench.prompts import GridFormat, PromptTemplate
from arcbench.rewards import SCHEMES
from arcbench.rollouts import write_rollouts
from arcbench.sandbox import SandboxPool
from arcbench.tasks import Pair, Task, TaskSet, load_tasks
from tests.strategies import tasks as any_task

RIGHT = "```python\ndef transform(grid):\n    return grid[:, ::-1]\n```"
WRONG = "```python\ndef transform(grid):\n    return grid\n```"
MIRROR = "67a3c6ac"  # RIGHT solves it
OTHER = "68b16354"
TEMPLATE = PromptTemplate.load("arcbench")
ARC = load_tasks("arc-agi-1", "training")


def rendered(messages):
    """A prompt as an engine gets it: one text with the marks of turns."""
    turns = (f"<|start|>{m['role']}<|end|>\n\n{m['content']}<|over|>" for m in messages)
    return "<|begin|>" + "".join(turns) + "<|start|>assistant<|end|>\n\n"


def ours(task_id, *texts):
    return [{"task_id": task_id, "completion": text} for text in texts]


def barc(task_id, *texts, uid=None, prompt=True):
    record = {"uid": uid or task_id, "base_model": "llama", "lora_dir": None}
    if prompt:
        record["prompt"] = rendered(TEMPLATE.messages(ARC[task_id]))
    return [{**record, "responses": list(texts)}]


def barc_messages(task_id, *texts):
    return [{"uid": task_id, "messages": TEMPLATE.messages(ARC[task_id]), "responses": list(texts)}]


def chat(task_id, *texts, **more):
    asked = [m for m in TEMPLATE.messages(ARC[task_id]) if m["role"] != "assistant"]
    answers = ({"role": "assistant", "content": f"I see.\n{text}"} for text in texts)
    return [{"messages": [*asked, answer], **more} for answer in answers]


def write(path, records):
    data = b"".join(json.dumps(r).encode() + b"\n" for r in records)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def read(path, tasks=ARC):
    complaints = []
    found = list(read_attempts(path, tasks, complaints.append))
    return found, complaints


def solved_of(path, tasks=ARC):
    """(task, whether it is the right program) of each attempt, in order."""
    found, complaints = read(path, tasks)
    assert complaints == []
    return [(a.task.id, "::-1" in a.completion.text) for a in found]


EXPECTED = [(MIRROR, True), (MIRROR, False), (OTHER, False)]
FORMS = {
    "ours": [*ours(MIRROR, RIGHT, WRONG), *ours(OTHER, WRONG)],
    "BARC's": [*barc(MIRROR, RIGHT, WRONG), *barc(OTHER, WRONG)],
    "BARC's with messages": [*barc_messages(MIRROR, RIGHT, WRONG), *barc_messages(OTHER, WRONG)],
    "BARC's by test input": [
        *barc(MIRROR, RIGHT, WRONG, uid=f"{MIRROR}-0", prompt=False),
        *barc(OTHER, WRONG, uid=f"{OTHER}_variant", prompt=False),
    ],
    "BARC's with a name of its own": [
        *barc(MIRROR, RIGHT, WRONG, uid="problem 7"),
        *barc(OTHER, WRONG, uid=f"{MIRROR}-1"),  # what the prompt shows says more
    ],
    "chats with names": [*chat(MIRROR, RIGHT, WRONG, uid=MIRROR), *chat(OTHER, WRONG, uid=OTHER)],
    "chats": [*chat(MIRROR, RIGHT, WRONG), *chat(OTHER, WRONG)],
    "a mixture": [*ours(MIRROR, RIGHT), *chat(MIRROR, WRONG), *barc(OTHER, WRONG)],
}


@pytest.mark.parametrize("records", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("name", ["completions.jsonl", "completions.jsonl.gz"])
def test_every_form_gives_the_same_attempts(tmp_path, records, name):
    path = write(tmp_path / name, records)
    assert solved_of(path) == EXPECTED
    assert count_attempts(path) in (None, len(EXPECTED))
    found, _ = read(path)
    assert [a.index for a in found] == [0, 1, 0]


@pytest.mark.parametrize("words", [*WORD_SETS, DIGITS])
@pytest.mark.parametrize(("cell", "row"), [(" ", "\n"), (", ", "\n"), (", ", "], [")])
def test_a_task_is_found_however_its_grids_are_written(words, cell, row):
    form = GridFormat(colors=words, cell=cell, row=row)
    edge = ("[[", "]]") if row == "], [" else ("", "")
    template = replace(
        TEMPLATE,
        grid=form,
        example="Input {index}:\n" + "{input}".join(edge) + "\nOutput:\n" + "{output}".join(edge),
        between="\n\n",
        test="\n\nTest:\n" + "{input}".join(edge) + "\n",
    )
    shown = ShownTasks(ARC)
    for task_id in (MIRROR, OTHER, "007bbfb7"):
        text = template.messages(ARC[task_id])[-1 if not template.assistant else -2]["content"]
        assert shown.task({"messages": [{"role": "user", "content": text}]}).id == task_id


@given(st.lists(any_task(max_side=3), min_size=1, max_size=4, unique_by=lambda t: t.id), st.data())
@settings(max_examples=50, deadline=None)
def test_a_prompt_shows_one_task_or_it_is_said_why_not(found, data):
    tasks = TaskSet(name="drawn", tasks={t.id: t for t in found})
    task = data.draw(st.sampled_from(found))
    pairs = [frozenset((p.input.tobytes(), p.input.shape, p.output.tobytes(), p.output.shape)
             for p in t.train) for t in found]  # fmt: skip
    mine = pairs[found.index(task)]
    record = {"prompt": rendered(TEMPLATE.messages(task))}
    rivals = sum(other <= mine for other in pairs)
    if rivals == 1:
        assert ShownTasks(tasks).task(record) == task
    else:
        with pytest.raises(UserError, match="several tasks"):
            ShownTasks(tasks).task(record)


def test_two_tasks_with_the_same_grids_are_named_and_so_is_a_prompt_of_none():
    twin = replace(ARC[MIRROR], id="twin")
    tasks = TaskSet(name="twins", tasks={MIRROR: ARC[MIRROR], "twin": twin})
    prompt = rendered(TEMPLATE.messages(twin))
    with pytest.raises(UserError, match=rf"several tasks: {MIRROR}, twin"):
        ShownTasks(tasks).task({"prompt": prompt})
    assert ShownTasks(tasks).task({"prompt": prompt, "uid": "twin"}).id == "twin"
    strange = rendered(TEMPLATE.messages(ARC[OTHER]))
    with pytest.raises(UserError, match=r"no task of twins \(2 tasks\): 7 grids were found"):
        ShownTasks(tasks).task({"prompt": strange})
    with pytest.raises(UserError, match="0 grids"):
        ShownTasks(tasks).task({"prompt": "Write a poem."})
    with pytest.raises(UserError, match="unknown task of twins"):
        ShownTasks(tasks).task({"prompt": strange, "uid": OTHER})
    with pytest.raises(UserError, match="unknown task of twins"):
        # What the prompt shows is something else, perhaps an augmented form.
        ShownTasks(tasks).task({"prompt": strange, "uid": f"{MIRROR}-0"})


def test_a_task_of_which_the_prompt_shows_a_part_only_is_not_meant():
    mine = ARC[MIRROR]
    more = replace(mine, id="more", train=(*mine.train, *ARC[OTHER].train))
    tasks = TaskSet(name="two", tasks={MIRROR: mine, "more": more})
    assert ShownTasks(tasks).task({"prompt": rendered(TEMPLATE.messages(mine))}).id == MIRROR


BROKEN = [
    ('{"responses": []', "not JSON"),
    ('{"uid": "67a3c6ac", "responses": []}', '"responses" must be a list of texts'),
    ('{"uid": "67a3c6ac", "responses": ["a", 1]}', '"responses" must be a list of texts'),
    ('{"uid": 7, "responses": ["a"]}', "the name of a task is a text, not 7"),
    ('{"responses": ["a"]}', '"task_id" or "uid"'),
    ('{"uid": "67a3c6ac"}', "needs a text that is the completion"),
    ('{"messages": []}', '"messages" must be a list of turns'),
    ('{"messages": [{"role": "user", "content": ["x"]}]}', "a text as content"),
    ('{"uid": "67a3c6ac", "messages": [{"role": "user", "content": "x"}]}', "is the completion"),
    ('{"task_id": "67a3c6ac-0", "completion": "x"}', "67a3c6ac"),  # ours are exact
    ('"67a3c6ac"', "a JSON object"),
]


def test_broken_lines_are_named_with_their_numbers_and_the_rest_is_scored(tmp_path):
    good = json.dumps(ours(MIRROR, RIGHT)[0])
    path = tmp_path / "mixed.jsonl"
    path.write_text("\n".join(["", good, *(line for line, _ in BROKEN), good]) + "\n")
    found, complaints = read(path)
    assert [a.task.id for a in found] == [MIRROR, MIRROR]
    assert len(complaints) == len(BROKEN)
    for number, (complaint, (_, why)) in enumerate(zip(complaints, BROKEN, strict=True), start=3):
        assert complaint.startswith(f"mixed.jsonl:{number}: ")
        assert why in complaint


def test_a_byte_order_mark_is_no_fault_and_a_torn_archive_is_told(tmp_path):
    marked = tmp_path / "marked.jsonl"
    marked.write_bytes(b"\xef\xbb\xbf" + json.dumps(ours(MIRROR, RIGHT)[0]).encode())
    assert solved_of(marked) == [(MIRROR, True)]
    torn = write(tmp_path / "torn.jsonl.gz", ours(MIRROR, *[f"{RIGHT} {i}" for i in range(500)]))
    torn.write_bytes(torn.read_bytes()[:-200])
    found, complaints = read(torn)
    assert 0 < len(found) < 500
    assert len(complaints) == 1
    assert "cannot be unpacked after line" in complaints[0]


def test_a_cut_completion_and_its_tokens_are_known(tmp_path):
    records = [{**ours(MIRROR, RIGHT)[0], "finish_reason": "length", "token_ids": [1, 2, 3]}]
    ((attempt,), _) = read(write(tmp_path / "cut.jsonl", records))
    assert attempt.completion.truncated
    assert attempt.completion.token_ids == (1, 2, 3)


@pytest.fixture(scope="module")
def judge():
    with SandboxPool(workers=2) as pool:
        yield Judge(pool=pool, scheme=SCHEMES["staged"])


FLIP_UP = Task(
    id="flip",
    train=(
        Pair(input=as_grid([[1, 2], [3, 4]]), output=as_grid([[3, 4], [1, 2]])),
        Pair(input=as_grid([[5, 0]]), output=as_grid([[5, 0]])),
    ),
    test=(Pair(input=as_grid([[7], [8], [9]]), output=as_grid([[9], [8], [7]])),),
)
UP = TaskSet(name="one task", tasks={"flip": FLIP_UP})


def test_rollouts_are_judged_anew_on_what_the_policy_saw(tmp_path, judge):
    rng = np.random.default_rng(3)
    seen = [None, *(Augmentation.draw(rng, FLIP_UP) for _ in range(12))]
    attempts = [
        Attempt(
            task=FLIP_UP if a is None else a.apply(FLIP_UP),
            completion=Completion(text=text),
            augmentation=a,
            index=i,
        )
        for i, a in enumerate(seen)
        for text in (RIGHT, "```python\ndef transform(grid):\n    return grid[::-1]\n```")
    ]
    rollouts = judge.judge(attempts)
    assert 0 < sum(r.solved for r in rollouts) < len(rollouts)
    (tmp_path / "rollouts").mkdir()
    write_rollouts(tmp_path / "rollouts" / "000000.parquet", rollouts[:10])
    write_rollouts(tmp_path / "rollouts" / "000001.parquet", rollouts[10:])
    assert count_attempts(tmp_path) == len(rollouts)
    again = []
    for source in (tmp_path, tmp_path / "rollouts"):
        again.clear()
        summary = judge_file(
            source, None, tasks=UP, judge=judge, report=pytest.fail, on_rollout=again.append
        )
        assert [r.score for r in again] == [r.score for r in rollouts]
        assert [r.augmentation for r in again] == [r.augmentation for r in rollouts]
        assert summary.judged == len(rollouts)
    complaints = []
    single = tmp_path / "rollouts" / "000001.parquet"
    assert list(read_attempts(single, ARC, complaints.append)) == []
    assert len(complaints) == len(rollouts) - 10
    assert complaints[0].startswith("000001.parquet, row 1: ")


def test_a_grid_before_the_examples_is_no_hindrance():
    messages = TEMPLATE.messages(ARC[MIRROR])
    text = (
        "This is a grid:\n" + TEMPLATE.grid.write(as_grid([[1, 2]])) + "\n\n" + rendered(messages)
    )
    assert ShownTasks(ARC).task({"prompt": text}).id == MIRROR


def test_completions_of_an_evaluation_are_judged_on_the_view_that_the_policy_saw(tmp_path):
    config = EvalConfig(policy="embedded", tasks=(MIRROR, OTHER), n=6, views=3, split="training",
                        template="arcbench", k=(1,))  # fmt: skip
    store = EvalStore.start(tmp_path, "views", config)
    with store.appending() as writer:
        for task_id in (MIRROR, OTHER):
            for index in (5, 0, 1, 2):
                completion = Completion(text=RIGHT, token_ids=(1, 2))
                writer.add(Written(task_id=task_id, index=index, completion=completion))
    found, complaints = read(store.completions_file)
    assert complaints == []
    assert [(a.task.id, a.index) for a in found] == [(t, i) for t in (MIRROR, OTHER) for i in (5, 0, 1, 2)]  # fmt: skip  # noqa: E501
    for a in found:
        seen = view(ARC[a.task.id], a.index % 3, seed=config.seed, template=TEMPLATE)
        assert (a.task, a.augmentation) == (seen.task, seen.augmentation)
        assert (a.test_index, a.messages_hash) == (seen.test_index, seen.messages_hash)
    assert sum(a.augmentation is None for a in found) == 2
    with store.completions_file.open("a") as sink:
        sink.write(json.dumps(ours(MIRROR, RIGHT)[0]) + "\n")
    assert 'needs the number "index"' in read(store.completions_file)[1][0]


def test_a_parquet_file_of_something_else_is_named(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"x": [1]}), tmp_path / "a.parquet")
    (tmp_path / "b.parquet").write_bytes(b"nothing")
    found, complaints = read(tmp_path)
    assert found == []
    assert [c.split(":")[0] for c in complaints] == ["a.parquet", "b.parquet"]


@pytest.mark.parametrize("name", ["nowhere.jsonl", "empty"])
def test_a_source_that_is_none_is_named(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=name):
        count_attempts(tmp_path / name)
    with pytest.raises(UserError, match=name):
        list(read_attempts(tmp_path / name, ARC, pytest.fail))


def score(*words):
    command = [sys.executable, "-m", "arcbench", "score", *map(str, words), "--split", "training"]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.slow
def test_the_command_prints_the_table_and_pass_at_k_and_writes_what_it_judged(tmp_path):
    path = write(tmp_path / "barc.jsonl", [*barc(MIRROR, *[RIGHT] * 3, WRONG), {}, *chat(OTHER, WRONG)])  # fmt: skip  # noqa: E501
    done = score(path, "--k", "1", "2", "--out", tmp_path / "judged.jsonl")
    assert done.returncode == 0, done.stderr
    assert "barc.jsonl:2: " in done.stderr
    assert "398 of 400 tasks have no samples" in done.stderr
    assert "pass@2 is left out" in done.stderr
    assert "pass@1" in done.stdout
    assert "37.5%" in done.stdout  # the mean of 3 in 4 and 0 in 1
    assert "5 judged" in done.stdout.splitlines()[-1]
    assert "1 broken lines" in done.stdout.splitlines()[-1]
    lines = [json.loads(x) for x in (tmp_path / "judged.jsonl").read_text().splitlines()]
    assert Counter(x["task_id"] for x in lines) == {MIRROR: 4, OTHER: 1}
    assert [all(p["exact"] for p in x["pairs"]) for x in lines] == [True] * 3 + [False] * 2


@pytest.mark.slow
def test_a_file_without_a_line_that_can_be_judged_exits_2(tmp_path):
    done = score(write(tmp_path / "none.jsonl", [{"task_id": "nonsense", "completion": "x"}]))
    assert done.returncode == 2
    assert "none.jsonl:1: " in done.stderr
    assert "no completion" in done.stderr
