"""Profiles for Hypothesis, a file backend for matplotlib, and frameworks that may be absent."""

import importlib
import importlib.util
import os
import secrets

import matplotlib as mpl
import pytest
from hypothesis import HealthCheck, settings

mpl.use("agg")
os.environ.setdefault("KERAS_BACKEND", "jax")  # read when keras is imported

COMMON = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large],
}
settings.register_profile("dev", max_examples=50, derandomize=True, **COMMON)
settings.register_profile("ci", max_examples=1_000, database=None, print_blob=True, **COMMON)


def pytest_configure(config):
    """Choose the profile, and for the thorough one a fresh seed, printed so that it can be replayed."""
    profile = os.environ.get("HYPOTHESIS_PROFILE", "dev")
    settings.load_profile(profile)
    if profile == "ci" and config.getoption("hypothesis_seed", None) is None:
        config.option.hypothesis_seed = secrets.randbelow(2**32)

    if ABSENT and os.environ.get("TLAMA_REQUIRE_ALL") != "1":
        coverage = config.pluginmanager.getplugin("_cov")
        if coverage is not None:
            coverage.options.cov_fail_under = 0


def pytest_collection_modifyitems(config, items):
    """Run the longest properties without a tracer, which doubles their time: others cover each line."""
    coverage = config.pluginmanager.getplugin("_cov")
    for item in items:
        if coverage is not None and coverage.cov_controller and item.get_closest_marker("uncovered"):
            item.add_marker("no_cover")


def pytest_report_header(config):
    """Say which seed replays this run, and which libraries it goes without."""
    replay = f"replay with: --hypothesis-seed={config.getoption('hypothesis_seed', None)}"
    absent = f"not installed, so that their tests skip and coverage is not asked for: {', '.join(ABSENT)}"
    return [replay, absent] if ABSENT else [replay]


FRAMEWORKS = (
    "torch",
    "optax",
    "transformers",
    "jax",
    "array_api_strict",
    "keras",
    "lightning",
    "accelerate",
    "orbax",
    "ignite",
)
ABSENT = [name for name in FRAMEWORKS if importlib.util.find_spec(name) is None]


def framework(name):
    """Return a fixture of a library that may be absent: its tests skip, or fail if nothing may be absent."""

    @pytest.fixture(scope="session", name=name)
    def load():
        if os.environ.get("TLAMA_REQUIRE_ALL") == "1":
            return importlib.import_module(name)
        return pytest.importorskip(name, reason=f"{name} is not installed")

    return load


torch, optax, transformers, jax, array_api_strict, keras, lightning, accelerate, orbax, ignite = map(
    framework, FRAMEWORKS
)
