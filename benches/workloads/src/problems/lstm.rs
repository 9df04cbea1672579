use scalargrad::Real;

use super::{Problem, Run, gradient_of, recorded_gradient};
use crate::rng::Rng;

const LAYERS: usize = 2;
const D: usize = 14;
const STEPS: usize = 256;
/// Weights and biases of the four gates of each layer, then the scales of the input, those of the output, and its biases.
const PARAMETERS: usize = 8 * D * LAYERS + 3 * D;

/// S: ADBench's LSTM: the mean logarithm of the probability that it gives to the next letter.
pub struct Lstm {
    x: Vec<f64>,
    /// Hidden state and cell of each layer at the beginning.
    state: Vec<f64>,
    sequence: Vec<[f64; D]>,
}

/// What a layer leaves to the sweep by hand.
struct Gates {
    input: [f64; D],
    hidden: [f64; D],
    cell: [f64; D],
    forget: [f64; D],
    ingate: [f64; D],
    outgate: [f64; D],
    change: [f64; D],
    tanh: [f64; D],
}

impl Lstm {
    pub fn new() -> Self {
        let mut rng = Rng::new(13);
        let x = (0..PARAMETERS).map(|_| 0.5 * rng.normal()).collect();
        let state = (0..2 * D * LAYERS).map(|_| 0.5 * rng.normal()).collect();
        let mut letter = || {
            let k = rng.uniform(0.0, D as f64) as usize;
            std::array::from_fn(|i| f64::from(i == k))
        };
        let sequence = (0..STEPS).map(|_| letter()).collect();
        Lstm { x, state, sequence }
    }

    fn eval<T: Real>(&self, x: &[T]) -> T {
        let (layers, rest) = x.split_at(8 * D * LAYERS);
        let (scale_in, rest) = rest.split_at(D);
        let (scale_out, bias_out) = rest.split_at(D);
        let mut state: Vec<T> = self.state.iter().map(|&s| T::from(s)).collect();
        let mut total = T::from(0.0);
        for pair in self.sequence.windows(2) {
            let mut input: Vec<T> = scale_in.iter().zip(&pair[0]).map(|(&s, &c)| s * c).collect();
            for (w, state) in layers.chunks_exact(8 * D).zip(state.chunks_exact_mut(2 * D)) {
                let (weight, bias) = w.split_at(4 * D);
                let (hidden, cell) = state.split_at_mut(D);
                for i in 0..D {
                    let forget = (input[i] * weight[i] + bias[i]).sigmoid();
                    let ingate = (hidden[i] * weight[D + i] + bias[D + i]).sigmoid();
                    let outgate = (input[i] * weight[2 * D + i] + bias[2 * D + i]).sigmoid();
                    let change = (hidden[i] * weight[3 * D + i] + bias[3 * D + i]).tanh();
                    cell[i] = cell[i] * forget + ingate * change;
                    hidden[i] = outgate * cell[i].tanh();
                    input[i] = hidden[i];
                }
            }
            let scores: Vec<T> = (0..D).map(|i| input[i] * scale_out[i] + bias_out[i]).collect();
            let sum: T = scores.iter().map(|score| score.exp()).sum();
            let norm = (sum + 2.0).ln();
            for (&score, &wanted) in scores.iter().zip(&pair[1]) {
                total += (score - norm) * wanted;
            }
        }
        -total / ((STEPS - 1) * D) as f64
    }
}

fn sigmoid(x: f64) -> f64 {
    Real::sigmoid(x)
}

