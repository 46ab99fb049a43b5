//! Settings of the kernel, and its modules: now, and after the next start.

use super::{Distribution, Fix, Surroundings};

/// Where our settings are kept on a machine.
const DROP_IN: &str = "/etc/sysctl.d/60-jail.conf";

/// Sets one setting of sysctl(8).
pub fn set(key: &str, value: &str, surroundings: &Surroundings) -> Fix {
    if surroundings.distribution == Distribution::Nixos {
        return Fix::new(format!(
            "set {key} to {value} in configuration.nix, and rebuild the system"
        ))
        .line(format!("boot.kernel.sysctl.\"{key}\" = {value};"));
    }
    let fix = Fix::new(format!("set {key} to {value}, now and for later starts"));
    let write = surroundings.as_root(&format!("tee -a {DROP_IN}"));
    fix.line(format!("echo '{key} = {value}' | {write}"))
        .line(surroundings.as_root(&format!("sysctl -p {DROP_IN}")))
}

/// Loads a module of the kernel.
pub fn load_module(name: &str, surroundings: &Surroundings) -> Fix {
    if surroundings.distribution == Distribution::Nixos {
        return Fix::new(format!(
            "load the module `{name}` in configuration.nix, and rebuild the system"
        ))
        .line(format!("boot.kernelModules = [ \"{name}\" ];"));
    }
    let fix = Fix::new(format!("load the kernel's module `{name}`, now and at later starts"));
    let list = match surroundings.distribution {
        Distribution::Alpine => "/etc/modules".to_owned(),
        _ => "/etc/modules-load.d/jail.conf".to_owned(),
    };
    fix.line(surroundings.as_root(&format!("modprobe {name}")))
        .line(format!("echo {name} | {}", surroundings.as_root(&format!("tee -a {list}"))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remedy::forbidden::tests::{shown, surroundings};

    #[test]
    fn a_setting_is_kept_as_the_distribution_keeps_them() {
        let fix = |distribution| shown(&[set("user.x", "1", &surroundings(distribution))]);
        assert_eq!(
            fix(Distribution::Nixos),
            "set user.x to 1 in configuration.nix, and rebuild the system\n    \
             boot.kernel.sysctl.\"user.x\" = 1;\n"
        );
        assert_eq!(
            fix(Distribution::Debian),
            "set user.x to 1, now and for later starts\n    \
             echo 'user.x = 1' | sudo tee -a /etc/sysctl.d/60-jail.conf\n    \
             sudo sysctl -p /etc/sysctl.d/60-jail.conf\n"
        );
    }

    #[test]
    fn a_module_is_listed_where_the_distribution_lists_them() {
        let fix = |distribution| shown(&[load_module("tun", &surroundings(distribution))]);
        assert_eq!(
            fix(Distribution::Nixos),
            "load the module `tun` in configuration.nix, and rebuild the system\n    \
             boot.kernelModules = [ \"tun\" ];\n"
        );
        let title = "load the kernel's module `tun`, now and at later starts\n    ";
        assert_eq!(
            fix(Distribution::Fedora),
            format!(
                "{title}sudo modprobe tun\n    \
                 echo tun | sudo tee -a /etc/modules-load.d/jail.conf\n"
            )
        );
        assert_eq!(
            fix(Distribution::Alpine),
            format!("{title}doas modprobe tun\n    echo tun | doas tee -a /etc/modules\n")
        );
    }
}
