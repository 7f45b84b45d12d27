"""Settings that all tests share."""

from hypothesis import HealthCheck, settings

from tests.browsing import app, browser, page, runs  # noqa: F401 (fixtures)

# A busy machine is no failure: laws are checked, not speed.
settings.register_profile("arcbench", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("arcbench")
