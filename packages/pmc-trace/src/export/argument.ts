import type { ArgumentDefinition, EventKind, EventRegistry } from '../tracer/registry.js';

/**
 * The text that stands for an argument's value: an interned text or the name of an enumerated value;
 * undefined where it is shown as a number.
 */
export function argumentText(
  registry: EventRegistry,
  definition: Required<ArgumentDefinition>,
  value: number,
): string | undefined {
  if (definition.type === 'string') return registry.text(value);
  // An index outside would leave the fast path of arrays.
  return value >= 0 && value < definition.values.length ? definition.values[value] : undefined;
}

/** True for an argument that is always shown as a number. */
export function isPlainNumber(definition: Required<ArgumentDefinition>): boolean {
  const { type, values } = definition;
  return type !== 'string' && type !== 'address' && values.length === 0;
}

/** Name under which an event is shown: its title argument's text where it has one, else its own. */
export function eventTitle(registry: EventRegistry, kind: EventKind, titleValue: number): string {
  if (kind.title === 0) return kind.name;
  const definition = kind.title === 1 ? kind.a : kind.b;
  if (definition === null) return kind.name;
  return argumentText(registry, definition, titleValue) ?? kind.name;
}
