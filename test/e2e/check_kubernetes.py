"""check_kubernetes.py FILE: does the example of packaging/kubernetes fit together?

Prints the command that copies the library and the value of LEAKSHIM.
"""
import sys

import yaml

docs = list(yaml.safe_load_all(open(sys.argv[1])))
kinds = {doc["kind"]: doc for doc in docs}
assert all(doc["apiVersion"] and doc["metadata"]["name"] for doc in docs)

spec = kinds["Deployment"]["spec"]
template = spec["template"]
labels = template["metadata"]["labels"]
assert spec["selector"]["matchLabels"].items() <= labels.items()
pod = template["spec"]
volumes = {volume["name"]: volume for volume in pod["volumes"]}


def mounts(container):
    found = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
    assert all(mount["name"] in volumes for mount in found.values())
    return found


(init,), (app,) = pod["initContainers"], pod["containers"]
env = {entry["name"]: entry["value"] for entry in app["env"]}

# The copy goes to the volume that the program sees where LD_PRELOAD says, and
# where it can't be changed.
directory = env["LD_PRELOAD"].rpartition("/")[0]
assert init["command"][-1].endswith(f" {directory}/")
assert mounts(app)[directory]["readOnly"] is True
shared = mounts(app)[directory]["name"]
assert shared == mounts(init)[directory]["name"]
assert "emptyDir" in volumes[shared]

# Snapshots go to a volume that stays, which the program can write.
out = env["LEAKSHIM"].partition("out=")[2].partition(",")[0]
kept = volumes[mounts(app)[out.rpartition("/")[0]]["name"]]
claim = kept["persistentVolumeClaim"]["claimName"]
assert claim == kinds["PersistentVolumeClaim"]["metadata"]["name"]
assert pod["securityContext"]["fsGroup"]

print(init["command"][-1])
print(env["LEAKSHIM"])
