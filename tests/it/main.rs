//! The integration tests: one binary, a module for each claim.

mod accuracy;
mod check;
mod checkpoint;
mod derive;
mod draw;
mod dual;
mod edges;
mod function;
mod generic;
mod graph;
mod lesson;
mod programs;
mod readme;
mod rooms;
mod saved;
mod source;
mod sweep;
mod tape;
mod taylor;
mod values;
