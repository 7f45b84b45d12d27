"""What a round of expert iteration samples, and which of it is learned from."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from arcbench.judge import Attempt
from arcbench.policies.base import Completion, Message
from arcbench.prompts import messages_hash
from arcbench.rollouts import Rollout
from arcbench.synth import SynthConfig, generate
from arcbench.training.data import PromptSource
from arcbench.training.expert_config import Choice, ExpertConfig

CountTokens = Callable[[Sequence[Message]], int]


@dataclass(frozen=True, kw_only=True, slots=True)
class RoundPrompt:
    """One prompt of a round and how a completion of it is judged."""

    messages: tuple[Message, ...]
    attempt: Attempt  # of no completion yet

    def answered(self, completion: Completion, group: int, index: int) -> Attempt:
        """The attempt that a completion makes, sample `index` of prompt `group`."""
        return replace(self.attempt, completion=completion, index=index, group=group)


def round_prompts(
    source: PromptSource, number: int, expert: ExpertConfig, limit: int, count_tokens: CountTokens
) -> list[RoundPrompt]:
    """The prompts of round `number` (from 0): the source's next rows, then new procedural tasks.

    Procedural tasks whose prompts have more than `limit` tokens are left out.
    """
    size, synthetic = expert.tasks or len(source.tasks), expert.synthetic
    rows = _rows(source, range(number * size, (number + 1) * size))
    made = _synthetic(source, range(number * synthetic, (number + 1) * synthetic), limit)
    return [*rows, *(p for p in made if count_tokens(p.messages) <= limit)]


def _rows(source: PromptSource, indices: range) -> Iterator[RoundPrompt]:
    for index in indices:
        row = source.row(index)
        attempt = Attempt(
            task=row.task,
            completion=Completion(text=""),
            test_index=row.test_index,
            augmentation=row.augmentation,
            messages_hash=row.hash,
        )
        yield RoundPrompt(messages=row.messages, attempt=attempt)


def _synthetic(
    source: PromptSource, indices: range, max_prompt_tokens: int
) -> Iterator[RoundPrompt]:
    config = SynthConfig(max_prompt_tokens=max_prompt_tokens)
    for index in indices:
        task = generate(source.seed, index, config).task
        messages = tuple(source.template.messages(task))
        attempt = Attempt(
            task=task,
            completion=Completion(text=""),
            messages_hash=messages_hash(messages),
        )
        yield RoundPrompt(messages=messages, attempt=attempt)


def kept(rollouts: Sequence[Rollout], most: int, choice: Choice) -> list[Rollout]:
    """Those that ended and are right on all train pairs, at most `most` of a prompt.

    The test pairs have no say: of most data sets their outputs are not known. Where a prompt has
    more than `most`, its `choice` says which they are, as for `ExpertConfig.choice`.
    """
    by_prompt: dict[int, list[Rollout]] = {}
    for r in rollouts:
        if r.code is not None and r.score.solved_train and not r.completion.truncated:
            by_prompt.setdefault(r.group, []).append(r)
    chosen = _rarest if choice == "rarest" else _drawn
    return [r for mine in by_prompt.values() for r in chosen(mine)[:most]]


def _drawn(right: Sequence[Rollout]) -> list[Rollout]:
    return sorted(right, key=lambda r: r.index)


def _rarest(right: Sequence[Rollout]) -> list[Rollout]:
    programs: dict[str | None, list[Rollout]] = {}
    for r in right:
        programs.setdefault(r.code, []).append(r)
    rare_first = sorted(programs.values(), key=lambda same: (len(same), same[0].index))
    return [same[0] for same in rare_first]
