"""The only room that knows the order of things: read, separate, join, write."""
