//! The interpreter of programs, for either side.

use super::chain::chain;
use super::program::{Action, Arg, Body, Pick, Register};
use super::side::{Operand, Outcome, Side};
use super::story::Told;

/// The registers of a program or of a body.
pub struct Registers<V>(pub Vec<Vec<V>>);

impl<V: Copy> Registers<V> {
    pub fn pick(&self, Pick(register, at): Pick) -> Option<V> {
        let row = self.0.get(register)?;
        (!row.is_empty()).then(|| row[at % row.len()])
    }

    fn picks(&self, picks: &[Pick]) -> Option<Vec<V>> {
        picks.iter().map(|&pick| self.pick(pick)).collect()
    }

    fn operands(&self, args: &[Arg]) -> Option<Vec<Operand<V>>> {
        let operand = |&arg: &Arg| match arg {
            Arg::Of(pick) => self.pick(pick).map(Operand::Variable),
            Arg::Number(x) => Some(Operand::Number(x)),
        };
        args.iter().map(operand).collect()
    }

    fn row(&self, register: Register) -> Option<&[V]> {
        self.0.get(register).map(|row| &row[..]).filter(|row| !row.is_empty())
    }

    pub fn set(&mut self, register: Register, row: Vec<V>) {
        if self.0.len() <= register {
            self.0.resize(register + 1, Vec::new());
        }
        self.0[register] = row;
    }
}

/// Runs the actions, until one panics out of them.
pub fn run<S: Side>(side: &mut S, registers: &mut Registers<S::V>, actions: &[Action]) -> Told<()> {
    for action in actions {
        if !side.goes_on() {
            break;
        }
        if *action == Action::Panic {
            return Err(side.panic());
        }
        if let Action::Trouble(trouble) = *action {
            side.trouble(trouble)?;
            continue;
        }
        perform(side, registers, action);
    }
    Ok(())
}

/// Runs a body; an output that is missing is its first input.
pub fn run_body<S: Side>(side: &mut S, body: &Body, inputs: &[S::V], captured: &[S::V]) -> Told<Vec<S::V>> {
    let mut registers = Registers(vec![inputs.to_vec(), captured.to_vec()]);
    run(side, &mut registers, &body.actions)?;
    let output = |&pick: &Pick| registers.pick(pick).unwrap_or(inputs[0]);
    Ok(body.outputs.iter().map(output).collect())
}

/// Does one action, and tells what came of it.
pub fn perform<S: Side>(side: &mut S, registers: &mut Registers<S::V>, action: &Action) {
    let given = side.attempt(|side| act(side, registers, action));
    let outcome = match given {
        None => Outcome::Refused,
        Some(Given::Undone) => Outcome::Undone,
        Some(Given::Nothing) => Outcome::Done,
        Some(Given::Row(to, row)) => {
            for k in spread(row.len()) {
                side.tell_value(row[k]);
            }
            registers.set(to, row);
            Outcome::Done
        }
    };
    side.settle(action, outcome);
}

/// Some places of a row: both ends, and a few between.
fn spread(len: usize) -> impl Iterator<Item = usize> {
    let stride = len.div_ceil(6).max(1);
    (0..len).step_by(stride).chain((len > 1 && !(len - 1).is_multiple_of(stride)).then(|| len - 1))
}

/// What an action gives.
enum Given<V> {
    /// Variables, and the register for them.
    Row(Register, Vec<V>),
    Nothing,
    /// It was not done, as an operand is missing.
    Undone,
}

