"""The command line, in this process and as a process of its own."""

from __future__ import annotations

import json
import logging
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
import soundfile

import spleeter_nb
from spleeter_nb.cli import main
from spleeter_nb.config import SpleeterConfig
from spleeter_nb.engine.ledger import LEDGER_NAME
from spleeter_nb.engine.loaded import cache_manager
from spleeter_nb.engine.progress import Reporter

if TYPE_CHECKING:
    from collections.abc import Iterator

RATE = 8000
SPLEETERS_ADAPTER = "spleeter.audio.ffmpeg.FFMPEGProcessAudioAdapter"


class Told(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


Run = "Callable[..., Told]"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Run the command line in this process."""

    def call(*arguments: object) -> Told:
        monkeypatch.setattr(sys, "argv", ["spleeter-nb", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        out, err = capsys.readouterr()
        return Told(int(left.value.code or 0), out, err)

    logger = logging.getLogger("spleeter_nb")
    level = logger.level
    yield call
    logger.setLevel(level)


@pytest.fixture
def config(small_models: Path) -> Path:
    return small_models / "two" / "config.json"


def write_song(path: Path, frames: int = 20_000) -> Path:
    path.parent.mkdir(exist_ok=True)
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, (frames, 2))
    soundfile.write(path, samples, RATE)
    return path


@pytest.fixture
def song(tmp_path: Path) -> Path:
    return write_song(tmp_path / "song.wav")


def files_in(folder: Path) -> set[str]:
    """The files that are there, the ledger left out."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != LEDGER_NAME)
    return {str(path.relative_to(folder)) for path in files}


# separate


def test_separate_writes_the_stems_and_names_them(run: Run, song: Path, config: Path, tmp_path: Path) -> None:
    told = run("separate", song, "-p", config, "-o", tmp_path / "out")
    assert told.code == 0
    assert files_in(tmp_path / "out") == {"song/vocals.wav", "song/accompaniment.wav"}
    assert "openvino on cpu, float32: 2.5 s of sound" in told.out
    assert str(tmp_path / "out" / "song" / "vocals.wav") in told.out


def test_the_default_folder_is_spleeters(
    run: Run, song: Path, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("separate", song, "-p", config).code == 0
    assert files_in(tmp_path / "separated_audio") == {"song/vocals.wav", "song/accompaniment.wav"}


def test_spleeters_letters_are_taken(
    run: Run, song: Path, config: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    letters = ("-o", tmp_path / "out", "-p", config, "-c", "flac", "-b", "128k", "-s", "0.5", "-d", "1.0")
    told = run("separate", *letters, "-f", "{instrument}.{codec}", "-a", SPLEETERS_ADAPTER, "--mwf", "--verbose", song)
    assert told.code == 0, told.err
    assert files_in(tmp_path / "out") == {"vocals.flac", "accompaniment.flac"}
    assert soundfile.info(tmp_path / "out" / "vocals.flac").frames == RATE
    assert "-b 128k has no effect" in caplog.text


def test_a_lossy_codec_takes_the_bitrate(run: Run, song: Path, config: Path, tmp_path: Path) -> None:
    sizes = []
    for bitrate in ("32k", "64k"):
        out = tmp_path / bitrate
        told = run("separate", song, "-p", config, "-o", out, "-c", "mp3", "-b", bitrate, "-f", "{instrument}.{codec}")
        assert told.code == 0, told.err
        assert files_in(out) == {"vocals.mp3", "accompaniment.mp3"}
        sizes.append((out / "vocals.mp3").stat().st_size)
    assert sizes[0] < sizes[1]


def test_a_stem_file_is_written_beside_the_stems(run: Run, song: Path, config: Path, tmp_path: Path) -> None:
    separate = ("separate", song, "-p", config, "-o", tmp_path / "out", "--stem-mp4")
    told = run(*separate)
    assert told.code == 0, told.err
    path = tmp_path / "out" / "song" / "song.stem.mp4"
    assert files_in(tmp_path / "out") == {"song/vocals.wav", "song/accompaniment.wav", "song/song.stem.mp4"}
    assert str(path) in told.out.splitlines()
    assert list(spleeter_nb.load_stem_mp4(path)) == ["vocals", "accompaniment"]
    assert json.loads(run(*separate, "--json").out)[0]["stem_mp4"] == str(path)
    assert json.loads(run(*separate[:-1], "--json").out)[0]["stem_mp4"] is None


def test_a_stem_file_that_cannot_be_is_one_error(run: Run, config: Path, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "fast.wav", np.zeros((30_000, 2)), 192_000)
    separate = ("separate", tmp_path / "fast.wav", tmp_path / "none.wav", "-p", config, "-o", tmp_path / "out")
    told = run(*separate, "--stem-mp4")
    assert told.code == 1
    assert "fast.wav: A stem file cannot have a sample_rate of 192000 Hz" in told.err
    assert files_in(tmp_path / "out") == {"fast/vocals.wav", "fast/accompaniment.wav"}
    reports = json.loads(run(*separate, "--stem-mp4", "--json").out)
    assert reports[0]["stem_mp4"]["type"] == "ValidationError"
    assert "error" in reports[1]


def test_spleeters_words_are_taken(run: Run, song: Path, config: Path, tmp_path: Path) -> None:
    words = ("--output_path", tmp_path / "out", "--params_filename", config, "--codec", "wav", "--offset", "0.5")
    told = run("separate", *words, "--duration", "1", "--filename_format", "{instrument}.{codec}", song)
    assert told.code == 0, told.err
    assert files_in(tmp_path / "out") == {"vocals.wav", "accompaniment.wav"}


def test_a_song_is_preprocessed(run: Run, song: Path, config: Path, tmp_path: Path) -> None:
    separate = ("separate", song, "-p", config, "-o", tmp_path / "out", "--json")
    report = json.loads(run(*separate, "--preprocess", "remove_dc,high_pass=30,loudness=-23").out)[0]
    assert report["preparation"]["preprocess"]["high_pass"] == 30
    assert report["preparation"]["loudness"] + report["preparation"]["gain_db"] == pytest.approx(-23)
    assert json.loads(run(*separate, "--preprocess", "nothing").out)[0]["preparation"] is None
    told = run(*separate, "--preprocess", "hihg_pass=30")
    assert told.code == 1
    assert "Did you mean 'high_pass'?" in told.out


def test_our_own_options_are_taken(run: Run, song: Path, config: Path, tmp_path: Path) -> None:
    numbers = ("--bit-depth", "float", "--overlap", "0.25", "--precision", "bfloat16", "--device", "cpu")
    words = ("--mask-extension", "average", "--residual", "stem", "--on-exist", "error", "-q")
    told = run("separate", song, "-p", config, "-o", tmp_path / "out", *numbers, *words)
    assert told.code == 0, told.err
    assert files_in(tmp_path / "out") == {f"song/{stem}.wav" for stem in ("vocals", "accompaniment", "residual")}
    assert soundfile.info(tmp_path / "out" / "song" / "vocals.wav").subtype == "FLOAT"
    assert told.out == ""


def test_one_bad_song_does_not_keep_the_others_from_their_turn(
    run: Run, song: Path, config: Path, tmp_path: Path
) -> None:
    other = write_song(tmp_path / "other.wav")
    told = run("separate", song, tmp_path / "missing.wav", other, "-p", config, "-o", tmp_path / "out")
    assert told.code == 1
    assert files_in(tmp_path / "out") == {
        f"{name}/{stem}.wav" for name in ("song", "other") for stem in ("vocals", "accompaniment")
    }
    assert told.err.count("Error: ") == 1
    assert "missing.wav" in told.err


def test_what_is_there_is_named_too(run: Run, song: Path, config: Path, tmp_path: Path) -> None:
    arguments = ("separate", song, "-p", config, "-o", tmp_path / "out", "--on-exist", "skip")
    run(*arguments)
    told = run(*arguments)
    assert told.code == 0
    assert told.out.startswith("All stems were there already:")
    (report,) = json.loads(run(*arguments, "--json").out)
    assert report["runtime"] is None
    assert report["x_realtime"] is None


def test_a_second_run_does_only_what_is_missing(run: Run, song: Path, config: Path, tmp_path: Path) -> None:
    write_song(tmp_path / "more" / "other.wav")
    arguments = ("separate", tmp_path, "-r", "-p", config, "-o", tmp_path / "out")
    assert run(*arguments).code == 0
    assert len(files_in(tmp_path / "out")) == 4
    again = json.loads(run(*arguments, "--json").out)
    assert [report["runtime"] for report in again] == [None, None]
    (tmp_path / "out" / "song" / "vocals.wav").unlink()
    again = json.loads(run(*arguments, "--json").out)
    assert [Path(report["source"]).name for report in again if report["runtime"]] == [song.name]


def test_separate_speaks_json(run: Run, song: Path, config: Path, tmp_path: Path) -> None:
    told = run("separate", song, tmp_path / "missing.wav", "-p", config, "-o", tmp_path / "out", "--json")
    assert told.code == 1
    good, bad = json.loads(told.out)
    assert good["source"] == str(song)
    assert good["model"] == str(config)
    assert good["stems"]["vocals"] == str(tmp_path / "out" / "song" / "vocals.wav")
    assert good["duration"] == 2.5
    assert good["runtime"] == {"runtime": "openvino", "device": "cpu", "precision": "float32"}
    assert good["x_realtime"] > 0
    assert bad["source"] == str(tmp_path / "missing.wav")
    assert bad["error"]["type"] == "AudioNotFoundError"
    assert bad["error"]["context"] == dict.fromkeys(["path", "song"], str(tmp_path / "missing.wav"))


def test_an_error_is_json_without_numbers_that_json_has_not(run: Run, song: Path) -> None:
    report = json.loads(run("separate", song, "-s", "nan", "--json").out, parse_constant=pytest.fail)
    assert report["error"]["context"]["value"] == "nan"


def test_an_error_before_the_first_song_is_json_too(run: Run, song: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPLEETER_BATCH_SIZE", "many")
    told = run("separate", song, "--json")
    assert told.code == 1
    assert json.loads(told.out)["error"]["type"] == "ValidationError"
    told = run("separate", song)
    assert told.code == 1
    assert told.err.startswith("Error: ")
    assert "SPLEETER_BATCH_SIZE" in told.err


# The other commands


def test_models_are_listed(run: Run, two_stems_models_dir: Path) -> None:
    told = run("models", "--models-dir", two_stems_models_dir)
    assert told.code == 0
    lines = dict(line.split(maxsplit=1) for line in told.out.splitlines())
    assert lines["spleeter:2stems"] == str(two_stems_models_dir / "2stems")
    assert lines["spleeter:5stems-16kHz"] == "not installed"
    rows = json.loads(run("models", "--models-dir", two_stems_models_dir, "--json").out)
    assert rows["spleeter:2stems-16kHz"] == str(two_stems_models_dir / "2stems")
    assert rows["spleeter:4stems"] is None


def test_a_model_is_validated(run: Run, two_stems_models_dir: Path, tmp_path: Path) -> None:
    told = run("models", "validate", "spleeter:2stems", "--models-dir", two_stems_models_dir)
    assert (told.code, told.out) == (0, f"spleeter:2stems in {two_stems_models_dir / '2stems'} is intact.\n")
    told = run("models", "validate", "spleeter:2stems", "--models-dir", tmp_path)
    assert told.code == 1
    assert str(tmp_path / "2stems") in told.err


def test_a_model_that_is_here_is_not_fetched_again(run: Run, two_stems_models_dir: Path) -> None:
    told = run("models", "download", "spleeter:2stems", "--models-dir", two_stems_models_dir)
    assert (told.code, told.out) == (0, f"spleeter:2stems is in {two_stems_models_dir / '2stems'}.\n")


def test_models_are_told_in_json(run: Run, two_stems_models_dir: Path, tmp_path: Path) -> None:
    for verb in ("validate", "download"):
        told = run("models", verb, "spleeter:2stems", "--models-dir", two_stems_models_dir, "--json")
        report = json.loads(told.out)
        assert (told.code, told.err) == (0, "")
        assert (report["model"], report["folder"]) == ("spleeter:2stems", str(two_stems_models_dir / "2stems"))
        assert len(report["digest"]) == 64
    told = run("models", "validate", "spleeter:2stems", "--models-dir", tmp_path, "--json")
    assert told.code == 1
    assert json.loads(told.out)["error"]["type"] == "ModelNotFoundError"


def test_a_download_is_shown(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(Reporter, "forward", lambda _, event: told.append(event.message))
    monkeypatch.setenv("SPLEETER_AUTO_DOWNLOAD", "0")
    (tmp_path / "2stems.tar.gz").write_bytes(b"no archive")
    assert run("models", "download", "spleeter:2stems", "--models-dir", tmp_path).code == 1
    assert any(message.startswith("Trying") for message in told)


def test_a_model_that_is_forced_is_fetched_anew(
    run: Run, two_stems_models_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Offline it fails, and says so; the one that is here stays."""
    monkeypatch.setenv("SPLEETER_AUTO_DOWNLOAD", "0")
    told = run("models", "download", "spleeter:2stems", "--force", "--models-dir", two_stems_models_dir)
    assert told.code == 1
    assert "could not be fetched anew" in told.err
    assert run("models", "validate", "spleeter:2stems", "--models-dir", two_stems_models_dir).code == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("verb", ["download", "validate"])
def test_an_unknown_model_is_named_with_the_nearest(verb: str, run: Run, tmp_path: Path) -> None:
    told = run("models", verb, "spleeter:2stem", "--models-dir", tmp_path)
    assert told.code == 1
    assert "Did you mean 'spleeter:2stems'" in told.err


def test_songs_are_described(run: Run, song: Path, tmp_path: Path) -> None:
    told = run("info", tmp_path, "--features")
    assert told.code == 0
    facts = dict(line.split(maxsplit=1) for line in told.out.splitlines() if line)
    assert facts["File"] == song.name
    assert facts["Format"] == "wav (pcm_16), 8000 Hz, 2 channels, 16 bit"
    assert "LUFS" in facts["Loudness"]
    assert "Key" in facts


def test_songs_are_described_in_json_and_one_that_fails_stops_no_other(run: Run, song: Path, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "silence.wav", np.zeros((RATE, 2)), RATE)
    told = run("info", tmp_path / "none.wav", song, tmp_path / "*.ogg", tmp_path / "silence.wav", "--json")
    assert told.code == 1
    none, described, pattern, silence = json.loads(told.out)
    assert none["source"] == str(tmp_path / "none.wav")
    assert none["error"]["type"] == "AudioNotFoundError"
    assert pattern["error"]["type"] == "ValidationError"
    assert described["info"]["sample_rate"] == RATE
    assert (described["duration"], described["silences"], described["features"]) == (2.5, [], None)
    assert (silence["loudness"], silence["silences"]) == (None, [[0.0, 1.0]])
    told = run("info", tmp_path / "none.wav", song)
    assert told.code == 1
    assert "none.wav" in told.err
    assert "song.wav" in told.out


def test_a_song_that_is_cut_off_is_described_on_request(run: Run, song: Path) -> None:
    song.write_bytes(song.read_bytes()[: song.stat().st_size // 2])
    assert run("info", song).code == 1
    told = run("info", song, "--on-corrupt", "salvage", "--json")
    assert told.code == 0
    (described,) = json.loads(told.out)
    assert described["duration"] < 1.3
    assert described["notes"][0].startswith("damaged")


def test_devices_are_shown(run: Run) -> None:
    told = run("devices")
    assert told.code == 0
    assert "auto: " in told.out
    report = json.loads(run("devices", "--json").out)
    assert report["devices"][0]["device"] == "cpu"
    assert set(report["auto"]) == {"runtime", "device", "reason"}


def test_the_doctor_looks(run: Run, two_stems_models_dir: Path, tmp_path: Path) -> None:
    told = run("doctor", "--models-dir", two_stems_models_dir)
    assert told.code == 0
    assert "ok   spleeter:2stems" in told.out
    checks = json.loads(run("doctor", "--models-dir", two_stems_models_dir, "--json").out)
    assert {check["name"] for check in checks} >= {"python", "libraries", "devices"}
    (tmp_path / "2stems").mkdir()
    for name in ("checkpoint", "model.index", "model.data-00000-of-00001"):
        (tmp_path / "2stems" / name).write_bytes(b"damaged")
    told = run("doctor", "--models-dir", tmp_path)
    assert told.code == 1
    assert "BAD  spleeter:2stems" in told.out


def test_settings_are_shown_with_where_they_come_from(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPLEETER_BATCH_SIZE", "4")
    monkeypatch.setenv("SPLEETER_REDIS_URL", "redis://:secret@127.0.0.1:6379/0")
    told = run("config")
    assert told.code == 0
    lines = {line.split()[0]: line for line in told.out.splitlines()}
    assert set(lines) == set(SpleeterConfig.model_fields)
    assert lines["batch_size"].split(maxsplit=2)[1:] == ["4", "environment: SPLEETER_BATCH_SIZE"]
    assert lines["cache_size_mb"].endswith("default")
    assert "secret" not in told.out
    as_json = run("config", "--json")
    assert {setting["name"]: setting["value"] for setting in json.loads(as_json.out)}["batch_size"] == "4"
    assert "secret" not in as_json.out


def test_a_wrong_setting_is_an_error_that_names_the_place(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.yaml").write_text("spleeter:\n  cache:\n    disk_size: 5\n")
    monkeypatch.setenv("SPLEETER_CONFIG", str(tmp_path / "config.yaml"))
    told = run("config")
    assert told.code == 1
    assert "config.yaml, line 3" in told.err
    assert "disk_size_mb" in told.err
    assert "Traceback" not in told.err


@pytest.fixture
def cache_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "cache"
    monkeypatch.setenv("SPLEETER_CACHE_ENABLED", "true")
    monkeypatch.setenv("SPLEETER_CACHE_DIR", str(folder))
    yield folder
    cache = cache_manager(SpleeterConfig())
    assert cache is not None
    cache.close()


def test_the_cache_is_shown_verified_and_cleared(
    run: Run, song: Path, config: Path, tmp_path: Path, cache_dir: Path
) -> None:
    arguments = ("separate", song, "-p", config)
    assert run(*arguments, "-o", tmp_path / "first").code == 0
    again = run(*arguments, "-o", tmp_path / "second")
    assert again.out.startswith("From the cache (memory)")
    assert files_in(tmp_path / "second") == {"song/vocals.wav", "song/accompaniment.wav"}
    assert run(*arguments, "-o", tmp_path / "third", "--no-cache").out.startswith("openvino on cpu")

    told = run("cache", "stats")
    assert [line.split()[:3] for line in told.out.splitlines()[1:]] == [
        ["memory", "ready", "1"],
        ["disk", "ready", "1"],
    ]
    assert json.loads(run("cache", "stats", "--json").out)["levels"]["disk"]["entries"] == 1
    assert run("cache", "verify").out == "disk: 1 looked at, 0 damaged and removed\n"

    value = max((path for path in cache_dir.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    with value.open("r+b") as file:
        file.seek(5000)
        file.write(b"damage")
    damaged = run("cache", "verify", "--json")
    assert damaged.code == 1
    assert json.loads(damaged.out) == {"disk": {"checked": 1, "damaged": 1}}
    assert json.loads(run("cache", "clear", "--json").out) == {"memory": 1, "disk": 0}
    assert run("cache", "clear", "--level", "disk").out == "disk: 0 removed\n"


def test_a_cache_that_is_switched_off_is_not_shown(run: Run) -> None:
    told = run("cache", "stats")
    assert told.code == 1
    assert "SPLEETER_CACHE_ENABLED" in told.err


@pytest.mark.usefixtures("cache_dir")
@pytest.mark.parametrize("verb", ["stats", "clear", "verify"])
def test_a_redis_that_does_not_answer_is_said(verb: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    monkeypatch.setenv("SPLEETER_REDIS_URL", f"redis://:secret@127.0.0.1:{port}/0")
    told = run("cache", verb)
    assert told.code == 1
    assert "redis could not be used" in told.err
    assert "secret" not in told.out + told.err


def test_the_version_is_shown(run: Run) -> None:
    assert run("--version").out == f"spleeter-nb {spleeter_nb.__version__}\n"


@pytest.mark.usefixtures("cache_dir")
def test_a_level_that_is_not_there_is_refused(run: Run) -> None:
    told = run("cache", "clear", "--level", "disc")
    assert told.code == 1
    assert "Did you mean 'disk'" in told.err


def test_the_demonstration_shows_stems_and_scores(run: Run, two_stems_models_dir: Path, tmp_path: Path) -> None:
    arguments = ("demo", "-o", tmp_path, "--models-dir", two_stems_models_dir, "--offline")
    told = run(*arguments)
    assert told.code == 0
    stems = {path for path in files_in(tmp_path) if path.endswith(".wav")}
    assert len(stems) == 2
    assert all(str(tmp_path / stem) in told.out for stem in stems)
    assert "x real time" in told.out
    assert "SDRi" in told.out
    report = json.loads(run(*arguments, "--json").out)
    assert report["scores"]["vocals"]["SDRi"] > 12
    assert report["scores"]["accompaniment"]["SDRi"] > 5


@pytest.mark.parametrize(
    "command",
    [
        (),
        ("separate",),
        ("models",),
        ("models", "download"),
        ("demo",),
        ("app",),
        ("doctor",),
        ("config",),
        ("cache",),
        ("cache", "verify"),
    ],
)
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_every_command_helps(command: tuple[str, ...], flag: str, run: Run) -> None:
    told = run(*command, flag)
    assert told.code == 0
    assert "Usage: spleeter-nb" in told.out


@pytest.mark.parametrize(
    "arguments",
    [("separate",), ("seperate", "song.wav"), ("separate", "song.wav", "--nonsense"), ("models", "fetch")],
)
def test_a_wrong_call_is_an_error(arguments: tuple[str, ...], run: Run) -> None:
    told = run(*arguments)
    assert told.code == 2
    assert told.out == ""
    assert "Usage: spleeter-nb" in told.err


@pytest.mark.parametrize(("command", "instead"), [("train", "train with Spleeter"), ("evaluate", "result.score")])
def test_what_only_spleeter_has_is_told(command: str, instead: str, run: Run) -> None:
    told = run(command, "-p", "config.json", "-d", "musdb")
    assert told.code == 1
    assert instead in told.err
    assert command not in run("-h").out


def test_without_a_command_there_is_help(run: Run) -> None:
    told = run()
    assert told.code == 2
    assert "separate" in told.out + told.err


# As a process


def test_the_module_equals_the_console_script(tmp_path: Path) -> None:
    script = Path(sys.executable).with_name("spleeter-nb")
    for arguments in (("models", "--json"), ("models", "validate", "2stem"), ("models", "--help"), ("models", "fetch")):
        told = [
            subprocess.run([*how, *arguments, "--models-dir", tmp_path], capture_output=True, text=True, check=False)
            for how in ([script], [sys.executable, "-m", "spleeter_nb"])
        ]
        of_script, of_module = ((done.returncode, done.stdout, done.stderr) for done in told)
        assert of_script == of_module


def test_a_process_separates(song: Path, config: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "spleeter_nb", "separate", song, "-p", config, "-o", tmp_path / "out"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert files_in(tmp_path / "out") == {"song/vocals.wav", "song/accompaniment.wav"}


def test_an_interrupted_process_leaves_nothing(two_stems_models_dir: Path, tmp_path: Path) -> None:
    song, out = tmp_path / "long.wav", tmp_path / "out"
    minute = np.random.default_rng(0).integers(-9000, 9000, (60 * 44_100, 2), np.int16)
    soundfile.write(song, np.tile(minute, (5, 1)), 44_100)
    command = [sys.executable, "-m", "spleeter_nb", "separate", song, "-o", out, "--models-dir", two_stems_models_dir]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        while not any(path.stat().st_size > 1000 for path in out.rglob("*.part")):
            assert process.poll() is None, process.stderr.read() if process.stderr else ""
            assert time.monotonic() < deadline
            time.sleep(0.01)
        sent = time.monotonic()
        process.send_signal(signal.SIGINT)
        printed, complained = process.communicate(timeout=20)
        ended = time.monotonic() - sent
    assert process.returncode == 130
    assert printed == ""
    assert "interrupted" in complained
    assert "The same command again" in complained
    assert "Traceback" not in complained
    assert ended < 5
    assert not out.exists()


def test_two_songs_of_one_name_do_not_overwrite_each_other(run: Run, config: Path, tmp_path: Path) -> None:
    songs = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        songs.append(write_song(tmp_path / folder / "song.wav"))
    told = run("separate", *songs, "-p", config, "-o", tmp_path / "out")
    assert told.code == 1
    assert "{foldername}/{filename}" in told.err
    assert not (tmp_path / "out").exists()

    template = "{foldername}/{filename}/{instrument}.{codec}"
    assert run("separate", *songs, "-p", config, "-o", tmp_path / "out", "-f", template).code == 0
    assert len(files_in(tmp_path / "out")) == 4
