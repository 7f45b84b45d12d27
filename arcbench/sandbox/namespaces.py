"""Namespaces: a zygote with its own processes, files, network and shared memory.

`launch` is called before anything is loaded. The process that was started stays behind as the
*launcher*, which only waits, and the zygote goes on as process 1 of its own namespaces: it sees no
process but its own, no file but those of `readable`, all read-only, and no network. When it ends,
the kernel kills all that it left; it dies with its launcher.
"""

# ruff: noqa: PTH101, PTH102, PTH103, PTH106, PTH112, PTH114, PTH115
# ruff: noqa: PTH118, PTH120, PTH123, PTH208, PTH211
# (a zygote does not load pathlib)

import ctypes
import errno
import os
import select
import signal

from arcbench.sandbox import clone, readable

NETWORK = "private network"
FILES = "files hidden (mount namespace)"
PROCESSES = "processes hidden (pid namespace)"

_NEWNS, _NEWCGROUP, _NEWUTS, _NEWIPC = 0x00020000, 0x02000000, 0x04000000, 0x08000000
_NEWUSER, _NEWPID, _NEWNET = 0x10000000, 0x20000000, 0x40000000

LAYERS = (NETWORK, FILES, PROCESSES)
# From most to least; the layer named is what the next wish does without.
_KERNEL = _NEWNET | _NEWIPC | _NEWUTS | _NEWCGROUP
_WISHES = (
    (_KERNEL | _NEWNS | _NEWPID, PROCESSES),
    (_KERNEL | _NEWNS, FILES),
    (_NEWNET | _NEWIPC, NETWORK),
)

_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_MOUNT_SETATTR = 442
_PR_SET_PDEATHSIG = 1
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_BIND = 0x2, 0x4, 0x8, 0x1000
_MS_REC, _MS_PRIVATE = 0x4000, 0x40000
_MNT_DETACH = 2
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_ATTR_RDONLY, _ATTR_NOSUID = 0x1, 0x2

_SWITCHES = (  # of the machine, with the value that forbids user namespaces
    ("/proc/sys/user/max_user_namespaces", "0"),
    ("/proc/sys/kernel/unprivileged_userns_clone", "0"),
    ("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1"),
)

_STAGE = "/tmp"  # where the new root is put together
_OLD = "/.old"  # where the old one is meanwhile
EMPTY = "/.empty"  # in the new root, where programs work
_SECRET = "/.secret"  # in the new root, what stands for hidden packages
_MAX_DOORS = 1000
_USER, _GROUP = os.geteuid(), os.getegid()
_MACHINE = os.uname().machine
_libc = ctypes.PyDLL(None, use_errno=True)
_libc.prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4
_libc.syscall.restype = ctypes.c_long
_libc.mount.argtypes = [ctypes.c_char_p] * 3 + [ctypes.c_ulong, ctypes.c_char_p]


def launch() -> dict[str, str]:
    """Go on in new namespaces; for each of `LAYERS` why it is off ("" if it is on).

    Returns in the process that is to become the zygote, which is this one if none can be had.
    """
    off = dict.fromkeys(LAYERS, "")
    if _MACHINE not in clone.NUMBERS:
        return dict.fromkeys(LAYERS, f"arcbench does not know how on {_MACHINE}")
    for flags, layer in _WISHES:
        # Without a user namespace first, which is what a superuser can have.
        for user in (0, _NEWUSER):
            problem = _attempt(flags | user)
            if problem is None:
                return {**off, layer: ""}
            off[layer] = problem
    return off


def _attempt(flags: int) -> str | None:
    """None in the zygote, in a launcher that failed the reason; it never returns in another."""
    alive, held = os.pipe()  # open at the launcher's end for as long as that lives
    said, say = os.pipe()
    pid = _clone(flags)
    if pid == 0:
        os.close(held)
        os.close(said)
        try:
            _set_up(flags, alive)
        except OSError as error:
            os.write(say, _explain(error).encode())
            os._exit(1)
        os.close(say)
        return None
    problem = _explain(OSError(ctypes.get_errno(), "clone")) if pid < 0 else ""
    os.close(alive)
    os.close(say)
    if pid > 0:
        problem = os.read(said, 4096).decode()
        if not problem:
            os.closerange(0, held)  # of the zygote's sockets the launcher keeps none
            status = os.waitpid(pid, 0)[1]
            os._exit(os.waitstatus_to_exitcode(status) & 0x7F)
        os.waitpid(pid, 0)
    os.close(held)
    os.close(said)
    return problem


def _clone(flags: int) -> int:
    """Fork into new namespaces: what `fork` returns, or -1 with errno set."""
    return int(_libc.syscall(*clone.arguments(flags, ctypes.c_ulong(0))))


