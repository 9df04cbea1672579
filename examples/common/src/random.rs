//! Random numbers that are the same on every machine.

/// SplitMix64: <https://prng.di.unimi.it/splitmix64.c>
pub struct Random {
    state: u64,
    /// The second one of a pair of normal numbers.
    kept: Option<f64>,
}

impl Random {
    pub fn new(seed: u64) -> Random {
        let state = seed;
        Random { state, kept: None }
    }

    /// Between 0 and 1, evenly distributed.
    pub fn uniform(&mut self) -> f64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 * 2f64.powi(-53)
    }

    /// Normally distributed, by Marsaglia's polar method.
    pub fn normal(&mut self) -> f64 {
        if let Some(kept) = self.kept.take() {
            return kept;
        }
        loop {
            let (u, v) = (2.0 * self.uniform() - 1.0, 2.0 * self.uniform() - 1.0);
            let square = u * u + v * v;
            if square > 0.0 && square < 1.0 {
                let factor = (-2.0 * square.ln() / square).sqrt();
                self.kept = Some(v * factor);
                return u * factor;
            }
        }
    }
}
