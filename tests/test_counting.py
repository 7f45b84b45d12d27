import pytest

from arcbench.errors import UserError
from arcbench.policies import load_tokenizer
from arcbench.policies.counting import TokenCounter, known_tokenizers
from arcbench.prompts import PromptTemplate
from arcbench.tasks import load_tasks

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def messages():
    return PromptTemplate.load("arcbench").messages(load_tasks("arc-agi-1")["67a3c6ac"])


@pytest.mark.long
def test_a_child_counts_as_the_tokenizer_itself_and_may_die(messages):
    counter = TokenCounter()
    try:
        for name in known_tokenizers():
            assert counter.count(name, messages) == load_tokenizer(name).count_tokens(messages)
        with pytest.raises(UserError, match="nowhere"):
            counter.count("nowhere", messages)
        counter._child.kill()
        counter._child.wait()
        assert counter.count("embedded", messages) > 0  # known, no child is asked
        assert counter.count("embedded", messages[:1]) > 0
    finally:
        counter.close()
    assert counter._child is None
