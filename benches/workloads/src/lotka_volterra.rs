use crate::{Derivatives, Scalar, Workload};

const DT: f64 = LotkaVolterra::DT;

/// H: ten thousand Runge–Kutta steps of `x' = ax − bxy`, `y' = cxy − dy`; the sum of the final
/// numbers.
pub struct LotkaVolterra {
    points: [[f64; 4]; 1],
}

impl LotkaVolterra {
    pub const STEPS: usize = 10_000;
    pub const DT: f64 = 1e-3;
    pub const START: [f64; 2] = [1.0, 0.5];

    pub fn new() -> Self {
        LotkaVolterra { points: [[1.5, 1.0, 1.0, 3.0]] }
    }
}

impl Workload<4> for LotkaVolterra {
    fn points(&self) -> &[[f64; 4]] {
        &self.points
    }

    fn eval<S: Scalar>(&self, _point: usize, &[a, b, c, d]: &[S; 4]) -> [S; 1] {
        let rate = |x: S, y: S| (a * x - b * x * y, c * x * y - d * y);
        let mut x = a.constant(Self::START[0]);
        let mut y = a.constant(Self::START[1]);
        for _ in 0..Self::STEPS {
            let (x1, y1) = rate(x, y);
            let (x2, y2) = rate(x + x1 * (0.5 * DT), y + y1 * (0.5 * DT));
            let (x3, y3) = rate(x + x2 * (0.5 * DT), y + y2 * (0.5 * DT));
            let (x4, y4) = rate(x + x3 * DT, y + y3 * DT);
            x = x + (x1 + x2 * 2.0 + x3 * 2.0 + x4) * (DT / 6.0);
            y = y + (y1 + y2 * 2.0 + y3 * 2.0 + y4) * (DT / 6.0);
        }
        [x + y]
    }

    #[inline(never)]
    fn by_hand(&self, point: usize, store: &mut Vec<f64>, out: &mut Derivatives<4>) {
        let [a, b, c, d] = self.points[point];
        let rate = |x: f64, y: f64| (a * x - b * x * y, c * x * y - d * y);
        store.resize(2 * Self::STEPS, 0.0);
        let [mut x, mut y] = Self::START;
        for kept in store.chunks_exact_mut(2) {
            kept[0] = x;
            kept[1] = y;
            let (x1, y1) = rate(x, y);
            let (x2, y2) = rate(x + 0.5 * DT * x1, y + 0.5 * DT * y1);
            let (x3, y3) = rate(x + 0.5 * DT * x2, y + 0.5 * DT * y2);
            let (x4, y4) = rate(x + DT * x3, y + DT * y3);
            x += DT / 6.0 * (x1 + 2.0 * x2 + 2.0 * x3 + x4);
            y += DT / 6.0 * (y1 + 2.0 * y2 + 2.0 * y3 + y4);
        }
        out.value = [x + y];

        let mut gradient = [0.0; 4];
        // From the adjoints of a rate to those of the state that it was taken at.
        let mut back = |x: f64, y: f64, drx: f64, dry: f64| {
            gradient[0] += drx * x;
            gradient[1] -= drx * x * y;
            gradient[2] += dry * x * y;
            gradient[3] -= dry * y;
            (drx * (a - b * y) + dry * c * y, dry * (c * x - d) - drx * b * x)
        };
        let (mut dx, mut dy) = (1.0, 1.0);
        for kept in store.chunks_exact(2).rev() {
            let (x, y) = (kept[0], kept[1]);
            let (x1, y1) = rate(x, y);
            let (xa, ya) = (x + 0.5 * DT * x1, y + 0.5 * DT * y1);
            let (x2, y2) = rate(xa, ya);
            let (xb, yb) = (x + 0.5 * DT * x2, y + 0.5 * DT * y2);
            let (x3, y3) = rate(xb, yb);
            let (xc, yc) = (x + DT * x3, y + DT * y3);
            let (dx4, dy4) = back(xc, yc, DT / 6.0 * dx, DT / 6.0 * dy);
            let (dx3, dy3) = back(xb, yb, DT / 3.0 * dx + DT * dx4, DT / 3.0 * dy + DT * dy4);
            let (dx2, dy2) = back(xa, ya, DT / 3.0 * dx + 0.5 * DT * dx3, DT / 3.0 * dy + 0.5 * DT * dy3);
            let (dx1, dy1) = back(x, y, DT / 6.0 * dx + 0.5 * DT * dx2, DT / 6.0 * dy + 0.5 * DT * dy2);
            dx += dx4 + dx3 + dx2 + dx1;
            dy += dy4 + dy3 + dy2 + dy1;
        }
        out.gradient = [gradient];
    }
}
