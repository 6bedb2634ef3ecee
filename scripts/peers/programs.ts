/** What the peer tests need from the machine, and where DCMTK's sample worklist lies. */
import { existsSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');

/** Command, and the Debian package that brings it. */
const PROGRAMS = {
  findscu: 'dcmtk',
  echoscu: 'dcmtk',
  storescp: 'dcmtk',
  wlmscpfs: 'dcmtk',
  dump2dcm: 'dcmtk',
  dcmodify: 'dcmtk',
  Orthanc: 'orthanc',
  'g++': 'g++',
  tshark: 'tshark',
  dumpcap: 'tshark',
  strace: 'strace',
  openssl: 'openssl',
  chromium: 'chromium',
  curl: 'curl',
  'systemd-analyze': 'systemd',
} as const;

const FILES = {
  '/usr/lib/postgresql': 'postgresql',
  '/usr/include/dcmtk/dcmnet/scp.h': 'libdcmtk-dev',
  '/usr/lib/python3/dist-packages/odil': 'python3-odil',
  '/usr/lib/python3/dist-packages/pydicom': 'python3-pydicom',
  '/usr/share/orthanc/plugins/libModalityWorklists.so': 'orthanc',
} as const;

/** Debian's Python: python3-odil and python3-pydicom belong to it. */
export const PYTHON = '/usr/bin/python3';

export const INSTALL_COMMAND = 'scripts/peers/install.sh';

/** Folder of a script beside this file. */
export const PEER_SCRIPTS = import.meta.dirname;

const EXAMPLE_FOLDERS = ['/usr/share/doc/dcmtk/examples', join(ROOT, 'node_modules/.cache/dcmtk-examples')];

/** The folder with DCMTK's `wlistdb` and `wlistqry`, undefined when it was not installed. */
export function findDcmtkExamples(): string | undefined {
  return EXAMPLE_FOLDERS.find((folder) => existsSync(join(folder, 'wlistqry')) && existsSync(join(folder, 'wlistdb')));
}

function isOnPath(command: string): boolean {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin'];
  return folders.some((folder) => statSync(join(folder, command), { throwIfNoEntry: false })?.isFile() === true);
}

/** Everything that is missing, as a person would name it; empty when the peer tests can run. */
export function findMissingPrograms(): string[] {
  const missing = Object.entries(PROGRAMS)
    .filter(([command]) => !isOnPath(command))
    .map(([command, source]) => `${command} (${source})`);
  for (const [file, source] of Object.entries(FILES)) {
    if (!existsSync(file)) missing.push(`${file} (${source})`);
  }
  if (findDcmtkExamples() === undefined) missing.push("DCMTK's sample worklist (dcmtk)");
  return missing;
}
