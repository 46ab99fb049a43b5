#!/usr/bin/env python3
"""make.py DIRECTORY      makes the images that the tests use, from Debian packages

Needs mmdebstrap, zstd and skopeo, a Debian mirror, and root or a range of subordinate ids.
Exits with 3 where one of those is missing, which is no fault of the images.

The new DIRECTORY gets a layout `oci` with these tags:

  base         Debian as it is installed first, one layer
  dev          three layers: base; python3, gcc and busybox; edits (see `edits`)
  dev-zstd     the same, packed by zstd        dev-raw    the same, not packed
  dev-mixed    the same: gzip, zstd and not packed
  small        two layers: a part of base, for what is done often; edits
  via-link     a layer upon small writes to `lib/marker`, where `lib` is a link to `usr/lib`
  edge         two layers of what is legal and rare (see `edge_lower`)
  dup          one layer that has a file twice: the last one counts
  multi        an index: for this machine `small`, for another one `edge`

`oci.tar` and `docker.tar` are archives of `small`, by skopeo.
"""

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

SUITE = "bookworm"
PACKAGES = "python3,gcc,libc6-dev,busybox-static"
# A fixed time for what is made here: 2023-11-14.
TIME = 1_700_000_000
# Where the steps inside of mmdebstrap keep what they make, below the new root.
WORK = ".make"
# What is of the machine and the moment: directories to leave empty, and files to leave out.
EMPTY = {"proc", "sys", "dev", "tmp", "run", "var/lib/apt/lists", "var/cache/apt", "var/log"}
ABSENT = {WORK, "etc/hostname", "etc/resolv.conf", "var/cache/ldconfig/aux-cache"}
# What of base is in small.
SMALL = ("etc", "bin", "lib", "sbin", "var/lib/dpkg", "usr/bin/perl", "usr/share/perl5",
         "usr/share/doc/apt", "usr/share/doc/libc6", "usr/lib/apt", "usr/lib/os-release")

DIRECTORY, FILE, SYMLINK, LINK, FIFO, CHARACTER, BLOCK = (
    tarfile.DIRTYPE, tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE,
    tarfile.CHRTYPE, tarfile.BLKTYPE)


# ---- layers from packages; these steps are run by mmdebstrap, below the new root ----

def found(root):
    """Every path, parents first, with what changes when it is written."""
    paths = {}
    for directory, names, files in os.walk(root):
        here = os.path.relpath(directory, root)
        names.sort()
        for name in sorted(names + files):
            path = os.path.normpath(os.path.join(here, name))
            if here not in EMPTY and path not in ABSENT:
                status = os.lstat(os.path.join(directory, name))
                paths[path] = [status.st_ino, status.st_mtime_ns, status.st_ctime_ns]
        names[:] = [name for name in names
                    if os.path.normpath(os.path.join(here, name)) not in EMPTY | {WORK}]
    return dict(sorted(paths.items(), key=lambda item: item[0].split("/")))


def pack(root, paths, tar, *options):
    names = "".join(f"./{path}\0" for path in paths).encode(errors="surrogateescape")
    subprocess.run(["tar", "--create", f"--file={tar}", "--numeric-owner", "--no-recursion",
                    "--null", "--files-from=-", *options], cwd=root, input=names, check=True)


def step_base(root):
    work = Path(root, WORK)
    work.mkdir()
    paths = found(root)
    pack(root, paths, work / "0.tar", "--format=gnu")
    (work / "found.json").write_text(json.dumps(paths))


def step_added(root):
    work = Path(root, WORK)
    before, after = json.loads((work / "found.json").read_text()), found(root)
    changed = [path for path, marks in after.items() if before.get(path) != marks]
    pack(root, changed, work / "1.tar", "--format=posix", "--xattrs", "--xattrs-include=*")
    gone = sorted(before.keys() - after.keys())
    with tarfile.open(work / "1.tar", "a") as tar:
        for path in gone:
            if os.path.dirname(path) not in gone:
                add(tar, whiteout(path))


