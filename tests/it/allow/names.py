"""A name server over UDP and TCP, whose answers a test changes while it runs.

It knows what is in a file, a line for each name: `NAME ADDRESS...`. The file is read for each question, and
the names that are asked for are written to another beside it, `FILE-asked`.
"""
import ipaddress
import socket
import threading

ADDRESS, ADDRESS6 = 1, 28
NO_SUCH_NAME = 3


def records(file):
    with open(file) as lines:
        words = [line.split() for line in lines]
    return {line[0]: [ipaddress.ip_address(word) for word in line[1:]] for line in words if line}


def answer(question, file):
    """The question stands behind a head of 12 bytes (RFC 1035, 4.1)."""
    end, labels = 12, []
    while length := question[end]:
        labels.append(question[end + 1:end + 1 + length].decode("latin1"))
        end += 1 + length
    kind = int.from_bytes(question[end + 1:end + 3], "big")
    name = ".".join(labels).lower()
    with open(file + "-asked", "a") as asked:
        asked.write(name + "\n")
    known = records(file).get(name)
    wanted = [address for address in known or [] if kind == (ADDRESS if address.version == 4 else ADDRESS6)]
    # The name is the one at byte 12, the class is IN, and nobody may remember it.
    start = b"\xc0\x0c" + kind.to_bytes(2, "big") + b"\0\1\0\0\0\0"
    body = b"".join(start + len(it.packed).to_bytes(2, "big") + it.packed for it in wanted)
    flags = b"\x85" + bytes([0x80 | (NO_SUCH_NAME if known is None else 0)])
    counts = b"\0\1" + len(wanted).to_bytes(2, "big") + b"\0\0\0\0"
    return question[:2] + flags + counts + question[12:end + 5] + body


def datagrams(server, file):
    while True:
        question, client = server.recvfrom(4096)
        server.sendto(answer(question, file), client)


def connections(server, file):
    while True:
        connection, _ = server.accept()
        with connection:
            while length := connection.recv(2, socket.MSG_WAITALL):
                said = answer(connection.recv(int.from_bytes(length, "big"), socket.MSG_WAITALL), file)
                connection.sendall(len(said).to_bytes(2, "big") + said)


def serve(address, file):
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.bind((address, 53))
    threading.Thread(target=datagrams, args=(one, file), daemon=True).start()
    many = socket.create_server((address, 53))
    threading.Thread(target=connections, args=(many, file), daemon=True).start()
