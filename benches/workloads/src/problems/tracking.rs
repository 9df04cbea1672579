use scalargrad::{Function, Real, jacobian};

use super::{Problem, Run};
use crate::rng::Rng;

const FINGERS: usize = 5;
const JOINTS: usize = 5;
/// Three shifts of the hand, and an angle for each joint.
const INPUTS: usize = 3 + FINGERS * JOINTS;
const VERTICES: usize = 6_400;

/// T: the positions of the vertices of a hand, from its shift and the angles of its joints: as in hand tracking, each vertex
/// moves with two neighbouring bones.
pub struct Tracking {
    x: Vec<f64>,
    vertices: Vec<Vertex>,
}

struct Vertex {
    /// The bone, the next one beside it, and the share of the first.
    bones: [usize; 2],
    share: f64,
    at: [f64; 3],
}

/// A rotation by rows and a shift.
type Frame<T> = [[T; 4]; 3];

/// The frame that is turned about one of the axes by an angle, and then shifted along the first.
fn turned<T: Real>(frame: &Frame<T>, axis: usize, (sin, cos): (T, T)) -> Frame<T> {
    let (i, j) = ((axis + 1) % 3, (axis + 2) % 3);
    frame.map(|row| {
        let mut turned = row;
        turned[i] = row[i] * cos + row[j] * sin;
        turned[j] = row[j] * cos - row[i] * sin;
        turned[3] = row[3] + turned[0] * 0.4;
        turned
    })
}

fn axis(joint: usize) -> usize {
    if joint == 0 { 1 } else { 2 }
}

fn moved(frame: &Frame<f64>, at: [f64; 3]) -> [f64; 3] {
    frame.map(|row| row[0] * at[0] + row[1] * at[1] + row[2] * at[2] + row[3])
}

impl Tracking {
    pub fn new() -> Self {
        let mut rng = Rng::new(14);
        let x = (0..INPUTS).map(|_| 0.3 * rng.normal()).collect();
        let mut vertex = |n: usize| {
            let joint = n % JOINTS;
            let bone = n % (FINGERS * JOINTS);
            let next = if joint + 1 < JOINTS { bone + 1 } else { bone - 1 };
            Vertex { bones: [bone, next], share: rng.uniform(0.5, 1.0), at: std::array::from_fn(|_| rng.normal()) }
        };
        let vertices = (0..VERTICES).map(&mut vertex).collect();
        Tracking { x, vertices }
    }

    fn start<T: Real>(x: &[T]) -> Frame<T> {
        let mut frame = [[T::from(0.0); 4]; 3];
        for k in 0..3 {
            frame[k][k] = T::from(1.0);
            frame[k][3] = x[k];
        }
        frame
    }

    fn frames<T: Real>(x: &[T]) -> Vec<Frame<T>> {
        let mut frames = Vec::with_capacity(FINGERS * JOINTS);
        for finger in 0..FINGERS {
            let mut frame = Self::start(x);
            for joint in 0..JOINTS {
                let angle = x[3 + finger * JOINTS + joint];
                frame = turned(&frame, axis(joint), (angle.sin(), angle.cos()));
                frames.push(frame);
            }
        }
        frames
    }

    fn eval<T: Real>(&self, x: &[T]) -> Vec<T> {
        let frames = Self::frames(x);
        let mut positions = Vec::with_capacity(3 * VERTICES);
        for vertex in &self.vertices {
            let [first, second] = vertex.bones.map(|bone| &frames[bone]);
            let [a, b, c] = vertex.at;
            for k in 0..3 {
                let moved = |frame: &Frame<T>| {
                    let [x, y, z, shift] = frame[k];
                    x * a + y * b + z * c + shift
                };
                positions.push(moved(first) * vertex.share + moved(second) * (1.0 - vertex.share));
            }
        }
        positions
    }
}

impl Problem for Tracking {
    fn by_hand(&self, out: &mut Vec<f64>) {
        // Each frame with its derivative by each angle of its finger.
        let mut frames: Vec<[Frame<f64>; JOINTS]> = Vec::with_capacity(FINGERS * JOINTS);
        for finger in 0..FINGERS {
            let mut frame = Self::start(&self.x);
            let mut slopes = [[[0.0; 4]; 3]; JOINTS];
            for joint in 0..JOINTS {
                let (sin, cos) = self.x[3 + finger * JOINTS + joint].sin_cos();
                for slope in &mut slopes[..joint] {
                    *slope = turned(slope, axis(joint), (sin, cos));
                }
                let (i, j) = ((axis(joint) + 1) % 3, (axis(joint) + 2) % 3);
                slopes[joint] = frame.map(|row| {
                    let mut slope = [0.0; 4];
                    slope[i] = row[j] * cos - row[i] * sin;
                    slope[j] = -row[i] * cos - row[j] * sin;
                    slope[3] = slope[0] * 0.4;
                    slope
                });
                frame = turned(&frame, axis(joint), (sin, cos));
                frames.push(slopes);
            }
        }
        out.clear();
        out.resize(3 * VERTICES * INPUTS, 0.0);
        for (vertex, rows) in self.vertices.iter().zip(out.chunks_exact_mut(3 * INPUTS)) {
            for k in 0..3 {
                rows[k * INPUTS + k] = 1.0;
            }
            let shares = [vertex.share, 1.0 - vertex.share];
            for (bone, share) in vertex.bones.into_iter().zip(shares) {
                let first = 3 + bone / JOINTS * JOINTS;
                for (joint, slope) in frames[bone][..=bone % JOINTS].iter().enumerate() {
                    let slope = moved(slope, vertex.at);
                    for k in 0..3 {
                        rows[k * INPUTS + first + joint] += share * slope[k];
                    }
                }
            }
        }
    }

    fn by_closure(&self, out: &mut Vec<f64>) {
        out.clear();
        out.extend_from_slice(jacobian(|x| self.eval(x), &self.x).as_slice());
    }

    fn recorded(&self) -> Run<'_> {
        let f = Function::record(&self.x, |x| self.eval(x));
        let mut values = vec![0.0; f.outputs()];
        Box::new(move |out| {
            out.resize(values.len() * INPUTS, 0.0);
            f.values_and_jacobian_into(&self.x, &mut values, out).expect("no guard");
        })
    }
}
