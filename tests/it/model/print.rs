//! A program as Rust that can be pasted into a test.

use super::functions::row;
use super::program::{Action, Arg, Body, Calculus, Link, Pick, Question, Rule, Slice, Trouble};
use scalargrad::Op;
use std::fmt::Write;

/// The program as the statements of a test; each register `r3` is a vector.
pub fn rust(program: &[Action]) -> String {
    let mut text = String::from("use scalargrad::*;\n");
    if format!("{program:?}").contains("Rule {") {
        text.push_str(PRODUCT);
    }
    block(program, 0, "r", &mut text);
    text
}

const PRODUCT: &str = "\
/// x·y; `beside` is what the rule does beside.
struct Product(fn(&[Var]));
impl CustomOp for Product {
    fn value(&self, x: &[f64]) -> f64 {
        x[0] * x[1]
    }
    fn partials(&self, x: &[Var], _: Var) -> Vec<Var> {
        (self.0)(x);
        vec![x[1], x[0]]
    }
}
";

/// How a register, a variable of it and so on are written; a body has other names than what is around it.
#[derive(Clone, Copy)]
struct Names<'a>(&'a str);

impl Names<'_> {
    fn pick(self, Pick(register, at): Pick) -> String {
        let row = self.register(register);
        match at {
            0 => format!("{row}[0]"),
            _ => format!("{row}[{at} % {row}.len()]"),
        }
    }

    fn register(self, register: usize) -> String {
        match (self.0, register) {
            ("r", _) => format!("r{register}"),
            (prefix, 0) => format!("{prefix}_x"),
            (prefix, 1) => format!("{prefix}_outside"),
            (prefix, _) => format!("{prefix}{register}"),
        }
    }

    fn arg(self, arg: Arg) -> String {
        match arg {
            Arg::Of(pick) => self.pick(pick),
            Arg::Number(x) => number(x),
        }
    }

    fn picks(self, picks: &[Pick]) -> String {
        let picks: Vec<String> = picks.iter().map(|&pick| self.pick(pick)).collect();
        format!("[{}]", picks.join(", "))
    }
}

fn number(x: f64) -> String {
    match x {
        x if x.is_nan() => "f64::NAN".to_string(),
        f64::INFINITY => "f64::INFINITY".to_string(),
        f64::NEG_INFINITY => "f64::NEG_INFINITY".to_string(),
        x => format!("{x:?}"),
    }
}

fn block(actions: &[Action], depth: usize, prefix: &str, text: &mut String) {
    for action in actions {
        let indent = "    ".repeat(depth);
        let statement = statement(action, depth, Names(prefix));
        let _ = writeln!(text, "{indent}{statement}");
    }
}

fn inside(actions: &[Action], depth: usize, prefix: &str) -> String {
    let mut text = String::from("{\n");
    block(actions, depth + 1, prefix, &mut text);
    text + &"    ".repeat(depth) + "}"
}

/// A closure; what it captures is bound before it.
fn closure(body: &Body, captured: &str, depth: usize, is_one: bool) -> String {
    let prefix = format!("b{}_", "i".repeat(depth));
    let names = Names(&prefix);
    let indent = "    ".repeat(depth);
    let mut text = format!("{{ let {prefix}_outside = {captured}; move |{prefix}_x: &[Var]| {{\n");
    block(&body.actions, depth + 1, &prefix, &mut text);
    let outputs = match is_one {
        true => names.pick(body.outputs[0]),
        false => format!("vec!{}", names.picks(&body.outputs)),
    };
    let _ = write!(text, "{indent}    {outputs}\n{indent}}} }}");
    text
}

fn operation(op: Op, n: i32, args: &[String]) -> String {
    let sign = match op {
        Op::Add => "+",
        Op::Sub => "-",
        Op::Mul => "*",
        Op::Div => "/",
        Op::Rem => "%",
        Op::Neg => return format!("-{}", args[0]),
        _ => {
            let row = row(op);
            let mut rest = args[1..].to_vec();
            if row.is_indexed {
                rest.push(n.to_string());
            }
            return format!("Var::from({}).{}({})", args[0], row.method, rest.join(", "));
        }
    };
    format!("Var::from({}) {sign} {}", args[0], args[1])
}

