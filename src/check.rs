//! Derivatives against finite differences, with an honest report.
