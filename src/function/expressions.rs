//! A hash table of indices into an array that stands elsewhere.

/// A hash table with open addressing, of places of things that never go away.
///
/// An expression is looked for first near a *home*, which follows the number of its last operand. That was most often
/// recorded just before, so this part of the table is in the cache. There is room for a few; where it is taken, the search
/// goes on from a place that depends on the hash alone.
#[derive(Default)]
pub(super) struct Table {
    /// A place plus 1, or 0 where there is none.
    slots: Vec<u32>,
    /// At most so many are put in.
    room: usize,
}

/// Slots that are tried near the home.
const NEAR: usize = 4;

impl Table {
    /// A table for so many.
    pub(super) fn with_room(room: usize) -> Table {
        let mut table = Table::default();
        table.clear(room);
        table
    }

    /// Forgets all, and makes room for so many.
    pub(super) fn clear(&mut self, room: usize) {
        self.slots.clear();
        self.slots.resize(room + room / 2 + NEAR, 0);
        self.room = room;
    }

    pub(super) fn room(&self) -> usize {
        self.room
    }

    /// The bytes held.
    pub(super) fn bytes(&self) -> usize {
        self.slots.capacity() * size_of::<u32>()
    }

    /// The place of this hash that `is_equal`, or else `next`, which is put in. A home is less than the room.
    #[inline(always)]
    pub(super) fn get_or_insert(
        &mut self,
        hash: u64,
        home: Option<usize>,
        mut is_equal: impl FnMut(u32) -> bool,
        next: u32,
    ) -> u32 {
        let slots = &mut self.slots[..];
        let mut found = None;
        if let Some(home) = home {
            let home = home + home / 2;
            for (k, &slot) in slots[home..home + NEAR].iter().enumerate() {
                if slot == 0 {
                    found = Some(home + k);
                    break;
                }
                if is_equal(slot - 1) {
                    return slot - 1;
                }
            }
        }
        let place = found.unwrap_or_else(|| {
            // The upper bits of a product depend on all bits of its factors.
            let mut place = ((hash >> 32) * slots.len() as u64 >> 32) as usize;
            while slots[place] != 0 && !is_equal(slots[place] - 1) {
                place += 1;
                if place == slots.len() {
                    place = 0;
                }
            }
            place
        });
        if slots[place] == 0 {
            debug_assert!((next as usize) < self.room, "the room was told before");
            slots[place] = next + 1;
        }
        slots[place] - 1
    }
}

/// Of a number and what was hashed before. Nobody chooses these numbers to make them collide, so a multiplication will do.
#[inline(always)]
pub(super) fn hash(seed: u64, n: u64) -> u64 {
    (seed.rotate_left(26) ^ n).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
