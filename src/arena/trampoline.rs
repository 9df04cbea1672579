//! Calls that touch no register, for cold branches in the middle of arithmetic.
//!
//! No floating-point register survives a call, so a plain one makes the compiler keep the numbers around it
//! in memory, on the hot path too: 23 ns instead of 15 for `x = sin(x)*a + x*b`.

/// Makes a function that calls another one as if it were one instruction that touches no register.
///
/// The function called takes nothing, and does not unwind.
macro_rules! preserving_registers {
    ($(#[$doc:meta])* fn $name:ident() => $target:path;) => {
        $(#[$doc])*
        #[cold]
        #[inline(always)]
        pub(super) fn $name() {
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
                        target = sym $target,
                    )
                }
                // SAFETY: the trampoline restores every register it or its callee may change, and keeps the
                // stack aligned for the call. Without the option `nostack` the compiler keeps no red zone here.
                unsafe {
                    std::arch::asm!("call {}", sym trampoline)
                }
            }
            #[cfg(not(all(target_arch = "x86_64", not(target_feature = "avx512f"), not(miri))))]
            $target();
        }
    };
}
pub(super) use preserving_registers;

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
