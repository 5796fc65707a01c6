"""Chooses the source of each sample by weights, without randomness.

Of two sources, the heavier one gives `round(i * w)` of the first `i` samples. More sources are
combined pair by pair, the two lightest first. The counts at any sample follow from one division per
pair, so the source of any sample can be computed directly.
"""

import heapq
import math

import numpy as np

from .errors import ShardError

WEIGHT_SUM_MAX = 1 << 31
_SCALE = 1 << 30


def weights_from_fractions(fractions):
    """Returns whole weights for a mixture given as fractions, which need not sum to one."""
    total = 0.0
    # Not `sum`: since Python 3.12 it rounds differently, and the weights must equal Rust's.
    for fraction in fractions:
        total += float(fraction)
    if not math.isfinite(total) or total <= 0 or any(not f >= 0 for f in fractions):
        raise ShardError(f"weights must be zero or more, and not all zero; they are {fractions}")
    scaled = [float(fraction) / total * _SCALE for fraction in fractions]
    return [max(1, math.floor(weight + 0.5)) if weight else 0 for weight in scaled]


class Mixture:
    """A mixture in which source `s` has the whole weight `weights[s]`."""

    def __init__(self, weights):
        weights = [int(weight) for weight in weights]
        if min(weights, default=0) < 0 or not 1 <= sum(weights) <= WEIGHT_SUM_MAX:
            raise ShardError(f"weights must sum to at least 1 and at most {WEIGHT_SUM_MAX}")
        self.n_sources = len(weights)
        # A source is its number. A pair is (left, right, weight of the left, total weight).
        parts = [(weight, source, source) for source, weight in enumerate(weights) if weight]
        heapq.heapify(parts)
        made = len(weights)
        while len(parts) > 1:
            light, _, right = heapq.heappop(parts)
            heavy, _, left = heapq.heappop(parts)
            heapq.heappush(parts, (light + heavy, made, (left, right, heavy, light + heavy)))
            made += 1
        self._top = parts[0][2]

    def samples(self, first, count):
        """Returns the sources of `count` samples from `first` on, and for each sample the number of
        earlier samples of its source."""
        sources = np.empty(count, np.int64)
        before = np.empty(count, np.uint64)
        places = np.arange(count)
        open_parts = [(self._top, places, places.astype(np.uint64) + np.uint64(first))]
        while open_parts:
            part, places, samples = open_parts.pop()
            if isinstance(part, int):
                sources[places], before[places] = part, samples
                continue
            left, right = part[:2]
            counts = _left_count(part, samples)
            goes_left = _left_count(part, samples + np.uint64(1)) > counts
            open_parts.append((left, places[goes_left], counts[goes_left]))
            goes_right = ~goes_left
            open_parts.append((right, places[goes_right], (samples - counts)[goes_right]))
        return sources, before

    def counts(self, samples):
        """Returns how many of the first `samples` samples each source gives."""
        counts = [0] * self.n_sources
        open_parts = [(self._top, int(samples))]
        while open_parts:
            part, samples = open_parts.pop()
            if isinstance(part, int):
                counts[part] = samples
                continue
            _, _, heavy, weight = part
            whole, rest = divmod(samples, weight)
            left = whole * heavy + (2 * rest * heavy + weight) // (2 * weight)
            open_parts += [(part[0], left), (part[1], samples - left)]
        return counts


def _left_count(part, samples):
    heavy, weight = np.uint64(part[2]), np.uint64(part[3])
    two = np.uint64(2)
    whole, rest = samples // weight, samples % weight
    return whole * heavy + (two * rest * heavy + weight) // (two * weight)
