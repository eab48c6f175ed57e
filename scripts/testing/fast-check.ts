/** Gives fast-check the seed of this run, in every test file. */

import { configureGlobal } from 'fast-check';
import { inject } from 'vitest';

configureGlobal({ seed: inject('seed') });
