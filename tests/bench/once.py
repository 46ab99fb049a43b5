"""Measures commands that must find a fresh place each time, in turns, and prints a markdown table.

once.py ROUNDS NAME PREPARE COMMAND [NAME PREPARE COMMAND]...

PREPARE and COMMAND are for `sh -c`. PREPARE is not measured, and neither is writing to the disk what
the round before has left. The first is what the others are compared with.
"""

import os
import subprocess
import sys
import time


def measure(command: str) -> tuple[float, int]:
    """Returns seconds, and KiB of the largest of all processes."""
    begin = time.monotonic()
    with open("complaints", "wb") as complaints:
        child = subprocess.Popen(
            ["sh", "-c", command], stdin=subprocess.DEVNULL, stdout=complaints, stderr=complaints
        )
        _, status, used = os.wait4(child.pid, 0)
    taken = time.monotonic() - begin
    if status != 0:
        with open("complaints", encoding="utf-8", errors="replace") as complaints:
            sys.exit(f"{command}: status {status}\n{complaints.read()}")
    return taken, used.ru_maxrss


def main() -> None:
    rounds = int(sys.argv[1])
    words = sys.argv[2:]
    rows = list(zip(words[0::3], words[1::3], words[2::3], strict=True))
    times = {name: [] for name, _, _ in rows}
    memory = dict.fromkeys(times, 0)
    for _ in range(rounds):
        for name, prepare, command in rows:
            subprocess.run(["sh", "-c", prepare], check=True)
            os.sync()
            taken, most = measure(command)
            times[name].append(taken)
            memory[name] = max(memory[name], most)
    medians = {name: sorted(taken)[len(taken) // 2] for name, taken in times.items()}
    first = rows[0][0]
    print(f"| | median | fastest | {first} against it | peak memory of a process |")
    print("|---|---:|---:|---:|---:|")
    for name in times:
        ratio = "" if name == first else f"{medians[first] / medians[name]:.2f} ×"
        print(
            f"| {name} | {medians[name]:.2f} s | {min(times[name]):.2f} s | {ratio} "
            f"| {memory[name] / 1024:.0f} MiB |"
        )


if __name__ == "__main__":
    main()
