"""A completion token by token, coloured by how sure the policy was of each."""

from dataclasses import dataclass
from html import escape
from math import exp, isnan

from arcbench.policies.base import Completion
from arcbench.policies.token_texts import token_texts
from arcbench.ui import html

LEVELS = (  # (least probability, class of the style, words); each has a line of its own kind
    (0.9, "ab-p0", "90 % and more"),
    (0.5, "ab-p1", "50–90 %"),
    (0.1, "ab-p2", "10–50 %"),
    (0.01, "ab-p3", "1–10 %"),
    (0.0, "ab-p4", "under 1 %"),
)
UNKNOWN = "ab-px"
LEAST_SURE = 8  # tokens that are told in words
CONTEXT = 24  # characters before such a token


@dataclass(frozen=True, kw_only=True, slots=True)
class Token:
    """One sampled token."""

    number: int  # from 1
    text: str
    logprob: float  # nan where the engine had no number
    id: int | None

    @property
    def level(self) -> str:
        """The class of its style."""
        p = exp(self.logprob)
        return UNKNOWN if isnan(p) else next(kind for least, kind, _ in LEVELS if p >= least)

    @property
    def chance(self) -> str:
        """Its probability in words."""
        if isnan(self.logprob):
            return "probability not known"
        percent = 100 * exp(self.logprob)
        return f"{percent:.0f} %" if percent >= 9.95 else f"{percent:.2g} %"

    @property
    def shown(self) -> str:
        """Its text in quotes, so that blanks and line ends can be seen."""
        text = self.text.replace("\n", "⏎").replace("\t", "⇥")
        return f"“{text}”" if text else "(part of a character)"


def tokens(completion: Completion, texts: tuple[str, ...]) -> list[Token]:
    """The tokens of a completion; `texts` may be empty, where nobody tells them."""
    known = texts if len(texts) == len(completion.logprobs) else ()
    ids = completion.token_ids if len(completion.token_ids) == len(completion.logprobs) else ()
    return [
        Token(
            number=i + 1,
            text=known[i] if known else "",
            logprob=logprob,
            id=ids[i] if ids else None,
        )
        for i, logprob in enumerate(completion.logprobs)
    ]


def page(completion: Completion, policy: str) -> str:
    """The completion with its tokens coloured, a legend, and the same in words and as a table.

    The tokenizer of `policy` tells their texts where the completion does not have them.
    """
    if not completion.logprobs:
        return html.note(
            "No log-probabilities: this completion is a person's, or its policy tells none. Models "
            "that run here and vLLM servers do."
        )
    texts = completion.token_texts or token_texts(policy, completion.token_ids)
    found = tokens(completion, texts)
    has_texts = any(token.text for token in found)
    running = (
        f'<pre class="ab-code ab-tokens">{"".join(map(_span, found))}</pre>'
        if has_texts
        else html.note("The texts of these tokens are not known here; their numbers are below.")
    )
    return (
        '<p class="ab-dim ab-facts">How sure the policy was of each token that it drew, before '
        "temperature and top-p:</p>"
        f"{_legend(found)}{running}{_least_sure(found) if has_texts else ''}{_table(found)}"
    )


def _span(token: Token) -> str:
    title = escape(f"{token.shown}: {token.chance}, log-probability {token.logprob:.2f}")
    return f'<span class="{token.level}" title="{title}">{escape(token.text)}</span>'


def _legend(found: list[Token]) -> str:
    counts = {kind: sum(token.level == kind for token in found) for _, kind, _ in LEVELS}
    kinds = [(kind, words) for _, kind, words in LEVELS]
    if missing := len(found) - sum(counts.values()):
        kinds.append((UNKNOWN, "not known"))
        counts[UNKNOWN] = missing
    items = "".join(
        f'<li><span class="ab-code"><span class="{kind}">token</span></span> {words} '
        f'<span class="ab-dim">({counts[kind]:,})</span></li>'
        for kind, words in kinds
    )
    return f'<ul class="ab-token-legend" aria-label="probability of a token">{items}</ul>'


def _least_sure(found: list[Token]) -> str:
    """What the colours tell, in words."""
    known = [token for token in found if not isnan(token.logprob)]
    least = sorted(known, key=lambda token: token.logprob)[:LEAST_SURE]
    text = "".join(token.text for token in found)
    ends: list[int] = []
    for token in found:
        ends.append((ends[-1] if ends else 0) + len(token.text))
    items = "".join(
        f"<li><b>{token.chance}</b> <code>{escape(token.shown)}</code> "
        f'<span class="ab-dim">after “{escape(_before(text, ends, token))}”</span></li>'
        for token in least
    )
    return f'<h4>Least sure</h4><ol class="ab-least">{items}</ol>'


def _before(text: str, ends: list[int], token: Token) -> str:
    start = ends[token.number - 1] - len(token.text)
    before = text[max(0, start - CONTEXT) : start].replace("\n", "⏎")
    return f"…{before}" if start > CONTEXT else before


def _table(found: list[Token]) -> str:
    rows = "".join(
        f"<tr><td>{token.number:,}</td><td><code>{escape(token.shown if token.text else '')}</code>"
        f"</td><td>{token.chance}</td><td>{_minus(token.logprob, 3)}</td>"
        f"<td>{'' if token.id is None else token.id}</td></tr>"
        for token in found
    )
    heads = "".join(
        f'<th scope="col">{head}</th>'
        for head in ("", "Token", "Probability", "Log-probability", "Id")
    )
    return (
        f"<details><summary>All {len(found):,} tokens as a table</summary>"
        f'<div class="ab-scroll"><table class="ab-rows" aria-label="tokens"><thead><tr>{heads}</tr>'
        f"</thead><tbody>{rows}</tbody></table></div></details>"
    )


def _minus(value: float, digits: int) -> str:
    """A number with a real minus sign."""
    return "–" if isnan(value) else f"{value:.{digits}f}".replace("-", "−")
