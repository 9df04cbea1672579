//! `approx`: comparisons within a tolerance, by value.
