"""Pictures: what is drawn, on which axes, and what is left behind."""

import doctest
import math
import warnings
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from tlama_core import (
    Constant,
    Cosine,
    Function,
    Geometric,
    Linear,
    OpenScheduleError,
    Piecewise,
    PowerLaw,
    Step,
    Warmup,
)
from tlama_core.plotting import (
    DRAWN_POINTS,
    axes,
    compare,
    curve,
    curves,
    in_thousands,
    pictures,
    plot,
    shown_steps,
    svg,
)
from tlama_core.testing.strategies import schedules
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


@pytest.mark.parametrize(
    ("a", "names"),
    [
        (0.5 * (Warmup(1.0, 100) >> Cosine.to(0.0, 200)), ["Warmup", "Cosine"]),
        ((Warmup(1.0, 100) >> Cosine.to(0.0, 200))[50:], ["Warmup", "Cosine"]),
        (0.5 * (Warmup(1.0, 150) >> Cosine(1.0, 0.0, 50).repeat(3)), ["Warmup", "Cosine"]),
        (Warmup(1.0, 150) >> Step(1.0, {50: 0.5, 100: 0.1}, 150), ["Warmup", "Step"]),
        (Warmup(1.0, 150) >> Linear(1.0, 0.0, 150) * Linear(1.0, 0.0, 150), ["Warmup"]),
        ((Warmup(1.0, 50) >> Cosine.to(0.0, 100)).repeat(2), []),
        (Cosine(1.0, 0.0, 300), []),
    ],
    ids=repr,
)
def test_phases_are_named_below_operators(a, names):
    """A join of several shapes has no one name, nor have cycles of a chain; a single phase needs none."""
    assert [text.get_text() for text in plot_lr_schedule(a, 300).texts] == names


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
    ],
)
def test_plotting_refuses(changes, error, words):
    with pytest.raises(error, match=f"plot_lr_schedule.{words}"):
        plot_lr_schedule(**{"lr_scheduler": WSD, "total_steps": 100} | changes)


@pytest.mark.parametrize("draw", [lambda a: plot_lr_schedule(a, 10), plot, svg, lambda a: compare(WSD, a)])
def test_an_open_phase_is_not_drawn(draw):
    with pytest.raises(OpenScheduleError, match="has no start until a phase stands before it"):
        draw(Linear.to(0.0, 5))


# --- plot, compare, notebooks --------------------------------------------------------------------

PRETRAIN = Warmup(3e-4, 2_000) >> Cosine.to(3e-5, 98_000)


def test_one_schedule_is_drawn_with_its_phases():
    ax = plot(PRETRAIN)
    (line,) = ax.lines
    assert line.get_xydata()[-1].tolist() == [100_000, 3e-5]
    assert marks(ax) == [2_000]
    assert ax.get_title().replace("\n", " ") == repr(PRETRAIN)
    assert [text.get_text() for text in ax.texts] == ["Cosine"]
    assert ax.get_legend() is None


def test_several_schedules_are_told_apart_by_their_labels():
    ax = plot(PRETRAIN, 0.5 * PRETRAIN, lambda step: 1e-4, labels=["a", "b", "c"], steps=50, log=True)
    assert [text.get_text() for text in ax.get_legend().texts] == ["a", "b", "c"]
    assert ax.get_yscale() == "log"
    assert [line.get_xdata()[-1] for line in ax.lines] == [50, 50, 49]
    long = plot(PRETRAIN, Piecewise.of([PRETRAIN] * 9))
    assert all(len(text.get_text()) <= 71 for text in long.get_legend().texts)


def test_a_picture_is_as_long_as_the_longest_schedule():
    assert plot(Linear(1, 0, 10), Linear(1, 0, 30)).lines[0].get_xdata()[-1] == 30


