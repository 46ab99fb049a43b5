"""Makes what package managers install, of one file each, as it lies on a server:

    python3 packages.py pip|npm|cargo FILES

`greeting` is on good.example with its index. The index there has `elsewhere` as well, whose content is on evil.example.
"""
import base64
import hashlib
import io
import json
import os
import sys
import tarfile
import zipfile

HOSTS = {"greeting": "good.example", "elsewhere": "evil.example"}
kind, place = sys.argv[1:]


def put(path, content):
    path = os.path.join(place, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content if isinstance(content, bytes) else content.encode())
    return hashlib.sha256(content).hexdigest() if isinstance(content, bytes) else None


def archive(files):
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as tar:
        for path, content in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content.encode()))
    return made.getvalue()


def pip(name):
    """A wheel (PEP 427) and its page in the index (PEP 503)."""
    about = f"{name}-1.0.dist-info"
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as wheel:
        wheel.writestr(f"{name}.py", "print('hello from pip')\n")
        wheel.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{about}/RECORD", f"{name}.py,,\n{about}/METADATA,,\n{about}/WHEEL,,\n{about}/RECORD,,\n")
    file = f"{name}-1.0-py3-none-any.whl"
    digest = put(f"wheels/{file}", made.getvalue())
    link = f"https://{HOSTS[name]}/files/wheels/{file}#sha256={digest}"
    put(f"simple/{name}/index.html", f'<!DOCTYPE html><a href="{link}">{file}</a>')


def npm(name):
    """A tarball and the document about it, which the registry has by the name alone."""
    about = {"name": name, "version": "1.0.0", "main": "index.js"}
    content = archive({
        "package/package.json": json.dumps(about),
        "package/index.js": "console.log('hello from npm')\n",
    })
    put(f"tarballs/{name}.tgz", content)
    integrity = "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()
    dist = {"tarball": f"https://{HOSTS[name]}/files/tarballs/{name}.tgz", "integrity": integrity}
    versions = {"1.0.0": about | {"dist": dist}}
    put(f"npm/{name}", json.dumps({"name": name, "dist-tags": {"latest": "1.0.0"}, "versions": versions}))


def cargo(name):
    """A crate and its line in a sparse index; where crates are is said once, in the index."""
    manifest = f'[package]\nname = "{name}"\nversion = "1.0.0"\nedition = "2021"\n'
    library = 'pub fn greet() { println!("hello from cargo"); }\n'
    content = archive({f"{name}-1.0.0/Cargo.toml": manifest, f"{name}-1.0.0/src/lib.rs": library})
    digest = put(f"crates/{name}", content)
    line = {"name": name, "vers": "1.0.0", "deps": [], "cksum": digest, "features": {}, "yanked": False}
    index = f"index-{name}"
    put(f"{index}/config.json", json.dumps({"dl": f"https://{HOSTS[name]}/files/crates/{{crate}}"}))
    put(f"{index}/{name[:2]}/{name[2:4]}/{name}", json.dumps(line) + "\n")


for package in HOSTS:
    {"pip": pip, "npm": npm, "cargo": cargo}[kind](package)
