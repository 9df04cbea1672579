use crate::{Derivatives, Scalar, Workload};

/// A: `((x·y)·(y·z))²`, so small that only the fixed costs count.
pub struct Product {
    points: [[f64; 3]; 1],
}

impl Product {
    pub fn new() -> Self {
        Product { points: [[3.0, 2.0, 1.0]] }
    }
}

impl Workload<3> for Product {
    fn points(&self) -> &[[f64; 3]] {
        &self.points
    }

    #[inline]
    fn eval<S: Scalar>(&self, _point: usize, &[x, y, z]: &[S; 3]) -> [S; 1] {
        [((x * y) * (y * z)).powi(2)]
    }

    #[inline(never)]
    fn by_hand(&self, point: usize, _store: &mut Vec<f64>, out: &mut Derivatives<3>) {
        let [x, y, z] = self.points[point];
        let (p, q) = (x * y, y * z);
        let u = p * q;
        let (dp, dq) = (2.0 * u * q, 2.0 * u * p);
        out.value = [u * u];
        out.gradient = [[dp * y, dp * x + dq * z, dq * y]];
    }
}
