"""How the page's own buttons speak to the handlers, and how errors reach the reader."""

from arcbench.errors import UserError

# One listener on the component's root: its content may be replaced at any time.
PICK_JS = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-task], button[data-index]');
  if (!button) return;
  element.querySelectorAll('[aria-current]').forEach(b => b.removeAttribute('aria-current'));
  button.setAttribute('aria-current', 'true');
  trigger('click', {task: button.dataset.task || '', index: Number(button.dataset.index || 0)});
});
element.addEventListener('keydown', (event) => {
  const step = {ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1}[event.key];
  const here = event.target.closest('button[data-task], button[data-index]');
  if (!step || !here) return;
  const all = [...element.querySelectorAll('button[data-task], button[data-index]')];
  const next = all[all.indexOf(here) + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
  next.click();
});
"""


def warn(error: UserError) -> None:
    """Show a user's mistake as a toast, in its own words."""
    import gradio as gr

    gr.Warning(str(error), title="That did not work")
