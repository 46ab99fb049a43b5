"""What limits cost: `/bin/true` with limits of memory, processors and processes, and without.

limits.py JAIL [RUNS]      on a machine where the caller has cgroups; see `jail plan -m 256M true`
"""

import subprocess
import sys
import time

from table import table

LIMITS = ["--memory", "256M", "--cpus", "1", "--pids", "64"]


def main() -> None:
    jail, runs = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 100
    commands = {
        "with limits": [jail, "run", "-q", *LIMITS, "--", "/bin/true"],
        "without limits": [jail, "run", "-q", "--", "/bin/true"],
    }
    times = {name: [] for name in commands}
    for command in commands.values():
        subprocess.run(command, check=True)
    for _ in range(runs):
        for name, command in commands.items():
            start = time.perf_counter()
            subprocess.run(command, check=True)
            times[name].append(time.perf_counter() - start)
    table(times)


main()
