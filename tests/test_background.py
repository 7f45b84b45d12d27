import threading

import pytest

from arcbench.background import gathered


def test_items_come_in_order_and_none_is_lost():
    found = [item for news in gathered(lambda: iter(range(1000))) for item in news]
    assert found == list(range(1000))


def test_waiting_gives_empty_lists_only_where_a_rhythm_is_asked_for():
    go = threading.Event()

    def slow():
        yield 1
        go.wait(60)
        yield 2

    ticks = gathered(slow, every_s=0.01)
    seen = [next(ticks), next(ticks)]
    go.set()
    seen += list(ticks)
    assert seen[0] == [1]
    assert seen[1] == []
    assert seen[-1] == [2]


def test_an_error_comes_after_the_items_before_it():
    def breaking():
        yield 1
        raise ValueError("torn")

    news = gathered(breaking)
    assert next(news) == [1]
    with pytest.raises(ValueError, match="torn"):
        next(news)


def test_closing_closes_the_iterator():
    closed = threading.Event()

    def endless():
        try:
            while True:
                yield 0
        finally:
            closed.set()

    news = gathered(endless)
    assert next(news)[0] == 0
    news.close()
    assert closed.wait(60)
