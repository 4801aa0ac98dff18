"""For property tests: claims about one's own schedules, the laws of the algebra, and random schedules.

`tlama_core.testing.invariants` holds claims about any schedule, also of other libraries, and
`tlama_core.testing.laws` what every schedule of this library keeps. `tlama_core.testing.strategies` draws
such schedules, and alone needs Hypothesis. `rates_of` reads what a scheduler object of torch, transformers
or timm would set.
"""

from tlama_core.testing.subjects import rates_of

__all__ = ["rates_of"]