fn statement(action: &Action, depth: usize, names: Names) -> String {
    let pick = |x: Pick| names.pick(x);
    let set = |to: &usize, row: String| format!("let {} = {row};", names.register(*to));
    match action {
        Action::Leaves { value, n, to } => {
            let leaf = format!("Var::new({} + 0.01 * (k % 37) as f64)", number(*value));
            set(
                to,
                format!("(0..{n}).map(|k| {leaf}).collect::<Vec<Var>>()"),
            )
        }
        Action::Apply { op, n, args, to } => {
            let args: Vec<String> = args.iter().map(|&arg| names.arg(arg)).collect();
            set(to, format!("vec![{}]", operation(*op, *n, &args)))
        }
        Action::Map {
            op,
            n,
            x,
            others,
            to,
        } => {
            let others = others.iter().map(|&arg| names.arg(arg));
            let args: Vec<String> = std::iter::once("x".to_string()).chain(others).collect();
            let (row, z) = (names.register(*x), operation(*op, *n, &args));
            set(
                to,
                format!("{row}.iter().map(|&x| {z}).collect::<Vec<Var>>()"),
            )
        }
        Action::Gather { args, to } => {
            let args: Vec<String> = args
                .iter()
                .map(|&arg| format!("Var::from({})", names.arg(arg)))
                .collect();
            set(to, format!("vec![{}]", args.join(", ")))
        }
        Action::Chain {
            link,
            x,
            y,
            n,
            keep,
            to,
        } => set(to, chain(*link, [pick(*x), pick(*y)], *n, *keep)),
        Action::Fold {
            slice,
            x,
            y,
            stride,
            is_reversed,
            to,
        } => {
            let (x, y) = (names.register(*x), names.register(*y));
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
            let xs = format!(
                "let {mut_if}xs: Vec<Var> = {x}.iter().step_by({stride}).copied().collect();"
            );
            set(to, format!("{{ {xs} {reversed}{call} }}"))
        }
        Action::Custom {
            value,
            operands,
            to,
        } => {
            let operands: Vec<String> = operands
                .iter()
                .map(|&(x, p)| format!("({}, {})", pick(x), number(p)))
                .collect();
            let operands = operands.join(", ");
            set(
                to,
                format!(
                    "vec![Var::custom(\"custom\", {}, [{operands}])]",
                    number(*value)
                ),
            )
        }
        Action::Rule { rule, x, to } => set(
            to,
            format!(
                "vec![Product({}).apply(&{})]",
                beside(*rule),
                names.picks(x)
            ),
        ),
        Action::Choose {
            compared: [a, b],
            chosen: [c, d],
            to,
        } => {
            let (a, b) = (names.arg(*a), names.arg(*b));
            set(
                to,
                format!(
                    "vec![if {a} < {b} {{ {} }} else {{ {} }}]",
                    pick(*c),
                    pick(*d)
                ),
            )
        }
        Action::Detach { x, to } => set(to, format!("vec![{}.detach()]", pick(*x))),
        Action::Segment {
            inputs,
            captured,
            body,
            to,
        } => {
            let closure = closure(body, &names.picks(captured), depth, false);
            set(
                to,
                format!("checkpoint(&{}, {closure})", names.picks(inputs)),
            )
        }
        Action::Advance {
            state,
            captured,
            steps,
            at_once,
            body,
            to,
        } => {
            let closure = closure(body, &names.picks(captured), depth, false);
            let state = names.picks(state);
            let step = format!("{{ let step = {closure}; move |_, x: &[Var]| step(x) }}");
            set(to, format!("advance(&{state}, {steps}, {at_once}, {step})"))
        }
        _ => effect(action, depth, names),
    }
}

