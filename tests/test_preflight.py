"""What is checked before a run: each finding, well and not, and the run that stops."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcbench import preflight
from arcbench.cli import main
from arcbench.errors import UserError
from arcbench.evaluation import TaskCount
from arcbench.groups import signal_chance
from arcbench.lengths import Lengths, TaskLength
from arcbench.policies.chat import ChatTokenizer
from arcbench.preflight import Severity
from arcbench.prompts import PromptTemplate
from arcbench.runs import RunStore
from arcbench.training import grpo
from arcbench.training.checks import (
    before_run,
    check,
    check_servers,
    memory_finding,
    memory_setup,
    out_of_memory,
    raise_errors,
)
from arcbench.training.config import (
    DataConfig,
    GrpoConfig,
    LengthConfig,
    LoraConfig,
    PolicyConfig,
    TrainConfig,
    VllmColocate,
)
from arcbench.training.memory import GB, plan
from arcbench.training.memory_advice import LLAMA_3_1_8B
from tests.test_padding import LLAMA_3, make
from tests.tiny_policy import save_tiny_policy

MESSAGES = [
    {"role": "user", "content": "Black Blue"},
    {"role": "assistant", "content": "Example Blue\n"},
]
SPEAKING = "{% for m in messages %}{{ m['content'] }} {% endfor %}"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return str(save_tiny_policy(tmp_path_factory.mktemp("tiny")))


def config_of(model, **changes):
    data = DataConfig(tasks=("67a3c6ac", "a85d4709"))
    return TrainConfig(policy=PolicyConfig(model=model), data=data, **changes)


def named(findings, name):
    return next(f for f in findings if f.name == name)


def chat_of(template=SPEAKING):
    return ChatTokenizer(make(LLAMA_3, eos="<|eot_id|>", pad=None, template=template), "made")


def lengths_of(*tokens):
    tasks = [
        TaskLength(dataset="d", task_id=f"t{n}", test_index=0, tokens=n)
        for n in sorted(tokens, reverse=True)
    ]
    return Lengths(name="d", tasks=tuple(tasks))


def judge_lengths(*tokens, prompt, completion, model):
    return preflight.check_lengths(
        lengths_of(*tokens),
        max_prompt_tokens=prompt,
        max_completion_tokens=completion,
        max_model_tokens=model,
    )


# Tokenizer and chat


def test_padding_that_is_the_end_is_a_warning_with_the_command_that_mends_it():
    tokenizer = make(LLAMA_3, eos="<|eot_id|>", pad="<|eot_id|>")
    found = preflight.check_padding(tokenizer, stop_ids=(), rows=None, source="/m")
    assert found.severity is Severity.WARNING
    assert "fix-tokenizer /m --write" in found.advice
    assert tokenizer.pad_token == "<|eot_id|>"


def test_padding_for_which_there_is_no_token_is_an_error():
    tokenizer = make(["</s>"], eos="</s>", pad="</s>")
    found = preflight.check_padding(tokenizer, stop_ids=(), rows=len(tokenizer), source="/m")
    assert found.severity is Severity.ERROR


def test_a_chat_template_that_drops_a_message_is_an_error():
    deaf = "{% for m in messages if m['role'] != 'system' %}{{ m['content'] }}{% endfor %}"
    messages = [{"role": "system", "content": "Know"}, *MESSAGES]
    (found,) = preflight.check_chat(chat_of(deaf), messages, template="t")
    assert found.severity is Severity.ERROR
    assert found.message.endswith("drops the message of the system")
    # A text that stands in a later message, too, is missed all the same.
    messages = [{"role": "system", "content": "Example"}, *MESSAGES]
    (found,) = preflight.check_chat(chat_of(deaf), messages, template="t")
    assert found.message.endswith("drops a message before the user")


def test_words_that_a_tokenizer_does_not_know_are_counted():
    found = preflight.check_chat(
        chat_of(), [{"role": "user", "content": "Black Mauve Blue"}], template="t"
    )
    assert "1 of 3 tokens" in named(found, "tokens").message


def test_a_first_token_that_is_written_twice_is_seen():
    tokenizer = make(LLAMA_3, eos="<|eot_id|>", pad=None, template=SPEAKING)
    tokenizer.bos_token = "<|begin_of_text|>"
    messages = [{"role": "user", "content": "<|begin_of_text|> <|begin_of_text|> Blue"}]
    found = preflight.check_chat(ChatTokenizer(tokenizer, "made"), messages, template="t")
    assert named(found, "first token").severity is Severity.WARNING


def test_the_embedded_policys_prompt_comes_back_from_its_tokens():
    chat = ChatTokenizer.load("res/models/arcbench-16m")
    template = PromptTemplate.load()
    from arcbench.tasks import load_tasks

    task = load_tasks("arc-agi-1", "training").task("67a3c6ac")
    found = preflight.check_chat(chat, template.messages(task), template="arcbench")
    assert {f.severity for f in found} == {Severity.OK}


def test_a_barc_model_with_our_wording_is_warned_of():
    name = "barc0/Llama-3.1-ARC-Potpourri-Induction-8B"
    assert (
        "arcbench template --from"
        in preflight.check_template(name, "arcbench", ["arcbench"]).advice
    )
    assert preflight.check_template(name, "barc.toml", ["arcbench"]) is None
    assert preflight.check_template("embedded", "arcbench", ["arcbench"]) is None


# Lengths and samples


def test_tasks_that_are_left_out_are_counted_and_the_length_that_takes_all_is_named():
    (found,) = judge_lengths(100, 200, 900, prompt=500, completion=50, model=None)
    assert found.severity is Severity.WARNING
    assert found.message.startswith("2 of 3 tasks")
    assert "lengths.max_prompt_tokens 900" in found.advice


def test_no_task_left_is_an_error_and_all_of_them_are_well():
    assert judge_lengths(900, prompt=500, completion=50, model=None)[0].severity is Severity.ERROR
    assert judge_lengths(400, prompt=500, completion=50, model=450)[0].severity is Severity.OK


@pytest.mark.parametrize(("completion", "advice"), [(60, "to 390"), (500, "below 450")])
def test_more_tokens_than_the_model_has_positions_are_an_error(completion, advice):
    found = judge_lengths(400, prompt=500, completion=completion, model=450)
    assert named(found, "positions").severity is Severity.ERROR
    assert advice in named(found, "positions").advice


def test_samples_are_counted_in_tokens_with_the_one_that_ends_them(tmp_path):
    path = tmp_path / "samples.jsonl"
    lines = [
        {"completion": "Blue Blue", "finish_reason": "stop"},
        {"completion": "Blue Blue Blue", "finish_reason": "length"},
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = preflight.sample_lengths(path, chat_of().count_text)
    assert found == [(3, False), (3, True)]


def test_samples_that_do_not_end_are_told_with_the_length_that_holds_them():
    samples = [(n, False) for n in range(1, 101)]
    found = preflight.check_cut(samples, limit=70, source="f")
    assert found.severity is Severity.WARNING
    assert found.message.startswith("30.0% of 100 samples")
    assert "max_completion_tokens 95 holds" in found.advice
    assert preflight.check_cut(samples, limit=95, source="f").severity is Severity.OK
    assert preflight.check_cut([], limit=9, source="f").severity is Severity.WARNING


def test_samples_that_were_cut_where_they_were_made_say_nothing_of_their_length():
    found = preflight.check_cut([(10, True)] * 9 + [(5, False)], limit=1000, source="f")
    assert found.message.startswith("90.0%")
    assert "ends its answers" in found.advice


@pytest.mark.parametrize(
    ("line", "said"), [("{", "not JSON"), ("[]", "object"), ('{"a": 1}', "'completion'")]
)
def test_a_broken_line_of_samples_is_named_with_its_number(tmp_path, line, said):
    path = tmp_path / "samples.jsonl"
    path.write_text(json.dumps({"completion": "x"}) + "\n" + line + "\n")
    with pytest.raises(UserError, match=rf"jsonl:2.*{said}"):
        preflight.sample_lengths(path, len)


# Group size


def test_the_chance_of_a_signal_worked_out_by_hand():
    assert signal_chance(0.5, 2) == pytest.approx(0.5)
    assert signal_chance(1 / 8, 8) == pytest.approx(1 - 0.875**8, abs=1e-6)
    assert signal_chance(0.0, 64) == signal_chance(1.0, 64) == 0


@given(st.floats(0, 1), st.integers(1, 200))
def test_a_larger_group_has_a_signal_no_less_often_and_solving_counts_as_not_solving(rate, group):
    chance = signal_chance(rate, group)
    assert 0 <= chance <= 1
    assert signal_chance(rate, group + 1) >= chance - 1e-12
    assert signal_chance(1 - rate, group) == pytest.approx(chance, abs=1e-9)


def counts(*solved, samples=100):
    return {f"t{i}": TaskCount(samples=samples, solved=n) for i, n in enumerate(solved)}


def test_evaluation_tasks_want_larger_groups_than_training_tasks():
    often, seldom = counts(12, 13, 12), counts(2, 2, 1)
    assert preflight.check_group_size(often, 8).severity is Severity.OK
    found = preflight.check_group_size(seldom, 8)
    assert found.severity is Severity.WARNING
    assert "grpo.num_generations 64" in found.advice
    assert "8: 13%" in found.advice


def test_tasks_that_are_never_or_always_solved_teach_nothing():
    found = preflight.check_group_size(counts(0, 0, 100), 16)
    assert "2 never solved, 1 always" in found.message
    assert "choose other tasks" in found.advice


def test_pass_rates_come_from_a_judged_file(tmp_path):
    path = tmp_path / "judged.jsonl"
    solved, failed = [{"exact": True}], [{"exact": True}, {"exact": False}]
    lines = [{"task_id": "a", "pairs": p} for p in (solved, failed, [])]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert preflight.solved_counts(path) == {"a": TaskCount(samples=3, solved=1)}


# Machine


def test_layers_that_are_off_are_named_with_their_reason():
    assert preflight.check_sandbox({"one": ""})[0].severity is Severity.OK
    (found,) = preflight.check_sandbox({"one": "", "two": "the kernel has none"})
    assert found.severity is Severity.WARNING
    assert "one on; two off: the kernel has none" in found.message


@pytest.mark.parametrize(
    ("numpy", "severity"),
    [("1.26.4", Severity.OK), ("2.3.5", Severity.OK), ("2.4.0rc1", Severity.WARNING),
     ("2.10.0", Severity.WARNING)],
)  # fmt: skip
def test_a_numpy_that_refuses_what_models_write_is_warned_of(numpy, severity):
    found = preflight.check_worker("3.11.7", numpy)
    assert found.severity is severity
    assert f"numpy {numpy}" in found.message


def test_the_disk_must_hold_one_checkpoint_more_than_are_kept():
    def judged(free):
        return preflight.check_disk(free, checkpoint_bytes=10, keep=2, where="/x").severity

    assert [judged(n) for n in (29, 30, 59, 60)] == [
        Severity.ERROR, Severity.WARNING, Severity.WARNING, Severity.OK,
    ]  # fmt: skip


def test_memory_stops_a_run_only_where_the_plan_cannot_be_that_wrong():
    setup = memory_setup(TrainConfig(), LLAMA_3_1_8B, 4096)
    peak = plan(setup, GB).peak_bytes
    severities = [memory_finding(plan(setup, int(peak * x))).severity for x in (2, 0.95, 0.5)]
    assert severities == [Severity.OK, Severity.WARNING, Severity.ERROR]


def test_a_share_that_holds_no_sequence_beside_the_weights_is_an_error():
    lengths = LengthConfig(max_prompt_tokens=8635, max_completion_tokens=2000)
    lora = PolicyConfig(lora=LoraConfig())
    for share, severity in ((0.2, Severity.ERROR), (0.3, Severity.OK)):
        engine = VllmColocate(gpu_memory_share=share)
        config = TrainConfig(
            policy=lora, lengths=lengths, engine=engine, grpo=GrpoConfig(micro_batch=1)
        )
        found = memory_finding(plan(memory_setup(config, LLAMA_3_1_8B, 8635), 80 * GB))
        assert found.severity is severity


def test_a_full_card_is_told_with_what_would_help():
    full = RuntimeError("CUDA out of memory. Tried to allocate 2 GiB. More words.")
    said = str(out_of_memory(TrainConfig(), full))
    assert said.startswith("the GPU is out of memory: CUDA out of memory; ")
    assert "grpo.micro_batch" in said or "does not fit" in said


def test_the_settings_of_a_run_reach_its_memory_plan():
    config = TrainConfig(
        policy=PolicyConfig(lora=LoraConfig(rank=8, target_modules="q_proj, v_proj")),
        lengths=LengthConfig(max_prompt_tokens=500, max_completion_tokens=70),
        engine=VllmColocate(gpu_memory_share=0.4, sleep=True),
        gradient_checkpointing=False,
    )
    setup = memory_setup(config, LLAMA_3_1_8B, 321)
    assert (setup.lora_rank, setup.lora_modules) == (8, ("q_proj", "v_proj"))
    assert (setup.prompt_tokens, setup.completion_tokens) == (321, 70)
    assert (setup.engine, setup.utilization, setup.sleep) == ("vllm-colocate", 0.4, True)
    assert not setup.checkpointing


class Answers(BaseHTTPRequestHandler):
    """A server of 100 tokens, by what a vLLM server tells of itself."""

    def do_GET(self):
        body = json.dumps({"data": [{"id": "m", "max_model_len": 100}]}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"" if self.path == "/health" else body)

    def log_message(self, *_):
        pass


def test_servers_must_answer_and_take_the_length():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    try:
        assert check_servers([url], tokens=100)[0].severity is Severity.OK
        (short,) = check_servers([url], tokens=101)
    finally:
        server.shutdown()
        server.server_close()
    assert short.severity is Severity.ERROR
    assert "100 tokens, prompt and completion need 101" in short.message
    (silent,) = check_servers([url])
    assert "does not answer" in silent.message


# Runs


def test_a_sound_run_has_a_finding_of_every_kind_and_no_error(tiny, tmp_path):
    found = check(config_of(tiny), root=tmp_path)
    assert {f.name for f in found} >= {
        "padding token", "chat template", "lengths", "sandbox", "programs", "disk", "memory",
    }  # fmt: skip
    assert not [f for f in found if f.severity is Severity.ERROR]
    assert all(f.advice for f in found if f.severity is not Severity.OK)
    raise_errors(found)


def test_before_a_run_findings_are_kept_and_warnings_said(tiny, tmp_path):
    store = RunStore.create(tmp_path, "run", {})
    said = []
    before_run(config_of(tiny), store, said.append)
    kept = json.loads((store.path / "preflight.json").read_text())
    warnings = [f for f in kept if f["severity"] == "warning"]
    assert len(said) == len(warnings) > 0
    assert all(line.startswith("warning: ") for line in said)


def test_a_run_with_an_error_stops_before_the_model_is_loaded(tiny, tmp_path):
    # The tiny policy has 1,024 positions.
    lengths = LengthConfig(max_completion_tokens=1000)
    with pytest.raises(UserError, match=r"positions: .* lower lengths.max_prompt_tokens to 24"):
        grpo.train(config_of(tiny, lengths=lengths), root=tmp_path, name="run")
    store = RunStore.open(tmp_path / "run")
    assert "positions" in store.status().reason
    severities = {f["severity"] for f in json.loads((store.path / "preflight.json").read_text())}
    assert "error" in severities


def test_the_doctor_without_settings_tells_of_the_machine_only(capsys):
    main(["doctor"])
    out = capsys.readouterr().out
    assert "programs run under Python" in out
    assert "padding token" not in out


def test_the_doctor_with_settings_ends_with_an_error_where_a_run_would(tiny, capsys):
    words = [f"policy.model={tiny}", "data.tasks=67a3c6ac", "lengths.max_completion_tokens=1000"]
    with pytest.raises(SystemExit) as end:
        main(["doctor", "--set", *words])
    assert end.value.code == 2
    said = capsys.readouterr()
    assert "error   positions" in said.out
    assert "would stop the run" in said.err
