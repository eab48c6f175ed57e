/** Answered instead of a page number: the fault fields are set. */
export const FAULT = -1;
/** Answered instead of a page number: the address is valid, but no memory answers there. */
export const OPEN_BUS = -2;
