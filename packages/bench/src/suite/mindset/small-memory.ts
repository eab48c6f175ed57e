import { MIB } from '@hotpath/hw-x86';

/** RAM of a kernel that needs little: the least there is. A host's collector looks at every byte. */
export const SMALL_MEMORY = 64 * MIB;
