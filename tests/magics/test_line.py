from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from IPython.core.error import UsageError

from spleeter_nb import Preprocess
from spleeter_nb.magics.line import parse, resolve
from spleeter_nb.magics.options import OPTIONS


@pytest.mark.parametrize(
    ("line", "sources"),
    [
        ("", []),
        ("song.mp3", ["song.mp3"]),
        ('"My Song.mp3" b.wav', ["My Song.mp3", "b.wav"]),
        ("'My Song.mp3'", ["My Song.mp3"]),
        (r"C:\Music\song.mp3", [r"C:\Music\song.mp3"]),
        (r'"C:\My Music\" song.mp3', ["C:\\My Music\\", "song.mp3"]),
        ("#1.mp3", ["#1.mp3"]),
        ("a.mp3 -c flac b.mp3", ["a.mp3", "b.mp3"]),
        ("-c flac a.mp3 --mwf b.mp3 -d 3 c.mp3", ["a.mp3", "b.mp3", "c.mp3"]),
        ("songs[0] snb.demo_song()", ["songs[0]", "snb.demo_song()"]),
    ],
)
def test_sources_are_the_words_between_options(line: str, sources: list[str]) -> None:
    assert parse(line, {}).sources == sources


@pytest.mark.parametrize(
    ("line", "options"),
    [
        ("", {}),
        (
            "-o out -p spleeter:4stems -c flac",
            {"output_dir": "out", "model": "spleeter:4stems", "codec": "flac"},
        ),
        ("-s 1.5 -d 30", {"offset": 1.5, "duration": 30}),
        ("-s -5", {"offset": -5}),
        ("--codec=flac", {"codec": "flac"}),
        ("-f {filename}-{instrument}.{codec}", {"filename_format": "{filename}-{instrument}.{codec}"}),
        ("--bit-depth 24", {"bit_depth": 24}),
        ("--bit_depth float", {"bit_depth": "float"}),
        ("--bit_depth=32", {"bit_depth": 32}),
        ("--mask_extension average", {"mask_extension": "average"}),
        ("--output-path my_out", {"output_dir": "my_out"}),
        ("--mwf", {"wiener": True}),
        ("--wiener", {"wiener": True}),
        ("--no-mwf", {"wiener": False}),
        ("--no_cache", {"cache": False}),
        ("--cache", {"cache": True}),
        ("--no-progress", {"progress": False}),
        ("--offline", {"auto_download": False}),
        ("-r -q --var stems", {"recursive": True, "quiet": True, "var": "stems"}),
        ("-o none", {"output_dir": None}),
        ("--preprocess high_pass=30,remove_dc", {"preprocess": Preprocess(high_pass=30, remove_dc=True)}),
        ("--preprocess nothing", {"preprocess": Preprocess()}),
        ("--preprocess none", {"preprocess": None}),
        ("--overlap much", {"overlap": "much"}),
        ("--duration {seconds}", {"duration": 4}),
        ("-o $folder", {"output_dir": "my stems"}),
        ("-o {nobody}", {"output_dir": "{nobody}"}),
    ],
)
def test_options_are_read(line: str, options: dict[str, Any]) -> None:
    command = parse(line, {"seconds": 4, "folder": "my stems", "filename": "a variable, not a field"})
    assert command.options == options
    assert command.sources == []


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('"song.mp3', r"A quote is not closed in: \"song.mp3"),
        ("Don't stop.mp3", "double quotes"),
        ("song.mp3 --presicion bfloat16", r"no option '--presicion'. Did you mean '--precision'\? %separate\?"),
        ("song.mp3 --bit_dept 16", r"Did you mean '--bit-depth'\?"),
        ("song.mp3 --codek=flac", r"no option '--codek'. Did you mean '--codec'\?"),
        ("song.mp3 --prec bfloat16", "There is no option '--prec'"),
        ("song.mp3 -z", r"There is no option '-z'\. %separate\?"),
        ("song.mp3 -c", r"Argument -c/--codec: expected one argument\. %separate\?"),
        ("song.mp3 --mwf=yes", "Argument --mwf/--wiener: ignored explicit argument 'yes'"),
        ("song.mp3 --var my-stems", "--var is 'my-stems'; allowed: a name"),
        ("song.mp3 --var class", "--var is 'class'; allowed: a name"),
    ],
)
def test_what_cannot_be_read_is_a_usage_error(line: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        parse(line, {})
    assert "\n" not in str(caught.value)


class Box:
    """Holds things, as variables do."""

    def __init__(self, **things: Any) -> None:
        vars(self).update(things)

    def song(self, number: int = 0) -> str:
        return f"song {number}.mp3"


@pytest.fixture
def names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.chdir(tmp_path)
    for name in ("both", "song{1}.mp3", "track.mp3"):
        Path(name).touch()
    return {"both": b"RIFF", "songs": ["a.mp3", "b.mp3"], "track": "x", "box": Box(path=Path("p.mp3")), "n": 7}


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("both", b"RIFF"),
        ("./both", "./both"),
        ("songs", ["a.mp3", "b.mp3"]),
        ("songs[0]", "a.mp3"),
        ("songs[-1]", "b.mp3"),
        ("songs[:1]", ["a.mp3"]),
        ("box.path", Path("p.mp3")),
        ("box.song(number=2)", "song 2.mp3"),
        ("track.mp3", "track.mp3"),  # a file, and "track" is a variable
        ("songs.mp3", "songs.mp3"),  # no file yet
        ("songs-n", "songs-n"),
        ("other.mp3", "other.mp3"),
        ("unknown()", "unknown()"),
        ("album/*.mp3", "album/*.mp3"),
        ("songs[0-9].mp3", "songs[0-9].mp3"),
        ("a\0b", "a\0b"),
        ("song{1}.mp3", "song{1}.mp3"),  # a file of that name
        ("track{n}.mp3", "track7.mp3"),
        ("{songs[1]}", "b.mp3"),
        ("$track", "x"),
        ("A$AP.mp3", "A$AP.mp3"),
        ("~/song.mp3", Path.home() / "song.mp3"),
    ],
)
def test_a_source_is_a_variable_or_a_file_or_an_expression(names: dict[str, Any], text: str, source: object) -> None:
    assert resolve(text, names) == source


@pytest.mark.parametrize(
    ("text", "message"), [("songs[9]", "songs\\[9\\] raised IndexError: list index"), ("track()", "TypeError")]
)
def test_an_expression_that_fails_says_so(names: dict[str, Any], text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        resolve(text, names)


def test_every_option_can_be_given() -> None:
    for option in OPTIONS:
        for flag in option.flags:
            line = f"{flag} none" if option.metavar else flag
            assert parse(line, {}).options == {option.name: None if option.metavar else option.means}
