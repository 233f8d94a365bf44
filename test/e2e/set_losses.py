"""set_losses.py SNAPSHOT NEW PROTO: a snapshot in which everything was lost.

Each field of PROTO's message Losses gets a value of its own, which is printed:
NAME VALUE, one a line. Numbers are 1,000,000 + 1,000 times the field's number
(of thinning_shift the field's number), texts are "because of NAME". Nothing of
ours reads or writes it here.
"""
import gzip
import re
import sys

source, new, proto = sys.argv[1:]
LOSSES = 10  # the field of Snapshot


def varint(number):
    out = bytearray()
    while number > 0x7f:
        out.append(number & 0x7f | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def read_varint(data, at):
    number = shift = 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 0x7f) << shift
        shift += 7
        if byte < 0x80:
            return number, at


def counted(field, body):
    return varint(field << 3 | 2) + varint(len(body)) + body


message = re.search(r"^message Losses \{(.*?)^\}",
                    open(proto, encoding="utf-8").read(), re.M | re.S)
losses = b""
for kind, name, number in re.findall(r"^\t(\w+) (\w+) = (\d+);",
                                     message.group(1), re.M):
    number = int(number)
    if kind == "string":
        value = f"because of {name}"
        losses += counted(number, value.encode())
    else:
        value = number if name == "thinning_shift" else \
            1000000 + 1000 * number
        losses += varint(number << 3) + varint(value)
    print(name, value)

data = gzip.open(source).read()
out = bytearray()
at = seen = 0
while at < len(data):
    key, body = read_varint(data, at)
    assert key & 7 == 2, "a snapshot's fields are messages"
    length, body = read_varint(data, body)
    if key >> 3 == LOSSES:
        out += counted(LOSSES, losses)
        seen += 1
    else:
        out += data[at:body + length]
    at = body + length
assert seen == 1, seen
with gzip.open(new, "wb") as file:
    file.write(out)
