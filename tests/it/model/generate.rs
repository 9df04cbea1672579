//! Random programs.
//!
//! The generator runs what it makes on a model of its own, so that it knows which handles are stale, which values
//! an operation suits, and how far the next boundary of the crate's tape may be.

use super::functions::{ROWS, TOTAL, call, row};
use super::kinds::{KINDS, Kind, Mix, Setting};
use super::machine::{Registers, perform};
use super::naive::Handle;
use super::program::{Action, Arg, Comparison, Link, Pick, Register};
use super::random::Random;
use super::state::Model;
use scalargrad::Op;

pub struct Generator {
    pub random: Random,
    pub mix: Mix,
    pub model: Model,
    pub registers: Registers<Handle>,
    /// How deep the block stands in others.
    pub depth: usize,
    /// Whether there may be partials that are not finite.
    pub is_wild: bool,
    /// Whether the closure whose body comes next is run again.
    pub runs_again: bool,
    /// How many checks by finite differences there are around.
    pub checks: usize,
    /// Whether the body is run again, and has no trouble yet.
    pub may_have_trouble: bool,
    /// The depth of what stands in the body itself.
    pub depth_of_body: usize,
}

/// The program of a seed, and how many operations it has.
pub fn program(seed: u64, mix: Mix) -> (Vec<Action>, usize) {
    let mut random = Random::new(seed);
    let is_wild = random.once_in(12);
    let mut generator = Generator::new(random, mix, is_wild);
    let mut program = generator.rounds();
    program.push(generator.done(Action::Look { all: true }));
    (program, generator.model.operations)
}

impl Generator {
    pub fn new(random: Random, mix: Mix, is_wild: bool) -> Generator {
        let mut model = Model::new();
        model.quiet = 1;
        let registers = Registers(Vec::new());
        Generator {
            random,
            mix,
            model,
            registers,
            depth: 0,
            is_wild,
            runs_again: false,
            checks: 0,
            may_have_trouble: false,
            depth_of_body: 1,
        }
    }

    /// Many actions: in what is left of others, after a clear, in open scopes.
    fn rounds(&mut self) -> Vec<Action> {
        let mut program = Vec::new();
        while self.left() > 0 {
            let actions = 10 + self.random.below(60);
            program.extend(self.block(Setting::Program, actions));
            if self.random.once_in(3) {
                program.push(self.done(Action::Look { all: true }));
                program.push(self.done(Action::Clear));
                self.forget_most();
            }
            if self.random.once_in(8) {
                self.model.tape.open();
                let inside = self.rounds();
                self.model.tape.close();
                program.push(Action::Scope(inside));
            }
        }
        program
    }

    /// How many operations there is room for; the model's sweeps count, too.
    pub fn left(&self) -> usize {
        let work = self.model.operations + self.model.swept_over / 64;
        self.mix.operations.saturating_sub(work)
    }

    /// Does the action on the generator's own model.
    pub fn done(&mut self, action: Action) -> Action {
        perform(&mut self.model, &mut self.registers, &action);
        action
    }

    pub fn next_register(&self) -> Register {
        self.registers.0.len()
    }

    /// Forgets the registers, but for a few that are stale now.
    fn forget_most(&mut self) {
        for register in 0..self.registers.0.len() {
            if !self.random.once_in(10) {
                self.registers.0[register].clear();
            }
        }
    }

    pub fn block(&mut self, setting: Setting, actions: usize) -> Vec<Action> {
        self.depth += 1;
        let mut block = Vec::new();
        for _ in 0..actions {
            if self.left() == 0 {
                break;
            }
            match self.action(setting) {
                Some(Action::Panic) => {
                    block.push(Action::Panic);
                    break;
                }
                action => block.extend(action),
            }
        }
        self.depth -= 1;
        block
    }

    fn kind(&mut self, setting: Setting) -> Kind {
        let initial = format!("{setting:?}").remove(0);
        let without = self.mix.without;
        let all = || {
            let allowed = |&&(kind, _, settings): &&(Kind, usize, &str)| {
                settings.contains(initial) && without >> kind as u64 & 1 == 0
            };
            KINDS.iter().filter(allowed)
        };
        let mut at = self.random.below(all().map(|kind| kind.1).sum::<usize>().max(1));
        for &(kind, weight, _) in all() {
            if at < weight {
                return kind;
            }
            at -= weight;
        }
        Kind::Leaves
    }

