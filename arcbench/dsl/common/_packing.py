"""The best choice of objects that share no cell."""


def best_disjoint(masks: list[int]) -> list[int]:
    """Choose objects, given as ints with a bit for each cell, that share none and cover the most.

    Among equally good choices it is that of a depth-first search which, object by object, first
    takes it and then leaves it, prefers taking if that is strictly better, and stops once
    everything is covered. Every choice on that search's way can still reach the best coverage, so
    the rule comes to this: if all cells can be covered, take the earliest objects that allow it;
    if not, leave the earliest objects that the best coverage can do without.
    """
    greedy = _take_earliest(masks)
    everything = _union(masks)
    if _union([masks[i] for i in greedy]) == everything:
        return greedy
    search = _Search(masks)
    candidates = (1 << len(masks)) - 1
    complete = search.best(candidates) == everything.bit_count()
    chosen = []
    for i in range(len(masks)):
        if not candidates >> i & 1:
            continue
        best = search.best(candidates)
        left = candidates & ~(1 << i)
        taken = left & ~search.neighbors[i]
        if complete:
            take = search.weights[i] + search.best(taken) == best
        else:
            take = search.best(left) < best
        if take:
            chosen.append(i)
        candidates = taken if take else left
    return chosen


def _take_earliest(masks: list[int]) -> list[int]:
    covered, chosen = 0, []
    for i, mask in enumerate(masks):
        if not covered & mask:
            covered |= mask
            chosen.append(i)
    return chosen


def _union(masks: list[int]) -> int:
    covered = 0
    for mask in masks:
        covered |= mask
    return covered


def _bits(value: int) -> list[int]:
    """The positions of the ones, ascending."""
    found = []
    while value:
        low = value & -value
        found.append(low.bit_length() - 1)
        value ^= low
    return found


class _Search:
    """Most cells that a set of objects (bits of an int) can cover without sharing one.

    A maximum-weight independent set: split into parts that don't touch, drop what a neighbour
    dominates, branch on the object with the most neighbours, remember every part's answer.
    """

    def __init__(self, masks: list[int]) -> None:
        self.weights = [mask.bit_count() for mask in masks]
        owners: dict[int, int] = {}  # cell → objects on it
        for i, mask in enumerate(masks):
            for cell in _bits(mask):
                owners[cell] = owners.get(cell, 0) | 1 << i
        self.neighbors = [0] * len(masks)
        for objects in owners.values():
            for i in _bits(objects):
                self.neighbors[i] |= objects & ~(1 << i)
        self._known: dict[int, int] = {0: 0}

    def best(self, candidates: int) -> int:
        """The coverage that the candidates can reach."""
        total = 0
        while candidates:
            part = self._part(candidates)
            candidates &= ~part
            if part not in self._known:
                self._known[part] = self._best_of_part(part)
            total += self._known[part]
        return total

    def _part(self, candidates: int) -> int:
        """The objects connected with the first candidate."""
        part = fresh = candidates & -candidates
        while fresh:
            near = 0
            for i in _bits(fresh):
                near |= self.neighbors[i]
            fresh = near & candidates & ~part
            part |= fresh
        return part

    def _best_of_part(self, part: int) -> int:
        reduced = self._without_dominated(part)
        if reduced != part:
            return self.best(reduced)
        members = _bits(part)
        if len(members) == 1:
            return self.weights[members[0]]
        pivot = max(members, key=lambda i: (self.neighbors[i] & part).bit_count())
        rest = part & ~(1 << pivot)
        return max(self.weights[pivot] + self.best(rest & ~self.neighbors[pivot]), self.best(rest))

    def _without_dominated(self, part: int) -> int:
        """Drop objects whose place another one can take at no loss."""
        for i in _bits(part):
            if not part >> i & 1:
                continue
            around = self.neighbors[i] & part
            closed = around | 1 << i
            for j in _bits(around):
                # Whatever excludes i excludes j too, and i covers at least as much.
                if self.weights[i] >= self.weights[j] and not closed & ~(
                    self.neighbors[j] & part | 1 << j
                ):
                    part &= ~(1 << j)
                    closed &= ~(1 << j)
        return part
