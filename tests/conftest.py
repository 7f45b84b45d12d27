"""Settings that all tests share."""

from collections import Counter

from hypothesis import HealthCheck, settings

from tests.browsing import app, browser, page, runs  # noqa: F401 (fixtures)

# A busy machine is no failure: laws are checked, not speed.
settings.register_profile("arcbench", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("arcbench")


def pytest_collection_modifyitems(items):
    """Notebooks first, then files with slow tests, those with most of them at the front.

    A file that takes a minute must not be begun when all others are done; small ones fill the gaps.
    """
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    items.sort(key=lambda item: (item.path.suffix != ".ipynb", -slow[item.path]))
