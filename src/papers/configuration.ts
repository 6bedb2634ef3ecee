/** PS3.2 N.6: what is set here, and what is set for each far end. */
import { durationText, heading, joined, table, text, yesNo } from './document.ts';
import type { Block } from './document.ts';
import { dimseListeners, dimseUpstreams, webListeners, webUpstreams } from './site.ts';
import type { Site } from './site.ts';

const PORTS = 'Every port and base URI can be set; port 0 stands for one that is chosen at the start.';

export function configuration(site: Site): Block[] {
  return [
    heading(2, 'N.6 DICOM configuration'),
    text('All of it is one file, which `dimseway check` reads; a reload puts it in place. What follows is what it holds now.'),
    heading(3, 'N.6.1 Local and remote parameters of DIMSE'),
    ...dimseParameters(site),
    heading(3, 'N.6.3 Local and remote parameters of DICOM web services'),
    heading(4, 'N.6.3.6 Modality Worklist, and N.6.3.7 Modality Performed Procedure Step'),
    text(`The services of one listener share base URI and port, Storage Commitment and UPS-RS too. ${PORTS} The base URI is without the resource.`),
    ...webParameters(site),
  ]; // prettier-ignore
}

function dimseParameters(site: Site): Block[] {
  return [
    table(
      'Local: listeners',
      ['Listener', 'AE titles', 'Address', 'Port', 'Secured port', 'Maximum PDU', 'Associations', 'ARTIM', 'Idle', 'Answer within'],
      dimseListeners(site).map(([name, one]) => [
        `\`${name}\``,
        joined(one.aeTitles),
        one.host,
        String(one.port),
        yesNo(one.tls !== undefined),
        String(one.maximumPduLength),
        String(one.maximumAssociations),
        durationText(one.timers.artim),
        durationText(one.timers.idle),
        durationText(one.timers.request),
      ]),
    ),
    table(
      'Local: who may associate',
      ['Listener', 'Calling AE titles', 'Addresses', 'Certificates', 'Of one calling AE title'],
      dimseListeners(site).map(([name, one]) => [
        `\`${name}\``,
        one.access.callingAeTitles === undefined ? 'any' : joined(one.access.callingAeTitles),
        one.access.addresses === undefined ? 'any' : joined(one.access.addresses),
        one.access.certificates === undefined ? 'any' : 'listed ones',
        one.maximumAssociationsPerCallingAeTitle === undefined
          ? 'any number of associations'
          : `${one.maximumAssociationsPerCallingAeTitle} associations`,
      ]),
    ),
    table(
      'Remote: upstreams',
      ['Upstream', 'AE title', 'Address', 'Port', 'Secured port', 'Calling AE title', 'Maximum PDU', 'Associations', 'Connect', 'Association', 'Response'],
      dimseUpstreams(site).map(([name, one]) => [
        `\`${name}\``,
        one.aeTitle,
        one.host,
        String(one.port),
        yesNo(one.tls !== undefined),
        one.callingAeTitle,
        String(one.maximumPduLength),
        String(one.pool.maximum),
        durationText(one.timers.connect),
        durationText(one.timers.association),
        durationText(one.timers.response),
      ]),
    ),
  ];
} // prettier-ignore

function webParameters(site: Site): Block[] {
  return [
    table(
      'Local: origin servers',
      ['Listener', 'Base URI', 'Port', 'Secured port', 'Connections', 'Longest URI', 'Largest body', 'Answer within'],
      webListeners(site).flatMap(([name, one]) =>
        one.basePaths.map((path) => [
          `\`${name}\``,
          `\`${baseUriOf(one, path)}\``,
          String(one.port),
          yesNo(one.tls !== undefined),
          String(one.maximumConnections),
          `${one.maximumUriLength} characters`,
          `${one.maximumBodySize} bytes; a request for storage commitment ${one.maximumCommitmentSize} bytes`,
          durationText(one.timers.request),
        ]),
      ),
    ),
    table(
      'Remote: servers that are called',
      ['Upstream', 'Base URI', 'Secured port', 'Connections', 'Connect', 'Response'],
      webUpstreams(site).map(([name, one]) => [
        `\`${name}\``,
        `\`${one.baseUrl}\``,
        yesNo(/^https:/i.test(one.baseUrl)),
        String(one.maximumConnections),
        durationText(one.timers.connect),
        durationText(one.timers.response),
      ]),
    ),
  ];
}

/** As this side knows it; a name in the network may be another. @param path without slash at its end */
export function baseUriOf(listener: { readonly host: string; readonly port: number; readonly tls?: unknown }, path: string): string {
  const host = listener.host.includes(':') ? `[${listener.host}]` : listener.host;
  return `http${listener.tls === undefined ? '' : 's'}://${host}:${listener.port}${path}`;
} // prettier-ignore
