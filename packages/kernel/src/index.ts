/** Placeholder of @hotpath/kernel: nothing is exported yet. */

export {};
