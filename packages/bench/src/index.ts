/** Placeholder of @hotpath/bench: nothing is exported yet. */

export {};
