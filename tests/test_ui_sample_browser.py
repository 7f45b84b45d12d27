"""The tab Sample, walked through in the real app, with a server as its policy."""

import pytest

from tests.answering import Answering, answering
from tests.browsing import tab

pytestmark = [pytest.mark.browser, pytest.mark.slow]

TASK = "67a3c6ac"
PROGRAMS = [
    "def transform(grid):\n    return grid[:, ::-1]",
    'def transform(grid):\n    print("seen", grid.shape)\n    return grid[99]',
    "def transform(grid):\n    return grid",
    "no program",
]


class Programs(Answering):
    """Its choices are programs, in pieces with their log-probabilities."""

    def choice(self, i):
        code = PROGRAMS[i % len(PROGRAMS)]
        text = f"```python\n{code}\n```" if code.startswith("def") else code
        pieces = [text[j : j + 9] for j in range(0, len(text), 9)]
        tokens = [{"token": t, "logprob": -0.02 - 0.9 * (k % 4)} for k, t in enumerate(pieces)]
        return {
            "index": i,
            "message": {"role": "assistant", "content": text},
            "logprobs": {"content": tokens},
            "finish_reason": "stop",
        }


@pytest.fixture(scope="module")
def server():
    with answering(handler=Programs) as made:
        yield made


def choose(page, elem_id, option):
    page.locator(f"#{elem_id} input").click()
    page.get_by_role("option", name=option, exact=True).click()


def type_policy(page, spec):
    page.locator("#ab-policy input").fill(spec)
    page.locator("#ab-policy input").press("Enter")


def wait_for_cards(page, *indices):
    page.wait_for_function(
        "want => [...document.querySelectorAll('.ab-card')].map(c => +c.dataset.index).join() "
        "=== want",
        arg=",".join(map(str, indices)),
    )


def opened(page, name):
    page.wait_for_selector(f'article[aria-label="completion {name}"]')


def test_completions_are_sampled_sifted_read_compared_changed_and_copied(page, server):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab(page, "Sample")
    page.wait_for_selector("#ab-cards :text('press Sample')")
    for label, value, words in (
        ("Completions", "0", "Completions must be 1 to 256, not 0"),
        ("Top-p", "0", "Top-p must be above 0"),
    ):
        field = page.get_by_label(label, exact=True)
        field.fill(value)
        page.locator("#ab-go").click()
        page.wait_for_selector(f"#ab-sample-problem :text('{words}')")
        field.fill("1")
    type_policy(page, "http://127.0.0.1:9/v1")
    page.locator("#ab-go").click()
    page.wait_for_selector("#ab-sample-problem :text('no model server answers')")
    assert "Traceback" not in page.locator("body").inner_text()

    type_policy(page, server.url)
    page.get_by_label("Completions", exact=True).fill("4")
    page.locator("#ab-go").click()
    page.wait_for_function("document.querySelectorAll('.ab-card').length === 4")
    page.wait_for_selector("#ab-summary :text('1 of 4 solved')")
    assert page.locator("#ab-sample-problem .ab-note").count() == 0
    opened(page, "#1")
    assert "advantage +" in page.locator("#ab-detail").inner_text()

    choose(page, "ab-card-order", "by number")
    wait_for_cards(page, 0, 1, 2, 3)
    choose(page, "ab-card-solved", "not solved")
    wait_for_cards(page, 1, 2, 3)
    choose(page, "ab-card-outcome", "error while running")
    wait_for_cards(page, 1)
    choose(page, "ab-card-outcome", "any outcome")
    page.locator("#ab-card-words textarea, #ab-card-words input").fill("nothing like it")
    page.wait_for_selector("#ab-cards :text('No completion fits')")
    page.locator("#ab-card-words textarea, #ab-card-words input").fill("")
    choose(page, "ab-card-solved", "solved or not")
    wait_for_cards(page, 0, 1, 2, 3)

    page.locator('.ab-card[data-index="0"]').click()
    page.keyboard.press("j")
    opened(page, "#2")
    assert "return grid[99]" in page.locator(".ab-line-bad").inner_text()
    assert "seen (4, 4)" in page.locator("#ab-detail").inner_text()
    page.keyboard.press("j")
    opened(page, "#3")
    page.wait_for_selector('#ab-detail svg[aria-label^="difference"] >> nth=3')
    page.keyboard.press("k")
    opened(page, "#2")
    page.keyboard.press("c")
    page.wait_for_selector("#ab-keep:text('Let #2 go')")

    page.get_by_label("tokens", exact=True).check()
    page.wait_for_selector("#ab-detail .ab-tokens .ab-p3")
    assert "log-probability -" in page.locator(".ab-tokens .ab-p3").first.get_attribute("title")
    page.locator('.ab-card[data-index="2"]').focus()
    page.keyboard.press("ArrowRight")
    opened(page, "#4")
    page.get_by_label("side by side", exact=True).check()
    page.wait_for_selector('article[aria-label="#2 beside #4"]')

    page.locator('.ab-card[data-index="2"]').click()
    page.wait_for_selector('article[aria-label="#2 beside #3"] .ab-diff mark')
    page.get_by_role("button", name="Edit the program").click()
    page.locator("#ab-edit .cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text("def transform(grid):\n    return grid[:, ::-1]")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector('article[aria-label="#2 beside edited program"]')
    wait_for_cards(page, -1, 0, 1, 2, 3)
    page.get_by_label("details", exact=True).check()
    opened(page, "edited program")
    assert "solved" in page.locator("#ab-detail header").inner_text()

    page.get_by_label("as a test", exact=True).check()
    page.get_by_role("button", name="Copy as a test").click()
    page.wait_for_selector(".ab-copy :text('copied')")
    text = page.evaluate("navigator.clipboard.readText()")
    assert text.strip() == page.locator(".ab-test-text").inner_text().strip()
    compile(text, "copied", "exec")
