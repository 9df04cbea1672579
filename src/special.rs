//! The functions that `f64` lacks, as plain numbers in and out.
//!
//! Accurate over the whole domain, free of overflow on the way, exact at zeros, poles and infinities;
//! NaN in gives NaN out. Errors quoted are the worst seen against 50-digit values, in units of 2⁻⁵³,
//! relative; close to a zero of the function that is not an `f64`, they are absolute, and below the
//! smallest normal number they are in units of 2⁻¹⁰⁷⁴. "DLMF" is the NIST Digital Library of Mathematical Functions.

mod exponential;
mod gamma;
mod normal;
mod sinc;
mod vector;
mod vectorised;

#[cfg(test)]
mod tests;

pub use exponential::{
    clamp, exp_sub, leaky_relu, logaddexp, max, min, relu, sech_squared, sigmoid, silu, softplus, xlogy,
};
pub use gamma::{digamma, gamma, ln_gamma, polygamma};
pub use normal::{erf, erfc, exp_neg_square, gelu, normal_cdf, normal_pdf};
pub use sinc::{sinc, sinc_derivative};
pub use vector::{dot, inversion, log_sum_exp, log_sum_exp_with, norm, norm_scale};
pub use vectorised::{has_simple_partial, is_simple, is_vectorised, vectorised};
