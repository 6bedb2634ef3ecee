/** What the console shows besides its own pages; it asks anew each time, since a reload replaces the parts. */
import type { Router } from 'express';
import { commitmentsApi } from './console/commitments-api.ts';
import { exceptionsApi } from './console/exceptions-api.ts';
import { metricsPage } from './console/metrics-page.ts';
import { spoolApi } from './console/spool-api.ts';
import { storeApi } from './console/store-api.ts';
import { worklistApi } from './console/worklist-api.ts';
import type { Logger } from './observe/log.ts';
import type { Observation } from './observe-parts.ts';
import type { Ris } from './ris/ris.ts';
import type { StoreServices } from './store-services.ts';
import type { Store } from './store/store.ts';

/** What an operator looks at and decides about. */
export interface Operated {
  readonly observation: Observation;
  readonly store: () => Store | undefined;
  readonly services: () => StoreServices | undefined;
  /** The embedded RIS by name. */
  readonly rises: () => ReadonlyMap<string, Ris>;
}

export function consoleRouters({ observation, store, services, rises }: Operated, log: Logger): Router[] {
  return [
    worklistApi({ rises, log }),
    exceptionsApi({ exceptions: () => store()?.exceptions, log }),
    spoolApi({ store, wake: (destination) => services()?.spool.wake(destination), log }),
    commitmentsApi({ store, wake: () => services()?.commitments.wake(), log }),
    storeApi({ store, log }),
    metricsPage(observation.metrics),
  ];
}
