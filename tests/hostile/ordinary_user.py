"""Runs the catalogue as another user than the one who started the tests, who may be root."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy
import scipy

from tests.hostile.catalogue import ROOT

NOBODY = 65534


def run_as(user: int, folder: Path) -> subprocess.CompletedProcess[str]:
    """`python -m tests.hostile` as `user`, with copies in `folder` of what it could not read.

    `folder` must lie where anybody may look. Needs to be root.
    """
    folder.chmod(0o755)
    checkout = folder / "checkout"
    _copy(ROOT / "arcbench", checkout / "arcbench")
    _copy(ROOT / "tests" / "hostile", checkout / "tests" / "hostile")
    _copy(ROOT / "tests" / "__init__.py", checkout / "tests" / "__init__.py")
    python, libraries = Path(sys.executable), Path(sys.base_prefix, "lib")
    environment = {"LD_LIBRARY_PATH": str(libraries), "OMP_NUM_THREADS": "1"}
    if not _runs(user, python, folder, environment):
        python, libraries = _copy_of_python(folder / "python")
        environment["LD_LIBRARY_PATH"] = str(libraries)
    return _as(user, [str(python), "-B", "-m", "tests.hostile"], checkout, environment)


def _runs(user: int, python: Path, folder: Path, environment: dict[str, str]) -> bool:
    """Whether that user can start this interpreter with what the catalogue needs."""
    try:
        command = [str(python), "-c", "import numpy, scipy"]
        return _as(user, command, folder, environment).returncode == 0
    except PermissionError:
        return False


def _as(
    user: int, command: list[str], folder: Path, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        user=user,
        group=user,
        extra_groups=[],
        capture_output=True,
        text=True,
        timeout=300,
    )


def _copy_of_python(folder: Path) -> tuple[Path, Path]:
    """The interpreter and the folder of its shared library, with numpy and scipy, for anybody."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    base, site = Path(sys.base_prefix), folder / "lib" / version / "site-packages"
    _copy(Path(sys.executable).resolve(), folder / "bin" / version)
    _copy(base / "lib" / version, folder / "lib" / version)
    for shared in (base / "lib").glob("libpython*"):
        _copy(shared, folder / "lib" / shared.name)
    for package in (numpy, scipy):
        source = Path(str(package.__file__)).parent
        for part in (source, source.with_name(f"{source.name}.libs")):
            if part.exists():
                _copy(part, site / part.name)
    return folder / "bin" / version, folder / "lib"


def _copy(source: Path, target: Path) -> None:
    """Copy a file or folder, by further names for the same files where that is possible."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if not source.is_dir():
        _copy_file(str(source), str(target))
        return
    skip = shutil.ignore_patterns("__pycache__", "site-packages", "test", "idlelib", "ensurepip")
    shutil.copytree(source, target, copy_function=_copy_file, ignore=skip, symlinks=True)
    for place, _, _ in os.walk(target):
        Path(place).chmod(0o755)


def _copy_file(source: str, target: str) -> None:
    if Path(source).stat().st_mode & 0o004:
        try:
            Path(target).hardlink_to(source)
        except OSError:  # another file system
            shutil.copy(source, target)
    else:
        shutil.copy(source, target)
        Path(target).chmod(0o755)
