/** Placeholder of @hotpath/blockcache/node: nothing is exported yet. */

export {};
