"""Streams of procedural tasks: pure in (seed, index), checked, written as data sets."""

import gzip
import json
from collections import Counter
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arcbench.errors import UserError
from arcbench.grids import as_grid
from arcbench.judge import Attempt, Judge
from arcbench.policies import load_tokenizer
from arcbench.policies.base import Completion
from arcbench.prompts import PromptTemplate
from arcbench.rewards import scheme
from arcbench.sandbox import SandboxPool
from arcbench.synth import Phrasing, SynthConfig, generate
from arcbench.synth.checks import Fault, Recent, canonical_digest
from arcbench.synth.config import read_weights
from arcbench.synth.records import line, write_lines
from arcbench.synth.statistics import MEASURES, arc_training, measured, prompt_tokens
from arcbench.synth.stream import Left, Raised, _ordered, task_itself, tasks
from arcbench.tasks import Pair, Task, load_tasks
from arcbench.template_derive import derive_template, read_records

MIXED = SynthConfig(phrasings=tuple((phrasing, 1.0) for phrasing in Phrasing))


def test_a_part_of_a_stream_is_what_the_whole_has_there():
    whole = list(tasks(4, 12, encode=task_itself, workers=0))
    assert list(tasks(4, 5, encode=task_itself, first=7, workers=0)) == whole[7:]
    assert [item for _, item in whole] == [generate(4, index) for index, _ in whole]


@pytest.mark.long
@pytest.mark.slow
def test_the_number_of_processes_changes_nothing(tmp_path):
    files = []
    for workers in (0, 1, 2):
        encode = partial(line, form="problems", template=PromptTemplate.load("arcbench"))
        lines = tasks(8, 150, encode=encode, config=MIXED, workers=workers)
        write_lines(tmp_path / f"{workers}.jsonl.gz", lines)
        files.append((tmp_path / f"{workers}.jsonl.gz").read_bytes())
    assert files[0] == files[1] == files[2]
    assert len(gzip.decompress(files[0]).splitlines()) == 150


def test_a_family_that_raises_leaves_out_its_task_and_is_told(monkeypatch):
    from arcbench.synth import stream

    def flawed(seed, index, config):
        if index == 3:
            raise IndexError("no such row")
        return generate(seed, index, config)

    monkeypatch.setattr(stream, "generate", flawed)
    left = Left()
    found = [index for index, _ in tasks(4, 5, encode=task_itself, workers=0, left=left)]
    assert found == [0, 1, 2, 4, 5]
    assert left.raised == [Raised(index=3, message="IndexError: no such row")]


def renamed(task: Task, names: np.ndarray) -> Task:
    def pair(old: Pair) -> Pair:
        return Pair(input=as_grid(names[old.input]), output=as_grid(names[old.output]))

    return Task(
        id="other",
        train=tuple(pair(p) for p in reversed(task.train)),
        test=tuple(pair(p) for p in task.test),
    )


@given(st.integers(0, 300), st.permutations(range(1, 10)))
@settings(max_examples=25, deadline=None)
def test_a_task_with_other_colours_and_order_looks_like_itself(index, colours):
    task = generate(6, index).task
    other = renamed(task, np.array([0, *colours]))
    assert canonical_digest(other) == canonical_digest(task)
    assert canonical_digest(generate(6, index + 1).task) != canonical_digest(task)


def test_look_alikes_within_the_window_are_left_out(monkeypatch):
    from arcbench.synth import stream

    def repeating(seed, index, config):
        return generate(seed, index % 3 if index < 9 else index, config)

    monkeypatch.setattr(stream, "generate", repeating)
    left = Left()
    found = tasks(4, 5, encode=task_itself, workers=0, left=left)
    assert [index for index, _ in found] == [0, 1, 2, 9, 10]
    assert left.look_alikes == 6
    narrow = tasks(4, 5, encode=task_itself, workers=0, window=1)
    assert [index for index, _ in narrow] == [0, 1, 2, 3, 4]


def test_the_window_forgets_the_oldest():
    recent = Recent(2)
    assert [recent.is_new(digest) for digest in (1, 1, 2, 3, 1)] == [True, False, True, True, True]


def test_the_bound_on_prompts_is_kept_and_counted_as_the_embedded_policy_counts():
    chat = load_tokenizer("embedded")
    template = PromptTemplate.load("arcbench")
    config = SynthConfig(max_prompt_tokens=600)
    longest = 0
    for index in range(60):
        task = generate(2, index, config).task
        counted = [chat.count_tokens(template.messages(task, i)) for i in range(len(task.test))]
        assert prompt_tokens(task) == max(counted)
        longest = max(longest, *counted)
    assert 400 < longest <= 600


