//! The gradient of one loss by several processes, which speak MPI.
//!
//! `cargo run --release -p cluster`
//!
//! Started like that it starts itself under `mpirun` with 1, 2 and 4 processes. It may also be started so by hand:
//! `mpirun --oversubscribe -n 4 target/release/cluster`.

mod task;
mod worker;

use demo::{About, Figure, Outcome, Panel, Run, Setting, palette};
use mpi::traits::*;
use std::io::{BufRead, BufReader};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const ABOUT: About = About {
    name: "cluster",
    text: "A network trained by several processes: a recorded function is sent to all of them, the rows are split, and an \
           allreduce adds the gradient.",
    folder: env!("CARGO_MANIFEST_DIR"),
    settings: &[
        Setting { name: "ranks", default: 4, quick: 2, help: "processes, at most" },
        Setting { name: "rows", default: 40_000, quick: 4_000, help: "rows of data" },
        Setting { name: "steps", default: 30, quick: 10, help: "steps of the training" },
        Setting { name: "failing", default: NOBODY, quick: NOBODY, help: "the process that is to fail on purpose" },
    ],
};

const NOBODY: u64 = demo::NONE;

fn main() -> ExitCode {
    if std::env::var_os("OMPI_COMM_WORLD_SIZE").is_none() && std::env::var_os("PMI_SIZE").is_none() {
        return demo::run(&ABOUT, start);
    }
    let universe = mpi::initialize().expect("MPI starts once");
    let world = universe.world();
    let work = |run: &Run| {
        // A process that ends alone would leave the others waiting: it ends them all.
        let done = catch_unwind(AssertUnwindSafe(|| worker::work(run, &world)));
        if let Ok(Err(error)) = &done {
            eprintln!("error: rank {}: {error}", world.rank());
        }
        match done {
            Ok(Ok(())) => Ok(()),
            _ => world.abort(1),
        }
    };
    demo::run_as(&ABOUT, world.rank() == 0, work)
}

/// What a run with so many processes has told.
struct Told {
    ranks: u64,
    digest: String,
    computing: f64,
    communicating: f64,
}

fn start(run: &Run) -> Outcome {
    let mut told = Vec::new();
    let counts = (0..).map(|k| 1 << k).take_while(|n| *n <= run.setting("ranks"));
    for ranks in counts {
        let mut child = mpirun(run, ranks, run.setting("steps"), NOBODY)?;
        for line in BufReader::new(child.stdout.take().expect("a pipe")).lines() {
            let line = line?;
            match line.strip_prefix(worker::RESULT).map(|line| line.split_whitespace().collect::<Vec<_>>()) {
                Some(words) => told.push(Told {
                    ranks: words[0].parse()?,
                    digest: words[1].into(),
                    computing: words[2].parse()?,
                    communicating: words[3].parse()?,
                }),
                None if line.starts_with(ABOUT.text) || line.starts_with("done in") || line.is_empty() => {}
                None => println!("{line}"),
            }
        }
        run.check("all of its processes end well", child.wait()?.success());
        println!();
    }
    let same = told.windows(2).all(|pair| pair[0].digest == pair[1].digest);
    run.check("five steps in order give the same bits with every number of processes", same);

    println!("\nA process that fails:");
    let mut child = mpirun(run, 2, 4, 1)?;
    let ended = wait(&mut child, Duration::from_secs(60))?;
    run.check("the run ends with an error, and does not hang", ended == Some(false));

    println!("\nDrawing:");
    let bars = |seconds: fn(&Told) -> f64, shift: f64| {
        let bar = |(k, t): (usize, &Told)| (k as f64 + shift, seconds(t));
        told.iter().enumerate().map(bar).collect::<Vec<_>>()
    };
    let highest = told.iter().map(|t| t.computing.max(t.communicating)).fold(0.0, f64::max);
    let panel = Panel::new("Time of the slowest process", "processes", "seconds")
        .range(-0.7..told.len() as f64 - 0.3, 0.0..1.25 * highest)
        .categories(told.iter().map(|t| t.ranks.to_string()))
        .bars("computing", palette::BLUE, 0.35, bars(|t| t.computing, -0.18))
        .bars("communicating and waiting", palette::ORANGE, 0.35, bars(|t| t.communicating, 0.18));
    run.picture("cluster", &Figure::new(640, 400, 1).panel(panel))
}

/// Starts this program again, as several processes.
fn mpirun(run: &Run, ranks: u64, steps: u64, failing: u64) -> Result<Child, Box<dyn std::error::Error>> {
    let is_silent = failing != NOBODY;
    let child = Command::new("mpirun")
        .args(["--oversubscribe", "-n", &ranks.to_string()])
        .arg(std::env::current_exe()?)
        .args(["--rows", &run.setting("rows").to_string()])
        .args(["--steps", &steps.to_string()])
        .args(["--failing", &failing.to_string()])
        .args(run.is_quick.then_some("--quick"))
        // Open MPI asks for these from the administrator, who is the user in a container.
        .env("OMPI_ALLOW_RUN_AS_ROOT", "1")
        .env("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")
        .stdin(Stdio::null())
        .stdout(if is_silent { Stdio::null() } else { Stdio::piped() })
        .stderr(if is_silent { Stdio::null() } else { Stdio::inherit() })
        .spawn();
    child.map_err(|error| {
        format!("`mpirun` cannot be started ({error}): install Debian's openmpi-bin, or its like").into()
    })
}

/// Whether a process ended well; nothing if it still runs after so long, which ends it.
fn wait(child: &mut Child, longest: Duration) -> std::io::Result<Option<bool>> {
    let start = Instant::now();
    while start.elapsed() < longest {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status.success()));
        }
        thread::sleep(Duration::from_millis(50));
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}
