/** Placeholder of @hotpath/pagecache: nothing is exported yet. */

export {};
