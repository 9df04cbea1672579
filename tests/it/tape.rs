//! The tape beside a naive oracle: long programs of all kinds of nodes, swept and read back node for node.

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
fn every_adjoint_of_long_programs_is_that_of_the_textbook() {
    for seed in 0..40 {
        graph::scope(|| {
            let mut numbers = Numbers(seed);
            let steps = [5, 50, 600, 3000][seed as usize % 4];
            let program = Program::record(&mut numbers, steps);
            let last = program.0.len() - 1;
            program.assert_swept(last);
            for _ in 0..6 {
                program.assert_swept(numbers.below(last + 1));
            }
            program.assert_swept(last);
        });
    }
}

#[test]
fn leaves_keep_their_adjoints_when_those_of_intermediates_are_dropped() {
    for seed in 50..70 {
        afresh(move || {
            let mut numbers = Numbers(seed);
            let program = Program::record(&mut numbers, 5000);
            let last = program.0.len() - 1;
            for _ in 0..6 {
                let output = last - numbers.below(last / 2);
                program.0[output].var.backward();
                program.assert_adjoints(output, |k| program.is_leaf(k));
            }
            // An intermediate is asked for.
            program.assert_swept(last);
        });
    }
}

#[test]
fn every_node_of_long_programs_reads_back_as_it_was_recorded() {
    for seed in 100..110 {
        graph::scope(|| {
            let mut numbers = Numbers(seed);
            let mut program = Program::record(&mut numbers, 20);
            for _ in 0..2500 {
                // While the next sum may still fold into it, too.
                program.assert_reads_back(program.0.len() - 1);
                program.step(&mut numbers);
            }
            for _ in 0..500 {
                program.assert_reads_back(numbers.below(program.0.len()));
            }
            (0..program.0.len()).for_each(|k| program.assert_reads_back(k));
        });
    }
}

#[test]
fn what_a_scope_leaves_behind_is_not_read() {
    let mut numbers = Numbers(7);
    let mut outer = Program::record(&mut numbers, 700);
    for round in 0..30 {
        graph::scope(|| {
            let steps = [3, 900, 40][round % 3];
            let inner = Program::record(&mut numbers, steps);
            inner.assert_swept(inner.0.len() - 1);
            inner.assert_reads_back(numbers.below(inner.0.len()));
        });
        outer.step(&mut numbers);
        outer.assert_swept(outer.0.len() - 1);
        (0..40).for_each(|_| outer.assert_reads_back(numbers.below(outer.0.len())));
    }
    graph::clear();
}

/// Every way in which a node can be stored, of infinite partials, as functions of `x`.
fn poles(x: Var) -> Vec<Var> {
    let (zero, infinity) = (x - 0.5, Var::new(f64::INFINITY));
    let near = (x + 1.0) + x * infinity;
    let near_one = (x + 1.0) + zero.sqrt();
    vec![
        x * infinity,
        near,
        near_one,
        zero.sqrt(),
        zero.powi(-1),
        infinity - infinity * x,
        x / zero,
        zero.powf(zero - 1.0),
        dot(&[x, zero], &[infinity, x]),
        dot(&[x], &[Var::constant(f64::INFINITY)]),
        zero.mul_add(infinity, x),
        (x * infinity).max(x * infinity * 2.0),
    ]
}

#[test]
fn an_adjoint_of_zero_goes_no_further_whatever_the_node() {
    let x = Var::new(0.5);
    for k in 0..poles(x).len() {
        let pole = poles(x)[k];
        Var::select(false_mask(x), pole, x * 2.0).backward();
        assert_eq!(x.grad(), 2.0, "{k}: {}", pole.op());
        (pole * 0.0).backward();
        assert_eq!(x.grad(), 0.0, "{k}: {}", pole.op());
    }
    graph::clear();
}

fn false_mask(x: Var) -> Var {
    x.gt_mask(1.0)
}

