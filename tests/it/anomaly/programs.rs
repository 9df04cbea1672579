//! A detection finds something in a random program if and only if a result of it is not finite.
//!
//! Each number of these programs is an operand of an output that is swept, so that a sweep meets all.

use scalargrad::anomaly::detect;
use scalargrad::{Var, checkpoint, graph, hessian, hvp, jacobian, jvp, value_and_gradient};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// A generator of numbers (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 20) as usize % end
    }
}

/// Each step adds to the variables that there are; numbers choose among them.
#[derive(Debug)]
enum Step {
    Leaf(f64),
    Operation(usize, usize, usize),
    /// A checkpoint of two inputs, whose closure captures a third variable.
    Segment([usize; 3], Rc<Program>),
    /// A program of its own, in a scope that ends.
    Scope(Rc<Program>),
    /// Derivatives of a program that returns numbers, by the way of that number.
    Derivatives(usize, Rc<Program>),
    Sweep {
        accumulates: bool,
    },
}

#[derive(Debug)]
struct Program {
    steps: Vec<Step>,
    /// Whether the k-th variable is masked where the outputs are made.
    masks: u64,
}

const NUMBERS: [f64; 8] = [-1.0, 0.0, 1.0, 0.5, 3.0, -2.0, 800.0, 1e200];

impl Program {
    /// A program that only computes, if it is `inside` something.
    fn new(random: &mut Random, depth: usize, inside: bool) -> Program {
        let mut steps = Vec::new();
        for _ in 0..2 + random.below(5) {
            let three = [random.below(99), random.below(99), random.below(99)];
            let mut inner = |inside| Rc::new(Program::new(random, depth + 1, inside));
            steps.push(match three[0] % 12 {
                0 if !inside => Step::Leaf(NUMBERS[three[1] % 8]),
                1 if !inside => Step::Sweep { accumulates: three[1] < 50 },
                2 if depth == 0 => Step::Scope(inner(false)),
                3 if depth < 2 => Step::Derivatives(three[1], inner(true)),
                4..=6 if depth < 2 => Step::Segment(three, inner(true)),
                _ => Step::Operation(random.below(99), three[1], three[2]),
            });
        }
        Program { steps, masks: random.below(1 << 40) as u64 | random.below(1 << 40) as u64 }
    }
}

/// What is around a program while it runs.
struct World {
    /// A negative number.
    mask: Var,
    leaves: RefCell<Vec<Var>>,
    /// Whether a result was not finite.
    is_wrong: Cell<bool>,
}

impl World {
    fn judge(&self, results: &[f64]) {
        self.is_wrong.set(self.is_wrong.get() || results.iter().any(|result| !result.is_finite()));
    }

    fn leaf(&self, value: f64) -> Var {
        let leaf = Var::new(value);
        self.leaves.borrow_mut().push(leaf);
        leaf
    }

    /// The sum of the variables that are not masked, in two parts; of each the masked ones are operands, too.
    fn outputs(&self, program: &Program, variables: &[Var]) -> [Var; 2] {
        let mut outputs = [self.mask * 0.5, self.mask * 0.25];
        for (k, &x) in variables.iter().enumerate() {
            let output = &mut outputs[k % 2];
            *output = match program.masks >> (k % 40) & 1 {
                0 => *output + x,
                _ => Var::select(self.mask.gt_mask(0.0), x, *output),
            };
        }
        outputs
    }

