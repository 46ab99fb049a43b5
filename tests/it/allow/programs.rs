//! Programs that know nothing of it, and of no proxy.

use super::world::world;
use crate::require;
use crate::support::{Feature, Finished};

/// The program reaches the allowed server and not the other; each says `reached` or fails.
fn check(command: impl Fn(&str) -> Vec<String>) {
    let jail = world(&["good.example:443"]);
    jail.run(command("good.example")).succeeds().output_has("reached 203.0.113.7");
    let refused: Finished = jail.run(command("evil.example"));
    refused.says("refused evil.example (").output_lacks("reached");
    assert!(!refused.status.success());
    jail.run_outside(command("evil.example")).output_has("reached 203.0.113.8");
}

fn words<const COUNT: usize>(words: [&str; COUNT]) -> Vec<String> {
    words.map(str::to_owned).to_vec()
}

#[test]
fn curl_needs_no_proxy() {
    require!(Feature::Userns);
    check(|host| {
        words(["curl", "-sS", "--cacert", "world/server.crt", &format!("https://{host}/")])
    });
}

#[test]
fn python_needs_no_proxy() {
    require!(Feature::Userns);
    require!(Feature::Program("python3"));
    check(|host| {
        let script = format!(
            "import ssl, urllib.request as web\n\
             trust = ssl.create_default_context(cafile='world/server.crt')\n\
             print(web.urlopen('https://{host}/', context=trust).read().decode())"
        );
        words(["python3", "-c", &script])
    });
}

#[test]
fn node_needs_no_proxy() {
    require!(Feature::Userns);
    require!(Feature::Program("node"));
    check(|host| {
        let script = format!(
            "const ca = require('fs').readFileSync('world/server.crt');\n\
             require('https').get({{ host: '{host}', ca }}, answer => answer.pipe(process.stdout))"
        );
        words(["node", "-e", &script])
    });
}

#[test]
fn openssl_needs_no_proxy() {
    require!(Feature::Userns);
    check(|host| {
        let script = format!(
            "printf 'GET / HTTP/1.0\\r\\nHost: {host}\\r\\n\\r\\n' | openssl s_client -quiet \
             -verify_return_error -CAfile world/server.crt -connect {host}:443 2>/dev/null | grep reached"
        );
        words(["sh", "-c", &script])
    });
}

#[test]
fn java_needs_no_proxy() {
    require!(Feature::Userns);
    require!(Feature::Program("java"));
    let source = "import java.io.*; import java.net.*; import java.security.*; import java.security.cert.*; import javax.net.ssl.*;\n\
        class Get { public static void main(String[] a) throws Exception {\n\
        KeyStore store = KeyStore.getInstance(\"PKCS12\"); store.load(null, null);\n\
        store.setCertificateEntry(\"x\", CertificateFactory.getInstance(\"X.509\").generateCertificate(new FileInputStream(\"world/server.crt\")));\n\
        TrustManagerFactory trust = TrustManagerFactory.getInstance(\"PKIX\"); trust.init(store);\n\
        SSLContext tls = SSLContext.getInstance(\"TLS\"); tls.init(null, trust.getTrustManagers(), null);\n\
        HttpsURLConnection one = (HttpsURLConnection) new URL(\"https://\" + a[0] + \"/\").openConnection();\n\
        one.setSSLSocketFactory(tls.getSocketFactory());\n\
        System.out.println(new String(one.getInputStream().readAllBytes())); } }\n";
    let jail = world(&["good.example:443"]).file("Get.java", source);
    let run =
        |host: &str| words(["java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "Get.java", host]);
    jail.run(run("good.example")).succeeds().output_has("reached 203.0.113.7");
    jail.run(run("evil.example")).says("refused evil.example (").output_lacks("reached");
}

#[test]
fn git_over_https_needs_no_proxy() {
    require!(Feature::Userns);
    require!(Feature::Program("git"));
    let jail = world(&["good.example:443"]);
    let make = "git init -q work && cd work && git -c user.name=a -c user.email=a@b commit -q \
        --allow-empty -m first && git clone -q --bare . ../world/files/work.git && \
        cd ../world/files/work.git && git update-server-info";
    std::fs::create_dir_all(jail.project().join("world/files")).expect("a directory can be made");
    jail.user().own(&jail.project().join("world/files"));
    jail.run_outside(["sh", "-c", make]).succeeds();
    let clone = |host: &str, to: &str| {
        let url = format!("https://{host}/files/work.git");
        let mut line = words(["git", "-c", "http.sslCAInfo=world/server.crt", "clone", "-q"]);
        line.extend([url, to.to_owned()]);
        line
    };
    jail.run(clone("good.example", "copy")).succeeds();
    jail.run(["git", "-C", "copy", "log", "--format=%s"]).outputs("first\n");
    jail.run(clone("evil.example", "other")).exits(128).says("refused evil.example (");
}
