"""check_dockerfile.py TOP FILE: does each name in a Dockerfile exist?

Knows the instructions that ours uses. Prints the Debian packages that it
installs.
"""
import os
import re
import sys

KNOWN = {"FROM", "WORKDIR", "RUN", "COPY", "USER", "CMD"}

top, file = sys.argv[1:]
text = re.sub(r"^#.*\n", "", open(file).read(), flags=re.M)
stages, packages = [], set()
for line in filter(None, text.replace("\\\n", " ").split("\n")):
    word, rest = line.split(None, 1)
    assert word in KNOWN, word
    assert stages or word == "FROM", word
    for stage in re.findall(r"\bfrom=(\w+)", rest):
        assert stage in stages[:-1], stage
    if word == "FROM":
        image, *name = rest.split()
        assert re.fullmatch(r"debian:12(-slim)?", image), image
        assert not name or name[0] == "AS" and len(name) == 2, rest
        stages.append(name[1] if name else None)
    elif word == "COPY":
        for source in rest.split()[:-1]:
            assert os.path.exists(os.path.join(top, source)), source
    elif word == "RUN":
        for names in re.findall(r"apt-get install (.*?)\s&&", rest):
            packages |= {name for name in names.split()
                         if not name.startswith(("-", "/"))}
assert len(stages) == 2, stages
print(*sorted(packages), sep="\n")
