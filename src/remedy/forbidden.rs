//! Which mechanism forbids user namespaces.

use nix::errno::Errno;

use super::{Distribution, Fix, Settings, Surroundings, apparmor, outside, sysctl};

/// What stands against a new user namespace, or against what it is made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Forbidden {
    /// `user.max_user_namespaces` is 0.
    SwitchedOff { nested: bool },
    /// There are as many as there may be, or they are nested too deep.
    TooMany { nested: bool },
    /// `kernel.unprivileged_userns_clone` is 0: Debian's kernels.
    ForRootOnly,
    /// `kernel.apparmor_restrict_unprivileged_userns` is 1: Ubuntu's.
    ForKnownPrograms,
    /// A profile of AppArmor that we are confined by.
    Confined { profile: String },
    /// SELinux's policy.
    Policy,
    /// A filter for system calls: of a container, or of a service.
    Filter,
    /// We are in a chroot(2).
    Chroot,
    /// Nothing that can be seen; a security module.
    Unseen,
    /// The kernel was built without them.
    NotBuilt,
    /// The kernel is too old for clone3(2).
    TooOld,
}

impl Forbidden {
    /// Who said `errno` to clone3(2), or to a step that needs nothing but a user namespace.
    pub fn by(errno: Errno, settings: &Settings) -> Option<Self> {
        let says = |setting: &Option<String>, value: &str| setting.as_deref() == Some(value);
        let nested = settings.nested;
        let refused = matches!(errno, Errno::EPERM | Errno::EACCES);
        Some(match errno {
            Errno::ENOSPC | Errno::EPERM | Errno::ENOSYS
                if says(&settings.max_user_namespaces, "0") =>
            {
                Self::SwitchedOff { nested }
            }
            Errno::ENOSPC | Errno::EUSERS => Self::TooMany { nested },
            _ if refused && says(&settings.unprivileged_userns_clone, "0") => Self::ForRootOnly,
            _ if refused && says(&settings.apparmor_restrict_unprivileged_userns, "1") => {
                Self::ForKnownPrograms
            }
            // What a security module says, and few filters do.
            Errno::EACCES if settings.apparmor_profile.is_some() => {
                Self::Confined { profile: settings.apparmor_profile.clone().unwrap_or_default() }
            }
            Errno::EACCES if settings.selinux => Self::Policy,
            Errno::EPERM | Errno::EACCES | Errno::ENOSYS if settings.filtered => Self::Filter,
            Errno::EACCES => Self::Unseen,
            Errno::EPERM if settings.chrooted => Self::Chroot,
            // What AppArmor says to who lacks a capability, also in a user namespace of her own.
            Errno::EPERM if settings.apparmor_profile.is_some() => {
                Self::Confined { profile: settings.apparmor_profile.clone().unwrap_or_default() }
            }
            Errno::EPERM => Self::Unseen,
            Errno::EINVAL if !settings.user_namespaces => Self::NotBuilt,
            Errno::ENOSYS => Self::TooOld,
            _ => return None,
        })
    }

    /// Who said `errno` to something that is done in the namespaces, and asks for no more than them.
    pub fn inside(errno: Errno, settings: &Settings) -> Option<Self> {
        Self::by(errno, settings).filter(|forbidden| {
            matches!(
                forbidden,
                Self::ForKnownPrograms | Self::Filter | Self::Confined { .. } | Self::Policy
            )
        })
    }

