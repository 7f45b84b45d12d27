"""What the reference is made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Rows = tuple[str, ...]  # of digits, "." for black


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """An example as it is written down: the code and what it finds."""

    code: str
    grid: str | Rows | None = None  # the variable `grid`: the name of a shared grid, or rows
    more: Mapping[str, str | Rows] = field(default_factory=dict)  # other variables
    show: tuple[str, ...] = ()  # variables to show afterwards; none: what the code has changed
    seed: int = 0
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """An example that was run."""

    code: str
    before: tuple[tuple[str, Any], ...]  # variable and grid
    after: tuple[tuple[str, Any], ...]  # variable and value: a grid, a mask, objects, a number …
    printed: str
    note: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Choices:
    """The words that a parameter takes."""

    parameter: str
    words: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Names that belong together: a module of a library."""

    library: str  # "common" or "concepts": what programs import
    name: str
    summary: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One public function or class."""

    name: str
    group: Group
    signature: str
    summary: str
    details: str
    choices: tuple[Choices, ...]
    examples: tuple[Example, ...]

    @property
    def library(self) -> str:
        """The module that programs import it from."""
        return self.group.library
