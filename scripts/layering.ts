/**
 * The dependency diagram and the rules of the cores, read from the imports of every source file.
 *
 *     hw-x86 <- blockcache, pagecache, sched, slab, pmc-trace     (these never import each other)
 *               ^ all <- kernel <- bench
 */

import ts from 'typescript';

/** The packages that each package may import. */
export const diagram: Readonly<Record<string, readonly string[]>> = {
  'hw-x86': [],
  blockcache: ['hw-x86'],
  pagecache: ['hw-x86'],
  sched: ['hw-x86'],
  slab: ['hw-x86'],
  'pmc-trace': ['hw-x86'],
  kernel: ['hw-x86', 'blockcache', 'pagecache', 'sched', 'slab', 'pmc-trace'],
  bench: ['hw-x86', 'blockcache', 'pagecache', 'sched', 'slab', 'pmc-trace', 'kernel'],
};

/** What of a package.json the rules need. */
export interface Manifest {
  readonly exports: Readonly<Record<string, unknown>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** A source file: its path inside the repository, with forward slashes, and its text. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

const HOST_GLOBALS = new Set([
  ...['Buffer', 'Date', 'crypto', 'document', 'fetch', 'navigator', 'performance', 'process'],
  ...['queueMicrotask', 'requestAnimationFrame', 'require', 'window', 'eval', 'Function'],
  ...['setImmediate', 'setInterval', 'setTimeout'],
]);

// Engines approximate these differently, and simulated figures must be equal everywhere. log2 is not
// among them: of a power of two, its one use here, it is exact.
const INEXACT_MATH = new Set([
  ...['acos', 'acosh', 'asin', 'asinh', 'atan', 'atan2', 'atanh', 'cbrt', 'cos', 'cosh', 'exp'],
  ...[
    'expm1',
    'hypot',
    'log',
    'log10',
    'log1p',

    'pow',
    'random',
    'sin',
    'sinh',
    'tan',
    'tanh',
  ],
]);

/** Folders of cores that may use some host globals: they are the one place that does. */
const GLOBALS_ALLOWED: readonly { folder: string; globals: ReadonlySet<string> }[] = [
  {
    folder: 'packages/sched/src/loop/',
    globals: new Set(['setTimeout', 'queueMicrotask', 'performance']),
  },
];

const FILE = /^packages\/([^/]+)\/src\/(.+)$/;

/** Entries that run only where Node's API is. */
const isHostEntry = (inside: string): boolean => /^(node|host)[/.]/.test(inside);

interface Place {
  readonly path: string;
  readonly packageName: string;
  readonly host: boolean;
  readonly manifests: Readonly<Record<string, Manifest>>;
  /** Names that the file declares itself: they are no globals. */
  readonly declared: ReadonlySet<string>;
  readonly report: (node: ts.Node, what: string) => void;
}

/** One line per breach: `path:line: what is wrong`. Empty when all rules hold. */
export function findViolations(
  files: readonly SourceFile[],
  manifests: Readonly<Record<string, Manifest>>,
): string[] {
  const violations: string[] = [];
  for (const file of files) {
    const match = FILE.exec(file.path);
    if (match === null) continue;
    const source = ts.createSourceFile(file.path, file.text, ts.ScriptTarget.ES2022, true);
    const packageName = match[1]!;
    const place: Place = {
      path: file.path,
      packageName,
      host: packageName === 'bench' || isHostEntry(match[2]!),
      manifests,
      declared: declaredNames(source),
      report: (node, what) => {
        const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
        violations.push(`${file.path}:${line + 1}: ${what}`);
      },
    };
    visit(source, place);
  }
  return violations;
}

function declaredNames(source: ts.SourceFile): Set<string> {
  const names = new Set<string>();
  const collect = (node: ts.Node): void => {
    const declares =
      ts.isVariableDeclaration(node) ||
      ts.isParameter(node) ||
      ts.isBindingElement(node) ||
      ts.isFunctionDeclaration(node) ||
      ts.isImportSpecifier(node);
    if (declares && node.name !== undefined && ts.isIdentifier(node.name))
      names.add(node.name.text);
    ts.forEachChild(node, collect);
  };
  collect(source);
  return names;
}

function visit(node: ts.Node, place: Place): void {
  const specifier = importedModule(node);
  if (specifier !== null) checkImport(node, specifier, place);
  if (ts.isExportDeclaration(node) && isStarExport(node)) {
    place.report(node, '`export *` hides what is exported: name the exports');
  }
  if (!place.host) checkGlobals(node, place);
  ts.forEachChild(node, (child) => visit(child, place));
}

function isStarExport(node: ts.ExportDeclaration): boolean {
  if (node.moduleSpecifier === undefined) return false;
  return node.exportClause === undefined || ts.isNamespaceExport(node.exportClause);
}

function importedModule(node: ts.Node): string | null {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) {
    const specifier = node.moduleSpecifier;
    return specifier !== undefined && ts.isStringLiteral(specifier) ? specifier.text : null;
  }
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
    const { literal } = node.argument;
    return ts.isStringLiteral(literal) ? literal.text : null;
  }
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    const argument = node.arguments[0];
    return argument !== undefined && ts.isStringLiteral(argument) ? argument.text : null;
  }
  return null;
}

