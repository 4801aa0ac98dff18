"""Profiles for Hypothesis, a file backend for matplotlib, and skips that may be forbidden."""

import importlib.util
import os
import secrets

import matplotlib as mpl
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import seed as with_seed

mpl.use("agg")

common = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
}
settings.register_profile("dev", max_examples=50, **common)
settings.register_profile("ci", max_examples=1_000, print_blob=True, **common)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))
