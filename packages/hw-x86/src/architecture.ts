/**
 * Architectural constants of x86-64: bits of page-table entries, control registers, error codes,
 * vectors and MSR indices. Section numbers are those of the Intel SDM, volumes 3 and 4.
 */

// Page-table entries, 4.5.4. Bits below 32 as numbers; XD is bit 31 of the high word.
/** P: the entry is valid. */
export const PTE_PRESENT = 0x1;
/** R/W: writes are allowed. */
export const PTE_WRITE = 0x2;
/** U/S: user accesses are allowed. */
export const PTE_USER = 0x4;
/** PWT: write-through. */
export const PTE_WRITE_THROUGH = 0x8;
/** PCD: not cached. */
export const PTE_CACHE_DISABLE = 0x10;
/** A: used for a translation. */
export const PTE_ACCESSED = 0x20;
/** D: written through this leaf. */
export const PTE_DIRTY = 0x40;
/** PS: a PDPTE or PDE that maps a 1 GiB or 2 MiB page; in a 4 KiB PTE the same bit is PAT. */
export const PTE_LARGE = 0x80;
/** G: survives a CR3 load. */
export const PTE_GLOBAL = 0x100;
/** XD (NX), bit 63, as bit 31 of the entry's high word. */
export const PTE_NO_EXECUTE_HIGH = 0x80000000;
/** Entries in one table of any level. */
export const PTE_COUNT = 512;

// Page-fault error code, 4.7.
/** The translation was present: a protection or reserved-bit fault. */
export const PF_PRESENT = 0x1;
/** The access was a write. */
export const PF_WRITE = 0x2;
/** The access came from CPL 3. */
export const PF_USER = 0x4;
/** A reserved bit was set in an entry. */
export const PF_RESERVED = 0x8;
/** The access was an instruction fetch. */
export const PF_FETCH = 0x10;

// Control registers, 2.5.
/** CR0.PE. */
export const CR0_PE = 0x1;
/** CR0.WP: supervisor writes obey R/W. */
export const CR0_WP = 0x10000;
/** CR0.PG. */
export const CR0_PG = 0x80000000;
/** CR4.PAE. */
export const CR4_PAE = 0x20;
/** CR4.PGE: global pages. */
export const CR4_PGE = 0x80;
/** CR4.PCE: RDPMC at CPL 3. */
export const CR4_PCE = 0x100;
/** CR4.PCIDE. */
export const CR4_PCIDE = 0x20000;
/** CR4.SMEP. */
export const CR4_SMEP = 0x100000;
/** CR4.SMAP. */
export const CR4_SMAP = 0x200000;
/** EFER.SCE. */
export const EFER_SCE = 0x1;
/** EFER.LME. */
export const EFER_LME = 0x100;
/** EFER.LMA. */
export const EFER_LMA = 0x400;
/** EFER.NXE. */
export const EFER_NXE = 0x800;

// Exceptions, 6.3.
/** #GP, general protection. */
export const VECTOR_GP = 13;
/** #PF, page fault. */
export const VECTOR_PF = 14;
/** First vector that devices and timers may use. */
export const VECTOR_FIRST_EXTERNAL = 32;

// MSRs, volume 4.
/** IA32_TIME_STAMP_COUNTER. */
export const MSR_TSC = 0x10;
/** IA32_APIC_BASE. */
export const MSR_APIC_BASE = 0x1b;
/** IA32_PMC0; the others follow. Writes sign-extend the low 32 bits. */
export const MSR_PMC0 = 0xc1;
/** IA32_PERFEVTSEL0; the others follow. */
export const MSR_PERFEVTSEL0 = 0x186;
/** IA32_MISC_ENABLE. */
export const MSR_MISC_ENABLE = 0x1a0;
/** IA32_PAT. */
export const MSR_PAT = 0x277;
/** IA32_FIXED_CTR0: instructions retired; then core cycles, then reference cycles. */
export const MSR_FIXED_CTR0 = 0x309;
/** IA32_PERF_CAPABILITIES. */
export const MSR_PERF_CAPABILITIES = 0x345;
/** IA32_FIXED_CTR_CTRL. */
export const MSR_FIXED_CTR_CTRL = 0x38d;
/** IA32_PERF_GLOBAL_STATUS. */
export const MSR_PERF_GLOBAL_STATUS = 0x38e;
/** IA32_PERF_GLOBAL_CTRL. */
export const MSR_PERF_GLOBAL_CTRL = 0x38f;
/** IA32_PERF_GLOBAL_OVF_CTRL. */
export const MSR_PERF_GLOBAL_OVF_CTRL = 0x390;
/** IA32_A_PMC0: full-width alias of PMC0. */
export const MSR_A_PMC0 = 0x4c1;
/** IA32_TSC_DEADLINE. */
export const MSR_TSC_DEADLINE = 0x6e0;
/** IA32_EFER. */
export const MSR_EFER = 0xc0000080;
/** IA32_STAR. */
export const MSR_STAR = 0xc0000081;
/** IA32_LSTAR. */
export const MSR_LSTAR = 0xc0000082;
/** IA32_CSTAR. */
export const MSR_CSTAR = 0xc0000083;
/** IA32_FMASK. */
export const MSR_FMASK = 0xc0000084;
/** IA32_FS_BASE. */
export const MSR_FS_BASE = 0xc0000100;
/** IA32_GS_BASE. */
export const MSR_GS_BASE = 0xc0000101;
/** IA32_KERNEL_GS_BASE. */
export const MSR_KERNEL_GS_BASE = 0xc0000102;
/** IA32_TSC_AUX. */
export const MSR_TSC_AUX = 0xc0000103;
/** RDPMC index bit that selects the fixed counters. */
export const RDPMC_FIXED = 0x40000000;

// Fields of PERFEVTSEL, 19.2.1.
/** USR: count at CPL 3. */
export const PERFEVTSEL_USR = 0x10000;
/** OS: count at CPL 0. */
export const PERFEVTSEL_OS = 0x20000;
/** E: count rising edges. */
export const PERFEVTSEL_EDGE = 0x40000;
/** INT: interrupt on overflow. */
export const PERFEVTSEL_INT = 0x100000;
/** EN: enabled. */
export const PERFEVTSEL_EN = 0x400000;
/** INV: compare below CMASK instead of at or above it. */
export const PERFEVTSEL_INV = 0x800000;
