"""Packages of each language, and a server for them on this machine's loopback interface.

Makes them in the working directory, prints the port, and serves until it is killed. Each package
is a library with one function, which greets.
"""

import base64
import functools
import hashlib
import http.server
import io
import json
import os
import tarfile
import zipfile


def write(path, content):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content if isinstance(content, bytes) else content.encode())


def tar(files):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    return packed.getvalue()


def zipped(files):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return packed.getvalue()


def rust(url):
    crate = tar({
        "greet-1.0.0/Cargo.toml": '[package]\nname = "greet"\nversion = "1.0.0"\nedition = "2021"\n',
        "greet-1.0.0/src/lib.rs": 'pub fn greet(to: &str) -> String { format!("hello {to}") }\n',
    })
    digest = hashlib.sha256(crate).hexdigest()
    entry = {"name": "greet", "vers": "1.0.0", "deps": [], "cksum": digest, "features": {}, "yanked": False}
    write("rust/greet-1.0.0.crate", crate)
    write("rust/index/gr/ee/greet", json.dumps(entry) + "\n")
    write("rust/index/config.json", json.dumps({"dl": url + "/rust/{crate}-{version}.crate"}))


def node(url):
    about = {"name": "greet", "version": "1.0.0", "main": "greet.js", "scripts": {"install": "touch installed"}}
    package = tar({
        "package/package.json": json.dumps(about),
        "package/greet.js": "module.exports = (name) => `hello ${name}`;\n",
    })
    integrity = "sha512-" + base64.b64encode(hashlib.sha512(package).digest()).decode()
    dist = {"tarball": url + "/node/greet-1.0.0.tgz", "integrity": integrity}
    versions = {"1.0.0": {**about, "hasInstallScript": True, "dist": dist}}
    write("node/greet-1.0.0.tgz", package)
    write("node/greet", json.dumps({"name": "greet", "dist-tags": {"latest": "1.0.0"}, "versions": versions}))


def python():
    about = "greet-1.0.dist-info/"
    files = {
        "greet.py": 'def greet(name): return f"hello {name}"\n',
        about + "METADATA": "Metadata-Version: 2.1\nName: greet\nVersion: 1.0\n",
        about + "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[about + "RECORD"] = "".join(f"{name},,\n" for name in [*files, about + "RECORD"])
    write("python/greet/greet-1.0-py3-none-any.whl", zipped(files))


def go():
    place = "go/example.test/greet/@v/"
    module = "module example.test/greet\n\ngo 1.18\n"
    inside = "example.test/greet@v1.0.0/"
    source = 'package greet\n\nfunc Greet(name string) string { return "hello " + name }\n'
    write(place + "list", "v1.0.0\n")
    write(place + "v1.0.0.mod", module)
    write(place + "v1.0.0.info", '{"Version": "v1.0.0", "Time": "2020-01-01T00:00:00Z"}')
    write(place + "v1.0.0.zip", zipped({inside + "go.mod": module, inside + "greet.go": source}))


class Server(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        path = self.translate_path(self.path)
        # Maven asks for the digest of each file.
        if not path.endswith(".sha1") or not os.path.exists(path[: -len(".sha1")]):
            return super().do_GET()
        with open(path[: -len(".sha1")], "rb") as file:
            digest = hashlib.sha1(file.read()).hexdigest().encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(digest)))
        self.end_headers()
        self.wfile.write(digest)

    def log_message(self, *_):
        pass


handler = functools.partial(Server, directory=os.getcwd())
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
address = "http://127.0.0.1:%d" % server.server_port
rust(address)
node(address)
python()
go()
os.symlink("/usr/share/maven-repo", "java")
print(f"serves {server.server_port}", flush=True)
server.serve_forever()
