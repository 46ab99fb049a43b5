"""A small world for one run of jail: namespaces with hosts, names and servers of their own.

    unshare -Urmnpf --mount-proc python3 world.py DIRECTORY COMMAND...

The command runs on one host, HERE; what is reached by its wire is on another one, and stands for the
internet. The directory has the key and the certificate of all servers, and the files that they serve;
what the servers hear is written to `heard` in it. `names` in it is what its name servers know beside
/etc/hosts; each file of `services` is the command line of a server of the other host, a word in each line, and
is called as the port that it listens on.
"""
import ctypes
import http.server
import mimetypes
import os
import select
import socket
import ssl
import subprocess
import sys
import threading

import names

GOOD, OTHER, GOOD6 = "203.0.113.7", "203.0.113.8", "2600::7"
PROXY, METADATA = "203.0.113.9", "169.254.169.254"
# One that stands for no name inside; outside somebody could have it.
STRANGER = "198.18.1.9"
# Where the command runs: an address as of the internet.
HERE, HERE6 = "203.0.113.50", "2600:1::50"
HOSTS = f"""127.0.0.1 localhost
::1 localhost
{GOOD} good.example a.wild.example b.c.wild.example wild.example idn.example xn--bcher-kva.example
{GOOD6} six.example
{OTHER} evil.example other.example
127.0.0.1 rebind.example
{METADATA} metadata.example
::ffff:127.0.0.1 mapped.example
10.0.0.7 private.example
{HERE} own.example
{HERE6} own6.example
{PROXY} proxy.example
"""

directory = os.path.abspath(sys.argv[1])


def run(*words):
    subprocess.run(words, check=True, env={"PATH": "/usr/sbin:/sbin:/usr/bin:/bin"})


def heard(line):
    with open(os.path.join(directory, "heard"), "a") as file:
        file.write(line + "\n")


