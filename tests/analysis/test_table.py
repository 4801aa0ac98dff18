"""The table of phases."""

import math
from itertools import pairwise

from hypothesis import given

from tlama_core import (
    Constant,
    Cosine,
    Piecewise,
    Polynomial,
    Step,
    Warmup,
    describe,
)
from tlama_core.analysis.table import WIDTH
from tlama_core.testing.strategies import schedules


@given(schedules(4, endless=False))
def test_a_description_walks_through_the_whole_schedule(a):
    rows = describe(a).rows
    assert sum(row.last_step - row.first_step + 1 for row in rows) == a.steps
    for row, after in pairwise(rows):
        assert after.first_step == row.last_step + 1
        assert row.then in ("goes on", f"jumps to {after.first_value:.6g}")
    for row in rows:
        assert (row.first_value, row.last_value) == (a(row.first_step), a(row.last_step))


@given(schedules(4))
def test_a_description_fits_a_hundred_columns(a):
    lines = str(describe(a)).splitlines()
    assert max(map(len, lines)) <= WIDTH
    column = lines[0].index("  then")
    assert {line[column : column + 2] for line in lines if not line.startswith("…")} == {"  "}


def test_a_table_shows_what_is_meant_and_what_is_not():
    a = Warmup(1.0, steps=4) >> Constant(0.5, steps=6) >> Step(0.5, {2: 0.1}, steps=4) >> Constant.hold()
    assert str(describe(a)).splitlines() == [
        "phase                         from   to  first value  last value  then",
        "Warmup(1.0, steps=4)             0    3         0.25           1  jumps to 0.5",
        "Constant(0.5, steps=6)           4    9          0.5         0.5  goes on",
        "Step(0.5, {2: 0.1}, steps=4)    10   11          0.5         0.5  jumps to 0.05",
        "Step(0.5, {2: 0.1}, steps=4)    12   13         0.05        0.05  goes on",
        "Constant(0.05)                  14  inf         0.05              never ends",
    ]


def test_constants_that_step_by_one_multiple_go_on():
    chain = Constant(1.0, 5) >> Constant(2.4, 5) >> Constant(4.2, 5)
    assert [row.then for row in describe(chain.quantize(2)).rows] == ["goes on", "goes on", "holds 4"]
    assert [row.then for row in describe(chain.quantize()).rows] == ["goes on", "jumps to 4", "holds 4"]
    assert [row.then for row in describe(chain).rows] == ["jumps to 2.4", "jumps to 4.2", "holds 4.2"]


def test_a_very_long_table_leaves_its_middle_out():
    table = describe(Piecewise.of([Cosine(1.0, 0.0, steps=10**11)] * 1_000))
    lines = str(table).splitlines()
    assert len(table.rows) == 1_000
    assert len(lines) == 42
    assert lines[21] == "… 960 more …"
    assert lines[1] == lines[1].rstrip()
    wide = describe(Polynomial(-1.2345678e-300, 1.2345678e-300, steps=10**299, power=1.2345678).repeat(9))
    assert max(map(len, str(wide).splitlines())) <= WIDTH
    assert "…" in str(wide).splitlines()[1]


def test_cycles_too_many_to_tell_apart_share_a_row():
    rows = describe(Cosine(1.0, 0.0, steps=10).repeat(10**9)).rows
    assert [(row.first_step, row.last_step) for row in rows] == [(0, 9), (10, 10**10 - 1)]
    assert describe(Warmup(1.0, 0)).rows == ()
    endless = describe(Constant(1.0, steps=30).repeat(gain=0.5)).rows[-1]
    assert (endless.first_step, endless.last_step, endless.then) == (30, math.inf, "never ends")
