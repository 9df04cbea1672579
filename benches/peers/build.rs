//! Builds the hand-written gradients in C, and notes the compilers for the report.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=c");
    let mut build = cc::Build::new();
    build.file("c/handwritten.c").opt_level(3).compile("handwritten");

    let rustc = Command::new(env::var_os("RUSTC").expect("set by cargo"));
    println!("cargo::rustc-env=RUSTC_VERSION={}", version(rustc));
    println!("cargo::rustc-env=CC_VERSION={}", version(build.get_compiler().to_command()));
}

/// The first line that a compiler says about itself.
fn version(mut compiler: Command) -> String {
    let said = compiler.arg("--version").output().map(|output| output.stdout);
    let said = String::from_utf8(said.unwrap_or_default()).unwrap_or_default();
    said.lines().next().unwrap_or("unknown").to_owned()
}
