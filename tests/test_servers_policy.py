"""Several servers as one policy: what is drawn is the same whichever of them live."""

import os
import signal
import threading
import time
from contextlib import ExitStack
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcbench.errors import UserError
from arcbench.policies import Ask, SamplingConfig, load_policy, sample, servers
from arcbench.policies.http import ServerGone, as_answered
from arcbench.policies.servers import MOST_CHOICES, ServersPolicy, requests_of
from arcbench.training.plain_server import Listener, PlainServer, handler
from arcbench.training.serving import Server, ServerConfig
from tests.answering import answering
from tests.tiny_policy import save_tiny_policy

HELLO = [{"role": "user", "content": "black blue red"}]
counts = st.integers(1, 200)


@given(first=st.integers(0, 500), left=counts, right=counts)
def test_a_request_is_small_and_is_cut_at_the_same_places_wherever_the_ask_begins(
    first, left, right
):
    def asked(begin, end):
        ask = Ask(prompt_index=3, first_sample=begin, count=end - begin, messages=HELLO)
        return [part.numbers for part in requests_of(ask)]

    whole = asked(first, first + left + right)
    assert [j for numbers in whole for j in numbers] == list(range(first, first + left + right))
    assert all(0 < len(numbers) <= MOST_CHOICES for numbers in whole)
    resumed = asked(first + left, first + left + right)
    assert resumed[1:] == whole[len(whole) - len(resumed) + 1 :]
    assert resumed[0].stop == whole[-len(resumed)].stop


@given(prompt=st.integers(0, 400), first=st.integers(0, 5000), j=st.integers(0, 8))
def test_the_seed_of_a_sample_is_the_same_in_any_request(prompt, first, j):
    one = Ask(prompt_index=prompt, first_sample=first, messages=HELLO)
    other = Ask(prompt_index=prompt, first_sample=first + j, messages=HELLO)
    assert (one.seed(5) + j) % 2**31 == other.seed(5)
    assert 0 <= other.seed(5) < 2**31
    elsewhere = Ask(prompt_index=prompt + 1, first_sample=first, messages=HELLO)
    assert len({one.seed(5), one.seed(6), elsewhere.seed(5)}) == 3


# --- servers in threads, which fail as they are told ---


@pytest.fixture
def pair():
    with answering() as one, answering() as other:
        yield one, other


def policy_of(*servers, **options):
    options = {"patience_s": 0.0, **options}
    return load_policy(",".join(s.url for s in servers), **options)


def drawn(policy, asks, config):
    return {
        (s.prompt_index, s.sample_index): s.completion for s in policy.stream_asks(asks, config)
    }


def test_all_servers_are_asked_and_the_faster_one_more_often(pair):
    pair[0].delay_s = 0.3
    policy = policy_of(*pair, concurrency=1)
    assert policy.name == "small"
    asks = [Ask(prompt_index=i, first_sample=20, count=12, messages=HELLO) for i in range(6)]
    found = drawn(policy, asks, SamplingConfig(n=1))
    assert sorted(found) == [(i, j) for i in range(6) for j in range(20, 32)]
    assert found[0, 20].text == "text 0"  # 20 … 23 are one request, 24 … 31 another
    assert [found[0, j].text for j in (23, 24)] == ["text 3", "text 0"]
    slow, fast = (len(server.bodies) for server in pair)
    assert slow + fast == 12
    assert 0 < slow < fast


def test_servers_of_different_models_are_refused_unless_one_is_named(pair):
    pair[1].model = "large"
    with pytest.raises(UserError, match=r"serves 'small' and .* serves 'large'.*model="):
        policy_of(*pair)
    assert policy_of(*pair, model="mine").name == "mine"
    with pytest.raises(UserError, match="named twice"):
        policy_of(pair[0], pair[0])
    with pytest.raises(UserError, match="'nonesuch' is no address"):
        load_policy(f"{pair[0].url},nonesuch")


def test_what_one_server_cannot_do_another_does(pair):
    policy = policy_of(*pair)
    pair[0].plan = [503] * 3
    assert len(sample(policy, [HELLO] * 20, SamplingConfig(n=9))) == 20


