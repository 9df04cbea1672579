//! The tape beside a naive oracle: long programs of all kinds of nodes, swept and read back node for node.

mod long_programs;
mod runs;
mod zeros;

use crate::afresh;
use scalargrad::{Op, Var, checkpoint, dot, graph, norm, sum, weighted_sum};

/// Numbers that look random, the same each time.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1);
        self.0 >> 33
    }

    fn below(&mut self, end: usize) -> usize {
        self.next() as usize % end
    }

    fn number(&mut self) -> f64 {
        self.next() as f64 / (1u64 << 31) as f64 * 2.0 - 1.0
    }
}

/// A node as the oracle keeps it: its handle, its operation, and the operands with their partials, a
/// constant operand without.
struct Kept {
    var: Var,
    op: Op,
    operands: Vec<(Var, Option<(usize, f64)>)>,
}

/// A program, and what it was made of.
#[derive(Default)]
struct Program(Vec<Kept>);

impl Program {
    /// A node to compute with: often one of the last two, so that nodes fold, else any.
    fn any(&self, numbers: &mut Numbers) -> usize {
        let len = self.0.len();
        match numbers.below(8) {
            0..=2 => len - 1,
            3 | 4 => len - 1 - numbers.below(len.min(3)),
            5 => len - 1 - numbers.below(len.min(600)),
            _ => numbers.below(len),
        }
    }

    fn keep(&mut self, var: Var, op: Op, operands: &[(usize, f64)]) {
        let operand = |&(k, p): &(usize, f64)| (self.0[k].var, Some((k, p)));
        let operands = operands.iter().map(operand).collect();
        self.0.push(Kept { var, op, operands });
    }

    fn keep_with(&mut self, var: Var, op: Op, (k, p): (usize, f64), c: f64, is_left: bool) {
        let x = (self.0[k].var, Some((k, p)));
        let c = (Var::constant(c), None);
        let operands = if is_left { vec![c, x] } else { vec![x, c] };
        self.0.push(Kept { var, op, operands });
    }

    fn leaf(&mut self, value: f64) {
        self.keep(Var::new(value), Op::Leaf, &[]);
    }

    /// Records a leaf, or, so that there are long stretches without, the negation of a node.
    fn leaf_or(&mut self, i: usize, value: f64) {
        if self.0.len() % 2048 < 512 {
            return self.leaf(value);
        }
        self.keep(-self.0[i].var, Op::Neg, &[(i, -1.0)]);
    }

    /// Records one more operation. Values stay about as large as they are.
    fn step(&mut self, numbers: &mut Numbers) {
        let (i, j) = (self.any(numbers), self.any(numbers));
        let (a, b) = (self.0[i].var, self.0[j].var);
        let (x, y) = (a.value(), b.value());
        let c = numbers.number();
        match numbers.below(18) {
            0 | 1 if i == j => self.keep(a + b, Op::Add, &[(i, 1.0), (i, 1.0)]),
            2 if i == j => self.keep(a - b, Op::Sub, &[(i, 1.0), (i, -1.0)]),
            0 | 1 => self.keep(a + b, Op::Add, &[(i, 1.0), (j, 1.0)]),
            2 => self.keep(a - b, Op::Sub, &[(i, 1.0), (j, -1.0)]),
            3..=5 => {
                // A product, or its like, and the sum that folds into it.
                let m = a * b;
                self.keep(m, Op::Mul, &[(i, y), (j, x)]);
                let (k, before) = (self.0.len() - 1, self.0.len() - 2);
                let (s, op, sign) = match numbers.below(4) {
                    0 | 1 => (self.0[before].var + m, Op::Add, 1.0),
                    2 => (self.0[before].var - m, Op::Sub, -1.0),
                    _ => return self.keep(m + a, Op::Add, &[(k, 1.0), (i, 1.0)]),
                };
                self.keep(s, op, &[(before, 1.0), (k, sign)]);
            }
            6 => self.keep_with(a * c, Op::Mul, (i, c), c, false),
            7 => self.keep_with(c * a, Op::Mul, (i, c), c, true),
            8 => self.keep_with(a + c, Op::Add, (i, 1.0), c, false),
            9 => self.keep_with(c - a, Op::Sub, (i, -1.0), c, true),
            10 => self.keep(a.sin(), Op::Sin, &[(i, x.cos())]),
            11 => self.keep(a.relu(), Op::Relu, &[(i, f64::from(x > 0.0))]),
            12 if i != j && x != y => {
                let first = f64::from(x > y);
                self.keep(a.max(b), Op::Max, &[(i, first), (j, 1.0 - first)]);
            }
            13 => self.keep_with(a.max(c), Op::Max, (i, f64::from(x > c)), c, false),
            14 if i != j => {
                let d = y.hypot(x);
                let atan = [(i, y / (d * d)), (j, -x / (d * d))];
                if d > 1e-3 {
                    self.keep(a.atan2(b), Op::Atan2, &atan);
                }
            }
            15 => self.keep(-a, Op::Neg, &[(i, -1.0)]),
            16 => {
                let k: Vec<usize> = (0..numbers.below(7)).map(|_| self.any(numbers)).collect();
                let terms: Vec<Var> = k.iter().map(|&k| self.0[k].var).collect();
                let operands: Vec<(usize, f64)> = k.iter().map(|&k| (k, 0.25)).collect();
                if terms.is_empty() {
                    return self.leaf_or(i, c);
                }
                let weights = vec![Var::constant(0.25); terms.len()];
                let var = dot(&terms, &weights);
                self.keep(var, Op::Dot, &[]);
                let kept = self.0.len() - 1;
                for (k, p) in operands {
                    let x = self.0[k].var;
                    let pair = [(x, Some((k, p))), (Var::constant(0.25), None)];
                    self.0[kept].operands.extend(pair);
                }
            }
            17 => self.keep(sum(&[a, b]), Op::Sum, &[(i, 1.0), (j, 1.0)]),
            _ => self.leaf_or(i, c),
        }
        // Where a value has grown, it is brought back.
        let last = self.0.len() - 1;
        let x = self.0[last].var;
        if x.value().abs() > 4.0 {
            self.keep(x.sin(), Op::Sin, &[(last, x.value().cos())]);
        }
    }