#[test]
fn an_infinite_adjoint_does_not_reach_what_is_not_selected() {
    let (x, y) = (Var::new(0.5), Var::new(0.25));
    let infinity = Var::constant(f64::INFINITY);
    for (z, selected) in [
        (false_mask(x).mask_select(x, y), y),
        ((1.0 - false_mask(x)).mask_select(x, y), x),
        (x.clamp(y, 2.0), x),
        (y.clamp(-1.0, x), y),
        (Var::constant(9.0).clamp(y, x), x),
        (Var::constant(-9.0).clamp(y, x), y),
        (x.max(y), x),
        (x.min(y), y),
    ] {
        (z * infinity).backward();
        for v in [x, y] {
            let exact = if v == selected { f64::INFINITY } else { 0.0 };
            assert_eq!(v.grad(), exact, "{}", z.op());
        }
    }
    for step in [x.gt_mask(y), x.le_mask(y), x.eq_mask(y)] {
        (step * infinity).backward();
        assert_eq!((x.grad(), y.grad()), (0.0, 0.0), "{}", step.op());
    }
    graph::clear();
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

/// Where each operand of a row is: from the first one on, by a stride.
fn row(first: usize, stride: isize, count: usize) -> Vec<usize> {
    let place = |k: usize| first.wrapping_add_signed(stride * k as isize);
    (0..count).map(place).collect()
}

#[test]
fn rows_of_operands_at_any_distance_have_the_adjoints_of_the_textbook() {
    let strides = [0_isize, 1, -1, 2, 3, -3, 97, -700, 1500];
    for (k, &s) in strides.iter().enumerate() {
        for count in [0_usize, 1, 2, 3, 4, 17, 100] {
            graph::scope(|| {
                let mut numbers = Numbers(count as u64 + 1000 * k as u64);
                let leaves: Vec<Var> = (0..3000).map(|_| Var::new(numbers.number())).collect();
                let t = strides[numbers.below(strides.len())];
                let [a, b] = [s, t].map(|stride| {
                    let span = |stride: isize| stride.unsigned_abs() * count.max(1) + 1;
                    let stride = if span(stride) < 3000 { stride } else { 1 };
                    let first = numbers.below(3000 - span(stride));
                    let first = if stride < 0 { 2999 - first } else { first };
                    let mut places = row(first, stride, count);
                    if numbers.below(4) == 0 && count > 2 {
                        places[1 + numbers.below(count - 1)] = numbers.below(3000);
                    }
                    places
                });
                let of =
                    |places: &[usize]| -> Vec<Var> { places.iter().map(|&i| leaves[i]).collect() };
                let (x, y) = (of(&a), of(&b));
                let constants: Vec<Var> = y.iter().map(|y| y.detach()).collect();
                let values: Vec<f64> = y.iter().map(|y| y.value()).collect();
                let plain = |x: &[Var], y: &[Var]| -> f64 {
                    x.iter().zip(y).map(|(x, y)| x.value() * y.value()).sum()
                };
                let assert = |z: Var, to_x: &dyn Fn(usize) -> f64, to_y: &dyn Fn(usize) -> f64| {
                    let w = 1.5;
                    (z * w).backward();
                    let mut exact = vec![0.0; 3000];
                    a.iter()
                        .enumerate()
                        .for_each(|(k, &i)| exact[i] += w * to_x(k));
                    b.iter()
                        .enumerate()
                        .for_each(|(k, &i)| exact[i] += w * to_y(k));
                    for (leaf, exact) in leaves.iter().zip(exact) {
                        assert!((leaf.grad() - exact).abs() <= 1e-12 * (1.0 + exact.abs()));
                    }
                };
                let none = |_: usize| 0.0;
                let (to_x, to_y) = (|k: usize| y[k].value(), |k: usize| x[k].value());

                let z = dot(&x, &y);
                assert_eq!(z.value().to_bits(), plain(&x, &y).to_bits());
                assert(z, &to_x, &to_y);
                if count > 0 {
                    let read: Vec<Var> = z.operands().to_vec();
                    let given = x.iter().zip(&y).flat_map(|(&x, &y)| [x, y]);
                    assert!(
                        read.into_iter()
                            .zip(given)
                            .all(|(read, given)| read == given)
                    );
                    assert_eq!(z.operands().len(), 2 * count);
                }
                for z in [
                    dot(&x, &constants),
                    dot(&constants, &x),
                    weighted_sum(&x, &values),
                ] {
                    assert_eq!(z.value().to_bits(), plain(&x, &y).to_bits());
                    assert(z, &to_x, &none);
                }
                assert(sum(&x), &|_| 1.0, &none);
                let z = norm(&x);
                if z.value() > 0.0 {
                    assert(z, &|k| x[k].value() / z.value(), &none);
                }
            });
        }
    }
}

#[test]
fn a_constant_and_nodes_of_two_scopes_are_no_row_whatever_their_numbers() {
    afresh(|| {
        // If a handle is a scope's number and a node's, those of the last are twice those of the one before,
        // and a constant's are zero.
        let outside: Vec<Var> = (0..5).map(|_| Var::new(3.0)).collect();
        graph::scope(|| {
            let inside: Vec<Var> = (0..5).map(|_| Var::new(5.0)).collect();
            for (a, b) in outside
                .iter()
                .flat_map(|a| inside.iter().map(move |b| (*a, *b)))
            {
                dot(&[Var::constant(2.0), a, b], &[a, a, a]).backward();
                assert_eq!((a.grad(), b.grad()), (2.0 + 6.0 + 5.0, 3.0));
            }
        });
    });
}

#[test]
fn a_row_that_is_broken_by_another_scope_or_a_constant_is_none() {
    let constants = [Var::constant(0.5); 5];
    for z in [
        sum(&constants),
        dot(&constants, &constants),
        weighted_sum(&constants, &[2.0; 5]),
    ] {
        assert!(z.is_constant());
    }
    let outside: Vec<Var> = (0..8).map(|k| Var::new(f64::from(k))).collect();
    graph::scope(|| {
        let inside: Vec<Var> = (0..8).map(|k| Var::new(f64::from(k) + 0.5)).collect();
        for k in 0..8 {
            for stranger in [outside[k], Var::constant(0.25)] {
                let mut x = inside.clone();
                x[k] = stranger;
                for z in [sum(&x), dot(&x, &inside), weighted_sum(&x, &[1.0; 8])] {
                    z.backward();
                    for i in 0..8 {
                        let own = if i != k { 1.0 } else { 0.0 };
                        let (to_x, to_inside) = match z.op() {
                            Op::Sum => (1.0, own),
                            _ if z.operands()[1].is_constant() => (1.0, own),
                            _ => (inside[k].value(), own * inside[i].value() + x[i].value()),
                        };
                        assert_eq!(inside[i].grad(), to_inside, "{i}, without {k}: {}", z.op());
                        let active = i == k && !stranger.is_constant();
                        assert_eq!(outside[i].grad(), if active { to_x } else { 0.0 });
                    }
                }
            }
        }
        // One that is stale, in the middle of what would be a row but for it.
        let stale = graph::scope(|| Var::new(1.0));
        for k in 0..8 {
            let mut x = inside.clone();
            x[k] = stale;
            for f in [
                |x: &[Var], _: &[Var]| sum(x),
                |x: &[Var], y: &[Var]| dot(x, y),
                |x: &[Var], y: &[Var]| dot(y, x),
            ] {
                let refused = std::panic::catch_unwind(|| f(&x, &inside));
                assert!(refused.is_err(), "stale at {k}");
            }
        }
    });
}
