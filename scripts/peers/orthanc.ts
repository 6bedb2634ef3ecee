/** Orthanc with its worklist plugin: an MWL SCP over *.wl files, and an MWL SCU driven by REST. */
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { findFreePort, startProgram, type Running } from './process.ts';

export interface Orthanc {
  readonly running: Running;
  readonly port: number;
  readonly httpPort: number;
  readonly aeTitle: string;
  /** Queries a modality of its configuration for worklists (`/modalities/{name}/find-worklist`). */
  findWorklist(modality: string, query: unknown): Promise<unknown>;
}

/** `modalities`: name to AE title and loopback port. Answers in UTF-8. */
export async function startOrthanc(
  folder: string,
  worklistFiles: readonly string[],
  modalities: Readonly<Record<string, { aeTitle: string; port: number }>> = {},
): Promise<Orthanc> {
  const [port, httpPort] = [await findFreePort(), await findFreePort()];
  const aeTitle = 'ORTHANC';
  const worklists = join(folder, 'wl');
  await mkdir(worklists, { recursive: true });
  for (const file of worklistFiles) await copyFile(file, join(worklists, basename(file)));
  const configuration = {
    Name: aeTitle,
    StorageDirectory: join(folder, 'db'),
    IndexDirectory: join(folder, 'db'),
    Plugins: ['/usr/share/orthanc/plugins/libModalityWorklists.so'],
    Worklists: { Enable: true, Database: worklists, FilterIssuerAet: false, LimitAnswers: 0 },
    DicomServerEnabled: true,
    DicomAet: aeTitle,
    DicomCheckCalledAet: false,
    DicomPort: port,
    DicomAlwaysAllowEcho: true,
    DicomAlwaysAllowFind: true,
    DicomAlwaysAllowFindWorklist: true,
    DicomCheckModalityHost: false,
    DicomModalities: Object.fromEntries(
      Object.entries(modalities).map(([name, to]) => [name, [to.aeTitle, '127.0.0.1', to.port]]),
    ),
    DefaultEncoding: 'Utf8',
    HttpPort: httpPort,
    RemoteAccessAllowed: false,
    AuthenticationEnabled: false,
  };
  const file = join(folder, 'orthanc.json');
  await writeFile(file, JSON.stringify(configuration));
  const running = await startProgram('Orthanc', ['--verbose', file], { port: httpPort, deadlineMs: 30_000 });
  return {
    running,
    port,
    httpPort,
    aeTitle,
    findWorklist: async (modality, query) => {
      const url = `http://127.0.0.1:${httpPort}/modalities/${modality}/find-worklist`;
      const response = await fetch(url, { method: 'POST', body: JSON.stringify(query) });
      if (!response.ok) throw new Error(`Orthanc answered ${response.status}: ${await response.text()}`);
      return response.json();
    },
  };
}
