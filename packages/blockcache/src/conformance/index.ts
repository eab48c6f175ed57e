/** Placeholder of @hotpath/blockcache/conformance: nothing is exported yet. */

export {};
