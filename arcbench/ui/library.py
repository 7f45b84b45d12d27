"""Tab "Library": what the functions do that programs import, each with a picture."""

from typing import Any

from arcbench.ui.events import LOOK
from arcbench.ui.html import note
from arcbench.ui.library_html import SEARCH_JS, library

# The app's page has a base address of its own, from which a plain "#name" would load it anew.
JUMP_JS = """
element.addEventListener('click', (event) => {
  const link = event.target.closest('.lib-index a');
  if (!link) return;
  event.preventDefault();
  const card = element.querySelector(link.getAttribute('href'));
  element.querySelectorAll('.lib-here').forEach(other => other.classList.remove('lib-here'));
  card.classList.add('lib-here');
  const cards = element.querySelector('.lib-cards');
  cards.scrollTop += card.getBoundingClientRect().top - cards.getBoundingClientRect().top - 4;
});
"""


def build(tab: Any) -> None:
    """Lay out the tab; its cards are sent when it is first looked at."""
    import gradio as gr

    filled = gr.State(False)
    shown = gr.HTML(
        note("The examples are being run …", "busy"),
        js_on_load=SEARCH_JS + JUMP_JS,
        elem_id="ab-library",
    )

    def fill(is_filled: bool) -> Any:
        return (gr.skip(), gr.skip()) if is_filled else (library(), True)

    tab.select(fill, filled, [shown, filled], **LOOK)
