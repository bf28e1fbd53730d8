"""Runs code and tells of every process it starts, every socket it opens and every place that it writes to.

    watched_child.py CODE FOLDER…

Python's own calls are told by an audit hook, one line of stdout each: `told: EVENT ARGUMENTS`. Writing below one of the
folders is not told. Native code is held by the kernel: a process, or a socket that may lead out, ends this one with
SIGSYS.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
from typing import Any

_PROCESSES = (
    "os.fork",
    "os.forkpty",
    "os.posix_spawn",
    "os.exec",
    "os.system",
    "os.startfile",
    "subprocess.Popen",
    "pty.",
)
_NETWORK = ("socket.", "http.", "urllib.", "ssl.")
# For each event that changes the file system, which of its arguments are paths.
_CHANGES = {
    "os.mkdir": (0,),
    "os.rename": (0, 1),
    "os.remove": (0,),
    "os.rmdir": (0,),
    "os.link": (1,),
    "os.symlink": (1,),
    "os.truncate": (0,),
    "os.chmod": (0,),
    "os.chown": (0,),
    "os.utime": (0,),
    "os.setxattr": (0,),
    "shutil.rmtree": (0,),
    "sqlite3.connect": (0,),
}
# Their second argument is the folder that the first is relative to, or -1.
_IN_AN_OPEN_FOLDER = ("os.remove", "os.rmdir")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def watch(folders: tuple[str, ...]) -> None:
    """Install the hook; it cannot be taken out again."""
    roots = tuple(os.path.realpath(folder) for folder in folders)

    def ours(path: Any) -> bool:
        if isinstance(path, int):  # a descriptor: told when it was opened
            return True
        place = os.path.realpath(os.fsdecode(path))
        return place == os.devnull or any(os.path.commonpath((place, root)) == root for root in roots)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _IN_AN_OPEN_FOLDER and arguments[1] >= 0:
            arguments = (os.path.join(os.readlink(f"/proc/self/fd/{arguments[1]}"), os.fsdecode(arguments[0])),)
        told = event.startswith(_PROCESSES) or event.startswith(_NETWORK)
        if event == "open":
            path, _, flags = arguments
            told = bool(flags & _WRITING) and not ours(path)
        elif event == "os.mkdir" and any(root.startswith(os.path.realpath(arguments[0]) + "/") for root in roots):
            told = False  # on the way to one of the folders
        elif event in _CHANGES:
            told = not all(ours(arguments[place]) for place in _CHANGES[event])
        if told:
            os.write(1, f"told: {event} {arguments!r:.300}\n".encode())

    sys.addaudithook(hook)


# For each system call that is watched: its number, and the actions for it. x86-64 alone: the numbers differ elsewhere.
_X86_64 = 0xC000003E
_CLONE_THREAD, _SAME_MACHINE = 0x10000, 1
_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_ALLOW, _KILL, _NO_SUCH_CALL = 0x7FFF0000, 0x80000000, 0x00050026
_SOCKET, _CLONE, _FORK, _VFORK, _EXECVE, _EXECVEAT, _CLONE3 = 41, 56, 57, 58, 59, 322, 435


def _program() -> list[tuple[int, int, int, int]]:
    """What the kernel runs before each system call: instructions (code, skip if true, skip if false, value)."""
    number, architecture, first_argument = 0, 4, 16
    killed = [_FORK, _VFORK, _EXECVE, _EXECVEAT]
    return [
        (_LOAD, 0, 0, architecture),
        (_EQUAL, 1, 0, _X86_64),
        (_RETURN, 0, 0, _ALLOW),
        (_LOAD, 0, 0, number),
        # Its flags lie in memory, where no filter reads: the C library then starts its threads with clone.
        (_EQUAL, 0, 1, _CLONE3),
        (_RETURN, 0, 0, _NO_SUCH_CALL),
        *(step for call in killed for step in ((_EQUAL, 0, 1, call), (_RETURN, 0, 0, _KILL))),
        (_EQUAL, 0, 3, _CLONE),
        (_LOAD, 0, 0, first_argument),
        (_ANY_BIT, 5, 0, _CLONE_THREAD),
        (_RETURN, 0, 0, _KILL),
        # One of the same machine is how the C library asks for a user's name.
        (_EQUAL, 0, 3, _SOCKET),
        (_LOAD, 0, 0, first_argument),
        (_EQUAL, 1, 0, _SAME_MACHINE),
        (_RETURN, 0, 0, _KILL),
        (_RETURN, 0, 0, _ALLOW),
    ]


def hold() -> bool:
    """Have the kernel end this process where it starts another or opens a socket; False where it cannot."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return False
    steps = _program()
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    filters = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(steps), ctypes.addressof(code)))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    set_no_new_privileges, set_seccomp, mode_filter = 38, 22, 2
    return not prctl(set_no_new_privileges, 1, 0, 0, 0) and not prctl(set_seccomp, mode_filter, filters, 0, 0)


if __name__ == "__main__":
    watch(tuple(sys.argv[2:]))
    print(f"held: {hold()}", flush=True)
    exec(compile(sys.argv[1], "<watched>", "exec"), {"__name__": "__main__"})
