"""work_dict.py THOUSANDS: a dictionary of many small objects, built, half of it
replaced, and dropped."""
import sys


class Point:
    def __init__(self, x, y):
        self.x = x
        self.y = [y]


count = int(sys.argv[1]) * 1000
held = {f"key-{i}": Point(i * 1000003, float(i)) for i in range(count)}
for i in range(0, count, 2):
    held[f"key-{i}"] = Point(str(i), i)
print(sum(len(key) + len(point.y) for key, point in held.items()))
