/** The page's script from its sources; the build makes the same with the same options. */
import { build } from 'esbuild';

/** Everything in one script for a browser, in characters that need no encoding. */
export async function bundlePage(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    write: false,
    bundle: true,
    format: 'iife',
    platform: 'browser',
    target: 'es2022',
    minify: true,
    charset: 'ascii',
    legalComments: 'inline',
    loader: { '.css': 'text' },
  });
  return outputFiles[0]!.text;
}