def install(place):
    """Runs mmdebstrap, which runs the steps above; gives the layers."""
    layers = [place / "0.tar", place / "1.tar"]
    own = os.path.abspath(sys.argv[0])
    steps = []
    for layer, when in zip(layers, ("essential", "customize")):
        # Where it is not root, only mmdebstrap itself can write to `place`.
        steps += [f"--{when}-hook={own} --step {when} \"$1\"",
                  f"--{when}-hook=download /{WORK}/{layer.name} {layer}"]
    options = ["--variant=apt", f"--include={PACKAGES}", "--dpkgopt=force-unsafe-io",
               "--dpkgopt=path-exclude=/usr/share/man/*",
               "--dpkgopt=path-exclude=/usr/share/locale/*",
               '--aptopt=Acquire::Languages "none"', '--aptopt=APT::Install-Recommends "false"']
    command = ["mmdebstrap", *options, *steps, SUITE, "/dev/null"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        words = "\n".join((done.stdout + done.stderr).splitlines()[-20:])
        if not layers[0].exists():
            absent(f"mmdebstrap cannot install Debian here:\n{words}")
        sys.exit(f"mmdebstrap:\n{words}")
    return layers


# ---- layers by hand ----

def add(tar, name, content=b"", kind=FILE, **more):
    entry = tarfile.TarInfo(name)
    entry.type, entry.mtime = kind, TIME
    entry.mode = {DIRECTORY: 0o755, SYMLINK: 0o777}.get(kind, 0o644)
    for key, value in more.items():
        setattr(entry, key, value)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))


def whiteout(path):
    return os.path.join(os.path.dirname(path), ".wh." + os.path.basename(path))


def layer(path, fill, *arguments):
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        fill(tar, *arguments)
    return path


def edits(tar, lower):
    """Changes of every kind to what is in the layers below."""
    def there(path, kind):
        assert lower.get(path) == kind, f"{path} is not what it was when this was written"
        return path
    add(tar, whiteout(there("etc/debian_version", FILE)))
    add(tar, whiteout(there("usr/share/doc/libc6", DIRECTORY)))
    add(tar, there("usr/share/doc/apt", DIRECTORY), kind=DIRECTORY, mode=0o750)
    add(tar, "usr/share/doc/apt/.wh..wh..opq")
    add(tar, "usr/share/doc/apt/new", b"the only one\n")
    add(tar, there("etc/host.conf", FILE), b"replaced\n", mode=0o600, uid=33, gid=42)
    add(tar, there("etc/os-release", SYMLINK), b"ID=made\n")
    add(tar, there("etc/issue", FILE), kind=DIRECTORY)
    add(tar, "etc/issue/inside", b"was a file\n")
    add(tar, there("usr/share/perl5", DIRECTORY), b"was a directory\n")
    add(tar, there("etc/cron.daily", DIRECTORY), kind=SYMLINK, linkname="/usr/share")
    add(tar, "opt/linked", b"of two names\n", mode=0o4755)
    add(tar, "opt/again", kind=LINK, linkname="opt/linked")
    add(tar, "opt/third", kind=LINK, linkname="./opt/again")


