//! Strategies for property tests: points and random differentiable programs.
