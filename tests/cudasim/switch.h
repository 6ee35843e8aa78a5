/* SPDX-License-Identifier: Apache-2.0
 * emu_switch(save, load): saves this fiber's registers on its stack and the stack's pointer in
 * *save, and goes on where the fiber of `load` did the same. One per processor architecture.
 * Read next: threads.cpp. */
#ifndef COTRAIN_TESTS_CUDASIM_SWITCH_H
#define COTRAIN_TESTS_CUDASIM_SWITCH_H

extern "C" __attribute__((visibility("hidden"))) void emu_switch(void **save, void *load);

#if defined(__x86_64__)
#define EMU_SWITCH_WORDS 6 /* registers saved below the return address */
asm(".text\n"
    ".globl emu_switch\n"
    ".hidden emu_switch\n"
    ".type emu_switch,@function\n"
    "emu_switch:\n"
    "  pushq %rbp\n"
    "  pushq %rbx\n"
    "  pushq %r12\n"
    "  pushq %r13\n"
    "  pushq %r14\n"
    "  pushq %r15\n"
    "  movq %rsp,(%rdi)\n"
    "  movq %rsi,%rsp\n"
    "  popq %r15\n"
    "  popq %r14\n"
    "  popq %r13\n"
    "  popq %r12\n"
    "  popq %rbx\n"
    "  popq %rbp\n"
    "  popq %rcx\n"
    "  jmpq *%rcx\n"
    ".size emu_switch,.-emu_switch\n"
    ".section .note.GNU-stack,\"\",@progbits\n"
    ".text\n");
#else
#error "emu_switch is not written for this processor"
#endif

#endif
