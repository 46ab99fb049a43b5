#!/usr/bin/env bash
# What images cost: to unpack them, to bring them into the store, to pull them from a registry, to start on
# them. Start it as root: podman's starts need that where there are old cgroups too, everything else runs
# as an ordinary user.
#
#     JAIL_BENCH_IMAGES=DIRECTORY   images made before; else tests/images/make.py makes them
#     ROUNDS=NUMBER                how often each command runs; default: 5
#     TMPDIR=DIRECTORY             where files are written; default: /var/tmp
bench=$(cd "$(dirname "$0")" && pwd)
source "$bench/setup.sh"
need umoci umoci
need podman podman
need runc runc
need skopeo skopeo
need igzip isal
need docker-registry docker-registry
rounds=${1:-${ROUNDS:-5}}
if [ "$(id -u)" != 0 ] && [ -z "${JAIL_BENCH_DIR:-}" ]; then
    echo "$0: start this as root; all but podman's starts runs as an ordinary user" >&2
    exit 1
fi

# A table of names, what comes before each round, and commands.
in_fresh_places() { python3 once.py "$rounds" "$@"; }

# Prints the blobs of the layers of an image, the lowest first.
blobs() {
    python3 - "$1" <<'PY'
import json, sys
blob = lambda digest: f"oci/blobs/sha256/{digest.split(':')[1]}"
with open("oci/index.json", encoding="utf-8") as file:
    index = json.load(file)
name = "org.opencontainers.image.ref.name"
[found] = [entry for entry in index["manifests"] if entry["annotations"].get(name) == sys.argv[1]]
with open(blob(found["digest"]), encoding="utf-8") as file:
    print(*(blob(layer["digest"]) for layer in json.load(file)["layers"]))
PY
}

# What directories forbid is no hindrance to removing them.
clear='chmod -R u+rwX tree 2>/dev/null; rm -rf tree'
podman='podman --root podman/root --runroot podman/run --storage-driver overlay'
podman+=' --cgroup-manager cgroupfs --runtime runc'
no_podman="$podman rmi -fa >/dev/null 2>&1; true"

# Has none of these images in jail's store; they share their layers.
without() { echo "{ for i in $*; do ./jail image remove \$i; done; ./jail image prune; } >/dev/null 2>&1"; }

unpacking() {
    local blob inflate='' extract='' create='' tar='tar -x -C tree --recursive-unlink'
    for blob in $(blobs dev); do
        inflate+="igzip -dc $blob >/dev/null && "
        extract+="{ igzip -dc $blob | $tar; } && "
    done
    for blob in $(blobs dev-raw); do
        create+="$tar -f $blob && "
    done
    in_fresh_places \
        "jail image unpack" "$clear" "./jail image unpack -q oci:oci:dev tree" \
        "the same, zstd layers" "$clear" "./jail image unpack -q oci:oci:dev-zstd tree" \
        "umoci unpack" "$clear" "umoci unpack --rootless --image oci:dev tree" \
        "\`igzip -dc \\| tar x\` for each layer" "$clear; mkdir tree" "$extract true" \
        "inflate only: \`igzip -dc\`" "$clear" "$inflate true" \
        "create the files only: \`tar x\`, plain layers" "$clear; mkdir tree" "$create true"
    sh -c "$clear"
}

storing() {
    in_fresh_places \
        "jail image import" "$(without oci:oci:dev oci:oci:dev-zstd)" \
        "./jail image import -q oci:oci:dev" \
        "the same, zstd layers" "$(without oci:oci:dev oci:oci:dev-zstd)" \
        "./jail image import -q oci:oci:dev-zstd" \
        "podman pull" "$no_podman" "$podman pull -q oci:oci:dev"
    sh -c "$(without oci:oci:dev oci:oci:dev-zstd); $no_podman"
}

pulling() {
    local at=127.0.0.1:$1/bench
    in_fresh_places \
        "jail image pull" "$(without "$at:dev" "$at:dev-zstd")" "./jail image pull -q $at:dev" \
        "the same, zstd layers" "$(without "$at:dev" "$at:dev-zstd")" \
        "./jail image pull -q $at:dev-zstd" \
        "podman pull" "$no_podman" "$podman pull -q --tls-verify=false docker://$at:dev" \
        "skopeo copy, umoci unpack" "$clear; rm -rf copy" \
        "skopeo copy -q --src-tls-verify=false docker://$at:dev oci:copy:dev &&
         umoci unpack --rootless --image copy:dev tree"
    sh -c "$(without "$at:dev" "$at:dev-zstd"); $no_podman; $clear; rm -rf copy"
}

