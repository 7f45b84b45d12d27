# Reads the kernel's settings and log.
# expect: OK
# needs: isolation
def transform(grid):
    for path in ("/proc/sys/kernel/hostname", "/proc/kallsyms", "/proc/meminfo", "/sys/kernel/mm/ksm/run", "/sys/fs/cgroup/memory.max", "/proc/net/tcp"):
        try:
            open(path)
        except (PermissionError, FileNotFoundError):
            continue
        raise AssertionError(path)
    return grid
