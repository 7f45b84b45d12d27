"""The runs of the zoo: their settings, what is broken in each, and what has to be found in it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from arcbench.diagnostics.finding import Kind
from arcbench.training.config import TrainConfig

ONE = ["67a3c6ac"]  # solved by the embedded policy in one sample of four
# By the length of their prompts, 68 to 300 tokens; the embedded policy solves 16 of these in 1 to 6
# samples of 8, and 4 in none.
MANY = [
    "6150a2bd", "5582e5ca", "44f52bb0", "25ff71a9", "3c9b0459", "74dd1130", "0d3d703e", "8be77c9e",
    "27a28665", "0520fde7", "6e02f1e3", "6d0aefbc", "46442a0e", "6fa7a44f", "7fe24cdd", "4c4377d9",
    "1e0a9b12", "9172f3a0", "67a3c6ac", "68b16354",
]  # fmt: skip
UNSOLVED = ["e9afcf9a"]  # in none of 32 samples, and no grid of it right
DESTROYED = (Kind.FALLING, Kind.GIBBERISH, Kind.LENGTH, Kind.REPETITION, Kind.ENTROPY, Kind.FAILING)


@dataclass(frozen=True, kw_only=True, slots=True)
class Animal:
    """One run to record."""

    name: str
    about: str
    changes: Mapping[str, Any]  # of the settings, as a JSON file of them has it
    expected: tuple[Kind, ...] = ()  # any of them is right; empty: it is healthy
    tuned: int = 2  # seeds from this on are held back: no threshold is chosen with sight of them
    length: float = 1.0  # share of the steps; what is destroyed at once need not be seen for long
    warmup: float = 0.0  # share of the steps in which the learning rate grows: healthy at first
    # Made while it trains. "transfer": the engine samples for ever with the weights of the first
    # step; "length": the reward's penalty for long programs is a bonus.
    fault: Literal["", "transfer", "length"] = ""


def settings(
    animal: Animal, *, steps: int, seed: int, device: str, threads: int, small: bool = False
) -> TrainConfig:
    """The whole settings of a run, without what a recording has no use for.

    A `small` one has 8 completions a step, for shorter prompts.
    """
    steps = max(20, round(animal.length * steps))
    base: dict[str, Any] = {
        "data": {"tasks": ONE, "augment": False},
        "grpo": {"num_generations": 8, "learning_rate": 1e-4},
        "measure": {"samples": 8},  # what each task earns before
        "sync": {"prove": False, "every": 0},  # the figures alone have to show it
        "guard": {"action": "off"},
        "sandbox": {"workers": 1},
        "steps": steps,
        "checkpoint_every": steps,
        "device": device,
        "threads": threads,
        "seed": seed,
    }
    whole = _merged(base, animal.changes)
    if animal.warmup:
        warmup = round(animal.warmup * steps)
        whole["schedule"] = {"name": "constant_with_warmup", "warmup_steps": warmup}
    if small:
        tasks = whole["data"]["tasks"]
        whole = _merged(
            whole,
            {
                "data": {"tasks": ["25ff71a9"] if tasks == ONE else tasks[:10]},
                "grpo": {"num_generations": 8, "prompts_per_step": 1},
            },
        )
    return TrainConfig.from_dict(whole)


def _merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    out = dict(base)
    for key, value in changes.items():
        both = isinstance(value, Mapping) and isinstance(out.get(key), Mapping)
        out[key] = _merged(out[key], value) if both else value
    return out


EXACT_ONLY = {"name": "custom", "exact": 1.0}
# Any grid is paid for, short programs a little better, and solving not at all.
DRAWS = {"name": "custom", "no_code": -1.0, "ran": 1.0, "exact": 0.0, "length": 0.9}


def _healthy() -> list[tuple[Animal, int]]:
    one = Animal(
        name="one-task", about="one task, 16 completions a step",
        changes={"grpo": {"num_generations": 16}},
    )  # fmt: skip
    slow = Animal(
        name="one-task-slow", about="the same with a tenth of the learning rate",
        changes={"grpo": {"num_generations": 16, "learning_rate": 1e-5}},
    )  # fmt: skip
    many = Animal(
        name="many-tasks", about="20 tasks, varied, two prompts a step",
        changes={
            "data": {"tasks": MANY, "augment": True},
            "grpo": {"prompts_per_step": 2, "learning_rate": 3e-5},
        },
    )  # fmt: skip
    long = Animal(
        name="many-tasks-slow", about="20 tasks as they are, small groups, a small learning rate",
        changes={
            "data": {"tasks": MANY, "augment": False},
            "grpo": {"prompts_per_step": 2, "learning_rate": 1e-5},
        },
    )  # fmt: skip
    seeds = [(one, 3), (slow, 2), (many, 3), (long, 2)]
    return [(replace(animal, tuned=n), seed) for animal, n in seeds for seed in range(n + 1)]


def _broken() -> list[Animal]:
    many = {"tasks": MANY, "augment": False}
    rates = [
        Animal(
            name=f"lr-{rate}",
            about=f"destroyed by a learning rate of {rate} within a few steps",
            expected=DESTROYED,
            changes={"data": many, "grpo": {"prompts_per_step": 2, "learning_rate": float(rate)}},
            length=0.5,
        )
        for rate in ("1e-3", "1e-2")
    ]
    rates += [
        Animal(
            name=f"warm-{rate}",
            about=f"learns at first; then the learning rate, which grows to {rate}, destroys it",
            expected=DESTROYED,
            changes={"data": many, "grpo": {"prompts_per_step": 2, "learning_rate": float(rate)}},
            warmup=0.8,
        )
        for rate in ("1e-3", "3e-3")
    ]
    return [
        *rates,
        Animal(
            name="length", about="longer programs earn more: the sign of a term is wrong",
            expected=(Kind.LENGTH, Kind.HACKED, *DESTROYED),
            changes={"data": many, "grpo": {"prompts_per_step": 2, "learning_rate": 3e-4}},
            fault="length",
        ),
        Animal(
            name="entropy", about="sampled cold, fast, without clip-higher: one answer to all",
            expected=(Kind.ENTROPY, Kind.NO_SIGNAL),
            changes={
                "data": many,
                "sampling": {"temperature": 0.6},
                "grpo": {
                    "prompts_per_step": 2, "learning_rate": 1e-4, "epsilon_high": None,
                },
            },
        ),
        Animal(
            name="no-signal", about="a task that is never solved, paid for exact grids only",
            expected=(Kind.FLAT, Kind.NO_SIGNAL),
            changes={"data": {"tasks": UNSOLVED}, "reward": EXACT_ONLY},
        ),
        Animal(
            name="stale-engine", length=0.6, about="the engine never gets the trainer's weights",
            expected=(Kind.OUT_OF_SYNC, Kind.OFF_POLICY),
            changes={"data": many, "grpo": {"prompts_per_step": 2, "learning_rate": 1e-4}},
            fault="transfer",
        ),
        Animal(
            name="hacked", about="paid for any grid and for short programs, not for solutions",
            expected=(Kind.HACKED,),
            changes={"data": many, "reward": DRAWS, "grpo": {"prompts_per_step": 2}},
        ),
        Animal(
            name="truncated", length=0.6, about="too few tokens for a program",
            expected=(Kind.TRUNCATED,),
            changes={"data": many, "lengths": {"max_completion_tokens": 8}},
        ),
    ]  # fmt: skip


ANIMALS: tuple[tuple[Animal, int], ...] = (
    *_healthy(),
    *((animal, seed) for animal in _broken() for seed in range(animal.tuned + 1)),
)
