//! Raw storage of the tape: the only room where `unsafe` may be used.
//!
//! The tape is one array of 64-bit words, from `base` to `end`. A node is one to four words (more, if it has many
//! operands): numbers first, its partials, and last a [`Word`] that says what the node is and which operands it has. The
//! table of nodes is in [`word.rs`](word); [`WriteHead`] has a method that appends each, and a [step](steps) sweeps each:
//!
//! ```text
//!  base                                                                     end      limit   capacity
//!  │ dummy │ leaf x │ leaf w │  p = x * w   │ y = sin(p) │  q = x * y   │fused│         │ SLACK │
//!  │0 0 0 L│ 2.0  L │ 0.5  L │ 0.5  2.0  TWO│ 0.54   ONE │ 0.84 2.0  TWO│+    │         │       │
//!            1        2        3              4            5              6   ◂ index
//!
//!  a word:   63 … 35    34 … 32   31 … 3     2 … 0
//!            operand b  subcode   operand a  code
//! ```
//!
//! Whoever walks down from the end, as a sweep does, reads the word first and then knows how long the node is. Nodes
//! are numbered from 1; the number is the node's *index*, and its adjoint is stored at that index of another array. An
//! operation that finds that it adds the last two nodes, as in `y + x * w`, writes nothing: a bit of the last word
//! says that the sum is fused into it ([`WriteHead::push_fused_sum`]).
//!
//! The index of the next node is kept as an *id*, `epoch << 29 | index`: the id that the next handle gets. One
//! subtraction of a handle's id tells whether the handle belongs to the scope that is current.
//!
//! # Why it is safe
//!
//! Four statements hold between any two calls of the functions in this folder, and every `unsafe` block that reads or writes the
//! tape or the adjoints refers to one of them by the name of the function that checks it in debug builds. (The table of epochs,
//! zeroed memory and the trampoline have a proof each that needs no other file.)
//!
//! - **[`assert_storage`](Arena::assert_storage)**: the words from `base` to `end` are initialised, there are at least the 4 words
//!   of the dummy node, and a write that begins below `limit` has room for [`SLACK`](raw::SLACK) words;
//! - **[`assert_nodes`](tape::Tape::assert_nodes)**: these words are whole nodes, as many as the next index says, the
//!   operands of each below it ([`WriteHead`] checks it of each node that it appends), and no [window](WINDOW) of 256 nodes starts
//!   between a node and a sum that is fused into it;
//! - **[`assert_clean`](adjoints::Set)**: there is room for the adjoints of all nodes below the end of the set, with a flag for each
//!   window, and what no sweep gave anything to is zero; [`walk::sweep`] asserts that it begins below that end;
//! - **one thread, one borrower**: `Cell` makes the arena `!Sync`. The words are borrowed as a slice only inside
//!   [`Arena::tape`], which empties the arena while the slice exists: recording then finds no room and panics. No user code runs
//!   while a pointer into the tape or the adjoints is held; a global allocator, or a panic hook, that records variables itself is not
//!   provided for (it finds no room, and a panic of a hook ends the process). There is one arena for each thread, and no other:
//!   what the [trampoline] grows is the one that is written to.
//!
//! All builds check what costs nothing beside the work: that a write finds room, that nothing was written since its write head was
//! read, that a tape is not lent twice or moved while it is lent, that a sweep has room for its adjoints, and that a scope goes back and not
//! on. Debug builds check the four statements themselves, those about all nodes where the tape is small.
//!
//! Three more things come from outside of this folder, and are checked here in debug builds only:
//!
//! - **between two slots or numbers** of a node with any number of operands `record` works out partials, and calls nothing that records;
//!   and a node has at least one operand, as what has no variable among its operands is not recorded;
//! - **operands**: `record` appends nodes only of ids that passed [`is_current`] or [`Arena::is_open`] (in `binary`,
//!   `with_constant` and `unary`, in `is_recorded` and `any_recorded`, and for runs in `Run::of`), or that it has just got from the
//!   tape: the head of a checkpoint, and of a `softmax` the `log_sum_exp` before it, which was recorded of the same operands. Indices that `graph` looks up (`value_of`, `decode`, `read_checkpoint`) come from such ids, or
//!   from operands of nodes;
//! - **places**: [`Arena::restart`] gets the place that `Scope::open` in `graph` noted when the scope that ends was opened, or
//!   [`Place::START`]; [`walk::sweep`] gets the index of a verified handle, or of the checkpoint at which it stopped, and as its floor 1,
//!   the first index of a scope, that of a leaf or of the node after one, or what [`Arena::floor_at`] found. No sum is fused into a leaf.
//!
//! Only the end of the tape changes: nodes are appended, the fused bit of the last word is set, and going back to the
//! place where a scope started makes the tape shorter. A place is an index and a position; both are the same for as long
//! as that scope is open, because a sum is fused only into a node of the scope that is current.
//!
//! # Why it is so
//!
//! Recording is a loop of about six cycles an operation; a `Vec` in a `RefCell` doubles them (the borrow flag, the length
//! and the capacity are loaded and stored each time). Partials on the tape are read once, in the order in which they
//! lie. The fused sum is worth 20 to 30 % on networks and mixtures written with loops (`s += w * x`), and 2 bytes for
//! each operation of a chain.

#![allow(unsafe_code)]

mod adjoints;
mod aside;
mod epochs;
mod find;
mod lines;
mod no_room;
mod place;
mod raw;
mod steps;
mod storage;
mod tape;
#[cfg(test)]
mod tests;
mod trampoline;
pub(crate) mod walk;
mod word;
mod write;
mod zeros;

pub(crate) use adjoints::WINDOW;
pub(crate) use aside::{SetAside, adjoints, set_aside};
pub(crate) use epochs::{EPOCH_STEP, FIRST_EPOCH, OpenEpochs};
pub(crate) use lines::{Line, Owner, is_own, owner};
pub(crate) use no_room::NoRoom;
pub(crate) use place::Place;
pub(crate) use raw::{Arena, arena, is_current};
pub(crate) use tape::{LastWords, Tape};
pub(crate) use word::{Form, INDEX_BITS, INDEX_MASK, Word, code};
pub(crate) use write::{WriteHead, cold_path};
