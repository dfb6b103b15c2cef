"""Models: only their provider is here."""
