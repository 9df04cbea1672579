# The recipes of this project; `just` alone lists them.
default:
    @just --list

# Everything that is checked before a change lands.
ci:
    .ci/run

# The tests, as a user runs them.
test:
    cargo test

# The documentation, in a browser.
doc:
    cargo doc --all-features --no-deps --open

# The quick example.
quickstart:
    cargo run --release --example quickstart

# The measurements of benches/RESULTS.md.
peers:
    cargo run --release -p peers