    /// After `because:`, with the errno that was seen.
    pub fn because(&self, errno: Errno) -> String {
        let words = match self {
            Self::SwitchedOff { .. } => {
                "user namespaces are switched off: user.max_user_namespaces is 0".to_owned()
            }
            Self::TooMany { nested: false } => {
                "a limit on namespaces is reached: user.max_*_namespaces".to_owned()
            }
            Self::TooMany { nested: true } => {
                "user namespaces are nested more than 32 deep, or a limit \
                 on namespaces is reached, here or outside: user.max_*_namespaces"
                    .to_owned()
            }
            Self::ForRootOnly => {
                "user namespaces are for root only: kernel.unprivileged_userns_clone is 0"
                    .to_owned()
            }
            Self::ForKnownPrograms => "AppArmor gives user namespaces to known programs only: \
                 kernel.apparmor_restrict_unprivileged_userns is 1"
                .to_owned(),
            Self::Confined { profile } => {
                format!(
                    "the AppArmor profile `{profile}`, which jail was started under, forbids it"
                )
            }
            Self::Policy => "the policy of SELinux forbids it".to_owned(),
            Self::Filter => "the seccomp filter of this container or service forbids it".to_owned(),
            Self::Chroot => {
                "this is a chroot(2), in which the kernel makes no user namespace".to_owned()
            }
            Self::Unseen => "a security module forbids it, or this is a chroot(2), in which the \
                 kernel makes no user namespace"
                .to_owned(),
            Self::NotBuilt => "this kernel has no user namespaces (CONFIG_USER_NS)".to_owned(),
            Self::TooOld => "this kernel has no clone3".to_owned(),
        };
        format!("{words} [{errno:?}]")
    }

    /// What to do, the best first.
    pub fn fixes(&self, surroundings: &Surroundings) -> Vec<Fix> {
        match self {
            Self::SwitchedOff { nested: true } => vec![
                Fix::new("inside another jail: start that one with `--nesting on`"),
                Fix::new("in a container: set user.max_user_namespaces for it, outside"),
            ],
            Self::SwitchedOff { nested: false } => {
                vec![sysctl::set("user.max_user_namespaces", "15000", surroundings)]
            }
            Self::TooMany { nested: false } => {
                vec![Fix::new("see `sysctl user` for the limits, or end other sandboxes")]
            }
            Self::TooMany { nested: true } => vec![Fix::new(
                "start jail further outside, or see `sysctl user` for the limits, here and outside",
            )],
            Self::ForRootOnly => {
                vec![sysctl::set("kernel.unprivileged_userns_clone", "1", surroundings)]
            }
            Self::ForKnownPrograms => {
                let key = "kernel.apparmor_restrict_unprivileged_userns";
                let all = sysctl::set(key, "0", surroundings);
                let all = Fix { title: format!("or let all programs have them: {key}=0"), ..all };
                apparmor::profile(surroundings).into_iter().chain([all]).collect()
            }
            Self::Confined { .. } if surroundings.is_contained() => {
                outside::without_apparmor(surroundings)
            }
            Self::Confined { profile } => vec![Fix::new(format!(
                "start jail from outside of `{profile}`, or add the rules `userns,`, `capability,`, `mount,`, \
                 `umount,` and `pivot_root,` to that profile"
            ))],
            Self::Policy => vec![
                Fix::new("make a module of what was refused, look at it, and install it")
                    .line("cd \"$(mktemp -d)\"")
                    .line(surroundings.as_root("ausearch -m avc -ts recent | audit2allow -M jail"))
                    .line(surroundings.as_root("semodule -i jail.pp")),
            ],
            Self::Filter => outside::allow_namespaces(surroundings),
            Self::Chroot => vec![Fix::new(
                "start jail outside the chroot, or make its root a real one with pivot_root(8), as \
                 bubblewrap and systemd-nspawn do",
            )],
            Self::Unseen => vec![Fix::new(
                "start jail outside the chroot, or make its root a real one with pivot_root(8); ask \
                 the security module's log: dmesg | grep -i -e denied -e audit",
            )],
            Self::NotBuilt => vec![kernel(surroundings)],
            Self::TooOld => vec![Fix::new("use Linux 5.13 or newer")],
        }
    }
}