    fn run(self: &Rc<World>, program: &Rc<Program>, variables: &[Var]) -> [Var; 2] {
        let mut variables = variables.to_vec();
        for step in &program.steps {
            let of = |k: usize| variables[k % variables.len()];
            let new = match *step {
                Step::Leaf(value) => vec![self.leaf(value)],
                Step::Operation(which, a, b) => vec![operation(which, of(a), of(b))],
                Step::Segment([a, b, c], ref inner) => {
                    let (captured, world, inner) = (of(c), self.clone(), inner.clone());
                    // A constant stands before the variables.
                    let inputs = [Var::from(NUMBERS[a % 8]), of(a), of(b)];
                    checkpoint(&inputs, move |x| world.run(&inner, &[x[1], x[2], captured, x[0]])).to_vec()
                }
                Step::Scope(ref inner) => {
                    let leaves = self.leaves.borrow().len();
                    graph::scope(|| {
                        let variables = [of(0), self.leaf(NUMBERS[leaves % 8])];
                        let outputs = self.run(inner, &variables);
                        self.sweep(outputs[0] + outputs[1], false);
                    });
                    self.leaves.borrow_mut().truncate(leaves);
                    vec![]
                }
                Step::Derivatives(way, ref inner) => vec![Var::from(self.derivatives(way, inner, of(1)))],
                Step::Sweep { accumulates } => {
                    let [a, b] = self.outputs(program, &variables);
                    self.sweep(a + b, accumulates);
                    vec![]
                }
            };
            variables.extend(new.into_iter().filter(|new| !new.is_constant()));
        }
        self.outputs(program, &variables)
    }

    fn sweep(&self, output: Var, accumulates: bool) {
        match accumulates {
            true => output.backward_accumulate(),
            false => output.backward(),
        }
        self.judge(&[output.value()]);
        self.judge(&self.leaves.borrow().iter().map(|leaf| leaf.grad()).collect::<Vec<_>>());
    }

    fn derivatives(self: &Rc<World>, way: usize, program: &Rc<Program>, captured: Var) -> f64 {
        let x = [NUMBERS[way % 8], NUMBERS[way / 8 % 8]];
        let values = Cell::new([0.0; 2]);
        let two = |x: &[Var]| {
            let outputs = self.run(program, &[x[0], x[1], captured]);
            values.set(outputs.map(Var::value));
            outputs
        };
        let one = |x: &[Var]| {
            let [a, b] = two(x);
            values.set([(a + b).value(), 0.0]);
            a + b
        };
        let many = |x: &[Var]| {
            let [a, b] = two(x);
            [a, b, a, b, a, b, a, b, a, b]
        };
        let results = match way % 6 {
            0 => value_and_gradient(one, &x).1,
            1 => jacobian(many, &x).as_slice().to_vec(),
            2 => hessian(one, &x).as_slice().to_vec(),
            3 => hvp(one, &x, &[0.0, 1.0]),
            4 => jvp(two, &x, &[f64::from(u8::from(way < 50)), 0.0]).1,
            _ => jacobian(two, &x).as_slice().to_vec(),
        };
        self.judge(&results);
        self.judge(&values.get());
        results[0]
    }
}

fn operation(which: usize, a: Var, b: Var) -> Var {
    match which % 16 {
        0 => a.max(b),
        1 => a.max(0.0),
        2 => a.sqrt(),
        3 => a.max(0.0).sqrt(),
        4 => a.ln(),
        5 => a * 0.0,
        6 => a * b,
        7 => a / b,
        8 => a.exp(),
        9 => a - b,
        10 => a.tanh(),
        11 => a.floor(),
        12 => a * 1e200,
        13 => Var::select(a.gt_mask(0.0), a.ln(), b),
        14 => a.min(b),
        _ => a.cbrt(),
    }
}

/// Whether a program has a result that is not finite.
fn is_wrong(program: &Rc<Program>) -> bool {
    let mask = Var::new(-1.0);
    let world = Rc::new(World { mask, leaves: RefCell::new(vec![mask]), is_wrong: Cell::new(false) });
    let variables = [world.leaf(0.0), world.leaf(-1.0), world.leaf(2.0)];
    let [a, b] = world.run(program, &variables);
    world.sweep(a + b, false);
    world.is_wrong.get()
}

#[test]
fn something_is_found_where_a_result_is_not_finite_and_nowhere_else() {
    let mut counts = [0; 2];
    for seed in 1..=600 {
        let mut random = Random(0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(seed));
        let program = Rc::new(Program::new(&mut random, 0, false));
        let truth = graph::scope(|| is_wrong(&program));
        let found = graph::scope(|| detect(|| is_wrong(&program)));
        assert_eq!(found.is_err(), truth, "{seed}: {program:#?}\n{found:?}");
        counts[usize::from(truth)] += 1;
    }
    assert!(counts.iter().all(|&count| count > 100), "{counts:?}");
}
