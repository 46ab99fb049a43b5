//! What whoever starts the container around us has to say.

use super::{Container, Fix, Runner, Surroundings};

/// What a container of docker or podman needs for all that jail does.
const FLAGS: &str = "--security-opt seccomp=unconfined --security-opt systempaths=unconfined";
/// The same of podman, which calls it otherwise.
const PODMAN_FLAGS: &str = "--security-opt seccomp=unconfined --security-opt unmask=ALL";
/// Their profiles of AppArmor refuse every mount.
const APPARMOR_FLAG: &str = "--security-opt apparmor=unconfined";

/// Lets the processes of the container make namespaces.
pub fn allow_namespaces(surroundings: &Surroundings) -> Vec<Fix> {
    let mut fixes =
        container(surroundings, "start the container without its filter of system calls");
    if !surroundings.is_contained() {
        fixes.push(
            Fix::new("or loosen the filter of the service")
                .line("RestrictNamespaces=no, and no SystemCallFilter= without @mount"),
        );
    }
    fixes
}

/// Lets them mount at all.
pub fn without_apparmor(surroundings: &Surroundings) -> Vec<Fix> {
    container(surroundings, "start the container without its profile of AppArmor's")
}

/// Lets them mount a /proc of their own.
pub fn unmask_proc(surroundings: &Surroundings) -> Vec<Fix> {
    container(
        surroundings,
        "the /proc of this container hides parts of itself, so the kernel allows no new one: start \
         it with a whole one",
    )
}

/// By what is nearest to whom can change it: the job's file, the pod's, the command line.
fn container(surroundings: &Surroundings, title: &str) -> Vec<Fix> {
    let docker = format!("{FLAGS} {APPARMOR_FLAG}");
    let by_docker = || Fix::new(title).line(format!("docker run {docker} ..."));
    let podman = format!("{PODMAN_FLAGS} {APPARMOR_FLAG}");
    let by_podman = || Fix::new(title).line(format!("podman run {podman} ..."));
    match (surroundings.runner, surroundings.container) {
        (Some(Runner::GithubActions), _) => vec![
            Fix::new(format!("{title}; below `container:` of the job in the workflow"))
                .line(format!("options: {docker}")),
        ],
        (Some(Runner::GitlabCi), _) => vec![
            Fix::new(format!("{title}; below [runners.docker] in the GitLab runner's config.toml"))
                .line(
                    "security_opt = [\"seccomp:unconfined\", \"systempaths:unconfined\", \
                     \"apparmor:unconfined\"]",
                ),
        ],
        (None, Some(Container::Kubernetes)) => vec![
            Fix::new(format!(
                "{title}; in the specification of the pod (Kubernetes 1.33 or newer)"
            ))
            .line("spec:")
            .line("  hostUsers: false")
            .line("  containers:")
            .line("  - securityContext:")
            .line("      procMount: Unmasked")
            .line("      seccompProfile: {type: Unconfined}")
            .line("      appArmorProfile: {type: Unconfined}"),
        ],
        (None, Some(Container::Docker)) => vec![by_docker()],
        (None, Some(Container::Podman)) => vec![by_podman()],
        (None, None) => {
            let podman = by_podman();
            vec![by_docker(), Fix { title: "in podman".to_owned(), ..podman }]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remedy::Distribution;
    use crate::remedy::forbidden::tests::{shown, surroundings};

    fn within(container: Option<Container>, runner: Option<Runner>) -> Surroundings {
        Surroundings { container, runner, ..surroundings(Distribution::Debian) }
    }

    const NO_APPARMOR: &str = "start the container without its profile of AppArmor's";

    #[test]
    fn who_starts_the_container_is_told_where_it_is_said() {
        for (container, runner, expected) in [
            (
                Some(Container::Docker),
                Some(Runner::GithubActions),
                "; below `container:` of the job in the workflow\n    \
                 options: --security-opt seccomp=unconfined --security-opt systempaths=unconfined \
                 --security-opt apparmor=unconfined\n",
            ),
            (
                None,
                Some(Runner::GitlabCi),
                "; below [runners.docker] in the GitLab runner's config.toml\n    \
                 security_opt = [\"seccomp:unconfined\", \"systempaths:unconfined\", \
                 \"apparmor:unconfined\"]\n",
            ),
            (
                Some(Container::Kubernetes),
                None,
                "; in the specification of the pod (Kubernetes 1.33 or newer)\n    \
                 spec:\n      \
                 hostUsers: false\n      \
                 containers:\n      \
                 - securityContext:\n          \
                 procMount: Unmasked\n          \
                 seccompProfile: {type: Unconfined}\n          \
                 appArmorProfile: {type: Unconfined}\n",
            ),
            (
                Some(Container::Docker),
                None,
                "\n    docker run --security-opt seccomp=unconfined --security-opt \
                 systempaths=unconfined --security-opt apparmor=unconfined ...\n",
            ),
            (
                Some(Container::Podman),
                None,
                "\n    podman run --security-opt seccomp=unconfined --security-opt unmask=ALL \
                 --security-opt apparmor=unconfined ...\n",
            ),
        ] {
            let fixes = shown(&without_apparmor(&within(container, runner)));
            assert_eq!(fixes, format!("{NO_APPARMOR}{expected}"));
        }
    }

    #[test]
    fn where_nothing_is_seen_around_each_is_proposed() {
        let fixes = allow_namespaces(&within(None, None));
        let titles: Vec<_> = fixes.iter().map(|fix| fix.title.as_str()).collect();
        assert_eq!(
            titles,
            [
                "start the container without its filter of system calls",
                "in podman",
                "or loosen the filter of the service"
            ]
        );
        assert!(fixes[0].lines[0].starts_with("docker run --security-opt"), "{fixes:?}");
        assert_eq!(
            fixes[2].lines,
            ["RestrictNamespaces=no, and no SystemCallFilter= without @mount"]
        );
        let whole = unmask_proc(&within(Some(Container::Podman), None));
        assert_eq!(
            whole[0].title,
            "the /proc of this container hides parts of itself, so the kernel allows no new one: \
             start it with a whole one"
        );
    }
}