fn effect(action: &Action, depth: usize, names: Names) -> String {
    let pick = |x: Pick| names.pick(x);
    let inside = |actions: &[Action]| inside(actions, depth, names.0);
    match action {
        Action::Trouble(Trouble::Clears) => "/* when it runs again: */ graph::clear();".to_string(),
        Action::Trouble(Trouble::Panics) => "/* when it runs again: */ panic!();".to_string(),
        Action::Trouble(Trouble::Sweeps) => {
            "/* when it runs again: */ graph::scope(|| { let t = Var::new(0.7); (t * t).backward() });".to_string()
        }
        Action::Scope(actions) => format!("graph::scope(|| {});", inside(actions)),
        Action::NoGrad(actions) => format!("graph::no_grad(|| {});", inside(actions)),
        Action::Panic => "panic!(); // and so on, after `catch_unwind` around it".to_string(),
        Action::Clear => "graph::clear();".to_string(),
        Action::Reserve(n) => format!("graph::reserve({n});"),
        Action::Backward(y) => format!("{}.backward();", pick(*y)),
        Action::Accumulate(y) => format!("{}.backward_accumulate();", pick(*y)),
        Action::Snapshot { y, then, asked } => {
            let asked: Vec<String> =
                asked.iter().map(|&x| format!("dbg!(gradients.wrt({}));", pick(x))).collect();
            let (then, asked) = (inside(then), asked.join(" "));
            format!("let gradients = {}.gradients(); {then} {asked}", pick(*y))
        }
        Action::Differentiate { y, x, to, then } => {
            let (y, x) = (pick(*y), names.picks(x));
            format!("let {} = {y}.differentiate(&{x}); {}", names.register(*to), inside(then))
        }
        Action::Slopes { y, x, is_recorded } => {
            let slopes = format!("{}.differentiate(&{})", pick(*y), names.picks(x));
            match is_recorded {
                true => format!("dbg!({slopes});"),
                false => format!("dbg!(graph::no_grad(|| {slopes}));"),
            }
        }
        Action::Derive { calculus, at, along, captured, body } => {
            let is_one = calculus.outputs() == 1;
            let closure = closure(body, &names.picks(captured), depth, is_one);
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
                Calculus::Laplacian => format!("laplacian({closure}, &{at:?})"),
                Calculus::Taylor => format!("{{ let f = {closure}; taylor(|x| f(&[x]), {:?}, 2) }}", at[0]),
            };
            format!("dbg!({call});")
        }
        Action::Replay { at, captured, body, is_saved } => {
            let closure = closure(body, &names.picks(captured), depth, false);
            let saved = if *is_saved { " // saved and loaded" } else { "" };
            let replays: Vec<String> =
                at.iter().map(|at| format!("dbg!(f.values(&{at:?}), f.jacobian(&{at:?}));")).collect();
            let record = format!("let f = function::Function::record(&{:?}, {closure});{saved}", at[0]);
            format!("{record}\n{}", replays.join(" "))
        }
        &Action::Name(x, name) => format!("{}.named(\"n{name}\");", pick(x)),
        &Action::Ask(question, x) => format!("dbg!({}.{}());", pick(x), method(question)),
        Action::Count => "dbg!(graph::len());".to_string(),
        Action::Look { .. } => "// Here all gradients are compared.".to_string(),
        _ => unreachable!("{action:?} gives variables"),
    }
}

fn method(question: Question) -> &'static str {
    match question {
        Question::Grad => "grad",
        Question::Name => "name",
        Question::Op => "op",
        Question::Operands => "operands",
        Question::Text => "to_text",
        Question::Svg => "to_svg",
        Question::Dot => "to_dot",
    }
}

/// What a rule does beside its partials.
fn beside(rule: Rule) -> &'static str {
    match rule {
        Rule::Plain => "|_| ()",
        Rule::Records => "|_| drop((Var::new(0.5) * 2.0,))",
        Rule::Sweeps => "|_| graph::scope(|| { let t = Var::new(0.7); (t * t).backward() })",
        Rule::OpensScopes => "|x| graph::scope(|| { graph::scope(|| Var::new(0.5) * x[0]); })",
        Rule::Clears => "|x| if !(x[0].is_constant() && x[1].is_constant()) { graph::clear() }",
        Rule::Panics => "|x| assert!(x[0].is_constant() && x[1].is_constant())",
    }
}

/// A chain as a loop.
fn chain(link: Link, [x, y]: [String; 2], n: usize, keep: usize) -> String {
    let step = match link {
        Link::Sine => "s = s.sin();",
        Link::Number => "s = s + 0.001;",
        Link::Scale => "s = s * 0.999;",
        Link::Sum => "s = if i % 2 == 0 { s - y } else { s + y };",
        Link::Product => {
            "let p = y * (((i % 7) as f64 - 3.0) * 0.25); s = if i % 3 == 0 { p + s } else { s + p };"
        }
        Link::ScopedProduct => {
            "let p = y * (((i % 7) as f64 - 3.0) * 0.25); \
             graph::scope(|| { for _ in 0..i % 4 { Var::new(0.5); } if i % 29 == 3 { (y * y).backward(); } }); \
             s = if i % 3 == 0 { p + s } else { s + p };"
        }
        Link::Spiral => "s = (s * 0.5 + y * 0.5).sin();",
        Link::Mixed => {
            "s = match i % 5 { 0 => s.tanh(), 1 => s.mul_add(0.9, y), 2 => s.atan(), 3 => s.hypot(1.5), _ => 1.0 - s };"
        }
    };
    let kept = match link {
        Link::Product | Link::ScopedProduct => "kept.extend([p, s]);",
        _ => "kept.push(s);",
    };
    format!(
        "{{ let (mut s, y, mut kept) = ({x}, {y}, vec![]); \
         for i in 0..{n} {{ {step} if (i + 1) % {keep} == 0 {{ {kept} }} }} kept.push(s); kept }}"
    )
}
