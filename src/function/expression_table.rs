//! A hash table of places in an array that is stored elsewhere.

/// A hash table with open addressing, from which nothing is taken out.
///
/// An expression is looked for first near a *home*, which follows the place of its last operand. That was most often
/// recorded a short time before, so this part of the table is in the cache. Where what is near is taken, as that of an
/// operand which many expressions share, the search goes on from a slot that depends on the hash alone.
#[derive(Default)]
pub(super) struct Table {
    /// A place plus 1, or 0 where there is none.
    slots: Vec<u32>,
    /// At most this many are put in.
    room: usize,
    /// Expressions with one home are spread over one slot more: a few kilobytes, as the results of a layer of a network
    /// are close together and each is used many times.
    spread: usize,
}

/// Slots that are tried near the home.
const NEAR: usize = 4;

/// From one slot to the next that is tried after those: out of what is crowded, and prime to the number of slots.
const STRIDE: usize = 64;

impl Table {
    /// Forgets all, and makes room for `room` of them.
    pub(super) fn clear(&mut self, room: usize) {
        self.slots.clear();
        (self.room, self.spread) = (room, room.next_power_of_two().min(1024) - 1);
        let last = 2 * room + self.spread + NEAR + STRIDE;
        self.slots.resize(last | 1, 0);
    }

    pub(super) fn room(&self) -> usize {
        self.room
    }

    /// The place with this hash that `is_equal`, or else `next`, which is put in. A home is less than the room.
    #[inline(always)]
    pub(super) fn get_or_insert(
        &mut self,
        hash: u64,
        home: Option<usize>,
        mut is_equal: impl FnMut(u32) -> bool,
        next: u32,
    ) -> u32 {
        debug_assert!((next as usize) < self.room, "the room was told before");
        let slots = &mut self.slots[..];
        // The upper bits of a product depend on all bits of its factors.
        let far = (((hash >> 32) * slots.len() as u64) >> 32) as usize;
        let (mut at, mut step) = match home {
            Some(home) => (2 * home + ((hash >> 40) as usize & self.spread), 1),
            None => (far, STRIDE),
        };
        let end = at + NEAR;
        loop {
            match slots[at] {
                0 => {
                    slots[at] = next + 1;
                    return next;
                }
                k if is_equal(k - 1) => return k - 1,
                _ => at += step,
            }
            if step == 1 {
                if at == end {
                    (at, step) = (far, STRIDE);
                }
            } else if at >= slots.len() {
                at -= slots.len();
            }
        }
    }
}

/// The hash of a number and what was hashed before. Nobody chooses these numbers to make them collide, so a multiplication will do.
#[inline(always)]
pub(super) fn hash(seed: u64, n: u64) -> u64 {
    (seed.rotate_left(26) ^ n).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
