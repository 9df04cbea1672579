//! The same program on several threads at once.
//!
//! With the feature `nalgebra` handles go from thread to thread, where each is a number and no more. Without it the type
//! system does not let them.

use super::machine::{Registers, run};
use super::naive::{Fate, Handle};
use super::program::Action;
use super::side::Side;
use super::state::Model;
use super::story::{Heard, Story, Told};
use super::subject::Subject;
use scalargrad::Var;
use std::sync::Barrier;

/// Whether handles go to other threads.
const TRAVELS: bool = cfg!(feature = "nalgebra");

/// The handles that a thread gives back.
fn given_back<V: Copy>(registers: &Registers<V>) -> Vec<V> {
    let last = registers.0.iter().filter_map(|row| row.last());
    last.copied().take(3).collect()
}

impl Model {
    /// A model of another thread, which has these handles in its first register.
    pub fn of_another_thread(handles: &[Handle]) -> (Model, Registers<Handle>) {
        let mut model = Model::new();
        // Each has an epoch of its own, so that it is known when it comes back.
        let there = |(k, &x): (usize, &Handle)| match x.is_constant() {
            true => x,
            false => Handle { epoch: k + 1, ..x },
        };
        let handles: Vec<Handle> = (handles.iter().enumerate()).filter(|_| TRAVELS).map(there).collect();
        model.tape.fates.extend(handles.iter().map(|_| Fate::Foreign));
        (model, Registers(vec![handles]))
    }

    pub fn on_threads(&mut self, copies: usize, handles: &[Handle], actions: &[Action]) -> Told<Vec<Handle>> {
        let (mut model, mut registers) = Model::of_another_thread(handles);
        model.attempt(|model| run(model, &mut registers, actions));
        for _ in 0..copies {
            model.facts.iter().for_each(|fact| self.tell(fact.clone()));
        }
        self.outcomes.extend(model.outcomes);
        self.operations += copies * model.operations;
        self.swept_over += copies * model.swept_over;
        let epoch = self.tape.fates.len();
        self.tape.fates.push(Fate::Foreign);
        let here = |x: Handle| match x.is_constant() {
            true => x,
            false if x.epoch.wrapping_sub(1) < handles.len() => handles[x.epoch - 1],
            false => Handle { epoch, ..x },
        };
        Ok(match TRAVELS {
            true => given_back(&registers).into_iter().map(here).collect(),
            false => Vec::new(),
        })
    }
}

impl Subject {
    pub fn on_threads(&mut self, copies: usize, handles: &[Var], actions: &[Action]) -> Vec<Var> {
        let start = &Barrier::new(copies);
        #[cfg(feature = "nalgebra")]
        let handles = handles.to_vec();
        #[cfg(not(feature = "nalgebra"))]
        let handles = {
            let _ = handles;
            Vec::<Sent>::new()
        };
        let told = std::thread::scope(|scope| {
            let thread = |_| {
                let handles = handles.clone();
                scope.spawn(move || {
                    start.wait();
                    tell(actions, handles)
                })
            };
            let threads: Vec<_> = (0..copies).map(thread).collect();
            let ended = threads.into_iter().map(|thread| thread.join().expect("its panics are told"));
            ended.collect::<Vec<_>>()
        });
        let mut given = Vec::new();
        for (heard, back) in told {
            heard.into_iter().for_each(|heard| self.hear(heard));
            given = back;
        }
        given.into_iter().map(received).collect()
    }
}

/// A handle on its way to another thread.
#[cfg(feature = "nalgebra")]
type Sent = Var;
#[cfg(not(feature = "nalgebra"))]
type Sent = std::convert::Infallible;

#[cfg(feature = "nalgebra")]
fn received(x: Sent) -> Var {
    x
}
#[cfg(not(feature = "nalgebra"))]
fn received(x: Sent) -> Var {
    match x {}
}

/// What a thread tells, and the handles that it gives back.
fn tell(actions: &[Action], handles: Vec<Sent>) -> (Vec<Heard>, Vec<Sent>) {
    let mut subject = Subject::new(Story::keeping());
    let mut registers = Registers(vec![handles.into_iter().map(received).collect()]);
    subject.attempt(|subject| run(subject, &mut registers, actions));
    let heard = subject.story.borrow_mut().kept.take().unwrap_or_default();
    #[cfg(feature = "nalgebra")]
    let back = given_back(&registers);
    #[cfg(not(feature = "nalgebra"))]
    let back = Vec::new();
    (heard, back)
}
