"""What the header of a test run says about its random examples is true."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).with_name("conftest.py")
TEST = """
import json, os
from pathlib import Path
from hypothesis import given, settings, strategies as st

drawn = []

@settings(max_examples=20)
@given(st.integers(0, 10**12))
def test_one(number):
    drawn.append(number)


def test_drawn():
    test_one()
    Path(os.environ["DRAWN"]).write_text(json.dumps(drawn))
"""


def run(folder, profile, *options):
    """Return the options that a test run says replay it, and what it drew.

    It has no options of the run that it is a part of: a quiet one would not print its header.
    """
    (folder / "conftest.py").write_text(CONFTEST.read_text())
    (folder / "test_it.py").write_text(TEST)
    kept = folder / "drawn.json"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-c",
        "/dev/null",
        "--rootdir",
        folder,
    ]
    done = subprocess.run(
        [*command, *options, "test_it.py::test_drawn"],
        cwd=folder,
        env={**os.environ, "PYTEST_ADDOPTS": "", "HYPOTHESIS_PROFILE": profile, "DRAWN": str(kept)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    said = re.search(r"replay with: HYPOTHESIS_PROFILE=(\w+) and (--hypothesis-seed=\d+)\n", done.stdout)
    assert said[1] == profile
    return said[2], json.loads(kept.read_text())


@pytest.mark.parametrize("profile", ["dev", "ci"])
def test_the_seed_in_the_header_replays_a_run(profile, tmp_path, monkeypatch):
    """Also the one of a run in parallel, and where Hypothesis sees that it runs on a server."""
    monkeypatch.setenv("CI", "true")
    seed, drawn = run(tmp_path, profile, "-n", "2")
    assert len(drawn) == 20
    assert run(tmp_path, profile, seed) == (seed, drawn)
    assert run(tmp_path, profile, "--hypothesis-seed=4")[1] != drawn


def test_a_thorough_run_draws_something_new_each_time(tmp_path):
    assert run(tmp_path, "ci") != run(tmp_path, "ci")
    assert run(tmp_path, "dev") == run(tmp_path, "dev")
