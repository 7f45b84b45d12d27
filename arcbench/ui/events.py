"""How the page's own buttons speak to the handlers, and how errors reach the reader."""

from collections.abc import Callable, Mapping
from math import inf
from typing import Any

from arcbench.errors import UserError
from arcbench.policies.worker import WorkerCrashed
from arcbench.ui.html import note

# One listener on the component's root: its content may be replaced at any time. What a button
# carries in data attributes is what the handler's event has.
PICK_JS = """
const PICKS = 'button[data-task], button[data-index], button[data-run], button[data-place]';
element.addEventListener('click', (event) => {
  const button = event.target.closest(PICKS);
  if (!button) return;
  element.querySelectorAll('[aria-current]').forEach(b => b.removeAttribute('aria-current'));
  button.setAttribute('aria-current', 'true');
  trigger('click', {...button.dataset});
});
element.addEventListener('keydown', (event) => {
  const step = {ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1}[event.key];
  const here = event.target.closest(PICKS);
  if (!step || !here) return;
  const all = [...element.querySelectorAll(PICKS)];
  const [left, top] = [here.offsetLeft, here.offsetTop];
  // In a grid, up and down stay in the column.
  const upright = ['ArrowDown', 'ArrowUp'].includes(event.key);
  const column = all.filter(b => b.offsetLeft === left && (b.offsetTop - top) * step > 0);
  const near = column.sort((a, b) => (a.offsetTop - b.offsetTop) * step)[0];
  const next = upright && near ? near : all[all.indexOf(here) + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
  next.click();
});
"""
# What is replaced keeps its place: boxes with a data-keep their scrolling, a button its focus.
KEEP_JS = """
const spots = {};
let focused = '';
element.addEventListener('scroll', (event) => {
  const name = event.target.dataset?.keep;
  if (name) spots[name] = event.target.scrollTop;
}, true);
element.addEventListener('focusin', (event) => {
  focused = event.target.closest('button[data-index]')?.dataset.index ?? '';
});
element.addEventListener('focusout', (event) => { if (event.relatedTarget) focused = ''; });
watch('value', () => {
  element.querySelectorAll('[data-keep]').forEach(box => {
    box.scrollTop = spots[box.dataset.keep] ?? 0;
  });
  if (focused && document.activeElement === document.body)
    element.querySelector(`button[data-index="${focused}"]`)?.focus({preventScroll: true});
});
"""
# Buttons with a data-copy put it into the clipboard and say so.
COPY_JS = """
const copied = async (text) => {
  // The clipboard of the page is there on this machine and over https only.
  if (window.isSecureContext && navigator.clipboard) {
    try { await navigator.clipboard.writeText(text); return true; } catch { /* try by hand */ }
  }
  const box = document.createElement('textarea');
  box.value = text;
  box.style.position = 'fixed';
  box.style.opacity = '0';
  document.body.append(box);
  box.select();
  const done = document.execCommand('copy');
  box.remove();
  return done;
};
element.addEventListener('click', async (event) => {
  const button = event.target.closest('button[data-copy]');
  if (!button) return;
  const label = button.querySelector('[aria-live]') ?? button;
  const before = button.dataset.label ??= label.textContent;
  label.textContent = await copied(button.dataset.copy)
    ? '✓ copied' : 'The browser does not allow it: select the text and copy it';
  setTimeout(() => { label.textContent = before; }, 2500);
});
"""


# Options of an event that shows no progress. With each change of its progress the page would go
# through all that it may be shown on, several times an event: so that is said to be nothing.
QUIET: dict[str, Any] = {"show_progress": "hidden", "show_progress_on": []}
# Of an event that is answered at once: it need not go through the queue. Errors of such a one do
# not reach the reader: it takes `noted` where another takes `guarded`. Nor does a gr.State that it
# sets tell of the change.
LOOK: dict[str, Any] = {**QUIET, "queue": False}


def picked(box: str, name: str) -> str:
    """JavaScript for the value of the button that was chosen last in the element with id `box`.

    For events without a handler: the page need not ask the app what it knows itself.
    """
    return f"() => document.querySelector('#{box} [aria-current]')?.dataset.{name} ?? ''"


def say_which(tabs: Mapping[str, Any], box: Any) -> None:
    """Keep the name of the tab that is in sight, of gr.Tab by name, in the gr.Textbox `box`."""
    for name, tab in tabs.items():
        tab.select(None, None, box, js=f"() => '{name}'")


def guarded(handler: Callable[..., Any], *values: Any) -> Any:
    """What a handler returns; its UserError is shown as a toast, and the page stays as it is."""
    import gradio as gr

    try:
        return handler(*values)
    except (UserError, WorkerCrashed) as error:
        first, _, rest = str(error).strip().partition("\n")
        last = rest.strip().rpartition("\n")[2]  # one sentence, no traceback
        text = f"{first} {last}".strip()
        raise gr.Error(text, duration=15, print_exception=False) from error


def noted(handler: Callable[..., str], *values: Any) -> str:
    """The HTML that a handler returns, or what its UserError says in the place of it."""
    try:
        return handler(*values)
    except UserError as error:
        return note(str(error), "error")


def number(value: float | str | None, what: str, low: float, high: float = inf) -> float:
    """The number in the field called `what`; UserError where it is none, or out of bounds."""
    try:
        found = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        said = "nothing" if value in (None, "") else repr(value)
        raise UserError(f"{what} needs a number, not {said}") from error
    if not low <= found <= high:
        bounds = f"at least {low:g}" if high == inf else f"{low:g} to {high:g}"
        raise UserError(f"{what} must be {bounds}, not {value}")
    return found


def whole(value: float | str | None, what: str, low: float, high: float = inf) -> int:
    """The whole number in a field, as `number` has it."""
    found = number(value, what, low, high)
    if not found.is_integer():
        raise UserError(f"{what} needs a whole number, not {value}")
    return int(found)
