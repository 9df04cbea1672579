use scalargrad::{Function, Real, value_gradient_and_hvp};

use super::{Problem, Run};
use crate::rng::Rng;

const POINTS: usize = 2_000;
const CENTRES: usize = 10;
const D: usize = 8;

/// K: the direction of Newton's method for k-means: the gradient of the sum of the squared distances to the nearest centre,
/// and the Hessian, which is diagonal, times ones.
pub struct Clusters {
    points: Vec<[f64; D]>,
    centres: Vec<f64>,
}

impl Clusters {
    pub fn new() -> Self {
        let mut rng = Rng::new(12);
        let mut number = || rng.normal();
        let points = (0..POINTS).map(|_| std::array::from_fn(|_| number())).collect();
        let centres = (0..CENTRES * D).map(|_| number()).collect();
        Clusters { points, centres }
    }

    fn eval<T: Real>(&self, centres: &[T]) -> T {
        let distance = |centre: &[T], point: &[f64; D]| -> T {
            let differences = centre.iter().zip(point).map(|(&c, &p)| c - p);
            differences.map(|d| d * d).sum()
        };
        let nearest = |point: &[f64; D]| {
            let distances = centres.chunks_exact(D).map(|centre| distance(centre, point));
            distances.reduce(|a, b| if b < a { b } else { a }).expect("a centre")
        };
        self.points.iter().map(nearest).sum()
    }
}

impl Problem for Clusters {
    fn by_hand(&self, out: &mut Vec<f64>) {
        out.clear();
        out.resize(2 * CENTRES * D, 0.0);
        let (gradient, product) = out.split_at_mut(CENTRES * D);
        for point in &self.points {
            let (mut least, mut nearest) = (f64::INFINITY, 0);
            for (k, centre) in self.centres.chunks_exact(D).enumerate() {
                let squares = centre.iter().zip(point).map(|(c, p)| (c - p) * (c - p));
                let distance = squares.sum::<f64>();
                if distance < least {
                    (least, nearest) = (distance, k);
                }
            }
            for j in 0..D {
                gradient[nearest * D + j] += 2.0 * (self.centres[nearest * D + j] - point[j]);
                product[nearest * D + j] += 2.0;
            }
        }
    }

    fn by_closure(&self, out: &mut Vec<f64>) {
        let ones = [1.0; CENTRES * D];
        let (_, gradient, product) = value_gradient_and_hvp(|x| self.eval(x), &self.centres, &ones);
        *out = [gradient, product].concat();
    }

    fn recorded(&self) -> Run<'_> {
        let f = Function::record(&self.centres, |x| self.eval(x));
        Box::new(move |out| {
            let all = f.value_gradient_and_hvp(&self.centres, &[1.0; CENTRES * D]);
            let (_, gradient, product) = all.expect("at the same centres");
            *out = [gradient, product].concat();
        })
    }
}
