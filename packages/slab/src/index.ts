/** Placeholder of @hotpath/slab: nothing is exported yet. */

export {};
