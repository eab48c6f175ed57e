/** Placeholder of @hotpath/sched/node: nothing is exported yet. */

export {};
