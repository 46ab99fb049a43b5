//! A [`Filter`] as a BPF program.
//!
//! The kernel runs the program once for every number when it is loaded, to learn which calls
//! are always allowed, and compiles it: a small program with short paths is a fast start. So
//! numbers that are decided alike become ranges, and a balanced search leads to each. A call
//! that is allowed whatever its arguments never runs the program again.
//!
//! A BPF jump only goes forward. The program is therefore put together from its end: where a
//! jump leads to is already known when it is written.

use seccompiler::{BpfProgram, sock_filter};

use crate::plan::filter::syscalls::FIRST_X32;
use crate::plan::filter::{Case, Comparison, Condition, Decision, Filter, Verdict};

/// Returns the program that decides as the filter does.
///
/// The caller installs it with `seccompiler::apply_filter`.
pub fn assemble(filter: &Filter) -> BpfProgram {
    let mut program = Assembler::default();
    let ranges = ranges(filter, &mut program);
    let search = program.search(&ranges);
    program.load(NUMBER, search);
    let native = program.last();
    let foreign = program.verdict(Verdict::KillProcess);
    let check = program.jump(EQUAL, AUDIT_ARCH, native, foreign);
    program.load(ARCHITECTURE, check);
    program.finish()
}

/// AUDIT_ARCH_X86_64 of <linux/audit.h>: the machine's ELF number, 64 bits, little endian.
const AUDIT_ARCH: u32 = 62 | 0x8000_0000 | 0x4000_0000;

/// Offsets in the kernel's `struct seccomp_data`.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
const ARGUMENTS: u32 = 16;

const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const MASK: u16 = (libc::BPF_ALU | libc::BPF_AND | libc::BPF_K) as u16;
const ALWAYS: u16 = (libc::BPF_JMP | libc::BPF_JA) as u16;
const EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const GREATER: u16 = (libc::BPF_JMP | libc::BPF_JGT | libc::BPF_K) as u16;
const GREATER_OR_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16;
const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;

/// A range of numbers up to the next one's, and the instruction that decides it.
#[derive(Clone, Copy)]
struct Range {
    first: u32,
    target: Label,
}

/// An instruction, counted from the end of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Label(usize);

/// A program from some instruction on to its end, last instruction first.
#[derive(Default)]
struct Assembler {
    reversed: Vec<sock_filter>,
    returns: Vec<(Verdict, Label)>,
}

/// Writes the code of all decisions and returns the ranges that lead to it, from 0 on.
fn ranges(filter: &Filter, program: &mut Assembler) -> Vec<Range> {
    let mut ranges: Vec<Range> = Vec::with_capacity(128);
    let mut start = |first: u32, target: Label| {
        if ranges.last().is_none_or(|last| last.target != target) {
            ranges.push(Range { first, target });
        }
    };
    let fallback = program.verdict(filter.fallback);
    let mut next = 0;
    for decision in &filter.decisions {
        if next < decision.number {
            start(next, fallback);
        }
        start(decision.number, program.decision(decision));
        next = decision.number + 1;
    }
    start(next, fallback);
    start(FIRST_X32, program.verdict(filter.x32()));
    ranges
}

impl Assembler {
    /// Writes the search for the number that is loaded.
    fn search(&mut self, ranges: &[Range]) -> Label {
        if let [range] = ranges {
            return range.target;
        }
        let (low, high) = ranges.split_at(ranges.len() / 2);
        let above = self.search(high);
        let below = self.search(low);
        self.jump(GREATER_OR_EQUAL, high[0].first, above, below)
    }

    fn decision(&mut self, decision: &Decision) -> Label {
        let mut otherwise = self.verdict(decision.otherwise);
        let mut cases = &decision.cases[..];
        while let Some((last, before)) = cases.split_last() {
            let alike = before.iter().rev().take_while(|case| same_word(case, last)).count();
            if alike > 0 {
                let (rest, switch) = cases.split_at(before.len() - alike);
                otherwise = self.switch(switch, otherwise);
                cases = rest;
            } else {
                otherwise = self.case(last, otherwise);
                cases = before;
            }
        }
        otherwise
    }

    /// Writes cases that compare one 32-bit argument with one value each: it is loaded once.
    fn switch(&mut self, cases: &[Case], otherwise: Label) -> Label {
        let mut next = otherwise;
        for case in cases.iter().rev() {
            let yes = self.verdict(case.verdict);
            next = self.jump(EQUAL, low(case.conditions[0].value), yes, next);
        }
        let condition = case_word(&cases[0]).expect("a switch is made of one-word cases");
        self.masked(word(condition.index, Half::Low), low(condition.mask), next)
    }

    fn case(&mut self, case: &Case, otherwise: Label) -> Label {
        let matched = self.verdict(case.verdict);
        let conditions = case.conditions.iter().rev();
        conditions.fold(matched, |yes, condition| self.condition(condition, yes, otherwise))
    }

    fn condition(&mut self, condition: &Condition, yes: Label, no: Label) -> Label {
        let Condition { index, mask, comparison, value } = *condition;
        match comparison {
            Comparison::Equal => self.compare(EQUAL, index, mask, value, yes, no),
            Comparison::NotEqual => self.compare(EQUAL, index, mask, value, no, yes),
            Comparison::Greater => self.compare(GREATER, index, mask, value, yes, no),
            Comparison::LessOrEqual => self.compare(GREATER, index, mask, value, no, yes),
            Comparison::GreaterOrEqual => {
                self.compare(GREATER_OR_EQUAL, index, mask, value, yes, no)
            }
            Comparison::Less => self.compare(GREATER_OR_EQUAL, index, mask, value, no, yes),
        }
    }

