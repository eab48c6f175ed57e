import { ArgumentError, assert, checkInteger, TRACE_BASE } from '@hotpath/hw-x86';
import { KindTable } from './kind-table.js';
import { KIND_LIMIT, PHASE_INSTANT, PHASE_NUMBERS, type Phase } from './phase.js';

/**
 * How an argument is shown. `integer` and `number` as they are, `address` in hexadecimal, `bytes`
 * and `ticks` as integers with that unit in the name, `string` as the text that
 * {@link EventRegistry.intern} gave this number for, `status` as an integer or, below 0, an errno.
 */
export type ArgumentType =
  | 'integer'
  | 'number'
  | 'address'
  | 'bytes'
  | 'ticks'
  | 'string'
  | 'status';

/** One of the two arguments of an event. */
export interface ArgumentDefinition {
  readonly name: string;
  /** Default `integer`. */
  readonly type?: ArgumentType;
  /** Names of the values 0, 1, 2, ...; a value outside is shown as its number. */
  readonly values?: readonly string[];
}

/** What a kind of event means; registered once, so that an event is 32 bytes. */
export interface EventDefinition {
  /** Shown name; any text. */
  readonly name: string;
  /** Group for filters; default `default`. */
  readonly category?: string;
  /** Phase of events that come through `TraceHook.emit`; default `instant`. */
  readonly phase?: Phase;
  /**
   * For phases that end what another kind began (`end`, `async-end`, `flow-end`, `flow-step`,
   * `async-instant`): that kind. Default: the kind itself.
   */
  readonly of?: number;
  /** `cpu`: belongs to the CPU (interrupts). `task`: to the task that runs there; default `cpu`. */
  readonly scope?: 'cpu' | 'task';
  /** First argument: a name (an integer) or a definition. Not shown where absent. */
  readonly a?: string | ArgumentDefinition;
  /** Second argument, as `a`. */
  readonly b?: string | ArgumentDefinition;
  /** Show the name of this argument's value (its `values` or interned text) as the event's name. */
  readonly title?: 'a' | 'b';
}

/** A registered kind, every default filled in. */
export interface EventKind {
  readonly kind: number;
  readonly name: string;
  readonly category: string;
  readonly phase: number;
  readonly of: number;
  readonly taskScoped: boolean;
  readonly a: Required<ArgumentDefinition> | null;
  readonly b: Required<ArgumentDefinition> | null;
  readonly title: 0 | 1 | 2;
}

function fillArgument(given: string | ArgumentDefinition | undefined): EventKind['a'] {
  if (given === undefined) return null;
  if (typeof given === 'string') return { name: given, type: 'integer', values: [] };
  return { name: given.name, type: given.type ?? 'integer', values: given.values ?? [] };
}

/**
 * Kinds of events, interned texts and names of tasks and CPUs: everything about a trace that is not
 * in its rings. Registering costs microseconds and happens at start.
 *
 * Invariant: `kinds[k].kind === k`; `texts[textNumbers.get(t)] === t`.
 */
export class EventRegistry {
  /** 1 where events of the kind are recorded. Shared with every emitter; the filter writes it. */
  readonly recorded: Uint8Array;
  private readonly kinds = new KindTable<EventKind>();
  private readonly texts: string[] = [];
  private readonly textNumbers = new Map<string, number>();
  private readonly taskNames = new Map<number, string>();
  private readonly cpuNames = new Map<number, string>();
  private nextKind: number = TRACE_BASE.user;
  private wanted: ((kind: EventKind) => boolean) | null = () => true;

  /** @param recorded - KIND_LIMIT bytes, shared between threads where it lies in shared memory */
  constructor(recorded: Uint8Array = new Uint8Array(KIND_LIMIT)) {
    assert(recorded.length === KIND_LIMIT, 'one filter byte per kind');
    this.recorded = recorded;
  }

