//! How far a pull is: bars on a terminal, lines elsewhere.

use std::io::IsTerminal;
use std::sync::Mutex;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::image::document::Descriptor;
use crate::image::pull::{Progress, Silent, State, Waiting};
use crate::units::amounts::size;

use super::super::voice::complain;

/// Who is told of a pull.
pub fn listener(quiet: bool) -> Box<dyn Progress> {
    let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    if quiet {
        Box::new(Silent)
    } else if std::io::stderr().is_terminal() && !dumb {
        Box::new(Bars {
            all: MultiProgress::with_draw_target(ProgressDrawTarget::stderr()),
            layers: Mutex::default(),
        })
    } else {
        Box::new(Lines::default())
    }
}

/// A layer as it is shown. Digests come out of documents that were read strictly: they are digits.
struct Shown {
    label: String,
    size: u64,
}

fn shown(layers: &[&Descriptor]) -> Vec<Shown> {
    let count = layers.len();
    let label = |(index, layer): (usize, &&Descriptor)| Shown {
        label: format!("layer {}/{count} {}", index + 1, layer.digest.short()),
        size: layer.size,
    };
    layers.iter().enumerate().map(label).collect()
}

/// One line when something becomes of a layer. What is there already is worth none.
#[derive(Default)]
struct Lines {
    layers: Mutex<Vec<Shown>>,
}

impl Progress for Lines {
    fn layers(&self, layers: &[&Descriptor]) {
        *self.layers.lock().expect("no thread panics") = shown(layers);
    }

    fn advance(&self, _layer: usize, _bytes: u64) {}

    fn turn(&self, layer: usize, state: State) {
        let layers = self.layers.lock().expect("no thread panics");
        let Shown { label, size: bytes } = &layers[layer];
        match words(state) {
            Some(words) => complain(&format!("jail: {label}: {words}\n")),
            None if state == State::Done => complain(&format!("jail: {label}: {}\n", size(*bytes))),
            None => {}
        }
    }

    fn wait(&self, reason: Waiting) {
        complain(&format!("jail: {}\n", waiting(reason)));
    }
}

/// One bar for each layer, without colours, taken away at the end.
struct Bars {
    all: MultiProgress,
    layers: Mutex<Vec<ProgressBar>>,
}

impl Progress for Bars {
    fn layers(&self, layers: &[&Descriptor]) {
        let style =
            ProgressStyle::with_template("{prefix} {wide_bar} {bytes:>10}/{total_bytes:10} {msg}")
                .expect("the template is right")
                .progress_chars("=> ");
        let bars = shown(layers).into_iter().map(|layer| {
            let bar = self.all.add(ProgressBar::new(layer.size).with_style(style.clone()));
            bar.set_prefix(layer.label);
            bar
        });
        *self.layers.lock().expect("no thread panics") = bars.collect();
    }

    fn advance(&self, layer: usize, bytes: u64) {
        self.layers.lock().expect("no thread panics")[layer].inc(bytes);
    }

    fn turn(&self, layer: usize, state: State) {
        let layers = self.layers.lock().expect("no thread panics");
        let bar = &layers[layer];
        match state {
            State::Begun { .. } | State::Restarted => bar.reset(),
            State::Present | State::Done => bar.finish(),
            State::Waiting | State::Unpacked => {}
        }
        let message = match state {
            State::Unpacked => "saving".to_owned(),
            _ => words(state).unwrap_or_default(),
        };
        bar.set_message(message);
    }

    fn wait(&self, reason: Waiting) {
        self.all.suspend(|| complain(&format!("jail: {}\n", waiting(reason))));
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        // Without a terminal to write to there is nothing to take away.
        let _ = self.all.clear();
    }
}

fn words(state: State) -> Option<String> {
    match state {
        State::Waiting => Some("waiting for another jail that makes it".to_owned()),
        State::Begun { kept } if kept > 0 => Some(format!("going on after {}", size(kept))),
        State::Restarted => Some("what was kept of it is damaged; from the beginning".to_owned()),
        State::Begun { .. } | State::Present | State::Unpacked | State::Done => None,
    }
}

fn waiting(reason: Waiting) -> &'static str {
    match reason {
        Waiting::Removal => "waiting for another jail that removes images",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_time_or_is_done_twice_is_told() {
        for (state, expected) in [
            (State::Waiting, Some("waiting for another jail that makes it")),
            (State::Begun { kept: 0 }, None),
            (State::Begun { kept: 1 << 20 }, Some("going on after 1 MiB")),
            (State::Restarted, Some("what was kept of it is damaged; from the beginning")),
            (State::Present, None),
            (State::Unpacked, None),
            (State::Done, None),
        ] {
            assert_eq!(words(state).as_deref(), expected, "{state:?}");
        }
    }
}