/// Does an action.
fn act<S: Side>(side: &mut S, registers: &mut Registers<S::V>, action: &Action) -> Told<Given<S::V>> {
    // Leaves the action undone where a register is empty.
    macro_rules! there {
        ($found:expr) => {
            match $found {
                Some(found) => found,
                None => return Ok(Given::Undone),
            }
        };
    }
    let (to, row) = match action {
        &Action::Leaves { value, n, to } => {
            let leaf = |k: usize| side.leaf(value + 0.01 * (k % 37) as f64);
            (to, (0..n).map(leaf).collect())
        }
        Action::Apply { op, n, args, to } => {
            let operands = there!(registers.operands(args));
            (*to, vec![side.apply(*op, *n, &operands)?])
        }
        Action::Map { op, n, x, others, to } => {
            let mut operands = vec![Operand::Number(0.0)];
            operands.extend(there!(registers.operands(others)));
            let mut row = Vec::new();
            for &x in there!(registers.row(*x)) {
                operands[0] = Operand::Variable(x);
                row.push(side.apply(*op, *n, &operands)?);
            }
            (*to, row)
        }
        Action::Gather { args, to } => {
            let variable = |&operand: &Operand<S::V>| match operand {
                Operand::Variable(x) => x,
                Operand::Number(x) => S::constant(x),
            };
            (*to, there!(registers.operands(args)).iter().map(variable).collect())
        }
        &Action::Chain { link, x, y, n, keep, to } => {
            let (x, y) = (there!(registers.pick(x)), there!(registers.pick(y)));
            (to, chain(side, link, [x, y], n, keep)?)
        }
        &Action::Fold { slice, x, y, stride, is_reversed, to } => {
            let (x, y) = (there!(registers.row(x)), there!(registers.row(y)));
            let mut x: Vec<S::V> = x.iter().step_by(stride.max(1)).copied().collect();
            if is_reversed {
                x.reverse();
            }
            let y: Vec<S::V> = y.iter().cycle().take(x.len()).copied().collect();
            (to, side.fold(slice, &x, &y)?)
        }
        Action::Custom { value, operands, to } => {
            let operand = |&(pick, p): &(Pick, f64)| Some((registers.pick(pick)?, p));
            let operands: Vec<_> = there!(operands.iter().map(operand).collect());
            (*to, vec![side.custom(*value, &operands)?])
        }
        &Action::Rule { rule, x, to } => {
            let x = [there!(registers.pick(x[0])), there!(registers.pick(x[1]))];
            (to, vec![side.rule(rule, x)?])
        }
        Action::Choose { how, compared, chosen, to } => {
            let compared = there!(registers.operands(compared));
            let chosen = there!(registers.picks(chosen));
            let is_so = side.compare(*how, compared[0], compared[1]);
            (*to, vec![side.choose(is_so, chosen[0], chosen[1])])
        }
        &Action::Slope { route, x, y, to } => {
            let (x, y) = (there!(registers.pick(x)), there!(registers.pick(y)));
            (to, vec![side.slope_inside(route, x, y)?])
        }
        &Action::Detach { x, to } => (to, vec![side.detach(there!(registers.pick(x)))]),
        Action::Segment { inputs, captured, body, to } => {
            let (x, captured) = (there!(registers.picks(inputs)), there!(registers.picks(captured)));
            (*to, side.segment(&x, &captured, body)?)
        }
        Action::Advance { state, captured, steps, at_once, body, to } => {
            let (x, captured) = (there!(registers.picks(state)), there!(registers.picks(captured)));
            let at_once = (*at_once).max(2);
            (*to, side.advance(&x, &captured, (*steps, at_once), body)?)
        }
        Action::Threads { copies, handles, actions, to } => {
            let handles = there!(registers.picks(handles));
            (*to, side.threads(*copies, &handles, actions)?)
        }
        _ => {
            there!(effect(side, registers, action)?);
            return Ok(Given::Nothing);
        }
    };
    Ok(Given::Row(to, row))
}

/// Does an action that gives no variables. Absent where an operand is missing.
fn effect<S: Side>(side: &mut S, registers: &mut Registers<S::V>, action: &Action) -> Told<Option<()>> {
    macro_rules! there {
        ($found:expr) => {
            match $found {
                Some(found) => found,
                None => return Ok(None),
            }
        };
    }
    match action {
        Action::Scope(actions) => side.scope(|side| run(side, registers, actions))?,
        Action::NoGrad(actions) => side.no_grad(|side| run(side, registers, actions))?,
        Action::Clear => side.clear(),
        &Action::Reserve(n) => side.reserve(n),
        &Action::Backward(y) => side.backward(there!(registers.pick(y)))?,
        &Action::Accumulate(y) => side.accumulate(there!(registers.pick(y)))?,
        Action::Snapshot { y, then, asked } => {
            let snapshot = side.snapshot(there!(registers.pick(*y)))?;
            run(side, registers, then)?;
            for x in asked.iter().filter_map(|&x| registers.pick(x)) {
                if let Some(fact) = side.attempt(|side| side.wrt(&snapshot, x)) {
                    side.tell(fact);
                }
            }
            if asked.len() > 4 {
                side.forget(snapshot);
            }
        }
        &Action::Differentiate { y, ref x, to, ref then } => {
            let (y, x) = (there!(registers.pick(y)), there!(registers.picks(x)));
            let derivatives = side.differentiate(y, &x, true)?;
            registers.set(to, derivatives);
            let clears = side.clears();
            for action in then {
                // The model does not know which of the derivatives are constants, which a clear would not make stale.
                if side.clears() == clears {
                    run(side, registers, std::slice::from_ref(action))?;
                }
            }
            registers.0.truncate(to);
        }
        Action::Slopes { y, x, is_recorded } => {
            let (y, x) = (there!(registers.pick(*y)), there!(registers.picks(x)));
            side.differentiate(y, &x, *is_recorded)?;
        }
        Action::Derive { calculus, at, along, captured, body } => {
            let captured = there!(registers.picks(captured));
            side.derive(*calculus, (at, along), &captured, body)?;
        }
        Action::Replay { at, captured, body, way } => {
            let captured = there!(registers.picks(captured));
            side.replay(at, &captured, body, *way)?;
        }
        Action::Watch(actions) => side.watch(|side| run(side, registers, actions))?,
        &Action::Name(x, name) => side.name(there!(registers.pick(x)), name)?,
        &Action::Ask(question, x) => side.ask(question, there!(registers.pick(x)))?,
        Action::Count => side.count(),
        &Action::Look { all } => {
            for register in 0..registers.0.len() {
                look(side, registers, register, all);
            }
        }
        _ => unreachable!("{action:?} gives variables"),
    }
    Ok(Some(()))
}

/// Tells the gradients of a row, until one is refused.
fn look<S: Side>(side: &mut S, registers: &Registers<S::V>, register: Register, all: bool) {
    let row = &registers.0[register];
    let some: Vec<usize> = match all {
        true => (0..row.len()).collect(),
        false => spread(row.len()).collect(),
    };
    for k in some {
        let fact = side.attempt(|side| side.grad(row[k]));
        let was_refused = fact.is_none();
        fact.into_iter().for_each(|fact| side.tell(fact));
        side.settle_gradient(Pick(register, k));
        if was_refused {
            break;
        }
    }
}
