//! The tape as it is read: words, numbers, and where a node is.

use super::{Place, Word};

/// The tape, to be read.
#[derive(Clone, Copy)]
pub(crate) struct Tape<'a> {
    pub(super) words: &'a [u64],
    pub(super) end: usize,
    pub(super) marks: &'a [Place],
}

impl<'a> Tape<'a> {
    /// The last words of a node.
    #[inline(always)]
    pub(crate) fn of(words: &'a [u64]) -> Tape<'a> {
        Tape {
            words,
            end: 0,
            marks: &[],
        }
    }

    /// The index after the last node.
    pub(crate) fn end(self) -> usize {
        self.end
    }

    /// The word that ends at a position.
    #[inline(always)]
    pub(crate) fn word(self, position: usize) -> Word {
        Word(self.words[position - 1])
    }

    /// The number `back` words before the word that ends at a position.
    #[inline(always)]
    pub(crate) fn number(self, position: usize, back: usize) -> f64 {
        f64::from_bits(self.words[position - 1 - back])
    }

    /// Calls `each` with the operands of a node of any number that ends at a position: the index of each, and what
    /// is beside it.
    #[inline(always)]
    pub(crate) fn each_operand(self, position: usize, mut each: impl FnMut(usize, f64)) {
        let (word, end) = (self.word(position), position - 2);
        let (words, count) = (&self.words[end - word.operands()..end], word.b());
        match word.runs() {
            0 => {
                for (i, slot) in words.chunks_exact(3).enumerate() {
                    let indices = Word(slot[2]);
                    each(indices.a(), f64::from_bits(slot[0]));
                    if 2 * i + 1 < count {
                        each(indices.b(), f64::from_bits(slot[1]));
                    }
                }
            }
            _ => {
                let len = word.run_len();
                for k in 0..len {
                    for run in words.chunks_exact(len + 1) {
                        let word = Word(run[len]);
                        let index = word.a().wrapping_add_signed(k as isize * word.stride());
                        each(index, f64::from_bits(run[k]));
                    }
                }
            }
        }
    }

    /// The place before the node, or the two nodes, that end at a place.
    #[inline(always)]
    pub(crate) fn before(self, place: Place) -> Place {
        place.before(self.word(place.position))
    }

    /// The first place with `index` or, in the middle of two nodes that end together, the one after.
    #[inline]
    pub(crate) fn place(self, index: usize) -> Place {
        if index == self.end {
            return Place {
                index,
                position: self.words.len(),
            };
        }
        let mut place = self.known(index);
        while place.index > index {
            let before = self.before(place);
            if before.index < index {
                break;
            }
            place = before;
        }
        place
    }

    /// The last known place before the node at `index`.
    pub(crate) fn known_before(self, index: usize) -> Place {
        let above = self.marks.partition_point(|mark| mark.index <= index);
        above.checked_sub(1).map_or(Place::START, |k| self.marks[k])
    }

    /// A known place with `index` or a later one.
    pub(crate) fn known(self, index: usize) -> Place {
        let above = self.marks.partition_point(|mark| mark.index < index);
        self.marks.get(above).copied().unwrap_or(Place {
            index: self.end,
            position: self.words.len(),
        })
    }

    /// The place with `index`, which is not in the middle of two nodes, from a later place on.
    pub(crate) fn down_to(self, from: Place, index: usize) -> Place {
        let known = self.known(index);
        let mut place = if known.index < from.index {
            known
        } else {
            from
        };
        while place.index > index {
            place = self.before(place);
        }
        place
    }
}
