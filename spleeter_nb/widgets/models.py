"""Choosing a model: what there is, what is here, fetching one, and how long it will take on this machine."""

from __future__ import annotations

import dataclasses
import threading
from html import escape
from typing import TYPE_CHECKING, Any, get_args

import traitlets

from spleeter_nb.audio import probe
from spleeter_nb.config import SpleeterConfig
from spleeter_nb.demo import demo_song
from spleeter_nb.engine.estimate import speeds
from spleeter_nb.engine.loaded import choose_device, model_manager
from spleeter_nb.engine.options import Options
from spleeter_nb.engine.separation import Separation
from spleeter_nb.exceptions import (
    ModelNotFoundError,
    SeparationCancelledError,
    SpleeterError,
    UnknownModelError,
    ValidationError,
    nearest,
)
from spleeter_nb.net.runtime import Precision
from spleeter_nb.widgets import wire
from spleeter_nb.widgets.bridge import Bridge, validates
from spleeter_nb.widgets.throttle import Throttle

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from spleeter_nb.events import Progress
    from spleeter_nb.models import ModelManager, ModelStatus
    from spleeter_nb.values import AudioSource

# Of the demonstration song: two segments, which keep two threads busy.
_MEASURED_SECONDS = 16.0

# Nobody has longer songs: 30 years. Browsers may say more, or what is no number.
_LONGEST_SECONDS = 1e9


