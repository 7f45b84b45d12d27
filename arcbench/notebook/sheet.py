"""The style of what notebooks show: the app's pieces, in the colours of JupyterLab or VS Code."""

import re
from functools import lru_cache
from pathlib import Path

from arcbench.ui import html

SCOPE = "ab-nb"  # the class around everything that is shown
# The app's theme has these; each takes what JupyterLab or VS Code has in its place.
_LIGHT = """
--background-fill-primary: var(--jp-layout-color0, var(--vscode-editor-background, #fff));
--background-fill-secondary: var(--jp-layout-color2, var(--vscode-editorWidget-background, #f3f4f6));
--body-text-color: var(--jp-content-font-color1, var(--vscode-foreground, #18181b));
--body-text-color-subdued: var(--jp-content-font-color2, var(--vscode-descriptionForeground, #5b5b66));
--border-color-primary: var(--jp-border-color2, var(--vscode-panel-border, #dcdce2));
--color-accent: var(--jp-brand-color1, var(--vscode-focusBorder, #2563eb));
--font-mono: var(--jp-code-font-family, var(--vscode-editor-font-family, ui-monospace, monospace));
color: var(--body-text-color); font-size: 13.5px; line-height: 1.45;
"""  # noqa: E501
_DARK_PAGES = ('[data-jp-theme-light="false"]', ".vscode-dark", ".vscode-high-contrast")
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_CLASS = re.compile(r"\.(ab-[\w-]+)")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


def wrapped(content: str) -> str:
    """The HTML with the rules that it needs around it, and no others."""
    used = set(re.findall(r"\bab-[\w-]+", content))
    rules = [
        f"{selector}{{{body}}}"
        for selector, body, classes in _rules()
        if not classes or any(group <= used for group in classes)
    ]
    if "ab-code" in used:
        rules.append(_code_colors())
    return f'<div class="{SCOPE}"><style>{"".join(rules)}</style>{content}</div>'


@lru_cache(maxsize=1)
def _rules() -> list[tuple[str, str, list[set[str]]]]:
    """Selector, body, and the classes of each selector between commas (none: always wanted)."""
    here = Path(__file__).with_name("notebook.css").read_text(encoding="utf-8")
    app = Path(html.__file__).with_name("style.css").read_text(encoding="utf-8")
    found = [(f".{SCOPE}", " ".join(_LIGHT.split()), list[set[str]]())]
    for text in (app, here):
        for selector, body in _RULE.findall(_COMMENT.sub("", text)):
            name = selector.strip()
            if name == ":root":
                found.append((f".{SCOPE}", body.strip(), []))
            elif name == ".dark":
                found.append((_on_dark(f".{SCOPE}"), body.strip(), []))
            elif not name.startswith((".gradio-container", "#ab-", "footer")):
                parts = [part.strip() for part in name.split(",")]
                scoped = ", ".join(f".{SCOPE} {part}" for part in parts)
                classes = [set(_CLASS.findall(part)) for part in parts]
                found.append((scoped, " ".join(body.split()), classes))
    return found


def _on_dark(selector: str) -> str:
    return ", ".join(f"{page} {selector}" for page in _DARK_PAGES)


@lru_cache(maxsize=1)
def _code_colors() -> str:
    lines = []
    for line in html.highlight_css().splitlines():
        selector, body = line.split("{", 1)
        if selector.startswith(".dark "):
            selector = _on_dark(selector.removeprefix(".dark ").strip())
        lines.append(f"{selector.strip()} {{{body}")
    return "\n".join(lines)
