/** Dark or light: the system's choice until the reader makes one. */

type Listener = () => void;
const listeners: Listener[] = [];
const KEY = 'hotpath-theme';

/** True when the page is dark now. */
export function isDark(): boolean {
  const chosen = document.documentElement.dataset['theme'];
  if (chosen !== undefined) return chosen === 'dark';
  return matchMedia('(prefers-color-scheme: dark)').matches;
}

/** Calls back when the colours have changed. */
export function onTheme(listener: Listener): void {
  listeners.push(listener);
}

/** A custom property of the style sheet as it is now. */
export function color(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** Makes a button switch the theme, and remembers the choice where the browser lets it. */
export function installSwitch(button: HTMLButtonElement): void {
  const tell = (): void => {
    button.textContent = isDark() ? 'Light' : 'Dark';
    for (const listener of listeners) listener();
  };
  const kept = remembered();
  if (kept !== null) document.documentElement.dataset['theme'] = kept;
  button.addEventListener('click', () => {
    const next = isDark() ? 'light' : 'dark';
    document.documentElement.dataset['theme'] = next;
    try {
      localStorage.setItem(KEY, next);
    } catch {
      // A page from a file may have no storage: the choice lasts as long as the page.
    }
    tell();
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', tell);
  tell();
}

function remembered(): string | null {
  try {
    const kept = localStorage.getItem(KEY);
    return kept === 'dark' || kept === 'light' ? kept : null;
  } catch {
    return null;
  }
}

/** A colour for a name, the same everywhere on the page. */
export function colorOf(name: string, dark = isDark()): string {
  let hash = 2166136261;
  for (let at = 0; at < name.length; at++) {
    hash = Math.imul(hash ^ name.charCodeAt(at), 16777619);
  }
  const hue = (hash >>> 0) % 360;
  return dark ? `hsl(${hue} 45% 42%)` : `hsl(${hue} 60% 74%)`;
}
