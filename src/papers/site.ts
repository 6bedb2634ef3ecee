/** What a configuration makes of the gateway, in the terms of conformance: who it is, and which roles it has. */
import type {
  Config,
  DicomwebListenerConfig,
  DicomwebUpstreamConfig,
  DimseListenerConfig,
  DimseUpstreamConfig,
  RouteConfig,
  UpsUpstreamConfig,
} from '../config/schema.ts';
import { SOP_CLASSES } from '../dimse/uids.ts';
import { MPPS_NOTIFICATION } from '../services/mpps/notification.ts';
import { SERVICES } from '../services/port.ts';
import type { ServiceName } from '../services/port.ts';
import { STORAGE_COMMITMENT_PUSH_MODEL } from '../services/storage-commitment/attributes.ts';

export interface Site {
  readonly config: Config;
  /** Of the product. */
  readonly version: string;
  /** Where the configuration comes from, as it is printed. */
  readonly source: string;
}

export type Named<T> = readonly (readonly [name: string, part: T])[];

export function dimseListeners({ config }: Site): Named<DimseListenerConfig> {
  return Object.entries(config.listeners).flatMap(([name, one]) => (one.protocol === 'dimse' ? [[name, one]] : []));
}

export function webListeners({ config }: Site): Named<DicomwebListenerConfig> {
  return Object.entries(config.listeners).flatMap(([name, one]) => (one.protocol === 'dicomweb' ? [[name, one]] : []));
}

export function dimseUpstreams({ config }: Site): Named<DimseUpstreamConfig> {
  return Object.entries(config.upstreams).flatMap(([name, one]) => (one.protocol === 'dimse' ? [[name, one]] : []));
}

export function webUpstreams({ config }: Site): Named<DicomwebUpstreamConfig | UpsUpstreamConfig> {
  return Object.entries(config.upstreams).flatMap(([name, one]) =>
    one.protocol === 'dicomweb' || one.protocol === 'ups-rs' ? [[name, one]] : [],
  );
}

/** Routes a request of this listener may take. */
export function routesOf({ config }: Site, listener: string): RouteConfig[] {
  const protocol = config.listeners[listener]?.protocol;
  return config.routes.filter(({ from }) => {
    if (from.listener !== undefined) return from.listener === listener;
    const isOfDimse = from.callingAeTitles !== undefined || from.calledAeTitles !== undefined;
    return protocol === 'dimse' ? from.basePath === undefined : !isOfDimse;
  });
}

/** Services that some requester of the listener may have. */
export function servicesOf(site: Site, listener: string, basePath?: string): ServiceName[] {
  const routes = routesOf(site, listener).filter(
    ({ from }) => basePath === undefined || from.basePath === undefined || from.basePath === basePath,
  );
  const isWeb = site.config.listeners[listener]?.protocol === 'dicomweb';
  return SERVICES.filter((service) => routes.some((route) => route[service] !== undefined)).filter(
    (service) => service !== 'workitems' || isWeb,
  );
}

/** What the gateway asks of an upstream, by the service it asks for; `notifications`: it is told of MPPS. */
export type Asked = 'worklist' | 'mpps' | 'storageCommitment' | 'notifications';

export function askedOf({ config }: Site, upstream: string): ReadonlySet<Asked> {
  const asked = new Set<Asked>();
  for (const { worklist, mpps, storageCommitment, notifications } of config.routes) {
    if (worklist?.to.includes(upstream)) asked.add('worklist');
    if (mpps?.to === upstream || mpps?.forwardTo.some(({ to }) => to === upstream)) asked.add('mpps');
    if (storageCommitment?.to === upstream) asked.add('storageCommitment');
    if (notifications?.to.includes(upstream)) asked.add('notifications');
  }
  return asked;
}

