"""The widgets in real hosts, driven in a real browser; a package, so that browser and servers end with its tests."""
