import numpy as np
import pytest

from arcbench.dsl import bench, common, concepts


@pytest.mark.long
def test_the_bench_times_every_public_function():
    public = {
        name
        for name in common.__all__
        if getattr(getattr(common, name), "__module__", "").startswith("arcbench")
    }
    assert set(bench.common_calls()) == public
    for name in concepts.__all__:
        if name != "np":
            assert 1 <= len(bench.concept_calls(name)) <= bench.MAX_CALLS


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(bench.common_calls()))
def test_calls_of_the_bench_leave_its_grids_alone(name):
    for grid in bench.grids().values():
        before = grid.copy()
        for call in bench.common_calls()[name]:
            call(grid)
        assert np.array_equal(grid, before)


@pytest.mark.long
def test_known_programs_are_timed_and_a_wrong_one_is_named(tmp_path, capsys):
    right = (bench.PROGRAMS / "007bbfb7.py").read_text()
    (tmp_path / "007bbfb7.py").write_text(right)
    (tmp_path / "1cf80156.py").write_text("def transform(grid):\n    return grid[:1]\n")
    bench.print_known_programs(tmp_path, rounds=1)
    printed = capsys.readouterr().out
    assert "2 known-good programs on all pairs, one worker:" in printed
    assert "false rejects: 1 of 2 1cf80156" in printed
    bench.print_known_programs(tmp_path / "nowhere")
    assert "no known-good programs in" in capsys.readouterr().out


@pytest.mark.long
@pytest.mark.slow
def test_no_function_takes_long_on_a_large_grid():
    # Twice the limit, because other work on the machine slows the core down.
    late = [t for t in bench.timings() if t.milliseconds > 2 * bench.LIMIT_MS]
    assert late == []


@pytest.mark.long
def test_the_table_has_its_line_where_functions_take_too_long(capsys):
    timings = [
        bench.Timing(library="common", name=name, milliseconds=ms, grid="noise")
        for name, ms in (("crop", 0.1), ("orbit", 7.0))
    ]
    bench.print_table(timings, most=5)
    lines = capsys.readouterr().out.splitlines()
    assert "orbit" in lines[1]
    assert lines[2].endswith("5 ms")
    assert "crop" in lines[3]
