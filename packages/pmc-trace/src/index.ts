/** Placeholder of @hotpath/pmc-trace: nothing is exported yet. */

export {};
