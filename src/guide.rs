//! A guide in short chapters. Every example in it is compiled and run by the tests.
//!
//! | you | read |
//! |---|---|
//! | know micrograd | [`from_micrograd`] |
//! | know PyTorch or JAX | [`from_pytorch_or_jax`] |
//! | ask which of the ways to a gradient is the fast one | [`which_way`] |
//! | train something, or simulate, in a loop | [`memory`] |
//! | have a gradient that is NaN, zero or wrong, or a graph that grows | [`troubleshooting`] |
//! | compute at zeros, kinks, poles and infinities | [`edges`] |
//! | need second derivatives, or higher ones | [`higher_order`] |
//! | use matrices | [`linear_algebra`] |
//! | want tests for gradients | [`testing`] |

macro_rules! chapters {
    ($($name:ident $file:literal;)*) => { $(
        #[doc = include_str!($file)]
        pub mod $name {}
    )* };
}

chapters! {
    from_micrograd "guide/from_micrograd.md";
    from_pytorch_or_jax "guide/from_pytorch_or_jax.md";
    which_way "guide/which_way.md";
    memory "guide/memory.md";
    troubleshooting "guide/troubleshooting.md";
    edges "guide/edges.md";
    higher_order "guide/higher_order.md";
    linear_algebra "guide/linear_algebra.md";
    testing "guide/testing.md";
}
