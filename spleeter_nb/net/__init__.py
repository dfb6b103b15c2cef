"""Weights and runtimes: checkpoints, networks, devices. OpenVINO, Keras and its backends live here only."""