# Fills a registry with the images, and has it end with this script.
serve() {
    port=$(python3 -c 'import socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    cat >registry.yml <<YML
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: $PWD/registry}}
http: {addr: "127.0.0.1:$port"}
YML
    docker-registry serve registry.yml >registry.log 2>&1 &
    # shellcheck disable=SC2064 # The process that runs now.
    trap "kill $!" EXIT
    until python3 -c "import socket; socket.create_connection(('127.0.0.1', $port))" 2>/dev/null; do
        kill -0 $! || { cat registry.log >&2 && exit 1; }
    done
    # By default it is looked for where root's podman may have closed a directory to this user. Not before:
    # the server takes variables of such names for its own.
    echo '{}' >auth.json
    export REGISTRY_AUTH_FILE=$PWD/auth.json
    for tag in dev dev-zstd; do
        skopeo copy -q --dest-tls-verify=false "oci:oci:$tag" "docker://127.0.0.1:$port/bench:$tag"
    done
}

starting() {
    local user words host image theirs
    user=$(id -u "${JAIL_BENCH_USER:-jail-test}")
    words="setpriv --reuid $user --regid $user --clear-groups --"
    words+=" env -i PATH=$PATH HOME=$PWD/home $PWD/jail run -q"
    # By way of the same two programs.
    theirs="setpriv --reuid 0 --regid 0 --clear-groups -- env PATH=$PATH $podman run --rm --network none --ulimit nofile=1024:1024 --ulimit nproc=1024:1024"
    $podman pull -q oci:oci:dev >/dev/null
    image=$($podman images -q)
    host="$words -- /bin/true"
    in_turns 4 "$((4 * rounds))" \
        "jail run on an image" "$words --image oci:$PWD/oci:dev -- /bin/true" \
        "jail run on the host's root" "$host" \
        "podman run" "$theirs $image /bin/true"
}

if [ -n "${JAIL_BENCH_DIR:-}" ]; then
    cd "$JAIL_BENCH_DIR"
    mkdir -p home
    export HOME=$PWD/home
    printf '\nFrom a layout, which is in memory, to a tree of files. jail verifies sizes, digests and diff_ids, umoci\n'
    printf 'digests; the others verify nothing. umoci is the only other one that obeys what a layer removes.\n\n'
    unpacking
    printf '\nInto the store, and jail has it on the disk before it says so:\n\n'
    storing
    serve
    printf '\nFrom a registry on the same machine, by plain HTTP:\n\n'
    pulling "$port"
    ./jail image import -q "oci:$PWD/oci:dev" >/dev/null
    exit
fi

prepare
images=${JAIL_BENCH_IMAGES:-}
if [ -z "$images" ]; then
    images=$JAIL_BENCH_DIR/made
    python3 "$(dirname "$bench")/images/make.py" "$images" >&2
fi
cp -r "$images/oci" "$JAIL_BENCH_DIR/oci"
count=0
for blob in $(cd "$JAIL_BENCH_DIR" && blobs dev-raw); do
    count=$((count + $(tar -tf "$JAIL_BENCH_DIR/$blob" | wc -l)))
done
size() { (cd "$JAIL_BENCH_DIR" && cat $(blobs "$1") | wc -c | awk '{ printf "%d MB", $1 / 1e6 }'); }
cat <<TEXT

## Images

A Debian with programs in it: 3 layers with $count entries, $(size dev) as gzip, $(size dev-zstd) as zstd, $(size dev-raw)
unpacked. Everything is read from memory. jail unpacks up to three layers at a time, each in three threads (inflate,
hash, write), with buffers of about 10 MiB for each layer. To that come the window of a zstd layer, 8 MiB as programs write
it and at most 128 MiB, and some 200 bytes for each directory of a layer.
TEXT
as_user "$JAIL_BENCH_DIR/image.sh" "$rounds"
printf '\nStarts of /bin/true, when the image is there already; podman as root:\n\n'
cd "$JAIL_BENCH_DIR"
starting
$podman rmi -fa >/dev/null 2>&1
