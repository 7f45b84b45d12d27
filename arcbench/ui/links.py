"""Addresses: the page's URL says what is looked at, and opening it shows the same again."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from arcbench.errors import UserError
from arcbench.ui import evaluate, health_page, runs
from arcbench.ui.evaluate import EvaluateTab
from arcbench.ui.events import LOOK, say_which
from arcbench.ui.picker import SPLITS, Picker
from arcbench.ui.runs import RunsTab, where
from arcbench.ui.train import TrainTab
from arcbench.workbench import Workbench

# The inner tabs of a tab: the element that holds them, and their names.
INNER = {
    "runs": ("ab-run-views", runs.VIEWS),
    "evaluate": ("ab-eval-views", evaluate.VIEWS),
    "health": ("ab-health-views", health_page.VIEWS),
}
# Called with the inner tab that is in sight in each tab of INNER, and with the values of `Place`
# but for its view; what is empty is left out of the address, and what else it has (gradio's own
# __theme) stays.
WRITE_JS = """
(...values) => {
  // What the address says is not overwritten before it has been followed.
  if (!document.body.dataset.abArrived) return;
  const [tabs, names] = %s;
  const views = values.splice(0, tabs.length);
  const query = new URLSearchParams(location.search);
  [...names, 'view'].forEach((name, i) => {
    const value = name === 'view' ? views[tabs.indexOf(values[0])] : values[i];
    value ? query.set(name, value) : query.delete(name);
  });
  history.replaceState(history.state, '', query.size ? '?' + query : location.pathname);
}
"""
# A tab is chosen as a reader would: by its button. Called with an outer and an inner tab's name.
CHOOSE_JS = """
(outer, inner) => {
  const until = performance.now() + 5000;
  const choose = (wanted) => {
    if (!wanted.length || performance.now() > until) return;
    const [box, name] = wanted[0];
    const button = document.querySelector(`${box} button[role=tab][data-tab-id="${name}"]`);
    // The inner tabs are there only once the outer one has been opened.
    if (!button) return requestAnimationFrame(() => choose(wanted));
    if (button.getAttribute('aria-selected') !== 'true') button.click();
    choose(wanted.slice(1));
  };
  document.body.dataset.abArrived = 'yes';
  const box = %s[outer];
  choose([['#ab-tabs', outer], ['#' + box, box && inner]].filter(([_, name]) => name));
}
"""
# What listens in the page alone gets the values as they were before the change; what follows it,
# those after.
AFTER_JS = "() => new Promise(done => setTimeout(done, 0))"
# One rollout on or back, wherever the page's focus is, but for the fields; "/" goes to the field
# that sifts what is in sight.
KEYS_JS = """
() => {
  document.addEventListener('keydown', (event) => {
    const step = {j: 1, k: -1}[event.key];
    const typing = event.target.closest('input, textarea, [contenteditable]');
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === '/') {
      const sifts = '.ab-slash input, .ab-slash textarea, input[type=search]';
      const field = [...document.querySelectorAll(sifts)].find(field => field.offsetParent);
      if (field) { event.preventDefault(); field.focus(); field.select(); }
    }
    if (!step) return;
    const all = [...document.querySelectorAll('button[data-place], button.ab-card')]
      .filter(button => button.offsetParent);
    const here = all.findIndex(button => button.getAttribute('aria-current'));
    const next = all[here < 0 ? 0 : here + step];
    if (next) { next.click(); next.scrollIntoView({block: 'nearest'}); }
  });
}
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """What an address names; an empty part leaves the page as it is."""

    tab: str = ""
    dataset: str = ""
    split: str = ""
    task: str = ""
    rollout: str = ""  # RUN/step.group.index
    run: str = ""
    eval: str = ""  # of the tab "Evaluate"
    other: str = ""  # the evaluation that it is compared with
    watch: str = ""  # the run of the tab "Train"
    view: str = ""  # the tab's inner one, see INNER


