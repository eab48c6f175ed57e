/** Placeholder of @hotpath/pagecache/node: nothing is exported yet. */

export {};
