"""Which nodes stand in a tree several times: they are computed, and recorded, once.

Schedules are values, so one may stand in a tree again and again: `s = (s + 0.5) * s`, twenty times, is forty
nodes, and over a million ways from the root to its leaf. Whoever evaluates keeps the values of such nodes.
"""

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from tlama_core._evaluation import Clock, Evaluable, Namespace, Value

MAX_VISITS = 256
"""From so many nodes on that one value asks, it is computed with a memory: few may be asked often."""


def survey(
    schedule: "Evaluable", max_nodes: float = math.inf, max_phases: float = math.inf
) -> tuple[int, frozenset[int]]:
    """Count the nodes of a tree, up to *max_nodes*, and return the ids of those that are parts of several.

    Chains of more than *max_phases* phases are not entered.
    """
    found, seen, shared = [schedule], {id(schedule)}, set()
    for node in found:
        for child in node._evaluated() if len(node.phases) <= max_phases else ():
            if id(child) in seen:
                shared.add(id(child))
            elif len(found) < max_nodes:
                seen.add(id(child))
                found.append(child)
    return len(found), frozenset(shared)


def worth_remembering(schedule: "Evaluable") -> frozenset[int]:
    """Return the ids of the nodes whose values are kept; none where keeping them would not pay."""
    return survey(schedule)[1] if schedule._extent.visits > MAX_VISITS else frozenset()


class Memory:
    """What has been computed of the nodes that are *shared*; *identity* tells one clock from another."""

    def __init__(self, shared: frozenset[int], identity: "Callable[[Clock], Hashable]" = id) -> None:
        self._shared, self._identity = shared, identity
        self._values: dict[tuple[int, Hashable], tuple[Clock, Value]] = {}
        self._clocks: dict[tuple[int, Hashable], tuple[Clock, Clock]] = {}

    def value(self, xp: "Namespace", schedule: "Evaluable", t: "Clock") -> "Value":
        """Return the value of a node, the known one if it was asked on the same clock before."""
        if id(schedule) not in self._shared:
            return schedule._value(xp, t)
        key = id(schedule), self._identity(t)
        if key not in self._values:
            self._values[key] = t, schedule._value(xp, t)  # the clock is kept, and its id with it
        return self._values[key][1]

    def clock(self, t: "Clock", change: "Hashable", make: "Callable[[], Clock]") -> "Clock":
        """Return the clock *t* after a *change*: the same one whenever it is asked for again."""
        key = id(t), change
        if key not in self._clocks:
            self._clocks[key] = t, make()
        return self._clocks[key][1]
