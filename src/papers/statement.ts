/** The DICOM conformance statement of a site, in the layout of PS3.2 Annex N. */
import { configuration } from './configuration.ts';
import { associations, dimseStatuses } from './dimse-communication.ts';
import { dimseServices, serviceMapping } from './dimse-services.ts';
import { heading } from './document.ts';
import type { Block } from './document.ts';
import { implementationModel, introduction, overview } from './overview.ts';
import { security } from './security.ts';
import type { Site } from './site.ts';
import { webStatuses } from './web-communication.ts';
import { webServices } from './web-services.ts';

/** @returns the whole paper; it has no secret of the configuration, and nothing that changes from day to day */
export function conformanceStatement(site: Site): Block[] {
  return [
    heading(1, 'DICOM Conformance Statement'),
    ...overview(site),
    ...introduction(site),
    ...implementationModel(site),
    heading(2, 'N.5 Service and interoperability description'),
    ...serviceMapping(site),
    ...dimseServices(site),
    ...webServices(site),
    heading(3, 'N.5.4 Supported media storage services'),
    { kind: 'text', text: 'None.' },
    ...configuration(site),
    ...associations(),
    ...dimseStatuses(site),
    ...webStatuses(site),
    ...security(site),
  ];
}
