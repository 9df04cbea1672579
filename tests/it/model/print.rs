//! A program as Rust that can be pasted into a test.

use super::inside::phrase;
use super::machine::{Registers, run};
use super::page::{Page, method, number, operation, registers};
use super::phrases::{HEAD, PRODUCT, beside, chain};
use super::program::{Action, Calculus, NAME_THAT_CLEARS, Pick, Question, Slice, Trouble};
use super::state::Model;
use super::ways::Points;
use std::fmt::Write;

/// The program as a test; each register `r[3]` is a vector.
pub fn rust(program: &[Action]) -> String {
    let mut text = String::from(HEAD);
    if format!("{program:?}").contains("Rule {") {
        text.push_str(PRODUCT);
    }
    let mut model = Model::new();
    let _ = run(&mut model, &mut Registers(Vec::new()), program);
    let page = Page { outcomes: &model.outcomes, row: "r", depth: 1 };
    let registers = registers(program);
    text.push_str("#[test]\nfn a_program() {\n");
    let _ = writeln!(text, "    let mut r: Vec<Vec<Var>> = vec![Vec::new(); {registers}];");
    page.block(program, &mut text);
    text + "}\n"
}

/// The text of each action.
impl Page<'_> {
    /// One action.
    pub fn statement(self, action: &Action) -> String {
        let pick = |x: Pick| self.pick(x);
        let set = |to: &usize, row: String| format!("{} = {row};", self.register(*to));
        match action {
            Action::Leaves { value, n, to } => {
                let leaf = format!("Var::new({} + 0.01 * (k % 37) as f64)", number(*value));
                set(to, format!("(0..{n}).map(|k| {leaf}).collect::<Vec<Var>>()"))
            }
            Action::Apply { op, n, args, to } => {
                let args: Vec<String> = args.iter().map(|&arg| self.arg(arg)).collect();
                set(to, format!("vec![{}]", operation(*op, *n, &args)))
            }
            Action::Map { op, n, x, others, to } => {
                let others = others.iter().map(|&arg| self.arg(arg));
                let args: Vec<String> = std::iter::once("x".to_string()).chain(others).collect();
                let (row, z) = (self.register(*x), operation(*op, *n, &args));
                set(to, format!("{row}.iter().map(|&x| {z}).collect::<Vec<Var>>()"))
            }
            Action::Gather { args, to } => {
                let args: Vec<String> = args.iter().map(|&arg| format!("Var::from({})", self.arg(arg))).collect();
                set(to, format!("vec![{}]", args.join(", ")))
            }
            Action::Chain { link, x, y, n, keep, to } => set(to, chain(*link, [pick(*x), pick(*y)], *n, *keep)),
            Action::Fold { slice, x, y, stride, is_reversed, to } => {
                let (x, y) = (self.register(*x), self.register(*y));
                let reversed = if *is_reversed { "xs.reverse(); " } else { "" };
                let mut_if = if *is_reversed { "mut " } else { "" };
                let y = format!("{y}.iter().cycle().take(xs.len())");
                let call = match slice {
                    Slice::Sum => "vec![sum(&xs)]".to_string(),
                    Slice::Norm => "vec![norm(&xs)]".to_string(),
                    Slice::LogSumExp => "vec![log_sum_exp(&xs)]".to_string(),
                    Slice::Softmax => "softmax(&xs)".to_string(),
                    Slice::Dot => format!("vec![dot(&xs, &{y}.copied().collect::<Vec<_>>())]"),
                    Slice::WeightedSum => {
                        format!("vec![weighted_sum(&xs, &{y}.map(|y| y.value()).collect::<Vec<_>>())]")
                    }
                };
                let xs = format!("let {mut_if}xs: Vec<Var> = {x}.iter().step_by({stride}).copied().collect();");
                set(to, format!("{{ {xs} {reversed}{call} }}"))
            }
            Action::Custom { value, operands, to } => {
                let operands: Vec<String> =
                    operands.iter().map(|&(x, p)| format!("({}, {})", pick(x), number(p))).collect();
                let operands = operands.join(", ");
                set(to, format!("vec![Var::custom(\"custom\", {}, [{operands}])]", number(*value)))
            }
            Action::Rule { rule, x, to } => {
                set(to, format!("vec![Var::apply(Product({}), &{})]", beside(*rule), self.picks(x)))
            }
            Action::Choose { how, compared: [a, b], chosen: [c, d], to } => {
                let variable = |arg| format!("Var::from({})", self.arg(arg));
                let question = how.phrase(&variable(*a), &variable(*b));
                set(to, format!("vec![if {question} {{ {} }} else {{ {} }}]", pick(*c), pick(*d)))
            }
            Action::Slope { route, x, y, to } => set(to, phrase(*route, &pick(*x), &pick(*y))),
            Action::Detach { x, to } => set(to, format!("vec![{}.detach()]", pick(*x))),
            Action::Segment { inputs, captured, body, to } => {
                let closure = self.closure(body, captured, false);
                set(to, format!("checkpoint(&{}, {closure})", self.picks(inputs)))
            }
            Action::Advance { state, captured, steps, at_once, body, to } => {
                let closure = self.closure(body, captured, false);
                let state = self.picks(state);
                let step = format!("{{ let step = {closure}; move |_, x: &[Var]| step(x) }}");
                set(to, format!("advance(&{state}, {steps}, {at_once}, {step})"))
            }
            Action::Threads { copies, handles, actions, to } => {
                let (handles, there) = (self.picks(handles), Page { row: "t", ..self });
                let rows = registers(actions).max(1);
                set(
                    to,
                    format!(
                        "{{ let handles: Vec<Var> = vec!{handles}; std::thread::scope(|s| {{ let mut back = vec![]; \
                     let all: Vec<_> = (0..{copies}).map(|_| {{ let handles = handles.clone(); s.spawn(move || {{ \
                     let mut t: Vec<Vec<Var>> = vec![Vec::new(); {rows}]; t[0] = handles; {}; \
                     t.iter().filter_map(|row| row.last().copied()).take(3).collect::<Vec<_>>() }}) }}).collect(); \
                     for thread in all {{ back = thread.join().unwrap() }} back }}) }}",
                        there.inside(actions)
                    ),
                )
            }
            _ => self.effect(action),
        }
    }

    fn effect(self, action: &Action) -> String {
        let pick = |x: Pick| self.pick(x);
        let inside = |actions: &[Action]| self.inside(actions);
        match action {
            Action::Trouble(Trouble::Clears) => "if is_again { graph::clear() }".to_string(),
            Action::Trouble(Trouble::Panics) => "if is_again { panic!() }".to_string(),
            Action::Trouble(Trouble::Leaks) => {
                "if is_again { let _ = leaked.get() + 1.0; } else { leaked.set(Var::new(0.5)) }".to_string()
            }
            Action::Trouble(Trouble::UsesLater) => "if is_again { let _ = own_output.get() + 1.0; }".to_string(),
            Action::Trouble(Trouble::Sweeps) => {
                "if is_again { graph::scope(|| { let t = Var::new(0.7); (t * t).backward() }) }".to_string()
            }
            Action::Scope(actions) => format!("graph::scope(|| {});", inside(actions)),
            Action::NoGrad(actions) => format!("graph::no_grad(|| {});", inside(actions)),
            Action::Panic => "panic!();".to_string(),
            Action::Clear => "graph::clear();".to_string(),
            Action::Reserve(n) => format!("graph::reserve({n});"),
            Action::Backward(y) => format!("{}.backward();", pick(*y)),
            Action::Accumulate(y) => format!("{}.backward_accumulate();", pick(*y)),
            Action::Snapshot { y, then, asked } => {
                let asked: Vec<String> = asked.iter().map(|&x| format!("dbg!(gradients.wrt({}));", pick(x))).collect();
                let (then, asked) = (inside(then), asked.join(" "));
                format!("let gradients = {}.gradients(); {then} {asked}", pick(*y))
            }
            Action::Differentiate { y, x, to, then } => {
                let (y, x) = (pick(*y), self.picks(x));
                format!("{} = {y}.differentiate(&{x}); {}", self.register(*to), inside(then))
            }
            Action::Slopes { y, x, is_recorded } => {
                let slopes = format!("{}.differentiate(&{})", pick(*y), self.picks(x));
                match is_recorded {
                    true => format!("dbg!({slopes});"),
                    false => format!("dbg!(graph::no_grad(|| {slopes}));"),
                }
            }
            Action::Derive { calculus, at, along, captured, body } => {
                let is_one = calculus.outputs() == 1;
                let closure = self.closure(body, captured, is_one);
                let along = format!("{along:?}.iter().copied().cycle().take");
                let (inputs, outputs) = (at.len(), body.outputs.len());
                let along_inputs = format!("&{along}({inputs}).collect::<Vec<_>>()");
                let along_outputs = format!("&{along}({outputs}).collect::<Vec<_>>()");
                let call = match calculus {
                    Calculus::Gradient => format!("value_and_gradient({closure}, &{at:?})"),
                    Calculus::Jacobian => format!("jacobian({closure}, &{at:?})"),
                    Calculus::Jvp => format!("jvp({closure}, &{at:?}, {along_inputs})"),
                    Calculus::Vjp => format!("vjp({closure}, &{at:?}, {along_outputs})"),
                    Calculus::Hessian => format!("hessian({closure}, &{at:?})"),
                    Calculus::Hvp => format!("hvp({closure}, &{at:?}, {along_inputs})"),
                    Calculus::Check => format!("check::gradient({closure}, &{at:?})"),
                    Calculus::CheckSecond => format!("check::hessian({closure}, &{at:?})"),
                    Calculus::Laplacian => format!("laplacian({closure}, &{at:?})"),
                    Calculus::Sweeps | Calculus::Along | Calculus::ByTurns => {
                        let along = "derive::differentiate_along(&[y], &x, &v)[0]";
                        let sweep = "dot(&y.differentiate(&x), &v)";
                        let [even, odd] = match calculus {
                            Calculus::Sweeps => [sweep, sweep],
                            Calculus::Along => [along, along],
                            _ => [along, sweep],
                        };
                        format!(
                            "graph::scope(|| {{ let (x, f) = (Var::leaves(&{at:?}), {closure}); \
                             let v: Vec<Var> = {along_inputs}.iter().map(|&v| v.into()).collect(); let mut y = f(&x); \
                             for k in 0..4 {{ y = if k % 2 == 0 {{ {even} }} else {{ {odd} }}; dbg!(y.value()); }} }})"
                        )
                    }
                    Calculus::Series => format!(
                        "{{ let f = {closure}; taylor(|t| f(&{at:?}.iter().zip({along_inputs}).map(|(&x, &v)| t * v + x)\
                         .collect::<Vec<_>>()), 0.0, 4) }}"
                    ),
                    Calculus::Taylor => format!("{{ let f = {closure}; taylor(|x| f(&[x]), {:?}, 2) }}", at[0]),
                };
                format!("dbg!({call});")
            }
            Action::Replay { at, captured, body, way } => {
                let Points { recorded, called, shared } = at;
                let closure = self.closure(body, captured, false);
                format!(
                    "{{ let (recorded, called, shared) = (vec!{recorded:?}, vec!{called:?} as Vec<Vec<f64>>, {shared}); \
                     let f = {closure}; {} }}",
                    way.phrase()
                )
            }
            Action::Watch(actions) => format!("let _ = anomaly::absorbed(|| {});", inside(actions)),
            &Action::Name(x, NAME_THAT_CLEARS) => {
                format!("{}.named(Named); // whose `Into<String>` clears the graph", pick(x))
            }
            &Action::Name(x, name) => format!("{}.named(\"n{name}\");", pick(x)),
            Action::Ask(Question::Report, _) => "dbg!(graph::report());".to_string(),
            &Action::Ask(question, x) => format!("dbg!({}.{}());", pick(x), method(question)),
            Action::Count => "dbg!(graph::len());".to_string(),
            Action::Look { .. } => "// Here all gradients are compared.".to_string(),
            _ => unreachable!("{action:?} gives variables"),
        }
    }
}
