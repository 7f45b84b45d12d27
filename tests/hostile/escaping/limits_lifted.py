# Lifts its own limits beyond what it was given.
# expect: OK
import resource

def transform(grid):
    for kind in (resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE, resource.RLIMIT_CORE):
        hard = resource.getrlimit(kind)[1]
        assert hard != resource.RLIM_INFINITY, kind
        for wanted in (hard + 1, resource.RLIM_INFINITY):
            try:
                resource.setrlimit(kind, (wanted, wanted))
            except (PermissionError, ValueError):
                continue
            raise AssertionError(kind)
    return grid
