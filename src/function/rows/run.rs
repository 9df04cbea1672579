//! A run over all rows.

use super::back::Wanted;
use super::plans::Engine;
use super::task::{Job, Out, Sums, Trip};
use std::sync::atomic::AtomicUsize;

impl Engine {
    /// Runs all rows; those whose guards trip are told of, and give nothing to the sums.
    pub(super) fn run(
        &self,
        shared: &[f64],
        data: &[f64],
        wanted: Option<Wanted>,
        out: Out<'_>,
    ) -> (Sums, Vec<f64>) {
        let rows = data.len() / self.row_len();
        let mut gradient = vec![0.0; self.shared];
        if rows == 0 {
            return (Sums::default(), gradient);
        }
        let common = self.common(shared, wanted);
        if let Some(guard) = common.trip {
            let trips = (0..rows).map(|row| Trip { row, guard }).collect();
            let sums = Sums {
                trips,
                ..Sums::default()
            };
            return (sums, gradient);
        }
        let job = Job {
            rows: self,
            common: &common,
            data,
            wanted,
            done: AtomicUsize::new(0),
        };
        let mut sums = job.run(0..rows, out);
        // Those of a block come in the order of the guards.
        sums.trips.sort_by_key(|trip| trip.row);
        if wanted == Some(Wanted::Sum) {
            gradient = self.finish(&common, &sums.totals);
        }
        (sums, gradient)
    }
}
