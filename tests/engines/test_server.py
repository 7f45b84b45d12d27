"""Adapters by name on a real vLLM server: it follows, its lies are caught, and its end is clean."""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from functools import partial

import numpy as np
import psutil
import pytest
import torch  # noqa: TID253  (what is tested here is torch)

from arcbench.cli import main
from arcbench.policies import SamplingConfig, model_path
from arcbench.policies.chat import ChatTokenizer
from arcbench.training.adapters import AdapterServer, AdapterServers
from arcbench.training.client import Client, ServerGone, gather
from arcbench.training.engines import model_logprobs
from arcbench.training.perturb import proof_parameters
from arcbench.training.probes import fixed_probes
from arcbench.training.server_sampler import complete
from arcbench.training.sync import EXACT, Canary, OutOfSync, Probe

WORDS = [
    *("serve", "--kind", "vllm", "--port", "0", "--dtype", "float32", "--eager"),
    *("--max-model-tokens", "1024", "--max-lora-rank", "8"),
]
LONG = SamplingConfig(n=64, temperature=1.0, max_new_tokens=500)


class Serving:
    """`arcbench serve` as a process of its own."""

    def __init__(self, cwd):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "arcbench", *WORDS],
            cwd=cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        self.said = ""

    def wait(self) -> str:
        """The address, once it is up."""
        while " serves " not in self.said:
            line = self.process.stdout.readline()
            assert line, self.said
            self.said += line
        return re.search(r"http://\S+", self.said).group()

    def started(self) -> list[psutil.Process]:
        """All processes below the command."""
        return psutil.Process(self.process.pid).children(recursive=True)


def left(processes, timeout_s: float) -> list[psutil.Process]:
    """Those that still run after a time; a zombie that nobody takes away does not."""
    deadline = time.monotonic() + timeout_s
    while True:
        found = [p for p in processes if _runs(p)]
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.1)


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture(scope="module")
def serving(tmp_path_factory):
    made = Serving(tmp_path_factory.mktemp("serve"))
    try:
        made.url = made.wait()
        yield made
    finally:
        made.process.terminate()
        made.process.communicate(timeout=60)


@pytest.fixture(scope="module")
def chat():
    return ChatTokenizer.load(model_path("embedded"))


@pytest.fixture
def lora():
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(model_path("embedded"), dtype=torch.float32)
    torch.manual_seed(0)
    return get_peft_model(base, LoraConfig(r=8, lora_alpha=16, target_modules="all-linear"))


@pytest.fixture
def adapters(serving, lora, tmp_path):
    made = AdapterServers(
        clients=[Client(serving.url)], folder=tmp_path / "adapters", adapter=lambda: lora
    )
    yield made
    made.close()


