/** A task that computes for `ms` milliseconds and says who it was. */
export function work({ tenant, ms }) {
  const end = performance.now() + ms;
  while (performance.now() < end);
  return tenant;
}
