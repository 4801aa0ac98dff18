"""Profiles for Hypothesis, a file backend for matplotlib, and frameworks that may be absent."""

import importlib
import importlib.util
import os
import secrets
import warnings

import matplotlib as mpl
import pytest
from hypothesis import HealthCheck, settings

mpl.use("agg")
os.environ.setdefault("KERAS_BACKEND", "jax")  # read when keras is imported

COMMON = {
    "deadline": None,
    "database": None,  # what an earlier run found would come first: the seed alone decides
    "derandomize": False,  # Hypothesis would set it where a variable CI is set, and no seed be heard
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large],
}
settings.register_profile("dev", max_examples=50, **COMMON)
settings.register_profile("ci", max_examples=1_000, print_blob=True, **COMMON)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config):
    """Choose the profile and the seed: always the same one, or for the thorough profile a fresh one.

    Hypothesis reads the option as a text (the number 0 is none to it), when it is configured.
    """
    profile = os.environ.get("HYPOTHESIS_PROFILE", "dev")
    settings.load_profile(profile)
    chosen = getattr(config, "workerinput", {}).get("hypothesis_seed")
    if chosen is None:
        chosen = str(secrets.randbelow(2**32)) if profile == "ci" else "0"
    if config.getoption("hypothesis_seed", None) is None:
        config.option.hypothesis_seed = chosen


@pytest.hookimpl(optionalhook=True)  # of xdist
def pytest_configure_node(node):
    """Hand the seed to a worker, which would choose its own."""
    node.workerinput["hypothesis_seed"] = node.config.getoption("hypothesis_seed")


def pytest_collection_modifyitems(config, items):
    """Run the longest properties without a tracer, which doubles their time: others cover each line."""
    coverage = config.pluginmanager.getplugin("_cov")
    for item in items:
        if coverage is not None and coverage.cov_controller and item.get_closest_marker("uncovered"):
            item.add_marker("no_cover")


def pytest_report_header(config):
    """Say which seed replays this run, and which libraries it goes without."""
    seed = config.getoption("hypothesis_seed")
    replay = (
        f"replay with: HYPOTHESIS_PROFILE={settings.get_current_profile_name()} and --hypothesis-seed={seed}"
    )
    absent = f"not installed, so their tests skip: {', '.join(ABSENT)}"
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
    "pydantic",
    "jsonargparse",
    "hydra",
    "trl",
)
ABSENT = [name for name in FRAMEWORKS if importlib.util.find_spec(name) is None]


def framework(name):
    """Return a fixture of a library that may be absent: its tests skip, or fail if nothing may be absent."""

    @pytest.fixture(scope="session", name=name)
    def load():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what a library warns about when it is imported is its own
            if os.environ.get("TLAMA_REQUIRE_ALL") == "1":
                return importlib.import_module(name)
            return pytest.importorskip(name, reason=f"{name} is not installed")

    return load


(
    torch,
    optax,
    transformers,
    jax,
    array_api_strict,
    keras,
    lightning,
    accelerate,
    orbax,
    ignite,
    pydantic,
    jsonargparse,
    hydra,
    trl,
) = map(framework, FRAMEWORKS)