impl Problem for Lstm {
    fn by_hand(&self, out: &mut Vec<f64>) {
        let (layers, rest) = self.x.split_at(8 * D * LAYERS);
        let (scale_in, rest) = rest.split_at(D);
        let (scale_out, bias_out) = rest.split_at(D);
        let mut state = self.state.clone();
        let mut kept: Vec<Gates> = Vec::with_capacity(STEPS * LAYERS);
        let mut shares: Vec<[f64; D]> = Vec::with_capacity(STEPS);
        let mut total = 0.0;
        for pair in self.sequence.windows(2) {
            let mut input: [f64; D] = std::array::from_fn(|i| scale_in[i] * pair[0][i]);
            for (w, state) in layers.chunks_exact(8 * D).zip(state.chunks_exact_mut(2 * D)) {
                let (weight, bias) = w.split_at(4 * D);
                let (hidden, cell) = state.split_at_mut(D);
                let z = [0.0; D];
                let mut gates = Gates {
                    input,
                    hidden: (&*hidden).try_into().expect("D"),
                    cell: (&*cell).try_into().expect("D"),
                    forget: z,
                    ingate: z,
                    outgate: z,
                    change: z,
                    tanh: z,
                };
                for i in 0..D {
                    gates.forget[i] = sigmoid(input[i] * weight[i] + bias[i]);
                    gates.ingate[i] = sigmoid(hidden[i] * weight[D + i] + bias[D + i]);
                    gates.outgate[i] = sigmoid(input[i] * weight[2 * D + i] + bias[2 * D + i]);
                    gates.change[i] = (hidden[i] * weight[3 * D + i] + bias[3 * D + i]).tanh();
                    cell[i] = cell[i] * gates.forget[i] + gates.ingate[i] * gates.change[i];
                    gates.tanh[i] = cell[i].tanh();
                    hidden[i] = gates.outgate[i] * gates.tanh[i];
                    input[i] = hidden[i];
                }
                kept.push(gates);
            }
            let scores: [f64; D] = std::array::from_fn(|i| input[i] * scale_out[i] + bias_out[i]);
            let mut share = scores.map(f64::exp);
            let sum = share.iter().sum::<f64>() + 2.0;
            share.iter_mut().for_each(|share| *share /= sum);
            shares.push(share);
            total += scores.iter().zip(&pair[1]).map(|(s, w)| (s - sum.ln()) * w).sum::<f64>();
        }
        let each = -1.0 / ((STEPS - 1) * D) as f64;
        out.clear();
        out.resize(PARAMETERS, 0.0);
        let (to_layers, rest) = out.split_at_mut(8 * D * LAYERS);
        let (to_scale_in, rest) = rest.split_at_mut(D);
        let (to_scale_out, to_bias_out) = rest.split_at_mut(D);
        let mut to_state = vec![0.0; 2 * D * LAYERS];
        for (t, pair) in self.sequence.windows(2).enumerate().rev() {
            let top = &kept[(t + 1) * LAYERS - 1];
            let mut to_input = [0.0; D];
            for i in 0..D {
                let score = each * (pair[1][i] - shares[t][i]);
                to_scale_out[i] += score * top.outgate[i] * top.tanh[i];
                to_bias_out[i] += score;
                to_input[i] = score * scale_out[i];
            }
            for l in (0..LAYERS).rev() {
                let gates = &kept[t * LAYERS + l];
                let weight = &layers[8 * D * l..][..4 * D];
                let (to_weight, to_bias) = to_layers[8 * D * l..][..8 * D].split_at_mut(4 * D);
                let (to_hidden, to_cell) = to_state[2 * D * l..][..2 * D].split_at_mut(D);
                for i in 0..D {
                    let hidden = to_input[i] + to_hidden[i];
                    let tanh = gates.tanh[i];
                    let cell = to_cell[i] + hidden * gates.outgate[i] * (1.0 - tanh * tanh);
                    let of = |gate: f64| gate * (1.0 - gate);
                    let o = hidden * tanh * of(gates.outgate[i]);
                    let f = cell * gates.cell[i] * of(gates.forget[i]);
                    let g = cell * gates.change[i] * of(gates.ingate[i]);
                    let c = cell * gates.ingate[i] * (1.0 - gates.change[i] * gates.change[i]);
                    to_cell[i] = cell * gates.forget[i];
                    let gifts = [(f, gates.input[i]), (g, gates.hidden[i]), (o, gates.input[i]), (c, gates.hidden[i])];
                    for (k, (adjoint, operand)) in gifts.into_iter().enumerate() {
                        to_weight[k * D + i] += adjoint * operand;
                        to_bias[k * D + i] += adjoint;
                    }
                    to_input[i] = f * weight[i] + o * weight[2 * D + i];
                    to_hidden[i] = g * weight[D + i] + c * weight[3 * D + i];
                }
            }
            for i in 0..D {
                to_scale_in[i] += to_input[i] * pair[0][i];
            }
        }
        out.push(each * total);
    }

    fn by_closure(&self, out: &mut Vec<f64>) {
        gradient_of(|x| self.eval(x), &self.x, out);
    }

    fn recorded(&self) -> Run<'_> {
        recorded_gradient(|x| self.eval(x), &self.x)
    }
}
