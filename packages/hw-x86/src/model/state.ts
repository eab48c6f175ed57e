import { assert } from '../errors.js';
import type { PredictorState } from './branch-predictor.js';
import type { CacheHierarchy } from './cache-hierarchy.js';
import type { CacheLevel, CacheState } from './cache-level.js';
import type { CpuScalars, ModelCpu } from './cpu.js';
import type { EventQueueState } from './event-queue.js';
import type { ModelMachine } from './machine.js';
import type { ModelMemory } from './memory.js';
import type { MeterRegion } from './meter.js';
import type { BankState, TlbBank } from './tlb-bank.js';
import type { TranslationState } from './translation.js';

const PAGE_WORDS = 1024;

/** One processor in a snapshot. */
export interface CpuState {
  readonly cells: Float64Array;
  readonly scalars: CpuScalars;
  readonly registers: readonly (readonly [number, bigint])[];
  readonly counters: Float64Array;
  readonly apic: Float64Array;
  readonly control: TranslationState;
  readonly banks: readonly BankState[];
  readonly caches: readonly CacheState[];
  readonly predictor: PredictorState | null;
}

/** A whole machine between two steps: plain data, safe for structuredClone. */
export interface MachineSnapshot {
  /** Address of every 4 KiB page that is not all zeros, and their contents one after the other. */
  readonly pageAddresses: Float64Array;
  readonly pages: Uint8Array;
  readonly cpus: readonly CpuState[];
  readonly l3: CacheState | null;
  readonly events: EventQueueState;
  readonly regions: readonly MeterRegion[];
  readonly devices: readonly unknown[];
}

/** Takes the machine's state; the supervisor's is its own business. */
export function saveMachine(machine: ModelMachine): MachineSnapshot {
  return {
    ...savePages(machine.memory),
    cpus: machine.cpus.map(saveCpu),
    l3: machine.l3?.save() ?? null,
    events: machine.events.save(),
    regions: [...machine.meter.regions],
    devices: machine.devices.map((device) => device.save?.()),
  };
}

/** Puts a state back into a machine made with the same options and devices. */
export function loadMachine(machine: ModelMachine, snapshot: MachineSnapshot): void {
  assert(snapshot.cpus.length === machine.cpus.length, 'snapshot of another number of CPUs');
  assert((snapshot.l3 === null) === (machine.l3 === null), 'snapshot of another mode');
  assert(snapshot.devices.length === machine.devices.length, 'snapshot of other devices');
  loadPages(machine.memory, snapshot);
  machine.cpus.forEach((cpu, i) => {
    loadCpu(cpu, snapshot.cpus[i]);
  });
  if (machine.l3 !== null && snapshot.l3 !== null) machine.l3.load(snapshot.l3);
  machine.meter.restoreRegions(snapshot.regions);
  machine.events.load(snapshot.events);
  machine.devices.forEach((device, i) => {
    device.load?.(snapshot.devices[i]);
  });
}

/** Two 32-bit lanes of a multiplicative hash over everything a snapshot holds but devices. */
export function hashMachine(machine: ModelMachine): string {
  const hash = new StateHash();
  forEachPage(machine.memory, (address, words, first) => {
    hash.number(address);
    for (let i = first; i < first + PAGE_WORDS; i++) hash.word(words[i]);
  });
  for (const cpu of machine.cpus) hash.value(saveCpu(cpu));
  hash.value(machine.l3?.save() ?? null);
  hash.value(machine.events.save());
  hash.value(machine.meter.regions);
  return hash.text();
}

function saveCpu(cpu: ModelCpu): CpuState {
  return {
    cells: cpu.cells.slice(),
    scalars: cpu.save(),
    registers: cpu.msrs.save(),
    counters: cpu.unit.save(),
    apic: cpu.apic.save(),
    control: cpu.mmu.translation.save(),
    banks: banksOf(cpu).map((bank) => bank.save()),
    caches: levelsOf(cpu.caches).map((level) => level.save()),
    predictor: cpu.predictor?.save() ?? null,
  };
}

