"""python_soak.py churn|leak SECONDS: JSON back and forth; a list that grows."""
import json
import sys
import time

kind, seconds = sys.argv[1], float(sys.argv[2])
kept = []
end = time.monotonic() + seconds
turn = 0
while time.monotonic() < end:
    turn += 1
    data = {f"key{i}": [turn, i, "text" * (i % 7)] for i in range(60)}
    text = json.dumps(data)
    assert json.loads(text)["key3"][1] == 3
    if kind == "leak":
        kept.append(text)
    time.sleep(0.03)
