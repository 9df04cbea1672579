//! The points, the first weights and the losses of micrograd's demo, as Python printed them with the seed 1337.

/// A point of the plane, and the moon that it belongs to.
pub struct Sample {
    pub at: [f64; 2],
    /// 1 or −1.
    pub side: f64,
}

/// scikit-learn's `make_moons(n_samples=100, noise=0.1)`.
pub fn samples() -> Vec<Sample> {
    numbers(include_str!("../micrograd/points.txt"))
        .chunks_exact(3)
        .map(|n| Sample { at: [n[0], n[1]], side: n[2] })
        .collect()
}

/// The parameters of `MLP(2, [16, 16, 1])`.
pub fn weights() -> Vec<f64> {
    numbers(include_str!("../micrograd/weights.txt"))
}

/// The losses of the demo's 100 steps.
pub fn losses() -> Vec<f64> {
    numbers(include_str!("../micrograd/losses.txt"))
}

fn numbers(text: &str) -> Vec<f64> {
    let numbers = text.split_whitespace().map(str::parse);
    numbers.collect::<Result<_, _>>().expect("numbers")
}
