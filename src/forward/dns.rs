//! The name server of the sandbox: one question in, one answer out.
//!
//! A name that may be reached has the addresses that stand for it; every other does not exist.
//! Nothing is asked of anybody outside before a connection is made.

use simple_dns::rdata::{A, AAAA, OPT, RData};
use simple_dns::{
    CLASS, Name, OPCODE, Packet, PacketFlag, QCLASS, QTYPE, Question, RCODE, ResourceRecord, TYPE,
    header_buffer,
};

use crate::profile::parse_host_name;

use super::refusals::Refused;
use super::rules::Rules;
use super::synthetic::Names;

/// The address of a name never changes during a run.
const SECONDS_TO_LIVE: u32 = 300;

/// What is sent back, and what to tell the user.
#[derive(Debug)]
pub struct Answer {
    pub bytes: Vec<u8>,
    pub refused: Option<Refused>,
    /// Programs ask for both kinds of addresses at once, and mean one thing.
    pub is_second: bool,
}

/// Answers one message; `None` where none is due: to what is no question at all.
///
/// `v6`: there are listeners on addresses of IPv6.
pub fn answer(message: &[u8], rules: &Rules, names: &mut Names, v6: bool) -> Option<Answer> {
    let is_response = header_buffer::has_flags(message, PacketFlag::RESPONSE).ok()?;
    if is_response {
        return None;
    }
    let id = header_buffer::id(message).ok()?;
    // Counted before it is read: a number there is room that is made for it.
    let honest = header_buffer::questions(message) == Ok(1)
        && header_buffer::answers(message) == Ok(0)
        && header_buffer::name_servers(message) == Ok(0)
        && header_buffer::additional_records(message).is_ok_and(|count| count <= 4);
    let asked = if honest { Packet::parse(message).ok() } else { None };
    let Some(asked) = asked else {
        let mut reply = Packet::new_reply(id);
        *reply.rcode_mut() = RCODE::FormatError;
        return finish(&reply, None, false);
    };
    let mut reply = Packet::new_reply(id);
    *reply.opcode_mut() = asked.opcode();
    reply.set_flags(PacketFlag::RECURSION_AVAILABLE | PacketFlag::AUTHORITATIVE_ANSWER);
    if asked.has_flags(PacketFlag::RECURSION_DESIRED) {
        reply.set_flags(PacketFlag::RECURSION_DESIRED);
    }
    if asked.opt().is_some() {
        *reply.opt_mut() = Some(OPT { opt_codes: Vec::new(), udp_packet_size: 1232, version: 0 });
    }
    let question = asked.questions.first()?;
    let refused = match asked.opcode() {
        OPCODE::StandardQuery => fill(&mut reply, question, rules, names, v6),
        _ => {
            *reply.rcode_mut() = RCODE::NotImplemented;
            None
        }
    };
    // As it was asked: letters keep their case, which some clients check.
    reply.questions.push(question.clone());
    let is_second = question.qtype == QTYPE::TYPE(TYPE::AAAA);
    finish(&reply, refused, is_second)
}

fn finish(reply: &Packet<'_>, refused: Option<Refused>, is_second: bool) -> Option<Answer> {
    let bytes = reply.build_bytes_vec_compressed().ok()?;
    Some(Answer { bytes, refused, is_second })
}

/// Puts the addresses into the reply, or what stands against it.
fn fill<'a>(
    reply: &mut Packet<'a>,
    question: &Question<'a>,
    rules: &Rules,
    names: &mut Names,
    v6: bool,
) -> Option<Refused> {
    if question.qclass != QCLASS::CLASS(CLASS::IN) {
        *reply.rcode_mut() = RCODE::Refused;
        return None;
    }
    let name = match host_name(&question.qname) {
        Some(name) if rules.knows(&name) => name,
        refused => {
            *reply.rcode_mut() = RCODE::NameError;
            // Nobody means to reach somebody by asking for the name of an address.
            return refused.filter(|name| !name.ends_with(".arpa")).map(Refused::name);
        }
    };
    let Some(addresses) = names.address(&name) else {
        *reply.rcode_mut() = RCODE::ServerFailure;
        return Some(Refused::too_many_names());
    };
    let mut record = |data| {
        let name = question.qname.clone();
        reply.answers.push(ResourceRecord::new(name, CLASS::IN, SECONDS_TO_LIVE, data));
    };
    // Of other types, and without IPv6, a name has none: that is an answer without records.
    match question.qtype {
        QTYPE::TYPE(TYPE::A) | QTYPE::ANY => record(RData::A(A::from(addresses.v4))),
        QTYPE::TYPE(TYPE::AAAA) if v6 => record(RData::AAAA(AAAA::from(addresses.v6))),
        _ => {}
    }
    None
}

