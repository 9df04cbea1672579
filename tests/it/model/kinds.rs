//! The kinds of actions, and where each may stand.

/// What a program may be made of.
#[derive(Clone, Copy, Debug)]
pub struct Mix {
    /// The kinds of actions of which there are none, a bit each, in the order of [`Kind`].
    pub without: u64,
    /// About how many operations a program has.
    pub operations: usize,
}

impl Default for Mix {
    fn default() -> Mix {
        Mix { without: 0, operations: 12_000 }
    }
}

/// Where a block of actions stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Setting {
    /// In the open.
    Program,
    /// In a segment, or in a closure that is swept: it may do what a user's code can do.
    Segment,
    /// In a closure that is recorded and differentiated twice.
    Recorded,
    /// In a closure that is run at other points too: what it does is defined everywhere.
    Total,
    /// In a step of many, each of which begins where the last one ended: the same, and it does not grow.
    Every,
    /// After a derivative was recorded, whose structure the model does not know.
    Calm,
}

impl Setting {
    /// Whether all that is done is defined and smooth everywhere.
    pub fn is_total(self) -> bool {
        matches!(self, Setting::Total | Setting::Every)
    }
}

macro_rules! kinds {
    ($($Kind:ident $weight:literal $settings:literal;)*) => {
        /// The kinds of actions.
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub enum Kind { $($Kind),* }
        /// Each with its weight, and the initials of the settings it may stand in.
        pub const KINDS: &[(Kind, usize, &str)] = &[ $((Kind::$Kind, $weight, $settings)),* ];
    };
}

kinds! {
    Leaves 14 "PSRC";
    Apply 60 "PSRTEC";
    Map 8 "PSRTEC";
    Gather 6 "PSRTE";
    Chain 14 "PSRTEC";
    ScopedChain 3 "PRC";
    Fold 18 "PSRC";
    Custom 5 "P";
    Rule 6 "PSRTC";
    Choose 4 "PSRTE";
    Slope 4 "PSRT";
    Detach 2 "PS";
    Segment 8 "PSRTE";
    Advance 4 "PS";
    Scope 12 "PSR";
    NoGrad 4 "PS";
    Panic 1 "PSRT";
    Trouble 2 "STE";
    Clear 1 "PSR";
    Reserve 1 "PS";
    Backward 20 "PSC";
    Accumulate 5 "PSC";
    Snapshot 5 "PS";
    Differentiate 6 "P";
    Slopes 5 "PR";
    Derive 10 "PSRT";
    Replay 5 "PS";
    Watch 3 "PS";
    Threads 1 "P";
    Name 3 "P";
    Ask 12 "PSC";
    Count 4 "PS";
    Look 8 "PSC";
}
