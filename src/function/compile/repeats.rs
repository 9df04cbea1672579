//! Repeated segments of a program: where a loop was recorded.
//!
//! A program is read as a list of [`Item`]s, its nodes and guards. Each has a word, which says what is done and whether each
//! operand is an input, a constant or a node. In a recorded loop the words repeat with a period. Periods are found as the
//! distance between equal stretches of words: stretches of 4, 8, 16, … words, so that a loop within the body of another one
//! does not hide it. The period that leaves least code is taken, and what lies between its runs is searched again.
//!
//! Equal words alone make no loop. The operands must be, in every repetition, the result of the same place of it, or a
//! number that was there before it; a run ends where one is not.

use crate::function::program::{Guard, Item, Node, Program};
use std::collections::HashMap;
use std::ops::Range;

/// Items that come `count` times, one repetition after the other.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Segment {
    /// The first item.
    pub start: usize,
    /// The number of items of one repetition.
    pub len: usize,
    pub count: usize,
}

impl Segment {
    pub(super) fn end(&self) -> usize {
        self.start + self.len * self.count
    }
}

/// Fewer repetitions are not worth a loop.
const LEAST: usize = 3;
/// The least number of items that must be saved.
const SAVED: usize = 24;
/// A longer body is not compiled as one function.
const LONGEST: usize = 10_000;
/// At most this multiple of the number of words may be searched in all.
const SEARCHES: usize = 32;
/// Periods that are tried for each length of stretches.
const TRIED: usize = 3;

/// A program as a list of items.
pub(super) struct Items<'a> {
    pub program: &'a Program,
    pub items: Vec<Item>,
    /// For each node the place of its item.
    pub places: Vec<u32>,
    words: Vec<u64>,
}

impl<'a> Items<'a> {
    pub(super) fn of(program: &'a Program) -> Items<'a> {
        let items: Vec<Item> = program.items().collect();
        let is_node = |place: &u32| matches!(items[*place as usize], Item::Node(_));
        let places = (0..items.len() as u32).filter(is_node).collect();
        let words = items.iter().map(|&item| word(program, item)).collect();
        Items { program, items, places, words }
    }

    pub(super) fn operands(&self, place: usize) -> &'a [u32] {
        match self.items[place] {
            Item::Node(i) => self.program.operands(&self.program.nodes[i]),
            Item::Guard(k) => &self.program.guards[k].operands,
        }
    }

    /// The place of the item that computes a number, if it is a node.
    pub(super) fn place_of(&self, index: u32) -> Option<usize> {
        let node = (index as usize).checked_sub(self.program.first_node())?;
        Some(self.places[node] as usize)
    }

    /// The program as segments, without a gap; those that do not repeat have a count of 1, and at most `longest` items. All
    /// are such if no loops are asked for.
    pub(super) fn segments(&self, longest: usize, has_loops: bool) -> Vec<Segment> {
        let mut found = Vec::new();
        let all = 0..self.words.len();
        let mut open = if has_loops { vec![all] } else { Vec::new() };
        let mut left = SEARCHES * self.words.len();
        while let Some(range) = open.pop() {
            let Some(less) = left.checked_sub(range.len()) else {
                continue;
            };
            left = less;
            let before = found.len();
            if let Some(period) = self.period(range.clone()) {
                self.add_runs(range.clone(), period, &mut found);
            }
            if found.len() == before {
                continue;
            }
            let mut start = range.start;
            for segment in &found[before..] {
                open.push(start..segment.start);
                start = segment.end();
            }
            open.push(start..range.end);
        }
        found.sort_unstable_by_key(|segment| segment.start);
        let mut all = Vec::with_capacity(2 * found.len() + 1);
        let mut start = 0;
        let end = Segment { start: self.words.len(), len: 0, count: 0 };
        for segment in found.into_iter().chain([end]) {
            while segment.start > start {
                let len = longest.min(segment.start - start);
                all.push(Segment { start, len, count: 1 });
                start += len;
            }
            start = segment.end();
            if segment.count > 0 {
                all.push(segment);
            }
        }
        all
    }

    /// The period that leaves least code.
    fn period(&self, range: Range<usize>) -> Option<usize> {
        let words = &self.words[range];
        let mut periods: Vec<usize> = Vec::new();
        let mut len = 4;
        while 2 * len <= words.len() && len <= 2 * LONGEST {
            periods.extend(frequent_distances(words, len));
            len *= 2;
        }
        periods.retain(|&period| period <= LONGEST);
        periods.sort_unstable();
        periods.dedup();
        let saved = |period: usize| -> usize {
            let runs = runs(words, period).map(|run| run.len() / period);
            runs.filter(|&count| count >= LEAST).map(|count| (count - 1) * period).sum()
        };
        let best = periods.iter().map(|&period| (saved(period), period));
        let best = best.max_by_key(|&(saved, period)| (saved, usize::MAX - period));
        best.filter(|&(saved, _)| saved >= SAVED).map(|(_, period)| period)
    }

