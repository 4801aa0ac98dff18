"""Pictures: what is drawn, on which axes, and what is left behind."""

import math
import warnings

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

from tlama_core import Constant, Cosine, Linear, Piecewise, Step, Warmup
from tlama_core.plotting import DRAWN_POINTS
from tlama_core.training import plot_lr_schedule

WSD = Warmup(3e-4, 20_000) >> Constant.hold(78_000) >> Linear.to(0.0, 20_000)


def marks(ax):
    """Return where phases are marked."""
    return [segment[0][0] for collection in ax.collections for segment in collection.get_segments()]


def lines(ax):
    """Return the curve and the points of a picture."""
    return [line.get_xydata() for line in ax.lines[:2]]


def test_a_new_figure_is_left_open_by_nobody():
    before = plt.get_fignums()
    ax = plot_lr_schedule(WSD, 118_000, title="WSD", figsize=(7, 3))
    assert plt.get_fignums() == before
    assert (ax.get_title(), ax.get_xlabel(), ax.get_ylabel()) == ("WSD", "Step", "Learning rate")
    assert ax.figure.get_size_inches().tolist() == [7, 3]


def test_the_picture_can_be_saved(tmp_path):
    plot_lr_schedule(WSD, 118_000).figure.savefig(tmp_path / "wsd.png")
    assert (tmp_path / "wsd.png").stat().st_size > 10_000


def test_the_axes_of_the_caller_are_drawn_on():
    figure, ax = plt.subplots()
    assert plot_lr_schedule(WSD, 118_000, ax=ax) is ax
    assert len(ax.lines) == 2
    plt.close(figure)


def test_the_curve_is_exact_at_every_joint_however_long():
    scheduler = WSD.stretch(steps=118_000_000)
    curve, _ = lines(plot_lr_schedule(scheduler, 118_000_000))
    assert len(curve) <= DRAWN_POINTS + 5
    drawn = dict(curve.tolist())
    for joint in scheduler.starts[1:]:
        assert drawn[joint] == scheduler(joint)
        assert drawn[joint - 1] == scheduler(joint - 1)
    assert drawn[118_000_000] == 0.0


@pytest.mark.parametrize(("interval", "count"), [(None, 21), (1_000, 119), (118_000, 2), (10**9, 1)])
def test_points_stand_at_every_interval(interval, count):
    _, points = lines(plot_lr_schedule(WSD, 118_000, point_interval=interval))
    assert len(points) == count


def test_phases_are_marked_and_named_where_there_is_room():
    ax = plot_lr_schedule(WSD, 118_000)
    assert marks(ax) == [20_000, 98_000]
    assert [text.get_text() for text in ax.texts] == ["Warmup", "Constant", "Linear"]
    narrow = plot_lr_schedule(Warmup(1.0, 10) >> Constant(1.0), 10_000)
    assert [text.get_text() for text in narrow.texts] == ["Constant"]
    many = plot_lr_schedule(Piecewise.of([Cosine(1, 0, 10)] * 40), 400)
    assert not many.texts
    assert not marks(plot_lr_schedule(Warmup(1.0, 0) >> Constant(1.0), 100))
    empty = Warmup(1.0, 100) >> Constant(1.0, 0) >> Cosine(1.0, 0.5, 100) >> Linear(0.5, 0.0, 100)
    texts = plot_lr_schedule(empty, 300).texts
    assert [(text.get_text(), text.get_position()[0]) for text in texts] == [
        ("Warmup", 50),
        ("Cosine", 150),
        ("Linear", 250),
    ]