function loadCpu(cpu: ModelCpu, state: CpuState): void {
  cpu.cells.set(state.cells);
  cpu.load(state.scalars);
  cpu.msrs.load(state.registers);
  cpu.apic.load(state.apic);
  cpu.mmu.translation.load(state.control);
  banksOf(cpu).forEach((bank, i) => {
    bank.load(state.banks[i]);
  });
  levelsOf(cpu.caches).forEach((level, i) => {
    level.load(state.caches[i]);
  });
  if (cpu.predictor !== null && state.predictor !== null) cpu.predictor.load(state.predictor);
  cpu.unit.load(state.counters, cpu.privilege);
}

function banksOf(cpu: ModelCpu): readonly TlbBank[] {
  return cpu.mmu.translation.tlb.allBanks;
}

function levelsOf(caches: CacheHierarchy | null): CacheLevel[] {
  return caches === null ? [] : [caches.l1d, caches.l1i, caches.l2];
}

type PageVisitor = (address: number, words: Int32Array, first: number) => void;

/** Every page that holds anything but zeros, in order of address. */
function forEachPage(memory: ModelMemory, visit: PageVisitor): void {
  for (let chunk = 0; chunk < memory.chunkCount; chunk++) {
    if (!memory.isPresent(chunk)) continue;
    const base = chunk * memory.chunkBytes;
    const words = memory.words(base);
    const end = Math.min(memory.chunkBytes, memory.byteCount - base) / 4;
    for (let first = 0; first < end; first += PAGE_WORDS) {
      if (isZero(words, first)) continue;
      visit(base + first * 4, words, first);
    }
  }
}

function isZero(words: Int32Array, first: number): boolean {
  for (let i = first; i < first + PAGE_WORDS; i += 4) {
    if ((words[i] | words[i + 1] | words[i + 2] | words[i + 3]) !== 0) return false;
  }
  return true;
}

function savePages(memory: ModelMemory): { pageAddresses: Float64Array; pages: Uint8Array } {
  const addresses: number[] = [];
  forEachPage(memory, (address) => {
    addresses.push(address);
  });
  const pages = new Uint8Array(addresses.length * 4096);
  for (let i = 0; i < addresses.length; i++) memory.read(addresses[i], pages, i * 4096, 4096);
  return { pageAddresses: Float64Array.from(addresses), pages };
}

function loadPages(memory: ModelMemory, snapshot: MachineSnapshot): void {
  // Zeroed in place: views of a chunk may be held elsewhere.
  forEachPage(memory, (_address, words, first) => {
    words.fill(0, first, first + PAGE_WORDS);
  });
  for (let i = 0; i < snapshot.pageAddresses.length; i++) {
    memory.write(snapshot.pageAddresses[i], snapshot.pages, i * 4096, 4096);
  }
}

/** Order-dependent hash of nested plain data. */
class StateHash {
  #a = 0x811c9dc5 | 0;
  #b = 0x2545f491 | 0;
  readonly #double = new Float64Array(1);
  readonly #halves = new Int32Array(this.#double.buffer);

  word(value: number): void {
    this.#a = Math.imul(this.#a ^ value, 0x01000193);
    this.#b = Math.imul((this.#b << 13) ^ (this.#b >>> 19) ^ value, 0x5bd1e995);
  }

  number(value: number): void {
    this.#double[0] = value;
    this.word(this.#halves[0]);
    this.word(this.#halves[1]);
  }

  value(value: unknown): void {
    if (typeof value === 'number') this.number(value);
    else if (typeof value === 'bigint') this.characters(value.toString());
    else if (typeof value === 'string') this.characters(value);
    else if (typeof value === 'boolean') this.word(value ? 1 : 2);
    else if (value === null || value === undefined) this.word(3);
    else if (ArrayBuffer.isView(value)) this.column(value as unknown as ArrayLike<number>);
    else if (Array.isArray(value)) for (const entry of value) this.value(entry);
    else
      for (const [key, entry] of Object.entries(value as object)) {
        this.characters(key);
        this.value(entry);
      }
  }

  column(values: ArrayLike<number>): void {
    this.word(values.length);
    for (let i = 0; i < values.length; i++) this.number(values[i]);
  }

  characters(text: string): void {
    for (let i = 0; i < text.length; i++) this.word(text.charCodeAt(i));
  }

  text(): string {
    return hex32(this.#a) + hex32(this.#b);
  }
}

function hex32(value: number): string {
  return (value >>> 0).toString(16).padStart(8, '0');
}
