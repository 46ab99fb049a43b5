//! What was refused, counted: told once at the end, and never more than there is room for.

use std::collections::HashMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// How many different refusals are remembered.
pub const MOST: usize = 256;

/// Something that was tried and did not happen.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Refused {
    /// A name or an address.
    pub whom: String,
    /// Unknown where a name was only asked for.
    pub port: Option<u16>,
    pub why: Why,
}

/// Why it did not happen.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Why {
    /// No entry allows it.
    NotAllowed,
    /// The name leads to this machine or to a neighbour, which no entry names by its address.
    LeadsTo(IpAddr),
    /// Its first bytes are for somebody else.
    MeantFor(String),
    /// Its first bytes can be read in more than one way.
    Nonsense(String),
    /// Too many names, or a first word that never came.
    Limit(String),
    /// It was allowed, and could not be reached.
    Unreachable(String),
}

impl Refused {
    pub fn name(name: String) -> Self {
        Self { whom: name, port: None, why: Why::NotAllowed }
    }

    pub fn too_many_names() -> Self {
        let words = format!("more than {} names were asked for", super::synthetic::MOST_NAMES);
        Self { whom: "further names".into(), port: None, why: Why::Limit(words) }
    }
}

/// One refusal and how often it happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    pub refused: Refused,
    pub times: u64,
    /// Who was refused the first time, as it calls itself; unknown where that could not be found out.
    pub program: Option<String>,
}

/// All refusals of a run.
#[derive(Debug, Default)]
pub struct Refusals {
    /// In the order in which they came.
    counted: Vec<Counted>,
    places: HashMap<Refused, usize>,
    /// Those that there was no room for.
    further: u64,
}

impl Refusals {
    /// Counts one. Returns it if it is the first of its kind; only then it is asked whose it was.
    pub fn count(
        &mut self,
        refused: Refused,
        whose: impl FnOnce() -> Option<String>,
    ) -> Option<&Counted> {
        self.add(refused, 1, whose)
    }

    /// Remembers one that comes beside another that is counted.
    pub fn remember(
        &mut self,
        refused: Refused,
        whose: impl FnOnce() -> Option<String>,
    ) -> Option<&Counted> {
        self.add(refused, 0, whose)
    }

    fn add(
        &mut self,
        refused: Refused,
        times: u64,
        whose: impl FnOnce() -> Option<String>,
    ) -> Option<&Counted> {
        if let Some(place) = self.places.get(&refused) {
            self.counted[*place].times += times;
            return None;
        }
        if self.counted.len() >= MOST {
            self.further += times;
            return None;
        }
        self.places.insert(refused.clone(), self.counted.len());
        self.counted.push(Counted { refused, times, program: whose() });
        self.counted.last()
    }

    pub fn counted(&self) -> &[Counted] {
        &self.counted
    }

    pub fn further(&self) -> u64 {
        self.further
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_counted_and_told_once() {
        let mut refusals = Refusals::default();
        let count = |refusals: &mut Refusals, name: &str, whose: &str| {
            let counted = refusals.count(Refused::name(name.into()), || Some(whose.into()));
            counted.and_then(|counted| counted.program.clone())
        };
        assert_eq!(count(&mut refusals, "a", "npm").as_deref(), Some("npm"));
        assert_eq!(count(&mut refusals, "b", "curl").as_deref(), Some("curl"));
        let again = refusals.count(Refused::name("a".into()), || panic!("it is asked again"));
        assert_eq!(again, None);
        let times: Vec<u64> = refusals.counted().iter().map(|counted| counted.times).collect();
        assert_eq!(times, [2, 1]);
    }

    #[test]
    fn a_flood_takes_no_more_room() {
        let mut refusals = Refusals::default();
        for number in 0..MOST + 10 {
            refusals.count(Refused::name(number.to_string()), || None);
        }
        refusals.count(Refused::name("0".into()), || None);
        // What is not remembered is not looked for.
        refusals.count(Refused::name("more".into()), || panic!("it is asked"));
        assert_eq!(refusals.counted().len(), MOST);
        assert_eq!(refusals.further(), 11);
    }
}