@pytest.mark.parametrize(
    ("endless", "shown"),
    [
        (Constant(1.0), 1_000),
        (Linear(1, 0, 100) >> Constant(0.0), 125),
        (Warmup(1, 40) >> PowerLaw(1, timescale=40), 440),
        (Warmup(1, 40) >> Geometric(1, factor=0.1, interval=50), 140),
        (Geometric(1, factor=2), 7),
        (Constant(1, 100) >> Geometric(1, factor=1), 125),
        (Geometric(1, factor=1 + 2e-16, interval=1e300), 1_000),
        (Step(1, {300: 0.1, 600: 0.01}), 750),
        (Cosine(1, 0, 10).repeat(), 40),
        (Cosine(1, 0, 10).repeat(growth=2), 150),
        ((Linear(1, 0, 100) >> Constant(0.0))[50:], 62),
        ((0.5 * PowerLaw(1, timescale=40))[100:], 300),
        (0.5 * PowerLaw(1, timescale=40) + Cosine(1, 0, 10), 400),
        (Linear(1, 0, 0), 1_000),
    ],
)
def test_an_endless_schedule_is_drawn_until_its_shape_is_seen(endless, shown):
    assert plot(endless).lines[0].get_xdata()[-1] == shown


def test_a_node_that_is_used_many_times_is_looked_at_once():
    a = Constant(1.0) + Step(1.0, {80: 0.5})
    for _ in range(25):
        a = a + 0.5 * a
    assert shown_steps(a) == 100


def test_the_ratio_stands_below_and_has_gaps_at_0():
    upper, lower = compare(Linear(1, 0, 10), Linear(2, 1, 10), labels=["a", "b"])
    ratio = lower.lines[1].get_ydata()
    assert ratio[0] == 2
    assert math.isnan(ratio[10])
    assert [text.get_text() for text in upper.get_legend().texts] == ["a", "b"]
    assert upper.get_shared_x_axes().joined(upper, lower)


def test_both_kinds_of_picture_are_shown_where_there_is_a_screen(monkeypatch):
    shown = []
    monkeypatch.setattr(plt, "show", lambda: shown.append(True))
    monkeypatch.setattr(mpl, "get_backend", lambda: "tkagg")
    plot(PRETRAIN)
    compare(PRETRAIN, 2 * PRETRAIN)
    plt.close("all")
    assert len(shown) == 2


@given(schedules(4))
@settings(max_examples=10)
def test_a_notebook_shows_any_schedule_in_30_kilobytes(a):
    picture = a._repr_mimebundle_()["image/svg+xml"]
    assert picture.endswith("</svg>")
    assert len(picture) < 30_000
    assert svg(a) == picture


@pytest.mark.parametrize(
    "a",
    [
        Piecewise.of(Constant(i * 7919 % 13 / 13, 3) for i in range(100_000)),
        Cosine(1, 0.01, 1_000).repeat(500),
        Cosine(1, 0.01, 100).repeat(12),
        Function(lambda t: t * 7919 % 97 / 97, 10**8),
    ],
    ids=lambda a: repr(a)[:30],
)
def test_a_rugged_schedule_is_not_larger(a):
    assert len(svg(a)) < 30_000


def test_a_notebook_shows_the_text_of_what_cannot_be_drawn():
    assert list(Function(lambda t: math.nan, 5)._repr_mimebundle_()) == ["text/plain"]


