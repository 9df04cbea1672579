//! Checkpoints: segments that are not kept, and are recorded again when the sweep reaches them. This saves memory and costs
//! time.

use super::outputs::Outputs;
use crate::arena::{INDEX_MASK, Word, arena};
use crate::graph::names::counted;
use crate::graph::{self, Event, RecordingScope, Results, Segment, is_paused, tell, trace, user_code, value_of};
use crate::handle::Var;
use crate::nodes::{Content, down};
use crate::record;
use crate::refusal::{Carrying, at_callers_line, refuse};
use smallvec::SmallVec;
use std::ops::Range;
use std::rc::Rc;

/// Runs `f` on `inputs` without keeping its interior, and records it again when a sweep reaches it.
///
/// The graph then holds the inputs, the outputs and the closure, and not the operations between
/// them; a sweep needs the memory of one segment at a time. A long simulation cut into segments
/// costs one more run of each. Checkpoints nest: inside a segment there may be others.
///
/// The result has the shape of what `f` returns: a variable, an array or vector of them, a tuple.
/// `f` must compute the same each time it is run, from the same variables: values are bit for bit those of
/// `f(inputs)`, and gradients up to the order of additions. It may use variables from outside, and they get their gradients
/// too. `f` sees its inputs as independent, even where one of them was made from another, or is a constant (unless all are). It must
/// not differentiate with respect to an outside variable that an input was computed from. While a [`Function`](crate::function::Function) is being recorded, `f` is
/// recorded as it is.
///
/// # Panics
///
/// If an input or an output is stale, or `f` clears the graph. In the sweep, if `f` computes other values than before, or
/// uses a variable that was made after the checkpoint; gradients are zero then.
///
/// ```
/// use scalargrad::{Var, checkpoint, graph};
///
/// let x = Var::new(1.5);
/// let y = checkpoint(&[x], |x| (0..1000).fold(x[0], |x, _| x.sin() + 1.0));
/// assert_eq!(graph::len(), 2); // x and y
/// y.backward();
///
/// let (kept, plain) = (x.grad(), (0..1000).fold(x, |x, _| x.sin() + 1.0));
/// plain.backward();
/// assert_eq!((y.value(), kept), (plain.value(), x.grad()));
/// ```
#[must_use]
#[track_caller]
pub fn checkpoint<O: Outputs>(inputs: &[Var], f: impl Fn(&[Var]) -> O + 'static) -> O {
    let Some(run) = FirstRun::begin(inputs) else {
        let copies = independent(inputs);
        let mut outputs = user_code("the closure of a checkpoint", || f(&copies));
        graph::verify_all(&outputs.handles());
        return outputs;
    };
    let mut outputs = user_code("the closure of a checkpoint", || f(&run.leaves));
    let first = outputs.handles();
    let segment = Rc::new(move |x: &[Var]| f(x).into_outputs());
    let mut recorded = run.end(&first, segment, inputs).into_iter();
    outputs.each(&mut |y| *y = recorded.next().expect("one for each output"));
    outputs
}

/// The first run of a segment, which is not kept. It is recorded too, as the segment may differentiate on its way.
struct FirstRun {
    leaves: SmallVec<[Var; 8]>,
    _scope: RecordingScope,
}

impl FirstRun {
    /// Begins one, unless what is run stays: while a function is recorded, or where nothing is.
    #[track_caller]
    fn begin(inputs: &[Var]) -> Option<FirstRun> {
        let is_recorded = record::any_recorded(arena(), inputs.iter().copied()); // none of them is stale
        if trace::is_tracing() || !is_recorded {
            return None;
        }
        let scope = graph::open_recording();
        let leaves = record::leaves(inputs.iter().map(|x| x.untracked_value()));
        Some(FirstRun { leaves, _scope: scope })
    }

