//! A real registry and the real program, as a user runs it.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use super::running::{Guard, Running};
use crate::images::commands::{image, line};
use crate::images::others::{ours, tool};
use crate::require;
use crate::support::{Feature, Finished, Jail, Tree, real_images, spawn};

macro_rules! require_registry {
    () => {
        require!(Feature::Program("docker-registry"));
        require!(Feature::Program("skopeo"));
        require!(Feature::RealImages);
    };
}

fn layout() -> String {
    real_images().unwrap().join("oci").display().to_string()
}

/// Has skopeo put a tag of the real images there, and gives the name that it has now.
#[track_caller]
fn push(running: &Running, tag: &str, name: &str, more: &[&str]) -> String {
    push_from(running, &format!("oci:{}:{tag}", layout()), name, more)
}

#[track_caller]
fn push_from(running: &Running, from: &str, name: &str, more: &[&str]) -> String {
    let start = ["skopeo", "copy", "--quiet", "--insecure-policy", "--all", "--preserve-digests"];
    let to = format!("{}/{name}", running.host());
    let target = format!("docker://{to}");
    tool(start.iter().chain(more).copied().chain([from, &*target]));
    to
}

const PLAIN: &[&str] = &["--dest-tls-verify=false"];

/// Runs a program of the image `small`.
fn cat(jail: Jail, name: &str, more: &[&str]) -> Finished {
    jail.args(["--image", name]).args(more).run(["cat", "/etc/os-release"])
}

#[track_caller]
fn ran(finished: &Finished) {
    finished.succeeds().outputs("ID=made\n");
}

#[test]
fn a_run_pulls_what_is_missing_and_no_more() {
    require_registry!();
    let running = Running::start(Guard::Nothing);
    let name = push(&running, "small", "made/small:1", PLAIN);
    let jail = || Jail::new().args(["--quiet"]);
    ran(&cat(jail(), &name, &[]));
    cat(jail(), &name, &["--pull", "never"]).exits(125).says("is not in the store");

    let jail = jail().args(["--image", &name]);
    let words = ["cat", "/etc/os-release"];
    ran(&jail.run(words));
    let asked = fs::metadata(running.path("access")).unwrap().len();
    ran(&jail.run(words));
    assert_eq!(fs::metadata(running.path("access")).unwrap().len(), asked, "it is there");

    // The name leads elsewhere now, to an image without programs.
    push(&running, "dup", "made/small:1", PLAIN);
    ran(&jail.run(words));
    let jail = jail.args(["--pull", "always"]);
    jail.run(words).exits(127).says("does not have it");

    drop(running);
    jail.run(words).exits(125).says(&name).says("[ECONNREFUSED]");
    let jail = jail.args(["--pull", "missing"]);
    jail.run(words).exits(127).says("does not have it");
}

#[test]
fn what_is_pulled_is_what_was_pushed() {
    require_registry!();
    let running = Running::start(Guard::Nothing);
    let expected = ours(&Jail::new(), &format!("oci:{}:small", layout()));
    // To a registry skopeo packs nothing anew that it has seen packed.
    let zstd = format!("oci:{}:zstd", running.path("zstd").display());
    let small = format!("oci:{}:small", layout());
    let packed = ["--quiet", "--insecure-policy", "--dest-compress-format=zstd", "--dest-compress"];
    tool(["skopeo", "copy"].into_iter().chain(packed).chain([&*small, &*zstd]));
    for (packing, from) in [("gzip", &small), ("zstd", &zstd)] {
        let name = push_from(&running, from, &format!("made/small:{packing}"), PLAIN);
        let jail = Jail::new();
        let digest = image(&jail, &["pull", "--quiet", &name]).succeeds().is_silent().stdout_text();
        let inspect = ["skopeo", "inspect", "--tls-verify=false", "--format={{.Digest}}"];
        let theirs = tool(inspect.into_iter().chain([&*format!("docker://{name}")]));
        assert_eq!(digest.trim(), theirs);
        let raw = ["skopeo", "inspect", "--tls-verify=false", "--raw"];
        let manifest = tool(raw.into_iter().chain([&*format!("docker://{name}")]));
        assert!(manifest.contains(&format!("tar+{packing}")), "{manifest}");
        let tree = jail.home().join("pulled");
        image(&jail, &["unpack", "--quiet", &name, tree.to_str().unwrap()]).succeeds();
        Tree::recorded(&tree).equals(&expected, packing);
    }
}

#[test]
fn a_digest_that_was_pulled_needs_no_registry() {
    require_registry!();
    let running = Running::start(Guard::Nothing);
    let name = push(&running, "small", "made/small:1", PLAIN);
    let jail = Jail::new();
    let digest = image(&jail, &["pull", "--quiet", &name]).succeeds().stdout_text();
    let pinned = format!("{}/made/small@{}", running.host(), digest.trim());
    drop(running);
    let mut jail = jail.args(["--quiet", "--image", &pinned]);
    for pull in ["missing", "never", "always"] {
        // The last one counts.
        jail = jail.args(["--pull", pull]);
        ran(&jail.run(["cat", "/etc/os-release"]));
    }
}

