"""work_json.py ROUNDS: writes and reads a JSON text of 2,000 records."""
import json
import sys

records = [{"id": i, "name": f"name {i}", "tags": [f"t{i % 7}", f"u{i % 11}"],
            "score": i / 3, "nested": {"a": [i, i + 1], "b": None}}
           for i in range(2000)]
total = 0
for _ in range(int(sys.argv[1])):
    text = json.dumps(records)
    total += len(text) + len(json.loads(text))
print(total)
