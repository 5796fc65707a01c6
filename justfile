# The commands of a developer's day; `just` lists them.

default:
    @just --list

# What a submission must pass.
ci:
    .ci/run

demo:
    cargo run --release -- demo

test:
    cargo test --release --workspace

lint:
    cargo fmt --all --check
    cargo clippy --release --workspace --all-targets -- -D warnings

# Kill a run at random moments and compare its tree with an undisturbed one.
crash RECIPE="examples/web.toml" KILLS="10":
    tests/crash.py target/release/gristmill {{RECIPE}} --kills {{KILLS}}

# Speed and memory of the whole run; writes the table of docs/benchmarks.md.
bench:
    benches/run.py target/release/gristmill
