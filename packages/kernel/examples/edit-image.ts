/**
 * Changes a file of a disk image that mke2fs made, in place:
 *
 *     mke2fs -t ext3 disk.img 16384
 *     npx tsx packages/kernel/examples/edit-image.ts disk.img
 *     e2fsck -fn disk.img
 */
import { createArenaMemory, openFileDisk } from '@hotpath/hw-x86/host';
import { openImage } from '@hotpath/kernel/ext2';

/** Appends a line to `/etc/motd`, made if it is not there; its contents then. */
export function editImage(path: string, line: string): string {
  const device = openFileDisk({ path, blockBytes: 1024 });
  try {
    const now = (): number => Date.now() * 1e6;
    const image = openImage({ device, memory: createArenaMemory(4 << 20), now });
    if (!image.exists('/etc')) image.mkdir('/etc');
    if (!image.exists('/etc/motd')) image.writeFile('/etc/motd', new Uint8Array(0));
    const { size } = image.stat('/etc/motd');
    image.writeAt(image.find('/etc/motd'), size, new TextEncoder().encode(`${line}\n`));
    const text = new TextDecoder().decode(image.readFile('/etc/motd'));
    image.close();
    return text;
  } finally {
    device.close();
  }
}

const [path] = process.argv.slice(2);
if (path !== undefined && process.argv[1]?.endsWith('edit-image.ts')) {
  console.log(editImage(path, 'changed by Hotpath'));
}