    /// Adds the runs of a period, as far as the operands agree.
    fn add_runs(&self, range: Range<usize>, period: usize, found: &mut Vec<Segment>) {
        for run in runs(&self.words[range.clone()], period) {
            let run = range.start + run.start..range.start + run.end;
            if run.len() < LEAST * period {
                continue;
            }
            let mut start = run.start;
            while start + LEAST * period <= run.end {
                let count = self.agreeing(start, period, (run.end - start) / period);
                if count >= LEAST && (count - 1) * period >= SAVED {
                    found.push(Segment { start, len: period, count });
                }
                start += count * period;
            }
        }
    }

    /// How many repetitions from `start` on have operands as the first one has, of at most `count`.
    fn agreeing(&self, start: usize, period: usize, count: usize) -> usize {
        // The place within the repetition, if it is one.
        let place_in = |index: u32, start: usize| self.place_of(index).and_then(|place| place.checked_sub(start));
        for r in 1..count {
            let again = start + r * period;
            for k in 0..period {
                let mut pairs = self.operands(start + k).iter().zip(self.operands(again + k));
                if !pairs.all(|(&a, &b)| place_in(a, start) == place_in(b, again)) {
                    return r;
                }
            }
        }
        count
    }
}

/// The longest stretches in which each word equals the one a period later; up to the end of the last period.
fn runs(words: &[u64], period: usize) -> impl Iterator<Item = Range<usize>> {
    let mut place = 0;
    std::iter::from_fn(move || {
        let is_same = |k: usize| words[k] == words[k + period];
        while place + period < words.len() && !is_same(place) {
            place += 1;
        }
        if place + period >= words.len() {
            return None;
        }
        let start = place;
        while place + period < words.len() && is_same(place) {
            place += 1;
        }
        let end = place + period;
        // The next run may not begin within this one.
        place = if end - start >= LEAST * period { end } else { place };
        Some(start..end)
    })
}

/// The distances at which a stretch of `len` words comes again most often.
fn frequent_distances(words: &[u64], len: usize) -> impl Iterator<Item = usize> {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    // What the word that leaves a stretch has been multiplied by.
    let power = (0..len).fold(1u64, |power, _| power.wrapping_mul(FACTOR));
    // More slots than the longest period has words: what is overwritten would have been too far away.
    let bits = words.len().next_power_of_two().trailing_zeros().clamp(4, 18);
    let mut last: Vec<(u64, u32)> = vec![(0, u32::MAX); 1 << bits];
    let mut votes: HashMap<u32, u32> = HashMap::new();
    let (mut distance, mut times) = (0, 0);
    let mut hash = 0u64;
    for (place, &word) in words.iter().enumerate() {
        hash = hash.wrapping_mul(FACTOR).wrapping_add(word);
        if place >= len {
            hash = hash.wrapping_sub(words[place - len].wrapping_mul(power));
        }
        if place + 1 < len {
            continue;
        }
        let slot = (hash.wrapping_mul(FACTOR) >> (64 - bits)) as usize;
        let before = std::mem::replace(&mut last[slot], (hash, place as u32));
        if before.0 != hash || before.1 == u32::MAX {
            continue;
        }
        let found = place as u32 - before.1;
        if found != distance {
            *votes.entry(distance).or_default() += times;
            (distance, times) = (found, 0);
        }
        times += 1;
    }
    *votes.entry(distance).or_default() += times;
    let mut votes: Vec<(u32, u32)> = votes.into_iter().filter(|vote| vote.0 > 0).collect();
    votes.sort_unstable_by_key(|&(distance, times)| (u32::MAX - times, distance));
    votes.truncate(TRIED);
    votes.into_iter().map(|(distance, _)| distance as usize)
}

/// What an item does and of which kinds its operands are.
fn word(program: &Program, item: Item) -> u64 {
    let (what, operands): ([u64; 3], _) = match item {
        Item::Node(i) => {
            let node: Node = program.nodes[i];
            // The parameter of a user's operation is its place among all.
            let n = match node.op {
                crate::rows::Op::Custom => 0,
                _ => node.n,
            };
            let what = [node.op as u64, n as u32 as u64, u64::from(node.count)];
            (what, program.operands(&node))
        }
        Item::Guard(k) => {
            let guard: &Guard = &program.guards[k];
            let what = [1 << 32, guard.comparison as u64, guard.answer as u8 as u64];
            (what, &guard.operands[..])
        }
    };
    let kind = |&index: &u32| match index as usize {
        k if k < program.inputs => 1,
        k if k < program.first_node() => 2,
        _ => 3,
    };
    let all = what.into_iter().chain(operands.iter().map(kind));
    let mix = |seed: u64, x: u64| {
        let x = (seed ^ x).wrapping_mul(0xd6e8_feb8_6659_fd93);
        x ^ x >> 32
    };
    all.fold(1, mix)
}