def edge_lower(tar):
    """What is legal and rare: names, modes, owners, times, kinds."""
    add(tar, "./", kind=DIRECTORY)
    add(tar, "./dotted/", kind=DIRECTORY, mode=0o2750, gid=42)
    add(tar, "./dotted/setuid", b"#!/bin/sh\n", mode=0o6755)
    add(tar, "/absolute", b"of the root of the image\n")
    add(tar, "implied/parent/file", b"no entry for its parents\n")
    add(tar, "sticky", kind=DIRECTORY, mode=0o1777)
    add(tar, "closed", kind=DIRECTORY, mode=0)
    add(tar, "closed/file", b"nobody may read this\n", mode=0)
    add(tar, "readonly", kind=DIRECTORY, mode=0o555)
    add(tar, "readonly/file", b"r\n", mode=0o444)
    add(tar, "hard", b"one of three\n")
    add(tar, "hard-two", kind=LINK, linkname="hard")
    add(tar, "dotted/hard-three", kind=LINK, linkname="./hard-two")
    add(tar, "link", kind=SYMLINK, linkname="dotted")
    add(tar, "link-up", kind=SYMLINK, linkname="../../../../dotted")
    add(tar, "link-absolute", kind=SYMLINK, linkname="/dotted/setuid")
    add(tar, "link-nowhere", kind=SYMLINK, linkname="/no/such/file")
    add(tar, "through", kind=SYMLINK, linkname="dotted")
    add(tar, "through/link", b"is in dotted\n")
    add(tar, "fifo", kind=FIFO)
    add(tar, "null", kind=CHARACTER, devmajor=1, devminor=3, mode=0o666)
    add(tar, "loop", kind=BLOCK, devmajor=7, devminor=0)
    add(tar, "of-www", b"o\n", uid=33, gid=33)
    add(tar, "of-nobody-here", b"o\n", uid=70_000, gid=4_000_000)
    add(tar, "deep/" + "n" * 200 + "/" + "m" * 250, b"no header has room for this\n")
    add(tar, "utf8-\u00e9\u4e2d\U0001f980", b"u\n")
    add(tar, "blank and\nnewline", b"b\n")
    add(tar, "empty")
    add(tar, "zeros", bytes(1 << 20) + b"end")
    add(tar, "of-1969", b"t\n", mtime=-86_400)
    add(tar, "of-2128", b"t\n", mtime=5_000_000_000)
    add(tar, "nanoseconds", b"t\n", pax_headers={"mtime": f"{TIME}.123456789"})
    capability = bytes([1, 0, 0, 2, 0, 32]) + bytes(14)
    add(tar, "capable", b"c\n", mode=0o755, pax_headers={
        "SCHILY.xattr.security.capability": capability.decode("latin1"),
        "SCHILY.xattr.user.note": "kept"})
    for path in ("gone", "opaque", "opaque/below", "becomes-file"):
        add(tar, path, kind=DIRECTORY)
    for path in ("gone/file", "opaque/file", "opaque/below/file", "becomes-file/file",
                 "becomes-directory", "comes-back", "stays"):
        add(tar, path, b"lower\n")
    add(tar, "link-becomes-directory", kind=SYMLINK, linkname="dotted")


def edge_upper(tar):
    add(tar, ".wh.gone")
    add(tar, ".wh.never-was")
    add(tar, "opaque/before", b"before the mark\n")
    add(tar, "opaque/.wh..wh..opq")
    add(tar, "opaque/after", b"after the mark\n")
    add(tar, "becomes-directory", kind=DIRECTORY)
    add(tar, "becomes-directory/file", b"upper\n")
    add(tar, "becomes-file", b"upper\n")
    add(tar, "link-becomes-directory", kind=DIRECTORY)
    add(tar, "link-becomes-directory/file", b"not in dotted\n")
    add(tar, ".wh.comes-back")
    add(tar, "comes-back", b"upper\n")
    add(tar, "sticky/new", b"its directory stays as it is\n")
    add(tar, ".wh..wh.plnk", kind=DIRECTORY)
    add(tar, "hard-two", b"one of one\n")


def twice(tar):
    add(tar, "twice", b"first\n")
    add(tar, "twice", b"second\n")


def part(tar, base):
    """What small has of base, with the directories that lead there."""
    with tarfile.open(base) as whole:
        for entry in whole:
            path = entry.name.removeprefix("./")
            if any(f"{path}/".startswith(f"{of}/") or of.startswith(f"{path}/") for of in SMALL) \
                    or path.startswith("usr/bin/perl"):
                tar.addfile(entry, whole.extractfile(entry) if entry.isreg() else None)


def kinds(*tars):
    """The kind of every path in the layers, without whiteouts."""
    all_kinds = {}
    for path in tars:
        with tarfile.open(path) as tar:
            all_kinds.update((entry.name.removeprefix("./"), entry.type) for entry in tar)
    return all_kinds


# ---- the layout ----

