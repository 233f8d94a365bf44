"""check_ingest.py FILE...: what Parca, Grafana's Alloy and Pyroscope check of a
profile before they store it, and what go tool pprof takes for granted. The
files are heap profiles of one process, in the order of time."""
import sys

from pprof_profile import Profile

GO_TYPES = [("alloc_objects", "count"), ("alloc_space", "bytes"),
            ("inuse_objects", "count"), ("inuse_space", "bytes")]
# Pyroscope's limits.
SAMPLES_MAX = 16000
BYTES_MAX = 4 << 20


def check(profile):
    assert profile.is_gzip
    assert len(profile.raw) <= BYTES_MAX, len(profile.raw)
    assert profile.types == GO_TYPES, profile.types
    assert profile.strings[0] == ""
    assert len(set(profile.strings)) == len(profile.strings)
    assert len(profile.all[9]) == 1, "time_nanos once"
    # Parca wants ids to be the positions.
    for table in (profile.mappings, profile.locations, profile.functions):
        assert [row.one(1) for row in table] == \
            list(range(1, len(table) + 1))
    assert len(profile.samples) <= SAMPLES_MAX
    addresses = set()
    for location in profile.locations:
        address, mapping = location.one(3), location.one(2)
        assert address, "Alloy's key of a stack are its addresses"
        assert address not in addresses, hex(address)
        addresses.add(address)
        if mapping:
            row = profile.mappings[mapping - 1]
            assert row.one(2) <= address < row.one(3), hex(address)
    named = {}
    for location in profile.locations:
        named.setdefault(location.one(2), set()).add(
            bool(location.messages(4)))
    for number, row in enumerate(profile.mappings, 1):
        if row.one(7):
            assert named.get(number, {True}) == {True}, \
                "a mapping with functions has them all"
    for locations, values, labels in profile.samples:
        assert locations, "a sample without locations is never shown"
        assert len(values) == len(GO_TYPES)
        assert any(values)
        assert all(value >= 0 for value in values)
        for label in labels:
            assert label.one(1), "a label has a key"
            assert label.one(2) or label.one(4), \
                "a number without unit is lost if it is 0"


def keys(profile):
    """Alloy's: the addresses of a stack and its labels."""
    out = {}
    for locations, values, labels in profile.samples:
        key = (tuple(profile.locations[one - 1].one(3) for one in locations),
               tuple(sorted((label.one(1), label.one(2), label.one(3))
                            for label in labels)))
        assert key not in out, "two samples of one stack"
        out[key] = values
    return out


def main():
    profiles = [Profile(open(path, "rb").read()) for path in sys.argv[1:]]
    before = {}
    for profile in profiles:
        check(profile)
        now = keys(profile)
        # What was allocated never becomes less; a stack that is gone would
        # be a counter that began anew. The merged one may be of others.
        for key, values in before.items():
            if key not in now:
                continue
            assert now[key][0] >= values[0], (values, now[key])
            assert now[key][1] >= values[1], (values, now[key])
        before = now
    assert profiles and all(profile.samples for profile in profiles)


main()
