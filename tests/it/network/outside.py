"""The world around a jail, in namespaces of its own: a host, and a peer that it reaches.

Run by `unshare --user --map-root-user --net`. This process is the host: 198.51.100.2 and
2001:db8:1::2 on eth0, where the peer is the gateway: 198.51.100.1, 2001:db8:1::1, with 203.0.113.7
behind it. Port 7000 answers over TCP and UDP with the name of who listens; on the host on each
loopback address and on its own ones. Port 53 answers every question about names. Ends with its
standard input.
"""

import ctypes
import os
import signal
import socket
import struct
import subprocess
import sys
import threading

NEW_NETWORK = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


def run(*words):
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


def listener(address, port, kind):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    made = socket.socket(family, kind)
    if family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind((address, port))
    return made


def start(target, *arguments):
    threading.Thread(target=target, args=arguments, daemon=True).start()


def converse(connection, name):
    """The name, then what is said until the other side has no more to say, then `bye`."""
    with connection:
        connection.sendall(name.encode() + b"\n")
        while True:
            said = connection.recv(65536)
            if not said:
                break
            connection.sendall(said)
        connection.sendall(b"bye\n")


def serve_tcp(made, name):
    made.listen(128)
    while True:
        connection, _ = made.accept()
        start(converse, connection, name)


def serve_udp(made, name):
    while True:
        said, sender = made.recvfrom(65536)
        made.sendto(name.encode() + b":" + said, sender)


def serve_names(made, address):
    """Every name has this address, and no other record."""
    while True:
        question, sender = made.recvfrom(512)
        end = 12
        while question[end]:
            end += question[end] + 1
        end += 5
        kind = struct.unpack("!H", question[end - 4 : end - 2])[0]
        answer = b""
        if kind == 1:
            answer = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04" + socket.inet_aton(address)
        counts = struct.pack("!HHHH", 1, 1 if answer else 0, 0, 0)
        made.sendto(question[:2] + b"\x81\x80" + counts + question[12:end] + answer, sender)


def serve(addresses, name):
    """On each address by itself, so that datagrams are answered from where they were sent to."""
    for address in addresses:
        start(serve_udp, listener(address, 7000, socket.SOCK_DGRAM), name)
        if ":" not in address:
            start(serve_names, listener(address, 53, socket.SOCK_DGRAM), "203.0.113.7")
    for address in ("0.0.0.0", "::"):
        start(serve_tcp, listener(address, 7000, socket.SOCK_STREAM), name)


def be_peer(ready, host):
    libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if libc.unshare(NEW_NETWORK):
        raise OSError(ctypes.get_errno(), "unshare")
    os.write(ready, b"1")
    os.read(host, 1)
    for words in (
        "link set lo up",
        "addr add 198.51.100.1/24 dev out0",
        "addr add 203.0.113.7/32 dev lo",
        "-6 addr add 2001:db8:1::1/64 dev out0 nodad",
        "link set out0 up",
    ):
        run("ip", *words.split())
    serve(["198.51.100.1", "203.0.113.7", "2001:db8:1::1"], "peer")
    os.write(ready, b"1")
    signal.pause()


def main():
    (told, tell), (host_told, host_tell) = os.pipe(), os.pipe()
    peer = os.fork()
    if not peer:
        try:
            be_peer(tell, host_told)
        finally:
            os._exit(1)
    os.close(tell)
    if os.read(told, 1) != b"1":
        sys.exit("no peer")
    for words in (
        "link set lo up",
        f"link add eth0 type veth peer name out0 netns {peer}",
        "addr add 198.51.100.2/24 dev eth0",
        "-6 addr add 2001:db8:1::2/64 dev eth0 nodad",
        "-6 addr add fe80::2/64 dev eth0 nodad",
        "link set eth0 up",
    ):
        run("ip", *words.split())
    os.write(host_tell, b"1")
    if os.read(told, 1) != b"1":
        sys.exit("no peer")
    run("ip", "route", "add", "default", "via", "198.51.100.1")
    run("ip", "-6", "route", "add", "default", "via", "2001:db8:1::1")
    serve(["127.0.0.1", "127.0.0.53", "198.51.100.2", "::1", "2001:db8:1::2"], "host")
    print("up", flush=True)
    sys.stdin.read()
    os._exit(0)


main()