def test_a_refused_request_is_an_error_at_once_and_no_server_is_lost(pair):
    policy = policy_of(*pair, patience_s=30.0)
    pair[0].plan = pair[1].plan = [400]
    with pytest.raises(ServerGone, match="answered 400") as caught:
        sample(policy, [HELLO], SamplingConfig(n=1))
    assert caught.value.refused
    assert sum(len(server.bodies) for server in pair) == 1


def test_a_request_that_every_server_fails_at_ends_with_an_error(pair, monkeypatch):
    monkeypatch.setattr(servers, "LOOK_EVERY_S", 0.02)  # each is back before the other fails
    policy = policy_of(*pair)
    for server in pair:
        server.plan, server.delay_s = [500] * 9, 0.3
    with pytest.raises(ServerGone, match="answered 500"):
        sample(policy, [HELLO], SamplingConfig(n=1))


def test_without_any_server_the_error_has_the_last_words_of_each(pair):
    nowhere = "http://127.0.0.1:9/v1"
    policy = ServersPolicy([nowhere, pair[0].url], patience_s=0.0)
    assert len(sample(policy, [HELLO], SamplingConfig(n=2))[0]) == 2
    assert policy.count_tokens(HELLO) == 7
    pair[0].plan = [502] * 9
    with pytest.raises(ServerGone, match=r"127\.0\.0\.1:9/\S+ .*Connection refused.* answered 502"):
        sample(policy, [HELLO], SamplingConfig(n=1))
    with pytest.raises(ServerGone, match=r"no server is left: .*:9/.*; .*:8/"):
        ServersPolicy([nowhere, "http://127.0.0.1:8/v1"], patience_s=0.0)


@pytest.mark.parametrize("concurrency", [1, 3])
def test_answers_that_nobody_takes_are_not_piled_up(concurrency):
    begun = []
    calls = [partial(begun.append, i) for i in range(50)]
    answers = as_answered(calls, concurrency=concurrency)
    for taken in range(1, 5):
        next(answers)
        time.sleep(0.05)
        assert len(begun) <= taken + 2 * concurrency
    assert len(list(answers)) == 46
    assert sorted(begun) == list(range(50))


def test_a_stream_that_is_closed_lets_no_thread_wait_for_a_server(pair):
    policy = policy_of(*pair, concurrency=4)
    stream = policy.stream([HELLO] * 40, SamplingConfig(n=8))
    next(stream)
    pair[0].delay_s = pair[1].delay_s = 60.0
    for _ in range(20):
        next(stream)
    ours = {t for t in threading.enumerate() if t.name.endswith("(work)")}
    assert ours
    stream.close()
    for thread in ours:
        thread.join(20)
        assert not thread.is_alive()


# --- a real model behind a server ---


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    return load_policy(str(save_tiny_policy(tmp_path_factory.mktemp("local"))), device="cpu")


@pytest.fixture
def plain(local):
    httpd = Listener(("127.0.0.1", 0), handler(PlainServer(local, "tiny")))
    threading.Thread(target=httpd.serve_forever, args=(0.02,), daemon=True).start()
    yield ServersPolicy([f"http://127.0.0.1:{httpd.server_port}/v1"])
    httpd.shutdown()
    httpd.server_close()


def test_a_server_writes_what_its_model_would_write_here(plain, local):
    prefix = [*HELLO, {"role": "assistant", "content": "Output: green"}]
    config = SamplingConfig(n=2, temperature=0, max_new_tokens=9)
    found = sample(plain, [HELLO, prefix], config)
    for row, own in zip(found, sample(local, [HELLO, prefix], config), strict=True):
        assert [(c.text, c.token_ids) for c in row] == [(c.text, c.token_ids) for c in own]
        assert [c.finish_reason for c in row] == [c.finish_reason for c in own]
        for c, o in zip(row, own, strict=True):
            assert c.logprobs == pytest.approx(o.logprobs, abs=1e-5)
    assert found[0][0].text != found[1][0].text
    assert plain.count_tokens(prefix) == local.count_tokens(prefix) > local.count_tokens(HELLO)


