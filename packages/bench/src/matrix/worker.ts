/** What a thread of the matrix runs. */
export { runCell } from './cell.js';
