use crate::{Derivatives, Scalar, Workload};

/// G: `x = sin(x)·a + x·b`, ten million operations in one chain, more than any cache holds.
///
/// The map has its fixed point at `sin(x)·a = (1 − b)·x`, near 2.6, and creeps towards it, so that
/// neither values nor adjoints leave the normal range in the 2.5 million steps.
pub struct Chain {
    points: [[f64; 3]; 1],
}

impl Chain {
    pub const STEPS: usize = 2_500_000;
    pub const OPERATIONS: usize = 4 * Self::STEPS;

    pub fn new() -> Self {
        Chain { points: [[0.5, 1e-6, 1.0 - 2e-7]] }
    }
}

impl Workload<3> for Chain {
    fn points(&self) -> &[[f64; 3]] {
        &self.points
    }

    fn eval<S: Scalar>(&self, _point: usize, &[start, a, b]: &[S; 3]) -> [S; 1] {
        let mut x = start;
        for _ in 0..Self::STEPS {
            x = x.sin() * a + x * b;
        }
        [x]
    }

    #[inline(never)]
    fn by_hand(&self, point: usize, store: &mut Vec<f64>, out: &mut Derivatives<3>) {
        let [start, a, b] = self.points[point];
        store.resize(2 * Self::STEPS, 0.0);
        let mut x = start;
        for kept in store.chunks_exact_mut(2) {
            let sine = x.sin();
            kept[0] = x;
            kept[1] = sine;
            x = sine * a + x * b;
        }
        let (mut dx, mut da, mut db) = (1.0, 0.0, 0.0);
        for kept in store.chunks_exact(2).rev() {
            let (x, sine) = (kept[0], kept[1]);
            da += dx * sine;
            db += dx * x;
            dx *= x.cos() * a + b;
        }
        out.value = [x];
        out.gradient = [[dx, da, db]];
    }
}
