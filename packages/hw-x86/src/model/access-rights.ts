import {
  CR0_PG,
  CR0_WP,
  CR4_PAE,
  CR4_PCIDE,
  CR4_PGE,
  CR4_SMAP,
  CR4_SMEP,
  EFER_NXE,
  PF_FETCH,
  PF_USER,
  PF_WRITE,
  PTE_DIRTY,
  PTE_USER,
  PTE_WRITE,
} from '../architecture.js';
import { SUPERVISOR, USER } from '../cpu.js';
import { ArgumentError } from '../errors.js';
import { ACCESS_FETCH, ACCESS_READ, ACCESS_WRITE } from '../mmu.js';
import type { PhysAddr } from '../units.js';

/** XD of any level, in a TLB entry's flags (bit 9, which page-table entries leave to software). */
export const FLAG_NO_EXECUTE = 0x200;

/** A TLB entry serves the access. */
export const USABLE = 0;
/** A write must first set D, by a walk. */
export const CLEAN = 1;
/** The access faults. */
export const REFUSED = 2;

const KINDS = 3;
const CONTEXTS = 3;
/** Combinations of R/W, U/S, D and XD. */
const RIGHTS = 16;

/**
 * Control registers, ring and RFLAGS.AC of one processor, and what they allow (SDM vol. 3, 4.6).
 * What an access may do with an entry is looked up in a table that changes of the control registers
 * alone compute again: a change of ring takes another part of it.
 *
 * context: 0 user, 1 supervisor, 2 supervisor with RFLAGS.AC.
 */
export class AccessRights {
  cr0 = CR0_PG | 0;
  cr4 = CR4_PAE;
  efer = EFER_NXE;
  privilege = SUPERVISOR;
  alignmentCheck = false;
  context = 1;
  readonly #verdicts = new Uint8Array(CONTEXTS * KINDS * RIGHTS);

  /** Installs control registers; true when the manual says that this change flushes the TLBs. */
  setControl(cr0: number, cr4: number, efer: number): boolean {
    const changed4 = this.cr4 ^ cr4;
    const flushes =
      (changed4 & (CR4_PGE | CR4_PAE | CR4_SMEP)) !== 0 ||
      ((changed4 & CR4_PCIDE) !== 0 && (cr4 & CR4_PCIDE) === 0) ||
      ((this.cr0 ^ cr0) & CR0_PG) !== 0 ||
      ((this.efer ^ efer) & EFER_NXE) !== 0;
    this.cr0 = cr0 | 0;
    this.cr4 = cr4 | 0;
    this.efer = efer | 0;
    this.#judgeAll();
    return flushes;
  }

  /**
   * Checks what MOV to CR3 is given.
   * @throws ArgumentError ERR_ROOT, ERR_PCID
   */
  checkRoot(root: PhysAddr, pcid: number, keep: boolean): void {
    const identified = (this.cr4 & CR4_PCIDE) !== 0;
    if (root % 4096 !== 0 || !(root >= 0 && root < 2 ** 52)) {
      throw new ArgumentError(
        'ERR_ROOT',
        `root is ${root}; allowed: a multiple of 4096 below 2**52`,
      );
    }
    if (!(pcid >= 0 && pcid <= 4095) || (!identified && (pcid !== 0 || keep))) {
      throw new ArgumentError('ERR_PCID', `PCID is ${pcid}; allowed: 0..4095, 0 without CR4.PCIDE`);
    }
  }

  /** Changes ring or RFLAGS.AC. */
  setPrivilege(privilege: number, alignmentCheck: boolean): void {
    this.privilege = privilege;
    this.alignmentCheck = alignmentCheck;
    this.context = privilege === USER ? 0 : alignmentCheck ? 2 : 1;
  }

  /** Whether rights gathered over the levels allow an access now. */
  allows(flags: number, access: number): boolean {
    return this.verdict(flags | PTE_DIRTY, access) === USABLE;
  }

  /** USABLE, CLEAN or REFUSED: what an entry found in a TLB means to an access. */
  verdict(flags: number, access: number): number {
    const rights = ((flags >>> 1) & 3) | ((flags >>> 4) & 4) | ((flags >>> 6) & 8);
    return this.#verdicts[(this.context * KINDS + access) * RIGHTS + rights];
  }

  /** Bits of the error code that the access itself gives (4.7). */
  errorBits(access: number): number {
    let code = 0;
    if (access === ACCESS_WRITE) code |= PF_WRITE;
    if (this.privilege === USER) code |= PF_USER;
    const tellsFetch = (this.efer & EFER_NXE) !== 0 || (this.cr4 & CR4_SMEP) !== 0;
    if (access === ACCESS_FETCH && tellsFetch) code |= PF_FETCH;
    return code;
  }

  #judgeAll(): void {
    for (let context = 0; context < CONTEXTS; context++) {
      for (let access = 0; access < KINDS; access++) {
        for (let rights = 0; rights < RIGHTS; rights++) {
          const at = (context * KINDS + access) * RIGHTS + rights;
          this.#verdicts[at] = this.#judge(context, access, rights);
        }
      }
    }
  }

  #judge(context: number, access: number, rights: number): number {
    const flags = ((rights & 3) << 1) | ((rights & 4) !== 0 ? PTE_DIRTY : 0) | ((rights & 8) << 6);
    if (!this.#permits(context, flags, access)) return REFUSED;
    return access === ACCESS_WRITE && (flags & PTE_DIRTY) === 0 ? CLEAN : USABLE;
  }

  #permits(context: number, flags: number, access: number): boolean {
    const user = (flags & PTE_USER) !== 0;
    if (access === ACCESS_FETCH && (flags & FLAG_NO_EXECUTE) !== 0) return false;
    if (context === 0) return user && (access !== ACCESS_WRITE || (flags & PTE_WRITE) !== 0);
    if (access === ACCESS_FETCH) return !user || (this.cr4 & CR4_SMEP) === 0;
    if (user && (this.cr4 & CR4_SMAP) !== 0 && context !== 2) return false;
    return access === ACCESS_READ || (flags & PTE_WRITE) !== 0 || (this.cr0 & CR0_WP) === 0;
  }
}
