/** The page's script: bundled when this package was built, or now when it runs from its sources. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageFolder, runsFromSource } from '../package-folder.js';

/** JavaScript for one script element; it holds no end tag of one. */
export async function pageScript(): Promise<string> {
  const folder = packageFolder();
  const text = runsFromSource
    ? await (await import('./page-bundle.js')).bundlePage(join(folder, 'src/page/main.ts'))
    : readFileSync(join(folder, 'dist/page.js'), 'utf8');
  // Inside of strings and comments alike the backslash changes nothing.
  return text.replace(/<\/(script)/gi, '<\\/$1');
}