fn kernel(surroundings: &Surroundings) -> Fix {
    match surroundings.distribution {
        Distribution::Other => Fix::new("build the kernel with CONFIG_USER_NS=y"),
        _ => Fix::new("boot the kernel of the distribution, which has CONFIG_USER_NS=y"),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A machine of this distribution, and an ordinary user.
    pub fn surroundings(distribution: Distribution) -> Surroundings {
        Surroundings {
            distribution,
            container: None,
            runner: None,
            program: Some("/opt/jail".into()),
            is_replaceable: false,
            is_root: false,
            systemd: true,
        }
    }

    fn by(errno: Errno, change: impl Fn(&mut Settings)) -> Option<Forbidden> {
        let on = |value: &str| Some(value.to_owned());
        let mut settings = Settings {
            max_user_namespaces: on("15000"),
            unprivileged_userns_clone: on("1"),
            apparmor_restrict_unprivileged_userns: on("0"),
            user_namespaces: true,
            ..Settings::default()
        };
        change(&mut settings);
        Forbidden::by(errno, &settings)
    }

    #[test]
    fn each_mechanism_is_told_from_the_others() {
        let off = |settings: &mut Settings| settings.max_user_namespaces = Some("0".into());
        assert_eq!(by(Errno::ENOSPC, off), Some(Forbidden::SwitchedOff { nested: false }));
        let debian =
            |settings: &mut Settings| settings.unprivileged_userns_clone = Some("0".into());
        assert_eq!(by(Errno::EPERM, debian), Some(Forbidden::ForRootOnly));
        let ubuntu = |settings: &mut Settings| {
            settings.apparmor_restrict_unprivileged_userns = Some("1".into());
        };
        assert_eq!(by(Errno::EPERM, ubuntu), Some(Forbidden::ForKnownPrograms));
        assert_eq!(by(Errno::EACCES, ubuntu), Some(Forbidden::ForKnownPrograms));
        let filter = |settings: &mut Settings| settings.filtered = true;
        for errno in [Errno::EPERM, Errno::EACCES, Errno::ENOSYS] {
            assert_eq!(by(errno, filter), Some(Forbidden::Filter));
        }
        assert_eq!(by(Errno::EPERM, |it| it.chrooted = true), Some(Forbidden::Chroot));
        assert_eq!(by(Errno::EPERM, |_| {}), Some(Forbidden::Unseen));
        assert_eq!(by(Errno::EACCES, |it| it.selinux = true), Some(Forbidden::Policy));
        let confined = |settings: &mut Settings| settings.apparmor_profile = Some("x".into());
        for errno in [Errno::EPERM, Errno::EACCES] {
            let profile = "x".to_owned();
            assert_eq!(by(errno, confined), Some(Forbidden::Confined { profile }));
        }
        let in_chroot = |settings: &mut Settings| (confined(settings), settings.chrooted = true).1;
        assert_eq!(by(Errno::EPERM, in_chroot), Some(Forbidden::Chroot));
        let both = |settings: &mut Settings| (confined(settings), filter(settings)).1;
        assert_eq!(by(Errno::EPERM, both), Some(Forbidden::Filter));
        let profile = "x".to_owned();
        assert_eq!(by(Errno::EACCES, both), Some(Forbidden::Confined { profile }));
        assert_eq!(by(Errno::EINVAL, |it| it.user_namespaces = false), Some(Forbidden::NotBuilt));
        assert_eq!(
            by(Errno::ENOSPC, |it| it.nested = true),
            Some(Forbidden::TooMany { nested: true })
        );
        assert_eq!(by(Errno::ENOSYS, |_| {}), Some(Forbidden::TooOld));
        assert_eq!(by(Errno::EINVAL, |_| {}), None);
        assert_eq!(by(Errno::EAGAIN, filter), None);
    }

    #[test]
    fn a_fix_is_what_to_type_on_this_distribution() {
        let lines = |forbidden: &Forbidden, distribution| -> Vec<String> {
            let fixes = forbidden.fixes(&surroundings(distribution));
            fixes.into_iter().flat_map(|fix| fix.lines).collect()
        };
        let off = Forbidden::SwitchedOff { nested: false };
        assert_eq!(
            lines(&off, Distribution::Debian),
            [
                "echo 'user.max_user_namespaces = 15000' | sudo tee -a /etc/sysctl.d/60-jail.conf",
                "sudo sysctl -p /etc/sysctl.d/60-jail.conf",
            ]
        );
        assert!(lines(&off, Distribution::Alpine)[1].starts_with("doas sysctl"));
        assert_eq!(
            lines(&off, Distribution::Nixos)[0],
            "boot.kernel.sysctl.\"user.max_user_namespaces\" = 15000;"
        );
        let ubuntu = lines(&Forbidden::ForKnownPrograms, Distribution::Ubuntu);
        assert!(ubuntu.contains(&"profile jail \"/opt/jail\" flags=(unconfined) {".to_owned()));
        assert!(ubuntu.contains(&"sudo apparmor_parser -r /etc/apparmor.d/jail".to_owned()));
    }
}
