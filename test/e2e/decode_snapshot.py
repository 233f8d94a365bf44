"""Decodes a snapshot without any code of leakshim or protobuf.

    decode_snapshot.py FILE EXPRESSION...

The schema is read from proto/snapshot.proto, the wire format is decoded here.
Each EXPRESSION is Python over the decoded message: `header.trigger`,
`trailer.sites`, `sum(sites.live_bytes)`, `stack(0)`. Column messages are
joined; an absent column is all zeros. `truncated` is true where the gzip or
the message ends early.
"""
import os
import re
import sys
import zlib

PROTO = os.path.join(os.path.dirname(__file__), "../../proto/snapshot.proto")
FIELD = re.compile(r"\s*(repeated )?(\w+) (\w+) = (\d+);")


def read_schema(path):
    """{message: {number: (name, type, repeated)}}, {enum: {value: name}}"""
    messages, enums, kind, current = {}, {}, None, None
    for line in open(path):
        line = line.split("//")[0]
        opening = re.match(r"(message|enum) (\w+) {", line)
        if opening:
            kind, name = opening.groups()
            current = (messages if kind == "message" else enums)
            current = current.setdefault(name, {})
        elif kind == "message" and FIELD.match(line):
            repeated, type_, name, number = FIELD.match(line).groups()
            current[int(number)] = (name, type_, bool(repeated))
        elif kind == "enum" and "=" in line:
            name, value = re.match(r"\s*(\w+) = (\d+);", line).groups()
            current[int(value)] = name
    return messages, enums


MESSAGES, ENUMS = read_schema(PROTO)


class Truncated(Exception):
    pass


class Message:
    def __init__(self, type_):
        self.type = type_
        for name, field_type, repeated in MESSAGES[type_].values():
            default = [] if repeated else b"" if field_type == "bytes" else (
                "" if field_type == "string" else
                None if field_type in MESSAGES else 0)
            setattr(self, name, default)


def varint(data, at):
    value = shift = 0
    while True:
        if at >= len(data):
            raise Truncated
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return value, at


def scalar(type_, value):
    if type_ == "sint64":
        return value >> 1 ^ -(value & 1)
    if type_ == "bool":
        return bool(value)
    return ENUMS[type_].get(value, value) if type_ in ENUMS else value


def put(message, name, repeated, value):
    if not repeated:
        setattr(message, name, value)
    elif isinstance(value, list):
        getattr(message, name).extend(value)
    else:
        getattr(message, name).append(value)


def decode(type_, data, keep_prefix=False):
    message, at = Message(type_), 0
    message.truncated = False
    while at < len(data):
        try:
            key, after = varint(data, at)
            value, after = varint(data, after)
            if key & 7 == 2:
                if after + value > len(data):
                    raise Truncated
                value, after = data[after:after + value], after + value
        except Truncated:
            if not keep_prefix:
                raise
            message.truncated = True
            break
        at = after
        name, field_type, repeated = MESSAGES[type_].get(
            key >> 3, (None, None, None))
        if name is None:
            raise SystemExit(f"{type_} has an unknown field {key >> 3}")
        if key & 7 == 0:
            value = scalar(field_type, value)
        elif field_type in MESSAGES:
            value = decode(field_type, value)
        elif field_type == "string":
            value = value.decode()
        elif field_type != "bytes":
            packed, value, inner = value, [], 0
            while inner < len(packed):
                number, inner = varint(packed, inner)
                value.append(scalar(field_type, number))
        put(message, name, repeated, value)
    return message


def gunzip(path):
    """The bytes that are there, and whether the gzip file is whole."""
    inflate = zlib.decompressobj(31)
    data = inflate.decompress(open(path, "rb").read())
    return data, inflate.eof


def join(parts, type_):
    """One message of all column messages, every column of one length."""
    whole = Message(type_)
    names = [name for name, _, _ in MESSAGES[type_].values()]
    for part in parts:
        rows = max((len(getattr(part, name)) for name in names
                    if not isinstance(getattr(part, name), bytes)), default=0)
        for name in names:
            column = getattr(part, name)
            if isinstance(column, bytes):
                setattr(whole, name, getattr(whole, name) + column)
                continue
            if len(column) not in (0, rows):
                raise SystemExit(f"{type_}.{name} is ragged")
            getattr(whole, name).extend(column or [0] * rows)
    return whole


def running(deltas):
    total = 0
    for delta in deltas:
        total += delta
        yield total


def load(path):
    data, whole = gunzip(path)
    snapshot = decode("Snapshot", data, keep_prefix=True)
    snapshot.truncated |= not whole or snapshot.trailer is None
    for name, type_, repeated in MESSAGES["Snapshot"].values():
        if repeated and type_.endswith("Columns"):
            setattr(snapshot, name, join(getattr(snapshot, name), type_))
    snapshot.addresses = list(running(snapshot.pcs.address_delta))
    snapshot.nodes = list(running(snapshot.sites.node_delta))

    def stack(site):
        """Addresses of a site's frames, innermost first."""
        node, frames = snapshot.nodes[site], []
        while node:
            pc = snapshot.stacks.pc[node - 1]
            frames.append(snapshot.addresses[pc - 1])
            node -= snapshot.stacks.parent_delta[node - 1]
        return frames

    snapshot.stack = stack
    return snapshot


def main():
    snapshot = load(sys.argv[1])
    for expression in sys.argv[2:]:
        value = eval(f"({expression})", dict(vars(snapshot)))
        print(value.decode() if isinstance(value, bytes) else value)


if __name__ == "__main__":
    main()