  /**
   * Gives a meaning to a kind whose number is fixed elsewhere (`TRACE_BASE.sched + 3`).
   * @throws ArgumentError ERR_EVENT_KIND outside 0..65,535, ERR_EVENT_DEFINED when it has one
   */
  define(kind: number, definition: EventDefinition): number {
    checkInteger('ERR_EVENT_KIND', 'event kind', kind, 0, KIND_LIMIT - 1);
    const of = definition.of ?? kind;
    checkInteger('ERR_EVENT_KIND', 'kind that this one ends', of, 0, KIND_LIMIT - 1);
    const old = this.kinds.get(kind);
    if (old !== undefined) {
      throw new ArgumentError('ERR_EVENT_DEFINED', `event kind ${kind} is already "${old.name}"`);
    }
    const phase = definition.phase === undefined ? PHASE_INSTANT : PHASE_NUMBERS[definition.phase];
    if (phase === undefined) {
      const allowed = Object.keys(PHASE_NUMBERS).join(', ');
      throw new ArgumentError(
        'ERR_EVENT_PHASE',
        `phase is ${definition.phase}; allowed: ${allowed}`,
      );
    }
    const made: EventKind = {
      kind,
      name: definition.name,
      category: definition.category ?? 'default',
      phase,
      of,
      taskScoped: definition.scope === 'task',
      a: fillArgument(definition.a),
      b: fillArgument(definition.b),
      title: definition.title === 'a' ? 1 : definition.title === 'b' ? 2 : 0,
    };
    this.kinds.set(kind, made);
    this.recorded[kind] = this.wanted?.(made) ? 1 : 0;
    return kind;
  }

  /** Registers an event of the user's own and answers its kind, from TRACE_BASE.user upwards. */
  register(definition: EventDefinition): number {
    while (this.kinds.get(this.nextKind) !== undefined) this.nextKind += 1;
    return this.define(this.nextKind, definition);
  }

  /** The meaning of a kind; an unknown one is an instant called `event <kind>`. */
  kind(kind: number): EventKind {
    const known = this.kinds.get(kind);
    if (known !== undefined) return known;
    const a = { name: 'a', type: 'number', values: [] } as const;
    const b = { name: 'b', type: 'number', values: [] } as const;
    const name = `event ${kind}`;
    const base = { kind, name, category: 'unregistered', phase: PHASE_INSTANT, of: kind };
    return { ...base, taskScoped: false, a, b, title: 0 };
  }

  /** True where `define` or `register` gave the kind a meaning. */
  isDefined(kind: number): boolean {
    return this.kinds.get(kind) !== undefined;
  }

  /** Every registered kind, in order of number. */
  list(): EventKind[] {
    return this.kinds.entries();
  }

  /** A number for a text, to be used as an argument of type `string`. The same text, the same number. */
  intern(text: string): number {
    const known = this.textNumbers.get(text);
    if (known !== undefined) return known;
    const number = this.texts.length;
    this.texts.push(text);
    this.textNumbers.set(text, number);
    return number;
  }

  /** The text of a number from {@link intern}, or undefined. */
  text(number: number): string | undefined {
    return this.texts[number];
  }

  /** Number of interned texts. */
  get textCount(): number {
    return this.texts.length;
  }

  /** Names a task in exported traces. */
  nameTask(task: number, name: string): void {
    this.taskNames.set(task, name);
  }

  /** Name of a task; `task <number>` where none was given. */
  taskName(task: number): string {
    return this.taskNames.get(task) ?? `task ${task}`;
  }

  /** Names a CPU's (or worker's) track in exported traces. */
  nameCpu(cpu: number, name: string): void {
    this.cpuNames.set(cpu, name);
  }

  /** Name of a CPU's track; `CPU <number>` where none was given. */
  cpuName(cpu: number): string {
    return this.cpuNames.get(cpu) ?? `CPU ${cpu}`;
  }

  /**
   * Records the kinds for which `wanted` answers true, also those registered later, or all. Kinds
   * without a definition are always recorded. Costs 65,536 byte stores.
   */
  record(wanted: (kind: EventKind) => boolean = () => true): void {
    this.wanted = wanted;
    this.recorded.fill(1);
    for (const kind of this.list()) this.recorded[kind.kind] = wanted(kind) ? 1 : 0;
  }

  /** Records nothing. */
  recordNothing(): void {
    this.wanted = null;
    this.recorded.fill(0);
  }

  /** Throws InvariantError where kinds or texts disagree with their numbers. */
  checkInvariants(): void {
    for (const entry of this.kinds.entries()) {
      assert(this.kinds.get(entry.kind) === entry, 'a kind lies at its number');
    }
    assert(this.texts.length === this.textNumbers.size, 'texts are distinct');
    this.texts.forEach((text, number) => {
      assert(this.textNumbers.get(text) === number, 'a text has its number');
    });
  }
}
