//! A call that touches no register but the flags, for a cold branch in the middle of arithmetic.
//!
//! The compiler assumes that `asm!` changes the flags, unless it is given the option `preserves_flags`.
//!
//! No floating-point register survives a call, so a plain one makes the compiler keep the numbers around it
//! in memory, on the hot path too: 23 ns instead of 15 for `x = sin(x)*a + x*b`.

use super::raw::{SLACK, arena};
#[cfg(all(target_arch = "x86_64", not(miri)))]
use std::sync::atomic::AtomicU32;

/// Makes room in this thread's arena for one operation, or says in `no_room` why not.
fn grow_for_write() {
    #[cfg(all(test, target_arch = "x86_64", not(miri)))]
    if std::is_x86_feature_detected!("avx") {
        // SAFETY: the processor has the instruction.
        unsafe { tests::destroy() };
    }
    let arena = arena();
    arena.no_room.set(arena.grow(SLACK).err());
}

/// [`grow_for_write`], as the assembly calls it.
#[cfg(all(target_arch = "x86_64", not(miri)))]
extern "sysv64" fn grow_for_trampoline() {
    grow_for_write();
}

/// The registers that `xsave64` saves, as bits of the processor's register XCR0: those of x87, SSE, AVX, AVX-512 and APX.
#[cfg(all(target_arch = "x86_64", not(miri)))]
const STATES: u32 = 0b1110_0111 | 1 << 19;

/// The bytes that `xsave64` writes at most: 512 if the processor has only `fxsave64`, and 0 if nobody asked it yet.
#[cfg(all(target_arch = "x86_64", not(miri)))]
static AREA: AtomicU32 = AtomicU32::new(0);

/// Calls [`grow_for_write`], and leaves all registers as they are.
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[unsafe(naked)]
extern "sysv64" fn trampoline() {
    std::arch::naked_asm!(
        "push rbp",
        "mov rbp, rsp",
        "push rax\npush rcx\npush rdx\npush rbx\npush rsi\npush rdi\npush r8\npush r9\npush r10\npush r11",
        "mov eax, dword ptr [rip + {area}]",
        "test eax, eax",
        "jnz 3f",
        // Does the system save more than `fxsave64` does? If so, how much is it?
        "mov eax, 1\nxor ecx, ecx\ncpuid",
        "mov r8d, 512",
        "bt ecx, 27",
        "jnc 2f",
        "mov eax, 13\nxor ecx, ecx\ncpuid",
        "mov r8d, ebx",
        "2:",
        "mov eax, r8d",
        "mov dword ptr [rip + {area}], eax",
        // Room on the stack, page by page, so that none is skipped if there is no more.
        "3:",
        "mov rcx, rax",
        "4:",
        "cmp rcx, 4096",
        "jb 5f",
        "sub rsp, 4096",
        "or qword ptr [rsp], 0",
        "sub rcx, 4096",
        "jmp 4b",
        "5:",
        "sub rsp, rcx",
        "and rsp, -64",
        "cmp eax, 512",
        "ja 6f",
        "fxsave64 [rsp]",
        "call {target}",
        "fxrstor64 [rsp]",
        "jmp 7f",
        "6:",
        // The header of the area must be zero before.
        "xor eax, eax",
        "mov [rsp + 512], rax\nmov [rsp + 520], rax\nmov [rsp + 528], rax\nmov [rsp + 536], rax",
        "mov [rsp + 544], rax\nmov [rsp + 552], rax\nmov [rsp + 560], rax\nmov [rsp + 568], rax",
        "mov eax, {states}\nxor edx, edx\nxsave64 [rsp]",
        "call {target}",
        "mov eax, {states}\nxor edx, edx\nxrstor64 [rsp]",
        "7:",
        "lea rsp, [rbp - 80]",
        "pop r11\npop r10\npop r9\npop r8\npop rdi\npop rsi\npop rbx\npop rdx\npop rcx\npop rax",
        "pop rbp",
        "ret",
        area = sym AREA,
        states = const STATES,
        target = sym grow_for_trampoline,
    )
}

/// Calls [`grow_for_write`] as if it were one instruction that touches no register but the flags: on the cold branch of a write,
/// which is in the middle of the user's arithmetic.
///
/// That arithmetic may use registers that this crate was not compiled for: it may stand in a function with
/// `#[target_feature]`, or in a crate that is compiled for another processor. So what is saved is what the processor has,
/// and not what the compiler may use here.
#[cold]
#[inline(always)]
pub(super) fn grow_preserving_registers() {
    // SAFETY: the trampoline restores every register that it or its callee, which does not unwind, may change, but for the flags,
    // which `asm!` clobbers without the option `preserves_flags`. It keeps the stack aligned for the call. Without the option
    // `nostack` the compiler keeps no red zone here.
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    unsafe {
        std::arch::asm!("call {}", sym trampoline)
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    grow_for_write();
}

#[cfg(all(test, target_arch = "x86_64", not(miri)))]
mod tests {
    use super::trampoline;
    use std::arch::{asm, x86_64::_mm256_zeroall};

    #[target_feature(enable = "avx")]
    pub(super) fn destroy() {
        _mm256_zeroall();
    }

    #[test]
    fn a_call_leaves_the_widest_registers_as_they_are() {
        if std::is_x86_feature_detected!("avx") {
            // The arena of a thread that has no graph is not given back when the thread ends.
            let on_a_thread = || {
                call_and_compare();
                crate::arena::arena().retire(0);
            };
            std::thread::spawn(on_a_thread).join().unwrap();
        }
    }

    fn call_and_compare() {
        let before: [f64; 8] = std::array::from_fn(|k| k as f64 + 0.5);
        let mut after = [0.0; 8];
        // SAFETY: the processor has these registers, and the call leaves all others as they are.
        unsafe {
            asm!(
                "vmovupd ymm2, [{from}]",
                "vmovupd ymm15, [{from} + 32]",
                "call {call}",
                "vmovupd [{to}], ymm2",
                "vmovupd [{to} + 32], ymm15",
                from = in(reg) before.as_ptr(),
                to = in(reg) after.as_mut_ptr(),
                call = sym trampoline,
                out("ymm2") _,
                out("ymm15") _,
            );
        }
        assert_eq!(after, before);
    }
}
