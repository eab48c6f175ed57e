/** Interrupt vectors of the kernel; below 32 they are exceptions (Intel SDM vol. 3, 6.2). */

/** The local APIC timer: end of a time slice. */
export const VECTOR_TIMER = 32;
/** A disk has finished requests. */
export const VECTOR_DISK = 33;
/** Another CPU has made a task ready here. */
export const VECTOR_RESCHEDULE = 34;
/** Another CPU has changed page tables. */
export const VECTOR_SHOOTDOWN = 35;
