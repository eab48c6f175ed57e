/** Placeholder of @hotpath/hw-x86/host: nothing is exported yet. */

export {};