def test_drawing_changes_no_style():
    before = dict(mpl.rcParams)
    plot(PRETRAIN)
    PRETRAIN._repr_mimebundle_()
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize(
    ("step", "text"),
    [(0, "0"), (999, "999"), (10_000, "10k"), (1.5e6, "1.5M"), (3e11, "300B"), (2e12, "2T"), (1e15, "1e+15")],
)
def test_ticks_are_read_as_people_say_them(step, text):
    assert in_thousands(step) == text


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: plot(), ValueError, "plot must be given at least one schedule, got none"),
        (lambda: plot(3), TypeError, "plot.schedules[0] must be a schedule or a callable, got 3"),
        (lambda: plot(WSD, "x"), TypeError, "plot.schedules[1] must be a schedule or a callable, got 'x'"),
        (lambda: svg(abs), TypeError, "svg.schedule must be a schedule, got <built-in function abs>"),
        (lambda: plot(abs), ValueError, "plot.steps must be given for a plain callable"),
        (lambda: plot(PRETRAIN, steps=0), ValueError, "plot.steps must be a whole number >= 1, got 0"),
        (lambda: plot(PRETRAIN, labels=["a", "b"]), ValueError, "plot.labels must be one for each of 1 schedules"),
        (lambda: plot(PRETRAIN, labels="a"), ValueError, "plot.labels must be one for each of 1 schedules, got 'a'"),
        (lambda: compare(PRETRAIN, PRETRAIN, labels=["a"]), ValueError, "compare.labels must be one for each of 2"),
        (lambda: compare(PRETRAIN, None), TypeError, "compare.b must be a schedule or a callable, got None"),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_refused_and_leaves_no_figure(call, error, text):
    before = plt.get_fignums()
    with pytest.raises(error) as caught:
        call()
    assert text in str(caught.value)
    assert plt.get_fignums() == before


# --- what is drawn is so -------------------------------------------------------------------------