def test_what_a_server_writes_does_not_depend_on_what_else_is_asked(plain):
    config = SamplingConfig(temperature=1.0, max_new_tokens=9)
    whole = drawn(plain, [Ask(prompt_index=7, count=30, messages=HELLO)], config)
    assert len({c.text for c in whole.values()}) > 10
    some = [
        Ask(prompt_index=7, first_sample=j, count=n, messages=HELLO) for j, n in ((21, 9), (3, 2))
    ]
    found = drawn(plain, some, config)
    assert sorted(found) == [(7, j) for j in (3, 4, *range(21, 30))]
    assert all(c.text == whole[key].text for key, c in found.items())


def test_a_prompt_that_is_too_long_for_a_server_is_an_error_that_says_so(plain):
    with pytest.raises(ServerGone, match=r"answered 400.*more than the 1024 positions"):
        sample(plain, [HELLO], SamplingConfig(n=1, max_new_tokens=2000))


# --- servers that are processes ---


@pytest.fixture(scope="module")
def processes(tmp_path_factory):
    folder = save_tiny_policy(tmp_path_factory.mktemp("tiny"))
    config = ServerConfig(model=str(folder), kind="transformers", port=0)
    logs = tmp_path_factory.mktemp("logs")
    with ExitStack() as stack:
        made = [stack.enter_context(Server(config, logs / f"{i}.log")) for i in range(2)]
        starts = [threading.Thread(target=server.start) for server in made]
        for start in starts:
            start.start()
        for start in starts:
            start.join()
        yield made


ASKS = [Ask(prompt_index=i, first_sample=4 * i, count=40, messages=HELLO) for i in range(4)]
CONFIG = SamplingConfig(temperature=1.0, max_new_tokens=40, seed=3)


@pytest.fixture(scope="module")
def undisturbed(processes):
    found = drawn(ServersPolicy([processes[0].url]), ASKS, CONFIG)
    assert len({c.text for c in found.values()}) > 50
    assert all(len(c.token_ids) == len(c.logprobs) > 0 for c in found.values())
    return found


def written(server) -> int:
    """How many requests a server has answered."""
    return server.log.read_text().count('"POST /v1/chat/completions HTTP/1.1" 200')


@pytest.mark.long
@pytest.mark.slow
def test_a_server_that_stands_still_is_given_up_and_used_again_when_it_goes_on(
    processes, undisturbed
):
    policy = ServersPolicy([p.url for p in processes], concurrency=2, silent_s=1.0)
    stream = policy.stream_asks(ASKS, CONFIG)
    found = [next(stream)]
    os.kill(processes[1].pid, signal.SIGSTOP)
    try:
        found += stream
    finally:
        os.kill(processes[1].pid, signal.SIGCONT)
    assert {(s.prompt_index, s.sample_index): s.completion for s in found} == undisturbed
    before = written(processes[1])
    while written(processes[1]) < before + 3:  # the test's own time limit ends this
        assert drawn(policy, ASKS, CONFIG) == undisturbed


@pytest.mark.long
@pytest.mark.slow
def test_a_server_that_is_killed_changes_nothing_and_is_used_again_when_it_is_back(
    processes, undisturbed
):
    policy = ServersPolicy([p.url for p in processes], concurrency=2, patience_s=0.5)
    stream = policy.stream_asks(ASKS, CONFIG)
    found = [next(stream)]
    os.kill(processes[1].pid, signal.SIGKILL)
    found += stream
    assert len(found) == len(undisturbed)
    assert {(s.prompt_index, s.sample_index): s.completion for s in found} == undisturbed
    processes[1].stop()
    processes[1].start()
    before = written(processes[1])
    while written(processes[1]) < before + 3:
        assert drawn(policy, ASKS, CONFIG) == undisturbed


def test_servers_that_were_all_lost_are_used_again_by_the_next_stream_when_one_is_back(pair):
    one, other = pair
    policy = ServersPolicy([one.url, other.url], patience_s=0.1)
    for place in policy._places:
        place.away = "it was away"
    assert sample(policy, [HELLO], SamplingConfig(n=1, max_new_tokens=4))[0][0].text
