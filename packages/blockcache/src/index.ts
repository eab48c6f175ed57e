/** Placeholder of @hotpath/blockcache: nothing is exported yet. */

export {};