def move(lora, size=1e-3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in lora.parameters():
            if p.requires_grad:
                p += size * torch.randn(p.shape, generator=generator).sign()


def make_canary(lora, engine, chat) -> Canary:
    return Canary(
        engine=engine,
        trainer_scores=partial(model_logprobs, lora),
        probes=fixed_probes(chat)[:2],
        strict=EXACT,
    )


def test_check_sync_finds_that_a_served_policy_follows(serving, capfd):
    main(["check-sync", "--url", serving.url, "--rank", "8", "--checks", "5"])
    assert re.search(r"http://127\S+ .* 5 of 5 .* follows", capfd.readouterr().out)
    assert Client(serving.url).models() == [model_path("embedded")]


def test_a_healthy_server_follows_over_several_steps(adapters, lora, chat):
    (engine,) = adapters.engines()
    canary = make_canary(lora, engine, chat)
    canary.prove(proof_parameters(lora), seed=1)
    for step in range(1, 6):
        move(lora, seed=step)
        adapters.sync()
        assert canary.check(step).gap < 1e-4
        assert canary.checks[-1].followed == pytest.approx(1, abs=1e-2)


def test_a_swallowed_load_is_caught_before_the_first_step(adapters, lora, chat):
    class Swallows(AdapterServer):
        def sync(self):
            if not self.servers.name:
                self.servers.sync()

    engine = Swallows(servers=adapters, client=adapters.clients[0])
    with pytest.raises(OutOfSync, match="does not get the trainer's weights"):
        make_canary(lora, engine, chat).prove(proof_parameters(lora), seed=1)


def test_an_ignored_adapter_is_caught_before_the_first_step(adapters, lora, chat):
    class Ignores(AdapterServer):
        def score(self, probes):
            return self.client.score(probes)

    engine = Ignores(servers=adapters, client=adapters.clients[0])
    with pytest.raises(OutOfSync, match=r"followed -?0% of it"):
        make_canary(lora, engine, chat).prove(proof_parameters(lora), seed=1)


def test_a_stale_adapter_is_caught_within_one_check(adapters, lora, chat):
    (engine,) = adapters.engines()
    canary = make_canary(lora, engine, chat)
    canary.prove(proof_parameters(lora), seed=1)
    move(lora)
    with pytest.raises(OutOfSync, match=r"at step 1 .* samples with old weights"):
        canary.check(1)


def test_an_old_adapter_that_is_loaded_again_under_a_new_name_is_caught(
    adapters, lora, chat, tmp_path
):
    (engine,) = adapters.engines()
    canary = make_canary(lora, engine, chat)
    canary.prove(proof_parameters(lora), seed=1)
    start = shutil.copytree(adapters.folder / adapters.name, tmp_path / "start")
    move(lora)
    adapters.sync()
    canary.check(1)
    move(lora, size=1e-2, seed=2)
    adapters.sync()
    (client,) = adapters.clients
    client.load_adapter("reloaded", str(start))
    adapters.name = "reloaded"
    try:
        with pytest.raises(OutOfSync, match="at step 2"):
            canary.check(2)
    finally:
        client.unload_adapter("reloaded")


def test_sampling_tells_the_log_probabilities_of_what_was_drawn_from(adapters, lora, chat):
    move(lora, size=2e-2)
    adapters.sync()
    prompt = fixed_probes(chat)[0].prompt_ids
    plain = SamplingConfig(n=4, temperature=1.0, max_new_tokens=24, seed=5)
    ((*drawn,),) = complete(adapters.clients, [prompt], plain, model=adapters.name)
    for w in drawn:
        (own,) = model_logprobs(lora, [Probe(prompt_ids=prompt, completion_ids=w.token_ids)])
        assert w.logprobs == pytest.approx(own, abs=1e-3)
    warm = SamplingConfig(n=4, temperature=0.5, min_p=0.2, max_new_tokens=24, seed=5)
    ((*drawn,),) = complete(adapters.clients, [prompt], warm, model=adapters.name)
    for w in drawn:
        assert w.logprobs == pytest.approx(_as_drawn(lora, prompt, w.token_ids, warm), abs=1e-3)


def _as_drawn(lora, prompt, tokens, sampling) -> list[float]:
    with torch.no_grad():
        logits = lora(input_ids=torch.tensor([[*prompt, *tokens]])).logits[0]
    probs = (logits[len(prompt) - 1 : -1].double() / sampling.temperature).softmax(-1).numpy()
    probs[probs < sampling.min_p * probs.max(-1, keepdims=True)] = 0.0
    probs /= probs.sum(-1, keepdims=True)
    return list(np.log(probs[np.arange(len(tokens)), list(tokens)]))


def test_an_engine_that_hangs_behind_a_server_that_answers_ends_the_waiting(
    serving, adapters, chat
):
    adapters.sync()
    (client,) = adapters.clients
    engines = [p for p in serving.started() if any("EngineCore" in w for w in p.cmdline())]
    assert engines
    prompt = fixed_probes(chat)[0].prompt_ids
    call = partial(client.complete, prompt, LONG, model=adapters.name, seed=1)
    threading.Timer(2.0, lambda: [p.suspend() for p in engines]).start()
    started = time.monotonic()
    try:
        with pytest.raises(ServerGone, match="its engine has neither read nor written"):
            gather([(client, call)] * 4, stuck_s=5.0)
        assert client.healthy()
        assert time.monotonic() - started < 20
    finally:
        for p in engines:
            p.resume()


def test_ctrl_c_ends_the_server_without_an_orphan(serving):
    started = serving.started()
    assert len(started) >= 3  # the server, its engine, the guard
    os.killpg(serving.process.pid, signal.SIGINT)
    said = serving.process.communicate(timeout=60)[0]
    assert "SIGINT: stopping the server\nthe server has ended" in said
    assert serving.process.returncode == 0
    assert left(started, timeout_s=1) == []


def test_the_command_killed_while_the_server_loads_leaves_no_orphan(tmp_path):
    serving = Serving(tmp_path)
    seen: list[psutil.Process] = []
    try:
        deadline = time.monotonic() + 120
        while not any("EngineCore" in " ".join(p.cmdline()) for p in seen):
            assert time.monotonic() < deadline
            time.sleep(0.2)
            seen = serving.started()
        time.sleep(2)
        seen = serving.started()
    finally:
        serving.process.kill()
        serving.process.communicate()
    assert left(seen, timeout_s=40) == []