class Web(http.server.BaseHTTPRequestHandler):
    """Answers with the address it was reached by and the host that was meant."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        place = self.connection.getsockname()[0]
        if self.path.startswith("/bytes/"):
            self.answer(bytes(range(256)) * (int(self.path[7:]) // 256))
        elif self.path.startswith("/files/"):
            path = os.path.join(directory, "files", self.path[7:].split("?")[0])
            path = os.path.join(path, "index.html") if os.path.isdir(path) else path
            heard(f"GET {place} {self.path}")
            if os.path.isfile(path):
                with open(path, "rb") as file:
                    self.answer(file.read(), mimetypes.guess_type(path)[0])
            else:
                self.send_error(404)
        else:
            heard(f"GET {place} {self.headers.get('Host')}")
            self.answer(f"reached {place} for {self.headers.get('Host')}\n".encode())

    def do_CONNECT(self):
        heard(f"CONNECT {self.path}")
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"tunnel")

    def answer(self, content, kind=None):
        self.send_response(200)
        if kind:
            self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512


class Server6(Server):
    address_family = socket.AF_INET6


def web(address, port, tls=False):
    server = (Server6 if ":" in address else Server)((address, port), Web)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.path.join(directory, "server.crt"), os.path.join(directory, "server.key"))
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def serve(address, port, talk):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.create_server((address, port), family=family, backlog=512)

    def loop():
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=talk, args=(connection,), daemon=True).start()

    threading.Thread(target=loop, daemon=True).start()


def count_until_end(connection):
    """Says how much it got once the other side has said that this was all."""
    with connection:
        count = 0
        while part := connection.recv(65536):
            count += len(part)
        connection.sendall(f"got {count}\n".encode())
        heard(f"got {count}")


def speak_first(connection):
    with connection:
        connection.sendall(b"220 speaking first\r\n")
        heard("first " + connection.recv(100).decode("latin1").strip())
        connection.sendall(b"250 heard\r\n")


def cut_off(connection):
    connection.recv(10)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()


def echo(connection):
    with connection:
        connection.sendall(connection.recv(100))


def echo_datagrams(address, port):
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.bind((address, port))

    def loop():
        while True:
            one.sendto(*one.recvfrom(100))

    threading.Thread(target=loop, daemon=True).start()


def proxy(connection):
    """CONNECT of HTTP."""
    head = b""
    while b"\r\n\r\n" not in head:
        head += connection.recv(4096)
    lines = head.decode().split("\r\n")
    account = [line for line in lines if line.lower().startswith("proxy-authorization")]
    heard(f"proxy {lines[0]} {' '.join(account)}".strip())
    tunnel(connection, b"HTTP/1.1 200 OK\r\n\r\n", lines[0].split()[1].rsplit(":", 1)[1])


def socks(connection):
    connection.recv(2 + 255)
    connection.sendall(b"\5\0")
    request = connection.recv(300)
    name = request[5:5 + request[4]].decode()
    port = int.from_bytes(request[-2:], "big")
    heard(f"socks {name}:{port}")
    tunnel(connection, b"\5\0\0\1\0\0\0\0\0\0", port)


def tunnel(connection, answer, port):
    """Whatever the name is, it leads to the good server: it is the proxy that knows names."""
    outside = socket.create_connection((GOOD, int(port)))
    connection.sendall(answer)
    ends = {connection: outside, outside: connection}
    while ends:
        for ready in select.select(list(ends), [], [])[0]:
            part = ready.recv(65536)
            if part:
                ends[ready].sendall(part)
            else:
                ends.pop(ready).shutdown(socket.SHUT_WR)


def build():
    for name, content in (("hosts", HOSTS), ("resolv.conf", "nameserver 127.0.0.1\n")):
        path = os.path.join(directory, "etc-" + name)
        with open(path, "w") as file:
            file.write(content)
        run("mount", "--bind", path, os.path.realpath("/etc/" + name))


def wire(peer):
    """The host of the command, and its wire to the process `peer` of the other one."""
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", "wire0", "type", "veth", "peer", "name", "wire1", "netns", str(peer))
    run("ip", "address", "add", HERE + "/32", "dev", "wire0")
    run("ip", "address", "add", HERE6 + "/128", "dev", "wire0", "nodad")
    run("ip", "link", "set", "wire0", "up")
    run("ip", "route", "add", "default", "dev", "wire0", "src", HERE)
    run("ip", "-6", "route", "add", "default", "dev", "wire0", "src", HERE6)


def be_elsewhere():
    """All addresses of the other host."""
    run("ip", "link", "set", "lo", "up")
    for address in (GOOD, OTHER, PROXY, METADATA, STRANGER, "10.0.0.7"):
        run("ip", "address", "add", address + "/32", "dev", "wire1")
    run("ip", "address", "add", GOOD6 + "/128", "dev", "wire1", "nodad")
    run("ip", "link", "set", "wire1", "up")
    run("ip", "route", "add", HERE + "/32", "dev", "wire1")
    run("ip", "-6", "route", "add", HERE6 + "/128", "dev", "wire1")


def webs(*addresses):
    for address in addresses:
        web(address, 80)
        web(address, 443, tls=True)


def serve_elsewhere():
    webs(GOOD, OTHER, GOOD6, METADATA, STRANGER, "10.0.0.7")
    web(GOOD, 8080)
    web(GOOD, 8443, tls=True)
    serve(GOOD, 7000, count_until_end)
    serve(GOOD, 7001, speak_first)
    serve(GOOD, 7002, cut_off)
    serve(GOOD, 53, echo)
    for port in (53, 443):
        echo_datagrams(GOOD, port)
    serve(PROXY, 3128, proxy)
    serve(PROXY, 1080, socks)
    names.serve(OTHER, os.path.join(directory, "names"))
    services = os.path.join(directory, "services")
    for port in os.listdir(services) if os.path.isdir(services) else []:
        service(int(port), os.path.join(services, port))


def service(port, file):
    """A real server, as the ordinary user, since many do not serve root."""
    with open(file) as lines:
        words = lines.read().splitlines()
    with open("/proc/self/uid_map") as users, open("/proc/self/gid_map") as groups:
        user, group = users.read().split()[1], groups.read().split()[1]
    said = os.path.join(directory, f"{port}.log")
    with open(said, "w") as log:
        ordinary = ["unshare", "--user", f"--map-user={user}", f"--map-group={group}"]
        server = subprocess.Popen(ordinary + words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    while server.poll() is None:
        try:
            return socket.create_connection((GOOD, port)).close()
        except ConnectionRefusedError:
            # Nothing tells of a socket that begins to listen.
            threading.Event().wait(0.01)
    with open(said) as log:
        sys.exit(f"{words[0]} ended with {server.returncode}:\n{log.read()}")


def child(work):
    """Forks one, and returns what it waits for us with, and what we wait for it with."""
    (its, ours), (told, tells) = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(ours)
        os.close(told)
        work(lambda: os.read(its, 1), lambda: os.write(tells, b"x"))
        threading.Event().wait()
    os.close(its)
    os.close(tells)
    return pid, lambda: os.write(ours, b"x"), lambda: os.read(told, 1) == b"x" or sys.exit("a host is not there")


def elsewhere(wait, tell):
    new_network = 0x40000000
    if ctypes.CDLL(None, use_errno=True).unshare(new_network) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    tell()
    wait()
    # For services of an ordinary user.
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", "w") as first:
        first.write("0")
    be_elsewhere()
    serve_elsewhere()
    tell()


def here(wait, tell):
    webs("127.0.0.1", "::1", HERE, HERE6)
    names.serve("127.0.0.1", os.path.join(directory, "names"))
    tell()


def main():
    build()
    peer, go_on, wait = child(elsewhere)
    wait()
    wire(peer)
    go_on()
    wait()
    child(here)[2]()
    os.execvp(sys.argv[2], sys.argv[2:])


main()
