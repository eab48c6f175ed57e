/** Placeholder of @hotpath/pmc-trace/node: nothing is exported yet. */

export {};
