"""Prints the pooled times of several hyperfine runs as a markdown table.

table.py NAME... -- ROUND.json...      one name for each command, the first is compared with the rest
"""

import sys


def table(times: dict[str, list[float]], digits: int = 2) -> None:
    """Prints seconds by name; the first name is compared with the others."""
    names = list(times)
    medians = {name: sorted(taken)[len(taken) // 2] * 1000 for name, taken in times.items()}
    first = medians[names[0]]
    print(f"| | median | 90 of 100 below | {names[0]} against it |")
    print("|---|---:|---:|---:|")
    for name in names:
        high = sorted(times[name])[int(len(times[name]) * 0.9)] * 1000
        ratio = "" if name == names[0] else f"{first / medians[name]:.2f} ×"
        print(f"| {name} | {medians[name]:.{digits}f} ms | {high:.{digits}f} ms | {ratio} |")


def main() -> None:
    # Here, because small systems that only want a table do without it.
    import json

    split = sys.argv.index("--")
    names, rounds = sys.argv[1:split], sys.argv[split + 1 :]
    times = {name: [] for name in names}
    for path in rounds:
        with open(path, encoding="utf-8") as file:
            results = json.load(file)["results"]
        for name, result in zip(names, results, strict=True):
            times[name] += result["times"]
    table(times)


if __name__ == "__main__":
    main()
