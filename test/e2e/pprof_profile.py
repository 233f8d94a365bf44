"""pprof profiles, decoded from their bytes by the format's field numbers
(proto/profile.proto says what they mean). No code of ours, and no library."""
import gzip
import struct


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7f) << shift
        if not byte & 0x80:
            return value, at
        shift += 7


def signed(value):
    return value - (1 << 64) if value >> 63 else value


def fields(data):
    """(number, value) in the order of the bytes."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = varint(data, at)
        elif wire == 2:
            length, at = varint(data, at)
            value, at = data[at:at + length], at + length
            assert len(value) == length, "a field ends behind the profile"
        elif wire == 1:
            value, at = struct.unpack_from("<Q", data, at)[0], at + 8
        else:
            raise AssertionError(f"wire type {wire}")
        yield number, value


def packed(value):
    """A repeated number's field: one, or all of them."""
    if isinstance(value, int):
        return [value]
    out, at = [], 0
    while at < len(value):
        one, at = varint(value, at)
        out.append(one)
    return out


class Message:
    def __init__(self, data):
        self.all = {}
        for number, value in fields(data):
            self.all.setdefault(number, []).append(value)

    def one(self, number, default=0):
        return self.all.get(number, [default])[-1]

    def numbers(self, number):
        return [n for value in self.all.get(number, [])
                for n in packed(value)]

    def messages(self, number):
        return [Message(value) for value in self.all.get(number, [])]


class Profile(Message):
    def __init__(self, body):
        self.is_gzip = body[:2] == b"\x1f\x8b"
        self.raw = gzip.decompress(body) if self.is_gzip else body
        super().__init__(self.raw)
        self.strings = [value.decode() for value in self.all.get(6, [])]
        self.types = [(self.text(t.one(1)), self.text(t.one(2)))
                      for t in self.messages(1)]
        self.mappings = self.messages(3)
        self.locations = self.messages(4)
        self.functions = self.messages(5)
        self.samples = [
            ([*s.numbers(1)], [signed(v) for v in s.numbers(2)],
             s.messages(3)) for s in self.messages(2)]
        self.comments = [self.text(n) for n in self.numbers(13)]
        self.duration_ns = self.one(10)

    def text(self, index):
        return self.strings[index]

    def functions_of(self, location):
        return [self.text(self.functions[line.one(1) - 1].one(2))
                for line in self.locations[location - 1].messages(4)]

    def sum(self, column):
        return sum(values[column] for _, values, _ in self.samples)

    def by_function(self, column):
        """Sums by the innermost function."""
        out = {}
        for locations, values, _ in self.samples:
            name = (self.functions_of(locations[0]) or ["?"])[0]
            out[name] = out.get(name, 0) + values[column]
        return out
