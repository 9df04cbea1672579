//! A loss through the integrator.

use crate::model::{State, step};
use scalargrad::{Var, advance};

/// How the model meets its data, for six logarithms: prey and predators of the first year, and the four rates.
pub struct Fit<'a> {
    pub data: &'a [[f64; 2]],
    pub steps_per_year: usize,
    /// How many steps of a year are in memory at once; all of them if `None`.
    pub at_once: Option<usize>,
}

impl Fit<'_> {
    /// The sum of the squared relative errors, in logarithms.
    pub fn loss(&self, logarithms: &[Var]) -> Var {
        let h = 1.0 / self.steps_per_year as f64;
        let mut state: Vec<Var> = logarithms.iter().map(|x| x.exp()).collect();
        let mut loss = Var::from(0.0);
        for (year, seen) in self.data.iter().enumerate() {
            if year > 0 {
                state = self.year(&state, h);
            }
            for (x, seen) in state.iter().zip(seen) {
                loss += (x / seen).ln().powi(2);
            }
        }
        loss
    }

    fn year(&self, state: &[Var], h: f64) -> Vec<Var> {
        let one = move |state: &[Var]| {
            let state: State<Var> = state.try_into().expect("six numbers");
            step(state, h).to_vec()
        };
        match self.at_once {
            Some(at_once) => advance(state, self.steps_per_year, at_once, move |_, s| one(s)),
            None => (0..self.steps_per_year).fold(state.to_vec(), |state, _| one(&state)),
        }
    }
}