function checkImport(node: ts.Node, specifier: string, place: Place): void {
  if (specifier.startsWith('.')) checkRelative(node, specifier, place);
  else if (specifier.startsWith('@hotpath/')) checkPackage(node, specifier, place);
  else if (specifier.startsWith('node:')) {
    if (!place.host)
      place.report(node, `a core runs in a browser and cannot import '${specifier}'`);
  } else checkThirdParty(node, specifier, place);
}

function checkRelative(node: ts.Node, specifier: string, place: Place): void {
  const folders = place.path.split('/').slice(0, -1);
  for (const part of specifier.split('/')) {
    if (part === '..') folders.pop();
    else if (part !== '.') folders.push(part);
  }
  const target = FILE.exec(folders.join('/'));
  if (target === null || target[1] !== place.packageName) {
    place.report(node, `'${specifier}' leaves the sources of ${place.packageName}`);
  } else if (!place.host && isHostEntry(target[2]!)) {
    place.report(node, `a core cannot import '${specifier}', which needs Node`);
  }
}

function checkPackage(node: ts.Node, specifier: string, place: Place): void {
  const [, name = '', ...rest] = specifier.split('/');
  const entryOfItsOwn = /^(conformance|node|host)[/.]/.test(FILE.exec(place.path)![2]!);
  const allowed = [
    ...(diagram[place.packageName] ?? []),
    // A conformance suite or a host's front uses its own core as anybody does.
    ...(entryOfItsOwn ? [place.packageName] : []),
  ];
  if (!allowed.includes(name)) {
    const list = allowed.length === 0 ? 'no package' : allowed.join(', ');
    place.report(node, `${place.packageName} may import ${list}, not ${name}`);
    return;
  }
  const entry = rest.length === 0 ? '.' : `./${rest.join('/')}`;
  if (place.manifests[name]?.exports[entry] === undefined) {
    place.report(node, `'${specifier}' is no public entry of ${name}`);
  } else if (!place.host && isHostEntry(`${rest.join('/')}/`)) {
    place.report(node, `a core cannot import '${specifier}', which needs Node`);
  }
}

/** The page, and the one file that bundles it when the sources run. */
const BUNDLED = /^packages\/bench\/src\/(page\/|report\/page-bundle\.ts$)/;

function checkThirdParty(node: ts.Node, specifier: string, place: Place): void {
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
  const manifest = place.manifests[place.packageName];
  if (place.packageName === 'bench') {
    // The report's page is bundled: what it imports is inside of what is published.
    const isBundled = BUNDLED.test(place.path) && manifest?.devDependencies?.[name] !== undefined;
    if (!isBundled && manifest?.dependencies?.[name] === undefined) {
      place.report(node, `'${name}' is not among the dependencies of bench`);
    }
  } else if (!place.host) {
    place.report(node, `a core has no third-party imports: '${specifier}'`);
  } else if (manifest?.peerDependencies?.[name] === undefined) {
    place.report(node, `'${name}' is no peer dependency of ${place.packageName}`);
  }
}

function checkGlobals(node: ts.Node, place: Place): void {
  if (ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression)) {
    const object = node.expression.text;
    if (object === 'Math' && INEXACT_MATH.has(node.name.text)) {
      place.report(node, `Math.${node.name.text} is not the same on every machine or run`);
    }
    if (object === 'globalThis') checkGlobal(node, node.name.text, place);
  }
  if (ts.isIdentifier(node) && isFreeReference(node) && !place.declared.has(node.text)) {
    checkGlobal(node, node.text, place);
  }
}

function checkGlobal(node: ts.Node, name: string, place: Place): void {
  if (!HOST_GLOBALS.has(name)) return;
  const allowed = GLOBALS_ALLOWED.some(
    ({ folder, globals }) => place.path.startsWith(folder) && globals.has(name),
  );
  if (!allowed) place.report(node, `a core has no clock, timers or host: '${name}'`);
}

/** False for names of properties, members and declarations, and for types. */
function isFreeReference(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  if (ts.isTypeReferenceNode(parent) || ts.isQualifiedName(parent)) return false;
  if (ts.isPropertyAssignment(parent)) return parent.initializer === node;
  const declares =
    ts.isPropertySignature(parent) ||
    ts.isPropertyDeclaration(parent) ||
    ts.isMethodDeclaration(parent) ||
    ts.isMethodSignature(parent) ||
    ts.isGetAccessorDeclaration(parent) ||
    ts.isParameter(parent) ||
    ts.isImportSpecifier(parent) ||
    ts.isExportSpecifier(parent) ||
    ts.isTypeParameterDeclaration(parent) ||
    ts.isFunctionDeclaration(parent) ||
    ts.isNamedTupleMember(parent);
  return !declares || ('initializer' in parent && parent.initializer === node);
}
