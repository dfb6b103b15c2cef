"""Helpers: only the logger is here."""
