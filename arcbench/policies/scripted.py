"""A policy that says what it was told to: for tests, and for trying things without a model."""

from collections.abc import Callable, Iterator, Sequence

from arcbench.errors import UserError
from arcbench.policies.base import Ask, Asked, Completion, Message, Sampled, SamplingConfig

# Messages and sample index → text.
Script = Callable[[Sequence[Message], int], str]


class ScriptedPolicy(Asked):
    """Gives the texts in turn (sample i gets text i modulo their number), or asks a function.

    Tokens are words here; a text of more than `max_new_tokens` words is cut and counts as
    truncated.
    """

    def __init__(self, texts: Sequence[str] | Script, name: str = "scripted") -> None:
        if not callable(texts) and not texts:
            raise UserError("ScriptedPolicy needs at least one text")
        self._texts = texts
        self.name = name

    def stream_asks(self, asks: Sequence[Ask], config: SamplingConfig) -> Iterator[Sampled]:
        """All completions, prompt by prompt."""
        for ask in asks:
            for j in ask.numbers:
                yield Sampled(
                    prompt_index=ask.prompt_index,
                    sample_index=j,
                    completion=_cut(self._text(ask.messages, j), config.max_new_tokens),
                )

    def _text(self, messages: Sequence[Message], sample_index: int) -> str:
        if callable(self._texts):
            return self._texts(messages, sample_index)
        return self._texts[sample_index % len(self._texts)]

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """The number of words."""
        return sum(len(message["content"].split()) for message in messages)


def _cut(text: str, max_words: int) -> Completion:
    words = text.split(" ")
    if len(words) <= max_words:
        return Completion(text=text)
    return Completion(text=" ".join(words[:max_words]), finish_reason="length")