    /// Ends it, and records the segment in its place, from the inputs and the outputs of the first run.
    #[track_caller]
    fn end(self, first: &[Var], segment: Segment, inputs: &[Var]) -> Vec<Var> {
        graph::verify_all(first);
        let results = Results::Segment { head: None, inputs: inputs.len() };
        tell(Event::Swept { outputs: first, floor: self.leaves[0].index(), results });
        drop(self);
        graph::verify_all(inputs); // again: a destructor of an operation of the segment may have cleared the graph
        let values: Vec<f64> = first.iter().map(|y| y.untracked_value()).collect();
        record(segment, inputs, &values)
    }
}

/// Records a segment that was not kept: a node for the whole, and one for each output.
#[track_caller]
fn record(segment: Segment, inputs: &[Var], outputs: &[f64]) -> Vec<Var> {
    let arena = arena();
    let word = Word::checkpoint(inputs.len());
    let active = |k: usize| (inputs[k].untracked_value(), false);
    let head = record::push_slots(arena, inputs, active, outputs.len() as f64, word);
    graph::note_segment((head & INDEX_MASK) as usize, segment);
    let mut recorded = Vec::with_capacity(outputs.len());
    for &value in outputs {
        recorded.push(Var::from_parts(value, arena.write_head().output(head, value))); // `#[track_caller]` does not work inside a closure
    }
    recorded
}

/// Copies of variables for user code that may differentiate by them: each is a node of its own, whatever it was made from, and so is
/// each constant among them. Where all are constants, or nothing is recorded, constants stay what they are.
#[track_caller]
pub(crate) fn independent(x: &[Var]) -> SmallVec<[Var; 4]> {
    independent_if(has_variable(x), x)
}

fn has_variable(x: &[Var]) -> bool {
    x.iter().any(|x| !x.is_constant())
}

/// [`independent`], with a node for each constant only if that is wanted and something is recorded.
#[track_caller]
fn independent_if(is_wanted: bool, x: &[Var]) -> SmallVec<[Var; 4]> {
    let mut copies: SmallVec<[Var; 4]> = SmallVec::from_slice(x);
    let stay = is_paused(arena()) || !is_wanted;
    for copy in &mut copies {
        match copy.is_constant() {
            true if stay => {}
            true => *copy = record::leaf(copy.untracked_value()),
            false => *copy *= 1.0,
        }
    }
    copies
}

/// Advances a state by `steps` steps of `step`, with no more than about `at_once` steps in memory.
///
/// `step(k, state)` gives the state after step `k`. It is kept for the sweep, so that it owns what it uses (`move`). If it differentiates on its way, the numbers of its state are independent
/// variables to it, constants too, from the first state on that is not made of constants alone: begin with a [`Var::new`]. The steps are cut into at most `at_once`
/// segments, each a [`checkpoint`]; a segment longer than `at_once` is cut again. Recording takes
/// one run, and a sweep another for each level: two in all up to `at_once²` steps.
///
/// # Panics
///
/// If `at_once` is less than 2, a handle is stale, or a step returns more or fewer variables than it gets.
///
/// ```
/// use scalargrad::{Var, advance};
///
/// let rate = Var::new(0.01);
/// // One thousand explicit Euler steps of x' = −x, about thirty of them in memory.
/// let end = advance(&[Var::from(1.0), rate], 1000, 32, |_, s| vec![s[0] - s[0] * s[1], s[1]]);
/// end[0].backward();
/// let exact = -1000.0 * 0.99f64.powi(999);
/// assert!((rate.grad() / exact - 1.0).abs() < 1e-12);
/// ```
#[must_use]
#[track_caller]
pub fn advance(
    state: &[Var],
    steps: usize,
    at_once: usize,
    step: impl Fn(usize, &[Var]) -> Vec<Var> + 'static,
) -> Vec<Var> {
    assert!(at_once >= 2, "scalargrad: `at_once` of `advance` must be at least 2, not {at_once}");
    graph::verify_all(state);
    advance_from(0, state, steps, at_once, &(Rc::new(step) as Step), &mut false)
}

type Step = Rc<dyn Fn(usize, &[Var]) -> Vec<Var>>;