@given(
    cycle=st.sampled_from([Cosine(1, 0, 7), Linear(1, 0, 11), Warmup(1, 5) >> Linear.to(0.2, 9), Step(1, {3: 0.5}, 8)]),
    times=st.integers(400, 900),
    gain=st.sampled_from([1.0, 0.999, -1.0]),
    most=st.integers(30, 100).map(lambda half: 2 * half),
)  # fmt: skip
@settings(max_examples=25, deadline=None)
def test_cycles_finer_than_the_picture_are_drawn_as_their_envelope(cycle, times, gain, most):
    """The lowest and the highest update of every column, as all updates together give them."""
    a = cycle.repeat(times, gain=gain)
    steps, values = curve(a, a.steps, most)
    assert len(steps) <= 2 * most + 10
    exact = a.sample(a.steps + 1)
    assert np.isin(values, exact).all()
    edges = [(2 * i * a.steps + most) // (2 * most) for i in range(0, most + 1, 2)]
    for left, right in pairwise(edges[1:-1]):
        inside = values[(left <= steps) & (steps < right)]
        column = exact[left:right]
        reach = 1e-12 + np.abs(np.diff(exact[: cycle.steps])).max() * 0.02
        assert inside.min() == pytest.approx(column.min(), abs=reach)
        assert inside.max() == pytest.approx(column.max(), abs=reach)


@pytest.mark.parametrize(
    ("a", "low", "high"),
    [
        (Cosine(1.0, 0.0, 1_000).repeat(3_000), 0.0, 1.0),
        (Linear(1.0, 0.0, 7).repeat(700), 1 / 7, 1.0),
        (Cosine(1.0, 0.1, 1_000).repeat(10**9), 0.1, 1.0),
        (2 * Linear(1.0, 0.0, 10).repeat(10**6) + Constant(1.0, 10**7), 1.2, 3.0),
    ],
    ids=repr,
)
def test_a_picture_of_alike_cycles_is_alike_from_end_to_end(a, low, high):
    steps, values = curve(a, a.steps)
    for part in np.array_split(values[:-1], 50):
        assert part.min() == pytest.approx(low, abs=1e-5)
        assert part.max() == high
    assert steps[-1] == a.steps


def test_pieces_past_those_that_are_listed_are_drawn_too(monkeypatch):
    monkeypatch.setattr(curves, "LISTED_PIECES", 100)
    a = Piecewise.of([Linear(1.0, 0.0, 10)] * 5_000)
    _, values = curve(a, a.steps)
    for part in np.array_split(values[:-1], 50):
        assert (part.min(), part.max()) == (pytest.approx(0.1), 1.0)


def test_a_value_is_held_until_it_drops():
    steps, values = curve(Constant(1.0, 2) >> Step(2.0, {3: 0.5}, 4) >> Linear(1.0, 0.0, 2), 8)
    assert list(zip(steps.tolist(), values.tolist(), strict=True))[1:-2] == [
        (1, 1.0), (2, 1.0), (2, 2.0), (3, 2.0), (4, 2.0), (5, 2.0), (5, 1.0), (6, 1.0),
    ]  # fmt: skip


@pytest.mark.parametrize("steps", [2**53 + 1, 2**62, 10**19, 10**300])
def test_a_schedule_of_any_length_is_drawn(steps, tmp_path):
    ax = plot(Linear(1.0, 0.0, steps) * 0.5, labels=["a"])
    ax.figure.savefig(tmp_path / "out.png")
    drawn = ax.lines[0].get_xydata()
    assert drawn[-1].tolist() == [float(steps), 0.0]
    assert np.interp(steps / 4, *drawn.T) == pytest.approx(0.375)
    assert plot_lr_schedule(Linear(1.0, 0.0, steps), steps).lines[1].get_xdata()[-1] > 0.94 * steps


def test_values_near_the_largest_float_are_drawn(tmp_path):
    a = Linear(1.6e308, -1.2e308, 10)
    ax = plot(a)
    ax.figure.savefig(tmp_path / "out.png")
    assert ax.get_ylabel() == "Value / 1e+100"
    assert ax.lines[0].get_ydata()[0] == pytest.approx(1.6e208)
    assert svg(a)
    _, lower = compare(Constant(1e-300, 10), a)
    lower.figure.savefig(tmp_path / "out.png")
    assert all(np.isnan(lower.lines[1].get_ydata()))


def test_axes_of_a_subfigure_are_drawn_on(tmp_path):
    figure = Figure(figsize=(10, 4))
    left, _ = figure.subfigures(1, 2)
    ax = plot(WSD, ax=left.subplots())
    figure.savefig(tmp_path / "out.png")
    assert marks(ax) == [20_000, 98_000]


# --- names that fit ------------------------------------------------------------------------------


def drawn_box(artist):
    """Return where *artist* stands once its figure is laid out."""
    artist.get_figure(root=True).draw_without_rendering()
    return artist.get_window_extent()


@pytest.mark.parametrize("width", [3, 7])
@pytest.mark.parametrize(
    "a",
    [
        WSD,
        Piecewise.of([Linear(0.123456789, 0.987654321, 1_234)] * 9),
        (Cosine(1.0, 0.01, 1_000).repeat(4, gain=0.7, growth=1.5) + Warmup(0.1, 10)).clamp(low=0.01),
        Function(math.sqrt, 10**60),
    ],
    ids=lambda a: repr(a)[:20],
)
def test_a_title_is_no_wider_than_its_axes(a, width):
    for ax in (Figure((width, 4), layout="constrained").subplots(), Figure((width, 4)).subplots()):
        plot(a, ax=ax, steps=500)
        title, box = drawn_box(ax.title), drawn_box(ax)
        assert title.width <= box.width
        assert title.y1 <= ax.figure.bbox.y1


def test_a_title_is_broken_between_phases():
    ax = Figure((5, 3), layout="constrained").subplots()
    plot(WSD, ax=ax)
    assert ax.get_title().splitlines()[1].startswith(">> ")
    assert ax.get_title().replace("\n", " ") == repr(WSD)


@pytest.mark.parametrize("count", [2, 5, 12, 60])
def test_a_legend_stands_outside_and_within_the_figure(count):
    curves = [Linear(1 + i, 0.0, 10) for i in range(count)]
    for ax in (plot(*curves), plot(*curves, labels=[f"layer {i}" for i in range(count)])):
        legend, box = drawn_box(ax.get_legend()), drawn_box(ax)
        assert legend.y0 >= box.y1 or legend.x0 >= box.x1
        assert legend.x1 <= ax.figure.bbox.x1 + 1
        assert legend.y1 <= ax.figure.bbox.y1 + 1
        assert box.width > 0.4 * ax.figure.bbox.width
    assert len({line.get_color() for line in ax.lines}) == count


def test_a_legend_right_of_the_axes_of_the_caller_is_not_cut_off():
    ax = Figure().subplots()
    plot(*(Linear(1 + i, 0.0, 10) for i in range(8)), ax=ax)
    assert drawn_box(ax.get_legend()).x1 <= ax.figure.bbox.x1 + 1


def test_axes_that_are_used_again_name_all_their_curves():
    ax = plot(PRETRAIN, labels=["as planned"])
    assert ax.get_title() == "as planned"
    assert marks(ax)
    plot(0.5 * PRETRAIN, ax=ax, labels=["half"])
    assert [text.get_text() for text in ax.get_legend().texts] == ["as planned", "half"]
    assert (ax.get_title(), marks(ax), list(ax.texts)) == ("", [], [])


def test_the_title_of_the_caller_stays():
    ax = Figure().subplots()
    ax.set_title("My run")
    plot(PRETRAIN, ax=ax, labels=["a"])
    assert ax.get_title() == "My run"
    assert [text.get_text() for text in ax.get_legend().texts] == ["a"]


def test_dollar_signs_are_no_mathematics(tmp_path):
    ax = plot(PRETRAIN, labels=["costs $5 to $a_"])
    plot(PRETRAIN, ax=ax, labels=[r"$\nonsense$"])
    ax.figure.savefig(tmp_path / "out.png")  # mathematics would fail here
    assert not any(text.get_parse_math() for text in (ax.title, *ax.get_legend().get_texts()))
    plot_lr_schedule(WSD, 100, title=r"$\nonsense$").figure.savefig(tmp_path / "out.png")


def test_marks_that_would_hide_the_curve_are_not_drawn():
    chain = [Linear(1.0, 0.0, 10)]
    assert len(marks(plot(Piecewise.of(chain * 30)))) == 29
    assert marks(plot(Piecewise.of(chain * 80))) == []


# --- notebooks and what stays behind -------------------------------------------------------------


def test_a_notebook_has_the_text_the_length_and_the_picture():
    bundle = PRETRAIN._repr_mimebundle_(include=None, exclude=None)
    assert bundle["text/plain"] == repr(PRETRAIN)
    assert ">100,000 steps<" in bundle["image/svg+xml"]
    assert "Cosine(0.0003, 3e-05, steps=98000)" in bundle["image/svg+xml"]
    assert ">endless<" in svg(Constant(1.0))
    assert ">1e+30 steps<" in svg(Linear(1.0, 0.0, 10**30))


@pytest.mark.parametrize("times", [100, 129, 155, 175, 200])
def test_a_picture_of_cycles_is_small_however_many(times):
    assert len(svg(Cosine(1, 0.01, 1_000).repeat(times))) < 30_000


def test_pictures_from_threads_are_alike_and_change_no_style():
    before = dict(mpl.rcParams)
    with ThreadPoolExecutor(8) as threads:
        pictures = set(threads.map(svg, [PRETRAIN] * 8))
    assert pictures == {svg(PRETRAIN)}
    assert dict(mpl.rcParams) == before


class Untold:
    """What has no text."""

    def __str__(self):
        raise LookupError("no text")


def test_a_title_that_fails_leaves_no_figure_behind(monkeypatch):
    monkeypatch.setattr(mpl, "get_backend", lambda: "TkAgg")
    with pytest.raises(LookupError):
        plot_lr_schedule(WSD, 10, title=Untold())
    with pytest.raises(LookupError):
        plot(WSD, labels=[Untold()])
    assert plt.get_fignums() == []


def test_what_the_docstrings_show_is_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # one of them saves its picture
    for room in (axes, curves, pictures):
        failed, tried = doctest.testmod(room)
        assert (failed, tried > 0) == (0, True)


def test_axes_with_a_scale_and_a_note_of_their_own_are_used_again():
    ax = plot(Linear(1.0, 0.1, 10) >> Constant.hold(10), log=True)
    ax.text(3, 0.5, "mine")
    assert plot(Linear(1.0, 0.2, 20), ax=ax) is ax
    assert "mine" in [text.get_text() for text in ax.texts]
    assert ax.get_yscale() == "log"