class Layout:
    def __init__(self, place):
        self.place, self.tags, self.packed = place, [], {}
        (place / "blobs/sha256").mkdir(parents=True)

    def blob(self, content, kind, **more):
        digest = hashlib.sha256(content).hexdigest()
        (self.place / "blobs/sha256" / digest).write_bytes(content)
        return {"mediaType": f"application/vnd.oci.image.{kind}", "size": len(content),
                "digest": f"sha256:{digest}", **more}

    def document(self, value, kind):
        return self.blob(json.dumps(value).encode(), f"{kind}.v1+json")

    def layer(self, tar, packing):
        """The descriptor of a layer and its diff_id."""
        if (tar, packing) not in self.packed:
            plain = tar.read_bytes()
            filters = {"": [], "+gzip": ["gzip", "-n1"], "+zstd": ["zstd", "-q3"]}[packing]
            content = plain if not filters else \
                subprocess.run(filters, input=plain, stdout=subprocess.PIPE, check=True).stdout
            diff_id = "sha256:" + hashlib.sha256(plain).hexdigest()
            self.packed[tar, packing] = self.blob(content, f"layer.v1.tar{packing}"), diff_id
        return self.packed[tar, packing]

    def image(self, tars, packings, platform):
        layers = [self.layer(tar, packing) for tar, packing in zip(tars, packings)]
        config = {
            "created": "2023-11-14T22:13:20Z", **platform,
            "config": {"Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                               "MADE=1"],
                       "WorkingDir": "/root", "Cmd": ["/bin/bash"]},
            "rootfs": {"type": "layers", "diff_ids": [diff_id for _, diff_id in layers]},
            "history": [{"created_by": "make.py"} for _ in layers],
        }
        return self.document({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": self.document(config, "config"),
            "layers": [descriptor for descriptor, _ in layers]}, "manifest")

    def tag(self, name, descriptor):
        named = {"annotations": {"org.opencontainers.image.ref.name": name}}
        self.tags.append({**descriptor, **named})
        return descriptor

    def finish(self):
        write = lambda name, value: (self.place / name).write_text(json.dumps(value))
        write("oci-layout", {"imageLayoutVersion": "1.0.0"})
        write("index.json", {"schemaVersion": 2, "manifests": self.tags})


def make_layout(oci, work):
    base, added = install(work)
    changed = layer(work / "2.tar", edits, kinds(base, added))
    dev = [base, added, changed]
    of_base = layer(work / "small.tar", part, base)
    small = [of_base, layer(work / "small-2.tar", edits, kinds(of_base))]
    marker = layer(work / "marker.tar", lambda tar: add(tar, "lib/marker", b"m\n"))
    edge = [layer(work / "edge.tar", edge_lower), layer(work / "edge-2.tar", edge_upper)]

    here = {"os": "linux", "architecture": subprocess.check_output(
        ["dpkg", "--print-architecture"], text=True).strip()}
    other = {"os": "linux", "architecture": "arm64", "variant": "v8"}
    if here["architecture"] == "arm64":
        here, other = other, {"os": "linux", "architecture": "amd64"}

    layout = Layout(oci)
    gzips = ["+gzip"] * 3
    tag = lambda name, tars, packings=gzips: layout.tag(name, layout.image(tars, packings, here))
    tag("base", [base])
    tag("dev", dev)
    tag("dev-zstd", dev, ["+zstd"] * 3)
    tag("dev-raw", dev, [""] * 3)
    tag("dev-mixed", dev, ["+gzip", "+zstd", ""])
    of_here = tag("small", small)
    tag("via-link", [*small, marker])
    tag("edge", edge)
    tag("dup", [layer(work / "twice.tar", twice)])
    layout.tag("multi", layout.document({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [{**of_here, "platform": here},
                      {**layout.image(edge, gzips, other), "platform": other}]}, "index"))
    layout.finish()


def absent(reason):
    print(reason, file=sys.stderr)
    sys.exit(3)


def main(arguments):
    if arguments[:1] == ["--step"]:
        {"essential": step_base, "customize": step_added}[arguments[1]](arguments[2])
        return
    if len(arguments) != 1 or arguments[0].startswith("-"):
        sys.exit(__doc__)
    # Other users read them.
    os.umask(0o022)
    for program in ("mmdebstrap", "zstd", "skopeo"):
        if not shutil.which(program):
            absent(f"there is no program `{program}`")
    place = Path(arguments[0]).absolute()
    work = place / "work"
    work.mkdir(parents=True)
    make_layout(place / "oci", work)
    shutil.rmtree(work)
    for kind in ("oci", "docker"):
        subprocess.run(["skopeo", "copy", "--quiet", "--insecure-policy", f"oci:{place}/oci:small",
                        f"{kind}-archive:{place}/{kind}.tar:made/small:1"], check=True)


main(sys.argv[1:])
