//! One of the processes.

use crate::task::{self, BLOCKS, WIDTH, add, blocks_of_rank, rows_of_block, sum_over};
use demo::{Outcome, Run};
use mpi::Count;
use mpi::collective::SystemOperation;
use mpi::datatype::{Partition, PartitionMut};
use mpi::topology::SimpleCommunicator;
use mpi::traits::*;
use scalargrad::Function;
use scalargrad::function::Rows;
use scalargrad::nn::{Module, Sgd};
use std::error::Error;
use std::time::{Duration, Instant};

/// The mark of the line that tells the starting process what was found.
pub const RESULT: &str = "=";

/// Where the time of a process goes.
#[derive(Default)]
struct Clock {
    computing: Duration,
    /// Waiting for the others is part of it.
    communicating: Duration,
}

struct Process<'a> {
    world: &'a SimpleCommunicator,
    /// The sent function of one row, over rows.
    function: Rows,
    /// The rows of the blocks of this process.
    mine: Vec<f64>,
    rows: usize,
    clock: Clock,
}

pub fn work(run: &Run, world: &SimpleCommunicator) -> Outcome {
    let (rows, steps) = (run.setting("rows") as usize, run.setting("steps"));
    let (rank, ranks) = (world.rank() as usize, world.size() as usize);
    if ranks > BLOCKS {
        return Err(format!("there are {BLOCKS} blocks, and so no work for {ranks} processes").into());
    }
    let (function, bytes) = share_function(world)?;
    let mine = share_rows(world, rows);
    run.say(&format!(
        "{ranks} processes: a function of {} operations was sent in {bytes} bytes, and {rows} rows were split",
        function.operations()
    ));
    let clock = Clock::default();
    let mut process =
        Process { world, function: function.over_rows(task::network().parameters().len()), mine, rows, clock };

    let mut losses = Vec::new();
    let parameters = train(&mut process, steps, |process, p| {
        if losses.len() as u64 == steps / 2 && rank as u64 == run.setting("failing") {
            return Err("this process fails on purpose".into());
        }
        let sum = process.reduced(p)?;
        losses.push(sum[0]);
        Ok(sum)
    })?;
    let slowest = process.times(run);
    let (first, last) = (losses[0], losses[losses.len() - 1]);
    run.say(&format!("  loss {first:.5} → {last:.5} in {steps} steps"));

    // In another order of additions, and in the same one by this process alone.
    let (reduced, ordered) = (process.reduced(&parameters)?, process.ordered(&parameters)?);
    let largest = ordered.iter().map(|g| g.abs()).fold(0.0, f64::max);
    let off = reduced.iter().zip(&ordered).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    run.check("the allreduce adds the blocks but for rounding", off <= 1e-13 * largest);
    if rank == 0 {
        let all = task::rows(rows);
        let mut alone = vec![0.0; ordered.len()];
        for block in 0..BLOCKS {
            let part = rows_of_block(block, rows);
            add(&mut alone, &sum_over(&process.function, &parameters, &all[part.start * WIDTH..part.end * WIDTH])?);
        }
        alone.iter_mut().for_each(|x| *x /= rows as f64);
        run.check("added in order they are what one process finds, bit for bit", alone == ordered);
    }
    let digest = digest(&train(&mut process, 5, |process, p| process.ordered(p))?);
    let (mut low, mut high) = (0, 0);
    world.all_reduce_into(&digest, &mut low, SystemOperation::min());
    world.all_reduce_into(&digest, &mut high, SystemOperation::max());
    run.check("all processes have the same parameters", low == high);
    run.say(&format!("{RESULT} {ranks} {digest} {} {} {last}", slowest[0], slowest[1]));
    Ok(())
}

/// Sends the recorded function from the first process to all.
fn share_function(world: &SimpleCommunicator) -> Result<(Function, usize), Box<dyn Error>> {
    let root = world.process_at_rank(0);
    let mut saved = match world.rank() {
        0 => serde_json::to_vec(&task::record())?,
        _ => Vec::new(),
    };
    let mut length = saved.len() as u64;
    root.broadcast_into(&mut length);
    saved.resize(length as usize, 0);
    root.broadcast_into(&mut saved[..]);
    Ok((serde_json::from_slice(&saved)?, saved.len()))
}