    /// Compares 64 bits in two steps, as BPF knows words of 32: the upper half decides unless
    /// it is equal. Where the mask leaves nothing of it, it is known to be zero.
    fn compare(
        &mut self,
        operator: u16,
        index: u8,
        mask: u64,
        value: u64,
        yes: Label,
        no: Label,
    ) -> Label {
        if high(mask) == 0 && high(value) != 0 {
            return no;
        }
        let lower = self.jump(operator, low(value), yes, no);
        let lower = self.masked(word(index, Half::Low), low(mask), lower);
        if high(mask) == 0 {
            return lower;
        }
        let mut upper = self.jump(EQUAL, high(value), lower, no);
        if operator != EQUAL {
            upper = self.jump(GREATER, high(value), yes, upper);
        }
        self.masked(word(index, Half::High), high(mask), upper)
    }

    /// Loads a word and clears what the mask does not hold, then goes on at `next`.
    fn masked(&mut self, offset: u32, mask: u32, next: Label) -> Label {
        let mut next = next;
        if mask != u32::MAX {
            next = self.before(next, statement(MASK, mask));
        }
        self.before(next, statement(LOAD, offset))
    }

    fn load(&mut self, offset: u32, next: Label) -> Label {
        self.before(next, statement(LOAD, offset))
    }

    /// Writes an instruction that `next` follows, by a jump if it does not stand there.
    fn before(&mut self, next: Label, instruction: sock_filter) -> Label {
        if next != self.last() {
            let distance = self.distance(next);
            self.push(statement(ALWAYS, distance));
        }
        self.push(instruction)
    }

    fn jump(&mut self, operator: u16, value: u32, yes: Label, no: Label) -> Label {
        if yes == no {
            return yes;
        }
        let yes = self.in_reach(yes);
        let no = self.in_reach(no);
        // What brings `no` into reach stands before `yes`, by one instruction at most; `in_reach`
        // keeps that one in reserve.
        let jt = u8::try_from(self.distance(yes)).expect("`yes` was brought into reach");
        let jf = u8::try_from(self.distance(no)).expect("`no` was brought into reach");
        self.push(sock_filter { code: operator, jt, jf, k: value })
    }

    /// Returns the label itself if a conditional jump can lead there, else one that leads on.
    fn in_reach(&mut self, label: Label) -> Label {
        const RESERVE: u32 = 1;
        let distance = self.distance(label);
        if distance + RESERVE <= u32::from(u8::MAX) {
            return label;
        }
        let target = &self.reversed[label.0];
        let again =
            if target.code == RETURN { target.clone() } else { statement(ALWAYS, distance) };
        self.push(again)
    }

    fn verdict(&mut self, verdict: Verdict) -> Label {
        if let Some((_, label)) = self.returns.iter().find(|(known, _)| *known == verdict) {
            return *label;
        }
        let label = self.push(statement(RETURN, return_value(verdict)));
        self.returns.push((verdict, label));
        label
    }

    fn push(&mut self, instruction: sock_filter) -> Label {
        self.reversed.push(instruction);
        self.last()
    }

    fn last(&self) -> Label {
        Label(self.reversed.len() - 1)
    }

    /// How many instructions a jump written now would skip.
    fn distance(&self, label: Label) -> u32 {
        u32::try_from(self.last().0 - label.0).expect("a program has few instructions")
    }

    fn finish(mut self) -> BpfProgram {
        self.reversed.reverse();
        self.reversed
    }
}

/// The condition of a case that only asks whether one 32-bit argument has a value.
fn case_word(case: &Case) -> Option<&Condition> {
    match &case.conditions[..] {
        [one] if one.comparison == Comparison::Equal && high(one.mask | one.value) == 0 => {
            Some(one)
        }
        _ => None,
    }
}

fn same_word(left: &Case, right: &Case) -> bool {
    case_word(left)
        .zip(case_word(right))
        .is_some_and(|(left, right)| (left.index, left.mask) == (right.index, right.mask))
}

fn return_value(verdict: Verdict) -> u32 {
    match verdict {
        Verdict::Allow => libc::SECCOMP_RET_ALLOW,
        Verdict::Log => libc::SECCOMP_RET_LOG,
        Verdict::Ask => libc::SECCOMP_RET_USER_NOTIF,
        Verdict::Errno(errno) => libc::SECCOMP_RET_ERRNO | u32::from(errno),
        Verdict::Trap => libc::SECCOMP_RET_TRAP,
        Verdict::KillThread => libc::SECCOMP_RET_KILL_THREAD,
        Verdict::KillProcess => libc::SECCOMP_RET_KILL_PROCESS,
    }
}

enum Half {
    Low,
    High,
}

/// Where one half of an argument stands, on a little-endian machine.
fn word(index: u8, half: Half) -> u32 {
    let half = match half {
        Half::Low => 0,
        Half::High => 4,
    };
    ARGUMENTS + 8 * u32::from(index) + half
}

fn low(value: u64) -> u32 {
    (value & 0xffff_ffff) as u32
}

fn high(value: u64) -> u32 {
    (value >> 32) as u32
}

fn statement(code: u16, k: u32) -> sock_filter {
    sock_filter { code, jt: 0, jf: 0, k }
}

#[cfg(test)]
mod tests;
