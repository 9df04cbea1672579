//! The generated source computes what the recorded function computes, bit for bit.

use scalargrad::Var;
use scalargrad::function::Function;

/// Compiles the program and returns the words that it prints.
fn run_rust(name: &str, source: &str) -> Vec<String> {
    let directory = std::env::temp_dir().join(format!("scalargrad-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let (file, binary) = (directory.join("main.rs"), directory.join("main"));
    std::fs::write(&file, source).unwrap();
    let rustc = std::env::var_os("RUSTC").unwrap_or("rustc".into());
    let compiled = std::process::Command::new(rustc)
        .args([
            "--edition",
            "2021",
            "-D",
            "warnings",
            "-A",
            "dead_code",
            "-A",
            "unused_comparisons",
            "-o",
        ])
        .args([&binary, &file])
        .output()
        .unwrap();
    assert!(
        compiled.status.success(),
        "{}",
        String::from_utf8_lossy(&compiled.stderr)
    );
    let output = std::process::Command::new(&binary).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    std::fs::remove_dir_all(&directory).unwrap();
    String::from_utf8(output.stdout)
        .unwrap()
        .split_whitespace()
        .map(String::from)
        .collect()
}

/// Checks that the sources of functions compute what the functions compute, at all points.
fn check_sources(name: &str, functions: &[(Function, Vec<Vec<f64>>)]) {
    let (mut source, mut main, mut expected) = (String::new(), String::new(), Vec::new());
    let bits = |x: f64| {
        if x.is_nan() {
            "NaN".into()
        } else {
            format!("{:x}", x.to_bits())
        }
    };
    for (k, (function, points)) in functions.iter().enumerate() {
        source += &format!("mod m{k} {{\n{}}}\n", function.to_rust("f").unwrap());
        for x in points {
            let texts: Vec<String> = x
                .iter()
                .map(|x| format!("f64::from_bits({})", x.to_bits()))
                .collect();
            main += &format!("show(m{k}::f, [{}]);\n", texts.join(", "));
            let (value, gradient) = function.gradient(x).unwrap();
            expected.push((k, x, bits(value)));
            expected.extend(gradient.into_iter().map(|g| (k, x, bits(g))));
        }
    }
    source += &format!(
        "fn show<const N: usize>(f: fn(&[f64; N], &mut [f64; N]) -> f64, x: [f64; N]) {{
            let mut gradient = [0.0; N];
            let value = f(&x, &mut gradient);
            for x in std::iter::once(value).chain(gradient) {{
                if x.is_nan() {{ println!(\"NaN\") }} else {{ println!(\"{{:x}}\", x.to_bits()) }}
            }}
        }}
        fn main() {{\n{main}}}"
    );
    let found = run_rust(name, &source);
    assert_eq!(found.len(), expected.len());
    for (found, (k, x, expected)) in found.into_iter().zip(expected) {
        assert_eq!(
            found,
            expected,
            "at {x:?} of\n{}",
            functions[k].0.to_rust("f").unwrap()
        );
    }
}

#[test]
fn the_source_of_a_program_computes_what_the_program_does() {
    let run = |x: &[Var]| {
        let [a, b, c] = [
            x[0].named("learning rate"),
            x[1].named("fn"),
            x[2].named("x"),
        ];
        let mut y = scalargrad::norm(&[a, b, c])
            + scalargrad::log_sum_exp(x) * scalargrad::dot(x, &[b, c, 2.0.into()]);
        if a < b {
            y = (y * y - 1.5) / -c;
        }
        if c.partial_cmp(&0.0) == Some(std::cmp::Ordering::Greater) && !(a == c) {
            y += a.max(b).max(1.0) + b.max(b) + c.powi(-2) + a.powf(2.5) + scalargrad::sum(x);
        }
        y.named("y") + a.floor() + b.clamp(-1.0, c) - (a - 0.25)
    };
    let f = Function::record(&[0.5, 1.0, 2.0], run);
    let points = vec![
        vec![0.5, 1.0, 2.0],
        vec![-3.0, 1.0, 1.0],
        vec![0.25, 0.75, 1e-3],
    ];
    check_sources("program", &[(f, points)]);
    let identity = Function::record(&[0.5, 1.0], |x| x[1]);
    let constant = Function::record(&[0.5, 1.0], |_| Var::constant(-2.0));
    check_sources(
        "plain",
        &[
            (identity, vec![vec![1.0, 2.0]]),
            (constant, vec![vec![1.0, 2.0]]),
        ],
    );
}

#[cfg(feature = "proptest")]
#[test]
fn the_sources_of_random_programs_compute_what_the_programs_do() {
    use proptest::strategy::{Strategy, ValueTree};
    use proptest::test_runner::TestRunner;
    use scalargrad::strategy;

    let mut runner = TestRunner::deterministic();
    let programs = strategy::programs().inputs(2..=2).operations(1..=25);
    let mut functions = Vec::new();
    while functions.len() < 60 {
        let f = programs.new_tree(&mut runner).unwrap().current();
        let points: Vec<Vec<f64>> = (0..3)
            .map(|_| strategy::points(2).new_tree(&mut runner).unwrap().current())
            .collect();
        let recorded = Function::record(&points[0], |x| f.evaluate(x));
        match recorded.to_rust("f") {
            Ok(_) => functions.push((recorded, points)),
            Err(error) => assert!(error.to_string().contains("`libm`"), "{error}"),
        }
    }
    check_sources("random", &functions);
}
