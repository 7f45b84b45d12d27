import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_map_names_every_module_and_nothing_else():
    block = README.split("## Map")[1].split("```")[1]
    inside = set(re.findall(r"^  (\S+)", block, flags=re.MULTILINE))
    package = ROOT / "arcbench"
    modules = {p.name for p in package.glob("*.py")} - {"__init__.py", "__main__.py"}
    folders = {f"{p.name}/" for p in package.iterdir() if p.is_dir() and p.name != "__pycache__"}
    assert inside == modules | folders


def test_every_file_that_the_readme_links_to_is_there():
    links = [t for t in re.findall(r"\]\(([^)]+)\)", README) if not t.startswith("http")]
    assert links
    assert [t for t in links if not (ROOT / t).exists()] == []


def test_every_make_target_that_the_readme_names_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = set(re.findall(r"make ([a-z-]+)", README))
    assert named <= targets


def test_every_command_that_the_readme_names_exists():
    from arcbench.cli import COMMANDS

    named = set(re.findall(r"[`\n] *arcbench ([a-z]+)[ `]", README))
    assert "judge" in named
    assert named <= set(COMMANDS), named - set(COMMANDS)