def test_joints_are_known_below_operators():
    short = Warmup(1.0, 10) >> Cosine(1.0, 0.0, 20)
    for a, wanted in [
        (0.5 * short, [10]),
        (short.clamp(low=0.1), [10]),
        (short + Step(1.0, {5: 0.5}), [5, 10]),
        (Cosine(1.0, 0.0, 10).repeat(4), [10, 20]),
        (Cosine(1.0, 0.0, 5).repeat(3, growth=2), [5, 15]),
        (Constant(1.0, 5) >> Step(1.0, {5: 0.5}, 25), [5, 10]),
        (Linear(1.0, 0.0, 30), []),
    ]:
        ax = plot_lr_schedule(a, 30)
        assert marks(ax) == wanted
        drawn = dict(lines(ax)[0].tolist())
        assert all(drawn[step] == pytest.approx(a(step)) for step in wanted)
    for cycles, total in [(None, 10_000), (None, 10**12), (10**9, 2 * 10**9)]:
        assert marks(plot_lr_schedule(Cosine(1.0, 0.0, 2).repeat(cycles), total)) == []


def test_every_curve_has_points_of_its_colour():
    ax = plot_lr_schedule(WSD, 118_000)
    plot_lr_schedule(0.5 * WSD, 118_000, ax=ax)
    first, _, second, points = ax.lines
    assert first.get_color() != second.get_color() == points.get_color()


def test_any_callable_is_drawn_over_the_updates_that_it_has():
    table = [0.1, 0.2, 0.3]
    curve, points = lines(plot_lr_schedule(table.__getitem__, 3))
    assert curve.tolist() == points.tolist() == [[0, 0.1], [1, 0.2], [2, 0.3]]
    curve, _ = lines(plot_lr_schedule(lambda step: math.sqrt(step), 10**6))
    assert np.array_equal(curve[:, 1], np.sqrt(curve[:, 0]))


def test_a_single_update_is_drawn():
    assert len(lines(plot_lr_schedule(lambda _: 1.0, 1))[0]) == 1


@pytest.mark.parametrize("backend", ["agg", "svg", "pdf", "template"])
def test_a_file_backend_neither_warns_nor_shows(backend, monkeypatch):
    monkeypatch.setenv("DISPLAY", ":99")  # without one, matplotlib keeps quiet in any case
    monkeypatch.setattr(mpl, "get_backend", lambda: backend)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plot_lr_schedule(WSD, 118_000)


def test_an_interactive_backend_shows_the_figure(monkeypatch):
    shown = []
    monkeypatch.setattr(mpl, "get_backend", lambda: "TkAgg")
    monkeypatch.setattr(plt, "show", lambda: shown.append(plt.gcf()))
    ax = plot_lr_schedule(WSD, 118_000)
    assert shown == [ax.figure]
    plt.close(ax.figure)


def test_a_scheduler_that_fails_leaves_no_figure_behind(monkeypatch):
    monkeypatch.setattr(mpl, "get_backend", lambda: "TkAgg")
    with pytest.raises(ZeroDivisionError):
        plot_lr_schedule(lambda step: 1 / (step - 5), 10)
    assert plt.get_fignums() == []


def test_a_schedule_draws_itself():
    figure, ax = plt.subplots()
    (line,) = ax.plot(Linear(1.0, 0.0, 4))
    assert line.get_ydata().tolist() == [1.0, 0.75, 0.5, 0.25]
    plt.close(figure)


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"total_steps": 0}, ValueError, "total_steps must be a whole number >= 1, got 0"),
        ({"total_steps": 2.5}, ValueError, "total_steps must be a whole number >= 1"),
        ({"point_interval": 0}, ValueError, "point_interval must be a whole number >= 1, got 0"),
        ({"point_interval": -1}, ValueError, "point_interval must be a whole number >= 1, got -1"),
        ({"lr_scheduler": 3}, TypeError, "lr_scheduler must be a schedule or a callable, got 3"),
        ({"lr_scheduler": Linear.to(0, 5)}, TypeError, "lr_scheduler must be a schedule or a callable"),
    ],
)
def test_plotting_refuses(changes, error, words):
    with pytest.raises(error, match=f"plot_lr_schedule.{words}"):
        plot_lr_schedule(**{"lr_scheduler": WSD, "total_steps": 100} | changes)
