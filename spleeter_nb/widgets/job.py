"""A separation on its way: how far it is, how long it will take, and a button that stops it."""

from __future__ import annotations

import weakref
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import traitlets

from spleeter_nb.engine.jobs import SeparationJob
from spleeter_nb.exceptions import ValidationError
from spleeter_nb.widgets import wire
from spleeter_nb.widgets.bridge import Bridge
from spleeter_nb.widgets.throttle import Throttle

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from spleeter_nb.events import Progress


class JobView(Bridge):
    """Shows a job and cancels it.

    It lets go of the job when that has ended, or when the view is closed, whichever comes first; closing the view does
    not stop the job.

    Parameters
    ----------
    job : SeparationJob
        What :meth:`spleeter_nb.SpleeterEngine.submit` returned. A notebook shows one at the end of a cell by itself.
    on_remove : callable, optional
        Called when somebody presses "Remove", which there is only then, once the job has ended.

    Attributes
    ----------
    state : str
        ``queued``, ``running``, ``done``, ``failed`` or ``cancelled``; to be observed as any trait.

    Examples
    --------
    >>> import spleeter_nb as snb
    >>> job = snb.SpleeterEngine().submit(snb.demo_song(), progress=False)
    >>> view = snb.JobView(job)
    >>> view.cancel()
    >>> type(job.exception()).__name__
    'SeparationCancelledError'
    >>> view.close()
    """

    bundle = "job"
    protocol = wire.JOB

    title = traitlets.Unicode(read_only=True).tag(sync=True)
    model = traitlets.Unicode(read_only=True).tag(sync=True)
    state = traitlets.Unicode("queued", read_only=True).tag(sync=True)
    stage = traitlets.Unicode("queued", read_only=True).tag(sync=True)
    # Of this stage, 0 to 1.
    fraction = traitlets.Float(None, allow_none=True, read_only=True).tag(sync=True)
    # Seconds: until now, and in the end for all of it; those left.
    elapsed = traitlets.Float(0.0, read_only=True).tag(sync=True)
    remaining = traitlets.Float(None, allow_none=True, read_only=True).tag(sync=True)
    message = traitlets.Unicode(read_only=True).tag(sync=True)
    # None, or "", until it is done, and where nothing was computed.
    x_realtime = traitlets.Float(None, allow_none=True, read_only=True).tag(sync=True)
    cache_level = traitlets.Unicode(read_only=True).tag(sync=True)
    error = traitlets.Unicode(read_only=True).tag(sync=True)
    error_class = traitlets.Unicode(read_only=True).tag(sync=True)

    removable = traitlets.Bool(read_only=True).tag(sync=True)

    def __init__(self, job: SeparationJob, *, on_remove: Callable[[], object] | None = None) -> None:
        if not isinstance(job, SeparationJob):
            raise ValidationError(
                f"A JobView shows what engine.submit() returns, a SeparationJob, not a {type(job).__name__}."
            )
        super().__init__()
        title = Path(job.source).name
        self._update(title=title, model=job.model_name, state=job.state, removable=on_remove is not None)
        self._on_remove = on_remove
        self._job: SeparationJob | None = job
        self._throttle = Throttle(self._show)
        self._unsubscribe: Callable[[], None] | None = job.subscribe(self._throttle.put)
        if job.progress is not None:
            self._throttle.put(job.progress)
        # The job keeps whoever waits for its end.
        end = weakref.WeakMethod(self._end)
        job.when_ended(lambda ended: None if (tell := end()) is None else tell(ended))

    @property
    def job(self) -> SeparationJob | None:
        """What is shown; None when it has ended, or the view was closed."""
        return self._job

    def cancel(self) -> None:
        """Ask the job to stop; nothing happens where it has ended."""
        if self._job is not None:
            self._job.cancel()

    def close(self) -> None:
        """Show nothing more, and let go of the job, which goes on; can be repeated."""
        self._let_go()
        self._on_remove = None
        super().close()

    def static_html(self) -> str:
        """Return what is known now as one line."""
        return f"<p><strong>{escape(self.title)}</strong> ({escape(self.model)}): {escape(self.summary)}</p>"

    @property
    def summary(self) -> str:
        """How it stands, in a line."""
        if self.state == "done":
            how = f", from the cache ({self.cache_level})" if self.cache_level else ""
            how = how or (f", {self.x_realtime:.0f} x real time" if self.x_realtime else "")
            return f"done in {self.elapsed:.1f} s{how}"
        if self.state == "failed":
            return f"failed: {self.error_class}: {self.error}"
        return self.state

    def __repr__(self) -> str:
        return f"JobView({self.title!r}, {self.state})"

    def _on_cancel_job(self, _message: wire.CancelJob, _buffers: Sequence[memoryview]) -> None:
        self.cancel()

    def _on_remove_job(self, _message: wire.RemoveJob, _buffers: Sequence[memoryview]) -> None:
        if self._on_remove is None:
            raise ValidationError("This job cannot be removed.")
        self._on_remove()

    def _show(self, event: Progress) -> None:
        job = self._job
        # The end is told once, with all that belongs to it.
        if job is None or event.stage in ("done", "failed", "cancelled"):
            return
        self._update(
            state=job.state,
            stage=event.stage,
            fraction=event.fraction,
            elapsed=event.elapsed,
            remaining=event.remaining,
            message=event.message,
        )

    def _end(self, job: SeparationJob) -> None:
        self._let_go()
        seen: dict[str, Any] = {"state": job.state, "stage": job.state, "remaining": None, "message": ""}
        if job.progress is not None:
            seen["elapsed"] = job.progress.elapsed
        error = job.exception()
        if error is None:
            result = job.result()
            seen |= {"fraction": 1.0, "elapsed": result.seconds, "cache_level": result.cache_level or ""}
            if result.runtime is not None and not result.cache_level:
                seen["x_realtime"] = result.x_realtime
        elif job.state == "failed":
            seen |= {"error": str(error), "error_class": type(error).__name__}
        self._update(**seen)

    def _update(self, **traits: Any) -> None:
        # One message for all of it.
        with self.hold_sync():
            for name, value in traits.items():
                # Names of files may hold bytes that are no text, and cannot be sent.
                text = value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
                self.set_trait(name, text)

    def _let_go(self) -> None:
        # It holds the job's reporter, which holds the job.
        unsubscribe, self._unsubscribe = self._unsubscribe, None
        if unsubscribe:
            unsubscribe()
        self._throttle.close()
        self._job = None
