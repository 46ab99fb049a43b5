//! Programs by their packages.

use super::{Distribution, Fix, Surroundings};

/// Installs what has this program.
pub fn install(program: &str, surroundings: &Surroundings) -> Fix {
    let package = package(program, surroundings.distribution);
    let fix = Fix::new(format!("install `{program}`, of the package `{package}`"));
    let command = match surroundings.distribution {
        Distribution::Debian | Distribution::Ubuntu => format!("apt-get install {package}"),
        Distribution::Fedora => format!("dnf install {package}"),
        Distribution::Arch => format!("pacman -S {package}"),
        Distribution::Suse => format!("zypper install {package}"),
        Distribution::Alpine => format!("apk add {package}"),
        Distribution::Nixos => {
            return fix.line(match program {
                // They are there, with their rights, below /run/wrappers/bin.
                "newuidmap" | "newgidmap" => "PATH=/run/wrappers/bin:$PATH".to_owned(),
                _ => format!("environment.systemPackages = [ pkgs.{package} ];"),
            });
        }
        Distribution::Other => return fix,
    };
    fix.line(surroundings.as_root(&command))
}

fn package(program: &str, distribution: Distribution) -> &'static str {
    match (program, distribution) {
        ("newuidmap" | "newgidmap", Distribution::Debian | Distribution::Ubuntu) => "uidmap",
        ("newuidmap" | "newgidmap", Distribution::Fedora) => "shadow-utils",
        ("newuidmap" | "newgidmap", Distribution::Alpine) => "shadow-uidmap",
        ("newuidmap" | "newgidmap", Distribution::Other) => "uidmap",
        ("newuidmap" | "newgidmap", _) => "shadow",
        _ => "passt",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remedy::forbidden::tests::surroundings;

    #[test]
    fn each_distribution_has_its_command() {
        let fix = |program, distribution| install(program, &surroundings(distribution));
        for (program, distribution, expected) in [
            ("pasta", Distribution::Debian, "sudo apt-get install passt"),
            ("newuidmap", Distribution::Ubuntu, "sudo apt-get install uidmap"),
            ("newuidmap", Distribution::Fedora, "sudo dnf install shadow-utils"),
            ("newgidmap", Distribution::Arch, "sudo pacman -S shadow"),
            ("pasta", Distribution::Suse, "sudo zypper install passt"),
            ("newuidmap", Distribution::Alpine, "doas apk add shadow-uidmap"),
            ("newuidmap", Distribution::Nixos, "PATH=/run/wrappers/bin:$PATH"),
            ("pasta", Distribution::Nixos, "environment.systemPackages = [ pkgs.passt ];"),
        ] {
            assert_eq!(fix(program, distribution).lines, [expected]);
        }
        let elsewhere = Fix::new("install `pasta`, of the package `passt`");
        assert_eq!(fix("pasta", Distribution::Other), elsewhere);
    }
}
