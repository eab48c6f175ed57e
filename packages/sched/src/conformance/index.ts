/** Placeholder of @hotpath/sched/conformance: nothing is exported yet. */

export {};