/** Upstreams that notify of MPPS by themselves, and are listened to. */
export function notifiersOf(site: Site): string[] {
  const names = site.config.routes.flatMap(({ mpps, workitems, notifications }) =>
    mpps !== undefined && (workitems !== undefined || notifications?.source === 'upstream') ? [mpps.to] : [],
  );
  const dimse = new Set(dimseUpstreams(site).map(([name]) => name));
  return dimseListeners(site).length === 0 ? [] : [...new Set(names)].filter((name) => dimse.has(name));
}

export interface SopClass {
  readonly name: string;
  readonly uid: string;
  readonly scu: boolean;
  readonly scp: boolean;
}

/** The SOP classes of DIMSE, and in which role each is used. */
export function sopClasses(site: Site): SopClass[] {
  const isOffered = (service: ServiceName): boolean =>
    dimseListeners(site).some(([name]) => servicesOf(site, name).includes(service));
  const isAsked = (service: Asked): boolean => dimseUpstreams(site).some(([name]) => askedOf(site, name).has(service));
  const mpps = { scu: isAsked('mpps'), scp: isOffered('mpps') };
  return [
    {
      name: 'Verification',
      uid: SOP_CLASSES.verification,
      scu: dimseUpstreams(site).length > 0,
      scp: dimseListeners(site).length > 0,
    },
    {
      name: 'Modality Worklist Information Model - FIND',
      uid: SOP_CLASSES.modalityWorklist,
      scu: isAsked('worklist'),
      scp: isOffered('worklist'),
    },
    { name: 'Modality Performed Procedure Step', uid: SOP_CLASSES.mpps, ...mpps },
    { name: 'Modality Performed Procedure Step Retrieve', uid: SOP_CLASSES.mppsRetrieve, ...mpps },
    {
      name: 'Modality Performed Procedure Step Notification',
      uid: MPPS_NOTIFICATION,
      scu: notifiersOf(site).length > 0,
      scp: isAsked('notifications'),
    },
    {
      name: 'Storage Commitment Push Model',
      uid: STORAGE_COMMITMENT_PUSH_MODEL,
      scu: isAsked('storageCommitment'),
      scp: isOffered('storageCommitment'),
    },
  ];
}

export interface WebRole {
  readonly service: ServiceName;
  readonly name: string;
  readonly section: string;
  readonly originServer: boolean;
  readonly userAgent: boolean;
}

export const WEB_SERVICES: Readonly<Record<ServiceName, { readonly name: string; readonly section: string }>> = {
  worklist: { name: 'Modality Worklist', section: 'PS3.18 14 (Sup 246)' },
  mpps: { name: 'Modality Performed Procedure Step', section: 'PS3.18 15 (Sup 246)' },
  storageCommitment: { name: 'Storage Commitment', section: 'PS3.18 13 (Sup 234)' },
  workitems: { name: 'Worklist (UPS-RS)', section: 'PS3.18 11' },
};

/** The services of DICOMweb, and in which role each is used. */
export function webRoles(site: Site): WebRole[] {
  return SERVICES.map((service) => ({
    service,
    ...WEB_SERVICES[service],
    originServer: webListeners(site).some(([name]) => servicesOf(site, name).includes(service)),
    userAgent: webUpstreams(site).some(([name, { protocol }]) => {
      const asked = askedOf(site, name);
      if (protocol === 'ups-rs') return service === 'workitems' && asked.size > 0;
      return service !== 'workitems' && asked.has(service);
    }),
  }));
}

/** Routes by which an MPPS that is created or updated here as at an origin server goes on to another origin server. */
export function mirroringRoutes(site: Site): RouteConfig[] {
  const web = new Set(webUpstreams(site).flatMap(([name, { protocol }]) => (protocol === 'dicomweb' ? [name] : [])));
  const fromWeb = new Set(webListeners(site).flatMap(([name]) => routesOf(site, name)));
  return site.config.routes.filter(
    (route) =>
      fromWeb.has(route) &&
      route.mpps !== undefined &&
      [route.mpps.to, ...route.mpps.forwardTo.map(({ to }) => to)].some((name) => web.has(name)),
  );
}
