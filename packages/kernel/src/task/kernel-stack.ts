/**
 * What the kernel keeps on a task's kernel stack, from its top down: the user's registers while the
 * task is in the kernel, and below them those that a switch must preserve. The stores and loads are
 * charged; the values of a program that is a generator are not registers, so zeros are stored.
 */
import { assert, type Cpu, OK, type VirtAddr } from '@hotpath/hw-x86';
import { KERNEL_STACK_BYTES } from '../params.js';

/** General registers that Linux pushes at a system call (PUSH_AND_CLEAR_REGS). */
const USER_REGISTERS = 15;
/** The hardware frame and ORIG_RAX above them: pt_regs is 21 words long. */
const FRAME_WORDS = 21;
/** Six callee-saved registers, stack pointer and return address (__switch_to_asm). */
const SWITCH_REGISTERS = 8;

/** Entry into the kernel: pushes the user's registers. */
export function pushUserRegisters(cpu: Cpu, stack: VirtAddr): void {
  push(cpu, stack + KERNEL_STACK_BYTES - 6 * 8, USER_REGISTERS);
}

/** Way out: pops them. */
export function popUserRegisters(cpu: Cpu, stack: VirtAddr): void {
  pop(cpu, stack + KERNEL_STACK_BYTES - 6 * 8, USER_REGISTERS);
}

/** A switch away from the task. */
export function pushSwitchRegisters(cpu: Cpu, stack: VirtAddr): void {
  push(cpu, stack + KERNEL_STACK_BYTES - FRAME_WORDS * 8, SWITCH_REGISTERS);
}

/** A switch to the task. */
export function popSwitchRegisters(cpu: Cpu, stack: VirtAddr): void {
  pop(cpu, stack + KERNEL_STACK_BYTES - FRAME_WORDS * 8, SWITCH_REGISTERS);
}

function push(cpu: Cpu, top: VirtAddr, count: number): void {
  assert(cpu.mmu.storeRun(top - count * 8, count) === OK, 'a kernel stack is not mapped');
}

function pop(cpu: Cpu, top: VirtAddr, count: number): void {
  assert(cpu.mmu.loadRun(top - count * 8, count) === OK, 'a kernel stack is not mapped');
}
