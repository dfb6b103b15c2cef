"""All stems of a song on one clock: heard, muted, soloed, remixed."""

from __future__ import annotations

import functools
import secrets
from typing import TYPE_CHECKING, Any

import traitlets

from spleeter_nb.engine.targets import home_expanded, write_one
from spleeter_nb.exceptions import ValidationError
from spleeter_nb.widgets import mixer, wire
from spleeter_nb.widgets.bridge import Bridge, check_bare
from spleeter_nb.widgets.page import write_page
from spleeter_nb.widgets.settings import Setting, check_options, number, region, switch
from spleeter_nb.widgets.song import song_of
from spleeter_nb.widgets.static import check_static, facts_table, html_of, picture_of, shown
from spleeter_nb.widgets.streaming import Streamer, check_hello

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from spleeter_nb.audio import BitDepth, Bitrate
    from spleeter_nb.values import FloatArray
    from spleeter_nb.widgets.song import Song
    from spleeter_nb.widgets.static import Static


class StemPlayer(Bridge):
    """Plays stems in step, and mixes them.

    The mixer's settings are the attributes from `gains_db` on. They are the same here and in every view: assign to
    one, or move a control. Assign a new list or dictionary; one that is changed in place changes nothing.

    Parameters
    ----------
    stems : SeparationResult, or mapping of str to Stem or array_like
        Arrays are (samples,) or (samples, channels) of one or two channels, of one length: floats with full scale
        1.0, or integers. float32 stereo is not copied.
    sample_rate : int, optional
        Hz; of arrays it must be told.
    mixture : Stem or array_like, optional
        The original, to compare with. That of a result is taken by itself; where it cannot be read any more, the
        stems play without.
    title : str, optional
        By default the name of a result's source.
    static : {"image", "preview", "full", "none"}
        What a saved notebook shows where no kernel runs: a picture (less than 200 kB), with it up to 30 seconds of
        each signal as MP3 (less than 1.5 MB), or all of each signal, or nothing.
    **settings
        First settings of the mixer, by their names.

    Attributes
    ----------
    title : str
    stems : list of str
    has_mixture : bool
    sample_rate : int
        Hz.
    frames : int
        Samples per channel.
    link : str
        By which what plays along, as a :class:`~spleeter_nb.SpectrogramComparison`, finds it in the browser.
    position : float
        Seconds; where the sound is, as the browser tells a few times a second.
    playing : bool
    gains_db : dict of str to float
        dB for each stem, -60 to 12; stems not named in what is assigned are at 0.
    pans : dict of str to float
        From -1, all left, to 1, all right, at equal power; those not named are at 0.
    muted : list of str
        Stems that do not sound.
    soloed : str
        The one stem that sounds, muted or not; ``""`` for none.
    master_db : float
        dB for the whole, -60 to 12.
    original : bool
        Whether the mixture is heard in place of the stems.
    match_loudness : bool
        Whether the mixture is made as loud as the stems are with their gains.
    speed : float
        0.5 to 2; the pitch follows, as with a tape.
    loop : list of float, or None
        Start and stop in seconds of what is repeated.
    refused : Counter
        What a browser sent that was refused, by kind.

    Raises
    ------
    ValidationError
        If stems, rate, lengths or a setting are not as wanted.
    UnknownOptionError
        If there is no setting of that name; the nearest one is named.
    AudioProcessingError
        If the file of a stem cannot be read any more.

    Notes
    -----
    As any widget, a player is held by the kernel until it is closed, and with it the samples that it plays: `close` one
    that is not wanted any more. Those that a result shows by itself are closed when their cell runs again.

    Examples
    --------
    >>> import numpy as np
    >>> tone = np.sin(np.arange(44_100) * 0.05)
    >>> player = StemPlayer({"vocals": tone, "drums": tone / 4}, sample_rate=44_100, gains_db={"drums": -6})
    >>> player.preset("karaoke")
    >>> player.muted
    ['vocals']
    >>> player.mix().shape
    (44100, 2)
    >>> player.close()
    """

    bundle = "player"
    protocol = wire.PLAYER

    title = traitlets.Unicode(read_only=True).tag(sync=True)
    stems = traitlets.List(traitlets.Unicode(), read_only=True).tag(sync=True)
    has_mixture = traitlets.Bool(read_only=True).tag(sync=True)
    sample_rate = traitlets.Int(read_only=True).tag(sync=True)
    frames = traitlets.Int(read_only=True).tag(sync=True)
    chunk_frames = traitlets.Int(read_only=True).tag(sync=True)
    full_scale = traitlets.Float(read_only=True).tag(sync=True)
    overview = traitlets.Bytes(read_only=True).tag(sync=True)
    powers = traitlets.List(traitlets.Float(), read_only=True).tag(sync=True)
    table = traitlets.List(traitlets.List(traitlets.Unicode()), read_only=True).tag(sync=True)
    notes = traitlets.List(traitlets.Unicode(), read_only=True).tag(sync=True)
    link = traitlets.Unicode(read_only=True).tag(sync=True)

    gains_db = Setting(lambda player, value: mixer.by_stem("gains_db", player.stems, value, mixer.GAINS_DB))
    pans = Setting(lambda player, value: mixer.by_stem("pans", player.stems, value, mixer.PANS))
    muted = Setting(lambda player, value: mixer.some_stems("muted", player.stems, value))
    soloed = Setting(lambda player, value: "" if value is None else mixer.stem_name(player.stems, value, or_none=True))
    master_db = Setting(lambda _, value: number("master_db", value, mixer.GAINS_DB))
    original = Setting(lambda player, value: player._checked_original(value))  # noqa: SLF001 - it is its own
    match_loudness = Setting(lambda _, value: switch("match_loudness", value))
    speed = Setting(lambda _, value: number("speed", value, mixer.SPEEDS))
    loop = Setting(lambda player, value: region("loop", value, player.frames / player.sample_rate))

    position = traitlets.Float(read_only=True)
    playing = traitlets.Bool(read_only=True)

    def __init__(
        self,
        stems: Mapping[str, Any],
        *,
        sample_rate: int | None = None,
        mixture: Any = None,
        title: str | None = None,
        static: Static = "image",
        **settings: Any,
    ) -> None:
        check_options(settings, (*mixer.AT_REST, "sample_rate", "mixture", "title", "static"))
        self._static = check_static(static)
        song = song_of(stems, sample_rate=sample_rate, mixture=mixture, title=title)
        self._song: Song | None = song
        self._streamer = Streamer(self.post)
        for name, value in _facts(song).items():
            self.set_trait(name, value)
        self.set_trait("link", secrets.token_hex(8))
        super().__init__(**mixer.AT_REST | settings)

    # What is heard

    def mix(self) -> FloatArray:
        """Return what one hears, the whole song at its own speed.

        Returns
        -------
        float32 (frames, 2)
            With all gains, pans, mutes and solos, or the original with its loudness matched where that is asked for;
            not cut off at full scale.
        """
        return mixer.mix(self.song, self._settings)

    def save_mix(
        self,
        path: str | os.PathLike[str],
        *,
        codec: str | None = None,
        bit_depth: BitDepth | None = None,
        bitrate: Bitrate | None = None,
    ) -> Path:
        """Write what one hears to a file, with the tags of the song.

        Parameters
        ----------
        path : str or PathLike
            Written atomically; what was there is replaced. A leading ``~`` is the home folder.
        codec : str, optional
            ``wav``, ``flac``, ``mp3``, ``ogg``, ``m4a`` or ``wma``; by default what the path ends in.
        bit_depth : 16, 24, 32 or "float", optional
            Of ``wav`` and ``flac``; 16 by default. Only ``float`` keeps what is beyond full scale.
        bitrate : int or str, optional
            Of the others: bits a second, or as in ``"128k"``.

        Returns
        -------
        Path
            Where it lies now.
        """
        return write_one(
            path,
            self.mix(),
            sample_rate=self.sample_rate,
            codec=codec,
            bit_depth=bit_depth,
            bitrate=bitrate,
            tags=self.song.tags,
        )

    def save_html(self, path: str | os.PathLike[str]) -> Path:
        """Write one page with this player, its settings and all sound, that needs no kernel and no network.

        Parameters
        ----------
        path : str or PathLike
            Written atomically; what was there is replaced. A leading ``~`` is the home folder. Four minutes of five
            stems take about 150 MB.

        Returns
        -------
        Path
            Where it lies now.

        Raises
        ------
        DiskFullError, StorageError
            If it cannot be written.
        """
        path = home_expanded(path)
        write_page(path, self.song, _facts(self.song) | self._settings)
        return path

    # Setting the mixer

    @property
    def _settings(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in mixer.AT_REST}

    def mute(self, *stems: str) -> None:
        """Silence these stems, besides those that are silent already."""
        self.muted = [*self.muted, *stems]

    def unmute(self, *stems: str) -> None:
        """Let these stems sound again."""
        again = mixer.some_stems("stems", self.stems, stems)
        self.muted = [stem for stem in self.muted if stem not in again]

    def preset(self, name: str) -> None:
        """Choose what sounds; gains and pans stay as they are.

        Parameters
        ----------
        name : str
            ``all``, ``karaoke`` (all but the vocals), or a stem, which then sounds alone.

        Raises
        ------
        UnknownOptionError
            If there is no preset of that name for these stems.
        """
        with self.hold_sync():
            self.muted, self.soloed = mixer.preset(self.stems, name)

    # Moving in time

    def play(self) -> None:
        """Begin to play where it stands, in the views that are shown now; the browser may want a click before."""
        self._ask(wire.Transport(action="play", frame=None))

    def pause(self) -> None:
        """Stop playing, and stay there."""
        self._ask(wire.Transport(action="pause", frame=None))

    def seek(self, seconds: float) -> None:
        """Go somewhere, and go on playing there if it plays.

        Parameters
        ----------
        seconds : float
            From the start of the song.
        """
        seconds = number("seconds", seconds, (0.0, self.frames / self.sample_rate))
        self._ask(wire.Transport(action="seek", frame=round(seconds * self.sample_rate)))

    def _ask(self, transport: wire.Transport) -> None:
        self._open_song()
        self.post(transport)

    def close(self) -> None:
        """End it: views go, and the song is not held any more; can be repeated."""
        self._streamer.stop()
        self._song = None
        self.__dict__.pop("_picture", None)
        self.__dict__.pop("_html", None)
        super().close()

    def __repr__(self) -> str:
        title = f"{self.title!r}: " if self.title else ""
        duration = self.frames / self.sample_rate
        return f"StemPlayer({title}{', '.join(self.stems)}; {duration:.2f} s, {self.sample_rate} Hz)"

    # Without a kernel

    @functools.cached_property
    def _picture(self) -> bytes:
        return picture_of(self.song)

    @functools.cached_property
    def _html(self) -> str:
        return html_of(self.song, self._picture, self._static)

    def static_html(self) -> str:
        """Return what is shown where no kernel runs: HTML of tables and pictures, everything in it escaped."""
        return "" if self._static == "none" else self._html

    def static_png(self) -> bytes:
        """Return the picture that is shown where no HTML is; empty for none."""
        return b"" if self._static == "none" else self._picture

    # What the browser says

    def _on_hello(self, message: wire.Hello, buffers: Sequence[memoryview]) -> None:
        check_bare(buffers)
        song = self.song
        check_hello(song, message)
        self._streamer.start(song, message)

    def _on_position(self, message: wire.Position, buffers: Sequence[memoryview]) -> None:
        check_bare(buffers)
        if not 0 <= message.frame <= self.frames:
            raise ValidationError(f"position.frame is {str(message.frame)[:40]}; allowed: 0 to {self.frames}.")
        with self.hold_trait_notifications():
            self.set_trait("position", message.frame / self.sample_rate)
            self.set_trait("playing", message.playing)

    @property
    def song(self) -> Song:
        """What it plays, as :mod:`spleeter_nb.widgets.song` describes it; nothing is, once it is closed."""
        return self._open_song()

    def _open_song(self) -> Song:
        if self._song is None:
            raise ValidationError("This player is closed. Make another one.", state="closed")
        return self._song

    def _checked_original(self, value: object) -> bool:
        if switch("original", value) and not self.has_mixture:
            raise ValidationError(
                "There is no original to be heard: give it as mixture=, an array of the stems' length.",
                option="original",
            )
        return bool(value)


def _facts(song: Song) -> dict[str, Any]:
    """Return what the browser is told of a song at once."""
    return {
        "title": song.title,
        "stems": [stem.name for stem in song.stems],
        "has_mixture": song.mixture is not None,
        "sample_rate": song.sample_rate,
        "frames": song.frames,
        "chunk_frames": song.chunk_frames,
        "full_scale": song.full_scale,
        "overview": song.overview,
        "powers": [signal.power for signal in song.signals],
        "table": facts_table(song),
        "notes": [shown(note) for note in (song.about, song.remark) if note],
        # A page has nothing that could play along.
        "link": "",
    }
