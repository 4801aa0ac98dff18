"""Schedules handed to a framework; each adapter is imported by its own full name."""
