/**
 * Keeps the public API of each entry in `packages/NAME/etc/ENTRY.api.md`, as api-extractor reads it from
 * the built declarations. Fails where an API is another than its report; `--write` updates the reports.
 */

import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import {
  Extractor,
  ExtractorConfig,
  ExtractorLogLevel,
  type IConfigFile,
} from '@microsoft/api-extractor';
import { type PublicEntry, publicEntries } from './public-entries.js';
import { root } from './workspace.js';

const writes = process.argv.includes('--write');
const workFolder = join(root, 'out', 'api');
const problems: string[] = [];

/** `hw-x86` or `hw-x86-model`. */
const reportName = ({ specifier }: PublicEntry): string =>
  specifier.replace('@hotpath/', '').replaceAll('/', '-');

function configOf(entry: PublicEntry): ExtractorConfig {
  const quiet = { default: { logLevel: ExtractorLogLevel.None, addToApiReportFile: false } };
  const configObject: IConfigFile = {
    projectFolder: entry.folder,
    mainEntryPointFilePath: entry.declarations,
    newlineKind: 'lf',
    compiler: {
      overrideTsconfig: {
        compilerOptions: {
          ...{ module: 'nodenext', moduleResolution: 'nodenext', target: 'es2022' },
          ...{ lib: ['es2023'], types: ['node'], strict: true, skipLibCheck: true },
        },
        include: [entry.declarations],
      },
    },
    apiReport: {
      enabled: true,
      reportFileName: reportName(entry),
      reportFolder: join(entry.folder, 'etc'),
      reportTempFolder: workFolder,
    },
    docModel: { enabled: false },
    dtsRollup: { enabled: false },
    tsdocMetadata: { enabled: false },
    messages: {
      // Types are judged by tsc, comments by typedoc; a report shows the shapes.
      compilerMessageReporting: quiet,
      extractorMessageReporting: quiet,
      tsdocMessageReporting: quiet,
    },
  };
  return ExtractorConfig.prepare({
    configObject,
    configObjectFullPath: undefined,
    packageJsonFullPath: join(entry.folder, 'package.json'),
  });
}

function report(entry: PublicEntry): void {
  const path = join(entry.folder, 'etc', `${reportName(entry)}.api.md`);
  if (writes) mkdirSync(join(entry.folder, 'etc'), { recursive: true });
  else if (!existsSync(path)) {
    problems.push(`${relative(root, path)} is missing`);
    return;
  }
  const { apiReportChanged, errorCount } = Extractor.invoke(configOf(entry), {
    localBuild: writes,
    messageCallback: (message) => {
      message.handled = true;
    },
  });
  if (errorCount > 0) problems.push(`${entry.specifier}: ${errorCount} errors`);
  if (apiReportChanged && !writes) {
    problems.push(`${relative(root, path)} is not what ${entry.specifier} exports now`);
  }
}

/** Reports of entries that are no more. */
function stale(entries: readonly PublicEntry[]): void {
  const wanted = new Set(entries.map((entry) => `${reportName(entry)}.api.md`));
  for (const folder of new Set(entries.map((entry) => entry.folder))) {
    const etc = join(folder, 'etc');
    for (const file of existsSync(etc) ? readdirSync(etc) : []) {
      if (wanted.has(file)) continue;
      if (writes) rmSync(join(etc, file));
      else problems.push(`${relative(root, join(etc, file))} belongs to no entry`);
    }
  }
}

mkdirSync(workFolder, { recursive: true });
const entries = publicEntries();
for (const entry of entries) report(entry);
stale(entries);
for (const problem of problems) console.error(problem);
if (problems.length > 0) {
  console.error('compare the reports in out/api; to accept them: npm run api-report -- --write');
  process.exitCode = 1;
} else console.log(`${entries.length} entries export what their reports say`);
