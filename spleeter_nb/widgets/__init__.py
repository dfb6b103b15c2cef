"""Widgets: a stem player, pickers, jobs, and the application; the twin of each is in ``widgets/src/entries``."""
