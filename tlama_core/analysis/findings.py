"""`check`: what is probably not meant in a schedule, found before the run."""

import operator
from collections.abc import Iterable
from html import escape

from tlama_core._fields import MAX_STEPS, as_length, refuse
from tlama_core.algebra import Schedule, require_schedule
from tlama_core.analysis.joints import pieces
from tlama_core.analysis.rules import RULES, Finding, Run

RATES = frozenset({"lr", "learning rate", "learning_rate"})
"""The names of a quantity that is a learning rate."""


class Findings(tuple[Finding, ...]):
    """What `check` returns: a tuple of findings, which a notebook shows as a table."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        """Return a table of the findings for notebooks, with nothing in it read as markup."""
        if not self:
            return "<p>nothing found</p>"
        rows = "".join(
            f"<tr><td>{found.step:,}</td><td>{escape(found.message)}</td><td>{escape(found.code)}</td>"
            f"<td>{escape(found.hint)}</td></tr>"
            for found in self
        )
        head = "<tr><th>update</th><th>finding</th><th>code</th><th>hint</th></tr>"
        return f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>"


def check(
    schedule: Schedule,
    steps: float | None = None,
    *,
    quantity: str = "lr",
    select: Iterable[str] = (),
    ignore: Iterable[str] = (),
) -> tuple[Finding, ...]:
    """Return what is probably not meant in *schedule*, run for *steps* updates; nothing if it is clean.

    | code | finding |
    |---|---|
    | `zero-first-update` * | update 0 uses 0, so it learns nothing |
    | `jump` | a phase starts off the end of the phase before it by more than an update changes |
    | `scaled-alone` | the first phase alone is scaled, or a sum or product: `>>` binds last |
    | `negative-value` | a value is below 0 |
    | `non-finite-value` | a value is infinite or NaN |
    | `swapped-arguments` * | a value is above 10, or a phase with such values has at most one update |
    | `repeated-factor` | a drop of a `Step` changes nothing: factors are relative to its start |
    | `fractional-factor` | whole numbers change by a factor that is none; off unless selected |
    | `mostly-zero` * | half of the run or more uses 0 |
    | `warmup-twice` * | two factors of a product warm up |
    | `long-warmup` * | the first rise, from below half its height, takes more than half of the run |
    | `short-timescale` * | a power law falls ten times faster than the phases before it suggest |
    | `last-phase-climbs` * | the last phase rises, after an earlier one has fallen |
    | `looks-like-epochs` | at most 400 updates in all, and *steps* does not confirm it |
    | `run-ends-early` | the run ends before the schedule does, at another value |
    | `run-ends-late` | the run goes on after the schedule's end, whose value it holds |
    | `phase-not-reached` | the run ends before a phase begins |
    | `end-not-reached` | the run ends at another value than the schedule; off unless selected |

    Those with a star are asked of a learning rate alone: *quantity* says what else the values are ("weight
    decay", "batch", any text). *select* turns on codes that would not be asked, *ignore* turns codes off.

    What is about the run's end is asked only where *steps* is given. Some things are taken as meant: drops
    of a `Step`, the restarts of `a.repeat(…)`, the start of a later `Warmup`, a final hold that the run does
    not reach, and what a trial leaves out: at most 1,000 updates, and a twentieth of the schedule.

    All values are looked at, with the limits of `bounds`; without *steps*, so is the end value, which is
    held. Of an endless schedule without *steps*, where its shape does not tell (in products, functions),
    the first 100,000 such updates are evaluated.

    >>> from tlama_core import Cosine, Linear, Warmup
    >>> check(Warmup(3e-4, steps=2_000) >> Cosine.to(3e-5, steps=98_000), steps=100_000)
    ()
    >>> for finding in check(Warmup(3e-4, steps=2_000) >> Cosine(3e-3, 3e-5, steps=98_000)):
    ...     print(finding)
    update 2,000: the value jumps from 0.0003 to 0.003 (x 10) [jump]
        Cosine.to(end, steps=n) starts where the phase before it ends; a drop that is meant is a Step
    >>> check(Linear(0.0, 0.1, steps=10_000), quantity="weight decay")
    ()
    """
    schedule = require_schedule("check.schedule", schedule)
    if steps is not None:
        steps = int(as_length("check.steps", steps, at_least=1))
    if not isinstance(quantity, str):
        refuse("check.quantity", "a text such as 'lr' or 'weight decay'", quantity, TypeError)
    selected, ignored = _codes("check.select", select), _codes("check.ignore", ignore)
    parts = list(pieces(schedule, 0, int(min(schedule.steps, MAX_STEPS))))
    run, is_rate = Run(schedule, steps, parts, selected), quantity.lower() in RATES
    found = (
        finding
        for code, rule in RULES.items()
        if code not in ignored and (code in selected or (rule.on and (is_rate or not rule.rates_only)))
        for finding in rule.find(run)
    )
    return Findings(sorted(found, key=operator.attrgetter("step")))


def _codes(name: str, codes: Iterable[str]) -> frozenset[str]:
    """Return the codes that an argument names, one or several, or refuse what is none."""
    named = (codes,) if isinstance(codes, str) else tuple(codes)
    for code in named:
        if code not in RULES:
            refuse(f"a code in {name}", f"one of {', '.join(RULES)}", code)
    return frozenset(named)