def test_only_the_named_families_come_and_their_weights_count():
    config = SynthConfig(
        families=("recolor", "fill holes"), weights=(("fill holes", 0.1),), pairs_of_families=0
    )
    counts = Counter(generate(3, index, config).families for index in range(150))
    assert set(counts) == {("recolor",), ("fill holes",)}
    assert counts[("recolor",)] > 3 * counts[("fill holes",)]


def test_shares_of_compositions_and_disguises_are_kept():
    config = SynthConfig(pairs_of_families=0.3, triples=0.1, disguises=0.5)
    found = [generate(5, index, config) for index in range(300)]
    lengths = Counter(len(item.families) for item in found)
    assert lengths[1] > lengths[2] > lengths[3] > 0
    alone = [item for item in found if len(item.families) == 1]
    assert 0.25 < sum(bool(item.disguise) for item in alone) / len(alone) < 0.65
    assert len({item.disguise for item in alone}) >= 6


def test_settings_survive_json_and_unknown_names_are_refused():
    config = SynthConfig(families=("recolor",), weights=(("recolor", 2.0),), triples=0.1)
    assert SynthConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    with pytest.raises(UserError, match="unknown family 'recolour'"):
        SynthConfig(families=("recolour",))
    with pytest.raises(UserError, match="unknown phrasing"):
        SynthConfig.from_dict({"phrasings": {"long": 1}})
    with pytest.raises(UserError, match="weight 0"):
        generate(0, 0, SynthConfig(families=("recolor",), weights=(("recolor", 0.0),)))


@pytest.mark.parametrize("text", ["[1]", "{", '{"weights": {"recolor": "much"}}'])
def test_a_file_that_holds_no_weights_is_a_mistake_of_the_user(tmp_path, text):
    file = tmp_path / "weights.json"
    file.write_text(text)
    with pytest.raises(UserError, match=r"weights\.json"):
        read_weights(file)


def test_faults_are_counted_by_their_reason():
    faults: Counter[Fault] = Counter()
    for index in range(60):
        generate(9, index, faults=faults)
    assert faults[Fault.UNCHANGED] + faults[Fault.HIDDEN_COLOR] + faults[Fault.IDLE_STEP] > 5


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz"])
def test_a_written_file_is_a_data_set_whose_programs_solve_it_in_the_sandbox(tmp_path, suffix):
    file = tmp_path / f"tasks{suffix}"
    template = PromptTemplate.load("arcbench")
    encode = partial(line, form="problems", template=template)
    assert write_lines(file, tasks(1, 24, encode=encode, config=MIXED, workers=0)) == 24
    found = load_tasks(file)
    assert len(found) == 24
    assert not found.problems
    raw = file.read_bytes()
    text = gzip.decompress(raw) if suffix.endswith("gz") else raw
    records = [json.loads(row) for row in text.splitlines()]
    attempts = [
        Attempt(
            task=found[record["uid"]],
            completion=Completion(text=template.completion(record["source"])),
        )
        for record in records
    ]
    with SandboxPool(1) as pool:
        rollouts = Judge(pool=pool, scheme=scheme("staged")).judge(attempts)
    assert all(rollout.score.solved for rollout in rollouts)


def test_chat_records_hold_the_template_s_prompt_byte_by_byte(tmp_path):
    template = PromptTemplate.load("arcbench")
    file = tmp_path / "chat.jsonl"
    encode = partial(line, form="chat", template=template)
    write_lines(file, tasks(1, 12, encode=encode, workers=0))
    first = json.loads(file.read_text().splitlines()[0])
    item = generate(1, 0)
    said = [*template.messages(item.task), {"content": template.completion(item.code)}]
    assert "".join(m["content"] for m in first["messages"]) == "".join(m["content"] for m in said)
    derived = derive_template(read_records(file), name="derived")
    assert derived.messages(item.task)[-2:] == template.messages(item.task)[-2:]


def test_a_file_that_cannot_be_finished_is_not_there(tmp_path):
    def broken():
        yield 0, b"{}\n"
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        write_lines(tmp_path / "a.jsonl", broken())
    assert not list(tmp_path.iterdir())
    with pytest.raises(UserError, match=r"\.jsonl"):
        write_lines(tmp_path / "a.json", iter(()))


def test_the_stream_behind_closes_when_its_reader_stops():
    made = _ordered(0, 0, SynthConfig(), task_itself, 0)
    next(made)
    made.close()
    assert list(made) == []


@pytest.mark.slow
def test_tasks_look_like_arc_s_training_tasks():
    arc = arc_training()
    assert arc.num_tasks == 400
    ours = measured("ours", (generate(1, index).task for index in range(700)))
    distances = {measure: arc.distance(ours, measure) for measure in MEASURES}
    assert max(distances.values()) < 0.2, distances
    assert sum(distances.values()) < 1.0, distances
    assert arc.distance(arc, "input cells") == 0
