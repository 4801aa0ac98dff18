"""Schedules in the terms of one framework each: import the one that is meant by its full name."""