    fn record(numbers: &mut Numbers, steps: usize) -> Program {
        let mut program = Program::default();
        (0..4).for_each(|_| program.leaf(numbers.number()));
        (0..steps).for_each(|_| program.step(numbers));
        program
    }

    /// The adjoints for one output, by the textbook.
    fn adjoints(&self, output: usize) -> Vec<f64> {
        let mut adjoints = vec![0.0; self.0.len()];
        adjoints[output] = 1.0;
        for k in (0..=output).rev() {
            let w = adjoints[k];
            for &(j, p) in self.0[k].operands.iter().filter_map(|(_, p)| p.as_ref()) {
                adjoints[j] += w * p;
            }
        }
        adjoints
    }

    fn is_leaf(&self, k: usize) -> bool {
        self.0[k].op == Op::Leaf
    }

    fn assert_swept(&self, output: usize) {
        self.0[output].var.backward();
        self.assert_adjoints(output, |_| true);
    }

    fn assert_adjoints(&self, output: usize, of: impl Fn(usize) -> bool) {
        let exact = self.adjoints(output);
        let largest = exact.iter().fold(1.0, |m: f64, w| m.max(w.abs()));
        for (k, kept) in self.0.iter().enumerate().filter(|&(k, _)| of(k)) {
            let (got, exact) = (kept.var.grad(), exact[k]);
            assert!(
                (got - exact).abs() <= 1e-9 * largest,
                "node {k} ({}) for output {output}: {got}, not {exact}",
                kept.op
            );
        }
    }

    fn assert_reads_back(&self, k: usize) {
        let Kept { var, op, operands } = &self.0[k];
        assert_eq!(var.op(), *op, "node {k}");
        let read = var.operands();
        assert_eq!(read.len(), operands.len(), "node {k} ({op})");
        for (read, (x, active)) in read.iter().zip(operands) {
            assert_eq!(read.value().to_bits(), x.value().to_bits(), "{k} ({op})");
            assert_eq!(read.is_constant(), active.is_none(), "node {k} ({op})");
        }
    }
}

#[test]
fn sums_of_the_last_two_nodes_take_no_room_and_others_little() {
    afresh(|| {
        let (x, y) = (Var::new(0.5), Var::new(0.25));
        graph::reserve(1);
        let mut s = x * y;
        for _ in 0..100_000 {
            s += x * y; // 24 bytes for two nodes
        }
        assert_eq!(graph::len(), 200_003);
        assert!(graph::memory() <= 2 * 24 * 100_000 + 100_000);
        s.backward();
        assert!((x.grad() / (100_001.0 * 0.25) - 1.0).abs() < 1e-9);
    });
}

#[test]
fn a_checkpoint_among_folded_nodes() {
    let (x, y) = (Var::new(0.5), Var::new(0.75));
    let f = |v: &[Var]| {
        let s = (0..700).fold(v[0], |s, _| s * 0.5 + v[1] * v[0]);
        vec![s, s + v[0] * v[1]]
    };
    let run = |v: Vec<Var>| {
        let total = (0..700).fold(v[0] * v[1], |total, _| total * 0.5 + v[0] * v[1]);
        total + v[1] - v[0] * total
    };
    run(f(&[x, y])).backward();
    let plain = (x.grad(), y.grad());
    run(checkpoint(&[x, y], f)).backward();
    assert_eq!((x.grad(), y.grad()), plain);
}
