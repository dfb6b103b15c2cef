"""Spectrograms of a song and its stems, one below the other: what a separation took, and what leaked."""

from __future__ import annotations

from html import escape
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import traitlets

from spleeter_nb.engine.result import SeparationResult
from spleeter_nb.exceptions import ValidationError
from spleeter_nb.widgets import wire
from spleeter_nb.widgets.analysis import OPTIONS, Analysis
from spleeter_nb.widgets.bridge import Bridge, check_bare, validates
from spleeter_nb.widgets.figure import drawn, small_picture
from spleeter_nb.widgets.link import LoopLink, check_player
from spleeter_nb.widgets.panes import AT_REST, CHECKS, check_band, checked, samples_of, signal_number, title_of
from spleeter_nb.widgets.scene import Selection, measured, table_of
from spleeter_nb.widgets.sending import Sender
from spleeter_nb.widgets.settings import Setting, check_options
from spleeter_nb.widgets.song import sendable
from spleeter_nb.widgets.static import TEXT, check_static, clock, image, shown, table
from spleeter_nb.widgets.tiles import TileServer, check_wants

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.figure import Figure

    from spleeter_nb.values import FloatArray
    from spleeter_nb.widgets.panes import Limits
    from spleeter_nb.widgets.player import StemPlayer
    from spleeter_nb.widgets.scene import Sum
    from spleeter_nb.widgets.sending import Messages
    from spleeter_nb.widgets.static import Static

_STATICS: tuple[Static, ...] = ("image", "none")


def compare(one: Any, other: Any, **options: Any) -> SpectrogramComparison:
    """Compare two separations of one song: of another model, precision, overlap.

    Parameters
    ----------
    one, other : SeparationResult, or mapping of str to array_like
        Of the same length and rate.
    **options
        Those of :class:`SpectrogramComparison`; ``labels`` are the models' names by default, where they differ.

    Returns
    -------
    SpectrogramComparison

    Examples
    --------
    >>> import numpy as np
    >>> tone = np.sin(np.arange(44_100) * 0.05)
    >>> view = compare({"vocals": tone}, {"vocals": tone / 2}, sample_rate=44_100, labels=("loud", "quiet"))
    >>> view.signals
    ['vocals (loud)', 'vocals (quiet)', 'vocals (loud - quiet)']
    >>> view.close()
    """
    return SpectrogramComparison(one, other, **{"labels": _labels(one, other), **options})


def _labels(one: Any, other: Any) -> tuple[str, str]:
    if isinstance(one, SeparationResult) and isinstance(other, SeparationResult):
        # A configuration is called by its path.
        names = [sendable(PurePath(result.model_name).name.removeprefix("spleeter:")) for result in (one, other)]
        if all(names) and names[0] != names[1]:
            return names[0], names[1]
    return "A", "B"


def _setting(name: str) -> Setting:
    return Setting(lambda view, value: CHECKS[name](view.limits, value))


