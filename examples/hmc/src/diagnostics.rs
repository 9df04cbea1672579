//! Whether chains have found the same distribution, and what their draws are worth.
//!
//! Gelman and others, *Bayesian Data Analysis*, third edition, 11.4 and 11.5.

/// What is known of one coefficient from all chains.
pub struct Summary {
    pub mean: f64,
    pub deviation: f64,
    /// So many independent draws would be worth the same.
    pub effective_size: f64,
    /// How much wider all chains together are than each alone: 1 when they agree.
    pub r_hat: f64,
}

impl Summary {
    /// The standard error of the mean.
    pub fn error(&self) -> f64 {
        self.deviation / self.effective_size.sqrt()
    }
}

fn mean(x: &[f64]) -> f64 {
    x.iter().sum::<f64>() / x.len() as f64
}

fn variance(x: &[f64]) -> f64 {
    let m = mean(x);
    x.iter().map(|x| (x - m).powi(2)).sum::<f64>() / (x.len() - 1) as f64
}

/// The summary of one coefficient; each chain is cut in two, so that one that drifts is noticed.
pub fn summary(chains: &[Vec<f64>]) -> Summary {
    let halves: Vec<&[f64]> =
        chains.iter().flat_map(|c| [&c[..c.len() / 2], &c[c.len() / 2..c.len() / 2 * 2]]).collect();
    let (m, n) = (halves.len() as f64, halves[0].len() as f64);
    let means: Vec<f64> = halves.iter().map(|h| mean(h)).collect();
    let within = halves.iter().map(|h| variance(h)).sum::<f64>() / m;
    let pooled = within * (n - 1.0) / n + variance(&means);

    // Autocorrelations are added up in pairs while a pair is positive.
    let correlation = |lag: usize| {
        let squares = halves.iter().map(|h| {
            let pairs = h.iter().zip(&h[lag..]);
            pairs.map(|(a, b)| (a - b).powi(2)).sum::<f64>() / (h.len() - lag) as f64
        });
        1.0 - squares.sum::<f64>() / m / (2.0 * pooled)
    };
    let (mut total, mut lag) = (0.0, 1);
    while lag + 1 < halves[0].len() / 2 {
        let pair = correlation(lag) + correlation(lag + 1);
        if pair < 0.0 {
            break;
        }
        total += pair;
        lag += 2;
    }
    Summary {
        mean: mean(&means),
        deviation: pooled.sqrt(),
        effective_size: m * n / (1.0 + 2.0 * total),
        r_hat: (pooled / within).sqrt(),
    }
}
