"""The reference of the libraries as one HTML file that needs nothing else."""

from pathlib import Path

from arcbench.ui.html import highlight_css
from arcbench.ui.library_html import SEARCH_JS, library

# The names that the app's theme gives to its colours.
THEME = """
:root { color-scheme: light dark; --body-text-color: #27272a; --body-text-color-subdued: #63636b;
  --border-color-primary: #dfdfe4; --background-fill-primary: #fff; --color-accent: #2563eb;
  --ab-code-bg: #f4f5f7; --font-mono: ui-monospace, "SF Mono", Menlo, Consolas, monospace;
  --lib-top: 112px; }
.dark { color-scheme: dark; --body-text-color: #e7e7ea; --body-text-color-subdued: #a1a1aa;
  --border-color-primary: #3a3a41; --background-fill-primary: #1d1e22; --color-accent: #60a5fa;
  --ab-code-bg: #131418; }
body { margin: 0; padding: 12px 22px;
  font: 14px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
  color: var(--body-text-color); background: #fafafb; }
.dark body { background: #131418; }
h1 { font-size: 19px; font-weight: 650; margin: 0 0 2px; }
"""
# Before the body is drawn, so that nothing flashes.
DARK_JS = """
const dark = matchMedia('(prefers-color-scheme: dark)');
const follow = () => document.documentElement.classList.toggle('dark', dark.matches);
dark.addEventListener('change', follow);
follow();
"""


def page() -> str:
    """The whole page as text."""
    css = Path(__file__).with_name("library.css").read_text(encoding="utf-8")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<title>The libraries that programs import: common and concepts</title>"
        f"<style>{THEME}{css}\n{highlight_css()}</style><script>{DARK_JS}</script></head>\n"
        "<body><h1>common and concepts: the libraries that programs import</h1>\n"
        f'<main id="library">{library()}</main>\n'
        "<script>(() => {\nconst element = document.getElementById('library');\n"
        f"{SEARCH_JS}}})();</script></body></html>\n"
    )
