//! Names inside.

use crate::support::Jail;

#[test]
fn hosts_of_the_profile_are_known_inside() {
    let jail = Jail::new()
        .profile("[network]\nhosts = { db = \"192.0.2.5\" }\n")
        .args(["--add-host", "api:2001:db8::7"]);
    jail.run(["getent", "ahosts", "db"]).succeeds().output_has("192.0.2.5");
    jail.run(["getent", "ahosts", "api"]).succeeds().output_has("2001:db8::7");
    jail.run(["getent", "ahosts", "localhost"]).succeeds();
}
