"""What all widgets share: the built front end, checked messages, a life that ends, a picture without a kernel."""

from __future__ import annotations

import contextlib
import functools
import logging
import threading
from collections import Counter
from importlib.resources import files
from typing import TYPE_CHECKING, Any, ClassVar

import anywidget
import traitlets

from spleeter_nb.exceptions import MissingDependencyError, SpleeterError, ValidationError
from spleeter_nb.widgets import wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_LOG = logging.getLogger("spleeter_nb")

# So many refused messages are told of in the log; all are counted.
_REFUSALS_LOGGED = 5


# Names of traits.
_OF_THE_BASE = frozenset(anywidget.AnyWidget.class_trait_names())


class Bridge(anywidget.AnyWidget):
    """A widget with a twin in the browser.

    A subclass names its `bundle` and its `protocol`, and has a method ``_on_<message>`` for each message that may
    come. Hosts call these in any thread, also while a cell is busy.

    Attributes
    ----------
    refused : Counter
        How often something that the browser sent was refused, by kind: messages, traits.
    """

    bundle: ClassVar[str]
    """The name of the built module and style sheet."""
    protocol: ClassVar[wire.Protocol]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        if "bundle" in cls.__dict__:
            # As text, not as Path: of a Path, anywidget keeps every widget for ever (its issue 929).
            cls._esm, cls._css = built(f"{cls.bundle}.js"), built(f"{cls.bundle}.css")
        super().__init_subclass__(**kwargs)

    def __init__(self, **traits: Any) -> None:
        self.refused: Counter[str] = Counter()
        self._closing = threading.Event()
        super().__init__(**traits)
        self.on_msg(self._receive)

    def post(self, message: Any, buffers: Sequence[bytes | memoryview] = ()) -> None:
        """Send a message of :mod:`spleeter_nb.widgets.wire` to all views; after `close` nothing is sent."""
        if not self._closing.is_set():
            self.send(wire.encode(message), list(buffers))

    def close(self) -> None:
        """End it: its views go, and nothing that it held is held any more; can be repeated."""
        self._closing.set()
        super().close()
        close_layout(self)

    def __del__(self) -> None:
        # One whose making failed at once has nothing that close() could end. What is closed is left alone: this may
        # run in any thread, in the middle of anything, also while that thread holds a lock that close() takes.
        if hasattr(self, "_closing") and not self._closing.is_set():
            super().__del__()

    def set_state(self, sync_data: Mapping[str, Any]) -> None:
        """Take over what the browser changed, unless a trait refuses it: then the browser is told the truth."""
        for name, value in sync_data.items():
            try:
                self._check_changeable(name)
                super().set_state({name: value})
            # What is nested too deeply cannot even be shown by the error that refuses it, and 10**400 be no float.
            except (traitlets.TraitError, SpleeterError, RecursionError, OverflowError) as error:
                self._refuse("trait", error)
                if name in self.keys:
                    self.send_state(name)

    def static_html(self) -> str:
        """Return what is shown where no kernel runs: HTML of tables and pictures, everything in it escaped."""
        return ""

    def static_png(self) -> bytes:
        """Return the picture that is shown where no HTML is; empty for none."""
        return b""

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        made = None if self._closing.is_set() else super()._repr_mimebundle_(**kwargs)
        if made is None:
            return None
        data, metadata = made
        if html := self.static_html():
            data["text/html"] = html
        if png := self.static_png():
            data["image/png"] = png
        return data, metadata

    def __repr__(self) -> str:
        # ipywidgets' own has every trait in it, and object's has an address: notebooks are compared as text.
        return f"{type(self).__name__}()"

    def _check_changeable(self, name: str) -> None:
        if self._closing.is_set():
            raise ValidationError("The widget is closed.", trait=name)
        # What the base has is looks and names of code; of that, ipywidgets even sets what is read-only.
        is_own = name in self.keys and not name.startswith("_") and name not in _OF_THE_BASE
        if not is_own or self.traits()[name].read_only:
            raise ValidationError(f"{name[:80]!r} is not for browsers to change.", trait=name[:80])

    def _handle_msg(self, message: dict[str, Any]) -> None:
        """Take any message of the comm; state comes without buffers, of which ipywidgets believes every path."""
        data = message["content"]["data"]
        data = data if isinstance(data, dict) else {}
        method = data.get("method")
        is_state = isinstance(data.get("state"), dict) and not data.get("buffer_paths")
        is_sound = (method == "update" and is_state) or (method == "custom" and "content" in data)
        if is_sound or method == "request_state":
            super()._handle_msg(message)
        else:
            self._refuse("message", f"it is malformed, of the method {str(method)[:40]!r}")

    def _receive(self, _widget: Any, content: object, buffers: Sequence[memoryview]) -> None:
        """Check one message and hand it on; what cannot be done is answered, and nothing that comes raises."""
        if self._closing.is_set():
            self._refuse("late", "the widget is closed")
            return
        request = content.get("id") if isinstance(content, dict) else None
        with self._answering(request if type(request) is int else None):
            message = wire.decode(content, self.protocol.to_kernel)
            getattr(self, f"_on_{wire.wire_name(type(message))}")(message, buffers)

    @contextlib.contextmanager
    def _answering(self, request: int | None) -> Iterator[None]:
        """Answer a request that fails inside, whatever the reason: who asked would wait for ever."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - see above
            self._refuse("message", error)
            if request is not None:
                self.post(wire.Failure(id=request, message=str(error), error=type(error).__name__))

    def _refuse(self, kind: str, why: object) -> None:
        self.refused[kind] += 1
        if self.refused.total() <= _REFUSALS_LOGGED:
            is_ours = isinstance(why, SpleeterError | traitlets.TraitError)
            trace = why if isinstance(why, Exception) and not is_ours else None
            _LOG.warning("%s refused a %s from the browser: %s", type(self).__name__, kind, why, exc_info=trace)

    def _send(self, msg: dict[str, Any], buffers: Sequence[bytes | memoryview] | None = None) -> None:
        """Send any message of the comm, which another thread may close between two looks at it."""
        comm = self.comm
        if comm is not None and getattr(comm, "kernel", True) is not None:
            comm.send(data=msg, buffers=buffers)


def close_layout(widget: Any) -> None:
    """End the layout of a closed widget: each has one of its own, which ipywidgets would keep, here and in browsers."""
    if widget.trait_has_value("layout") and widget.layout is not None:
        widget.layout.close()


def check_bare(buffers: Sequence[memoryview]) -> None:
    """Refuse buffers of a message that has none."""
    if buffers:
        raise ValidationError(f"This message has no buffers, and came with {len(buffers)}.")


class TraitValueError(ValidationError, traitlets.TraitError):
    """A trait cannot have that value."""


def validates(name: str) -> Callable[[Callable[[Any, Any], Any]], Any]:
    """Decorate what checks the values of a trait, as ``traitlets.validate`` does.

    Where changes come together, as from a browser, traitlets has set the trait before it is checked, and puts the old
    value back for no error but its own: what the check raises becomes a `TraitValueError`.
    """

    def decorate(check: Callable[[Any, Any], Any]) -> Any:
        @functools.wraps(check)
        def checked(widget: Any, proposal: Any) -> Any:
            try:
                return check(widget, proposal)
            except SpleeterError as error:
                raise TraitValueError(str(error), **error.context) from error

        return traitlets.validate(name)(checked)

    return decorate


@functools.cache
def built(name: str) -> str:
    """Return a file of the built front end.

    Raises
    ------
    MissingDependencyError
        If it was never built: a checkout that was not installed.
    """
    try:
        return (files("spleeter_nb") / "static" / name).read_text("utf-8")
    except FileNotFoundError as error:
        raise MissingDependencyError(
            f"The front end's {name} is missing: this is a checkout in which it was not built. Run "
            f"`pip install --editable .`, or `make widgets`.",
            name=name,
        ) from error