class SpectrogramComparison(Bridge):
    """Shows spectrograms of a song and its stems, and what differs between them.

    The settings are the attributes from `panes` on. They are the same here and in every view: assign to one, or move
    a control. What they change is only how it is drawn; nothing is computed again.

    Parameters
    ----------
    stems : SeparationResult, or mapping of str to Stem or array_like
        As :class:`StemPlayer` takes them.
    other : SeparationResult, or mapping of str to Stem or array_like, optional
        Another separation of the same song, of the same length and rate. Stems that both have become
        ``"vocals (A)"``, ``"vocals (B)"``, and the difference of their samples, ``"vocals (A - B)"``.
    player : StemPlayer, optional
        What plays along: `region` and its loop are the same, in a browser also its place. Of the same length and rate.
    labels : (str, str)
        What the two separations are called, by default ``("A", "B")``.
    references : mapping of str to Stem or array_like, optional
        True stems by the names of stems, all or some.
    sample_rate : int, optional
        Hz; of arrays it must be told.
    mixture : Stem or array_like, optional
        The original. That of a result is taken by itself; where it cannot be read any more, it is left out.
    title : str, optional
        By default the name of a result's source.
    n_fft, hop_length : int, optional
        Samples of a frame, and between two frames; by default the model's, 4096 and 1024.
    window : str
        A window of ``scipy.signal`` without parameters, by default ``"hann"``.
    channel : {"mean", "left", "right", "mid", "side"}
        What is looked at of two channels: the mean of their powers, one of them, half their sum or difference.
    static : {"image", "none"}
        What a saved notebook shows where no kernel runs: a picture (with it less than 200 kB), or nothing.
    **settings
        First settings of the look, by their names.

    Attributes
    ----------
    signals : list of str
        What can be shown: ``"mixture"``, stems, ``"residual"`` (mixture minus the sum of the stems), references as
        ``"vocals (reference)"``. Without a mixture there is no residual either.
    mixture : str
        Which of them is the original, ``""`` for none: ``"mixture"``, unless a stem is called so.
    frames : int
        Samples per channel.
    band_limit : float or None
        Hz from which on the network decides nothing.
    segments : list of float
        Seconds at which one of the segments that the network saw gives way to the next.
    table : list of list of str
        Numbers of the region for people, a moment after it was set; see `numbers`.
    panes : list of list of str
        From the top: ``["level", signal, ""]``, ``["mask", stem, mixture]``, ``["difference", signal, other]``. Can be
        set as ``["vocals", ("mask", "vocals"), ("difference", "vocals", "drums")]``, None for those at first.
    y_axis : {"log", "linear", "mel"}
        Mel is Slaney's, librosa's default.
    fmin, fmax : float
        Hz at the bottom and at the top, at least 50 apart; a logarithmic axis begins at 20 at the lowest.
    cmap : {"magma", "viridis", "inferno", "gray"}
        Of levels.
    gain_db : float
        dB by which all is drawn as if it were louder, -60 to 60.
    top_db : float
        dB from the lowest colour to the highest, 10 to 127.
    difference_db : float
        dB at which the colours of a difference end, 1 to 64.
    note_names : bool
        Whether frequencies are labelled as notes.
    show_band_limit, show_segments : bool
        Whether they are drawn.
    pane_height : int
        Pixels, 60 to 600.
    region : list of float, or None
        Start and stop in seconds of what is looked at closely; the loop of the player.
    refused : Counter
        What a browser sent that was refused, by kind.

    Raises
    ------
    ValidationError
        If signals, lengths, rates, or a setting are not as wanted.
    UnknownOptionError
        If there is no option or no signal of that name; the nearest one is named.
    AudioProcessingError
        If the file of a stem cannot be read any more.

    Notes
    -----
    0 dB is a sine of amplitude 1: ``librosa.amplitude_to_db(abs(librosa.stft(y, n_fft=4096, hop_length=1024,
    pad_mode="constant")), ref=window.sum() / 2, top_db=None)``. Browsers get it in steps of half a decibel.

    As any widget, a comparison is held by the kernel until it is closed, and with it the samples that it shows.

    Examples
    --------
    >>> import numpy as np
    >>> tone = np.sin(np.arange(44_100) * 0.05)
    >>> view = SpectrogramComparison({"vocals": tone, "drums": tone / 4}, sample_rate=44_100, mixture=tone * 2)
    >>> view.signals
    ['mixture', 'vocals', 'drums', 'residual']
    >>> view.panes = ["vocals", ("difference", "vocals", "drums")]
    >>> view.region = [0.25, 0.5]
    >>> view.selected()["residual"].shape
    (11025, 2)
    >>> round(view.numbers()["vocals"]["RMS"], 1)
    -3.0
    >>> view.close()
    """

    bundle = "spectrogram"
    protocol = wire.SPECTROGRAM

    title = traitlets.Unicode(read_only=True).tag(sync=True)
    signals = traitlets.List(traitlets.Unicode(), read_only=True).tag(sync=True)
    mixture = traitlets.Unicode(read_only=True).tag(sync=True)
    sample_rate = traitlets.Int(read_only=True).tag(sync=True)
    frames = traitlets.Int(read_only=True).tag(sync=True)
    n_fft = traitlets.Int(read_only=True).tag(sync=True)
    hop_length = traitlets.Int(read_only=True).tag(sync=True)
    window = traitlets.Unicode(read_only=True).tag(sync=True)
    channel = traitlets.Unicode(read_only=True).tag(sync=True)
    tile_columns = traitlets.Int(read_only=True).tag(sync=True)
    full_db = traitlets.Float(read_only=True).tag(sync=True)
    peak_db = traitlets.Float(read_only=True).tag(sync=True)
    overview = traitlets.Bytes(read_only=True).tag(sync=True)
    overview_level = traitlets.Int(read_only=True).tag(sync=True)
    overview_pool = traitlets.Int(read_only=True).tag(sync=True)
    band_limit = traitlets.Float(None, allow_none=True, read_only=True).tag(sync=True)
    segments = traitlets.List(traitlets.Float(), read_only=True).tag(sync=True)
    link = traitlets.Unicode(read_only=True).tag(sync=True)
    table = traitlets.List(traitlets.List(traitlets.Unicode()), read_only=True).tag(sync=True)
    notes = traitlets.List(traitlets.Unicode(), read_only=True).tag(sync=True)

    panes = _setting("panes")
    y_axis = _setting("y_axis")
    fmin = _setting("fmin")
    fmax = _setting("fmax")
    cmap = _setting("cmap")
    gain_db = _setting("gain_db")
    top_db = _setting("top_db")
    difference_db = _setting("difference_db")
    note_names = _setting("note_names")
    show_band_limit = _setting("show_band_limit")
    show_segments = _setting("show_segments")
    pane_height = _setting("pane_height")
    region = _setting("region")

    def __init__(
        self,
        stems: Mapping[str, Any],
        other: Mapping[str, Any] | None = None,
        *,
        player: StemPlayer | None = None,
        static: str = "image",
        **options: Any,
    ) -> None:
        check_options(options, ("other", "player", "static", *OPTIONS, *AT_REST))
        settings = {name: value for name, value in options.items() if name in AT_REST}
        self._static = check_static(static, _STATICS)
        analysis = Analysis.of(stems, other, **{name: options[name] for name in options.keys() - settings})
        self._analysis: Analysis | None = analysis
        self.limits: Limits = analysis.limits
        check_player(player, analysis.limits)
        self._server = TileServer(self.post)
        self._measurer = Sender(self.post, "numbers")
        self._link: LoopLink | None = None
        # The last one, by the settings that it was drawn with.
        self._pictures: dict[str, bytes] = {}
        for name, value in _facts(analysis).items():
            self.set_trait(name, value)
        self.set_trait("link", "" if player is None else player.link)
        super().__init__(**AT_REST | settings)
        self.observe(self._measure, "region")
        if player is not None:
            self._link = LoopLink(self, player)
        self._measure()

    # What is looked at

    def selected(self, region: Sequence[float] | None = None) -> Selection:
        """Return the samples of a region.

        Parameters
        ----------
        region : [float, float], optional
            Start and stop in seconds; by default the one that is marked, or the whole song.

        Returns
        -------
        mapping of str to float32 (samples, 2)
            Every signal by its name. Stems are not copied; sums are made when they are asked for.
        """
        return Selection(self.analysis.scene.sums, *self._samples(region))

    def numbers(self, region: Sequence[float] | None = None) -> dict[str, dict[str, float]]:
        """Measure all signals.

        Parameters
        ----------
        region : [float, float], optional
            As for :meth:`selected`.

        Returns
        -------
        dict of str to dict of str to float
            For each signal, in dB of full scale: ``RMS`` and ``peak`` over both channels, minus infinity for silence;
            of stems whose reference was given also the ``SDR``.
        """
        first, stop = self._samples(region)
        return {name: measured(signal, first, stop) for name, signal in self.analysis.scene.sums.items()}

    def spectrogram(self, signal: str, *, region: Sequence[float] | None = None) -> FloatArray:
        """Compute what is shown of one signal, exactly.

        Parameters
        ----------
        signal : str
        region : [float, float], optional
            As for :meth:`selected`.

        Returns
        -------
        float32 (bins, columns)
            dB, at least -160; the columns whose centres, ``column * hop_length`` samples, lie within the region.
        """
        analysis = self.analysis
        first, stop = analysis.columns_of(*self._samples(region))
        return analysis.levels(signal_number(self.limits, signal), first, stop)

    def figure(
        self, *, width: float | None = None, height: float | None = None, dpi: float | None = None, **changes: Any
    ) -> Figure:
        """Draw what is shown for a paper; the region, where one is marked.

        Parameters
        ----------
        width, height : float, optional
            Inches; by default 10, and 1.6 for each pane.
        dpi : float, optional
            Dots per inch; by default matplotlib's own.
        **changes
            Settings that are other than here, by their names: ``region=None`` is the whole song.

        Returns
        -------
        matplotlib.figure.Figure
        """
        check_options(changes, ("width", "height", "dpi", *AT_REST))
        settings = checked(self.limits, self._settings | changes)
        return drawn(self.analysis, settings, width=width, height=height, dpi=dpi)

    @property
    def player(self) -> StemPlayer | None:
        """What plays along; None where nothing does."""
        return None if self._link is None else self._link.player

    @property
    def analysis(self) -> Analysis:
        """What is looked at, and how it is transformed; nothing is, once it is closed."""
        if self._analysis is None:
            raise ValidationError("This comparison is closed. Make another one.", state="closed")
        return self._analysis

    @property
    def _settings(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in AT_REST}

    def _samples(self, region: Sequence[float] | None) -> tuple[int, int]:
        region = CHECKS["region"](self.limits, region)
        return samples_of(self.limits, self.region if region is None else region)

    def close(self) -> None:
        """End it: views go, the player is left alone, and no sound is held any more; can be repeated."""
        self._server.stop()
        self._measurer.stop()
        if self._link is not None:
            self._link.end()
            self._link = None
        self._analysis = None
        self._pictures = {}
        super().close()

    def __repr__(self) -> str:
        title = f"{self.title!r}: " if self.title else ""
        duration = self.frames / self.sample_rate
        return f"SpectrogramComparison({title}{', '.join(self.signals)}; {duration:.2f} s, {self.sample_rate} Hz)"

    # Settings that depend on each other

    @validates("fmin")
    def _check_fmin(self, proposal: Any) -> float:
        check_band(proposal["value"], self.fmax)
        return float(proposal["value"])

    @validates("fmax")
    def _check_fmax(self, proposal: Any) -> float:
        check_band(self.fmin, proposal["value"])
        return float(proposal["value"])

    def set_state(self, sync_data: Mapping[str, Any]) -> None:
        """Take over what the browser changed; where a band moves, first the end that makes room for the other."""
        band = {name: sync_data[name] for name in ("fmin", "fmax") if name in sync_data}
        top = band.get("fmax")
        if isinstance(top, int | float) and top > self.fmax:
            band = {"fmax": top, **band}
        super().set_state({**band, **sync_data})

    # Numbers of the region

    def _measure(self, _change: object = None) -> None:
        """Measure in a thread: who changes the region may be the one that takes messages."""
        analysis = self._analysis
        if analysis is not None and (self.region is not None or self.table):
            self._measurer.send(self._measured(analysis.scene.sums, self.region))

    def _measured(self, sums: Mapping[str, Sum], region: list[float] | None) -> Messages:
        """Set the table; it can be left between two signals."""
        numbers: dict[str, dict[str, float]] = {}
        if region is not None:
            first, stop = samples_of(self.limits, region)
            for name, signal in sums.items():
                numbers[name] = measured(signal, first, stop)
                yield None
        self.set_trait("table", table_of(numbers))

    # Without a kernel

    def static_html(self) -> str:
        """Return what is shown where no kernel runs: HTML of tables and pictures, everything in it escaped."""
        if self._static == "none":
            return ""
        names = ", ".join(shown(title_of(pane)) for pane in self.panes)
        picture = image(self.static_png(), f"Spectrograms of {names}; {clock(self.frames / self.sample_rate)} minutes")
        heads, *rows = ([escape(cell) for cell in row] for row in table_of(self.numbers()))
        extent = "the whole song" if self.region is None else "{:.2f} s to {:.2f} s".format(*self.region)
        notes = "".join(f"<p>{escape(note)}</p>" for note in self.notes)
        return (
            f"<div><p><strong>{escape(shown(self.title) or 'Spectrograms')}</strong> "
            f"{clock(self.frames / self.sample_rate)}, {self.sample_rate} Hz</p>"
            f"{picture}<p>Numbers of {extent}:</p>{table(heads, rows)}{notes}</div>"
        )

    def static_png(self) -> bytes:
        """Return the picture that is shown where no HTML is; empty for none."""
        if self._static == "none":
            return b""
        look = repr(self._settings)
        if look not in self._pictures:
            self._pictures = {look: small_picture(self.analysis, self._settings, TEXT)}
        return self._pictures[look]

    # What the browser says

    def _on_want_tiles(self, message: wire.WantTiles, buffers: Sequence[memoryview]) -> None:
        check_bare(buffers)
        pyramid = self.analysis.pyramid
        check_wants(pyramid, message)
        self._server.start(pyramid, message)

    def _on_forget_tiles(self, _message: wire.ForgetTiles, buffers: Sequence[memoryview]) -> None:
        check_bare(buffers)
        self._server.forget(self.analysis.pyramid)


def _facts(analysis: Analysis) -> dict[str, Any]:
    """Return what the browser is told at once."""
    scene, spectrogram, overview = analysis.scene, analysis.spectrogram, analysis.overview
    return {
        "title": scene.title,
        "signals": scene.signals,
        "mixture": scene.mixture,
        "sample_rate": scene.sample_rate,
        "frames": scene.frames,
        "n_fft": spectrogram.n_fft,
        "hop_length": spectrogram.hop_length,
        "window": spectrogram.window,
        "channel": spectrogram.channel,
        "tile_columns": analysis.pyramid.tile_columns,
        "full_db": analysis.full_db,
        "peak_db": overview.peak_db,
        "overview": overview.data,
        "overview_level": overview.level,
        "overview_pool": overview.pool,
        "band_limit": analysis.band_limit,
        "segments": list(analysis.segments),
        "notes": [shown(note) for note in scene.notes],
    }
