"""The engine's random numbers, for goldens of what it draws."""

import math

MASK = (1 << 64) - 1


class Generator:
    """The engine's random numbers: xoshiro256**, seeded by SplitMix64."""

    def __init__(self, seed):
        self.seed, self.spare = seed, None
        mixer, self.state = seed, []
        for _ in range(4):
            mixer, value = self.mix(mixer)
            self.state.append(value)

    @staticmethod
    def mix(state):
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return state, z ^ (z >> 31)

    def next(self):
        s = self.state
        rotate = lambda x, k: ((x << k) | (x >> (64 - k))) & MASK
        result = (rotate((s[1] * 5) & MASK, 7) * 9) & MASK
        t = (s[1] << 17) & MASK
        s[2] ^= s[0]; s[3] ^= s[1]; s[1] ^= s[2]; s[0] ^= s[3]; s[2] ^= t
        s[3] = rotate(s[3], 45)
        return result

    def split(self, stream):
        _, first = self.mix(self.seed)
        return Generator(self.mix(first ^ ((stream * 0xD1342543DE82EF95) & MASK))[1])

    def uniform(self):
        return (self.next() >> 11) * 2.0**-53

    def normal(self):
        if self.spare is not None:
            value, self.spare = self.spare, None
            return value
        radius = math.sqrt(-2 * math.log(1 - self.uniform()))
        angle = 2 * math.pi * self.uniform()
        self.spare = radius * math.sin(angle)
        return radius * math.cos(angle)

    def below(self, bound):
        product = self.next() * bound
        if product & MASK < bound:
            threshold = (1 << 64) % bound
            while product & MASK < threshold:
                product = self.next() * bound
        return product >> 64

    def order(self, count):
        elements = list(range(count))
        for last in range(count - 1, 0, -1):
            other = self.below(last + 1)
            elements[last], elements[other] = elements[other], elements[last]
        return elements

    def gamma(self, shape):
        """Marsaglia and Tsang's, ACM TOMS 26, 2000."""
        if shape < 1:
            larger = self.gamma(shape + 1)
            return larger * (1 - self.uniform()) ** (1 / shape)
        d = shape - 1 / 3
        c = 1 / math.sqrt(9 * d)
        while True:
            x = self.normal()
            root = 1 + c * x
            if root <= 0:
                continue
            v = root**3
            if math.log(1 - self.uniform()) < 0.5 * x * x + d - d * v + d * math.log(v):
                return d * v

    def preference(self, alpha, tasks):
        """Of a Dirichlet distribution."""
        numbers = [self.gamma(alpha) for _ in range(tasks)]
        return [number / sum(numbers) for number in numbers]
