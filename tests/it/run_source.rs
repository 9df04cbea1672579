//! Compiles generated source and compares what it computes with the replay.

use super::Function;

/// Compiles the program and returns the words that it prints.
fn run_rust(name: &str, source: &str) -> Vec<String> {
    let directory = std::env::temp_dir().join(format!("scalargrad-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let (file, binary) = (directory.join("main.rs"), directory.join("main"));
    std::fs::write(&file, source).unwrap();
    let rustc = std::env::var_os("RUSTC").unwrap_or("rustc".into());
    let compiled = std::process::Command::new(rustc)
        .args(["--edition", "2021", "-D", "warnings", "-A", "dead_code", "-A", "unused_comparisons", "-o"])
        .args([&binary, &file])
        .output()
        .unwrap();
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    let output = std::process::Command::new(&binary).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::remove_dir_all(&directory).unwrap();
    String::from_utf8(output.stdout).unwrap().split_whitespace().map(String::from).collect()
}

/// Checks that the sources of functions compute what the functions compute, at all points.
pub fn check_sources(name: &str, functions: &[(Function, Vec<Vec<f64>>)]) {
    let (mut source, mut main, mut expected) = (String::new(), String::new(), Vec::new());
    let bits = |x: f64| {
        if x.is_nan() { "NaN".into() } else { format!("{:x}", x.to_bits()) }
    };
    for (k, (function, points)) in functions.iter().enumerate() {
        source += &format!("mod m{k} {{\n{}}}\n", function.to_rust("f").unwrap());
        for x in points {
            let texts: Vec<String> = x.iter().map(|x| format!("f64::from_bits({})", x.to_bits())).collect();
            main += &format!("show(m{k}::f, [{}]);\n", texts.join(", "));
            expected.push((k, x, bits(function.value(x).unwrap())));
            let row = function.sparse_jacobian(x).unwrap().to_dense();
            expected.extend(row.as_slice().iter().map(|&g| (k, x, bits(g))));
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
        assert_eq!(found, expected, "at {x:?} of\n{}", functions[k].0.to_rust("f").unwrap());
    }
}
