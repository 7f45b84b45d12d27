"""What a notebook's first cell needs."""

import os
from typing import TypeVar

T = TypeVar("T")

ENVIRONMENT = "ARCBENCH_QUICK"


def quick(full: T, small: T) -> T:
    """`full`; but `small` where ARCBENCH_QUICK is set: as the checks run the notebooks."""
    return small if os.environ.get(ENVIRONMENT, "0") not in ("", "0") else full
