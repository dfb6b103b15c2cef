"""What the real Spleeter 2.4.2 answers: runs in Spleeter's own environment, never beside our package.

Needs Python 3.8-3.11 and ``pip install "spleeter==2.4.2" "numpy<2"``; `scripts/parity.py` makes such an
environment and calls this file. Two uses::

    python scripts/parity_reference.py cases tests/parity/data
    python scripts/parity_reference.py separate spleeter:2stems song.npy stems.npz

``cases`` writes the committed parity data: the inputs (``input.npz``), the table of cases (``cases.json``)
and one folder a case with a Spleeter configuration, a TensorFlow checkpoint whose every variable is random,
and Spleeter's own output. ``reference.npz`` has one float32 array for each input, of shape ``(instruments,
samples, 2)``, in the order of the configuration's instruments.

``separate`` writes one float32 array ``(samples, 2)`` for each instrument; ``MODEL_PATH`` is Spleeter's model
folder.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf
from spleeter.model import EstimatorSpecBuilder, InputProviderFactory
from spleeter.separator import Separator

SAMPLE_RATE = 8000
FRAME_LENGTH = 512
FRAME_STEP = 128
SEGMENT_FRAMES = 64

BASE = {
    "model_dir": ".",
    "mix_name": "mix",
    "instrument_list": ["vocals", "accompaniment"],
    "sample_rate": SAMPLE_RATE,
    "frame_length": FRAME_LENGTH,
    "frame_step": FRAME_STEP,
    "T": SEGMENT_FRAMES,
    "F": 128,
    "n_channels": 2,
    "separation_exponent": 2,
    "mask_extension": "zeros",
    "learning_rate": 1e-4,
}
"""What a configuration says unless its case says otherwise."""

FILTERS = {"conv_n_filters": [2, 3, 4, 5, 6, 7]}
ELU = {"conv_activation": "ELU", "deconv_activation": "ELU"}
FOUR = ["vocals", "drums", "bass", "other"]
FIVE = ["vocals", "piano", "drums", "bass", "other"]

CASES = {
    "two": {"inputs": ["song", "one_sample", "under_a_window", "one_segment", "doubled_mono"]},
    "four_elu": {"config": {"instrument_list": FOUR}, "params": ELU},
    "five_softmax": {"config": {"instrument_list": FIVE}, "params": ELU, "type": "unet.softmax_unet"},
    "average": {"config": {"mask_extension": "average"}},
    "exponent_one": {"config": {"separation_exponent": 1}},
    "trained": {"params": {"conv_activation": "ReLU", "deconv_activation": "LeakyReLU"}, "trained": True},
    "wide": {"config": {"F": 192}},
    "wiener": {"config": {"instrument_list": ["speech", "music", "effects"]}, "mwf": True},
}
"""The cases. ``inputs``: which ones (only ``song`` where not given); ``config``: changes to `BASE`;
``params``: of the network, besides `FILTERS`; ``type``: ``unet.unet`` where not given; ``trained``: named and
filled as ``spleeter train`` leaves it, with Adam's slots; ``mwf``: with Spleeter's Wiener filter."""

SPREAD = 1.5
"""Standard deviation of the logits of every mask: sigmoids then reach from 0.05 to 0.95."""


def make_inputs() -> dict[str, np.ndarray]:
    """Make the inputs: tones, noise and beats for 2.1 segments, and a few lengths at the edge."""
    samples = 17_000
    rng = np.random.default_rng(2019)
    time = np.arange(samples) / SAMPLE_RATE
    song = np.zeros((samples, 2))
    for pitch, pan in ((110, 0.2), (196, 0.7), (262, 0.5), (330, 0.9), (415, 0.1)):
        loudness = 0.5 + 0.5 * np.sin(2 * np.pi * rng.uniform(0.3, 1.5) * time + rng.uniform(0, 6))
        tone = sum(np.sin(2 * np.pi * pitch * k * time + rng.uniform(0, 6)) / k for k in range(1, 9))
        song += 0.08 * (loudness * tone)[:, None] * [1 - pan, pan]
    beats = np.exp(-((time * 4) % 1) * 12)[:, None]
    song += 0.15 * beats * rng.standard_normal((samples, 2))
    song += 0.01 * rng.standard_normal((samples, 2))
    one_segment = SEGMENT_FRAMES * FRAME_STEP - FRAME_LENGTH
    return {
        "song": song.astype(np.float32),
        "one_sample": song[:1].astype(np.float32),
        "under_a_window": song[: FRAME_LENGTH - 100].astype(np.float32),
        "one_segment": song[:one_segment].astype(np.float32),
        "doubled_mono": np.repeat(song[:2000, :1], 2, axis=1).astype(np.float32),
    }


def make_config(case: dict) -> dict:
    """Build the Spleeter configuration of `case`."""
    params = dict(FILTERS, **case.get("params", {}))
    model = {"type": case.get("type", "unet.unet"), "params": params}
    return dict(BASE, **case.get("config", {}), model=model)


def random_value(variable: tf.Variable, rng: np.random.Generator) -> np.ndarray:
    """Draw a value for `variable` that keeps the activations within a sensible range."""
    name, shape = variable.op.name.split("/")[-1], variable.shape.as_list()
    if name == "kernel":
        return rng.standard_normal(shape) * np.sqrt(2 / np.prod(shape[:3]))
    if name in ("gamma", "moving_variance"):
        return rng.uniform(0.5, 1.5, shape)
    return rng.normal(0, 0.3, shape)


def save_checkpoint(folder: Path, config: dict, *, seed: int, song: np.ndarray, trained: bool) -> None:
    """Fill Spleeter's graph with random values and save them where Spleeter will look for them."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        features = InputProviderFactory.get(config).get_input_dict_placeholders()
        feed = {features["waveform"]: song}
        builder = EstimatorSpecBuilder(features, config)
        outputs = list(builder.model_outputs.values())
        step = tf.compat.v1.train.get_or_create_global_step()
        if trained:
            labels = {f"{name}_spectrogram": tf.zeros_like(outputs[0]) for name in builder.instruments}
            builder.build_train_model(labels)
        rng = np.random.default_rng(seed)
        variables = [v for v in tf.compat.v1.global_variables() if v is not step]
        load(session, [(step, 1000), *((v, random_value(v, rng)) for v in variables)])
        spread_masks(session, feed, len(outputs))
        saver = tf.compat.v1.train.Saver(save_relative_paths=True)
        prefix = folder / ("model.ckpt-1000" if trained else "model")
        saver.save(session, str(prefix), write_meta_graph=False)