    /// An action, done already on the generator's own model; absent where there is nothing to do it with.
    fn action(&mut self, setting: Setting) -> Option<Action> {
        if self.live().is_empty() {
            return Some(self.leaves());
        }
        let kind = self.kind(setting);
        // What is passed on through a segment or a derivative is one sum in the model, of which infinities tell too little.
        let sums_up = matches!(kind, Kind::Segment | Kind::Advance | Kind::Differentiate);
        if self.is_wild && sums_up {
            return None;
        }
        if self.depth > 4
            && matches!(kind, Kind::Scope | Kind::Segment | Kind::Snapshot | Kind::Derive | Kind::Watch | Kind::Threads)
        {
            return None;
        }
        let to = self.next_register();
        let action = match kind {
            Kind::Leaves => return Some(self.leaves()),
            Kind::Apply => self.apply(setting, to)?,
            Kind::Map => {
                let x = self.live_register();
                let op = match self.random.of(&[Op::Sin, Op::Mul, Op::Add, Op::Atan, Op::Sub]) {
                    // A square of a square, and so on, overflows.
                    Op::Mul if setting.is_total() => Op::Sin,
                    op => op,
                };
                let others = match row(op).operands {
                    1 => vec![],
                    _ => vec![self.arg()],
                };
                Action::Map { op, n: 0, x, others, to }
            }
            Kind::Gather => {
                let n = 1 + self.random.below(6);
                Action::Gather { args: (0..n).map(|_| self.arg()).collect(), to }
            }
            Kind::Chain | Kind::ScopedChain => self.chain(kind, to),
            Kind::Fold => self.fold(setting, to),
            Kind::Choose => {
                let compared = [Arg::Of(self.pick()), self.arg()];
                let chosen = [self.pick(), self.pick()];
                Action::Choose { how: self.random.of(Comparison::ALL), compared, chosen, to }
            }
            Kind::Detach => Action::Detach { x: self.pick(), to },
            Kind::Clear if self.random.once_in(3) => Action::Clear,
            Kind::Clear => return None,
            Kind::Panic => {
                return (self.depth > 1 && self.random.once_in(2)).then_some(Action::Panic);
            }
            Kind::Reserve => Action::Reserve(1 + self.random.below(5000)),
            Kind::Backward => Action::Backward(self.pick()),
            Kind::Accumulate => Action::Accumulate(self.pick()),
            Kind::Name => Action::Name(self.pick(), self.random.below(12) as u32),
            Kind::Count => Action::Count,
            Kind::Look => Action::Look { all: false },
            _ => return self.special(kind, setting, to),
        };
        Some(self.done(action))
    }

    /// Leaves, a few or up to the next boundary.
    fn leaves(&mut self) -> Action {
        let n = match self.random.below(3) {
            0 => self.count(),
            _ => 1 + self.random.below(3),
        };
        let value = self.random.between(-2.0, 2.0);
        let to = self.next_register();
        self.done(Action::Leaves { value, n, to })
    }

    /// How many there shall be of something: few, as many as lead to a boundary, or any.
    pub fn count(&mut self) -> usize {
        let boundary = self.random.of(&[64, 128, 512, 512, 512, 1024, 2048, 2048, 4096, 8192]);
        let near = self.random.below(7);
        let count = match self.random.below(12) {
            0..=4 => 1 + self.random.below(8),
            5 | 6 => 1 + self.random.below(70),
            7 | 8 => {
                let len = self.model.tape.nodes.len();
                (boundary - len % boundary + near).saturating_sub(3)
            }
            9 => (boundary + near).saturating_sub(3),
            10 => self.random.below(800),
            _ => self.random.below(3000),
        };
        count.clamp(1, self.left().max(1))
    }

    fn live(&self) -> Vec<Register> {
        let is_live = |row: &Vec<Handle>| row.last().is_some_and(|&x| self.model.tape.verify(x).is_ok());
        (0..self.registers.0.len()).filter(|&register| is_live(&self.registers.0[register])).collect()
    }

