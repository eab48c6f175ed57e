/** Placeholder of @hotpath/sched: nothing is exported yet. */

export {};
