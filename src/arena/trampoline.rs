//! A call that touches no register, for the cold branch of a write to the arena.

use std::arch::naked_asm;

/// The vector registers, moved to the stack or back with the widest instruction that the crate
/// is compiled for: what is wider, the compiler does not use either.
macro_rules! moves {
    ($mov:literal, $width:literal, $register:literal, $save:ident: $($i:literal)*) => {
        concat!($( moves!(@$save $mov, $width, $register, $i), )*)
    };
    (@save $mov:literal, $width:literal, $register:literal, $i:literal) => {
        concat!($mov, " [rsp + ", $i, "*", $width, "], ", $register, $i, "\n")
    };
    (@restore $mov:literal, $width:literal, $register:literal, $i:literal) => {
        concat!($mov, " ", $register, $i, ", [rsp + ", $i, "*", $width, "]\n")
    };
}
#[cfg(not(target_feature = "avx"))]
macro_rules! vectors {
    ($way:ident) => { moves!("movups", "16", "xmm", $way: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15) };
}
#[cfg(target_feature = "avx")]
macro_rules! vectors {
    ($way:ident) => { moves!("vmovups", "32", "ymm", $way: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15) };
}

/// Saves every register that a call may change, grows, and restores them.
///
/// `grow_for_write` does not unwind: it leaves word of a failure, and the caller panics.
#[unsafe(naked)]
pub(super) extern "sysv64" fn grow() {
    naked_asm!(
        "push rbp",
        "mov rbp, rsp",
        "push rax\npush rcx\npush rdx\npush rsi\npush rdi\npush r8\npush r9\npush r10\npush r11",
        "sub rsp, 512 + 8",
        "and rsp, -16",
        vectors!(save),
        "call {grow}",
        vectors!(restore),
        "lea rsp, [rbp - 72]",
        "pop r11\npop r10\npop r9\npop r8\npop rdi\npop rsi\npop rdx\npop rcx\npop rax",
        "pop rbp",
        "ret",
        grow = sym super::grow_for_write,
    )
}