    fn live_register(&mut self) -> Register {
        let live = self.live();
        let from = match self.random.once_in(3) {
            true => 0,
            false => live.len().saturating_sub(6),
        };
        match live.is_empty() || self.random.once_in(60) {
            true => self.random.below(self.registers.0.len()),
            false => live[from + self.random.below(live.len() - from)],
        }
    }

    /// A variable, live but for once in a while.
    pub fn pick(&mut self) -> Pick {
        let register = self.live_register();
        let len = self.registers.0[register].len().max(1);
        let at = match self.random.below(3) {
            0 => self.random.below(len),
            _ => len - 1,
        };
        Pick(register, at)
    }

    pub fn arg(&mut self) -> Arg {
        match self.random.once_in(4) {
            true => Arg::Number(self.random.between(-2.0, 2.0)),
            false => Arg::Of(self.pick()),
        }
    }

    fn value(&self, arg: Arg) -> f64 {
        match arg {
            Arg::Number(x) => x,
            Arg::Of(pick) => self.registers.pick(pick).map_or(f64::NAN, |x| x.value),
        }
    }

    /// A row of the table at a place that suits it.
    fn apply(&mut self, setting: Setting, to: Register) -> Option<Action> {
        for _ in 0..8 {
            let op = match setting.is_total() {
                true => self.random.of(TOTAL),
                false if self.random.once_in(2) => self.random.of(&[Op::Add, Op::Sub, Op::Mul]),
                false => ROWS[self.random.below(ROWS.len())].op,
            };
            let row = row(op);
            let n = match (row.is_indexed, op) {
                (false, _) => 0,
                (true, Op::Powi) => self.random.below(9) as i32 - 3,
                (true, _) => self.random.below(3) as i32,
            };
            let mut args: Vec<Arg> = (0..row.operands).map(|_| self.arg()).collect();
            if setting.is_total() && op == Op::Mul {
                args[1] = Arg::Number(self.random.between(-1.0, 1.0));
            }
            if self.random.once_in(10) {
                args[row.operands - 1] = args[0];
            }
            let mut x = [0.0; 3];
            for (x, &arg) in x.iter_mut().zip(&args) {
                *x = self.value(arg);
            }
            let is_tame = x.iter().all(|x| x.abs() < 1e6) && (row.suits)(x);
            if is_tame && call(op, n, x).abs() < 30.0 {
                return Some(Action::Apply { op, n, args, to });
            }
        }
        None
    }

    fn chain(&mut self, kind: Kind, to: Register) -> Action {
        use Link::*;
        let link = match kind {
            Kind::ScopedChain => ScopedProduct,
            _ => self.random.of(&[Sine, Number, Scale, Sum, Product, Spiral, Mixed]),
        };
        let n = match link {
            Sine | Number | Scale | Sum => self.count(),
            _ => self.count() / 2,
        };
        let keep = match self.random.below(3) {
            0 => n.max(1),
            _ => 1 + self.random.below(n + 1),
        };
        let (x, y) = (self.pick(), self.pick());
        Action::Chain { link, x, y, n, keep, to }
    }

    fn fold(&mut self, setting: Setting, to: Register) -> Action {
        use super::program::Slice::*;
        let slices = [Sum, Sum, Dot, Dot, WeightedSum, Norm, LogSumExp, Softmax];
        let (x, y) = (self.live_register(), self.live_register());
        // At zero, where all are, a norm has a kink.
        let is_near_zero = self.registers.0[x].iter().any(|x| x.value.abs() < 0.01);
        let slice = match self.random.of(&slices) {
            Norm if is_near_zero => Sum,
            // Weights are plain numbers: no one would know that they are not exact.
            WeightedSum if setting == Setting::Calm => Sum,
            slice => slice,
        };
        let stride = match self.random.below(3) {
            0 => 1 + self.random.below(5),
            _ => 1,
        };
        let is_reversed = self.random.once_in(5);
        Action::Fold { slice, x, y, stride, is_reversed, to }
    }
}
