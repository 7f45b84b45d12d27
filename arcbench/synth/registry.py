"""All families: the `FAMILIES` lists of the modules `families_*` beside this file."""

import importlib
import pkgutil
from functools import cache

import arcbench.synth as package
from arcbench.synth.family import Family


@cache
def families() -> tuple[Family, ...]:
    """All families in the order of their modules' names; raises on a name used twice."""
    found: list[Family] = []
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda info: info.name):
        if info.name.startswith("families_"):
            module = importlib.import_module(f"{package.__name__}.{info.name}")
            found.extend(module.FAMILIES)
    names = [family.name for family in found]
    doubles = {name for name in names if names.count(name) > 1}
    if doubles:
        raise ValueError(f"family names used twice: {sorted(doubles)}")
    return tuple(found)
