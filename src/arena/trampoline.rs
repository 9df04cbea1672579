//! A call that touches no register, for a cold branch in the middle of arithmetic.
//!
//! No floating-point register survives a call, so a plain one makes the compiler keep the numbers around it
//! in memory, on the hot path too: 23 ns instead of 15 for `x = sin(x)*a + x*b`.

use super::raw::{SLACK, arena};

/// Makes room in this thread's arena for one operation, or says in `refusal` why not.
extern "sysv64" fn grow_for_write() {
    let arena = arena();
    arena.refusal.set(arena.grow(SLACK).err());
}

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

/// Calls [`grow_for_write`] as if it were one instruction that touches no register: on the cold branch of a write,
/// which is in the middle of the user's arithmetic.
#[cold]
#[inline(always)]
pub(super) fn grow_preserving_registers() {
    #[cfg(all(target_arch = "x86_64", not(target_feature = "avx512f"), not(miri)))]
    {
        #[unsafe(naked)]
        extern "sysv64" fn trampoline() {
            std::arch::naked_asm!(
                "push rbp",
                "mov rbp, rsp",
                "push rax\npush rcx\npush rdx\npush rsi\npush rdi\npush r8\npush r9\npush r10\npush r11",
                "sub rsp, 512 + 8",
                "and rsp, -16",
                vectors!(save),
                "call {target}",
                vectors!(restore),
                "lea rsp, [rbp - 72]",
                "pop r11\npop r10\npop r9\npop r8\npop rdi\npop rsi\npop rdx\npop rcx\npop rax",
                "pop rbp",
                "ret",
                target = sym grow_for_write,
            )
        }
        // SAFETY: the trampoline restores every register that it or its callee, which does not unwind, may
        // change, and keeps the stack aligned for the call. Without the option `nostack` the compiler keeps no
        // red zone here.
        unsafe { std::arch::asm!("call {}", sym trampoline) }
    }
    #[cfg(not(all(target_arch = "x86_64", not(target_feature = "avx512f"), not(miri))))]
    grow_for_write();
}
