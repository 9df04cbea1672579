use crate::rng::Rng;
use crate::{Derivatives, Scalar, Workload, total};

const PATHS: usize = 10_000;

/// D: the price of a call by Monte Carlo, and its sensitivities to spot, strike, rate, volatility
/// and time.
pub struct BlackScholes {
    points: [[f64; 5]; 1],
    pub normals: Vec<f64>,
}

impl BlackScholes {
    pub fn new() -> Self {
        let mut rng = Rng::new(3);
        BlackScholes { points: [[100.0, 105.0, 0.03, 0.2, 1.5]], normals: (0..PATHS).map(|_| rng.normal()).collect() }
    }
}

impl Workload<5> for BlackScholes {
    fn points(&self) -> &[[f64; 5]] {
        &self.points
    }

    fn eval<S: Scalar>(&self, _point: usize, x: &[S; 5]) -> [S; 1] {
        let &[spot, strike, rate, sigma, time] = x;
        let drift = (rate - sigma * sigma * 0.5) * time;
        let volatility = sigma * time.sqrt();
        let payoffs = self.normals.iter().map(|&z| {
            let price = spot * (drift + volatility * z).exp();
            (price - strike).relu()
        });
        [total(payoffs) * (1.0 / PATHS as f64) * (-rate * time).exp()]
    }

    #[inline(never)]
    fn by_hand(&self, point: usize, _store: &mut Vec<f64>, out: &mut Derivatives<5>) {
        let [spot, strike, rate, sigma, time] = self.points[point];
        let drift = (rate - 0.5 * sigma * sigma) * time;
        let volatility = sigma * time.sqrt();
        let (mut payoffs, mut prices, mut weighted, mut exercised) = (0.0, 0.0, 0.0, 0.0);
        for &z in &self.normals {
            let price = spot * (drift + volatility * z).exp();
            if price > strike {
                payoffs += price - strike;
                prices += price;
                weighted += price * z;
                exercised += 1.0;
            }
        }
        let discount = (-rate * time).exp() / PATHS as f64;
        let value = discount * payoffs;
        let (ddrift, dvolatility) = (discount * prices, discount * weighted);
        out.value = [value];
        out.gradient = [[
            discount * prices / spot,
            -discount * exercised,
            ddrift * time - value * time,
            dvolatility * time.sqrt() - ddrift * sigma * time,
            ddrift * (rate - 0.5 * sigma * sigma) + dvolatility * 0.5 * sigma / time.sqrt() - value * rate,
        ]];
    }
}
