# Has helpers, classes, a dataclass, an enum, a named tuple and an abstract base.
# expect: OK
import enum
from abc import ABC, abstractmethod
from collections import namedtuple
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

class Kind(enum.Enum):
    A = enum.auto()

Point = namedtuple("Point", "x y")

class Cell(NamedTuple):
    x: int
    color: int = 0

@dataclass(frozen=True, slots=True)
class Holder:
    grid: "list"
    kind: Kind = Kind.A
    seen: list = field(default_factory=list)

class Shape(ABC):
    @abstractmethod
    def draw(self): ...

class Square(Shape):
    def __init__(self, holder): self.holder = holder
    def draw(self): return self.holder.grid

def helper(grid):
    return Square(Holder(grid)).draw()

def transform(grid):
    assert Point(1, 2).y == 2 and Cell(1).color == 0
    return helper(grid)