class ModelPicker(Bridge):
    """Shows the published models and lets one be chosen, fetched and measured.

    Parameters
    ----------
    value : str
        The name of the model that is chosen at first.
    config : SpleeterConfig, optional
        By default what the environment and the configuration file say.
    manager : ModelManager, optional
        By default the one that `config` describes.

    Attributes
    ----------
    value : str
        The name of the model that is chosen; another one than the published is refused.
    duration : float or None
        Seconds of sound to estimate for, one song or several together; None shows no estimate.
    precision : {"float32", "bfloat16"}
        Of the networks, to estimate for.
    device : str
        Likewise; as :func:`spleeter_nb.separate` takes it.

    Examples
    --------
    >>> import spleeter_nb as snb
    >>> picker = snb.ModelPicker("spleeter:2stems")
    >>> picker.song = snb.demo_song()
    >>> picker.value, round(picker.duration, 1)
    ('spleeter:2stems', 16.8)
    >>> picker.close()
    """

    bundle = "models"
    protocol = wire.MODELS

    value = traitlets.Unicode().tag(sync=True)
    # Each is what _described() makes of a ModelStatus.
    models = traitlets.List(traitlets.Dict(), read_only=True).tag(sync=True)
    # By folder of weights, which two models share: fraction and message.
    downloads = traitlets.Dict(read_only=True).tag(sync=True)
    # By model, what went wrong last.
    errors = traitlets.Dict(read_only=True).tag(sync=True)
    # By model: seconds and basis.
    estimates = traitlets.Dict(read_only=True).tag(sync=True)
    duration = traitlets.Float(None, allow_none=True).tag(sync=True)
    # The model that is being measured, or "".
    measuring = traitlets.Unicode(read_only=True).tag(sync=True)

    precision = traitlets.Enum(get_args(Precision), "float32")
    device = traitlets.Unicode("auto")

    def __init__(
        self,
        value: str = "spleeter:2stems",
        *,
        config: SpleeterConfig | None = None,
        manager: ModelManager | None = None,
    ) -> None:
        self._config = config or SpleeterConfig()
        self._manager = manager or model_manager(self._config)
        self._lock = threading.RLock()
        self._cancels: dict[str, threading.Event] = {}
        self._song: AudioSource | None = None
        # How often something to estimate for has changed, and whether a thread is at it.
        self._changes = 0
        self._is_estimating = False
        super().__init__(value=value)
        self._look()
        self.observe(lambda _: self._estimate(), ["duration", "precision", "device"])

    @property
    def song(self) -> AudioSource | None:
        """What is to be separated, a file in any form; `duration` becomes the song's when this is set."""
        return self._song

    @song.setter
    def song(self, source: AudioSource | None) -> None:
        self.duration = None if source is None else probe(source).duration
        self._song = source

    def refresh(self) -> None:
        """See anew which models are here, and estimate anew."""
        self._look()
        self._estimate()

    def download(self, name: str) -> None:
        """Begin to fetch a model, unless that is under way; progress and errors are shown.

        Raises
        ------
        UnknownModelError
            If there is no such model.
        """
        folder = self._row(name)["weights"]
        self._begin(folder, name, lambda cancel: self._fetch(name, folder, cancel))

    def cancel_download(self, name: str) -> None:
        """Fetch a model no further; what came so far is continued by the next download.

        Raises
        ------
        UnknownModelError
            If there is no such model.
        """
        with self._lock:
            if cancel := self._cancels.get(self._row(name)["weights"]):
                cancel.set()

    def measure(self, name: str) -> None:
        """Separate a piece of the demonstration song in a thread, to learn how fast this machine is.

        Raises
        ------
        UnknownModelError
            If there is no such model.
        ModelNotFoundError
            If it is not here.
        """
        if not self._row(name)["installed"]:
            raise ModelNotFoundError(f"{name} is not on this machine: download it first.", name=name)
        self._begin("", name, lambda cancel: self._measure(name, cancel))

    def close(self) -> None:
        """Show nothing more, and stop what was begun here; can be repeated."""
        with self._lock:
            for cancel in self._cancels.values():
                cancel.set()
        super().close()

    def static_html(self) -> str:
        """Return the models as a table."""
        rows = "".join(
            f"<tr><td>{escape(row['name'])}</td><td>{escape(', '.join(row['stems']))}</td>"
            f"<td>{'installed' if row['installed'] else 'not installed'}</td></tr>"
            for row in self.models
        )
        return f"<table><tr><th>model</th><th>stems</th><th></th></tr>{rows}</table>"

    def __repr__(self) -> str:
        return f"ModelPicker({self.value!r})"

    @validates("value")
    def _published(self, proposal: Any) -> str:
        name: str = proposal["value"]
        self._check_published(name)
        return name

    @validates("duration")
    def _endless_refused(self, proposal: Any) -> float | None:
        seconds: float | None = proposal["value"]
        if seconds is not None and not 0 <= seconds <= _LONGEST_SECONDS:
            raise ValidationError(
                f"duration is {seconds}; allowed: 0 to {_LONGEST_SECONDS:g} seconds, or None.", duration=seconds
            )
        return seconds

    def _on_download_model(self, message: wire.DownloadModel, _buffers: Sequence[memoryview]) -> None:
        self.download(message.name)

    def _on_cancel_download(self, message: wire.CancelDownload, _buffers: Sequence[memoryview]) -> None:
        self.cancel_download(message.name)

    def _on_measure_model(self, message: wire.MeasureModel, _buffers: Sequence[memoryview]) -> None:
        self.measure(message.name)

    def _on_look_again(self, _message: wire.LookAgain, _buffers: Sequence[memoryview]) -> None:
        self.refresh()

    def _check_published(self, name: str) -> None:
        names = self._manager.names
        if name not in names:
            raise UnknownModelError(
                f"There is no model {name!r}.{nearest(name, names)} The models are {', '.join(names)}.", name=name
            )

    def _row(self, name: str) -> dict[str, Any]:
        self._check_published(name)
        row: dict[str, Any] = next(row for row in self.models if row["name"] == name)
        return row

    def _look(self) -> None:
        with self._lock:
            self.set_trait("models", [_described(status) for status in self._manager.available()])

    def _begin(self, what: str, name: str, work: Callable[[threading.Event], None]) -> None:
        """Do something with a model in a thread, unless it is being done or this was closed."""
        with self._lock:
            if what in self._cancels or self._closing.is_set():
                return
            cancel = self._cancels[what] = threading.Event()

        def run() -> None:
            self._put("errors", name, None)
            try:
                work(cancel)
            except SeparationCancelledError:
                pass
            except SpleeterError as error:
                self._put("errors", name, str(error))
            finally:
                with self._lock:
                    del self._cancels[what]

        threading.Thread(target=run, name="spleeter_nb-picker", daemon=True).start()

    def _fetch(self, name: str, folder: str, cancel: threading.Event) -> None:
        def show(event: Progress) -> None:
            self._put("downloads", folder, {"fraction": event.fraction, "message": event.message})

        throttle = Throttle(show)
        self._put("downloads", folder, {"fraction": None, "message": ""})
        try:
            self._manager.ensure(name, progress=throttle.put, cancel=cancel)
        finally:
            throttle.close()
            self.refresh()
            self._put("downloads", folder, None)

    def _measure(self, name: str, cancel: threading.Event) -> None:
        options = {"precision": self.precision, "device": self.device, "duration": _MEASURED_SECONDS}
        self.set_trait("measuring", name)
        try:
            work = Separation.prepared(self._config, demo_song(), name, {**options, "cache": False, "progress": False})
            dataclasses.replace(work, cancel=cancel).run()
            if not work.company.alone:
                self._put("errors", name, "Another song was separated meanwhile: measure again when that has ended.")
        finally:
            self.set_trait("measuring", "")
            self._estimate()

    def _estimate(self) -> None:
        """Estimate in a thread: looking for GPUs may take seconds, in which nobody is to be held up."""
        with self._lock:
            self._changes += 1
            if self.duration is None:
                self.set_trait("estimates", {})
            elif not self._is_estimating:
                self._is_estimating = True
                threading.Thread(target=self._estimate_latest, name="spleeter_nb-picker", daemon=True).start()

    def _estimate_latest(self) -> None:
        """Estimate until nothing has changed meanwhile: one thread does for any number of changes."""
        estimates: dict[str, dict[str, Any]] = {}
        estimated_at = -1
        while True:
            with self._lock:
                if estimated_at == self._changes:
                    self.set_trait("estimates", estimates)
                    self._is_estimating = False
                    return
                estimated_at, duration = self._changes, self.duration
            estimates = {} if duration is None else self._estimated(duration)

    def _estimated(self, duration: float) -> dict[str, dict[str, Any]]:
        options, known = Options(device=self.device, precision=self.precision), speeds(self._config)
        try:
            device = choose_device(options, self._config).device
        except SpleeterError:  # it is not there; a job says it better
            return {}
        estimates = {
            name: known.estimate(
                self._manager.spec(name), duration=duration, device=device, precision=options.precision
            )
            for name in self._manager.names
        }
        return {name: dataclasses.asdict(estimate) for name, estimate in estimates.items() if estimate}

    def _put(self, trait: str, key: str, value: object) -> None:
        """Change one entry of a dictionary; None takes it away."""
        with self._lock:
            others = {name: kept for name, kept in getattr(self, trait).items() if name != key}
            self.set_trait(trait, others if value is None else {**others, key: value})


def _described(status: ModelStatus) -> dict[str, Any]:
    """Say what the browser needs to know of a model; its folder's name, never its path."""
    return {
        "name": status.name,
        "stems": list(status.instruments),
        "band_limit": status.band_limit,
        "weights": status.folder.name,
        "installed": status.installed,
        "size": status.size,
        "download_size": status.download_size,
        "problem": status.problem,
    }