/// Sends to each process the rows of its blocks.
fn share_rows(world: &SimpleCommunicator, rows: usize) -> Vec<f64> {
    let ranks = world.size() as usize;
    let start = |block: usize| rows_of_block(block, rows).start * WIDTH;
    let range = |rank: usize| {
        let blocks = blocks_of_rank(rank, ranks);
        start(blocks.start)..start(blocks.end)
    };
    let mut mine = vec![0.0; range(world.rank() as usize).len()];
    let root = world.process_at_rank(0);
    if world.rank() == 0 {
        let counts: Vec<Count> = (0..ranks).map(|r| range(r).len() as Count).collect();
        let starts: Vec<Count> = (0..ranks).map(|r| range(r).start as Count).collect();
        let all = task::rows(rows);
        root.scatter_varcount_into_root(&Partition::new(&all[..], counts, starts), &mut mine[..]);
    } else {
        root.scatter_varcount_into(&mut mine[..]);
    }
    mine
}

/// Gradient descent with momentum: every process takes the same steps.
fn train(
    process: &mut Process,
    steps: u64,
    mut gradient: impl FnMut(&mut Process, &[f64]) -> Result<Vec<f64>, Box<dyn Error>>,
) -> Result<Vec<f64>, Box<dyn Error>> {
    let mut p = task::network().parameters().to_vec();
    let mut sgd = Sgd::new(&p, 0.2, 0.8);
    for _ in 0..steps {
        let sum = gradient(process, &p)?;
        sgd.step(&mut p, &sum[1..]);
    }
    Ok(p)
}

impl Process<'_> {
    /// The sums of each block of this process, one after the other.
    fn blocks(&mut self, parameters: &[f64]) -> Result<Vec<f64>, Box<dyn Error>> {
        let start = Instant::now();
        let blocks = blocks_of_rank(self.world.rank() as usize, self.world.size() as usize);
        let (mut sums, mut rest) = (Vec::new(), &self.mine[..]);
        for block in blocks {
            let rows;
            (rows, rest) = rest.split_at(rows_of_block(block, self.rows).len() * WIDTH);
            sums.extend(sum_over(&self.function, parameters, rows)?);
        }
        self.clock.computing += start.elapsed();
        Ok(sums)
    }

    /// The mean loss and its gradient by an allreduce, which adds in an order of its own.
    fn reduced(&mut self, parameters: &[f64]) -> Result<Vec<f64>, Box<dyn Error>> {
        let blocks = self.blocks(parameters)?;
        let mut mine = vec![0.0; parameters.len() + 1];
        blocks.chunks_exact(mine.len()).for_each(|block| add(&mut mine, block));
        let start = Instant::now();
        let mut total = vec![0.0; mine.len()];
        self.world.all_reduce_into(&mine[..], &mut total[..], SystemOperation::sum());
        self.clock.communicating += start.elapsed();
        total.iter_mut().for_each(|x| *x /= self.rows as f64);
        Ok(total)
    }

    /// The same, with the blocks of all processes added in their order.
    fn ordered(&mut self, parameters: &[f64]) -> Result<Vec<f64>, Box<dyn Error>> {
        let mine = self.blocks(parameters)?;
        let (ranks, n) = (self.world.size() as usize, parameters.len() + 1);
        let counts: Vec<Count> = (0..ranks).map(|r| (blocks_of_rank(r, ranks).len() * n) as Count).collect();
        let starts: Vec<Count> = (0..ranks).map(|r| (blocks_of_rank(r, ranks).start * n) as Count).collect();
        let mut all = vec![0.0; BLOCKS * n];
        let mut parts = PartitionMut::new(&mut all[..], counts, starts);
        self.world.all_gather_varcount_into(&mine[..], &mut parts);
        let mut total = vec![0.0; n];
        all.chunks_exact(n).for_each(|block| add(&mut total, block));
        total.iter_mut().for_each(|x| *x /= self.rows as f64);
        Ok(total)
    }

    /// Prints the times of all processes; gives those of the process that computed longest.
    fn times(&self, run: &Run) -> [f64; 2] {
        let mine = [self.clock.computing, self.clock.communicating].map(|t| t.as_secs_f64());
        let mut all = vec![0.0f64; 2 * self.world.size() as usize];
        self.world.all_gather_into(&mine[..], &mut all[..]);
        for (rank, t) in all.chunks_exact(2).enumerate() {
            let share = 100.0 * t[1] / (t[0] + t[1]);
            run.say(&format!(
                "  rank {rank}: {:7.3} s computing, {:7.3} s communicating and waiting ({share:.0} %)",
                t[0], t[1]
            ));
        }
        let longest = all.chunks_exact(2).max_by(|a, b| a[0].total_cmp(&b[0])).expect("a process");
        [longest[0], longest[1]]
    }
}

/// A number that tells whether parameters are the same, bit for bit.
fn digest(x: &[f64]) -> u64 {
    let add = |digest: u64, x: &f64| (digest ^ x.to_bits()).wrapping_mul(0x0100_0000_01b3).rotate_left(23);
    x.iter().fold(0xcbf2_9ce4_8422_2325, add)
}
