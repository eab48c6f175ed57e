/**
 * Conformance of scheduling policies: checks that a policy of your own must pass, independent of a
 * test runner: `for (const { name, run } of policyConformance(myPolicy)) test(name, run)`.
 *
 * @module
 */
export { type PolicyCase, type PolicyCheckOptions, policyConformance } from './checks.js';