def load(session: tf.compat.v1.Session, values: list[tuple]) -> None:
    """Give variables their values, all in one run: TensorFlow plans every new run for a long time."""
    initializers = [(variable.initializer, value) for variable, value in values]
    feed = {initializer.inputs[1]: value for initializer, value in initializers}
    session.run([initializer for initializer, _ in initializers], feed)


def spread_masks(session: tf.compat.v1.Session, feed: dict, instruments: int) -> None:
    """Scale the last layer of each network until its logits spread by `SPREAD`."""
    layers = [f"conv2d_{7 * i + 6}" for i in range(instruments)]
    kernels = {v.op.name: v for v in tf.compat.v1.global_variables()}
    last = [kernels[f"{layer}/kernel"] for layer in layers]
    logits, values = session.run(([f"{layer}/BiasAdd:0" for layer in layers], last), feed)
    # Rounded, so that the last bits of another processor do not change the data.
    scales = [np.round(SPREAD / np.std(outputs), 3) for outputs in logits]
    load(session, [(kernel, values[i] * scales[i]) for i, kernel in enumerate(last)])


def separate(config: Path, waveform: np.ndarray, *, mwf: bool) -> dict[str, np.ndarray]:
    """Let the real Spleeter separate `waveform` with the checkpoint beside `config`."""
    # Spleeter seeks a relative model_dir in MODEL_PATH, which it reads once: an absolute one is certain.
    absolute = dict(json.loads(config.read_text()), model_dir=str(config.parent.resolve()))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "config.json")
        path.write_text(json.dumps(absolute))
        return Separator(str(path), MWF=mwf, multiprocess=False).separate(waveform)


def check_not_trivial(waveform: np.ndarray, stems: np.ndarray) -> None:
    """Refuse a case whose stems equal the mix, nothing, or each other."""
    others = [waveform, np.zeros_like(waveform), *stems]
    for i, stem in enumerate(stems):
        nearest = min(np.std(stem - other) for j, other in enumerate(others) if j != i + 2)
        if not nearest > 0.05 * np.std(waveform):
            raise SystemExit(f"stem {i} is trivial: within {nearest:.2g} of another; choose another seed")


def write_cases(folder: Path) -> None:
    """Write every case below `folder`."""
    inputs = make_inputs()
    np.savez_compressed(folder / "input.npz", **inputs)
    table = {}
    for seed, (name, case) in enumerate(CASES.items()):
        target, config = folder / name, make_config(case)
        target.mkdir(parents=True, exist_ok=True)
        (target / "config.json").write_text(json.dumps(config, indent=2) + "\n")
        save_checkpoint(target, config, seed=seed, song=inputs["song"], trained=case.get("trained", False))
        table[name] = {"inputs": case.get("inputs", ["song"]), "mwf": case.get("mwf", False)}
        reference = {}
        for key in table[name]["inputs"]:
            stems = separate(target / "config.json", inputs[key], mwf=table[name]["mwf"])
            reference[key] = np.stack([stems[i] for i in config["instrument_list"]]).astype(np.float32)
        check_not_trivial(inputs["song"], reference["song"])
        np.savez_compressed(target / "reference.npz", **reference)
        print(name, {key: value.shape for key, value in reference.items()}, flush=True)
    (folder / "cases.json").write_text(json.dumps(table, indent=2) + "\n")


def main() -> None:
    """Read the command line and do what it says."""
    parser = argparse.ArgumentParser(description="Write what Spleeter 2.4.2 answers.")
    commands = parser.add_subparsers(dest="command", required=True)
    cases = commands.add_parser("cases", help="random checkpoints and Spleeter's output for them")
    cases.add_argument("folder", type=Path)
    single = commands.add_parser("separate", help="Spleeter's output for one waveform")
    single.add_argument("descriptor", help="spleeter:2stems …")
    single.add_argument("waveform", type=Path, help=".npy, float32 (samples, 2) at the model's rate")
    single.add_argument("stems", type=Path, help=".npz to write")
    single.add_argument("--mwf", action="store_true")
    options = parser.parse_args()
    if options.command == "cases":
        options.folder.mkdir(parents=True, exist_ok=True)
        write_cases(options.folder)
    else:
        separator = Separator(options.descriptor, MWF=options.mwf, multiprocess=False)
        np.savez(options.stems, **separator.separate(np.load(options.waveform)))


if __name__ == "__main__":
    main()