def place_of(bench: Workbench, query: Mapping[str, str], tabs: tuple[str, ...]) -> Place:
    """The place of an address; what is not there, or no name, is dropped.

    Data sets are taken by their names only: an address must not make the app read a file.
    """
    asked = {name: str(query.get(name, ""))[:200] for name in asdict(Place())}
    kept = {"tab": asked["tab"] if asked["tab"] in tabs else ""}
    _, views = INNER.get(kept["tab"], ("", ()))
    kept["view"] = asked["view"] if asked["view"] in views else ""
    if asked["dataset"] in bench.datasets():
        kept["dataset"] = asked["dataset"]
    if asked["split"] in dict(SPLITS).values():
        kept["split"] = asked["split"]
    dataset, split = kept.get("dataset") or bench.datasets()[0], kept.get("split")
    if asked["task"] in bench.tasks(dataset, split or None):
        kept["task"] = asked["task"]
    stored = {store.name for store in bench.runs()}
    name, _, spot = asked["rollout"].rpartition("/")
    if name in stored and _is_place(spot):
        kept["rollout"], kept["run"] = asked["rollout"], name
    elif asked["run"] in stored:
        kept["run"] = asked["run"]
    if asked["watch"] in stored:
        kept["watch"] = asked["watch"]
    evaluations = {store.name for store in bench.evaluations()}
    kept |= {name: asked[name] for name in ("eval", "other") if asked[name] in evaluations}
    return Place(**kept)


def _is_place(spot: str) -> bool:
    try:
        where(spot)
    except UserError:
        return False
    return True


def wire(
    bench: Workbench,
    app: Any,
    inner: Mapping[str, Any],
    picker: Picker,
    all_runs: RunsTab,
    measured: EvaluateTab,
    training: TrainTab,
    health_view: Any,
) -> None:
    """Read the address when the page opens, and keep it up to date; `inner` has tabs by name.

    `health_view` is the hidden gr.Textbox with the inner tab of the tab "Health".
    """
    import gradio as gr

    at = gr.Textbox("", visible="hidden", elem_id="ab-at-tab")
    # What the address asked for; meanwhile the reader may have gone elsewhere.
    asked = [gr.Textbox("", visible="hidden") for _ in range(2)]
    say_which(inner, at)

    def arrive(request: gr.Request) -> Any:
        place = place_of(bench, dict(request.query_params), tuple(inner))
        names = [store.name for store in bench.runs()]
        evaluations = [store.name for store in bench.evaluations()]
        return (
            place.tab,
            place.view,
            place.dataset or gr.skip(),
            place.split or gr.skip(),
            place.task or gr.skip(),
            place.rollout or gr.skip(),
            gr.Dropdown(names, value=place.run) if place.run else gr.skip(),
            gr.Dropdown(evaluations, value=place.eval) if place.eval else gr.skip(),
            gr.Dropdown(evaluations, value=place.other) if place.other else gr.skip(),
            gr.Dropdown(names, value=place.watch) if place.watch else gr.skip(),
        )

    # In the order of INNER, and of `Place`.
    views = [all_runs.view, measured.view, health_view]
    chosen = [
        *picker.inputs, all_runs.rollout, all_runs.run, measured.evaluation, measured.other,
        training.run,
    ]  # fmt: skip
    parts = [*views, at, *chosen]
    boxes = {tab: box for tab, (box, _) in INNER.items()}
    names = [name for name in asdict(Place()) if name != "view"]
    write: dict[str, Any] = {"js": WRITE_JS % json.dumps([list(INNER), names])}
    app.load(arrive, None, [*asked, *chosen], **LOOK).then(
        None, asked, None, js=CHOOSE_JS % json.dumps(boxes)
    ).then(None, parts, None, **write)
    app.load(None, None, None, js=KEYS_JS)
    gr.on([part.change for part in parts], None, None, None, js=AFTER_JS).then(
        None, parts, None, **write
    )
