use std::array;
use std::ops::Sub;

use crate::rng::Rng;
use crate::{Derivatives, Scalar, Workload, total};

const BLOCKS: usize = 1000;

/// F: one observation of ADBench's bundle adjustment, two residuals, at a thousand different
/// inputs.
///
/// The inputs are the camera (rotation, centre, focal length, principal point, two radial
/// distortions), the point in space and the weight.
pub struct BundleAdjustment {
    points: Vec<[f64; 15]>,
    pub features: Vec<[f64; 2]>,
}

impl BundleAdjustment {
    pub fn new() -> Self {
        let mut rng = Rng::new(5);
        BundleAdjustment {
            points: (0..BLOCKS)
                .map(|_| {
                    let mut around = |middle: f64, spread: f64| middle + spread * rng.uniform(-1.0, 1.0);
                    let rotation = [0.1, -0.2, 0.3].map(|r| around(r, 0.1));
                    let centre = [0.0; 3].map(|c| around(c, 0.5));
                    let optics = [around(500.0, 50.0), around(320.0, 5.0), around(240.0, 5.0)];
                    let distortion = [around(-0.1, 0.05), around(0.02, 0.01)];
                    let space = [around(0.0, 1.0), around(0.0, 1.0), around(6.0, 1.0)];
                    let mut inputs = [around(1.0, 0.5); 15];
                    inputs[..14].copy_from_slice(&[&rotation[..], &centre, &optics, &distortion, &space].concat());
                    inputs
                })
                .collect(),
            features: (0..BLOCKS).map(|_| [rng.uniform(220.0, 420.0), rng.uniform(140.0, 340.0)]).collect(),
        }
    }
}

#[inline]
fn dot<S: Scalar>(a: [S; 3], b: [S; 3]) -> S {
    total(array::from_fn::<_, 3, _>(|i| a[i] * b[i]))
}

#[inline]
fn cross<S: Scalar>([a0, a1, a2]: [S; 3], [b0, b1, b2]: [S; 3]) -> [S; 3] {
    [a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0]
}

/// Turns `point` about `rotation`, by its length in radians (the formula of Rodrigues).
#[inline]
fn rotate<S: Scalar>(rotation: [S; 3], point: [S; 3]) -> [S; 3] {
    let angle = dot(rotation, rotation).sqrt();
    let (sine, cosine) = (angle.sin(), angle.cos());
    let inverse = angle.recip();
    let axis = rotation.map(|r| r * inverse);
    let across = cross(axis, point);
    let along = dot(axis, point) * cosine.one_minus();
    array::from_fn(|i| point[i] * cosine + across[i] * sine + axis[i] * along)
}

/// The two residuals of one observation, whose feature is data (`f64`) or two numbers like all others.
#[inline]
pub(crate) fn residuals<S: Scalar + Sub<X, Output = S>, X: Copy>(inputs: &[S; 15], feature: [X; 2]) -> [S; 2] {
    let &[r0, r1, r2, c0, c1, c2, focal, u0, v0, k1, k2, x0, x1, x2, weight] = inputs;
    let [x, y, z] = rotate([r0, r1, r2], [x0 - c0, x1 - c1, x2 - c2]);
    let depth = z.recip();
    let projected = [x * depth, y * depth];
    let square = projected[0] * projected[0] + projected[1] * projected[1];
    let distortion = k1 * square + k2 * square * square + 1.0;
    let principal = [u0, v0];
    array::from_fn(|m| {
        let seen = projected[m] * distortion * focal + principal[m];
        (seen - feature[m]) * weight
    })
}

impl Workload<15, 2> for BundleAdjustment {
    fn points(&self) -> &[[f64; 15]] {
        &self.points
    }

    #[inline]
    fn eval<S: Scalar>(&self, block: usize, inputs: &[S; 15]) -> [S; 2] {
        residuals(inputs, self.features[block])
    }

    fn inputs_and_data(&self, block: usize) -> Vec<f64> {
        [&self.points[block][..], &self.features[block]].concat()
    }

    fn eval_with_data<S: Scalar>(&self, x: &[S]) -> [S; 2] {
        let (inputs, feature) = x.split_first_chunk().expect("fifteen inputs");
        residuals(inputs, [feature[0], feature[1]])
    }

    #[inline(never)]
    fn by_hand(&self, block: usize, _store: &mut Vec<f64>, out: &mut Derivatives<15, 2>) {
        let [r0, r1, r2, c0, c1, c2, focal, u0, v0, k1, k2, x0, x1, x2, weight] = self.points[block];
        let rotation = [r0, r1, r2];
        let angle = dot(rotation, rotation).sqrt();
        let (sine, cosine) = (angle.sin(), angle.cos());
        let inverse = 1.0 / angle;
        let axis = rotation.map(|r| r * inverse);
        let point = [x0 - c0, x1 - c1, x2 - c2];
        let across = cross(axis, point);
        let axis_point = dot(axis, point);
        let along = axis_point * (1.0 - cosine);
        let turned: [f64; 3] = array::from_fn(|i| point[i] * cosine + across[i] * sine + axis[i] * along);
        let depth = 1.0 / turned[2];
        let projected = [turned[0] * depth, turned[1] * depth];
        let square = projected[0] * projected[0] + projected[1] * projected[1];
        let distortion = 1.0 + k1 * square + k2 * square * square;
        let principal = [u0, v0];

        for m in 0..2 {
            let seen = projected[m] * distortion * focal + principal[m];
            let residual = seen - self.features[block][m];
            out.value[m] = weight * residual;

            let dfocal = weight * projected[m] * distortion;
            let ddistortion = weight * projected[m] * focal;
            let dsquare = ddistortion * (k1 + 2.0 * k2 * square);
            let mut dprojected = [2.0 * dsquare * projected[0], 2.0 * dsquare * projected[1]];
            dprojected[m] += weight * distortion * focal;
            let dturned = [
                dprojected[0] * depth,
                dprojected[1] * depth,
                -(dprojected[0] * projected[0] + dprojected[1] * projected[1]) * depth,
            ];

            let dalong = dot(dturned, axis);
            let daxis_point = dalong * (1.0 - cosine);
            let dcosine = dot(dturned, point) - dalong * axis_point;
            let dsine = dot(dturned, across);
            let (by_axis, by_point) = (cross(dturned, axis), cross(point, dturned));
            let dpoint: [f64; 3] = array::from_fn(|i| dturned[i] * cosine + by_axis[i] * sine + daxis_point * axis[i]);
            let daxis: [f64; 3] = array::from_fn(|i| by_point[i] * sine + dturned[i] * along + daxis_point * point[i]);
            let dangle = cosine * dsine - sine * dcosine - dot(daxis, axis) * inverse;
            let drotation: [f64; 3] = array::from_fn(|i| daxis[i] * inverse + dangle * axis[i]);

            let gradient = &mut out.gradient[m];
            for i in 0..3 {
                gradient[i] = drotation[i];
                gradient[3 + i] = -dpoint[i];
                gradient[11 + i] = dpoint[i];
            }
            gradient[6] = dfocal;
            gradient[7] = 0.0;
            gradient[8] = 0.0;
            gradient[7 + m] = weight;
            gradient[9] = ddistortion * square;
            gradient[10] = ddistortion * square * square;
            gradient[14] = residual;
        }
    }
}
