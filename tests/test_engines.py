"""Engines behind HTTP, with real server processes, and TRL's own transfer of adapters."""

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch  # noqa: TID253  (what is tested here is torch)

from arcbench.errors import UserError
from arcbench.policies import SamplingConfig
from arcbench.policies.chat import ChatTokenizer
from arcbench.policies.transformers import TransformersPolicy
from arcbench.training.adapters import AdapterServer, AdapterServers
from arcbench.training.client import Client, ServerGone, gather
from arcbench.training.engines import mend_stale_lora, model_logprobs
from arcbench.training.perturb import proof_parameters
from arcbench.training.probes import fixed_probes
from arcbench.training.server_sampler import complete
from arcbench.training.serving import Server, ServerConfig
from arcbench.training.sync import EXACT, Canary, OutOfSync
from tests.tiny_policy import save_tiny_policy

SAMPLING = SamplingConfig(n=5, temperature=1.0, max_new_tokens=6, seed=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_tiny_policy(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def chat(folder):
    return ChatTokenizer.load(folder)


@pytest.fixture
def base(folder):
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)


@pytest.fixture
def lora(base):
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    return get_peft_model(base, LoraConfig(r=4, lora_alpha=8, target_modules="all-linear"))


def make_server(folder, tmp_path) -> Server:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    config = ServerConfig(model=str(folder), kind="transformers", port=0)
    return Server(config, tmp_path / "server.log")


@pytest.fixture(scope="module")
def servers(folder, tmp_path_factory):
    """Two real servers."""
    made = [make_server(folder, tmp_path_factory.mktemp("server")) for _ in range(2)]
    try:
        for server in made:
            server.start(timeout_s=300)
        yield made
    finally:
        for server in made:
            server.stop()


@pytest.fixture
def adapters(servers, lora, tmp_path):
    made = AdapterServers(
        clients=[s.client for s in servers], folder=tmp_path, adapter=lambda: lora
    )
    yield made
    made.close()


def move(lora, size=0.05, seed=0):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in lora.parameters():
            if p.requires_grad:
                p += size * torch.randn(p.shape, generator=generator)


def make_canary(lora, engine, chat) -> Canary:
    return Canary(
        engine=engine,
        trainer_scores=lambda found: model_logprobs(lora, found),
        probes=fixed_probes(chat),
        strict=EXACT,
    )


# --- adapters by name ---


@pytest.mark.long
def test_a_server_scores_and_samples_as_the_model_itself(servers, folder, base, chat):
    client = servers[0].client
    asked = fixed_probes(chat)
    for told, want in zip(client.score(asked), model_logprobs(base, asked), strict=True):
        assert told == pytest.approx(want, abs=1e-4)
    policy = TransformersPolicy(base, chat.tokenizer, name="tiny")
    ids = asked[0].prompt_ids
    written = client.complete(ids, SAMPLING, model=str(folder), seed=3)
    drawn = sorted(policy.stream_ids([ids], SAMPLING), key=lambda s: s.sample_index)
    assert [w.token_ids for w in written] == [s.completion.token_ids for s in drawn]
    assert [w.finish_reason for w in written] == [s.completion.finish_reason for s in drawn]
    for w, s in zip(written, drawn, strict=True):
        assert w.logprobs == pytest.approx(s.completion.logprobs, abs=1e-4)


@pytest.mark.slow
def test_the_canary_proves_every_server_and_follows_it_through_training(adapters, lora, chat):
    for engine in adapters.engines():
        canary = make_canary(lora, engine, chat)
        canary.prove(proof_parameters(lora), seed=1)
        for step in range(1, 4):
            move(lora, seed=step)
            adapters.sync()
            assert canary.check(step).gap < 1e-4
            assert canary.checks[-1].followed == pytest.approx(1, abs=1e-3)


@pytest.mark.slow
def test_old_adapters_are_unloaded_and_their_files_removed(adapters, servers, folder, tmp_path):
    names = []
    for _ in range(4):
        adapters.sync()
        names.append(adapters.name)
    assert len(set(names)) == 4
    for server in servers:
        assert server.client.models() == [str(folder), *names[-2:]]
    assert sorted(p.name for p in tmp_path.iterdir()) == names[-2:]
    adapters.close()
    assert servers[0].client.models() == [str(folder)]
    assert not tmp_path.exists()


@pytest.mark.slow
def test_all_servers_write_a_part_of_every_group(adapters, chat):
    adapters.sync()
    prompts = [p.prompt_ids for p in fixed_probes(chat)]
    groups = complete(adapters.clients, prompts, SAMPLING, model=adapters.name)
    assert [len(g) for g in groups] == [5] * len(prompts)
    assert complete(adapters.clients, prompts, SAMPLING, model=adapters.name) == groups
    assert len({w.token_ids for g in groups for w in g}) > 5


@pytest.mark.slow
def test_a_load_that_is_swallowed_is_caught_before_the_first_step(adapters, lora, chat):
    class Swallows(AdapterServer):
        def sync(self):
            if not self.servers.name:
                self.servers.sync()

    engine = Swallows(servers=adapters, client=adapters.clients[0])
    with pytest.raises(OutOfSync, match="does not get the trainer's weights"):
        make_canary(lora, engine, chat).prove(proof_parameters(lora), seed=1)


@pytest.mark.slow
def test_requests_that_do_not_name_the_adapter_are_caught(adapters, lora, chat):
    class Ignores(AdapterServer):
        def score(self, probes):
            return self.client.score(probes)

    engine = Ignores(servers=adapters, client=adapters.clients[1])
    with pytest.raises(OutOfSync, match="followed 0% of it"):
        make_canary(lora, engine, chat).prove(proof_parameters(lora), seed=1)


@pytest.mark.slow
def test_a_load_that_stops_working_is_caught_within_one_check(adapters, lora, chat):
    (engine, _) = adapters.engines()
    canary = make_canary(lora, engine, chat)
    canary.prove(proof_parameters(lora), seed=1)
    move(lora, size=0.01)
    with pytest.raises(OutOfSync, match=r"at step 1 .* samples with old weights"):
        canary.check(1)


@pytest.mark.slow
def test_an_adapter_outside_the_server_s_sight_is_refused_with_the_way_out(servers, tmp_path):
    with pytest.raises(ServerGone, match="VLLM_ALLOW_RUNTIME_LORA_UPDATING"):
        servers[0].client.load_adapter("x", str(tmp_path / "nowhere"))
    servers[0].client.unload_adapter("x")  # is not there: no error


# --- transport ---


class Flaky(BaseHTTPRequestHandler):
    """Answers as its class attribute says, one entry a request."""

    answers: list[int]

    def do_GET(self):
        status = self.answers.pop(0)
        body = json.dumps({"data": [{"id": "m"}]}).encode() if status == 200 else b"trouble"
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def flaky():
    """A function that starts a server with the given answers."""
    started = []

    def start(*answers: int) -> Client:
        handler = type("Handler", (Flaky,), {"answers": list(answers)})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        started.append(server)
        return Client(f"http://127.0.0.1:{server.server_port}/v1", patience_s=1.5)

    yield start
    for server in started:
        server.shutdown()


def test_what_may_pass_is_tried_again(flaky):
    assert flaky(503, 429, 200).models() == ["m"]


def test_what_will_not_pass_is_told_at_once(flaky):
    client = flaky(400, 200)
    with pytest.raises(ServerGone, match="answered 400: trouble") as caught:
        client.models()
    assert caught.value.status == 400
    assert client.models() == ["m"]  # the answer after it was not asked for


def test_a_server_that_stays_away_is_given_up_with_its_last_words(flaky):
    with pytest.raises(ServerGone, match=r"503: trouble \(tried again for 2 s\)"):
        flaky(*[503] * 50).models()
    gone = Client("http://127.0.0.1:9/v1", patience_s=0.5)
    with pytest.raises(ServerGone, match="refused"):
        gather([(gone, gone.models)] * 3)


# --- TRL's own transfer ---


class Trainer:
    """A TRL trainer as far as the mending looks at it."""

    def __init__(self, model, mode):
        from accelerate import Accelerator
        from trl.distributed import DistributedBackend
        from trl.generation.vllm_generation import VLLMGeneration

        self.model = model
        self.vllm_generation = VLLMGeneration.__new__(VLLMGeneration)  # without a server
        self.vllm_generation.model = model
        self.vllm_generation.mode = mode
        self.vllm_generation._dist = DistributedBackend(Accelerator(cpu=True))


def sent(trainer):
    """What arrives where tensors are packed after the walk has ended, as the last ones are."""
    return dict(list(trainer.vllm_generation._iter_named_params()))


def test_trl_sends_base_weights_in_place_of_merged_ones_until_it_is_mended(lora):
    move(lora)
    name = "model.layers.0.mlp.down_proj.weight"
    base = lora.get_base_model().model.layers[0].mlp.down_proj.base_layer.weight
    before = base.detach().clone()
    delta = lora.get_base_model().model.layers[0].mlp.down_proj.get_delta_weight("default")
    trainer = Trainer(lora, "server")
    # The fault itself: if this fails, TRL has mended it, and the mending here can go.
    assert torch.allclose(sent(trainer)[name], before, atol=1e-6)
    assert float(delta.detach().abs().max()) > 1e-4
    assert mend_stale_lora(trainer)
    assert torch.allclose(sent(trainer)[name], before + delta)
    assert torch.allclose(base, before, atol=1e-6)
    assert {n for n in sent(trainer) if "lora" in n} == set()


def test_nothing_is_mended_where_nothing_is_broken(lora, folder):
    from transformers import AutoModelForCausalLM

    full = AutoModelForCausalLM.from_pretrained(folder)
    for trainer in (Trainer(lora, "colocate"), Trainer(full, "server")):
        assert not mend_stale_lora(trainer)
        assert "_iter_named_params" not in vars(trainer.vllm_generation)
    assert not mend_stale_lora(type("WithoutVllm", (), {"model": lora})())


def test_where_trl_has_another_way_of_sending_weights_the_run_is_refused(lora):
    trainer = Trainer(lora, "server")
    trainer.vllm_generation = type("Other", (), {"mode": "server"})()
    with pytest.raises(UserError, match=r"use trl 1\.14"):
        mend_stale_lora(trainer)
