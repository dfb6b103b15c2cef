"""The magics, and what ``%config`` sets for them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, line_cell_magic, magics_class, needs_local_scope, no_var_expand
from traitlets import HasTraits, TraitError, TraitType

from spleeter_nb.config import SpleeterConfig
from spleeter_nb.engine.loaded import model_manager
from spleeter_nb.engine.options import parse_options
from spleeter_nb.exceptions import SpleeterError, ValidationError
from spleeter_nb.magics.line import LineError, parse, resolve
from spleeter_nb.magics.options import DEFAULT_MODEL, SEPARATION, explained, help_text, with_default
from spleeter_nb.magics.run import flattened, save_stem_files, separate_all, separate_source
from spleeter_nb.widgets.displays import show_spectrograms

if TYPE_CHECKING:
    from collections.abc import Callable

    from spleeter_nb.engine.result import SeparationResult


class SessionDefault(TraitType[Any, Any]):
    """What a session says when a call does not; None says nothing, and leaves it to the layers below.

    Parameters
    ----------
    check : callable
        Takes name and value; returns the value, or raises a `SpleeterError` that says what is allowed.
    explanation : str
        For ``%config SeparateMagics``.
    """

    def __init__(self, check: Callable[[str, Any], Any], explanation: str) -> None:
        super().__init__(default_value=None, allow_none=True, help=explanation)
        self._check = check

    def validate(self, obj: HasTraits, value: Any) -> Any:
        """Refuse what the engine would refuse, in its words."""
        del obj  # a default is checked by itself: together they are, when a call uses them
        try:
            return self._check(str(self.name), value)
        except SpleeterError as error:
            raise TraitError(str(error)) from error


def _checked_model(name: str, value: Any) -> Any:
    del name
    model_manager(SpleeterConfig()).spec(value)
    return value


def _checked_option(name: str, value: Any) -> Any:
    return getattr(parse_options({name: value}), name)


def _checked_switch(name: str, value: Any) -> Any:
    if not isinstance(value, bool):
        raise ValidationError(f"{name} is {value!r}; allowed: True, False.", option=name, value=value)
    return value


_CHECKS = {"model": _checked_model, "spectrograms": _checked_switch}


def _checked_setting(name: str, value: Any) -> Any:
    return getattr(SpleeterConfig.layered({name: value}), name)


def _session_defaults() -> dict[str, SessionDefault]:
    """Make a trait of each option that makes sense for a whole session, and of each setting."""
    traits = {
        option.name: SessionDefault(_CHECKS.get(option.name, _checked_option), explained(option))
        for option in SEPARATION
    }
    traits |= {
        name: SessionDefault(
            _checked_setting,
            with_default((field.description or "").removesuffix("."), field.get_default(call_default_factory=True)),
        )
        for name, field in SpleeterConfig.model_fields.items()
    }
    return {name: trait.tag(config=True) for name, trait in traits.items()}


@magics_class
class SeparateMagics(Magics):
    """Separation as a command of the notebook: ``%separate`` and ``%%separate``."""

    shell: Any  # a magic that runs has one

    # In a class body, what is put into locals() becomes attributes (PEP 667).
    locals().update(_session_defaults())

    @no_var_expand
    @needs_local_scope
    @line_cell_magic
    def separate(self, line: str, cell: str | None = None, local_ns: dict[str, Any] | None = None) -> Any:
        """Separate songs into stems; the table of options makes a longer text of this."""
        names = {**self.shell.user_ns, **(local_ns or {})}
        try:
            return self._separate(line, cell, names)
        except SpleeterError as error:
            # IPython asks the exception how to be shown: what went wrong is in its one sentence.
            shown = f"{type(error).__name__}: {error}"
            vars(error)["_render_traceback_"] = lambda: [shown]
            raise

    def _separate(self, line: str, cell: str | None, names: dict[str, Any]) -> Any:
        command = parse(line, names)
        options = command.options
        var, quiet = options.pop("var", None), options.pop("quiet", False)
        stem_files = options.pop("stem_mp4", False)
        if quiet:
            options["progress"] = False
        given = {**self._session(), **options}
        if stem_files and not given.get("output_dir"):
            raise LineError("A stem file lies beside the stems: say where with -o, or call result.save_stem_mp4(path).")
        shows = given.get("spectrograms") and not quiet
        outcome = self._outcome(command.sources, cell, names, options)
        results = outcome if isinstance(outcome, list) else [outcome]
        errors = [result for result in results if isinstance(result, SpleeterError)]
        if stem_files:
            errors += save_stem_files(results, given)
        has_failed = bool(errors) and len(errors) == len(results)
        for error in errors[:-1] if has_failed else errors:
            _show(error)
        if var:
            self.shell.push({var: outcome})
        if has_failed:
            raise errors[-1]
        if shows:
            self._show_below([result for result in results if not isinstance(result, SpleeterError)])
        if quiet:
            self._keep_from_display(outcome)
        return outcome

    def _keep_from_display(self, outcome: object) -> None:
        """Let a cell that ends in this value show nothing; other values are shown, and this can be assigned."""
        show = sys.displayhook
        # The shell puts its own hook back when the cell has ended.
        if self.shell.display_trap.is_active:
            sys.displayhook = lambda value: None if value is outcome else show(value)

    def _session(self) -> dict[str, Any]:
        return {name: value for name, value in self.trait_values(config=True).items() if value is not None}

    def _show_below(self, results: list[SeparationResult]) -> None:
        """Show spectrograms when the cell has ended, below what it displays itself."""

        def show() -> None:
            self.shell.events.unregister("post_execute", show)
            for result in results:
                show_spectrograms(result)

        self.shell.events.register("post_execute", show)

    def _outcome(
        self, words: list[str], cell: str | None, names: dict[str, Any], options: dict[str, Any]
    ) -> SeparationResult | list[SeparationResult | SpleeterError]:
        session = self._session()
        config = SpleeterConfig.layered(_only(session, settings=True), **_only(options, settings=True))
        call = {"model": DEFAULT_MODEL, "recursive": False, **_only({**session, **options}, settings=False)}
        call.pop("spectrograms", None)
        if cell is not None:
            if words:
                raise LineError(f"The sources of %%separate stand below it, one a line: move {words[0]!r} there.")
            words = _lines(cell)
        elif not words:
            raise LineError("Say what to separate, as in %separate song.mp3; %separate? shows more.")
        elif len(words) > 1 and Path(" ".join(words)).exists():
            raise LineError(f'Paths with blanks need quotes, as in %separate "{" ".join(words)}".')
        sources = [resolve(word, names) for word in words]
        if cell is None and len(sources) == 1:
            return separate_source(config, sources[0], **call)
        return separate_all(config, flattened(sources), **call)


SeparateMagics.separate.__doc__ = help_text()


def _only(given: dict[str, Any], *, settings: bool) -> dict[str, Any]:
    """Leave of what was given the settings, or all that is none."""
    return {name: value for name, value in given.items() if (name in SpleeterConfig.model_fields) == settings}


def _lines(cell: str) -> list[str]:
    lines = (line.strip() for line in cell.splitlines())
    return [_unquoted(line) for line in lines if line and not line.startswith("#")]


def _unquoted(line: str) -> str:
    return line[1:-1] if len(line) > 1 and line[0] == line[-1] and line[0] in "\"'" else line


def _show(error: SpleeterError) -> None:
    song = error.context.get("song")
    sys.stderr.write(f"{song}: {error}\n" if song else f"{error}\n")
