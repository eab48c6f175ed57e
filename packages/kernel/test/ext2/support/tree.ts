/** A plain model of a tree of files, and the same tree as an image has it. */
import type { Ext2Image } from '../../../src/ext2/index.js';

export interface FileNode {
  kind: 'file';
  data: Uint8Array;
}
export interface DirectoryNode {
  kind: 'directory';
  children: Map<string, TreeNode>;
}
export interface LinkNode {
  kind: 'link';
  target: string;
}
export type TreeNode = FileNode | DirectoryNode | LinkNode;

export function emptyRoot(): DirectoryNode {
  return { kind: 'directory', children: new Map() };
}

/** Parent and last name of a path; null when the parent is no directory. */
export function parentOf(root: DirectoryNode, path: string): [DirectoryNode, string] | null {
  const parts = path.split('/').filter((part) => part !== '');
  const name = parts.pop() as string;
  let at: TreeNode = root;
  for (const part of parts) {
    const next: TreeNode | undefined = at.kind === 'directory' ? at.children.get(part) : undefined;
    if (next?.kind !== 'directory') return null;
    at = next;
  }
  return at.kind === 'directory' ? [at, name] : null;
}

/** Each path with what it is, sorted: equal texts are equal trees. */
export function describeModel(root: DirectoryNode): string[] {
  const lines: string[] = [];
  const walk = (node: TreeNode, path: string): void => {
    if (node.kind === 'directory') {
      lines.push(`${path}/`);
      for (const [name, child] of node.children) walk(child, `${path}/${name}`);
    } else if (node.kind === 'link') lines.push(`${path} -> ${node.target}`);
    else lines.push(`${path} ${describeBytes(node.data)}`);
  };
  walk(root, '');
  return lines.sort();
}

function describeBytes(bytes: Uint8Array): string {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return `${bytes.length} ${(hash >>> 0).toString(16)}`;
}

/** The same of an image, without lost+found. */
export function describeImage(image: Ext2Image): string[] {
  const lines: string[] = [];
  const walk = (path: string): void => {
    lines.push(`${path}/`);
    for (const { name, type } of image.list(path === '' ? '/' : path)) {
      const child = `${path}/${name}`;
      if (child === '/lost+found') continue;
      // Without file types in the directories only the inode tells.
      const kind = type === 0 ? image.stat(child).mode & 0o170000 : type;
      if (kind === 0o040000) walk(child);
      else if (kind === 0o120000) lines.push(`${child} -> ${image.readlink(child)}`);
      else lines.push(`${child} ${describeBytes(image.readFile(child))}`);
    }
  };
  walk('');
  return lines.sort();
}
