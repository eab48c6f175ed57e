/** Producers and others that wait for a loop to have room, or nothing left to do. */
export class Waiters {
  private idleWakes: (() => void)[] = [];
  private room: { below: number; wake: () => void }[] = [];

  /** Resolves at the first {@link noteRoom} with fewer jobs queued than `below`. */
  forRoom(below: number): Promise<void> {
    return new Promise((wake) => this.room.push({ below, wake }));
  }

  /** Resolves at the next {@link noteIdle}. */
  forIdle(): Promise<void> {
    return new Promise((wake) => this.idleWakes.push(wake));
  }

  noteRoom(queued: number): void {
    if (this.room.length === 0) return;
    const waiting = this.room;
    this.room = [];
    for (const waiter of waiting) {
      if (queued < waiter.below) waiter.wake();
      else this.room.push(waiter);
    }
  }

  noteIdle(): void {
    if (this.idleWakes.length === 0) return;
    const wakes = this.idleWakes;
    this.idleWakes = [];
    for (const wake of wakes) wake();
  }
}
