//! jail-profile(5): the format of profiles, from the descriptions of their keys.

use jail::profile::keys::{Key, SECTIONS, Section};
use roff::{Inline, Roff, bold, roman};

/// The page as a man page.
pub fn page() -> Vec<u8> {
    let mut page = Roff::new();
    page.control("TH", ["jail-profile", "5"]);
    page.control("SH", ["NAME"]);
    page.text([roman("jail-profile - what a command may touch that jail(1) runs")]);
    page.control("SH", ["SYNOPSIS"]);
    for place in
        ["$XDG_CONFIG_HOME/jail/profiles/NAME.toml", "/etc/jail/profiles/NAME.toml", ".jail.toml"]
    {
        page.text([roman(place)]);
        page.control("br", []);
    }
    page.control("SH", ["DESCRIPTION"]);
    paragraphs(&mut page, &DESCRIPTION);
    for section in SECTIONS {
        keys(&mut page, &section);
    }
    page.control("SH", ["EXAMPLE"]);
    page.control("nf", []);
    for line in EXAMPLE.lines() {
        page.text([roman(line)]);
    }
    page.control("fi", []);
    page.control("SH", ["SEE ALSO"]);
    page.text([roman("jail(1), jail-run(1), jail-profile(1), jail-trust(1), jail-check(1)")]);
    page.render().into_bytes()
}

const DESCRIPTION: [&str; 5] = [
    "A profile is a TOML file. Every key is optional. Unknown keys, wrong types and impossible combinations are \
     errors; `jail check` prints all of them at once, `jail plan` shows what becomes of a profile on this machine.",
    "`--profile` names one, by its path if there is a `/` in the word or `.toml` at its end, else by its name. Without it \
     the variable `JAIL_PROFILE` does, else it is the file `.jail.toml` of the project if that is trusted (jail-trust(1)), \
     else the profile `default`. Several are merged from left to right: the later single value wins, lists are joined, \
     and of two rules for the same path the later one counts.",
    "`~` at the beginning of a path is your home. `$VAR` and `${VAR:-default}` are variables of your environment. `$PROJECT` \
     is the nearest parent of the working directory with a version control directory, or the working directory itself. \
     `$$` is a dollar. Relative paths in `extends`, `root` and `policy` are relative to the profile's file, all others \
     to the working directory. Of nested paths the longest wins, whatever their order.",
    "In `read`, `write`, `overlay` and `mask` a rule may also be a table: `{ path = \"...\", optional = true }` leaves the \
     rule out where the path does not exist.",
    "A size is a number with a unit in quotes: `\"512M\"`, `\"1.5G\"`, where M is 2^20 bytes. A time is one too: `\"90s\"`, \
     `\"1h30m\"`. `\"unlimited\"` lifts what a profile said that this one extends.",
];

const EXAMPLE: &str = "\
description = \"Test this project, offline\"
extends = [\"dev\"]

[filesystem]
mask = [\"./.env\"]
tmpfs = [{ path = \"/tmp\", size = \"1G\" }]

[env]
set = { CI = \"1\" }";

fn keys(page: &mut Roff, section: &Section) {
    let title = match section.name {
        "" => "TOP LEVEL".to_owned(),
        name => format!("[{name}]"),
    };
    page.control("SH", [title.as_str()]);
    page.text(inlines(section.about));
    for key in section.keys {
        describe(page, key);
    }
}

fn describe(page: &mut Roff, key: &Key) {
    page.control("TP", []);
    let mut head = vec![bold(key.name), roman(" = ")];
    head.extend(inlines(key.values));
    page.text(head);
    page.text(inlines(key.about));
    page.control("br", []);
    let mut foot = inlines(&format!("Default: {}.", key.default));
    if !key.flag.is_empty() {
        foot.extend(inlines(&format!(" Flag: {}.", key.flag)));
    }
    page.text(foot);
}

fn paragraphs(page: &mut Roff, texts: &[&str]) {
    for (index, text) in texts.iter().enumerate() {
        if index > 0 {
            page.control("PP", []);
        }
        page.text(inlines(text));
    }
}

/// Markdown's code in bold.
fn inlines(text: &str) -> Vec<Inline> {
    let parts = text.split('`').enumerate();
    let inlines = parts.map(|(index, part)| if index % 2 == 1 { bold(part) } else { roman(part) });
    inlines.collect()
}
