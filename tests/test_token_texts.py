import json
import subprocess
import sys

import pytest

from arcbench.policies import embedded, load_policy
from arcbench.policies.base import SamplingConfig, sample
from arcbench.policies.server import _completion
from arcbench.policies.token_texts import token_texts
from tests.answering import answering

HELLO = [{"role": "user", "content": "Hello"}]


def ids_of(text):
    from tokenizers import Tokenizer

    file = embedded.checked_path() / "tokenizer.json"
    return tuple(Tokenizer.from_file(str(file)).encode(text, add_special_tokens=False).ids)


@pytest.mark.parametrize("text", ["def transform(grid):\n    return grid[::-1]", "é 🙂 → ü", ""])
def test_the_texts_of_the_tokens_are_the_text(text):
    ids = ids_of(text)
    found = token_texts("embedded", ids)
    assert "".join(found) == text
    assert len(found) == len(ids)


def test_a_character_of_several_tokens_stands_at_its_last_one():
    found = token_texts("embedded", ids_of("🙂"))
    assert found[-1] == "🙂"
    assert set(found[:-1]) == {""}


@pytest.mark.parametrize("spec", ["http://127.0.0.1:9/v1", "owner/not-here", "/nowhere", ""])
def test_a_tokenizer_that_is_not_here_tells_nothing(spec):
    assert token_texts(spec, (1, 2)) == ()


def test_tokens_of_another_model_are_not_told():
    assert token_texts("embedded", (5, 128_000)) == ()


def test_the_texts_cost_no_model():
    code = (
        "import sys; from arcbench.policies.token_texts import token_texts; "
        "assert token_texts('embedded', (100, 101)); "
        "print(*{'torch', 'transformers'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_a_server_s_texts_come_with_its_completions():
    with answering() as server:
        ((first, _),) = sample(load_policy(server.url), [HELLO], SamplingConfig(n=2))
    assert first.token_texts == ("x",)


@pytest.mark.parametrize(
    ("tokens", "texts"),
    [
        ([b"a", "é".encode()[:1], "é".encode()[1:]], ("a", "", "é")),
        ([b"ok", b"\xff"], ("ok", "�")),
    ],
)
def test_a_server_s_bytes_are_put_together(tokens, texts):
    content = [{"token": "?", "bytes": list(t), "logprob": -1.0} for t in tokens]
    choice = {"message": {"content": ""}, "logprobs": {"content": content}}
    assert _completion(json.loads(json.dumps(choice))).token_texts == texts


def test_a_server_that_tells_numbers_has_no_texts():
    content = [{"token": "token_id:7", "logprob": -1.0}]
    assert _completion({"message": {}, "logprobs": {"content": content}}).token_texts == ()