#[test]
fn an_image_of_several_is_chosen_by_platform() {
    require_registry!();
    let running = Running::start(Guard::Nothing);
    let name = push(&running, "multi", "made/multi:1", PLAIN);
    let jail = Jail::new();
    let raw =
        tool(["skopeo", "inspect", "--tls-verify=false", "--raw", &format!("docker://{name}")]);
    let index: Value = serde_json::from_str(&raw).unwrap();
    for entry in index["manifests"].as_array().unwrap() {
        let word = |key: &str| entry["platform"][key].as_str().unwrap_or_default();
        let platform = format!("{}/{}/{}", word("os"), word("architecture"), word("variant"));
        let platform = platform.trim_end_matches('/');
        let digest = format!("{}\n", entry["digest"].as_str().unwrap());
        image(&jail, &["pull", "-q", "--platform", platform, &name]).succeeds().outputs(&digest);
    }
    image(&jail, &["pull", "-q", "--platform", "linux/s390x", &name])
        .exits(125)
        .says("linux/s390x")
        .says("linux/amd64");
    ran(&cat(jail.args(["--quiet"]), &name, &[]));
}

#[test]
fn pulls_at_once_fetch_every_layer_once() {
    require_registry!();
    let running = Running::start(Guard::Nothing);
    // Large enough that they meet.
    let name = push(&running, "base", "made/base:1", PLAIN);
    let jail = Jail::new();
    let start = || {
        let mut command = jail.command(&line(&["pull", "--quiet", &name]));
        spawn(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()))
    };
    let outputs = [start(), start(), start()].map(|child| child.wait_with_output().unwrap());
    for output in &outputs {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.stdout, outputs[0].stdout);
    }
    let manifest =
        tool(["skopeo", "inspect", "--tls-verify=false", "--raw", &format!("docker://{name}")]);
    let manifest: Value = serde_json::from_str(&manifest).unwrap();
    let layers = manifest["layers"].as_array().unwrap();
    assert_eq!(layers.len(), 1);
    assert_eq!(running.requests_for(layers[0]["digest"].as_str().unwrap()), 1);
}

/// Where docker and podman keep passwords, and what they write.
#[test]
fn passwords_are_found_where_docker_and_podman_keep_them() {
    require_registry!();
    let running = Running::start(Guard::Password);
    let name = push(
        &running,
        "small",
        "made/small:1",
        &["--dest-tls-verify=false", "--dest-creds=me:s3cret"],
    );
    let host = running.host();
    let jail = || Jail::new().args(["--quiet"]);

    let refused = cat(jail(), &name, &[]);
    refused.exits(125).says("may not be pulled").says("podman login");
    let wrong = format!(r#"{{"auths":{{"{host}":{{"auth":"bWU6d3Jvbmc="}}}}}}"#);
    let refused = cat(jail().home_file(".docker/config.json", wrong), &name, &[]);
    refused.exits(125).says("do not suffice").says(".docker/config.json");

    for place in [".docker/config.json", ".config/containers/auth.json"] {
        let jail = jail();
        let file = jail.home().join(place);
        log_in(&jail, &host, &file);
        ran(&cat(jail, &name, &[]));
    }
    let helper = jail()
        .home_file(".docker/config.json", format!(r#"{{"credHelpers":{{"{host}":"test"}}}}"#))
        .script(
            "docker-credential-test",
            format!(
                "#!/bin/sh\n[ \"$1\" = get ] && [ \"$(cat)\" = {host} ] &&\n\
                 echo '{{\"ServerURL\":\"{host}\",\"Username\":\"me\",\"Secret\":\"s3cret\"}}'\n"
            ),
        );
    let path = format!("{}:/usr/bin:/bin", helper.project().display());
    ran(&cat(helper.env("PATH", path), &name, &[]));
}

/// Has skopeo log in, as the user.
#[track_caller]
fn log_in(jail: &Jail, host: &str, file: &Path) {
    let words = ["skopeo", "login", "--tls-verify=false", "-u", "me", "-p", "s3cret"];
    let directory = file.parent().unwrap().to_str().unwrap();
    jail.run_outside(["mkdir", "-p", directory]).succeeds();
    let file = format!("--authfile={}", file.display());
    jail.run_outside(words.into_iter().chain([&*file, host])).succeeds();
}

#[test]
fn a_registry_of_ones_own_authority_is_trusted_by_its_certificate() {
    require_registry!();
    require!(Feature::Program("openssl"));
    let running = Running::start(Guard::Tls);
    let trusted = running.path("trusted");
    fs::create_dir(&trusted).unwrap();
    fs::copy(running.path("ca.crt"), trusted.join("ca.crt")).unwrap();
    let trusted = format!("--dest-cert-dir={}", trusted.display());
    let name = push(&running, "small", "made/small:1", &[&trusted]);
    let ca = fs::read(running.path("ca.crt")).unwrap();
    let jail = || Jail::new().args(["--quiet"]);

    cat(jail(), &name, &[]).exits(125).says("not to be trusted");
    let place = format!(".config/containers/certs.d/{}/ca.crt", running.host());
    ran(&cat(jail().home_file(&place, &ca), &name, &[]));
    let by_variable = jail().home_file("ca.crt", &ca);
    let file = by_variable.home().join("ca.crt");
    ran(&cat(by_variable.env("SSL_CERT_FILE", file), &name, &[]));
    let insecure = jail();
    image(&insecure, &["pull", "--quiet", "--insecure", &name]).succeeds();
    ran(&cat(insecure, &name, &["--pull", "never"]));
}
