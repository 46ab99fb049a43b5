//! Refusals as a person reads them.

use super::public::is_trap;
use super::refusals::{Counted, Refused, Why};

impl Counted {
    /// One line: what was refused to whom, how often, and why.
    pub fn line(&self) -> String {
        let times = match self.times {
            0 | 1 => "once".into(),
            times => format!("{times} times"),
        };
        self.refused.line(self.program.as_deref().into_iter().chain([times.as_str()]))
    }

    /// The same when it has just happened.
    pub fn first_line(&self) -> String {
        self.refused.line(self.program.as_deref().into_iter())
    }
}

impl Refused {
    /// `more` stands behind it in brackets.
    fn line<'a>(&self, more: impl Iterator<Item = &'a str>) -> String {
        let whom = self.place();
        let more: Vec<&str> = more.collect();
        let times = if more.is_empty() { String::new() } else { format!(" ({})", more.join(", ")) };
        match &self.why {
            Why::NotAllowed => format!("refused {whom}{times}: not in `[network] allow`"),
            Why::LeadsTo(address) => format!(
                "refused {whom}{times}: the name leads to {address}, which is this machine or not on the internet"
            ),
            Why::MeantFor(other) => {
                format!("refused {whom}{times}: its first bytes are for `{other}`")
            }
            Why::Nonsense(words) | Why::Limit(words) => format!("refused {whom}{times}: {words}"),
            Why::Unreachable(words) => format!("could not reach {whom}{times}: {words}"),
        }
    }

    /// The entry of `allow` that would let it through, if one would.
    pub fn entry(&self) -> Option<String> {
        match self.why {
            Why::NotAllowed if self.whom.parse().is_ok_and(is_trap) => None,
            Why::NotAllowed => Some(self.place()),
            Why::LeadsTo(address) if is_trap(address) => None,
            Why::LeadsTo(address) => Some(place(&address.to_string(), self.port)),
            Why::MeantFor(_) | Why::Nonsense(_) | Why::Limit(_) | Why::Unreachable(_) => None,
        }
    }

    fn place(&self) -> String {
        place(&self.whom, self.port)
    }
}

fn place(whom: &str, port: Option<u16>) -> String {
    match port {
        None => whom.to_owned(),
        Some(port) if whom.contains(':') => format!("[{whom}]:{port}"),
        Some(port) => format!("{whom}:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_lines() {
        let refused = |why| Refused { whom: "a.example".into(), port: Some(443), why };
        let counted = |refused, times, program: Option<&str>| Counted {
            refused,
            times,
            program: program.map(str::to_owned),
        };
        let not_allowed = refused(Why::NotAllowed);
        assert_eq!(
            counted(not_allowed.clone(), 3, None).line(),
            "refused a.example:443 (3 times): not in `[network] allow`"
        );
        let known = counted(not_allowed.clone(), 3, Some("npm"));
        assert_eq!(known.line(), "refused a.example:443 (npm, 3 times): not in `[network] allow`");
        assert_eq!(known.first_line(), "refused a.example:443 (npm): not in `[network] allow`");
        assert_eq!(not_allowed.entry().as_deref(), Some("a.example:443"));
        let inward = |address: &str| refused(Why::LeadsTo(address.parse().unwrap())).entry();
        assert_eq!(inward("fd00::1").as_deref(), Some("[fd00::1]:443"));
        for trap in ["::1", "127.0.0.1", "169.254.169.254", "fd00:ec2::254", "::ffff:127.0.0.1"] {
            assert_eq!(inward(trap), None, "{trap}");
        }
        let metadata = Refused { whom: "169.254.169.254".into(), ..not_allowed };
        assert_eq!(metadata.entry(), None);
        let asked = Refused::name("a.example".into());
        assert_eq!(
            counted(asked, 1, None).line(),
            "refused a.example (once): not in `[network] allow`"
        );
        let inward = counted(refused(Why::LeadsTo([10, 0, 0, 7].into())), 2, Some("curl")).line();
        assert_eq!(
            inward,
            "refused a.example:443 (curl, 2 times): the name leads to 10.0.0.7, which is this machine \
             or not on the internet"
        );
        let gone = refused(Why::Unreachable("connection refused".into()));
        assert_eq!(gone.entry(), None);
        let gone = counted(gone, 1, None).first_line();
        assert_eq!(gone, "could not reach a.example:443: connection refused");
    }
}
