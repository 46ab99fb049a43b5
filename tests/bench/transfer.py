"""Measures how fast a sandbox's network carries one large transfer, and prints a markdown table.

transfer.py JAIL ROUNDS MODE...      allow, nat; started by `unshare -Urmn`, which gives it a network of its own
transfer.py down|up                  the client, which prints its seconds

Every round makes each transfer once: without a sandbox, which is one connection over the loopback
interface, and in each mode. The start of the sandbox is not measured.
"""

import os
import socket
import subprocess
import sys
import threading
import time

SERVER = ("203.0.113.7", 7000)
SIZE = 1 << 30
PART = 1 << 20


def send(connection: socket.socket) -> None:
    part = bytes(PART)
    for _ in range(SIZE // PART):
        connection.sendall(part)


def receive(connection: socket.socket) -> int:
    room, count = bytearray(PART), 0
    while got := connection.recv_into(room):
        count += got
    return count


def talk(connection: socket.socket) -> None:
    with connection:
        if connection.recv(1) == b"d":
            send(connection)
        else:
            connection.sendall(receive(connection).to_bytes(8, "big"))


def serve() -> None:
    listener = socket.create_server(SERVER)

    def loop() -> None:
        while True:
            threading.Thread(target=talk, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=loop, daemon=True).start()


def transfer(direction: str) -> None:
    connection = socket.create_connection(SERVER)
    begin = time.monotonic()
    if direction == "down":
        connection.sendall(b"d")
        count = receive(connection)
    else:
        connection.sendall(b"u")
        send(connection)
        connection.shutdown(socket.SHUT_WR)
        count = int.from_bytes(connection.recv(8, socket.MSG_WAITALL), "big")
    if count != SIZE:
        sys.exit(f"{count} bytes arrived of {SIZE}")
    print(time.monotonic() - begin)


def build() -> None:
    """An address that is reached over the loopback interface, and a way out, which pasta wants."""
    for words in (
        "link set lo up",
        f"address add {SERVER[0]}/32 dev lo",
        "link add out0 type veth peer name out1",
        "address add 198.51.100.2/24 dev out0",
        "link set out0 up",
        "link set out1 up",
        "route add default via 198.51.100.1",
    ):
        subprocess.run(["ip", *words.split()], check=True)


def measure(command: list[str]) -> float | None:
    """Returns the seconds of one transfer, or nothing if it broke off."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode == 0:
        return float(done.stdout)
    print(f"{' '.join(command)}: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
    return None


def commands(jail: str, modes: list[str]) -> dict[str, list[str]]:
    flags = {"allow": ["--network", "allow", "--allow", "%s:%d" % SERVER], "nat": ["--network", "nat"]}
    sandboxes = {f"`{mode}`": [jail, "run", "-q", *flags[mode], "--"] for mode in modes}
    return {"no sandbox": []} | sandboxes


def main() -> None:
    if len(sys.argv) == 2:
        transfer(sys.argv[1])
        return
    build()
    if os.fork() == 0:
        serve()
        threading.Event().wait()
    rounds, found = int(sys.argv[2]), commands(sys.argv[1], sys.argv[3:])
    times = {(direction, name): [] for direction in ("down", "up") for name in found}
    for _ in range(rounds):
        for (direction, name), taken in times.items():
            taken.append(measure([*found[name], sys.executable, __file__, direction]))
    print("| 1 GiB | median | fastest | against no sandbox | broke off |")
    print("|---|---:|---:|---:|---:|")
    for (direction, name), taken in times.items():
        whole = sorted(seconds for seconds in taken if seconds is not None)
        broken = f"{len(taken) - len(whole)} of {len(taken)}"
        if not whole:
            print(f"| {direction}, {name} | | | | {broken} |")
            continue
        median = whole[len(whole) // 2]
        direct = direct if name != "no sandbox" else median
        print(
            f"| {direction}, {name} | {1 / median:.2f} GiB/s | {1 / whole[0]:.2f} GiB/s "
            f"| {direct / median:.2f} × | {broken} |"
        )


if __name__ == "__main__":
    main()
