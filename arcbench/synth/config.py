"""What a stream of procedural tasks is made of: families and their weights, lengths, phrasings."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from arcbench.errors import UserError, unknown

# The longest prompt of an ARC-AGI-1 training task, about.
MAX_PROMPT_TOKENS = 6_000


class Phrasing(StrEnum):
    """How a program is written; each gives the same outputs."""

    SHORT = "short"  # one line a concept call: what the embedded policy writes
    DESCRIBED = "described"  # the same with a "# description:" comment
    BARC = "barc"  # as BARC's programs: input_grid, output_grid, a comment above each step
    COMMON = "common"  # objects found with BARC's `common`; BARC where a step has no such form
    PLAIN = "plain"  # numpy only; concepts are written out, in helper functions where they are long


@dataclass(frozen=True, kw_only=True, slots=True)
class SynthConfig:
    """A stream is a pure function of this and (seed, index)."""

    families: tuple[str, ...] = ()  # only these; none named: all
    weights: tuple[tuple[str, float], ...] = ()  # factors on the weights of families, by name
    max_prompt_tokens: int = MAX_PROMPT_TOKENS  # as the embedded policy counts them
    pairs_of_families: float = 0.16  # share of tasks in which a second family follows the first
    triples: float = 0.02  # and a third one
    disguises: float = 0.1  # share of tasks whose input is hidden in a larger or turned grid
    distractors: float = 0.04  # share of tasks with cells that the rule does not touch
    phrasings: tuple[tuple[Phrasing, float], ...] = ((Phrasing.SHORT, 1.0),)  # shares

    def __post_init__(self) -> None:
        from arcbench.synth.registry import families

        known = [family.name for family in families()]
        for name in (*self.families, *(name for name, _ in self.weights)):
            if name not in known:
                raise unknown("family", name, known)
        if self.max_prompt_tokens < 100:
            raise UserError(f"max_prompt_tokens must be at least 100, not {self.max_prompt_tokens}")
        shares = (self.pairs_of_families, self.triples, self.disguises, self.distractors)
        if min(shares) < 0 or sum(shares[:2]) > 1 or max(shares) > 1:
            raise UserError(f"shares of compositions lie between 0 and 1, not {shares}")
        for what, table in (("weight", self.weights), ("phrasing", self.phrasings)):
            if any(not 0 <= value < float("inf") for _, value in table):
                raise UserError(f"a {what} is a finite number, 0 or more: {dict(table)}")
        if not sum(share for _, share in self.phrasings):
            raise UserError("at least one phrasing has a share above 0")

    def to_dict(self) -> dict[str, Any]:
        """As JSON; `from_dict` is the inverse."""
        values: dict[str, Any] = {n: getattr(self, n) for n in self.__dataclass_fields__}
        return values | {
            "families": list(self.families),
            "weights": dict(self.weights),
            "phrasings": {phrasing.value: share for phrasing, share in self.phrasings},
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """The configuration that `to_dict` gave."""
        values = dict(raw)
        for name in values:
            if name not in cls.__dataclass_fields__:
                raise unknown("setting of procedural tasks", name, cls.__dataclass_fields__)
        if "families" in values:
            values["families"] = tuple(values["families"])
        if "weights" in values:
            values["weights"] = tuple(sorted(values["weights"].items()))
        if "phrasings" in values:
            values["phrasings"] = parse_phrasings(values["phrasings"])
        return cls(**values)


def parse_phrasings(shares: Mapping[str, float]) -> tuple[tuple[Phrasing, float], ...]:
    """Shares by the phrasings' names; UserError names an unknown one."""
    names = [phrasing.value for phrasing in Phrasing]
    for name in shares:
        if name not in names:
            raise unknown("phrasing", name, names)
    return tuple((Phrasing(name), float(share)) for name, share in shares.items())


def read_weights(file: Path) -> tuple[tuple[str, float], ...]:
    """Factors by family from a JSON file: {"weights": {name: factor}} or the inner object alone.

    Raises UserError: no such file, not JSON, or not such an object.
    """
    try:
        raw = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UserError(f"{file} is not JSON: {error}") from error
    table = raw.get("weights", raw) if isinstance(raw, dict) else None
    if not isinstance(table, dict) or not all(isinstance(v, int | float) for v in table.values()):
        raise UserError(f'{file} holds no {{"weights": {{family: factor}}}}')
    return tuple(sorted((str(name), float(value)) for name, value in table.items()))