/// Advances from the step `first` on. `is_recorded` says, and is told, whether a state up to here had a variable: the outputs of a
/// checkpoint are variables, so that otherwise a state that is made of constants later would depend on where the steps are cut.
#[track_caller]
fn advance_from(
    first: usize,
    state: &[Var],
    steps: usize,
    at_once: usize,
    step: &Step,
    is_recorded: &mut bool,
) -> Vec<Var> {
    let mut state = state.to_vec();
    if steps <= at_once {
        for k in first..first + steps {
            *is_recorded |= has_variable(&state);
            let copies = independent_if(*is_recorded, &state);
            state = graph::user_code("a step of `advance`", || step(k, &copies));
            if state.len() != copies.len() {
                refuse_step(k, state.len(), copies.len());
            }
            graph::verify_all(&state);
        }
        return state;
    }
    let length = steps.div_ceil(steps.div_ceil(at_once).min(at_once));
    let mut done = 0;
    while done < steps {
        let (start, length) = (first + done, length.min(steps - done));
        // As `checkpoint` does it; but a closure does not know its caller, and so not the user's line.
        state = match FirstRun::begin(&state) {
            None => advance_from(start, &state, length, at_once, step, is_recorded),
            Some(run) => {
                *is_recorded = true;
                let end = advance_from(start, &run.leaves, length, at_once, step, is_recorded);
                let step = step.clone();
                let segment = move |x: &[Var]| {
                    let _carrying = Carrying::set(true); // to `run_again`, which knows the line of the sweep
                    advance_from(start, x, length, at_once, &step, &mut true)
                };
                run.end(&end, Rc::new(segment), &state)
            }
        };
        done += length;
    }
    state
}

#[cold]
#[track_caller]
fn refuse_step(k: usize, returned: usize, given: usize) -> ! {
    let returned = counted(returned, "variable");
    refuse(format_args!(
        "scalargrad: step {k} of `advance` returned {returned}, and it was given {given}; a step must return as many as it gets"
    ))
}

/// Runs the segment of the checkpoint at `head` again; what is recorded for that begins at the index `start`.
#[track_caller]
pub(crate) fn run_again(head: usize, start: usize, inputs: &[Var], outputs: usize) -> Vec<Var> {
    let segment: Segment = graph::state(|state| state.segments[&head].clone());
    let again = at_callers_line(|| user_code("the closure of a checkpoint", || segment(inputs)));
    graph::verify_all(&again);
    assert!(
        again.len() == outputs,
        "scalargrad: the closure of a checkpoint gave {} outputs when it was run again, and {outputs} before",
        again.len()
    );
    let later = head..start; // its own outputs too
    let is_later = again.iter().any(|y| later.contains(&y.index()));
    assert!(
        !is_later && !uses(start, later),
        "scalargrad: the closure of a checkpoint used a variable when it was run again that was made after the checkpoint. \
         It must compute the same from the same variables each time"
    );
    for (k, again) in again.iter().enumerate() {
        let before = value_of(head + 1 + k);
        assert!(
            again.untracked_value().to_bits() == before.to_bits()
                || again.untracked_value().is_nan() && before.is_nan(),
            "scalargrad: the closure of a checkpoint gave the value {} when it was run again, and {before} before. \
             It must compute the same each time: keep random numbers and what changes outside of it",
            again.untracked_value()
        );
    }
    again
}

/// Whether a node from the index `start` on has an operand in `range`.
fn uses(start: usize, range: Range<usize>) -> bool {
    arena().tape(|tape| {
        let mut uses = false;
        for node in down(tape, tape.end(), start) {
            let mut meet = |operand| uses |= range.contains(&operand);
            match node.content() {
                Content::Row(row) => row.each_partial(|operand, _| meet(operand)),
                Content::Output { .. } => {} // its operands are those of its head, which is met too
                _ => {
                    node.read(|operand| meet(operand.index));
                }
            }
        }
        uses
    })
}
