/** Placeholder of @hotpath/hw-x86/model: nothing is exported yet. */

export {};
