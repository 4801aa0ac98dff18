"""For property tests: the laws of the algebra as plain functions, and random schedules to try them on.

`tlama_core.testing.laws` needs nothing but the library; `tlama_core.testing.strategies` needs Hypothesis.
"""
