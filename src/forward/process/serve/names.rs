//! Questions to the name server, over UDP and TCP.

use std::net::TcpStream;

use super::super::super::dns;
use super::super::super::flow::no_wait;
use super::super::super::refusals::Refused;
use super::super::asking::Transport;
use super::super::pair::Ticket;
use super::super::questions::Questions;
use super::super::watch::{About, watch_one};
use super::Server;
use super::refuser::{Client, Refuser};

/// Connections to the name server at once; the next ones are closed.
pub(super) const MOST_QUESTIONS: usize = 32;

impl Server {
    pub(super) fn answer_datagrams(&mut self) {
        let mut room = [0; 4096];
        for _ in 0..64 {
            let Some(socket) = &self.datagrams else { return };
            let Ok(Some((length, from))) = no_wait(|| socket.recv_from(&mut room)) else { return };
            let answer = dns::answer(&room[..length], &self.rules, &mut self.names, self.v6);
            let Some(answer) = answer else { continue };
            let client = Client { transport: Transport::Udp, from: Some(from) };
            refuse(&mut self.refuser, answer.refused, answer.is_second, client);
            // Who asks and does not listen asks again.
            let _ = socket.send_to(&answer.bytes, from);
        }
    }

    pub(super) fn admit_questions(&mut self, stream: TcpStream) {
        let free = self.questions.iter().position(Option::is_none);
        let place = free.unwrap_or(self.questions.len());
        if place >= MOST_QUESTIONS {
            return;
        }
        if place == self.questions.len() {
            self.questions.push(None);
        }
        self.questions[place] = Some(Questions::new(self.number, stream));
        self.answer_questions(Ticket { place: place as u32, number: self.number });
    }

    pub(super) fn answer_questions(&mut self, ticket: Ticket) {
        let place = ticket.place as usize;
        let Some(slot) = self.questions.get_mut(place) else { return };
        let Some(mut questions) = slot.take_if(|it| it.number == ticket.number) else { return };
        let client = Client::from(questions.stream().peer_addr().ok());
        let (rules, names, v6) = (&self.rules, &mut self.names, self.v6);
        let refuser = &mut self.refuser;
        let open = questions.go_on(|message| {
            let answer = dns::answer(message, rules, names, v6)?;
            refuse(refuser, answer.refused, answer.is_second, client);
            Some(answer.bytes)
        });
        let wants = questions.wants();
        let about = About::Questions(ticket).encode();
        let mut known = questions.watched[0];
        let watched = watch_one(&self.epoll, questions.stream(), wants, &mut known, about);
        questions.watched[0] = known;
        if open && watched.is_ok() {
            self.questions[place] = Some(questions);
        }
    }
}

/// Counts it before it is answered: so long the program is there.
fn refuse(refuser: &mut Refuser, refused: Option<Refused>, is_second: bool, client: Client) {
    match refused {
        Some(refused) if is_second => refuser.remember(refused, client),
        Some(refused) => refuser.refuse(refused, client),
        None => {}
    }
}
