"""How often a policy solves fresh tasks of each family, and the weights that follow from it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from arcbench.errors import UserError
from arcbench.judge import Attempt, Judge
from arcbench.policies.base import Policy, SamplingConfig
from arcbench.prompts import PromptTemplate
from arcbench.synth.config import SynthConfig
from arcbench.synth.generate import SynthTask, generate
from arcbench.synth.registry import families

# Far from the seeds of trainings and of their evaluations.
SEED = 7_000_003
MAX_PROMPT_TOKENS = 1_200  # longer prompts cost more and tell little more about a family
GROUP = 16  # families that are sampled together
STRONGEST = 3.0  # factor by which a weight may grow or shrink


@dataclass(frozen=True, kw_only=True, slots=True)
class FamilyRate:
    """Samples for fresh tasks of one family, and those right on all pairs."""

    family: str
    samples: int
    solved: int
    misled: int = 0  # right on all train pairs, wrong on a test pair: is the family ambiguous?

    @property
    def rate(self) -> float:
        """Share of the samples that solve their task."""
        return self.solved / self.samples if self.samples else 0.0


def family_tasks(
    name: str, count: int, seed: int = SEED, max_prompt_tokens: int = MAX_PROMPT_TOKENS
) -> list[SynthTask]:
    """Fresh tasks of one family alone, plain: nothing composed, disguised or strewn in."""
    config = SynthConfig(
        families=(name,), pairs_of_families=0, triples=0, disguises=0, distractors=0,
        max_prompt_tokens=max_prompt_tokens,
    )  # fmt: skip
    return [generate(seed, index, config) for index in range(count)]


def family_rates(
    policy: Policy,
    judge: Judge,
    *,
    tasks: int = 4,
    samples: int = 2,
    names: Sequence[str] = (),
    seed: int = SEED,
    max_prompt_tokens: int = MAX_PROMPT_TOKENS,
    temperature: float = 0.8,
    max_new_tokens: int = 96,
    template: PromptTemplate | None = None,
) -> Iterator[FamilyRate]:
    """Sample `samples` programs for each of `tasks` fresh tasks a family, a few families at a time.

    `names`: only these families. The rates come in the families' order, each as soon as its group
    is judged, so that a reader may stop early.
    """
    if tasks < 1:
        raise UserError(f"at least one task a family, not {tasks}")
    form = template or PromptTemplate.load("arcbench")
    chosen = [family.name for family in families() if not names or family.name in names]
    config = SamplingConfig(
        n=samples, temperature=temperature, max_new_tokens=max_new_tokens, seed=seed
    )
    for start in range(0, len(chosen), GROUP):
        group = chosen[start : start + GROUP]
        drawn = [(n, i) for n in group for i in family_tasks(n, tasks, seed, max_prompt_tokens)]
        prompts = [form.messages(item.task) for _, item in drawn]
        found = [(drawn[s.prompt_index], s.completion) for s in policy.stream(prompts, config)]
        attempts = [Attempt(task=item.task, completion=text) for (_, item), text in found]
        solved, misled = dict.fromkeys(group, 0), dict.fromkeys(group, 0)
        for ((name, _), _), rollout in zip(found, judge.judge(attempts), strict=True):
            score = rollout.score
            solved[name] += score.solved
            misled[name] += score.solved_train and not score.solved_test
        for name in group:
            yield FamilyRate(
                family=name, samples=tasks * samples, solved=solved[name], misled=misled[name]
            )


def weights_from_rates(rates: Sequence[FamilyRate]) -> dict[str, float]:
    """Factors for the families' weights: more for weak ones, 1 on average, between 1/3 and 3.

    Proportional to the share of failures with one failure and one success added, so that few
    samples move a weight little.
    """
    failing = {r.family: (r.samples - r.solved + 1) / (r.samples + 2) for r in rates}
    mean = sum(failing.values()) / max(1, len(failing))
    return {
        name: round(min(STRONGEST, max(1 / STRONGEST, share / mean)), 3)
        for name, share in failing.items()
    }


def to_json(rates: Sequence[FamilyRate], policy: str) -> Mapping[str, Any]:
    """What `read_weights` and a reader want of a measurement."""
    return {
        "policy": policy,
        "rates": {
            r.family: {"samples": r.samples, "solved": r.solved, "misled": r.misled} for r in rates
        },
        "weights": weights_from_rates(rates),
    }
