//! Job control: which stop of the command an order to continue is about.

/// Stops of the command, and what continued it.
///
/// A shell outside sends SIGCONT to the whole process group: to the supervisor, who passes it
/// on, and often to the command itself. Passed on all the same it would arrive twice, and late:
/// it would undo a Ctrl-Z that came meanwhile.
#[derive(Default)]
pub struct Stops {
    count: u16,
    is_stopped: bool,
    /// The command went on without our doing; one order to continue it is still to come.
    went_on: bool,
    /// The supervisor does not know of the last stop yet.
    untold: bool,
}

impl Stops {
    pub fn stopped(&mut self) {
        let count = self.count.wrapping_add(1);
        *self = Self { count, is_stopped: true, went_on: false, untold: true };
    }

    /// How often the command has stopped, if the supervisor does not know.
    pub fn untold(&self) -> Option<u16> {
        self.untold.then_some(self.count)
    }

    pub fn told(&mut self) {
        self.untold = false;
    }

    pub fn continued(&mut self) {
        self.went_on = self.is_stopped;
        self.is_stopped = false;
    }

    /// Whether an order to continue, given after `answered` stops, is for the command.
    pub fn needs_continuing(&mut self, answered: u16) -> bool {
        if answered != self.count || std::mem::take(&mut self.went_on) {
            return false;
        }
        self.is_stopped = false;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_to_continue_is_for_the_stop_that_it_answers() {
        let mut stops = Stops::default();
        assert!(stops.needs_continuing(0), "a signal is a signal, stopped or not");
        stops.stopped();
        assert!(!stops.needs_continuing(0), "the stop came after the order");
        assert!(stops.needs_continuing(1));
        stops.continued();
        assert!(stops.needs_continuing(1), "it was continued by us, so nothing is on its way");
        stops.stopped();
        stops.continued();
        assert!(!stops.needs_continuing(2), "it had the signal itself");
        assert!(stops.needs_continuing(2), "once");
    }

    #[test]
    fn of_many_stops_the_last_is_told() {
        let mut stops = Stops::default();
        assert_eq!(stops.untold(), None);
        stops.stopped();
        stops.continued();
        stops.stopped();
        assert_eq!(stops.untold(), Some(2));
        stops.told();
        stops.continued();
        assert_eq!(stops.untold(), None);
    }
}
