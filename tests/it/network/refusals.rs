//! What cannot be had is refused, with its place.

use crate::support::Jail;

#[test]
fn an_impossible_combination_is_refused_with_its_line() {
    Jail::new()
        .profile("[network]\nmode = \"host\"\npublish = [\"8080:80\"]\n")
        .run(["true"])
        .exits(125)
        .says("jail: error: cannot publish `127.0.0.1:8080:80`\n")
        .says("3 | publish = [\"8080:80\"]\n  |            ^^^^^^^^^\n");
}

#[test]
fn a_capability_that_undoes_the_wall_is_refused() {
    for name in ["NET_ADMIN", "NET_RAW"] {
        Jail::new()
            .args(["--network", "nat", "--cap-add", name])
            .run(["true"])
            .exits(125)
            .says(&format!("jail: error: `CAP_{name}` cannot be kept in mode `nat`\n"));
    }
}
