"""A policy behind one or several OpenAI-compatible servers of the same model."""

import itertools
import logging
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from arcbench.errors import UserError
from arcbench.policies.base import Ask, Asked, Completion, Message, Sampled, SamplingConfig
from arcbench.policies.http import CONCURRENCY, ServerGone, as_answered
from arcbench.policies.server import Server

LOG = logging.getLogger(__name__)
MOST_CHOICES = 8  # of one request
MOST_FAILURES = 2  # of one request on each server
LOOK_EVERY_S = 2.0
CLOSE_S = 2.0  # one that still waits for its connection is left to its time-out


@dataclass(kw_only=True, slots=True, eq=False)
class _Place:
    """What is known of a server; to be touched with the lock."""

    server: Server
    in_flight: int = 0
    heard: float = 0.0  # when it last answered anything
    away: str = ""  # its last words; empty while it answers


class ServersPolicy(Asked):
    """Samples from all of them at once, with `concurrency` requests to each; the faster gets more.

    The requests of a server that dies are given to the others, and it is used again once it
    answers. One whose process stands still holds its connections open: it is given up when it has
    said nothing for `silent_s`, if another is left. One stream runs at a time.
    """

    def __init__(
        self,
        urls: Sequence[str],
        *,
        model: str | None = None,
        api_key: str | None = None,
        timeout_s: float = 600.0,
        patience_s: float = 10.0,
        silent_s: float = 30.0,
        concurrency: int = CONCURRENCY,
    ) -> None:
        """`model` is the first one that is served, unless it is named.

        Raises ServerGone if none of the servers answers, UserError if they serve different models.
        """
        doubled = [url for url, n in Counter(urls).items() if n > 1]
        if doubled:
            raise UserError(f"server {doubled[0]} is named twice")
        self._places = [
            _Place(server=Server(url, api_key=api_key, timeout_s=timeout_s, patience_s=patience_s))
            for url in urls
        ]
        self._silent_s = silent_s
        self._concurrency = concurrency
        self._changed = threading.Condition()
        self._ended = threading.Event()  # of the latest stream
        self._any_model = model is not None
        self.name = model or self._common_model()

    def stream_asks(self, asks: Sequence[Ask], config: SamplingConfig) -> Iterator[Sampled]:
        """Yield the samples of each request when it has been answered.

        A server that refuses a request, and the end of the last server, raise ServerGone; what has
        not been answered is left out then.
        """
        parts = [part for ask in asks for part in requests_of(ask)]
        ended = self._ended = threading.Event()
        for place in self._places:
            place.heard = time.monotonic()
        if all(place.away for place in self._places):  # since the last stream one may be back
            self._look_around()
        threading.Thread(target=self._watch, args=(ended,), daemon=True).start()
        calls = [partial(self._complete, part, config, ended) for part in parts]
        many = self._concurrency * len(self._places)
        try:
            for i, completions in as_answered(calls, concurrency=many):
                if ended.is_set():
                    return
                for j, completion in zip(parts[i].numbers, completions, strict=True):
                    yield Sampled(
                        prompt_index=parts[i].prompt_index, sample_index=j, completion=completion
                    )
        except ServerGone:
            if not ended.is_set():
                raise
        finally:
            self._end(ended)

    def cancel(self) -> None:
        """Make a running stream end; to be called from another thread."""
        self._end(self._ended)

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Length of the prompt in tokens, by vLLM's `/tokenize`.

        Raises ServerGone if no server answers, or the one that does has no such address.
        """
        for place in sorted(self._places, key=lambda place: bool(place.away)):
            try:
                return place.server.count_tokens(self.name, messages)
            except ServerGone as error:
                if error.refused:
                    raise
                self._lose(place, error)
        raise self._none_left()

    def _common_model(self) -> str:
        def first_model(place: _Place) -> str | None:
            try:
                return place.server.models()[0]
            except ServerGone as error:
                self._lose(place, error)
                return None

        asked = as_answered([partial(first_model, place) for place in self._places])
        models = {self._places[i].server.url: model for i, model in sorted(asked) if model}
        if not models:
            raise self._none_left()
        (url, name), *others = models.items()
        for other, its in others:
            if its != name:
                raise UserError(
                    f"{url} serves {name!r} and {other} serves {its!r}: one policy has one model; "
                    "where both serve the same under different names, or several, say model=NAME"
                )
        return name

    def _complete(
        self, ask: Ask, config: SamplingConfig, ended: threading.Event
    ) -> list[Completion]:
        """What one server or the next answers to a request."""
        failures: Counter[int] = Counter()
        while True:
            place = self._take(ended)
            try:
                found = place.server.complete(self.name, ask, config)
            except ServerGone as error:
                failures[id(place)] += 1
                often = len(failures) == len(self._places) and min(failures.values())
                # It may be the request that ends one server after the other.
                if error.refused or ended.is_set() or often >= MOST_FAILURES:
                    raise
                self._lose(place, error)
            else:
                place.heard = time.monotonic()
                return found
            finally:
                with self._changed:
                    place.in_flight -= 1
                    self._changed.notify()

    def _end(self, ended: threading.Event) -> None:
        """Give up the requests that are still running, and wait a moment until they are."""
        deadline = time.monotonic() + CLOSE_S
        with self._changed:
            ended.set()
            self._changed.notify_all()
            while any(place.in_flight for place in self._places) and time.monotonic() < deadline:
                for place in self._places:
                    place.server.abandon()  # again for one that was about to be sent
                self._changed.wait(0.1)

    def _take(self, ended: threading.Event) -> _Place:
        """The server that has the least to do, as soon as one takes a request."""
        with self._changed:
            while True:
                here = [place for place in self._places if not place.away]
                if not here or ended.is_set():
                    raise self._none_left()
                free = [place for place in here if place.in_flight < self._concurrency]
                if free:
                    place = min(free, key=lambda place: place.in_flight)
                    place.in_flight += 1
                    return place
                self._changed.wait()

    def _watch(self, ended: threading.Event) -> None:
        """Look at each server now and then: which are back, and which have fallen silent."""
        # At once where one is away: a stream that takes no time would never see it come back.
        wait_s = 0.0 if any(place.away for place in self._places) else LOOK_EVERY_S
        while not ended.wait(wait_s):
            wait_s = LOOK_EVERY_S
            self._look_around()

    def _look_around(self) -> None:
        for place in self._places:
            served = place.server.look()
            now = time.monotonic()
            if served is not None:
                place.heard = now
                self._welcome(place, served[0])
                continue
            silent = now - place.heard
            others = any(not other.away for other in self._places if other is not place)
            if silent > self._silent_s and others and not place.away:
                self._lose(
                    place, ServerGone(f"{place.server.url} has said nothing for {silent:.0f} s")
                )
                place.server.abandon()

    def _welcome(self, place: _Place, model: str) -> None:
        with self._changed:
            if not place.away:
                return
            if model != self.name and not self._any_model:
                place.away = f"{place.server.url} came back with model {model!r}, not {self.name!r}"
                return
            place.away = ""
            self._changed.notify_all()
        LOG.info("server %s answers again", place.server.url)

    def _lose(self, place: _Place, error: ServerGone) -> None:
        with self._changed:
            known = bool(place.away)
            place.away = place.away or str(error)
            self._changed.notify_all()
        if not known:
            LOG.warning("server lost: %s", error)

    def _none_left(self) -> ServerGone:
        words = [place.away for place in self._places]
        return ServerGone(words[0] if len(words) == 1 else f"no server is left: {'; '.join(words)}")


def requests_of(ask: Ask) -> list[Ask]:
    """The ask in requests of at most MOST_CHOICES, so that answers come while others are written.

    They are cut where the number of a sample is a multiple of it, wherever the ask begins.
    """
    end = ask.first_sample + ask.count
    inner = range(ask.first_sample // MOST_CHOICES + 1, -(-end // MOST_CHOICES))
    cuts = [ask.first_sample, *(i * MOST_CHOICES for i in inner), end]
    return [replace(ask, first_sample=a, count=b - a) for a, b in itertools.pairwise(cuts) if a < b]
