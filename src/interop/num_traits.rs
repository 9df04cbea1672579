//! `num-traits`: generic code over `Float` runs on `Var`.
