"""Random draws that are the same on every machine, for the generators of the examples.

All that is drawn comes of additions, multiplications and divisions of one generator's numbers, which IEEE 754 and Python say to
the bit. The mathematical library's functions differ between machines, and Python's sum of floats between its versions.
"""

import csv
import os
import random


def total(values):
    """Their sum, added up from the left."""
    result = 0.0
    for value in values:
        result += value
    return result


class Draw:
    """What is drawn, from one generator."""

    def __init__(self, seed):
        self.uniform = random.Random(seed).random

    def normal(self):
        """Nearly normal: twelve uniform numbers, less their mean."""
        return total(self.uniform() for _ in range(12)) - 6

    def happens(self, probability):
        return self.uniform() < probability

    def whole(self, low, high):
        """A whole number from low to high."""
        return low + int(self.uniform() * (high - low + 1))

    def one(self, values, weights=None):
        if weights is None:
            return values[int(self.uniform() * len(values))]
        left = self.uniform() * total(weights)
        for value, weight in zip(values, weights):
            left -= weight
            if left < 0:
                return value
        return values[-1]


def exponential(x):
    """e to the x, by the limit that defines it: (1 + x / 4096) to the 4096."""
    result = 1 + x / 4096
    for _ in range(12):
        result *= result
    return result


def sigmoid(x):
    return 1 / (1 + exponential(-x))


def write(folder, name, header, rows):
    """Writes a table, and says how long it is."""
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
    print(f"{name}: {len(rows)} rows")
