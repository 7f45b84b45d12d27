import os

import pytest

from arcbench.remembered import Remembered


def test_a_file_is_read_again_only_when_it_has_changed(tmp_path):
    file, reads = tmp_path / "a", []

    def read():
        reads.append(1)
        return file.read_text() if file.is_file() else None

    kept = Remembered()
    assert kept.get("a", read, file) is None
    file.write_text("one")
    assert [kept.get("a", read, file) for _ in range(3)] == ["one"] * 3
    assert len(reads) == 2
    other = tmp_path / "b"
    other.write_text("two")
    os.utime(other, ns=(file.stat().st_atime_ns, file.stat().st_mtime_ns))
    other.replace(file)  # of the same size and time, but another file
    assert kept.get("a", read, file) == "two"
    kept.forget({"b"})
    kept.get("a", read, file)
    assert len(reads) == 4


def test_what_could_not_be_read_is_tried_again(tmp_path):
    kept = Remembered()
    with pytest.raises(ValueError, match="torn"):
        kept.get("a", lambda: (_ for _ in ()).throw(ValueError("torn")), tmp_path / "a")
    assert kept.get("a", lambda: 1, tmp_path / "a") == 1
