"""Token sequences that trainer and engine score: what the policy itself writes, or fixed texts."""

from collections.abc import Sequence
from typing import Any

from arcbench.policies.base import Message, SamplingConfig
from arcbench.tasks import Task
from arcbench.training.sync import Probe

DRAWN, DRAWN_PROMPTS = 8, 2  # completions in all, and of how many prompts
FIXED = (
    ("Write a function that turns a grid upside down.", "grid[::-1]"),
    ("Example 1\nInput:\nBlack Red\nOutput:\nRed Black\nWrite the rule.", "grid[:, ::-1]"),
    ("Which colour appears most often?", "np.full_like(grid, np.bincount(grid.ravel()).argmax())"),
    ("Repeat the grid three times, side by side.", "np.tile(grid, (1, 3))"),
)
MAX_TOKENS = 48  # of a completion, at most
MIN_TOKENS = 16


def fixed_probes(chat: Any) -> list[Probe]:
    """The fixed probe set in the tokens of a `ChatTokenizer`.

    Completions are short programs; where a small vocabulary makes them too short, they are filled
    up with tokens from all over it.
    """
    tokenizer = chat.tokenizer
    special = set(tokenizer.all_special_ids)
    plain = [i for i in range(len(tokenizer)) if i not in special]
    made = []
    for number, (question, answer) in enumerate(FIXED):
        code = f"```python\nimport numpy as np\n\ndef transform(grid):\n    return {answer}\n```"
        ids = tokenizer(code, add_special_tokens=False)["input_ids"]
        ids = [i for i in ids if i not in special][:MAX_TOKENS]
        missing = max(0, MIN_TOKENS - len(ids))
        ids += [plain[(number + k * len(plain) // MIN_TOKENS) % len(plain)]
                for k in range(missing)]  # fmt: skip
        prompt = chat.ids([{"role": "user", "content": question}])
        made.append(Probe(prompt_ids=tuple(prompt), completion_ids=tuple(ids)))
    return made


def drawn_probes(policy: Any, prompts: Sequence[Sequence[Message]], *, seed: int) -> list[Probe]:
    """What a `TransformersPolicy` writes to the prompts, before it is trained.

    Where a policy is sure of itself, rounding hardly shows: a gap in what it would write itself
    means more than one in any other text, whose tokens are unlikely.
    """
    config = SamplingConfig(
        n=DRAWN // len(prompts), temperature=1.0, max_new_tokens=MAX_TOKENS, seed=seed
    )
    ids = [tuple(policy.chat.ids(messages)) for messages in prompts]
    drawn = sorted(policy.stream_ids(ids, config), key=lambda s: (s.prompt_index, s.sample_index))
    return [
        Probe(prompt_ids=ids[s.prompt_index], completion_ids=s.completion.token_ids) for s in drawn
    ]


def smallest_tasks(tasks: Sequence[Task]) -> list[Task]:
    """The tasks with the fewest cells: their prompts are scored in no time."""
    cells = {t.id: sum(p.input.size for p in (*t.train, *t.test)) for t in tasks}
    return sorted(tasks, key=lambda t: (cells[t.id], t.id))[:DRAWN_PROMPTS]
