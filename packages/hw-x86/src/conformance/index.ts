/** Placeholder of @hotpath/hw-x86/conformance: nothing is exported yet. */

export {};