def _set_up(flags: int, alive: int) -> None:
    """In the new process: die with the launcher, be the same user, make the root."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    ended = select.poll()
    ended.register(alive, 0)
    if ended.poll(0):  # before it could be asked for
        os._exit(1)
    os.close(alive)
    if flags & _NEWUSER:
        for name, line in (
            ("setgroups", "deny"),
            ("uid_map", f"{_USER} {_USER} 1"),
            ("gid_map", f"{_GROUP} {_GROUP} 1"),
        ):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
                file.write(line)
    if flags & _NEWNS:
        _make_root(own_processes=bool(flags & _NEWPID))


def _make_root(*, own_processes: bool) -> None:
    """Make a root that holds what may be read and nothing else, read-only.

    `/proc` is there until `hide_proc` is called.
    """
    # Sorted by what they really are: a folder comes before what lies beneath it.
    wanted = sorted(readable.paths(), key=os.path.realpath)
    secrets = sorted(readable.hidden())
    _mount("", "/", "", _MS_REC | _MS_PRIVATE)
    _mount("tmpfs", _STAGE, "tmpfs", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC, "mode=755,size=1m")
    os.mkdir(_STAGE + _OLD)
    os.chdir(_STAGE)
    _check(_libc.syscall(ctypes.c_long(_PIVOT_ROOT[_MACHINE]), b".", _OLD[1:].encode()), "pivot")
    os.chdir("/")
    os.mkdir(EMPTY)
    os.mkdir(_SECRET)
    os.close(os.open(f"{_SECRET}/__init__.py", os.O_CREAT | os.O_WRONLY, 0))
    bound: list[str] = []
    made = ["/"]
    for path in wanted:
        _plant(path, bound, made)
    for path in secrets:
        over = _SECRET if os.path.isdir(path) else f"{_SECRET}/__init__.py"
        _mount(over, path, "", _MS_BIND)
    for folder in made:
        _close_doors(folder)
    if own_processes:
        _mount("proc", "/proc", "proc", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC)
    else:
        _mount(f"{_OLD}/proc", "/proc", "", _MS_BIND | _MS_REC)
    _check(_libc.umount2(_OLD.encode(), _MNT_DETACH), "umount")
    os.rmdir(_OLD)
    attributes = (ctypes.c_uint64 * 4)(_ATTR_RDONLY | _ATTR_NOSUID)
    _check(
        _libc.syscall(
            ctypes.c_long(_MOUNT_SETATTR), _AT_FDCWD, b"/", _AT_RECURSIVE, attributes,
            ctypes.c_size_t(32),
        ),
        "mount_setattr",
    )  # fmt: skip
    os.chdir(EMPTY)


def _close_doors(folder: str) -> None:
    """Let what else lies in a folder be there, closed: opening it is forbidden, not a surprise."""
    try:
        names = os.listdir(_OLD + folder)
    except PermissionError:
        return
    for name in names[:_MAX_DOORS]:
        path = os.path.join(folder, name)
        if not os.path.lexists(path):
            os.mkdir(path, 0)
    os.chmod(folder, 0o111)


def hide_proc() -> None:
    """Take `/proc` away from a root that `launch` made; descriptors into it go on working."""
    _check(_libc.umount2(b"/proc", _MNT_DETACH), "umount")


def _plant(path: str, bound: list[str], made: list[str]) -> None:
    """Show `path` of the old root in the new one; notes what was bound and the folders made."""
    at = ""
    parts = path.strip("/").split("/")
    while parts:
        at = f"{at}/{parts.pop(0)}"
        shown = any(at == one or at.startswith(one + "/") for one in bound)
        old = _OLD + at
        if os.path.islink(old):
            target = os.readlink(old)
            if not shown and not os.path.lexists(at):
                os.symlink(target, at)
            target = os.path.normpath(os.path.join(os.path.dirname(at), target))
            at, parts = "", [*target.strip("/").split("/"), *parts]
        elif shown:
            continue
        elif parts:
            if not os.path.isdir(at):
                os.mkdir(at)
                made.append(at)
        else:
            if os.path.isdir(old):
                os.makedirs(at, exist_ok=True)
            else:
                os.close(os.open(at, os.O_CREAT | os.O_WRONLY, 0o444))
            _mount(old, at, "", _MS_BIND | _MS_REC)
            bound.append(at)


def _mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    arguments = (text.encode() or None for text in (source, target, kind))
    _check(_libc.mount(*arguments, flags, data.encode() or None), f"mount {target}")


def _check(result: int, what: str) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), what)


def _explain(error: OSError) -> str:
    """What was refused, and what could be done about it."""
    what = f"{error.strerror or 'failed'}: {os.strerror(error.errno or 0)}"
    if error.filename:
        what = f"{error.filename}: {os.strerror(error.errno or 0)}"
    if error.errno == errno.ENOSYS:
        return f"{what}: needs Linux 5.12"
    if error.strerror == "mount /proc":
        return f"{what}: a container allows it with --security-opt systempaths=unconfined"
    for path, value in _SWITCHES:
        try:
            with open(path, encoding="ascii") as file:
                if file.read().strip() == value:
                    return f"{what}: {path} is {value}"
        except OSError:  # this kernel has no such switch
            continue
    return f"{what}: a container allows it with --cap-add SYS_ADMIN or a wider seccomp profile"
