"""System call filters, assembled here as classic BPF: what programs never need is refused.

The first filter is put on in the zygote and inherited. The second is put on in each child and
takes away what the zygote itself needs: making processes and sending signals. A refused call
fails with EPERM, which Python raises as PermissionError.

They list what is denied, not what is allowed: files, network and other processes have walls of
their own, and a call that an allow-list forgot, made by some C library or package, would cost an
honest program its reward. Calls newer than the list do not exist for programs.
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
    "pidfd_open": (434, 434), "setpgid": (109, 154), "prctl": (157, 167),
    "prlimit64": (302, 261), "ioctl": (16, 29), "fcntl": (72, 25),
    # new programs and other processes
    "execve": (59, 221), "execveat": (322, 281), "ptrace": (101, 117),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "pidfd_getfd": (438, 438), "process_madvise": (440, 440), "process_mrelease": (448, 448),
    "setpriority": (141, 140), "ioprio_set": (251, 30), "sched_setaffinity": (203, 122),
    "sched_setparam": (142, 118), "sched_setscheduler": (144, 119), "sched_setattr": (314, 274),
    "migrate_pages": (256, 238), "move_pages": (279, 239),
    # the network
    "socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203), "bind": (49, 200),
    "listen": (50, 201), "accept": (43, 202), "accept4": (288, 242),
    # messages and memory that outlive a process
    "shmget": (29, 194), "shmat": (30, 196), "shmctl": (31, 195), "semget": (64, 190),
    "semop": (65, 193), "semctl": (66, 191), "semtimedop": (220, 192), "msgget": (68, 186),
    "msgsnd": (69, 189), "msgrcv": (70, 188), "msgctl": (71, 187), "mq_open": (240, 180),
    "mq_unlink": (241, 181), "memfd_create": (319, 279), "memfd_secret": (447, 447),
    # changes of the file system, and watching or stalling it
    "truncate": (76, 45), "mkdir": (83, None), "mkdirat": (258, 34), "rmdir": (84, None),
    "unlink": (87, None), "unlinkat": (263, 35), "rename": (82, None), "renameat": (264, 38),
    "renameat2": (316, 276), "link": (86, None), "linkat": (265, 37), "symlink": (88, None),
    "symlinkat": (266, 36), "mknod": (133, None), "mknodat": (259, 33), "chmod": (90, None),
    "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452), "chown": (92, None),
    "lchown": (94, None), "fchown": (93, 55), "fchownat": (260, 54), "utime": (132, None),
    "utimes": (235, None), "futimesat": (261, None), "utimensat": (280, 88),
    "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7), "removexattr": (197, 14),
    "lremovexattr": (198, 15), "fremovexattr": (199, 16), "sync": (162, 81), "syncfs": (306, 267),
    "inotify_init": (253, None), "inotify_init1": (294, 26), "inotify_add_watch": (254, 27),
    "fanotify_init": (300, 262), "fanotify_mark": (301, 263), "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265), "quotactl": (179, 60), "quotactl_fd": (443, 443),
    # namespaces, mounts, the machine
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39),
    "pivot_root": (155, 41), "chroot": (161, 51), "move_mount": (429, 429), "fsopen": (430, 430),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433), "open_tree": (428, 428),
    "mount_setattr": (442, 442), "statmount": (457, 457), "listmount": (458, 458),
    "reboot": (169, 142), "kexec_load": (246, 104), "kexec_file_load": (320, 294),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "swapon": (167, 224), "swapoff": (168, 225), "sethostname": (170, 161),
    "setdomainname": (171, 162), "settimeofday": (164, 170), "clock_settime": (227, 112),
    "adjtimex": (159, 171), "clock_adjtime": (305, 266), "syslog": (103, 116), "acct": (163, 89),
    "vhangup": (153, 58), "iopl": (172, None), "ioperm": (173, None), "modify_ldt": (154, None),
    # doors into the kernel that no program needs
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "io_setup": (206, 0), "io_submit": (209, 2), "splice": (275, 76), "tee": (276, 77),
    "vmsplice": (278, 75), "personality": (135, 92), "lookup_dcookie": (212, 18),
    "seccomp": (317, 277),
}  # fmt: skip

_NEWEST = 463  # calls from here on are not known here: "no such call", which libraries expect

# Refused in the zygote already; the others above have rules of their own or are the child's.
_SPECIAL = frozenset(
    ("open", "openat", "openat2", "clone", "clone3", "prctl", "prlimit64", "ioctl", "fcntl")
)
_CHILD_ONLY = frozenset(
    (
        "fork", "vfork", "kill", "tkill", "tgkill", "pidfd_send_signal", "rt_sigqueueinfo",
        "rt_tgsigqueueinfo", "setpgid", "pidfd_open",
    )
)  # fmt: skip

# Requests of ioctl that type into a terminal or have signals sent, of fcntl that have signals
# sent or watch files, of prctl that undo the death with the zygote.
_IOCTLS = (0x5412, 0x541C, 0x8901, 0x8902, 0x5452)  # TIOCSTI, TIOCLINUX, FIOSETOWN, SIOCSPGRP, …
_FCNTLS = (8, 10, 15, 1024, 1026)  # F_SETOWN, F_SETSIG, F_SETOWN_EX, F_SETLEASE, F_NOTIFY
_PRCTLS = (1, 4, 36)  # PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER
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


def _refuse_values(number: int | None, argument: int, values: tuple[int, ...]) -> bytes:
    """Refuse a call when an argument has one of `values`."""
    if number is None:
        return b""
    tests = [_op(_EQUAL, value, len(values) - i, 0) for i, value in enumerate(values)]
    return b"".join(
        (
            _op(_EQUAL, number, 0, len(values) + 3),
            _op(_LOAD, _ARGS_AT + 8 * argument),
            *tests,
            _op(_RETURN, _ALLOW),
            _op(_RETURN, _ERRNO | errno.EPERM),
        )
    )


def zygote_filter(machine: str, *, refuse_writing: bool) -> bytes | None:
    """The filter that zygote and children share; None for a machine that is not known.

    `refuse_writing` is for where nothing else keeps files from being written: a filter does not
    see which file is opened, so that it refuses the null device, too.
    """
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
    parts += [_op(_AT_LEAST, _NEWEST, 0, 1), _op(_RETURN, _ERRNO | errno.ENOSYS)]
    parts += [_refuse(n) for s, n in number.items() if s not in _SPECIAL | _CHILD_ONLY]
    # Their arguments lie in memory, where a filter cannot look: glibc does without them.
    parts += [_refuse(number[name], errno.ENOSYS) for name in ("openat2", "clone3")]
    if refuse_writing:
        parts += [
            _refuse_if(number["open"], 1, _WRITES, is_set=True),
            _refuse_if(number["openat"], 2, _WRITES, is_set=True),
        ]
    parts += [
        _refuse_if(number["prlimit64"], 0, 0xFFFFFFFF, is_set=True),  # of another process
        _refuse_values(number["ioctl"], 1, _IOCTLS),
        _refuse_values(number["fcntl"], 1, _FCNTLS),
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
        _refuse_values(number["prctl"], 0, _PRCTLS),
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
