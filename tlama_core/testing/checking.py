"""Every law that fits, over schedules of one's own. It needs Hypothesis."""

import math
import pickle
from collections.abc import Callable, Iterable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tlama_core._fields import as_count, refuse
from tlama_core.algebra import OpenChain, Schedule, require_schedule
from tlama_core.shapes import Transition
from tlama_core.testing.laws import LAWS, Law
from tlama_core.testing.strategies import arguments
from tlama_core.text import has_text

OTHERS_DEPTH = 2
"""How deep the other schedules of a law are."""


def _always(_: Schedule) -> bool:
    return True


def _is_finite(schedule: Schedule) -> bool:
    return math.isfinite(schedule.steps)


def _is_shape(schedule: Schedule) -> bool:
    return isinstance(schedule, Transition)


def _can_be_kept(schedule: Schedule) -> bool:
    """Whether pickle takes it: a Function of a lambda has no name to be found by."""
    try:
        pickle.dumps(schedule)
    except (AttributeError, TypeError, pickle.PicklingError):
        return False
    return True


FITS: dict[str, Callable[[Schedule], bool]] = {
    "finite": _is_finite,
    "kept": _can_be_kept,
    "last": _always,
    "phase": _is_finite,
    "schedule": _always,
    "shape": _is_shape,
    "written": has_text,
}
"""Which schedules can be an argument of a law, by the kind of that argument."""


def check_laws(
    schedules: Schedule | st.SearchStrategy[Schedule], *, max_examples: int = 100, laws: Iterable[Law] = LAWS
) -> tuple[str, ...]:
    """Check every law that fits on one schedule, or on those that a strategy draws; return their names.

    In each example one place of the law is theirs, and its other arguments are random. A law that does not
    fit is left out: one about finite schedules where all are endless, about texts where all hold a
    `Function`, about shapes where none is one.

    Raises `AssertionError` for a law that is broken, with its name, the step and both values; `TypeError` for
    what is neither a schedule nor a strategy.

    >>> from tlama_core import Cosine, Warmup
    >>> ran = check_laws(Warmup(3e-4, steps=20) >> Cosine.to(0.0, steps=80), max_examples=5)
    >>> "a_chain_hands_over" in ran, "a_shape_hits_its_ends" in ran
    (True, False)
    """
    count = as_count("check_laws.max_examples", max_examples, at_least=1)
    if isinstance(schedules, Schedule | OpenChain):
        drawn: st.SearchStrategy[Schedule] = st.just(require_schedule("check_laws.schedules", schedules))
    elif isinstance(schedules, st.SearchStrategy):
        drawn = schedules
    else:
        refuse("check_laws.schedules", "a schedule, or a strategy of schedules", schedules, TypeError)
    return tuple(law.name for law in laws if _ran(law, drawn, count))


def _ran(law: Law, schedules: st.SearchStrategy[Schedule], max_examples: int) -> bool:
    """Check one law, and return whether any schedule fitted it."""
    fitted = False

    @settings(
        max_examples=max_examples,
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    @given(schedules, st.data())
    def holds(mine: Schedule, data: st.DataObject) -> None:
        nonlocal fitted
        places = [place for place, kind in enumerate(law.kinds) if kind in FITS and FITS[kind](mine)]
        if places:
            fitted = True
            place, others = data.draw(st.sampled_from(places)), data.draw(arguments(law, OTHERS_DEPTH))
            _check(law, (*others[:place], mine, *others[place + 1 :]))

    holds()
    return fitted


def _check(law: Law, drawn: tuple[object, ...]) -> None:
    """Check a law on what was drawn; the error says which law it is."""
    try:
        law.check(*drawn)
    except AssertionError as error:
        raise AssertionError(f"the law {law.name} is broken: {error}") from None
    except Exception as error:
        error.add_note(f"in the law {law.name}")
        raise
