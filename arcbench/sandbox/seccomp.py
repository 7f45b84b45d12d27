"""System call filters, assembled here as classic BPF: what programs never need is refused.

The first filter is put on in the zygote and inherited. The second is put on in each child and
takes away what the zygote itself needs: making processes and sending signals. A refused call
fails with EPERM, which Python raises as PermissionError.
"""

import ctypes
import errno
import os
import struct
from collections.abc import Callable

# System call numbers: (x86-64, arm64); None where an architecture has no such call.
_NUMBERS: dict[str, tuple[int | None, int | None]] = {
    "open": (2, None), "openat": (257, 56), "openat2": (437, 437), "creat": (85, None),
    "clone": (56, 220), "clone3": (435, 435), "fork": (57, None), "vfork": (58, None),
    "kill": (62, 129), "tkill": (200, 130), "tgkill": (234, 131),
    "pidfd_send_signal": (424, 424), "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    # new programs and other processes
    "execve": (59, 221), "execveat": (322, 281), "ptrace": (101, 117),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "pidfd_getfd": (438, 438), "process_madvise": (440, 440), "setpriority": (141, 140),
    "sched_setaffinity": (203, 122), "sched_setscheduler": (144, 119), "setpgid": (109, 154),
    # the network
    "socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203), "bind": (49, 200),
    "listen": (50, 201), "accept": (43, 202), "accept4": (288, 242),
    # changes of the file system
    "truncate": (76, 45), "mkdir": (83, None), "mkdirat": (258, 34), "rmdir": (84, None),
    "unlink": (87, None), "unlinkat": (263, 35), "rename": (82, None), "renameat": (264, 38),
    "renameat2": (316, 276), "link": (86, None), "linkat": (265, 37), "symlink": (88, None),
    "symlinkat": (266, 36), "mknod": (133, None), "mknodat": (259, 33), "chmod": (90, None),
    "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452), "chown": (92, None),
    "lchown": (94, None), "fchown": (93, 55), "fchownat": (260, 54), "utime": (132, None),
    "utimes": (235, None), "utimensat": (280, 88), "setxattr": (188, 5), "lsetxattr": (189, 6),
    "fsetxattr": (190, 7), "removexattr": (197, 14), "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    # namespaces, mounts, the machine
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39),
    "pivot_root": (155, 41), "chroot": (161, 51), "move_mount": (429, 429), "fsopen": (430, 430),
    "fsmount": (432, 432), "open_tree": (428, 428), "mount_setattr": (442, 442),
    "reboot": (169, 142), "kexec_load": (246, 104), "init_module": (175, 105),
    "finit_module": (313, 273), "delete_module": (176, 106), "swapon": (167, 224),
    "sethostname": (170, 161), "settimeofday": (164, 170), "clock_settime": (227, 112),
    "syslog": (103, 116), "acct": (163, 89), "quotactl": (179, 60),
    # doors into the kernel that no program needs
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "personality": (135, 92), "memfd_create": (319, 279), "memfd_secret": (447, 447),
    "open_by_handle_at": (304, 265), "fanotify_init": (300, 262), "lookup_dcookie": (212, 18),
    "shmget": (29, 194), "semget": (64, 190), "msgget": (68, 186), "mq_open": (240, 180),
}  # fmt: skip

# Refused in the zygote already; the others above have rules of their own or are the child's.
_SPECIAL = frozenset(("open", "openat", "openat2", "clone", "clone3"))
_CHILD_ONLY = frozenset(
    (
        "fork", "vfork", "kill", "tkill", "tgkill", "pidfd_send_signal", "rt_sigqueueinfo",
        "rt_tgsigqueueinfo", "setpgid",
    )
)  # fmt: skip

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CLONE_THREAD = 0x10000
_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # column, audit number

# Classic BPF: opcodes and where struct seccomp_data has what is looked at.
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER_AT, _ARCH_AT, _ARGS_AT = 0, 4, 16
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_X32_BIT = 0x40000000

_PR_SET_SECCOMP, _MODE_FILTER = 22, 2


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def _op(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("<HBBI", code, if_true, if_false, value)


def _refuse(number: int | None, with_errno: int = errno.EPERM) -> bytes:
    """Refuse a call outright; expects the call's number to be loaded."""
    if number is None:
        return b""
    return _op(_EQUAL, number, 0, 1) + _op(_RETURN, _ERRNO | with_errno)


def _refuse_if(number: int | None, argument: int, bits: int, *, is_set: bool) -> bytes:
    """Refuse a call when any (or none) of `bits` is set in an argument."""
    if number is None:
        return b""
    refuse, allow = _op(_RETURN, _ERRNO | errno.EPERM), _op(_RETURN, _ALLOW)
    return b"".join(
        (
            _op(_EQUAL, number, 0, 4),
            _op(_LOAD, _ARGS_AT + 8 * argument),
            _op(_ANY_BIT, bits, 0, 1),
            refuse if is_set else allow,
            allow if is_set else refuse,
        )
    )


def zygote_filter(machine: str) -> bytes | None:
    """The filter that zygote and children share; None for a machine that is not known."""
    if machine not in _MACHINES:
        return None
    column, audit = _MACHINES[machine]
    number = {name: both[column] for name, both in _NUMBERS.items()}
    parts = [
        _op(_LOAD, _ARCH_AT),
        _op(_EQUAL, audit, 1, 0),
        _op(_RETURN, _KILL),
        _op(_LOAD, _NUMBER_AT),
    ]
    if machine == "x86_64":
        parts += [_op(_AT_LEAST, _X32_BIT, 0, 1), _op(_RETURN, _ERRNO | errno.EPERM)]
    parts += [_refuse(n) for s, n in number.items() if s not in _SPECIAL | _CHILD_ONLY]
    # Their arguments lie in memory, where a filter cannot look: glibc does without them.
    parts += [_refuse(number[name], errno.ENOSYS) for name in ("openat2", "clone3")]
    parts += [
        _refuse_if(number["open"], 1, _WRITES, is_set=True),
        _refuse_if(number["openat"], 2, _WRITES, is_set=True),
        _op(_RETURN, _ALLOW),
    ]
    return b"".join(parts)


def child_filter(machine: str) -> bytes | None:
    """The filter that each child adds: no processes (threads are allowed), no signals."""
    if machine not in _MACHINES:
        return None
    column, _ = _MACHINES[machine]
    number = {name: both[column] for name, both in _NUMBERS.items()}
    parts = [_op(_LOAD, _NUMBER_AT)]
    parts += [_refuse(number[name]) for name in sorted(_CHILD_ONLY)]
    parts += [
        _refuse_if(number["clone"], 0, _CLONE_THREAD, is_set=False),
        _op(_RETURN, _ALLOW),
    ]
    return b"".join(parts)


class Filter:
    """A filter in the form that the kernel takes."""

    def __init__(self, code: bytes) -> None:
        self._code = ctypes.create_string_buffer(code, len(code))
        self._program = _Program(len(code) // 8, ctypes.cast(self._code, ctypes.c_void_p))

    def install(self, prctl: Callable[..., int]) -> bool:
        """Put it on this process, for good; False if the kernel will not."""
        address = ctypes.addressof(self._program)
        return prctl(_PR_SET_SECCOMP, _MODE_FILTER, address, 0, 0) == 0
