/** What a thread of the suite runs. */
export { runJob } from './jobs.js';