/// The name in small letters. One that is no name of a host is none: a dot or a zero inside of
/// a label could make it another for the next who reads it.
fn host_name(name: &Name<'_>) -> Option<String> {
    let labels: Option<Vec<&str>> = name
        .as_bytes()
        .map(|label| std::str::from_utf8(label).ok().filter(|label| !label.contains('.')))
        .collect();
    parse_host_name(&labels?.join(".")).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::forward::refusals::Why;

    fn rules() -> Rules {
        let entries = ["good.example:443", "*.wild.example", "xn--bcher-kva.example:443"];
        Rules::new(entries.iter().map(|entry| entry.parse().unwrap()).collect())
    }

    fn question(name: &str, kind: TYPE) -> Packet<'_> {
        let mut packet = Packet::new_query(7);
        packet.set_flags(PacketFlag::RECURSION_DESIRED);
        let class = QCLASS::CLASS(CLASS::IN);
        packet.questions.push(Question::new(Name::new(name).unwrap(), kind.into(), class, false));
        packet
    }

    /// The code, and the addresses, of an answer to one question.
    fn asked(names: &mut Names, name: &str, kind: TYPE) -> (RCODE, Vec<String>) {
        let message = question(name, kind).build_bytes_vec().unwrap();
        let answer = answer(&message, &rules(), names, true).unwrap();
        let reply = Packet::parse(&answer.bytes).unwrap();
        assert_eq!(reply.id(), 7);
        assert!(reply.has_flags(PacketFlag::RESPONSE | PacketFlag::RECURSION_DESIRED));
        let found = reply.answers.iter().map(|record| match &record.rdata {
            RData::A(a) => std::net::Ipv4Addr::from(a.address).to_string(),
            RData::AAAA(aaaa) => std::net::Ipv6Addr::from(aaaa.address).to_string(),
            other => panic!("{other:?}"),
        });
        (reply.rcode(), found.collect())
    }

    #[test]
    fn an_allowed_name_has_addresses() {
        let mut names = rules().names();
        let ok = |address: &str| (RCODE::NoError, vec![address.to_owned()]);
        assert_eq!(asked(&mut names, "good.example", TYPE::A), ok("198.18.1.0"));
        assert_eq!(asked(&mut names, "good.example", TYPE::AAAA), ok("2001:2::1:0"));
        assert_eq!(asked(&mut names, "a.wild.example", TYPE::A), ok("198.18.1.2"));
        assert_eq!(asked(&mut names, "b.wild.example", TYPE::A), ok("198.18.1.3"));
        assert_eq!(asked(&mut names, "A.Wild.example.", TYPE::A), ok("198.18.1.2"));
    }

    #[test]
    fn other_types_of_an_allowed_name_are_empty() {
        for kind in [TYPE::MX, TYPE::TXT, TYPE::SRV, TYPE::Unknown(65)] {
            let answer = asked(&mut rules().names(), "good.example", kind);
            assert_eq!(answer, (RCODE::NoError, vec![]), "{kind:?}");
        }
    }

    #[test]
    fn other_names_do_not_exist_and_are_told() {
        for name in ["evil.example", "wild.example", "good.example.evil.example", "example", "."] {
            let answer = asked(&mut rules().names(), name, TYPE::A);
            assert_eq!(answer, (RCODE::NameError, vec![]), "{name}");
        }
        let message = question("Evil.example", TYPE::A).build_bytes_vec().unwrap();
        let answer = answer(&message, &rules(), &mut rules().names(), true).unwrap();
        let refused = answer.refused.unwrap();
        assert_eq!((refused.whom.as_str(), refused.why), ("evil.example", Why::NotAllowed));
    }

    #[test]
    fn letters_keep_their_case_in_the_answer() {
        let message = question("gOOd.ExaMple", TYPE::A).build_bytes_vec().unwrap();
        let answer = answer(&message, &rules(), &mut rules().names(), true).unwrap();
        let reply = Packet::parse(&answer.bytes).unwrap();
        assert_eq!(reply.questions[0].qname.to_string(), "gOOd.ExaMple");
        assert_eq!(reply.answers[0].name.to_string(), "gOOd.ExaMple");
    }

    #[test]
    fn a_label_with_a_dot_or_a_zero_is_another_name() {
        for name in [
            r"a\.wild.example",
            r"good\.example",
            r"evil\000.wild.example",
            r"\195\188.wild.example",
        ] {
            let answer = asked(&mut rules().names(), name, TYPE::A);
            assert_eq!(answer, (RCODE::NameError, vec![]), "{name}");
        }
    }

    #[test]
    fn without_ipv6_a_name_has_no_address_of_it() {
        let message = question("good.example", TYPE::AAAA).build_bytes_vec().unwrap();
        let answer = answer(&message, &rules(), &mut rules().names(), false).unwrap();
        let reply = Packet::parse(&answer.bytes).unwrap();
        assert_eq!((reply.rcode(), reply.answers.len()), (RCODE::NoError, 0));
    }

    #[test]
    fn extensions_are_tolerated() {
        let mut packet = question("good.example", TYPE::A);
        *packet.opt_mut() = Some(OPT { opt_codes: Vec::new(), udp_packet_size: 4096, version: 0 });
        let message = packet.build_bytes_vec().unwrap();
        let answer = answer(&message, &rules(), &mut rules().names(), true).unwrap();
        let reply = Packet::parse(&answer.bytes).unwrap();
        assert!(reply.opt().is_some());
        assert_eq!(reply.answers.len(), 1);
    }

    #[test]
    fn too_many_names_are_an_error_of_the_server() {
        let mut names = Names::default();
        for number in 0..super::super::synthetic::MOST_NAMES {
            names.address(&number.to_string());
        }
        assert_eq!(asked(&mut names, "a.wild.example", TYPE::A), (RCODE::ServerFailure, vec![]));
    }

    #[test]
    fn nonsense_is_a_format_error_and_answers_get_none() {
        let answered = |message: &[u8]| answer(message, &rules(), &mut rules().names(), true);
        let code = |message: &[u8]| answered(message).map(|it| it.bytes[3] & 15);
        let whole = question("good.example", TYPE::A).build_bytes_vec().unwrap();
        assert_eq!(code(&whole[..whole.len() - 1]), Some(1));
        let mut two = whole.clone();
        two[5] = 2;
        assert_eq!(code(&two), Some(1));
        let mut response = whole.clone();
        response[2] |= 0x80;
        assert_eq!(code(&response), None);
        assert_eq!(code(&whole[..11]), None);
        let mut update = whole.clone();
        update[2] |= 5 << 3;
        assert_eq!(code(&update), Some(4));
        // A name that points to itself.
        let mut endless = whole[..12].to_vec();
        endless.extend([0xc0, 12, 0, 1, 0, 1]);
        assert_eq!(code(&endless), Some(1));
    }

    proptest! {
        #[test]
        fn no_message_makes_it_panic(message in proptest::collection::vec(any::<u8>(), 0..200)) {
            answer(&message, &rules(), &mut rules().names(), true);
        }

        #[test]
        fn no_damage_to_a_question_makes_it_panic(place in 0..60_usize, byte: u8, cut in 0..80_usize) {
            let mut packet = question("a.wild.example", TYPE::A);
            *packet.opt_mut() = Some(OPT { opt_codes: Vec::new(), udp_packet_size: 4096, version: 0 });
            let mut message = packet.build_bytes_vec().unwrap();
            if let Some(damaged) = message.get_mut(place) {
                *damaged = byte;
            }
            message.truncate(cut);
            answer(&message, &rules(), &mut rules().names(), true);
        }
    }
}
