"""The one exception tree of the package.

Every message says what was wrong, the value seen, the values allowed and one next step.
The command line exits with `exit_code` of the class: 2 usage, 3 bad input, 4 environment, 5 internal.
"""

from __future__ import annotations

from typing import Any

from videobert.base.printable import shown

_LONGEST_SHOWN = 200


class VideoBertError(Exception):
    """Base of every error this package raises on purpose.

    Args:
        what: what was wrong, as a sentence without a full stop.
        seen: the offending value, if there is one to show.
        allowed: the values or range that would have been accepted.
        fix: one next step for the reader.
        fix_cli: the same step where the command line calls it otherwise, such as `--device cpu` for `device="cpu"`.
    """

    exit_code = 5

    def __init__(
        self,
        what: str,
        *,
        seen: object = None,
        allowed: object = None,
        fix: str | None = None,
        fix_cli: str | None = None,
    ) -> None:
        self.what = what
        self.seen = seen
        self.allowed = allowed
        self.fix = fix
        self.fix_cli = fix_cli or fix
        super().__init__(self._message(fix))

    @property
    def for_cli(self) -> str:
        """The whole message as a command line's user reads it."""
        return self._message(self.fix_cli)

    def __reduce__(self) -> tuple[Any, ...]:
        # Python would call the class with the finished message, and that would become part of another.
        state = self.__dict__ | {name: _portable(getattr(self, name)) for name in ("seen", "allowed")}
        return _restored, (type(self), self.args, state)

    def _message(self, fix: str | None) -> str:
        parts = [self.what]
        if self.seen is not None:
            parts.append(f"got {shown(self.seen, _LONGEST_SHOWN)}")
        if self.allowed is not None:
            parts.append(f"allowed: {self.allowed}")
        text = "; ".join(parts) + "."
        return f"{text} {fix}" if fix else text


class InputError(VideoBertError):
    """A video, text or argument that the caller passed cannot be used."""

    exit_code = 3


class UsageError(InputError):
    """An argument, or several of them together, that would be wrong for any video, text and model."""

    exit_code = 2


class DecodeError(InputError):
    """A media file is damaged, empty or of a kind that is not accepted."""


class LimitExceeded(InputError):
    """An input is larger than one of the configured `Limits`."""


class ModelError(VideoBertError):
    """A model folder, checkpoint or codebook is missing something or damaged."""

    exit_code = 3


class MismatchError(ModelError):
    """Two parts that must have been made for each other were not."""


class UntrustedError(ModelError):
    """Compiled code that this user did not build, and that nobody vouched for."""


class EngineUnavailable(VideoBertError):
    """An engine, decoder or optional dependency cannot run on this machine."""

    exit_code = 4


class DeviceError(VideoBertError):
    """A GPU or its driver refused or failed a call; after a failure inside a kernel the process must be restarted."""

    exit_code = 4


class BuildError(VideoBertError):
    """An engine could not be built; `log` is the end of what the builder wrote."""

    exit_code = 4
    log: str = ""


class ObtainError(VideoBertError):
    """A model could not be obtained: no pip, no way to its index, no room, a folder that cannot be written to."""

    exit_code = 4


class Cancelled(VideoBertError):
    """The caller asked for the work to stop."""

    exit_code = 130


def _restored(kind: type[VideoBertError], args: tuple[Any, ...], state: dict[str, Any]) -> VideoBertError:
    """The error that `__reduce__` took apart, in another process or as a copy."""
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


def _portable(value: object) -> object:
    """The value itself if it surely goes to another process, else how it is shown: a caller may pass anything."""
    kind = type(value)
    if isinstance(value, (list, tuple)) and kind in (list, tuple):
        return kind(_portable(item) for item in value)
    plain = kind in (str, bytes, int, float, complex, bool, type(None), range)
    sound = kind.__module__ in ("pathlib", "pathlib._local", "fractions", "numpy")
    holds_objects = getattr(getattr(value, "dtype", None), "hasobject", False)
    return value if plain or (sound and not holds_objects) else repr(value)
