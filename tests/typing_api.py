"""The types of the public API: what a type checker says of every name, and what it must refuse.

mypy reads this file, and nothing runs it. A line that must not type-check ends in `type: ignore` with its
code: as soon as such a mistake is accepted, mypy calls the comment unused.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, assert_type

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st
from matplotlib.axes import Axes

from tlama_core import (
    Bounds,
    Constant,
    Cosine,
    Description,
    Difference,
    Exponential,
    Finding,
    Function,
    Geometric,
    Limits,
    Linear,
    Maximum,
    Minimum,
    OpenScheduleError,
    ParseError,
    Piecewise,
    Polynomial,
    PowerLaw,
    Product,
    Quantized,
    Repeated,
    Rex,
    Scaled,
    Schedule,
    Sliced,
    Sqrt,
    Step,
    Stretched,
    Sum,
    Warmup,
    as_schedule,
    bounds,
    breakpoints,
    check,
    consumed,
    cooldown,
    describe,
    difference,
    fingerprint,
    first_step_above,
    first_step_below,
    from_dict,
    in_updates,
    maximum,
    mean,
    minimum,
    parse,
    plotting,
    retarget,
    through,
    to_dict,
    to_function,
    to_source,
    updates_for,
)
from tlama_core.algebra import OpenChain
from tlama_core.analysis import Row
from tlama_core.shapes import Transition
from tlama_core.testing import laws, strategies
from tlama_core.training import (
    get_combined_lr_scheduler,
    get_lr_scheduler,
    get_multi_step_lr_scheduler,
    plot_lr_schedule,
)

a: Schedule = Warmup(1.0, steps=10)
b: Schedule = Cosine(1.0, 0.0, steps=20)
open_phase: OpenChain = Linear.to(0.0, steps=10)


def take(*_: object) -> None:
    """Stand around what must not type-check."""


def shapes() -> None:
    assert_type(Constant(1.0), Constant)
    assert_type(Constant(1.0, steps=10).value, float)
    assert_type(Constant(1).steps, int | float)
    assert_type(Warmup(1.0, steps=10).peak, float)
    assert_type(Warmup(1.0, 10).steps, int)
    assert_type(Linear(1.0, 0.0, 10), Linear)
    assert_type(Linear(1, 0, steps=10).start, float)
    assert_type(Cosine(1.0, 0.0, steps=10).end, float)
    assert_type(Sqrt(1.0, 0.0, steps=10).steps, int)
    assert_type(Polynomial(1.0, 0.0, steps=10, power=2).power, float)
    assert_type(Exponential(1.0, 0.1, steps=10).rate, float | None)
    assert_type(Exponential(1.0, 0.0, steps=10, rate=3), Exponential)
    assert_type(Polynomial(1.0, 0.0, 10, power=2, of="elapsed").of, str)
    assert_type(Rex(1.0, 0.0, steps=10).steps, int)
    assert_type(Geometric(1.0, factor=0.9).factor, float)
    assert_type(Geometric(1, 1e3, factor=0.9, interval=7.5).interval, float)
    assert_type(PowerLaw(1.0, timescale=100).timescale, float)
    assert_type(PowerLaw(1.0, 10, timescale=100, exponent=-1).exponent, float)
    assert_type(Function(lambda t: 2.0 * t, steps=10), Function)
    assert_type(Function([0.1, 0.2].__getitem__, 2).steps, int | float)
    assert_type(Function(abs).fn, Callable[[Any], Any])

    take(
        Warmup(1.0),  # type: ignore[call-arg]
        Linear("1.0", 0.0, steps=10),  # type: ignore[arg-type]
        Linear(1.0, 0.0, steps="10"),  # type: ignore[arg-type]
        Linear(1.0, 0.0, steps=None),  # type: ignore[arg-type]
        Linear(1.0, 0.0, 10, 10),  # type: ignore[call-arg]
        Cosine(1.0, steps=10),  # type: ignore[call-arg]
        Polynomial(1.0, 0.0, 10),  # type: ignore[call-arg]
        Polynomial(1.0, 0.0, 10, 2.0),  # type: ignore[call-arg]
        Polynomial(1.0, 0.0, 10, power=2, of="right"),  # type: ignore[arg-type]
        Geometric(1.0),  # type: ignore[call-arg]
        Geometric(1.0, 10, 0.9),  # type: ignore[call-arg]
        PowerLaw(1.0),  # type: ignore[call-arg]
        Function(3),  # type: ignore[arg-type]
        Schedule(),  # type: ignore[abstract]
        Transition(1.0, 0.0, steps=10),  # type: ignore[abstract]
    )
    Linear(1.0, 0.0, steps=10).start = 2.0  # type: ignore[misc]


def tables() -> None:
    assert_type(Step(1.0, {30: 0.1, 60: 0}, steps=90), Step)
    assert_type(Step(1.0, [(30, 0.1)]).drops, tuple[tuple[int, float], ...])
    assert_type(Step(1.0, drops={30: 0.1}).start, float)
    assert_type(Step(1.0, {}).steps, int | float)
    assert_type(Step.every(1.0, gamma=0.5, interval=30), Schedule)
    assert_type(Step.values({0: 1.0, 30: 0.5}), Schedule)
    assert_type(Step.values([(0, 1.0), (30, 0.5)]), Schedule)
    assert_type(through({0: 1.0, 10: 0.5}), Schedule)
    assert_type(through([(0, 1.0), (10, 0.5)], shape=Cosine), Schedule)
    assert_type(through({0: 1.0, 10: 0.5}, shape=Exponential), Schedule)
    assert_type(through({0: 1, 9: 0}, lambda x, y, steps: Polynomial(x, y, steps, power=2)), Schedule)

    take(
        Step(1.0),  # type: ignore[call-arg]
        Step(1.0, {"30": 0.1}),  # type: ignore[arg-type]
        Step(1.0, {30: "0.1"}),  # type: ignore[arg-type]
        Step(1.0, [30, 60]),  # type: ignore[list-item]
        through({0: 1.0, 10: 0.5}, shape=Polynomial),  # type: ignore[arg-type]
        through({0: 1.0, 10: 0.5}, shape=Warmup),  # type: ignore[arg-type]
        through([1.0, 0.5]),  # type: ignore[list-item]
    )


def open_phases() -> None:
    assert_type(Linear.to(0.0, steps=10), OpenChain)
    assert_type(Polynomial.to(0.0, 10, power=2), OpenChain)
    assert_type(Exponential.to(0.0, 10, rate=None), OpenChain)
    assert_type(Rex.to(0.0, 10), OpenChain)
    assert_type(PowerLaw.from_here(timescale=10), OpenChain)
    assert_type(Geometric.from_here(2e3, factor=0.9, interval=7.5), OpenChain)
    assert_type(Step.from_here({30: 0.1}, 90), OpenChain)
    assert_type(Step.every_from_here(gamma=0.5, interval=30), OpenChain)
    assert_type(Constant.hold(), OpenChain)
    assert_type(Constant.hold(steps=10) >> Linear.to(0.0, steps=10), OpenChain)
    assert_type(a >> open_phase, Schedule)
    assert_type(open_phase >> a, OpenChain)
    assert_type(open_phase.then(a), OpenChain)
    take(open_phase.phases, OpenScheduleError("…"))

    take(
        Geometric.from_here(),  # type: ignore[call-arg]
        Step.values({"0": 1.0}),  # type: ignore[arg-type]
        Linear.to(0.0),  # type: ignore[call-arg]
        Linear.to("0.0", 10),  # type: ignore[arg-type]
        Polynomial.to(0.0, 10, power="2"),  # type: ignore[arg-type]
        Warmup.to(0.0, 10),  # type: ignore[attr-defined]
        open_phase >> 1.0,  # type: ignore[operator]
        maximum(open_phase, 1.0),  # type: ignore[arg-type]
        bounds(open_phase),  # type: ignore[arg-type]
    )


def calls() -> None:
    assert_type(a(3), float)
    assert_type(a(2.5), float)
    assert_type(list(a), list[float])
    assert_type(iter(a), Iterator[float])
    assert_type(len(a), int)
    assert_type(bool(a), bool)
    assert_type(a == b, bool)
    assert_type({a: 1}, dict[Schedule, int])
    assert_type(repr(a), str)
    assert_type(a.steps, int | float)
    assert_type(a.phases, tuple[Schedule, ...])
    assert_type(a.starts, tuple[int, ...])
    assert_type(a.sample(3), npt.NDArray[np.float64])
    assert_type(np.asarray(a), npt.NDArray[Any])
    _: Callable[[int], float] = a

    take(
        a(),  # type: ignore[call-overload]
        a(1, 2),  # type: ignore[call-overload]
        a.sample("3"),  # type: ignore[arg-type]
        a.rate,  # type: ignore[attr-defined]
    )


def operators() -> None:
    assert_type(a >> b, Schedule)
    assert_type(a.then(b), Schedule)
    assert_type(a.then(open_phase), Schedule)
    assert_type(2 * a, Schedule)
    assert_type(np.float64(2.0) * a, Schedule)
    assert_type(a * 0.5, Schedule)
    assert_type(a * b, Schedule)
    assert_type(a / 2, Schedule)
    assert_type(-a, Schedule)
    assert_type(a.scale(2), Schedule)
    assert_type(a + b, Schedule)
    assert_type(a + 1, Schedule)
    assert_type(1.0 + a, Schedule)
    assert_type(a - b, Schedule)
    assert_type(a - 1, Schedule)
    assert_type(1 - a, Schedule)
    assert_type(sum([a, b], Constant(0.0)), Schedule | Constant)
    assert_type(maximum(a, b, 0.5), Schedule)
    assert_type(minimum(a, 1), Schedule)
    assert_type(a.clamp(low=0.1), Schedule)
    assert_type(a.clamp(0, b), Schedule)
    assert_type(a.quantize(), Schedule)
    assert_type(a.quantize(32, how="down"), Schedule)
    assert_type(a.repeat(), Schedule)
    assert_type(a.repeat(3, gain=0.5, growth=2), Schedule)
    assert_type(a.repeat(gain=0.5, base=1), Schedule)
    assert_type(a.stretch(steps=20), Schedule)
    assert_type(a[2:5], Schedule)
    assert_type(a[-3:], Schedule)
    assert_type(a[2:8:3], Schedule)
    assert_type(Sliced(a, 0, 6, 2).stride, int)

    take(
        a >> 1.0,  # type: ignore[operator]
        1.0 >> a,  # type: ignore[operator]
        a * "2",  # type: ignore[operator]
        a + None,  # type: ignore[operator]
        a - "1",  # type: ignore[operator]
        a / b,  # type: ignore[operator]
        2 / a,  # type: ignore[operator]
        a // 2,  # type: ignore[operator]
        a % 2,  # type: ignore[operator]
        a**2,  # type: ignore[operator]
        a @ b,  # type: ignore[operator]
        a | b,  # type: ignore[operator]
        a < b,  # type: ignore[operator]
        ~a,  # type: ignore[operator]
        a[3],  # type: ignore[index]
        a.then(1.0),  # type: ignore[arg-type]
        a.scale(b),  # type: ignore[arg-type]
        a.clamp(low="0"),  # type: ignore[arg-type]
        a.quantize("32"),  # type: ignore[arg-type]
        a.quantize(32, "down"),  # type: ignore[call-arg]
        a.quantize(32, how="floor"),  # type: ignore[arg-type]
        a.repeat(3, 0.5),  # type: ignore[call-arg]
        a.repeat("3"),  # type: ignore[arg-type]
        a.repeat(base="0.1"),  # type: ignore[arg-type]
        a.stretch(20),  # type: ignore[call-arg]
        maximum(a, "1"),  # type: ignore[arg-type]
    )


def nodes() -> None:
    assert_type(Piecewise.of([a, open_phase, b]), Schedule)
    assert_type(Piecewise((a, b)).phases, tuple[Schedule, ...])
    assert_type(Piecewise((a, b)).starts, tuple[int, ...])
    assert_type(Scaled(0.5, a).factor, float)
    assert_type(Scaled(0.5, a).schedule, Schedule)
    assert_type(Sum((a, b)).terms, tuple[Schedule, ...])
    assert_type(Product((a, b)).steps, int | float)
    assert_type(Maximum((a, b)), Maximum)
    assert_type(Minimum((a, b)).combined([1.0, 2.0]), float)
    assert_type(Quantized(a, 32).multiple, float)
    assert_type(Quantized(a).how, Literal["nearest", "down", "up"])
    assert_type(Quantized(a, how="up").quantized(2.5), float)
    assert_type(Repeated(a, 3).times, int | None)
    assert_type(Repeated(a, gain=0.5).gain, float)
    assert_type(Repeated(a, growth=2.0).growth, float)
    assert_type(Repeated(a, base=1).base, float)
    assert_type(Repeated(a).in_cycle(3, 0.5), float)
    assert_type(Repeated(a).cycle_lengths, tuple[int, ...])
    assert_type(Repeated(a).cycles, Schedule | None)
    assert_type(Sliced(a, 2, 5).start, int)
    assert_type(Sliced(a, 2, 5).stop, int | float)
    assert_type(Stretched(a, 20).steps, int)

    take(
        Piecewise.of([a, 1.0]),  # type: ignore[list-item]
        Piecewise((a, 1.0)),  # type: ignore[arg-type]
        Scaled(a, 0.5),  # type: ignore[arg-type]
        Sum((a, 1.0)),  # type: ignore[arg-type]
        Scaled(0.5, a, steps=3),  # type: ignore[call-arg]
    )


def questions() -> None:
    assert_type(bounds(a), Bounds)
    assert_type(bounds(a, 0, 10).low, float)
    assert_type(bounds(a).low_step, int)
    assert_type(bounds(a).high, float)
    assert_type(bounds(a, stop=10).high_step, int)
    assert_type(mean(a, 0, 10), float)
    assert_type(first_step_below(a, 0.5), int | None)
    assert_type(first_step_above(a, 0.5, start=1, stop=9), int | None)
    assert_type(breakpoints(a, stop=10), tuple[int, ...])
    assert_type(difference(a, b), Difference)
    assert_type(difference(a, b, 0, 10).gap, float)
    assert_type(difference(a, b).step, int)
    assert_type((difference(a, b).a, difference(a, b).b), tuple[float, float])
    assert_type(describe(a), Description)
    assert_type(describe(a).rows, tuple[Row, ...])
    assert_type(describe(a).cells(), list[tuple[str, ...]])
    assert_type(check(a, steps=100), tuple[Finding, ...])
    assert_type(check(a)[0].code, str)
    assert_type(check(a)[0].step, int)
    assert_type((check(a)[0].message, check(a)[0].hint), tuple[str, str])
    assert_type(retarget(a, at=5, steps=20), Schedule)
    assert_type(in_updates(a, 8), Schedule)
    assert_type(in_updates(a, b, batch_clock="consumed"), Schedule)
    assert_type(consumed(8, 10), int)
    assert_type(updates_for(b, 1e9), int)
    assert_type(cooldown(a, at=5, steps=20), Schedule)
    assert_type(cooldown(a, at=5, steps=20, to=0.1, shape=Polynomial, power=2), Schedule)

    take(
        in_updates(8, a),  # type: ignore[arg-type]
        bounds(1.0),  # type: ignore[arg-type]
        mean(lambda step: 1.0),  # type: ignore[arg-type]
        first_step_below(a),  # type: ignore[call-arg]
        difference(a),  # type: ignore[call-arg]
        check(a, steps="100"),  # type: ignore[arg-type]
        retarget(a, 5, 20),  # type: ignore[call-arg]
        cooldown(a, at=5),  # type: ignore[call-arg]
        cooldown(a, at=5, steps=20, shape=Warmup),  # type: ignore[arg-type]
        bounds(a).low + describe(a),  # type: ignore[operator]
    )


def text() -> None:
    assert_type(parse("Warmup(peak, 10)", peak=0.1), Schedule)
    assert_type(parse("peak", peak="1e-3"), Schedule)
    assert_type(as_schedule("Warmup(peak, 10)", peak=0.1), Schedule)
    assert_type(as_schedule(to_dict(a)), Schedule)
    assert_type(as_schedule(a), Schedule)
    assert_type(as_schedule(0.1), Schedule)
    assert_type(parse("a >> tail", Limits(characters=100), a=a, tail=open_phase), Schedule)
    assert_type(to_dict(a), dict[str, Any])
    assert_type(from_dict({"version": 1}), Schedule)
    assert_type(from_dict(to_dict(a), Limits()), Schedule)
    assert_type(fingerprint(a), str)
    assert_type(to_source(a, name="rate"), str)
    assert_type(to_function(a), Callable[[float], float])
    assert_type(to_function(a)(3), float)
    limits = Limits(characters=1, digits=1, exponent=1, depth=1, parts=1, cycles=1, work=1)
    assert_type(limits.characters + limits.digits + limits.exponent + limits.depth, int)
    assert_type(limits.parts + limits.cycles + limits.work, int)
    error = ParseError("…", "text", 0, 4)
    assert_type((error.reason, error.text, error.start, error.stop), tuple[str, str, int, int])

    take(
        parse(1.0),  # type: ignore[arg-type]
        parse("x", x=["0.1"]),  # type: ignore[arg-type]
        as_schedule(["0.1"]),  # type: ignore[arg-type]
        parse("x", limits=Limits()),  # type: ignore[arg-type]
        from_dict("{}"),  # type: ignore[arg-type]
        to_dict("Constant(1.0)"),  # type: ignore[arg-type]
        to_source(5),  # type: ignore[arg-type]
        to_function(a)("3"),  # type: ignore[arg-type]
    )


def training() -> None:
    assert_type(get_lr_scheduler(1e-3, 1e-5, 100, 1_000), Schedule)
    assert_type(
        get_lr_scheduler(1e-3, None, 100, 1_000, "linear", final_div_factor=10, verbose=True), Schedule
    )
    assert_type(get_combined_lr_scheduler({(0, 10): a, (10, 20): lambda step: 0.1}), Schedule)
    assert_type(
        get_multi_step_lr_scheduler(1.0, 10, 1_000, 10, [0.5], [0.1], min_lr=0.0, verbose=False), Schedule
    )
    axes = assert_type(plot_lr_schedule(a, 100, title="rate", figsize=(8, 4), point_interval=10), Axes)
    assert_type(plot_lr_schedule(lambda step: 0.1 * step, 100, ax=axes), Axes)

    take(
        get_lr_scheduler(1e-3, 1e-5, 100),  # type: ignore[call-arg]
        get_lr_scheduler("1e-3", 1e-5, 100, 1_000),  # type: ignore[arg-type]
        get_combined_lr_scheduler({10: a}),  # type: ignore[dict-item]
        get_combined_lr_scheduler([a, b]),  # type: ignore[arg-type]
        get_multi_step_lr_scheduler(1.0, 10, 1_000, 10, 0.5, 0.1),  # type: ignore[arg-type]
        plot_lr_schedule(a),  # type: ignore[call-arg]
        plot_lr_schedule(0.1, 100),  # type: ignore[arg-type]
        plot_lr_schedule(a, 100, figsize=8),  # type: ignore[arg-type]
    )


def pictures() -> None:
    axes = assert_type(plotting.plot(a, lambda step: 0.1, labels=["a", "mine"], steps=10), Axes)
    assert_type(plotting.plot(a, ax=axes, log=True), Axes)
    assert_type(plotting.compare(a, b, labels=("a", "b"), steps=10), tuple[Axes, Axes])
    assert_type(plotting.svg(a), str)
    assert_type(plotting.require_callable("name", object())(3), float)
    assert_type(plotting.shown_steps(a), int)
    assert_type(plotting.curve(a, 10, most=5), tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]])
    assert_type(plotting.points(a, 10, None), tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]])
    with plotting.drawing(None, (8, 4)) as new:
        plotting.mark_phases(new, a, 10)
    assert_type(plotting.notebook(a), dict[str, str])
    assert_type(a._repr_mimebundle_(), dict[str, str])
    plotting.label_axes(axes, "title", "label")
    plotting.mark_phases(axes, a, 10)
    assert_type(plotting.in_thousands(10_000), str)

    take(
        plotting.plot("a"),  # type: ignore[arg-type]
        plotting.plot(a, log="yes"),  # type: ignore[arg-type]
        plotting.plot(a, labels=3),  # type: ignore[arg-type]
        plotting.compare(a),  # type: ignore[call-arg]
        plotting.compare(a, b, ["a", "b"]),  # type: ignore[call-arg]
        plotting.svg(lambda step: 0.1),  # type: ignore[arg-type]
        plotting.svg(Path("a.svg")),  # type: ignore[arg-type]
    )


def testing(shape: Linear) -> None:
    assert_type(laws.LAWS, tuple[laws.Law, ...])
    assert_type(laws.LAWS[0].check, Callable[..., None])
    assert_type(laws.LAWS[0].kinds, tuple[str, ...])
    assert_type(laws.LAWS[0].name, str)
    assert_type(laws.steps_of(a, b), list[int])
    assert_type(laws.magnitude(a), float)
    assert_type(laws.about_equal(1.0, 1.0, scale=1.0), bool)
    laws.chaining_is_associative(a, open_phase, b)
    laws.chained_lengths_add_up(a, b)
    laws.a_chain_hands_over(a, b)
    laws.a_chain_cut_at_its_joint_gives_its_parts(a, b)
    laws.a_schedule_cut_in_two_can_be_chained_again(a, 3)
    laws.a_slice_of_a_slice_is_one_slice(a, 1, 3)
    laws.a_slice_is_a_window(a, 1, 3)
    laws.a_stride_visits_every_so_many(a, 1, 3, 2)
    laws.a_stride_is_that_of_a_slice(a, 1, 3, 2)
    laws.strides_multiply(a, 2, 3)
    laws.scaling_distributes_over_chaining(0.5, a, b)
    laws.one_is_neutral(a)
    laws.operators_are_pointwise(a, b)
    laws.pointwise_lengths_are_the_longest(a, b)
    laws.sums_and_products_commute(a, b)
    laws.clamping_twice_is_clamping_once(a, 0.1, 0.9)
    laws.quantizing_twice_is_quantizing_once(a, 32)
    laws.quantizing_goes_to_a_multiple_nearby(a, 32)
    laws.quantizing_keeps_the_order(a, 32)
    laws.repeating_is_chaining(a, 3, 0.5, 1.0)
    laws.repeating_is_chaining(a, 3, 0.5, 1.0, 0.1)
    laws.a_stretched_schedule_has_that_length(a, 20)
    laws.stretching_the_rest_does_not_jump(a, 3, 20)
    laws.an_ended_schedule_holds(a, 5)
    laws.arrays_are_served_alike(a)
    laws.equality_is_equality_of_text(a, b)
    laws.pickles_and_copies_are_equal(a)
    laws.text_and_data_read_back(a)
    laws.a_shape_hits_its_ends(shape)
    laws.a_shape_stays_between_its_ends(shape, [0.5])
    laws.a_shape_never_turns_back(Warmup(1.0, steps=10))

    take(
        laws.magnitude(1.0),  # type: ignore[arg-type]
        laws.LAWS[0].check + 1,  # type: ignore[operator]
    )
    laws.a_shape_hits_its_ends(a)  # type: ignore[arg-type]
    laws.one_is_neutral(a, b)  # type: ignore[call-arg]


def random_schedules() -> None:
    assert_type(strategies.numbers(), st.SearchStrategy[float])
    assert_type(strategies.positive(), st.SearchStrategy[float])
    assert_type(strategies.lengths(at_least=1), st.SearchStrategy[int])
    assert_type(strategies.shapes(strategies.positive()), st.SearchStrategy[Transition])
    assert_type(strategies.leaves(endless=False, functions=False), st.SearchStrategy[Schedule])
    assert_type(strategies.schedules(3, endless=False, functions=False), st.SearchStrategy[Schedule])
    assert_type(strategies.repetitions(a, endless=True), st.SearchStrategy[Schedule])
    assert_type(strategies.open_phases(), st.SearchStrategy[OpenChain])
    assert_type(strategies.phases(strategies.schedules()), st.SearchStrategy[Schedule | OpenChain])
    assert_type(strategies.arguments(laws.LAWS[0], max_depth=3), st.SearchStrategy[tuple[object, ...]])

    @st.composite
    def _mine(draw: strategies.Draw) -> Schedule:
        return draw(strategies.schedules())

    take(
        strategies.schedules("3"),  # type: ignore[arg-type]
        strategies.shapes(1.0),  # type: ignore[arg-type]
        strategies.arguments("one_is_neutral"),  # type: ignore[arg-type]
    )
