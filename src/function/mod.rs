//! Functions recorded once.
